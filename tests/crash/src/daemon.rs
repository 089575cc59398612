//! The real ledgerd as a process: started, listened to, ended.
//!
//! It must not know why.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tonic::transport::{Channel, Endpoint};

use crate::shape::Shape;

/// How long a start or an end may take. Nothing here is that slow: who waits longer hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// How a server is started.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) shape: &'a Shape,
    /// Where its log goes; anew at each start.
    pub(crate) log: PathBuf,
    /// `NAME:COUNT` of a crash point.
    pub(crate) crash_point: Option<String>,
    /// What strace is told to inject, and where it writes what it saw.
    pub(crate) inject: Option<(Vec<String>, PathBuf)>,
}

/// What came of a start.
#[derive(Debug)]
pub(crate) enum Started {
    /// It serves.
    Serving(Box<Daemon>),
    /// It ended before it served.
    Ended { status: ExitStatus, said: Said },
}

/// What a start said of the folder that it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Clean,
    /// What was mended.
    Recovered(Vec<String>),
    /// It was refused, for a reason that has a name.
    Refused(String),
    /// None of these: the end of what it said.
    Other(String),
}

/// A server that serves.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    address: String,
    log: PathBuf,
}

/// A program that was built together with this one.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("where is this program")?;
    let path = own.with_file_name(name);
    if path.exists() { Ok(path) } else { bail!("{} is not built", path.display()) }
}

impl Start<'_> {
    pub(crate) async fn run(self) -> Result<Started> {
        let mut child = self.command()?.spawn().context("start ledgerd")?;
        let line = tokio::time::timeout(PATIENCE, first_line(&mut child)).await;
        let line = line.map_err(|_| anyhow!("hung: ledgerd neither serves nor ends"))??;
        self.came_to(child, line).await
    }

    /// Gives it so long and no longer. It is gone, with its locks, when nothing came of it.
    pub(crate) async fn run_for(self, delay: Duration) -> Result<Option<Started>> {
        let mut child = self.command()?.spawn().context("start ledgerd")?;
        if let Ok(line) = tokio::time::timeout(delay, first_line(&mut child)).await {
            return self.came_to(child, line?).await.map(Some);
        }
        child.kill().await.context("kill")?;
        Ok(None)
    }

    async fn came_to(self, mut child: Child, line: Option<String>) -> Result<Started> {
        let Some(line) = line else {
            let status = wait(&mut child).await?;
            return Ok(Started::Ended { status, said: said(&self.log) });
        };
        let address = line.strip_prefix("listening on ").context("the line that says ready")?;
        let daemon = Daemon { address: address.to_owned(), child, log: self.log };
        Ok(Started::Serving(Box::new(daemon)))
    }

    fn command(&self) -> Result<Command> {
        let ledgerd = program("ledgerd")?;
        let mut command = match &self.inject {
            None => Command::new(ledgerd),
            Some((rules, trace)) => {
                // -D: the server is this process's own child, and strace stands aside.
                let mut strace = Command::new("strace");
                strace.args(["-D", "-f", "-qq", "-y", "-o"]).arg(trace).args(rules).arg(ledgerd);
                strace
            }
        };
        command.arg("--data-dir").arg(self.folder);
        command.args(["--listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "info"]);
        command.envs(self.shape.environment());
        if let Some(point) = &self.crash_point {
            command.env("CRASH_POINT", point);
        }
        // A violation is often told only by the log of the start before.
        if self.log.exists() {
            fs::rename(&self.log, self.log.with_extension("before.log"))
                .context("the server's log")?;
        }
        let log = File::create(&self.log).context("the server's log")?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        Ok(command)
    }
}

impl Daemon {
    pub(crate) async fn connect(&self) -> Result<Channel> {
        let endpoint = Endpoint::from_shared(self.url())?;
        endpoint.connect().await.context("connect")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What its start said.
    pub(crate) fn said(&self) -> Said {
        said(&self.log)
    }

    pub(crate) fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(id) = id else { return Ok(()) };
        match kill_process(id, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).context("signal"),
        }
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(mut self) -> Result<ExitStatus> {
        wait(&mut self.child).await
    }

    pub(crate) async fn kill(self) -> Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        self.ended().await
    }

    pub(crate) async fn terminate(self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ended().await
    }
}

/// What it prints first: where it listens. None when it has ended.
async fn first_line(child: &mut Child) -> Result<Option<String>> {
    let output = child.stdout.take().ok_or_else(|| anyhow!("no standard output"))?;
    Ok(BufReader::new(output).lines().next_line().await?)
}

async fn wait(child: &mut Child) -> Result<ExitStatus> {
    if let Ok(status) = tokio::time::timeout(PATIENCE, child.wait()).await {
        return status.context("wait for ledgerd");
    }
    child.kill().await.context("kill")?;
    bail!("hung: ledgerd did not end")
}

fn said(log: &Path) -> Said {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.unwrap_or_default();
    let messages: Vec<serde_json::Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let field = |line: &serde_json::Value, name: &str| line["fields"][name].clone();
    let recovered = messages.iter().filter(|line| {
        field(line, "message").as_str().is_some_and(|text| text.starts_with("recovered:"))
    });
    let recovered: Vec<String> = recovered.map(|line| line["fields"].to_string()).collect();
    let refused = messages.iter().find(|line| field(line, "outcome") == "refused");
    if let Some(reason) = refused.and_then(|line| line["fields"]["reason"].as_str()) {
        return Said::Refused(reason.to_owned());
    }
    let opened = messages.iter().find(|line| field(line, "message") == "log opened");
    let outcome = opened.map(|line| field(line, "outcome"));
    match outcome.as_ref().and_then(|outcome| outcome.as_str()) {
        Some("created" | "clean") if recovered.is_empty() => Said::Clean,
        Some("recovered") if !recovered.is_empty() => Said::Recovered(recovered),
        Some(_) | None => {
            let tail: Vec<&str> = text.lines().rev().take(3).collect();
            Said::Other(tail.into_iter().rev().collect::<Vec<_>>().join(" | "))
        }
    }
}
