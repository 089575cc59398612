//! Rows and filters of the listings, and the portfolio: pure functions over folded agreements.
//!
//! [`portfolio`] is what a listing of agreements shows, in a form that answers for every later day
//! without folding; [`stored`] is how such a row lies on disk. [`breakdown`] groups an agreement's
//! parts. [`filter`] says which rows of a listing are asked for, [`findings`] which episodes there
//! are. Nothing here reads a clock, a disk or a message.

pub mod breakdown;
pub mod filter;
pub mod findings;
pub mod portfolio;
pub mod stored;

use crate::domain::money::Amount;

/// `floor(part * 1 000 000 / whole)`, held within the type. None when the whole is zero.
pub fn share_ppm(part: Amount, whole: Amount) -> Option<i64> {
    let share = part.times_over(1_000_000, whole)?;
    let bound = if share < num_bigint::BigInt::ZERO { i64::MIN } else { i64::MAX };
    Some(i64::try_from(share).unwrap_or(bound))
}
