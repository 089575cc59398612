//! Measures UmaDB as `ledgerctl bench` measures the ledger: the same senders, connections, messages
//! encoded ahead, percentiles and JSON.
//!
//! The peer's client library converts and encodes each event when it is sent. Here its own protobuf
//! messages go out as prepared bytes, as the ledger's do, so that on a small machine the peer is not
//! measured by what its client costs. Events are appended without a condition, which is the least that
//! the peer can do.

#[expect(dead_code, reason = "the ledger's workloads use more of the instrument")]
#[path = "../../../src/bin/ledgerctl/bench/load/mod.rs"]
mod load;

use std::error::Error;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use prost::Message as _;
use tonic::transport::{Channel, Endpoint};
use umadb_proto::v1;

use load::arrivals::Length;
use load::beside::Beside;
use load::drive::drive;
use load::reading::{Question, read};
use load::report::Report;
use load::session::{Load, Measured};
use load::template::{Template, event_placeholder};
use load::unary::Unary;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const APPEND: &str = "/umadb.v1.DCB/Append";
const READ: &str = "/umadb.v1.DCB/Read";
const SUBSCRIBE: &str = "/umadb.v1.DCB/Subscribe";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Workload {
    Append,
    Batch,
    Replay,
}

/// Measures UmaDB.
#[derive(Debug, Parser)]
struct Arguments {
    workload: Workload,
    #[arg(long)]
    server: String,
    #[arg(long, default_value_t = 4)]
    connections: usize,
    #[arg(long)]
    in_flight: Option<usize>,
    #[arg(long)]
    events_per_request: Option<u64>,
    #[arg(long, default_value_t = 400)]
    event_bytes: usize,
    /// Different tags, as the ledger has agreements.
    #[arg(long, default_value_t = 100)]
    agreements: u32,
    #[arg(long, default_value_t = 5000)]
    duration_ms: u64,
    #[arg(long, default_value_t = 1000)]
    warm_up_ms: u64,
    #[arg(long)]
    total: Option<u64>,
    #[arg(long)]
    rate: Option<NonZeroU64>,
    #[arg(long, default_value_t = 0)]
    slow_subscribers: u16,
    #[arg(long, default_value_t = 0)]
    replays: u16,
    #[arg(long)]
    server_pid: Option<u32>,
    #[arg(long, default_value = "")]
    label: String,
    /// Always so; the name is that of `ledgerctl bench`.
    #[arg(long)]
    json: bool,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let connect = || async {
        Endpoint::from_shared(arguments.server.clone())?.tcp_nodelay(true).connect().await
    };
    let mut connections = Vec::new();
    for _ in 0..arguments.connections {
        connections.push(connect().await?);
    }
    let mut beside = Beside::default();
    for _ in 0..arguments.slow_subscribers {
        beside.slow_reader(connect().await?, subscription());
    }
    for _ in 0..arguments.replays {
        beside.replay(connect().await?, everything());
    }
    let (name, measured) = match arguments.workload {
        Workload::Append => ("append", append(&connections, &arguments, 1).await),
        Workload::Batch => ("batch", append(&connections, &arguments, 10).await),
        Workload::Replay => {
            let load = arguments.load(1);
            ("replay", read(&connections, &load, &everything()).await)
        }
    };
    let report = Report::of(name, &arguments.label, arguments.settings(), &measured);
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

impl Arguments {
    fn load(&self, in_flight: usize) -> Load {
        Load {
            in_flight: self.in_flight.unwrap_or(in_flight),
            rate: self.rate,
            warm_up: Duration::from_millis(self.warm_up_ms),
            length: match self.total {
                Some(calls) => Length::Calls(calls),
                None => Length::Time(Duration::from_millis(self.duration_ms)),
            },
            server_pid: self.server_pid,
        }
    }

    fn settings(&self) -> serde_json::Value {
        serde_json::json!({
            "connections": self.connections,
            "in_flight": self.in_flight,
            "events_per_request": self.events_per_request,
            "event_bytes": self.event_bytes,
            "agreements": self.agreements,
            "duration_ms": self.duration_ms,
            "total": self.total,
            "rate": self.rate,
            "slow_subscribers": self.slow_subscribers,
            "replays": self.replays,
        })
    }
}

async fn append(connections: &[Channel], arguments: &Arguments, events: u64) -> Measured {
    let load = arguments.load(64);
    let events = arguments.events_per_request.unwrap_or(events);
    let run: String = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect();
    let templates = (0..arguments.agreements).map(|place| {
        let event = |index| event(&run, place, index, arguments.event_bytes);
        let request =
            v1::AppendRequest { events: (0..events).map(event).collect(), ..Default::default() };
        Template::of(request.encode_to_vec(), events)
    });
    let templates: Arc<Vec<Template>> = Arc::new(templates.collect());
    let senders = Unary::senders(connections, load.in_flight, APPEND, &templates);
    drive(senders, &load).await
}

/// An event of so many bytes, with the agreement as a tag and an id of its own.
fn event(run: &str, place: u32, index: u64, bytes: usize) -> v1::Event {
    let bare = v1::Event {
        event_type: "OrderPlaced".to_owned(),
        tags: vec![format!("agreement:bench-{run}-{place}")],
        data: Vec::new(),
        uuid: format!("{run}-0000-4000-8000-{}", event_placeholder(index)),
        metadata: Vec::new(),
    };
    // Key and length of the data take three bytes.
    let data = vec![b'x'; bytes.saturating_sub(bare.encoded_len() + 3)];
    v1::Event { data, ..bare }
}

fn everything() -> Question {
    Question { path: READ, message: v1::ReadRequest::default().encode_to_vec().into() }
}

fn subscription() -> Question {
    Question { path: SUBSCRIBE, message: v1::SubscribeRequest::default().encode_to_vec().into() }
}
