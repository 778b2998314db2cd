//! What a change of the status table costs: forty transports, three clients that look at it.

use std::hint::black_box;

use criterion::Criterion;
use mailsluice::mapi::table::TableData;
use mailsluice::mapi::tag::{PR_DISPLAY_NAME, PR_ENTRYID, PR_SLUICE_DONE, PR_SLUICE_TOTAL};
use mailsluice::mapi::{EntryId, ResourceType, Row};

const TRANSPORTS: usize = 40;

/// A row's progress changes; and all rows are read.
pub(crate) fn refresh(criterion: &mut Criterion) {
    let table = TableData::new(&[PR_ENTRYID, PR_DISPLAY_NAME, PR_SLUICE_DONE, PR_SLUICE_TOTAL]);
    let rows: Vec<Row> = (0..TRANSPORTS).map(|number| row(&format!("transport-{number}"))).collect();
    table.reload(rows.clone()).expect("rows");
    let views: Vec<_> = (0..3).map(|_| table.table()).collect();
    let mut group = criterion.benchmark_group("status");
    let mut done = 0;
    group.bench_function("a row changes", |bencher| {
        let id = EntryId::of(ResourceType::MAPI_TRANSPORT_PROVIDER, "transport-20");
        bencher.iter(|| {
            done += 1;
            let mut update = Row::default();
            update.set(PR_ENTRYID, id.as_bytes().to_vec()).set(PR_SLUICE_DONE, done);
            table.merge(black_box(&update)).expect("the row is there");
        });
    });
    group.bench_function("all rows are read", |bencher| bencher.iter(|| black_box(table.rows())));
    group.finish();
    drop(views);
}

fn row(name: &str) -> Row {
    let id = EntryId::of(ResourceType::MAPI_TRANSPORT_PROVIDER, name);
    let mut row = Row::default();
    row.set(PR_ENTRYID, id.as_bytes().to_vec()).set(PR_DISPLAY_NAME, name).set(PR_SLUICE_DONE, 0);
    row.set(PR_SLUICE_TOTAL, 1000);
    row
}
