//! The workload `replay`: everything that the log holds, read from its beginning again and again.

use super::arguments::BenchArguments;
use super::load::reading::read;
use super::load::session::Measured;
use super::target::{Target, read_everything};
use crate::outcome::CommandError;

/// Measures.
pub(crate) async fn run(
    target: &Target,
    arguments: &BenchArguments,
) -> Result<Measured, CommandError> {
    let _beside = target.beside(arguments).await?;
    let question = read_everything(arguments.records_max);
    Ok(read(&target.connections, &arguments.load(), &question).await)
}
