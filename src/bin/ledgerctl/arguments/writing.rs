//! Arguments of the commands that write: `append` and `import`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `append`.
#[derive(Debug, Args)]
#[command(after_help = r#"Example:
  ledgerctl append - <<'END'
  {"requestId":"0193b3c0-5f5e-4c6a-8b1e-2f6d7c1a9e01","agreementId":"asker-2020","events":[{"effectiveDate":"2023-02-01","admissionMode":"ADMISSION_MODE_INTENT","orderPlaced":{"orderId":"O4","buyer":{"number":"920125298"},"supplier":{"number":"314159268"},"amount":{"amount":"2750000.00","currency":"NOK"}}}]}
  END

  ledgerctl append events.jsonl | jq -c 'select(.ok | not) | [.line, .reason]'"#)]
pub(crate) struct AppendArguments {
    /// File of JSON lines, or - for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  ledgerctl import older-register.jsonl
  zcat older-register.jsonl.gz | ledgerctl import -
  ledgerctl import older-register.jsonl --check

A line:
  {"append":{"requestId":"0193b3c0-5f5e-4c6a-8b1e-2f6d7c1a9e02","agreementId":"asker-2020","events":[{"effectiveDate":"2022-10-15","admissionMode":"ADMISSION_MODE_FACT","optionExercised":{"optionId":"option-1"}}]},"recordedTime":"2022-10-15T08:00:00Z"}"#)]
pub(crate) struct ImportArguments {
    /// File of JSON lines in the order of their recorded times, or - for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only read every line and say whether it is a request; nothing is sent.
    #[arg(long)]
    pub(crate) check: bool,
    /// Print each answer as {"line":1,"response":{...}} on a line of its own.
    #[arg(long)]
    pub(crate) json: bool,
}
