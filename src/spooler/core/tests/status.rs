//! What the rows of the status table are, whatever happens.

use super::*;

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
