use tonic::Code;
use tonic_types::StatusExt as _;

use super::of_ledger_error;
use crate::ledger::error::LedgerError;
use crate::log::LogError;

/// What a failed query is answered with.
fn told(error: LogError) -> (Code, String) {
    let status = of_ledger_error(&LedgerError::Log(error));
    let reason = status.get_error_details().error_info().unwrap().reason.clone();
    (status.code(), reason)
}

#[test]
fn a_query_of_a_stopped_log_is_told_to_wait_for_the_restart() {
    assert_eq!(told(LogError::Stopped), (Code::Unavailable, "WRITER_STOPPED".to_owned()));
    let lost = LogError::LostInBothCopies { position: 3 };
    assert_eq!(told(lost), (Code::DataLoss, "STORED_DATA_DAMAGED".to_owned()));
    assert_eq!(told(LogError::RebuildAsked), (Code::Internal, "INTERNAL".to_owned()));
}
