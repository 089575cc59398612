//! What happens in a random history: one payload, its ids from small pools.

use std::sync::Arc;

use contract_ledger::domain::event::{
    AgreementAmended, CeilingChange, Competition, CreditNoteReceived, DeliveryReceived,
    EventReversed, HeadroomReserved, InvoiceApproved, InvoiceDisputed, InvoiceKind, InvoicePaid,
    InvoiceReceived, InvoiceRef, InvoiceRejected, LegalBasis, OptionRef, OrderChanged, OrderPlaced,
    OrderRef, OverrideGranted, Payload, PaymentReversed, PrepaymentOffset, PriceIndexed, Reasoned,
    ReservationReleased, RetentionReleased, RetentionWithheld,
};
use contract_ledger::domain::id::{
    AmendmentId, CreditNoteId, DeliveryId, EventId, InvoiceId, OrderId, OverrideId, PaymentId,
    ReservationId, RetentionId,
};
use contract_ledger::domain::money::{Amount, Currency, Money, Rate};
use contract_ledger::domain::policy::PolicyChange;
use contract_ledger::domain::scope::Scope;
use contract_ledger::domain::text::Text;

use super::super::support::events::{SUPPLIER, THIRD_SUPPLIER};
use super::generate::{Catalogue, World, lot, option, organisation};
use super::history::History;
use super::names::was_placed;

/// What kind of thing happens next.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Order,
    OrderState,
    Invoice,
    Negative,
    Prepayment,
    Credit,
    Payment,
    Reversal,
    Option,
    Amendment,
    AgreementState,
    Reservation,
    InvoiceState,
    Retention,
    Override,
    Policy,
}

impl World {
    pub(super) fn payload(&mut self, history: &History) -> Payload {
        let mut kinds = vec![
            (16, Kind::Order),
            (12, Kind::OrderState),
            (14, Kind::Invoice),
            (4, Kind::Negative),
            (5, Kind::Prepayment),
            (7, Kind::Credit),
            (8, Kind::Payment),
            (6, Kind::Reversal),
            (4, Kind::Option),
        ];
        if self.catalogue == Catalogue::Whole {
            kinds.extend([
                (6, Kind::Amendment),
                (2, Kind::AgreementState),
                (6, Kind::Reservation),
                (5, Kind::InvoiceState),
                (2, Kind::Retention),
                (4, Kind::Override),
                (3, Kind::Policy),
            ]);
        }
        if self.catalogue == Catalogue::Whole {
            match self.focus {
                0 => kinds.extend([(12, Kind::Amendment), (6, Kind::Policy)]),
                1 => kinds.extend([(10, Kind::Override), (20, Kind::Order)]),
                2 => kinds.extend([(14, Kind::Reservation), (14, Kind::Order)]),
                3 => kinds.extend([(12, Kind::InvoiceState), (10, Kind::Prepayment)]),
                4 => kinds.extend([(10, Kind::Policy), (25, Kind::Order)]),
                _ => {}
            }
        }
        if self.catalogue == Catalogue::Whole && self.focus == 4 && history.events.len() == 1 {
            return Payload::ThresholdPolicySet(Arc::new(self.split_policy()));
        }
        match self.random.weighted(&kinds) {
            Kind::Order => Payload::OrderPlaced(Arc::new(self.order(history))),
            Kind::OrderState => self.order_state(history),
            Kind::Invoice => Payload::InvoiceReceived(Arc::new(self.invoice(history))),
            Kind::Negative => Payload::InvoiceReceived(Arc::new(self.negative(history))),
            Kind::Prepayment => self.prepayment(history),
            Kind::Credit => Payload::CreditNoteReceived(Arc::new(self.credit(history))),
            Kind::Payment => self.payment(history),
            Kind::Reversal => self.reversal(history),
            Kind::Option => self.option_event(),
            Kind::Amendment => self.amendment(),
            Kind::AgreementState => self.agreement_state(),
            Kind::Reservation => self.reservation_event(history),
            Kind::InvoiceState => self.invoice_state(history),
            Kind::Retention => self.retention_event(history),
            Kind::Override => self.grant(),
            Kind::Policy => self.policy(),
        }
    }

    fn order(&mut self, history: &History) -> OrderPlaced {
        let reservation = self.catalogue == Catalogue::Whole && self.random.per_cent(20);
        OrderPlaced {
            order: OrderId::parse(&self.id("O", 8)).unwrap(),
            keys: self.keys(),
            value: self.value(),
            department: self.random.per_cent(80).then(|| Text::new("D1")),
            cpv: self.random.per_cent(70).then(|| Text::new("72000000")),
            reservation: reservation.then(|| self.reservation_id(history)),
            ordered_by: self.person(),
            approved_by: self.person(),
            competition: self
                .random
                .weighted(&[(8, Competition::Documented), (2, Competition::NotDocumented)]),
        }
    }

    fn order_state(&mut self, history: &History) -> Payload {
        let order = self.order_id(history);
        let named = OrderRef { order: order.clone() };
        let whole = self.catalogue == Catalogue::Whole;
        match self.random.below(if whole { 12 } else { 6 }) {
            0..=3 => {
                let value = self.value();
                Payload::OrderChanged(Arc::new(OrderChanged { order, value }))
            }
            4 => Payload::OrderCancelled(named),
            5 | 6 => Payload::OrderClosed(named),
            7 => Payload::OrderConfirmed(named),
            8 => Payload::OrderRejected(named),
            9 | 10 => Payload::OrderReopened(named),
            _ => {
                let delivery = DeliveryId::parse(&self.id("D", 5)).unwrap();
                let received_by = self.person();
                Payload::DeliveryReceived(Arc::new(DeliveryReceived {
                    delivery,
                    order,
                    received_by,
                }))
            }
        }
    }

    fn invoice(&mut self, history: &History) -> InvoiceReceived {
        let kind =
            self.random.weighted(&[(9, InvoiceKind::Commercial), (1, InvoiceKind::InterestOrFee)]);
        let net = self.value();
        let with_vat = self.random.per_cent(50);
        let vat = if with_vat { net.money.amount } else { Amount::ZERO };
        let stated = net.money.currency == self.currency
            && kind == InvoiceKind::Commercial
            && self.random.per_cent(30);
        let prepaid = if stated { self.amount(self.currency) } else { Amount::ZERO };
        let fees = self.random.per_cent(10);
        let interest_and_fees = if fees { self.amount(net.money.currency) } else { Amount::ZERO };
        let mut keys = self.keys();
        if self.random.per_cent(2) {
            keys.supplier = Some(organisation("920125299"));
        }
        if self.random.per_cent(30) {
            keys.buyer = None;
        }
        let order = self.random.per_cent(65).then(|| self.order_id(history));
        // Whether an invoice that comes after the reversal still belongs to the order is not settled.
        let order = order.filter(|id| !was_placed(history, id));
        if order.is_some() {
            keys.lot = None;
        }
        InvoiceReceived {
            // Interest has ids of its own, so that no negative invoice names it.
            invoice: match kind {
                InvoiceKind::InterestOrFee => InvoiceId::parse(&self.id("F", 2)).unwrap(),
                _ => InvoiceId::parse(&self.id("I", 8)).unwrap(),
            },
            number: self.id("", 6),
            kind,
            issued: self.issued(),
            due: None,
            keys,
            order,
            net,
            vat,
            interest_and_fees,
            prepaid,
            corrected: None,
            department: None,
            cpv: None,
            document: self.document(),
        }
    }

    fn issued(&mut self) -> contract_ledger::domain::date::Date {
        self.start.plus_days(self.random.between(0, 2)).unwrap()
    }

    fn document(&mut self) -> Option<Text> {
        let digit = self.random.below(10);
        self.random.per_cent(20).then(|| Text::new(&digit.to_string().repeat(64)))
    }

    fn negative(&mut self, history: &History) -> InvoiceReceived {
        let base = self.invoice(history);
        let mut net = base.net;
        net.money.amount = net.money.amount.negated();
        let vat = base.vat.negated();
        let names = net.money.amount.is_negative() && self.random.per_cent(70);
        let corrected = names.then(|| self.lowered_id(history));
        InvoiceReceived {
            invoice: InvoiceId::parse(&self.id("N", 4)).unwrap(),
            kind: InvoiceKind::Commercial,
            net,
            vat,
            interest_and_fees: Amount::ZERO,
            prepaid: Amount::ZERO,
            corrected,
            ..base
        }
    }

    /// A prepayment, or an offset of one. Those without VAT are offset by hand too, so that what is
    /// left of the gross is exact.
    fn prepayment(&mut self, history: &History) -> Payload {
        if self.catalogue == Catalogue::Whole && self.random.per_cent(25) {
            let prepayment = InvoiceId::parse("V3").unwrap();
            let named = self.random.per_cent(30);
            let final_invoice = named.then(|| self.invoice_id(history));
            let amount = self.money();
            return Payload::PrepaymentOffset(Arc::new(PrepaymentOffset {
                prepayment,
                final_invoice,
                amount,
            }));
        }
        let base = self.invoice(history);
        let id = self.id("V", 3);
        let plain = id == "V3";
        let net = self.value_in(self.currency);
        let vat = if plain { Amount::ZERO } else { self.amount(self.currency) };
        Payload::InvoiceReceived(Arc::new(InvoiceReceived {
            invoice: InvoiceId::parse(&id).unwrap(),
            kind: InvoiceKind::Prepayment,
            net,
            vat,
            interest_and_fees: Amount::ZERO,
            prepaid: Amount::ZERO,
            ..base
        }))
    }

    fn credit(&mut self, history: &History) -> CreditNoteReceived {
        let mut net = self.value();
        if self.random.per_cent(15) {
            net.money.amount = net.money.amount.negated();
        }
        let with_vat = self.random.per_cent(50);
        let supplier =
            self.random.weighted(&[(95, SUPPLIER), (3, THIRD_SUPPLIER), (2, "920125299")]);
        let invoice = self.credited_id(history);
        CreditNoteReceived {
            credit_note: CreditNoteId::parse(&self.id("C", 8)).unwrap(),
            number: self.id("", 5),
            issued: self.issued(),
            invoice,
            supplier: organisation(supplier),
            net,
            vat: if with_vat { net.money.amount } else { Amount::ZERO },
            document: self.document(),
        }
    }

    fn payment(&mut self, history: &History) -> Payload {
        let payment = PaymentId::parse(&self.id("P", 8)).unwrap();
        if self.catalogue == Catalogue::Whole && self.random.per_cent(20) {
            return Payload::PaymentReversed(PaymentReversed { payment });
        }
        let (invoice, value, paid_by) = (self.invoice_id(history), self.value(), self.person());
        Payload::InvoicePaid(Arc::new(InvoicePaid { payment, invoice, value, paid_by }))
    }

    fn reversal(&mut self, history: &History) -> Payload {
        let first = i64::from(!self.random.per_cent(2));
        let last = i64::try_from(history.events.len()).unwrap() - 1;
        let unknown = EventId::from_uuid(uuid::Uuid::from_u128(u128::MAX));
        if last < first || self.random.per_cent(4) {
            return Payload::EventReversed(EventReversed { target: unknown });
        }
        let index = usize::try_from(self.random.between(first, last)).unwrap();
        Payload::EventReversed(EventReversed { target: history.events[index].event_id })
    }

    fn option_event(&mut self) -> Payload {
        let id = self.random.weighted(&[(5, "1"), (3, "2"), (2, "3"), (1, "9")]);
        let named = OptionRef { option: option(id) };
        if self.catalogue == Catalogue::Whole && self.random.per_cent(25) {
            Payload::OptionDeclined(named)
        } else {
            Payload::OptionExercised(named)
        }
    }

    fn amendment(&mut self) -> Payload {
        if self.random.per_cent(15) {
            let factor = *self.random.one_of(&["1.0345", "0.97", "1.1111111111"]);
            return Payload::PriceIndexed(PriceIndexed { factor: Rate::parse(factor).unwrap() });
        }
        let scopes = [
            Scope::Agreement,
            Scope::Agreement,
            Scope::Lot(lot("L1")),
            Scope::Lot(lot("L2")),
            Scope::Supplier(organisation(SUPPLIER)),
        ];
        let mut ceiling_changes = Vec::new();
        if self.random.per_cent(75) {
            let scope = self.random.one_of(&scopes).clone();
            let mut change = self.money();
            // Only the agreement's ceiling is sure to be there, and so to be lowered.
            if scope == Scope::Agreement && self.random.per_cent(40) {
                let tenth = i64::max(self.size / 20, 1);
                change.amount = self.whole(tenth).negated();
            } else if self.random.per_cent(20) {
                change.amount = self.whole(i64::max(self.size * 3 / 5, 2));
            }
            ceiling_changes.push(CeilingChange { scope, change });
        }
        let some = |yes: bool, number: &str| {
            if yes { vec![organisation(number)] } else { Vec::new() }
        };
        let new_end = self.random.per_cent(15).then(|| self.day(-60, 400));
        let third = |yes: bool| some(yes, THIRD_SUPPLIER);
        Payload::AgreementAmended(Arc::new(AgreementAmended {
            amendment: AmendmentId::parse(&self.id("A", 6)).unwrap(),
            basis: *self.random.one_of(&[
                LegalBasis::ModMinv,
                LegalBasis::ModMinv,
                LegalBasis::AddWss,
                LegalBasis::ModCir,
                LegalBasis::ModNons,
                LegalBasis::ModRepl,
                LegalBasis::ModRev,
                LegalBasis::Other,
            ]),
            reasoning: self.reasoning(10),
            ceiling_changes,
            new_end,
            added_suppliers: third(self.random.per_cent(15)),
            removed_suppliers: some(self.random.per_cent(5), SUPPLIER),
            added_buyers: Vec::new(),
            removed_buyers: some(self.random.per_cent(3), "974760673"),
            added_lots: if self.random.per_cent(10) { vec![lot("L3")] } else { Vec::new() },
        }))
    }

    fn agreement_state(&mut self) -> Payload {
        let reasoned = Reasoned { reasoning: self.reasoning(15) };
        match self.random.below(10) {
            0..=3 => Payload::AgreementSuspended(reasoned),
            4..=7 => Payload::AgreementResumed,
            8 => Payload::AgreementTerminated(reasoned),
            _ => Payload::AgreementClosed,
        }
    }

    fn reservation_event(&mut self, history: &History) -> Payload {
        if self.random.per_cent(20) {
            let reservation = self.reservation_id(history);
            return Payload::ReservationReleased(ReservationReleased { reservation });
        }
        let mut keys = self.keys();
        if self.random.per_cent(30) {
            keys.supplier = None;
        }
        Payload::HeadroomReserved(Arc::new(HeadroomReserved {
            reservation: ReservationId::parse(&self.id("R", 4)).unwrap(),
            value: self.value(),
            expiry: self.day(-10, 60),
            keys,
            department: None,
        }))
    }

    fn invoice_state(&mut self, history: &History) -> Payload {
        let (invoice, reasoning) = (self.invoice_id(history), self.reasoning(10));
        match self.random.below(5) {
            0 => {
                let approved_by = self.person();
                Payload::InvoiceApproved(Arc::new(InvoiceApproved { invoice, approved_by }))
            }
            1 => Payload::InvoiceDisputed(InvoiceDisputed { invoice, reasoning }),
            2 => Payload::DisputeResolved(InvoiceRef { invoice }),
            _ => Payload::InvoiceRejected(InvoiceRejected { invoice, reasoning }),
        }
    }

    fn retention_event(&mut self, history: &History) -> Payload {
        let retention = RetentionId::parse(&self.id("H", 2)).unwrap();
        let value = self.value_in(self.currency);
        if self.random.per_cent(40) {
            return Payload::RetentionReleased(Arc::new(RetentionReleased { retention, value }));
        }
        let (invoice, release_due) = (self.invoice_id(history), None);
        Payload::RetentionWithheld(Arc::new(RetentionWithheld {
            retention,
            invoice,
            value,
            release_due,
        }))
    }

    fn grant(&mut self) -> Payload {
        let mut limit = self.money();
        if self.random.per_cent(2) {
            limit.currency = Currency::parse("SEK").unwrap();
            limit.amount = Amount::parse("5", limit.currency).unwrap();
        }
        let persons = self.random.per_cent(80);
        let (first, second) = (Text::new("p1"), Text::new("p2"));
        Payload::OverrideGranted(Arc::new(OverrideGranted {
            override_id: OverrideId::parse(&self.id("W", 4)).unwrap(),
            limit,
            reasoning: self.reasoning(10),
            end: self.day(0, 90),
            granted_by: if persons { Some(first) } else { self.person() },
            seconded_by: if persons { Some(second) } else { self.person() },
        }))
    }

    fn policy(&mut self) -> Payload {
        let steps = vec![vec![500_000, 725_000], vec![900_000], vec![1, 1_000_000]];
        let mut change = PolicyChange::default();
        match self.random.below(9) {
            0 => change.warning_steps_ppm = Some(self.random.one_of(&steps).clone()),
            1 => change.late_registration_days = Some(*self.random.one_of(&[0, 5, 60])),
            2 => {
                let amount = self.whole(self.random.clone().between(1, self.size));
                change.eea_threshold = Some(Money { amount, currency: self.currency });
            }
            3 => change.de_minimis_ppm = Some(*self.random.one_of(&[50_000, 200_000])),
            4 => change.amendment_max_ppm = Some(*self.random.one_of(&[100_000, 250_000])),
            _ => change = self.split_policy(),
        }
        if self.random.per_cent(20) {
            return Payload::DocumentAttached;
        }
        Payload::ThresholdPolicySet(Arc::new(change))
    }

    fn split_policy(&mut self) -> PolicyChange {
        let amount = self.whole(i64::max(self.size * 2 / 5, 1));
        PolicyChange {
            split_threshold: Some(Money { amount, currency: self.currency }),
            split_window_days: Some(*self.random.one_of(&[0, 14, 60])),
            ..PolicyChange::default()
        }
    }
}
