//! Checkpoints that the server signs: asked for under load, and held against the log after each start.
//!
//! Roots are computed from the records as they are read, so that neither the server's tree nor its
//! file is believed.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use contract_ledger::merkle::{
    Checkpoint, KeyName, MemoryTree, Note, SignerKey, TreeHash, VerifierKey,
};
use contract_ledger::wire::record::encode;
use contract_ledger::wire::v1::audit_service_client::AuditServiceClient;
use contract_ledger::wire::{leaf, v1};
use tokio::time::sleep;
use tonic::transport::Channel;

use crate::outcome;
use crate::shared::Shared;

const NAME: &str = "ledger.example.no";
/// Secret of nothing: it signs for the stores of this suite.
const SEED: [u8; 32] = [7; 32];
/// Between two questions under load.
const PAUSE: Duration = Duration::from_millis(5);

fn signer() -> Result<SignerKey> {
    let name = KeyName::parse(NAME).map_err(|fault| anyhow!("{fault}"))?;
    Ok(SignerKey::from_seed(name, &SEED))
}

pub(crate) fn verifier() -> Result<VerifierKey> {
    Ok(signer()?.verifier().clone())
}

/// The file with the key that the server signs with.
pub(crate) fn key_file(home: &Path) -> Result<PathBuf> {
    let path = home.join("key");
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    writeln!(file, "{}", signer()?.private_text()).context("write the key")?;
    Ok(path)
}

/// Reads a signed checkpoint; why it is none is told.
fn read(note: &str) -> Result<Checkpoint, String> {
    let note = Note::parse(note).map_err(|fault| fault.to_string())?;
    let key = verifier().map_err(|error| error.to_string())?;
    let by = note.verify(std::slice::from_ref(&key)).map_err(|fault| fault.to_string())?;
    if by.is_empty() {
        return Err("it is not signed by the key of the store".to_owned());
    }
    Checkpoint::parse(note.text()).map_err(|fault| fault.to_string())
}

async fn ask(channel: &Channel) -> Result<String, tonic::Status> {
    let mut client = AuditServiceClient::new(channel.clone());
    let asked = client.get_checkpoint(v1::GetCheckpointRequest::default()).await;
    asked.map(|answer| answer.into_inner().checkpoint)
}

/// Takes in what was told; the size that was known before the question is not gone behind.
fn take_in(shared: &Shared, note: &str, known: u64) {
    match read(note) {
        Ok(checkpoint) => {
            if checkpoint.size() < known {
                let size = checkpoint.size();
                shared.violation(format!("a checkpoint of {size} records after one of {known}"));
            }
            let mut inner = shared.lock();
            let at = inner.signed.partition_point(|told| told.size() <= checkpoint.size());
            inner.signed.insert(at, checkpoint);
        }
        Err(fault) => shared.violation(format!("a checkpoint is told that is none: {fault}")),
    }
}

fn newest_size(shared: &Shared) -> u64 {
    shared.lock().signed.last().map_or(0, Checkpoint::size)
}

/// Asks for checkpoints until there is enough, or nobody answers.
pub(crate) async fn ask_on(
    channel: Channel,
    shared: Shared,
    enough: Arc<AtomicBool>,
) -> Result<()> {
    while !enough.load(Ordering::Acquire) {
        let known = newest_size(&shared);
        match ask(&channel).await {
            Ok(note) => take_in(&shared, &note, known),
            // A full disk, a writer that has stopped: nothing was signed. No word of the server's: it
            // is gone.
            Err(status) if outcome::reason(&status).is_some() => {}
            Err(_) => break,
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// After a start: the file has what was told last, nothing that was ever signed is contradicted by the
/// records, and the server signs on.
pub(crate) async fn check(
    channel: &Channel,
    folder: &Path,
    records: &[v1::Record],
    shared: &Shared,
) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let told = shared.lock().signed.clone();
    let known = newest_size(shared);
    match fs::read_to_string(folder.join("newest.checkpoint")) {
        // What was signed and not told any more binds as well.
        Ok(note) => match read(&note) {
            Ok(kept) if kept.size() >= known => take_in(shared, &note, known),
            Ok(kept) => wrong.push(format!(
                "expected that newest.checkpoint is of {known} records or more; found {}",
                kept.size()
            )),
            Err(fault) => wrong.push(format!("newest.checkpoint is none: {fault}")),
        },
        Err(_) if told.is_empty() => {}
        Err(error) => wrong.push(format!("newest.checkpoint cannot be read: {error}")),
    }
    let known = newest_size(shared);
    match ask(channel).await {
        Ok(note) => take_in(shared, &note, known),
        Err(status) => wrong.push(format!("no checkpoint after a start: {status}")),
    }
    let mut tree = MemoryTree::new();
    let mut records = records.iter();
    let told = shared.lock().signed.clone();
    let mut size = 0;
    for checkpoint in &told {
        while size < checkpoint.size() {
            let Some(record) = records.next() else {
                let signed = checkpoint.size();
                wrong.push(format!("{signed} records were signed; found {size}"));
                return Ok(wrong);
            };
            let leaf = leaf::of_stored(&encode(record)).context("the leaf of a record")?;
            tree.append(TreeHash::of_leaf(&leaf));
            size += 1;
        }
        if tree.root() != checkpoint.root() {
            wrong.push(format!("the records contradict the checkpoint of {size} records"));
        }
    }
    Ok(wrong)
}
