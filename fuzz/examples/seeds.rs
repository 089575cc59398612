//! Writes the seeds of every fuzz target: inputs that decoders take, to begin with.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds -- tests/fuzz_inputs` writes them anew.
//! They come from the golden files, the generator of histories, and the tree of the checks.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use contract_ledger::block;
use contract_ledger::domain::agreement::Agreement;
use contract_ledger::domain::date::{Date, RecordedTime};
use contract_ledger::domain::event::Recorded;
use contract_ledger::domain::id::{AgreementId, EventId, Position, RequestId, Version};
use contract_ledger::domain::policy::PolicyBook;
use contract_ledger::dossier::Dossier;
use contract_ledger::generate::contract::Contract;
use contract_ledger::generate::framework;
use contract_ledger::generate::history::{History, HistoryOptions};
use contract_ledger::merkle::{InclusionProof, Note, Receipt};
use contract_ledger::projections::portfolio::{Row, SeverityCounts, Texts};
use contract_ledger::projections::stored;
use contract_ledger::wire::json::to_short_json;
use contract_ledger::wire::record::{
    self, AcceptedEvent, Provenance, RecordHeader, of_event, of_refusal, recorded,
};
use contract_ledger::wire::v1;
use contract_ledger_fuzz::dossier::{KEPT, KEPT_WITH_LEAVES};
use contract_ledger_fuzz::merkle::{ORIGIN, SIGNED};
use prost::Message as _;

type Done = Result<(), Box<dyn Error>>;

/// Scale of the history, in millionths.
const SCALE_PARTS: u64 = 4_000;
/// Longest request that is a seed.
const REQUEST_BYTES_MAX: usize = 3_000;

fn main() -> Done {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name a folder to write to")?);
    let requests = requests()?;
    append_and_import(&folder, &requests)?;
    listings(&folder)?;
    records(&folder, &requests)?;
    rows(&folder)?;
    blocks(&folder)?;
    segments(&folder)?;
    texts(&folder)?;
    tokens(&folder)?;
    dossiers(&folder)
}

/// Writes one seed: the choice of the check first, then the bytes.
fn seed(folder: &Path, target: &str, name: &str, choices: &[u8], bytes: &[u8]) -> Done {
    let folder = folder.join(target);
    std::fs::create_dir_all(&folder)?;
    Ok(std::fs::write(folder.join(format!("seed-{name}")), [choices, bytes].concat())?)
}

fn history() -> Result<History, Box<dyn Error>> {
    let contracts = framework::embedded().iter().map(Contract::of).collect::<Result<_, _>>()?;
    let (from, to) = (Date::parse("2022-01-01")?, Date::parse("2025-12-31")?);
    Ok(History::of(contracts, HistoryOptions { seed: 1, scale_parts: SCALE_PARTS, from, to }))
}

/// The first short request with each kind of event.
fn requests() -> Result<Vec<v1::ImportEventsRequest>, Box<dyn Error>> {
    let mut kinds = BTreeSet::new();
    let mut requests = Vec::new();
    for request in history()? {
        let Some(append) = &request.append else { continue };
        let is_new = append.events.iter().any(|event| kinds.insert(kind(event)));
        if is_new && request.encoded_len() <= REQUEST_BYTES_MAX {
            requests.push(request);
        }
    }
    Ok(requests)
}

fn kind(event: &v1::Event) -> i32 {
    contract_ledger::wire::event_type::event_type(event).into()
}

fn append_and_import(folder: &Path, requests: &[v1::ImportEventsRequest]) -> Done {
    let mut file = String::new();
    for (number, request) in requests.iter().enumerate() {
        let append = request.append.clone().ok_or("a request to import appends")?;
        let name = format!("append-{number:02}");
        seed(folder, "request", &name, &[0], &append.encode_to_vec())?;
        let line = to_short_json(request);
        seed(folder, "lines", &format!("import-{number:02}"), &[], line.as_bytes())?;
        if number < 3 {
            seed(folder, "request", &format!("import-{number}"), &[1], &request.encode_to_vec())?;
            seed(folder, "lines", &name, &[], to_short_json(&append).as_bytes())?;
            file += &format!("\u{feff}{line}\r\n\n");
        }
    }
    seed(folder, "lines", "file", &[], file.as_bytes())
}

fn listings(folder: &Path) -> Done {
    let party =
        || Some(v1::OrganisationId { number: "920125298".to_owned(), scheme: String::new() });
    let day = || "2024-06-01".to_owned();
    let time = || Some(prost_types::Timestamp { seconds: 1_717_200_000, nanos: 5_000 });
    let known =
        || time().map(|time| v1::AsKnown { as_known: Some(v1::as_known::AsKnown::Time(time)) });
    let id = || "vask-2024".to_owned();
    let agreements = v1::ListAgreementsRequest {
        as_of: day(),
        as_known: known(),
        buyer: party(),
        states: vec![1, 2],
        usage_ppm_min: Some(800_000),
        end_date_from: day(),
        order_by: 2,
        page_size: 10,
        ..Default::default()
    };
    seed(folder, "request", "agreements", &[2], &agreements.encode_to_vec())?;
    let orders = v1::ListOrdersRequest {
        agreement_id: id(),
        states: vec![1],
        supplier: party(),
        lot_id: "1".to_owned(),
        department: "3200".to_owned(),
        placed_from: day(),
        ..Default::default()
    };
    seed(folder, "request", "orders", &[3], &orders.encode_to_vec())?;
    let invoices = v1::ListInvoicesRequest {
        agreement_id: id(),
        order_id: "4500001".to_owned(),
        has_outstanding: Some(true),
        has_retention: Some(false),
        ..Default::default()
    };
    seed(folder, "request", "invoices", &[4], &invoices.encode_to_vec())?;
    let findings = v1::ListFindingsRequest {
        rules: vec!["CEILING_EXCEEDED".to_owned()],
        severities: vec![1],
        statuses: vec![1],
        handlings: vec![1, 2],
        ..Default::default()
    };
    seed(folder, "request", "findings", &[5], &findings.encode_to_vec())?;
    let deadlines = v1::ListDeadlinesRequest {
        kinds: vec![1, 2],
        date_from: day(),
        date_to: day(),
        ..Default::default()
    };
    seed(folder, "request", "deadlines", &[6], &deadlines.encode_to_vec())?;
    let amendments = v1::ListAmendmentsRequest { agreement_id: id(), ..Default::default() };
    seed(folder, "request", "amendments", &[7], &amendments.encode_to_vec())?;
    let refusals = v1::ListRefusalsRequest {
        reasons: vec!["CEILING_EXCEEDED".to_owned()],
        recorded_from: time(),
        as_known: known(),
        ..Default::default()
    };
    seed(folder, "request", "refusals", &[8], &refusals.encode_to_vec())
}

/// The records of a request, from a position and a version on.
fn records_of(
    request: &v1::ImportEventsRequest,
    position: u64,
    version: u64,
) -> Result<Vec<v1::Record>, Box<dyn Error>> {
    let append = request.append.as_ref().ok_or("a request to import appends")?;
    let time = request.recorded_time.as_ref().and_then(record::from_timestamp);
    let agreement_id = AgreementId::parse(&append.agreement_id)?;
    let mut records = Vec::new();
    for (index, stated) in (0_u32..).zip(&append.events) {
        let header = RecordHeader {
            position: Position::new(position + u64::from(index)),
            recorded: time.ok_or("an import has its time")?,
            agreement_id: &agreement_id,
            request_id: RequestId::parse(&append.request_id)?,
            expected_version: None,
            request_event_count: u32::try_from(append.events.len())?,
            provenance: Provenance::Imported,
        };
        let accepted = AcceptedEvent {
            version: Version::new(version + u64::from(index)),
            event_id: EventId::parse(&format!(
                "018d61c0-0000-7000-8000-{:012x}",
                position + u64::from(index)
            ))?,
            request_index: index,
            stated: stated.clone(),
        };
        records.push(of_event(&header, accepted));
    }
    Ok(records)
}

fn records(folder: &Path, requests: &[v1::ImportEventsRequest]) -> Done {
    for (number, request) in requests.iter().enumerate() {
        for record in records_of(request, 300, 1)?.iter().take(1) {
            let name = format!("event-{number:02}");
            seed(folder, "record", &name, &[0], &record::encode(record))?;
        }
    }
    let golden = hex(include_str!("../../tests/golden/record_v1.hex"))?;
    seed(folder, "record", "golden", &[0], &golden)?;
    let header = RecordHeader {
        position: Position::new(301),
        recorded: RecordedTime::from_microseconds(-1).ok_or("an instant")?,
        agreement_id: &AgreementId::parse("vask-2024")?,
        request_id: RequestId::parse("6f1c2b1e-8a51-4d3f-9a53-1d0c5f3b7a03")?,
        expected_version: None,
        request_event_count: 1,
        provenance: Provenance::Observed,
    };
    let append = requests.first().and_then(|request| request.append.clone());
    let refused = v1::RefusedRequest {
        events: append.map(|append| append.events).unwrap_or_default(),
        ..Default::default()
    };
    seed(folder, "record", "refusal", &[0], &record::encode(&of_refusal(&header, refused)))
}

/// Rows of agreements of the history, early and at its end.
fn rows(folder: &Path) -> Done {
    let mut agreements: std::collections::BTreeMap<String, Agreement> = Default::default();
    let policies = Arc::new(PolicyBook::norwegian_eea_thresholds());
    let mut position = 0;
    for request in history()? {
        let append = request.append.as_ref().ok_or("a request to import appends")?;
        let id = AgreementId::parse(&append.agreement_id)?;
        let agreement = agreements
            .entry(append.agreement_id.clone())
            .or_insert_with(|| Agreement::new(id, policies.clone(), Date::END_OF_TIME));
        for record in records_of(&request, position, agreement.version().get() + 1)? {
            let event: Recorded = recorded(&record)?.ok_or("an event")?;
            agreement.apply(&Arc::new(event));
            position += 1;
        }
    }
    for (number, agreement) in agreements.values().enumerate().take(6) {
        let charter = agreement.charter().ok_or("a signed agreement")?;
        let owner = charter.terms().buyers.first().ok_or("a buyer")?.clone();
        let texts = Texts {
            reference: format!("2024/{number}"),
            title: "Renhold av skoler".to_owned(),
            owner,
            owner_name: "Asker kommune".to_owned(),
        };
        let day = Date::parse("2025-06-01")?;
        let findings = SeverityCounts::of(agreement.tracker().open());
        let row = Row::from_day(agreement, day, Some(texts), findings).ok_or("a row")?;
        seed(folder, "record", &format!("row-{number}"), &[1], &stored::encode(&row))?;
    }
    Ok(())
}

fn blocks(folder: &Path) -> Done {
    let golden = hex(include_str!("../../tests/golden/log_block_v1.hex"))?;
    seed(folder, "block", "golden", &[0], &golden)?;
    seed(folder, "block", "golden-sealed", &[3], &golden)?;
    let records: Vec<Bytes> =
        (0..40_u8).map(|byte| Bytes::from(vec![byte; usize::from(byte)])).collect();
    let encoded = block::encode(7, block::BlockHash::ZERO, &records, block::Codec::None)?;
    seed(folder, "block", "forty-sealed", &[3], &encoded)?;
    seed(folder, "block", "parts", &[4], &encoded)?;
    seed(folder, "block", "key", &[0], &[0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1])
}

fn segments(folder: &Path) -> Done {
    let golden = hex(include_str!("../../tests/golden/archive_segment_v1.hex"))?;
    seed(folder, "archive", "golden", &[0], &golden)?;
    seed(folder, "archive", "golden-finished", &[1], &golden)?;
    seed(folder, "archive", "golden-sealed", &[4 | 8], &golden)?;
    // How many blocks, then for each how many records, then for each its length and bytes.
    let mut written = vec![0, 3];
    for records in 0..4_u8 {
        written.extend([0, records]);
        for record in 0..=records {
            written.extend([record * 3]);
            written.extend(vec![record; usize::from(record * 3)]);
        }
    }
    seed(folder, "archive", "written", &[2], &written)?;
    for damage in 0..7_u8 {
        let damaged = [&written[..], &[damage, 0, 150, 0, 40, 1, 2, 3]].concat();
        seed(folder, "archive", &format!("damaged-{damage}"), &[2], &damaged)?;
        seed(folder, "archive", &format!("damaged-finished-{damage}"), &[3], &damaged)?;
    }
    Ok(())
}

fn texts(folder: &Path) -> Done {
    let signed = &*SIGNED;
    let checkpoint = signed.checkpoint.to_string();
    seed(folder, "merkle", "checkpoint", &[0, 0], checkpoint.as_bytes())?;
    seed(folder, "merkle", "extended", &[0, 0], format!("{checkpoint}more\n").as_bytes())?;
    let mut note = Note::unsigned(checkpoint)?;
    note.sign(&signed.key);
    seed(folder, "merkle", "note", &[1, 0], note.to_string().as_bytes())?;
    for index in [0, 5, 10] {
        let hashes = InclusionProof::make(&signed.tree, index, signed.tree.size())?.hashes;
        let extra = (index == 5).then(|| b"more".to_vec());
        let receipt = Receipt { extra, index, hashes, checkpoint: note.clone() };
        let choices = [2, u8::try_from(index)?];
        let name = format!("receipt-{index}");
        seed(folder, "merkle", &name, &choices, receipt.to_string().as_bytes())?;
    }
    seed(folder, "merkle", "key", &[3, 0], signed.key.verifier().to_string().as_bytes())?;
    // Made of a seed of nines for these tests, so it is no secret.
    seed(folder, "merkle", "private", &[4, 0], signed.key.private_text().as_bytes())?;
    assert_eq!(signed.checkpoint.origin(), ORIGIN);
    Ok(())
}

fn tokens(folder: &Path) -> Done {
    let content = br#"{"query":[1,2],"as_of":"2024-06-01","record_count":7,"place":{"agreement":"a","skip":3}}"#;
    seed(
        folder,
        "page_token",
        "text",
        &[0],
        b"eyJxdWVyeSI6WzEsMl19AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    )?;
    for kind in 0..4_u8 {
        let alteration = [1, kind, 0, 9, b'A'];
        seed(folder, "page_token", &format!("altered-{kind}"), &alteration, content)?;
    }
    Ok(())
}

fn hex(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let byte = |at: usize| digits.get(at..at + 2).map(|pair| u8::from_str_radix(pair, 16));
    (0..digits.len()).step_by(2).map(|at| Ok(byte(at).ok_or("an odd digit")??)).collect()
}

fn dossiers(folder: &Path) -> Done {
    let kept = KEPT.as_bytes();
    seed(folder, "dossier", "file", &[0, 0], kept)?;
    let dossier = Dossier::parse(kept)?;
    let first = dossier.records.0.first().ok_or("the kept dossier has records")?;
    seed(folder, "dossier", "record", &[1, 0], &first.record.0)?;
    let hash = first.proof.0.first().ok_or("its records have proofs")?;
    seed(folder, "dossier", "proof", &[2, 0], &hash.0)?;
    seed(folder, "dossier", "leaf", &[3, 0], &dossier.known.last.leaf.0)?;
    seed(folder, "dossier", "checkpoint", &[4, 0], dossier.checkpoint.as_bytes())?;
    seed(folder, "dossier", "known", &[5, 0], dossier.as_known.as_bytes())?;
    seed(folder, "dossier", "schema", &[6, 0], &dossier.schema.0)?;
    let kept = KEPT_WITH_LEAVES.as_bytes();
    seed(folder, "dossier", "file-with-leaves", &[0, 0], kept)?;
    let row = Dossier::parse(kept)?.completeness.ok_or("it has leaves")?;
    seed(folder, "dossier", "leaves", &[7, 0], &row.leaves.0)?;
    let beside = row.beside.0.first().ok_or("there are hashes beside the leaves")?;
    seed(folder, "dossier", "beside", &[8, 0], &beside.0)?;
    seed(folder, "dossier", "leaves-first", &[9, 0], &row.first.to_be_bytes())
}
