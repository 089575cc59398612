//! The integration tests: one binary, a module for each part of the promise.

mod daemon;
mod domain;
mod faults;
mod idempotency;
mod index;
mod malformed;
mod queries;
mod scenarios;
mod support;
