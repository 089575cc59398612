//! Values that people type: names of enumerations, organisations, shares, rules.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use contract_ledger::wire::v1::{
    AgreementState, BreakdownDimension, DeadlineKind, EventType, FindingHandling, InvoiceState,
    OrderState, OrganisationId, PortfolioOrder, Severity,
};

use crate::words::{event_type_names, names};

/// Parts per million in one per cent.
const PPM_PER_PERCENT: i64 = 10_000;
/// Digits of a per cent after the point that parts per million can tell.
const PERCENT_FRACTION_DIGITS: usize = 4;

/// `order-placed` and so on.
pub(super) fn event_types() -> impl TypedValueParser<Value = EventType> {
    one_of(event_type_names().collect())
}

/// `active` and so on.
pub(super) fn agreement_states() -> impl TypedValueParser<Value = AgreementState> {
    one_of(names("AGREEMENT_STATE_", AgreementState::as_str_name).collect())
}

/// `usage`, `end` or `id`.
pub(super) fn portfolio_orders() -> impl TypedValueParser<Value = PortfolioOrder> {
    one_of(vec![
        ("usage".to_owned(), PortfolioOrder::Usage),
        ("end".to_owned(), PortfolioOrder::EndDate),
        ("id".to_owned(), PortfolioOrder::AgreementId),
    ])
}

/// `low`, `medium` or `high`.
pub(super) fn severities() -> impl TypedValueParser<Value = Severity> {
    one_of(names("SEVERITY_", Severity::as_str_name).collect())
}

/// `none`, `acknowledged`, `waived` or `resolved`.
pub(super) fn handlings() -> impl TypedValueParser<Value = FindingHandling> {
    one_of(names("FINDING_HANDLING_", FindingHandling::as_str_name).collect())
}

/// `open` and so on.
pub(super) fn order_states() -> impl TypedValueParser<Value = OrderState> {
    one_of(names("ORDER_STATE_", OrderState::as_str_name).collect())
}

/// `received` and so on.
pub(super) fn invoice_states() -> impl TypedValueParser<Value = InvoiceState> {
    one_of(names("INVOICE_STATE_", InvoiceState::as_str_name).collect())
}

/// `option-notice` and so on.
pub(super) fn deadline_kinds() -> impl TypedValueParser<Value = DeadlineKind> {
    one_of(names("DEADLINE_KIND_", DeadlineKind::as_str_name).collect())
}

/// `department` and so on.
pub(super) fn dimensions() -> impl TypedValueParser<Value = BreakdownDimension> {
    one_of(names("BREAKDOWN_DIMENSION_", BreakdownDimension::as_str_name).collect())
}

fn one_of<E: Copy + Send + Sync + 'static>(
    choices: Vec<(String, E)>,
) -> impl TypedValueParser<Value = E> {
    PossibleValuesParser::new(choices.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()).map(
        move |chosen| {
            choices
                .iter()
                .find_map(|(name, value)| (*name == chosen).then_some(*value))
                .expect("clap lets only listed names through")
        },
    )
}

/// A published rule or reason, whatever the case and with `-` or `_`.
#[expect(clippy::unnecessary_wraps, reason = "clap asks for a result")]
pub(super) fn rule_name(text: &str) -> Result<String, String> {
    Ok(text.trim().to_ascii_uppercase().replace('-', "_"))
}

/// An organisation: its number, or SCHEME:NUMBER for a foreign one.
#[expect(clippy::unnecessary_wraps, reason = "clap asks for a result")]
pub(super) fn organisation(text: &str) -> Result<OrganisationId, String> {
    let (scheme, number) = match text.split_once(':') {
        Some((scheme, number)) => (scheme.to_owned(), number.to_owned()),
        None => (String::new(), text.to_owned()),
    };
    Ok(OrganisationId { number, scheme })
}

/// A share in per cent, such as 85 or 99.5, as parts per million.
pub(super) fn percent(text: &str) -> Result<i64, String> {
    let wrong = || "not a per cent; write 85 or 99.5".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > PERCENT_FRACTION_DIGITS {
        return Err(wrong());
    }
    let whole: i64 = whole.parse().map_err(|_| wrong())?;
    let part: i64 =
        format!("{fraction:0<PERCENT_FRACTION_DIGITS$}").parse().map_err(|_| wrong())?;
    whole.checked_mul(PPM_PER_PERCENT).and_then(|ppm| ppm.checked_add(part)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_cent_becomes_parts_per_million() {
        for (text, ppm) in [("85", 850_000), ("99.5", 995_000), ("0.0001", 1), ("120", 1_200_000)] {
            assert_eq!(percent(text), Ok(ppm), "{text}");
        }
        for text in ["", "-1", "1,5", ".5", "5.", "0.00001", "1e3", "99999999999999999999"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }

    #[test]
    fn organisation_may_name_its_register() {
        let id = |scheme: &str, number: &str| {
            Ok(OrganisationId { number: number.to_owned(), scheme: scheme.to_owned() })
        };
        assert_eq!(organisation("920125298"), id("", "920125298"));
        assert_eq!(organisation("0007:556016-0680"), id("0007", "556016-0680"));
    }

    #[test]
    fn rule_is_read_as_it_is_published() {
        assert_eq!(rule_name("over-invoiced"), Ok("OVER_INVOICED".to_owned()));
        assert_eq!(rule_name("OVER_INVOICED"), Ok("OVER_INVOICED".to_owned()));
    }
}
