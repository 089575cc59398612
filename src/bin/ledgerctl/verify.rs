//! `verify` without a folder: asks a ledger that runs to verify what it has stored.

use std::io::Write;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1::verify_log_response::Message;
use contract_ledger::wire::v1::{
    DamageKind, VerifyLogDamage, VerifyLogProgress, VerifyLogRequest, VerifyLogSummary, VerifyPhase,
};
use indicatif::{HumanBytes, ProgressBar};

use crate::arguments::VerifyArguments;
use crate::backup::last_block_text;
use crate::client::{Client, ServerAddress};
use crate::input::{count_bar, show_count};
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED};
use crate::table::printable;

/// Asks, and tells what comes.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &VerifyArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let mut messages = client.admin.verify_log(VerifyLogRequest {}).await?.into_inner();
    let bar = count_bar();
    let mut summary = None;
    while let Some(response) = messages.message().await? {
        if arguments.json {
            bar.suspend(|| writeln!(output, "{}", to_json(&response)))?;
        }
        match response.message {
            Some(Message::Progress(progress)) => show(&bar, &progress),
            Some(Message::Damage(damage)) if !arguments.json => {
                bar.suspend(|| writeln!(output, "{}", damage_text(&damage)))?;
            }
            Some(Message::Damage(_)) | None => {}
            Some(Message::Summary(told)) => summary = Some(told),
        }
    }
    bar.finish_and_clear();
    let summary = summary.ok_or_else(|| {
        CommandError::Stopped("the verification ended without its summary; run it again".to_owned())
    })?;
    if !arguments.json {
        output.write_all(summary_text(&summary).as_bytes())?;
    }
    Ok(if summary.damage_count == 0 { EXIT_DONE } else { EXIT_FAILED })
}

fn show(bar: &ProgressBar, progress: &VerifyLogProgress) {
    let what = match progress.phase() {
        VerifyPhase::Unspecified => "verifying",
        VerifyPhase::Store => "records of the store",
        VerifyPhase::Archive => "records of the archive",
        VerifyPhase::Tree => "records in the tree",
        VerifyPhase::Indexes => "entries of the indexes",
        VerifyPhase::Portfolio => "rows of the portfolio",
    };
    show_count(bar, progress.done, progress.total);
    bar.set_message(format!(
        "{} of {} {what}, {} read",
        progress.done,
        progress.total,
        HumanBytes(progress.bytes_done)
    ));
}

fn damage_text(damage: &VerifyLogDamage) -> String {
    let part = damage.part().as_str_name().trim_start_matches("DAMAGED_PART_").to_lowercase();
    let kind = damage.kind().as_str_name().trim_start_matches("DAMAGE_KIND_");
    let kind = if damage.kind() == DamageKind::Unspecified { "DAMAGED" } else { kind };
    let place = damage.position.map(|at| format!(" at position {at}")).unwrap_or_default();
    let subject = match damage.subject.as_str() {
        "" => String::new(),
        subject => format!(" ({subject})"),
    };
    printable(&format!("damaged: {kind} in the {part}{place}{subject}: {}", damage.text))
}

fn summary_text(summary: &VerifyLogSummary) -> String {
    let records = summary.record_count;
    let last = last_block_text(records, &summary.last_block_hash);
    let archive = match summary.archive_blocks {
        Some(blocks) => format!("archive:  {blocks} blocks\n"),
        None => "archive:  none is kept\n".to_owned(),
    };
    // In the last line: who reads no other is not to take it for more than it is.
    let rows = match summary.rows_not_compared {
        0 => String::new(),
        rows => {
            format!("; not compared: {rows} rows of the portfolio that were about to be written")
        }
    };
    let end = match (summary.damage_count, summary.rows_not_compared) {
        (0, 0) => "verified: everything stored is whole and alike".to_owned(),
        (0, _) => "verified: everything that was compared is whole and alike".to_owned(),
        (count, _) => format!("damaged: {count} findings; see docs/durability.md for what to do"),
    };
    format!(
        "store:    {} blocks, {records} records{last}\n{archive}records:  {} agreements\n{end}{rows}\n",
        summary.store_blocks, summary.agreements
    )
}

#[cfg(test)]
mod tests {
    use contract_ledger::wire::v1::DamagedPart;

    use super::*;

    #[test]
    fn damage_is_told_with_part_place_and_kind() {
        let mut damage = VerifyLogDamage {
            position: Some(7),
            subject: "/data/archive/segment-7".to_owned(),
            text: "the bytes\u{1b} are no block".to_owned(),
            ..Default::default()
        };
        damage.set_part(DamagedPart::Archive);
        damage.set_kind(DamageKind::Block);
        let text = damage_text(&damage);
        assert!(
            text.starts_with(
                "damaged: BLOCK in the archive at position 7 (/data/archive/segment-7): "
            ),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn summary_ends_with_the_outcome() {
        let mut summary = VerifyLogSummary {
            record_count: 3,
            last_block_hash: vec![0xab; 32],
            store_blocks: 2,
            ..Default::default()
        };
        let text = summary_text(&summary);
        assert!(text.starts_with("store:    2 blocks, 3 records, last block 2:abab"), "{text}");
        assert!(text.ends_with("verified: everything stored is whole and alike\n"), "{text}");
        summary.rows_not_compared = 100;
        let text = summary_text(&summary);
        let last = "verified: everything that was compared is whole and alike; not compared: 100 rows of \
                    the portfolio that were about to be written";
        assert_eq!(text.lines().last(), Some(last), "{text}");
        summary.damage_count = 4;
        let text = summary_text(&summary);
        let last = text.lines().last().unwrap_or_default();
        assert!(last.starts_with("damaged: 4 findings") && last.contains("100 rows"), "{text}");
    }
}
