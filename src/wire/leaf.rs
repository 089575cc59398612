//! Leaves of the tree over the log: a small canonical record of each stored one.
//!
//! A leaf says what was recorded, where and when, and commits to the stored bytes by their hash. So
//! the tree holds nothing that may one day have to be erased, and stays provable when it is. The
//! layout is in `docs/proofs.md`; it never changes, because every proof rests on it.

use bytes::Bytes;
use prost_types::Timestamp;
use sha2::{Digest as _, Sha256};

use super::noted::{Noted, NotedEntry};
use super::record::{RecordFault, from_timestamp};
use super::v1;
use super::v1::record::Entry;
use crate::domain::date::{Date, RecordedTime};
use crate::domain::id::{AgreementId, EventId};

const LAYOUT_VERSION: u8 = 1;
const KIND_EVENT: u8 = 1;
const KIND_REFUSAL: u8 = 2;
const DATE_BYTES: usize = 10;
const ID_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// The leaf of a record as the log stores it.
pub fn of_stored(stored: &[u8]) -> Result<Vec<u8>, RecordFault> {
    of_noted(&Noted::read(Bytes::copy_from_slice(stored))?, stored)
}

/// The leaf of a record that was looked at already. The bytes must be its own.
pub fn of_noted(noted: &Noted, stored: &[u8]) -> Result<Vec<u8>, RecordFault> {
    let entry = noted.entry.as_ref().ok_or(RecordFault::Incomplete { part: "entry" })?;
    let entry = match entry {
        NotedEntry::Event(event) => {
            let stated = event.stated.as_ref().ok_or(RecordFault::Incomplete { part: "event" })?;
            let date = stated.effective_date()?;
            EntryPart::of_event(event.event_type, date, event.agreement_version, event.event_id()?)?
        }
        NotedEntry::Refusal(_) => EntryPart::OF_REFUSAL,
    };
    let Noted { position, recorded_time, imported, .. } = noted;
    let place = PlacePart { position: *position, recorded_time, imported: *imported };
    lay_out(&place, noted.agreement_id_text()?, &entry, stored)
}

/// The leaf of a record that is decoded already. The bytes must be its own.
pub fn of_record(record: &v1::Record, stored: &[u8]) -> Result<Vec<u8>, RecordFault> {
    let entry = record.entry.as_ref().ok_or(RecordFault::Incomplete { part: "entry" })?;
    let entry = match entry {
        Entry::Event(accepted) => {
            let v1::RecordedEvent { r#type, agreement_version, event_id, event, .. } = accepted;
            let stated = event.as_ref().ok_or(RecordFault::Incomplete { part: "event" })?;
            EntryPart::of_event(*r#type, &stated.effective_date, *agreement_version, event_id)?
        }
        Entry::Refusal(_) => EntryPart::OF_REFUSAL,
    };
    let v1::Record { position, recorded_time, imported, agreement_id, .. } = record;
    let place = PlacePart { position: *position, recorded_time, imported: *imported };
    lay_out(&place, agreement_id, &entry, stored)
}

fn lay_out(
    place: &PlacePart<'_>,
    agreement_id: &str,
    entry: &EntryPart,
    stored: &[u8],
) -> Result<Vec<u8>, RecordFault> {
    let agreement_id = AgreementId::parse(agreement_id)?;
    let agreement = agreement_id.as_str().as_bytes();
    let agreement_bytes = u8::try_from(agreement.len()).expect("an id has at most 128 bytes");
    let recorded = place.recorded_time.as_ref().and_then(from_timestamp);
    let recorded = recorded.ok_or(RecordFault::Incomplete { part: "recorded_time" })?;
    Ok([
        &[LAYOUT_VERSION, entry.kind][..],
        &place.position.to_be_bytes(),
        &recorded.microseconds().to_be_bytes(),
        &[u8::from(place.imported)],
        &entry.event_type.to_be_bytes(),
        &entry.effective_date,
        &entry.version.to_be_bytes(),
        &entry.event_id,
        &Sha256::digest(stored),
        &[agreement_bytes],
        agreement,
    ]
    .concat())
}

/// Where and when.
struct PlacePart<'a> {
    position: u64,
    recorded_time: &'a Option<Timestamp>,
    imported: bool,
}

/// What an accepted event has and a refused request has not.
struct EntryPart {
    kind: u8,
    event_type: u32,
    effective_date: [u8; DATE_BYTES],
    version: u64,
    event_id: [u8; ID_BYTES],
}

impl EntryPart {
    const OF_REFUSAL: Self = Self {
        kind: KIND_REFUSAL,
        event_type: 0,
        effective_date: [0; DATE_BYTES],
        version: 0,
        event_id: [0; ID_BYTES],
    };

    fn of_event(
        event_type: i32,
        effective_date: &str,
        version: u64,
        event_id: &str,
    ) -> Result<Self, RecordFault> {
        let incomplete = |part| RecordFault::Incomplete { part };
        // The number as it stands: a reader that does not know the type makes the same leaf.
        let event_type = u32::try_from(event_type).map_err(|_| incomplete("type"))?;
        let date = Date::parse(effective_date).map_err(|_| incomplete("effective_date"))?;
        let date = date.to_string().into_bytes();
        Ok(Self {
            kind: KIND_EVENT,
            event_type,
            effective_date: date.try_into().expect("a date has ten characters"),
            version,
            event_id: *EventId::parse(event_id)?.as_bytes(),
        })
    }
}

/// What a leaf says, read from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafFields {
    /// Place in the log.
    pub position: u64,
    /// When it was recorded.
    pub recorded: RecordedTime,
    /// Whether an older register recorded it.
    pub imported: bool,
    /// The accepted event. None: a refused request.
    pub event: Option<LeafEvent>,
    /// SHA-256 of the record as stored.
    pub record_hash: [u8; HASH_BYTES],
    /// The agreement.
    pub agreement_id: AgreementId,
}

/// What a leaf says of an accepted event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafEvent {
    /// Number of its `EventType`.
    pub event_type: u32,
    /// Business date.
    pub effective: Date,
    /// Version of the agreement.
    pub version: u64,
    /// Its id.
    pub event_id: EventId,
}

impl LeafFields {
    /// Reads a leaf. None when the bytes are not laid out as one.
    pub fn read(leaf: &[u8]) -> Option<Self> {
        let mut rest = leaf;
        let [layout, kind] = take(&mut rest)?;
        let position = u64::from_be_bytes(take(&mut rest)?);
        let recorded = RecordedTime::from_microseconds(i64::from_be_bytes(take(&mut rest)?))?;
        let [imported] = take(&mut rest)?;
        let event_type = u32::from_be_bytes(take(&mut rest)?);
        let date: [u8; DATE_BYTES] = take(&mut rest)?;
        let version = u64::from_be_bytes(take(&mut rest)?);
        let event_id: [u8; ID_BYTES] = take(&mut rest)?;
        let record_hash = take(&mut rest)?;
        let [length] = take(&mut rest)?;
        let agreement_id = AgreementId::parse(std::str::from_utf8(rest).ok()?).ok()?;
        let event = match kind {
            KIND_EVENT => Some(LeafEvent {
                event_type,
                effective: Date::parse(std::str::from_utf8(&date).ok()?).ok()?,
                version,
                event_id: EventId::from_uuid(uuid::Uuid::from_bytes(event_id)),
            }),
            KIND_REFUSAL => None,
            _ => return None,
        };
        let fits = layout == LAYOUT_VERSION && imported <= 1 && usize::from(length) == rest.len();
        let imported = imported == 1;
        fits.then_some(Self { position, recorded, imported, event, record_hash, agreement_id })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*first)
}
