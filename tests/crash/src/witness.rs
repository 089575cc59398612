//! What was sent and what was answered: in memory, and in a file outside the store that is synced
//! before a request leaves and after its answer came.
//!
//! It must not know what a request means.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use contract_ledger::wire::v1;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::outcome::Outcome;

/// One request, and what its sender knows of it.
#[derive(Debug, Clone)]
pub(crate) struct Witnessed {
    pub(crate) request: v1::AppendEventsRequest,
    /// None while nobody was told anything.
    pub(crate) outcome: Option<Outcome>,
}

/// All requests ever sent to a store.
#[derive(Debug)]
pub(crate) struct Witness {
    file: File,
    requests: BTreeMap<String, Witnessed>,
    /// In the order of answers.
    acknowledged: Vec<String>,
}

impl Witness {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create_new(true).append(true).open(path);
        let file = file.with_context(|| format!("create the witness file {}", path.display()))?;
        Ok(Self { file, requests: BTreeMap::new(), acknowledged: Vec::new() })
    }

    /// Notes that a request is about to be sent. Synced when it returns.
    pub(crate) fn sending(&mut self, request: &v1::AppendEventsRequest) -> Result<()> {
        self.line(&format!("send {} {}", request.request_id, content_hash(request)))?;
        let new = Witnessed { request: request.clone(), outcome: None };
        self.requests.entry(request.request_id.clone()).or_insert(new);
        Ok(())
    }

    /// Notes an answer. Synced when it returns. What was acknowledged once stays as it was.
    pub(crate) fn answered(&mut self, request_id: &str, outcome: &Outcome) -> Result<()> {
        self.line(&format!("answer {request_id} {outcome}"))?;
        let Some(known) = self.requests.get_mut(request_id) else { return Ok(()) };
        if known.outcome.as_ref().is_some_and(Outcome::is_acknowledged) {
            return Ok(());
        }
        if outcome.is_acknowledged() {
            self.acknowledged.push(request_id.to_owned());
        }
        known.outcome = Some(outcome.clone());
        Ok(())
    }

    /// A remark for whoever reads the file afterwards.
    pub(crate) fn remark(&mut self, text: &str) -> Result<()> {
        self.line(&format!("# {text}"))
    }

    pub(crate) fn get(&self, request_id: &str) -> Option<&Witnessed> {
        self.requests.get(request_id)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &Witnessed)> {
        self.requests.iter()
    }

    /// Request ids that were acknowledged, in the order of their answers.
    pub(crate) fn acknowledged(&self) -> &[String] {
        &self.acknowledged
    }

    fn line(&mut self, text: &str) -> Result<()> {
        writeln!(self.file, "{text}").and_then(|()| self.file.sync_data()).context("witness file")
    }
}

/// SHA-256 of the request as it is sent.
pub(crate) fn content_hash(request: &v1::AppendEventsRequest) -> String {
    let digest = Sha256::digest(request.encode_to_vec());
    digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
