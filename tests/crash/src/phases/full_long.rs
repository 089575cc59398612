//! A disk that is full with a long log on it, and a kill at the limit: what the ledger kept free is
//! enough for the next start, however much the kill left to be made up for.
//!
//! A store of its own, since every check of it takes long.

use anyhow::{Result, bail};
use contract_ledger::wire::v1;

use super::full::{leave, no_limit};
use crate::answers;
use crate::daemon::Started;
use crate::events::{self, Mode};
use crate::outcome::Outcome;
use crate::random::Random;
use crate::records;
use crate::world::World;
use crate::writers::Sender;

/// Records that are in the log, at least, when the disk is full.
const RECORDS: u64 = 20_500;
/// Events of a request, as many as are allowed.
const REQUEST_EVENTS: u64 = 1000;
/// What is kept free: a small disk's.
const RESERVE_BYTES: u64 = 1 << 20;
/// Room for the log, and too little for who is to write what is derived from it: that waits, until
/// there is more. Twice the four megabytes that it asks for, and what is kept free.
const LEFT_BYTES: u64 = (8 << 20) + RESERVE_BYTES - 4096;
/// So little that the next request is refused.
const FULL_BYTES: u64 = RESERVE_BYTES + 8192;

pub(crate) async fn cycle(world: &mut World, random: &mut Random) -> Result<()> {
    world.shape.disk_reserve_bytes = RESERVE_BYTES;
    world.shape.block_bytes_max = 65_536;
    world.shape.segment_bytes_max = 1 << 20;
    let daemon = world.open(random).await?;
    let id = format!("long-{}", world.shared.number());
    let mut sender = Sender::new(daemon.connect().await?, world.shared.clone());
    let signing = events::request(random.uuid(), &id, vec![events::sign(900_000_000, 900_000_000)]);
    accepted(&mut sender, &signing).await?;
    let mut placed = 0;
    while placed < RECORDS {
        // Again for each: the log takes room itself.
        leave(world, false, LEFT_BYTES)?;
        let orders = (placed..placed + REQUEST_EVENTS)
            .map(|number| events::place(Mode::Fact, &format!("long-{number}"), 0, 10));
        let request = events::request(random.uuid(), &id, orders.collect());
        accepted(&mut sender, &request).await?;
        placed += REQUEST_EVENTS;
    }
    leave(world, false, FULL_BYTES)?;
    let event = events::place(Mode::Fact, "one-more", 0, 10);
    let many = (0..REQUEST_EVENTS).map(|number| {
        let mut event = event.clone();
        if let Some(v1::event::Payload::OrderPlaced(placed)) = &mut event.payload {
            placed.order_id = format!("one-more-{number}");
        }
        event
    });
    let request = events::request(random.uuid(), &id, many.collect());
    match sender.send(&request).await?.outcome {
        Outcome::NotRecorded { reason } if reason == "DISK_FULL" => {}
        outcome => world.shared.violation(format!("expected DISK_FULL; found {outcome}")),
    }
    let known = answers::head(&daemon.connect().await?).await?;
    daemon.kill().await?;

    // Twice: the first start may use what is kept free, and the second has to go by with what is left.
    for start in ["first", "second"] {
        match world.start().run().await? {
            Started::Serving(daemon) => {
                let head = answers::head(&daemon.connect().await?).await?;
                if head != known {
                    world.shared.violation(format!("expected {known} records; found {head}"));
                }
                daemon.kill().await?;
            }
            Started::Ended { status, said } => {
                world.shared.violation(format!(
                    "the {start} start after a kill on a full disk with {known} records: expected that \
                     it serves from what is kept free; found {status}: {said:?}"
                ));
            }
        }
    }
    // With room again everything goes on. No more is asked of it: that is what other stores are for.
    no_limit(world);
    let daemon = world.serve().await?;
    let channel = daemon.connect().await?;
    let records = answers::records(&channel).await?;
    let wrong = records::check(&records, &world.read, &world.shared.lock().witness);
    world.shared.lock().violations.extend(wrong);
    world.read = records;
    let mut sender = Sender::new(channel, world.shared.clone());
    accepted(&mut sender, &signing).await?;
    let event = events::place(Mode::Fact, "the-last", 0, 10);
    accepted(&mut sender, &events::request(random.uuid(), &id, vec![event])).await?;
    let status = daemon.terminate().await?;
    if !status.success() {
        world.shared.violation(format!("expected an end in order; found {status}"));
    }
    Ok(())
}

async fn accepted(sender: &mut Sender, request: &v1::AppendEventsRequest) -> Result<()> {
    match sender.send(request).await?.outcome {
        Outcome::Accepted(_) => Ok(()),
        outcome => bail!("a long log cannot be made: {outcome}"),
    }
}
