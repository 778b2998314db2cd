//! What the rows of the status table are, whatever happens.

use super::*;
use crate::mapi::tag::PR_SLUICE_RATE;

#[test]
fn checklist_01_one_spooler_row_and_one_row_per_transport() {
    let scene = Scene::of(vec![facts("a"), facts("b"), facts("c")]);
    let rows = scene.core.all_rows(scene.now);
    let of = |kind: ResourceType| {
        rows.iter().filter(|row| row.number(crate::mapi::tag::PR_RESOURCE_TYPE) == Some(kind.code().into())).count()
    };
    assert_eq!(of(ResourceType::MAPI_SPOOLER), 1);
    assert_eq!(of(ResourceType::MAPI_TRANSPORT_PROVIDER), 3);
}

#[test]
fn checklist_02_subsystem_and_address_book_rows_validate_only() {
    use crate::mapi::ResourceMethods;
    let scene = Scene::of(vec![]);
    let rows = scene.core.all_rows(scene.now);
    for kind in [ResourceType::MAPI_SUBSYSTEM, ResourceType::MAPI_AB] {
        let row = rows.iter().find(|row| row.number(crate::mapi::tag::PR_RESOURCE_TYPE) == Some(kind.code().into()));
        let methods = row.expect("a row").bits(crate::mapi::tag::PR_RESOURCE_METHODS);
        assert_eq!(methods, ResourceMethods::STATUS_VALIDATE_STATE.bits());
    }
}

#[test]
fn checklist_03_every_row_has_the_required_and_the_computed_columns() {
    use crate::mapi::tag::*;
    let scene = Scene::of(vec![facts("a")]);
    for row in scene.core.all_rows(scene.now) {
        for tag in [
            PR_DISPLAY_NAME,
            PR_STATUS_CODE,
            PR_RESOURCE_METHODS,
            PR_PROVIDER_DLL_NAME,
            PR_RESOURCE_FLAGS,
            PR_RESOURCE_TYPE,
            PR_ENTRYID,
            PR_INSTANCE_KEY,
            PR_ROWID,
        ] {
            assert!(row.get(tag).is_some(), "{tag} is missing in {row:?}");
        }
        assert_eq!(row.number(PR_OBJECT_TYPE), Some(0x0A));
    }
}

#[test]
fn checklist_05_identity_columns_come_all_three_or_not_at_all() {
    use crate::mapi::tag::{PR_IDENTITY_DISPLAY, PR_IDENTITY_ENTRYID, PR_IDENTITY_SEARCH_KEY};
    let with = Facts { identity: Some(("Ada".to_owned(), "ada@example.org".to_owned())), ..facts("with") };
    let scene = Scene::of(vec![with, facts("without")]);
    let rows = scene.core.all_rows(scene.now);
    let present: Vec<usize> = rows
        .iter()
        .map(|row| {
            let tags = [PR_IDENTITY_DISPLAY, PR_IDENTITY_ENTRYID, PR_IDENTITY_SEARCH_KEY];
            tags.into_iter().filter(|tag| row.get(*tag).is_some()).count()
        })
        .collect();
    assert_eq!(present, [0, 0, 0, 3, 0]);
}

#[test]
fn a_rate_fades_when_nothing_comes_any_more_and_then_nothing_ticks() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.flush(spooler_id(), None, SEND);
    scene.report("a", ReportKind::PhaseBegan(Direction::Outgoing));
    for _ in 0..10 {
        scene.now.mono += Duration::from_millis(200);
        scene.report("a", ReportKind::Progress(crate::transport::Progress { bytes: 10_000 }));
        scene.core.publish(scene.now);
    }
    let row = |scene: &Scene| {
        let rows = scene.core.all_rows(scene.now);
        rows.into_iter().find(|row| row.entry_id() == Some(transport_id("a"))).unwrap()
    };
    let mut rates = vec![row(&scene).number(PR_SLUICE_RATE).unwrap()];
    // Only the time passes, as far as the core wants to be woken.
    while let Some(pause) = scene.core.deadline(scene.now) {
        assert!(rates.len() < 20, "it goes on for ever: {rates:?}");
        assert!(pause > Duration::ZERO);
        scene.now.mono += pause;
        scene.input(Input::Tick);
        scene.core.publish(scene.now);
        rates.push(row(&scene).number(PR_SLUICE_RATE).unwrap_or(0));
    }
    assert!(rates.is_sorted_by(|before, after| before > after), "{rates:?}");
    assert_eq!(rates.last(), Some(&0), "{rates:?}");
}
