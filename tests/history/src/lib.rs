//! What concurrent clients asked and were told, and whether a ledger can have said it.
//!
//! [`Recorder`] notes when each call began and ended, in one order. [`check`] looks for an order of
//! the calls of each agreement that explains every answer, in which no call comes before it began or
//! after it ended. A call whose outcome is unknown may take effect at any time after it began, or
//! never.
//!
//! It must not know how a server is asked, nor that it is killed. Clients translate.

mod agreement;
mod anomaly;
mod check;
mod record;

pub use anomaly::{Anomaly, Kind};
pub use check::{STEPS_MAX, check};
pub use record::{Answer, Call, Operation, Recorder, Refusal, Started};
