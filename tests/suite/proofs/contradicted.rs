//! A machine that goes back as a whole, with all that it kept: its witness remembers, and the ledger
//! signs nothing more.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use contract_ledger::merkle::VerifierKey;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::audit_service_client::AuditServiceClient;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use tempfile::TempDir;

use super::served::ORIGIN;
use crate::daemon::Daemon;
use crate::support::events::{intent, order, request, sign};
use crate::support::processes::{ledgerctl, run};
use crate::support::witness::{Cosigner, TestWitness, cosigner};
use crate::support::{HANGS_AFTER, told};
use crate::tiles::get;

const WITNESS: &str = "witness.example/w1";

/// All that a machine has: the key with what it signed, the configuration and the data folder.
struct Machine {
    disk: TempDir,
    /// Where its tiles are served.
    tiles: SocketAddr,
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Machine {
    async fn new() -> (Self, VerifierKey) {
        let disk = TempDir::new().unwrap();
        let key = disk.path().join("ledger.key").display().to_string();
        let made = ledgerctl(&["keygen", ORIGIN, "-o", &key]).await;
        assert!(made.status.success(), "{made:?}");
        let vkey = VerifierKey::parse(String::from_utf8(made.stdout).unwrap().trim()).unwrap();
        (Self { disk, tiles: free_address() }, vkey)
    }

    fn snapshot(&self) -> Self {
        let disk = TempDir::new().unwrap();
        let from = self.disk.path().join(".");
        assert!(run(Command::new("cp").arg("-r").arg(from).arg(disk.path())).status.success());
        // A machine that goes back finds its own files where they were.
        let places = disk.path().join("data/checkpoint.places");
        let named = fs::read_to_string(&places).unwrap();
        let path = |disk: &TempDir| disk.path().display().to_string();
        fs::write(&places, named.replace(&path(&self.disk), &path(&disk))).unwrap();
        Self { disk, tiles: free_address() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.disk.path().join(name)
    }

    fn start(&self, url: &str, witness: &Cosigner) -> Daemon {
        let settings = format!(
            "[checkpoint]\nkey_file = {:?}\n[witness_pace]\ninterval_seconds = 1\n\
             [[witness]]\nurl = {url:?}\nkey = {:?}\n[tiles]\nlisten = \"{}\"\n",
            self.path("ledger.key").display().to_string(),
            witness.vkey(),
            self.tiles,
        );
        let config = self.path("ledgerd.toml");
        fs::write(&config, settings).unwrap();
        let flags = ["--config", config.to_str().unwrap()];
        Daemon::start_with(&self.path("data"), &flags, &[])
    }
}

async fn append(daemon: &Daemon, event: v1::Event) {
    let mut client = LedgerServiceClient::connect(daemon.url.clone()).await.unwrap();
    client.append_events(request("a", vec![event])).await.unwrap();
}

async fn checkpoint(
    daemon: &Daemon,
    cosigned_by_at_least: u32,
) -> Result<v1::GetCheckpointResponse, tonic::Status> {
    let mut client = AuditServiceClient::connect(daemon.url.clone()).await.unwrap();
    let asked = v1::GetCheckpointRequest { cosigned_by_at_least, witnesses_only: false };
    client.get_checkpoint(asked).await.map(tonic::Response::into_inner)
}

/// Asks until there is what is awaited.
async fn until<T>(what: &str, mut asked: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = asked().await {
                return found;
            }
        }
    };
    let found = tokio::time::timeout(HANGS_AFTER, found).await;
    found.unwrap_or_else(|_| panic!("{what} does not come"))
}

/// What `checkpoint --witnesses` says.
async fn witnesses(daemon: &Daemon) -> String {
    let told = ledgerctl(&["checkpoint", "--witnesses", "--server", &daemon.url]).await;
    assert!(told.status.success(), "{told:?}");
    String::from_utf8(told.stdout).unwrap()
}

async fn cosigned(daemon: &Daemon, size: u64) {
    until("the cosignature", async || {
        checkpoint(daemon, 1).await.ok().filter(|answer| answer.tree_size == size)
    })
    .await;
}

/// Status and caching of what the endpoint of the tiles answers.
async fn shown(machine: &Machine, path: &str) -> (u16, String) {
    let got = get(&format!("http://{}", machine.tiles), path).await;
    (got.status, got.caching)
}

async fn stop(daemon: Daemon) {
    assert!(daemon.end_with("TERM").await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_goes_back_is_stopped_by_its_witness_before_it_signs_anything_new() {
    let (machine, vkey) = Machine::new().await;
    let key = cosigner(WITNESS, 3);
    let witness = TestWitness::start(key.clone(), ORIGIN, vkey);
    let daemon = machine.start(&witness.url, &key);
    append(&daemon, sign("1000")).await;
    append(&daemon, intent("2024-01-01", order("O1", "1"))).await;
    cosigned(&daemon, 2).await;
    stop(daemon).await;
    let snapshot = machine.snapshot();
    let daemon = machine.start(&witness.url, &key);
    append(&daemon, intent("2024-01-01", order("O2", "1"))).await;
    cosigned(&daemon, 3).await;
    let text = witnesses(&daemon).await;
    let line = text.strip_prefix("witness.example/w1: cosigned 3 records ").unwrap();
    // The test's witness lives in November 2023.
    let (days, rest) = line.split_once(" d ").unwrap();
    assert!(days.parse::<u32>().unwrap() > 700, "{text}");
    assert!(rest.contains(" h ago, at 2023-11-14 23:13:20+01:00, 0 behind\n"), "{text}");
    assert!(!text.contains("nothing is signed"), "{text}");
    stop(daemon).await;

    // All that is kept there agrees: only the witness knows better.
    let newest = fs::read(snapshot.path("ledger.key.newest")).unwrap();
    let daemon = snapshot.start(&witness.url, &key);
    append(&daemon, intent("2024-01-01", order("X1", "7"))).await;
    append(&daemon, intent("2024-01-01", order("X2", "7"))).await;
    let status = checkpoint(&daemon, 0).await.unwrap_err();
    let refused = told(&status);
    assert_eq!(refused.reason, "CHECKPOINT_INCONSISTENT");
    assert_eq!(refused.metadata["cause"], "WITNESS");
    assert_eq!(refused.metadata["witness"], WITNESS);
    assert_eq!(refused.metadata["witness_reason"], "WITNESS_SAW_LARGER_TREE");
    assert_eq!(told(&checkpoint(&daemon, 1).await.unwrap_err()).metadata["cause"], "WITNESS");
    // The alarm is to be seen just now, in this round and after the next.
    for _ in 0..2 {
        let asked = witness.state.lock().unwrap().asked;
        let text = witnesses(&daemon).await;
        for part in [
            "witness.example/w1: cosigned 2 records ",
            " ago, at 2023-11-14 23:13:20+01:00, 2 behind; WITNESS_SAW_LARGER_TREE: ",
            "nothing is signed: CHECKPOINT_INCONSISTENT: the witness witness.example/w1 speaks against",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(witness.state.lock().unwrap().asked, asked, "nothing is submitted any more");
    }
    assert_eq!(fs::read(snapshot.path("ledger.key.newest")).unwrap(), newest);
    stop(daemon).await;
    // By now the log is longer than what the witness saw, and no restart takes that for a growth.
    let daemon = snapshot.start(&witness.url, &key);
    let refused = told(&checkpoint(&daemon, 0).await.unwrap_err());
    assert_eq!(refused.metadata["cause"], "WITNESS");
    stop(daemon).await;
    assert_eq!(fs::read(snapshot.path("ledger.key.newest")).unwrap(), newest);
    assert_eq!(witness.state.lock().unwrap().last.unwrap().0, 3);

    // The true one goes on.
    let daemon = machine.start(&witness.url, &key);
    append(&daemon, intent("2024-01-01", order("O3", "1"))).await;
    cosigned(&daemon, 4).await;
    stop(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_is_gone_keeps_nobody_from_signing() {
    let (machine, _) = Machine::new().await;
    let daemon = machine.start("http://127.0.0.1:1", &cosigner(WITNESS, 3));
    append(&daemon, sign("1000")).await;
    let answer = checkpoint(&daemon, 0).await.unwrap();
    assert_eq!(answer.tree_size, 1);
    stop(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cosigned_checkpoint_that_the_log_does_not_continue_is_not_given_nor_any_tile() {
    let (machine, vkey) = Machine::new().await;
    let key = cosigner(WITNESS, 3);
    let witness = TestWitness::start(key.clone(), ORIGIN, vkey);
    let daemon = machine.start(&witness.url, &key);
    append(&daemon, sign("1000")).await;
    append(&daemon, intent("2024-01-01", order("O1", "1"))).await;
    cosigned(&daemon, 2).await;
    assert_eq!(shown(&machine, "checkpoint").await, (200, "no-store".to_owned()));
    let (status, caching) = shown(&machine, "tile/0/000.p/2").await;
    assert!(status == 200 && caching.contains("immutable"), "{status} {caching}");
    stop(daemon).await;
    let snapshot = machine.snapshot();
    let daemon = machine.start(&witness.url, &key);
    append(&daemon, intent("2024-01-01", order("O2", "1"))).await;
    cosigned(&daemon, 3).await;
    stop(daemon).await;

    // The log and what was signed go back; what the witness cosigned stays, and the witness is away.
    for entry in fs::read_dir(machine.path("data/witnesses")).unwrap() {
        let entry = entry.unwrap();
        let to = snapshot.path("data/witnesses").join(entry.file_name());
        fs::copy(entry.path(), to).unwrap();
    }
    let daemon = snapshot.start("http://127.0.0.1:1", &key);
    for (cause, event) in [
        ("SHORTER", intent("2024-01-01", order("X1", "7"))),
        ("OTHER_HISTORY", intent("2024-01-01", order("X2", "7"))),
    ] {
        let refused = told(&checkpoint(&daemon, 1).await.unwrap_err());
        assert_eq!(refused.reason, "CHECKPOINT_INCONSISTENT");
        assert_eq!(refused.metadata["cause"], cause);
        for path in ["checkpoint", "tile/0/000.p/2", "tile/entries/000.p/2", "tile/0/000.p/3"] {
            assert_eq!(shown(&snapshot, path).await, (503, "no-store".to_owned()), "{path}");
        }
        append(&daemon, event).await;
    }
    stop(daemon).await;
}
