//! The whole server program: configuration, log, ledger, services, and an orderly end.
//!
//! Start: flags, the whole configuration checked, the program's log, the ledger opened, the port
//! bound, the services, and only then `listening on ADDRESS:PORT` on standard output. End, on
//! SIGTERM or SIGINT: health says NOT_SERVING, calls in flight finish, the writer empties its queue,
//! the log is closed, exit 0.

mod checkpoints;
mod flags;
mod floor;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use crate::clock::SystemClock;
use crate::config::CheckedConfig;
use crate::config::sources::SourceError;
use crate::config::tls::TlsTexts;
use crate::grpc::ServiceLimits;
use crate::grpc::server::{Health, serve};
use crate::ledger::error::{LedgerError, WithCauses};
use crate::ledger::signing::{NotFirst, NotTaken, WITNESS_FOLDER};
use crate::ledger::{Imports, Ledger, OpenedLedger, WriterEnd, WriterThread};
use crate::log::{LogOptions, Refusal};
use crate::witness::{HttpTransport, Witnesses};
use crate::{telemetry, tiles};
use checkpoints::{ForReaders, ForWitnesses};

/// Exit code when the configuration or the command line is wrong.
const EXIT_CONFIGURATION: u8 = 2;
/// Exit code when the server could not start or ended with a failure.
const EXIT_FAILURE: u8 = 1;

/// Why the server did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The sources do not make a configuration.
    #[error(transparent)]
    Sources(#[from] SourceError),
    /// The configuration does not hold together.
    #[error("the configuration is not valid:{}", listed(.0))]
    Configuration(Vec<String>),
    /// The program's log could not be set up.
    #[error(transparent)]
    Telemetry(#[from] telemetry::TelemetryError),
    /// The ledger could not be opened.
    #[error("the ledger in the data folder could not be opened")]
    Ledger {
        /// What to do.
        refusal: Box<Refusal>,
        /// Why.
        #[source]
        source: LedgerError,
    },
    /// The port could not be bound, or a signal could not be awaited, or standard output is gone.
    #[error("could not {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The writer had stopped. The log above says why.
    #[error("the writer failed; a restart reads what is really on disk")]
    WriterFailed,
    /// The first checkpoint was not signed.
    #[error("the first checkpoint was not signed")]
    NotFirst(#[from] NotFirst),
    /// The newest checkpoint in the data folder was not taken for the newest there is.
    #[error("the checkpoint in the data folder was not kept for the key")]
    NotTaken(#[from] NotTaken),
    /// The services failed.
    #[error("the services failed")]
    Transport(#[from] tonic::transport::Error),
}

fn listed(faults: &[String]) -> String {
    faults.iter().fold(String::new(), |list, fault| list + "\n  " + fault)
}

/// Runs the server program with a command line, program name first.
pub fn main_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let flags = match flags::parse(arguments) {
        Ok(flags) => flags,
        Err(told) => return told,
    };
    match run(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is all there is to tell it to.
            drop(writeln!(std::io::stderr(), "ledgerd: {}{}", WithCauses(&error), remedy(&error)));
            match error {
                ServerError::Sources(_) | ServerError::Configuration(_) => {
                    ExitCode::from(EXIT_CONFIGURATION)
                }
                ServerError::Telemetry(_)
                | ServerError::Ledger { .. }
                | ServerError::WriterFailed
                | ServerError::NotFirst(_)
                | ServerError::NotTaken(_)
                | ServerError::Io { .. }
                | ServerError::Transport(_) => ExitCode::from(EXIT_FAILURE),
            }
        }
    }
}

/// What a refused start is told to do, on a line of its own.
fn remedy(error: &ServerError) -> String {
    match error {
        ServerError::Ledger { refusal, .. } => {
            let Refusal { advice, command, .. } = refusal.as_ref();
            let command = command.as_ref().map(|command| format!(": {command}"));
            format!("\nledgerd: no block was changed; {advice}{}", command.unwrap_or_default())
        }
        ServerError::Sources(_)
        | ServerError::Configuration(_)
        | ServerError::Telemetry(_)
        | ServerError::Io { .. }
        | ServerError::WriterFailed
        | ServerError::NotFirst(_)
        | ServerError::NotTaken(_)
        | ServerError::Transport(_) => String::new(),
    }
}

/// A start that is refused, in the program's log as fields and on standard error as text.
fn refused(source: LedgerError, options: &LogOptions) -> ServerError {
    let refusal = source.refusal(options);
    let Refusal { reason, position, advice, command } = &refusal;
    tracing::error!(
        outcome = "refused",
        reason,
        position,
        command,
        directory = %options.directory.display(),
        error = %WithCauses(&source),
        "refused: {advice}"
    );
    ServerError::Ledger { refusal: Box::new(refusal), source }
}

fn run(flags: &flags::Flags) -> Result<(), ServerError> {
    let config = flags.load()?;
    if flags.bench_floor {
        return floor::run(&config, flags.check_config);
    }
    let config = config.check().map_err(ServerError::Configuration)?;
    check_tls(config.tls.as_ref())?;
    if flags.check_config {
        return say("configuration is valid");
    }
    telemetry::set_up(&config.log)?;
    let opened =
        Ledger::open(&config.store, &config.ledger, config.rules.clone(), Arc::new(SystemClock))
            .map_err(|error| refused(error, &config.store))?;
    if config.rules.imports == Imports::Allowed {
        tracing::warn!(
            "IMPORT MODE: ImportEvents takes recorded times from its callers; restart without \
             import_mode once the older register is taken in"
        );
    }
    let OpenedLedger { ledger, writer, report: _ } = opened;
    if flags.first_checkpoint {
        return sign_first(&config, &ledger, writer);
    }
    if flags.newest_in_data_dir {
        return take_newest_from_data(&ledger, writer);
    }
    ledger.tell_signing();
    let runtime = start_runtime(&config.service)?;
    let witnesses = start_witnesses(&config, &ledger)?;
    let served = runtime.block_on(serve_until_told(&config, ledger.clone(), witnesses));
    let served_from_archive = ledger.served_from_archive();
    drop(ledger);
    // Streams that a client still holds open end here; every append in flight has been answered.
    runtime.shutdown_timeout(Duration::from_secs(1));
    let end = writer.close();
    tracing::info!(?end, served_from_archive, "stopped");
    match end {
        WriterEnd::Emptied => served,
        WriterEnd::Failed => Err(ServerError::WriterFailed),
    }
}

/// Signs the first checkpoint on the word of whoever runs the program, and serves nobody. No witness may
/// know better.
fn sign_first(
    config: &CheckedConfig,
    ledger: &Ledger,
    writer: WriterThread,
) -> Result<(), ServerError> {
    let asked = ask_before_first(config, ledger);
    let signed = asked.and_then(|()| ledger.first_checkpoint());
    let end = writer.close();
    let signed = signed?;
    say(&format!("signed: the first checkpoint, of {} records", signed.checkpoint.size()))?;
    ended(end)
}

fn ask_before_first(config: &CheckedConfig, ledger: &Ledger) -> Result<(), NotFirst> {
    let question = ledger.question_before_first()?;
    let transport = HttpTransport::new(config.witness_pace.timeout);
    let source = ForWitnesses(ledger.clone());
    for witness in &config.witnesses {
        if let Err(fault) = witness.has_seen_nothing(&question, &source, &transport) {
            let (witness, reason) = (witness.key.name().to_string(), fault.reason());
            return Err(NotFirst::Witnessed { witness, reason, text: fault.to_string() });
        }
    }
    Ok(())
}

/// Takes the newest checkpoint in the data folder for the newest there is, on the word of whoever runs
/// the program, and serves nobody.
fn take_newest_from_data(ledger: &Ledger, writer: WriterThread) -> Result<(), ServerError> {
    let taken = ledger.take_newest_from_data();
    let end = writer.close();
    say(&format!("kept: the checkpoint of {} records, for the key too", taken?))?;
    ended(end)
}

fn ended(end: WriterEnd) -> Result<(), ServerError> {
    match end {
        WriterEnd::Emptied => Ok(()),
        WriterEnd::Failed => Err(ServerError::WriterFailed),
    }
}

fn start_runtime(limits: &ServiceLimits) -> Result<tokio::runtime::Runtime, ServerError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(worker_threads(limits.worker_threads, available_parallelism()))
        .enable_all()
        .build()
        .map_err(io_failure("start the runtime"))
}

/// As many as are configured, or so many that the writer has a processor.
fn worker_threads(configured: usize, processors: io::Result<NonZero<usize>>) -> usize {
    match configured {
        0 => processors.map_or(1, |processors| processors.get().saturating_sub(1)).max(1),
        configured => configured,
    }
}

fn io_failure(doing: &'static str) -> impl Fn(std::io::Error) -> ServerError {
    move |source| ServerError::Io { doing, source }
}

/// Begins to ask the witnesses, when there are any.
fn start_witnesses(
    config: &CheckedConfig,
    ledger: &Ledger,
) -> Result<Option<Arc<Witnesses>>, ServerError> {
    if config.witnesses.is_empty() {
        return Ok(None);
    }
    ledger.await_witnesses();
    let witnesses = Witnesses::start(
        config.witnesses.clone(),
        config.witness_pace,
        &config.store.directory.join(WITNESS_FOLDER),
        Arc::new(ForWitnesses(ledger.clone())),
        Box::new(HttpTransport::new(config.witness_pace.timeout)),
        Arc::new(SystemClock),
    );
    let started = witnesses.map_err(io_failure("start the witnesses"));
    started.map(|witnesses| Some(Arc::new(witnesses)))
}

async fn serve_until_told(
    config: &CheckedConfig,
    ledger: Ledger,
    witnesses: Option<Arc<Witnesses>>,
) -> Result<(), ServerError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(io_failure("await SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io_failure("await SIGINT"))?;
    let incoming =
        TcpIncoming::bind(config.listen).map_err(io_failure("bind the listening address"))?;
    let address = incoming.local_addr().map_err(io_failure("read the bound address"))?;

    let tiles = match config.tiles {
        None => None,
        Some(address) => {
            let listener = TcpListener::bind(address).await;
            Some(listener.map_err(io_failure("bind the address of the tiles"))?)
        }
    };

    let (told, mut drain) = tokio::sync::watch::channel(false);
    if let Some(listener) = tiles {
        let readers = ForReaders { ledger: ledger.clone(), witnesses: witnesses.clone() };
        let mut stopped = drain.clone();
        let until = async move {
            // An error means that nobody will tell any more.
            let _told_or_gone = stopped.wait_for(|told| *told).await;
        };
        tracing::info!(address = ?listener.local_addr(), "serving tiles");
        tokio::spawn(tiles::serve(listener, ledger.clone(), Arc::new(readers), until));
    }
    let stop = |health: Health| async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: draining"),
            _ = interrupt.recv() => tracing::info!("SIGINT: draining"),
        }
        health.set_not_serving().await;
        told.send_replace(true);
    };
    let tls = config.tls.as_ref().map(tls_config);
    say(&format!("listening on {address}"))?;
    tracing::info!(%address, "serving");

    let services = serve(ledger, witnesses, &config.service, incoming, tls, stop);
    let overdue = async {
        if drain.wait_for(|told| *told).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(config.drain_max).await;
    };
    tokio::select! {
        outcome = services => Ok(outcome?),
        () = overdue => {
            tracing::warn!("calls in flight did not end in time and are cut off");
            Ok(())
        }
    }
}

/// Certificates and keys are read for what they are here, before anything is opened.
fn check_tls(texts: Option<&TlsTexts>) -> Result<(), ServerError> {
    let Some(texts) = texts else { return Ok(()) };
    match tonic::transport::Server::builder().tls_config(tls_config(texts)) {
        Ok(_) => Ok(()),
        Err(error) => {
            let fault = format!("tls: certificate, key or authority: {}", WithCauses(&error));
            Err(ServerError::Configuration(vec![fault]))
        }
    }
}

fn tls_config(texts: &TlsTexts) -> ServerTlsConfig {
    let TlsTexts { certificate, key, client_ca } = texts;
    let config = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key));
    match client_ca {
        Some(authority) => config.client_ca_root(Certificate::from_pem(authority)),
        None => config,
    }
}

fn say(line: &str) -> Result<(), ServerError> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(io_failure("write to standard output"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_is_left_a_processor_unless_it_is_configured_otherwise() {
        for (configured, processors, threads) in
            [(0, 1, 1), (0, 2, 1), (0, 3, 2), (0, 16, 15), (1, 16, 1), (64, 2, 64)]
        {
            let processors = Ok(NonZero::new(processors).unwrap());
            assert_eq!(worker_threads(configured, processors), threads);
        }
        let unknown = Err(io::Error::from(io::ErrorKind::Unsupported));
        assert_eq!(worker_threads(0, unknown), 1);
    }
}
