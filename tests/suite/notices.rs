//! Notices: findings that open and clear, record by record, and deadlines that come near, day by day.

use std::sync::Arc;
use std::time::Duration;

use contract_ledger::clock::SetClock;
use contract_ledger::grpc::ServiceLimits;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::notice::Notice as Kind;
use tonic::{Code, Streaming};

use super::support::events::*;
use super::support::{Served, Setting, time, told};

type Notices = Streaming<v1::WatchNoticesResponse>;

/// Messages after which a test that still waits has failed.
const MESSAGES_MAX: usize = 200;

/// A ledger whose clock stands, and whose streams beat as fast as a test can wait for.
fn lively(now: &str) -> (Setting, Arc<SetClock>) {
    let (setting, clock) = Setting::at(now);
    let service =
        ServiceLimits { heartbeat: Duration::from_millis(20), ..ServiceLimits::default() };
    (Setting { service, ..setting }, clock)
}

fn from(position: u64) -> v1::WatchNoticesRequest {
    let resume = v1::NoticeResume { position, deadlines_told_date: String::new() };
    v1::WatchNoticesRequest { resume: Some(resume), ..Default::default() }
}

fn findings_from(position: u64) -> v1::WatchNoticesRequest {
    v1::WatchNoticesRequest { exclude_deadlines: true, ..from(position) }
}

/// Deadlines alone: no finding is of this rule here.
fn deadlines_only(request: v1::WatchNoticesRequest) -> v1::WatchNoticesRequest {
    v1::WatchNoticesRequest { rules: vec!["OVERPAID".to_owned()], ..request }
}

async fn watch(served: &Served, request: v1::WatchNoticesRequest) -> Notices {
    served.projections().watch_notices(request).await.unwrap().into_inner()
}

async fn next(notices: &mut Notices) -> v1::WatchNoticesResponse {
    notices.message().await.unwrap().expect("a watch has no end of its own")
}

/// What is told up to and with the first message that is caught up, and its resume point.
async fn until_caught_up(notices: &mut Notices) -> (Vec<v1::Notice>, v1::NoticeResume) {
    let mut told = Vec::new();
    loop {
        let message = next(notices).await;
        told.extend(message.notices);
        if message.caught_up {
            return (told, message.resume.unwrap());
        }
    }
}

/// Waits for so many notices, and for no more than a bounded number of messages.
async fn wait_for(notices: &mut Notices, count: usize) -> Vec<v1::Notice> {
    let mut told = Vec::new();
    for _ in 0..MESSAGES_MAX {
        told.extend(next(notices).await.notices);
        if told.len() >= count {
            return told;
        }
    }
    panic!("{MESSAGES_MAX} messages, and only {told:?}");
}

/// Whether it opened, its rule, and the position of its cause.
fn of_findings(notices: &[v1::Notice]) -> Vec<(bool, String, u64)> {
    let row = |notice: &v1::Notice| {
        let (opened, finding) = match notice.notice.as_ref().unwrap() {
            Kind::FindingOpened(finding) => (true, finding),
            Kind::FindingCleared(finding) => (false, finding),
            Kind::Deadline(deadline) => panic!("{deadline:?}"),
        };
        assert!(notice.recorded_time.is_some());
        (opened, finding.rule.clone(), notice.position.unwrap())
    };
    notices.iter().map(row).collect()
}

/// Agreement, kind, subject, date and days left.
fn of_deadlines(notices: &[v1::Notice]) -> Vec<(String, v1::DeadlineKind, String, String, i64)> {
    let row = |notice: &v1::Notice| {
        let Some(Kind::Deadline(deadline)) = &notice.notice else { panic!("{notice:?}") };
        assert_eq!((notice.position, notice.recorded_time), (None, None));
        assert_eq!(notice.agreement_id, deadline.agreement_id);
        assert_eq!(deadline.title, "A framework");
        let subject = deadline.subject_id.clone();
        let (kind, date) = (deadline.kind(), deadline.date.clone());
        (deadline.agreement_id.clone(), kind, subject, date, deadline.days_left)
    };
    notices.iter().map(row).collect()
}

fn term_end(
    agreement: &str,
    date: &str,
    days_left: i64,
) -> (String, v1::DeadlineKind, String, String, i64) {
    (agreement.to_owned(), v1::DeadlineKind::TermEnd, String::new(), date.to_owned(), days_left)
}

/// An order above the ceiling and an invoice above the order, and what puts both right.
async fn go_wrong_and_mend(served: &Served, agreement: &str) {
    let fact = |payload| fact("2024-01-10", payload);
    for payload in
        [order("O1", "90"), invoice("I1", "O1", "110"), credit("C1", "I1", "30"), order("O2", "1")]
    {
        served.append(agreement, fact(payload)).await.unwrap();
    }
}

fn opened(rule: &str, position: u64) -> (bool, String, u64) {
    (true, rule.to_owned(), position)
}

fn cleared(rule: &str, position: u64) -> (bool, String, u64) {
    (false, rule.to_owned(), position)
}

#[tokio::test]
async fn findings_are_told_as_they_open_and_clear_from_any_position() {
    let (setting, _clock) = lively("2024-01-11T10:00:00Z");
    let served = Served::with(setting);
    served.append("a", sign_as(signed("100", "2024-01-05", "2024-12-31"))).await.unwrap();
    go_wrong_and_mend(&served, "a").await;
    let expected = [
        opened("CEILING_EXCEEDED", 2),
        opened("OVER_INVOICED", 2),
        cleared("CEILING_EXCEEDED", 3),
        cleared("OVER_INVOICED", 3),
    ];
    let only = |notices: &[v1::Notice]| {
        let rules = ["CEILING_EXCEEDED", "OVER_INVOICED"];
        let rows = of_findings(notices).into_iter();
        rows.filter(|(_, rule, _)| rules.contains(&rule.as_str())).collect::<Vec<_>>()
    };
    let mut notices = watch(&served, findings_from(0)).await;
    let (told, resume) = until_caught_up(&mut notices).await;
    assert_eq!(only(&told), expected);
    assert_eq!(resume.position, 5);
    // The answers to the appends said the same.
    let (half, _) = until_caught_up(&mut watch(&served, findings_from(3)).await).await;
    assert_eq!(only(&half), expected[2..]);
    let (again, _) = until_caught_up(&mut watch(&served, findings_from(0)).await).await;
    assert_eq!(again, told);
    // Live, and silent until then.
    assert!(next(&mut notices).await.notices.is_empty());
    let answer = served.append("a", fact("2024-01-11", order("O3", "50"))).await.unwrap();
    let live = wait_for(&mut notices, answer.findings_opened.len()).await;
    let stated: Vec<_> = live
        .iter()
        .map(|notice| match notice.notice.clone().unwrap() {
            Kind::FindingOpened(finding) => finding,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(stated, answer.findings_opened);
    served.stop().await;
}

#[tokio::test]
async fn a_watch_without_a_resume_point_tells_what_happens_from_now_on() {
    let (setting, _clock) = lively("2024-01-11T10:00:00Z");
    let served = Served::with(setting);
    served.append("a", sign_as(signed("100", "2024-01-05", "2028-12-31"))).await.unwrap();
    served.append("a", fact("2024-01-10", order("O1", "110"))).await.unwrap();
    let mut notices = watch(&served, v1::WatchNoticesRequest::default()).await;
    let (told, resume) = until_caught_up(&mut notices).await;
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(resume.position, 2);
    assert_eq!(resume.deadlines_told_date, "2024-01-11");
    served.append("a", fact("2024-01-10", change("O1", "90"))).await.unwrap();
    let told = wait_for(&mut notices, 1).await;
    assert!(of_findings(&told).contains(&cleared("CEILING_EXCEEDED", 2)), "{told:?}");
    served.stop().await;
}

#[tokio::test]
async fn findings_are_told_by_rule_severity_and_agreement() {
    let (setting, _clock) = lively("2024-01-11T10:00:00Z");
    let served = Served::with(setting);
    for agreement in ["a", "b"] {
        served.append(agreement, sign_as(signed("100", "2024-01-05", "2024-12-31"))).await.unwrap();
        go_wrong_and_mend(&served, agreement).await;
    }
    let rules = vec!["OVER_INVOICED".to_owned()];
    let by_rule = v1::WatchNoticesRequest { rules, ..findings_from(0) };
    let (told, _) = until_caught_up(&mut watch(&served, by_rule.clone()).await).await;
    let expected = [
        opened("OVER_INVOICED", 2),
        cleared("OVER_INVOICED", 3),
        opened("OVER_INVOICED", 7),
        cleared("OVER_INVOICED", 8),
    ];
    assert_eq!(of_findings(&told), expected);
    let by_agreement = v1::WatchNoticesRequest { agreement_id: "b".to_owned(), ..by_rule };
    let mut of_b = watch(&served, by_agreement).await;
    let (told, resume) = until_caught_up(&mut of_b).await;
    assert_eq!((of_findings(&told), resume.position), (expected[2..].to_vec(), 10));

    let severities = vec![v1::Severity::High.into()];
    let by_severity = v1::WatchNoticesRequest { severities, ..findings_from(0) };
    let (told, _) = until_caught_up(&mut watch(&served, by_severity).await).await;
    let told = of_findings(&told);
    assert!(told.contains(&opened("CEILING_EXCEEDED", 2)));
    assert!(told.iter().all(|(_, rule, _)| rule != "OVER_INVOICED"), "{told:?}");
    served.stop().await;
}

#[tokio::test]
async fn more_agreements_than_are_held_are_folded_anew() {
    let (setting, _clock) = lively("2024-01-11T10:00:00Z");
    let service = ServiceLimits { notice_agreements_max: 1, ..setting.service.clone() };
    let served = Served::with(Setting { service, ..setting });
    for agreement in ["a", "b"] {
        served.append(agreement, sign_as(signed("100", "2024-01-05", "2024-12-31"))).await.unwrap();
    }
    for agreement in ["a", "b", "a", "b"] {
        let id = format!("{agreement}{}", served.records().await.len());
        served.append(agreement, fact("2024-01-10", order(&id, "60"))).await.unwrap();
    }
    let rules = vec!["CEILING_EXCEEDED".to_owned()];
    let asked = v1::WatchNoticesRequest { rules, ..findings_from(0) };
    let (told, _) = until_caught_up(&mut watch(&served, asked).await).await;
    assert_eq!(of_findings(&told), [opened("CEILING_EXCEEDED", 4), opened("CEILING_EXCEEDED", 5)]);
    served.stop().await;
}

#[tokio::test]
async fn a_deadline_is_told_once_when_its_day_comes_near() {
    let (setting, clock) = lively("2024-09-01T10:00:00Z");
    let served = Served::with(setting);
    served.append("later", sign_as(signed("100", "2024-01-01", "2024-12-31"))).await.unwrap();
    served.append("near", sign_as(signed("100", "2024-01-01", "2024-09-30"))).await.unwrap();
    served.append("past", sign_as(signed("100", "2023-01-01", "2024-08-31"))).await.unwrap();
    let asked =
        deadlines_only(v1::WatchNoticesRequest { deadline_days: Some(90), ..Default::default() });
    let mut notices = watch(&served, asked.clone()).await;
    let (told, resume) = until_caught_up(&mut notices).await;
    assert_eq!(of_deadlines(&told), [term_end("near", "2024-09-30", 29)]);
    assert_eq!(resume.deadlines_told_date, "2024-09-01");
    // Ninety days before the end, after Oslo's midnight, which is 22:00 UTC.
    clock.set(time("2024-10-01T21:59:59Z"));
    while next(&mut notices).await.resume.unwrap().deadlines_told_date != "2024-10-01" {}
    clock.set(time("2024-10-01T22:00:00Z"));
    let told = wait_for(&mut notices, 1).await;
    assert_eq!(of_deadlines(&told), [term_end("later", "2024-12-31", 90)]);
    // From the resume point before, the same is told again.
    let again = v1::WatchNoticesRequest { resume: Some(resume), ..asked };
    let (told, resume) = until_caught_up(&mut watch(&served, again.clone()).await).await;
    assert_eq!(of_deadlines(&told), [term_end("later", "2024-12-31", 90)]);
    let after = v1::WatchNoticesRequest { resume: Some(resume), ..again };
    let (told, _) = until_caught_up(&mut watch(&served, after).await).await;
    assert!(told.is_empty(), "{told:?}");
    served.stop().await;
}

#[tokio::test]
async fn a_deadline_that_an_event_brings_near_is_told_with_the_event() {
    let (setting, clock) = lively("2024-09-01T10:00:00Z");
    let served = Served::with(setting);
    served.append("a", sign_as(signed("100", "2024-01-01", "2026-12-31"))).await.unwrap();
    let asked = deadlines_only(v1::WatchNoticesRequest { deadline_days: Some(30), ..from(0) });
    let mut notices = watch(&served, asked.clone()).await;
    let (told, _) = until_caught_up(&mut notices).await;
    assert!(told.is_empty(), "{told:?}");
    clock.set(time("2024-09-10T10:00:00Z"));
    served.append("b", sign_as(signed("100", "2024-01-01", "2024-10-10"))).await.unwrap();
    served.append("c", sign_as(signed("100", "2024-01-01", "2024-10-11"))).await.unwrap();
    let live = wait_for(&mut notices, 1).await;
    assert_eq!(of_deadlines(&live), [term_end("b", "2024-10-10", 30)]);
    clock.set(time("2024-09-15T10:00:00Z"));
    let live = wait_for(&mut notices, 1).await;
    assert_eq!(of_deadlines(&live), [term_end("c", "2024-10-11", 30)]);
    // Told anew from the start: on the days on which it came near, whatever day it is now.
    let (told, _) = until_caught_up(&mut watch(&served, asked.clone()).await).await;
    let all = [term_end("b", "2024-10-10", 30), term_end("c", "2024-10-11", 30)];
    assert_eq!(of_deadlines(&told), all);
    let only = v1::WatchNoticesRequest { agreement_id: "c".to_owned(), ..asked.clone() };
    let (told, _) = until_caught_up(&mut watch(&served, only).await).await;
    assert_eq!(of_deadlines(&told), all[1..]);
    let without = v1::WatchNoticesRequest { exclude_deadlines: true, ..asked };
    let (told, _) = until_caught_up(&mut watch(&served, without).await).await;
    assert!(told.is_empty(), "{told:?}");
    served.stop().await;
}

fn reserve(id: &str, expiry: &str) -> v1::event::Payload {
    v1::event::Payload::HeadroomReserved(v1::HeadroomReserved {
        reservation_id: id.to_owned(),
        amount: nok("10.00"),
        expiry_date: expiry.to_owned(),
        buyer: org(BUYER),
        ..Default::default()
    })
}

#[tokio::test]
async fn a_reservation_that_soon_expires_is_told_once_and_another_one_later() {
    let (setting, clock) = lively("2024-09-01T10:00:00Z");
    let served = Served::with(setting);
    served.append("a", sign_as(signed("100", "2024-01-01", "2026-12-31"))).await.unwrap();
    let asked = v1::WatchNoticesRequest { deadline_days: Some(10), ..Default::default() };
    let mut notices = watch(&served, deadlines_only(asked)).await;
    let (told, resume) = until_caught_up(&mut notices).await;
    assert!(told.is_empty(), "{told:?}");
    for (id, expiry) in [("later", "2024-09-20"), ("soon", "2024-09-05"), ("past", "2024-08-30")] {
        served.append("a", fact("2024-08-20", reserve(id, expiry))).await.unwrap();
    }
    let expiring = |id: &str, date: &str, days_left: i64| {
        let kind = v1::DeadlineKind::ReservationExpiry;
        ("a".to_owned(), kind, id.to_owned(), date.to_owned(), days_left)
    };
    let live = wait_for(&mut notices, 1).await;
    assert_eq!(of_deadlines(&live), [expiring("soon", "2024-09-05", 4)]);
    // Days go by while nobody looks; each is told as of its own day.
    clock.set(time("2024-10-01T10:00:00Z"));
    let live = wait_for(&mut notices, 1).await;
    assert_eq!(of_deadlines(&live), [expiring("later", "2024-09-20", 10)]);
    let again = v1::WatchNoticesRequest {
        resume: Some(resume),
        deadline_days: Some(10),
        ..Default::default()
    };
    let (told, _) = until_caught_up(&mut watch(&served, deadlines_only(again)).await).await;
    let both = [expiring("soon", "2024-09-05", 4), expiring("later", "2024-09-20", 10)];
    assert_eq!(of_deadlines(&told), both);
    served.stop().await;
}

#[tokio::test]
async fn deadlines_of_one_day_are_told_by_date_and_agreement_over_many_messages() {
    let (setting, _clock) = lively("2024-09-01T10:00:00Z");
    let service = ServiceLimits { read_records_per_message_max: 7, ..setting.service.clone() };
    let served = Served::with(Setting { service, ..setting });
    for number in 0..80 {
        let end = format!("2024-09-{:02}", 30 - number % 20);
        let id = format!("a{number:02}");
        served.append(&id, sign_as(signed("100", "2024-01-01", &end))).await.unwrap();
    }
    let asked = deadlines_only(v1::WatchNoticesRequest::default());
    let mut notices = watch(&served, asked.clone()).await;
    // A slow machine may beat before it has anything to tell.
    let first = loop {
        let message = next(&mut notices).await;
        if !message.notices.is_empty() {
            break message;
        }
    };
    assert_eq!(first.notices.len(), 7);
    // The day is not told whole, so a reader that breaks off here hears it from its start.
    assert_eq!(first.resume.clone().unwrap().deadlines_told_date, "");
    let resumed = v1::WatchNoticesRequest { resume: first.resume.clone(), ..asked };
    let (whole, resume) = until_caught_up(&mut watch(&served, resumed).await).await;
    let keys: Vec<_> =
        of_deadlines(&whole).into_iter().map(|(id, _, _, date, _)| (date, id)).collect();
    assert_eq!(keys.len(), 80);
    assert!(keys.is_sorted());
    assert_eq!(resume.deadlines_told_date, "2024-09-01");
    let (rest, _) = until_caught_up(&mut notices).await;
    assert_eq!([first.notices, rest].concat(), whole);
    served.stop().await;
}

#[tokio::test]
async fn what_is_malformed_is_told_all_at_once() {
    let served = Served::start();
    let beyond = told(&served.projections().watch_notices(from(1)).await.unwrap_err());
    assert_eq!(
        (beyond.code, beyond.reason.as_str()),
        (Code::InvalidArgument, "POSITION_BEYOND_HEAD")
    );
    let asked = v1::WatchNoticesRequest {
        resume: Some(v1::NoticeResume {
            position: 0,
            deadlines_told_date: "2024-13-01".to_owned(),
        }),
        agreement_id: " ".to_owned(),
        severities: vec![0],
        rules: vec!["OVER_INVOICED".to_owned(), "over_invoiced".to_owned()],
        deadline_days: Some(3651),
        exclude_deadlines: false,
    };
    let refused = told(&served.projections().watch_notices(asked).await.unwrap_err());
    assert_eq!(refused.code, Code::InvalidArgument);
    let fields = [
        "resume.deadlines_told_date",
        "agreement_id",
        "severities[0]",
        "rules[1]",
        "deadline_days",
    ];
    assert_eq!(refused.fields, fields);
    served.stop().await;
}

#[tokio::test]
async fn watches_take_the_places_of_subscriptions_and_end_with_the_server() {
    let service = ServiceLimits { subscriptions_max: 1, ..ServiceLimits::default() };
    let served = Served::with(Setting { service, ..Setting::default() });
    let mut notices = watch(&served, findings_from(0)).await;
    assert!(next(&mut notices).await.caught_up);
    let refused = served.ledger().subscribe_events(v1::SubscribeEventsRequest::default()).await;
    assert_eq!(told(&refused.unwrap_err()).reason, "OVERLOADED");
    let listening = tokio::spawn(async move { notices.message().await.unwrap_err() });
    served.stop().await;
    assert_eq!(told(&listening.await.unwrap()).reason, "SERVER_STOPPING");
}
