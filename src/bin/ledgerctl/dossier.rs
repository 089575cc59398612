//! `dossier`: gathers an answer and everything that proves it from a running ledger, and writes it as one
//! file, with a report beside it. It reads the agreement's own records, and of others only what comes
//! behind them, to show that none of the agreement does (`leaf_row`).

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use contract_ledger::domain::date::RecordedTime;
use contract_ledger::dossier::{
    Dossier, KeysFrom, Parts, Proved, RECORDS_MAX, Trust, make, report, verify,
};
use contract_ledger::ledger::error::WithCauses;
use contract_ledger::merkle::{Checkpoint, Note, TREE_HASH_BYTES, TreeHash, VerifierKey};
use contract_ledger::wire::leaf::LeafFields;
use contract_ledger::wire::parse::{Violations, parse_known};
use contract_ledger::wire::record::timestamp;
use contract_ledger::wire::schema;
use contract_ledger::wire::v1::{
    AsKnown, CeilingUsage, Finding, GetCeilingUsageRequest, GetCheckpointRequest,
    GetCheckpointResponse, GetInclusionProofRequest, GetPolicyRequest, ListFindingsRequest,
    as_known,
};
use tokio::task::JoinSet;

use crate::arguments::DossierArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::leaf_row::{Ends, leaf_row, open_behind};
use crate::outcome::CommandError;
use crate::stored_records::read_of_agreement;
use crate::verify_dossier::{Completeness, Telling, tell, write_whole};

/// How often a newer checkpoint is asked for when a record that no checkpoint covers yet has the same
/// recorded time as the last that is covered.
const TRIES_MAX: usize = 5;
/// Proofs that are asked for at a time.
const PROOFS_AT_ONCE: usize = 32;

/// Gathers, verifies, writes and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &DossierArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let DossierArguments { output: file, report: page, language, json, waive_completeness, .. } =
        arguments;
    let mut client = Client::connect(server).await?;
    let (dossier, asked) = gather(server, &mut client, arguments).await?;
    let text = dossier.to_text().map_err(|fault| {
        let (reason, text) = (fault.reason(), WithCauses(&fault));
        CommandError::Stopped(format!("{reason}: {text}"))
    })?;
    // Read back from what is written, so that what is shown is about the file.
    let dossier = Dossier::parse(text.as_bytes())
        .map_err(|fault| CommandError::Stopped(format!("what was made: {}", WithCauses(&fault))))?;
    let (keys, witnesses) = told_keys(&asked);
    let (_, checkpoint) = checkpoint_of(&asked.checkpoint)?;
    let trust = Trust { origin: checkpoint.origin(), keys: &keys, witnesses: &witnesses };
    let verified = verify(&dossier, &trust, None);
    let shown = report(&dossier, &verified, KeysFrom::Ledger, language.language());
    let page = page.clone().unwrap_or_else(|| file.with_added_extension("html"));
    write_whole(file, text.as_bytes())?;
    write_whole(&page, shown.as_bytes())?;
    let telling = Telling {
        json: *json,
        completeness: if *waive_completeness { Completeness::Waived } else { Completeness::Needed },
        remedy: "a larger --completeness-bytes-max puts the leaves into the file, as far as it may; else \
                 verify-dossier needs --tiles DIR; --waive-completeness does without",
    };
    tell(&verified, &telling, output)
}

async fn gather(
    server: &ServerAddress,
    client: &mut Client,
    arguments: &DossierArguments,
) -> Result<(Dossier, GetCheckpointResponse), CommandError> {
    for _ in 0..TRIES_MAX {
        let request = GetCheckpointRequest {
            cosigned_by_at_least: arguments.cosigned,
            witnesses_only: false,
        };
        let asked = client.audit.get_checkpoint(with_deadline(request)).await?.into_inner();
        if let Some(dossier) = gather_under(server, client, arguments, &asked).await? {
            return Ok((dossier, asked));
        }
    }
    Err(CommandError::Stopped(
        "records before and after the checkpoint have the same recorded time; ask for an earlier time \
         with --as-known, or again later"
            .to_owned(),
    ))
}

/// Everything under one checkpoint. None when a record behind it was known at the same time.
async fn gather_under(
    server: &ServerAddress,
    client: &mut Client,
    arguments: &DossierArguments,
    asked: &GetCheckpointResponse,
) -> Result<Option<Dossier>, CommandError> {
    let (_, checkpoint) = checkpoint_of(&asked.checkpoint)?;
    let size = checkpoint.size();
    let Some(newest) = size.checked_sub(1) else {
        return Err(CommandError::Stopped("the log is empty".to_owned()));
    };
    let newest = prove_leaf(client, newest, size).await?;
    let covered = recorded(&newest)?;
    let as_known = asked_known(arguments.as_known.as_ref())?.map_or(covered, |at| at.min(covered));
    let known = AsKnown { as_known: Some(as_known::AsKnown::Time(timestamp(as_known))) };
    let usage = usage(client, arguments, &known).await?;
    let last = usage.position;
    if last >= size {
        return Ok(None);
    }
    let findings = findings(client, &usage, &known).await?;
    let policy = client.audit.get_policy(with_deadline(GetPolicyRequest {})).await?.into_inner();
    let next = match last.checked_add(1).filter(|next| *next < size) {
        Some(next) => Some(prove_leaf(client, next, size).await?),
        None => None,
    };
    let stored = read_of_agreement(server.connect().await?, &arguments.agreement, size).await?;
    if stored.len() > RECORDS_MAX {
        let count = stored.len();
        let text =
            format!("DOSSIER_TOO_LONG: {count} records; a dossier has at most {RECORDS_MAX}");
        return Err(CommandError::Stopped(text));
    }
    let proved_last = prove_leaf(client, last, size).await?;
    let open = open_behind(&stored, last)?;
    let behind = if open.is_empty() {
        None
    } else {
        let first = prove_leaf(client, open.start, size).await?;
        let ends = Ends { first: &first, last: &proved_last, size };
        leaf_row(server, &ends, arguments.completeness_bytes_max).await?
    };
    let parts = Parts {
        as_known,
        usage,
        findings,
        policy,
        checkpoint: asked.checkpoint.clone(),
        last: proved_last,
        next,
        records: prove_records(client, stored, size).await?,
        behind,
        schema: schema::of_records(),
    };
    Ok(Some(make(parts)))
}

async fn usage(
    client: &mut Client,
    arguments: &DossierArguments,
    known: &AsKnown,
) -> Result<CeilingUsage, CommandError> {
    let request = GetCeilingUsageRequest {
        agreement_id: arguments.agreement.clone(),
        as_of: arguments.as_of.clone().unwrap_or_default(),
        as_known: Some(known.clone()),
        min_position: None,
    };
    let answer = client.projection.get_ceiling_usage(with_deadline(request)).await?.into_inner();
    answer.usage.ok_or_else(|| CommandError::Stopped("the ledger answered nothing".to_owned()))
}

async fn findings(
    client: &mut Client,
    usage: &CeilingUsage,
    known: &AsKnown,
) -> Result<Vec<Finding>, CommandError> {
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListFindingsRequest {
            agreement_id: usage.agreement_id.clone(),
            as_of: usage.as_of.clone(),
            as_known: Some(known.clone()),
            page_token,
            ..ListFindingsRequest::default()
        };
        let page = client.projection.list_findings(with_deadline(request)).await?.into_inner();
        found.extend(page.findings);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(found);
        }
    }
}

async fn prove_leaf(client: &mut Client, position: u64, size: u64) -> Result<Proved, CommandError> {
    let request = GetInclusionProofRequest { position, tree_size: Some(size) };
    let proof = client.audit.get_inclusion_proof(with_deadline(request)).await?.into_inner();
    let hash = |bytes: &Vec<u8>| {
        <[u8; TREE_HASH_BYTES]>::try_from(bytes.as_slice()).map(TreeHash::from_bytes)
    };
    let hashes = proof.hashes.iter().map(hash).collect::<Result<_, _>>();
    let hashes = hashes
        .map_err(|_| CommandError::Untrue("a hash of the proof has not 32 bytes".to_owned()))?;
    Ok(Proved { position, bytes: proof.leaf, hashes })
}

/// The records with their proofs, some asked for at a time.
async fn prove_records(
    client: &Client,
    stored: Vec<(u64, Bytes)>,
    size: u64,
) -> Result<Vec<Proved>, CommandError> {
    let stored: Arc<[(u64, Bytes)]> = stored.into();
    let mut proved = Vec::with_capacity(stored.len());
    for chunk in stored.chunks(PROOFS_AT_ONCE) {
        let mut asked = JoinSet::new();
        for (position, bytes) in chunk.iter().cloned() {
            let mut client = client.clone();
            asked.spawn(async move {
                let Proved { hashes, .. } = prove_leaf(&mut client, position, size).await?;
                Ok::<_, CommandError>(Proved { position, bytes: bytes.to_vec(), hashes })
            });
        }
        while let Some(answer) = asked.join_next().await {
            let answer = answer.map_err(|error| {
                CommandError::Stopped(format!("a proof was not asked for to the end: {error}"))
            })?;
            proved.push(answer?);
        }
    }
    proved.sort_by_key(|proved: &Proved| proved.position);
    Ok(proved)
}

fn recorded(proved: &Proved) -> Result<RecordedTime, CommandError> {
    let fields = LeafFields::read(&proved.bytes);
    let position = proved.position;
    fields.map(|fields| fields.recorded).ok_or_else(|| {
        CommandError::Untrue(format!("the leaf of position {position} is not laid out as one"))
    })
}

fn asked_known(known: Option<&AsKnown>) -> Result<Option<RecordedTime>, CommandError> {
    let mut violations = Violations::default();
    let time = parse_known(&mut violations, known);
    match violations.into_vec().first() {
        Some(fault) => Err(CommandError::Usage(format!("--as-known {}", fault.description))),
        None => Ok(time),
    }
}

fn checkpoint_of(text: &str) -> Result<(Note, Checkpoint), CommandError> {
    let wrong = |fault: &dyn std::error::Error| {
        CommandError::Untrue(format!("the ledger's checkpoint: {}", WithCauses(fault)))
    };
    let note = Note::parse(text).map_err(|fault| wrong(&fault))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|fault| wrong(&fault))?;
    Ok((note, checkpoint))
}

/// The keys that the ledger tells of itself, and of the witnesses that cosigned this checkpoint.
fn told_keys(asked: &GetCheckpointResponse) -> (Vec<VerifierKey>, Vec<VerifierKey>) {
    let keys = asked.verifier_keys.iter().filter_map(|text| VerifierKey::parse(text).ok());
    let witnesses =
        asked.witnesses.iter().filter_map(|one| VerifierKey::parse(&one.verifier_key).ok());
    let note = Note::parse(&asked.checkpoint).ok();
    let cosigned =
        witnesses.filter(|key| note.as_ref().is_some_and(|note| note.cosigned_at(key).is_some()));
    (keys.collect(), cosigned.collect())
}
