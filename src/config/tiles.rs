//! Where the log is served as static files.

use std::net::SocketAddr;

use serde::Deserialize;

/// The log as static files for monitors: read-only HTTP in the layout of C2SP `tlog-tiles`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TilesConfig {
    /// Address and port to listen on. Without it there is no such endpoint.
    pub listen: Option<String>,
}

impl TilesConfig {
    /// Tiles are served as they are: something else has to protect them, or show them to everybody.
    pub(super) fn check(&self, allow_remote: bool, faults: &mut Vec<String>) -> Option<SocketAddr> {
        let text = self.listen.as_ref()?;
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() || allow_remote => Some(address),
            Ok(address) => {
                faults.push(format!(
                    "tiles.listen: {address} can be reached from other machines without transport \
                     security; put a web server before it, or give --insecure-allow-remote"
                ));
                None
            }
            Err(_) => {
                faults.push(format!("tiles.listen: {text:?} is not an address and port"));
                None
            }
        }
    }
}
