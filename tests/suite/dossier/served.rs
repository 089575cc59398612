//! `ledgerctl dossier` from a ledger that is served, and `ledgerctl verify-dossier` on what it wrote.

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;

use contract_ledger::clock::SetClock;
use contract_ledger::domain::date::Date;
use contract_ledger::domain::policy::{PolicyBook, PolicyChange};
use contract_ledger::dossier::Dossier;
use contract_ledger::ledger::LedgerRules;
use contract_ledger::ledger::signing::CheckpointRules;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;
use contract_ledger::wire::v1::record::Entry;
use serde_json::Value;
use tempfile::TempDir;

use super::stories::long;
use super::{AGREEMENT, signer};
use crate::support::processes::ledgerctl;
use crate::support::{Served, Setting, time};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A ledger that signs, and counts a registration as late after so many days.
fn signing(late_days: u32) -> (Served, Arc<SetClock>) {
    let folder = TempDir::new().unwrap();
    let newest = folder.path().join("newest.checkpoint");
    let rules = CheckpointRules::new(None, vec![signer()], Vec::new(), newest).unwrap();
    let change = PolicyChange { late_registration_days: Some(late_days), ..Default::default() };
    let day = Date::parse("2000-01-01").unwrap();
    let policies =
        PolicyBook::new(vec![(day, change)]).over(&PolicyBook::norwegian_eea_thresholds());
    let (setting, clock) = Setting::at("2024-01-01T00:00:00Z");
    let rules = LedgerRules {
        policies: Arc::new(policies),
        checkpoints: Some(Arc::new(rules)),
        ..LedgerRules::default()
    };
    (Served::on(folder, Setting { rules, ..setting }), clock)
}

/// The long story told to a ledger, each record at its time.
async fn told_to(served: &Served, clock: &SetClock) {
    let mut ids: Vec<String> = Vec::new();
    for record in long().records {
        let seconds = record.recorded_time.unwrap().seconds;
        clock.set(time(&jiff::Timestamp::from_second(seconds).unwrap().to_string()));
        match record.entry.unwrap() {
            Entry::Event(accepted) => {
                let mut event = accepted.event.unwrap();
                if let Some(Payload::EventReversed(reversed)) = &mut event.payload {
                    reversed.event_id = ids[9].clone();
                }
                let answer = served.append(&record.agreement_id, event).await.unwrap();
                ids.push(answer.events[0].event_id.clone());
            }
            Entry::Refusal(refused) => {
                let event = refused.events[0].clone();
                served.append(&record.agreement_id, event).await.unwrap_err();
                ids.push(String::new());
            }
        }
    }
}

struct Files {
    folder: TempDir,
    vkey: String,
}

impl Files {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), vkey: signer().verifier().to_string() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    async fn make(&self, served: &Served, name: &str, more: &[&str]) -> Output {
        let file = self.name(name);
        let mut arguments = vec!["dossier", AGREEMENT, "-o", &file, "--server", &served.url];
        arguments.extend(more);
        ledgerctl(&arguments).await
    }

    async fn verify(&self, name: &str, more: &[&str]) -> Output {
        let file = self.name(name);
        let mut arguments = vec!["verify-dossier", &file, "--vkey", &self.vkey];
        arguments.extend(more);
        ledgerctl(&arguments).await
    }

    async fn verified(&self, name: &str) -> Value {
        let output = self.verify(name, &["--json"]).await;
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn figure<'v>(verdict: &'v Value, scope: &str, name: &str) -> &'v str {
    let figures = verdict["figures"].as_array().unwrap();
    let found = figures.iter().find(|one| one["scope"] == scope && one["figure"] == name);
    found.unwrap()["derived"].as_str().unwrap()
}

#[tokio::test]
async fn what_a_ledger_answers_follows_from_its_events_at_all_times() {
    let ((served, clock), files) = (signing(30), Files::new());
    told_to(&served, &clock).await;
    for (number, (as_of, as_known)) in [
        ("2024-12-31", None),
        ("2024-02-15", None),
        ("2024-03-31", Some("2024-04-20T10:00:00Z")),
        ("2024-03-31", Some("2024-03-31")),
        ("2024-12-31", Some("2024-01-31")),
        ("2024-12-31", Some("2030-01-01")),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{number}.dossier");
        let mut more = vec!["--as-of", as_of];
        more.extend(as_known.iter().flat_map(|known| ["--as-known", known]));
        let made = files.make(&served, &name, &more).await;
        assert!(made.status.success(), "{as_of} {as_known:?}: {made:?}");
        let verdict = files.verified(&name).await;
        assert_eq!(verdict["holds"], true);
        assert_eq!(verdict["asOf"], as_of);
        let request = v1::GetCeilingUsageRequest {
            agreement_id: AGREEMENT.to_owned(),
            as_of: as_of.to_owned(),
            as_known: as_known.map(|known| v1::AsKnown {
                as_known: Some(match known.len() {
                    10 => v1::as_known::AsKnown::Date(known.to_owned()),
                    _ => v1::as_known::AsKnown::Time(contract_ledger::wire::record::timestamp(
                        time(known),
                    )),
                }),
            }),
            min_position: None,
        };
        let asked = served.projections().get_ceiling_usage(request).await.unwrap().into_inner();
        let usage = asked.usage.unwrap();
        for (scope, name) in [(0, "agreement"), (1, "lot:LOT-1")] {
            let exposure = usage.scopes[scope].exposure.as_ref().unwrap();
            assert_eq!(figure(&verdict, name, "exposure"), exposure.amount, "{as_of} {as_known:?}");
        }
        let open = verdict["findings"].as_array().unwrap().len();
        assert!(open >= asked.findings.len(), "cleared episodes stand beside open ones");
        let html = fs::read_to_string(files.path(&format!("{name}.html"))).unwrap();
        assert!(html.contains("<html lang=\"nb\">") && !html.contains("<script"));
    }
    served.stop().await;
}

#[tokio::test]
async fn the_same_question_gives_the_same_file() {
    let ((served, clock), files) = (signing(30), Files::new());
    told_to(&served, &clock).await;
    for name in ["a", "b"] {
        let made = files.make(&served, name, &["--as-of", "2024-12-31"]).await;
        assert!(made.status.success(), "{made:?}");
    }
    assert_eq!(fs::read(files.path("a")).unwrap(), fs::read(files.path("b")).unwrap());
    served.stop().await;
}

#[tokio::test]
async fn tiles_prove_that_nothing_is_left_out() {
    let ((served, clock), files) = (signing(30), Files::new());
    told_to(&served, &clock).await;
    let made = files.make(&served, "a", &["--as-of", "2024-12-31"]).await;
    assert!(made.status.success(), "{made:?}");
    let told =
        "COMPLETENESS HOLDS: every event that was known is here: the leaves of positions 12 to 12";
    assert!(text(&made.stdout).contains(told), "{made:?}");
    // The folder may go further than the dossier.
    served.append("other", super::super::support::events::sign("5")).await.unwrap_err();
    let tiles = files.name("tiles");
    let export = ["export-tiles", &tiles, "--vkey", &files.vkey, "--server", &served.url];
    assert!(ledgerctl(&export).await.status.success());
    let report = files.name("report.html");
    let more = ["--tiles", &tiles, "--report", &report, "--language", "en"];
    let holds = files.verify("a", &more).await;
    assert_eq!(holds.status.code(), Some(0), "{holds:?}");
    let told = text(&holds.stdout);
    assert!(told.contains("COMPLETENESS HOLDS: of 13 leaves"), "{told}");
    assert!(
        told.contains("figure agreement exposure 501000.00 follows from 2, 4, 9, 10, 11"),
        "{told}"
    );
    assert!(fs::read_to_string(&report).unwrap().contains("<html lang=\"en\">"));

    // A forger who leaves the refusal out.
    let mut dossier = Dossier::parse(&fs::read(files.path("a")).unwrap()).unwrap();
    dossier.records.0.retain(|record| record.position != 3);
    fs::write(files.path("forged"), dossier.to_text().unwrap()).unwrap();
    let forged = files.verify("forged", &["--tiles", &tiles]).await;
    assert_eq!(forged.status.code(), Some(1));
    let named = "COMPLETENESS: the record at position 3 is left out";
    assert!(text(&forged.stderr).contains(named), "{forged:?}");
    served.stop().await;
}

#[tokio::test]
async fn what_is_not_proved_has_an_exit_code_of_its_own_and_heads_the_report() {
    let ((served, clock), files) = (signing(30), Files::new());
    told_to(&served, &clock).await;
    let asked = ["--as-of", "2024-12-31", "--completeness-bytes-max", "50"];
    let made = files.make(&served, "a", &asked).await;
    assert_eq!(made.status.code(), Some(3), "{made:?}");
    let (said, told) = (text(&made.stderr), text(&made.stdout));
    assert!(said.contains("a larger --completeness-bytes-max"), "{said}");
    assert!(
        told.contains("COMPLETENESS NOT_PROVED") && !told.contains("the dossier holds"),
        "{told}"
    );
    let html = fs::read_to_string(files.path("a.html")).unwrap();
    assert!(html.contains("<p class=\"bad\">MAPPEN STEMMER BARE SÅ LANGT DEN REKKER"), "{html}");

    let (report, tiles) = (files.name("report.html"), files.name("tiles"));
    let english = ["--report", &report, "--language", "en"];
    let verified = files.verify("a", &english).await;
    assert_eq!(verified.status.code(), Some(3), "{verified:?}");
    let said = text(&verified.stderr);
    assert!(said.contains("the dossier holds only as far as it goes"), "{said}");
    assert!(said.contains("the leaves from position 12 on") && said.contains("--tiles"), "{said}");
    let html = fs::read_to_string(&report).unwrap();
    assert!(html.contains("<p class=\"bad\">THE DOSSIER HOLDS ONLY AS FAR AS IT GOES"), "{html}");
    let json = files.verify("a", &["--json"]).await;
    assert_eq!(json.status.code(), Some(3), "{json:?}");
    let told: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&told["holds"], &told["conclusion"]),
        (&false.into(), &"HOLDS_AS_FAR_AS_IT_GOES".into())
    );

    // Whoever does without says so, or looks it up.
    let waived = files.verify("a", &["--waive-completeness"]).await;
    assert_eq!(waived.status.code(), Some(0), "{waived:?}");
    assert!(text(&waived.stdout).ends_with("left out is not proved (waived)\n"), "{waived:?}");
    let export = ["export-tiles", &tiles, "--vkey", &files.vkey, "--server", &served.url];
    assert!(ledgerctl(&export).await.status.success());
    assert_eq!(files.verify("a", &["--tiles", &tiles]).await.status.code(), Some(0));
    let beyond = files.make(&served, "b", &["--completeness-bytes-max", "67108865"]).await;
    assert_eq!(beyond.status.code(), Some(2), "{beyond:?}");
    served.stop().await;
}

#[tokio::test]
async fn the_policy_of_the_operator_goes_with_the_answer() {
    let ((served, clock), files) = (signing(3650), Files::new());
    told_to(&served, &clock).await;
    let made = files.make(&served, "a", &["--as-of", "2024-12-31", "--json"]).await;
    assert!(made.status.success(), "{made:?}");
    let verdict: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert!(!verdict["findings"].to_string().contains("LATE_REGISTRATION"));
    let policy = verdict["checks"].as_array().unwrap().iter().find(|one| one["part"] == "POLICY");
    let seen = policy.unwrap()["text"].as_str().unwrap().to_owned();
    assert!(seen.starts_with("1 changes that are not built in"), "{seen}");
    let told = served.audit().get_policy(v1::GetPolicyRequest {}).await.unwrap().into_inner();
    let own = told.periods.iter().find(|period| period.from_date == "2000-01-01").unwrap();
    assert_eq!(own.every_nature.as_ref().unwrap().late_registration_days, Some(3650));
    served.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_named_and_told_by_the_exit_code() {
    let ((served, clock), files) = (signing(30), Files::new());
    let empty = files.make(&served, "a", &[]).await;
    assert_eq!(empty.status.code(), Some(2), "the log is empty");
    told_to(&served, &clock).await;
    let unsigned = files.make(&served, "a", &["--as-of", "2019-01-01"]).await;
    assert_eq!(unsigned.status.code(), Some(1));
    assert!(text(&unsigned.stderr).contains("UNKNOWN_AGREEMENT"), "{unsigned:?}");
    assert!(!files.path("a").exists());
    assert!(files.make(&served, "a", &["--as-of", "2024-12-31"]).await.status.success());

    let missing = files.verify("missing", &[]).await;
    assert_eq!(missing.status.code(), Some(2));
    let elsewhere = files.verify("a", &["--origin", "ledger.example.no/oslo"]).await;
    assert_eq!(elsewhere.status.code(), Some(1));
    assert!(text(&elsewhere.stderr).contains("ORIGIN: the checkpoint is of the log"));
    let mut dossier = Dossier::parse(&fs::read(files.path("a")).unwrap()).unwrap();
    dossier.answer.scopes.0[0].remaining = "999999.99".to_owned();
    fs::write(files.path("forged"), dossier.to_text().unwrap()).unwrap();
    let forged = files.verify("forged", &[]).await;
    assert_eq!(forged.status.code(), Some(1));
    let named =
        "FIGURES: remaining of agreement is stated as \"999999.99\", and \"499000.00\" follows";
    assert!(text(&forged.stderr).contains(named), "{forged:?}");
    let json = files.verify("forged", &["--json"]).await;
    assert_eq!(json.status.code(), Some(1));
    let verdict: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(verdict["holds"], false);
    let mut bytes = fs::read(files.path("a")).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    fs::write(files.path("damaged"), bytes).unwrap();
    let damaged = files.verify("damaged", &["--json"]).await;
    assert_eq!(damaged.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&damaged.stdout).unwrap();
    assert_eq!(told["holds"], false);
    assert!(told["reason"].as_str().unwrap().starts_with("DOSSIER_"), "{told}");
    served.stop().await;
}
