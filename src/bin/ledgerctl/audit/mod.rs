//! `audit`: proves that the log only grew since the last visit, replays it, lists the refusals that came
//! and the findings that opened or cleared since, and keeps the new checkpoint.
//!
//! Takes the ledger's key on trust, and of findings the dated policy, which is no part of the log. No
//! finding is asked of the ledger: `replayed` reads the log and compares it with what is signed, `judged`
//! folds each agreement's events. `kept` is what stays between two visits.

mod judged;
mod kept;
mod replayed;

use std::io::Write;
use std::sync::Arc;

use contract_ledger::clock::{Clock as _, SystemClock};
use contract_ledger::domain::date::Date;
use contract_ledger::domain::policy::PolicyBook;
use contract_ledger::ledger::error::WithCauses;
use contract_ledger::merkle::{ConsistencyProof, TREE_HASH_BYTES, TreeHash};
use contract_ledger::wire::parse::parse_policy;
use contract_ledger::wire::v1::record::Entry;
use contract_ledger::wire::v1::{
    GetCheckpointRequest, GetConsistencyProofRequest, GetPolicyRequest, Record,
};

use crate::arguments::AuditArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::time_text::recorded_text;
use crate::trust::{Believed, Trust};

use judged::{Judging, Seen, turned_text};
use kept::Kept;

/// Proves, replays, judges, lists, and keeps the new checkpoint when all was right.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &AuditArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let AuditArguments { since: path, trust, first, as_of } = arguments;
    let trust = Trust::of(trust)?;
    let today = day(as_of.as_deref())?;
    let kept = kept::read(path, *first, &trust)?;
    let mut client = Client::connect(server).await?;
    let asked = client.audit.get_checkpoint(with_deadline(GetCheckpointRequest::default())).await?;
    let now = trust.believe("the ledger's checkpoint", &asked.into_inner().checkpoint)?;
    if let Some(Kept { believed, .. }) = &kept {
        prove_growth(&mut client, believed, &now).await?;
    }
    let (from, root_before) = match &kept {
        None => (0, TreeHash::of_empty_tree()),
        Some(kept) => (kept.believed.checkpoint.size(), kept.believed.checkpoint.root()),
    };
    writeln!(output, "since:     {from} records, root {root_before}")?;
    let (size, root) = (now.checkpoint.size(), now.checkpoint.root());
    writeln!(output, "now:       {size} records, root {root}")?;
    if kept.is_some() {
        writeln!(output, "proved:    what was there is there, unchanged")?;
    }
    let news = replayed::replay(server, (from, root_before), &now).await?;
    let refused = news.refused.len();
    writeln!(output, "replayed:  {} events and {refused} refusals, as signed", news.events)?;
    for record in &news.refused {
        writeln!(output, "refusal:   {}", refusal_text(record))?;
    }
    let (policies, policy_text) = policy(&mut client).await?;
    let (before, days_text) = seen_before(kept.as_ref(), today);
    writeln!(output, "judged:    {days_text}; by {policy_text}")?;
    let judging = Judging { policies, before, today };
    let channel = server.connect().await?;
    for (agreement_id, of_log) in &news.agreements {
        let is_as_before = of_log.is_as_before() && (before.size, before.day) == (from, today);
        if of_log.has_no_event() || is_as_before {
            continue;
        }
        let events = of_log.events(channel.clone(), agreement_id, size).await?;
        for turned in judging.turns(agreement_id, &events)? {
            writeln!(output, "finding:   {}", turned_text(agreement_id, &turned))?;
        }
    }
    kept::keep(path, &now, today)
        .map_err(|source| CommandError::local(format!("writing {}", path.display()), source))?;
    writeln!(output, "kept:      {} ({} new records)", path.display(), size - from)?;
    Ok(EXIT_DONE)
}

/// The day that findings are judged at.
fn day(asked: Option<&str>) -> Result<Date, CommandError> {
    match asked {
        None => Ok(SystemClock.now().oslo_date()),
        Some(text) => Date::parse(text)
            .map_err(|_| CommandError::Usage(format!("--as-of {text} is no day YYYY-MM-DD"))),
    }
}

/// How far the last visit saw, and both days in words. A visit whose day was not kept counts for nothing
/// here: whatever day is taken for it, something could be passed over.
fn seen_before(kept: Option<&Kept>, today: Date) -> (Seen, String) {
    let nothing = Seen { size: 0, day: today };
    match kept {
        None => (nothing, format!("as of {today}")),
        Some(Kept { believed, day: Some(day) }) => {
            let before = Seen { size: believed.checkpoint.size(), day: *day };
            (before, format!("as of {today}, at the last visit as of {day}"))
        }
        Some(Kept { day: None, .. }) => {
            let text = format!(
                "as of {today}; the day of the last visit was not kept, so all is listed that a first \
                 visit lists"
            );
            (nothing, text)
        }
    }
}

/// The policy that findings are judged by, and whose word it is.
async fn policy(client: &mut Client) -> Result<(Arc<PolicyBook>, String), CommandError> {
    let told = client.audit.get_policy(with_deadline(GetPolicyRequest {})).await?.into_inner();
    let book = parse_policy(&told).map_err(|faults| {
        let faults: Vec<String> =
            faults.iter().map(|one| format!("{} {}", one.field, one.description)).collect();
        CommandError::Stopped(format!("the policy cannot be read: {}", faults.join("; ")))
    })?;
    let built_in = PolicyBook::norwegian_eea_thresholds();
    let own = book.changes().iter().filter(|change| !built_in.changes().contains(*change)).count();
    let text = match own {
        0 => "the policy that is built in".to_owned(),
        own => format!("a policy with {own} changes that are not built in: the operator's word"),
    };
    Ok((Arc::new(book), text))
}

/// That the log of the kept checkpoint is the beginning of the log as it is signed now.
async fn prove_growth(
    client: &mut Client,
    kept: &Believed,
    now: &Believed,
) -> Result<(), CommandError> {
    let (old, new) = (kept.checkpoint.origin(), now.checkpoint.origin());
    if old != new {
        let text =
            format!("the kept checkpoint is of the log {old}, and the ledger signs as {new}");
        return Err(CommandError::Untrue(text));
    }
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
