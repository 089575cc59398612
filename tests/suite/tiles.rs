//! The read-only HTTP endpoint in the layout of `tlog-tiles`.

use std::path::Path;
use std::sync::Arc;

use contract_ledger::clock::SystemClock;
use contract_ledger::ledger::error::LedgerError;
use contract_ledger::ledger::{Ledger, LedgerLimits, LedgerRules, OpenedLedger, WriterThread};
use contract_ledger::log::LogOptions;
use contract_ledger::merkle::{MemoryTree, Tile, TileReader as _, TreeHash};
use contract_ledger::tiles::{self, Checkpoints};
use contract_ledger::wire::{leaf, record, v1};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::Served;
use crate::support::events::*;
use crate::support::processes::opening;

const FOR_EVER: &str = "public, max-age=31536000, immutable";

struct Fixed(String);

impl Checkpoints for Fixed {
    fn newest(&self) -> Result<Result<String, String>, LedgerError> {
        Ok(Ok(self.0.clone()))
    }
}

pub(crate) struct Got {
    pub(crate) status: u16,
    content_type: String,
    pub(crate) caching: String,
    pub(crate) body: Vec<u8>,
}

/// The endpoint over the log of a folder, with a checkpoint that is given.
pub(crate) struct Serving {
    pub(crate) url: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
    writer: WriterThread,
}

impl Serving {
    pub(crate) async fn of(folder: &Path, checkpoint: &str) -> Self {
        let options = LogOptions::new(folder);
        let (limits, rules) = (LedgerLimits::default(), LedgerRules::default());
        let opened = opening(|| Ledger::open(&options, &limits, rules, Arc::new(SystemClock)));
        let OpenedLedger { ledger, writer, .. } = opened.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let until = async {
            let _sender_gone = stopped.await;
        };
        let checkpoints = Arc::new(Fixed(checkpoint.to_owned()));
        let server = tokio::spawn(tiles::serve(listener, ledger, checkpoints, until));
        Self { url, stop, server, writer }
    }

    pub(crate) async fn stop(self) {
        let Self { stop, server, writer, .. } = self;
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
        tokio::task::spawn_blocking(move || writer.join()).await.unwrap();
    }
}

pub(crate) async fn get(url: &str, path: &str) -> Got {
    let url = format!("{url}/{path}");
    tokio::task::spawn_blocking(move || {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let mut response = ureq::Agent::from(config).get(&url).call().unwrap();
        let header =
            |name: &str| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
        let (content_type, caching) = (header("content-type"), header("cache-control"));
        let body = response.body_mut().read_to_vec().unwrap();
        Got { status: response.status().as_u16(), content_type, caching, body }
    })
    .await
    .unwrap()
}

/// A folder with a log of so many records, and its leaves.
async fn log_of(records: usize) -> (tempfile::TempDir, Vec<Vec<u8>>) {
    let served = Served::start();
    served.append("vask-2024", sign("1000000")).await.unwrap();
    let orders: Vec<v1::Event> =
        (1..records).map(|number| fact("2024-02-01", order(&format!("O{number}"), "1"))).collect();
    for part in orders.chunks(500) {
        served.send(request("vask-2024", part.to_vec())).await.unwrap();
    }
    let read = served.records().await;
    assert_eq!(read.len(), records);
    let leaves = read.iter().map(|one| leaf::of_stored(&record::encode(one)).unwrap());
    let leaves = leaves.collect();
    (served.stop().await, leaves)
}

#[tokio::test]
async fn tiles_and_entries_are_those_of_the_log_and_never_change() {
    let (folder, leaves) = log_of(700).await;
    let mut tree = MemoryTree::new();
    for leaf in &leaves {
        tree.append(TreeHash::of_leaf(leaf));
    }
    let serving = Serving::of(folder.path(), "signed\n").await;
    let url = serving.url.clone();

    // 700 leaves: two full tiles and one of 188; on the next level one of 2.
    for (level, index, width) in [(0, 0, 256), (0, 1, 256), (0, 2, 188), (0, 2, 1), (1, 0, 2)] {
        let size = if level == 0 { index * 256 + width } else { width * 256 };
        let tile = Tile::of_tree(level, index, size).unwrap();
        let got = get(&url, &tile.path()).await;
        assert_eq!((got.status, got.caching.as_str()), (200, FOR_EVER), "{}", tile.path());
        assert_eq!(got.content_type, "application/octet-stream");
        let whole = tree.read_tile(Tile::of_tree(level, index, 700).unwrap()).unwrap();
        let hashes = &whole[..usize::try_from(width).unwrap()];
        let expected: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        assert_eq!(got.body, expected, "{}", tile.path());
    }
    for (index, width) in [(0, 256), (1, 256), (2, 188), (2, 3)] {
        let tile = Tile::of_tree(0, index, index * 256 + width).unwrap();
        let got = get(&url, &tile.entries_path()).await;
        assert_eq!((got.status, got.caching.as_str()), (200, FOR_EVER));
        let first = usize::try_from(index * 256).unwrap();
        let under = &leaves[first..first + usize::try_from(width).unwrap()];
        let expected: Vec<u8> = under
            .iter()
            .flat_map(|leaf| [&u16::try_from(leaf.len()).unwrap().to_be_bytes()[..], leaf].concat())
            .collect();
        assert_eq!(got.body, expected, "{}", tile.entries_path());
    }
    let nowhere = [
        "tile/0/002",
        "tile/0/002.p/189",
        "tile/0/003.p/1",
        "tile/1/000",
        "tile/2/000.p/1",
        "tile/0/2.p/188",
        "tile/0/002.p/0188",
        "tile/00/000",
        "tile/0/x000/000",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/8/000",
        "tile/data/000",
        "tile/entries/003.p/1",
        "tile/0/",
        "other",
    ];
    for path in nowhere {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let whole = format!("{url}/{path}");
        let asked = move || ureq::Agent::from(config).get(&whole).call().unwrap();
        let response = tokio::task::spawn_blocking(asked).await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        let caching = response.headers().get("cache-control").map(|value| value.to_str().unwrap());
        assert!(matches!(caching, None | Some("no-store")), "{path}: {caching:?}");
    }
    let checkpoint = get(&url, "checkpoint").await;
    assert_eq!((checkpoint.status, checkpoint.caching.as_str()), (200, "no-store"));
    assert_eq!(checkpoint.content_type, "text/plain; charset=utf-8");
    assert_eq!(checkpoint.body, b"signed\n");

    serving.stop().await;
}
