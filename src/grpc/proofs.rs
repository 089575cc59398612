//! What AuditService proves, as messages: checkpoints, inclusion, consistency, receipts; and the head
//! that answers are true for.

use tonic::Status;

use super::ServiceLimits;
use super::query::{off_the_runtime, wait_for_position};
use super::status;
use crate::domain::id::{AgreementId, EventId, Position, Version};
use crate::ledger::Ledger;
use crate::ledger::proofs::{
    EventName, ProofFailure, ProvedGrowth, ProvedLeaf, Receipted, TreeHead,
};
use crate::merkle::{Checkpoint, Note};
use crate::wire::parse::{Violations, malformed};
use crate::wire::v1;
use crate::wire::v1::get_receipt_request::Event;
use crate::witness::{WitnessStatus, Witnesses};

/// The head that an answer is true for, whose last position is given. None: the empty log.
pub(super) async fn log_head(
    ledger: &Ledger,
    position: Option<Position>,
) -> Result<v1::LogHead, Status> {
    let size = position.map_or(0, |position| position.get() + 1);
    let tree = if let Some(tree) = ledger.tree_head_at_hand(size) {
        tree
    } else {
        let ledger = ledger.clone();
        proving(move || Ok(ledger.tree_head_at(size)?)).await?
    };
    Ok(head(position, &tree))
}

fn head(position: Option<Position>, tree: &TreeHead) -> v1::LogHead {
    v1::LogHead {
        position: position.map(Position::get),
        tree_size: tree.size,
        root: tree.root.as_bytes().to_vec(),
    }
}

pub(super) async fn checkpoint(
    ledger: &Ledger,
    limits: &ServiceLimits,
    witnesses: Option<&Witnesses>,
    request: v1::GetCheckpointRequest,
) -> Result<v1::GetCheckpointResponse, Status> {
    let told = witnesses_told(ledger, witnesses);
    if request.witnesses_only {
        return not_signed(ledger, told).await;
    }
    let (note, checkpoint) = match request.cosigned_by_at_least {
        0 => {
            wait_for_witnesses(ledger, limits).await;
            let signing = ledger.clone();
            let signed = proving(move || signing.checkpoint()).await?;
            (signed.note, signed.checkpoint)
        }
        count => cosigned(ledger, witnesses, count).await?,
    };
    Ok(v1::GetCheckpointResponse {
        checkpoint: note.to_string(),
        tree_size: checkpoint.size(),
        root: checkpoint.root().as_bytes().to_vec(),
        ..told
    })
}

/// Keys and witnesses, which are told with a checkpoint and without one.
fn witnesses_told(ledger: &Ledger, witnesses: Option<&Witnesses>) -> v1::GetCheckpointResponse {
    let verifiers =
        ledger.checkpoint_rules().map(|rules| rules.verifiers().map(ToString::to_string).collect());
    let statuses = witnesses.map(Witnesses::statuses).unwrap_or_default();
    let now = ledger.now().microseconds() / 1_000_000;
    v1::GetCheckpointResponse {
        verifier_keys: verifiers.unwrap_or_default(),
        witnesses: statuses.iter().map(|status| witness_status(status, now)).collect(),
        ..Default::default()
    }
}

/// The same with why nothing is signed, if that is so.
async fn not_signed(
    ledger: &Ledger,
    told: v1::GetCheckpointResponse,
) -> Result<v1::GetCheckpointResponse, Status> {
    let tree = ledger.tree_head();
    let checking = ledger.clone();
    let refused = proving(move || match checking.check_signing() {
        Ok(()) => Ok(None),
        Err(ProofFailure::CannotSign(cause)) => Ok(Some(cause)),
        Err(failure) => Err(failure),
    });
    let refused = refused.await?;
    let reason = refused.as_ref().map(|cause| status::reason_not_signed(cause).to_owned());
    Ok(v1::GetCheckpointResponse {
        tree_size: tree.size,
        root: tree.root.as_bytes().to_vec(),
        not_signed: reason.unwrap_or_default(),
        not_signed_text: refused.map(|cause| cause.to_string()).unwrap_or_default(),
        ..told
    })
}

/// The newest that so many cosigned, as long as the log is the one that they saw.
async fn cosigned(
    ledger: &Ledger,
    witnesses: Option<&Witnesses>,
    count: u32,
) -> Result<(Note, Checkpoint), Status> {
    let by_at_least = usize::try_from(count).unwrap_or(usize::MAX);
    let note = witnesses.and_then(|witnesses| witnesses.newest_cosigned(by_at_least));
    let read = note.and_then(|note| Checkpoint::parse(note.text()).ok().map(|read| (note, read)));
    let configured = witnesses.map_or(0, |witnesses| witnesses.statuses().len());
    let (note, checkpoint) = read.ok_or_else(|| status::of_not_cosigned(count, configured))?;
    let (ledger, cosigned) = (ledger.clone(), checkpoint.clone());
    proving(move || ledger.check_cosigned(&cosigned)).await?;
    Ok((note, checkpoint))
}

fn witness_status(status: &WitnessStatus, now: i64) -> v1::WitnessStatus {
    let WitnessStatus { witness, size, cosigned_at, fault } = status;
    let seconds = cosigned_at.and_then(|seconds| i64::try_from(seconds).ok());
    v1::WitnessStatus {
        name: witness.key.name().to_string(),
        verifier_key: witness.key.to_string(),
        tree_size: *size,
        cosigned_time: seconds.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
        fault: fault.as_ref().map(|fault| fault.reason().to_owned()).unwrap_or_default(),
        fault_text: fault.as_ref().map(ToString::to_string).unwrap_or_default(),
        cosigned_age_seconds: seconds
            .map(|seconds| u64::try_from(now.saturating_sub(seconds)).unwrap_or_default()),
    }
}

pub(super) async fn inclusion(
    ledger: &Ledger,
    request: v1::GetInclusionProofRequest,
) -> Result<v1::GetInclusionProofResponse, Status> {
    let v1::GetInclusionProofRequest { position, tree_size } = request;
    let ledger = ledger.clone();
    let proved =
        proving(move || ledger.prove_inclusion(Position::new(position), tree_size)).await?;
    let ProvedLeaf { leaf, tree, proof } = proved;
    Ok(v1::GetInclusionProofResponse {
        position,
        tree_size: tree.size,
        root: tree.root.as_bytes().to_vec(),
        leaf,
        hashes: proof.hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect(),
    })
}

pub(super) async fn consistency(
    ledger: &Ledger,
    request: v1::GetConsistencyProofRequest,
) -> Result<v1::GetConsistencyProofResponse, Status> {
    let v1::GetConsistencyProofRequest { from_size, to_size } = request;
    let ledger = ledger.clone();
    let ProvedGrowth { from, to, proof } =
        proving(move || ledger.prove_consistency(from_size, to_size)).await?;
    Ok(v1::GetConsistencyProofResponse {
        from_size: from.size,
        from_root: from.root.as_bytes().to_vec(),
        to_size: to.size,
        to_root: to.root.as_bytes().to_vec(),
        hashes: proof.hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect(),
    })
}

pub(super) async fn receipt(
    ledger: &Ledger,
    limits: &ServiceLimits,
    request: v1::GetReceiptRequest,
) -> Result<v1::GetReceiptResponse, Status> {
    let v1::GetReceiptRequest { event, min_position } = request;
    let name = event_name(event)?;
    wait_for_position(ledger, min_position, limits).await?;
    wait_for_witnesses(ledger, limits).await;
    let ledger = ledger.clone();
    let Receipted { position, leaf, tree_size, receipt } =
        proving(move || ledger.receipt(&name)).await?;
    Ok(v1::GetReceiptResponse {
        receipt: receipt.to_string(),
        position: position.get(),
        leaf,
        tree_size,
    })
}

/// Waits a little until the witnesses were asked after the start. The ledger says by itself when they
/// are not yet.
async fn wait_for_witnesses(ledger: &Ledger, limits: &ServiceLimits) {
    let mut asked = ledger.witnesses_asked();
    let asked = asked.wait_for(|asked| *asked);
    let _asked_or_late = tokio::time::timeout(limits.min_position_wait_max, asked).await;
}

/// Whether checkpoints can be signed.
pub(super) async fn signing(ledger: &Ledger, limits: &ServiceLimits) -> Result<(), Status> {
    wait_for_witnesses(ledger, limits).await;
    let ledger = ledger.clone();
    proving(move || ledger.check_signing()).await
}

/// Receipts for what an append has recorded; those that were recorded are always published.
pub(super) async fn receipts(
    ledger: &Ledger,
    positions: Vec<Position>,
) -> Result<Vec<Receipted>, Status> {
    let ledger = ledger.clone();
    proving(move || ledger.receipts(&positions)).await
}

fn event_name(event: Option<Event>) -> Result<EventName, Status> {
    let mut violations = Violations::default();
    let name = match event {
        Some(Event::Position(position)) => Some(EventName::Position(Position::new(position))),
        Some(Event::AgreementVersion(v1::AgreementVersion { agreement_id, version })) => {
            match AgreementId::parse(&agreement_id) {
                Ok(id) => Some(EventName::Version(id, Version::new(version))),
                Err(fault) => {
                    let field = "agreement_version.agreement_id";
                    violations.add(field, malformed::MALFORMED_ID, fault.to_string());
                    None
                }
            }
        }
        Some(Event::EventId(text)) => match EventId::parse(&text) {
            Ok(id) => Some(EventName::Id(id)),
            Err(fault) => {
                violations.add("event_id", malformed::MALFORMED_ID, fault.to_string());
                None
            }
        },
        None => {
            let text = "must name the event by position, agreement_version or event_id";
            violations.add("event", malformed::FIELD_MISSING, text);
            None
        }
    };
    name.ok_or_else(|| status::of_violations(&violations.into_vec()))
}

async fn proving<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProofFailure> + Send + 'static,
) -> Result<T, Status> {
    off_the_runtime(work).await?.map_err(|failure| status::of_proof_failure(&failure))
}
