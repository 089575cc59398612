//! Backups that are made while the server is ended: what is left of one is completed by the next, and
//! restores to a prefix of the log.
//!
//! It must not know how the server ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::process::Command;
use tokio::time::sleep;

use crate::daemon::{Daemon, program};
use crate::random::Random;

/// How often it is looked whether there is enough.
const PAUSE: Duration = Duration::from_millis(2);

fn ledgerctl(url: &str, words: &[&str], path: &Path) -> Result<Command> {
    let mut command = Command::new(program("ledgerctl")?);
    command.arg("--server").arg(url).args(words).arg(path);
    command.stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

/// The backup in a single file, beside the folder.
fn file_of(folder: &Path) -> PathBuf {
    folder.with_extension("tar")
}

/// Backs up again and again, to the folder or to a file; the run that is at work in the end is killed.
pub(crate) async fn back_up_on(
    url: String,
    folder: PathBuf,
    mut random: Random,
    enough: Arc<AtomicBool>,
) -> Result<()> {
    while !enough.load(Ordering::Acquire) {
        let file = file_of(&folder);
        let to = if random.one_in(3) && !file.exists() { &file } else { &folder };
        let mut command = ledgerctl(&url, &["backup"], to)?;
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        while child.try_wait()?.is_none() {
            if enough.load(Ordering::Acquire) {
                child.kill().await.context("kill a backup")?;
            }
            sleep(PAUSE).await;
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Completes what is left of a backup of a log of so many records, and restores it. A file that has its
/// name is whole, whoever was killed.
pub(crate) async fn complete(
    folder: &Path,
    daemon: &Daemon,
    records: usize,
    into: &Path,
) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let url = daemon.url();
    let output = ledgerctl(&url, &["backup"], folder)?.output().await?;
    if !output.status.success() || !text(&output).contains(&format!("backed up: {records} records"))
    {
        let told = text(&output);
        wrong.push(format!("expected a backup of {records} records; found {told}"));
        return Ok(wrong);
    }
    let file = file_of(folder);
    let mut backups = vec![folder.to_owned()];
    backups.extend(file.exists().then_some(file.clone()));
    for backup in backups {
        let mut restore = ledgerctl(&url, &["restore", "--check-server"], &backup)?;
        let output = restore.arg("--into").arg(into).output().await?;
        let told = text(&output);
        // There is nothing in the backup of a log that is empty, or was when its file was written.
        if told.contains("holds no segment") && (records == 0 || backup == file) {
            continue;
        }
        let whole = backup == file || told.contains(&format!("restored: {records} records"));
        if !output.status.success() || !told.contains("a prefix of the log") || !whole {
            wrong.push(format!("{} does not restore to a prefix: {told}", backup.display()));
        }
        if into.exists() {
            fs::remove_dir_all(into).context("remove what was restored")?;
        }
    }
    if file.exists() {
        fs::remove_file(file).context("remove a backup")?;
    }
    Ok(wrong)
}

fn text(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&text).lines().collect::<Vec<_>>().join(" | ")
}
