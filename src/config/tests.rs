//! Whether a configuration holds together, fault by fault.

use super::*;
use crate::ledger::signing::NewestFiles;
use crate::merkle::{KeyName, SignerKey};

fn valid() -> Config {
    Config { data_dir: Some(PathBuf::from("data")), ..Config::default() }
}

#[test]
fn defaults_with_a_folder_hold_together() {
    let checked = valid().check().unwrap();
    assert_eq!(checked.listen.to_string(), LISTEN_DEFAULT);
    assert_eq!(checked.service, ServiceLimits::default());
    assert_eq!(checked.ledger, LedgerLimits::default());
    assert_eq!(checked.rules.imports, Imports::Refused);
    let importing = Config { import_mode: true, ..valid() }.check().unwrap();
    assert_eq!(importing.rules.imports, Imports::Allowed);
}

#[test]
fn a_remote_address_needs_security_or_the_flag() {
    for address in ["0.0.0.0:7401", "[::]:7401", "192.0.2.1:7401"] {
        let config = Config { listen: address.to_owned(), ..valid() };
        let faults = config.check().unwrap_err();
        assert!(faults.iter().any(|fault| fault.contains("--insecure-allow-remote")), "{faults:?}");
        assert!(Config { insecure_allow_remote: true, ..config }.check().is_ok());
    }
    assert!(Config { listen: "[::1]:0".to_owned(), ..valid() }.check().is_ok());
}

#[test]
fn every_fault_is_told_at_once() {
    let limits =
        LimitsConfig { events_per_request_max: 0, retry_after_ms: 0, ..LimitsConfig::default() };
    let tls =
        TlsConfig { key_file: Some(PathBuf::from("/nonexistent/key")), ..TlsConfig::default() };
    let log = LogConfig { level: "=x=y".to_owned(), ..LogConfig::default() };
    let listen = "nowhere".to_owned();
    let policy = vec![PolicyConfig::default()];
    let faults =
        Config { listen, log, tls, limits, policy, ..Config::default() }.check().unwrap_err();
    for name in [
        "listen:",
        "tls.key_file:",
        "tls:",
        "events_per_request_max:",
        "retry_after_ms:",
        "data_dir:",
        "log.level:",
        "policy[0].from:",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(name)), "{name} in {faults:?}");
    }
}

#[test]
fn the_archive_is_on_in_the_data_folder_unless_told_otherwise() {
    let archive = valid().check().unwrap().store.archive.unwrap();
    assert_eq!(archive.directory, PathBuf::from("data/archive"));
    assert_eq!(archive.segment_bytes_max, 67_108_864);
    let elsewhere = ArchiveConfig {
        directory: Some(PathBuf::from("/mnt/other")),
        segment_bytes_max: 4096,
        ..ArchiveConfig::default()
    };
    let archive =
        Config { archive: elsewhere.clone(), ..valid() }.check().unwrap().store.archive.unwrap();
    assert_eq!(archive.directory, PathBuf::from("/mnt/other"));
    assert_eq!(archive.segment_bytes_max, 4096);
    let off = ArchiveConfig { enabled: false, ..elsewhere.clone() };
    assert_eq!(Config { archive: off, ..valid() }.check().unwrap().store.archive, None);
    let small = ArchiveConfig { segment_bytes_max: 4095, ..elsewhere };
    assert!(Config { archive: small, ..valid() }.check().is_err());
}

#[test]
fn keys_are_read_and_every_fault_of_theirs_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let key_file = |name: &str, seed: u8, mode: u32| {
        let key = SignerKey::from_seed(KeyName::parse(name).unwrap(), &[seed; 32]);
        let path = folder.path().join(format!("{seed}.key"));
        std::fs::write(&path, key.private_text()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (path, key.verifier().to_string())
    };
    let (key, vkey) = key_file("ledger.example.no/a", 1, 0o600);
    let (other, other_vkey) = key_file("ledger.example.no/b", 2, 0o400);
    let (open, _) = key_file("ledger.example.no/c", 3, 0o644);
    let check = |checkpoint| Config { checkpoint, ..valid() }.check();
    assert!(check(CheckpointConfig::default()).unwrap().rules.checkpoints.is_none());
    let with_key = CheckpointConfig { key_file: Some(key), ..CheckpointConfig::default() };
    let rules = check(with_key.clone()).unwrap().rules.checkpoints.unwrap();
    assert_eq!(rules.origin(), "ledger.example.no/a");
    let beside = |names: &[&str]| names.iter().map(|name| folder.path().join(name)).collect();
    let newest = NewestFiles { kept: beside(&["1.key.newest"]), ..NewestFiles::default() };
    assert_eq!(*rules.newest_files(), newest);
    let both = CheckpointConfig { other_key_files: vec![other.clone()], ..with_key.clone() };
    let newest = NewestFiles { kept: beside(&["1.key.newest", "2.key.newest"]), ..newest };
    assert_eq!(*check(both.clone()).unwrap().rules.checkpoints.unwrap().newest_files(), newest);
    // What lies beside the keys binds also where another file is named.
    let elsewhere = CheckpointConfig {
        newest_file: Some("x/n".into()),
        earlier_newest_files: vec!["x/e".into()],
        ..both
    };
    let newest =
        NewestFiles { kept: vec!["x/n".into()], tried: newest.kept, earlier: vec!["x/e".into()] };
    assert_eq!(*check(elsewhere).unwrap().rules.checkpoints.unwrap().newest_files(), newest);
    // What goes back with the data folder does not bind the key.
    let inside = CheckpointConfig { newest_file: Some("data/n".into()), ..with_key.clone() };
    let faults = check(inside).unwrap_err();
    assert!(faults[0].starts_with("checkpoint.newest_file: data/n lies in data_dir"), "{faults:?}");
    let data_dir = Some(folder.path().join("y/.."));
    std::fs::create_dir(folder.path().join("y")).unwrap();
    let beside = Config { checkpoint: with_key.clone(), data_dir, ..valid() };
    assert!(beside.check().unwrap_err()[0].contains("1.key.newest lies in data_dir"));
    let whole = CheckpointConfig {
        origin: Some("contracts".to_owned()),
        other_key_files: vec![other.clone()],
        earlier_keys: vec![vkey.clone()],
        ..with_key.clone()
    };
    let rules = check(whole).unwrap().rules.checkpoints.unwrap();
    let keys: Vec<String> = rules.verifiers().map(ToString::to_string).collect();
    assert_eq!((rules.origin(), keys), ("contracts", vec![vkey.clone(), other_vkey, vkey]));
    let wrong = [
        (CheckpointConfig { key_file: Some(open), ..with_key.clone() }, "others may read it"),
        (CheckpointConfig { key_file: Some("/none".into()), ..with_key.clone() }, "/none"),
        (
            CheckpointConfig { earlier_keys: vec!["x".to_owned()], ..with_key.clone() },
            "earlier_keys[0]",
        ),
        (
            CheckpointConfig { origin: Some("a\nb".to_owned()), ..with_key.clone() },
            "checkpoint.origin",
        ),
        (
            CheckpointConfig { key_file: None, other_key_files: vec![other], ..with_key },
            "without key_file",
        ),
    ];
    for (config, expected) in wrong {
        let faults = check(config).unwrap_err();
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{expected}: {faults:?}");
    }
}

#[test]
fn the_store_and_the_log_level_are_checked_too() {
    let store = StoreConfig { block_bytes_max: 1, ..StoreConfig::default() };
    assert!(Config { store, ..valid() }.check().is_err());
    for (level, fits) in [("verbos", false), ("INFO", true), ("warn,sled=off", true)] {
        let log = LogConfig { level: level.to_owned(), ..LogConfig::default() };
        assert_eq!(Config { log, ..valid() }.check().is_ok(), fits, "{level}");
    }
}

#[test]
fn every_limit_has_its_bounds() {
    let with = |change: &dyn Fn(&mut LimitsConfig)| {
        let mut config = valid();
        change(&mut config.limits);
        config.check().is_err()
    };
    assert!(with(&|limits| limits.worker_threads = 1025));
    assert!(with(&|limits| limits.message_bytes_max = 1023));
    assert!(with(&|limits| limits.message_bytes_max = usize::MAX));
    assert!(with(&|limits| limits.events_per_request_max = 10_001));
    assert!(with(&|limits| limits.read_records_per_message_max = 0));
    assert!(with(&|limits| limits.read_bytes_per_message_max = 0));
    assert!(with(&|limits| limits.page_rows_max = 10_001));
    assert!(with(&|limits| limits.page_rows_default = 0));
    assert!(with(&|limits| limits.page_rows_default = limits.page_rows_max + 1));
    assert!(with(&|limits| limits.page_bytes_max = 1023));
    assert!(with(&|limits| limits.streams_max = 501));
    assert!(with(&|limits| limits.stream_stall_ms_max = 0));
    assert!(with(&|limits| limits.subscriptions_max = 0));
    assert!(with(&|limits| limits.maintenance_streams_max = 0));
    assert!(with(&|limits| limits.maintenance_streams_max = 65));
    assert!(with(&|limits| limits.heartbeat_ms = 9));
    assert!(with(&|limits| limits.heartbeat_ms = 10_001));
    assert!(with(&|limits| limits.subscription_lag_records_max = 0));
    assert!(with(&|limits| limits.notice_agreements_max = 0));
    assert!(with(&|limits| limits.import_in_flight_max = 0));
    assert!(with(&|limits| limits.append_in_flight_max = 0));
    assert!(with(&|limits| limits.append_in_flight_max = 1_000_001));
    assert!(with(&|limits| limits.append_stream_in_flight_max = 0));
    assert!(with(&|limits| limits.append_stream_in_flight_max = 100_001));
    assert!(with(&|limits| limits.retry_after_ms = 0));
    assert!(with(&|limits| limits.queue_requests_max = 0));
    assert!(with(&|limits| limits.batch_requests_max = 0));
    assert!(with(&|limits| limits.batch_bytes_max = 0));
    assert!(with(&|limits| limits.agreements_cached_max = 0));
    assert!(with(&|limits| limits.agreement_events_cached_max = 0));
    assert!(with(&|limits| limits.agreement_events_cached_max = 1_000_000_001));
    assert!(with(&|limits| limits.recent_events_cached_max = 0));
    assert!(with(&|limits| limits.recent_events_cached_max = 1_000_000_001));
    assert!(with(&|limits| limits.past_events_cached_max = 0));
    assert!(with(&|limits| limits.past_events_cached_max = 1_000_000_001));
    assert!(with(&|limits| limits.foldings_max = 0));
    assert!(with(&|limits| limits.foldings_max = 1025));
    assert!(!with(&|limits| limits.read_rest_per_work = 0));
    assert!(with(&|limits| limits.read_rest_per_work = 101));
    assert!(with(&|limits| limits.calls_per_connection_max = 0));
}
