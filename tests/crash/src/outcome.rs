//! What became of one request, as its sender was told.
//!
//! It must not know what was sent.

use std::fmt;

use contract_ledger::wire::v1;
use prost::{Message as _, Name as _};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The answer to a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// Recorded. The answer as first given: `replayed` is false.
    Accepted(Box<v1::AppendEventsResponse>),
    /// Refused, which is recorded too. As first given.
    Refused { code: i32, details: Box<v1::RefusalDetails> },
    /// Nothing was recorded, says the server.
    NotRecorded { reason: String },
    /// It is open whether it is recorded: so said the server, or nobody answered.
    Open { reason: String },
}

/// An outcome, and whether the server said that it is given again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) outcome: Outcome,
    pub(crate) replayed: bool,
}

impl Told {
    pub(crate) fn of(answer: Result<v1::AppendEventsResponse, Status>) -> Self {
        match answer {
            Ok(answer) => {
                let replayed = answer.replayed;
                let first = v1::AppendEventsResponse { replayed: false, ..answer };
                Self { outcome: Outcome::Accepted(Box::new(first)), replayed }
            }
            Err(status) => Self::of_status(&status),
        }
    }

    fn of_status(status: &Status) -> Self {
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone());
        let Some(reason) = reason else {
            // No word of the server's: the connection broke, or never was.
            return Self::open(format!("{:?}", status.code()));
        };
        if let Some(details) = refusal(status) {
            let replayed = details.replayed;
            let first = Box::new(v1::RefusalDetails { replayed: false, ..details });
            let outcome = Outcome::Refused { code: i32::from(status.code()), details: first };
            return Self { outcome, replayed };
        }
        if status.code() == Code::Unknown {
            return Self::open(reason);
        }
        Self { outcome: Outcome::NotRecorded { reason }, replayed: false }
    }

    fn open(reason: String) -> Self {
        Self { outcome: Outcome::Open { reason }, replayed: false }
    }
}

impl Outcome {
    /// Whether the sender may rely on a record.
    pub(crate) fn is_acknowledged(&self) -> bool {
        match self {
            Self::Accepted(_) | Self::Refused { .. } => true,
            Self::NotRecorded { .. } | Self::Open { .. } => false,
        }
    }
}

/// The line of the witness file.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted(answer) => {
                write!(f, "accepted version={}", answer.agreement_version)?;
                answer.events.iter().try_for_each(|event| {
                    let v1::AppendedEvent { position, agreement_version, event_id, .. } = event;
                    write!(f, " {position}:{agreement_version}:{event_id}")
                })
            }
            Self::Refused { code, details } => {
                write!(f, "refused code={code} position={:?}", details.position)?;
                details.refusals.iter().try_for_each(|refusal| write!(f, " {}", refusal.reason))
            }
            Self::NotRecorded { reason } => write!(f, "not-recorded {reason}"),
            Self::Open { reason } => write!(f, "open {reason}"),
        }
    }
}

/// The reason that the server gives; none when it is not the server that says it.
pub(crate) fn reason(status: &Status) -> Option<String> {
    status.get_error_details().error_info().map(|info| info.reason.clone())
}

fn refusal(status: &Status) -> Option<v1::RefusalDetails> {
    let told = tonic_types::Status::decode(status.details()).ok()?;
    let name = v1::RefusalDetails::full_name();
    let any = told.details.iter().find(|detail| detail.type_url.ends_with(&name))?;
    v1::RefusalDetails::decode(&*any.value).ok()
}
