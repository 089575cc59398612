//! Reading lists: how long they may be, and that nothing stands in them twice.

use super::path::{At, Item, Path};
use super::values::{self, Check};
use super::{NAME_BYTES_MAX, TERMS_MAX, TITLE_BYTES_MAX, Violations, malformed, texts};
use crate::domain::id::LotId;
use crate::domain::organisation::OrganisationId;
use crate::wire::v1;

pub(super) fn bounded(
    violations: &mut Violations,
    field: Path<'_>,
    length: usize,
    length_min: usize,
) -> bool {
    within(violations, field, length, length_min, TERMS_MAX)
}

pub(super) fn within(
    violations: &mut Violations,
    field: Path<'_>,
    length: usize,
    length_min: usize,
    length_max: usize,
) -> bool {
    let within = (length_min..=length_max).contains(&length);
    if !within {
        let text = format!("must have {length_min} to {length_max} entries, not {length}");
        violations.add(field, malformed::LIST_OUT_OF_BOUNDS, text);
    }
    within
}

pub(super) fn organisation(
    violations: &mut Violations,
    field: Path<'_>,
    stated: Option<&v1::Organisation>,
) -> Option<OrganisationId> {
    let name = stated.map_or("", |stated| stated.name.as_str());
    texts::text(violations, &At(field, "name"), name, NAME_BYTES_MAX);
    let id = stated.and_then(|stated| stated.id.as_ref());
    values::organisation(violations, &At(field, "id"), id, Check::Strict)
}

/// Organisations with their names, none of them twice.
pub(super) fn parties(
    violations: &mut Violations,
    field: Path<'_>,
    stated: &[v1::Organisation],
    length_min: usize,
) -> Vec<OrganisationId> {
    if !bounded(violations, field, stated.len(), length_min) {
        return Vec::new();
    }
    let mut parties = Vec::with_capacity(stated.len());
    for (index, party) in stated.iter().enumerate() {
        let field = &Item(field, index);
        let Some(id) = organisation(violations, &field, Some(party)) else { continue };
        if parties.contains(&id) {
            violations.add(&field, malformed::CONTRADICTION, "must not be listed twice");
        }
        parties.push(id);
    }
    parties
}

/// Lots, none of them twice.
pub(super) fn lots(violations: &mut Violations, field: Path<'_>, stated: &[v1::Lot]) -> Vec<LotId> {
    if !bounded(violations, field, stated.len(), 0) {
        return Vec::new();
    }
    let mut lots: Vec<LotId> = Vec::with_capacity(stated.len());
    for (index, lot) in stated.iter().enumerate() {
        let field = &Item(field, index);
        texts::text(violations, &At(field, "title"), &lot.title, TITLE_BYTES_MAX);
        let id_field = At(field, "lot_id");
        let Some(id) = values::id(violations, &id_field, &lot.lot_id, LotId::parse) else {
            continue;
        };
        if lots.contains(&id) {
            violations.add(&id_field, malformed::CONTRADICTION, "must not be listed twice");
        }
        lots.push(id);
    }
    lots
}

/// Organisations by their ids alone, none of them twice.
pub(super) fn organisation_ids(
    violations: &mut Violations,
    field: Path<'_>,
    stated: &[v1::OrganisationId],
) -> Vec<OrganisationId> {
    if !bounded(violations, field, stated.len(), 0) {
        return Vec::new();
    }
    let mut organisations = Vec::with_capacity(stated.len());
    for (index, stated) in stated.iter().enumerate() {
        let field = &Item(field, index);
        let parsed = values::organisation(violations, &field, Some(stated), Check::Strict);
        let Some(id) = parsed else { continue };
        if organisations.contains(&id) {
            violations.add(&field, malformed::CONTRADICTION, "must not be listed twice");
        }
        organisations.push(id);
    }
    organisations
}
