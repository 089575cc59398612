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

#[cfg(test)]
mod tests {
    use super::*;

    /// The public key of the first test of RFC 8032, as a witness's and as one that signs notes.
    const COSIGNER: &str =
        "witness.example.com/w1+7e6f4aaa+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
    const AUTHOR: &str = "ledger.example.no+9ea28427+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";

    fn faults(configured: &[(&str, &str)], signs: bool) -> Vec<String> {
        let mut faults = Vec::new();
        let configured: Vec<WitnessConfig> = configured
            .iter()
            .map(|(url, key)| WitnessConfig { url: (*url).to_owned(), key: (*key).to_owned() })
            .collect();
        check(&configured, signs, &mut faults);
        faults
    }

    #[test]
    fn each_fault_of_a_witness_is_told() {
        let url = "https://witness.example";
        assert_eq!(faults(&[], false), [""; 0]);
        let told = faults(&[(url, AUTHOR)], true);
        assert_eq!(
            told,
            ["witness[0].key: is a key that signs notes; a witness has one for cosignatures"]
        );
        let told = faults(&[("witness.example", "no key")], false);
        assert_eq!(
            told,
            [
                "witness: there is nothing to cosign without [checkpoint] key_file",
                "witness[0].url: \"witness.example\" is not an https:// or http:// address",
                "witness[0].key: the text is not a key of the form NAME+ID+KEY",
            ]
        );
        let many = vec![(url, AUTHOR); WITNESSES_MAX + 1];
        assert_eq!(faults(&many, true).first().unwrap(), "witness: at most 16");
    }

    #[test]
    fn the_same_witness_is_not_asked_twice() {
        let cosigner = crate::merkle::VerifierKey::parse(COSIGNER);
        let Ok(cosigner) = cosigner else { panic!("{cosigner:?}") };
        assert_eq!(cosigner.kind(), KeyKind::Cosigner);
        let url = "http://127.0.0.1:7380";
        assert_eq!(faults(&[(url, COSIGNER)], true), [""; 0]);
        let told = faults(&[(url, COSIGNER), (url, COSIGNER)], true);
        assert_eq!(told, ["witness[1].key: is named twice"]);
    }

    #[test]
    fn the_pace_has_its_defaults_and_its_ends() {
        let mut told = Vec::new();
        assert_eq!(WitnessPaceConfig::default().check(&mut told), WitnessPace::default());
        let most = WitnessPaceConfig {
            interval_seconds: 86_400,
            refresh_seconds: 31_536_000,
            timeout_seconds: 300,
        };
        most.check(&mut told);
        assert_eq!(told, [""; 0]);
        let beyond = WitnessPaceConfig {
            interval_seconds: 0,
            refresh_seconds: 31_536_001,
            timeout_seconds: 301,
        };
        beyond.check(&mut told);
        assert_eq!(
            told,
            [
                "witness_pace.interval_seconds: 0 is not 1 to 86400",
                "witness_pace.refresh_seconds: 31536001 is not 1 to 31536000",
                "witness_pace.timeout_seconds: 301 is not 1 to 300",
            ]
        );
    }
}
