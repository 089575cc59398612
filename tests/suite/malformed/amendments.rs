//! Fields of an amendment, and parts of it that contradict each other.

use contract_ledger::domain::event::{AgreementAmended, LegalBasis, Payload as Read, Reasoning};
use contract_ledger::wire::parse::parse_recorded_event;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::fields::{assert_malformed, assert_well_formed};
use crate::support::events::*;

fn with(change: impl FnOnce(&mut v1::AgreementAmended)) -> Payload {
    let mut amendment = amended("M1", v1::LegalBasis::ModRev, "");
    change(&mut amendment);
    Payload::AgreementAmended(amendment)
}

fn party(number: &str) -> v1::Organisation {
    v1::Organisation { id: org(number), name: String::new() }
}

fn of_lot(id: &str, amount: &str) -> v1::CeilingChange {
    let lot = v1::scope::Scope::LotId(id.to_owned());
    v1::CeilingChange { scope: scope(lot), change: nok(amount) }
}

fn lot(id: &str) -> v1::Lot {
    v1::Lot { lot_id: id.to_owned(), title: String::new() }
}

#[test]
fn an_amendment_may_change_nothing_at_all() {
    assert_well_formed(&with(|_| {}));
    assert_well_formed(&amend("M1", v1::LegalBasis::ModMinv, "0"));
    assert_well_formed(&amend("M1", v1::LegalBasis::ModMinv, "-100"));
}

#[test]
fn an_amendment_says_on_what_ground_by_whom_and_when() {
    let cases = [
        (with(|asked| asked.legal_basis = 0), "UNKNOWN_ENUM_VALUE", "legal_basis"),
        (with(|asked| asked.legal_basis = 8), "UNKNOWN_ENUM_VALUE", "legal_basis"),
        (with(|asked| asked.decision_maker = " ".to_owned()), "FIELD_MISSING", "decision_maker"),
        (with(|asked| asked.decision_maker = "x".repeat(129)), "MALFORMED_TEXT", "decision_maker"),
        (with(|asked| asked.decided_date.clear()), "FIELD_MISSING", "decided_date"),
        (
            with(|asked| asked.decided_date = "2024-6-1".to_owned()),
            "MALFORMED_DATE",
            "decided_date",
        ),
        (with(|asked| asked.new_end_date = "soon".to_owned()), "MALFORMED_DATE", "new_end_date"),
        (with(|asked| asked.reasoning = "x".repeat(4097)), "MALFORMED_TEXT", "reasoning"),
    ];
    for (payload, reason, field) in cases {
        assert_malformed(&payload, reason, &format!("agreement_amended.{field}"));
    }
}

#[test]
fn nothing_is_changed_twice_and_nobody_joins_and_leaves_at_once() {
    let apart = with(|asked| {
        asked.ceiling_changes = vec![of_lot("LOT-1", "1"), of_lot("LOT-2", "-1")];
        asked.added_suppliers = vec![party(OTHER_SUPPLIER)];
        asked.removed_suppliers = vec![org(SUPPLIER).unwrap()];
        asked.added_buyers = vec![party(SUPPLIER)];
        asked.removed_buyers = vec![org(OTHER_SUPPLIER).unwrap()];
    });
    assert_well_formed(&apart);
    let cases = [
        (
            with(|asked| asked.ceiling_changes = vec![of_lot("L", "1"), of_lot("L", "-1")]),
            "ceiling_changes[1].scope",
        ),
        (
            with(|asked| asked.added_suppliers = vec![party(SUPPLIER), party(SUPPLIER)]),
            "added_suppliers[1]",
        ),
        (
            with(|asked| asked.removed_suppliers = vec![org(SUPPLIER).unwrap(); 2]),
            "removed_suppliers[1]",
        ),
        (with(|asked| asked.added_buyers = vec![party(BUYER), party(BUYER)]), "added_buyers[1]"),
        (with(|asked| asked.removed_buyers = vec![org(BUYER).unwrap(); 2]), "removed_buyers[1]"),
        (with(|asked| asked.added_lots = vec![lot("L"), lot("L")]), "added_lots[1].lot_id"),
        (
            with(|asked| {
                asked.added_suppliers = vec![party(SUPPLIER)];
                asked.removed_suppliers = vec![org(SUPPLIER).unwrap()];
            }),
            "removed_suppliers",
        ),
        (
            with(|asked| {
                asked.added_buyers = vec![party(BUYER)];
                asked.removed_buyers = vec![org(BUYER).unwrap()];
            }),
            "removed_buyers",
        ),
    ];
    for (payload, field) in cases {
        assert_malformed(&payload, "CONTRADICTION", &format!("agreement_amended.{field}"));
    }
}

#[test]
fn every_entry_of_an_amendment_is_checked() {
    let scopeless = v1::CeilingChange { scope: None, change: nok("1") };
    let amountless = v1::CeilingChange { change: None, ..of_lot("L", "1") };
    let cases = [
        (
            with(|asked| asked.ceiling_changes = vec![scopeless]),
            "FIELD_MISSING",
            "ceiling_changes[0].scope",
        ),
        (
            with(|asked| asked.ceiling_changes = vec![amountless]),
            "FIELD_MISSING",
            "ceiling_changes[0].change",
        ),
        (
            with(|asked| asked.ceiling_changes = vec![of_lot("L", "1.001")]),
            "MALFORMED_AMOUNT",
            "ceiling_changes[0].change.amount",
        ),
        (
            with(|asked| asked.added_suppliers = vec![party("943184098")]),
            "INVALID_ORGANISATION_NUMBER",
            "added_suppliers[0].id.number",
        ),
        (
            with(|asked| asked.removed_buyers = vec![org("943184098").unwrap()]),
            "INVALID_ORGANISATION_NUMBER",
            "removed_buyers[0].number",
        ),
        (with(|asked| asked.added_lots = vec![lot("")]), "FIELD_MISSING", "added_lots[0].lot_id"),
    ];
    for (payload, reason, field) in cases {
        assert_malformed(&payload, reason, &format!("agreement_amended.{field}"));
    }
}

#[test]
fn lists_of_an_amendment_are_bounded() {
    let lots = |count: usize| with(|asked| asked.added_lots = numbered(count, lot));
    let changes =
        |count| with(|asked| asked.ceiling_changes = numbered(count, |id| of_lot(id, "1")));
    let foreign =
        |number: &str| v1::OrganisationId { number: number.to_owned(), scheme: "0007".to_owned() };
    let leavers = |count| with(|asked| asked.removed_suppliers = numbered(count, foreign));
    let joiner = |number: &str| v1::Organisation { id: Some(foreign(number)), ..party("") };
    let joiners = |count| with(|asked| asked.added_buyers = numbered(count, joiner));
    for (payload, too_many, field) in [
        (lots(1024), lots(1025), "added_lots"),
        (changes(1024), changes(1025), "ceiling_changes"),
        (leavers(1024), leavers(1025), "removed_suppliers"),
        (joiners(1024), joiners(1025), "added_buyers"),
    ] {
        assert_well_formed(&payload);
        assert_malformed(&too_many, "LIST_OUT_OF_BOUNDS", &format!("agreement_amended.{field}"));
    }
}

fn numbered<T>(count: usize, of: impl Fn(&str) -> T) -> Vec<T> {
    (0..count).map(|number| of(&format!("N{number}"))).collect()
}

#[test]
fn every_part_of_an_amendment_is_read_into_its_place() {
    use contract_ledger::domain::date::Date;
    use contract_ledger::domain::id::{AmendmentId, LotId};
    use contract_ledger::domain::organisation::OrganisationId;
    let stated = with(|asked| {
        asked.ceiling_changes = vec![of_lot("L", "-1.50")];
        asked.new_end_date = "2026-12-31".to_owned();
        asked.added_suppliers = vec![party(OTHER_SUPPLIER)];
        asked.removed_suppliers = vec![org(SUPPLIER).unwrap()];
        asked.added_buyers = vec![party(STRANGER)];
        asked.removed_buyers = vec![org(BUYER).unwrap()];
        asked.added_lots = vec![lot("L2")];
    });
    let event = parse_recorded_event(&intent("2024-06-01", stated)).unwrap();
    let Read::AgreementAmended(amendment) = event.payload else { panic!("{event:?}") };
    let AgreementAmended {
        amendment,
        basis,
        reasoning,
        ceiling_changes,
        new_end,
        added_suppliers,
        removed_suppliers,
        added_buyers,
        removed_buyers,
        added_lots,
    } = AgreementAmended::clone(&amendment);
    let one = |number| [OrganisationId::parse("", number).unwrap()];
    assert_eq!(amendment, AmendmentId::parse("M1").unwrap());
    assert_eq!((basis, reasoning), (LegalBasis::ModRev, Reasoning::Stated));
    assert_eq!(ceiling_changes.len(), 1);
    assert_eq!(ceiling_changes[0].scope.to_string(), "lot:L");
    assert_eq!(ceiling_changes[0].change.to_string(), "-1.50 NOK");
    assert_eq!(new_end, Some(Date::parse("2026-12-31").unwrap()));
    assert_eq!(added_suppliers, one(OTHER_SUPPLIER));
    assert_eq!(removed_suppliers, one(SUPPLIER));
    assert_eq!(added_buyers, one(STRANGER));
    assert_eq!(removed_buyers, one(BUYER));
    assert_eq!(added_lots, [LotId::parse("L2").unwrap()]);
}

#[test]
fn every_legal_basis_is_told_apart() {
    let bases = [
        (v1::LegalBasis::AddWss, LegalBasis::AddWss),
        (v1::LegalBasis::ModCir, LegalBasis::ModCir),
        (v1::LegalBasis::ModMinv, LegalBasis::ModMinv),
        (v1::LegalBasis::ModNons, LegalBasis::ModNons),
        (v1::LegalBasis::ModRepl, LegalBasis::ModRepl),
        (v1::LegalBasis::ModRev, LegalBasis::ModRev),
        (v1::LegalBasis::Other, LegalBasis::Other),
    ];
    for (stated, expected) in bases {
        let event = parse_recorded_event(&fact("2024-06-01", amend("M1", stated, ""))).unwrap();
        let Read::AgreementAmended(amendment) = event.payload else { panic!("{event:?}") };
        assert_eq!(amendment.basis, expected);
    }
}
