//! From the projections to the wire: rows of the listings.

use super::answer::{forecast, money, organisation, scope_usage};
use super::record::timestamp;
use super::v1;
use crate::domain::call_off::OrderStatus;
use crate::domain::date::{Date, RecordedTime};
use crate::domain::event::{InvoiceKind, InvoiceReceived, LegalBasis, Nature, Recorded};
use crate::domain::id::{AgreementId, Position};
use crate::domain::levels::Sums;
use crate::domain::money::{Amount, Currency, Money};
use crate::domain::view::{
    AgreementState, AmendmentView, Currencies, DeadlineView, InvoiceStatus, InvoiceView, OrderView,
};
use crate::projections::breakdown::BreakdownRow;
use crate::projections::filter::{DeadlineKind, outstanding, placement, receipt};
use crate::projections::portfolio::{Agreed, Row, SeverityCounts, Summary, Texts};
use crate::projections::share_ppm;

/// What a listing is true for.
pub fn times(
    as_of: Option<Date>,
    as_known: Option<RecordedTime>,
    position: Option<Position>,
    head: v1::LogHead,
) -> v1::ListingTimes {
    v1::ListingTimes {
        as_of: as_of.map(text).unwrap_or_default(),
        as_known: as_known.map(timestamp),
        position: position.map(Position::get),
        head: Some(head),
    }
}

/// Where an agreement is in its life.
pub fn agreement_state(state: AgreementState) -> v1::AgreementState {
    match state {
        AgreementState::NotStarted => v1::AgreementState::NotStarted,
        AgreementState::Active => v1::AgreementState::Active,
        AgreementState::Expired => v1::AgreementState::Expired,
        AgreementState::Suspended => v1::AgreementState::Suspended,
        AgreementState::Terminated => v1::AgreementState::Terminated,
        AgreementState::Closed => v1::AgreementState::Closed,
    }
}

/// An agreement of the portfolio.
pub fn summary(summary: &Summary<'_>) -> v1::AgreementSummary {
    let Summary {
        row,
        agreed,
        usage,
        exceeded_scopes,
        state,
        elapsed_ppm,
        forecast: expected,
        findings,
    } = summary;
    // The first day of the row, and its last event, are for whoever keeps it.
    let Row { agreement, version, last_position: _, last_recorded: _, from: _, agreed: _ } = row;
    let Agreed {
        texts,
        nature,
        currency,
        buyers,
        suppliers,
        start,
        end,
        last_possible_end,
        // The summary has those of the day.
        states: _,
        scopes: _,
        findings: _,
        orders,
        invoices,
    } = agreed;
    let Texts { reference, title, owner, owner_name } = texts;
    let SeverityCounts { high, medium, low } = findings;
    v1::AgreementSummary {
        agreement_id: agreement.to_string(),
        reference: reference.clone(),
        title: title.clone(),
        owner: Some(v1::Organisation { id: Some(organisation(owner)), name: owner_name.clone() }),
        buyers: buyers.iter().map(organisation).collect(),
        suppliers: suppliers.iter().map(organisation).collect(),
        state: agreement_state(*state).into(),
        term_in_force: Some(v1::Term { start_date: text(*start), end_date: text(*end) }),
        last_possible_end_date: text(*last_possible_end),
        usage: Some(scope_usage(usage, *currency)),
        exceeded_scope_count: *exceeded_scopes,
        elapsed_ppm: *elapsed_ppm,
        forecast: expected.as_ref().map(forecast),
        findings_high: *high,
        findings_medium: *medium,
        findings_low: *low,
        order_count: *orders,
        invoice_count: *invoices,
        agreement_version: version.get(),
        nature: contract_nature(*nature).into(),
    }
}

/// An order.
pub fn order(id: &AgreementId, currency: Currency, order: &OrderView) -> v1::OrderRow {
    let in_own = |amount: &Amount| Some(money(Money { amount: *amount, currency }));
    let placed = placement(order);
    let OrderView {
        order,
        status,
        placement: _,
        ordered_stated,
        ordered,
        sums,
        confirmed,
        deliveries,
        received_by,
        invoices,
    } = order;
    // An order's reservations are their own, and what is committed is its ordered value.
    let Sums { reserved: _, committed: _, invoiced, prepaid, paid, exposure } = sums;
    let mut row = v1::OrderRow {
        agreement_id: id.to_string(),
        order_id: order.to_string(),
        state: order_state(*status).into(),
        ordered_stated: ordered_stated.map(money),
        ordered: in_own(ordered),
        invoiced: in_own(invoiced),
        prepaid: in_own(prepaid),
        paid: in_own(paid),
        exposure: in_own(exposure),
        confirmed: *confirmed,
        delivery_count: *deliveries,
        received_by: received_by.clone(),
        invoice_count: *invoices,
        ..Default::default()
    };
    if let Some((recorded, placed)) = placed {
        row.placed_date = text(recorded.event.effective);
        row.buyer = placed.keys.buyer.as_ref().map(organisation);
        row.supplier = placed.keys.supplier.as_ref().map(organisation);
        row.lot_id = optional_text(placed.keys.lot.as_ref());
        row.department = optional_text(placed.department.as_ref());
        row.cpv_code = optional_text(placed.cpv.as_ref());
        row.ordered_by = optional_text(placed.ordered_by.as_ref());
        row.approved_by = optional_text(placed.approved_by.as_ref());
        row.position = recorded.position.get();
        row.recorded_time = Some(timestamp(recorded.recorded));
    }
    row
}

/// An invoice. None when its receipt is something else.
pub fn invoice(
    id: &AgreementId,
    currency: Currency,
    invoice: &InvoiceView,
) -> Option<v1::InvoiceRow> {
    let in_own = |amount: Amount| Some(money(Money { amount, currency }));
    let InvoiceReceived {
        invoice: invoice_id,
        number,
        kind,
        issued,
        due,
        // The view has those of its order too.
        keys: _,
        order,
        net,
        vat,
        interest_and_fees: _,
        prepaid: _,
        corrected: _,
        department,
        cpv: _,
        document: _,
    } = receipt(invoice)?;
    let outstanding = outstanding(invoice);
    let InvoiceView {
        receipt,
        keys,
        status,
        counted,
        prepaid_left,
        credited,
        payable,
        paid,
        retained,
        currencies,
        approved_by,
        paid_by,
    } = invoice;
    let Recorded { position, version: _, event_id: _, recorded, event } = &**receipt;
    let own = net.money.currency;
    Some(v1::InvoiceRow {
        agreement_id: id.to_string(),
        invoice_id: invoice_id.to_string(),
        number: number.clone(),
        kind: invoice_kind(*kind).into(),
        state: invoice_state(*status).into(),
        effective_date: text(event.effective),
        issue_date: text(*issued),
        due_date: due.map(text).unwrap_or_default(),
        supplier: keys.supplier.as_ref().map(organisation),
        buyer: keys.buyer.as_ref().map(organisation),
        order_id: optional_text(order.as_ref()),
        net: Some(money(net.money)),
        vat: Some(money(Money { amount: *vat, currency: own })),
        credited: Some(money(*credited)),
        counted: in_own(*counted),
        prepaid_left: in_own(*prepaid_left),
        payable: Some(money(*payable)),
        paid: Some(money(*paid)),
        outstanding: Some(money(outstanding)),
        retained: Some(money(*retained)),
        approved_by: optional_text(approved_by.as_ref()),
        paid_by: paid_by.clone(),
        department: optional_text(department.as_ref()),
        position: position.get(),
        recorded_time: Some(timestamp(*recorded)),
        mixed_currencies: match currencies {
            Currencies::Shared => false,
            Currencies::Mixed => true,
        },
    })
}

/// A deadline.
pub fn deadline(
    id: &AgreementId,
    title: String,
    deadline: &DeadlineView,
    as_of: Date,
) -> v1::Deadline {
    let DeadlineView { date, subject, amount } = deadline;
    let (kind, subject_id) = DeadlineKind::of(subject);
    v1::Deadline {
        agreement_id: id.to_string(),
        kind: deadline_kind(kind).into(),
        date: text(*date),
        subject_id,
        amount: amount.map(money),
        days_left: date.days_since(as_of),
        title,
    }
}

/// An amendment, with the texts of its stored record. `original` is the agreement's ceiling as signed.
pub fn amendment(
    amendment: &AmendmentView,
    basis: LegalBasis,
    stated: v1::AgreementAmended,
    original: Money,
) -> v1::AmendmentRow {
    let AmendmentView { recorded, change, cumulated, ceiling_after } = amendment;
    let of = |amount: &Amount| Some(money(Money { amount: *amount, currency: original.currency }));
    v1::AmendmentRow {
        amendment_id: stated.amendment_id,
        legal_basis: legal_basis(basis).into(),
        effective_date: text(recorded.event.effective),
        decided_date: stated.decided_date,
        reasoning: stated.reasoning,
        decision_maker: stated.decision_maker,
        change: of(change),
        cumulated_change: of(cumulated),
        change_ppm: share_ppm(change.magnitude(), original.amount),
        cumulated_ppm: share_ppm(cumulated.magnitude(), original.amount),
        new_end_date: stated.new_end_date,
        position: recorded.position.get(),
        recorded_time: Some(timestamp(recorded.recorded)),
        ceiling_after: of(ceiling_after),
    }
}

/// A refused request. None for a record of anything else.
pub fn refusal(record: v1::Record) -> Option<v1::RefusalRow> {
    let v1::Record {
        position,
        recorded_time,
        agreement_id,
        request_id,
        expected_version: _,
        request_event_count: _,
        imported: _,
        entry,
    } = record;
    let Some(v1::record::Entry::Refusal(refused)) = entry else { return None };
    Some(v1::RefusalRow {
        position,
        recorded_time,
        agreement_id,
        request_id,
        refused: Some(refused),
    })
}

/// The sums under one key.
pub fn breakdown(currency: Currency, row: BreakdownRow) -> v1::BreakdownRow {
    let of = |amount: Amount| Some(money(Money { amount, currency }));
    let BreakdownRow { key, sums, share_ppm, orders, invoices } = row;
    let Sums { reserved, committed, invoiced, prepaid, paid, exposure } = sums;
    v1::BreakdownRow {
        key,
        reserved: of(reserved),
        committed: of(committed),
        invoiced: of(invoiced),
        prepaid: of(prepaid),
        paid: of(paid),
        exposure: of(exposure),
        share_ppm,
        order_count: orders,
        invoice_count: invoices,
    }
}

fn text(date: Date) -> String {
    date.to_string()
}

fn optional_text<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

pub(super) fn contract_nature(nature: Nature) -> v1::ContractNature {
    match nature {
        Nature::Services => v1::ContractNature::Services,
        Nature::Goods => v1::ContractNature::Goods,
        Nature::Works => v1::ContractNature::Works,
    }
}

fn order_state(status: OrderStatus) -> v1::OrderState {
    match status {
        OrderStatus::NotPlaced => v1::OrderState::NotPlaced,
        OrderStatus::Open => v1::OrderState::Open,
        OrderStatus::Cancelled => v1::OrderState::Cancelled,
        OrderStatus::Rejected => v1::OrderState::Rejected,
        OrderStatus::Closed => v1::OrderState::Closed,
    }
}

fn invoice_state(status: InvoiceStatus) -> v1::InvoiceState {
    match status {
        InvoiceStatus::Received => v1::InvoiceState::Received,
        InvoiceStatus::Approved => v1::InvoiceState::Approved,
        InvoiceStatus::Disputed => v1::InvoiceState::Disputed,
        InvoiceStatus::Rejected => v1::InvoiceState::Rejected,
    }
}

fn invoice_kind(kind: InvoiceKind) -> v1::InvoiceKind {
    match kind {
        InvoiceKind::Commercial => v1::InvoiceKind::Commercial,
        InvoiceKind::Prepayment => v1::InvoiceKind::Prepayment,
        InvoiceKind::InterestOrFee => v1::InvoiceKind::InterestOrFee,
    }
}

fn deadline_kind(kind: DeadlineKind) -> v1::DeadlineKind {
    match kind {
        DeadlineKind::OptionNotice => v1::DeadlineKind::OptionNotice,
        DeadlineKind::TermEnd => v1::DeadlineKind::TermEnd,
        DeadlineKind::ReservationExpiry => v1::DeadlineKind::ReservationExpiry,
        DeadlineKind::RetentionRelease => v1::DeadlineKind::RetentionRelease,
        DeadlineKind::OverrideEnd => v1::DeadlineKind::OverrideEnd,
    }
}

fn legal_basis(basis: LegalBasis) -> v1::LegalBasis {
    match basis {
        LegalBasis::AddWss => v1::LegalBasis::AddWss,
        LegalBasis::ModCir => v1::LegalBasis::ModCir,
        LegalBasis::ModMinv => v1::LegalBasis::ModMinv,
        LegalBasis::ModNons => v1::LegalBasis::ModNons,
        LegalBasis::ModRepl => v1::LegalBasis::ModRepl,
        LegalBasis::ModRev => v1::LegalBasis::ModRev,
        LegalBasis::Other => v1::LegalBasis::Other,
    }
}
