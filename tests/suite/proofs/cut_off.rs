//! The newest records taken out of both copies, in a ledger that signs nothing: what was made of them tells.

use std::fs;
use std::sync::Arc;

use contract_ledger::clock::SystemClock;
use contract_ledger::ledger::{Ledger, LedgerLimits, LedgerRules};
use contract_ledger::log::LogOptions;

use tempfile::TempDir;

use super::attacks::ledgerctl;
use crate::support::events::*;
use crate::support::processes::opening;
use crate::support::{Served, Setting};

/// Takes the newest block out of the store, and the archive away.
fn cut_off(folder: &TempDir) {
    fs::remove_dir_all(folder.path().join("archive")).unwrap();
    let store = folder.path().join("sled");
    let store = opening(|| sled::Config::new().path(store).open()).unwrap();
    let blocks = store.open_tree("blocks").unwrap();
    let (newest, _) = blocks.pop_max().unwrap().unwrap();
    assert_eq!(*newest, 2_u64.to_be_bytes());
    store.flush().unwrap();
}

#[tokio::test]
async fn newest_records_that_were_cut_off_refuse_the_start_until_they_are_given_up() {
    let served = Served::start();
    served.append("a", sign("100")).await.unwrap();
    for number in ["O1", "O2"] {
        served.append("a", intent("2024-02-01", order(number, "10"))).await.unwrap();
    }
    let folder = served.stop().await;
    cut_off(&folder);

    let options = LogOptions::new(folder.path());
    let opened = Ledger::open(
        &options,
        &LedgerLimits::default(),
        LedgerRules::default(),
        Arc::new(SystemClock),
    );
    let error = opened.map(drop).unwrap_err();
    let refusal = error.refusal(&options);
    assert_eq!((refusal.reason, refusal.position), ("RECORDS_CUT_OFF", Some(2)), "{error}");
    let path = folder.path().to_str().unwrap();
    let (code, text) = ledgerctl(&["verify", path]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("records were cut off: put back a copy that has them"), "{text}");
    let command = refusal.command.unwrap();
    assert!(text.contains(&command), "{text}");

    let words: Vec<_> = command.split(' ').collect();
    let (code, text) = ledgerctl(&words[1..]).await;
    assert_eq!(code, 0, "{text}");
    let served = Served::on(folder, Setting::default());
    assert_eq!(served.records().await.len(), 2);
    served.append("a", intent("2024-02-01", order("O3", "10"))).await.unwrap();
    served.stop().await;
}
