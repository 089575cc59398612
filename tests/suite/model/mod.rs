//! A second, naive reading of the domain, and random histories on which it and the product must agree.
//!
//! The model recomputes everything from the events by plain loops, as the rules are worded. It shares
//! only plain values and events with the product, none of its folds.

mod admission;
mod charter;
mod compare;
mod coverage;
mod documents;
mod episodes;
mod findings;
mod generate;
mod history;
mod names;
mod orders;
mod payloads;
mod properties;
mod random;
mod references;
mod scenarios;
mod sums;
mod tell;
