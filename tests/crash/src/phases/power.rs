//! Power cuts: what was not synced is forgotten, survives in part, or survives torn.
//!
//! On the lossy disk the power goes at a chosen operation, under load, while it starts, or while it
//! mends; on an image, at a moment.

use std::fs;

use anyhow::Result;
use disks::{Fault, Keep, Operation};
use tokio::time::{Duration, sleep};

use super::kill::until_answers;
use crate::daemon::Started;
use crate::random::Random;
use crate::world::World;
use crate::writers::Load;

/// Answers after which the power of an image goes, at most.
const ANSWERS_MAX: u64 = 120;
/// Writes within which all short ones come.
const FAULT_WRITES_MAX: u64 = 80;

/// On the lossy disk, keeping nothing of what was not synced, or some of it.
pub(crate) async fn cut(world: &mut World, random: &mut Random) -> Result<()> {
    let keep = if random.one_in(2) { Keep::Nothing } else { Keep::Subset };
    lossy(world, random, keep, Writes::Whole).await
}

/// On the lossy disk, with short writes, keeping some of what was not synced, torn and reordered.
pub(crate) async fn torn(world: &mut World, random: &mut Random) -> Result<()> {
    lossy(world, random, Keep::SubsetTorn, Writes::Short).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Writes {
    Whole,
    Short,
}

async fn lossy(world: &mut World, random: &mut Random, keep: Keep, writes: Writes) -> Result<()> {
    let daemon = world.open(random).await?;
    if random.one_in(3) {
        // While it starts: on what is whole, or on what it has to mend first.
        daemon.kill().await?;
        if random.one_in(2) {
            let store = world.folder.join("sled");
            let lost = random.pick(&[store, world.archive()]).cloned().unwrap_or_default();
            // An archive that may be behind is no second copy of the newest records when the power
            // goes too: what it has of them may not be synced.
            let lost = if world.shape.archive_sync_delay_ms > 0 { world.archive() } else { lost };
            world.shared.lock().witness.remark(&format!("{} is lost", lost.display()))?;
            fs::remove_dir_all(lost)?;
        }
        power_off_in(world, random.between(1, 60), random)?;
        if let Started::Serving(daemon) = world.start().run().await? {
            daemon.kill().await?;
        }
    } else {
        if writes == Writes::Short {
            let errno = rustix::io::Errno::IO.raw_os_error();
            let times = random.between(1, 20);
            let after = random.below(FAULT_WRITES_MAX - times);
            let fault = Fault { operation: Operation::Write, errno, after, times, short: true };
            world.lossy().for_each(|disk| disk.fail(fault));
        }
        let mut load = Load::start(&daemon, &world.shape, &world.shared, random).await?;
        power_off_in(world, random.between(1, 400), random)?;
        until_answers(world, &mut load, u64::MAX).await;
        daemon.kill().await?;
        load.finish().await?;
    }
    the_power_goes(world, random, keep)?;
    use_up_faults(world);
    Ok(())
}

/// Faults stay after a cut; what is left of them is spent on a file that nobody reads.
fn use_up_faults(world: &World) {
    for disk in world.lossy() {
        let path = disk.path().join("spent");
        for _ in 0..FAULT_WRITES_MAX {
            // The failure is what it is for.
            drop(fs::write(&path, "x"));
        }
        drop(fs::remove_file(&path));
    }
}

/// Of two disks, one goes off first.
fn power_off_in(world: &World, operations: u64, random: &mut Random) -> Result<()> {
    let disks: Vec<_> = world.lossy().collect();
    if let Some(disk) = random.pick(&disks) {
        let (at, path) = (disk.operations() + operations, disk.path().display());
        world.shared.lock().witness.remark(&format!("{path} off in {operations} operations"))?;
        disk.power_off_at(Some(at));
    }
    Ok(())
}

/// On a real file system, under load.
pub(crate) async fn image(world: &mut World, random: &mut Random) -> Result<()> {
    let daemon = world.open(random).await?;
    let mut load = Load::start(&daemon, &world.shape, &world.shared, random).await?;
    until_answers(world, &mut load, random.below(ANSWERS_MAX)).await;
    sleep(Duration::from_micros(random.below(5000))).await;
    daemon.kill().await?;
    load.finish().await?;
    the_power_goes(world, random, Keep::Nothing)
}

fn the_power_goes(world: &mut World, random: &mut Random, keep: Keep) -> Result<()> {
    let left = world.cut(random.next(), keep)?;
    world.shared.lock().witness.remark(&format!("power cut: {left}"))
}
