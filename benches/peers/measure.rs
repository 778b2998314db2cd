//! What a program costs: time on the clock, time on processors, memory.
//!
//! A command is run by another process of this bench, which does nothing else and so can ask the kernel what *its
//! children* used (getrusage(2)): exact to the microsecond, descendants included, whoever they are. For a system of
//! daemons such as Postfix, [`Tree`] looks at all processes below one of them in `/proc`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

/// No run takes longer than that.
pub(crate) const PATIENCE: Duration = Duration::from_mins(10);
/// How often a tree of processes is looked at: what is larger for less than that is not seen.
const SAMPLING: Duration = Duration::from_millis(100);

/// What a run cost.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Seconds on processors, user and system, of all processes of the client.
    pub(crate) cpu: f64,
    /// Bytes resident at most: of the largest process; of a [`Tree`], of all together.
    pub(crate) memory: u64,
}

/// Where the argument list of the other process begins; what follows: the file for the report, the command.
pub(crate) const WORD: &str = "--measure-this";

/// Runs a command to its end. Standard output and error go to files named `out` and `err` beside the report.
pub(crate) fn run(command: &Command, folder: &Path) -> Result<Usage, String> {
    let report = folder.join("usage.json");
    let open = |name: &str| File::create(folder.join(name)).map_err(|error| format!("{name}: {error}"));
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut measured = Command::new(own);
    measured.arg(WORD).arg(&report).arg(command.get_program()).args(command.get_args());
    measured.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "TMPDIR"));
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            measured.env(name, value);
        }
    }
    measured.current_dir(command.get_current_dir().unwrap_or(folder));
    measured.stdin(Stdio::null()).stdout(open("out")?).stderr(open("err")?);
    let status = measured.status().map_err(|error| error.to_string())?;
    if !status.success() {
        let said = ["err", "out"].map(|name| fs::read_to_string(folder.join(name)).unwrap_or_default());
        let said: Vec<&str> = said.iter().flat_map(|text| text.lines()).take(5).collect();
        return Err(format!("{}: {status}: {}", command.get_program().display(), said.join(" / ")));
    }
    let report = fs::read(&report).map_err(|error| error.to_string())?;
    serde_json::from_slice(&report).map_err(|error| error.to_string())
}

/// The other process: runs the command, writes down what it cost, ends as it ended.
pub(crate) fn serve(arguments: &[OsString]) -> u8 {
    let [report, program, arguments @ ..] = arguments else { return 64 };
    let begin = Instant::now();
    let mut child = Command::new(program).args(arguments).spawn().expect("the program is installed");
    let (id, ended) = (child.id().to_string(), Arc::new(AtomicBool::new(false)));
    let over = Arc::clone(&ended);
    std::thread::spawn(move || {
        std::thread::sleep(PATIENCE);
        if !over.load(Ordering::Relaxed) {
            Command::new("kill").arg(id).status().ok();
        }
    });
    let status = child.wait().expect("a child of ours");
    let wall = begin.elapsed().as_secs_f64();
    ended.store(true, Ordering::Relaxed);
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage(2)");
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let usage = Usage {
        wall,
        cpu: seconds(used.user_time()) + seconds(used.system_time()),
        memory: u64::try_from(used.max_rss()).unwrap_or_default() << 10,
    };
    fs::write(report, serde_json::to_vec(&usage).expect("numbers")).expect("a report");
    u8::try_from(status.code().unwrap_or(255)).unwrap_or(255)
}

/// A process and all below it, watched from now on.
#[derive(Debug)]
pub(crate) struct Tree {
    root: u32,
    begin: Instant,
    cpu: f64,
    peak: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    sampler: Option<JoinHandle<()>>,
}

impl Tree {
    /// Begins to watch.
    pub(crate) fn watch(root: u32) -> Self {
        let (peak, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (to, until) = (Arc::clone(&peak), Arc::clone(&stop));
        let sample = move || {
            while !until.load(Ordering::Relaxed) {
                to.fetch_max(members(root).into_iter().filter_map(proportional_set).sum(), Ordering::Relaxed);
                std::thread::park_timeout(SAMPLING);
            }
        };
        let sampler = Some(std::thread::spawn(sample));
        Self { root, begin: Instant::now(), cpu: cpu(root), peak, stop, sampler }
    }

    /// What it cost since.
    pub(crate) fn usage(mut self) -> Usage {
        let wall = self.begin.elapsed().as_secs_f64();
        let cpu = cpu(self.root) - self.cpu;
        self.end();
        Usage { wall, cpu, memory: self.peak.load(Ordering::Relaxed) }
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(sampler) = self.sampler.take() {
            sampler.thread().unpark();
            sampler.join().ok();
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.end();
    }
}

/// A process and its descendants.
fn members(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&id) = found.get(next) {
        next += 1;
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        found.extend(children.split_ascii_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    }
    found
}

/// Seconds on processors: of those who live, and of the children they have waited for.
fn cpu(root: u32) -> f64 {
    members(root).into_iter().map(|id| running(id) + buried(id)).sum()
}

/// The first number of `schedstat` is in nanoseconds; none of these processes has a second thread.
fn running(id: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{id}/schedstat")).unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

/// `cutime` and `cstime` of proc(5), in hundredths of a second.
fn buried(id: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let after_name = text.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks = after_name.split_ascii_whitespace().skip(13).take(2);
    ticks.filter_map(|number| number.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Memory of its own and its share of what it has in common with others (`Pss` of proc(5)).
fn proportional_set(id: u32) -> Option<u64> {
    let mut text = String::new();
    File::open(format!("/proc/{id}/smaps_rollup")).ok()?.read_to_string(&mut text).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}
