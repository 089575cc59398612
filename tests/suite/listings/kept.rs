//! The kept portfolio is derived: however it came about, its rows are the same bytes.

use contract_ledger::ledger::LedgerRules;
use contract_ledger::log::{DerivedTree, Log, LogOptions, LogReader};
use contract_ledger::projections::stored;
use contract_ledger::wire::v1;
use proptest::prelude::*;
use tempfile::TempDir;
use tonic::Code;

use super::super::support::events::*;
use super::super::support::{Served, Setting, told};
use super::agreements::agrees_with_its_own_questions;
use super::portfolio;

const TREE: &str = "projections-portfolio";

fn tree(reader: &LogReader) -> DerivedTree {
    reader.derived(TREE, stored::version(&LedgerRules::default().policies)).unwrap()
}

/// Keys and values of the kept portfolio.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// The position that the kept portfolio has reached, and its rows.
fn kept(folder: &TempDir) -> (u64, Rows) {
    let opened = Log::open(&LogOptions::new(folder.path())).unwrap();
    let tree = tree(&opened.reader);
    let rows = tree.scan_prefix(b"").map(|row| row.map(|(key, row)| (key, row.to_vec())).unwrap());
    let (rows, reached) = (rows.collect(), tree.reached());
    assert_eq!(reached, opened.reader.next_position(), "everything was written at the end");
    opened.writer.close().unwrap();
    (reached, rows)
}

fn delete(folder: &TempDir) {
    let opened = Log::open(&LogOptions::new(folder.path())).unwrap();
    tree(&opened.reader).clear().unwrap();
    opened.writer.close().unwrap();
}

#[derive(Debug, Clone)]
enum Step {
    Sign { agreement: u8, lot: bool },
    Order { agreement: u8, day: u8, amount: u16 },
    Invoice { agreement: u8, day: u8, amount: u16 },
    Reverse { agreement: u8, which: prop::sample::Index },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let place = || (0..4_u8, 1..28_u8, 1..400_u16);
    prop_oneof![
        2 => (0..4_u8, any::<bool>()).prop_map(|(agreement, lot)| Step::Sign { agreement, lot }),
        4 => place().prop_map(|(agreement, day, amount)| Step::Order { agreement, day, amount }),
        3 => place().prop_map(|(agreement, day, amount)| Step::Invoice { agreement, day, amount }),
        2 => (0..4_u8, any::<prop::sample::Index>())
            .prop_map(|(agreement, which)| Step::Reverse { agreement, which }),
        1 => Just(Step::Restart),
    ]
}

async fn play(steps: &[Step]) -> Served {
    let mut served = Served::start();
    for (number, step) in steps.iter().enumerate() {
        let id = |prefix: &str| format!("{prefix}{number}");
        let date = |day: u8| format!("2024-01-{day:02}");
        // Some are refused, as when the agreement is not signed; refusals take positions too.
        let (agreement, event) = match step {
            Step::Sign { agreement, lot } => {
                let mut terms = signed("1000", "2024-01-01", "2025-12-31");
                if *lot {
                    let lot = v1::scope::Scope::Supplier(org(SUPPLIER).unwrap());
                    terms.ceilings.push(ceiling(lot, "500"));
                }
                (*agreement, sign_as(terms))
            }
            Step::Order { agreement, day, amount } => {
                (*agreement, fact(&date(*day), order(&id("O"), &amount.to_string())))
            }
            Step::Invoice { agreement, day, amount } => {
                (*agreement, fact(&date(*day), invoice(&id("I"), "", &amount.to_string())))
            }
            Step::Reverse { agreement, which } => {
                let records = served.records().await;
                if records.is_empty() {
                    continue;
                }
                let target = match &which.get(&records).entry {
                    Some(v1::record::Entry::Event(event)) => event.event_id.clone(),
                    Some(v1::record::Entry::Refusal(_)) | None => continue,
                };
                (*agreement, fact("2024-02-01", reverse(&target)))
            }
            Step::Restart => {
                served = served.restart(Setting::default()).await;
                continue;
            }
        };
        drop(served.append(&format!("agreement {agreement}"), event).await);
    }
    served
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_kept_step_by_step_and_rows_made_anew_are_the_same_bytes(
        steps in prop::collection::vec(step(), 1..30)
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let served = play(&steps).await;
            let asked = || v1::ListAgreementsRequest {
                as_of: "2024-06-01".to_owned(),
                ..Default::default()
            };
            let listed = portfolio(&served, asked()).await;
            let folder = served.stop().await;
            let step_by_step = kept(&folder);
            delete(&folder);
            let served = Served::on(folder, Setting::default());
            assert_eq!(portfolio(&served, asked()).await, listed);
            let folder = served.stop().await;
            assert_eq!(kept(&folder), step_by_step);
            let served = Served::on(folder, Setting::default());
            assert_eq!(portfolio(&served, asked()).await, listed);
            for day in ["2024-01-05", "2024-01-20", "2024-02-10", "2026-06-01"] {
                let request = v1::ListAgreementsRequest { as_of: day.to_owned(), ..asked() };
                for row in portfolio(&served, request).await {
                    agrees_with_its_own_questions(&served, day, &row).await;
                }
            }
            served.stop().await;
        });
    }
}

#[tokio::test]
async fn a_listing_shows_what_was_answered_whether_its_row_is_written_or_not() {
    let served = Served::start();
    for number in 1..=50 {
        let id = format!("a{number:02}");
        served.append(&id, sign("100")).await.unwrap();
        let answer = served.append(&id, fact("2024-01-01", order("O", "60"))).await.unwrap();
        let request = v1::ListAgreementsRequest {
            usage_ppm_min: Some(600_000),
            as_of: "2024-06-01".to_owned(),
            ..Default::default()
        };
        let rows = portfolio(&served, request).await;
        assert_eq!(rows.len(), number);
        assert_eq!(rows[number - 1].agreement_version, answer.agreement_version);
    }
    served.stop().await;
}

/// As after a crash that took the last rows back: the mark says how far the tree has come.
#[tokio::test]
async fn a_tree_that_is_behind_catches_up_from_its_mark() {
    let served = Served::start();
    for agreement in ["a", "b"] {
        served.append(agreement, sign("100")).await.unwrap();
    }
    let folder = served.stop().await;
    let (reached, early) = kept(&folder);
    let served = Served::on(folder, Setting::default());
    served.append("b", fact("2024-01-01", order("O", "60"))).await.unwrap();
    served.append("c", sign("100")).await.unwrap();
    served.append("c", intent("2024-01-01", order("O", "101"))).await.unwrap_err();
    let folder = served.stop().await;
    let (_, late) = kept(&folder);
    assert_eq!((reached, early.len(), late.len()), (2, 2, 3));
    let opened = Log::open(&LogOptions::new(folder.path())).unwrap();
    let behind = tree(&opened.reader);
    behind.clear().unwrap();
    behind.apply(early, reached).unwrap();
    drop(behind);
    opened.writer.close().unwrap();
    drop(opened.reader);
    let served = Served::on(folder, Setting::default());
    let folder = served.stop().await;
    assert_eq!(kept(&folder), (5, late));
}

#[tokio::test]
async fn an_agreement_that_cannot_be_folded_is_told_and_hides_no_other() {
    use prost::Message as _;
    let served = Served::start();
    served.append("a", sign("100")).await.unwrap();
    let mut unreadable = served.records().await.remove(0);
    unreadable.position = 1;
    unreadable.agreement_id = "b".to_owned();
    let Some(v1::record::Entry::Event(event)) = &mut unreadable.entry else { panic!("an event") };
    let payload = &mut event.event.as_mut().unwrap().payload;
    let Some(v1::event::Payload::AgreementSigned(signed)) = payload else { panic!("a signature") };
    // Of the leaf of the tree this is no part, so that the start does not meet it.
    signed.currency = "no currency".to_owned();
    let folder = served.stop().await;
    let mut opened = Log::open(&LogOptions::new(folder.path())).unwrap();
    opened.writer.append(&[unreadable.encode_to_vec().into()]).unwrap();
    opened.writer.close().unwrap();
    drop(opened.reader);
    let mut served = Served::on(folder, Setting::default());
    // Caught up on opening, and still there after a restart.
    for (order_id, version) in [("O1", 2), ("O2", 3)] {
        let all = v1::ListAgreementsRequest::default();
        let refused = told(&served.projections().list_agreements(all).await.unwrap_err());
        assert_eq!(
            (refused.code, refused.reason.as_str()),
            (Code::DataLoss, "STORED_DATA_DAMAGED")
        );
        assert_eq!(refused.metadata["position"], "1");
        let first = v1::ListAgreementsRequest { page_size: 1, ..Default::default() };
        served.projections().list_agreements(first).await.unwrap_err();
        served.append("a", fact("2024-01-01", order(order_id, "1"))).await.unwrap();
        assert_eq!(served.usage("a").await.usage.unwrap().agreement_version, version);
        served = served.restart(Setting::default()).await;
    }
    served.stop().await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_made_anew_from_the_log() {
    let served = Served::start();
    served.append("a", sign("100")).await.unwrap();
    let asked = v1::ListAgreementsRequest::default;
    let listed = portfolio(&served, asked()).await;
    let folder = served.stop().await;
    let opened = Log::open(&LogOptions::new(folder.path())).unwrap();
    let tree = tree(&opened.reader);
    tree.apply(vec![(b"a".to_vec(), b"damaged".to_vec())], tree.reached()).unwrap();
    drop(tree);
    opened.writer.close().unwrap();
    drop(opened.reader);
    let served = Served::on(folder, Setting::default());
    assert_eq!(portfolio(&served, asked()).await, listed);
    served.stop().await;
}
