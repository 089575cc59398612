#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| contract_ledger_fuzz::dossier::check(bytes));
