//! How the fields of a notice become the terms of a signature.

use std::collections::BTreeSet;

use super::contract::{
    Contract, Delivery, STAND_INS_DEFAULT, STAND_INS_MAX, SUPPLIER_ASSUMED, UNREGISTERED_SCHEME,
    UnusableNotice,
};
use super::framework::{Framework, NoticeLot, Party};
use crate::domain::date::Date;
use crate::domain::money::{Amount, Currency};
use crate::domain::organisation::OrganisationId;
use crate::wire::v1;

/// Currency of notices that name none: the buyers are Norwegian.
const CURRENCY_DEFAULT: &str = "NOK";
/// Term of notices that name none: the longest that needs no reason.
const TERM_MONTHS_DEFAULT: i32 = 48;
/// Length of a renewal of which the notice says no more.
const RENEWAL_MONTHS_DEFAULT: i32 = 12;
/// Longest term or renewal in months.
const MONTHS_MAX: i32 = 600;
/// Most renewals.
const RENEWALS_MAX: usize = 16;
/// Longest label of an organisation without a number.
const LABEL_BYTES_MAX: usize = 64;
/// Longest title, as the ledger takes it, less the mark for assumed suppliers.
const TITLE_CHARACTERS_MAX: usize = 200;
/// Notices that give the length of each renewal in a sentence.
const RENEWALS_IN_WORDS: [(&str, &[i32]); 1] =
    [("bb343f8b-ebf5-42f9-b4d5-df54ab67ff32", &[24, 12])];
/// Names that are spelt in two ways in one notice.
const MISSPELT: [(&str, &str); 1] = [("Philps Norge AS", "Philips Norge AS")];

pub(super) fn contract_of(notice: &Framework) -> Result<Contract, UnusableNotice> {
    let currency_code = notice.currency.as_deref().unwrap_or(CURRENCY_DEFAULT);
    let currency = Currency::parse(currency_code).map_err(|_| UnusableNotice::Currency {
        notice_id: notice.notice_id.clone(),
        currency: currency_code.to_owned(),
    })?;
    let buyers = parties(&notice.buyers);
    let Some(owner) = buyers.first().cloned() else {
        return Err(UnusableNotice::NoBuyer { notice_id: notice.notice_id.clone() });
    };
    let (suppliers, title) = suppliers_and_title(notice);
    // A single lot is the whole, and says nothing more.
    let lots: &[NoticeLot] = if notice.lots.len() > 1 { &notice.lots } else { &[] };
    let (signed_on, start, end) = term(notice)?;
    let option_ends = option_ends(notice, start, end)?;
    let (kind, total) = total(notice, currency)?;
    let mut ceilings = vec![ceiling(v1::scope::Scope::Agreement(true), kind, total, currency)];
    for lot in lots {
        if let Some((kind, amount)) = lot_ceiling(notice, lot, currency)? {
            let scope = v1::scope::Scope::LotId(lot.id.clone());
            ceilings.push(ceiling(scope, kind, amount, currency));
        }
    }
    let deliveries = deliveries(notice, &suppliers, lots);
    let signed = v1::AgreementSigned {
        reference: notice.notice_id.clone(),
        title,
        framework_kind: i32::from(framework_kind(notice)),
        nature: i32::from(nature(notice)?),
        cpv_codes: cpv_codes(&notice.cpv),
        owner: Some(owner),
        buyers,
        suppliers,
        lots: lots
            .iter()
            .map(|lot| v1::Lot {
                lot_id: lot.id.clone(),
                title: shortened(lot.title.as_deref().unwrap_or_default()),
            })
            .collect(),
        ceilings,
        currency: currency.code().to_owned(),
        term: Some(v1::Term { start_date: start.to_string(), end_date: end.to_string() }),
        options: options(&option_ends),
        order_policy: i32::from(v1::OrderPolicy::Required),
        tender_reference: notice.notice_id.clone(),
        bids_received: notice.bids_received,
        ceiling_indexed: false,
        term_justification: String::new(),
    };
    Ok(Contract {
        agreement_id: format!("doffin-{}", notice.notice_id),
        signed_on,
        start,
        end,
        option_ends,
        ceiling_minor: minor_units(total, currency),
        deliveries,
        signed,
    })
}

/// Parties by identity, each once, in the order of the notice.
fn parties(named: &[Party]) -> Vec<v1::Organisation> {
    let mut seen = BTreeSet::new();
    let organisations = named.iter().map(organisation);
    organisations
        .filter(|organisation| {
            let id = organisation.id.clone().unwrap_or_default();
            seen.insert((id.scheme, id.number))
        })
        .collect()
}

fn organisation(party: &Party) -> v1::Organisation {
    let name = correct_name(&party.name);
    let registered = party.organisation_number.as_deref().filter(|number| {
        // A number that fails its check is kept by nobody: the name is all that is known.
        OrganisationId::parse("", number).is_ok()
    });
    let id = match registered {
        Some(number) => v1::OrganisationId { number: number.to_owned(), scheme: String::new() },
        None => unregistered(&label(name)),
    };
    v1::Organisation { id: Some(id), name: shortened(name) }
}

/// An identity outside every register.
pub(super) fn unregistered(label: &str) -> v1::OrganisationId {
    v1::OrganisationId { number: label.to_owned(), scheme: UNREGISTERED_SCHEME.to_owned() }
}

fn correct_name(name: &str) -> &str {
    MISSPELT.iter().find(|(wrong, _)| *wrong == name).map_or(name, |(_, right)| right)
}

/// The name in small letters, digits and hyphens.
fn label(name: &str) -> String {
    let mut label = String::new();
    for character in name.to_lowercase().chars() {
        match character {
            'æ' | 'ä' => label.push_str("ae"),
            'ø' | 'ö' => label.push_str("oe"),
            'å' => label.push_str("aa"),
            'a'..='z' | '0'..='9' => label.push(character),
            _ if label.ends_with('-') || label.is_empty() => {}
            _ => label.push('-'),
        }
        if label.len() >= LABEL_BYTES_MAX {
            break;
        }
    }
    label.truncate(LABEL_BYTES_MAX);
    let label = label.trim_end_matches('-');
    if label.is_empty() { "unnamed".to_owned() } else { label.to_owned() }
}

fn shortened(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(TITLE_CHARACTERS_MAX)
        .collect()
}

fn suppliers_and_title(notice: &Framework) -> (Vec<v1::Organisation>, String) {
    let title = shortened(&notice.title);
    let named = parties(&notice.suppliers);
    if !named.is_empty() {
        return (named, title);
    }
    let count = notice.maximum_suppliers.unwrap_or(STAND_INS_DEFAULT).clamp(1, STAND_INS_MAX);
    let stand_ins = (1..=count)
        .map(|number| v1::Organisation {
            id: Some(unregistered(&format!("stand-in-{number}-of-{}", notice.notice_id))),
            name: format!("Stand-in for supplier {number}, not named in the notice"),
        })
        .collect();
    (stand_ins, format!("{title} {SUPPLIER_ASSUMED}"))
}

fn date(notice: &Framework, field: &'static str, text: &str) -> Result<Date, UnusableNotice> {
    Date::parse(text).map_err(|_| date_fault(notice, field))
}

fn date_fault(notice: &Framework, field: &'static str) -> UnusableNotice {
    UnusableNotice::Date { notice_id: notice.notice_id.clone(), field }
}

/// Days of the signature, the start and the end of the base term.
fn term(notice: &Framework) -> Result<(Date, Date, Date), UnusableNotice> {
    let signed_on = date(notice, "issued", &notice.issued)?;
    let start = match &notice.start_date {
        Some(text) => date(notice, "start_date", text)?,
        None => signed_on,
    };
    let end = match (&notice.end_date, notice.duration_months) {
        (Some(text), _) => Some(date(notice, "end_date", text)?),
        (None, months) => months_on(start, months.unwrap_or(TERM_MONTHS_DEFAULT)),
    };
    let field = if notice.end_date.is_some() { "end_date" } else { "duration_months" };
    let end = end.filter(|end| *end >= start).ok_or_else(|| date_fault(notice, field))?;
    Ok((signed_on, start, end))
}

/// The last day of so many months that begin on a day.
fn months_on(start: Date, months: i32) -> Option<Date> {
    let within = (1..=MONTHS_MAX).contains(&months);
    within.then_some(())?;
    start.plus_months(months)?.plus_days(-1)
}

/// Last days with each renewal. Counted from the start where the base term is whole months, so that
/// no end drifts.
fn option_ends(notice: &Framework, start: Date, end: Date) -> Result<Vec<Date>, UnusableNotice> {
    let mut ends = Vec::new();
    let from = match (&notice.end_date, notice.duration_months) {
        (None, months) => start.plus_months(months.unwrap_or(TERM_MONTHS_DEFAULT)),
        (Some(_), _) => end.plus_days(1),
    };
    let mut months_so_far = 0;
    for months in renewal_months(notice) {
        months_so_far += months;
        let end = from.and_then(|from| months_on(from, months_so_far));
        ends.push(end.ok_or_else(|| date_fault(notice, "renewals"))?);
    }
    Ok(ends)
}

fn renewal_months(notice: &Framework) -> Vec<i32> {
    let in_words = RENEWALS_IN_WORDS.iter().find(|(id, _)| *id == notice.notice_id);
    if let Some((_, months)) = in_words {
        return months.to_vec();
    }
    let Some(renewals) = &notice.renewals else { return Vec::new() };
    let listed = listed_years(renewals.description.as_deref().unwrap_or_default());
    let count = match renewals.max {
        // Zero beside a list such as 1+1 is a slip of the form.
        None | Some(0) => listed.len(),
        Some(max) => max,
    };
    let count = count.min(RENEWALS_MAX);
    if listed.len() < count {
        return vec![RENEWAL_MONTHS_DEFAULT; count];
    }
    // A list such as 2+1+1 begins with the base term.
    let renewals = listed.iter().skip(listed.len() - count);
    renewals.map(|years| years.saturating_mul(12).clamp(1, MONTHS_MAX)).collect()
}

/// The years of a list such as `1 + 1 år`; nothing of any other text.
fn listed_years(description: &str) -> Vec<i32> {
    if !description.contains('+') {
        return Vec::new();
    }
    let digits = |part: &str| -> String { part.chars().filter(char::is_ascii_digit).collect() };
    description.split('+').filter_map(|part| digits(part).parse().ok()).collect()
}

fn options(ends: &[Date]) -> Vec<v1::AgreementOption> {
    let numbered = ends.iter().zip(1_u32..);
    numbered
        .map(|(end, number)| v1::AgreementOption {
            option_id: format!("option-{number}"),
            kind: i32::from(v1::OptionKind::Time),
            new_end_date: end.to_string(),
            ..v1::AgreementOption::default()
        })
        .collect()
}

/// The agreement's own ceiling: a maximum when one is stated, else the best estimate, else none.
fn total(
    notice: &Framework,
    currency: Currency,
) -> Result<(v1::CeilingKind, Amount), UnusableNotice> {
    if let Some(text) = &notice.maximum_value {
        let maximum = amount(notice, "maximum_value", text, currency)?;
        return Ok((v1::CeilingKind::Maximum, maximum));
    }
    let highest = notice.estimated_range.as_ref().and_then(|range| range.last());
    let estimates = [
        ("estimated_value", notice.estimated_value.as_ref()),
        ("estimated_range", highest),
        ("notice_value", notice.notice_value.as_ref()),
    ];
    for (field, text) in estimates {
        if let Some(text) = text {
            return Ok((v1::CeilingKind::Estimate, amount(notice, field, text, currency)?));
        }
    }
    Ok((v1::CeilingKind::Estimate, Amount::default()))
}

/// A lot's own ceiling: its maximum, its estimate, or what was awarded in it.
fn lot_ceiling(
    notice: &Framework,
    lot: &NoticeLot,
    currency: Currency,
) -> Result<Option<(v1::CeilingKind, Amount)>, UnusableNotice> {
    if let Some(text) = &lot.max_value {
        let maximum = amount(notice, "lots.max_value", text, currency)?;
        return Ok(Some((v1::CeilingKind::Maximum, maximum)));
    }
    // Some notices repeat the value of a lot for every supplier in it, so one value is enough.
    let awarded = notice.awards.iter().find(|award| award.lot.as_ref() == Some(&lot.id));
    let estimate = lot.estimate.as_ref().or(awarded.and_then(|award| award.value.as_ref()));
    estimate
        .map(|text| {
            Ok((v1::CeilingKind::Estimate, amount(notice, "lots.estimate", text, currency)?))
        })
        .transpose()
}

fn amount(
    notice: &Framework,
    field: &'static str,
    text: &str,
    currency: Currency,
) -> Result<Amount, UnusableNotice> {
    let amount = Amount::parse(text, currency).ok().filter(|amount| !amount.is_negative());
    amount.ok_or_else(|| UnusableNotice::Amount { notice_id: notice.notice_id.clone(), field })
}

fn ceiling(
    scope: v1::scope::Scope,
    kind: v1::CeilingKind,
    amount: Amount,
    currency: Currency,
) -> v1::Ceiling {
    v1::Ceiling {
        scope: Some(v1::Scope { scope: Some(scope) }),
        kind: i32::from(kind),
        amount: Some(v1::Money {
            amount: amount.to_text(currency),
            currency: currency.code().to_owned(),
        }),
    }
}

/// Hundredths, whatever the currency: made-up amounts are written with two digits.
fn minor_units(amount: Amount, currency: Currency) -> i64 {
    let text = amount.to_text(currency);
    let whole = text.split('.').next().unwrap_or_default();
    whole.parse::<i64>().ok().and_then(|whole| whole.checked_mul(100)).unwrap_or(0)
}

fn framework_kind(notice: &Framework) -> v1::FrameworkKind {
    match notice.framework_kind.as_deref() {
        Some("fa-w-rc") => v1::FrameworkKind::WithReopenedCompetition,
        Some("fa-mix") => v1::FrameworkKind::Mixed,
        // Where nothing is coded, nothing says that competition is reopened.
        Some(_) | None => v1::FrameworkKind::WithoutReopenedCompetition,
    }
}

fn nature(notice: &Framework) -> Result<v1::ContractNature, UnusableNotice> {
    match notice.nature.as_str() {
        "services" => Ok(v1::ContractNature::Services),
        "goods" => Ok(v1::ContractNature::Goods),
        "works" => Ok(v1::ContractNature::Works),
        other => Err(UnusableNotice::Nature {
            notice_id: notice.notice_id.clone(),
            nature: other.to_owned(),
        }),
    }
}

fn cpv_codes(codes: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let valid = |code: &&String| code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_digit());
    codes.iter().filter(valid).filter(|code| seen.insert((*code).clone())).cloned().collect()
}

/// Who delivers in which lot: as awarded, else every supplier in every lot.
fn deliveries(
    notice: &Framework,
    suppliers: &[v1::Organisation],
    lots: &[NoticeLot],
) -> Vec<Delivery> {
    let mut deliveries: Vec<Delivery> = Vec::new();
    for award in &notice.awards {
        let name = correct_name(&award.supplier);
        let supplier = suppliers.iter().position(|supplier| supplier.name == name);
        let lot = lots.iter().position(|lot| Some(&lot.id) == award.lot.as_ref());
        if let Some(supplier) = supplier {
            let delivery = Delivery { supplier, lot };
            if !deliveries.contains(&delivery) {
                deliveries.push(delivery);
            }
        }
    }
    if deliveries.is_empty() {
        let every_lot: Vec<Option<usize>> =
            if lots.is_empty() { vec![None] } else { (0..lots.len()).map(Some).collect() };
        let every_supplier = 0..suppliers.len();
        deliveries = every_supplier
            .flat_map(|supplier| every_lot.iter().map(move |lot| Delivery { supplier, lot: *lot }))
            .collect();
    }
    deliveries
}
