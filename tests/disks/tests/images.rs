//! The image disk: an unsynced write is lost on a real ext4 and a real xfs too.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs::{self, File};
use std::io::Write;

use disks::{ImageDisk, Kind, available, skipped};

fn a_cut_loses_what_was_not_synced(test: &str, kind: Kind) {
    if skipped(test, available().image(kind)) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut disk = ImageDisk::new(folder.path(), kind, kind.bytes_min()).unwrap();
    let path = disk.path();
    for round in 0..3_u8 {
        let mut kept = File::create(path.join(format!("kept-{round}"))).unwrap();
        kept.write_all(b"synced").unwrap();
        kept.sync_all().unwrap();
        File::open(&path).unwrap().sync_all().unwrap();
        kept.write_all(b" and not").unwrap();
        fs::write(path.join("unsynced"), vec![round; 100_000]).unwrap();
        drop(kept);
        disk.cut().unwrap();
        for earlier in 0..=round {
            assert_eq!(
                fs::read(path.join(format!("kept-{earlier}"))).unwrap(),
                b"synced",
                "{earlier}"
            );
        }
        assert!(!path.join("unsynced").exists(), "round {round}");
    }
}

#[test]
fn a_cut_of_ext4_loses_what_was_not_synced() {
    a_cut_loses_what_was_not_synced("a_cut_of_ext4_loses_what_was_not_synced", Kind::Ext4);
}

#[test]
fn a_cut_of_xfs_loses_what_was_not_synced() {
    a_cut_loses_what_was_not_synced("a_cut_of_xfs_loses_what_was_not_synced", Kind::Xfs);
}

#[test]
fn nothing_is_left_of_a_dropped_image() {
    if skipped("nothing_is_left_of_a_dropped_image", &available().ext4) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = ImageDisk::new(folder.path(), Kind::Ext4, Kind::Ext4.bytes_min()).unwrap();
    fs::write(disk.path().join("a"), b"x").unwrap();
    let path = disk.path();
    drop(disk);
    assert!(!path.join("a").exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the mount point and nothing else");
}
