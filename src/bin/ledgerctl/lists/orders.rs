//! `orders`: call-off orders with what hangs on them, and who ordered, approved and received.

use std::io::Write;

use contract_ledger::wire::v1::{ListOrdersRequest, ListOrdersResponse, OrderRow};

use super::pages::{Listing, PageAsk, list};
use super::{by_agreement, headline, note_of};
use crate::arguments::OrdersArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::money_text::{amount_text, money_text};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::table::{Column, Look, Sheet, Tone};
use crate::time_text::recorded_text;
use crate::words::{order_state_text, organisation_text};

/// Asks for every page and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: OrdersArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let listing = list(&arguments.page, output, |_: &OrderRow| true, &mut async |page| {
        let asked = client.projection.list_orders(with_deadline(request(&arguments, page)));
        asked.await.map(tonic::Response::<ListOrdersResponse>::into_inner)
    })
    .await?;
    if let Some(listing) = listing {
        output.write_all(orders_text(look, &listing).as_bytes())?;
    }
    Ok(EXIT_DONE)
}

fn request(arguments: &OrdersArguments, page: PageAsk) -> ListOrdersRequest {
    ListOrdersRequest {
        agreement_id: arguments.agreement.clone().unwrap_or_default(),
        as_of: arguments.times.as_of.clone().unwrap_or_default(),
        as_known: arguments.times.as_known.clone(),
        states: arguments.states.iter().copied().map(i32::from).collect(),
        buyer: arguments.buyer.clone(),
        supplier: arguments.supplier.clone(),
        lot_id: arguments.lot.clone().unwrap_or_default(),
        department: arguments.department.clone().unwrap_or_default(),
        placed_from: arguments.placed_from.clone().unwrap_or_default(),
        placed_to: arguments.placed_to.clone().unwrap_or_default(),
        page_size: page.page_size,
        page_token: page.page_token,
        min_position: arguments.times.min_position,
    }
}

fn orders_text(look: Look, listing: &Listing<OrderRow>) -> String {
    let mut text = headline(listing.rows.len(), "order", "orders", &listing.times);
    text.push_str(&by_agreement(
        &listing.rows,
        |order| &order.agreement_id,
        |orders| orders_table(look, orders),
    ));
    text.push_str(listing.cut_text());
    text
}

/// The orders of one agreement, in its currency.
fn orders_table(look: Look, orders: &[OrderRow]) -> String {
    let exposure = orders.first().and_then(|order| order.exposure.as_ref());
    let currency = exposure.map(|money| money.currency.as_str()).unwrap_or_default();
    let ordered = format!("{currency} ordered");
    let mut sheet = Sheet::new(
        look,
        &[
            ("order", Column::Fixed),
            ("placed", Column::Fixed),
            ("state", Column::Fixed),
            ("supplier", Column::Fixed),
            (ordered.trim_start(), Column::Number),
            ("invoiced", Column::Number),
            ("prepaid", Column::Number),
            ("exposure", Column::Number),
            ("paid, with VAT", Column::Number),
        ],
    );
    for order in orders {
        let (state, state_tone) = order_state_text(order.state);
        sheet.toned_row([
            (order.order_id.clone(), Tone::Plain),
            (order.placed_date.clone(), Tone::Plain),
            (state.to_owned(), state_tone),
            (organisation_text(order.supplier.as_ref()), Tone::Plain),
            (amount_text(order.ordered.as_ref()), Tone::Plain),
            (amount_text(order.invoiced.as_ref()), Tone::Plain),
            (amount_text(order.prepaid.as_ref()), Tone::Plain),
            (amount_text(order.exposure.as_ref()), Tone::Plain),
            (amount_text(order.paid.as_ref()), Tone::Plain),
        ]);
        sheet.note(&where_text(order), Tone::Plain);
        sheet.note(&who_text(order), Tone::Plain);
        let recorded = recorded_text(order.recorded_time.as_ref());
        let position = order.position.to_string();
        sheet.note(&note_of([("position ", &position), ("recorded ", &recorded)]), Tone::Quiet);
    }
    sheet.text()
}

/// What the order is on, and the value as it was stated when that was in another currency.
fn where_text(order: &OrderRow) -> String {
    let currency = |money: &Option<contract_ledger::wire::v1::Money>| {
        money.as_ref().map(|money| money.currency.clone()).unwrap_or_default()
    };
    let foreign = currency(&order.ordered_stated) != currency(&order.exposure);
    let stated = if foreign { money_text(order.ordered_stated.as_ref()) } else { String::new() };
    note_of([
        ("stated as ", &stated),
        ("buyer ", &organisation_text(order.buyer.as_ref())),
        ("lot ", &order.lot_id),
        ("department ", &order.department),
        ("CPV ", &order.cpv_code),
    ])
}

fn who_text(order: &OrderRow) -> String {
    let confirmed = if order.confirmed { "confirmed by the supplier" } else { "" };
    note_of([
        ("ordered by ", &order.ordered_by),
        ("approved by ", &order.approved_by),
        ("received by ", &order.received_by.join(", ")),
        ("", confirmed),
        ("deliveries ", &some(order.delivery_count)),
        ("invoices ", &some(order.invoice_count)),
    ])
}

fn some(count: u32) -> String {
    if count > 0 { count.to_string() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use contract_ledger::wire::v1::{ListingTimes, Money, OrderState};

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn money(amount: &str, currency: &str) -> Money {
        Money { amount: amount.to_owned(), currency: currency.to_owned() }
    }

    #[test]
    fn order_shows_its_sums_and_the_four_eyes() {
        let order = OrderRow {
            agreement_id: "A".to_owned(),
            order_id: "O1".to_owned(),
            state: i32::from(OrderState::Open),
            placed_date: "2020-12-10".to_owned(),
            ordered_stated: Some(money("10000.00", "EUR")),
            ordered: Some(money("114567.00", "NOK")),
            exposure: Some(money("114567.00", "NOK")),
            ordered_by: "p-1".to_owned(),
            approved_by: "p-2".to_owned(),
            received_by: vec!["p-3".to_owned(), "p-4".to_owned()],
            delivery_count: 2,
            department: "roads".to_owned(),
            position: 7,
            ..Default::default()
        };
        let listing = Listing {
            rows: vec![order],
            times: ListingTimes { position: Some(9), ..Default::default() },
            cut: false,
        };
        let text = orders_text(Look::default(), &listing);
        for part in [
            "1 order (to position 9)\n\nA\n",
            "NOK ordered",
            "114 567,00",
            "         stated as 10 000,00 EUR; department roads\n",
            "         ordered by p-1; approved by p-2; received by p-3, p-4; deliveries 2\n",
            "         position 7\n",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn filters_reach_the_request() {
        let line = "ledgerctl orders A --state open --buyer 920125298 --supplier 314159268 --lot L1 \
                    --department roads --placed-from 2024-01-01 --placed-to 2024-12-31";
        let Command::Orders(arguments) = Arguments::parse_from(line.split_whitespace()).command
        else {
            panic!("orders was asked for");
        };
        let request = request(&arguments, PageAsk { page_size: 0, page_token: String::new() });
        assert_eq!(request.agreement_id, "A");
        assert_eq!(request.states, [i32::from(OrderState::Open)]);
        assert_eq!(request.buyer.unwrap().number, "920125298");
        assert_eq!(request.supplier.unwrap().number, "314159268");
        assert_eq!((request.lot_id.as_str(), request.department.as_str()), ("L1", "roads"));
        assert_eq!(request.placed_from, "2024-01-01");
        assert_eq!(request.placed_to, "2024-12-31");
    }
}
