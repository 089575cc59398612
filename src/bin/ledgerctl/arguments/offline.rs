//! Arguments of the commands that keep a ledger safe: `verify`, `recover`, `backup`, `restore`.

use std::path::PathBuf;

use clap::Args;
use contract_ledger::backup::{BlockHash, Expected};
use contract_ledger::wire::v1::AsKnown;

use crate::time_text::parse_as_known;

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl verify                              the ledger that runs
  ledgerctl verify /var/lib/contract-ledger     the folder of one that does not")]
pub(crate) struct VerifyArguments {
    /// Folder of the log: data_dir of the ledger, which must not run. Without it: the running ledger.
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Folder of the archive, when it is not the folder archive in DIR.
    #[arg(long, value_name = "DIR", requires = "directory")]
    pub(crate) archive: Option<PathBuf>,
    /// A key that the ledger's checkpoints are signed with, as a text or a file: the newest checkpoint in
    /// DIR has to be signed with one of them. Without it only what it says is compared.
    #[arg(long = "vkey", value_name = "VKEY", requires = "directory")]
    pub(crate) vkeys: Vec<String>,
    /// Print each message of VerifyLog as JSON on a line of its own.
    #[arg(long, conflicts_with = "directory")]
    pub(crate) json: bool,
}

/// Arguments of `recover`.
#[derive(Debug, Args)]
pub(crate) struct FolderArguments {
    /// Folder of the log: data_dir of the ledger, which must not run.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Folder of the archive, when it is not the folder archive in DIR.
    #[arg(long, value_name = "DIR")]
    pub(crate) archive: Option<PathBuf>,
}

/// Arguments of `recover`.
#[derive(Debug, Args)]
pub(crate) struct RecoverArguments {
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    /// Also forget everything that is derived from the log (indexes, portfolio, tree); the next start
    /// makes it anew. For a start that is refused because of them.
    #[arg(long)]
    pub(crate) rebuild_indexes: bool,
    /// Give up the newest records, where neither copy has them and something else says that they were
    /// there: the log goes on at its end, and what is derived is forgotten. For a start that is refused
    /// as RECORDS_CUT_OFF, when no copy can be put back. What was signed of them stays signed.
    #[arg(long)]
    pub(crate) give_up_records: bool,
    /// Write the file FORMAT anew although it states a later version, when every block of a whole copy is
    /// of the version that this program writes. Only if no later version ever had the folder: a bit of
    /// that file has flipped.
    #[arg(long)]
    pub(crate) rewrite_format: bool,
}

/// Arguments of `backup`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl backup /mnt/backup/ledger
  ledgerctl backup /mnt/backup/ledger-2026-11-24.tar
  ledgerctl --server https://ledger.example.no:7401 --ca-file ca.pem backup /mnt/backup/ledger")]
pub(crate) struct BackupArguments {
    /// Backup folder: new, empty, or of an earlier backup, which is brought up to date. Or a new file
    /// whose name ends in .tar: the whole log each time, and never changed.
    #[arg(value_name = "DIR|FILE.tar")]
    pub(crate) to: PathBuf,
    /// Of a folder, read only the headers and the last segment of what earlier runs wrote, and not
    /// every byte.
    #[arg(long)]
    pub(crate) quick: bool,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl restore /mnt/backup/ledger --into /var/lib/contract-ledger
  ledgerctl restore /mnt/backup/ledger-2026-11-24.tar --into /var/lib/contract-ledger
  ledgerctl restore /mnt/backup/ledger --into /tmp/then --to-time 2025-03-31
  ledgerctl restore /mnt/backup/ledger --into /tmp/then --to-position 41 --check-server
  ledgerctl restore /mnt/backup/ledger --into /tmp/then --checkpoint kept.checkpoint --vkey ledger.vkey")]
pub(crate) struct RestoreArguments {
    /// Backup folder or backup file, or the archive of a ledger.
    #[arg(value_name = "BACKUP")]
    pub(crate) backup: PathBuf,
    /// New data folder: absent or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) into: PathBuf,
    /// The record at this position is the last, included. Without it: everything.
    #[arg(long, value_name = "POSITION", conflicts_with = "to_time")]
    pub(crate) to_position: Option<u64>,
    /// What was recorded up to then, included: a day (to its end in Europe/Oslo) or an instant.
    #[arg(long, value_name = "DAY|INSTANT", value_parser = parse_as_known)]
    pub(crate) to_time: Option<AsKnown>,
    /// Refuse a backup in which the block that ends with this position has another hash: as printed by
    /// backup, restore and verify.
    #[arg(long, value_name = "POSITION:HASH", value_parser = parse_expected)]
    pub(crate) expect: Option<Expected>,
    /// Prove that the first records are those that a signed checkpoint, kept since, is over. Takes no ledger.
    #[arg(long, value_name = "FILE", requires = "vkeys")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Key that the checkpoint is to be signed by, as keygen printed it, or a file that holds it.
    #[arg(long = "vkey", value_name = "VKEY", requires = "checkpoint")]
    pub(crate) vkeys: Vec<String>,
    /// Also ask the ledger at --server whether what was restored is a prefix of its log.
    #[arg(long)]
    pub(crate) check_server: bool,
}

fn parse_expected(text: &str) -> Result<Expected, String> {
    let parse = || {
        let (position, hash) = text.split_once(':')?;
        let digits: Vec<u32> = hash.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => u8::try_from(high * 16 + low).ok(),
                _ => None,
            })
            .collect::<Option<_>>()?;
        let hash = BlockHash::from_bytes(bytes.try_into().ok()?);
        Some(Expected { last_position: position.parse().ok()?, hash })
    };
    parse().ok_or_else(|| {
        "not a position and a hash; write 41: and the 64 hexadecimal digits of the block".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_block_is_read_as_it_is_printed() {
        let hash = BlockHash::of(b"a block");
        let expected = parse_expected(&format!("41:{hash}")).unwrap();
        assert_eq!(expected, Expected { last_position: 41, hash });
        for other in ["41", "41:", "x:00", "41:00", &format!("41:{hash}0"), &format!("-1:{hash}")] {
            assert!(parse_expected(other).is_err(), "{other}");
        }
    }
}
