//! The instrument: sends calls at a server and measures. Knows no ledger, and names nothing outside
//! this folder, so that a driver for another server can be built on the very same files.
//!
//! Reading order: `arrivals` says when calls are due, `tally` counts and times their answers,
//! `process` reads what processes used, `session` is one measurement of all three; `drive` sends
//! calls with one answer; `template`, `shallow` and `raw` make messages, look into them and carry
//! them without encoding anything twice; `unary` and `reading` are the calls; `report` is the result.

pub(crate) mod arrivals;
pub(crate) mod beside;
pub(crate) mod drive;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod reading;
pub(crate) mod report;
pub(crate) mod session;
pub(crate) mod shallow;
pub(crate) mod tally;
pub(crate) mod template;
pub(crate) mod unary;
