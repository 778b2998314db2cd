//! The profile's schedule, kept: which plan is due, which may run where the machine is just now, and when to look again.
//!
//! A run that may not be done when it is due (another network, a metered line, quiet hours) is not left out: it is done
//! once it may. Everything here is a function of the time and of what was told; there is no clock and no bus in it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::input::Now;
use super::state::Facts;
use crate::mapi::FlushFlags;
use crate::profile::{self, Plan, Quiet};
use crate::spool::Seconds;
use crate::spooler::protocol::Network;

const DAY: i64 = 24 * 60;

/// See the module.
#[derive(Debug)]
pub(super) struct Schedule {
    plans: Vec<Planned>,
    /// Something was said of the network, if only that nobody knows.
    has_heard: bool,
    network: Option<Network>,
    zone: TimeZone,
}

#[derive(Debug)]
struct Planned {
    plan: Plan,
    /// The transports' indices.
    targets: Vec<usize>,
    /// They are of no use without a network. A plan for some that are and some that are not is kept as two.
    needs_network: bool,
    /// When it is due; `None`: not by itself.
    next: Option<Seconds>,
}

/// A run that is to begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The transports' indices.
    pub targets: Vec<usize>,
    /// The directions.
    pub flags: FlushFlags,
}

/// What a word about the network changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// Something.
    Other,
    /// The network is back, or is another one.
    Came,
}

/// What makes plans due beside the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The spooler has started.
    Start,
    /// The machine slept and is awake.
    Resume,
    /// The network came back, or is another.
    Network,
}

impl Schedule {
    /// The schedule of these transports.
    pub(super) fn new(schedule: &profile::Schedule, transports: &[Facts], zone: Option<TimeZone>) -> Self {
        let planned = |plan: &Plan, needs_network: bool| {
            let is_meant = |facts: &Facts| {
                facts.needs_network == needs_network && !facts.skips_no_ui && plan.transports.contains(&facts.name)
            };
            let targets = (0..transports.len()).filter(|index| transports.get(*index).is_some_and(is_meant)).collect();
            Planned { plan: plan.clone(), targets, needs_network, next: None }
        };
        let both = schedule.plans.iter().flat_map(|plan| [planned(plan, false), planned(plan, true)]);
        let plans = both.filter(|planned| !planned.targets.is_empty()).collect();
        Self { plans, has_heard: false, network: None, zone: zone.unwrap_or(TimeZone::UTC) }
    }

    /// Begins to count.
    pub(super) fn begin(&mut self, now: Now) {
        for planned in &mut self.plans {
            planned.plan_next(now);
        }
        self.make_due(Occasion::Start, now);
    }

    /// Makes those plans due that want a run on this occasion.
    pub(super) fn make_due(&mut self, occasion: Occasion, now: Now) {
        for planned in &mut self.plans {
            let wants = match occasion {
                Occasion::Start => planned.plan.on_start,
                Occasion::Resume => planned.plan.on_resume,
                Occasion::Network => planned.plan.on_network,
            };
            if wants {
                planned.next = Some(now.wall);
            }
        }
    }

    /// Takes in what the network is like; `None`: nobody knows. What is told first is how things are, and nothing that
    /// happened.
    pub(super) fn network(&mut self, network: Option<Network>, now: Now) -> Change {
        let had_heard = std::mem::replace(&mut self.has_heard, true);
        let before = std::mem::replace(&mut self.network, network);
        if had_heard && before == self.network {
            return Change::None;
        }
        match (&before, &self.network) {
            (Some(before), Some(network)) if network.online && (!before.online || before.name != network.name) => {
                self.make_due(Occasion::Network, now);
                Change::Came
            }
            _ => Change::Other,
        }
    }

    /// The runs that are due and may be done. They are planned anew.
    pub(super) fn take_due(&mut self, now: Now) -> Vec<Due> {
        let Self { plans, has_heard, network, zone } = self;
        let mut due = Vec::new();
        for planned in plans {
            let is_due = planned.next.is_some_and(|next| next <= now.wall);
            if is_due
                && planned.suits(*has_heard, network.as_ref())
                && quiet_until(&planned.plan.quiet, now.wall, zone).is_none()
            {
                planned.plan_next(now);
                due.push(planned.due());
            }
        }
        due
    }

    /// The runs that the profile wants before the end. Whoever ends the program is there: quiet hours don't count.
    pub(super) fn at_the_end(&self) -> Vec<Due> {
        let wanted = self.plans.iter().filter(|planned| planned.plan.on_exit && self.suits(planned));
        wanted.map(Planned::due).collect()
    }

    /// When the next run begins, if time alone decides that.
    pub(super) fn next(&self, now: Now) -> Option<Seconds> {
        let at = |planned: &Planned| {
            // What is overdue and may be done is done in this moment.
            Some(self.after_quiet(&planned.plan.quiet, planned.next?.max(now.wall)))
        };
        self.plans.iter().filter(|planned| self.suits(planned)).filter_map(at).min()
    }

    /// When a transport may be tried again by itself, if it were due at this time; `None`: not on this network.
    pub(super) fn may_retry(&self, index: usize, at: Seconds) -> Option<Seconds> {
        let mut plans = self.plans.iter().filter(|planned| planned.targets.contains(&index)).peekable();
        if plans.peek().is_none() {
            return Some(at);
        }
        plans.filter(|planned| self.suits(planned)).map(|planned| self.after_quiet(&planned.plan.quiet, at)).min()
    }

    fn suits(&self, planned: &Planned) -> bool {
        planned.suits(self.has_heard, self.network.as_ref())
    }

    /// This time, or the end of the quiet hours that it falls into.
    fn after_quiet(&self, quiet: &[Quiet], at: Seconds) -> Seconds {
        quiet_until(quiet, at, &self.zone).unwrap_or(at)
    }
}

impl Planned {
    fn plan_next(&mut self, now: Now) {
        self.next = self.plan.every.map(|every| now.wall + every.as_secs().cast_signed());
    }

    /// Whether it may run on this network. Before the first word about it, nothing runs that needs one or is choosy; and
    /// where nobody knows, it is there, free, and not one that was chosen.
    fn suits(&self, has_heard: bool, network: Option<&Network>) -> bool {
        let Plan { networks, metered, .. } = &self.plan;
        let Some(network) = network else {
            let is_choosy = self.needs_network || !metered;
            return networks.is_empty() && (has_heard || !is_choosy);
        };
        (network.online || !self.needs_network && networks.is_empty())
            && (networks.is_empty() || networks.contains(&network.name))
            && (*metered || !network.metered)
    }

    fn due(&self) -> Due {
        let mut flags = FlushFlags::empty();
        flags.set(FlushFlags::FLUSH_UPLOAD, self.plan.outgoing);
        flags.set(FlushFlags::FLUSH_DOWNLOAD, self.plan.incoming);
        Due { targets: self.targets.clone(), flags }
    }
}

/// When the quiet hours end that this time falls into; `None`: into none. On a day that the clocks are changed it may be
/// an hour off, and is looked at again then.
fn quiet_until(quiet: &[Quiet], at: Seconds, zone: &TimeZone) -> Option<Seconds> {
    if quiet.is_empty() {
        return None;
    }
    let clock = Timestamp::from_second(at).ok()?.to_zoned(zone.clone());
    let minute = i64::from(clock.hour()) * 60 + i64::from(clock.minute());
    let left = |span: &Quiet| {
        let (from, to) = (i64::from(span.from), i64::from(span.to));
        let (since, length) = ((minute - from).rem_euclid(DAY), (to - from).rem_euclid(DAY));
        (since < length).then(|| (length - since) * 60 - i64::from(clock.second()))
    };
    quiet.iter().filter_map(left).max().map(|left| at + left)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Monday, 23 November 2026, 21:00 UTC.
    const EVENING: i64 = 1_795_467_600;

    fn at(wall: i64) -> Now {
        Now { wall, mono: Duration::ZERO }
    }

    fn plan(transports: &[&str]) -> Plan {
        Plan { transports: transports.iter().map(|&name| name.to_owned()).collect(), ..Plan::default() }
    }

    fn of(plans: Vec<Plan>) -> Schedule {
        let facts =
            ["a", "b", "c"].map(|name| Facts { needs_network: name == "c", ..super::super::tests::facts(name) });
        let mut schedule = Schedule::new(&profile::Schedule { plans }, &facts, None);
        schedule.begin(at(EVENING));
        schedule
    }

    fn every(minutes: u64, plan: Plan) -> Plan {
        Plan { every: Some(Duration::from_secs(minutes * 60)), ..plan }
    }

    fn net(name: &str, metered: bool) -> Network {
        Network { online: !name.is_empty(), name: name.to_owned(), metered }
    }

    #[test]
    fn groups_have_their_own_intervals_and_directions() {
        let receive = Plan { outgoing: false, ..every(60, plan(&["a"])) };
        let send = Plan { incoming: false, ..every(5, plan(&["b", "a"])) };
        let mut schedule = of(vec![receive, send]);
        assert_eq!(schedule.next(at(EVENING)), Some(EVENING + 300));
        assert_eq!(schedule.take_due(at(EVENING + 299)), []);
        let five = schedule.take_due(at(EVENING + 300));
        assert_eq!(five, [Due { targets: vec![0, 1], flags: FlushFlags::FLUSH_UPLOAD }]);
        let hour = schedule.take_due(at(EVENING + 3600));
        assert_eq!(hour.len(), 2);
        assert_eq!(hour[0], Due { targets: vec![0], flags: FlushFlags::FLUSH_DOWNLOAD });
    }

    #[test]
    fn quiet_hours_put_off_until_they_end_over_midnight_too() {
        let night = Quiet { from: 22 * 60, to: 7 * 60 };
        let mut schedule = of(vec![Plan { quiet: vec![night], ..every(90, plan(&["a"])) }]);
        let morning = EVENING + 10 * 3600;
        // Due at half past ten: said beforehand to be at seven.
        assert_eq!(schedule.next(at(EVENING)), Some(morning));
        assert_eq!(schedule.take_due(at(EVENING + 5400)), []);
        assert_eq!(schedule.take_due(at(morning - 1)), []);
        assert_eq!(schedule.take_due(at(morning)).len(), 1);
        assert_eq!(schedule.next(at(morning)), Some(morning + 5400));
        assert_eq!(schedule.may_retry(0, EVENING + 3600), Some(morning));
        assert_eq!(schedule.may_retry(1, EVENING + 3600), Some(EVENING + 3600), "it is in no plan");
        // By the clock on the wall: in Berlin it is ten o'clock already.
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(quiet_until(&[night], EVENING, &berlin), Some(EVENING + 9 * 3600));
        assert_eq!(quiet_until(&[night], EVENING, &TimeZone::UTC), None);
    }

    #[test]
    fn what_the_network_forbids_is_made_up_when_it_allows_it() {
        let home = Plan { networks: vec!["home".to_owned()], metered: false, ..every(5, plan(&["a"])) };
        let mut schedule = of(vec![home]);
        let later = at(EVENING + 300);
        assert_eq!(schedule.next(at(EVENING)), None, "nobody says that this is home");
        assert_eq!(schedule.take_due(later), []);
        for elsewhere in [Some(net("train", false)), Some(net("home", true)), Some(net("", false))] {
            assert_ne!(schedule.network(elsewhere, later), Change::None);
            assert_eq!(schedule.take_due(later), []);
            assert_eq!(schedule.may_retry(0, EVENING), None);
        }
        assert_eq!(schedule.network(Some(net("home", false)), later), Change::Came);
        assert_eq!(schedule.next(later), Some(later.wall));
        assert_eq!(schedule.take_due(later).len(), 1);
        assert_eq!(schedule.network(Some(net("home", false)), later), Change::None);
        assert_eq!(schedule.take_due(later), []);
    }

    #[test]
    fn the_network_that_comes_back_or_is_another_is_an_occasion_and_the_first_word_of_it_none() {
        let mut schedule = of(vec![Plan { on_network: true, ..plan(&["a"]) }, plan(&["b"])]);
        for (network, runs) in [
            (Some(net("home", false)), 0),
            (Some(net("", false)), 0),
            (Some(net("home", false)), 1),
            (Some(net("home", true)), 0),
            (Some(net("train", true)), 1),
        ] {
            schedule.network(network.clone(), at(EVENING));
            assert_eq!(schedule.take_due(at(EVENING)).len(), runs, "{network:?}");
        }
    }

    #[test]
    fn what_needs_a_network_waits_for_one_and_the_rest_of_its_plan_does_not() {
        let mut schedule = of(vec![Plan { on_start: true, on_resume: true, ..every(60, plan(&["a", "c"])) }]);
        let now = at(EVENING);
        let due =
            |target| [Due { targets: vec![target], flags: FlushFlags::FLUSH_UPLOAD | FlushFlags::FLUSH_DOWNLOAD }];
        assert_eq!(schedule.take_due(now), due(0), "nothing was said of the network yet");
        assert_eq!(schedule.may_retry(2, EVENING), None);
        assert_eq!(schedule.network(None, now), Change::Other);
        assert_eq!(schedule.take_due(now), due(2), "nobody knows: as if there were one");
        schedule.network(Some(net("", false)), now);
        schedule.make_due(Occasion::Resume, now);
        assert_eq!(schedule.take_due(now), due(0));
        assert_eq!(schedule.next(now), Some(EVENING + 3600));
        assert_eq!((schedule.may_retry(0, EVENING), schedule.may_retry(2, EVENING)), (Some(EVENING), None));
        assert_eq!(schedule.network(Some(net("home", false)), now), Change::Came);
        assert_eq!(schedule.take_due(now), due(2), "made up after the sleep");
        assert_eq!(schedule.network(None, now), Change::Other, "NetworkManager ends, the network may not");
        assert_eq!(schedule.network(Some(net("home", false)), now), Change::Other, "and is there again");
    }

    #[test]
    fn start_and_end() {
        let both = Plan { on_start: true, on_exit: true, metered: false, ..plan(&["a"]) };
        let mut schedule = of(vec![both, plan(&["b"])]);
        assert_eq!(schedule.take_due(at(EVENING)), [], "it may cost");
        schedule.network(None, at(EVENING));
        assert_eq!(schedule.take_due(at(EVENING)).len(), 1);
        assert_eq!(schedule.next(at(EVENING)), None, "once");
        assert_eq!(schedule.at_the_end().len(), 1);
        schedule.network(Some(net("train", true)), at(EVENING));
        assert_eq!(schedule.at_the_end(), []);
    }
}
