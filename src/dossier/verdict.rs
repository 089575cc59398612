//! What verifying a dossier comes to: the checks, each figure, each finding.

use serde::Serialize;

use super::derive::Change;

/// What was looked at. The names are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Part {
    /// The checkpoint is signed by a trusted key.
    Signature,
    /// It is of the log that it must be of.
    Origin,
    /// Witnesses cosigned it.
    Witnesses,
    /// Each record is in the tree of the checkpoint.
    Records,
    /// Versions have no gap, positions and recorded times rise.
    Order,
    /// `as_known` lies where the answer says, within the checkpoint.
    Known,
    /// No event of the agreement that was known is left out.
    Completeness,
    /// The schema is one that this program knows.
    Schema,
    /// The policy can be read.
    Policy,
    /// Every figure follows.
    Figures,
    /// Every finding follows.
    Findings,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// It is so.
    Holds,
    /// It is not so.
    Fails,
    /// The file alone can neither prove nor disprove it.
    NotProved,
    /// It rests on something that fails, or was not asked for.
    NotLookedAt,
}

/// What the checks come to. The names are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Conclusion {
    /// Everything holds.
    Holds,
    /// Nothing fails, and that no later event was left out is not proved.
    HoldsAsFarAsItGoes,
    /// Something fails.
    Fails,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub part: Part,
    /// What came of it.
    pub outcome: Outcome,
    /// What was seen, and what is wrong.
    pub text: String,
}

/// A figure, as stated and as it follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FigureVerdict {
    /// What it is of: a scope, `forecast` or `answer`.
    pub scope: String,
    /// Which.
    pub figure: String,
    /// As the file states it. None: it does not.
    pub stated: Option<String>,
    /// As it follows from the events. None: it does not.
    pub derived: Option<String>,
    /// Whether the two are the same.
    pub follows: bool,
    /// Positions of the events that it comes from.
    pub positions: Vec<u64>,
    /// What each of them changed.
    #[serde(skip)]
    pub changes: Vec<Change>,
}

/// A finding, as stated and as it follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingVerdict {
    /// Its id.
    pub finding_id: String,
    /// The rule.
    pub rule: String,
    /// What it is about.
    pub subject: String,
    /// Which time.
    pub episode: u32,
    /// Whether it follows, just as it is stated.
    pub follows: bool,
    /// What is wrong. Empty: nothing.
    pub text: String,
    /// Positions of the events that it rests on.
    pub positions: Vec<u64>,
}

/// Everything that came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The agreement.
    pub agreement_id: String,
    /// Business date of the answer.
    pub as_of: String,
    /// Recorded time of the answer.
    pub as_known: String,
    /// Every check, in the order in which they rest on each other.
    pub checks: Vec<Check>,
    /// Every figure.
    pub figures: Vec<FigureVerdict>,
    /// Every episode of a finding.
    pub findings: Vec<FindingVerdict>,
}

impl Verdict {
    /// What the checks come to.
    pub fn conclusion(&self) -> Conclusion {
        let looked = |check: &Check| check.outcome == Outcome::Holds || !check.part.is_needed();
        if !self.checks.iter().all(|check| check.outcome != Outcome::Fails && looked(check)) {
            return Conclusion::Fails;
        }
        match self.outcome(Part::Completeness) {
            Outcome::Holds => Conclusion::Holds,
            Outcome::NotProved | Outcome::NotLookedAt => Conclusion::HoldsAsFarAsItGoes,
            Outcome::Fails => Conclusion::Fails,
        }
    }

    /// Whether everything holds, also that no later event was left out.
    pub fn holds(&self) -> bool {
        self.conclusion() == Conclusion::Holds
    }

    /// What came of one part.
    pub fn outcome(&self, part: Part) -> Outcome {
        let check = self.checks.iter().find(|check| check.part == part);
        check.map_or(Outcome::NotLookedAt, |check| check.outcome)
    }
}

impl Part {
    /// Whether nothing of a dossier is to be believed without it.
    const fn is_needed(self) -> bool {
        !matches!(self, Self::Witnesses | Self::Completeness)
    }

    /// Its published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signature => "SIGNATURE",
            Self::Origin => "ORIGIN",
            Self::Witnesses => "WITNESSES",
            Self::Records => "RECORDS",
            Self::Order => "ORDER",
            Self::Known => "KNOWN",
            Self::Completeness => "COMPLETENESS",
            Self::Schema => "SCHEMA",
            Self::Policy => "POLICY",
            Self::Figures => "FIGURES",
            Self::Findings => "FINDINGS",
        }
    }
}

impl Outcome {
    /// Its published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "HOLDS",
            Self::Fails => "FAILS",
            Self::NotProved => "NOT_PROVED",
            Self::NotLookedAt => "NOT_LOOKED_AT",
        }
    }
}
