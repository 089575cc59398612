//! The server inside the client, so that `demo` has a real one to start as a process of its own
//! even where only `ledgerctl` was built.

use std::ffi::OsString;
use std::process::ExitCode;

/// The hidden command: everything after it is the server's command line.
pub(crate) const COMMAND: &str = "__ledgerd";

/// The server's command line, its name included, when this process is to be the server.
pub(crate) fn arguments(
    mut own: impl Iterator<Item = OsString>,
) -> Option<impl Iterator<Item = OsString>> {
    let command = own.nth(1)?;
    (command == COMMAND).then(|| std::iter::once(OsString::from("ledgerd")).chain(own))
}

/// Is the server until it stops.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    contract_ledger::server::main_with(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> impl Iterator<Item = OsString> {
        line.split(' ').map(OsString::from)
    }

    #[test]
    fn only_the_hidden_command_becomes_the_server() {
        assert!(arguments(words("ledgerctl usage A")).is_none());
        assert!(arguments(words("ledgerctl")).is_none());
        let server: Vec<OsString> = arguments(words("ledgerctl __ledgerd --listen 127.0.0.1:0"))
            .expect("the hidden command")
            .collect();
        assert_eq!(server, ["ledgerd", "--listen", "127.0.0.1:0"]);
    }
}
