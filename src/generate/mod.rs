//! Agreements from published notices, and made-up histories of them.
//!
//! [`framework`] reads notices of real framework agreements, [`contract`] turns one into a signature,
//! and [`history`] invents what could have happened since: orders, deliveries, invoices, payments,
//! and the mistakes that people make. The same options give the same bytes, always: no clock, no
//! randomness but the seed, no order but the one that is written here. It makes wire messages and
//! knows no ledger.

pub mod contract;
pub mod framework;
pub mod history;

mod call_off;
mod life;
mod message;
mod moment;
mod plan;
mod random;
mod signature;
