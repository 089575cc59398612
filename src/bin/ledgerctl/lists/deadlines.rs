//! `deadlines`: days on which something ends or is due.

use std::io::Write;

use contract_ledger::wire::v1::{Deadline, ListDeadlinesRequest, ListDeadlinesResponse};

use super::headline;
use super::pages::{Listing, PageAsk, list};
use crate::arguments::DeadlinesArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::money_text::money_text;
use crate::outcome::{CommandError, EXIT_DONE};
use crate::table::{Column, Look, Sheet, Tone};
use crate::words::deadline_kind_text;

/// From so few days on a deadline is shown as a warning.
const SOON_DAYS: i64 = 30;

/// Asks for every page and shows.
///
/// Days are counted from the server's date, which this program does not know when nobody states it:
/// it reads on, by date, until a day lies too far ahead.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: DeadlinesArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let is_near = |deadline: &Deadline| is_wanted(&arguments, deadline);
    let listing = list(&arguments.page, output, is_near, &mut async |page| {
        let asked = client.projection.list_deadlines(with_deadline(request(&arguments, page)));
        asked.await.map(tonic::Response::<ListDeadlinesResponse>::into_inner)
    })
    .await?;
    if let Some(listing) = listing {
        output.write_all(deadlines_text(look, &listing).as_bytes())?;
    }
    Ok(EXIT_DONE)
}

/// A last day, when one is stated, is in the request and replaces the days.
fn is_wanted(arguments: &DeadlinesArguments, deadline: &Deadline) -> bool {
    arguments.to.is_some() || deadline.days_left <= arguments.within
}

fn request(arguments: &DeadlinesArguments, page: PageAsk) -> ListDeadlinesRequest {
    ListDeadlinesRequest {
        agreement_id: arguments.agreement.clone().unwrap_or_default(),
        as_of: arguments.times.as_of.clone().unwrap_or_default(),
        as_known: arguments.times.as_known.clone(),
        kinds: arguments.kinds.iter().copied().map(i32::from).collect(),
        date_to: arguments.to.clone().unwrap_or_default(),
        date_from: arguments.from.clone().unwrap_or_default(),
        page_size: page.page_size,
        page_token: page.page_token,
        min_position: arguments.times.min_position,
    }
}

fn deadlines_text(look: Look, listing: &Listing<Deadline>) -> String {
    let mut text = headline(listing.rows.len(), "deadline", "deadlines", &listing.times);
    if listing.rows.is_empty() {
        return text;
    }
    let mut sheet = Sheet::new(
        look,
        &[
            ("date", Column::Fixed),
            ("days left", Column::Number),
            ("agreement", Column::Fixed),
            ("title", Column::Text),
            ("what", Column::Fixed),
            ("amount", Column::Number),
        ],
    );
    for deadline in &listing.rows {
        let tone = match deadline.days_left {
            ..0 => Tone::Bad,
            0..=SOON_DAYS => Tone::Warning,
            _ => Tone::Plain,
        };
        sheet.toned_row([
            (deadline.date.clone(), Tone::Plain),
            (deadline.days_left.to_string(), tone),
            (deadline.agreement_id.clone(), Tone::Plain),
            (deadline.title.clone(), Tone::Plain),
            (what_text(deadline), Tone::Plain),
            (money_text(deadline.amount.as_ref()), Tone::Plain),
        ]);
    }
    text.push('\n');
    text.push_str(&sheet.text());
    text.push_str(listing.cut_text());
    text
}

/// What ends or is due, and its id.
pub(crate) fn what_text(deadline: &Deadline) -> String {
    format!("{} {}", deadline_kind_text(deadline.kind), deadline.subject_id).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use contract_ledger::wire::v1::{DeadlineKind, ListingTimes};

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn arguments(line: &str) -> DeadlinesArguments {
        let Command::Deadlines(arguments) = Arguments::parse_from(line.split(' ')).command else {
            panic!("deadlines was asked for");
        };
        arguments
    }

    fn option(days_left: i64) -> Deadline {
        Deadline {
            agreement_id: "A".to_owned(),
            kind: i32::from(DeadlineKind::OptionNotice),
            date: "2022-11-30".to_owned(),
            subject_id: "option-1".to_owned(),
            days_left,
            title: "Communication services".to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn ninety_days_ahead_unless_said_otherwise() {
        let usual = arguments("ledgerctl deadlines");
        assert!(is_wanted(&usual, &option(90)) && is_wanted(&usual, &option(-5)));
        assert!(!is_wanted(&usual, &option(91)));
        assert!(!is_wanted(&arguments("ledgerctl deadlines --within 7"), &option(8)));
        let to =
            arguments("ledgerctl deadlines A --to 2030-01-01 --from 2020-01-01 --kind term-end");
        assert!(is_wanted(&to, &option(2_000)));
        let request = request(&to, PageAsk { page_size: 0, page_token: String::new() });
        assert_eq!(request.agreement_id, "A");
        assert_eq!(request.date_to, "2030-01-01");
        assert_eq!(request.date_from, "2020-01-01");
        assert_eq!(request.kinds, [i32::from(DeadlineKind::TermEnd)]);
    }

    #[test]
    fn days_and_a_last_day_do_not_go_together() {
        let line = "ledgerctl deadlines --within 7 --to 2030-01-01";
        assert!(Arguments::try_parse_from(line.split(' ')).is_err());
    }

    #[test]
    fn deadline_shows_the_day_what_ends_and_how_long_it_is() {
        let times = ListingTimes { as_of: "2022-10-15".to_owned(), ..Default::default() };
        let listing = Listing { rows: vec![option(46)], times, cut: false };
        let text = deadlines_text(Look::default(), &listing);
        for part in ["1 deadline as of 2022-10-15", "46", "last day to exercise option option-1"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
