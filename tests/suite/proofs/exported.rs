//! A folder of `export-tiles`, and the HTTP endpoint: read by `tlog_tiles` and `signed_note` alone, and
//! refused by them after any change of a bit. And what `export-tiles` says of such a folder itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use signed_note::{StandardVerifier, VerifierList};
use tempfile::TempDir;
use tlog_tiles::{HashReader, Tile, record_hash, stored_hash_index, tree_hash};

use super::served::{ORIGIN, fill, signing};
use super::signer;
use crate::bit_flips::{Random, files as files_of};
use crate::support::Served;
use crate::support::events::*;
use crate::support::processes;
use crate::tiles::{Serving, get};

/// Two full tiles, a partial one, and on the next level one of two hashes.
const SIZE: u64 = 532;
/// Flips in each file, at seeded random places.
const FLIPS: usize = 48;
const HEIGHT: u8 = 8;

/// What a monitor has read, by path.
type Files = BTreeMap<String, Vec<u8>>;

/// Somebody who watches the log and has nothing but its key and two crates that are not ours.
struct Monitor(VerifierList);

/// Hashes of the tree, out of tiles as they are: nothing is believed before it leads to the root.
struct Tiles<'f> {
    files: &'f Files,
    size: u64,
}

impl HashReader for Tiles<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let read = |index: &u64| {
            let tile = Tile::from_index(HEIGHT, *index).parent(0, self.size);
            let tile = tile.ok_or(tlog_tiles::Error::InvalidTile)?;
            let bytes = self.files.get(&tile_path(&tile)).ok_or(tlog_tiles::Error::InvalidTile)?;
            tile.hash_at_index(bytes, *index)
        };
        indexes.iter().map(read).collect()
    }
}

/// Theirs names the height too, which C2SP `tlog-tiles` fixes to 8.
fn tile_path(tile: &Tile) -> String {
    tile.path().replacen("tile/8/", "tile/", 1)
}

fn entries_path(tile: &Tile) -> String {
    tile_path(tile).replacen("tile/0/", "tile/entries/", 1)
}

impl Monitor {
    fn new() -> Self {
        let vkey = signer(ORIGIN, 1).verifier().to_string();
        Self(VerifierList::new(vec![Box::new(StandardVerifier::new(&vkey).unwrap())]))
    }

    /// Size and root that are signed. None: it is not to be believed.
    fn signed(&self, files: &Files) -> Option<(u64, tlog_tiles::Hash)> {
        let note = signed_note::Note::from_bytes(files.get("checkpoint")?).ok()?;
        note.verify(&self.0).ok()?;
        let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).ok()?;
        (checkpoint.origin() == ORIGIN).then(|| (checkpoint.size(), *checkpoint.hash()))
    }

    /// Whether the whole log is what is signed, to the last byte. Tells every file that it rests on.
    fn takes(&self, files: &Files) -> Option<BTreeSet<String>> {
        let signed @ (size, _) = self.signed(files)?;
        let mut looked_at = BTreeSet::from(["checkpoint".to_owned()]);
        for tile in Tile::new_tiles(HEIGHT, 0, size) {
            looked_at.insert(tile_path(&tile));
            if tile.level() == 0 {
                looked_at.insert(entries_path(&tile));
            }
        }
        let takes = |path: &String| takes_file(files, path, signed);
        looked_at.iter().all(takes).then_some(looked_at)
    }
}

/// The part of it that a file has, under what is signed.
fn takes_file(files: &Files, path: &str, (size, root): (u64, tlog_tiles::Hash)) -> bool {
    let leads_to_root =
        || tree_hash(size, &Tiles { files, size }).is_ok_and(|computed| computed == root);
    if path == "checkpoint" {
        return leads_to_root();
    }
    let of_entries = path.starts_with("tile/entries/");
    let named = path.replacen("tile/entries/", "tile/0/", 1).replacen("tile/", "tile/8/", 1);
    let tile = Tile::from_path(&named).unwrap();
    let (Some(bytes), Some(hashes)) = (files.get(path), files.get(&tile_path(&tile))) else {
        return false;
    };
    if of_entries {
        return takes_entries(&tile, bytes, hashes);
    }
    let is_whole = bytes.len() == usize::try_from(tile.width()).unwrap() * 32;
    is_whole && if tile.width() == 256 { leads_up(files, &tile, size) } else { leads_to_root() }
}

/// Whether each entry has the hash that the tile says.
fn takes_entries(tile: &Tile, bundle: &[u8], hashes: &[u8]) -> bool {
    let first = tile.level_index() * 256;
    let mut rest = bundle;
    for index in first..first + u64::from(tile.width()) {
        let Some((length, after)) = rest.split_first_chunk() else { return false };
        let Some((entry, after)) = after.split_at_checked(u16::from_be_bytes(*length).into())
        else {
            return false;
        };
        let hash = tile.hash_at_index(hashes, stored_hash_index(0, index));
        if !hash.is_ok_and(|hash| hash == record_hash(entry)) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

/// Whether a full tile has the root that the tile above it says.
fn leads_up(files: &Files, tile: &Tile, size: u64) -> bool {
    let Some(above) = tile.parent(1, size) else { return false };
    let Some(hashes) = files.get(&tile_path(&above)) else { return false };
    let index = stored_hash_index(above.level() * HEIGHT, tile.level_index());
    let hash = above.hash_at_index(hashes, index);
    hash.is_ok_and(|hash| hash == Tile::subtree_hash(&files[&tile_path(tile)]))
}

fn read(folder: &Path) -> Files {
    let name = |path: &Path| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
    files_of(folder).iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

async fn export(served: &Served, folder: &Path, more: &[&str]) -> (i32, String) {
    let vkey = signer(ORIGIN, 1).verifier().to_string();
    let folder = folder.to_str().unwrap();
    let fixed = ["export-tiles", "--server", &served.url, folder, "--vkey", &vkey];
    let output = processes::ledgerctl(&[&fixed[..], more].concat()).await;
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), text)
}

/// A ledger of so many records.
async fn ledger_of(size: u64) -> Served {
    let served = signing(TempDir::new().unwrap(), vec![signer(ORIGIN, 1)], Vec::new());
    fill(&served, "a", usize::try_from(size).unwrap() - 1).await;
    served
}

#[tokio::test]
async fn an_exported_folder_is_taken_by_others_and_refused_after_any_change_of_one_bit() {
    let served = ledger_of(SIZE).await;
    let folder = TempDir::new().unwrap();
    let (code, text) = export(&served, folder.path(), &[]).await;
    assert_eq!(code, 0, "{text}");
    let mut files = read(folder.path());
    let monitor = Monitor::new();
    let looked_at = monitor.takes(&files).expect("it is what is signed");
    assert_eq!(looked_at, files.keys().cloned().collect(), "every file is looked at");
    for path in ["tile/0/001", "tile/0/002.p/20", "tile/1/000.p/2", "tile/entries/002.p/20"] {
        assert!(looked_at.contains(path), "{path} in {looked_at:?}");
    }
    let signed = monitor.signed(&files).unwrap();
    // The whole log is refused when the part of a file is; of some files every bit is tried.
    let (partial, upper, bundle) = ("tile/0/002.p/20", "tile/1/000.p/2", "tile/entries/002.p/20");
    let seed = u64::from(std::process::id()) << 17 | 1;
    let mut random = Random(seed);
    for path in &looked_at {
        let count = files[path].len() * 8;
        let all = [partial, upper, bundle, "checkpoint"].contains(&path.as_str());
        let some: Vec<usize> = (0..FLIPS).map(|_| random.below(count)).collect();
        let bits = if all { (0..count).collect() } else { some };
        for bit in bits {
            flip(files.get_mut(path).unwrap(), bit);
            let taken = match path.as_str() {
                "checkpoint" => monitor.signed(&files).is_some(),
                path => takes_file(&files, path, signed),
            };
            assert!(!taken, "seed {seed}: bit {bit} of {path}");
            flip(files.get_mut(path).unwrap(), bit);
        }
        let bytes = files.remove(path).unwrap();
        assert!(monitor.takes(&files).is_none(), "{path} is missing");
        files.insert(path.clone(), bytes[..bytes.len() - 1].to_vec());
        assert!(monitor.takes(&files).is_none(), "{path} is cut short");
        files.insert(path.clone(), bytes);
    }
    assert!(monitor.takes(&files).is_some());

    // The endpoint serves the same.
    let data = served.stop().await;
    let signed = String::from_utf8(files["checkpoint"].clone()).unwrap();
    let serving = Serving::of(data.path(), &signed).await;
    let mut got = Files::new();
    for path in &looked_at {
        let answer = get(&serving.url, path).await;
        assert_eq!(answer.status, 200, "{path}");
        got.insert(path.clone(), answer.body);
    }
    serving.stop().await;
    assert_eq!(monitor.takes(&got), Some(looked_at));
    assert_eq!(got, files);
}

#[tokio::test]
async fn an_export_into_a_folder_with_a_changed_file_names_it() {
    let served = ledger_of(SIZE - 12).await;
    let folder = TempDir::new().unwrap();
    let (code, text) = export(&served, folder.path(), &[]).await;
    assert_eq!(code, 0, "{text}");
    for number in 0..12 {
        let placed = intent("2024-02-04", order(&format!("Q{number}"), "10"));
        served.append("a", placed).await.unwrap();
    }
    let (code, text) = export(&served, folder.path(), &[]).await;
    assert_eq!((code, text.contains("532 records, 12 of them new")), (0, true), "{text}");
    let before = read(folder.path());
    assert!(before.contains_key("tile/0/002.p/8"), "an earlier partial tile stays");
    let seed = u64::from(std::process::id()) << 17 | 1;
    let mut random = Random(seed);
    for (path, bytes) in &before {
        let mut altered = bytes.clone();
        // Of the checkpoint the root; its signature is the new one's when all is right.
        let (from, count) =
            if path == "checkpoint" { (ORIGIN.len() + 5, 40) } else { (0, bytes.len()) };
        let bit = from * 8 + random.below(count * 8);
        flip(&mut altered, bit);
        fs::write(folder.path().join(path), &altered).unwrap();
        let (code, text) = export(&served, folder.path(), &[]).await;
        assert_eq!(code, 1, "seed {seed}: bit {bit} of {path}: {text}");
        let named = format!("{path} is not what was exported");
        let unreadable = path == "checkpoint" && text.contains("its checkpoint: ");
        assert!(text.contains(&named) || unreadable, "seed {seed}: bit {bit} of {path}: {text}");
        fs::remove_file(folder.path().join(path)).unwrap();
        if path != "checkpoint" && !path.ends_with(".p/8") {
            let (code, text) = export(&served, folder.path(), &[]).await;
            assert_eq!((code, text.contains(&named)), (1, true), "without {path}: {text}");
            assert!(text.contains("it is missing"), "{text}");
        }
        fs::write(folder.path().join(path), bytes).unwrap();
    }
    assert_eq!(read(folder.path()), before);

    // What is not gone on with is not looked at when that is asked for.
    let mut altered = before["tile/entries/000"].clone();
    flip(&mut altered, 77);
    fs::write(folder.path().join("tile/entries/000"), &altered).unwrap();
    let (code, text) = export(&served, folder.path(), &["--quick"]).await;
    assert_eq!(code, 0, "{text}");
    let mut altered = before["tile/1/000.p/2"].clone();
    flip(&mut altered, 77);
    fs::write(folder.path().join("tile/1/000.p/2"), &altered).unwrap();
    let (code, text) = export(&served, folder.path(), &["--quick"]).await;
    let named = "its tiles are not those of its checkpoint";
    assert_eq!((code, text.contains(named)), (1, true), "{text}");
    served.stop().await;
}
