//! A dossier under a checkpoint that a witness cosigned, from the real server, and what is left of it
//! without the cosignature.

use std::fs;
use std::path::Path;

use contract_ledger::dossier::Dossier;
use contract_ledger::merkle::KeyName;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;

use super::{ORIGIN, SignerKey};
use crate::daemon::Daemon;
use crate::support::events::{intent, order, request, sign};
use crate::support::processes::ledgerctl;
use crate::support::witness::{TestWitness, cosigner};

const WITNESS: &str = "witness.example/w1";

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A key file as `keygen` writes it, and the key that verifies it.
async fn key_in(folder: &Path) -> (String, String) {
    let file = folder.join("ledger.key").to_str().unwrap().to_owned();
    let made = ledgerctl(&["keygen", ORIGIN, "-o", &file]).await;
    assert!(made.status.success(), "{made:?}");
    (file, text(&made.stdout).trim().to_owned())
}

/// Asks until the witness has cosigned so many records.
async fn cosigned(url: &str, size: u64) {
    let line = size.to_string();
    for _ in 0..2_000 {
        let told = ledgerctl(&["checkpoint", "--cosigned", "1", "--server", url]).await;
        if text(&told.stdout).lines().nth(1) == Some(line.as_str()) {
            return;
        }
    }
    panic!("the witness did not cosign {size} records");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dossier_says_who_cosigned_and_fails_when_a_named_witness_has_not() {
    let folder = tempfile::tempdir().unwrap();
    let (key, vkey) = key_in(folder.path()).await;
    let log = contract_ledger::merkle::VerifierKey::parse(&vkey).unwrap();
    let witness = TestWitness::start(cosigner(WITNESS, 3), ORIGIN, log);
    let config = folder.path().join("ledgerd.toml");
    let settings = format!(
        "[checkpoint]\nkey_file = {key:?}\n[witness_pace]\ninterval_seconds = 1\n\
         [[witness]]\nurl = {:?}\nkey = {:?}\n",
        witness.url,
        cosigner(WITNESS, 3).vkey(),
    );
    fs::write(&config, settings).unwrap();
    let data = folder.path().join("data");
    let daemon = Daemon::start_with(&data, &["--config", config.to_str().unwrap()], &[]);
    let mut client = LedgerServiceClient::connect(daemon.url.clone()).await.unwrap();
    client.append_events(request("a", vec![sign("1000")])).await.unwrap();
    let placed = intent("2024-01-01", order("O1", "400"));
    client.append_events(request("a", vec![placed])).await.unwrap();
    cosigned(&daemon.url, 2).await;

    let file = folder.path().join("a.dossier").to_str().unwrap().to_owned();
    let asked = ["dossier", "a", "-o", &file, "--cosigned", "1", "--server", &daemon.url];
    let made = ledgerctl(&asked).await;
    assert!(made.status.success(), "{made:?}");
    assert!(text(&made.stdout).contains(&format!("WITNESSES HOLDS: cosigned by {WITNESS}")));
    let too_many = ["dossier", "a", "-o", &file, "--cosigned", "2", "--server", &daemon.url];
    let refused = ledgerctl(&too_many).await;
    assert!(!refused.status.success() && text(&refused.stderr).contains("NOT_COSIGNED"));

    let named = cosigner(WITNESS, 3).vkey();
    let verify = ["verify-dossier", &file, "--vkey", &vkey, "--witness-vkey", &named];
    let holds = ledgerctl(&verify).await;
    assert_eq!(holds.status.code(), Some(0), "{holds:?}");
    // Another witness, one of the same name with another key, and the ledger's own key for a witness's.
    let own =
        SignerKey::from_seed(KeyName::parse(WITNESS).unwrap(), &[4; 32]).verifier().to_string();
    let others =
        [cosigner("witness.example/w2", 3).vkey(), cosigner(WITNESS, 4).vkey(), vkey.clone(), own];
    for other in others {
        let asked = ["verify-dossier", &file, "--vkey", &vkey, "--witness-vkey", &other];
        let fails = ledgerctl(&asked).await;
        assert_eq!(fails.status.code(), Some(1), "{other}: {fails:?}");
        assert!(text(&fails.stderr).contains("WITNESSES"), "{other}: {fails:?}");
    }

    // Whoever takes the cosignature out of the file cannot make it hold, and it still holds without.
    let mut dossier = Dossier::parse(&fs::read(&file).unwrap()).unwrap();
    let kept: Vec<&str> =
        dossier.checkpoint.lines().filter(|line| !line.contains(WITNESS)).collect();
    dossier.checkpoint = kept.join("\n") + "\n";
    fs::write(&file, dossier.to_text().unwrap()).unwrap();
    let fails = ledgerctl(&verify).await;
    assert_eq!(fails.status.code(), Some(1), "{fails:?}");
    assert!(text(&fails.stderr).contains("WITNESSES"), "{fails:?}");
    assert!(ledgerctl(&verify[..4]).await.status.success());

    drop(client);
    assert!(daemon.end_with("TERM").await.success());
}
