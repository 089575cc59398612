//! Holds the sources to the import rule: which room may name which room, and which crate.
//!
//! The rules are in `architecture/table.rs`. A violation is told by file, line and rule.

#[path = "architecture/paths.rs"]
mod paths;
#[path = "architecture/table.rs"]
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use paths::{NamedPath, named_paths};
use table::{FILE_LINES_MAX, GUARDS, Guard, Places, ROOMS, Room};

/// Name of the library, as the programs write it.
const LIBRARY: &str = "contract_ledger";

#[test]
fn every_source_keeps_the_import_rule() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(!files.is_empty(), "no source under {}", root.display());
    let mut violations = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file).expect("a source is readable text");
        let path = file.strip_prefix(&root).expect("it was found under the root");
        violations.extend(check(&path.to_string_lossy(), &source));
    }
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn table_names_only_rooms_that_it_has_and_has_no_circle() {
    for (index, room) in ROOMS.iter().enumerate() {
        for known in room.knows {
            let place = ROOMS.iter().position(|other| other.name == *known);
            let inner = place.is_some_and(|place| place < index);
            assert!(inner, "{} knows {known}, which must stand before it", room.name);
        }
    }
}

/// Everything that one source does against the rules, as `src/FILE:LINE: RULE`.
fn check(path: &str, source: &str) -> Vec<String> {
    let mut violations = Vec::new();
    let Some(room) = room_of(path) else {
        let top = path.split('/').next().unwrap_or(path);
        return vec![format!("src/{path}:1: {top} is no room in the table of the import rule")];
    };
    if !source.starts_with("//!") {
        violations.push(format!("src/{path}:1: a file opens with //! and what it is for"));
    }
    let lines = source.lines().count();
    if lines > FILE_LINES_MAX {
        let text = format!("src/{path}:{lines}: a file has at most {FILE_LINES_MAX} lines");
        violations.push(text);
    }
    for named in named_paths(source) {
        if let Some(rule) = broken_rule(path, room, &named) {
            let (line, written) = (named.line, named.segments.join("::"));
            violations.push(format!("src/{path}:{line}: {rule}, but names {written}"));
        }
    }
    violations
}

fn room_of(path: &str) -> Option<&'static Room> {
    let top = path.split('/').next()?;
    let module = top.strip_suffix(".rs").unwrap_or(top);
    ROOMS.iter().find(|room| room.name == top || room.name == module)
}

fn broken_rule(path: &str, room: &Room, named: &NamedPath) -> Option<String> {
    match meaning(path, room, named) {
        Meaning::InLibrary(inner) => broken_arrow(room, &inner),
        Meaning::Foreign(outer) => broken_guard(path, &outer),
        Meaning::InProgram => None,
    }
}

/// What a path means, once `crate`, `self` and `super` are resolved.
enum Meaning {
    /// A path under the root of the library.
    InLibrary(Vec<String>),
    /// A path of another crate, or of something imported.
    Foreign(Vec<String>),
    /// A path inside a program.
    InProgram,
}

fn meaning(path: &str, room: &Room, named: &NamedPath) -> Meaning {
    let mut segments = named.segments.clone();
    if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
        segments.pop();
    }
    let first = segments.first().map_or("", String::as_str);
    let relative = matches!(first, "crate" | "self" | "super");
    if room.name == "bin" {
        return match first {
            _ if relative => Meaning::InProgram,
            LIBRARY => Meaning::InLibrary(segments.split_off(1)),
            _ => Meaning::Foreign(segments),
        };
    }
    if !relative {
        return Meaning::Foreign(segments);
    }
    let mut place = module_of(path);
    place.extend(named.inside.iter().cloned());
    let mut rest = segments.into_iter().peekable();
    while let Some(step) = rest.next_if(|step| matches!(step.as_str(), "crate" | "self" | "super"))
    {
        match step.as_str() {
            "crate" => place.clear(),
            "super" => drop(place.pop()),
            _ => {}
        }
    }
    place.extend(rest);
    Meaning::InLibrary(place)
}

fn module_of(path: &str) -> Vec<String> {
    let module = path.strip_suffix(".rs").unwrap_or(path);
    let steps = module.split('/').filter(|step| !matches!(*step, "mod" | "lib"));
    steps.map(str::to_owned).collect()
}

fn broken_arrow(room: &Room, inner: &[String]) -> Option<String> {
    let target = inner.first().map_or("", String::as_str);
    if target == room.name || room.knows.contains(&target) || room.name == "lib.rs" {
        return None;
    }
    let known = if room.knows.is_empty() { "no other room".into() } else { room.knows.join(", ") };
    Some(format!("{} knows {known}", room.name))
}

fn broken_guard(path: &str, outer: &[String]) -> Option<String> {
    let fits = GUARDS.iter().filter(|guard| covers(guard, outer));
    let guard = fits.max_by_key(|guard| guard.name.len())?;
    let within = |places: &[&str]| places.iter().any(|place| lies_in(path, place));
    let (allowed, rule) = match &guard.places {
        Places::Only(places) => (within(places), format!("belongs to {}", places.join(", "))),
        Places::AllBut(places) => (!within(places), format!("is not for {}", places.join(", "))),
    };
    (!allowed).then(|| format!("{} {rule} ({})", guard.name, guard.reason))
}

/// Whether a path is the guarded name or lies under it, or is a glob that takes it in.
fn covers(guard: &Guard, outer: &[String]) -> bool {
    let guarded: Vec<&str> = guard.name.split("::").collect();
    let outer: Vec<&str> = outer.iter().map(String::as_str).collect();
    match outer.split_last() {
        Some((&"*", before)) if !before.is_empty() && before.len() < guarded.len() => {
            guarded.starts_with(before)
        }
        _ => outer.starts_with(&guarded),
    }
}

fn lies_in(path: &str, place: &str) -> bool {
    let rest = path.strip_prefix(place);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == ".rs")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the sources is readable") {
        let path = entry.expect("an entry of the sources is readable").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

mod checker {
    use super::check;

    /// A source with `text` from line 2 on.
    fn told(path: &str, text: &str) -> Vec<String> {
        check(path, &format!("//! A file.\n{text}\n"))
    }

    #[test]
    fn wrong_lines_are_told_with_file_line_and_rule() {
        let cases = [
            ("domain/money.rs", "use crate::log::Log;", "domain knows no other room"),
            ("domain/money.rs", "use crate::{wire::v1, domain::id};", "names crate::wire::v1"),
            ("domain/money.rs", "use super::super::log::Log;", "names super::super::log::Log"),
            ("domain/mod.rs", "use super::ledger;", "domain knows no other room"),
            ("domain/mod.rs", "mod tests {\n use super::super::log;\n}", ":3: domain knows"),
            ("domain/x/mod.rs", "fn f() { crate::clock::now(); }", "names crate::clock::now"),
            ("domain/x.rs", "use crate::*;", "domain knows no other room"),
            ("domain/x.rs", "use std::{collections::BTreeMap, fs};", "std::fs is not for domain"),
            ("domain/x.rs", "use std::time::*;", "names std::time::*"),
            ("domain/x.rs", "fn f() { std::env::var(NAME) }", "std::env belongs to config"),
            ("domain/x.rs", "use std::collections::HashMap;", "what only computes"),
            ("domain/x.rs", "let _ = std::time::SystemTime::now();", "SystemTime is not for"),
            ("log/x.rs", "use crate::domain::money;", "log knows block, archive"),
            ("archive/x.rs", "use crate::log::Log;", "archive knows block"),
            ("archive/x.rs", "use sled::Db;", "sled belongs to log"),
            ("block/x.rs", "use std::fs;", "std::fs is not for"),
            ("log/x.rs", "#[tokio::test]\nasync fn f() {}", ":2: tokio belongs to"),
            ("ledger/x.rs", "extern crate sled;", "sled belongs to log"),
            ("ledger/x.rs", "use ::sled as store;", "sled belongs to log"),
            ("ledger/x.rs", "use {sled::Db, std::fmt};", "names sled::Db"),
            ("ledger/x.rs", "use tokio::{sync::{mpsc, watch}, time};", "names tokio::time"),
            ("ledger/x.rs", "use tonic::Status;", "tonic::Status belongs to"),
            ("ledger/x.rs", "use crate::grpc::limits;", "ledger knows domain, projections, log"),
            ("projections/x.rs", "use crate::wire::v1;", "projections knows domain"),
            ("projections/x.rs", "use std::fs;", "std::fs is not for"),
            ("projections/x.rs", "use prost::Message;", "prost belongs to"),
            ("wire/parse/x.rs", "use tonic::Status;", "tonic::Status belongs to"),
            ("wire/codec.rs", "use tonic::transport::Server;", "tonic belongs to"),
            ("wire/x.rs", "use crate::ledger::Ledger;", "wire knows domain"),
            ("clock.rs", "use crate::server;", "clock knows domain"),
            ("bin/ledgerctl/main.rs", "use sled::Db;", "sled belongs to log"),
            ("surprise/mod.rs", "", "surprise is no room"),
            ("surprise.rs", "", "surprise.rs is no room"),
        ];
        for (path, text, rule) in cases {
            let violations = told(path, text);
            assert_eq!(violations.len(), 1, "{path} with {text:?} gives {violations:?}");
            let all = violations.concat();
            assert!(all.contains(rule), "{path} with {text:?}: no {rule:?} in {all:?}");
            assert!(all.starts_with(&format!("src/{path}:")), "{all:?}");
        }
    }

    #[test]
    fn right_lines_and_mere_talk_are_not_told() {
        let cases = [
            (
                "domain/money.rs",
                "use super::id;\nuse self::inner::X;\nuse std::fmt::{self, Debug};",
            ),
            ("domain/money.rs", "mod tests {\n use super::*;\n use super::super::id;\n}"),
            (
                "domain/money.rs",
                "// use sled::Db;\n/* std::fs /* crate::log */ */\n/// [`crate::log`]",
            ),
            (
                "domain/money.rs",
                "const A: &str = \"crate::log\\\" std::fs\"; const B: char = '\"';",
            ),
            (
                "domain/money.rs",
                "const A: &str = r#\"a \" use sled::Db;\"#; fn f<'a>(r#use: &'a str) {}",
            ),
            ("log/store.rs", "use sled::{Db, Tree};\nuse std::{fs, thread};"),
            ("wire/mod.rs", "tonic::include_proto!(NAME);"),
            ("wire/codec.rs", "use tonic::codec::{Codec, Decoder};\nuse tonic::Status;"),
            ("ledger/mod.rs", "use tokio::sync::{mpsc, oneshot};\nuse crate::{clock, log, wire};"),
            ("grpc/mod.rs", "pub(in crate::grpc) const A: u8 = 0;\nuse crate::ledger::Ledger;"),
            ("bin/ledgerctl/main.rs", "use contract_ledger::wire::v1;\nuse crate::client;"),
            ("lib.rs", "pub mod domain;\npub use crate::domain::money;"),
        ];
        for (path, text) in cases {
            let violations = told(path, text);
            assert!(violations.is_empty(), "{path} with {text:?} gives {violations:?}");
        }
    }

    #[test]
    fn files_without_a_purpose_or_without_an_end_are_told() {
        let without = check("log/mod.rs", "use std::fmt;\n").concat();
        assert!(without.contains("a file opens with //!"), "{without:?}");
        let endless = check("log/mod.rs", &"//! Line.\n".repeat(501)).concat();
        assert!(endless.contains("at most 500 lines"), "{endless:?}");
        assert!(check("log/mod.rs", &"//! Line.\n".repeat(500)).is_empty());
    }
}
