//! The program's emblem, drawn: an envelope on a blue plate. It is the window's icon, and the tray's, where it also says
//! the state: grey while nothing may go, a bar while something does, a red dot when a person is needed.
//!
//! Drawn and not loaded, because the bar moves, every host wants another size, and no icon theme needs to know of it.

/// What the emblem says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Emblem {
    /// Nothing is sent or received.
    pub offline: bool,
    /// What is at work.
    pub work: Work,
    /// A person is needed.
    pub attention: bool,
}

/// What is at work.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Work {
    /// Nothing.
    #[default]
    Nothing,
    /// Something, and nobody knows how far it is.
    Something,
    /// So much of it is done, from 0 to 1.
    Share(f32),
}

type Point = (f32, f32);
type Colour = [f32; 3];

const PLATE: Colour = [10.0, 100.0, 188.0];
const PLATE_OFFLINE: Colour = [104.0, 114.0, 128.0];
const PAPER: Colour = [255.0, 255.0, 255.0];
const DOT: Colour = [192.0, 38.0, 44.0];

/// Where the bar begins and ends.
const BAR: (f32, f32) = (0.2, 0.8);

impl Emblem {
    /// The picture, `size` pixels square: red, green, blue, alpha (not premultiplied), row by row.
    pub(super) fn rgba(&self, size: u16) -> Vec<u8> {
        let edge = f32::from(size);
        let places = (0..size).flat_map(|y| (0..size).map(move |x| (x, y)));
        let middle = |pixel: u16| (f32::from(pixel) + 0.5) / edge;
        places.flat_map(|(x, y)| self.pixel((middle(x), middle(y)), edge)).collect()
    }

    /// One pixel: the layers from the plate up. All measures are shares of the edge.
    fn pixel(&self, at: Point, edge: f32) -> [u8; 4] {
        let covers = |distance: f32| (0.5 - distance * edge).clamp(0.0, 1.0);
        let plate = if self.offline { PLATE_OFFLINE } else { PLATE };
        let mut ink = Ink { colour: plate, alpha: covers(plate_distance(at)) };
        ink.lay(PAPER, covers(slab(at, (0.5, 0.45), (0.31, 0.21), 0.05)));
        let fold = segment(at, (0.22, 0.29), (0.5, 0.5)).min(segment(at, (0.5, 0.5), (0.78, 0.29)));
        ink.lay(plate, covers(fold - 0.028));
        let done = match self.work {
            Work::Nothing => None,
            Work::Something => Some((0.4, 0.6)),
            Work::Share(done) => Some((BAR.0, BAR.0 + (BAR.1 - BAR.0) * done.clamp(0.0, 1.0))),
        };
        if let Some((from, to)) = done {
            ink.lay(PAPER, 0.35 * covers(segment(at, (BAR.0, 0.81), (BAR.1, 0.81)) - 0.05));
            ink.lay(PAPER, covers(segment(at, (from, 0.81), (to, 0.81)) - 0.05));
        }
        if self.attention {
            ink.lay(PAPER, covers(length(at, (0.79, 0.21)) - 0.21));
            ink.lay(DOT, covers(length(at, (0.79, 0.21)) - 0.17));
        }
        ink.bytes()
    }
}

/// A colour that layers are laid on.
struct Ink {
    colour: Colour,
    alpha: f32,
}

impl Ink {
    fn lay(&mut self, colour: Colour, covers: f32) {
        let alpha = covers + self.alpha * (1.0 - covers);
        if alpha > 0.0 {
            for (below, above) in self.colour.iter_mut().zip(colour) {
                *below = (above * covers + *below * self.alpha * (1.0 - covers)) / alpha;
            }
        }
        self.alpha = alpha;
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and it is a colour")]
    fn bytes(&self) -> [u8; 4] {
        let [red, green, blue] = self.colour.map(|part| part.round() as u8);
        [red, green, blue, (self.alpha * 255.0).round() as u8]
    }
}

fn length(a: Point, b: Point) -> f32 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

fn plate_distance(at: Point) -> f32 {
    slab(at, (0.5, 0.5), (0.47, 0.47), 0.2)
}

/// How far a point is outside a slab with round corners; below zero inside.
fn slab(at: Point, middle: Point, half: (f32, f32), round: f32) -> f32 {
    let (x, y) = ((at.0 - middle.0).abs() - half.0 + round, (at.1 - middle.1).abs() - half.1 + round);
    x.max(0.0).hypot(y.max(0.0)) + x.max(y).min(0.0) - round
}

/// How far a point is from a line.
fn segment(at: Point, from: Point, to: Point) -> f32 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let square = dx * dx + dy * dy;
    let share = if square > 0.0 { ((at.0 - from.0) * dx + (at.1 - from.1) * dy) / square } else { 0.0 };
    let share = share.clamp(0.0, 1.0);
    length(at, (from.0 + dx * share, from.1 + dy * share))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(emblem: Emblem, at: Point) -> [u8; 4] {
        emblem.pixel(at, 64.0)
    }

    #[test]
    fn each_state_looks_another_way() {
        let idle = Emblem::default();
        assert_eq!(pixel(idle, (0.1, 0.5)), [10, 100, 188, 255], "the plate");
        assert_eq!(pixel(idle, (0.01, 0.01))[3], 0, "nothing outside its corners");
        assert_eq!(pixel(idle, (0.5, 0.6)), [255, 255, 255, 255], "the paper");
        let running = Emblem { work: Work::Share(0.5), ..idle };
        assert_eq!(pixel(running, (0.3, 0.81)), [255, 255, 255, 255], "done");
        assert_ne!(pixel(running, (0.7, 0.81)), [255, 255, 255, 255], "still to do");
        assert_ne!(pixel(running, (0.7, 0.81)), pixel(idle, (0.7, 0.81)), "the bar is there");
        assert_eq!(pixel(Emblem { attention: true, ..idle }, (0.8, 0.2)), [192, 38, 44, 255]);
        assert_eq!(pixel(Emblem { offline: true, ..idle }, (0.1, 0.5)), [104, 114, 128, 255]);
    }

    #[test]
    fn a_picture_has_four_bytes_for_each_pixel() {
        assert_eq!(Emblem::default().rgba(22).len(), 22 * 22 * 4);
    }
}
