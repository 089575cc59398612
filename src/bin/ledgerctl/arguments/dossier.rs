//! Arguments of `dossier` and `verify-dossier`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use contract_ledger::dossier::{COMPLETENESS_BYTES_MAX, Language};
use contract_ledger::wire::v1::AsKnown;

use super::TrustArguments;
use crate::time_text::{parse_as_known, parse_date};

/// Most bytes of leaves that a dossier gets without being asked: those of 70 000 to 80 000 records.
const COMPLETENESS_BYTES_DEFAULT: usize = 8 * 1024 * 1024;

fn parse_completeness_bytes(text: &str) -> Result<usize, String> {
    let bytes = text.parse().map_err(|_| "it is no number of bytes".to_owned())?;
    if bytes > COMPLETENESS_BYTES_MAX {
        return Err(format!("a dossier has at most {COMPLETENESS_BYTES_MAX}"));
    }
    Ok(bytes)
}

/// The language of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LanguageChoice {
    /// Norwegian bokmål.
    Nb,
    /// English.
    En,
}

impl LanguageChoice {
    /// The language itself.
    pub(crate) fn language(self) -> Language {
        match self {
            Self::Nb => Language::Nb,
            Self::En => Language::En,
        }
    }
}

/// Arguments of `dossier`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl dossier asker-2020 -o asker-2020.dossier
  ledgerctl dossier asker-2020 -o then.dossier --as-of 2023-12-31 --as-known 2024-01-31 --language en
  ledgerctl dossier asker-2020 -o cosigned.dossier --cosigned 1")]
pub(crate) struct DossierArguments {
    /// Agreement id.
    pub(crate) agreement: String,
    /// File to write. One that is there is replaced.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Business date that the answer is for. Without it: today in Europe/Oslo.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    pub(crate) as_of: Option<String>,
    /// Answer with what the ledger knew then: a day (to its end in Europe/Oslo) or an instant, not after
    /// the newest record of the checkpoint. Without it: everything under the checkpoint.
    #[arg(long, value_name = "DAY|INSTANT", value_parser = parse_as_known)]
    pub(crate) as_known: Option<AsKnown>,
    /// Take the newest checkpoint that at least so many witnesses cosigned.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) cosigned: u32,
    /// Most bytes of leaves to put in, so that the file proves that no event comes after the newest one of
    /// the agreement: about 115 for each record of the log behind it, and a third more in the file.
    /// When there are more, or with 0, the file has none and does not prove it.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = COMPLETENESS_BYTES_DEFAULT,
        value_parser = parse_completeness_bytes
    )]
    pub(crate) completeness_bytes_max: usize,
    /// Be content, exit code 0, also when it is not proved that no later event was left out.
    #[arg(long)]
    pub(crate) waive_completeness: bool,
    /// File for the report. Without it: the name of the dossier with .html behind it.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Language of the report.
    #[arg(long, value_name = "LANGUAGE", default_value = "nb")]
    pub(crate) language: LanguageChoice,
    /// Print what came of verifying it as JSON on one line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `verify-dossier`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl verify-dossier asker-2020.dossier --vkey ledger.vkey
  ledgerctl verify-dossier asker-2020.dossier --vkey ledger.vkey --witness-vkey w1.vkey --json
  ledgerctl verify-dossier asker-2020.dossier --vkey ledger.vkey --tiles /srv/www/ledger \\
    --report asker-2020.en.html --language en")]
pub(crate) struct VerifyDossierArguments {
    /// The dossier.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
    /// Key of a witness, or a file that holds it. Each witness that is named must have cosigned.
    #[arg(long = "witness-vkey", value_name = "VKEY")]
    pub(crate) witness_vkeys: Vec<String>,
    /// Folder of export-tiles that goes at least as far as the dossier's checkpoint. It proves that no
    /// record of the agreement is left out, refusals included.
    #[arg(long, value_name = "DIR")]
    pub(crate) tiles: Option<PathBuf>,
    /// Be content, exit code 0, also when neither the file nor tiles prove that no later event was left out.
    #[arg(long)]
    pub(crate) waive_completeness: bool,
    /// Also write the report for people to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Language of the report.
    #[arg(long, value_name = "LANGUAGE", default_value = "nb")]
    pub(crate) language: LanguageChoice,
    /// Print what came of it as JSON on one line.
    #[arg(long)]
    pub(crate) json: bool,
}
