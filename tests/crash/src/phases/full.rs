//! A disk that is full at some step: nothing acknowledged is lost, reads go on, and with room again
//! everything goes on, without a restart where the ledger kept a reserve and refused in time.

use std::path::Path;
use std::{fs, io};

use anyhow::{Context as _, Result};
use contract_ledger::wire::v1;
use rustix::process::Signal;
use tokio::time::{Duration, Instant, sleep};
use tonic::transport::Channel;
use tonic_health::pb::health_check_response::ServingStatus;

use super::kill::until_answers;
use crate::answers;
use crate::daemon::{Daemon, Said, Started};
use crate::disk::Disk;
use crate::events::{self, Mode};
use crate::outcome::Outcome;
use crate::random::Random;
use crate::world::World;
use crate::writers::{Load, Sender};

/// Bytes that are left when the load begins, at most.
const LEFT_BYTES_MAX: u64 = 400_000;
/// How long a ledger may take to find out that there is room again.
const FREED_MAX: Duration = Duration::from_secs(10);

pub(crate) async fn cycle(world: &mut World, random: &mut Random) -> Result<()> {
    let daemon = world.open(random).await?;
    let left = random.below(LEFT_BYTES_MAX);
    // Of two disks either may be full.
    let is_archives = world.second.is_some() && random.one_in(2);
    leave(world, is_archives, left)?;
    let mut load = Load::start(&daemon, &world.shape, &world.shared, random).await?;
    until_answers(world, &mut load, u64::MAX).await;
    load.finish().await?;
    let channel = daemon.connect().await?;
    let known = world.read.len();
    let goes_on = appends_or_says_full(world, &channel, random).await?
        && answers::health(&channel).await? == ServingStatus::Serving;
    match answers::records(&channel).await {
        Ok(records) if records.get(..known) == Some(&world.read[..]) => {}
        Ok(_) => world.shared.violation("reads from a full disk went back".to_owned()),
        Err(error) => world.shared.violation(format!("no reads from a full disk: {error:#}")),
    }
    if goes_on && random.one_in(2) {
        no_limit(world);
        goes_on_with_room(world, &daemon, random).await?;
    }
    let end = if random.one_in(2) { Signal::TERM } else { Signal::KILL };
    daemon.signal(end)?;
    daemon.ended().await?;
    // On the full disk it may start or refuse; either way it does no harm.
    match world.start().run().await? {
        Started::Serving(daemon) => {
            let channel = daemon.connect().await?;
            let records = answers::records(&channel).await.context("read from a full disk")?;
            if records.get(..known) != Some(&world.read[..]) {
                world.shared.violation("after a start on a full disk records are gone".to_owned());
            }
            daemon.kill().await?;
        }
        Started::Ended { status, said } => {
            if status.code() != Some(1) || said != Said::Refused("DISK_FULL".to_owned()) {
                world.shared.violation(format!(
                    "expected DISK_FULL, exit code 1; found {status}: {said:?}"
                ));
            }
        }
    }
    no_limit(world);
    Ok(())
}

/// Whether an append is taken, or refused before anything was written. A ledger whose write has
/// failed has stopped, and says so; it says nothing else.
async fn appends_or_says_full(
    world: &World,
    channel: &Channel,
    random: &mut Random,
) -> Result<bool> {
    let mut sender = Sender::new(channel.clone(), world.shared.clone());
    match sender.send(&an_order(world, random)).await?.outcome {
        Outcome::Accepted(_) => Ok(true),
        Outcome::NotRecorded { reason } if reason == "DISK_FULL" => Ok(true),
        Outcome::NotRecorded { reason } if reason == "WRITER_STOPPED" => Ok(false),
        Outcome::Open { reason } if reason == "OUTCOME_UNKNOWN" => Ok(false),
        outcome => {
            world.shared.violation(format!("expected DISK_FULL; found {outcome}"));
            Ok(false)
        }
    }
}

fn an_order(world: &World, random: &mut Random) -> v1::AppendEventsRequest {
    let agreement = world.shape.agreements.first().map_or("", |terms| terms.id.as_str());
    let order = format!("order-{}", world.shared.number());
    events::request(random.uuid(), agreement, vec![events::place(Mode::Fact, &order, 0, 10)])
}

/// A ledger that has not stopped takes appends again as soon as there is room.
async fn goes_on_with_room(world: &World, daemon: &Daemon, random: &mut Random) -> Result<()> {
    let mut sender = Sender::new(daemon.connect().await?, world.shared.clone());
    let began = Instant::now();
    loop {
        match sender.send(&an_order(world, random)).await?.outcome {
            Outcome::Accepted(_) => return Ok(()),
            Outcome::NotRecorded { reason }
                if reason == "DISK_FULL" && began.elapsed() < FREED_MAX =>
            {
                sleep(Duration::from_millis(50)).await;
            }
            outcome => {
                world.shared.violation(format!("expected appends to go on; found {outcome}"));
                return Ok(());
            }
        }
    }
}

/// So many bytes more fit on the disk of the store, or on that of an archive that is elsewhere.
pub(super) fn leave(world: &World, is_archives: bool, bytes: u64) -> Result<()> {
    let (disk, folder) = if is_archives {
        (world.second.as_ref(), world.archive())
    } else {
        (Some(&world.disk), world.folder.clone())
    };
    world.shared.lock().witness.remark(&format!("{bytes} left at {}", folder.display()))?;
    let disk = disk.and_then(Disk::lossy).context("this phase needs the lossy disk")?;
    disk.limit_bytes(Some(used(&folder)? + bytes));
    Ok(())
}

pub(super) fn no_limit(world: &World) {
    world.lossy().for_each(|disk| disk.limit_bytes(None));
}

/// What the files of a folder use, in blocks of 4 KiB.
fn used(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            used(&entry.path())?
        } else {
            metadata.len().next_multiple_of(4096)
        };
    }
    Ok(bytes)
}
