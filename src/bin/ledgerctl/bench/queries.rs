//! The workload `query`: what is left of the ceilings of one agreement, at one or several times.

use std::sync::Arc;

use contract_ledger::wire::v1;
use prost::Message as _;
use prost_types::Timestamp;

use super::arguments::{At, BenchArguments};
use super::load::drive::drive;
use super::load::session::Measured;
use super::load::template::Template;
use super::load::unary::Unary;
use super::target::{Target, USAGE};
use crate::outcome::CommandError;

/// Orders of one request of the set-up.
const SET_UP_ORDERS: u64 = 100;
/// The same, as a step.
const SET_UP_STEP: usize = 100;
/// Days over which the orders are spread, up to today. An order of more than 30 days ago would leave a
/// finding that it came late, and thousands of those would be what is measured.
const SPREAD_DAYS: u64 = 28;

/// Makes an agreement with events, then measures questions about it.
pub(crate) async fn run(
    target: &Target,
    arguments: &BenchArguments,
) -> Result<Measured, CommandError> {
    let known = make_history(target, arguments).await?;
    let questions = questions(target, arguments, &known);
    let questions = Arc::new(questions);
    let senders = Unary::senders(&target.connections, arguments.in_flight(), USAGE, &questions);
    let _beside = target.beside(arguments).await?;
    Ok(drive(senders, &arguments.load()).await)
}

/// Signs the agreement and places its orders; gives the times at which they became known, in order.
async fn make_history(
    target: &Target,
    arguments: &BenchArguments,
) -> Result<Vec<Timestamp>, CommandError> {
    target.set_up(target.run.signatures(1)).await?;
    let orders = u64::from(arguments.history_events).saturating_sub(1);
    let requests = (0..orders).step_by(SET_UP_STEP).map(|first| {
        let days_ago = SPREAD_DAYS - SPREAD_DAYS * first / orders.max(1);
        let day = target.run.days_ago(i64::try_from(days_ago).unwrap_or_default());
        let count = SET_UP_ORDERS.min(orders - first);
        target.run.orders_on(0, first, count, day, arguments.event_bytes)
    });
    let answers = target.set_up(requests).await?;
    let mut known: Vec<Timestamp> =
        answers.into_iter().filter_map(|answer| answer.recorded_time).collect();
    known.sort_by_key(|time| (time.seconds, time.nanos));
    Ok(known)
}

/// One question for each point; they are spread evenly, and the first is in the middle.
fn questions(target: &Target, arguments: &BenchArguments, known: &[Timestamp]) -> Vec<Template> {
    let points = u64::from(arguments.points);
    let question = |point: u64| {
        let days_ago = spread(SPREAD_DAYS, point, points);
        let as_of = target.run.days_ago(i64::try_from(days_ago).unwrap_or_default());
        let count = u64::try_from(known.len()).unwrap_or(u64::MAX);
        let place = usize::try_from(spread(count, point, points)).unwrap_or_default();
        let as_known = known
            .get(place)
            .map(|time| v1::AsKnown { as_known: Some(v1::as_known::AsKnown::Time(*time)) });
        let (asks_of, asks_known) = match arguments.at {
            At::Now => (false, false),
            At::AsOf => (true, false),
            At::AsKnown => (false, true),
            At::Both => (true, true),
        };
        let request = v1::GetCeilingUsageRequest {
            agreement_id: target.run.agreement(0),
            as_of: if asks_of { as_of.to_string() } else { String::new() },
            as_known: as_known.filter(|_| asks_known),
            min_position: None,
        };
        Template::of(request.encode_to_vec(), 1)
    };
    (0..points).map(question).collect()
}

/// The middle of one of so many equal parts of a whole.
fn spread(whole: u64, part: u64, parts: u64) -> u64 {
    whole * (2 * part + 1) / (2 * parts.max(1))
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn points_are_the_middles_of_equal_parts() {
        assert_eq!(spread(28, 0, 1), 14);
        let four: Vec<u64> = (0..4).map(|part| spread(80, part, 4)).collect();
        assert_eq!(four, [10, 30, 50, 70]);
    }
}
