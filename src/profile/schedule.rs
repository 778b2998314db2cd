//! `[schedule]` and its groups: when the spooler flushes by itself, which transports, which way, and where it may.
//!
//! `[schedule]` speaks for every transport that no `[[schedule.group]]` names. A group speaks for the transports that it
//! names, and a key that it lacks is `[schedule]`'s. A transport may be in several groups: sent with every five minutes,
//! received from every hour.

use std::time::Duration;

use super::section::Section;

/// `[schedule]` with its groups, each as a plan of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// One for each group, then one for the transports that are in none, if there are any.
    pub plans: Vec<Plan>,
}

impl Schedule {
    /// Whether everything that sends is flushed before the program ends.
    pub fn sends_on_exit(&self) -> bool {
        let mut sending = self.plans.iter().filter(|plan| plan.outgoing).peekable();
        sending.peek().is_some() && sending.all(|plan| plan.on_exit)
    }

    /// Whether anything is flushed before the program ends.
    pub fn runs_on_exit(&self) -> bool {
        self.plans.iter().any(|plan| plan.on_exit)
    }
}

/// When the spooler flushes some transports by itself.
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the profile")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which transports, by name.
    pub transports: Vec<String>,
    /// Sends.
    pub outgoing: bool,
    /// Receives.
    pub incoming: bool,
    /// This often.
    pub every: Option<Duration>,
    /// When the spooler starts.
    pub on_start: bool,
    /// Before it ends.
    pub on_exit: bool,
    /// After the machine slept.
    pub on_resume: bool,
    /// When the network comes back, or is another.
    pub on_network: bool,
    /// Only on these networks, by the names of NetworkManager's connections; empty: on any.
    pub networks: Vec<String>,
    /// Also where the network counts what goes through it.
    pub metered: bool,
    /// Not at these times of the day.
    pub quiet: Vec<Quiet>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            transports: Vec::new(),
            outgoing: true,
            incoming: true,
            every: None,
            on_start: false,
            on_exit: false,
            on_resume: false,
            on_network: false,
            networks: Vec::new(),
            metered: true,
            quiet: Vec::new(),
        }
    }
}

/// A part of the day, in minutes since midnight by the clock on the wall. It goes over midnight where it ends before it
/// begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// The first minute.
    pub from: u16,
    /// The first minute after it.
    pub to: u16,
}

/// Reads the section for these transports. `None`: there is no such section.
pub(super) fn schedule(section: Option<Section<'_>>, transports: &[&str]) -> Schedule {
    let mut rest = Plan::default();
    let mut plans = Vec::new();
    if let Some(section) = section {
        rest = plan(&section, &rest);
        for group in section.sections("group") {
            let names = group.words("transports");
            if names.as_ref().is_none_or(Vec::is_empty) && !group.has("transports") {
                group.missing("transports", "the names of the transports of this group, [\"one\", \"two\"]");
            }
            let names = names.unwrap_or_default();
            for unknown in names.iter().filter(|name| !transports.contains(&name.as_str())) {
                group.wrong("transports", format!("there is no transport “{}”", unknown.escape_debug()));
            }
            plans.push(Plan { transports: names, ..plan(&group, &rest) });
            group.finish();
        }
        section.finish();
    }
    let in_no_group = |name: &&&str| !plans.iter().any(|plan: &Plan| plan.transports.iter().any(|of| of == **name));
    rest.transports = transports.iter().filter(in_no_group).map(|&name| name.to_owned()).collect();
    if !rest.transports.is_empty() {
        plans.push(rest);
    }
    Schedule { plans }
}

/// A plan as the section has it; what it lacks is as in `from`.
fn plan(section: &Section<'_>, from: &Plan) -> Plan {
    let directions = [("send", (true, false)), ("receive", (false, true)), ("both", (true, true))];
    let directions = section.choice("directions", &directions);
    let (outgoing, incoming) = directions.unwrap_or((from.outgoing, from.incoming));
    let switch = |key, before: bool| section.switch(key).unwrap_or(before);
    Plan {
        transports: Vec::new(),
        outgoing,
        incoming,
        every: section.duration("every").or(from.every),
        on_start: switch("on_start", from.on_start),
        on_exit: switch("on_exit", from.on_exit),
        on_resume: switch("on_resume", from.on_resume),
        on_network: switch("on_network", from.on_network),
        networks: section.words("networks").unwrap_or_else(|| from.networks.clone()),
        metered: switch("metered", from.metered),
        quiet: quiet(section).unwrap_or_else(|| from.quiet.clone()),
    }
}

fn quiet(section: &Section<'_>) -> Option<Vec<Quiet>> {
    let words = section.words("quiet")?;
    let spans: Option<Vec<Quiet>> = words.iter().map(|text| span(text)).collect();
    if spans.is_none() {
        section.wrong("quiet", "must be times of the day such as [\"22:00-07:00\", \"12:30-13:30\"]");
    }
    spans
}

/// "22:00-07:00".
fn span(text: &str) -> Option<Quiet> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from.trim())?, minute(to.trim())?);
    (from != to).then_some(Quiet { from, to })
}

/// "07:30" as minutes since midnight.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, below: u16| {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &u16| digits && *number < below)
    };
    Some(number(hours, 24)? * 60 + number(minutes, 60)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_day() {
        assert_eq!(span("22:00-07:30"), Some(Quiet { from: 1320, to: 450 }));
        assert_eq!(span("9:05 - 23:59"), Some(Quiet { from: 545, to: 1439 }));
        for wrong in ["", "22-07", "24:00-07:00", "22:60-07:00", "22:00", "07:00-07:00", "+1:00-02:00", "1:0:0-2:00"] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }
}
