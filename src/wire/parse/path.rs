//! Where a field stands in a request, written out only when something is wrong with it.

use std::fmt;

/// The path of a field, such as `events[0].order_placed.amount.amount`.
pub(super) type Path<'p> = &'p dyn fmt::Display;

/// A field of a message: its path, then its name.
#[derive(Clone, Copy)]
pub(super) struct At<'p>(pub(super) Path<'p>, pub(super) &'static str);

/// An entry of a list: the path of the list, then the place in it.
#[derive(Clone, Copy)]
pub(super) struct Item<'p>(pub(super) Path<'p>, pub(super) usize);

impl fmt::Display for At<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(message, name) = self;
        write!(formatter, "{message}.{name}")
    }
}

impl fmt::Display for Item<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(list, index) = self;
        write!(formatter, "{list}[{index}]")
    }
}
