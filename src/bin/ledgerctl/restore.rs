//! `restore`: a new data folder of a backup, up to any point.

use std::fmt::Write as _;
use std::io::Write;

use contract_ledger::backup::{RestorePoint, Restored, Step, decode, restore};
use contract_ledger::wire::parse::{Violations, parse_known};
use contract_ledger::wire::v1::AsKnown;

use crate::arguments::RestoreArguments;
use crate::backup::{finding, last_block_text, read_blocks};
use crate::client::{Client, ServerAddress};
use crate::failure::Failure;
use crate::input::{count_bar, show_count};
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED};
use crate::restored::check_signed;

/// Restores, and says what.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &RestoreArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let RestoreArguments {
        backup,
        into,
        to_position,
        to_time,
        expect,
        checkpoint,
        vkeys,
        check_server,
    } = arguments;
    let point = point(*to_position, to_time.as_ref())?;
    let bar = count_bar();
    let restored = restore(backup, into, point, *expect, &mut |step, done, total| {
        show_count(&bar, done, total);
        bar.set_message(match step {
            Step::Verifying => "verifying the backup",
            Step::Copying => "copying blocks",
            Step::Building => "building the store",
        });
    });
    bar.finish_and_clear();
    let restored = match restored {
        Ok(restored) => restored,
        Err(error) => return finding(&error, output),
    };
    output.write_all(restored_text(&restored).as_bytes())?;
    if expect.is_none() && checkpoint.is_none() && !check_server {
        writeln!(
            output,
            "checked:  against itself alone; that it is a prefix of what was is proved by \
             --checkpoint, --expect or --check-server"
        )?;
    }
    if let Some(checkpoint) = checkpoint {
        let code = check_signed(into, checkpoint, vkeys, output)?;
        if code != EXIT_DONE {
            return Ok(code);
        }
    }
    if *check_server {
        return check_prefix(server, &restored, output).await;
    }
    Ok(EXIT_DONE)
}

fn point(
    to_position: Option<u64>,
    to_time: Option<&AsKnown>,
) -> Result<RestorePoint, CommandError> {
    if let Some(position) = to_position {
        return Ok(RestorePoint::Position(position));
    }
    let mut violations = Violations::default();
    match parse_known(&mut violations, to_time) {
        Some(time) => Ok(RestorePoint::Time(time)),
        None if to_time.is_none() => Ok(RestorePoint::End),
        None => Err(CommandError::Usage("--to-time is no time that can be recorded".to_owned())),
    }
}

fn restored_text(restored: &Restored) -> String {
    let Restored { end, common, cut_records, backup_end, torn_bytes } = restored;
    let mut text = String::new();
    if *torn_bytes > 0 {
        let _ = writeln!(text, "{torn_bytes} bytes of an interrupted backup were left out");
    }
    let of = |link: &contract_ledger::backup::Link| {
        last_block_text(link.next_position, link.last_block.as_bytes())
    };
    let (records, all) = (end.next_position, backup_end.next_position);
    let _ = writeln!(text, "backup:   {all} records{}", of(backup_end));
    let _ = writeln!(text, "restored: {records} records{}", of(end));
    if cut_records.is_empty() {
        let _ = writeln!(text, "          every block is the one of the backup");
    } else {
        let _ = writeln!(
            text,
            "          the blocks of the backup up to {} records{}; then a block that was cut to its \
             first {} records, and so has a hash of its own",
            common.next_position,
            of(common),
            cut_records.len()
        );
    }
    // A backup holds no checkpoint, so that what is restored cannot take back what was signed.
    text.push_str(
        "signing:  what the key has signed is kept beside it (KEY_FILE.newest or [checkpoint] newest_file); \
         nothing is signed while this\n          log does not begin with that; without that file put the very newest \
         checkpoint that was signed, best\n          what a witness says, here as newest.checkpoint before the \
         start: anything older leads to a second\n          history, which every auditor can prove\n",
    );
    text
}

/// Whether what was restored is a prefix of the log of a running ledger.
async fn check_prefix(
    server: &ServerAddress,
    restored: &Restored,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let mut messages = match read_blocks(&mut client, restored.common).await {
        Ok(messages) => messages,
        Err(status) => {
            let failure = Failure::of_status(&status);
            if failure.reason == "HISTORY_DIFFERS" || failure.reason == "POSITION_BEYOND_HEAD" {
                writeln!(output, "refused: the ledger at {} has another history", server.url)?;
                return Ok(EXIT_FAILED);
            }
            return Err(CommandError::Refused(Box::new(failure)));
        }
    };
    let first = messages.message().await?.and_then(|message| message.blocks.into_iter().next());
    if cut_is_in(restored, first) {
        writeln!(output, "checked:  a prefix of the log of the ledger at {}", server.url)?;
        return Ok(EXIT_DONE);
    }
    writeln!(output, "refused: the ledger at {} has other records in the last block", server.url)?;
    Ok(EXIT_FAILED)
}

/// Whether the records of the block that was cut are the first ones of the ledger's block.
fn cut_is_in(restored: &Restored, block: Option<Vec<u8>>) -> bool {
    if restored.cut_records.is_empty() {
        return true;
    }
    let Some(Ok(block)) = block.map(|bytes| decode(bytes.into())) else { return false };
    let mut own = restored.cut_records.iter();
    block
        .positions()
        .zip(&mut own)
        .all(|(position, own)| block.record(position).as_ref() == Some(own))
        && own.next().is_none()
}
