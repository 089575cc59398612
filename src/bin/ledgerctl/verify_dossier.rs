//! `verify-dossier`: checks a dossier without a connection, and says of each figure whether it follows.

use std::fs::{self, File};
use std::io::{Read as _, Write};
use std::path::Path;

use contract_ledger::domain::id::AgreementId;
use contract_ledger::dossier::{
    Census, Conclusion, DOSSIER_BYTES_MAX, Dossier, FileFault, KeysFrom, Outcome,
    Trust as DossierTrust, Verdict, Verified, report, verify,
};
use contract_ledger::ledger::error::WithCauses;
use contract_ledger::merkle::{Checkpoint, Note, TILE_WIDTH, Tile, take_entry};
use serde::Serialize;

use crate::arguments::VerifyDossierArguments;
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED, EXIT_NOT_PROVED};
use crate::table::printable;
use crate::trust::{Trust, key, origin_of};

/// What is printed for machines.
#[derive(Serialize)]
struct Told<'t> {
    /// Everything, unless completeness is waived.
    holds: bool,
    conclusion: Conclusion,
    #[serde(flatten)]
    verdict: &'t Verdict,
}

/// What is printed for machines when the file cannot be read as a dossier.
#[derive(Serialize)]
struct ToldFault {
    holds: bool,
    reason: &'static str,
    text: String,
}

/// Verifies, shows, and writes the report that is asked for.
pub(crate) fn run(
    arguments: &VerifyDossierArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let VerifyDossierArguments {
        file,
        trust,
        witness_vkeys,
        tiles,
        waive_completeness,
        report: page,
        language,
        json,
    } = arguments;
    let trust = Trust::of(trust)?;
    let witnesses: Vec<_> = witness_vkeys.iter().map(|text| key(text)).collect::<Result<_, _>>()?;
    let bytes = bytes_of(file)?;
    let dossier = match Dossier::parse(&bytes) {
        Ok(dossier) => dossier,
        Err(fault) if *json => return tell_fault(&fault, output),
        Err(fault) => {
            let (reason, text) = (fault.reason(), WithCauses(&fault));
            return Err(CommandError::Untrue(format!("{reason}: {text}")));
        }
    };
    let census = tiles.as_ref().map(|folder| census(folder, &dossier)).transpose()?;
    let told = Note::parse(&dossier.checkpoint).map(|note| origin_of(&note)).unwrap_or_default();
    let (origin, keys) = (trust.origin_for(&told), &trust.keys);
    let trust = DossierTrust { origin, keys, witnesses: &witnesses };
    let verified = verify(&dossier, &trust, census.as_ref());
    if let Some(path) = page {
        let text = report(&dossier, &verified, KeysFrom::Verifier, language.language());
        write_whole(path, text.as_bytes())?;
    }
    let telling = Telling {
        json: *json,
        completeness: if *waive_completeness { Completeness::Waived } else { Completeness::Needed },
        remedy: "--tiles DIR looks it up in all leaves of the log; --waive-completeness does without",
    };
    tell(&verified, &telling, output)
}

/// What is asked of completeness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// A dossier without it does not simply hold.
    Needed,
    /// The caller does without.
    Waived,
}

/// How the verdict is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telling<'t> {
    /// As JSON on one line.
    pub(crate) json: bool,
    /// What is asked of completeness.
    pub(crate) completeness: Completeness,
    /// What to do when it is not proved.
    pub(crate) remedy: &'t str,
}

fn tell_fault(fault: &FileFault, output: &mut impl Write) -> Result<u8, CommandError> {
    let text = WithCauses(fault).to_string();
    let told = ToldFault { holds: false, reason: fault.reason(), text };
    writeln!(output, "{}", json_of(&told)?)?;
    Ok(EXIT_FAILED)
}

/// What is said of a dossier that holds as far as it goes.
const AS_FAR_AS_IT_GOES: &str = "the dossier holds only as far as it goes: that no later event of the agreement was left out is not \
     proved";

/// Shows what came of it. A dossier that does not hold is an error that names what is wrong; one of which
/// it is not proved that nothing later was left out is one too, with an exit code of its own.
pub(crate) fn tell(
    verified: &Verified,
    telling: &Telling<'_>,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let Telling { json, completeness, remedy } = *telling;
    let verdict = &verified.verdict;
    let conclusion = verdict.conclusion();
    let (holds, exit) = match (conclusion, completeness) {
        (Conclusion::Holds, _) | (Conclusion::HoldsAsFarAsItGoes, Completeness::Waived) => {
            (true, EXIT_DONE)
        }
        (Conclusion::HoldsAsFarAsItGoes, Completeness::Needed) => (false, EXIT_NOT_PROVED),
        (Conclusion::Fails, _) => (false, EXIT_FAILED),
    };
    if json {
        writeln!(output, "{}", json_of(&Told { holds, conclusion, verdict })?)?;
        return Ok(exit);
    }
    output.write_all(printable(&verdict_text(verdict)).as_bytes())?;
    let named = |outcome| {
        let checks = verdict.checks.iter();
        let named = checks.filter(|check| check.outcome == outcome);
        let named = named.map(|check| format!("{}: {}", check.part.name(), check.text));
        printable(&named.collect::<Vec<_>>().join("\n  "))
    };
    match (conclusion, completeness) {
        (Conclusion::Holds, _) => writeln!(output, "the dossier holds")?,
        (Conclusion::HoldsAsFarAsItGoes, Completeness::Waived) => {
            writeln!(output, "{AS_FAR_AS_IT_GOES} (waived)")?;
        }
        (Conclusion::HoldsAsFarAsItGoes, Completeness::Needed) => {
            let text = named(Outcome::NotProved);
            return Err(CommandError::Unproved(format!(
                "{AS_FAR_AS_IT_GOES}\n  {text}\n  {remedy}"
            )));
        }
        (Conclusion::Fails, _) => {
            let text = named(Outcome::Fails);
            return Err(CommandError::Untrue(format!("the dossier does not hold\n  {text}")));
        }
    }
    Ok(exit)
}

fn verdict_text(verdict: &Verdict) -> String {
    let Verdict { agreement_id, as_of, as_known, checks, figures, findings } = verdict;
    let mut lines = vec![format!("agreement {agreement_id} as of {as_of}, as known {as_known}")];
    lines.extend(
        checks
            .iter()
            .map(|check| format!("{} {}: {}", check.part.name(), check.outcome.name(), check.text)),
    );
    let says = |follows: bool| if follows { "follows" } else { "DOES NOT FOLLOW" };
    for figure in figures {
        let stated = figure.stated.as_deref().unwrap_or("(not stated)");
        let from = from_text(&figure.positions);
        let (scope, name) = (&figure.scope, &figure.figure);
        lines.push(format!("figure {scope} {name} {stated} {}{from}", says(figure.follows)));
    }
    for finding in findings {
        let from = from_text(&finding.positions);
        let (rule, subject) = (&finding.rule, &finding.subject);
        let episode = finding.episode;
        let follows = says(finding.follows);
        lines.push(format!("finding {rule} {subject} episode {episode} {follows}{from}"));
    }
    // What a stranger's file says never begins a line of its own.
    lines.iter().map(|line| line.replace('\n', " ") + "\n").collect()
}

/// Most positions on one line; the JSON has all.
const POSITIONS_SHOWN_MAX: usize = 12;

/// Where something comes from, behind what it is.
pub(crate) fn from_text(positions: &[u64]) -> String {
    if positions.is_empty() {
        return String::new();
    }
    let shown: Vec<String> =
        positions.iter().take(POSITIONS_SHOWN_MAX).map(ToString::to_string).collect();
    let more = if positions.len() > POSITIONS_SHOWN_MAX { ", ..." } else { "" };
    format!(" from {}{more}", shown.join(", "))
}

fn json_of(told: &impl Serialize) -> Result<String, CommandError> {
    serde_json::to_string(told).map_err(|error| CommandError::local("writing JSON", error.into()))
}

/// The bytes of a file, no more than a dossier may have and one.
fn bytes_of(path: &Path) -> Result<Vec<u8>, CommandError> {
    let reading = |source| CommandError::local(format!("reading {}", path.display()), source);
    let limit = u64::try_from(DOSSIER_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path).map_err(reading)?.take(limit).read_to_end(&mut bytes).map_err(reading)?;
    Ok(bytes)
}

/// Puts a file in its place whole.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let unfinished = path.with_added_extension("unfinished");
    let written = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&unfinished, path)
    };
    written().map_err(|error| CommandError::local(format!("writing {}", path.display()), error))
}

/// Every leaf in a folder of tiles, as far as the dossier's checkpoint goes.
fn census(folder: &Path, dossier: &Dossier) -> Result<Census, CommandError> {
    let stopped = |text: String| CommandError::Stopped(format!("{}: {text}", folder.display()));
    let size = size_of(&dossier.checkpoint)
        .ok_or_else(|| CommandError::Untrue("the dossier has no checkpoint".to_owned()))?;
    let agreement_id = AgreementId::parse(&dossier.agreement_id)
        .map_err(|fault| CommandError::Untrue(format!("the agreement id {fault}")))?;
    // How far the folder goes only says where to look; the root says what the leaves are.
    let shown = fs::read_to_string(folder.join("checkpoint"))
        .map_err(|error| CommandError::local("reading the checkpoint of the tiles", error))?;
    let shown = size_of(&shown).ok_or_else(|| stopped("its checkpoint is none".to_owned()))?;
    if shown < size {
        return Err(stopped(format!(
            "it shows {shown} records, and the dossier's checkpoint covers {size}: export it again"
        )));
    }
    let mut census = Census::new(agreement_id);
    while census.size() < size {
        let index = census.size() / TILE_WIDTH;
        let tile = Tile::of_tree(0, index, shown)
            .ok_or_else(|| stopped(format!("it has no entries number {index}")))?;
        let path = folder.join(tile.entries_path());
        let bundle = fs::read(&path)
            .map_err(|error| CommandError::local(format!("reading {}", path.display()), error))?;
        let mut rest = bundle.as_slice();
        let before = census.size();
        while census.size() < size
            && let Some(leaf) = take_entry(&mut rest)
        {
            census.take(leaf);
        }
        let full = before.saturating_add(TILE_WIDTH).min(size);
        if census.size() < full || (census.size() < size && !rest.is_empty()) {
            return Err(stopped(format!("{} is no whole bundle", path.display())));
        }
    }
    Ok(census)
}

fn size_of(checkpoint: &str) -> Option<u64> {
    let note = Note::parse(checkpoint).ok()?;
    Checkpoint::parse(note.text()).ok().map(|checkpoint| checkpoint.size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_positions_is_cut_for_people() {
        assert_eq!(from_text(&[]), "");
        assert_eq!(from_text(&[1, 2]), " from 1, 2");
        let many: Vec<u64> = (0..13).collect();
        assert!(from_text(&many).ends_with(" 11, ..."), "{}", from_text(&many));
    }

    #[test]
    fn a_file_is_put_in_its_place_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.dossier");
        write_whole(&path, b"first").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(bytes_of(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let missing = folder.path().join("missing").join("a");
        assert!(matches!(write_whole(&missing, b""), Err(CommandError::Local { .. })));
        assert_eq!(
            bytes_of(&missing).map_err(|error| matches!(error, CommandError::Local { .. })),
            Err(true)
        );
    }
}
