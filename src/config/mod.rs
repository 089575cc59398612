//! The configuration: what it is, where it comes from, and whether it holds together.
//!
//! Flags stand over the environment (`LEDGERD_*`), that over the file (TOML), that over the defaults.
//! [`sources`] puts them together; here the result is checked as a whole, before a port is bound. It
//! is the only room that reads the environment.

pub mod archive;
pub mod checkpoint;
pub mod floor;
pub mod policy;
pub mod sources;
pub mod store;
pub mod tiles;
pub mod tls;
pub mod witness;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::grpc::ServiceLimits;
use crate::ledger::{Imports, LedgerLimits, LedgerRules};
use crate::log::LogOptions;
use crate::witness::{Witness, WitnessPace};
use archive::ArchiveConfig;
use checkpoint::CheckpointConfig;
use policy::PolicyConfig;
use store::StoreConfig;
use tiles::TilesConfig;
use tls::{TlsConfig, TlsTexts};
use witness::{WitnessConfig, WitnessPaceConfig};

/// Address that is listened on when none is given.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:7401";

/// Most events that a cache of folded agreements may be given room for.
const EVENTS_CACHED_MAX: u64 = 1_000_000_000;

/// Everything that can be set, as written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of the log. Required.
    pub data_dir: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: String,
    /// Whether an address that is not loopback may be served without transport security.
    pub insecure_allow_remote: bool,
    /// Whether the history of an older register may be taken in, with its own recorded times.
    pub import_mode: bool,
    /// The program's own log.
    pub log: LogConfig,
    /// Transport security.
    pub tls: TlsConfig,
    /// Limits of queues, messages and waits.
    pub limits: LimitsConfig,
    /// How the log lies on disk.
    pub store: StoreConfig,
    /// The second copy of the log.
    pub archive: ArchiveConfig,
    /// Signed checkpoints.
    pub checkpoint: CheckpointConfig,
    /// Who cosigns checkpoints.
    pub witness: Vec<WitnessConfig>,
    /// How often they are asked.
    pub witness_pace: WitnessPaceConfig,
    /// The log as static files for monitors.
    pub tiles: TilesConfig,
    /// Thresholds and tolerances by the day from which they hold.
    pub policy: Vec<PolicyConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: None,
            listen: LISTEN_DEFAULT.to_owned(),
            insecure_allow_remote: false,
            import_mode: false,
            log: LogConfig::default(),
            tls: TlsConfig::default(),
            limits: LimitsConfig::default(),
            store: StoreConfig::default(),
            archive: ArchiveConfig::default(),
            checkpoint: CheckpointConfig::default(),
            witness: Vec::new(),
            witness_pace: WitnessPaceConfig::default(),
            tiles: TilesConfig::default(),
            policy: Vec::new(),
        }
    }
}

/// For whom the program logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A person at a terminal.
    #[default]
    Human,
    /// A collector: one JSON object a line.
    Json,
}

/// The program's own log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// For whom.
    pub format: LogFormat,
    /// Level, or directives such as `info,contract_ledger=debug`.
    pub level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Human, level: "info".to_owned() }
    }
}

/// Limits of queues, messages and waits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// See [`ServiceLimits::worker_threads`].
    pub worker_threads: usize,
    /// See [`ServiceLimits::message_bytes_max`].
    pub message_bytes_max: usize,
    /// See [`ServiceLimits::events_per_request_max`].
    pub events_per_request_max: usize,
    /// See [`ServiceLimits::min_position_wait_max`], in milliseconds.
    pub min_position_wait_ms_max: u64,
    /// See [`ServiceLimits::read_records_per_message_max`].
    pub read_records_per_message_max: usize,
    /// See [`ServiceLimits::read_bytes_per_message_max`].
    pub read_bytes_per_message_max: usize,
    /// See [`ServiceLimits::read_rest_per_work`].
    pub read_rest_per_work: u32,
    /// See [`ServiceLimits::page_rows_default`].
    pub page_rows_default: usize,
    /// See [`ServiceLimits::page_rows_max`].
    pub page_rows_max: usize,
    /// See [`ServiceLimits::page_bytes_max`].
    pub page_bytes_max: usize,
    /// See [`ServiceLimits::streams_max`].
    pub streams_max: usize,
    /// See [`ServiceLimits::subscriptions_max`].
    pub subscriptions_max: usize,
    /// See [`ServiceLimits::maintenance_streams_max`].
    pub maintenance_streams_max: usize,
    /// See [`ServiceLimits::heartbeat`], in milliseconds.
    pub heartbeat_ms: u64,
    /// See [`ServiceLimits::subscription_lag_records_max`].
    pub subscription_lag_records_max: u64,
    /// See [`ServiceLimits::notice_agreements_max`].
    pub notice_agreements_max: usize,
    /// See [`ServiceLimits::import_in_flight_max`].
    pub import_in_flight_max: usize,
    /// See [`ServiceLimits::append_in_flight_max`].
    pub append_in_flight_max: usize,
    /// See [`ServiceLimits::append_stream_in_flight_max`].
    pub append_stream_in_flight_max: usize,
    /// See [`ServiceLimits::stream_stall_max`], in milliseconds.
    pub stream_stall_ms_max: u64,
    /// See [`ServiceLimits::calls_per_connection_max`].
    pub calls_per_connection_max: u32,
    /// See [`ServiceLimits::retry_after`], in milliseconds.
    pub retry_after_ms: u64,
    /// See [`LedgerLimits::queue_requests_max`].
    pub queue_requests_max: usize,
    /// See [`LedgerLimits::batch_requests_max`].
    pub batch_requests_max: usize,
    /// See [`LedgerLimits::batch_bytes_max`].
    pub batch_bytes_max: usize,
    /// See [`LedgerLimits::agreements_cached_max`].
    pub agreements_cached_max: usize,
    /// See [`LedgerLimits::agreement_events_cached_max`].
    pub agreement_events_cached_max: u64,
    /// See [`LedgerLimits::recent_events_cached_max`].
    pub recent_events_cached_max: u64,
    /// See [`LedgerLimits::past_events_cached_max`].
    pub past_events_cached_max: u64,
    /// See [`LedgerLimits::foldings_max`].
    pub foldings_max: usize,
    /// Longest wait for calls in flight once told to stop, in milliseconds.
    pub drain_ms_max: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let (service, ledger) = (ServiceLimits::default(), LedgerLimits::default());
        let milliseconds =
            |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            worker_threads: service.worker_threads,
            message_bytes_max: service.message_bytes_max,
            events_per_request_max: service.events_per_request_max,
            min_position_wait_ms_max: milliseconds(service.min_position_wait_max),
            read_records_per_message_max: service.read_records_per_message_max,
            read_bytes_per_message_max: service.read_bytes_per_message_max,
            read_rest_per_work: service.read_rest_per_work,
            page_rows_default: service.page_rows_default,
            page_rows_max: service.page_rows_max,
            page_bytes_max: service.page_bytes_max,
            streams_max: service.streams_max,
            subscriptions_max: service.subscriptions_max,
            maintenance_streams_max: service.maintenance_streams_max,
            heartbeat_ms: milliseconds(service.heartbeat),
            subscription_lag_records_max: service.subscription_lag_records_max,
            notice_agreements_max: service.notice_agreements_max,
            import_in_flight_max: service.import_in_flight_max,
            append_in_flight_max: service.append_in_flight_max,
            append_stream_in_flight_max: service.append_stream_in_flight_max,
            stream_stall_ms_max: milliseconds(service.stream_stall_max),
            calls_per_connection_max: service.calls_per_connection_max,
            retry_after_ms: milliseconds(service.retry_after),
            queue_requests_max: ledger.queue_requests_max,
            batch_requests_max: ledger.batch_requests_max,
            batch_bytes_max: ledger.batch_bytes_max,
            agreements_cached_max: ledger.agreements_cached_max,
            agreement_events_cached_max: ledger.agreement_events_cached_max,
            recent_events_cached_max: ledger.recent_events_cached_max,
            past_events_cached_max: ledger.past_events_cached_max,
            foldings_max: ledger.foldings_max,
            drain_ms_max: 10_000,
        }
    }
}

/// A configuration that holds together.
#[derive(Debug, Clone)]
pub struct CheckedConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The program's own log.
    pub log: LogConfig,
    /// PEM texts of the transport security.
    pub tls: Option<TlsTexts>,
    /// Limits of the services.
    pub service: ServiceLimits,
    /// Limits of the ledger.
    pub ledger: LedgerLimits,
    /// Dated policy, whether imports are allowed, what checkpoints are signed with.
    pub rules: LedgerRules,
    /// The log on disk.
    pub store: LogOptions,
    /// Who cosigns checkpoints.
    pub witnesses: Vec<Witness>,
    /// How often they are asked.
    pub witness_pace: WitnessPace,
    /// Where tiles are served, if they are.
    pub tiles: Option<SocketAddr>,
    /// Longest wait for calls in flight once told to stop.
    pub drain_max: Duration,
}

impl Config {
    /// Checks everything, and says everything that is wrong.
    pub fn check(&self) -> Result<CheckedConfig, Vec<String>> {
        let mut faults = Vec::new();
        let listen = self.listen.parse::<SocketAddr>();
        if listen.is_err() {
            let text = format!(
                "listen: {:?} is not an address and port, such as {LISTEN_DEFAULT}",
                self.listen
            );
            faults.push(text);
        }
        let tls = self.tls.check(&mut faults);
        if let Ok(address) = listen
            && !address.ip().is_loopback()
            && self.tls == TlsConfig::default()
            && !self.insecure_allow_remote
        {
            faults.push(format!(
                "listen: {address} can be reached from other machines; configure [tls], or give \
                 --insecure-allow-remote where something else protects it"
            ));
        }
        self.check_limits(&mut faults);
        let policies = policy::check(&self.policy, &mut faults);
        let directory = self.data_dir.clone().unwrap_or_default();
        if directory.as_os_str().is_empty() {
            faults.push("data_dir: must name the folder of the log (--data-dir)".to_owned());
        }
        if !is_log_level(&self.log.level) {
            faults
                .push(format!("log.level: {:?} is neither a level nor directives", self.log.level));
        }
        if !directory.as_os_str().is_empty()
            && let Err(fault) = self.store_options(directory.clone()).validate()
        {
            faults.push(format!("store, archive: {fault}"));
        }
        let rules = LedgerRules {
            policies: Arc::new(policies),
            imports: if self.import_mode { Imports::Allowed } else { Imports::Refused },
            checkpoints: self.checkpoint.check(&directory, &mut faults),
        };
        let witnesses = witness::check(&self.witness, rules.checkpoints.is_some(), &mut faults);
        let witness_pace = self.witness_pace.check(&mut faults);
        let tiles = self.tiles.check(self.insecure_allow_remote, &mut faults);
        match listen {
            Ok(listen) if faults.is_empty() => Ok(CheckedConfig {
                witnesses,
                witness_pace,
                tiles,
                ..self.checked(listen, tls, directory, rules)
            }),
            Ok(_) | Err(_) => Err(faults),
        }
    }

    fn check_limits(&self, faults: &mut Vec<String>) {
        let LimitsConfig {
            worker_threads,
            message_bytes_max,
            events_per_request_max,
            min_position_wait_ms_max: _,
            read_records_per_message_max,
            read_bytes_per_message_max,
            read_rest_per_work,
            page_rows_default,
            page_rows_max,
            page_bytes_max,
            streams_max,
            subscriptions_max,
            maintenance_streams_max,
            heartbeat_ms,
            subscription_lag_records_max,
            notice_agreements_max,
            import_in_flight_max,
            append_in_flight_max,
            append_stream_in_flight_max,
            stream_stall_ms_max,
            calls_per_connection_max,
            retry_after_ms,
            queue_requests_max,
            batch_requests_max,
            batch_bytes_max,
            agreements_cached_max,
            agreement_events_cached_max,
            recent_events_cached_max,
            past_events_cached_max,
            foldings_max,
            drain_ms_max: _,
        } = &self.limits;
        let bounds = [
            ("worker_threads", *worker_threads, 0, 1024),
            // One record holds a whole refused request, and must fit the log.
            ("message_bytes_max", *message_bytes_max, 1024, 4 * 1024 * 1024),
            ("events_per_request_max", *events_per_request_max, 1, 10_000),
            ("read_records_per_message_max", *read_records_per_message_max, 1, 10_000),
            ("read_bytes_per_message_max", *read_bytes_per_message_max, 1024, 3 * 1024 * 1024),
            ("page_rows_max", *page_rows_max, 1, 10_000),
            ("page_rows_default", *page_rows_default, 1, *page_rows_max),
            ("page_bytes_max", *page_bytes_max, 1024, 3 * 1024 * 1024),
            ("streams_max", *streams_max, 1, 500),
            ("subscriptions_max", *subscriptions_max, 1, 100_000),
            ("maintenance_streams_max", *maintenance_streams_max, 1, 64),
            ("notice_agreements_max", *notice_agreements_max, 1, 1_000_000),
            ("import_in_flight_max", *import_in_flight_max, 1, 100_000),
            ("append_in_flight_max", *append_in_flight_max, 1, 1_000_000),
            ("append_stream_in_flight_max", *append_stream_in_flight_max, 1, 100_000),
            ("queue_requests_max", *queue_requests_max, 1, 1_000_000),
            ("batch_requests_max", *batch_requests_max, 1, 4096),
            ("batch_bytes_max", *batch_bytes_max, 1024, 32 * 1024 * 1024),
            ("agreements_cached_max", *agreements_cached_max, 1, 10_000_000),
            ("foldings_max", *foldings_max, 1, 1024),
        ];
        for (name, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                faults.push(format!("limits.{name}: {value} is not between {least} and {most}"));
            }
        }
        let events = [
            ("agreement_events_cached_max", *agreement_events_cached_max),
            ("recent_events_cached_max", *recent_events_cached_max),
            ("past_events_cached_max", *past_events_cached_max),
        ];
        for (name, value) in events {
            if !(1..=EVENTS_CACHED_MAX).contains(&value) {
                let text =
                    format!("limits.{name}: {value} is not between 1 and {EVENTS_CACHED_MAX}");
                faults.push(text);
            }
        }
        if *read_rest_per_work > 100 {
            let text = format!("limits.read_rest_per_work: {read_rest_per_work} is above 100");
            faults.push(text);
        }
        // Every 10 s is promised.
        if !(10..=10_000).contains(heartbeat_ms) {
            faults.push(format!("limits.heartbeat_ms: {heartbeat_ms} is not between 10 and 10000"));
        }
        if *subscription_lag_records_max == 0 {
            faults.push("limits.subscription_lag_records_max: must be at least 1".to_owned());
        }
        if *calls_per_connection_max == 0 {
            faults.push("limits.calls_per_connection_max: must be at least 1".to_owned());
        }
        if *stream_stall_ms_max == 0 {
            faults.push("limits.stream_stall_ms_max: must be at least 1".to_owned());
        }
        if *retry_after_ms == 0 {
            faults.push("limits.retry_after_ms: must be at least 1".to_owned());
        }
    }

    fn store_options(&self, directory: PathBuf) -> LogOptions {
        LogOptions {
            cache_bytes: self.store.cache_bytes,
            block_bytes_max: self.store.block_bytes_max,
            codec: self.store.compression.into(),
            disk_reserve_bytes: self.store.disk_reserve_bytes,
            zeros_ahead_bytes: self.store.zeros_ahead_bytes,
            archive: self.archive.options(&directory),
            ..LogOptions::new(directory)
        }
    }

    fn checked(
        &self,
        listen: SocketAddr,
        tls: Option<TlsTexts>,
        directory: PathBuf,
        rules: LedgerRules,
    ) -> CheckedConfig {
        let limits = &self.limits;
        CheckedConfig {
            listen,
            log: self.log.clone(),
            tls,
            service: ServiceLimits {
                worker_threads: limits.worker_threads,
                message_bytes_max: limits.message_bytes_max,
                events_per_request_max: limits.events_per_request_max,
                min_position_wait_max: Duration::from_millis(limits.min_position_wait_ms_max),
                read_records_per_message_max: limits.read_records_per_message_max,
                read_bytes_per_message_max: limits.read_bytes_per_message_max,
                read_rest_per_work: limits.read_rest_per_work,
                page_rows_default: limits.page_rows_default,
                page_rows_max: limits.page_rows_max,
                page_bytes_max: limits.page_bytes_max,
                streams_max: limits.streams_max,
                subscriptions_max: limits.subscriptions_max,
                maintenance_streams_max: limits.maintenance_streams_max,
                heartbeat: Duration::from_millis(limits.heartbeat_ms),
                subscription_lag_records_max: limits.subscription_lag_records_max,
                notice_agreements_max: limits.notice_agreements_max,
                import_in_flight_max: limits.import_in_flight_max,
                append_in_flight_max: limits.append_in_flight_max,
                append_stream_in_flight_max: limits.append_stream_in_flight_max,
                stream_stall_max: Duration::from_millis(limits.stream_stall_ms_max),
                calls_per_connection_max: limits.calls_per_connection_max,
                retry_after: Duration::from_millis(limits.retry_after_ms),
            },
            ledger: LedgerLimits {
                queue_requests_max: limits.queue_requests_max,
                batch_requests_max: limits.batch_requests_max,
                batch_bytes_max: limits.batch_bytes_max,
                agreements_cached_max: limits.agreements_cached_max,
                agreement_events_cached_max: limits.agreement_events_cached_max,
                recent_events_cached_max: limits.recent_events_cached_max,
                past_events_cached_max: limits.past_events_cached_max,
                foldings_max: limits.foldings_max,
            },
            rules,
            store: self.store_options(directory),
            witnesses: Vec::new(),
            witness_pace: WitnessPace::default(),
            tiles: None,
            drain_max: Duration::from_millis(limits.drain_ms_max),
        }
    }
}

/// A single word must be a level: as a directive it would name a part of the program, and all else
/// would fall silent.
fn is_log_level(text: &str) -> bool {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let is_directive = text.contains(['=', ',']);
    if is_directive {
        tracing_subscriber::EnvFilter::try_new(text).is_ok()
    } else {
        levels.contains(&text.to_lowercase().as_str())
    }
}

#[cfg(test)]
mod tests;
