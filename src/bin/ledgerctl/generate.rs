//! `generate`: a made-up history of the embedded frameworks, as requests to import.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use contract_ledger::domain::date::Date;
use contract_ledger::generate::framework;
use contract_ledger::generate::history::{History, HistoryOptions, SCALE_PARTS_MAX};
use contract_ledger::wire::json::to_short_json;

use crate::frameworks::contracts_of;
use crate::outcome::{CommandError, EXIT_DONE};

/// Digits after the point of a scale: it is counted in millionths.
const SCALE_DIGITS: usize = 6;

/// Arguments of `generate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl generate --scale 0.001 | head
  ledgerctl generate --seed 7 --scale 0.05 --from 2024-01-01 --to 2024-12-31 -o history.jsonl
  ledgerctl import history.jsonl       on a ledgerd that runs in import mode")]
pub(crate) struct GenerateArguments {
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// 1 is 260 000 invoices a year over all agreements: a municipality of 100 000 inhabitants.
    #[arg(long, value_name = "DECIMAL", default_value = "0.01", value_parser = parse_scale)]
    scale: u64,
    /// First day of recording; agreements signed before are taken in on this day.
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2022-01-01", value_parser = parse_day)]
    from: Date,
    /// Last day of recording. A ledger takes nothing that is recorded in its future.
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2025-12-31", value_parser = parse_day)]
    to: Date,
    /// Write to this file. Without it: to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes one ImportEventsRequest a line.
pub(crate) fn run(
    arguments: &GenerateArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let GenerateArguments { seed, scale, from, to, output: file } = arguments;
    if from > to {
        return Err(CommandError::Usage(format!("--from {from} is after --to {to}")));
    }
    let options = HistoryOptions { seed: *seed, scale_parts: *scale, from: *from, to: *to };
    let history = History::of(contracts_of(&framework::embedded())?, options);
    let count = match file {
        None => write(history, output)?,
        Some(path) => {
            let local = |source| CommandError::local(format!("writing {}", path.display()), source);
            let mut file = File::create(path).map_err(local)?;
            write(history, &mut file).map_err(local)?
        }
    };
    // When standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{count} requests");
    Ok(EXIT_DONE)
}

fn write(history: History, output: &mut impl Write) -> io::Result<u64> {
    let mut output = BufWriter::new(output);
    let mut count = 0;
    for request in history {
        writeln!(output, "{}", to_short_json(&request))?;
        count += 1;
    }
    output.flush()?;
    Ok(count)
}

fn parse_day(text: &str) -> Result<Date, String> {
    Date::parse(text).map_err(|error| error.to_string())
}

/// Reads a decimal as millionths.
fn parse_scale(text: &str) -> Result<u64, String> {
    let bounds = "must be a plain decimal from 0.000001 to 1000".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > SCALE_DIGITS {
        return Err(bounds);
    }
    let parts = format!("{whole}{fraction:0<SCALE_DIGITS$}").parse::<u64>().ok();
    parts.filter(|parts| (1..=SCALE_PARTS_MAX).contains(parts)).ok_or(bounds)
}

#[cfg(test)]
mod tests {
    use contract_ledger::wire::json::from_json;
    use contract_ledger::wire::v1::ImportEventsRequest;

    use super::*;

    fn arguments(output: Option<PathBuf>) -> GenerateArguments {
        GenerateArguments {
            seed: 1,
            scale: parse_scale("0.0002").unwrap(),
            from: parse_day("2024-01-01").unwrap(),
            to: parse_day("2024-06-30").unwrap(),
            output,
        }
    }

    #[test]
    fn scales_are_decimals_within_bounds() {
        for (text, parts) in [
            ("1", Some(1_000_000)),
            ("0.01", Some(10_000)),
            ("0.000001", Some(1)),
            ("1000", Some(1_000_000_000)),
            ("1000.000001", None),
            ("0", None),
            ("0.0000001", None),
            ("-1", None),
            ("1e3", None),
            (".5", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_scale(text).ok(), parts, "{text}");
        }
    }

    #[test]
    fn a_file_holds_the_same_lines_as_the_output() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let mut output = Vec::new();
        run(&arguments(None), &mut output).unwrap();
        run(&arguments(Some(path.clone())), &mut Vec::new()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), output);
        let text = String::from_utf8(output).unwrap();
        assert!(text.lines().count() > 100, "{} lines", text.lines().count());
        for line in text.lines() {
            from_json::<ImportEventsRequest>(line).unwrap();
        }
    }

    #[test]
    fn days_the_wrong_way_round_are_refused() {
        let wrong = GenerateArguments { to: parse_day("2023-12-31").unwrap(), ..arguments(None) };
        assert!(run(&wrong, &mut Vec::new()).is_err());
    }
}
