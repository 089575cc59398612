//! What an answer says was synced before it.
//!
//! It must not know what was recorded.

use crate::ledger::Durability;
use crate::wire::v1;

/// The word, and how much later the archive is synced at most, in milliseconds.
pub(super) fn stated(durability: Durability) -> (v1::Durability, u64) {
    match durability {
        Durability::StoreOnly => (v1::Durability::SyncedInStoreOnly, 0),
        Durability::BothCopies => (v1::Durability::SyncedInBothCopies, 0),
        Durability::ArchiveWithin { delay_ms_max } => {
            (v1::Durability::SyncedInStoreArchiveWithinDelay, delay_ms_max)
        }
    }
}
