//! What errors say.

use std::error::Error;

use crate::block::BlockError;
use crate::log::corruption::Corruption;
use crate::log::error::LogError;

#[test]
fn an_error_does_not_repeat_its_source() {
    let checksum = BlockError::ChecksumMismatch { stored: 1, computed: 2 };
    let error = LogError::OutcomeUnknown {
        source: Box::new(LogError::corrupt(7, Corruption::Block(checksum))),
    };
    let mut messages = Vec::new();
    let mut next: Option<&dyn Error> = Some(&error);
    while let Some(error) = next {
        messages.push(error.to_string());
        next = error.source();
    }
    assert_eq!(
        messages,
        [
            "an append failed and whether it is durable is unknown; the log is stopped",
            "the log is corrupt at position 7",
            "the stored bytes are not the block that was written",
            "block checksum is 00000002 where 00000001 is stored",
        ]
    );
}

#[test]
fn the_holder_of_the_directory_is_named_when_known() {
    let in_use = |holder_pid| LogError::DirectoryInUse { directory: "/d".into(), holder_pid };
    assert_eq!(in_use(Some(12)).to_string(), "log directory /d is in use by process 12");
    assert_eq!(in_use(None).to_string(), "log directory /d is in use by an unknown process");
}
