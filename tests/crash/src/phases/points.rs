//! Named crash points: the process ends itself right there, as `kill -9` would.
//!
//! Each has a situation in which it is passed. One that is not reached is a violation: the table is
//! wrong then, or the program.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use tokio::time::{Duration, Instant, sleep};

use super::kill::some_load;
use crate::daemon::Started;
use crate::random::Random;
use crate::shape::Shape;
use crate::world::World;
use crate::writers::Load;

/// When a point is passed.
#[derive(Debug, Clone, Copy)]
enum When {
    /// Under load, for the first to the so-many-th time.
    Load(u64),
    /// While it starts on a folder to which something was done.
    Start(fn(&World) -> Result<()>),
    /// While it starts on no folder.
    New,
    /// While it ends in order.
    Close,
}

/// Every point of the product.
const POINTS: &[(&str, When)] = &[
    ("store.applied", When::Load(100)),
    ("store.flushed", When::Load(100)),
    ("store.synced", When::Load(100)),
    ("store.zeros-written", When::Load(2)),
    ("archive.segment-created", When::Load(6)),
    ("archive.header-synced", When::Load(6)),
    ("archive.segment-renamed", When::Load(6)),
    ("archive.segment-begun", When::Load(6)),
    ("archive.zeros-written", When::Load(6)),
    ("archive.half-written", When::Load(100)),
    ("archive.written", When::Load(100)),
    ("archive.synced", When::Load(100)),
    ("log.durable", When::Load(100)),
    ("ledger.logged", When::Load(100)),
    ("ledger.indexed", When::Load(100)),
    ("ledger.published", When::Load(100)),
    ("derived.applied", When::Load(100)),
    ("portfolio.folded", When::Load(2)),
    ("portfolio.written", When::Load(2)),
    ("directory.format-written", When::New),
    ("store.opened", When::New),
    ("mend.store-filled", When::Start(store_lost)),
    ("swap.built", When::Start(store_lost)),
    ("swap.finished", When::Start(store_lost)),
    ("swap.placed", When::Start(store_lost)),
    ("swap.set-aside", When::Start(store_ruined)),
    ("swap.placed", When::Start(store_ruined)),
    ("archive.torn-kept", When::Start(archive_torn)),
    ("mend.archive-noted", When::Start(archive_behind)),
    ("mend.archive-completed", When::Start(archive_behind)),
    ("archive.half-written", When::Start(archive_behind)),
    ("mend.archive-completed", When::Start(archive_lost)),
    ("archive.segment-renamed", When::Start(archive_lost)),
    ("mend.archive-noted", When::Start(archive_damaged)),
    ("archive.one-set-aside", When::Start(archive_damaged)),
    ("archive.all-set-aside", When::Start(archive_damaged)),
    ("archive.written", When::Start(archive_damaged)),
    ("close.begun", When::Close),
    ("close.synced", When::Close),
    ("close.mark-written", When::Close),
];

/// Names of all points, which no release may contain.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = POINTS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The `turn`-th cycle of this phase takes the `turn`-th point.
pub(crate) async fn cycle(world: &mut World, random: &mut Random, turn: usize) -> Result<()> {
    let (name, when) = POINTS[turn % POINTS.len()];
    // Begins a segment every few appends.
    world.shape.segment_bytes_max = 4096;
    // Every step comes with its append. What a kill leaves is the same: the kernel lives on.
    world.shape.archive_sync_delay_ms = 0;
    // Zeros are laid out only where there is a reserve.
    world.shape.archive_zeros_ahead_bytes = 65_536;
    world.shape.disk_reserve_bytes = 65_536;
    let daemon = world.open(random).await?;
    let count = match when {
        When::Load(most) => random.between(1, most),
        When::Start(_) | When::New | When::Close => 1,
    };
    let armed = Some(format!("{name}:{count}"));
    world.shared.lock().witness.remark(&format!("{name}:{count}"))?;
    let status = match when {
        When::Load(_) => {
            daemon.kill().await?;
            under_load(world, armed, random).await?
        }
        When::Start(prepare) => {
            some_load(world, &daemon, random).await?;
            daemon.kill().await?;
            prepare(world).with_context(|| format!("prepare for {name}"))?;
            ended(&world.start_at(armed).await?)
        }
        When::New => {
            daemon.terminate().await?;
            let elsewhere = world.beside("new");
            let shape = Shape { archive: None, ..world.shape.clone() };
            let here =
                || crate::daemon::Start { folder: &elsewhere, shape: &shape, ..world.start() };
            let start = crate::daemon::Start { crash_point: armed, ..here() };
            let status = ended(&start.run().await?);
            match here().run().await? {
                Started::Serving(daemon) => drop(daemon.kill().await?),
                Started::Ended { status, said } => {
                    world
                        .shared
                        .violation(format!("half made, it does not start: {status} {said:?}"));
                }
            }
            fs::remove_dir_all(&elsewhere)?;
            status
        }
        When::Close => {
            daemon.kill().await?;
            match world.start_at(armed).await? {
                Started::Serving(daemon) => {
                    some_load(world, &daemon, random).await?;
                    daemon.signal(Signal::TERM)?;
                    Some(daemon.ended().await?)
                }
                ended @ Started::Ended { .. } => self::ended(&ended),
            }
        }
    };
    if status.and_then(|status| status.signal()) != Some(Signal::KILL.as_raw()) {
        world.shared.violation(format!("crash point {name}:{count} was not reached: {status:?}"));
    }
    Ok(())
}

fn ended(started: &Started) -> Option<ExitStatus> {
    match started {
        Started::Serving(_) => None,
        Started::Ended { status, .. } => Some(*status),
    }
}

/// Writes until it ends by itself.
async fn under_load(
    world: &World,
    armed: Option<String>,
    random: &mut Random,
) -> Result<Option<ExitStatus>> {
    let mut daemon = match world.start_at(armed).await? {
        Started::Serving(daemon) => daemon,
        ended @ Started::Ended { .. } => return Ok(self::ended(&ended)),
    };
    let load = Load::start(&daemon, &world.shape, &world.shared, random).await?;
    let began = Instant::now();
    while daemon.is_running()? && began.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(1)).await;
    }
    let status = if daemon.is_running()? {
        daemon.kill().await?;
        None
    } else {
        Some(daemon.ended().await?)
    };
    load.finish().await?;
    Ok(status)
}

impl World {
    fn armed(&self, crash_point: Option<String>) -> crate::daemon::Start<'_> {
        crate::daemon::Start { crash_point, ..self.start() }
    }

    async fn start_at(&self, crash_point: Option<String>) -> Result<Started> {
        self.armed(crash_point).run().await
    }
}

fn segments(world: &World) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(world.archive())?.collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "clar"));
    paths.sort();
    Ok(paths)
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
    let mut bytes = fs::read(path)?;
    change(&mut bytes);
    Ok(fs::write(path, bytes)?)
}

fn last_segment(world: &World) -> Result<PathBuf> {
    segments(world)?.pop().context("the archive has no segment")
}

pub(super) fn store_lost(world: &World) -> Result<()> {
    Ok(fs::remove_dir_all(world.folder.join("sled"))?)
}

/// Every byte is another: a cut, or single bits, may hit space that sled does not use.
pub(super) fn store_ruined(world: &World) -> Result<()> {
    change(&world.folder.join("sled/db"), |bytes| bytes.iter_mut().for_each(|byte| *byte = !*byte))
}

pub(super) fn archive_lost(world: &World) -> Result<()> {
    Ok(segments(world)?.iter().try_for_each(fs::remove_file)?)
}

pub(super) fn archive_torn(world: &World) -> Result<()> {
    change(&last_segment(world)?, |bytes| bytes.extend_from_slice(b"CLBK\x01\x00half"))
}

fn archive_behind(world: &World) -> Result<()> {
    Ok(fs::remove_file(last_segment(world)?)?)
}

pub(super) fn archive_damaged(world: &World) -> Result<()> {
    let first = segments(world)?.into_iter().next().context("the archive has no segment")?;
    change(&first, |bytes| bytes[9] ^= 1)
}
