//! Reading the requests of listings: whom they ask about, the two times, the filter, the page size.
//!
//! Page tokens are not read here: what they say is the ledger's own business.

use super::path::{Item, Path};
use super::texts;
use super::values::{self, Check};
use super::{SHORT_TEXT_BYTES_MAX, Violation, Violations, malformed};
use crate::domain::call_off::OrderStatus;
use crate::domain::date::{Date, RecordedTime};
use crate::domain::finding::Handling;
use crate::domain::id::{AgreementId, LotId, OrderId};
use crate::domain::reason::{Reason, Severity};
use crate::domain::text::Text;
use crate::domain::view::{AgreementState, InvoiceStatus};
use crate::projections::breakdown::Dimension;
use crate::projections::filter::{
    DeadlineFilter, DeadlineKind, FindingFilter, FindingStanding, InvoiceFilter, OrderFilter,
    Presence,
};
use crate::projections::portfolio::{PortfolioFilter, PortfolioOrder};
use crate::wire::record::from_timestamp;
use crate::wire::v1;

/// Most values of one list in a filter.
pub const FILTER_VALUES_MAX: usize = 64;

/// A listing as asked for.
#[derive(Debug, Clone)]
pub struct ListingQuery<F> {
    /// Only this agreement.
    pub agreement: Option<AgreementId>,
    /// Business date, included. None: today in Europe/Oslo.
    pub as_of: Option<Date>,
    /// Recorded time, included. None: everything.
    pub as_known: Option<RecordedTime>,
    /// Rows of a page as asked for. None: the server's default.
    pub page_size: Option<usize>,
    /// Which rows.
    pub filter: F,
}

/// Which refusals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RefusalFilter {
    /// With one of these reasons. Empty: all.
    pub reasons: Vec<Reason>,
    /// Recorded at this instant or later.
    pub recorded_from: Option<RecordedTime>,
}

/// The result of reading a listing's request.
pub type Read<F> = Result<ListingQuery<F>, Vec<Violation>>;

/// Reads which agreements, and in which order.
pub fn agreements(request: &v1::ListAgreementsRequest) -> Read<(PortfolioFilter, PortfolioOrder)> {
    let v1::ListAgreementsRequest {
        as_of,
        as_known,
        buyer,
        supplier,
        states,
        usage_ppm_min,
        end_date_from,
        end_date_to,
        order_by,
        page_size,
        page_token: _,
        min_position: _,
    } = request;
    let mut reading = Reading::default();
    let found = &mut reading.0;
    let filter = PortfolioFilter {
        buyer: values::optional_organisation(found, &"buyer", buyer.as_ref(), Check::Strict),
        supplier: values::optional_organisation(
            found,
            &"supplier",
            supplier.as_ref(),
            Check::Strict,
        ),
        states: enums(found, &"states", states, agreement_state),
        usage_ppm_min: *usage_ppm_min,
        end_from: values::optional_date(found, &"end_date_from", end_date_from),
        end_to: values::optional_date(found, &"end_date_to", end_date_to),
    };
    let order = match v1::PortfolioOrder::try_from(*order_by) {
        Ok(v1::PortfolioOrder::Unspecified | v1::PortfolioOrder::AgreementId) => {
            PortfolioOrder::Agreement
        }
        Ok(v1::PortfolioOrder::Usage) => PortfolioOrder::Usage,
        Ok(v1::PortfolioOrder::EndDate) => PortfolioOrder::EndDate,
        Err(_) => {
            unknown_value(found, &"order_by");
            PortfolioOrder::Agreement
        }
    };
    reading.finish("", Whose::All, as_of, as_known.as_ref(), *page_size, (filter, order))
}

/// Reads which orders.
pub fn orders(request: &v1::ListOrdersRequest) -> Read<OrderFilter> {
    let v1::ListOrdersRequest {
        agreement_id,
        as_of,
        as_known,
        states,
        buyer,
        supplier,
        lot_id,
        department,
        placed_from,
        placed_to,
        page_size,
        page_token: _,
        min_position: _,
    } = request;
    let mut reading = Reading::default();
    let found = &mut reading.0;
    let filter = OrderFilter {
        states: enums(found, &"states", states, order_state),
        buyer: values::optional_organisation(found, &"buyer", buyer.as_ref(), Check::Strict),
        supplier: values::optional_organisation(
            found,
            &"supplier",
            supplier.as_ref(),
            Check::Strict,
        ),
        lot: values::optional_id(found, &"lot_id", lot_id, LotId::parse),
        department: optional_text(found, &"department", department),
        placed_from: values::optional_date(found, &"placed_from", placed_from),
        placed_to: values::optional_date(found, &"placed_to", placed_to),
    };
    reading.finish(agreement_id, Whose::OneOrAll, as_of, as_known.as_ref(), *page_size, filter)
}

/// Reads which invoices. A supplier is read as an invoice may state it.
pub fn invoices(request: &v1::ListInvoicesRequest) -> Read<InvoiceFilter> {
    let v1::ListInvoicesRequest {
        agreement_id,
        as_of,
        as_known,
        states,
        order_id,
        supplier,
        has_outstanding,
        has_retention,
        page_size,
        page_token: _,
        min_position: _,
    } = request;
    let mut reading = Reading::default();
    let found = &mut reading.0;
    let supplier = supplier.as_ref();
    let filter = InvoiceFilter {
        states: enums(found, &"states", states, invoice_state),
        order: values::optional_id(found, &"order_id", order_id, OrderId::parse),
        supplier: values::optional_organisation(found, &"supplier", supplier, Check::AsStated),
        outstanding: has_outstanding.map(presence),
        retention: has_retention.map(presence),
    };
    reading.finish(agreement_id, Whose::OneOrAll, as_of, as_known.as_ref(), *page_size, filter)
}

/// Reads which findings.
pub fn findings(request: &v1::ListFindingsRequest) -> Read<FindingFilter> {
    let v1::ListFindingsRequest {
        agreement_id,
        as_of,
        as_known,
        rules,
        severities,
        statuses,
        handlings,
        page_size,
        page_token: _,
        min_position: _,
    } = request;
    let mut reading = Reading::default();
    let found = &mut reading.0;
    let filter = FindingFilter {
        rules: reasons(found, &"rules", rules),
        severities: enums(found, &"severities", severities, severity),
        standings: enums(found, &"statuses", statuses, |status| match status {
            v1::FindingStatus::Unspecified => None,
            v1::FindingStatus::Open => Some(FindingStanding::Open),
            v1::FindingStatus::Cleared => Some(FindingStanding::Cleared),
        }),
        handlings: enums(found, &"handlings", handlings, |handling| match handling {
            v1::FindingHandling::Unspecified => None,
            v1::FindingHandling::None => Some(Handling::None),
            v1::FindingHandling::Acknowledged => Some(Handling::Acknowledged),
            v1::FindingHandling::Waived => Some(Handling::Waived),
            v1::FindingHandling::Resolved => Some(Handling::Resolved),
        }),
    };
    reading.finish(agreement_id, Whose::OneOrAll, as_of, as_known.as_ref(), *page_size, filter)
}

/// Reads which deadlines.
pub fn deadlines(request: &v1::ListDeadlinesRequest) -> Read<DeadlineFilter> {
    let v1::ListDeadlinesRequest {
        agreement_id,
        as_of,
        as_known,
        kinds,
        date_to,
        date_from,
        page_size,
        page_token: _,
        min_position: _,
    } = request;
    let mut reading = Reading::default();
    let found = &mut reading.0;
    let filter = DeadlineFilter {
        kinds: enums(found, &"kinds", kinds, |kind| match kind {
            v1::DeadlineKind::Unspecified => None,
            v1::DeadlineKind::OptionNotice => Some(DeadlineKind::OptionNotice),
            v1::DeadlineKind::TermEnd => Some(DeadlineKind::TermEnd),
            v1::DeadlineKind::ReservationExpiry => Some(DeadlineKind::ReservationExpiry),
            v1::DeadlineKind::RetentionRelease => Some(DeadlineKind::RetentionRelease),
            v1::DeadlineKind::OverrideEnd => Some(DeadlineKind::OverrideEnd),
        }),
        from: values::optional_date(found, &"date_from", date_from),
        to: values::optional_date(found, &"date_to", date_to),
    };
    reading.finish(agreement_id, Whose::OneOrAll, as_of, as_known.as_ref(), *page_size, filter)
}

/// Reads whose amendments.
pub fn amendments(request: &v1::ListAmendmentsRequest) -> Read<()> {
    let v1::ListAmendmentsRequest {
        agreement_id,
        as_of,
        as_known,
        page_size,
        page_token: _,
        min_position: _,
    } = request;
    let reading = Reading::default();
    reading.finish(agreement_id, Whose::One, as_of, as_known.as_ref(), *page_size, ())
}

/// Reads which refusals.
pub fn refusals(request: &v1::ListRefusalsRequest) -> Read<RefusalFilter> {
    let v1::ListRefusalsRequest {
        agreement_id,
        as_known,
        reasons: names,
        recorded_from,
        page_size,
        page_token: _,
        min_position: _,
    } = request;
    let mut reading = Reading::default();
    let found = &mut reading.0;
    let earliest = recorded_from.as_ref().and_then(from_timestamp);
    if recorded_from.is_some() && earliest.is_none() {
        found.add("recorded_from", malformed::MALFORMED_DATE, "must be a valid instant");
    }
    let filter =
        RefusalFilter { reasons: reasons(found, &"reasons", names), recorded_from: earliest };
    reading.finish(agreement_id, Whose::OneOrAll, "", as_known.as_ref(), *page_size, filter)
}

/// Reads by what an agreement's sums are broken down.
pub fn dimension(violations: &mut Violations, number: i32) -> Option<Dimension> {
    match v1::BreakdownDimension::try_from(number) {
        Ok(v1::BreakdownDimension::Department) => Some(Dimension::Department),
        Ok(v1::BreakdownDimension::Supplier) => Some(Dimension::Supplier),
        Ok(v1::BreakdownDimension::Buyer) => Some(Dimension::Buyer),
        Ok(v1::BreakdownDimension::Lot) => Some(Dimension::Lot),
        Ok(v1::BreakdownDimension::Cpv) => Some(Dimension::Cpv),
        Ok(v1::BreakdownDimension::Month) => Some(Dimension::Month),
        Ok(v1::BreakdownDimension::Unspecified) | Err(_) => {
            unknown_value(violations, &"dimension");
            None
        }
    }
}

/// Whether a listing names an agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    All,
    OneOrAll,
    One,
}

#[derive(Default)]
struct Reading(Violations);

impl Reading {
    fn finish<F>(
        self,
        agreement_id: &str,
        whose: Whose,
        as_of: &str,
        as_known: Option<&v1::AsKnown>,
        page_size: i32,
        filter: F,
    ) -> Read<F> {
        let Self(mut violations) = self;
        let found = &mut violations;
        let agreement = match whose {
            Whose::All => None,
            Whose::OneOrAll => {
                values::optional_id(found, &"agreement_id", agreement_id, AgreementId::parse)
            }
            Whose::One => values::id(found, &"agreement_id", agreement_id, AgreementId::parse),
        };
        let as_of = super::parse_as_of(found, as_of);
        let as_known = super::parse_known(found, as_known);
        let page_size = usize::try_from(page_size).unwrap_or_else(|_| {
            found.add("page_size", malformed::NUMBER_OUT_OF_BOUNDS, "must not be negative");
            0
        });
        let page_size = (page_size > 0).then_some(page_size);
        if violations.is_empty() {
            Ok(ListingQuery { agreement, as_of, as_known, page_size, filter })
        } else {
            Err(violations.into_vec())
        }
    }
}

fn presence(is_there: bool) -> Presence {
    if is_there { Presence::Something } else { Presence::Nothing }
}

fn unknown_value(violations: &mut Violations, field: Path<'_>) {
    violations.add(field, malformed::UNKNOWN_ENUM_VALUE, "must be one of the published values");
}

fn is_within_bounds<T>(violations: &mut Violations, field: Path<'_>, list: &[T]) -> bool {
    let fits = list.len() <= FILTER_VALUES_MAX;
    if !fits {
        let text = format!("must have at most {FILTER_VALUES_MAX} values, not {}", list.len());
        violations.add(field, malformed::LIST_OUT_OF_BOUNDS, text);
    }
    fits
}

fn enums<W: TryFrom<i32>, D>(
    violations: &mut Violations,
    field: Path<'_>,
    numbers: &[i32],
    meaning: impl Fn(W) -> Option<D>,
) -> Vec<D> {
    if !is_within_bounds(violations, field, numbers) {
        return Vec::new();
    }
    let mut read = Vec::with_capacity(numbers.len());
    for (index, number) in numbers.iter().enumerate() {
        match W::try_from(*number).ok().and_then(&meaning) {
            Some(value) => read.push(value),
            None => unknown_value(violations, &Item(field, index)),
        }
    }
    read
}

fn reasons(violations: &mut Violations, field: Path<'_>, names: &[String]) -> Vec<Reason> {
    if !is_within_bounds(violations, field, names) {
        return Vec::new();
    }
    let mut read = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if let Some(reason) = Reason::ALL.iter().find(|reason| reason.name() == name) {
            read.push(*reason);
        } else {
            let field = &Item(field, index);
            let text = "must be a published rule or reason, such as CEILING_EXCEEDED";
            violations.add(&field, malformed::UNKNOWN_NAME, text);
        }
    }
    read
}

fn optional_text(violations: &mut Violations, field: Path<'_>, text: &str) -> Option<Text> {
    texts::text(violations, field, text, SHORT_TEXT_BYTES_MAX);
    texts::stated_text(text)
}

fn agreement_state(state: v1::AgreementState) -> Option<AgreementState> {
    match state {
        v1::AgreementState::Unspecified => None,
        v1::AgreementState::NotStarted => Some(AgreementState::NotStarted),
        v1::AgreementState::Active => Some(AgreementState::Active),
        v1::AgreementState::Expired => Some(AgreementState::Expired),
        v1::AgreementState::Suspended => Some(AgreementState::Suspended),
        v1::AgreementState::Terminated => Some(AgreementState::Terminated),
        v1::AgreementState::Closed => Some(AgreementState::Closed),
    }
}

fn order_state(state: v1::OrderState) -> Option<OrderStatus> {
    match state {
        v1::OrderState::Unspecified => None,
        v1::OrderState::NotPlaced => Some(OrderStatus::NotPlaced),
        v1::OrderState::Open => Some(OrderStatus::Open),
        v1::OrderState::Cancelled => Some(OrderStatus::Cancelled),
        v1::OrderState::Rejected => Some(OrderStatus::Rejected),
        v1::OrderState::Closed => Some(OrderStatus::Closed),
    }
}

fn invoice_state(state: v1::InvoiceState) -> Option<InvoiceStatus> {
    match state {
        v1::InvoiceState::Unspecified => None,
        v1::InvoiceState::Received => Some(InvoiceStatus::Received),
        v1::InvoiceState::Approved => Some(InvoiceStatus::Approved),
        v1::InvoiceState::Disputed => Some(InvoiceStatus::Disputed),
        v1::InvoiceState::Rejected => Some(InvoiceStatus::Rejected),
    }
}

fn severity(severity: v1::Severity) -> Option<Severity> {
    match severity {
        v1::Severity::Unspecified => None,
        v1::Severity::Low => Some(Severity::Low),
        v1::Severity::Medium => Some(Severity::Medium),
        v1::Severity::High => Some(Severity::High),
    }
}
