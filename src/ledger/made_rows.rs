//! Rows of the portfolio that were made before they are written.
//!
//! An agreement that leaves memory before the projector has come to it would have to be folded anew for
//! its row alone. So its row is made as it leaves, and kept until it is written.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Shared;
use super::error::{LedgerError, WithCauses};
use crate::domain::agreement::Agreement;
use crate::domain::id::{AgreementId, Version};
use crate::projections::stored;

/// Stored rows by agreement, each with the version that it is of.
#[derive(Debug, Default)]
pub(crate) struct MadeRows(Mutex<HashMap<AgreementId, (Version, Vec<u8>)>>);

impl MadeRows {
    fn lock(&self) -> MutexGuard<'_, HashMap<AgreementId, (Version, Vec<u8>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Makes the row of an agreement that leaves memory, if it is to be written.
    pub(super) fn make_row(&self, agreement: &Agreement) {
        let id = agreement.id();
        if !self.portfolio.is_noted(id) {
            return;
        }
        match self.settled_row(agreement) {
            Ok(Some(row)) => {
                let made = (agreement.version(), stored::encode(&row));
                self.made_rows.lock().insert(id.clone(), made);
            }
            Ok(None) => {}
            // The projector folds it, and tells.
            Err(error) => {
                tracing::debug!(agreement = %id, error = %WithCauses(&error), "no row was made");
            }
        }
    }

    /// The stored row of an agreement as it is published. None when nobody has signed it.
    pub(super) fn row_to_write(&self, id: &AgreementId) -> Result<Option<Vec<u8>>, LedgerError> {
        let made = self.made_rows.lock().remove(id);
        if let Some((version, row)) = made
            // What comes after this look is noted again.
            && version == self.index.newest_version(id)?
        {
            return Ok(Some(row));
        }
        let agreement = self.agreement(id)?;
        Ok(self.settled_row(&agreement)?.map(|row| stored::encode(&row)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::writer::tests::{Setting, heard, order, request, signing};
    use super::*;

    #[test]
    fn a_row_that_was_made_is_written_once_and_only_while_nothing_has_come_after_it() {
        let setting = Setting::on(tempfile::tempdir().unwrap());
        let shared = std::sync::Arc::clone(setting.shared());
        let id = AgreementId::parse("a").unwrap();
        let unsigned = shared.agreement(&id).unwrap();
        shared.make_row(&unsigned);
        assert!(shared.made_rows.lock().is_empty());
        // So that what is noted stays so.
        shared.portfolio.close_long_ago();

        heard(setting.submit(request(1, vec![signing()]))).unwrap();
        let signed = shared.agreement(&id).unwrap();
        let row_of = |agreement: &Agreement| {
            shared.settled_row(agreement).unwrap().map(|row| stored::encode(&row))
        };
        shared.make_row(&signed);
        let made = shared.made_rows.lock().get(&id).cloned();
        assert_eq!(made, row_of(&signed).map(|row| (signed.version(), row)));

        let other = b"another row".to_vec();
        shared.made_rows.lock().insert(id.clone(), (signed.version(), other.clone()));
        assert_eq!(shared.row_to_write(&id).unwrap(), Some(other.clone()));
        assert_eq!(shared.row_to_write(&id).unwrap(), row_of(&signed), "it was written");

        shared.made_rows.lock().insert(id.clone(), (signed.version(), other));
        heard(setting.submit(request(2, vec![order("O1", 10)]))).unwrap();
        let ordered = shared.agreement(&id).unwrap();
        assert_ne!(row_of(&ordered), row_of(&signed));
        assert_eq!(shared.row_to_write(&id).unwrap(), row_of(&ordered));
        assert!(shared.made_rows.lock().is_empty());
        drop(shared);
        setting.end();
    }
}
