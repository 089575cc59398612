//! What is sent to a ledger: agreements with ceilings that nothing reaches, and orders under them.

use std::sync::Arc;

use contract_ledger::domain::date::Date;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;
use prost::Message as _;
use uuid::Uuid;

use super::load::template::{Template, event_placeholder, request_placeholder};
use super::load::template::{digits, number};

/// Example parties: their numbers pass the check, and mean nobody here.
const BUYER: &str = "920125298";
const SUPPLIER: &str = "943184097";
/// What an agreement may cost, and an order does. A year of measuring does not come near.
const CEILING: &str = "900000000000000.00";
const ORDER: &str = "1250.00";
const CURRENCY: &str = "NOK";
/// Days before today on which the agreements begin and end.
const BEGUN_DAYS: i64 = 365;
const TERM_DAYS: i64 = 3 * 365;
/// Words of the descriptions, so that they are as compressible as such texts are.
const WORDS: [&str; 32] = [
    "renhold",
    "av",
    "skole",
    "og",
    "barnehage",
    "vinduspuss",
    "uke",
    "timer",
    "ekstra",
    "bestilt",
    "leveres",
    "til",
    "resepsjonen",
    "rullestol",
    "kontorrekvisita",
    "papir",
    "A4",
    "esker",
    "konsulent",
    "prosjekt",
    "fase",
    "rapport",
    "kartlegging",
    "vei",
    "asfalt",
    "meter",
    "brøyting",
    "drift",
    "lisens",
    "bruker",
    "avtale",
    "service",
];

/// One run: its ids begin with digits of its own, so that they are new to any ledger.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    prefix: String,
    today: Date,
}

impl Run {
    /// A new run on a day.
    pub(crate) fn new(today: Date) -> Self {
        let prefix = Uuid::new_v4().simple().to_string().chars().take(8).collect();
        Self { prefix, today }
    }

    /// A day so long ago.
    pub(crate) fn days_ago(&self, days: i64) -> Date {
        self.today.plus_days(-days).unwrap_or(self.today)
    }

    /// Digits that only this run has.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// An agreement of this run.
    pub(crate) fn agreement(&self, place: u32) -> String {
        format!("bench-{}-{place}", self.prefix)
    }

    /// A request id of this run, as the number of a request has it or stands for it.
    fn request_id(&self, digits: &str) -> String {
        format!("{}-0000-4000-8000-{digits}", self.prefix)
    }

    /// The number of a request of this run, by its id.
    pub(crate) fn number_of(&self, request_id: &[u8]) -> Option<u64> {
        let (_, digits) = request_id.rsplit_once_dash()?;
        request_id.starts_with(self.prefix.as_bytes()).then(|| number(digits))?
    }

    /// Signs the agreements of this run. Their request ids are random, and no number has them.
    pub(crate) fn signatures(
        &self,
        agreements: u32,
    ) -> impl Iterator<Item = v1::AppendEventsRequest> {
        (0..agreements).map(|place| v1::AppendEventsRequest {
            request_id: Uuid::new_v4().to_string(),
            agreement_id: self.agreement(place),
            events: vec![self.signature()],
            ..Default::default()
        })
    }

    /// A template of requests for each agreement, with so many orders each, of so many stored bytes.
    pub(crate) fn orders(
        &self,
        agreements: u32,
        events: u16,
        event_bytes: u16,
    ) -> Arc<Vec<Template>> {
        let templates = (0..agreements).map(|place| {
            let mut words = Words::new(u64::from(place));
            let orders = (0..u64::from(events))
                .map(|index| {
                    let order = format!("o-{}", event_placeholder(index));
                    self.order(&order, self.today, usize::from(event_bytes), &mut words)
                })
                .collect();
            let request = v1::AppendEventsRequest {
                request_id: self.request_id(&request_placeholder()),
                agreement_id: self.agreement(place),
                events: orders,
                ..Default::default()
            };
            Template::of(request.encode_to_vec(), u64::from(events))
        });
        Arc::new(templates.collect())
    }

    /// A request that places some orders on a day, ready to send.
    pub(crate) fn orders_on(
        &self,
        agreement: u32,
        first: u64,
        orders: u64,
        day: Date,
        event_bytes: u16,
    ) -> v1::AppendEventsRequest {
        let mut words = Words::new(first);
        let orders = (first..first + orders).map(|order| {
            let order = format!("h-{}", digits(order));
            self.order(&order, day, usize::from(event_bytes), &mut words)
        });
        v1::AppendEventsRequest {
            request_id: Uuid::new_v4().to_string(),
            agreement_id: self.agreement(agreement),
            events: orders.collect(),
            ..Default::default()
        }
    }

    fn signature(&self) -> v1::Event {
        let start = self.days_ago(BEGUN_DAYS);
        let end = start.plus_days(TERM_DAYS).unwrap_or(start);
        let scope = v1::Scope { scope: Some(v1::scope::Scope::Agreement(true)) };
        let signed = v1::AgreementSigned {
            reference: "bench".to_owned(),
            title: "An agreement to measure with".to_owned(),
            framework_kind: v1::FrameworkKind::WithoutReopenedCompetition.into(),
            nature: v1::ContractNature::Services.into(),
            owner: Some(party(BUYER)),
            buyers: vec![party(BUYER)],
            suppliers: vec![party(SUPPLIER)],
            ceilings: vec![v1::Ceiling {
                scope: Some(scope),
                kind: v1::CeilingKind::Maximum.into(),
                amount: Some(money(CEILING)),
            }],
            currency: CURRENCY.to_owned(),
            term: Some(v1::Term { start_date: start.to_string(), end_date: end.to_string() }),
            ..Default::default()
        };
        event(start, v1::AdmissionMode::Fact, Payload::AgreementSigned(signed))
    }

    /// An order whose record takes about so many bytes; never less than an order takes.
    fn order(&self, id: &str, day: Date, event_bytes: usize, words: &mut Words) -> v1::Event {
        let with_text = |description: String| {
            let placed = v1::OrderPlaced {
                order_id: id.to_owned(),
                buyer: Some(organisation(BUYER)),
                supplier: Some(organisation(SUPPLIER)),
                amount: Some(money(ORDER)),
                ordered_by: "person-17".to_owned(),
                approved_by: "person-4".to_owned(),
                description,
                ..Default::default()
            };
            event(day, v1::AdmissionMode::Intent, Payload::OrderPlaced(placed))
        };
        let bare = self.stored_bytes(&with_text(String::new()));
        // A text has a key and a length, and makes the lengths around it longer.
        let text_bytes = event_bytes.saturating_sub(bare + 2);
        let first = with_text(words.text(text_bytes));
        let over = self.stored_bytes(&first).saturating_sub(event_bytes);
        if over == 0 { first } else { with_text(words.text(text_bytes.saturating_sub(over))) }
    }

    fn stored_bytes(&self, event: &v1::Event) -> usize {
        let recorded = v1::RecordedEvent {
            agreement_version: 1000,
            event_id: Uuid::nil().to_string(),
            r#type: v1::EventType::OrderPlaced.into(),
            schema_version: 1,
            request_index: 0,
            event: Some(event.clone()),
        };
        let record = v1::Record {
            position: 100_000,
            recorded_time: Some(prost_types::Timestamp { seconds: 1 << 30, nanos: 1 << 29 }),
            agreement_id: self.agreement(10),
            request_id: Uuid::nil().to_string(),
            request_event_count: 1,
            entry: Some(v1::record::Entry::Event(recorded)),
            ..Default::default()
        };
        record.encoded_len()
    }
}

/// Texts that are made of words, the same for the same number.
struct Words(u64);

impl Words {
    fn new(number: u64) -> Self {
        Self(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn text(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 16);
        while text.len() < bytes {
            // xorshift64
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let place = usize::try_from(self.0 >> 32).unwrap_or_default();
            text += WORDS.get(place % WORDS.len()).copied().unwrap_or_default();
            text.push(' ');
            if self.0.is_multiple_of(5) {
                text += &(self.0 % 1000).to_string();
                text.push(' ');
            }
        }
        let end = text.floor_char_boundary(bytes);
        text.truncate(end);
        // A text may not end with a space.
        if text.ends_with(' ') {
            text.pop();
            text.push('.');
        }
        text
    }
}

fn event(day: Date, mode: v1::AdmissionMode, payload: Payload) -> v1::Event {
    v1::Event {
        effective_date: day.to_string(),
        admission_mode: mode.into(),
        payload: Some(payload),
        ..Default::default()
    }
}

fn money(amount: &str) -> v1::Money {
    v1::Money { amount: amount.to_owned(), currency: CURRENCY.to_owned() }
}

fn organisation(number: &str) -> v1::OrganisationId {
    v1::OrganisationId { number: number.to_owned(), scheme: String::new() }
}

fn party(number: &str) -> v1::Organisation {
    v1::Organisation { id: Some(organisation(number)), name: String::new() }
}

trait RsplitDash {
    fn rsplit_once_dash(&self) -> Option<(&[u8], &[u8])>;
}

impl RsplitDash for [u8] {
    fn rsplit_once_dash(&self) -> Option<(&[u8], &[u8])> {
        let at = self.iter().rposition(|byte| *byte == b'-')?;
        Some((self.get(..at)?, self.get(at + 1..)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        Run::new(Date::parse("2026-11-30").unwrap())
    }

    #[test]
    fn orders_take_the_bytes_that_were_asked_for() {
        let run = run();
        let mut words = Words::new(1);
        for bytes in [300, 380, 400, 1000, 4000] {
            let order = run.order("o-000000000000", run.today, bytes, &mut words);
            let stored = run.stored_bytes(&order);
            assert!(stored.abs_diff(bytes) <= 3, "{stored} instead of {bytes}");
        }
        let least = run.stored_bytes(&run.order("o-000000000000", run.today, 1, &mut words));
        assert!(least < 300, "{least}");
    }

    #[test]
    fn a_request_is_known_again_by_its_number() {
        let run = run();
        let templates = run.orders(2, 3, 400);
        let request = templates.get(1).unwrap().fill(77);
        let request = v1::AppendEventsRequest::decode(request).unwrap();
        assert_eq!(request.agreement_id, run.agreement(1));
        assert_eq!(run.number_of(request.request_id.as_bytes()), Some(77));
        assert_eq!(Run::new(run.today).number_of(request.request_id.as_bytes()), None);
        let ids = request.events.iter().map(|event| match &event.payload {
            Some(Payload::OrderPlaced(placed)) => placed.order_id.clone(),
            other => panic!("{other:?}"),
        });
        let ids: Vec<String> = ids.collect();
        assert_eq!(ids, ["o-0000000000e7", "o-0000000000e8", "o-0000000000e9"]);
    }
}
