//! The ways in which a cycle ends, and which of them this machine can do.

mod faults;
mod full;
mod full_long;
mod history;
mod inject;
mod kill;
mod points;
mod power;

use anyhow::Result;
use clap::ValueEnum;
use disks::Kind;

pub(crate) use points::names as crash_point_names;

use crate::disk::{Disk, DiskKind};
use crate::random::Random;
use crate::world::World;

/// One of so many cycles with a full disk is one with a long log, which takes longer.
const FULL_LONG_EVERY: usize = 8;

/// One way to end a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Phase {
    /// SIGKILL at a random moment
    Kill,
    /// Named crash points
    Points,
    /// Failing syscalls, by strace
    Inject,
    /// Power cuts on the lossy disk: nothing, or some, of what was not synced is left
    Powercut,
    /// Short writes, and power cuts that leave what was not synced torn and reordered
    Torn,
    /// A full disk
    Full,
    /// Power cuts on ext4
    PowercutExt4,
    /// Power cuts on xfs
    PowercutXfs,
    /// SIGKILL among concurrent clients, whose answers some order of their calls has to explain
    History,
}

impl Phase {
    /// The order in which phases take turns; some come more often, having more to try.
    pub(crate) const TURNS: &'static [Self] = &[
        Self::Points,
        Self::Powercut,
        Self::Inject,
        Self::Points,
        Self::Kill,
        Self::PowercutExt4,
        Self::Points,
        Self::Torn,
        Self::Full,
        Self::PowercutXfs,
        Self::History,
    ];

    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn disk(self) -> DiskKind {
        match self {
            Self::Kill | Self::Points | Self::Inject | Self::History => DiskKind::Own,
            Self::Powercut | Self::Torn | Self::Full => DiskKind::Lossy,
            Self::PowercutExt4 => DiskKind::Image(Kind::Ext4),
            Self::PowercutXfs => DiskKind::Image(Kind::Xfs),
        }
    }

    /// Why this machine cannot do it.
    pub(crate) fn impossible(self) -> Option<String> {
        if self == Self::Inject && !inject::is_possible() {
            return Some("strace is missing or may not trace".to_owned());
        }
        Disk::impossible(self.disk())
    }

    /// Whether that cycle is of a store that lives no other.
    pub(crate) fn is_apart(self, turn: usize) -> bool {
        self == Self::Full && turn % FULL_LONG_EVERY == 2
    }

    /// A store to begin with.
    pub(crate) fn world(self, random: &mut Random) -> Result<World> {
        World::new(self.disk(), random)
    }

    /// One cycle; `turn` counts those of this phase.
    pub(crate) async fn cycle(
        self,
        world: &mut World,
        random: &mut Random,
        turn: usize,
    ) -> Result<()> {
        match self {
            Self::Kill => kill::cycle(world, random).await,
            Self::Points => points::cycle(world, random, turn).await,
            Self::Inject => inject::cycle(world, random, turn).await,
            Self::Powercut => power::cut(world, random).await,
            Self::Torn => power::torn(world, random).await,
            Self::Full if self.is_apart(turn) => full_long::cycle(world, random).await,
            Self::Full => full::cycle(world, random).await,
            Self::PowercutExt4 | Self::PowercutXfs => power::image(world, random).await,
            Self::History => history::cycle(world, random).await,
        }
    }
}
