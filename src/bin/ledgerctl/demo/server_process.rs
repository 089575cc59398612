//! The server that the demo starts: this very program in another process, on a folder and a free
//! port of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::embedded_server;
use crate::outcome::CommandError;

/// How long the server may take until it serves.
const START_WAIT_MS: u64 = 30_000;
/// How long it may take to stop once asked.
const STOP_WAIT_MS: u64 = 30_000;
/// What the server prints before its address.
const READY_PREFIX: &str = "listening on ";
/// Lines of the server's log that are shown when it fails.
const LOG_LINES_SHOWN: usize = 20;

/// A running server. Dropped without `stop`, it is killed.
pub(super) struct ServerProcess {
    child: Child,
    process_id: Pid,
    url: String,
    log: PathBuf,
    /// Kept open, so that the server can go on writing.
    _stdout: BufReader<ChildStdout>,
}

impl ServerProcess {
    /// Starts it with its data in `folder/data` and its log in `folder/ledgerd.log`, and waits
    /// until it serves. Flags come after those for folder and address.
    pub(super) async fn start(folder: &Path, flags: &[&str]) -> Result<Self, CommandError> {
        let log = folder.join("ledgerd.log");
        let mut child = spawn(folder, &log, flags)
            .map_err(|source| CommandError::local("starting the server", source))?;
        let process_id = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
            .expect("a process that was not waited for has an id");
        let stdout = child.stdout.take().expect("standard output is piped");
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        let read = timeout(Duration::from_millis(START_WAIT_MS), stdout.read_line(&mut line));
        let ready = matches!(read.await, Ok(Ok(_)));
        let Some(address) = line.trim_end().strip_prefix(READY_PREFIX).filter(|_| ready) else {
            return Err(failed("the server did not start", &log));
        };
        Ok(Self { child, process_id, url: format!("http://{address}"), log, _stdout: stdout })
    }

    /// Where it serves.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub(super) fn process_id(&self) -> i32 {
        self.process_id.as_raw_pid()
    }

    /// Asks it to stop as an operator would, and waits for a clean end.
    pub(super) async fn stop(mut self) -> Result<(), CommandError> {
        let local = |source| CommandError::local("stopping the server", source);
        // An interrupt on the terminal reaches the server too, so it may have ended by itself.
        if self.child.try_wait().map_err(local)?.is_none() {
            kill_process(self.process_id, Signal::TERM).map_err(|error| local(error.into()))?;
        }
        let wait = timeout(Duration::from_millis(STOP_WAIT_MS), self.child.wait());
        match wait.await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(failed(&format!("the server ended with {status}"), &self.log)),
            Ok(Err(error)) => Err(local(error)),
            Err(_) => Err(failed(
                &format!("the server did not stop within {STOP_WAIT_MS} ms and was killed"),
                &self.log,
            )),
        }
    }
}

/// Without the environment: settings in the caller's shell must not change what the demo shows.
fn spawn(folder: &Path, log: &Path, flags: &[&str]) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg(embedded_server::COMMAND)
        .arg("--data-dir")
        .arg(folder.join("data"))
        .args(["--listen", "127.0.0.1:0"])
        .args(flags)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(log)?)
        .kill_on_drop(true)
        .spawn()
}

fn failed(what: &str, log: &Path) -> CommandError {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(LOG_LINES_SHOWN).collect();
    let mut message = what.to_owned();
    if !lines.is_empty() {
        message.push_str("; its log ends:");
    }
    for line in lines.into_iter().rev() {
        message.push_str("\n  ");
        message.push_str(line);
    }
    CommandError::Stopped(message)
}
