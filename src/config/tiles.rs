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

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(listen: &str, allow_remote: bool) -> (Option<SocketAddr>, Vec<String>) {
        let mut faults = Vec::new();
        let config = TilesConfig { listen: Some(listen.to_owned()) };
        (config.check(allow_remote, &mut faults), faults)
    }

    #[test]
    fn tiles_are_served_to_this_machine_unless_more_is_allowed() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut faults = Vec::new();
        assert_eq!(TilesConfig::default().check(false, &mut faults), None);
        assert_eq!(checked("127.0.0.1:0", false), (Some(address("127.0.0.1:0")), Vec::new()));
        assert_eq!(checked("192.0.2.1:80", true), (Some(address("192.0.2.1:80")), Vec::new()));
        let (none, told) = checked("192.0.2.1:80", false);
        assert!(
            none.is_none() && told[0].contains("can be reached from other machines"),
            "{told:?}"
        );
        let (none, told) = checked("nowhere", false);
        assert_eq!(told, ["tiles.listen: \"nowhere\" is not an address and port"]);
        assert!(none.is_none());
    }
}
