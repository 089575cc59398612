//! Why something is not proved or not signed.

use std::time::Duration;

use tonic::{Code, Status};

use super::{Failure, of_ledger_error, reason};
use crate::ledger::proofs::ProofFailure;
use crate::ledger::signing::CannotSign;

/// How soon to ask again while the witnesses are asked after the start.
const WITNESSES_ASKED_AFTER: Duration = Duration::from_secs(1);

/// A proof, checkpoint or receipt that is not given.
pub(in crate::grpc) fn of_proof_failure(failure: &ProofFailure) -> Status {
    let text = failure.to_string();
    match failure {
        ProofFailure::CannotSign(cause) => of_cannot_sign(cause),
        ProofFailure::BeyondTree { field, asked, size } => {
            Failure::new(Code::InvalidArgument, reason::POSITION_BEYOND_HEAD, text)
                .with("field", field)
                .with(*field, asked)
                .with("tree_size_max", size)
                .into_status()
        }
        ProofFailure::SizesReversed { from_size, to_size } => {
            Failure::new(Code::InvalidArgument, reason::TREE_SIZES_REVERSED, text)
                .with("field", "from_size")
                .with("from_size", from_size)
                .with("to_size", to_size)
                .into_status()
        }
        ProofFailure::UnknownEvent => {
            let reason = crate::domain::reason::Reason::UnknownEvent.name();
            Failure::new(Code::NotFound, reason, text.as_str())
                .resource("event", "", &text)
                .into_status()
        }
        ProofFailure::Ledger(error) => of_ledger_error(error),
    }
}

/// A checkpoint that is not cosigned by as many witnesses as asked for.
pub(in crate::grpc) fn of_not_cosigned(asked: u32, configured: usize) -> Status {
    let text =
        format!("no checkpoint is cosigned by {asked} witnesses yet; {configured} are configured");
    Failure::new(Code::FailedPrecondition, reason::NOT_COSIGNED, text)
        .with("asked", asked)
        .with("configured", configured)
        .into_status()
}

/// The published reason why a checkpoint is not signed.
pub(in crate::grpc) fn reason_not_signed(cause: &CannotSign) -> &'static str {
    match cause {
        CannotSign::NoKey => reason::NO_SIGNING_KEY,
        CannotSign::Shorter { .. }
        | CannotSign::OtherHistory { .. }
        | CannotSign::Missing { .. }
        | CannotSign::KeyCopyGone { .. }
        | CannotSign::OtherOrigin { .. }
        | CannotSign::Contradicted { .. }
        | CannotSign::Unreadable { .. } => reason::CHECKPOINT_INCONSISTENT,
        CannotSign::NotKept { .. } => reason::CHECKPOINT_NOT_KEPT,
        CannotSign::WitnessesNotAsked => reason::WITNESSES_NOT_ASKED,
    }
}

/// A checkpoint that is not signed.
fn of_cannot_sign(cause: &CannotSign) -> Status {
    let code = match cause {
        CannotSign::WitnessesNotAsked => Code::Unavailable,
        _ => Code::FailedPrecondition,
    };
    let failure = Failure::new(code, reason_not_signed(cause), cause.to_string());
    match cause {
        CannotSign::NoKey => failure,
        CannotSign::WitnessesNotAsked => failure.retry_after(WITNESSES_ASKED_AFTER),
        CannotSign::NotKept { file, fault: _ } => failure.with("file", file.display()),
        CannotSign::Missing { size, file: _ } => {
            failure.with("cause", "MISSING").with("tree_size", size)
        }
        CannotSign::KeyCopyGone { file } => {
            failure.with("cause", "MISSING").with("file", file.display())
        }
        CannotSign::Contradicted { witness, reason, text: _ } => {
            failure.with("cause", "WITNESS").with("witness", witness).with("witness_reason", reason)
        }
        CannotSign::Shorter { signed, size, file: _ } => {
            failure.with("cause", "SHORTER").with("signed_size", signed).with("tree_size", size)
        }
        CannotSign::OtherHistory { signed, signed_root, root, file: _ } => failure
            .with("cause", "OTHER_HISTORY")
            .with("signed_size", signed)
            .with("signed_root", signed_root)
            .with("root", root),
        CannotSign::OtherOrigin { signed, origin, file: _ } => failure
            .with("cause", "OTHER_ORIGIN")
            .with("signed_origin", signed)
            .with("origin", origin),
        CannotSign::Unreadable { .. } => failure.with("cause", "UNREADABLE"),
    }
    .into_status()
}
