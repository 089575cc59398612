//! Records byte for byte as the ledger stores them, so that hashes are computed on this side.
//!
//! Their hashes must be those of what is stored, also when this program is older than the ledger and
//! does not know every field.

use bytes::Bytes;
use contract_ledger::merkle::TreeHash;
use contract_ledger::wire::codec::LedgerCodec;
use contract_ledger::wire::stored::ReadEventsAnswer;
use contract_ledger::wire::v1::{ReadEventsRequest, Record};
use contract_ledger::wire::{leaf, record};
use http::uri::PathAndQuery;
use tonic::transport::Channel;

use crate::client::MESSAGE_BYTES_MAX;
use crate::outcome::CommandError;

const READ_EVENTS: &str = "/contractledger.v1.LedgerService/ReadEvents";

/// A record, and the leaf that this program made of it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// What it says.
    pub(crate) record: Record,
    /// Its leaf.
    pub(crate) leaf: Vec<u8>,
}

impl Stored {
    /// The hash of the leaf.
    pub(crate) fn leaf_hash(&self) -> TreeHash {
        TreeHash::of_leaf(&self.leaf)
    }

    fn read(expected: u64, stored: &[u8]) -> Result<Self, CommandError> {
        let unfit = |fault: record::RecordFault| {
            stopped(format!("what stands at position {expected} is no record: {fault}"))
        };
        let record = record::decode(stored).map_err(unfit)?;
        if record.position != expected {
            let position = record.position;
            return Err(stopped(format!("position {position} came where {expected} belongs")));
        }
        let leaf = leaf::of_record(&record, stored).map_err(unfit)?;
        Ok(Self { record, leaf })
    }
}

/// Reads the records from one position up to another, or to the head as it is now, every one in its
/// place. Tells how many records there are.
pub(crate) async fn read(
    channel: Channel,
    from: u64,
    to: Option<u64>,
    mut each: impl FnMut(Stored) -> Result<(), CommandError>,
) -> Result<u64, CommandError> {
    if to == Some(from) {
        return Ok(from);
    }
    let records_max = to.map_or(0, |to| to.saturating_sub(from));
    let request = ReadEventsRequest {
        from_position: Some(from),
        records_max,
        ..ReadEventsRequest::default()
    };
    let mut parts = parts(channel, request).await?;
    let mut next = from;
    let mut captured = from;
    while let Some(part) = parts.message().await? {
        captured = part.captured_record_count;
        for stored in part.records {
            each(Stored::read(next, &stored)?)?;
            next += 1;
        }
    }
    let end = to.unwrap_or(captured);
    if next != end {
        return Err(stopped(format!("the ledger has {captured} records and sent {next} of {end}")));
    }
    Ok(captured)
}

/// Reads the records of one agreement below a position, as they are stored, in the order of positions.
pub(crate) async fn read_of_agreement(
    channel: Channel,
    agreement_id: &str,
    below: u64,
) -> Result<Vec<(u64, Bytes)>, CommandError> {
    let agreement_id = agreement_id.to_owned();
    let request = ReadEventsRequest { agreement_id, ..ReadEventsRequest::default() };
    let mut parts = parts(channel, request).await?;
    let mut records = Vec::new();
    while let Some(part) = parts.message().await? {
        for stored in part.records {
            let record = record::decode(&stored)
                .map_err(|fault| stopped(format!("what the ledger sent is no record: {fault}")))?;
            if record.position >= below {
                return Ok(records);
            }
            records.push((record.position, stored));
        }
    }
    Ok(records)
}

async fn parts(
    channel: Channel,
    request: ReadEventsRequest,
) -> Result<tonic::Streaming<ReadEventsAnswer>, CommandError> {
    let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    client.ready().await.map_err(|error| stopped(format!("the connection is gone: {error}")))?;
    let path = PathAndQuery::from_static(READ_EVENTS);
    let codec = LedgerCodec::<ReadEventsRequest, ReadEventsAnswer>::default();
    Ok(client.server_streaming(tonic::Request::new(request), path, codec).await?.into_inner())
}

fn stopped(text: String) -> CommandError {
    CommandError::Stopped(text)
}
