//! The profile's schedule, kept: which plan is due, which may run where the machine is just now, and when to look again.
//!
//! A run that may not be done when it is due (another network, a metered line, quiet hours) is not left out: it is done
//! once it may. Everything here is a function of the time and of what was told; there is no clock and no bus in it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::input::Now;
use crate::mapi::FlushFlags;
use crate::profile::{self, Plan, Quiet};
use crate::spool::Seconds;
use crate::spooler::protocol::Network;

const DAY: i64 = 24 * 60;

/// See the module.
#[derive(Debug)]
pub(super) struct Schedule {
    plans: Vec<Planned>,
    network: Option<Network>,
    zone: TimeZone,
}

#[derive(Debug)]
struct Planned {
    plan: Plan,
    /// The transports' indices.
    targets: Vec<usize>,
    /// When it is due; `None`: not by itself.
    next: Option<Seconds>,
    /// It is of no use before there is a network.
    needs_network: bool,
}

/// A run that is to begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The transports' indices.
    pub targets: Vec<usize>,
    /// The directions.
    pub flags: FlushFlags,
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
    /// A schedule whose transports have these names, in their order.
    pub(super) fn new(schedule: profile::Schedule, names: &[&str], zone: Option<TimeZone>) -> Self {
        let planned = |plan: Plan| Planned {
            targets: (0..names.len())
                .filter(|index| plan.transports.iter().any(|name| names.get(*index).is_some_and(|own| own == name)))
                .collect(),
            plan,
            next: None,
            needs_network: false,
        };
        let plans = schedule.plans.into_iter().map(planned).collect();
        Self { plans, network: None, zone: zone.unwrap_or(TimeZone::UTC) }
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
        let offline = self.network.as_ref().is_some_and(|network| !network.online);
        for planned in &mut self.plans {
            let wants = match occasion {
                Occasion::Start => planned.plan.on_start,
                Occasion::Resume => planned.plan.on_resume,
                Occasion::Network => planned.plan.on_network,
            };
            if wants {
                planned.next = Some(now.wall);
                planned.needs_network = occasion == Occasion::Resume && offline;
            }
        }
    }

    /// Takes in what the network is like. Gives whether that is news.
    pub(super) fn network(&mut self, network: Network, now: Now) -> bool {
        let before = self.network.replace(network.clone());
        // What is told first is how things are, and nothing that happened.
        let came = before.as_ref().is_some_and(|before| !before.online || before.name != network.name);
        if network.online {
            for planned in &mut self.plans {
                planned.needs_network = false;
            }
            if came {
                self.make_due(Occasion::Network, now);
            }
        }
        before != Some(network)
    }

    /// The runs that are due and may be done. They are planned anew.
    pub(super) fn take_due(&mut self, now: Now) -> Vec<Due> {
        let Self { plans, network, zone } = self;
        let mut due = Vec::new();
        for planned in plans {
            let is_due = planned.next.is_some_and(|next| next <= now.wall) && !planned.needs_network;
            if is_due
                && suits(&planned.plan, network.as_ref())
                && quiet_until(&planned.plan.quiet, now.wall, zone).is_none()
            {
                planned.plan_next(now);
                due.extend(planned.due());
            }
        }
        due
    }

    /// The runs that the profile wants before the end. Whoever ends the program is there: quiet hours don't count.
    pub(super) fn at_the_end(&self) -> Vec<Due> {
        let wanted = self.plans.iter().filter(|of| of.plan.on_exit && suits(&of.plan, self.network.as_ref()));
        wanted.filter_map(Planned::due).collect()
    }

    /// When the next run begins, if time alone decides that.
    pub(super) fn next(&self, now: Now) -> Option<Seconds> {
        let can = |planned: &&Planned| {
            !planned.needs_network && !planned.targets.is_empty() && suits(&planned.plan, self.network.as_ref())
        };
        let at = |planned: &Planned| {
            // What is overdue and may be done is done in this moment.
            Some(self.after_quiet(&planned.plan.quiet, planned.next?.max(now.wall)))
        };
        self.plans.iter().filter(can).filter_map(at).min()
    }

    /// When a transport may be tried again by itself, if it were due at this time; `None`: not on this network.
    pub(super) fn may_retry(&self, index: usize, at: Seconds) -> Option<Seconds> {
        let mut plans = self.plans.iter().filter(|planned| planned.targets.contains(&index)).peekable();
        if plans.peek().is_none() {
            return Some(at);
        }
        plans
            .filter(|planned| suits(&planned.plan, self.network.as_ref()))
            .map(|planned| self.after_quiet(&planned.plan.quiet, at))
            .min()
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

    fn due(&self) -> Option<Due> {
        let mut flags = FlushFlags::empty();
        flags.set(FlushFlags::FLUSH_UPLOAD, self.plan.outgoing);
        flags.set(FlushFlags::FLUSH_DOWNLOAD, self.plan.incoming);
        (!self.targets.is_empty()).then(|| Due { targets: self.targets.clone(), flags })
    }
}

/// Whether a plan is for this network. Where nobody tells what it is like, it is not one that was chosen, and free.
fn suits(plan: &Plan, network: Option<&Network>) -> bool {
    let chosen = plan.networks.is_empty()
        || network.is_some_and(|network| network.online && plan.networks.contains(&network.name));
    chosen && (plan.metered || !network.is_some_and(|network| network.metered))
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
        let mut schedule = Schedule::new(profile::Schedule { plans }, &["a", "b", "c"], None);
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
        let send = Plan { incoming: false, ..every(5, plan(&["c", "a"])) };
        let mut schedule = of(vec![receive, send]);
        assert_eq!(schedule.next(at(EVENING)), Some(EVENING + 300));
        assert_eq!(schedule.take_due(at(EVENING + 299)), []);
        let five = schedule.take_due(at(EVENING + 300));
        assert_eq!(five, [Due { targets: vec![0, 2], flags: FlushFlags::FLUSH_UPLOAD }]);
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
        for elsewhere in [net("train", false), net("home", true), net("", false)] {
            assert!(schedule.network(elsewhere, later));
            assert_eq!(schedule.take_due(later), []);
            assert_eq!(schedule.may_retry(0, EVENING), None);
        }
        assert!(schedule.network(net("home", false), later));
        assert_eq!(schedule.next(later), Some(later.wall));
        assert_eq!(schedule.take_due(later).len(), 1);
        assert!(!schedule.network(net("home", false), later), "no news");
        assert_eq!(schedule.take_due(later), []);
    }

    #[test]
    fn the_network_that_comes_back_or_is_another_is_an_occasion_and_the_first_word_of_it_none() {
        let mut schedule = of(vec![Plan { on_network: true, ..plan(&["a"]) }, plan(&["b"])]);
        for (network, runs) in [
            (net("home", false), 0),
            (net("", false), 0),
            (net("home", false), 1),
            (net("home", true), 0),
            (net("train", true), 1),
        ] {
            schedule.network(network.clone(), at(EVENING));
            assert_eq!(schedule.take_due(at(EVENING)).len(), runs, "{network:?}");
        }
    }

    #[test]
    fn after_a_sleep_the_run_waits_for_the_network_where_there_is_none_yet() {
        let mut schedule = of(vec![Plan { on_resume: true, ..plan(&["a"]) }]);
        schedule.make_due(Occasion::Resume, at(EVENING));
        assert_eq!(schedule.take_due(at(EVENING)).len(), 1, "nobody tells of the network");
        schedule.network(net("", false), at(EVENING));
        schedule.make_due(Occasion::Resume, at(EVENING));
        assert_eq!((schedule.take_due(at(EVENING)), schedule.next(at(EVENING))), (vec![], None));
        schedule.network(net("home", false), at(EVENING));
        assert_eq!(schedule.take_due(at(EVENING)).len(), 1);
    }

    #[test]
    fn start_and_end() {
        let both = Plan { on_start: true, on_exit: true, metered: false, ..plan(&["a"]) };
        let mut schedule = of(vec![both, plan(&["b"])]);
        assert_eq!(schedule.take_due(at(EVENING)).len(), 1);
        assert_eq!(schedule.next(at(EVENING)), None, "once");
        assert_eq!(schedule.at_the_end().len(), 1);
        schedule.network(net("train", true), at(EVENING));
        assert_eq!(schedule.at_the_end(), []);
    }
}
