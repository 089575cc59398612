//! `audit`: proves that the log only grew since the last visit, replays what is new, lists findings and
//! refusals since, and keeps the new checkpoint. Takes nothing on trust but the ledger's key.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use contract_ledger::ledger::error::WithCauses;
use contract_ledger::merkle::{
    ConsistencyProof, Frontier, InclusionProof, TREE_HASH_BYTES, TreeHash,
};
use contract_ledger::wire::v1::record::Entry;
use contract_ledger::wire::v1::{
    AsKnown, Finding, GetCheckpointRequest, GetConsistencyProofRequest, GetInclusionProofRequest,
    ListFindingsRequest, Record, as_known,
};

use crate::arguments::AuditArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::stored_records::{Stored, read};
use crate::time_text::recorded_text;
use crate::trust::{Believed, Trust};
use crate::words::{finding_status_text, severity_text};

/// Where the last visit ended: its tree, and the newest record of then.
struct Since {
    tree: Frontier,
    root: TreeHash,
    newest: Option<Record>,
}

/// What was recorded since.
#[derive(Default)]
struct News {
    events: u64,
    refused: Vec<Record>,
    newest: Option<Record>,
}

/// Proves, replays, lists, and keeps the new checkpoint when all was right.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &AuditArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let AuditArguments { since: path, trust, first } = arguments;
    let trust = Trust::of(trust)?;
    let kept = kept_checkpoint(path, *first, &trust)?;
    let mut client = Client::connect(server).await?;
    let asked = client.audit.get_checkpoint(with_deadline(GetCheckpointRequest::default())).await?;
    let now = trust.believe("the ledger's checkpoint", &asked.into_inner().checkpoint)?;
    let since = match &kept {
        None => Since { tree: Frontier::new(), root: TreeHash::of_empty_tree(), newest: None },
        Some(kept) => {
            prove_growth(&mut client, kept, &now).await?;
            take_up(server, &mut client, kept).await?
        }
    };
    writeln!(output, "since:     {} records, root {}", since.tree.size(), since.root)?;
    let (size, root) = (now.checkpoint.size(), now.checkpoint.root());
    writeln!(output, "now:       {size} records, root {root}")?;
    if kept.is_some() {
        writeln!(output, "proved:    what was there is there, unchanged")?;
    }
    let from = since.tree.size();
    let news = replay(server, since.tree, &now).await?;
    let refused = news.refused.len();
    writeln!(output, "replayed:  {} events and {refused} refusals, as signed", news.events)?;
    for record in &news.refused {
        writeln!(output, "refusal:   {}", refusal_text(record))?;
    }
    if let Some(newest) = &news.newest {
        for finding in findings(&mut client, newest, since.newest.as_ref(), &now).await? {
            writeln!(output, "finding:   {}", finding_text(&finding))?;
        }
    }
    keep(path, &now.text)
        .map_err(|source| CommandError::local(format!("writing {}", path.display()), source))?;
    writeln!(output, "kept:      {} ({} new records)", path.display(), size - from)?;
    Ok(EXIT_DONE)
}

fn kept_checkpoint(
    path: &Path,
    first: bool,
    trust: &Trust,
) -> Result<Option<Believed>, CommandError> {
    match fs::read_to_string(path) {
        Ok(_) if first => {
            let text = format!("{} is there already: leave out --first", path.display());
            Err(CommandError::Usage(text))
        }
        Ok(text) => trust.believe(&path.display().to_string(), &text).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound && first => Ok(None),
        Err(source) => {
            let doing = format!("reading {} (--first begins a new one)", path.display());
            Err(CommandError::local(doing, source))
        }
    }
}

/// That the log of the kept checkpoint is the beginning of the log as it is signed now.
async fn prove_growth(
    client: &mut Client,
    kept: &Believed,
    now: &Believed,
) -> Result<(), CommandError> {
    let (old_size, new_size) = (kept.checkpoint.size(), now.checkpoint.size());
    if new_size < old_size {
        return Err(CommandError::Untrue(format!(
            "the log was cut: {old_size} records were signed, and now it signs {new_size}; both \
             checkpoints together prove it"
        )));
    }
    let request = GetConsistencyProofRequest { from_size: old_size, to_size: Some(new_size) };
    let asked = client.audit.get_consistency_proof(with_deadline(request)).await?.into_inner();
    let proof = ConsistencyProof { old_size, new_size, hashes: hashes(&asked.hashes)? };
    proof.verify(kept.checkpoint.root(), now.checkpoint.root()).map_err(|fault| {
        CommandError::Untrue(format!(
            "the first {old_size} records are not those that were signed before: {}; both \
             checkpoints together prove it",
            WithCauses(&fault)
        ))
    })
}

/// The tree of the kept checkpoint, from its last leaf and that leaf's proof.
async fn take_up(
    server: &ServerAddress,
    client: &mut Client,
    kept: &Believed,
) -> Result<Since, CommandError> {
    let (size, root) = (kept.checkpoint.size(), kept.checkpoint.root());
    let Some(last) = size.checked_sub(1) else {
        return Ok(Since { tree: Frontier::new(), root, newest: None });
    };
    let mut stored: Option<Stored> = None;
    read(server.connect().await?, last, Some(size), |read| {
        stored = Some(read);
        Ok(())
    })
    .await?;
    let missing = || CommandError::Untrue(format!("the ledger has no record at {last}"));
    let stored = stored.ok_or_else(missing)?;
    let request = GetInclusionProofRequest { position: last, tree_size: Some(size) };
    let asked = client.audit.get_inclusion_proof(with_deadline(request)).await?.into_inner();
    let proof = InclusionProof { index: last, size, hashes: hashes(&asked.hashes)? };
    proof.verify(stored.leaf_hash(), root).map_err(|fault| {
        CommandError::Untrue(format!(
            "the record at position {last} is not the one that was signed: {}",
            WithCauses(&fault)
        ))
    })?;
    let tree = Frontier::of_last_leaf(size, stored.leaf_hash(), &proof.hashes);
    let tree = tree.filter(|tree| tree.root() == root).ok_or_else(missing)?;
    Ok(Since { tree, root, newest: Some(stored.record) })
}

/// Reads what is new, makes every leaf, and compares the root with the one that is signed.
async fn replay(
    server: &ServerAddress,
    mut tree: Frontier,
    now: &Believed,
) -> Result<News, CommandError> {
    let mut news = News::default();
    let (from, to) = (tree.size(), now.checkpoint.size());
    read(server.connect().await?, from, Some(to), |stored| {
        tree.append(stored.leaf_hash(), |_, _| ());
        match &stored.record.entry {
            Some(Entry::Refusal(_)) => news.refused.push(stored.record.clone()),
            Some(Entry::Event(_)) | None => news.events += 1,
        }
        news.newest = Some(stored.record);
        Ok(())
    })
    .await?;
    let (computed, signed) = (tree.root(), now.checkpoint.root());
    if computed != signed {
        return Err(CommandError::Untrue(format!(
            "positions {from} to {} are not the records that are signed: they give the root \
             {computed}, and {signed} is signed",
            to.saturating_sub(1)
        )));
    }
    Ok(news)
}

/// Findings that opened or cleared since, as they were known with the newest record that was replayed.
async fn findings(
    client: &mut Client,
    newest: &Record,
    before: Option<&Record>,
    now: &Believed,
) -> Result<Vec<Finding>, CommandError> {
    let known = AsKnown { as_known: newest.recorded_time.map(as_known::AsKnown::Time) };
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListFindingsRequest {
            as_known: Some(known.clone()),
            page_token: page_token.clone(),
            ..ListFindingsRequest::default()
        };
        let page = client.projection.list_findings(with_deadline(request)).await?.into_inner();
        let head = page.times.and_then(|times| times.head).unwrap_or_default();
        let of_signed_log = head.tree_size == now.checkpoint.size();
        if of_signed_log && head.root != now.checkpoint.root().as_bytes() {
            return Err(CommandError::Untrue(
                "the findings are told of a log with another root than the signed one".to_owned(),
            ));
        }
        found.extend(page.findings.into_iter().filter(|finding| is_since(finding, before)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(found);
        }
    }
}

fn is_since(finding: &Finding, before: Option<&Record>) -> bool {
    let Some(before) = before.and_then(|record| record.recorded_time) else { return true };
    let is_later =
        |time: &prost_types::Timestamp| (time.seconds, time.nanos) > (before.seconds, before.nanos);
    [&finding.known_time, &finding.cleared_time].into_iter().flatten().any(is_later)
}

fn finding_text(finding: &Finding) -> String {
    let Finding { agreement_id, rule, subject, severity, status, first_breach_date, .. } = finding;
    let (severity, status) = (severity_text(*severity).0, finding_status_text(*status).0);
    format!("{agreement_id} {rule} {subject} ({severity}, {status}, since {first_breach_date})")
}

fn refusal_text(record: &Record) -> String {
    let recorded = recorded_text(record.recorded_time.as_ref());
    let reasons: Vec<&str> = match &record.entry {
        Some(Entry::Refusal(refused)) => {
            refused.refusals.iter().map(|refusal| refusal.reason.as_str()).collect()
        }
        Some(Entry::Event(_)) | None => Vec::new(),
    };
    let (position, agreement) = (record.position, &record.agreement_id);
    format!("{position} {agreement} {} ({recorded})", reasons.join(", "))
}

fn hashes(sent: &[Vec<u8>]) -> Result<Vec<TreeHash>, CommandError> {
    let hash = |bytes: &Vec<u8>| {
        <[u8; TREE_HASH_BYTES]>::try_from(bytes.as_slice()).map(TreeHash::from_bytes)
    };
    let read: Result<_, _> = sent.iter().map(hash).collect();
    read.map_err(|_| CommandError::Untrue("a hash of the proof has not 32 bytes".to_owned()))
}

/// Replaces the kept checkpoint as a whole, durably.
fn keep(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_added_extension("unfinished");
    let mut file = File::create(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
