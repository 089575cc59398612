//! Who cosigns the ledger's checkpoints, and how often they are asked.

use std::time::Duration;

use serde::Deserialize;

use crate::merkle::{KeyKind, VerifierKey};
use crate::witness::{Witness, WitnessPace};

/// Most witnesses: they are asked one after the other.
const WITNESSES_MAX: usize = 16;

/// One witness.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// Where it takes checkpoints: its submission prefix, without `/add-checkpoint`.
    pub url: String,
    /// The text to verify its cosignatures with (vkey).
    pub key: String,
}

/// How often witnesses are asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WitnessPaceConfig {
    /// See [`WitnessPace::interval`], in seconds.
    pub interval_seconds: u64,
    /// See [`WitnessPace::refresh`], in seconds.
    pub refresh_seconds: u64,
    /// See [`WitnessPace::timeout`], in seconds.
    pub timeout_seconds: u64,
}

impl Default for WitnessPaceConfig {
    fn default() -> Self {
        let WitnessPace { interval, refresh, timeout } = WitnessPace::default();
        Self {
            interval_seconds: interval.as_secs(),
            refresh_seconds: refresh.as_secs(),
            timeout_seconds: timeout.as_secs(),
        }
    }
}

impl WitnessPaceConfig {
    pub(super) fn check(&self, faults: &mut Vec<String>) -> WitnessPace {
        let Self { interval_seconds, refresh_seconds, timeout_seconds } = self;
        let mut seconds = |name: &str, value: u64, most: u64| {
            if !(1..=most).contains(&value) {
                faults.push(format!("witness_pace.{name}: {value} is not 1 to {most}"));
            }
            Duration::from_secs(value)
        };
        WitnessPace {
            interval: seconds("interval_seconds", *interval_seconds, 86_400),
            refresh: seconds("refresh_seconds", *refresh_seconds, 31_536_000),
            timeout: seconds("timeout_seconds", *timeout_seconds, 300),
        }
    }
}

/// Reads the witnesses, and says what is wrong with them.
pub(super) fn check(
    configured: &[WitnessConfig],
    signs: bool,
    faults: &mut Vec<String>,
) -> Vec<Witness> {
    if configured.len() > WITNESSES_MAX {
        faults.push(format!("witness: at most {WITNESSES_MAX}"));
    }
    if !configured.is_empty() && !signs {
        faults.push("witness: there is nothing to cosign without [checkpoint] key_file".to_owned());
    }
    let mut witnesses: Vec<Witness> = Vec::new();
    for (index, WitnessConfig { url, key }) in configured.iter().enumerate() {
        if !url.starts_with("https://") && !url.starts_with("http://") {
            faults.push(format!(
                "witness[{index}].url: {url:?} is not an https:// or http:// address"
            ));
        }
        match VerifierKey::parse(key) {
            Ok(key) if key.kind() != KeyKind::Cosigner => {
                let text = "is a key that signs notes; a witness has one for cosignatures";
                faults.push(format!("witness[{index}].key: {text}"));
            }
            Ok(key) if witnesses.iter().any(|other| other.key == key) => {
                faults.push(format!("witness[{index}].key: is named twice"));
            }
            Ok(key) => witnesses.push(Witness { url: url.clone(), key }),
            Err(fault) => faults.push(format!("witness[{index}].key: {fault}")),
        }
    }
    witnesses
}
