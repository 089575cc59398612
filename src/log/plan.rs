//! What to do with two copies, as they were found: a pure decision.
//!
//! It must not read or write. What a copy holds is looked up by whoever asks.

/// The store, as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreSeen {
    /// There is none.
    Missing,
    /// It opens, and what was verified of it is as it was written.
    Whole,
    /// It does not open, or something in it is not as it was written.
    Damaged,
}

/// The archive, as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArchiveSeen {
    /// There is none.
    Missing,
    /// Every block that was verified is as it was written; its end may be torn.
    Whole,
    /// Something in it is not as it was written.
    Damaged,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Refuse: there is nothing to mend the store from.
    Refuse,
    /// Keep the store, and give the archive what it lacks.
    CompleteArchive,
    /// Keep the store, set the archive aside, and write it anew.
    RewriteArchive,
    /// Build a store of every block that is whole in either copy; then see to the archive.
    RebuildStore,
}

/// Decides. `store_holds_archive` is asked only where both are there: whether the store has every
/// block of the archive. One that has not is behind, so it has lost what it had made durable, and
/// what it lost of its indexes would show nowhere: it is rebuilt whole.
pub(super) fn plan<E>(
    store: StoreSeen,
    archive: ArchiveSeen,
    store_holds_archive: impl FnOnce() -> Result<bool, E>,
) -> Result<Plan, E> {
    Ok(match (store, archive) {
        (StoreSeen::Damaged, ArchiveSeen::Missing) => Plan::Refuse,
        (StoreSeen::Missing | StoreSeen::Whole, ArchiveSeen::Missing) => Plan::CompleteArchive,
        (StoreSeen::Missing | StoreSeen::Damaged, ArchiveSeen::Whole | ArchiveSeen::Damaged) => {
            Plan::RebuildStore
        }
        (StoreSeen::Whole, ArchiveSeen::Whole | ArchiveSeen::Damaged) => {
            match (store_holds_archive()?, archive) {
                (false, _) => Plan::RebuildStore,
                (true, ArchiveSeen::Damaged) => Plan::RewriteArchive,
                (true, ArchiveSeen::Missing | ArchiveSeen::Whole) => Plan::CompleteArchive,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_copies_has_its_plan() {
        use ArchiveSeen as Archive;
        use StoreSeen as Store;
        let cases = [
            (Store::Missing, Archive::Missing, None, Plan::CompleteArchive),
            (Store::Missing, Archive::Whole, None, Plan::RebuildStore),
            (Store::Missing, Archive::Damaged, None, Plan::RebuildStore),
            (Store::Whole, Archive::Missing, None, Plan::CompleteArchive),
            (Store::Whole, Archive::Whole, Some(true), Plan::CompleteArchive),
            (Store::Whole, Archive::Whole, Some(false), Plan::RebuildStore),
            (Store::Whole, Archive::Damaged, Some(true), Plan::RewriteArchive),
            (Store::Whole, Archive::Damaged, Some(false), Plan::RebuildStore),
            (Store::Damaged, Archive::Missing, None, Plan::Refuse),
            (Store::Damaged, Archive::Whole, None, Plan::RebuildStore),
            (Store::Damaged, Archive::Damaged, None, Plan::RebuildStore),
        ];
        for (store, archive, holds, expected) in cases {
            // An answer that is not needed is not asked for: it may not be there.
            let planned = plan(store, archive, || holds.ok_or("asked"));
            assert_eq!(planned, Ok(expected), "{store:?} {archive:?} {holds:?}");
        }
        let refused = plan(Store::Whole, Archive::Damaged, || Err("copies differ"));
        assert_eq!(refused, Err("copies differ"));
    }
}
