//! The tray's icon: a [`Glance`] as a StatusNotifierItem with a menu (ksni). Clicks become orders.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;
use ksni::blocking::{Handle, TrayMethods as _};
use ksni::menu::{CheckmarkItem, StandardItem, SubMenu};
use ksni::{Category, Icon, MenuItem, OfflineReason, Status, ToolTip};

use super::Order;
use super::deed::Deed;
use super::glance::{Entry, Glance};
use crate::spooler::Wake;

/// Sizes of the icon, in pixels: panels from small to large, at one and two device pixels each.
const SIZES: [u16; 4] = [22, 32, 48, 64];

/// The icon, wherever it is shown. Hosts come and go.
pub(super) struct Tray(Handle<Item>);

impl Tray {
    /// Puts the icon out. `None`: this session has no bus. `there` tells whether a host shows it; `wake` is called when
    /// that changes.
    pub(super) fn put_out(orders: Sender<Order>, there: &Arc<AtomicBool>, wake: Wake) -> Option<Self> {
        // A host that is not there turns this off before the icon is out.
        there.store(true, Ordering::Relaxed);
        let item = Item { glance: Glance::default(), orders, there: Arc::clone(there), wake };
        match item.assume_sni_available(true).spawn() {
            Ok(handle) => Some(Self(handle)),
            Err(error) => {
                there.store(false, Ordering::Relaxed);
                tracing::info!("there is no tray: {error}");
                None
            }
        }
    }

    /// Shows this from now on.
    pub(super) fn show(&self, glance: Glance) {
        self.0.update(|item| item.glance = glance);
    }

    /// Takes the icon in.
    pub(super) fn take_in(&self) {
        self.0.shutdown().wait();
    }
}

/// The icon, as ksni sees it.
struct Item {
    glance: Glance,
    orders: Sender<Order>,
    there: Arc<AtomicBool>,
    wake: Wake,
}

impl Item {
    fn ask(&self, deed: Deed) {
        // A desk that is cleared belongs to a program that ends.
        self.orders.send(Order::Do(deed)).ok();
    }

    fn tell(&self, there: bool) {
        self.there.store(there, Ordering::Relaxed);
        (self.wake)();
    }
}

impl ksni::Tray for Item {
    fn id(&self) -> String {
        "mailsluice".to_owned()
    }

    fn title(&self) -> String {
        "Mailsluice".to_owned()
    }

    fn category(&self) -> Category {
        Category::Communications
    }

    fn status(&self) -> Status {
        if self.glance.emblem.attention { Status::NeedsAttention } else { Status::Active }
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        SIZES.into_iter().map(|size| icon(self.glance.emblem.rgba(size), size)).collect()
    }

    fn attention_icon_pixmap(&self) -> Vec<Icon> {
        self.icon_pixmap()
    }

    fn tool_tip(&self) -> ToolTip {
        ToolTip {
            title: self.glance.title.clone(),
            // Hosts read it as markup, and some take a line's end for a space.
            description: self.glance.lines.iter().map(|line| super::escaped(line)).collect::<Vec<_>>().join(".\n"),
            ..ToolTip::default()
        }
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        self.glance.menu.iter().map(item).collect()
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        self.ask(Deed::Open);
    }

    fn secondary_activate(&mut self, _x: i32, _y: i32) {
        self.ask(Deed::flush_all());
    }

    fn watcher_online(&self) {
        self.tell(true);
    }

    fn watcher_offline(&self, _reason: OfflineReason) -> bool {
        self.tell(false);
        true
    }
}

/// Red, green, blue, alpha becomes alpha, red, green, blue.
fn icon(mut data: Vec<u8>, size: u16) -> Icon {
    for pixel in data.chunks_exact_mut(4) {
        pixel.rotate_right(1);
    }
    Icon { width: size.into(), height: size.into(), data }
}

fn item(entry: &Entry) -> MenuItem<Item> {
    match entry {
        Entry::Do { word, deed, enabled } => {
            StandardItem { label: label(word), enabled: *enabled, activate: doing(deed), ..StandardItem::default() }
                .into()
        }
        Entry::Switch { word, on, deed, enabled } => CheckmarkItem {
            label: label(word),
            enabled: *enabled,
            checked: *on,
            activate: doing(deed),
            ..CheckmarkItem::default()
        }
        .into(),
        Entry::More { word, entries } => {
            SubMenu { label: label(word), submenu: entries.iter().map(item).collect(), ..SubMenu::default() }.into()
        }
        Entry::Line => MenuItem::Separator,
    }
}

fn doing(deed: &Deed) -> Box<dyn Fn(&mut Item) + Send> {
    let deed = deed.clone();
    Box::new(move |item| item.ask(deed.clone()))
}

/// A single underscore would mark a key.
fn label(word: &str) -> String {
    word.replace('_', "__")
}
