//! How the ledger ends: what came before is answered, whoever still asks keeps nobody waiting.

use std::sync::Arc;
use std::time::Duration;

use contract_ledger::clock::SystemClock;
use contract_ledger::ledger::command::AppendFailure;
use contract_ledger::ledger::{Ledger, LedgerLimits, LedgerRules, OpenedLedger, WriterEnd};
use contract_ledger::log::LogOptions;
use contract_ledger::wire::parse::parse_append;
use tokio::sync::oneshot;

use super::support::events::*;
use super::support::{Served, Setting};

/// Far longer than a machine under load needs.
const HANGS_AFTER: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_writer_ends_while_the_ledger_is_still_asked() {
    let folder = tempfile::tempdir().unwrap();
    let OpenedLedger { ledger, writer, .. } = Ledger::open(
        &LogOptions::new(folder.path()),
        &LedgerLimits::default(),
        LedgerRules::default(),
        Arc::new(SystemClock),
    )
    .unwrap();
    let asked = |event| parse_append(request("a", vec![event]), 1).unwrap();
    let signing = tokio::spawn({
        let (ledger, command) = (ledger.clone(), asked(sign("100")));
        async move { ledger.append(command).await }
    });
    signing.await.unwrap().unwrap();

    // A thread of its own, so that a writer that never ends fails the test and does not hang it.
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || ended.send(writer.close()));
    let end = tokio::time::timeout(HANGS_AFTER, end).await.expect("the writer ends");
    assert_eq!(end.unwrap(), WriterEnd::Emptied);
    assert_eq!(ledger.head().borrow().record_count, 1, "it may still be asked");
    let late = ledger.append(asked(intent("2024-01-01", order("O1", "1")))).await;
    assert!(matches!(late, Err(AppendFailure::Stopped)), "{late:?}");
    drop(ledger);

    let served = Served::on(folder, Setting::default());
    assert_eq!(served.records().await.len(), 1);
    served.stop().await;
}
