//! EIO and ENOSPC on the syscalls that matter, by strace: the ledger stops writing for good, says so,
//! answers what it has, and a restart reads what is really there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use tokio::time::{Duration, Instant, sleep};
use tonic_health::pb::health_check_response::ServingStatus;

use super::faults::{FAULTS, Fault, unnamed};
use super::kill::until_answers;
use super::points;
use crate::answers;
use crate::daemon::{Daemon, Said, Start, Started};
use crate::events::{self, Mode};
use crate::outcome::Outcome;
use crate::random::Random;
use crate::world::World;
use crate::writers::{Load, Sender};

/// How long a failed sync of an archive may take to be told, when it may be late.
const LATE_MAX: Duration = Duration::from_secs(5);

type Situation = (&'static str, fn(&World) -> Result<()>);

const TO_MEND_FROM_ARCHIVE: &[Situation] =
    &[("store lost", points::store_lost), ("store ruined", points::store_ruined)];

/// One copy, to be mended from the other.
const TO_MEND: &[Situation] = &[
    ("store lost", points::store_lost),
    ("store ruined", points::store_ruined),
    ("archive lost", points::archive_lost),
    ("archive torn", points::archive_torn),
    ("archive damaged", points::archive_damaged),
];

/// Whether strace is there and may trace.
pub(crate) fn is_possible() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success())
}

pub(crate) async fn cycle(world: &mut World, random: &mut Random, turn: usize) -> Result<()> {
    let fault = &FAULTS[turn % FAULTS.len()];
    if !world.read.is_empty() {
        started_to_mend(world, fault, random).await?;
    }
    let daemon = world.open(random).await?;
    daemon.kill().await?;
    let (rule, Some(daemon)) = start_under(world, fault, random).await? else { return Ok(()) };
    let mut load = Load::start(&daemon, &world.shape, &world.shared, random).await?;
    until_answers(world, &mut load, 200).await;
    load.finish().await?;
    let trace = fs::read(world.beside("strace")).unwrap_or_default();
    let trace = String::from_utf8_lossy(&trace);
    for call in unnamed(&trace, &world.folder.display().to_string()) {
        world.shared.violation(format!("{call} is called on the store, and no table names it"));
    }
    let injected = trace.matches("(INJECTED)").count();
    eprintln!("  {rule}: {injected} injected under load");
    if injected > 0 {
        after_failure(world, &daemon, fault, &rule, random).await?;
    }
    daemon.signal(if random.one_in(2) { Signal::TERM } else { Signal::KILL })?;
    daemon.ended().await?;
    Ok(())
}

/// A start on a folder in which one copy is to be mended from the other.
async fn started_to_mend(world: &World, fault: &Fault, random: &mut Random) -> Result<()> {
    // A copy that is gone and one that cannot be read are no copy left.
    let to_mend = if fault.is_of_reads { TO_MEND_FROM_ARCHIVE } else { TO_MEND };
    let Some((situation, prepare)) = random.pick(to_mend) else { return Ok(()) };
    prepare(world).with_context(|| format!("prepare: {situation}"))?;
    world.shared.lock().witness.remark(situation)?;
    if let (_, Some(daemon)) = start_under(world, fault, random).await? {
        daemon.kill().await?;
    }
    Ok(())
}

/// Starts the server with the fault at some call: it serves, or refuses by name. Returns the rule,
/// and the server that serves.
async fn start_under(
    world: &World,
    fault: &Fault,
    random: &mut Random,
) -> Result<(String, Option<Box<Daemon>>)> {
    let error = random.pick(fault.errors).copied().unwrap_or("EIO");
    let when = random.between(1, fault.when_max);
    // Once, or from then on.
    let ever = if random.one_in(2) { "+" } else { "" };
    let rule = format!("inject={}:error={error}:when={when}{ever}", fault.syscall);
    let mut rules = vec!["-e".to_owned(), rule.clone()];
    if fault.only_files {
        // Where nothing is signed any more appends go on, so that is no call that has to stop them.
        let is_meant = |path: &Path| {
            !fault.must_stop
                || path.file_stem().is_none_or(|name| name.to_string_lossy() != "newest")
        };
        let paths = files(&world.folder)?.into_iter().chain(files_of_second(world)?);
        for path in paths.filter(|path| is_meant(path)) {
            rules.extend(["-P".to_owned(), path.display().to_string()]);
        }
    }
    world.shared.lock().witness.remark(&rule)?;
    let start = Start { inject: Some((rules, world.beside("strace"))), ..world.start() };
    match start.run().await? {
        Started::Serving(daemon) => Ok((rule, Some(daemon))),
        Started::Ended { status, said } => {
            if status.code() != Some(1) || !matches!(said, Said::Refused(_)) {
                world.shared.violation(format!(
                    "{rule}: expected a refused start; found {status}: {said:?}"
                ));
            }
            Ok((rule, None))
        }
    }
}

/// A call has failed: the next append tells whether the ledger writes on.
async fn after_failure(
    world: &World,
    daemon: &Daemon,
    fault: &Fault,
    rule: &str,
    random: &mut Random,
) -> Result<()> {
    let channel = daemon.connect().await?;
    let mut sender = Sender::new(channel.clone(), world.shared.clone());
    let agreement = world.shape.agreements.first().map_or("", |terms| terms.id.as_str());
    let mut last = None;
    let mut sent = 0;
    let is_stopped = |last: &Option<Outcome>| matches!(last, Some(Outcome::NotRecorded { reason }) if reason == "WRITER_STOPPED");
    // A sync of the archive that may be late fails late, and is told then.
    let may_be_late = fault.must_stop && world.shape.archive_sync_delay_ms > 0;
    let sending = Instant::now();
    while sent < 2 || (may_be_late && !is_stopped(&last) && sending.elapsed() < LATE_MAX) {
        sent += 1;
        let order = format!("order-{}", world.shared.number());
        let event = events::place(Mode::Fact, &order, 0, 10);
        let request = events::request(random.uuid(), agreement, vec![event]);
        last = Some(sender.send(&request).await?.outcome);
    }
    if !is_stopped(&last) {
        let told = world.shared.lock().failure_told;
        if fault.must_stop || told {
            world.shared.violation(format!("{rule}: expected WRITER_STOPPED; found {last:?}"));
        }
        return Ok(());
    }
    // Told by a task of its own, right after the writer's end.
    let began = Instant::now();
    while answers::health(&channel).await? == ServingStatus::Serving {
        if began.elapsed() > Duration::from_secs(10) {
            world.shared.violation(format!("{rule}: expected NOT_SERVING; found SERVING"));
            break;
        }
        sleep(Duration::from_millis(1)).await;
    }
    let known = world.read.len();
    match answers::records(&channel).await {
        Ok(records) if records.get(..known) == Some(&world.read[..]) => {}
        Ok(_) => world.shared.violation(format!("{rule}: reads of a stopped ledger went back")),
        // What sled refuses once a write of its own has failed is answered from the archive.
        Err(_) if fault.is_of_reads => {}
        Err(error) => {
            world.shared.violation(format!("{rule}: a stopped ledger answers: {error:#}"));
        }
    }
    Ok(())
}

/// Those of an archive that is elsewhere.
fn files_of_second(world: &World) -> Result<Vec<PathBuf>> {
    let archive = world.shape.archive.as_ref().filter(|archive| archive.exists());
    archive.map_or_else(|| Ok(Vec::new()), |archive| files(archive))
}

/// Every file and folder of a store, as far as it is there.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
