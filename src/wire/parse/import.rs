//! Reading a request of an import: a request to append, and when an older register recorded it.

use super::{AppendCommand, Purpose, Recording, Violation, Violations, malformed, parse_append};
use crate::wire::record::from_timestamp;
use crate::wire::v1;

/// Reads a request of an import. Paths of fields are those of the import's request.
pub fn parse_import(
    request: v1::ImportEventsRequest,
    events_max: usize,
) -> Result<AppendCommand, Vec<Violation>> {
    let v1::ImportEventsRequest { append, recorded_time } = request;
    let mut violations = Violations::default();
    let recorded = recorded_time.as_ref().and_then(from_timestamp);
    match (&recorded_time, recorded) {
        (None, _) => {
            violations.add("recorded_time", malformed::FIELD_MISSING, "must be stated");
        }
        (Some(_), None) => {
            let text = "must be a valid instant";
            violations.add("recorded_time", malformed::MALFORMED_DATE, text);
        }
        (Some(_), Some(_)) => {}
    }
    let command = match append {
        None => {
            violations.add("append", malformed::FIELD_MISSING, "must say what was recorded");
            None
        }
        Some(append) => match parse_append(append, events_max) {
            Ok(command) => Some(command),
            Err(of_append) => {
                for Violation { field, reason, description } in of_append {
                    violations.add(&format!("append.{field}"), reason, description);
                }
                None
            }
        },
    };
    if command.as_ref().is_some_and(|command| command.purpose == Purpose::ValidateOnly) {
        let text = "is not for imports";
        violations.add("append.validate_only", malformed::CONTRADICTION, text);
    }
    match (command, recorded) {
        (Some(command), Some(recorded)) if violations.is_empty() => {
            Ok(AppendCommand { recording: Recording::At(recorded), ..command })
        }
        _ => Err(violations.into_vec()),
    }
}
