//! One submission to one witness, and what its answers mean. Pure but for the two seams.

use crate::merkle::{Checkpoint, Note, Submission, TreeHash};

use super::Witness;
use super::fault::WitnessFault;

/// Most times that one submission is sent: once more when the witness says what it cosigned last.
const SENDS_MAX: usize = 2;

const SIZE_TYPE: &str = "text/x.tlog.size";

/// Why there is nothing to submit, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceFault(pub String);

/// Where checkpoints come from.
pub trait Source: Send + Sync {
    /// The newest checkpoint, signed by the ledger.
    fn newest(&self) -> Result<Note, SourceFault>;
    /// Size of the newest checkpoint that is signed by now, which may be larger than the one that is being
    /// submitted. Nothing is signed for the question.
    fn signed_size(&self) -> u64;
    /// The hashes that prove that the tree of `old_size` is the beginning of that of `new_size`.
    fn consistency(&self, old_size: u64, new_size: u64) -> Result<Vec<TreeHash>, SourceFault>;
    /// A witness speaks against the log. See [`WitnessFault::is_alarm`].
    fn contradicted(&self, witness: &Witness, fault: &WitnessFault);
    /// Every witness was asked, whether or not it has answered. Told after each round.
    fn all_asked(&self);
}

/// What a witness answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type, empty when there is none.
    pub content_type: String,
    /// The body, shortened when it is overlong.
    pub body: String,
}

/// Why no answer came, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransportFault(pub String);

/// The way to a witness.
pub trait Transport: Send {
    /// Posts a body to `URL/add-checkpoint`.
    fn add_checkpoint(&self, url: &str, body: String) -> Result<Answer, TransportFault>;
}

/// Has a witness cosign a checkpoint, and gives the checkpoint with its cosignature alone beside the
/// ledger's. `last_size` is what it cosigned last, as far as is known.
pub(super) fn submit(
    witness: &Witness,
    checkpoint: &Note,
    last_size: u64,
    source: &dyn Source,
    transport: &dyn Transport,
) -> Result<Note, WitnessFault> {
    let nothing = |text: String| WitnessFault::NothingToSubmit { text };
    let read = Checkpoint::parse(checkpoint.text()).map_err(|fault| nothing(fault.to_string()))?;
    let size = read.size();
    let mut old_size = last_size;
    for _ in 0..SENDS_MAX {
        if old_size > size {
            // Whoever was given a newer checkpoint meanwhile may have taken it to the witness.
            let signed = source.signed_size();
            return Err(if old_size > signed {
                WitnessFault::SawLargerTree { witnessed_size: old_size, size: signed }
            } else {
                WitnessFault::MovedOn
            });
        }
        let hashes = match old_size {
            0 => Vec::new(),
            same if same == size => Vec::new(),
            old => source.consistency(old, size).map_err(|fault| nothing(fault.to_string()))?,
        };
        let body = Submission { old_size, hashes, checkpoint: checkpoint.clone() }.to_string();
        let answer = transport.add_checkpoint(&witness.url, body);
        let answer = answer.map_err(|fault| WitnessFault::Unreachable { text: fault.0 })?;
        match understood(&answer, old_size)? {
            Meaning::Cosigned => return cosigned(witness, checkpoint, &answer.body),
            Meaning::LastSize(0) if old_size == 0 => {
                let text = "status 409 though it says that it cosigned nothing".to_owned();
                return Err(WitnessFault::AnswerMalformed { text });
            }
            // It may have moved on just then. The next round submits the newer checkpoint.
            Meaning::LastSize(last) if last == old_size && source.signed_size() > size => {
                return Err(WitnessFault::MovedOn);
            }
            // It names the size that it was told: only the root can differ.
            Meaning::LastSize(last) if last == old_size => {
                return Err(WitnessFault::SawOtherHistory { witnessed_size: last });
            }
            Meaning::LastSize(last) => old_size = last,
        }
    }
    Err(WitnessFault::MovedOn)
}

enum Meaning {
    Cosigned,
    LastSize(u64),
}

fn understood(answer: &Answer, old_size: u64) -> Result<Meaning, WitnessFault> {
    match answer.status {
        200 => Ok(Meaning::Cosigned),
        409 => last_size(answer).map(Meaning::LastSize),
        // The proof was made from our own tree, so what the witness saw is another; without one there is
        // nothing that it could have seen.
        422 if old_size > 0 => Err(WitnessFault::SawOtherHistory { witnessed_size: old_size }),
        404 => Err(WitnessFault::UnknownLog),
        403 => Err(WitnessFault::KeyNotTrusted),
        status @ (408 | 425 | 429 | 500..=599) => Err(WitnessFault::Unavailable { status }),
        status => Err(WitnessFault::Refused { status }),
    }
}

fn last_size(answer: &Answer) -> Result<u64, WitnessFault> {
    let kind = answer.content_type.split(';').next().unwrap_or_default().trim();
    let number = answer.body.strip_suffix('\n').filter(|text| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits && (text.len() == 1 || !text.starts_with('0'))
    });
    let size = number.and_then(|text| text.parse().ok()).filter(|_| kind == SIZE_TYPE);
    size.ok_or_else(|| WitnessFault::AnswerMalformed {
        text: "status 409 without the size that it cosigned".to_owned(),
    })
}

fn cosigned(witness: &Witness, checkpoint: &Note, lines: &str) -> Result<Note, WitnessFault> {
    let mut cosigned = checkpoint.clone();
    let taken = cosigned.take_signatures(lines, std::slice::from_ref(&witness.key));
    taken.map_err(WitnessFault::CosignatureFalse)?;
    Ok(cosigned)
}
