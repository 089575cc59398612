//! The configuration of a server that keeps nothing: what of the whole bears on the transport.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{CheckedConfig, Config, LogConfig, TlsTexts};
use crate::grpc::ServiceLimits;

/// What the floor of a measurement serves by.
#[derive(Debug)]
pub struct FloorConfig {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The program's own log.
    pub log: LogConfig,
    /// Transport security, if it is configured.
    pub tls: Option<TlsTexts>,
    /// Limits of the services.
    pub service: ServiceLimits,
    /// Longest wait for calls in flight once told to stop.
    pub drain_max: Duration,
}

impl Config {
    /// Checks everything as for a ledger. A data folder is a fault: who names one means a ledger,
    /// and nothing would be kept in it.
    pub fn check_floor(&self) -> Result<FloorConfig, Vec<String>> {
        if let Some(directory) = &self.data_dir {
            let directory = directory.display();
            return Err(vec![format!(
                "data_dir: --bench-floor keeps nothing, so it takes no folder; {directory} is named"
            )]);
        }
        // Everything else is checked as it is for a ledger. No folder is opened by a check.
        let config = Self { data_dir: Some(PathBuf::from("none")), ..self.clone() };
        let CheckedConfig { listen, log, tls, service, drain_max, .. } = config.check()?;
        Ok(FloorConfig { listen, log, tls, service, drain_max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_takes_no_folder_and_is_checked_as_a_ledger_is() {
        let config = Config::default();
        assert_eq!(config.check_floor().unwrap().service, ServiceLimits::default());

        let with_folder = Config { data_dir: Some(PathBuf::from("data")), ..config.clone() };
        let faults = with_folder.check_floor().unwrap_err();
        assert!(faults.concat().starts_with("data_dir: --bench-floor keeps nothing"), "{faults:?}");

        let remote = Config { listen: "0.0.0.0:1".to_owned(), ..config };
        assert!(remote.check_floor().unwrap_err().concat().starts_with("listen: "));
    }
}
