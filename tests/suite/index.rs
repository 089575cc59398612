//! Everything but the log is derived: without it the same answers come back.

use contract_ledger::log::{Log, LogOptions};

use super::support::events::*;
use super::support::{Served, Setting, told};
use contract_ledger::wire::v1;

#[tokio::test]
async fn without_every_tree_but_the_log_the_answers_are_the_same() {
    let served = Served::start();
    let source = |id: &str| Some(v1::Source { system: "erp".to_owned(), event_id: id.to_owned() });
    let placing = request("a", vec![intent("2024-01-01", order("O1", "60"))]);
    let over = request("a", vec![intent("2024-01-01", order("O2", "60"))]);
    let invoicing =
        v1::Event { source: source("7"), ..fact("2024-01-02", invoice("I1", "O1", "70")) };
    served.append("a", sign("100")).await.unwrap();
    served.send(placing.clone()).await.unwrap();
    served.send(over.clone()).await.unwrap_err();
    served.append("a", invoicing.clone()).await.unwrap();
    let usage = served.usage("a").await;
    let history = served.history("a").await;
    let records = served.records().await;

    let folder = served.stop().await;
    let opened = Log::open(&LogOptions::new(folder.path())).unwrap();
    assert_eq!(
        opened.reader.derived_names(),
        ["merkle", "projections-portfolio", "requests", "sources", "streams"]
    );
    opened.reader.delete_derived().unwrap();
    assert_eq!(opened.reader.derived_names(), [""; 0]);
    opened.writer.close().unwrap();
    drop(opened.reader);

    let served = Served::on(folder, Setting::default());
    assert_eq!(served.usage("a").await, usage);
    assert_eq!(served.history("a").await, history);
    assert_eq!(served.records().await, records);
    assert!(served.send(placing).await.unwrap().replayed);
    assert!(told(&served.send(over).await.unwrap_err()).replayed);
    assert!(served.append("a", invoicing).await.unwrap().events[0].duplicate);
    let next = served.append("a", intent("2024-01-03", order("O3", "1"))).await.unwrap();
    assert_eq!((next.events[0].position, next.agreement_version), (4, 4));
    served.stop().await;
}
