//! Prepayments: exposure until they are offset, never consumption.

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::support::events::*;
use super::{Story, given};

fn prepayment(id: &str, order: &str, net: &str, vat: &str) -> Payload {
    let base = invoiced(id, order, net);
    let kind = v1::InvoiceKind::Prepayment.into();
    Payload::InvoiceReceived(v1::InvoiceReceived { kind, vat: nok(vat), ..base })
}

fn final_invoice(id: &str, order: &str, net: &str, prepaid: &str) -> Payload {
    let base = invoiced(id, order, net);
    Payload::InvoiceReceived(v1::InvoiceReceived { prepaid: nok(prepaid), ..base })
}

fn sums(story: &Story) -> [String; 3] {
    let usage = story.usage("2024-12-31");
    let sums = usage.scopes[0].sums;
    [sums.invoiced, sums.prepaid, sums.exposure].map(|amount| amount.to_text(usage.currency))
}

#[test]
fn a_final_invoice_offsets_what_it_states_as_prepaid() {
    let prepaid = given([
        sign("1000"),
        intent("2024-01-01", order("O1", "100")),
        fact("2024-01-02", prepayment("V1", "O1", "120", "30")),
    ]);
    assert_eq!(sums(&prepaid), ["0.00", "120.00", "120.00"], "more is prepaid than was ordered");
    let final_one = fact("2024-02-01", final_invoice("I1", "O1", "120", "150"));
    assert_eq!(sums(&prepaid.when(final_one).unwrap()), ["120.00", "0.00", "120.00"]);
    let partly = fact("2024-02-01", final_invoice("I1", "O1", "40", "50"));
    assert_eq!(sums(&prepaid.when(partly).unwrap()), ["40.00", "80.00", "120.00"]);
}

#[test]
fn several_prepayments_are_offset_oldest_first_and_never_below_nothing() {
    let story = given([
        sign("1000"),
        intent("2024-01-01", order("O1", "10")),
        fact("2024-01-02", prepayment("V1", "O1", "80", "20")),
        fact("2024-01-03", prepayment("V2", "O1", "50", "0")),
    ]);
    // 100 gross take off all of V1; the other 20 take off 20 net of V2, which has no VAT.
    let partly = story.when(fact("2024-02-01", final_invoice("I1", "O1", "0", "120"))).unwrap();
    assert_eq!(sums(&partly)[1], "30.00");
    let more = story.when(fact("2024-02-01", final_invoice("I1", "O1", "0", "1000"))).unwrap();
    assert_eq!(sums(&more)[1], "0.00");
}

#[test]
fn without_an_order_only_the_same_suppliers_prepayments_are_offset() {
    let other = Payload::InvoiceReceived(v1::InvoiceReceived {
        kind: v1::InvoiceKind::Prepayment.into(),
        supplier: org(OTHER_SUPPLIER),
        ..invoiced("V2", "", "50")
    });
    let story = given([
        sign("1000"),
        fact("2024-01-02", prepayment("V1", "", "80", "20")),
        fact("2024-01-03", other),
        fact("2024-02-01", final_invoice("I1", "", "80", "100")),
    ]);
    assert_eq!(sums(&story), ["80.00", "50.00", "130.00"]);
}

#[test]
fn interest_and_fees_never_count() {
    let kind = v1::InvoiceKind::InterestOrFee.into();
    let fee = Payload::InvoiceReceived(v1::InvoiceReceived { kind, ..invoiced("F1", "", "70") });
    let story = given([sign("100"), fact("2024-01-01", fee)]);
    assert_eq!(sums(&story), ["0.00", "0.00", "0.00"]);
    assert_eq!(story.finding_names("2024-12-31"), [""; 0]);
}

#[test]
fn an_offset_far_above_a_prepayment_takes_what_is_left_and_no_more() {
    let large = "999999999999999999";
    let vat = "-999999999999999998.99";
    let story = given([
        sign("1000"),
        fact("2024-02-01", prepayment("V1", "", large, vat)),
        fact("2024-02-02", credit("C0", "V1", large)),
        fact("2024-02-02", credit("C1", "V1", large)),
        fact("2024-03-01", final_invoice("I1", "", "1", "79228162514")),
    ]);
    assert_eq!(sums(&story), ["1.00", "0.00", "1.00"]);
}
