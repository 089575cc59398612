//! Which versions of the stored format each fixture holds. Raise one in the code, and a fixture that
//! holds it is asked for here, so that those of before are never without one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{fixtures, unpacked, unpacked_from};

/// One thing that is stored in versions.
struct Stored {
    what: &'static str,
    /// Where the code says which version it writes, and what stands before the number there.
    file: &'static str,
    before: &'static str,
    /// Fixtures by name, with the version that each holds.
    held: &'static [(&'static str, u64)],
}

const FIRST: &str = "0.1.0";
const TABLES: &str = "0.1.0-tables";

const STORED: &[Stored] = &[
    Stored {
        what: "FORMAT",
        file: "src/log/directory.rs",
        before: "\"contract-ledger log format ",
        held: &[(FIRST, 1), (TABLES, 1)],
    },
    Stored {
        what: "block",
        file: "src/block/mod.rs",
        before: "BLOCK_FORMAT_VERSION: u8 = ",
        held: &[(FIRST, 1), (TABLES, 1)],
    },
    Stored {
        what: "segment",
        file: "src/archive/segment.rs",
        before: "SEGMENT_FORMAT_VERSION: u8 = ",
        held: &[(FIRST, 1), (TABLES, 1)],
    },
    Stored {
        what: "record",
        file: "src/wire/parse/mod.rs",
        before: "SCHEMA_VERSION: u32 = ",
        held: &[(FIRST, 1), (TABLES, 1)],
    },
    Stored {
        what: "leaf",
        file: "src/wire/leaf.rs",
        before: "LAYOUT_VERSION: u8 = ",
        held: &[(TABLES, 1)],
    },
    Stored {
        what: "derived/streams",
        file: "src/ledger/index.rs",
        before: "STREAMS_VERSION: u32 = ",
        held: &[(FIRST, 1), (TABLES, 1)],
    },
    Stored {
        what: "derived/requests",
        file: "src/ledger/index/tables/mod.rs",
        before: "TABLES_VERSION: u32 = ",
        held: &[(FIRST, 1), (TABLES, 2)],
    },
    Stored {
        what: "derived/sources",
        file: "src/ledger/index/tables/mod.rs",
        before: "TABLES_VERSION: u32 = ",
        held: &[(FIRST, 1), (TABLES, 2)],
    },
    Stored {
        what: "derived/merkle",
        file: "src/ledger/tree.rs",
        before: "TILES_VERSION: u32 = ",
        held: &[(TABLES, 1)],
    },
    // The version of the stored rows is a hash of this and of the policies.
    Stored {
        what: ROWS,
        file: "src/projections/stored.rs",
        before: "ROW_VERSION: u32 = ",
        held: &[(FIRST, 1), (TABLES, 1)],
    },
    Stored {
        what: "BACKUP",
        file: "src/backup/folder.rs",
        before: "\"contract-ledger backup format ",
        held: &[(TABLES, 1)],
    },
    Stored {
        what: "MANIFEST",
        file: "src/backup/file.rs",
        before: "\"contract-ledger backup manifest ",
        held: &[(TABLES, 1)],
    },
];

const ROWS: &str = "derived/projections-portfolio";

/// Versions in the code that no data folder and no backup has.
const NOT_STORED: &[(&str, &str)] = &[
    // A document for others to keep; `tests/suite/dossier/golden.rs` holds one.
    ("src/dossier/file.rs", "FORMAT_VERSION"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The number that stands first in a text.
fn number(text: &str) -> u64 {
    let digits = text.find(|character: char| !character.is_ascii_digit());
    text[..digits.unwrap_or(text.len())].parse().unwrap()
}

impl Stored {
    fn version_of_the_code(&self) -> u64 {
        let text = fs::read_to_string(root().join(self.file)).unwrap();
        let (_, rest) = text
            .split_once(self.before)
            .unwrap_or_else(|| panic!("{} has no {:?}: {}", self.file, self.before, self.what));
        number(rest)
    }
}

/// Every version up to the one that the code writes has a fixture.
#[test]
fn every_version_of_the_stored_format_has_a_fixture() {
    let mut missing = Vec::new();
    for stored in STORED {
        for version in 1..=stored.version_of_the_code() {
            if !stored.held.iter().any(|(_, held)| *held == version) {
                missing.push(format!("{} {version} ({})", stored.what, stored.file));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "no fixture holds {missing:?}: write one with tests/fixtures/upgrade/make, and name here what \
         it holds. One of the version before has to be written with the code of before"
    );
}

/// A constant that nobody has thought of here.
#[test]
fn every_version_in_the_code_is_named_here() {
    let mut unnamed = Vec::new();
    for path in sources(&root().join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let file = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        for line in text.lines().filter(|line| line.contains("const ")) {
            let Some((name, _)) = line.split_once("const ").unwrap().1.split_once(':') else {
                continue;
            };
            if !name.ends_with("VERSION") {
                continue;
            }
            let stored = STORED
                .iter()
                .any(|stored| stored.file == file && stored.before.split(':').next() == Some(name));
            if !stored && !NOT_STORED.contains(&(file.as_str(), name)) {
                unnamed.push(format!("{file}: {name}"));
            }
        }
    }
    assert_eq!(unnamed, [""; 0], "is it stored? Name it in STORED, with a fixture, or NOT_STORED");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let mut files: Vec<_> = files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect();
    files.extend(folders.iter().flat_map(|folder| sources(folder)));
    files
}

/// What the table says of a fixture is what its bytes say.
#[test]
fn fixtures_hold_the_versions_that_are_named_here() {
    for fixture in fixtures() {
        let name = fixture.file_name().unwrap().to_str().unwrap();
        let named = STORED.iter().filter_map(|stored| {
            let (_, version) = stored.held.iter().find(|(held, _)| *held == name)?;
            Some((stored.what.to_owned(), *version))
        });
        let mut found = found_in(&fixture);
        // Neither is told by bytes alone: rows only that there are some, leaves by the checkpoint
        // that is verified against them.
        if found.contains_key(ROWS) {
            found.insert(ROWS.to_owned(), 1);
        }
        if fixture.join("checkpoint").exists() {
            found.insert("leaf".to_owned(), 1);
        }
        assert_eq!(found, named.collect::<BTreeMap<_, _>>(), "{name}");
    }
}

fn found_in(fixture: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let folder = unpacked(fixture);
    let format = fs::read_to_string(folder.path().join("FORMAT")).unwrap();
    found.insert("FORMAT".to_owned(), number(format.rsplit(' ').next().unwrap()));

    let mut segments = fs::read_dir(folder.path().join("archive")).unwrap();
    let segment = fs::read(segments.next().unwrap().unwrap().path()).unwrap();
    // The header of a segment is 49 bytes; a version follows four bytes of magic there and in a block.
    assert_eq!((&segment[..4], &segment[49..53]), (&b"CLAR"[..], &b"CLBK"[..]));
    found.insert("segment".to_owned(), segment[4].into());
    found.insert("block".to_owned(), segment[53].into());
    let request = fs::read_to_string(fixture.join("history.jsonl")).unwrap();
    let entry: serde_json::Value = serde_json::from_str(request.lines().next().unwrap()).unwrap();
    let schema = entry["record"]["event"]["schemaVersion"].as_u64().unwrap();
    found.insert("record".to_owned(), schema);

    let db = sled::Config::new().path(folder.path().join("sled")).open().unwrap();
    for name in db.tree_names() {
        let name = String::from_utf8(name.to_vec()).unwrap();
        let tree = db.open_tree(&name).unwrap();
        // The mark: the version, and how far it has come.
        let Some(mark) = tree.get([0]).unwrap().filter(|_| name.starts_with("derived/")) else {
            continue;
        };
        let version = u32::from_be_bytes(mark[..4].try_into().unwrap());
        assert!(tree.len() > 1, "{name} of {} holds nothing", fixture.display());
        found.insert(name, version.into());
    }

    let packed = fixture.join("backup-folder.tar.gz");
    if packed.exists() {
        let backup = unpacked_from(&packed, "backup");
        let mark = fs::read_to_string(backup.path().join("BACKUP")).unwrap();
        found.insert("BACKUP".to_owned(), number(mark.rsplit(' ').next().unwrap()));
    }
    if let Ok(file) = fs::read(fixture.join("backup.tar")) {
        let mut file = tar::Archive::new(&*file);
        for entry in file.entries().unwrap() {
            let mut entry = entry.unwrap();
            if entry.path().unwrap() == Path::new("MANIFEST") {
                let mut text = String::new();
                std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
                let first = text.lines().next().unwrap();
                found.insert("MANIFEST".to_owned(), number(first.rsplit(' ').next().unwrap()));
            }
        }
    }
    found
}
