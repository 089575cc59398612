//! `ledgerctl`, the client of the contract ledger: parses the command line and calls one command.
//!
//! Reading order: `arguments` (what may be asked), `outcome` (how a command ends), `client` (the
//! connection), then one file a command; lists are in `lists`. `input` and `lines` read files,
//! `following` keeps a stream going; `failure` takes error statuses apart; the `*_text` files,
//! `words`, `findings` and `table` turn messages into what a person reads. No command computes a
//! figure: what is shown came from the server. `tree`, `audit` and `verify_dossier` are the exceptions, on
//! purpose: they compute all. `bench` measures a server, and looks at no figure of an agreement.

mod arguments;
mod audit;
mod outcome;
mod receipt;
mod replay;
mod stored_records;
mod trust;

mod client;
mod failure;

mod agreement;
mod append;
mod append_lines;
mod backup;
mod bench;
mod breakdown;
mod completions;
mod demo;
mod dossier;
mod embedded_server;
mod events;
mod export_tiles;
mod forecast;
mod frameworks;
mod generate;
mod head;
mod history;
mod import;
mod import_lines;
mod keygen;
mod leaf_row;
mod lists;
mod offline;
mod restore;
mod restored;
mod subscribe;
mod tree;
mod usage;
mod verify;
mod verify_dossier;
mod watch;

mod event_text;
mod failure_text;
mod findings;
mod following;
mod input;
mod lines;
mod money_text;
mod record_text;
mod table;
mod tile_check;
mod tile_folder;
mod time_text;
mod words;

#[cfg(test)]
mod stream_tests;

use std::io;
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use crate::client::ServerAddress;
use crate::outcome::{CommandError, conclude};
use crate::table::{Colour, Look};

/// The server is started from this program too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads that carry the connection while the main thread reads and writes.
const WORKER_THREADS: usize = 2;

fn main() -> ExitCode {
    if let Some(arguments) = embedded_server::arguments(std::env::args_os()) {
        return embedded_server::run(arguments);
    }
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .map_err(|source| CommandError::local("starting threads", source));
    conclude(runtime.and_then(|runtime| runtime.block_on(run(arguments))))
}

async fn run(arguments: Arguments) -> Result<u8, CommandError> {
    let look =
        Look::of_stdout(if arguments.no_color { Colour::Never } else { Colour::WhenTerminal });
    let server = &ServerAddress { url: arguments.server, ca_file: arguments.ca_file };
    let output = &mut io::stdout().lock();
    match arguments.command {
        Command::Append(arguments) => append::run(server, &arguments, output).await,
        Command::Import(arguments) => import::run(server, &arguments, output).await,
        Command::Portfolio(arguments) => {
            lists::portfolio::run(server, look, arguments, output).await
        }
        Command::Usage(arguments) => usage::run(server, look, arguments, output).await,
        Command::Agreement(arguments) => agreement::run(server, look, arguments, output).await,
        Command::History(arguments) => history::run(server, look, arguments, output).await,
        Command::Forecast(arguments) => forecast::run(server, look, arguments, output).await,
        Command::Breakdown(arguments) => breakdown::run(server, look, arguments, output).await,
        Command::Findings(arguments) => lists::findings::run(server, look, arguments, output).await,
        Command::Orders(arguments) => lists::orders::run(server, look, arguments, output).await,
        Command::Invoices(arguments) => lists::invoices::run(server, look, arguments, output).await,
        Command::Deadlines(arguments) => {
            lists::deadlines::run(server, look, arguments, output).await
        }
        Command::Amendments(arguments) => {
            lists::amendments::run(server, look, arguments, output).await
        }
        Command::Refusals(arguments) => lists::refusals::run(server, look, arguments, output).await,
        Command::Events(arguments) => events::run(server, look, arguments, output).await,
        Command::Subscribe(arguments) => subscribe::run(server, look, arguments, output).await,
        Command::Watch(arguments) => watch::run(server, look, arguments, output).await,
        Command::Head(arguments) => head::run(server, &arguments, output).await,
        Command::Tree(arguments) => tree::run(server, &arguments, output).await,
        Command::Checkpoint(arguments) => receipt::checkpoint(server, &arguments, output).await,
        Command::Receipt(arguments) => receipt::receipt(server, &arguments, output).await,
        Command::VerifyReceipt(arguments) => receipt::verify(&arguments, output),
        Command::Dossier(arguments) => dossier::run(server, &arguments, output).await,
        Command::VerifyDossier(arguments) => verify_dossier::run(&arguments, output),
        Command::Audit(arguments) => audit::run(server, &arguments, output).await,
        Command::Replay(arguments) => replay::run(server, &arguments, output).await,
        Command::ExportTiles(arguments) => export_tiles::run(server, &arguments, output).await,
        Command::Keygen(arguments) => keygen::run(&arguments, output),
        Command::Verify(arguments) => match &arguments.directory {
            Some(directory) => offline::verify(directory, &arguments, output),
            None => verify::run(server, &arguments, output).await,
        },
        Command::Recover(arguments) => offline::recover(&arguments, output),
        Command::Backup(arguments) => backup::run(server, &arguments, output).await,
        Command::Restore(arguments) => restore::run(server, &arguments, output).await,
        Command::Bench(arguments) => bench::run(server, &arguments, output).await,
        Command::Demo(arguments) => demo::run(look, &arguments, output).await,
        Command::Frameworks(arguments) => frameworks::run(&arguments, output),
        Command::Generate(arguments) => generate::run(&arguments, output),
        Command::Completions(arguments) => completions::run(&arguments, output),
    }
}
