//! `head`: how long the log is.

use std::io::Write;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1::{GetHeadRequest, GetHeadResponse};

use crate::arguments::HeadArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::time_text::recorded_text;

/// Asks and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &HeadArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let response = client.ledger.get_head(with_deadline(GetHeadRequest {})).await?.into_inner();
    if arguments.json {
        writeln!(output, "{}", to_json(&response))?;
    } else {
        output.write_all(head_text(&response).as_bytes())?;
    }
    Ok(EXIT_DONE)
}

fn head_text(head: &GetHeadResponse) -> String {
    head.head_position.map_or_else(
        || "The log is empty.\n".to_owned(),
        |position| {
            let records = if head.record_count == 1 { "record" } else { "records" };
            format!(
                "{} {records}; the newest at position {position}, recorded {}\n",
                head.record_count,
                recorded_text(head.recorded_time.as_ref())
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_log_is_told_from_one_record() {
        assert_eq!(head_text(&GetHeadResponse::default()), "The log is empty.\n");
        let head = GetHeadResponse {
            record_count: 1,
            head_position: Some(0),
            recorded_time: None,
            ..Default::default()
        };
        assert!(head_text(&head).starts_with("1 record; the newest at position 0"));
    }
}
