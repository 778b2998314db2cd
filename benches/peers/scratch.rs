//! Where all queues and mailboxes of a run are: an ext4 with a journal, which is what most users have, in a file with
//! direct I/O, which keeps the page cache of the file system below out of the way. What fsync costs, and so every figure
//! of a program that keeps its promises, depends on it.
//!
//! Only root can mount. The bench starts itself anew in a mount namespace of its own, mounts there, and deletes the file:
//! whichever way the run ends, nothing is left. Where that can't be done, the temporary folder is taken, and named.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use crate::support::daemon::mortal;

/// Tells the second start what the first one found.
const NAME: &str = "BENCH_SCRATCH";
/// Bytes of the file system.
const SIZE: &str = "8G";

/// Creates, mounts, hides, and becomes the bench.
const SCRIPT: &str = r#"
folder=$1 size=$2; shift 2
fallocate -l "$size" "$folder/image"
mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 "$folder/image"
device=$(losetup --find --show --direct-io=on "$folder/image" 2>/dev/null || losetup --find --show "$folder/image")
mkdir "$folder/scratch"
mount -t ext4 "$device" "$folder/scratch" || { losetup -d "$device"; exit 1; }
# Let go of now, gone with the mount, which is gone with the last process in here.
losetup -d "$device"
rm "$folder/image"
chmod 755 "$folder" "$folder/scratch"
TMPDIR=$folder/scratch BENCH_SCRATCH="an ext4 of its own with a journal, in a file with direct I/O"
export TMPDIR BENCH_SCRATCH
exec "$@"
"#;

/// What the temporary folder of this process is, in words; `None`: it is the first start.
pub(crate) fn described() -> Option<String> {
    env::var(NAME).ok()
}

/// Runs this program again where queues and mailboxes should be, and gives its exit code.
pub(crate) fn enter(arguments: &[OsString]) -> u8 {
    let own = env::current_exe().expect("this program");
    let folder = tempfile::Builder::new().prefix("mailsluice-bench-").tempdir().expect("a temporary folder");
    // Both die with this process, whoever ends it.
    let mut mounted = mortal("unshare");
    mounted.args(["--mount", "sh", "-ec", SCRIPT, "sh"]).arg(folder.path()).arg(SIZE);
    let can_mount = can_mount();
    let mut command = if can_mount { mounted } else { mortal(&own) };
    if can_mount {
        command.arg(&own);
    } else {
        let kind = Command::new("stat").args(["-f", "-c", "%T"]).arg(folder.path()).output();
        let kind = kind.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
        command.env(NAME, format!("the temporary folder ({kind}): not root, or no loop devices"));
    }
    let status = command.args(arguments).status();
    status.ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Whether a file can be mounted here at all.
fn can_mount() -> bool {
    let found = Command::new("unshare").args(["--mount", "losetup", "--find"]).output();
    let tools = ["fallocate", "mkfs.ext4"].iter().all(|tool| {
        let path = format!("{}:/usr/sbin:/sbin", env::var("PATH").unwrap_or_default());
        env::split_paths(&path).any(|folder| folder.join(tool).exists())
    });
    tools && found.is_ok_and(|output| output.status.success())
}
