//! The command line of `bench`.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::load::arrivals::Length;
use super::load::session::Load;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// Appends of orders, a call each.
    Append,
    /// Appends of orders over AppendEventsStream.
    Stream,
    /// Appends of several orders a call.
    Batch,
    /// Appends of a made-up history: signatures, orders, invoices, payments, mistakes.
    Mixed,
    /// GetCeilingUsage on one agreement.
    Query,
    /// ReadEvents of everything.
    Replay,
    /// SubscribeEvents: how long an append takes to reach a subscriber.
    Subscribe,
}

impl Workload {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Stream => "stream",
            Self::Batch => "batch",
            Self::Mixed => "mixed",
            Self::Query => "query",
            Self::Replay => "replay",
            Self::Subscribe => "subscribe",
        }
    }
}

/// The times of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum At {
    /// Today, with everything known.
    Now,
    /// A business date in the past.
    AsOf,
    /// What was known when only a part of the events was.
    AsKnown,
    /// Both.
    Both,
}

impl At {
    fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::AsOf => "as-of",
            Self::AsKnown => "as-known",
            Self::Both => "both",
        }
    }
}

/// Arguments of `bench`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  ledgerctl bench append --in-flight 64 --connections 4
  ledgerctl bench batch --events-per-request 100 --in-flight 8 --json
  ledgerctl bench append --rate 2000 --in-flight 512        latency from the intended sending
  ledgerctl bench query --at as-of --history-events 5000
  ledgerctl bench replay --total 3
Measure a ledger that nobody needs: orders are recorded for ever, here too.
ledgerd --bench-floor serves the same interface with nothing behind it.")]
pub(crate) struct BenchArguments {
    /// What is measured
    pub(crate) workload: Workload,
    /// Connections over which calls are spread
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// Calls on their way at once, over all connections; readers with replay, subscribers with subscribe [default: 64; 1 with query, replay and subscribe; 1024 with stream]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    in_flight: Option<u32>,
    /// Events of a request [default: 1; 10 with batch]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    events_per_request: Option<u16>,
    /// Bytes of an order as it is stored; a text of the order is made as long as that takes
    #[arg(long, value_name = "BYTES", default_value_t = 400, value_parser = clap::value_parser!(u16).range(1..=4000))]
    pub(crate) event_bytes: u16,
    /// Agreements that orders are placed under in turn, with ceilings that nothing reaches
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) agreements: u32,
    /// How long is measured, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    duration_ms: u64,
    /// How long calls are sent before that, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    warm_up_ms: u64,
    /// Measure so many calls instead of a time, the first included
    #[arg(long, value_name = "CALLS")]
    total: Option<u64>,
    /// Calls a second, whatever the answers. Latencies count from when a call was due, so those that had
    /// to wait for a sender do not look faster. Appends a second with subscribe [default: as fast as answers come; 1000 with subscribe]
    #[arg(long, value_name = "CALLS")]
    rate: Option<NonZeroU64>,
    /// Most requests that share a message of AppendEventsStream
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) requests_per_message: u16,
    /// Times of the questions of query
    #[arg(long, value_enum, default_value = "now")]
    pub(crate) at: At,
    /// Events of the agreement that query asks about
    #[arg(long, value_name = "COUNT", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) history_events: u32,
    /// Different times that query asks about in turn
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) points: u32,
    /// Most records that replay reads in one call; 0: all
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) records_max: u64,
    /// Subscribers beside the measurement that take a message a second
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) slow_subscribers: u16,
    /// Readers of everything beside the measurement
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) replays: u16,
    /// Process of the server, when it is on this machine: its processor time and memory are told too
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Words that stand in the result, such as what is measured
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) label: String,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl BenchArguments {
    /// How many connections.
    pub(crate) fn connections(&self) -> usize {
        usize::from(self.connections)
    }

    /// How many calls are on their way at once.
    pub(crate) fn in_flight(&self) -> usize {
        let default = match self.workload {
            Workload::Append | Workload::Batch | Workload::Mixed => 64,
            Workload::Stream => 1024,
            Workload::Query | Workload::Replay | Workload::Subscribe => 1,
        };
        usize::try_from(self.in_flight.unwrap_or(default)).unwrap_or(usize::MAX)
    }

    /// How many events a request has.
    pub(crate) fn events_per_request(&self) -> u16 {
        let default = if self.workload == Workload::Batch { 10 } else { 1 };
        self.events_per_request.unwrap_or(default)
    }

    /// How much is sent, and how fast.
    pub(crate) fn load(&self) -> Load {
        let subscribed = (self.workload == Workload::Subscribe).then_some(1000);
        Load {
            in_flight: self.in_flight(),
            rate: self.rate.or(subscribed.and_then(NonZeroU64::new)),
            warm_up: Duration::from_millis(self.warm_up_ms),
            length: match self.total {
                Some(calls) => Length::Calls(calls),
                None => Length::Time(Duration::from_millis(self.duration_ms)),
            },
            server_pid: self.server_pid,
        }
    }

    /// What the result says of them.
    pub(crate) fn settings(&self) -> Value {
        json!({
            "connections": self.connections,
            "in_flight": self.in_flight(),
            "events_per_request": self.events_per_request(),
            "event_bytes": self.event_bytes,
            "agreements": self.agreements,
            "duration_ms": self.total.is_none().then_some(self.duration_ms),
            "warm_up_ms": self.total.is_none().then_some(self.warm_up_ms),
            "total": self.total,
            "rate": self.load().rate,
            "requests_per_message": self.requests_per_message,
            "at": self.at.name(),
            "history_events": self.history_events,
            "points": self.points,
            "records_max": self.records_max,
            "slow_subscribers": self.slow_subscribers,
            "replays": self.replays,
        })
    }
}
