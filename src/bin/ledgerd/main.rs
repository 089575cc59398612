//! The server program. All of it is in the library, so that the demo can start the same program.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    contract_ledger::server::main_with(std::env::args_os())
}
