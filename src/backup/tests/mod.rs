//! What a backup promises, over folders made by hand.

mod cutting;
mod folders;
mod restoring;
