//! What SMTP costs for each reply and each byte.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, Throughput};
use mailsluice::transport::smtp::reply::ReplyParser;
use mailsluice::transport::smtp::stuffing::Stuffing;

/// The three replies to a small message, as Postfix words them.
pub(crate) fn replies(criterion: &mut Criterion) {
    const LINES: [&[u8]; 3] =
        [b"250 2.1.0 Ok", b"250 2.1.5 Ok", b"250 2.0.0 Ok: 4096 bytes queued as 4bXyZQ0m1Nz2Lk: ready for more"];
    let mut group = criterion.benchmark_group("smtp/replies");
    group.throughput(Throughput::Elements(LINES.len() as u64));
    group.bench_function("to a small message", |bencher| {
        let mut parser = ReplyParser::default();
        bencher.iter(|| {
            for line in LINES {
                black_box(parser.line(black_box(line)).expect("a reply"));
            }
        });
    });
    group.finish();
}

/// A content of a mebibyte, with a dot to stuff on every tenth line.
pub(crate) fn stuffing(criterion: &mut Criterion) {
    let line = |number: usize| format!("{}{:076}\r\n", if number.is_multiple_of(10) { "." } else { "" }, number);
    let content: Vec<u8> = (0..13_400).flat_map(|number| line(number).into_bytes()).collect();
    let mut group = criterion.benchmark_group("smtp/stuffing");
    group.throughput(Throughput::Bytes(content.len() as u64));
    group.bench_function("a mebibyte", |bencher| {
        let mut out = BytesMut::with_capacity(2 << 20);
        bencher.iter(|| {
            out.clear();
            let mut stuffing = Stuffing::new();
            for chunk in content.chunks(64 << 10) {
                stuffing.push(black_box(chunk), &mut out);
            }
            stuffing.finish(&mut out);
            black_box(out.len())
        });
    });
    group.finish();
}
