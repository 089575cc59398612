//! Listings of what wants attention: findings and deadlines.

use contract_ledger::wire::v1;
use tonic::Code;

use super::super::support::events::*;
use super::super::support::figures::finding;
use super::super::support::{Served, Setting, time, told};
use super::known_on;

async fn findings(served: &Served, request: v1::ListFindingsRequest) -> Vec<v1::Finding> {
    served.projections().list_findings(request).await.unwrap().into_inner().findings
}

fn of(agreement: &str) -> v1::ListFindingsRequest {
    v1::ListFindingsRequest {
        agreement_id: agreement.to_owned(),
        as_of: "2024-12-31".to_owned(),
        rules: vec!["CEILING_EXCEEDED".to_owned(), "OVER_INVOICED".to_owned()],
        ..Default::default()
    }
}

/// Over-invoiced and over the ceiling, credited, and over both again.
async fn twice_over(served: &Served, agreement: &str) {
    served.append(agreement, sign("100")).await.unwrap();
    let events = [
        intent("2024-01-02", order("O1", "100")),
        fact("2024-01-03", invoice("I1", "O1", "150")),
        fact("2024-01-04", credit("C1", "I1", "50")),
        fact("2024-01-05", invoice("I2", "O1", "25")),
    ];
    for event in events {
        served.append(agreement, event).await.unwrap();
    }
}

#[tokio::test]
async fn every_episode_is_a_row_open_or_cleared() {
    let served = Served::start();
    twice_over(&served, "b").await;
    twice_over(&served, "a").await;
    let rows = findings(&served, of("")).await;
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.agreement_id.as_str(), row.rule.as_str(), row.episode, row.status()))
        .collect();
    let expected = ["a", "b"].map(|agreement| {
        [
            (agreement, "CEILING_EXCEEDED", 1, v1::FindingStatus::Cleared),
            (agreement, "CEILING_EXCEEDED", 2, v1::FindingStatus::Open),
            (agreement, "OVER_INVOICED", 1, v1::FindingStatus::Cleared),
            (agreement, "OVER_INVOICED", 2, v1::FindingStatus::Open),
        ]
    });
    assert_eq!(seen, expected.concat());
    assert_eq!(rows[0].finding_id, rows[1].finding_id, "an episode keeps the finding's id");
    let amounts: Vec<_> =
        rows.iter().take(2).map(|row| row.amount.as_ref().unwrap().amount.as_str()).collect();
    assert_eq!(amounts, ["50.00", "25.00"]);
    served.stop().await;
}

#[tokio::test]
async fn findings_are_filtered() {
    let served = Served::start();
    twice_over(&served, "a").await;
    let base = || of("a");
    let open = vec![i32::from(v1::FindingStatus::Open)];
    let waived = vec![i32::from(v1::FindingHandling::Waived)];
    let untouched = vec![i32::from(v1::FindingHandling::None)];
    let low = vec![i32::from(v1::Severity::Low)];
    let one_rule = vec!["OVER_INVOICED".to_owned()];
    let cases = [
        ("open", v1::ListFindingsRequest { statuses: open.clone(), ..base() }, 2),
        ("rule", v1::ListFindingsRequest { rules: one_rule.clone(), ..base() }, 2),
        ("both", v1::ListFindingsRequest { rules: one_rule, statuses: open, ..base() }, 1),
        ("waived", v1::ListFindingsRequest { handlings: waived, ..base() }, 0),
        ("untouched", v1::ListFindingsRequest { handlings: untouched, ..base() }, 4),
        ("low", v1::ListFindingsRequest { severities: low, ..base() }, 0),
        ("an earlier day", v1::ListFindingsRequest { as_of: "2024-01-03".to_owned(), ..base() }, 2),
    ];
    for (name, request, expected) in cases {
        let rows = findings(&served, request).await;
        assert_eq!(rows.len(), expected, "{name}: {rows:?}");
    }
    served.stop().await;
}

/// S5 of the scenarios: the finding on a late order is open, then cleared by a backdated option.
#[tokio::test]
async fn findings_are_listed_as_they_were_known() {
    let (setting, clock) = Setting::at("2023-01-01T10:00:00Z");
    let served = Served::with(setting);
    let options = vec![time_option("1", "2025-12-31")];
    let terms = v1::AgreementSigned { options, ..signed("3000000", "2023-01-01", "2024-12-31") };
    served.append("s5", sign_as(terms)).await.unwrap();
    clock.set(time("2025-01-20T10:00:00Z"));
    served.append("s5", fact("2025-01-10", order("O3", "100000"))).await.unwrap();
    clock.set(time("2025-02-01T10:00:00Z"));
    served.append("s5", fact("2024-12-20", option("1"))).await.unwrap();
    let status = async |known: &str| {
        let request = v1::ListFindingsRequest {
            rules: vec!["AGREEMENT_EXPIRED".to_owned()],
            as_of: "2025-02-01".to_owned(),
            as_known: known_on(known),
            ..of("s5")
        };
        findings(&served, request).await.iter().map(v1::Finding::status).collect::<Vec<_>>()
    };
    assert_eq!(status("2025-01-19").await, []);
    assert_eq!(status("2025-01-31").await, [v1::FindingStatus::Open]);
    assert_eq!(status("2025-02-01").await, [v1::FindingStatus::Cleared]);
    served.stop().await;
}

#[tokio::test]
async fn findings_that_the_passing_of_days_opens_are_judged_on_the_day() {
    let served = Served::start();
    served.append("a", sign_as(signed("100", "2024-01-01", "2024-12-31"))).await.unwrap();
    served.append("a", intent("2024-01-01", order("O1", "60"))).await.unwrap();
    let on = async |day: &str| {
        let request = v1::ListFindingsRequest {
            rules: vec!["FORECAST_RUNS_OUT_EARLY".to_owned()],
            as_of: day.to_owned(),
            ..of("a")
        };
        let rows = findings(&served, request).await;
        super::super::support::figures::findings(&rows)
    };
    assert_eq!(on("2024-01-30").await, [], "fewer than 30 days say nothing");
    assert_eq!(on("2024-01-31").await, [finding("FORECAST_RUNS_OUT_EARLY", "agreement", "")]);
    assert_eq!(on("2024-12-31").await, []);
    served.stop().await;
}

#[tokio::test]
async fn findings_of_an_agreement_that_nobody_signed_are_not_found() {
    let served = Served::start();
    let refused = told(&served.projections().list_findings(of("a")).await.unwrap_err());
    assert_eq!((refused.code, refused.reason.as_str()), (Code::NotFound, "UNKNOWN_AGREEMENT"));
    served.append("a", sign("100")).await.unwrap();
    let early = v1::ListFindingsRequest { as_of: "2019-12-31".to_owned(), ..of("a") };
    let refused = told(&served.projections().list_findings(early).await.unwrap_err());
    assert_eq!(refused.metadata["as_of"], "2019-12-31");
    assert_eq!(findings(&served, of("")).await, []);
    served.stop().await;
}

fn due(agreement: &str) -> v1::ListDeadlinesRequest {
    v1::ListDeadlinesRequest {
        agreement_id: agreement.to_owned(),
        as_of: "2024-06-01".to_owned(),
        ..Default::default()
    }
}

async fn deadlines(
    served: &Served,
    request: v1::ListDeadlinesRequest,
) -> Vec<(String, v1::DeadlineKind, String, i64)> {
    let answer = served.projections().list_deadlines(request).await.unwrap().into_inner();
    let row = |row: v1::Deadline| {
        let kind = row.kind();
        (row.agreement_id, kind, row.date, row.days_left)
    };
    answer.deadlines.into_iter().map(row).collect()
}

#[tokio::test]
async fn deadlines_come_by_date_over_all_agreements() {
    use v1::DeadlineKind::{OptionNotice, TermEnd};
    let served = Served::start();
    let notice = v1::AgreementOption {
        notice_deadline: "2024-06-15".to_owned(),
        ..time_option("1", "2025-12-31")
    };
    let terms = v1::AgreementSigned {
        title: "Renhold".to_owned(),
        options: vec![notice],
        ..signed("100", "2024-01-01", "2024-12-31")
    };
    served.append("b", sign_as(terms)).await.unwrap();
    served.append("a", sign_as(signed("100", "2024-01-01", "2024-12-31"))).await.unwrap();
    served.append("c", sign_as(signed("100", "2024-01-01", "2024-03-31"))).await.unwrap();
    let row = |agreement: &str, kind, date: &str, days| {
        (agreement.to_owned(), kind, date.to_owned(), days)
    };
    let notice = row("b", OptionNotice, "2024-06-15", 14);
    let ends = [row("a", TermEnd, "2024-12-31", 213), row("b", TermEnd, "2024-12-31", 213)];
    let [end_of_a, end_of_b] = ends;
    let all = deadlines(&served, due("")).await;
    assert_eq!(all, [notice.clone(), end_of_a.clone(), end_of_b.clone()]);
    let passed = v1::ListDeadlinesRequest { date_from: "2024-01-01".to_owned(), ..due("") };
    assert_eq!(deadlines(&served, passed).await[0], row("c", TermEnd, "2024-03-31", -62));
    let near = v1::ListDeadlinesRequest { date_to: "2024-06-30".to_owned(), ..due("") };
    assert_eq!(deadlines(&served, near).await, [notice]);
    let kinds = vec![i32::from(TermEnd)];
    let of_kind = v1::ListDeadlinesRequest { kinds, ..due("b") };
    assert_eq!(deadlines(&served, of_kind).await, [end_of_b]);
    let answer = served.projections().list_deadlines(due("b")).await.unwrap().into_inner();
    assert_eq!((answer.deadlines[0].subject_id.as_str(), answer.deadlines[0].title.as_str()), {
        ("1", "Renhold")
    });
    let refused = told(&served.projections().list_deadlines(due("z")).await.unwrap_err());
    assert_eq!(refused.reason, "UNKNOWN_AGREEMENT");
    served.stop().await;
}
