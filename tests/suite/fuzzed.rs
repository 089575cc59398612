//! Every kept input of the fuzz targets, through the same checks: the seeds, and whatever a fuzzer
//! once found.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets call them from their own crate")]
mod checks;

const INPUTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz_inputs");

#[test]
fn every_kept_input_passes_its_check() {
    for (target, check) in checks::CHECKS {
        let mut inputs = 0;
        for entry in fs::read_dir(Path::new(INPUTS).join(target)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let checked = catch_unwind(AssertUnwindSafe(|| check(&bytes)));
            assert!(checked.is_ok(), "{} does not pass", path.display());
            inputs += 1;
        }
        assert!(inputs > 3, "{target} has {inputs} inputs");
    }
}

#[test]
fn every_folder_of_inputs_has_its_check() {
    let mut folders: Vec<String> = fs::read_dir(INPUTS)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let names: Vec<&str> = checks::CHECKS.iter().map(|(name, _)| *name).collect();
    assert_eq!(folders, names);
}
