//! How a row of the portfolio lies on disk: JSON with its fields in a fixed order, so that the same
//! row is always the same bytes.
//!
//! Raise `ROW_VERSION` when the form or the meaning of a field changes: every row is then made anew.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::portfolio::{Agreed, Row, SeverityCounts, Texts};
use crate::domain::date::{Date, RecordedTime};
use crate::domain::event::{CeilingKind, Nature};
use crate::domain::id::{AgreementId, LotId, Position, Version};
use crate::domain::levels::Sums;
use crate::domain::money::{AMOUNT_INTEGER_DIGITS_MAX, Amount, Currency};
use crate::domain::organisation::OrganisationId;
use crate::domain::policy::PolicyBook;
use crate::domain::scope::Scope;
use crate::domain::usage::ScopeUsage;
use crate::domain::view::AgreementState;

/// Version of the stored form.
const ROW_VERSION: u32 = 1;

/// Version of rows that are made by this program under a policy: findings follow from both.
pub fn version(policies: &PolicyBook) -> u32 {
    let mut hash = Sha256::new();
    hash.update(ROW_VERSION.to_be_bytes());
    hash.update(format!("{:?}", policies.changes()));
    let digest: [u8; 32] = hash.finalize().into();
    let [first, second, third, fourth, ..] = digest;
    u32::from_be_bytes([first, second, third, fourth])
}

/// Digits that are read apart from the rest of a sum that is longer than an amount may be.
const LOW_DIGITS: usize = 9;
const LOW_DIGITS_UNIT: &str = "1000000000";

#[derive(Serialize, Deserialize)]
struct StoredRow {
    agreement: String,
    version: u64,
    last_position: u64,
    last_recorded: i64,
    from: i64,
    agreed: Option<StoredAgreed>,
}

#[derive(Serialize, Deserialize)]
struct StoredAgreed {
    reference: String,
    title: String,
    owner: (String, String),
    owner_name: String,
    nature: String,
    currency: String,
    buyers: Vec<(String, String)>,
    suppliers: Vec<(String, String)>,
    start: i64,
    end: i64,
    last_possible_end: i64,
    states: Vec<(i64, String)>,
    scopes: Vec<StoredScope>,
    findings: (u32, u32, u32),
    orders: u64,
    invoices: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredScope {
    scope: StoredScopeName,
    kind: String,
    ceiling: String,
    reserved: String,
    committed: String,
    invoiced: String,
    prepaid: String,
    paid: String,
    exposure: String,
    usage_ppm: Option<i64>,
}

#[derive(Serialize, Deserialize)]
enum StoredScopeName {
    Agreement,
    Lot(String),
    Supplier(String, String),
    Buyer(String, String),
}

/// The bytes of a row.
pub fn encode(row: &Row) -> Vec<u8> {
    let Row { agreement, version, last_position, last_recorded, from, agreed } = row;
    let stored = StoredRow {
        agreement: agreement.to_string(),
        version: version.get(),
        last_position: last_position.get(),
        last_recorded: last_recorded.microseconds(),
        from: day_number(*from),
        agreed: agreed.as_ref().map(stored_agreed),
    };
    serde_json::to_vec(&stored).expect("texts and numbers are JSON")
}

/// Reads what [`encode`] wrote. None for anything else.
pub fn decode(bytes: &[u8]) -> Option<Row> {
    let stored: StoredRow = serde_json::from_slice(bytes).ok()?;
    let agreed = match stored.agreed {
        None => None,
        Some(agreed) => Some(read_agreed(agreed)?),
    };
    Some(Row {
        agreement: AgreementId::parse(&stored.agreement).ok()?,
        version: Version::new(stored.version),
        last_position: Position::new(stored.last_position),
        last_recorded: RecordedTime::from_microseconds(stored.last_recorded)?,
        from: day(stored.from)?,
        agreed,
    })
}

fn stored_agreed(agreed: &Agreed) -> StoredAgreed {
    let Agreed {
        texts,
        nature,
        currency,
        buyers,
        suppliers,
        start,
        end,
        last_possible_end,
        states,
        scopes,
        findings,
        orders,
        invoices,
    } = agreed;
    let Texts { reference, title, owner, owner_name } = texts;
    let SeverityCounts { high, medium, low } = findings;
    StoredAgreed {
        reference: reference.clone(),
        title: title.clone(),
        owner: organisation(owner),
        owner_name: owner_name.clone(),
        nature: nature_name(*nature).to_owned(),
        currency: currency.code().to_owned(),
        buyers: buyers.iter().map(organisation).collect(),
        suppliers: suppliers.iter().map(organisation).collect(),
        start: day_number(*start),
        end: day_number(*end),
        last_possible_end: day_number(*last_possible_end),
        states: states
            .iter()
            .map(|(from, state)| (day_number(*from), state_name(*state).to_owned()))
            .collect(),
        scopes: scopes.iter().map(|usage| stored_scope(usage, *currency)).collect(),
        findings: (*high, *medium, *low),
        orders: *orders,
        invoices: *invoices,
    }
}

fn read_agreed(stored: StoredAgreed) -> Option<Agreed> {
    let currency = Currency::parse(&stored.currency).ok()?;
    let (high, medium, low) = stored.findings;
    let states = stored.states.iter().map(|(from, name)| {
        let state = STATES.into_iter().find(|state| state_name(*state) == name)?;
        Some((day(*from)?, state))
    });
    Some(Agreed {
        texts: Texts {
            reference: stored.reference,
            title: stored.title,
            owner: read_organisation(&stored.owner)?,
            owner_name: stored.owner_name,
        },
        nature: NATURES.into_iter().find(|nature| nature_name(*nature) == stored.nature)?,
        currency,
        buyers: stored.buyers.iter().map(read_organisation).collect::<Option<_>>()?,
        suppliers: stored.suppliers.iter().map(read_organisation).collect::<Option<_>>()?,
        start: day(stored.start)?,
        end: day(stored.end)?,
        last_possible_end: day(stored.last_possible_end)?,
        states: states.collect::<Option<_>>()?,
        scopes: stored
            .scopes
            .iter()
            .map(|scope| read_scope(scope, currency))
            .collect::<Option<_>>()?,
        findings: SeverityCounts { high, medium, low },
        orders: stored.orders,
        invoices: stored.invoices,
    })
}

fn stored_scope(usage: &ScopeUsage, currency: Currency) -> StoredScope {
    // What is left follows from the rest.
    let ScopeUsage { scope, kind, ceiling, sums, remaining: _, usage_ppm } = usage;
    let Sums { reserved, committed, invoiced, prepaid, paid, exposure } = sums;
    let scope = match scope {
        Scope::Agreement => StoredScopeName::Agreement,
        Scope::Lot(lot) => StoredScopeName::Lot(lot.to_string()),
        Scope::Supplier(supplier) => {
            let (scheme, number) = organisation(supplier);
            StoredScopeName::Supplier(scheme, number)
        }
        Scope::Buyer(buyer) => {
            let (scheme, number) = organisation(buyer);
            StoredScopeName::Buyer(scheme, number)
        }
    };
    StoredScope {
        scope,
        kind: kind_name(*kind).to_owned(),
        ceiling: ceiling.to_text(currency),
        reserved: reserved.to_text(currency),
        committed: committed.to_text(currency),
        invoiced: invoiced.to_text(currency),
        prepaid: prepaid.to_text(currency),
        paid: paid.to_text(currency),
        exposure: exposure.to_text(currency),
        usage_ppm: *usage_ppm,
    }
}

fn read_scope(stored: &StoredScope, currency: Currency) -> Option<ScopeUsage> {
    let scope = match &stored.scope {
        StoredScopeName::Agreement => Scope::Agreement,
        StoredScopeName::Lot(lot) => Scope::Lot(LotId::parse(lot).ok()?),
        StoredScopeName::Supplier(scheme, number) => {
            Scope::Supplier(OrganisationId::parse_as_stated(scheme, number).ok()?)
        }
        StoredScopeName::Buyer(scheme, number) => {
            Scope::Buyer(OrganisationId::parse_as_stated(scheme, number).ok()?)
        }
    };
    let kinds = [CeilingKind::Maximum, CeilingKind::Estimate];
    let ceiling = total(&stored.ceiling, currency)?;
    let sums = Sums {
        reserved: total(&stored.reserved, currency)?,
        committed: total(&stored.committed, currency)?,
        invoiced: total(&stored.invoiced, currency)?,
        prepaid: total(&stored.prepaid, currency)?,
        paid: total(&stored.paid, currency)?,
        exposure: total(&stored.exposure, currency)?,
    };
    Some(ScopeUsage {
        scope,
        kind: kinds.into_iter().find(|kind| kind_name(*kind) == stored.kind)?,
        ceiling,
        sums,
        remaining: ceiling.minus(sums.exposure),
        usage_ppm: stored.usage_ppm,
    })
}

/// Reads an amount that may be a sum, and so have more digits than one that somebody states.
fn total(text: &str, currency: Currency) -> Option<Amount> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let integer_digits = digits.find('.').unwrap_or(digits.len());
    let read = |text: &str| Amount::parse(text, currency).ok();
    if integer_digits <= AMOUNT_INTEGER_DIGITS_MAX {
        return read(text);
    }
    let (high, low) = digits.split_at_checked(integer_digits - LOW_DIGITS)?;
    let low = low.trim_start_matches('0');
    let low =
        if low.is_empty() || low.starts_with('.') { format!("0{low}") } else { low.to_owned() };
    let (unit, one) = (read(LOW_DIGITS_UNIT)?, read("1")?);
    let magnitude = read(high)?.proportion(unit, one, None, currency)?.plus(read(&low)?);
    Some(if negative { magnitude.negated() } else { magnitude })
}

fn epoch() -> Date {
    Date::parse("1970-01-01").expect("a day of the calendar")
}

/// Days after 1970, which unlike the written form knows days after the last that can be stated.
fn day_number(date: Date) -> i64 {
    date.days_since(epoch())
}

fn day(number: i64) -> Option<Date> {
    epoch().plus_days(number)
}

fn organisation(id: &OrganisationId) -> (String, String) {
    (id.scheme().to_owned(), id.number().to_owned())
}

fn read_organisation((scheme, number): &(String, String)) -> Option<OrganisationId> {
    OrganisationId::parse_as_stated(scheme, number).ok()
}

const NATURES: [Nature; 3] = [Nature::Services, Nature::Goods, Nature::Works];

fn nature_name(nature: Nature) -> &'static str {
    match nature {
        Nature::Services => "services",
        Nature::Goods => "goods",
        Nature::Works => "works",
    }
}

fn kind_name(kind: CeilingKind) -> &'static str {
    match kind {
        CeilingKind::Maximum => "maximum",
        CeilingKind::Estimate => "estimate",
    }
}

const STATES: [AgreementState; 6] = [
    AgreementState::NotStarted,
    AgreementState::Active,
    AgreementState::Expired,
    AgreementState::Suspended,
    AgreementState::Terminated,
    AgreementState::Closed,
];

fn state_name(state: AgreementState) -> &'static str {
    match state {
        AgreementState::NotStarted => "not_started",
        AgreementState::Active => "active",
        AgreementState::Expired => "expired",
        AgreementState::Suspended => "suspended",
        AgreementState::Terminated => "terminated",
        AgreementState::Closed => "closed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nok() -> Currency {
        Currency::parse("NOK").unwrap()
    }

    fn row() -> Row {
        let organisation = |number| OrganisationId::parse("", number).unwrap();
        let date = |text| Date::parse(text).unwrap();
        let amount = |text| Amount::parse(text, nok()).unwrap();
        let last = date("2999-12-31").plus_days(1).unwrap();
        let scope = |scope, kind| ScopeUsage {
            scope,
            kind,
            ceiling: amount("999999999999999999.99"),
            sums: Sums {
                exposure: amount("999999999999999999.99").plus(amount("0.02")),
                paid: amount("-1.50"),
                ..Sums::default()
            },
            remaining: amount("-0.02"),
            usage_ppm: Some(1_000_000),
        };
        let scopes = vec![
            scope(Scope::Agreement, CeilingKind::Maximum),
            scope(Scope::Lot(LotId::parse("L").unwrap()), CeilingKind::Estimate),
            scope(Scope::Supplier(organisation("943184097")), CeilingKind::Maximum),
            scope(Scope::Buyer(organisation("920125298")), CeilingKind::Maximum),
        ];
        let agreed = Agreed {
            texts: Texts {
                reference: "2020/1".to_owned(),
                title: "Rådgivning \"A\"".to_owned(),
                owner: organisation("920125298"),
                owner_name: String::new(),
            },
            nature: Nature::Works,
            currency: nok(),
            buyers: vec![organisation("920125298")],
            suppliers: vec![OrganisationId::parse("0007", "5560360793").unwrap()],
            start: date("1900-01-01"),
            end: date("2999-12-31"),
            last_possible_end: date("2999-12-31"),
            states: STATES.into_iter().map(|state| (last, state)).collect(),
            scopes,
            findings: SeverityCounts { high: 1, medium: 2, low: 3 },
            orders: 4,
            invoices: 5,
        };
        Row {
            agreement: AgreementId::parse("a b").unwrap(),
            version: Version::new(7),
            last_position: Position::new(9),
            last_recorded: RecordedTime::from_microseconds(1).unwrap(),
            from: last,
            agreed: Some(agreed),
        }
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        for row in [row(), Row { agreed: None, ..row() }] {
            let bytes = encode(&row);
            assert_eq!(decode(&bytes), Some(row.clone()));
            assert_eq!(encode(&decode(&bytes).unwrap()), bytes);
        }
        assert_eq!(decode(b"{}"), None);
    }

    #[test]
    fn another_policy_is_another_version() {
        use crate::domain::policy::PolicyChange;
        let book = |days| {
            let change = PolicyChange { late_registration_days: days, ..PolicyChange::default() };
            PolicyBook::new(vec![(Date::parse("2024-01-01").unwrap(), change)])
        };
        assert_eq!(version(&book(Some(30))), version(&book(Some(30))));
        assert_ne!(version(&book(Some(30))), version(&book(Some(31))));
        assert_ne!(version(&book(None)), version(&PolicyBook::default()));
    }

    #[test]
    fn sums_with_more_digits_than_an_amount_are_read() {
        let largest = Amount::parse("999999999999999999.99", nok()).unwrap();
        let mut sum = largest;
        for _ in 0..17 {
            sum = sum.plus(sum);
            for sum in [sum, sum.negated(), sum.plus(Amount::parse("0.03", nok()).unwrap())] {
                assert_eq!(total(&sum.to_text(nok()), nok()), Some(sum));
            }
        }
        assert_eq!(total("12000000000000000000.00", nok()).unwrap().to_text(nok()).len(), 23);
        assert_eq!(total("x", nok()), None);
    }
}
