//! The raw row, as `QueryRows` would give it: every column of the table, absent cells among them, since an absent cell is
//! neither an empty one nor zero.

use std::collections::BTreeSet;

use egui::{Align, ComboBox, Id, Layout, Rect, Role, Sense, Ui, UiBuilder, WidgetInfo, vec2};

use super::super::icon;
use super::super::scene::Scene;
use super::super::state::Pane;
use super::super::theme::{self, space};
use super::super::widget::rows::{Rows, Step};
use super::super::widget::{empty, paint};
use crate::mapi::flags::flag_names;
use crate::mapi::tag::{PR_DISPLAY_NAME, PR_RESOURCE_FLAGS, PR_RESOURCE_METHODS, PR_RESOURCE_TYPE, PR_STATUS_CODE};
use crate::mapi::{
    EntryId, PropTag, PropType, PropValue, ResourceFlags, ResourceMethods, ResourceType, Row, StatusCode,
};

/// The focus of the list.
pub(crate) fn id() -> Id {
    Id::unique("properties-list")
}

/// A property, in words.
struct Property {
    name: String,
    tag: String,
    kind: String,
    value: String,
    is_there: bool,
}

/// Draws it.
pub(crate) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let focus = scene.state.focus.take_if(|pane| *pane == Pane::Tab).is_some();
    let wanted = scene.inspected();
    let found = scene.raw.iter().find(|row| row.entry_id() == wanted).or_else(|| scene.raw.first());
    let Some(row) = found.cloned() else {
        empty::show(ui, scene.look, icon::INFO, &scene.get("why-starting"), "", |_| {});
        return;
    };
    chooser(ui, scene, &row);
    let properties: Vec<Property> = columns(scene).into_iter().map(|tag| in_words(scene, &row, tag)).collect();
    header(ui, scene);
    let mut top = ui.data(|data| data.get_temp::<f64>(id()).unwrap_or(0.0));
    let rows = Rows {
        id: id(),
        name: scene.get("a11y-properties"),
        count: properties.len() as u64,
        height: 24.0,
        top: &mut top,
        reveal: None,
        take_focus: focus,
    };
    let shown = rows.show(ui, scene.look, |ui, index, rect| {
        if let Some(property) = usize::try_from(index).ok().and_then(|index| properties.get(index)) {
            one(ui, scene, index, property, rect);
        }
    });
    match shown.step {
        Some((Step::By(by), _)) => top += by as f64,
        Some((Step::First, _)) => top = 0.0,
        Some((Step::Last, _)) => top = properties.len() as f64,
        None => {}
    }
    ui.data_mut(|data| data.insert_temp(id(), top));
}

/// Every column that any row has (`TBL_ALL_COLUMNS`).
fn columns(scene: &Scene<'_>) -> BTreeSet<PropTag> {
    scene.raw.iter().flat_map(|row| row.iter().map(|(tag, _)| tag)).collect()
}

/// Which row: also those that the status table leaves out.
fn chooser(ui: &mut Ui, scene: &mut Scene<'_>, row: &Row) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 40.0), Sense::hover());
    let inside = rect.shrink2(vec2(space::L, 0.0));
    let mut ui = ui.new_child(UiBuilder::new().max_rect(inside).layout(Layout::left_to_right(Align::Center)));
    let name = |row: &Row| row.text(PR_DISPLAY_NAME).unwrap_or("–").to_owned();
    let label = ui.label(egui::RichText::new(scene.get("prop-row")).color(scene.look.muted));
    let mut chosen: Option<EntryId> = row.entry_id();
    let combo = ComboBox::from_id_salt("inspected").selected_text(name(row)).width(240.0);
    let combo = combo.show_ui(&mut ui, |ui| {
        for other in scene.raw {
            ui.selectable_value(&mut chosen, other.entry_id(), name(other));
        }
    });
    combo.response.labelled_by(label.id);
    if chosen != row.entry_id() {
        scene.state.inspected = chosen;
    }
}

fn cells(row: Rect) -> [Rect; 4] {
    let width = row.width() - space::L * 2.0;
    let shares = if width > 820.0 { [0.25, 0.11, 0.12, 0.52] } else { [0.36, 0.0, 0.0, 0.64] };
    let mut x = row.left() + space::L;
    shares.map(|share| {
        let cell =
            Rect::from_min_size(egui::pos2(x, row.top()), vec2((width * share - space::M).max(0.0), row.height()));
        x += width * share;
        cell
    })
}

fn header(ui: &mut Ui, scene: &Scene<'_>) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::hover());
    for (cell, word) in cells(rect).into_iter().zip(["prop-name", "prop-tag", "prop-type", "prop-value"]) {
        if cell.width() > 0.0 {
            paint::line(ui, cell, Align::Min, &scene.get(word), theme::secondary(), scene.look.muted);
        }
    }
    paint::underline(ui, rect, scene.look);
}

fn one(ui: &Ui, scene: &Scene<'_>, index: u64, property: &Property, rect: Rect) {
    let look = scene.look;
    let color = if property.is_there { look.text } else { look.muted };
    let [name, tag, kind, value] = cells(rect);
    paint::line(ui, name, Align::Min, &property.name, theme::body(), color);
    for (cell, words) in [(tag, &property.tag), (kind, &property.kind)] {
        if cell.width() > 0.0 {
            paint::line(ui, cell, Align::Min, words, theme::secondary(), look.muted);
        }
    }
    paint::line(ui, value, Align::Min, &property.value, theme::body(), color);
    let response = ui.interact(rect, id().with(index), Sense::hover());
    response.widget_info(|| {
        let variables = [("name", property.name.as_str().into()), ("value", property.value.as_str().into())];
        WidgetInfo::labeled(Role::Row, true, scene.text.fmt("prop-row-a11y", &variables))
    });
    response.on_hover_text(format!("{} {} {}\n{}", property.name, property.tag, property.kind, property.value));
}

fn in_words(scene: &Scene<'_>, row: &Row, tag: PropTag) -> Property {
    let value = row.cell(tag);
    Property {
        name: tag.to_string(),
        tag: format!("0x{:08X}", tag.0),
        kind: tag.prop_type().map(type_name).unwrap_or_default().to_owned(),
        value: value_in_words(scene, tag, &value),
        is_there: !matches!(value, PropValue::Error(_)),
    }
}

const fn type_name(kind: PropType) -> &'static str {
    match kind {
        PropType::Null => "PT_NULL",
        PropType::Long => "PT_LONG",
        PropType::Error => "PT_ERROR",
        PropType::Boolean => "PT_BOOLEAN",
        PropType::I8 => "PT_I8",
        PropType::String8 => "PT_STRING8",
        PropType::Unicode => "PT_UNICODE",
        PropType::SysTime => "PT_SYSTIME",
        PropType::Binary => "PT_BINARY",
    }
}

fn value_in_words(scene: &Scene<'_>, tag: PropTag, value: &PropValue) -> String {
    match value {
        PropValue::Null => "–".to_owned(),
        PropValue::Long(number) => long_in_words(tag, *number),
        PropValue::I8(number) => number.to_string(),
        PropValue::Boolean(value) => value.to_string(),
        PropValue::Text(text) if text.is_empty() => scene.get("prop-empty"),
        PropValue::Text(text) => text.clone(),
        PropValue::SysTime(at) => format!("{at} ({})", scene.text.time(*at)),
        PropValue::Binary(bytes) => EntryId::from(bytes.clone()).hex(),
        PropValue::Error(result) => result.name().to_owned(),
    }
}

/// A number, and what it stands for where it stands for something.
fn long_in_words(tag: PropTag, number: i32) -> String {
    let bits = number.cast_unsigned();
    let names = match tag {
        PR_RESOURCE_TYPE => ResourceType::from_code(number).map(|kind| format!("{kind:?}")).into_iter().collect(),
        PR_RESOURCE_METHODS => joined(&ResourceMethods::from_bits_retain(bits)),
        PR_RESOURCE_FLAGS => joined(&ResourceFlags::from_bits_retain(bits)),
        PR_STATUS_CODE => joined(&StatusCode::from_bits_retain(bits)),
        _ => return number.to_string(),
    };
    if tag == PR_RESOURCE_TYPE { format!("{number} ({names})") } else { format!("0x{bits:08X} ({names})") }
}

fn joined<F: bitflags::Flags>(flags: &F) -> String {
    flag_names(flags).join(" | ")
}
