//! Fetches a list page by page, until its end, a limit, or a row that is not wanted any more.

use std::io::Write;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::ListingTimes;
use tonic::Status;

use crate::arguments::PageArguments;
use crate::outcome::CommandError;

/// What the request of a page says beside its filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageAsk {
    /// At most so many rows; 0 for the server's default.
    pub(super) page_size: i32,
    /// Token of the page before. Empty: the first page.
    pub(super) page_token: String,
}

/// One page of any list.
pub(super) trait Page {
    /// Its rows.
    type Row: prost::Message + prost::Name;
    /// Rows, token of the next page, what the list is true for.
    fn into_parts(self) -> (Vec<Self::Row>, String, Option<ListingTimes>);
}

/// A whole list.
#[derive(Debug)]
pub(super) struct Listing<Row> {
    /// Rows in the order of the server.
    pub(super) rows: Vec<Row>,
    /// What they are true for.
    pub(super) times: ListingTimes,
    /// True when the limit left rows out.
    pub(super) cut: bool,
}

impl<Row> Listing<Row> {
    /// The last line of a table that a limit has cut.
    pub(super) fn cut_text(&self) -> &'static str {
        if self.cut { "\nThere is more: --limit left the rest out.\n" } else { "" }
    }
}

/// Fetches every page while rows are wanted. As JSON the rows go out as they come in and nothing is
/// returned; for a table they are all returned, for its widths.
pub(super) async fn list<P: Page>(
    arguments: &PageArguments,
    output: &mut impl Write,
    wanted: impl Fn(&P::Row) -> bool,
    fetch: &mut impl AsyncFnMut(PageAsk) -> Result<P, Status>,
) -> Result<Option<Listing<P::Row>>, CommandError> {
    // A limit beyond what a page can hold needs no page of its own size.
    let page_size = arguments.limit.map_or(0, |limit| i32::try_from(limit).unwrap_or(0));
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let mut listing = Listing { rows: Vec::new(), times: ListingTimes::default(), cut: false };
    let mut page_token = String::new();
    'pages: loop {
        let page = fetch(PageAsk { page_size, page_token }).await?;
        let (rows, next_page_token, times) = page.into_parts();
        listing.times = times.unwrap_or_default();
        for row in rows {
            if !wanted(&row) {
                break 'pages;
            }
            if left == 0 {
                listing.cut = true;
                break 'pages;
            }
            left -= 1;
            if arguments.json {
                writeln!(output, "{}", to_json(&row))?;
            } else {
                listing.rows.push(row);
            }
        }
        if next_page_token.is_empty() {
            break;
        }
        if left == 0 {
            listing.cut = true;
            break;
        }
        page_token = next_page_token;
    }
    Ok((!arguments.json).then_some(listing))
}

macro_rules! page {
    ($response:ident, $rows:ident, $row:ident) => {
        impl Page for v1::$response {
            type Row = v1::$row;
            fn into_parts(self) -> (Vec<Self::Row>, String, Option<ListingTimes>) {
                (self.$rows, self.next_page_token, self.times)
            }
        }
    };
}

page!(ListAgreementsResponse, agreements, AgreementSummary);
page!(ListOrdersResponse, orders, OrderRow);
page!(ListInvoicesResponse, invoices, InvoiceRow);
page!(ListFindingsResponse, findings, Finding);
page!(ListDeadlinesResponse, deadlines, Deadline);
page!(ListAmendmentsResponse, amendments, AmendmentRow);
page!(ListRefusalsResponse, refusals, RefusalRow);

#[cfg(test)]
mod tests {
    use contract_ledger::wire::v1::{ListOrdersResponse, OrderRow};

    use super::*;

    /// A server with so many orders, two on a page.
    async fn ask(
        orders: u64,
        limit: Option<u64>,
        json: bool,
    ) -> (Vec<PageAsk>, String, Option<Listing<OrderRow>>) {
        let mut asked = Vec::new();
        let mut output = Vec::new();
        let listing = list(
            &PageArguments { limit, json },
            &mut output,
            |row: &OrderRow| row.order_id != "O9",
            &mut async |page: PageAsk| {
                let start = page.page_token.parse().unwrap_or(0);
                asked.push(page);
                let end = orders.min(start + 2);
                let order =
                    |number: u64| OrderRow { order_id: format!("O{number}"), ..Default::default() };
                Ok(ListOrdersResponse {
                    orders: (start..end).map(order).collect(),
                    next_page_token: if end < orders { end.to_string() } else { String::new() },
                    times: Some(ListingTimes { position: Some(orders), ..Default::default() }),
                })
            },
        )
        .await
        .unwrap();
        (asked, String::from_utf8(output).unwrap(), listing)
    }

    #[tokio::test]
    async fn all_pages_are_fetched_with_the_token_of_the_page_before() {
        let (asked, output, listing) = ask(5, None, false).await;
        let tokens: Vec<&str> = asked.iter().map(|page| page.page_token.as_str()).collect();
        assert_eq!(tokens, ["", "2", "4"]);
        assert!(asked.iter().all(|page| page.page_size == 0));
        let listing = listing.unwrap();
        assert_eq!((listing.rows.len(), listing.times.position), (5, Some(5)));
        assert_eq!((listing.cut_text(), output.as_str()), ("", ""));
    }

    #[tokio::test]
    async fn limit_stops_the_paging_and_says_what_it_left_out() {
        for (orders, limit, pages, rows, cut) in
            [(5, 3, 2, 3, true), (5, 4, 2, 4, true), (4, 4, 2, 4, false), (4, 9, 2, 4, false)]
        {
            let (asked, _, listing) = ask(orders, Some(limit), false).await;
            let listing = listing.unwrap();
            assert_eq!((asked.len(), listing.rows.len()), (pages, rows), "{orders} {limit}");
            assert_eq!(!listing.cut_text().is_empty(), cut, "{orders} {limit}");
            assert!(asked.iter().all(|page| u64::try_from(page.page_size) == Ok(limit)));
        }
    }

    #[tokio::test]
    async fn json_goes_out_a_row_a_line() {
        let (_, output, listing) = ask(3, None, true).await;
        assert!(listing.is_none());
        assert_eq!(output.lines().count(), 3);
        assert!(output.starts_with(r#"{"agreementId":"","orderId":"O0""#), "{output}");
    }

    #[tokio::test]
    async fn paging_ends_at_the_first_row_that_is_not_wanted() {
        let (asked, _, listing) = ask(30, None, false).await;
        let listing = listing.unwrap();
        assert_eq!((asked.len(), listing.rows.len(), listing.cut), (5, 9, false));
    }
}
