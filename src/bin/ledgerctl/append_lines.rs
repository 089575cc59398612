//! The loop behind `append`: lines in, one answer a line out, retries within bounds.
//!
//! It knows neither files nor the network: the sender, the wait and the place for answers are
//! arguments, so that a test can be each of them.

use std::io::{self, BufRead};
use std::time::Duration;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1::{AppendEventsRequest, AppendEventsResponse};
use serde::Serialize;

use crate::failure::Failure;
use crate::lines::{Lines, parse};

/// How often one request is sent, the first time included. The request id makes that safe.
pub(crate) const SENDS_MAX: u32 = 6;
/// Longest wait before a request is sent again, also when the server asks for more.
pub(crate) const RETRY_WAIT_MS_MAX: u64 = 10_000;
/// Wait before a request is sent again when nobody answered.
pub(crate) const UNANSWERED_WAIT_MS: u64 = 500;

/// How many lines went which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Lines that the ledger accepted.
    pub(crate) accepted: u64,
    /// Lines that it refused, or that were no request.
    pub(crate) failed: u64,
}

/// The answer to one line of the input.
#[derive(Debug)]
pub(crate) struct LineAnswer {
    /// Number of the line in the input, from 1.
    pub(crate) line: u64,
    /// Bytes of the input that are read.
    pub(crate) bytes_read: u64,
    /// What the ledger said.
    pub(crate) result: Result<AppendEventsResponse, Box<Failure>>,
}

impl LineAnswer {
    /// The answer as one line of JSON.
    pub(crate) fn json(&self) -> String {
        #[derive(Serialize)]
        struct FailedLine<'a> {
            line: u64,
            ok: bool,
            #[serde(flatten)]
            failure: &'a Failure,
        }
        match &self.result {
            Ok(response) => {
                format!(r#"{{"line":{},"ok":true,"response":{}}}"#, self.line, to_json(response))
            }
            Err(failure) => {
                serde_json::to_string(&FailedLine { line: self.line, ok: false, failure })
                    .expect("a failure has string keys only")
            }
        }
    }
}

/// Why the loop ended before the input did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppendStopped {
    /// The input cannot be read.
    #[error("the input cannot be read")]
    Input(#[source] io::Error),
    /// An answer cannot be written; the request before it was sent.
    #[error("the answer cannot be written")]
    Output(#[source] io::Error),
    /// Nobody answers any more.
    #[error("nobody answered line {line} after {SENDS_MAX} attempts; no line after it was sent")]
    Unanswered {
        /// Line whose outcome is open.
        line: u64,
    },
}

/// Sends every line in order, each after the answer to the one before it.
pub(crate) async fn append_lines(
    input: &mut impl BufRead,
    send: &mut impl AsyncFnMut(AppendEventsRequest) -> Result<AppendEventsResponse, Box<Failure>>,
    wait: &mut impl AsyncFnMut(Duration),
    answer: &mut impl FnMut(&LineAnswer) -> io::Result<()>,
) -> Result<Tally, AppendStopped> {
    let mut tally = Tally::default();
    let mut lines = Lines::new(input);
    while let Some(text) = lines.next().map_err(AppendStopped::Input)? {
        let result = match text.and_then(|text| parse(&text)) {
            Ok(None) => continue,
            Ok(Some(request)) => send_within_bounds(&request, send, wait).await,
            Err(message) => Err(Box::new(Failure::malformed_line(message))),
        };
        let unanswered = result.as_ref().is_err_and(|failure| failure.unanswered);
        match &result {
            Ok(_) => tally.accepted += 1,
            Err(_) => tally.failed += 1,
        }
        let line = lines.line();
        answer(&LineAnswer { line, bytes_read: lines.bytes_read(), result })
            .map_err(AppendStopped::Output)?;
        if unanswered {
            return Err(AppendStopped::Unanswered { line });
        }
    }
    Ok(tally)
}

async fn send_within_bounds(
    request: &AppendEventsRequest,
    send: &mut impl AsyncFnMut(AppendEventsRequest) -> Result<AppendEventsResponse, Box<Failure>>,
    wait: &mut impl AsyncFnMut(Duration),
) -> Result<AppendEventsResponse, Box<Failure>> {
    let mut sends = 1;
    loop {
        let failure = match send(request.clone()).await {
            Ok(response) => return Ok(response),
            Err(failure) => failure,
        };
        let pause = match retry_pause(&failure) {
            Some(pause) if sends < SENDS_MAX => pause,
            Some(_) | None => return Err(failure),
        };
        wait(pause).await;
        sends += 1;
    }
}

/// How long to wait before the same request may be sent again; none when its answer is final.
pub(crate) fn retry_pause(failure: &Failure) -> Option<Duration> {
    if failure.unanswered {
        return Some(Duration::from_millis(UNANSWERED_WAIT_MS));
    }
    let asked = failure.retry_after.filter(|_| failure.code == "UNAVAILABLE");
    asked.map(|pause| pause.min(Duration::from_millis(RETRY_WAIT_MS_MAX)))
}

#[cfg(test)]
#[path = "append_lines_tests.rs"]
mod tests;
