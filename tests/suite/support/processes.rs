//! Programs that tests run, and folders that they open meanwhile.
//!
//! A child has every open file of this process until it has become its program, locks too. So no
//! folder is opened while a child is being born: it might still seem to be in use.

use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

static BIRTH: Mutex<()> = Mutex::new(());

fn held() -> MutexGuard<'static, ()> {
    BIRTH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped())).wait_with_output().unwrap()
}

/// Starts a program.
pub(crate) fn spawn(command: &mut Command) -> Child {
    let _no_opening = held();
    command.spawn().unwrap()
}

/// What `ledgerctl` says to these arguments, while this process goes on answering it.
pub(crate) async fn ledgerctl(arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let born = held();
    let child = command.spawn().unwrap();
    drop(born);
    child.wait_with_output().await.unwrap()
}

/// Opens a folder that was closed before.
pub(crate) fn opening<T>(open: impl FnOnce() -> T) -> T {
    let _no_birth = held();
    open()
}
