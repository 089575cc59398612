//! What an agreement does with one call after the other: the rule that answers are held against.

use std::collections::BTreeMap;

use crate::record::{Answer, Call, Refusal};

/// What became of a request id. Positions are not decided here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Decision {
    Accepted { version: u64 },
    Refused(Refusal),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Agreement {
    ceiling: u64,
    exposure: u64,
    events: Vec<String>,
    decided: BTreeMap<String, Decision>,
}

impl Agreement {
    pub(crate) fn new(ceiling: u64) -> Agreement {
        Agreement { ceiling, exposure: 0, events: Vec::new(), decided: BTreeMap::new() }
    }

    fn version(&self) -> u64 {
        u64::try_from(self.events.len()).unwrap_or(u64::MAX)
    }

    /// The agreement after the call, if this is what it answers. Without an answer anything goes.
    pub(crate) fn after(&self, call: &Call, answer: Option<&Answer>) -> Option<Agreement> {
        match (call, answer) {
            (_, Some(Answer::NotRecorded)) | (Call::ReadUsage | Call::ReadEvents, None) => {
                Some(self.clone())
            }
            (Call::Append { request_id, expected_version, amount, intent }, answer) => {
                let mut after = self.clone();
                let decision = after.append(request_id, *expected_version, *amount, *intent);
                let fits = match (answer, decision) {
                    (None, _) => true,
                    (
                        Some(Answer::Accepted { version: told, .. }),
                        Decision::Accepted { version },
                    ) => *told == version,
                    (Some(Answer::Refused(told)), Decision::Refused(refusal)) => *told == refusal,
                    (Some(_), _) => false,
                };
                fits.then_some(after)
            }
            (Call::ReadUsage, Some(Answer::Usage { version, exposure })) => {
                (*version == self.version() && *exposure == self.exposure).then(|| self.clone())
            }
            (Call::ReadEvents, Some(Answer::Events(events))) => {
                (*events == self.events).then(|| self.clone())
            }
            (Call::ReadUsage | Call::ReadEvents, Some(_)) => None,
        }
    }

    /// Whether the agreement has gone past the state that an answer tells, so that the call can come
    /// nowhere any more. Versions only grow.
    pub(crate) fn is_past(&self, call: &Call, answer: &Answer) -> bool {
        match (call, answer) {
            (Call::Append { request_id, .. }, Answer::Accepted { version, .. }) => {
                *version <= self.version() && !self.decided.contains_key(request_id)
            }
            (_, Answer::Usage { version, .. }) => *version < self.version(),
            (_, Answer::Events(events)) => events.len() < self.events.len(),
            (_, Answer::Accepted { .. } | Answer::Refused(_) | Answer::NotRecorded) => false,
        }
    }

    fn append(&mut self, id: &str, expected: Option<u64>, amount: u64, intent: bool) -> Decision {
        if let Some(decision) = self.decided.get(id) {
            return *decision;
        }
        let version = self.version();
        let exposure = self.exposure.saturating_add(amount);
        let decision = if expected.is_some_and(|expected| expected != version) {
            Decision::Refused(Refusal::WrongVersion { version })
        } else if intent && exposure > self.ceiling {
            Decision::Refused(Refusal::OverTheCeiling)
        } else {
            self.exposure = exposure;
            self.events.push(id.to_owned());
            Decision::Accepted { version: version.saturating_add(1) }
        };
        self.decided.insert(id.to_owned(), decision);
        decision
    }
}
