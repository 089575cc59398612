//! The events of the demo as messages. Dates and amounts come from the script.

use contract_ledger::wire::v1::event::Payload;
use contract_ledger::wire::v1::{
    Actor, AdmissionMode, AgreementOption, AgreementSigned, Ceiling, CeilingKind, ContractNature,
    CreditNoteReceived, Event, FrameworkKind, InvoiceKind, InvoicePaid, InvoiceReceived, Money,
    OptionExercised, OptionKind, OrderClosed, OrderPlaced, OrderPolicy, Organisation,
    OrganisationId, Scope, Term, scope,
};

/// The agreement of the demo.
pub(super) const AGREEMENT_ID: &str = "asker-hyperredink";

const CURRENCY: &str = "NOK";
const BUYER_NUMBER: &str = "920125298";
const SUPPLIER_NUMBER: &str = "314159268";
/// Advertising and marketing services.
const CPV_CODE: &str = "79340000";

/// The framework as it was signed: two years, one and one in option, NOK 12 million.
pub(super) fn signed(date: &str) -> Event {
    let option = |option_id: &str, new_end_date: &str| AgreementOption {
        option_id: option_id.to_owned(),
        kind: i32::from(OptionKind::Time),
        new_end_date: new_end_date.to_owned(),
        ..Default::default()
    };
    let buyer =
        Organisation { id: Some(organisation(BUYER_NUMBER)), name: "Asker kommune".to_owned() };
    let supplier =
        Organisation { id: Some(organisation(SUPPLIER_NUMBER)), name: "HyperRedink".to_owned() };
    let payload = AgreementSigned {
        reference: "DEMO-2020-1".to_owned(),
        title: "Framework agreement for agency services".to_owned(),
        framework_kind: i32::from(FrameworkKind::WithoutReopenedCompetition),
        nature: i32::from(ContractNature::Services),
        cpv_codes: vec![CPV_CODE.to_owned()],
        owner: Some(buyer.clone()),
        buyers: vec![buyer],
        suppliers: vec![supplier],
        ceilings: vec![Ceiling {
            scope: Some(Scope { scope: Some(scope::Scope::Agreement(true)) }),
            kind: i32::from(CeilingKind::Maximum),
            amount: Some(nok("12000000.00")),
        }],
        currency: CURRENCY.to_owned(),
        term: Some(Term { start_date: "2020-12-01".to_owned(), end_date: "2022-11-30".to_owned() }),
        options: vec![option("option-1", "2023-11-30"), option("option-2", "2024-11-30")],
        order_policy: i32::from(OrderPolicy::Required),
        bids_received: Some(5),
        ..Default::default()
    };
    event(date, AdmissionMode::Fact, "contract-manager", Payload::AgreementSigned(payload))
}

/// The buyer asks to prolong.
pub(super) fn option_exercised(date: &str, option_id: &str) -> Event {
    let payload = OptionExercised { option_id: option_id.to_owned() };
    event(date, AdmissionMode::Intent, "contract-manager", Payload::OptionExercised(payload))
}

/// Somebody asks to place an order.
pub(super) fn order_placed(date: &str, order_id: &str, amount: &str) -> Event {
    let payload = OrderPlaced {
        order_id: order_id.to_owned(),
        buyer: Some(organisation(BUYER_NUMBER)),
        supplier: Some(organisation(SUPPLIER_NUMBER)),
        amount: Some(nok(amount)),
        cpv_code: CPV_CODE.to_owned(),
        department: "communication".to_owned(),
        ordered_by: "orderer".to_owned(),
        approved_by: "approver".to_owned(),
        ..Default::default()
    };
    event(date, AdmissionMode::Intent, "orderer", Payload::OrderPlaced(payload))
}

/// Somebody asks to close an order.
pub(super) fn order_closed(date: &str, order_id: &str) -> Event {
    let payload =
        OrderClosed { order_id: order_id.to_owned(), reason: "delivered and paid".to_owned() };
    event(date, AdmissionMode::Intent, "orderer", Payload::OrderClosed(payload))
}

/// An invoice came in.
pub(super) fn invoice_received(
    date: &str,
    invoice_id: &str,
    order_id: &str,
    net: &str,
    vat: &str,
) -> Event {
    let payload = InvoiceReceived {
        invoice_id: invoice_id.to_owned(),
        number: invoice_id.to_owned(),
        kind: i32::from(InvoiceKind::Commercial),
        issue_date: date.to_owned(),
        supplier: Some(organisation(SUPPLIER_NUMBER)),
        order_id: order_id.to_owned(),
        net: Some(nok(net)),
        vat: Some(nok(vat)),
        ..Default::default()
    };
    event(date, AdmissionMode::Fact, "invoice-system", Payload::InvoiceReceived(payload))
}

/// A credit note came in.
pub(super) fn credit_note_received(
    date: &str,
    credit_note_id: &str,
    invoice_id: &str,
    net: &str,
    vat: &str,
) -> Event {
    let payload = CreditNoteReceived {
        credit_note_id: credit_note_id.to_owned(),
        number: credit_note_id.to_owned(),
        issue_date: date.to_owned(),
        supplier: Some(organisation(SUPPLIER_NUMBER)),
        invoice_id: invoice_id.to_owned(),
        net: Some(nok(net)),
        vat: Some(nok(vat)),
        ..Default::default()
    };
    event(date, AdmissionMode::Fact, "invoice-system", Payload::CreditNoteReceived(payload))
}

/// Money was paid.
pub(super) fn invoice_paid(date: &str, payment_id: &str, invoice_id: &str, amount: &str) -> Event {
    let payload = InvoicePaid {
        payment_id: payment_id.to_owned(),
        invoice_id: invoice_id.to_owned(),
        amount: Some(nok(amount)),
        ..Default::default()
    };
    event(date, AdmissionMode::Fact, "invoice-system", Payload::InvoicePaid(payload))
}

fn event(date: &str, mode: AdmissionMode, person: &str, payload: Payload) -> Event {
    Event {
        effective_date: date.to_owned(),
        admission_mode: i32::from(mode),
        actor: Some(Actor {
            organisation: Some(organisation(BUYER_NUMBER)),
            client_id: "ledgerctl-demo".to_owned(),
            person: person.to_owned(),
        }),
        payload: Some(payload),
        ..Default::default()
    }
}

fn organisation(number: &str) -> OrganisationId {
    OrganisationId { number: number.to_owned(), scheme: String::new() }
}

fn nok(amount: &str) -> Money {
    Money { amount: amount.to_owned(), currency: CURRENCY.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Norwegian mod-11: weighted sum of the nine digits is divisible by eleven.
    #[test]
    fn organisation_numbers_have_valid_check_digits() {
        for number in [BUYER_NUMBER, SUPPLIER_NUMBER] {
            let sum: u32 = number
                .chars()
                .zip([3, 2, 7, 6, 5, 4, 3, 2, 1])
                .map(|(digit, weight)| digit.to_digit(10).unwrap() * weight)
                .sum();
            assert_eq!(sum % 11, 0, "{number}");
        }
    }
}
