//! Notices as lines, and the file that keeps the resume point.

use clap::Parser as _;
use contract_ledger::wire::v1::{Deadline, DeadlineKind, Severity};

use super::*;
use crate::arguments::{Arguments, Command};

fn resume(position: u64) -> NoticeResume {
    NoticeResume { position, deadlines_told_date: "2024-08-15".to_owned() }
}

fn notice(notice: notice::Notice) -> Notice {
    Notice {
        agreement_id: "asker-2020".to_owned(),
        notice: Some(notice),
        position: Some(15),
        recorded_time: Some(prost_types::Timestamp { seconds: 1_735_689_600, nanos: 0 }),
    }
}

fn over_invoiced() -> Finding {
    Finding {
        rule: "OVER_INVOICED".to_owned(),
        severity: i32::from(Severity::Medium),
        subject: "order:O5".to_owned(),
        first_breach_date: "2024-08-15".to_owned(),
        ..Default::default()
    }
}

#[test]
fn opened_and_cleared_findings_have_a_sign_each() {
    let look = Look::default();
    assert_eq!(
        notice_lines(look, &notice(notice::Notice::FindingOpened(over_invoiced()))),
        concat!(
            " + asker-2020  medium OVER_INVOICED (order:O5), breach from 2024-08-15\n",
            "         position 15, recorded 2025-01-01 01:00:00+01:00\n",
        )
    );
    let cleared = notice_lines(look, &notice(notice::Notice::FindingCleared(over_invoiced())));
    assert!(cleared.starts_with(" - asker-2020  medium OVER_INVOICED"), "{cleared}");
}

#[test]
fn deadline_is_one_line_without_a_position() {
    let deadline = Deadline {
        kind: i32::from(DeadlineKind::OptionNotice),
        date: "2022-11-30".to_owned(),
        subject_id: "option-1".to_owned(),
        days_left: 46,
        ..Default::default()
    };
    let told = Notice {
        agreement_id: "asker-2020".to_owned(),
        notice: Some(notice::Notice::Deadline(deadline)),
        ..Default::default()
    };
    assert_eq!(
        notice_lines(Look::default(), &told),
        " ! asker-2020  last day to exercise option option-1 on 2022-11-30, 46 days left\n"
    );
}

#[test]
fn watch_ends_when_caught_up_only_when_so_asked() {
    let mut output = Vec::new();
    let response = WatchNoticesResponse {
        notices: vec![notice(notice::Notice::FindingOpened(over_invoiced()))],
        resume: Some(resume(16)),
        caught_up: true,
        head: None,
    };
    for (until_caught_up, going) in [(false, Going::On), (true, Going::Done)] {
        let telling = Telling { look: Look::default(), json: true, until_caught_up };
        assert_eq!(telling.write(&response, &mut output).unwrap(), going);
    }
    let text = String::from_utf8(output).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(text.starts_with(r#"{"agreementId":"asker-2020","#), "{text}");
}

#[test]
fn resume_point_survives_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notices.json");
    assert_eq!(read_resume(&file).unwrap(), None);
    for position in [16, 17] {
        write_resume(&file, &resume(position)).unwrap();
        assert_eq!(read_resume(&file).unwrap(), Some(resume(position)));
    }
    std::fs::write(&file, "position 17").unwrap();
    assert!(matches!(read_resume(&file), Err(CommandError::Usage(_))));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn filters_reach_the_request() {
    let line =
        "ledgerctl watch --agreement A --severity high --rule over-invoiced --deadline-days 30";
    let Command::Watch(arguments) = Arguments::parse_from(line.split(' ')).command else {
        panic!("watch was asked for");
    };
    assert_eq!(
        request(&arguments, resume(3)),
        WatchNoticesRequest {
            resume: Some(resume(3)),
            agreement_id: "A".to_owned(),
            severities: vec![i32::from(Severity::High)],
            rules: vec!["OVER_INVOICED".to_owned()],
            deadline_days: Some(30),
            exclude_deadlines: false,
        }
    );
}
