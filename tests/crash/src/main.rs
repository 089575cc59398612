//! The crash suite: ends the real ledgerd in every way there is, and checks what is left.
//!
//! A cycle starts the server on the store as the last cycle left it, checks everything that must
//! hold, drives it with seeded concurrent writers who keep a witness of what they sent and what they
//! were told, and ends it. It must not know the inside of the ledger: it uses the wire types, and the
//! programs that were built beside it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program that tells")]

mod answers;
mod backups;
mod daemon;
mod disk;
mod events;
mod outcome;
mod phases;
mod random;
mod records;
mod shape;
mod shared;
mod signed;
mod sums;
mod witness;
mod world;
mod writers;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum as _};

use phases::Phase;
use random::Random;
use world::World;

/// Cycles that a store lives, at most.
const STORE_CYCLES_MAX: u64 = 5;

/// Ends ledgerd again and again and checks what is left.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many cycles
    #[arg(long, default_value_t = 100)]
    cycles: u64,
    /// Seed of everything that is random here; what runs at the same time still runs as it will
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this phase; given more than once, these. All by default
    #[arg(long, value_enum)]
    phase: Vec<Phase>,
    /// Print the names of all crash points and end
    #[arg(long)]
    list_points: bool,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Tally {
    cycles: u64,
    acknowledged: u64,
    violations: u64,
    of_phase: BTreeMap<Phase, u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list_points {
        for name in phases::crash_point_names() {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    }
    match run(&arguments).await {
        Ok(Tally { cycles, acknowledged, violations, of_phase }) => {
            let count = |phase: &Phase| of_phase.get(phase).copied().unwrap_or(0);
            let counts: Vec<String> = Phase::value_variants()
                .iter()
                .map(|phase| format!("{}={}", phase.name(), count(phase)))
                .collect();
            println!("crash: cycles by phase: {}", counts.join(" "));
            println!("crash: cycles={cycles} acknowledged={acknowledged} violations={violations}");
            if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("crash: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// The phases in the order of their turns, those that can be done.
fn turns(asked: &[Phase]) -> Result<Vec<Phase>> {
    let mut skipped = Vec::new();
    let turns: Vec<Phase> = Phase::TURNS
        .iter()
        .copied()
        .filter(|phase| asked.is_empty() || asked.contains(phase))
        .filter(|phase| {
            let Some(why) = phase.impossible() else { return true };
            if !skipped.contains(phase) {
                println!("!!! SKIPPED: phase {}: {why}", phase.name());
                skipped.push(*phase);
            }
            false
        })
        .collect();
    if turns.is_empty() {
        bail!("no phase that was asked for can be done here");
    }
    Ok(turns)
}

async fn run(arguments: &Arguments) -> Result<Tally> {
    let turns = turns(&arguments.phase)?;
    let mut seeds = Random::new(arguments.seed);
    let mut worlds: BTreeMap<Phase, World> = BTreeMap::new();
    let mut turn_of: BTreeMap<Phase, usize> = BTreeMap::new();
    let mut tally = Tally::default();
    for (number, phase) in (1..=arguments.cycles).zip(turns.iter().copied().cycle()) {
        let mut random = seeds.split();
        // Runs of other seeds begin elsewhere, so that short ones together try everything.
        let first = usize::try_from(arguments.seed % 1024).unwrap_or(0);
        let turn = turn_of.entry(phase).or_insert(first);
        let is_apart = phase.is_apart(*turn);
        let kept = if is_apart { None } else { worlds.remove(&phase) };
        let mut world = kept.map_or_else(|| phase.world(&mut random), Ok)?;
        let began = Instant::now();
        let mut outcome = phase.cycle(&mut world, &mut random, *turn).await;
        *turn += 1;
        world.cycles += 1;
        let acknowledged = world.shared.lock().acknowledged_now;
        let is_last = number + u64::try_from(turns.len())? > arguments.cycles;
        let ends = world.cycles >= STORE_CYCLES_MAX || is_last || is_apart;
        if ends && !is_apart && outcome.is_ok() {
            outcome = finish(&mut world, &mut random).await;
        }
        tally.cycles += 1;
        *tally.of_phase.entry(phase).or_default() += 1;
        tally.acknowledged += acknowledged;
        eprintln!(
            "cycle {number} {}: {acknowledged} acknowledged, {} records, {} ms",
            phase.name(),
            world.read.len(),
            began.elapsed().as_millis()
        );
        if let Err(error) = outcome {
            world.shared.violation(format!("the cycle failed: {error:#}"));
        }
        let violations = std::mem::take(&mut world.shared.lock().violations);
        if !violations.is_empty() {
            tally.violations += u64::try_from(violations.len())?;
            let kept = world.keep()?;
            for text in violations {
                println!(
                    "violation: cycle={number} seed={} phase={}: {text} (kept in {})",
                    arguments.seed,
                    phase.name(),
                    kept.display()
                );
            }
        } else if !ends {
            worlds.insert(phase, world);
        }
    }
    Ok(tally)
}

/// What the last cycle of a store has left is checked too.
async fn finish(world: &mut World, random: &mut Random) -> Result<()> {
    let daemon = world.serve().await?;
    world.check(&daemon, random).await?;
    world.rest(daemon, random).await
}
