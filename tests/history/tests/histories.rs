//! Histories made by hand: those that can be, and each anomaly by its name.

#![expect(clippy::unnecessary_wraps, reason = "no answer is None, so an answer is Some")]

use history::{Answer, Call, Kind, Operation, Recorder, Refusal, check};

const CEILING: u64 = 100;

fn append(id: &str, amount: u64, began: u64, ended: Option<(u64, Answer)>) -> Operation {
    let call =
        Call::Append { request_id: id.to_owned(), expected_version: None, amount, intent: true };
    Operation { agreement: "A".to_owned(), call, began, ended }
}

fn accepted(at: u64, version: u64, position: u64) -> Option<(u64, Answer)> {
    Some((at, Answer::Accepted { version, position }))
}

fn refused(at: u64, refusal: Refusal) -> Option<(u64, Answer)> {
    Some((at, Answer::Refused(refusal)))
}

fn usage(began: u64, ended: u64, version: u64, exposure: u64) -> Operation {
    let ended = Some((ended, Answer::Usage { version, exposure }));
    Operation { agreement: "A".to_owned(), call: Call::ReadUsage, began, ended }
}

fn events(began: u64, ended: u64, ids: &[&str]) -> Operation {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    let ended = Some((ended, Answer::Events(ids)));
    Operation { agreement: "A".to_owned(), call: Call::ReadEvents, began, ended }
}

fn expecting(version: u64, mut operation: Operation) -> Operation {
    if let Call::Append { expected_version, .. } = &mut operation.call {
        *expected_version = Some(version);
    }
    operation
}

#[track_caller]
fn holds(history: &[Operation]) {
    assert_eq!(check(history, CEILING), Vec::new());
}

#[track_caller]
fn finds(kind: Kind, history: &[Operation]) {
    let found: Vec<Kind> = check(history, CEILING).iter().map(|anomaly| anomaly.kind).collect();
    assert!(found.contains(&kind), "{found:?}");
}

#[test]
fn one_call_after_the_other_holds() {
    holds(&[
        append("a", 60, 1, accepted(2, 1, 0)),
        usage(3, 4, 1, 60),
        append("b", 60, 5, refused(6, Refusal::OverTheCeiling)),
        expecting(0, append("c", 1, 7, refused(8, Refusal::WrongVersion { version: 1 }))),
        expecting(1, append("d", 40, 9, accepted(10, 2, 3))),
        append("b", 60, 11, refused(12, Refusal::OverTheCeiling)),
        events(13, 14, &["a", "d"]),
    ]);
}

#[test]
fn calls_at_the_same_time_may_come_in_any_order() {
    holds(&[
        append("a", 60, 1, accepted(9, 2, 1)),
        append("b", 10, 2, accepted(8, 1, 0)),
        usage(3, 7, 1, 10),
        append("c", 40, 4, refused(6, Refusal::OverTheCeiling)),
        usage(5, 10, 2, 70),
    ]);
}

#[test]
fn an_unknown_outcome_may_take_effect_late_or_never() {
    let unknown = append("a", 60, 1, None);
    holds(&[unknown.clone(), usage(2, 3, 0, 0), usage(4, 5, 1, 60)]);
    holds(&[unknown.clone(), usage(2, 3, 0, 0), append("b", 50, 4, accepted(5, 1, 0))]);
    holds(&[unknown.clone(), append("b", 40, 2, accepted(3, 2, 1)), events(4, 5, &["a", "b"])]);
    holds(&[
        unknown,
        append("b", 41, 2, refused(3, Refusal::OverTheCeiling)),
        append("a", 60, 4, accepted(5, 1, 0)),
    ]);
}

#[test]
fn an_unknown_outcome_does_not_take_effect_before_it_began() {
    finds(Kind::NoOrder, &[usage(1, 2, 1, 60), append("a", 60, 3, None)]);
}

#[test]
fn an_unknown_outcome_explains_one_effect_only() {
    let unknown = append("a", 20, 1, None);
    finds(Kind::NoOrder, &[unknown, usage(2, 3, 2, 40)]);
}

#[test]
fn what_was_not_recorded_has_no_effect() {
    let told = Some((2, Answer::NotRecorded));
    holds(&[append("a", 60, 1, told.clone()), usage(3, 4, 0, 0)]);
    finds(Kind::NoOrder, &[append("a", 60, 1, told), usage(3, 4, 1, 60)]);
}

#[test]
fn a_lost_write_is_found() {
    finds(
        Kind::LostWrite,
        &[append("a", 1, 1, accepted(2, 1, 0)), append("b", 1, 3, accepted(4, 1, 1))],
    );
    finds(Kind::LostWrite, &[append("a", 1, 1, accepted(2, 1, 0)), events(3, 4, &["b"])]);
}

#[test]
fn a_stale_read_is_found() {
    finds(Kind::StaleRead, &[append("a", 1, 1, accepted(2, 1, 0)), usage(3, 4, 0, 0)]);
}

#[test]
fn a_read_that_goes_back_is_found() {
    let unknown = append("a", 1, 1, None);
    finds(Kind::ReadGoesBack, &[unknown, usage(2, 3, 1, 1), usage(4, 5, 0, 0)]);
}

#[test]
fn two_orders_above_the_ceiling_are_found() {
    finds(
        Kind::AboveTheCeiling,
        &[append("a", 60, 1, accepted(3, 1, 0)), append("b", 60, 2, accepted(4, 2, 1))],
    );
}

#[test]
fn a_request_that_took_effect_twice_is_found() {
    finds(
        Kind::DuplicateEffect,
        &[append("a", 1, 1, accepted(2, 1, 0)), append("a", 1, 3, accepted(4, 2, 1))],
    );
    finds(Kind::DuplicateEffect, &[append("a", 1, 1, None), events(2, 3, &["a", "a"])]);
}

#[test]
fn a_changed_answer_is_found() {
    finds(
        Kind::AnswerChanged,
        &[
            append("a", 1, 1, refused(2, Refusal::OverTheCeiling)),
            append("a", 1, 3, accepted(4, 1, 0)),
        ],
    );
}

#[test]
fn an_order_against_real_time_is_found() {
    let history = [append("a", 1, 1, accepted(2, 2, 1)), append("b", 1, 3, accepted(4, 1, 0))];
    finds(Kind::AgainstRealTime, &history);
    let mut elsewhere = append("b", 1, 3, accepted(4, 1, 4));
    elsewhere.agreement = "B".to_owned();
    finds(Kind::AgainstRealTime, &[append("a", 1, 1, accepted(2, 1, 5)), elsewhere]);
}

#[test]
fn a_repeated_request_may_have_taken_effect_at_its_first_try() {
    holds(&[
        append("a", 1, 1, None),
        append("b", 1, 2, accepted(3, 2, 1)),
        append("a", 1, 4, accepted(5, 1, 0)),
        append("a", 1, 6, accepted(7, 1, 0)),
    ]);
}

#[test]
fn a_refusal_without_a_reason_is_found() {
    finds(Kind::NoOrder, &[append("a", 1, 1, refused(2, Refusal::OverTheCeiling))]);
    let wrong = append("a", 1, 1, refused(2, Refusal::WrongVersion { version: 3 }));
    finds(Kind::NoOrder, &[expecting(2, wrong)]);
}

#[test]
fn a_wrong_sum_is_found() {
    finds(Kind::NoOrder, &[append("a", 10, 1, accepted(2, 1, 0)), usage(3, 4, 1, 11)]);
}

/// Eight clients at a time, some without an answer: the search stays small.
#[test]
fn a_longer_history_is_decided() {
    let mut history = Vec::new();
    let (mut moment, mut version) = (0, 0);
    for round in 0..30_u64 {
        for client in 0..8_u64 {
            let id = format!("{round}-{client}");
            let at = moment + 100 + (client * 3) % 8;
            if client == 7 && round % 3 == 0 {
                history.push(append(&id, 0, moment + client, None));
            } else {
                version += 1;
                history.push(append(&id, 0, moment + client, accepted(at, version, version)));
            }
        }
        moment += 1000;
    }
    holds(&history);
    history.push(usage(moment, moment + 1, version, 1));
    finds(Kind::NoOrder, &history);
}

#[test]
fn the_recorder_puts_beginnings_and_ends_in_one_order() {
    let recorder = Recorder::default();
    let first = recorder.begin("A", Call::ReadUsage);
    let second = recorder.begin("B", Call::ReadEvents);
    recorder.end(first, Answer::Usage { version: 0, exposure: 0 });
    let operations = recorder.operations();
    assert_eq!(operations.iter().map(|o| o.began).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(operations[0].ended, Some((3, Answer::Usage { version: 0, exposure: 0 })));
    assert_eq!(operations[1].ended, None);
    drop(second);
}
