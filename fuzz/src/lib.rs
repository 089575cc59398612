//! What must hold for any bytes that reach a decoder, parser or reader: a function for each.
//!
//! The fuzz targets call these with what libFuzzer makes up; `tests/suite/fuzzed.rs` includes this
//! file and calls them with every kept input, so that `cargo test` needs no fuzzer. Each panics when
//! something does not hold. It must not know libFuzzer.

pub mod archive;
pub mod block;
pub mod dossier;
pub mod input;
pub mod lines;
pub mod merkle;
pub mod page_token;
pub mod record;
pub mod request;

/// What one input is put through; it panics where something does not hold.
pub type Check = fn(&[u8]);

/// A check, and the name of its target and of the folder of its inputs.
pub const CHECKS: &[(&str, Check)] = &[
    ("archive", archive::check),
    ("block", block::check),
    ("dossier", dossier::check),
    ("lines", lines::check),
    ("merkle", merkle::check),
    ("page_token", page_token::check),
    ("record", record::check),
    ("request", request::check),
];
