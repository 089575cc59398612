//! `checkpoint`, `receipt`, `verify-receipt`: the ledger's signed word, and checking it offline.

use std::fmt::Write as _;
use std::io::Write;

use contract_ledger::ledger::error::WithCauses;
use contract_ledger::merkle::{Checkpoint, ProofFault, Receipt, ReceiptFault};
use contract_ledger::wire::json::from_json;
use contract_ledger::wire::leaf::{LeafFields, of_stored};
use contract_ledger::wire::record::{encode, timestamp};
use contract_ledger::wire::v1::get_receipt_request::Event;
use contract_ledger::wire::v1::{
    AgreementVersion, GetCheckpointRequest, GetReceiptRequest, Record, WitnessStatus,
};

use crate::arguments::{CheckpointArguments, ReceiptArguments, VerifyReceiptArguments};
use crate::client::{Client, ServerAddress, with_deadline};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::time_text::recorded_text;
use crate::trust::{Trust, origin_of};
use crate::words::event_type_text;

/// Asks for a signed checkpoint and shows it, to the byte.
pub(crate) async fn checkpoint(
    server: &ServerAddress,
    arguments: &CheckpointArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let CheckpointArguments { keys, witnesses, cosigned } = arguments;
    let mut client = Client::connect(server).await?;
    let request =
        GetCheckpointRequest { cosigned_by_at_least: *cosigned, witnesses_only: *witnesses };
    let asked = client.audit.get_checkpoint(with_deadline(request)).await?.into_inner();
    if *keys {
        for key in asked.verifier_keys {
            writeln!(output, "{key}")?;
        }
    } else if *witnesses {
        for witness in &asked.witnesses {
            writeln!(output, "{}", witness_text(witness, asked.tree_size))?;
        }
        if asked.witnesses.is_empty() {
            writeln!(output, "no witness is configured")?;
        }
        if !asked.not_signed.is_empty() {
            writeln!(output, "nothing is signed: {}: {}", asked.not_signed, asked.not_signed_text)?;
        }
    } else {
        output.write_all(asked.checkpoint.as_bytes())?;
    }
    Ok(EXIT_DONE)
}

fn witness_text(witness: &WitnessStatus, size: u64) -> String {
    let WitnessStatus { name, tree_size, cosigned_time, cosigned_age_seconds, fault, .. } = witness;
    let mut text = match tree_size {
        Some(cosigned) => {
            let time = recorded_text(cosigned_time.as_ref());
            let behind = size.saturating_sub(*cosigned);
            let age = age_text(cosigned_age_seconds.unwrap_or_default());
            format!("{name}: cosigned {cosigned} records {age} ago, at {time}, {behind} behind")
        }
        None => format!("{name}: has not cosigned yet"),
    };
    if !fault.is_empty() {
        write!(text, "; {fault}: {}", witness.fault_text)
            .expect("a text takes what is written to it");
    }
    text
}

/// An age in its two largest units.
fn age_text(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// Asks for the receipt of one event and shows it, to the byte.
pub(crate) async fn receipt(
    server: &ServerAddress,
    arguments: &ReceiptArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let event = event(arguments)?;
    let mut client = Client::connect(server).await?;
    let request = GetReceiptRequest { event: Some(event), min_position: None };
    let response = client.audit.get_receipt(with_deadline(request)).await?.into_inner();
    output.write_all(response.receipt.as_bytes())?;
    Ok(EXIT_DONE)
}

fn event(arguments: &ReceiptArguments) -> Result<Event, CommandError> {
    let ReceiptArguments { agreement, version, position, event_id } = arguments;
    match (agreement, version, position, event_id) {
        (Some(agreement_id), Some(version), None, None) => {
            let agreement_id = agreement_id.clone();
            Ok(Event::AgreementVersion(AgreementVersion { agreement_id, version: *version }))
        }
        (None, None, Some(position), None) => Ok(Event::Position(*position)),
        (None, None, None, Some(event_id)) => Ok(Event::EventId(event_id.clone())),
        _ => {
            let text = "name one event: AGREEMENT VERSION, --position or --event-id";
            Err(CommandError::Usage(text.to_owned()))
        }
    }
}

/// Checks a receipt without a connection, and says what it proves.
pub(crate) fn verify(
    arguments: &VerifyReceiptArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let VerifyReceiptArguments { file, trust, record } = arguments;
    let trust = Trust::of(trust)?;
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path)
            .map_err(|source| CommandError::local(format!("reading {}", path.display()), source))
    };
    let wrong = |fault: &dyn std::error::Error| {
        CommandError::Untrue(format!("the receipt does not hold: {}", WithCauses(fault)))
    };
    let receipt = Receipt::parse(&read(file)?).map_err(|fault| wrong(&fault))?;
    let leaf = match (record, &receipt.extra) {
        (Some(path), _) => leaf_of(&read(path)?)?,
        (None, Some(leaf)) => leaf.clone(),
        (None, None) => {
            let text = "the receipt carries no leaf; name the record with --record";
            return Err(CommandError::Usage(text.to_owned()));
        }
    };
    let told = origin_of(&receipt.checkpoint);
    let verified = receipt.verify(&leaf, trust.origin_for(&told), &trust.keys);
    let checkpoint = verified.map_err(|fault| match &fault {
        ReceiptFault::Proof(proof) => unproved(&receipt, &leaf, record.is_some(), proof),
        _ => wrong(&fault),
    })?;
    let fields = LeafFields::read(&leaf)
        .ok_or_else(|| CommandError::Untrue("the leaf is not laid out as one".to_owned()))?;
    if fields.position != receipt.index {
        let (position, index) = (fields.position, receipt.index);
        return Err(CommandError::Untrue(format!(
            "the leaf is of position {position} and the proof is for index {index}"
        )));
    }
    writeln!(
        output,
        "holds: in the log {} of {} records, signed\n{}",
        checkpoint.origin(),
        checkpoint.size(),
        leaf_text(&fields)
    )?;
    Ok(EXIT_DONE)
}

/// What does not belong together in a receipt whose signature and origin hold.
fn unproved(receipt: &Receipt, leaf: &[u8], is_given: bool, proof: &ProofFault) -> CommandError {
    let (index, what) = (receipt.index, if is_given { "record" } else { "leaf" });
    let own = receipt.extra.as_deref().filter(|own| is_given && *own != leaf);
    let cause = match (LeafFields::read(leaf), own.and_then(LeafFields::read)) {
        (None, _) => "the leaf is not laid out as one".to_owned(),
        (Some(LeafFields { position, .. }), _) if position != index => {
            format!("the {what} is of position {position}, the receipt of {index}")
        }
        (Some(given), Some(own)) if own.position == index => {
            format!(
                "the record at position {index} is not the one that the receipt is for: they differ \
                 in {}",
                differing(&given, &own).join(", ")
            )
        }
        (Some(_), _) => {
            let checkpoint = Checkpoint::parse(receipt.checkpoint.text());
            let size = checkpoint.map(|checkpoint| checkpoint.size()).unwrap_or_default();
            format!(
                "the proof does not lead from the {what} of position {index} to the checkpoint of \
                 {size} records: one of the three is of another receipt, or was altered"
            )
        }
    };
    CommandError::Untrue(format!("the receipt does not hold: {cause} ({proof})"))
}

/// What two leaves say otherwise.
fn differing(one: &LeafFields, other: &LeafFields) -> Vec<&'static str> {
    let event = |fields: &LeafFields| fields.event.clone();
    let parts = [
        ("agreement", one.agreement_id != other.agreement_id),
        ("recorded time", one.recorded != other.recorded),
        ("origin of that time", one.imported != other.imported),
        ("event, version or effective date", event(one) != event(other)),
        ("content (SHA-256)", one.record_hash != other.record_hash),
    ];
    parts.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}

/// The leaf of a record that stands in JSON, as `replay` and `events --json` write it.
fn leaf_of(json: &str) -> Result<Vec<u8>, CommandError> {
    let record: Record = from_json(json.trim())
        .map_err(|fault| CommandError::Usage(format!("the record: {fault}")))?;
    of_stored(&encode(&record)).map_err(|fault| CommandError::Usage(format!("the record: {fault}")))
}

fn leaf_text(fields: &LeafFields) -> String {
    let mut text = format!("position {}, agreement {}", fields.position, fields.agreement_id);
    let written = match &fields.event {
        Some(event) => {
            let type_text = i32::try_from(event.event_type).map(event_type_text);
            let type_text = type_text.unwrap_or_default();
            let (version, date, id) = (event.version, event.effective, event.event_id);
            write!(text, ", version {version}\n{type_text} of {date}, id {id}")
        }
        None => write!(text, "\na refused request"),
    };
    written.expect("a text takes what is written to it");
    let recorded = recorded_text(Some(&timestamp(fields.recorded)));
    let whose = if fields.imported { " (in an older register)" } else { "" };
    let hash =
        fields.record_hash.iter().fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"));
    write!(text, "\nrecorded {recorded}{whose}\nSHA-256 of the record {hash}")
        .expect("a text takes what is written to it");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_their_two_largest_units() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3599, "59 min 59 s"),
            (3600, "1 h 0 min"),
            (86_399, "23 h 59 min"),
            (86_400, "1 d 0 h"),
            (u64::MAX, "213503982334601 d 7 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(age_text(seconds), text);
        }
    }
}
