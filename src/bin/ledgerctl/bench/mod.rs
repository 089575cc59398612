//! `bench`: measures a server that runs.
//!
//! `load` is the instrument and knows no ledger; `requests` makes what is sent to one, `target` is the
//! server under measurement, and there is a file for each kind of workload. How to measure, and what
//! was measured, is in docs/performance.md.

mod appends;
mod arguments;
mod load;
mod mixed;
mod queries;
mod reads;
mod requests;
mod stream;
mod subscriptions;
mod target;

use std::io::Write;

pub(crate) use arguments::BenchArguments;

use crate::client::ServerAddress;
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED};
use arguments::Workload;
use load::report::Report;
use target::Target;

/// Measures one workload, and shows the result.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &BenchArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let target = Target::connect(server, arguments).await?;
    let measured = match arguments.workload {
        Workload::Append | Workload::Batch => appends::run(&target, arguments).await?,
        Workload::Stream => stream::run(&target, arguments).await?,
        Workload::Mixed => mixed::run(&target, arguments).await?,
        Workload::Query => queries::run(&target, arguments).await?,
        Workload::Replay => reads::run(&target, arguments).await?,
        Workload::Subscribe => subscriptions::run(&target, arguments).await?,
    };
    let workload = arguments.workload.name();
    let report = Report::of(workload, &arguments.label, arguments.settings(), &measured);
    if arguments.json {
        let json = serde_json::to_string(&report).map_err(std::io::Error::from)?;
        writeln!(output, "{json}")?;
    } else {
        output.write_all(report.text().as_bytes())?;
    }
    Ok(if report.answers.failed == 0 { EXIT_DONE } else { EXIT_FAILED })
}
