//! The worked scenarios of the domain page, and two finer points, on the model alone: every number is
//! exact.

use std::sync::Arc;

use contract_ledger::domain::date::{Date, RecordedTime};
use contract_ledger::domain::event::{
    self as domain, AgreementAmended, CeilingChange, Event, HeadroomReserved, LegalBasis,
    OverrideGranted, Reasoning, Recorded, Value,
};
use contract_ledger::domain::id::{
    AmendmentId, EventId, OverrideId, Position, ReservationId, Version,
};
use contract_ledger::domain::money::{Amount, Currency, Money};
use contract_ledger::domain::policy::PolicyChange;
use contract_ledger::domain::scope::{Scope, ScopeKeys};
use contract_ledger::domain::text::Text;
use contract_ledger::wire::parse::parse_recorded_event;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::support::events::*;
use super::super::support::time;
use super::admission::{Refusals, decide};
use super::episodes::episodes;
use super::generate::{lot, organisation};
use super::history::History;
use super::sums::{forecast, usage};

/// A history on the model alone, each event recorded at noon of its own day unless said.
#[derive(Default)]
struct Tale {
    history: History,
}

impl Tale {
    fn from(terms: v1::AgreementSigned) -> Self {
        let mut tale = Self::default();
        let date = terms.term.as_ref().unwrap().start_date.clone();
        let signed = fact(&date, Payload::AgreementSigned(terms));
        tale.accept(signed);
        tale
    }

    fn try_at(&mut self, known: RecordedTime, event: &v1::Event) -> Result<(), Refusals> {
        self.decide_at(known, parse_recorded_event(event).unwrap())
    }

    fn decide_at(&mut self, known: RecordedTime, event: Event) -> Result<(), Refusals> {
        let number = u64::try_from(self.history.events.len()).unwrap();
        let recorded = Recorded {
            position: Position::new(number),
            version: Version::new(number + 1),
            event_id: EventId::from_uuid(uuid::Uuid::from_u128(u128::from(number) + 1)),
            recorded: known,
            event,
        };
        let used = decide(&self.history, &recorded)?;
        self.history.events.push(recorded);
        self.history.overridden.push(used);
        Ok(())
    }

    #[expect(clippy::needless_pass_by_value, reason = "so that a test reads as a story")]
    fn accept(&mut self, event: v1::Event) {
        let known = time(&format!("{}T12:00:00Z", event.effective_date));
        self.try_at(known, &event).unwrap_or_else(|refusals| panic!("{event:?}: {refusals:?}"));
    }

    #[expect(clippy::needless_pass_by_value, reason = "so that a test reads as a story")]
    fn accept_at(&mut self, day: &str, event: v1::Event) {
        let known = time(&format!("{day}T12:00:00Z"));
        self.try_at(known, &event).unwrap_or_else(|refusals| panic!("{event:?}: {refusals:?}"));
    }

    #[expect(clippy::needless_pass_by_value, reason = "so that a test reads as a story")]
    fn refused(&mut self, event: v1::Event) -> Vec<String> {
        let known = time(&format!("{}T12:00:00Z", event.effective_date));
        let refusals = self.try_at(known, &event).unwrap_err();
        let text = |(reason, breach): &(_, String)| format!("{reason} {breach}").trim().to_owned();
        refusals.iter().map(text).collect()
    }

    fn figures(&self, scope: &Scope, as_of: &str) -> [String; 3] {
        self.figures_known(self.history.events.len(), scope, as_of)
    }

    fn figures_known(&self, known: usize, scope: &Scope, as_of: &str) -> [String; 3] {
        let fold = self.history.fold(known, Date::parse(as_of).unwrap()).unwrap();
        let used = &usage(&fold)[scope];
        let own = fold.currency();
        let ppm = used.usage_ppm.as_ref().map_or(String::new(), ToString::to_string);
        [used.sums.exposure.to_text(own), used.remaining.to_text(own), ppm]
    }

    fn exposure(&self, as_of: &str) -> String {
        let [exposure, _, _] = self.figures(&Scope::Agreement, as_of);
        exposure
    }

    /// Rule, subject and amount of what is open, but warning steps and forecasts.
    fn open(&self, as_of: &str) -> Vec<String> {
        let known = self.history.events.len();
        let found = episodes(&self.history, known, Date::parse(as_of).unwrap());
        let told = found.into_iter().filter(|episode| episode.cleared.is_none()).map(|episode| {
            let amount = episode.amount.unwrap_or_default();
            format!("{} {} {amount}", episode.rule, episode.subject).trim().to_owned()
        });
        let quiet = |text: &String| {
            !text.starts_with("THRESHOLD_REACHED") && !text.starts_with("FORECAST_RUNS_OUT")
        };
        told.filter(quiet).collect()
    }
}

fn figures(texts: [&str; 3]) -> [String; 3] {
    texts.map(str::to_owned)
}

#[test]
fn model_tells_the_story_of_asker_and_hyperredink() {
    let mut terms = signed("12000000", "2020-12-01", "2022-11-30");
    terms.options = vec![time_option("1", "2023-11-30"), time_option("2", "2024-11-30")];
    let mut tale = Tale::from(terms);
    let whole = Scope::Agreement;
    tale.accept(intent("2020-12-10", order("O1", "450000")));
    assert_eq!(tale.figures(&whole, "2020-12-10"), figures(["450000.00", "11550000.00", "37500"]));
    tale.accept(fact("2020-12-20", invoice("I1", "O1", "450000")));
    tale.accept(fact("2020-12-21", pay("P1", "I1", "562500")));
    tale.accept(intent("2020-12-22", close("O1")));
    assert_eq!(tale.exposure("2020-12-31"), "450000.00");
    tale.accept(intent("2021-06-01", order("O2", "3200000")));
    tale.accept(intent("2022-03-01", order("O3", "2900000")));
    tale.accept(intent("2022-10-15", option("1")));
    assert_eq!(tale.figures(&whole, "2022-10-15"), figures(["6550000.00", "5450000.00", "545833"]));
    tale.accept(intent("2023-02-01", order("O4", "2750000")));
    let day = Date::parse("2023-02-01").unwrap();
    let fold = tale.history.fold(tale.history.events.len(), day).unwrap();
    let told = forecast(&fold).unwrap();
    assert_eq!((told.elapsed, told.days_left.to_string()), (792, "229".to_owned()));
    assert_eq!(told.run_out.unwrap().to_string(), "2023-09-18");
    assert!(told.is_early());
    tale.accept(intent("2023-11-01", option("2")));
    tale.accept(intent("2024-01-15", order("O5", "2000000")));
    assert_eq!(tale.figures(&whole, "2024-01-15"), figures(["11300000.00", "700000.00", "941666"]));
    let refused = tale.refused(intent("2024-06-01", order("O6", "700000.01")));
    assert_eq!(refused, ["CEILING_EXCEEDED agreement 0.01"]);
    tale.accept(intent("2024-06-01", order("O6", "700000")));
    assert_eq!(tale.refused(intent("2024-06-02", order("O7", "0.01"))).len(), 1);
    tale.accept(fact("2024-07-01", invoice("I5", "O5", "2050000")));
    assert_eq!(
        tale.figures(&whole, "2024-07-01"),
        figures(["12050000.00", "-50000.00", "1004166"])
    );
    // Paid with VAT, and no VAT is stated here.
    let paid = "OVERPAID invoice:I1 112500.00 NOK";
    assert_eq!(
        tale.open("2024-07-01"),
        ["CEILING_EXCEEDED agreement 50000.00 NOK", "OVER_INVOICED order:O5 50000.00 NOK", paid,]
    );
    tale.accept(fact("2024-08-01", credit("C1", "I5", "50000")));
    assert_eq!(tale.open("2024-08-01"), [paid]);
    assert_eq!(
        tale.refused(intent("2024-12-01", order("O8", "1000"))),
        ["AGREEMENT_EXPIRED", "CEILING_EXCEEDED agreement 1000.00"]
    );
}

#[test]
fn model_releases_only_what_is_not_invoiced() {
    let mut tale = Tale::from(signed("5000000", "2024-01-01", "2025-12-31"));
    let steps: [(v1::Event, &str); 9] = [
        (intent("2024-01-02", order("O1", "1000000")), "1000000.00"),
        (fact("2024-01-03", invoice("I1", "O1", "400000")), "1000000.00"),
        (intent("2024-01-04", change("O1", "900000")), "900000.00"),
        (intent("2024-01-05", close("O1")), "400000.00"),
        (intent("2024-01-06", order("O2", "250000")), "650000.00"),
        (intent("2024-01-07", cancel("O2")), "400000.00"),
        (fact("2024-01-08", invoice("I2", "", "80000")), "480000.00"),
        (fact("2024-01-09", invoice("I3", "O1", "60000")), "540000.00"),
        (intent("2024-01-10", order("O3", "1")), "540001.00"),
    ];
    for (event, exposure) in steps {
        let day = event.effective_date.clone();
        tale.accept(event);
        assert_eq!(tale.exposure(&day), exposure, "{day}");
    }
    let figures = tale.figures(&Scope::Agreement, "2024-01-09");
    assert_eq!(figures, ["540000.00", "4460000.00", "108000"].map(str::to_owned));
    assert_eq!(
        tale.open("2024-01-09"),
        [
            "INVOICE_ON_CLOSED_ORDER invoice:I3 60000.00 NOK",
            "OFF_ORDER_INVOICE invoice:I2 80000.00 NOK",
        ]
    );
}

#[test]
fn model_names_every_scope_that_would_be_broken() {
    use v1::scope::Scope as WireScope;
    let mut terms = signed("10000000", "2024-01-01", "2025-12-31");
    terms.suppliers = [SUPPLIER, OTHER_SUPPLIER, THIRD_SUPPLIER]
        .map(|number| v1::Organisation { id: org(number), name: String::new() })
        .to_vec();
    terms.lots =
        ["L1", "L2"].map(|id| v1::Lot { lot_id: id.to_owned(), title: String::new() }).to_vec();
    terms.ceilings.push(ceiling(WireScope::LotId("L1".to_owned()), "6000000"));
    terms.ceilings.push(ceiling(WireScope::LotId("L2".to_owned()), "5000000"));
    let mut tale = Tale::from(terms);
    let on = |id: &str, supplier: &str, lot_id: &str, amount: &str| {
        let base = placed(id, amount);
        let lot_id = lot_id.to_owned();
        let order = v1::OrderPlaced { supplier: org(supplier), lot_id, ..base };
        intent("2024-02-01", Payload::OrderPlaced(order))
    };
    tale.accept(on("O1", SUPPLIER, "L1", "5500000"));
    tale.accept(on("O2", OTHER_SUPPLIER, "L2", "4000000"));
    let third = tale.refused(on("O3", THIRD_SUPPLIER, "L2", "600000"));
    assert_eq!(third, ["CEILING_EXCEEDED agreement 100000.00"]);
    let both = tale.refused(on("O3", SUPPLIER, "L1", "600000"));
    assert_eq!(both, ["CEILING_EXCEEDED agreement 100000.00", "CEILING_EXCEEDED lot:L1 100000.00"]);
    tale.accept(on("O3", THIRD_SUPPLIER, "L2", "500000"));
    let [_, remaining, _] = tale.figures(&Scope::Lot(lot("L2")), "2024-02-01");
    assert_eq!(remaining, "500000.00");
    let stranger = tale.refused(on("O4", STRANGER, "L2", "1000"));
    assert_eq!(stranger, ["SUPPLIER_NOT_PARTY", "CEILING_EXCEEDED agreement 1000.00"]);
    assert!(organisation(STRANGER).is_valid());
}

#[test]
fn model_lets_only_one_of_two_take_the_last_krone() {
    let mut tale = Tale::from(signed("10000000", "2024-01-01", "2025-12-31"));
    tale.accept(intent("2024-01-02", order("O1", "9000000")));
    tale.accept(intent("2024-01-03", order("O2", "600000")));
    let second = tale.refused(intent("2024-01-03", order("O3", "600000")));
    assert_eq!(second, ["CEILING_EXCEEDED agreement 200000.00"]);
    tale.accept(fact("2024-01-03", order("O3", "600000")));
    assert_eq!(tale.open("2024-01-03"), ["CEILING_EXCEEDED agreement 200000.00 NOK"]);
}

#[test]
fn model_clears_an_expiry_by_a_backdated_option() {
    let mut terms = signed("3000000", "2023-01-01", "2024-12-31");
    terms.options = vec![time_option("1", "2025-12-31")];
    let mut tale = Tale::from(terms);
    tale.accept(intent("2024-12-30", order("O1", "400000")));
    tale.accept(fact("2025-01-02", invoice("I1", "O1", "400000")));
    assert_eq!(tale.refused(intent("2025-01-02", order("O2", "1"))), ["AGREEMENT_EXPIRED"]);
    tale.accept_at("2025-01-20", fact("2025-01-10", order("O3", "100000")));
    assert_eq!(tale.open("2025-06-30"), ["AGREEMENT_EXPIRED order:O3 100000.00 NOK"]);
    tale.accept_at("2025-02-01", fact("2024-12-20", option("1")));
    let open = tale.open("2025-06-30");
    assert_eq!(open.len(), 1);
    assert!(open[0].starts_with("LATE_REGISTRATION event:"), "{open:?}");
}

#[test]
fn model_answers_at_two_times() {
    let mut tale = Tale::from(signed("2000000", "2025-01-01", "2025-12-31"));
    tale.accept(fact("2025-02-01", order("O1", "800000")));
    tale.accept(fact("2025-03-10", order("O2", "500000")));
    tale.accept_at("2025-04-05", fact("2025-02-20", order("O3", "300000")));
    let second = tale.history.events[2].event_id.to_string();
    tale.accept_at("2025-04-20", fact("2025-04-20", reverse(&second)));
    let corrects_event_id = second;
    let again = fact("2025-03-10", order("O2", "50000"));
    tale.accept_at("2025-04-20", v1::Event { corrects_event_id, ..again });
    for (as_of, expected) in [
        ("2025-02-28", ["800000.00", "1100000.00", "1100000.00"]),
        ("2025-03-31", ["1300000.00", "1600000.00", "1150000.00"]),
    ] {
        let seen = [3, 4, 6].map(|known| {
            let [exposure, _, _] = tale.figures_known(known, &Scope::Agreement, as_of);
            exposure
        });
        assert_eq!(seen, expected, "{as_of}");
    }
    let late = tale.history.events[3].event_id;
    assert_eq!(tale.open("2025-12-31"), [format!("LATE_REGISTRATION event:{late}")]);
}

fn nok_amount(text: &str) -> Money {
    let currency = Currency::parse("NOK").unwrap();
    Money { amount: Amount::parse(text, currency).unwrap(), currency }
}

fn intent_of(payload: domain::Payload) -> Event {
    let effective = Date::parse("2024-02-01").unwrap();
    Event { effective, mode: domain::AdmissionMode::Intent, corrects: None, payload }
}

fn amend(id: &str, basis: LegalBasis, change: &str, reasoning: Reasoning) -> Event {
    let ceiling_changes =
        vec![CeilingChange { scope: Scope::Agreement, change: nok_amount(change) }];
    intent_of(domain::Payload::AgreementAmended(Arc::new(AgreementAmended {
        amendment: AmendmentId::parse(id).unwrap(),
        basis,
        reasoning,
        ceiling_changes,
        new_end: None,
        added_suppliers: Vec::new(),
        removed_suppliers: Vec::new(),
        added_buyers: Vec::new(),
        removed_buyers: Vec::new(),
        added_lots: Vec::new(),
    })))
}

/// Signed for two years, with an EEA threshold of 2 300 000.
fn with_threshold(ceiling: &str) -> Tale {
    let mut tale = Tale::from(signed(ceiling, "2024-01-01", "2025-12-31"));
    let eea_threshold = Some(nok_amount("2300000"));
    let change = Arc::new(PolicyChange { eea_threshold, ..PolicyChange::default() });
    let policy = intent_of(domain::Payload::ThresholdPolicySet(change));
    tale.decide_at(time("2024-02-01T12:00:00Z"), policy).unwrap();
    tale
}

#[test]
fn model_measures_amendments_against_the_original_value() {
    let now = time("2024-02-01T13:00:00Z");
    let stated = Reasoning::Stated;
    let mut tale = with_threshold("12000000");
    for (id, change, open) in [("A1", "800000", 0), ("A2", "399999.99", 0), ("A3", "0.01", 1)] {
        tale.decide_at(now, amend(id, LegalBasis::ModMinv, change, stated)).unwrap();
        assert_eq!(tale.open("2024-12-31").len(), open, "{id}");
    }
    assert_eq!(tale.open("2024-12-31"), ["AMENDMENT_DE_MINIMIS agreement 1200000.00 NOK"]);
    tale.decide_at(now, amend("A4", LegalBasis::AddWss, "6000000", stated)).unwrap();
    assert_eq!(tale.open("2024-12-31").len(), 1);
    tale.decide_at(now, amend("A5", LegalBasis::AddWss, "6000000.01", stated)).unwrap();
    let over = "AMENDMENT_OVER_HALF amendment:A5 6000000.01 NOK";
    assert_eq!(tale.open("2024-12-31")[1], over);

    let mut large = with_threshold("30000000");
    large.decide_at(now, amend("A1", LegalBasis::ModMinv, "2400000", stated)).unwrap();
    assert_eq!(large.open("2024-12-31"), ["AMENDMENT_DE_MINIMIS agreement 2400000.00 NOK"]);
    large.accept(intent("2024-02-01", order("O1", "32000000")));
    let mut refused = |event: Event| {
        let refusals = large.decide_at(now, event).unwrap_err();
        refusals.iter().map(|(reason, _)| reason.name()).collect::<Vec<_>>()
    };
    let lower = amend("A2", LegalBasis::Other, "-400000.01", stated);
    assert_eq!(refused(lower), ["CEILING_BELOW_EXPOSURE"]);
    let silent = amend("A3", LegalBasis::Other, "1", Reasoning::Missing);
    assert_eq!(refused(silent), ["REASON_MISSING"]);
}

#[test]
fn model_rounds_once_and_leaves_the_payment_difference_out() {
    let mut tale = Tale::from(signed("12000000", "2024-01-01", "2025-12-31"));
    let rated = |id: &str, net: &str, rate: &str| {
        let rate = Some(v1::ExchangeRate { rate: rate.to_owned(), ..Default::default() });
        let base = invoiced(id, "", "1");
        let net = money(net, "EUR");
        let invoice = v1::InvoiceReceived { net, exchange_rate: rate, ..base };
        fact("2024-02-01", Payload::InvoiceReceived(invoice))
    };
    tale.accept(rated("I1", "10000.00", "11.4567"));
    assert_eq!(tale.exposure("2024-12-31"), "114567.00");
    tale.accept(rated("I2", "1234.56", "11.4567"));
    assert_eq!(tale.exposure("2024-12-31"), "128710.98");
    tale.accept(rated("I3", "0.50", "11.45"));
    assert_eq!(tale.exposure("2024-12-31"), "128716.71");
}

fn keys() -> ScopeKeys {
    ScopeKeys { lot: None, supplier: None, buyer: Some(organisation(BUYER)) }
}

#[test]
fn model_keeps_what_is_left_of_a_reservation_until_it_expires() {
    let now = time("2024-02-01T13:00:00Z");
    let mut tale = Tale::from(signed("1000", "2024-01-01", "2025-12-31"));
    let reservation = ReservationId::parse("R1").unwrap();
    let value = Value { money: nok_amount("300"), rate: None };
    let reserved = HeadroomReserved {
        reservation,
        value,
        expiry: Date::parse("2024-03-31").unwrap(),
        keys: keys(),
        department: None,
    };
    tale.decide_at(now, intent_of(domain::Payload::HeadroomReserved(Arc::new(reserved)))).unwrap();
    let on = |id: &str, amount: &str| {
        let base = placed(id, amount);
        let reservation_id = "R1".to_owned();
        Payload::OrderPlaced(v1::OrderPlaced { reservation_id, ..base })
    };
    tale.accept(intent("2024-02-10", on("O1", "100")));
    assert_eq!(tale.exposure("2024-02-10"), "300.00", "100 ordered, 200 still reserved");
    tale.accept(intent("2024-02-11", cancel("O1")));
    assert_eq!(tale.exposure("2024-02-11"), "200.00", "cancelling does not revive it");
    let placement = tale.history.events[2].event_id.to_string();
    tale.accept(fact("2024-02-12", reverse(&placement)));
    assert_eq!(tale.exposure("2024-03-31"), "300.00", "reversing does, until the expiry");
    assert_eq!(tale.exposure("2024-04-01"), "0.00");
    // 800 fit after the expiry, but not on the days before it.
    let refused = tale.refused(intent("2024-03-01", order("O2", "800")));
    assert_eq!(refused, ["CEILING_EXCEEDED agreement 100.00"]);
    tale.accept(intent("2024-04-01", order("O2", "800")));
}

#[test]
fn model_lets_an_intent_above_the_ceiling_pass_under_an_override() {
    let now = time("2024-02-01T13:00:00Z");
    let grant = |id: &str, second: &str| {
        intent_of(domain::Payload::OverrideGranted(Arc::new(OverrideGranted {
            override_id: OverrideId::parse(id).unwrap(),
            limit: nok_amount("50"),
            reasoning: Reasoning::Stated,
            end: Date::parse("2024-02-29").unwrap(),
            granted_by: Some(Text::new("p1")),
            seconded_by: Some(Text::new(second)),
        })))
    };
    let mut tale = Tale::from(signed("100", "2024-01-01", "2025-12-31"));
    let alone = tale.decide_at(now, grant("W1", "p1")).unwrap_err();
    assert_eq!(alone.len(), 1);
    tale.decide_at(now, grant("W1", "p2")).unwrap();
    let refused = tale.refused(intent("2024-02-10", order("O1", "150.01")));
    assert_eq!(refused, ["CEILING_EXCEEDED agreement 50.01"]);
    tale.accept(intent("2024-02-10", order("O1", "150")));
    let used = tale.history.events[2].event_id;
    let over = format!("OVERRIDE_USED event:{used} 50.00 NOK");
    let exceeded = "CEILING_EXCEEDED agreement 50.00 NOK";
    assert_eq!(tale.open("2024-02-10"), [exceeded, &over]);
    // It names the event that needed it, whatever becomes of the order.
    tale.accept(intent("2024-02-20", cancel("O1")));
    assert_eq!(tale.open("2024-02-20"), [over]);
    let late = tale.refused(intent("2024-03-01", order("O2", "100.01")));
    assert_eq!(late, ["CEILING_EXCEEDED agreement 0.01"]);
}
