//! From samples to tables and verdicts, and `RESULTS.md`.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use crate::client::binary;
use crate::measure::Usage;
use crate::proxy::Turns;
use crate::scenario::{Run, Scenario, Target, Work};
use crate::server::Taker;

/// What came of a scenario.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Which.
    pub(crate) scenario: &'static Scenario,
    /// Bytes of the messages that those send who send all.
    pub(crate) bytes: u64,
    /// Who took part.
    pub(crate) rows: Vec<Row>,
}

/// What came of one client.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its part.
    pub(crate) run: Run,
    /// Messages each time.
    pub(crate) count: usize,
    /// Each repetition; an error: it failed, or did not do what it should, and does not count.
    pub(crate) samples: Vec<Result<Usage, String>>,
}

impl Row {
    fn rate(&self, usage: &Usage) -> f64 {
        self.count as f64 / usage.wall
    }

    fn median(&self, figure: impl Fn(&Usage) -> f64) -> Option<f64> {
        median(self.samples.iter().flatten().map(figure).collect())
    }

    /// The median ratio of rates of the repetitions that went well for both.
    fn times(&self, other: &Self) -> Option<f64> {
        let pairs = self.samples.iter().zip(&other.samples);
        let ratio = |(ours, theirs): (&Result<Usage, String>, &Result<Usage, String>)| {
            Some(self.rate(ours.as_ref().ok()?) / other.rate(theirs.as_ref().ok()?))
        };
        median(pairs.filter_map(ratio).collect())
    }

    fn verdict(&self) -> String {
        let failed: Vec<&String> = self.samples.iter().filter_map(|sample| sample.as_ref().err()).collect();
        match failed.first() {
            None => "yes".to_owned(),
            Some(why) => {
                let why: String = why.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
                let why: String = why.replace('|', "/").chars().take(160).collect();
                format!("**failed {} of {}**: {why}", failed.len(), self.samples.len())
            }
        }
    }
}

impl Outcome {
    fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.run.name() == name)
    }

    /// The table of a scenario, in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("### {}\n\n{}\n\n", self.scenario.name, title(self.scenario));
        text += "| client | n | per s | wall s | CPU ms each | memory MiB | ours is times that | all right |\n";
        text += "|--|--:|--:|--:|--:|--:|--:|--|\n";
        let ours = self.row("mailsluice");
        for row in &self.rows {
            let number = |figure: Option<f64>, digits: usize| {
                figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.digits$}"))
            };
            writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                row.run.name(),
                row.count,
                number(row.median(|usage| row.rate(usage)), 1),
                number(row.median(|usage| usage.wall), 3),
                number(row.median(|usage| usage.cpu * 1e3 / row.count as f64), 3),
                number(row.median(mebibytes), 1),
                number(ours.and_then(|ours| ours.times(row)), 2),
                row.verdict()
            )
            .expect("a string");
        }
        text.push('\n');
        for verdict in self.verdicts() {
            writeln!(text, "- {}: {}", verdict.text, verdict.mark()).expect("a string");
        }
        text.push('\n');
        text
    }

    /// What became of each target whose clients took part.
    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        self.scenario.targets.iter().filter_map(|target| self.judge(target)).collect()
    }

    fn judge(&self, target: &Target) -> Option<Verdict> {
        match *target {
            Target::Times(ours, least, theirs) => {
                let found = self.row(ours)?.times(self.row(theirs)?);
                Some(Verdict::at_least(format!("{ours} at least {least} × {theirs}"), found, least))
            }
            Target::PerTrip(ours, least, connections) => {
                let row = self.row(ours)?;
                let trips = self.scenario.rtt as f64 / 1e3 / f64::from(connections);
                let found = row.median(|usage| row.rate(usage) * trips);
                let text = format!("{ours} at least {least} messages for each round trip and connection");
                Some(Verdict::at_least(text, found, least))
            }
            Target::LineShare(ours, least) => {
                let line = f64::from(self.scenario.mbit?) * 1e6 / 8.0;
                let found = self.row(ours)?.median(|usage| self.bytes as f64 / usage.wall / line);
                Some(Verdict::at_least(format!("{ours} at least {least} of the line"), found, least))
            }
            Target::Memory(ours, most) => {
                let found = self.row(ours)?.median(mebibytes);
                Some(Verdict::at_most(format!("{ours} at most {most} MiB"), found, most))
            }
            Target::Cpu(ours, most) => {
                let row = self.row(ours)?;
                let found = row.median(|usage| usage.cpu * 1e3 / row.count as f64);
                Some(Verdict::at_most(format!("{ours} at most {most} ms of processor a message"), found, most))
            }
            Target::Wall(ours, most) => {
                let row = self.row(ours)?;
                let found = row.median(|usage| usage.wall * 1e3 / row.count as f64);
                Some(Verdict::at_most(format!("{ours} at most {most} ms a message"), found, most))
            }
        }
    }
}

/// What became of a target.
#[derive(Debug)]
pub(crate) struct Verdict {
    text: String,
    found: Option<f64>,
    met: bool,
}

impl Verdict {
    fn at_least(text: String, found: Option<f64>, least: f64) -> Self {
        Self { text, found, met: found.is_some_and(|found| found >= least) }
    }

    fn at_most(text: String, found: Option<f64>, most: f64) -> Self {
        Self { text, found, met: found.is_some_and(|found| found <= most) }
    }

    fn mark(&self) -> String {
        let found = self.found.map_or_else(|| "no figure".to_owned(), |found| format!("{found:.2}"));
        if self.met { format!("{found}, met") } else { format!("{found}, **missed**") }
    }
}

fn mebibytes(usage: &Usage) -> f64 {
    usage.memory as f64 / f64::from(1 << 20)
}

/// The middle one; the mean of the middle two.
pub(crate) fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    let upper = *figures.get(middle)?;
    if figures.len() % 2 == 1 { Some(upper) } else { figures.get(middle - 1).map(|lower| f64::midpoint(*lower, upper)) }
}

fn title(scenario: &Scenario) -> String {
    let work = match scenario.work {
        Work::Send(Taker::Smarthost) => "To a Postfix with STARTTLS, AUTH and CHUNKING".to_owned(),
        Work::Send(Taker::Sink) => "To smtp-sink (PIPELINING only)".to_owned(),
        Work::Send(Taker::Counter) => {
            "To smtp-sink (PIPELINING only), which counts; content checked in a run of its own".to_owned()
        }
        Work::Receive { pop3, tls, again } => format!(
            "{} a Dovecot by {}{}",
            if again { "Nothing new from" } else { "From" },
            if pop3 { "POP3" } else { "IMAP" },
            if tls { " in TLS" } else { "" }
        ),
    };
    let turns = if scenario.turns == Turns::Queue { ", first come, first served" } else { "" };
    let line = scenario.mbit.map(|mbit| format!(", {mbit} Mbit/s{turns}")).unwrap_or_default();
    format!("{work}: {} × {}, round trip {} ms{line}.", scenario.count, scenario.set.name(), scenario.rtt)
}

/// The whole report, in Markdown.
pub(crate) fn document(outcomes: &[Outcome], extras: &str, repetitions: usize, scratch: &str) -> String {
    let mut text = format!(
        "# Mailsluice and its peers, side by side\n\n\
         Written by `make bench`; not by hand. [README.md](README.md) says how each figure is taken, and where we lose and why.\n\n\
         Rates and times are medians of {repetitions} repetitions; \"ours is times that\" is the median of the ratios within each \
         repetition, which is what to trust on a machine that does other things too. Memory is the most that the largest process \
         of the client had resident; of Postfix, whose client is a system of daemons, all of them together (Pss). CPU is that \
         of all processes of the client, the server's and the line's not in it.\n\n{}\n",
        surroundings(scratch)
    );
    text += "## Targets\n\n| scenario | target | found |\n|--|--|--|\n";
    for outcome in outcomes {
        for verdict in outcome.verdicts() {
            writeln!(text, "| {} | {} | {} |", outcome.scenario.name, verdict.text, verdict.mark()).expect("a string");
        }
    }
    text += "\n## Scenarios\n\n";
    for outcome in outcomes {
        text += &outcome.table();
    }
    text + extras + COMMANDS
}

/// The machine, the versions.
fn surroundings(scratch: &str) -> String {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    };
    let info = |file: &str, key: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let packages = said(
        "dpkg-query",
        &[
            "-W",
            "-f",
            "${Package} ${Version}, ",
            "postfix",
            "dovecot-core",
            "msmtp",
            "mpop",
            "isync",
            "fetchmail",
            "procmail",
            "getmail6",
        ],
    );
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "- Date: {date}\n\
         - {version}, commit {commit}, {rustc}\n\
         - Peers: {packages}\n\
         - Machine: {processors} × {model}, {memory}, {kernel}\n\
         - Queues and mailboxes are on {scratch}; what smtp-sink keeps, in memory\n",
        date = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M %Z"),
        version = said(&binary().to_string_lossy(), &["--version"]),
        commit = said("git", &["describe", "--always", "--dirty"]),
        rustc = said("rustc", &["--version"]),
        packages = packages.trim_end_matches(", "),
        model = info("/proc/cpuinfo", "model name"),
        memory = info("/proc/meminfo", "MemTotal"),
        kernel = said("uname", &["-sr"]),
    )
}

/// What is on the clock.
const COMMANDS: &str = "## Commands on the clock\n\n\
    | client | command |\n|--|--|\n\
    | mailsluice | `mailsluice --profile P flush --send\\|--receive --no-ui --json`; `-1`, `-4`, `-20`: `connections` of the profile, 4 without a number |\n\
    | postfix, postfix-reuse | `postqueue -f`, until its queue is empty; `smtp_tls_connection_reuse` off, on |\n\
    | msmtp | `for letter in outbox/*; do msmtp -C C -t <$letter; done` |\n\
    | smtp-source-10 | `smtp-source -d -s 10 -m N -l SIZE -f FROM -t TO HOST:PORT` |\n\
    | mbsync, mbsync-nofsync | `mbsync -c C -q bench`; `FSync yes`, `FSync no` |\n\
    | raw-imap | a reader of this bench: LOGIN, EXAMINE, UID FETCH in one flight, files written, nothing synced |\n\
    | mpop | `mpop -C C --quiet` |\n\
    | fetchmail | `fetchmail -f C --silent`, delivering by procmail |\n\
    | getmail | `getmail --getmaildir D --quiet` |\n\n\
    The configurations are in `benches/peers/client/`.\n";
