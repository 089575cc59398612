//! The workloads `append` and `batch`: orders under several agreements in turn, a call each request.

use super::arguments::BenchArguments;
use super::load::drive::drive;
use super::load::session::Measured;
use super::load::unary::Unary;
use super::target::{APPEND, Target};
use crate::outcome::CommandError;

/// Signs the agreements, then measures.
pub(crate) async fn run(
    target: &Target,
    arguments: &BenchArguments,
) -> Result<Measured, CommandError> {
    target.set_up(target.run.signatures(arguments.agreements)).await?;
    let BenchArguments { agreements, event_bytes, .. } = *arguments;
    let orders = target.run.orders(agreements, arguments.events_per_request(), event_bytes);
    let senders = Unary::senders(&target.connections, arguments.in_flight(), APPEND, &orders);
    let _beside = target.beside(arguments).await?;
    Ok(drive(senders, &arguments.load()).await)
}
