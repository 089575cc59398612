//! SIGKILL at a random moment: under load, or while it starts.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::daemon::{Daemon, Started};
use crate::random::Random;
use crate::world::World;
use crate::writers::Load;

/// Answers after which the end comes, at most.
const ANSWERS_MAX: u64 = 150;
/// How long a load may take: some never get that many answers.
const LOAD_MAX: Duration = Duration::from_secs(1);

pub(crate) async fn cycle(world: &mut World, random: &mut Random) -> Result<()> {
    if random.one_in(5) {
        killed_while_starting(world, random).await?;
    }
    let daemon = world.open(random).await?;
    let mut load = Load::start(&daemon, &world.shape, &world.shared, random).await?;
    until_answers(world, &mut load, random.below(ANSWERS_MAX)).await;
    sleep(Duration::from_micros(random.below(5000))).await;
    daemon.kill().await?;
    load.finish().await
}

async fn killed_while_starting(world: &World, random: &mut Random) -> Result<()> {
    let delay = Duration::from_micros(random.below(60_000));
    // Killed in the middle; or it has come to serve, and is killed then.
    if let Some(Started::Serving(daemon)) = world.start().run_for(delay).await? {
        daemon.kill().await?;
    }
    Ok(())
}

/// Waits until so many requests of this cycle are answered, or every writer has given up.
pub(crate) async fn until_answers(world: &World, load: &mut Load, answers: u64) {
    let began = Instant::now();
    while world.shared.lock().acknowledged_now < answers
        && !load.is_over()
        && began.elapsed() < LOAD_MAX
    {
        sleep(Duration::from_millis(1)).await;
    }
}

/// Writers for a while, so that there is something to lose.
pub(crate) async fn some_load(world: &World, daemon: &Daemon, random: &mut Random) -> Result<()> {
    let mut load = Load::start(daemon, &world.shape, &world.shared, random).await?;
    until_answers(world, &mut load, random.between(10, 60)).await;
    load.finish().await
}
