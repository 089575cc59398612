//! The lists: every page of an answer in one go, as a table or as JSON lines.
//!
//! Paging is the same for all of them and lives here; each list has a file with its request and its
//! table.

pub(crate) mod amendments;
pub(crate) mod deadlines;
pub(crate) mod findings;
pub(crate) mod invoices;
pub(crate) mod orders;
pub(crate) mod portfolio;
pub(crate) mod refusals;

mod pages;

use contract_ledger::wire::v1::ListingTimes;

use crate::table::printable;
use crate::time_text::times_text;

/// What a list is true for, as the first line of its table: `7 orders as of 2024-06-01 (to position 9)`.
fn headline(count: usize, one: &str, many: &str, times: &ListingTimes) -> String {
    let count = match count {
        0 => format!("No {many}"),
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    printable(&format!("{count}{}\n", times_text(times)))
}

/// A table for each agreement under its id, rows staying in the order in which they came.
fn by_agreement<Row>(
    rows: &[Row],
    agreement_id: impl Fn(&Row) -> &str,
    table: impl Fn(&[Row]) -> String,
) -> String {
    rows.chunk_by(|one, next| agreement_id(one) == agreement_id(next))
        .map(|group| {
            let id = group.first().map(&agreement_id).unwrap_or_default();
            printable(&format!("\n{id}\n")) + &table(group)
        })
        .collect()
}

/// Parts of a note that have something to say, such as `ordered by p-1; lot L1`.
fn note_of<const COUNT: usize>(parts: [(&str, &str); COUNT]) -> String {
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}{value}"))
        .collect();
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headline_counts_and_says_both_times() {
        let mut times = ListingTimes { as_of: "2024-06-01".to_owned(), ..Default::default() };
        assert_eq!(
            headline(0, "order", "orders", &times),
            "No orders as of 2024-06-01 (the log is empty)\n"
        );
        times.position = Some(9);
        times.as_known = Some(prost_types::Timestamp { seconds: 1_735_689_600, nanos: 0 });
        assert_eq!(
            headline(1, "order", "orders", &times),
            "1 order as of 2024-06-01, as known 2025-01-01 01:00:00+01:00 (to position 9)\n"
        );
    }

    #[test]
    fn rows_are_grouped_where_the_agreement_changes() {
        let text = by_agreement(
            &["a1", "a2", "b1"],
            |row| &row[..1],
            |group| format!("{}\n", group.join(" ")),
        );
        assert_eq!(text, "\na\na1 a2\n\nb\nb1\n");
    }

    #[test]
    fn note_leaves_out_what_is_not_stated() {
        assert_eq!(
            note_of([("ordered by ", "p-1"), ("lot ", ""), ("CPV ", "7")]),
            "ordered by p-1; CPV 7"
        );
    }
}
