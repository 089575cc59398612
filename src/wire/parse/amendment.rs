//! Reading an amendment, and whether its parts fit together.

use std::sync::Arc;

use super::path::{At, Item, Path};
use super::values::{self, Sign};
use super::{SHORT_TEXT_BYTES_MAX, Violations, lists, malformed, texts};
use crate::domain::event::{AgreementAmended, CeilingChange, LegalBasis, Payload};
use crate::domain::id::AmendmentId;
use crate::domain::organisation::OrganisationId;
use crate::wire::v1;

pub(super) fn parse(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::AgreementAmended,
) -> Option<Payload> {
    let v1::AgreementAmended {
        amendment_id,
        legal_basis: basis,
        reasoning,
        decision_maker,
        decided_date,
        ceiling_changes: changes,
        new_end_date,
        added_suppliers,
        removed_suppliers,
        added_buyers,
        removed_buyers,
        added_lots,
    } = stated;
    let at = |name: &'static str| At(path, name);
    let amendment = values::id(violations, &at("amendment_id"), amendment_id, AmendmentId::parse);
    let basis = legal_basis(violations, &at("legal_basis"), *basis);
    let reasoning = texts::reasoning(violations, &at("reasoning"), reasoning);
    let decided_by = at("decision_maker");
    texts::required_text(violations, &decided_by, decision_maker, SHORT_TEXT_BYTES_MAX);
    values::date(violations, &at("decided_date"), decided_date);
    let ceiling_changes = ceiling_changes(violations, &at("ceiling_changes"), changes);
    let new_end = values::optional_date(violations, &at("new_end_date"), new_end_date);
    let added_suppliers = lists::parties(violations, &at("added_suppliers"), added_suppliers, 0);
    let field = at("removed_suppliers");
    let removed_suppliers = lists::organisation_ids(violations, &field, removed_suppliers);
    check_apart(violations, &field, &added_suppliers, &removed_suppliers);
    let added_buyers = lists::parties(violations, &at("added_buyers"), added_buyers, 0);
    let field = at("removed_buyers");
    let removed_buyers = lists::organisation_ids(violations, &field, removed_buyers);
    check_apart(violations, &field, &added_buyers, &removed_buyers);
    let added_lots = lists::lots(violations, &at("added_lots"), added_lots);
    Some(Payload::AgreementAmended(Arc::new(AgreementAmended {
        amendment: amendment?,
        basis: basis?,
        reasoning,
        ceiling_changes,
        new_end,
        added_suppliers,
        removed_suppliers,
        added_buyers,
        removed_buyers,
        added_lots,
    })))
}

fn legal_basis(violations: &mut Violations, field: Path<'_>, number: i32) -> Option<LegalBasis> {
    use v1::LegalBasis as Stated;
    match Stated::try_from(number) {
        Ok(Stated::AddWss) => Some(LegalBasis::AddWss),
        Ok(Stated::ModCir) => Some(LegalBasis::ModCir),
        Ok(Stated::ModMinv) => Some(LegalBasis::ModMinv),
        Ok(Stated::ModNons) => Some(LegalBasis::ModNons),
        Ok(Stated::ModRepl) => Some(LegalBasis::ModRepl),
        Ok(Stated::ModRev) => Some(LegalBasis::ModRev),
        Ok(Stated::Other) => Some(LegalBasis::Other),
        Ok(Stated::Unspecified) | Err(_) => {
            violations.add(field, malformed::UNKNOWN_ENUM_VALUE, "must be a legal basis");
            None
        }
    }
}

fn ceiling_changes(
    violations: &mut Violations,
    field: Path<'_>,
    stated: &[v1::CeilingChange],
) -> Vec<CeilingChange> {
    if !lists::bounded(violations, field, stated.len(), 0) {
        return Vec::new();
    }
    let mut changes: Vec<CeilingChange> = Vec::with_capacity(stated.len());
    for (index, stated) in stated.iter().enumerate() {
        let v1::CeilingChange { scope, change } = stated;
        let field = &Item(field, index);
        let scope_field = At(field, "scope");
        let scope = values::scope(violations, &scope_field, scope.as_ref());
        let change_field = At(field, "change");
        let change = values::money(violations, &change_field, change.as_ref(), Sign::Any);
        let Some(scope) = scope else { continue };
        if changes.iter().any(|other| other.scope == scope) {
            let text = "must not be changed twice";
            violations.add(&scope_field, malformed::CONTRADICTION, text);
        }
        let Some(change) = change else { continue };
        changes.push(CeilingChange { scope, change });
    }
    changes
}

/// Nobody joins and leaves at once.
fn check_apart(
    violations: &mut Violations,
    field: Path<'_>,
    added: &[OrganisationId],
    removed: &[OrganisationId],
) {
    for gone in removed.iter().filter(|gone| added.contains(gone)) {
        let text = format!("must not name {gone}, which the same amendment adds");
        violations.add(field, malformed::CONTRADICTION, text);
    }
}
