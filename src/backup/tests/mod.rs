//! What a backup promises, over folders made by hand.

mod cutting;
mod files;
mod folders;
mod restoring;
