//! Somebody who can write every file of the ledger tries to change history. Each try is told by name,
//! by the ledger or by the auditor.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use bytes::Bytes;
use contract_ledger::clock::SystemClock;
use contract_ledger::ledger::error::LedgerError;
use contract_ledger::ledger::{Ledger, LedgerLimits, LedgerRules};
use contract_ledger::log::{Log, LogOptions};
use contract_ledger::merkle::Receipt;
use contract_ledger::wire::record::{decode, encode};
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::record::Entry;
use tempfile::TempDir;
use tonic::Code;

use super::served::{ORIGIN, checkpoint, fill, newest_file, rules, signing};
use super::signer;
use crate::support::events::*;
use crate::support::{Served, processes, sign_first, told};

/// The exit code of a command, and all that it says.
pub(super) async fn ledgerctl(arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = processes::ledgerctl(arguments).await;
    (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// `ledgerctl audit` against a served ledger.
async fn audit(served: &Served, kept: &Path, more: &[&str]) -> (i32, String) {
    let vkey = signer(ORIGIN, 1).verifier().to_string();
    let kept = kept.to_str().unwrap();
    let fixed = ["audit", "--server", &served.url, "--since", kept, "--vkey", &vkey];
    ledgerctl(&[&fixed[..], more].concat()).await
}

fn ledger_on(folder: TempDir) -> Served {
    signing(folder, vec![signer(ORIGIN, 1)], Vec::new())
}

/// What the attacker does to the records.
type Forgery = fn(Vec<v1::Record>) -> Vec<v1::Record>;

fn alter(mut records: Vec<v1::Record>) -> Vec<v1::Record> {
    alter_one(&mut records[2]);
    records
}

fn alter_late(mut records: Vec<v1::Record>) -> Vec<v1::Record> {
    alter_one(&mut records[300]);
    records
}

fn alter_one(record: &mut v1::Record) {
    let Some(Entry::Event(event)) = &mut record.entry else { panic!("an order") };
    let payload = event.event.as_mut().unwrap().payload.as_mut().unwrap();
    let v1::event::Payload::OrderPlaced(order) = payload else { panic!("an order") };
    order.amount.as_mut().unwrap().amount = "1.00".to_owned();
}

fn cut(mut records: Vec<v1::Record>) -> Vec<v1::Record> {
    records.truncate(3);
    records
}

fn swap(mut records: Vec<v1::Record>) -> Vec<v1::Record> {
    let (first, second) = (records[2].entry.clone(), records[3].entry.clone());
    (records[2].entry, records[3].entry) = (second, first);
    records
}

/// The log with other records, every block, hash and copy in order, as its own writer makes it.
fn forge(folder: &Path, forgery: Forgery) -> TempDir {
    let opened = Log::open(&LogOptions::new(folder)).unwrap();
    let read = opened.reader.forward(0, u64::MAX).map(|item| decode(&item.unwrap().1).unwrap());
    let records: Vec<_> = read.collect();
    drop(opened.reader);
    opened.writer.close().unwrap();
    let records = forgery(records);
    let forged = TempDir::new().unwrap();
    let mut opened = Log::open(&LogOptions::new(forged.path())).unwrap();
    let records: Vec<Bytes> = records.iter().map(encode).collect();
    opened.writer.append(&records).unwrap();
    drop(opened.reader);
    opened.writer.close().unwrap();
    forged
}

/// A log that is shorter than what was signed is not opened before its owner gives up the rest.
async fn give_up(folder: &TempDir, records: u64) {
    let options = LogOptions::new(folder.path());
    let rules = LedgerRules::default();
    let opened = processes::opening(|| {
        Ledger::open(&options, &LedgerLimits::default(), rules, Arc::new(SystemClock))
    });
    let refusal = opened.map(drop).unwrap_err().refusal(&options);
    assert_eq!((refusal.reason, refusal.position), ("RECORDS_CUT_OFF", Some(records)));
    let path = folder.path().to_str().unwrap();
    let (code, text) = ledgerctl(&["recover", path]).await;
    assert_eq!((code, text.contains("newest.checkpoint says that")), (1, true), "{text}");
    let command = refusal.command.unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    let (code, text) = ledgerctl(&words[1..]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(&format!("recorded at position {records} and later")), "{text}");
}

#[tokio::test]
async fn a_changed_log_signs_nothing_and_a_re_signed_one_is_found_by_the_auditor() {
    let forgeries: [(Forgery, &str, &str); 3] = [
        (alter, "OTHER_HISTORY", "the first 5 records are not those that were signed before"),
        (swap, "OTHER_HISTORY", "the first 5 records are not those that were signed before"),
        (cut, "SHORTER", "the log was cut: 5 records were signed, and now it signs 3"),
    ];
    for (forgery, cause, found) in forgeries {
        let visit = TempDir::new().unwrap();
        let kept = visit.path().join("asker.checkpoint");
        let served = ledger_on(TempDir::new().unwrap());
        fill(&served, "a", 4).await;
        let (code, text) = audit(&served, &kept, &["--first"]).await;
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("replayed:  5 events and 0 refusals, as signed"), "{text}");
        let before = fs::read(&kept).unwrap();
        let folder = served.stop().await;

        // The attacker has the folder, and leaves what was signed.
        let forged = forge(folder.path(), forgery);
        fs::copy(newest_file(&folder), newest_file(&forged)).unwrap();
        if cause == "SHORTER" {
            give_up(&forged, 3).await;
        }
        let served = ledger_on(forged);
        let status = checkpoint(&served).await.unwrap_err();
        let refused = told(&status);
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(refused.reason, "CHECKPOINT_INCONSISTENT");
        assert_eq!(refused.metadata["cause"], cause);
        let usage = served.usage("a").await;
        assert!(usage.usage.is_some(), "questions are answered all the same");
        let wanting = request("a", vec![intent("2024-02-03", order("P1", "10"))]);
        let wanting = v1::AppendEventsRequest { want_receipts: true, ..wanting };
        let status = served.send(wanting).await.unwrap_err();
        assert_eq!(told(&status).reason, "CHECKPOINT_INCONSISTENT");
        let (code, text) = audit(&served, &kept, &[]).await;
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("CHECKPOINT_INCONSISTENT"), "{text}");

        // The attacker has the key as well, and signs the forgery.
        let forged = served.stop().await;
        fs::remove_file(newest_file(&forged)).unwrap();
        let with_key = rules(vec![signer(ORIGIN, 1)], Vec::new(), newest_file(&forged));
        sign_first(forged.path(), &with_key).unwrap();
        let served = ledger_on(forged);
        checkpoint(&served).await.unwrap();
        let (code, text) = audit(&served, &kept, &[]).await;
        assert_eq!(code, 1, "{text}");
        assert!(text.contains(found), "{text}");
        assert_eq!(fs::read(&kept).unwrap(), before, "what was kept stays");
        served.stop().await;
    }
}

#[tokio::test]
async fn an_old_backup_over_a_newer_ledger_signs_nothing_until_the_newer_one_is_back() {
    let served = ledger_on(TempDir::new().unwrap());
    fill(&served, "a", 3).await;
    let folder = served.stop().await;
    let backup = forge(folder.path(), |records| records);
    let newer = ledger_on(folder);
    newer.append("a", intent("2024-02-03", order("P1", "10"))).await.unwrap();
    checkpoint(&newer).await.unwrap();
    let newer = newer.stop().await;
    fs::copy(newest_file(&newer), newest_file(&backup)).unwrap();
    give_up(&backup, 4).await;
    let restored = ledger_on(backup);
    let status = checkpoint(&restored).await.unwrap_err();
    assert!(status.message().contains("an older backup was restored"), "{status}");
    // Growing past the size that was signed makes it another history, not a right one.
    for number in 0..3 {
        let placed = intent("2024-02-04", order(&format!("Q{number}"), "10"));
        restored.append("a", placed).await.unwrap();
    }
    let status = checkpoint(&restored).await.unwrap_err();
    assert_eq!(told(&status).metadata["cause"], "OTHER_HISTORY");
    restored.stop().await;
    let newer = ledger_on(newer);
    checkpoint(&newer).await.unwrap();
    newer.stop().await;
}

#[tokio::test]
async fn a_record_changed_under_its_tree_is_told_as_damage_and_a_recent_one_refuses_the_start() {
    let served = ledger_on(TempDir::new().unwrap());
    fill(&served, "a", 600).await;
    checkpoint(&served).await.unwrap();
    let folder = served.stop().await;
    let tiles = |folder: &Path| {
        let opened = Log::open(&LogOptions::new(folder)).unwrap();
        let tree = opened.reader.derived("merkle", 1).unwrap();
        let all: Vec<_> = tree.scan_from(b"").map(Result::unwrap).collect();
        drop((tree, opened.reader));
        opened.writer.close().unwrap();
        all
    };
    // The tree of the true log is put over the altered one.
    let forge_under = |forgery: Forgery| {
        let forged = forge(folder.path(), forgery);
        let true_tiles = tiles(folder.path());
        let opened = Log::open(&LogOptions::new(forged.path())).unwrap();
        let tree = opened.reader.derived("merkle", 1).unwrap();
        let puts = true_tiles.into_iter().map(|(key, value)| (key, value.to_vec()));
        tree.apply(puts.collect(), 512).unwrap();
        drop((tree, opened.reader));
        opened.writer.close().unwrap();
        fs::copy(newest_file(&folder), newest_file(&forged)).unwrap();
        forged
    };
    let served = ledger_on(forge_under(alter));
    checkpoint(&served).await.unwrap();
    let of = |position| v1::GetReceiptRequest {
        event: Some(v1::get_receipt_request::Event::Position(position)),
        min_position: None,
    };
    served.audit().get_receipt(of(3)).await.unwrap();
    let status = served.audit().get_receipt(of(2)).await.unwrap_err();
    assert_eq!(status.code(), Code::DataLoss);
    assert_eq!(told(&status).metadata["position"], "2");
    let visit = TempDir::new().unwrap();
    let (code, text) = audit(&served, &visit.path().join("first"), &["--first"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("are not the records that are signed"), "{text}");
    served.stop().await;

    let forged = forge_under(alter_late);
    let options = LogOptions::new(forged.path());
    let clock = std::sync::Arc::new(contract_ledger::clock::SystemClock);
    let opened = Ledger::open(&options, &LedgerLimits::default(), LedgerRules::default(), clock);
    let error = opened.map(drop).unwrap_err();
    assert!(matches!(error, LedgerError::TreeMismatch { first: 256, last: 511 }), "{error}");
    let (code, text) =
        ledgerctl(&["recover", "--rebuild-indexes", forged.path().to_str().unwrap()]).await;
    assert_eq!(code, 0, "{text}");
    // It starts then, and the checkpoint tells what the tree no longer does.
    let served = ledger_on(forged);
    let status = checkpoint(&served).await.unwrap_err();
    assert_eq!(told(&status).metadata["cause"], "OTHER_HISTORY");
    served.stop().await;
}

#[tokio::test]
async fn a_receipt_for_another_index_or_checkpoint_does_not_hold() {
    let served = ledger_on(TempDir::new().unwrap());
    fill(&served, "a", 4).await;
    let visit = TempDir::new().unwrap();
    let file = visit.path().join("order.tlog-proof");
    let vkey = signer(ORIGIN, 1).verifier().to_string();
    let path = file.to_str().unwrap();
    let verify = async |text: &str| {
        fs::write(&file, text).unwrap();
        ledgerctl(&["verify-receipt", path, "--vkey", &vkey]).await
    };
    let (code, text) = ledgerctl(&["receipt", "a", "3", "--server", &served.url]).await;
    assert_eq!(code, 0, "{text}");
    let (code, told) = verify(&text).await;
    assert_eq!(code, 0, "{told}");
    for part in ["position 2, agreement a, version 3", "order placed of 2024-02-01", "of 5 records"]
    {
        assert!(told.contains(part), "{told}");
    }
    // The record itself, as replay writes it.
    let (_, lines) = ledgerctl(&["replay", "--server", &served.url]).await;
    let lines: Vec<_> = lines.lines().collect();
    let record = visit.path().join("record.json");
    let altered = lines[2].replace("\"60\"", "\"61\"").replace("\"60.00\"", "\"61.00\"");
    let cases = [
        (lines[2], 0, "holds: "),
        (lines[3], 1, "the record is of position 3, the receipt of 2 ("),
        (
            &altered,
            1,
            "the record at position 2 is not the one that the receipt is for: they differ in content",
        ),
    ];
    for (line, expected, part) in cases {
        fs::write(&record, line).unwrap();
        let record = record.to_str().unwrap();
        let (code, told) =
            ledgerctl(&["verify-receipt", path, "--vkey", &vkey, "--record", record]).await;
        assert_eq!(code, expected, "{told}");
        assert!(told.contains(part), "{told}");
    }

    let receipt = Receipt::parse(&text).unwrap();
    // One with a proof as long as before, and one whose proof would be shorter.
    for index in [3, 4] {
        let (code, told) = verify(&Receipt { index, ..receipt.clone() }.to_string()).await;
        assert_eq!(code, 1);
        let named = format!("the leaf is of position 2, the receipt of {index} (");
        assert!(told.contains(&named), "{told}");
    }

    served.append("a", intent("2024-02-03", order("P1", "10"))).await.unwrap();
    checkpoint(&served).await.unwrap();
    let (_, later) = ledgerctl(&["receipt", "--position", "3", "--server", &served.url]).await;
    let later = Receipt::parse(&later).unwrap().checkpoint;
    let (code, told) = verify(&Receipt { checkpoint: later, ..receipt.clone() }.to_string()).await;
    assert_eq!(code, 1);
    let named = "does not lead from the leaf of position 2 to the checkpoint of 6 records";
    assert!(told.contains(named), "{told}");

    let (code, told) =
        ledgerctl(&["verify-receipt", path, "--vkey", &signer(ORIGIN, 9).verifier().to_string()])
            .await;
    assert_eq!(code, 1);
    assert!(told.contains("none of the keys that are trusted has signed"), "{told}");
    served.stop().await;
}

#[tokio::test]
async fn the_auditor_goes_on_from_visit_to_visit() {
    let served = ledger_on(TempDir::new().unwrap());
    let visit = TempDir::new().unwrap();
    let kept = visit.path().join("asker.checkpoint");
    let (code, text) = audit(&served, &kept, &[]).await;
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("--first begins a new one"), "{text}");
    let (code, text) = audit(&served, &kept, &["--first"]).await;
    assert_eq!(code, 0, "an empty log can be visited too: {text}");
    let mut before = 0;
    for orders in [1_usize, 6, 300, 1] {
        fill(&served, &format!("a{orders}-{before}"), orders).await;
        served.append("b", intent("2024-02-01", order("O1", "1"))).await.unwrap_err();
        let (code, text) = audit(&served, &kept, &[]).await;
        assert_eq!(code, 0, "{text}");
        let events = orders + 1;
        assert!(text.contains(&format!("since:     {before} records")), "{text}");
        assert!(text.contains("what was there is there, unchanged"), "{text}");
        assert!(text.contains(&format!("replayed:  {events} events and 1 refusals")), "{text}");
        assert!(text.contains("b UNKNOWN_AGREEMENT"), "{text}");
        before += events + 1;
    }
    served.append("a1-0", fact("2024-02-03", order("BIG", "200000000"))).await.unwrap();
    let (code, text) = audit(&served, &kept, &[]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("finding:   a1-0 "), "{text}");
    let (code, again) = audit(&served, &kept, &[]).await;
    assert_eq!(code, 0);
    assert!(again.contains("(0 new records)") && !again.contains("finding:"), "{again}");

    let all = ledgerctl(&["replay", "--server", &served.url]).await.1;
    assert_eq!(ledgerctl(&["replay", "--server", &served.url]).await.1, all);
    let some = ledgerctl(&["replay", "--records", "7", "--server", &served.url]).await.1;
    assert!(all.starts_with(&some) && some.lines().count() == 7);
    served.stop().await;
}
