//! Reading the terms of an agreement, and whether they fit together.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::path::{At, Item, Path};
use super::values::{self, Sign};
use super::{
    CPV_CODES_MAX, OPTIONS_MAX, SHORT_TEXT_BYTES_MAX, TITLE_BYTES_MAX, Violations, lists,
    malformed, texts,
};
use crate::domain::date::Date;
use crate::domain::event::{
    AgreementSigned, CeilingKind, CeilingTerms, FrameworkKind, Indexation, Nature, OptionGives,
    OptionTerms, OrderPolicy, Payload,
};
use crate::domain::id::{LotId, OptionId};
use crate::domain::money::Currency;
use crate::domain::organisation::OrganisationId;
use crate::domain::scope::Scope;
use crate::wire::v1;

pub(super) fn parse(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::AgreementSigned,
) -> Option<Payload> {
    let before = violations.0.len();
    let v1::AgreementSigned {
        reference,
        title,
        framework_kind: kind,
        nature,
        cpv_codes,
        owner,
        buyers,
        suppliers,
        lots,
        ceilings,
        currency,
        term,
        options,
        order_policy: policy,
        ceiling_indexed,
        tender_reference,
        bids_received: _,
        term_justification,
    } = stated;
    let at = |name: &'static str| At(path, name);
    texts::required_text(violations, &at("reference"), reference, SHORT_TEXT_BYTES_MAX);
    texts::required_text(violations, &at("title"), title, TITLE_BYTES_MAX);
    let tender = at("tender_reference");
    texts::text(violations, &tender, tender_reference, SHORT_TEXT_BYTES_MAX);
    let term_justification =
        texts::reasoning(violations, &at("term_justification"), term_justification);
    let framework_kind = framework_kind(violations, &at("framework_kind"), *kind);
    let nature = parse_nature(violations, &at("nature"), *nature);
    if lists::within(violations, &at("cpv_codes"), cpv_codes.len(), 0, CPV_CODES_MAX) {
        for (index, code) in cpv_codes.iter().enumerate() {
            texts::cpv_code(violations, &Item(&at("cpv_codes"), index), code);
        }
    }
    lists::organisation(violations, &at("owner"), owner.as_ref());
    let buyers = lists::parties(violations, &at("buyers"), buyers, 1);
    let suppliers = lists::parties(violations, &at("suppliers"), suppliers, 1);
    let lots = lists::lots(violations, &at("lots"), lots);
    let order_policy = order_policy(violations, &at("order_policy"), *policy);
    let term = parse_term(violations, &at("term"), term.as_ref());
    let currency = values::currency(violations, &at("currency"), currency)?;
    let ceilings = parse_ceilings(violations, &at("ceilings"), ceilings, currency);
    let (start, end) = term?;
    let options = parse_options(violations, &at("options"), options, currency, end);
    check_scopes(violations, path, &ceilings, &options, &buyers, &suppliers, &lots);
    (violations.0.len() == before).then_some(())?;
    Some(Payload::AgreementSigned(Arc::new(AgreementSigned {
        framework_kind: framework_kind?,
        nature: nature?,
        indexation: if *ceiling_indexed { Indexation::CeilingsToo } else { Indexation::PricesOnly },
        term_justification,
        buyers,
        suppliers,
        lots,
        ceilings,
        currency,
        start,
        end,
        options,
        order_policy: order_policy?,
    })))
}

fn framework_kind(
    violations: &mut Violations,
    field: Path<'_>,
    number: i32,
) -> Option<FrameworkKind> {
    use v1::FrameworkKind as Stated;
    match Stated::try_from(number) {
        Ok(Stated::WithoutReopenedCompetition) => Some(FrameworkKind::WithoutReopenedCompetition),
        Ok(Stated::WithReopenedCompetition) => Some(FrameworkKind::WithReopenedCompetition),
        Ok(Stated::Mixed) => Some(FrameworkKind::Mixed),
        Ok(Stated::Unspecified) | Err(_) => {
            violations.add(field, malformed::UNKNOWN_ENUM_VALUE, "must be a kind of framework");
            None
        }
    }
}

pub(super) fn parse_nature(
    violations: &mut Violations,
    field: Path<'_>,
    number: i32,
) -> Option<Nature> {
    use v1::ContractNature as Stated;
    match Stated::try_from(number) {
        Ok(Stated::Services) => Some(Nature::Services),
        Ok(Stated::Goods) => Some(Nature::Goods),
        Ok(Stated::Works) => Some(Nature::Works),
        Ok(Stated::Unspecified) | Err(_) => {
            let text = "must be SERVICES, GOODS or WORKS";
            violations.add(field, malformed::UNKNOWN_ENUM_VALUE, text);
            None
        }
    }
}

fn order_policy(violations: &mut Violations, field: Path<'_>, number: i32) -> Option<OrderPolicy> {
    match v1::OrderPolicy::try_from(number) {
        Ok(v1::OrderPolicy::Unspecified | v1::OrderPolicy::Required) => Some(OrderPolicy::Required),
        Ok(v1::OrderPolicy::NotRequired) => Some(OrderPolicy::NotRequired),
        Err(_) => {
            violations.add(
                field,
                malformed::UNKNOWN_ENUM_VALUE,
                "must be REQUIRED or NOT_REQUIRED",
            );
            None
        }
    }
}

fn parse_term(
    violations: &mut Violations,
    field: Path<'_>,
    stated: Option<&v1::Term>,
) -> Option<(Date, Date)> {
    let Some(stated) = stated else {
        violations.add(field, malformed::FIELD_MISSING, "must have a start and an end date");
        return None;
    };
    let start = values::date(violations, &At(field, "start_date"), &stated.start_date);
    let end = values::date(violations, &At(field, "end_date"), &stated.end_date);
    let (start, end) = (start?, end?);
    if end < start {
        let text = "must not be before start_date";
        violations.add(&At(field, "end_date"), malformed::CONTRADICTION, text);
        return None;
    }
    Some((start, end))
}

fn parse_ceilings(
    violations: &mut Violations,
    field: Path<'_>,
    stated: &[v1::Ceiling],
    currency: Currency,
) -> Vec<CeilingTerms> {
    if !lists::bounded(violations, field, stated.len(), 1) {
        return Vec::new();
    }
    let mut ceilings: Vec<CeilingTerms> = Vec::with_capacity(stated.len());
    for (index, ceiling) in stated.iter().enumerate() {
        let field = &Item(field, index);
        let scope = values::scope(violations, &At(field, "scope"), ceiling.scope.as_ref());
        let kind = match v1::CeilingKind::try_from(ceiling.kind) {
            Ok(v1::CeilingKind::Maximum) => Some(CeilingKind::Maximum),
            Ok(v1::CeilingKind::Estimate) => Some(CeilingKind::Estimate),
            Ok(v1::CeilingKind::Unspecified) | Err(_) => {
                let text = "must be MAXIMUM or ESTIMATE";
                violations.add(&At(field, "kind"), malformed::UNKNOWN_ENUM_VALUE, text);
                None
            }
        };
        let amount_field = At(field, "amount");
        let stated = ceiling.amount.as_ref();
        let amount =
            values::money_in(violations, &amount_field, stated, Sign::NotNegative, currency);
        let (Some(scope), Some(kind), Some(amount)) = (scope, kind, amount) else { continue };
        if ceilings.iter().any(|other| other.scope == scope) {
            let text = "must not have a second ceiling";
            violations.add(&At(field, "scope"), malformed::CONTRADICTION, text);
        }
        ceilings.push(CeilingTerms { scope, kind, amount });
    }
    let whole = ceilings.iter().any(|ceiling| ceiling.scope == Scope::Agreement);
    if !whole && ceilings.len() == stated.len() {
        let text = "must have one ceiling for the agreement as a whole";
        violations.add(field, malformed::FIELD_MISSING, text);
    }
    ceilings
}

fn parse_options(
    violations: &mut Violations,
    field: Path<'_>,
    stated: &[v1::AgreementOption],
    currency: Currency,
    base_end: Date,
) -> Vec<OptionTerms> {
    if !lists::within(violations, field, stated.len(), 0, OPTIONS_MAX) {
        return Vec::new();
    }
    let mut end = base_end;
    let mut options: Vec<OptionTerms> = Vec::with_capacity(stated.len());
    for (index, option) in stated.iter().enumerate() {
        let field = &Item(field, index);
        let Some(terms) = parse_option(violations, &field, option, currency) else { continue };
        if options.iter().any(|other| other.option == terms.option) {
            let text = "must not be listed twice";
            violations.add(&At(field, "option_id"), malformed::CONTRADICTION, text);
        }
        if let OptionGives::Time { new_end } = terms.gives {
            if new_end <= end {
                let text = format!("must be later than {end}, the end before it");
                violations.add(&At(field, "new_end_date"), malformed::CONTRADICTION, text);
            }
            end = end.max(new_end);
        }
        options.push(terms);
    }
    options
}

fn parse_option(
    violations: &mut Violations,
    field: Path<'_>,
    stated: &v1::AgreementOption,
    currency: Currency,
) -> Option<OptionTerms> {
    let v1::AgreementOption { option_id, kind, notice_deadline, new_end_date, scope, amount } =
        stated;
    let at = |name: &'static str| At(field, name);
    let option = values::id(violations, &at("option_id"), option_id, OptionId::parse);
    let notice_deadline =
        values::optional_date(violations, &at("notice_deadline"), notice_deadline);
    let gives = match v1::OptionKind::try_from(*kind) {
        Ok(v1::OptionKind::Time) => {
            if amount.is_some() || scope.is_some() {
                let text = "must not be set: a time option never adds money";
                violations.add(&at("amount"), malformed::CONTRADICTION, text);
            }
            values::date(violations, &at("new_end_date"), new_end_date)
                .map(|new_end| OptionGives::Time { new_end })
        }
        Ok(v1::OptionKind::Volume) => {
            if !new_end_date.is_empty() {
                let text = "must not be set: a volume option never prolongs";
                violations.add(&at("new_end_date"), malformed::CONTRADICTION, text);
            }
            let scope = values::scope(violations, &at("scope"), scope.as_ref());
            let stated = amount.as_ref();
            let amount =
                values::money_in(violations, &at("amount"), stated, Sign::Positive, currency);
            scope.zip(amount).map(|(scope, amount)| OptionGives::Volume { scope, amount })
        }
        Ok(v1::OptionKind::Unspecified) | Err(_) => {
            violations.add(&at("kind"), malformed::UNKNOWN_ENUM_VALUE, "must be TIME or VOLUME");
            None
        }
    };
    Some(OptionTerms { option: option?, notice_deadline, gives: gives? })
}

/// Every scope must be of this agreement, and every volume option must have a ceiling to add to.
fn check_scopes(
    violations: &mut Violations,
    path: Path<'_>,
    ceilings: &[CeilingTerms],
    options: &[OptionTerms],
    buyers: &[OrganisationId],
    suppliers: &[OrganisationId],
    lots: &[LotId],
) {
    for (index, ceiling) in ceilings.iter().enumerate() {
        let listed = match &ceiling.scope {
            Scope::Agreement => true,
            Scope::Lot(lot) => lots.contains(lot),
            Scope::Supplier(supplier) => suppliers.contains(supplier),
            Scope::Buyer(buyer) => buyers.contains(buyer),
        };
        if !listed {
            let ceilings = At(path, "ceilings");
            let field = At(&Item(&ceilings, index), "scope").to_string();
            let text = format!("names {}, which the agreement does not list", ceiling.scope);
            violations.add(&field, malformed::CONTRADICTION, text);
        }
    }
    let scopes: BTreeSet<&Scope> = ceilings.iter().map(|ceiling| &ceiling.scope).collect();
    for (index, option) in options.iter().enumerate() {
        if let OptionGives::Volume { scope, .. } = &option.gives
            && !scopes.contains(scope)
        {
            let options = At(path, "options");
            let field = At(&Item(&options, index), "scope").to_string();
            let text = format!("names {scope}, which has no ceiling to add to");
            violations.add(&field, malformed::CONTRADICTION, text);
        }
    }
}
