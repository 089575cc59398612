//! Lines of JSON from a file or standard input: bounded, counted, each one message.

use std::io::{self, BufRead, Read as _};

use contract_ledger::wire::json::from_json;
use prost::{Message, Name};

/// Longest line that is read.
pub(crate) const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Reads a request, or nothing from a blank line.
pub(crate) fn parse<M: Message + Name + Default>(text: &str) -> Result<Option<M>, String> {
    // Editors on Windows begin a file with a byte order mark.
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Ok(None);
    }
    from_json(text).map(Some).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", cause.unwrap_or_default())
    })
}

/// Lines of bounded length, counted.
pub(crate) struct Lines<R> {
    input: R,
    line: u64,
    bytes_read: u64,
}

impl<R: BufRead> Lines<R> {
    /// The lines of an input.
    pub(crate) fn new(input: R) -> Self {
        Self { input, line: 0, bytes_read: 0 }
    }

    /// Number of the line that was read last, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Bytes of the input that are read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The next line, or why it is no text; none at the end of the input.
    pub(crate) fn next(&mut self) -> io::Result<Option<Result<String, String>>> {
        let bound = u64::try_from(LINE_BYTES_MAX).expect("the bound fits") + 1;
        let mut bytes = Vec::new();
        if self.take(bound, &mut bytes)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if bytes.len() > LINE_BYTES_MAX && bytes.last() != Some(&b'\n') {
            while bytes.last() != Some(&b'\n') {
                bytes.clear();
                if self.take(bound, &mut bytes)? == 0 {
                    break;
                }
            }
            return Ok(Some(Err(format!("the line is longer than {LINE_BYTES_MAX} bytes"))));
        }
        let text = String::from_utf8(bytes).map_err(|_| "the line is not UTF-8".to_owned());
        Ok(Some(text))
    }

    fn take(&mut self, bound: u64, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let count = self.input.by_ref().take(bound).read_until(b'\n', bytes)?;
        self.bytes_read += u64::try_from(count).expect("a count of bytes fits");
        Ok(count)
    }
}
