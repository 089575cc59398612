//! What a failed query is answered with.

use tonic::Code;
use tonic_types::StatusExt as _;

use super::of_ledger_error;
use crate::ledger::error::LedgerError;

fn told(error: &LedgerError) -> (Code, String) {
    let status = of_ledger_error(error);
    let reason = status.get_error_details().error_info().unwrap().reason.clone();
    (status.code(), reason)
}

#[test]
fn a_query_of_a_stopped_log_is_told_to_wait_for_the_restart() {
    let stopped = (Code::Unavailable, "WRITER_STOPPED".to_owned());
    assert_eq!(told(&LedgerError::of_stop()), stopped);
    let damaged = (Code::DataLoss, "STORED_DATA_DAMAGED".to_owned());
    assert_eq!(told(&LedgerError::LeafMismatch { position: 3 }), damaged);
    let thread = LedgerError::WriterThread(std::io::Error::other("none left"));
    assert_eq!(told(&thread), (Code::Internal, "INTERNAL".to_owned()));
}
