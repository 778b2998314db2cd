//! What is measured: a list to read and to add to.

use crate::client::Client;
use crate::letters::Set;
use crate::proxy::Turns;
use crate::server::Taker;

/// One comparison: the same work, done by several clients in turn.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// On the command line: direction, messages, server, round trip.
    pub(crate) name: &'static str,
    /// What is to be done.
    pub(crate) work: Work,
    /// Milliseconds there and back.
    pub(crate) rtt: u64,
    /// Megabits a second of the line; `None`: no limit.
    pub(crate) mbit: Option<u32>,
    /// How connections share it.
    pub(crate) turns: Turns,
    /// Which messages.
    pub(crate) set: Set,
    /// How many, unless a client is too slow for that.
    pub(crate) count: usize,
    /// Who does it, in this order and the other way round by turns.
    pub(crate) runs: &'static [Run],
    /// What must come out.
    pub(crate) targets: &'static [Target],
    /// Repetitions at most: for what takes long, and is not compared.
    pub(crate) repetitions: usize,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// To hand over a queue.
    Send(Taker),
    /// To fetch a mailbox of a Dovecot.
    Receive {
        /// By POP3 instead of IMAP.
        pop3: bool,
        /// In TLS from the first byte.
        tls: bool,
        /// Once more, with nothing new.
        again: bool,
    },
}

/// One client's part in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Who.
    pub(crate) client: Client,
    /// Instead of the client's name, where there are two of the kind.
    pub(crate) label: Option<&'static str>,
    /// Fewer messages, for those who are slow and whose rate does not depend on it.
    pub(crate) count: Option<usize>,
    /// Next to the server instead of at the distance of the scenario.
    pub(crate) near: bool,
}

impl Run {
    const fn of(client: Client) -> Self {
        Self { client, label: None, count: None, near: false }
    }

    const fn few(client: Client, count: usize) -> Self {
        Self { count: Some(count), ..Self::of(client) }
    }

    const fn named(label: &'static str, client: Client) -> Self {
        Self { label: Some(label), ..Self::of(client) }
    }

    const fn near(label: &'static str, client: Client) -> Self {
        Self { near: true, ..Self::named(label, client) }
    }

    /// In tables and targets.
    pub(crate) fn name(&self) -> String {
        self.label.map_or_else(|| self.client.name(), str::to_owned)
    }
}

/// What must come out, of the run named first.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// Messages a second, at least so many times those of another; the median of pairs of the same repetition.
    Times(&'static str, f64, &'static str),
    /// At least so many messages for each round trip and connection.
    PerTrip(&'static str, f64, u16),
    /// At least this share of the line, message bytes alone.
    LineShare(&'static str, f64),
    /// Resident memory at most, in MiB.
    Memory(&'static str, f64),
    /// Milliseconds of processor for each message at most.
    Cpu(&'static str, f64),
    /// Milliseconds on the clock for each message at most.
    Wall(&'static str, f64),
}

const OURS: &str = "mailsluice";
const MEMORY: Target = Target::Memory(OURS, 24.0);
const LARGE_MEMORY: Target = Target::Memory(OURS, 64.0);
const CPU: Target = Target::Cpu(OURS, 0.15);

/// Repetitions are as many as the command line asks for.
const ALL: usize = usize::MAX;

/// Small messages, over a line without a limit.
const fn scenario(name: &'static str, work: Work, rtt: u64, count: usize) -> Scenario {
    Scenario {
        name,
        work,
        rtt,
        mbit: None,
        turns: Turns::Fair,
        set: Set::Small,
        count,
        runs: &[],
        targets: &[],
        repetitions: ALL,
    }
}

const fn send(name: &'static str, taker: Taker, rtt: u64, count: usize) -> Scenario {
    scenario(name, Work::Send(taker), rtt, count)
}

const fn receive(name: &'static str, tls: bool, rtt: u64) -> Scenario {
    scenario(name, Work::Receive { pop3: false, tls, again: false }, rtt, 5000)
}

/// The mix, over 100 Mbit/s.
const fn mix(name: &'static str, taker: Taker, count: usize) -> Scenario {
    Scenario { mbit: Some(100), set: Set::Mix, ..send(name, taker, 40, count) }
}

const MIX_RUNS: &[Run] = &[
    Run::of(Client::Mailsluice(4)),
    Run::named("mailsluice-20", Client::Mailsluice(20)),
    Run::of(Client::Postfix { reuse: false }),
];
const MIX_TARGETS: &[Target] = &[
    Target::Times("mailsluice-20", 1.3, "postfix"),
    Target::LineShare("mailsluice-20", 0.8),
    Target::Times(OURS, 0.8, "postfix"),
    MEMORY,
    Target::Memory("mailsluice-20", 24.0),
];
const MIX_BY_CHUNKING_RUNS: &[Run] = &[Run::of(Client::Mailsluice(4)), Run::of(Client::Postfix { reuse: true })];
const MIX_BY_CHUNKING_TARGETS: &[Target] =
    &[Target::Times(OURS, 1.3, "postfix-reuse"), Target::LineShare(OURS, 0.8), MEMORY];

const IMAP_RUNS: &[Run] = &[
    Run::of(Client::Mailsluice(4)),
    Run::of(Client::Mbsync { fsync: true }),
    Run::of(Client::Mbsync { fsync: false }),
    Run::of(Client::RawImap),
];
const IMAP_TARGETS: &[Target] =
    &[Target::Times(OURS, 5.0, "mbsync"), Target::Times(OURS, 0.8, "mbsync-nofsync"), MEMORY, CPU];

/// Everything, in the order of the report.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        runs: &[
            Run::of(Client::Mailsluice(4)),
            Run::of(Client::Postfix { reuse: true }),
            Run::few(Client::Postfix { reuse: false }, 200),
            Run::few(Client::Msmtp, 15),
            Run::near("mailsluice-0ms", Client::Mailsluice(4)),
        ],
        targets: &[
            Target::Times(OURS, 3.0, "postfix-reuse"),
            Target::Times(OURS, 100.0, "msmtp"),
            Target::Times(OURS, 0.7, "mailsluice-0ms"),
            MEMORY,
        ],
        ..send("send-small-smarthost-40", Taker::Smarthost, 40, 1500)
    },
    Scenario {
        runs: &[
            Run::of(Client::Mailsluice(4)),
            Run::named("mailsluice-1", Client::Mailsluice(1)),
            Run::of(Client::Postfix { reuse: true }),
            Run::few(Client::Postfix { reuse: false }, 200),
            Run::few(Client::Msmtp, 30),
        ],
        targets: &[Target::Times(OURS, 1.8, "postfix-reuse"), Target::Wall("mailsluice-1", 5.0), MEMORY],
        ..send("send-small-smarthost-0", Taker::Smarthost, 0, 500)
    },
    Scenario {
        runs: &[
            Run::few(Client::Mailsluice(4), 400),
            Run::named("mailsluice-20", Client::Mailsluice(20)),
            Run::of(Client::Postfix { reuse: false }),
            Run::few(Client::SmtpSource(10), 400),
            Run::few(Client::Msmtp, 15),
        ],
        targets: &[
            Target::PerTrip(OURS, 0.9, 4),
            Target::Times("mailsluice-20", 2.5, "postfix"),
            Target::Times(OURS, 0.6, "postfix"),
            MEMORY,
        ],
        ..send("send-small-sink-40", Taker::Sink, 40, 1000)
    },
    Scenario {
        runs: &[
            Run::of(Client::Mailsluice(10)),
            Run::named("mailsluice-4", Client::Mailsluice(4)),
            Run::of(Client::Postfix { reuse: false }),
            Run::of(Client::SmtpSource(10)),
        ],
        targets: &[Target::Times(OURS, 6.0, "postfix"), Target::Times(OURS, 0.6, "smtp-source-10"), MEMORY, CPU],
        ..send("send-small-sink-0", Taker::Counter, 0, 5000)
    },
    Scenario { runs: MIX_RUNS, targets: MIX_TARGETS, ..mix("send-mix-sink-40", Taker::Sink, 200) },
    Scenario {
        runs: MIX_RUNS,
        targets: MIX_TARGETS,
        turns: Turns::Queue,
        ..mix("send-mix-sink-40-queue", Taker::Sink, 200)
    },
    Scenario {
        runs: MIX_BY_CHUNKING_RUNS,
        targets: MIX_BY_CHUNKING_TARGETS,
        ..mix("send-mix-smarthost-40", Taker::Smarthost, 200)
    },
    Scenario {
        runs: MIX_BY_CHUNKING_RUNS,
        targets: MIX_BY_CHUNKING_TARGETS,
        turns: Turns::Queue,
        ..mix("send-mix-smarthost-40-queue", Taker::Smarthost, 200)
    },
    Scenario {
        runs: &[Run::named("mailsluice-20", Client::Mailsluice(20)), Run::of(Client::Postfix { reuse: false })],
        targets: &[
            Target::Times("mailsluice-20", 1.3, "postfix"),
            Target::LineShare("mailsluice-20", 0.8),
            Target::Memory("mailsluice-20", 24.0),
        ],
        ..mix("send-long-mix-sink-40", Taker::Sink, 600)
    },
    Scenario {
        runs: MIX_BY_CHUNKING_RUNS,
        targets: MIX_BY_CHUNKING_TARGETS,
        ..mix("send-long-mix-smarthost-40", Taker::Smarthost, 600)
    },
    Scenario { runs: IMAP_RUNS, targets: IMAP_TARGETS, ..receive("receive-small-imap-0", false, 0) },
    Scenario { runs: IMAP_RUNS, targets: IMAP_TARGETS, ..receive("receive-small-imap-40", false, 40) },
    Scenario { runs: IMAP_RUNS, targets: IMAP_TARGETS, ..receive("receive-small-imaps-0", true, 0) },
    Scenario { runs: IMAP_RUNS, targets: IMAP_TARGETS, ..receive("receive-small-imaps-40", true, 40) },
    Scenario {
        work: Work::Receive { pop3: true, tls: false, again: false },
        runs: &[Run::of(Client::Mailsluice(4)), Run::of(Client::Mpop)],
        targets: &[Target::Times(OURS, 3.0, "mpop"), MEMORY, CPU],
        ..receive("receive-small-pop3-40", false, 40)
    },
    Scenario {
        work: Work::Receive { pop3: true, tls: false, again: false },
        count: 50,
        runs: &[Run::of(Client::Mailsluice(4)), Run::of(Client::Fetchmail), Run::of(Client::Getmail)],
        ..receive("receive-few-pop3-40", false, 40)
    },
    Scenario {
        work: Work::Receive { pop3: false, tls: true, again: true },
        runs: &[Run::of(Client::Mailsluice(4)), Run::of(Client::Mbsync { fsync: true })],
        targets: &[Target::Times(OURS, 2.0, "mbsync"), MEMORY],
        ..receive("receive-nothing-imaps-40", true, 40)
    },
    Scenario {
        set: Set::Huge,
        runs: &[Run::of(Client::Mailsluice(4)), Run::of(Client::Msmtp)],
        targets: &[LARGE_MEMORY],
        repetitions: 2,
        ..send("send-huge-smarthost-0", Taker::Smarthost, 0, 1)
    },
    Scenario {
        set: Set::Huge,
        runs: &[Run::of(Client::Mailsluice(4))],
        targets: &[LARGE_MEMORY],
        repetitions: 2,
        ..send("send-huge-sink-0", Taker::Sink, 0, 1)
    },
    Scenario {
        set: Set::Huge,
        count: 1,
        runs: &[Run::of(Client::Mailsluice(4)), Run::of(Client::Mbsync { fsync: true })],
        targets: &[LARGE_MEMORY],
        repetitions: 2,
        ..receive("receive-huge-imaps-0", true, 0)
    },
    Scenario {
        work: Work::Receive { pop3: true, tls: true, again: false },
        set: Set::Huge,
        count: 1,
        runs: &[Run::of(Client::Mailsluice(4)), Run::of(Client::Mpop)],
        targets: &[LARGE_MEMORY],
        repetitions: 2,
        ..receive("receive-huge-pop3s-0", true, 0)
    },
    Scenario {
        runs: &[Run::of(Client::Mailsluice(4))],
        targets: &[LARGE_MEMORY, CPU],
        repetitions: 1,
        ..send("send-100000-sink-0", Taker::Sink, 0, 100_000)
    },
];
