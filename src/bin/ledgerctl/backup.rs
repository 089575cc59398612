//! `backup`: the blocks of a running ledger into a folder or a file, verified here and not taken on
//! trust.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use contract_ledger::backup::{BackupError, BackupFile, BackupFolder, BlockHash, Depth, Link};
use contract_ledger::ledger::error::WithCauses;
use contract_ledger::wire::v1::{ReadBlocksRequest, ReadBlocksResponse};
use indicatif::{HumanBytes, ProgressBar};
use tonic::Streaming;

use crate::arguments::BackupArguments;
use crate::client::{Client, ServerAddress};
use crate::failure::Failure;
use crate::input::{count_bar, show_count};
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED};

/// Makes a backup, or brings one up to date.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &BackupArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let bar = count_bar();
    bar.set_message("reading what is there");
    let ended = back_up(&mut client, arguments, &bar).await;
    bar.finish_and_clear();
    match ended {
        Ok(done) => {
            output.write_all(done_text(&done).as_bytes())?;
            Ok(EXIT_DONE)
        }
        Err(Ended::Failed(error)) => Err(error),
        Err(Ended::Backup(error)) => finding(&error, output),
    }
}

/// A finding is told as an answer; what could not be done is an error.
pub(crate) fn finding(error: &BackupError, output: &mut impl Write) -> Result<u8, CommandError> {
    let text = WithCauses(error).to_string();
    if error.is_finding() {
        writeln!(output, "refused: {text}")?;
        return Ok(EXIT_FAILED);
    }
    Err(CommandError::Stopped(text))
}

/// Why a backup ended before its end.
enum Ended {
    Backup(BackupError),
    Failed(CommandError),
}

impl From<BackupError> for Ended {
    fn from(error: BackupError) -> Self {
        Self::Backup(error)
    }
}

impl From<tonic::Status> for Ended {
    fn from(status: tonic::Status) -> Self {
        Self::Failed(status.into())
    }
}

/// Where the blocks go.
enum Target {
    Folder(BackupFolder),
    File(BackupFile),
}

impl Target {
    /// A file is meant by a name that ends in `.tar`, unless there is a folder of that name.
    fn open(to: &Path, quick: bool) -> Result<Self, Ended> {
        if to.extension().is_none_or(|extension| extension != "tar") || to.is_dir() {
            let depth = if quick { Depth::End } else { Depth::Whole };
            return Ok(Self::Folder(BackupFolder::open(to, depth)?));
        }
        if quick {
            let text = "--quick is for a folder; a file is always written as a whole".to_owned();
            return Err(Ended::Failed(CommandError::Usage(text)));
        }
        Ok(Self::File(BackupFile::begin(to)?))
    }

    fn end(&self) -> Link {
        match self {
            Self::Folder(folder) => folder.end(),
            Self::File(file) => file.end(),
        }
    }

    fn torn_bytes(&self) -> usize {
        match self {
            Self::Folder(folder) => folder.torn_bytes(),
            Self::File(_) => 0,
        }
    }

    fn take_in(&mut self, block: Bytes) -> Result<(), BackupError> {
        match self {
            Self::Folder(folder) => folder.take_in(block),
            Self::File(file) => file.take_in(block),
        }
    }

    /// What came before a failure is whole, and the next run on a folder goes on behind it.
    fn keep(&mut self) -> Result<(), BackupError> {
        match self {
            Self::Folder(folder) => folder.write(),
            Self::File(_) => Ok(()),
        }
    }

    fn finish(self, captured: Link, bar: &ProgressBar) -> Result<(), BackupError> {
        match self {
            Self::Folder(folder) => folder.finish(captured),
            Self::File(file) => file.finish(captured, &mut |position| {
                bar.set_position(position);
                bar.set_message("read back");
            }),
        }
    }
}

/// What a run has done.
struct Done {
    begun: Link,
    end: Link,
    bytes: u64,
    torn_bytes: usize,
}

async fn back_up(
    client: &mut Client,
    arguments: &BackupArguments,
    bar: &ProgressBar,
) -> Result<Done, Ended> {
    let mut target = Target::open(&arguments.to, arguments.quick)?;
    let begun = target.end();
    let torn_bytes = target.torn_bytes();
    let messages = read_blocks(client, begun).await.map_err(|status| of_start(&status, begun))?;
    let received = receive(messages, &mut target, bar).await;
    target.keep()?;
    let (captured, bytes) = received?;
    target.finish(captured, bar)?;
    Ok(Done { begun, end: captured, bytes, torn_bytes })
}

/// The blocks behind a place, or why there are none.
pub(crate) async fn read_blocks(
    client: &mut Client,
    after: Link,
) -> Result<Streaming<ReadBlocksResponse>, tonic::Status> {
    let Link { next_position, last_block } = after;
    let after_block_hash =
        if next_position == 0 { Vec::new() } else { last_block.as_bytes().to_vec() };
    let request = ReadBlocksRequest { from_position: next_position, after_block_hash };
    Ok(client.admin.read_blocks(request).await?.into_inner())
}

fn of_start(status: &tonic::Status, begun: Link) -> Ended {
    let failure = Failure::of_status(status);
    if failure.reason == "HISTORY_DIFFERS" || failure.reason == "POSITION_BEYOND_HEAD" {
        let place = format!(
            "the folder holds {} records of another history than this ledger, or the ledger has lost \
             some; nothing was written. Back up to another folder, and keep this one",
            begun.next_position
        );
        return Ended::Failed(CommandError::RefusedAt { place, failure: Box::new(failure) });
    }
    Ended::Failed(CommandError::Refused(Box::new(failure)))
}

async fn receive(
    mut messages: Streaming<ReadBlocksResponse>,
    target: &mut Target,
    bar: &ProgressBar,
) -> Result<(Link, u64), Ended> {
    let mut captured = None;
    let mut bytes = 0;
    while let Some(message) = messages.message().await? {
        let ReadBlocksResponse { blocks, captured_record_count, captured_block_hash } = message;
        for block in blocks {
            bytes += u64::try_from(block.len()).unwrap_or(u64::MAX);
            target.take_in(block.into())?;
        }
        show_count(bar, target.end().next_position, captured_record_count);
        bar.set_message(format!("of {captured_record_count} records, {}", HumanBytes(bytes)));
        let hash = captured_block_hash.try_into().map(BlockHash::from_bytes);
        let last_block = hash.map_err(|_| stopped("the ledger states a hash that is none"))?;
        captured = Some(Link { next_position: captured_record_count, last_block });
    }
    let captured = captured.ok_or_else(|| stopped("the ledger has sent nothing; run it again"))?;
    Ok((captured, bytes))
}

fn stopped(text: &str) -> Ended {
    Ended::Failed(CommandError::Stopped(text.to_owned()))
}

fn done_text(done: &Done) -> String {
    let Done { begun, end, bytes, torn_bytes } = done;
    let mut text = String::new();
    if *torn_bytes > 0 {
        let _ = writeln!(text, "{torn_bytes} bytes of an interrupted run were cut off");
    }
    let records = end.next_position;
    let added = records.saturating_sub(begun.next_position);
    let last = last_block_text(records, end.last_block.as_bytes());
    let _ = writeln!(text, "{added} records added, {}", HumanBytes(*bytes));
    let _ = writeln!(text, "backed up: {records} records{last}");
    text
}

/// The last block, as `restore --expect` takes it, to go on after the count of records.
pub(crate) fn last_block_text(record_count: u64, hash: &[u8]) -> String {
    let Some(last) = record_count.checked_sub(1) else { return String::new() };
    let mut text = format!(", last block {last}:");
    for byte in hash {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
