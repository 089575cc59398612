//! What sled's flush alone is worth when the power goes, and what an fdatasync after it is worth.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use disks::{ImageDisk, Keep, Kind, LossyDisk, available, skipped};

const VALUE: &[u8] = b"acknowledged";

fn open(path: &Path) -> sled::Db {
    sled::Config::new().path(path).flush_every_ms(None).open().unwrap()
}

fn sync_all(path: &Path) {
    for name in ["db", "conf", "."] {
        File::open(path.join(name)).unwrap().sync_all().unwrap();
    }
    File::open(path.parent().unwrap()).unwrap().sync_all().unwrap();
}

/// Set for the process that writes and dies: the store, and whether it syncs after the flush.
const STORE: &str = "DISKS_SLED_STORE";
const SYNCS: &str = "DISKS_SLED_SYNCS";

/// Makes a store whose files are durable, and lets another process write into it and end without
/// closing it: a store writes more when it is closed.
fn write_and_die(path: &Path, syncs: bool) {
    drop(open(path));
    sync_all(path);
    let mut writer = Command::new(std::env::current_exe().unwrap());
    writer.args(["--exact", "the_process_that_dies", "--nocapture"]).env(STORE, path);
    if syncs {
        writer.env(SYNCS, "1");
    }
    assert_eq!(writer.status().unwrap().code(), Some(DIED));
}

/// How the writer ends, so that no other end is taken for it.
const DIED: i32 = 77;

/// The body of the process that `write_and_die` starts; without its variable it has nothing to do.
#[test]
#[expect(clippy::disallowed_methods, reason = "its parent tells it what to do by its environment")]
fn the_process_that_dies() {
    let Some(path) = std::env::var_os(STORE).map(PathBuf::from) else { return };
    let store = open(&path);
    store.insert("key", VALUE).unwrap();
    store.flush().unwrap();
    if std::env::var_os(SYNCS).is_some() {
        File::open(path.join("db")).unwrap().sync_data().unwrap();
    }
    std::process::exit(DIED);
}

fn found(path: &Path) -> bool {
    open(path).get("key").unwrap().is_some_and(|value| value == VALUE)
}

fn on_the_lossy_disk(with_sync: bool) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let disk = LossyDisk::mount(folder.path(), 1).unwrap();
    let path = disk.path().join("sled");
    write_and_die(&path, with_sync);
    disk.cut(1, Keep::Nothing);
    found(&path)
}

#[test]
fn flush_alone_loses_what_it_flushed() {
    if skipped("flush_alone_loses_what_it_flushed", &available().lossy) {
        return;
    }
    assert!(!on_the_lossy_disk(false));
}

#[test]
fn flush_and_fdatasync_keep_it() {
    if skipped("flush_and_fdatasync_keep_it", &available().lossy) {
        return;
    }
    assert!(on_the_lossy_disk(true));
}

fn flush_and_fdatasync_keep_it_on(test: &str, kind: Kind) {
    if skipped(test, available().image(kind)) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut disk = ImageDisk::new(folder.path(), kind, kind.bytes_min()).unwrap();
    let path = disk.path().join("sled");
    write_and_die(&path, true);
    disk.cut().unwrap();
    assert!(found(&path));
}

#[test]
fn flush_and_fdatasync_keep_it_on_ext4() {
    flush_and_fdatasync_keep_it_on("flush_and_fdatasync_keep_it_on_ext4", Kind::Ext4);
}

#[test]
fn flush_and_fdatasync_keep_it_on_xfs() {
    flush_and_fdatasync_keep_it_on("flush_and_fdatasync_keep_it_on_xfs", Kind::Xfs);
}
