//! The online verification: nothing wrong is found where nothing is, also while appends go on, and
//! whatever is damaged is told with its part, its kind and its place.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contract_ledger::domain::policy::PolicyBook;
use contract_ledger::log::{DerivedTree, Log, LogOptions};
use contract_ledger::projections::stored;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::verify_log_response::Message;
use contract_ledger::wire::v1::{DamageKind, DamagedPart, VerifyPhase};
use tempfile::TempDir;

use super::support::events::*;
use super::support::processes::{opening, run};
use super::support::{Served, Setting};

/// Everything that one verification tells.
struct Verified {
    progress: Vec<v1::VerifyLogProgress>,
    damages: Vec<v1::VerifyLogDamage>,
    summary: v1::VerifyLogSummary,
}

impl Verified {
    fn told(&self) -> Vec<(DamagedPart, DamageKind, Option<u64>, &str)> {
        let told =
            |damage: &'_ v1::VerifyLogDamage| (damage.part(), damage.kind(), damage.position);
        self.damages
            .iter()
            .map(|damage| {
                let (part, kind, position) = told(damage);
                (part, kind, position, damage.subject.as_str())
            })
            .collect()
    }
}

async fn verify(served: &Served) -> Verified {
    let mut stream = served.admin().verify_log(v1::VerifyLogRequest {}).await.unwrap().into_inner();
    let (mut progress, mut damages, mut summary) = (Vec::new(), Vec::new(), None);
    while let Some(response) = stream.message().await.unwrap() {
        assert!(summary.is_none(), "the summary is last");
        match response.message.unwrap() {
            Message::Progress(told) => progress.push(told),
            Message::Damage(told) => damages.push(told),
            Message::Summary(told) => summary = Some(told),
        }
    }
    Verified { progress, damages, summary: summary.unwrap() }
}

/// Until every row of the portfolio is written, so that all of them are compared.
async fn verify_at_rest(served: &Served) -> Verified {
    loop {
        let verified = verify(served).await;
        if verified.summary.rows_not_compared == 0 {
            return verified;
        }
    }
}

async fn fill(served: &Served) {
    let source = |id: &str| Some(v1::Source { system: "erp".to_owned(), event_id: id.to_owned() });
    for agreement in ["a", "b", "c"] {
        served.append(agreement, sign("100000")).await.unwrap();
        let orders = ["O1", "O2"].map(|id| intent("2024-01-01", order(id, "60")));
        served.send(request(agreement, orders.to_vec())).await.unwrap();
        let invoicing = fact("2024-01-02", invoice("I1", "O1", "70"));
        let invoicing = v1::Event { source: source(agreement), ..invoicing };
        served.append(agreement, invoicing).await.unwrap();
        let over = intent("2024-01-01", order("O3", "600000"));
        served.append(agreement, over).await.unwrap_err();
    }
    served.append("nobody", intent("2024-01-01", order("O1", "1"))).await.unwrap_err();
}

/// Records of `fill`.
const RECORDS: u64 = 16;

#[tokio::test]
async fn whole_ledger_is_looked_at_phase_by_phase_and_nothing_is_found() {
    let served = Served::start();
    let empty = verify(&served).await;
    assert_eq!((empty.summary.record_count, empty.summary.damage_count), (0, 0));
    fill(&served).await;
    let verified = verify_at_rest(&served).await;
    assert_eq!(verified.told(), []);
    let v1::VerifyLogSummary { last_block_hash, bytes_read, .. } = verified.summary.clone();
    let expected = v1::VerifyLogSummary {
        record_count: RECORDS,
        store_blocks: 13,
        archive_blocks: Some(13),
        agreements: 4,
        last_block_hash: last_block_hash.clone(),
        bytes_read,
        rows_not_compared: 0,
        damage_count: 0,
    };
    assert_eq!(verified.summary, expected);
    assert_eq!(last_block_hash.len(), 32);
    let mut phases: Vec<_> = verified.progress.iter().map(v1::VerifyLogProgress::phase).collect();
    phases.dedup();
    assert_eq!(
        phases,
        [
            VerifyPhase::Store,
            VerifyPhase::Archive,
            VerifyPhase::Tree,
            VerifyPhase::Indexes,
            VerifyPhase::Portfolio
        ]
    );
    assert!(verified.progress.iter().all(|told| told.done <= told.total));
    assert!(verified.progress.is_sorted_by_key(|told| told.bytes_done));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_and_verifications_do_not_disturb_each_other() {
    let served = Arc::new(Served::start());
    fill(&served).await;
    let goes_on = Arc::new(AtomicBool::new(true));
    let appending = tokio::spawn({
        let (served, goes_on) = (Arc::clone(&served), Arc::clone(&goes_on));
        async move {
            let mut number = 0;
            while goes_on.load(Ordering::Relaxed) {
                let placed = intent("2024-01-02", order(&format!("P{number}"), "1"));
                served.append(["a", "b", "c"][number % 3], placed).await.unwrap();
                number += 1;
            }
            number
        }
    });
    let mut seen = 0;
    for _ in 0..12 {
        let verified = verify(&served).await;
        assert_eq!(verified.told(), []);
        assert!(verified.summary.record_count >= seen);
        seen = verified.summary.record_count;
    }
    goes_on.store(false, Ordering::Relaxed);
    assert!(appending.await.unwrap() > 0);
    let verified = verify_at_rest(&served).await;
    assert_eq!(verified.told(), []);
    Arc::into_inner(served).unwrap().stop().await;
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn damaged_segment_of_a_running_ledger_is_told_with_its_file_and_the_rest_is_looked_at() {
    let served = Served::start();
    fill(&served).await;
    let archive = served.folder.path().join("archive");
    let segment = archive.join("segment-00000000000000000000.clar");
    let name = segment.to_str().unwrap();
    flip(&segment, 49 + 60);
    let verified = verify(&served).await;
    assert_eq!(verified.told(), [(DamagedPart::Archive, DamageKind::Block, Some(0), name)]);
    assert_eq!(verified.summary.damage_count, 1);
    assert_eq!(verified.summary.archive_blocks, Some(12));
    flip(&segment, 49 + 60);
    flip(&segment, 9);
    let verified = verify(&served).await;
    assert_eq!(verified.told(), [(DamagedPart::Archive, DamageKind::Segment, Some(0), name)]);
    flip(&segment, 9);
    let kept = fs::read(&segment).unwrap();
    fs::remove_file(&segment).unwrap();
    let verified = verify(&served).await;
    assert_eq!(verified.told(), [(DamagedPart::Archive, DamageKind::Missing, Some(0), "")]);
    fs::write(&segment, kept).unwrap();
    assert_eq!(verify(&served).await.told(), []);
    served.stop().await;
}

/// Ends a ledger, and takes everything from its folder that follows from the log.
async fn without_derived(served: Served) -> TempDir {
    let folder = served.stop().await;
    let opened = opening(|| Log::open(&LogOptions::new(folder.path()))).unwrap();
    opened.reader.delete_derived().unwrap();
    opened.writer.close().unwrap();
    folder
}

/// What is put into a derived tree, under its version, and what is told of it.
struct Wrong {
    tree: &'static str,
    version: u32,
    puts: Puts,
    told: Vec<(DamagedPart, DamageKind, Option<u64>, &'static str)>,
}

type Put = (Vec<u8>, Vec<u8>);

enum Puts {
    These(Vec<Put>),
    /// They follow from what is there.
    Of(fn(&DerivedTree) -> Vec<Put>),
}

/// A key of a slot of the tables: of a page (1) or of a group of pages (2), the first.
fn table_key(what: u8, slot: u32) -> Vec<u8> {
    [&[what][..], &slot.to_be_bytes(), &0_u32.to_be_bytes()].concat()
}

/// One more table, in which a key that no record has stands for a position.
fn one_more_key(tree: &DerivedTree, position: u64) -> Vec<Put> {
    let (number, slot, key) = (9_u64.to_be_bytes(), 9_u32.to_be_bytes(), [7; 16]);
    let catalogue = tree.get(&[0]).unwrap().unwrap();
    let named = [&catalogue, &number[..], &slot, &1_u64.to_be_bytes()].concat();
    let page = [&number[..], &key, &position.to_be_bytes()].concat();
    let group = [&number[..], &key, &[0xff; 32]].concat();
    vec![(vec![0], named), (table_key(1, 9), page), (table_key(2, 9), group)]
}

/// The first group of the first table, with a filter that lets no key through.
fn filter_of_nothing(tree: &DerivedTree) -> Vec<Put> {
    let mut group = tree.get(&table_key(2, 0)).unwrap().unwrap().to_vec();
    group.truncate(24);
    group.extend([0; 32]);
    vec![(table_key(2, 0), group)]
}

fn stream_key(agreement: &str, first: u64) -> Vec<u8> {
    [agreement.as_bytes(), &[0], &first.to_be_bytes()].concat()
}

fn entry(position: u64, version: u64) -> Vec<u8> {
    [position.to_be_bytes(), version.to_be_bytes()].concat()
}

/// Runs of records that are not so.
fn wrong_streams() -> Vec<Wrong> {
    use DamageKind::{IndexDiffers, VersionGap};
    use DamagedPart::Index;
    vec![
        // The refusal of `a` at 4 as if it were an event of version 5.
        Wrong {
            tree: "streams",
            version: 1,
            puts: Puts::These(vec![(
                stream_key("a", 0),
                [entry(0, 1), entry(1, 2), entry(2, 3), entry(3, 4), entry(4, 6)].concat(),
            )]),
            told: vec![
                (Index, VersionGap, Some(4), "streams"),
                (Index, IndexDiffers, Some(4), "streams"),
            ],
        },
        // A record of `b` among those of `a`, and so one entry too many.
        Wrong {
            tree: "streams",
            version: 1,
            puts: Puts::These(vec![(stream_key("a", 5), entry(5, 5))]),
            told: vec![
                (Index, IndexDiffers, Some(5), "streams"),
                (Index, IndexDiffers, None, "streams"),
            ],
        },
        // An entry is gone: what it said is said of the next one.
        Wrong {
            tree: "streams",
            version: 1,
            puts: Puts::These(vec![(stream_key("nobody", 15), Vec::new())]),
            told: vec![
                (Index, IndexDiffers, None, "streams"),
                (Index, IndexDiffers, None, "streams"),
            ],
        },
    ]
}

/// Keys that no record has, and some that are not found.
fn wrong_keys() -> Vec<Wrong> {
    use DamageKind::{IndexDiffers, Unreadable};
    use DamagedPart::Index;
    vec![
        Wrong {
            tree: "requests",
            version: 2,
            puts: Puts::Of(|tree| one_more_key(tree, 2)),
            told: vec![
                (Index, IndexDiffers, Some(2), "requests"),
                (Index, IndexDiffers, None, "requests"),
            ],
        },
        Wrong {
            tree: "sources",
            version: 2,
            puts: Puts::Of(|tree| one_more_key(tree, 3)),
            told: vec![
                (Index, IndexDiffers, Some(3), "sources"),
                (Index, IndexDiffers, None, "sources"),
            ],
        },
        // A page is gone.
        Wrong {
            tree: "requests",
            version: 2,
            puts: Puts::These(vec![(table_key(1, 0), Vec::new())]),
            told: vec![(Index, Unreadable, None, "requests")],
        },
        // What is there is not found.
        Wrong {
            tree: "sources",
            version: 2,
            puts: Puts::Of(filter_of_nothing),
            told: vec![
                (Index, IndexDiffers, Some(13), "sources"),
                (Index, IndexDiffers, Some(3), "sources"),
                (Index, IndexDiffers, Some(8), "sources"),
            ],
        },
    ]
}

#[tokio::test]
async fn whatever_an_index_or_the_portfolio_holds_wrongly_is_told() {
    use DamagedPart::{Index, Portfolio};
    let rows = stored::version(&PolicyBook::norwegian_eea_thresholds());
    let wrong_rows = [Wrong {
        tree: "projections-portfolio",
        version: rows,
        puts: Puts::These(vec![(b"b".to_vec(), b"{}".to_vec())]),
        told: vec![(Portfolio, DamageKind::RowDiffers, None, "b")],
    }];
    let wrongs = wrong_streams().into_iter().chain(wrong_keys()).chain(wrong_rows);
    for Wrong { tree, version, puts, told } in wrongs {
        let served = Served::start();
        fill(&served).await;
        // Made anew, the index has one run an agreement.
        let served = Served::on(without_derived(served).await, Setting::default());
        verify_at_rest(&served).await;
        let folder = served.stop().await;
        let opened = opening(|| Log::open(&LogOptions::new(folder.path()))).unwrap();
        let derived = opened.reader.derived(tree, version).unwrap();
        let puts = match puts {
            Puts::These(puts) => puts,
            Puts::Of(puts) => puts(&derived),
        };
        derived.apply(puts, RECORDS).unwrap();
        drop(derived);
        opened.writer.close().unwrap();
        drop(opened.reader);
        // Of a ledger that does not run the indexes are told, and not the portfolio.
        let mut offline = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
        let output = run(offline.arg("verify").arg(folder.path()));
        let text = String::from_utf8(output.stdout).unwrap();
        let is_index = told[0].0 == Index;
        assert_eq!(output.status.code().unwrap(), i32::from(is_index), "{tree}: {text}");
        assert_eq!(text.contains("indexes:  damaged"), is_index, "{tree}: {text}");
        let served = Served::on(folder, Setting::default());
        let verified = verify_at_rest(&served).await;
        // Rows are made by way of the index, so a wrong one shows there too.
        let about_part: Vec<_> =
            verified.told().into_iter().filter(|found| found.0 == told[0].0).collect();
        assert_eq!(about_part, told, "{tree}");
        let count = u64::try_from(verified.damages.len()).unwrap();
        assert_eq!(verified.summary.damage_count, count);
        // An index that is made anew is right again.
        let served = Served::on(without_derived(served).await, Setting::default());
        assert_eq!(verify_at_rest(&served).await.told(), []);
        served.stop().await;
    }
}

#[tokio::test]
async fn ledger_without_an_archive_is_verified_without_one() {
    let served = Served::start();
    fill(&served).await;
    let folder = served.stop().await;
    let served = Served::without_archive(folder, Setting::default());
    let verified = verify_at_rest(&served).await;
    assert_eq!(verified.told(), []);
    assert_eq!(verified.summary.archive_blocks, None);
    served.stop().await;
}
