//! `frameworks`: published notices of framework agreements as requests that sign them.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use contract_ledger::generate::contract::Contract;
use contract_ledger::generate::framework::{self, Framework, NOTICES_BYTES_MAX};
use contract_ledger::wire::json::to_short_json;

use crate::outcome::{CommandError, EXIT_DONE};

/// Arguments of `frameworks`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl frameworks | ledgerctl append -
  ledgerctl frameworks --from norwegian-frameworks.jsonl > agreements.jsonl")]
pub(crate) struct FrameworksArguments {
    /// Notices as JSON lines or as one JSON array. Without it: the 22 that come with the program.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// Writes one AppendEventsRequest a notice.
pub(crate) fn run(
    arguments: &FrameworksArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let notices = match &arguments.from {
        None => framework::embedded(),
        Some(path) => read(path)?,
    };
    let mut output = BufWriter::new(output);
    for contract in contracts_of(&notices)? {
        writeln!(output, "{}", to_short_json(&contract.request()))?;
    }
    output.flush()?;
    Ok(EXIT_DONE)
}

/// Every notice as an agreement, or what is wrong with the first that is none.
pub(crate) fn contracts_of(notices: &[Framework]) -> Result<Vec<Contract>, CommandError> {
    let contracts = notices.iter().map(Contract::of);
    contracts
        .collect::<Result<_, _>>()
        .map_err(|unusable| CommandError::Usage(unusable.to_string()))
}

fn read(path: &Path) -> Result<Vec<Framework>, CommandError> {
    let doing = || format!("reading {}", path.display());
    let file = File::open(path).map_err(|source| CommandError::local(doing(), source))?;
    let mut text = String::new();
    file.take(NOTICES_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|source| CommandError::local(doing(), source))?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > NOTICES_BYTES_MAX) {
        let fault = format!("{} is longer than {NOTICES_BYTES_MAX} bytes", path.display());
        return Err(CommandError::Usage(fault));
    }
    framework::read(&text).map_err(|unreadable| {
        let cause = std::error::Error::source(&unreadable).map(ToString::to_string);
        CommandError::Usage(format!(
            "{}: {unreadable}: {}",
            path.display(),
            cause.unwrap_or_default()
        ))
    })
}

#[cfg(test)]
mod tests {
    use contract_ledger::wire::json::from_json;
    use contract_ledger::wire::v1::AppendEventsRequest;

    use super::*;

    fn lines(arguments: &FrameworksArguments) -> Vec<String> {
        let mut output = Vec::new();
        assert_eq!(run(arguments, &mut output).unwrap(), EXIT_DONE);
        String::from_utf8(output).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_embedded_notices_are_requests_that_append_takes() {
        let lines = lines(&FrameworksArguments { from: None });
        assert_eq!(lines.len(), 22);
        for line in lines {
            let request: AppendEventsRequest = from_json(&line).unwrap();
            assert_eq!(request.events.len(), 1, "{line}");
        }
    }

    #[test]
    fn a_file_in_the_published_form_is_read_and_a_fault_names_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notices.jsonl");
        let notice = r#"{"notice_id":"n1","issued":"2024-01-01","title":"T","nature":"goods","framework_basis":"text","buyers":[{"name":"Asker","organisation_number":"920125298"}]}"#;
        std::fs::write(&path, format!("{notice}\n")).unwrap();
        let arguments = FrameworksArguments { from: Some(path.clone()) };
        assert_eq!(lines(&arguments).len(), 1);
        std::fs::write(&path, format!("{notice}\nno json\n")).unwrap();
        let error = run(&arguments, &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("notice 2 cannot be read"), "{error}");
    }
}
