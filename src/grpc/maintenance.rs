//! The two streams of those who run the ledger: blocks for a backup, and a verification.
//!
//! They read the whole log, so they go to disk by short visits and hold no thread between them. A
//! server that stops ends them at once.

use std::time::Instant;

use tonic::Status;

use super::giving_way::GivingWay;
use super::live::{Ended, LiveSender};
use super::query::blocking;
use super::{ServiceLimits, status};
use crate::domain::id::Position;
use crate::ledger::Ledger;
use crate::ledger::blocks::{BlockReading, BlocksFrom};
use crate::ledger::error::LedgerError;
use crate::ledger::verify::{Damage, DamageKind, Part, Phase, Progress, Summary, Verification};
use crate::wire::parse::{Violations, malformed};
use crate::wire::v1;
use crate::wire::v1::verify_log_response::Message;

/// Reads where to begin.
pub(super) async fn begin_blocks(
    ledger: &Ledger,
    request: v1::ReadBlocksRequest,
) -> Result<BlockReading, Status> {
    let v1::ReadBlocksRequest { from_position, after_block_hash } = request;
    let hash = if from_position == 0 && after_block_hash.is_empty() {
        Some([0; 32])
    } else {
        <[u8; 32]>::try_from(after_block_hash).ok()
    };
    let Some(hash) = hash else {
        let mut violations = Violations::default();
        let text = "is not the 32 bytes of a SHA-256".to_owned();
        violations.add("after_block_hash", malformed::MALFORMED_HASH, text);
        return Err(status::of_violations(&violations.into_vec()));
    };
    let record_count = ledger.head().borrow().record_count;
    if from_position > record_count {
        return Err(status::position_beyond_head("from_position", from_position, record_count));
    }
    let ledger = ledger.clone();
    match blocking(move || ledger.read_blocks(from_position, hash)).await? {
        BlocksFrom::Here(reading) => Ok(reading),
        BlocksFrom::OtherHistory { record_count } => {
            Err(status::history_differs(from_position, record_count))
        }
    }
}

/// Sends blocks in messages of bounded size, and at least one message.
pub(super) async fn send_blocks(
    mut reading: BlockReading,
    limits: ServiceLimits,
    mut way: GivingWay,
    mut sender: LiveSender<v1::ReadBlocksResponse>,
) -> Result<(), Ended> {
    let (captured_record_count, hash) = (reading.record_count(), reading.block_hash());
    let message = |blocks| v1::ReadBlocksResponse {
        blocks,
        captured_record_count,
        captured_block_hash: hash.to_vec(),
    };
    let mut is_first = true;
    loop {
        let bytes_max = limits.read_bytes_per_message_max;
        let visit = move || {
            let began = Instant::now();
            Ok((visit(reading, bytes_max), began.elapsed()))
        };
        let ((blocks, failed, given_back), worked) = blocking(visit).await?;
        reading = given_back;
        let is_last = blocks.is_empty();
        if !is_last || is_first {
            sender.send(message(blocks)).await?;
        }
        if let Some(error) = failed {
            return Err(status::of_ledger_error(&error).into());
        }
        if is_last {
            return Ok(());
        }
        is_first = false;
        way.rest_from(worked).await;
    }
}

/// The blocks of one message. What was read before a failure is sent before it is told.
fn visit(
    mut reading: BlockReading,
    bytes_max: usize,
) -> (Vec<Vec<u8>>, Option<LedgerError>, BlockReading) {
    let (mut blocks, mut bytes) = (Vec::new(), 0);
    while bytes < bytes_max {
        match reading.next_block() {
            None => break,
            Some(Err(error)) => return (blocks, Some(error), reading),
            Some(Ok(block)) => {
                bytes += block.len();
                blocks.push(block.to_vec());
            }
        }
    }
    (blocks, None, reading)
}

/// Sends what each visit brings until everything is looked at.
pub(super) async fn send_verification(
    mut verification: Verification,
    mut way: GivingWay,
    mut sender: LiveSender<v1::VerifyLogResponse>,
) -> Result<(), Ended> {
    loop {
        let (given_back, visit, worked) = blocking(move || {
            let began = Instant::now();
            let visit = verification.visit()?;
            Ok((verification, visit, began.elapsed()))
        })
        .await?;
        verification = given_back;
        sender.send(response(Message::Progress(progress(visit.progress)))).await?;
        for found in visit.damages {
            tracing::error!(?found, "a verification has found damage");
            sender.send(response(Message::Damage(damage(found)))).await?;
        }
        if let Some(summary) = visit.summary {
            return sender.send(response(Message::Summary(summary_of(&summary)))).await;
        }
        way.rest_from(worked).await;
    }
}

fn response(message: Message) -> v1::VerifyLogResponse {
    v1::VerifyLogResponse { message: Some(message) }
}

fn progress(progress: Progress) -> v1::VerifyLogProgress {
    let Progress { phase, done, total, bytes_done } = progress;
    let phase = match phase {
        Phase::Store => v1::VerifyPhase::Store,
        Phase::Archive => v1::VerifyPhase::Archive,
        Phase::Tree => v1::VerifyPhase::Tree,
        Phase::Indexes => v1::VerifyPhase::Indexes,
        Phase::Portfolio => v1::VerifyPhase::Portfolio,
    };
    v1::VerifyLogProgress { phase: phase.into(), done, total, bytes_done }
}

fn damage(found: Damage) -> v1::VerifyLogDamage {
    let Damage { part, kind, position, subject, text } = found;
    let part = match part {
        Part::Store => v1::DamagedPart::Store,
        Part::Archive => v1::DamagedPart::Archive,
        Part::Index => v1::DamagedPart::Index,
        Part::Portfolio => v1::DamagedPart::Portfolio,
        Part::Tree => v1::DamagedPart::Tree,
        Part::Checkpoint => v1::DamagedPart::Checkpoint,
    };
    let kind = match kind {
        DamageKind::Block => v1::DamageKind::Block,
        DamageKind::Missing => v1::DamageKind::Missing,
        DamageKind::Misplaced => v1::DamageKind::Misplaced,
        DamageKind::ChainBroken => v1::DamageKind::ChainBroken,
        DamageKind::Segment => v1::DamageKind::Segment,
        DamageKind::CopiesDiffer => v1::DamageKind::CopiesDiffer,
        DamageKind::Unreadable => v1::DamageKind::Unreadable,
        DamageKind::Record => v1::DamageKind::Record,
        DamageKind::RecordMisplaced => v1::DamageKind::RecordMisplaced,
        DamageKind::RecordedTimeDecreases => v1::DamageKind::RecordedTimeDecreases,
        DamageKind::VersionGap => v1::DamageKind::VersionGap,
        DamageKind::IndexDiffers => v1::DamageKind::IndexDiffers,
        DamageKind::RowDiffers => v1::DamageKind::RowDiffers,
        DamageKind::TreeDiffers => v1::DamageKind::TreeDiffers,
        DamageKind::CheckpointDiffers => v1::DamageKind::CheckpointDiffers,
    };
    let position = position.map(Position::get);
    v1::VerifyLogDamage { part: part.into(), kind: kind.into(), position, subject, text }
}

fn summary_of(summary: &Summary) -> v1::VerifyLogSummary {
    let Summary {
        record_count,
        last_block,
        blocks,
        bytes,
        agreements,
        archive_blocks,
        rows_not_compared,
        damage_count,
    } = *summary;
    v1::VerifyLogSummary {
        record_count,
        last_block_hash: last_block.to_vec(),
        store_blocks: blocks,
        archive_blocks,
        bytes_read: bytes,
        agreements,
        rows_not_compared,
        damage_count,
    }
}
