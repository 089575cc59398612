//! What an auditor is told of findings from one visit to the next: by position, by day, and derived from
//! the records whatever the ledger says.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;

use contract_ledger::ledger::signing::CheckpointRules;
use contract_ledger::ledger::{Imports, LedgerRules};
use contract_ledger::wire::record::timestamp;
use contract_ledger::wire::v1;
use tempfile::TempDir;

use super::served::{ORIGIN, newest_file, signing};
use super::signer;
use super::untrue::Untrue;
use crate::support::events::*;
use crate::support::{Served, Setting, processes, time};

/// An auditor, and what is kept between visits.
struct Auditor {
    folder: TempDir,
    url: String,
}

impl Auditor {
    fn of(url: &str) -> Self {
        Self { folder: TempDir::new().unwrap(), url: url.to_owned() }
    }

    fn kept(&self) -> PathBuf {
        self.folder.path().join("asker.checkpoint")
    }

    async fn tells(&self, more: &[&str]) -> (i32, String) {
        let (kept, vkey) = (self.kept(), signer(ORIGIN, 1).verifier().to_string());
        let kept = kept.to_str().unwrap();
        let fixed = ["audit", "--server", &self.url, "--since", kept, "--vkey", &vkey];
        let Output { status, stdout, stderr } =
            processes::ledgerctl(&[&fixed[..], more].concat()).await;
        (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
    }

    /// A visit at which everything is right, and the findings that it lists.
    async fn visits(&self, more: &[&str]) -> Vec<String> {
        let (code, text) = self.tells(more).await;
        assert_eq!(code, 0, "{text}");
        findings_of(&text)
    }
}

/// Each without what it comes from.
fn findings_of(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("finding:   "));
    lines.map(|line| line.rsplit_once(" from ").map_or(line, |(line, _)| line).to_owned()).collect()
}

/// A ledger that signs and takes in an older register.
fn importing(folder: TempDir, now: &str) -> Served {
    let keys = vec![signer(ORIGIN, 1)];
    let rules = CheckpointRules::new(None, keys, Vec::new(), newest_file(&folder)).unwrap();
    let rules = LedgerRules {
        checkpoints: Some(Arc::new(rules)),
        imports: Imports::Allowed,
        ..LedgerRules::default()
    };
    let (setting, _clock) = Setting::at(now);
    Served::on(folder, Setting { rules, ..setting })
}

async fn import(served: &Served, agreement: &str, event: v1::Event) {
    let line = v1::ImportEventsRequest {
        append: Some(request(agreement, vec![event])),
        recorded_time: Some(timestamp(time("2024-02-01T10:00:00Z"))),
    };
    let answers = served.admin().import_events(tokio_stream::iter([line])).await.unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    assert_eq!(answer.outcome(), v1::ImportOutcome::Accepted);
}

const AS_OF: [&str; 2] = ["--as-of", "2024-02-02"];

#[tokio::test]
async fn a_finding_of_the_same_recorded_time_as_the_last_visit_is_listed() {
    let served = importing(TempDir::new().unwrap(), "2024-06-01T10:00:00Z");
    let auditor = Auditor::of(&served.url);
    import(&served, "a", sign("1000")).await;
    import(&served, "b", sign("1000")).await;
    let first = auditor.visits(&["--first"]).await;
    assert!(first.iter().all(|line| line.contains("LATE_REGISTRATION")), "{first:?}");
    import(&served, "b", fact("2024-02-01", order("O1", "2000"))).await;
    let found = auditor.visits(&[]).await;
    let exceeded = "b CEILING_EXCEEDED agreement (high, opened, since 2024-02-01)";
    assert!(found.contains(&exceeded.to_owned()), "{found:?}");
    assert!(auditor.visits(&[]).await.is_empty(), "it is told once");
    served.stop().await;
}

#[tokio::test]
async fn findings_that_opened_cleared_or_did_both_are_told_apart() {
    let served = signing(TempDir::new().unwrap(), vec![signer(ORIGIN, 1)], Vec::new());
    let auditor = Auditor::of(&served.url);
    served.append("a", sign("1000")).await.unwrap();
    served.append("b", sign("1000")).await.unwrap();
    served.append("a", fact("2024-02-01", order("O1", "100"))).await.unwrap();
    let invoice = |id: &str, order: &str, net: &str| {
        v1::event::Payload::InvoiceReceived(invoiced(id, order, net))
    };
    let over = served.append("a", fact("2024-02-01", invoice("I1", "O1", "150"))).await.unwrap();
    let listed = |rule: &'static str, found: &[String]| -> Vec<String> {
        found.iter().filter(|line| line.contains(rule)).cloned().collect()
    };
    let told = |turn: &str, order: &str| {
        format!("a OVER_INVOICED order:{order} (medium, {turn}, since 2024-02-01)")
    };
    let found = auditor.visits(&[&["--first"][..], &AS_OF].concat()).await;
    assert_eq!(listed("OVER_INVOICED", &found), [told("opened", "O1")]);

    served.append("a", fact("2024-02-01", reverse(&over.events[0].event_id))).await.unwrap();
    served.append("a", fact("2024-02-01", order("O2", "100"))).await.unwrap();
    let over = served.append("a", fact("2024-02-01", invoice("I2", "O2", "150"))).await.unwrap();
    served.append("a", fact("2024-02-01", reverse(&over.events[0].event_id))).await.unwrap();
    served.append("a", fact("2024-02-01", order("O3", "100"))).await.unwrap();
    served.append("a", fact("2024-02-01", invoice("I3", "O3", "150"))).await.unwrap();
    let found = auditor.visits(&AS_OF).await;
    let expected = [told("cleared", "O1"), told("opened and cleared", "O2"), told("opened", "O3")];
    assert_eq!(listed("OVER_INVOICED", &found), expected);

    // What was open, cleared and opened again, twice, is told with each time that it was open.
    for _ in 0..2 {
        let more = served.append("a", fact("2024-02-01", change("O3", "200"))).await.unwrap();
        served.append("a", fact("2024-02-01", reverse(&more.events[0].event_id))).await.unwrap();
    }
    let found = auditor.visits(&AS_OF).await;
    let again = |episode, turn| {
        format!("a OVER_INVOICED #{episode} order:O3 (medium, {turn}, since 2024-02-01)")
    };
    let expected = [told("cleared", "O3"), again(2, "opened and cleared"), again(3, "opened")];
    assert_eq!(listed("OVER_INVOICED", &found), expected);
    served.stop().await;
}

#[tokio::test]
async fn what_the_days_bring_about_is_listed_at_the_visit_at_which_it_is_true() {
    let served = signing(TempDir::new().unwrap(), vec![signer(ORIGIN, 1)], Vec::new());
    let auditor = Auditor::of(&served.url);
    served.append("a", sign_as(signed("100", "2024-01-01", "2024-12-31"))).await.unwrap();
    served.append("a", fact("2024-01-01", order("O1", "60"))).await.unwrap();
    let early = |found: &[String]| -> Vec<String> {
        found.iter().filter(|line| line.contains("FORECAST")).cloned().collect()
    };
    let told = |turn: &str, day: &str| {
        vec![format!("a FORECAST_RUNS_OUT_EARLY agreement (low, {turn}, since {day})")]
    };
    let first = auditor.visits(&["--first", "--as-of", "2024-01-30"]).await;
    assert!(early(&first).is_empty(), "{first:?}");
    // Nothing is recorded from now on.
    let (_, text) = auditor.tells(&["--as-of", "2024-01-31"]).await;
    assert!(text.contains("as of 2024-01-31, at the last visit as of 2024-01-30"), "{text}");
    assert_eq!(early(&findings_of(&text)), told("opened", "2024-01-31"), "{text}");
    assert!(early(&auditor.visits(&["--as-of", "2024-01-31"]).await).is_empty(), "told once");
    let last = auditor.visits(&["--as-of", "2024-12-31"]).await;
    assert_eq!(early(&last), told("cleared", "2024-01-31"));

    // A checkpoint that was kept without its day: nothing is passed over.
    auditor.visits(&["--as-of", "2024-01-31"]).await;
    let day_file = auditor.folder.path().join("asker.checkpoint.day");
    for lost in [Some("3 another 2024-01-31\n"), None] {
        match lost {
            Some(line) => fs::write(&day_file, line).unwrap(),
            None => fs::remove_file(&day_file).unwrap(),
        }
        let (code, text) = auditor.tells(&["--as-of", "2024-01-31"]).await;
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("the day of the last visit was not kept"), "{text}");
        assert_eq!(early(&findings_of(&text)), told("opened", "2024-01-31"), "{text}");
        // Also what was true at the last visit, whatever its day was.
        let other = Auditor::of(&served.url);
        let first = other.visits(&["--first", "--as-of", "2024-01-31"]).await;
        assert_eq!(findings_of(&text), first);
        assert_eq!(fs::read_to_string(&day_file).unwrap().split(' ').count(), 3);
    }
    served.stop().await;
}

#[tokio::test]
async fn what_visits_list_adds_up_to_what_is_open() {
    let served = importing(TempDir::new().unwrap(), "2025-01-01T10:00:00Z");
    let auditor = Auditor::of(&served.url);
    let history = auditor.folder.path().join("history.jsonl");
    let file = history.to_str().unwrap();
    let made = ["--scale", "0.0005", "--from", "2024-01-01", "--to", "2024-12-31", "-o", file];
    let made = processes::ledgerctl(&[&["generate"][..], &made].concat()).await;
    assert!(made.status.success(), "{made:?}");
    let lines = fs::read_to_string(&history).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    let mut open = BTreeSet::new();
    let visits = [(3, "2024-05-01"), (2, "2024-08-01"), (1, "2024-12-31")];
    for (place, (part, day)) in visits.into_iter().enumerate() {
        fs::write(&history, lines[..lines.len() / part].join("\n")).unwrap();
        processes::ledgerctl(&["import", file, "--server", &served.url]).await;
        let first: &[&str] = if place == 0 { &["--first"] } else { &[] };
        for line in auditor.visits(&[first, &["--as-of", day]].concat()).await {
            let (about, turned) = line.split_once(" (").unwrap();
            // The number of an episode is no part of what it is about.
            let words = about.split(' ').filter(|word| !word.starts_with('#'));
            let about = words.collect::<Vec<_>>().join(" ");
            match turned.split(", ").nth(1).unwrap() {
                "opened" => assert!(open.insert(about), "{line} is open already"),
                "cleared" => assert!(open.remove(&about), "{line} was not open"),
                _ => {}
            }
        }
        let asked = v1::ListFindingsRequest {
            as_of: day.to_owned(),
            statuses: vec![v1::FindingStatus::Open.into()],
            page_size: 1000,
            ..Default::default()
        };
        let told = served.projections().list_findings(asked).await.unwrap().into_inner();
        assert_eq!(told.next_page_token, "");
        let told = told.findings.iter();
        let told = told.map(|one| format!("{} {} {}", one.agreement_id, one.rule, one.subject));
        assert_eq!(open, told.collect(), "as of {day}");
    }
    assert!(open.len() > 20, "{open:?}");
    served.stop().await;
}

#[tokio::test]
async fn findings_follow_from_the_records_and_a_ledger_that_sends_others_is_named() {
    let served = signing(TempDir::new().unwrap(), vec![signer(ORIGIN, 1)], Vec::new());
    served.append("a", sign("1000")).await.unwrap();
    served.append("b", sign("1000")).await.unwrap();
    // It answers no question about findings at all.
    let silent = Untrue::serve(served.channel.clone(), |_, _| true);
    let auditor = Auditor::of(&silent.url);
    let first = auditor.visits(&["--first"]).await;
    assert!(first.iter().all(|line| line.contains("LATE_REGISTRATION")), "{first:?}");
    served.append("a", fact("2024-02-01", order("O1", "2000"))).await.unwrap();
    let kept = fs::read(auditor.kept()).unwrap();

    // It has the auditor look at fewer records of the agreement than it has, or at those of the log.
    let hides_of_agreement = |asked: &v1::ReadEventsRequest, position: u64| {
        asked.agreement_id.is_empty() || position != 2
    };
    let hiding = Untrue::serve(served.channel.clone(), hides_of_agreement);
    let (code, text) = Auditor { url: hiding.url.clone(), ..auditor }.tells_as_kept(&kept).await;
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("the records of a that the ledger sends by themselves are not"),
        "{text}"
    );

    let auditor = Auditor::of(&silent.url);
    fs::write(auditor.kept(), &kept).unwrap();
    let found = auditor.visits(&[]).await;
    assert!(found.iter().any(|line| line.starts_with("a CEILING_EXCEEDED agreement")), "{found:?}");
    for untrue in [silent, hiding] {
        untrue.stop().await;
    }
    served.stop().await;
}

impl Auditor {
    /// A visit that fails, and leaves what was kept.
    async fn tells_as_kept(self, kept: &[u8]) -> (i32, String) {
        let told = self.tells(&[]).await;
        assert_eq!(fs::read(self.kept()).unwrap(), kept);
        told
    }
}

#[tokio::test]
async fn a_log_that_replays_otherwise_up_to_the_last_visit_is_named() {
    let served = signing(TempDir::new().unwrap(), vec![signer(ORIGIN, 1)], Vec::new());
    let auditor = Auditor::of(&served.url);
    served.append("a", sign("1000")).await.unwrap();
    auditor.visits(&["--first"]).await;
    let folder = served.stop().await;
    let other = signing(TempDir::new().unwrap(), vec![signer(ORIGIN, 1)], Vec::new());
    other.append("a", sign("2000")).await.unwrap();
    let served = signing(folder, vec![signer(ORIGIN, 1)], Vec::new());
    for ledger in [&served, &other] {
        ledger.append("a", intent("2024-02-01", order("O1", "10"))).await.unwrap();
    }
    // Checkpoints and proofs are the true ledger's, records another's.
    let mixed = Untrue::with_records_of(served.channel.clone(), other.channel.clone());
    let mixed_auditor = Auditor { url: mixed.url.clone(), ..auditor };
    let (code, text) = mixed_auditor.tells(&[]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("positions 0 to 0 are not the records that are signed"), "{text}");
    mixed.stop().await;
    served.stop().await;
    other.stop().await;
}
