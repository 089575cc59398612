//! The rules: pure, deterministic, without clock, randomness, I/O or knowledge of any other room.
//!
//! In reading order:
//!
//! - [`id`], [`money`], [`date`], [`organisation`], [`scope`]: validated values;
//! - [`policy`]: dated thresholds and tolerances;
//! - [`event`]: what can happen; [`reason`]: every published reason;
//! - [`charter`]: what is agreed, day by day; [`call_off`]: one order and all that hangs on it;
//!   [`reservation`]: room set aside; [`levels`]: sums per scope, day by day;
//! - [`duplicates`] and [`splits`]: what looks like something else again;
//! - [`agreement`]: the fold of all events of one agreement; [`tracker`]: findings over time;
//! - [`usage`], [`view`] and [`forecast`]: answers; [`admit`]: the decision on a new event.
//!
//! Two times run through everything. The fold orders events by effective date, then position; what
//! was known when is a prefix of the versions, because recorded time never decreases.

pub mod admit;
pub mod agreement;
pub mod call_off;
pub mod charter;
pub mod date;
pub mod duplicates;
pub mod event;
pub mod finding;
pub mod forecast;
pub mod id;
pub mod levels;
pub mod money;
pub mod organisation;
pub mod policy;
pub mod reason;
pub mod refusal;
pub mod reservation;
pub mod scope;
pub mod splits;
pub mod text;
pub mod tracker;
pub mod usage;
pub mod view;
