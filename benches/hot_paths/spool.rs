//! What the spool costs for each message: on its way in, and from claim to outcome.

use std::path::{Path, PathBuf};

use criterion::{BatchSize, Criterion, Throughput};
use mailsluice::mapi::QueueState;
use mailsluice::spool::{ClaimedEnvelope, Eligibility, NewMessage, RecipientResult, Spool, SpoolOp, StagingBatch};
use tempfile::TempDir;

const NOW: i64 = 1_795_442_520;
/// Messages in a group.
const GROUP: u32 = 100;

/// A folder in memory, if the system has one, with a spool of so many messages of 4 KiB.
fn filled(messages: usize) -> (TempDir, PathBuf) {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(place).expect("a folder");
    let path = folder.path().join("spool.db");
    Spool::open(&path).expect("a spool");
    for begin in (0..messages).step_by(1000) {
        stage(&path, messages.min(begin + 1000) - begin);
    }
    (folder, path)
}

fn stage(path: &Path, messages: usize) {
    let mut batch = StagingBatch::begin(path).expect("a batch");
    for number in 0..messages {
        let mut staging = batch.stage().expect("a message");
        staging.write(&[b'x'; 4096]).expect("written");
        let message = NewMessage {
            from: "ada@example.org".to_owned(),
            subject: format!("Bench {number}"),
            message_id: format!("{number}@example.org"),
            sender: "ada@example.org".to_owned(),
            envelopes: vec![("work".to_owned(), vec![format!("r{number}@example.net")])],
            ..NewMessage::default()
        };
        staging.ready(message, NOW).expect("ready");
    }
    batch.commit().expect("committed");
}

/// A hundred messages handed in and committed.
pub(crate) fn submit(criterion: &mut Criterion) {
    let (_folder, path) = filled(0);
    let mut group = criterion.benchmark_group("spool/submit");
    group.throughput(Throughput::Elements(u64::from(GROUP))).sample_size(20);
    group.bench_function("100 in a commit", |bencher| bencher.iter(|| stage(&path, GROUP as usize)));
    group.finish();
}

/// A hundred messages claimed, offered, settled, each step a commit.
pub(crate) fn cycle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("spool/flush");
    group.throughput(Throughput::Elements(u64::from(GROUP))).sample_size(20);
    group.bench_function("claim, offer, sent: 100 of 1,000", |bencher| {
        let set_up = || {
            let (folder, path) = filled(1000);
            (Spool::open(&path).expect("a spool"), folder)
        };
        let work = |(mut spool, folder): (Spool, TempDir)| {
            let claimed = claim(&mut spool, 1);
            let offer = SpoolOp::Offer { envelopes: claimed.iter().map(|one| one.envelope).collect(), at: NOW };
            spool.apply(&[offer]).expect("offered");
            spool.apply(&settled(&claimed, QueueState::Sent, true)).expect("settled");
            // Dropped off the clock.
            (spool, folder)
        };
        bencher.iter_batched(set_up, work, BatchSize::PerIteration);
    });
    let (_folder, path) = filled(100_000);
    let mut spool = Spool::open(&path).expect("a spool");
    let mut run = 0;
    group.bench_function("claim, give back: 100 of 100,000", |bencher| {
        bencher.iter(|| {
            run += 1;
            let claimed = claim(&mut spool, run);
            spool.apply(&settled(&claimed, QueueState::Queued, false)).expect("given back");
        });
    });
    group.finish();
}

fn claim(spool: &mut Spool, run: i64) -> Vec<ClaimedEnvelope> {
    let which = Eligibility { now: NOW, lift_back_off: true, lift_not_before: true, only_deferred: false, run };
    let claimed = spool.claim("work", GROUP, u64::MAX, &which).expect("a claim");
    assert_eq!(claimed.len(), GROUP as usize, "there are enough");
    claimed
}

fn settled(claimed: &[ClaimedEnvelope], state: QueueState, counts: bool) -> Vec<SpoolOp> {
    let finish = |one: &ClaimedEnvelope| {
        let recipients = one.recipients.iter().map(|(recipient, _)| RecipientResult {
            recipient: *recipient,
            state,
            reply: counts.then(|| "250 2.0.0 Ok: queued as 4bXyZQ0m1Nz2Lk".to_owned()),
            failure: None,
        });
        let recipients = recipients.collect();
        SpoolOp::Finish { envelope: one.envelope, recipients, next_try: None, at: NOW, counts }
    };
    claimed.iter().map(finish).collect()
}
