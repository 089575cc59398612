//! The lossy disk through the kernel: what a program sees, and what is left after a cut.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use disks::{Fault, Keep, LossyDisk, Operation, available, skipped};
use rustix::fs::{FlockOperation, flock, statvfs};
use tempfile::TempDir;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn mounted() -> (TempDir, LossyDisk) {
    let folder = tempfile::tempdir().unwrap();
    let disk = LossyDisk::mount(folder.path(), 1).unwrap();
    (folder, disk)
}

fn sync_folder(path: &Path) {
    File::open(path).unwrap().sync_all().unwrap();
}

fn errno<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

#[test]
fn a_cut_loses_what_was_not_synced_and_keeps_what_was() {
    if skipped("a_cut_loses_what_was_not_synced_and_keeps_what_was", &available().lossy) {
        return;
    }
    let (_folder, disk) = mounted();
    let path = disk.path().join("inner");
    fs::create_dir(&path).unwrap();
    sync_folder(disk.path());
    fs::write(path.join("unsynced"), b"written").unwrap();
    let mut kept = File::create(path.join("kept")).unwrap();
    kept.write_all(b"synced").unwrap();
    kept.sync_data().unwrap();
    kept.write_all(b" and not").unwrap();
    sync_folder(&path);
    fs::write(path.join("nameless"), b"written").unwrap();
    assert_eq!(fs::read(path.join("kept")).unwrap(), b"synced and not");

    drop(kept);
    disk.cut(7, Keep::Nothing);
    assert_eq!(fs::read(path.join("kept")).unwrap(), b"synced");
    assert_eq!(fs::read(path.join("unsynced")).unwrap(), b"");
    assert!(!path.join("nameless").exists());
    assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
}

#[test]
fn syncing_the_whole_file_system_makes_nothing_durable() {
    if skipped("syncing_the_whole_file_system_makes_nothing_durable", &available().lossy) {
        return;
    }
    let (_folder, disk) = mounted();
    let path = disk.path().join("a");
    let mut file = File::create(&path).unwrap();
    sync_folder(disk.path());
    file.write_all(b"written").unwrap();
    let before = disk.operations();
    rustix::fs::syncfs(&file).unwrap();
    assert_eq!(disk.operations(), before);
    drop(file);
    disk.cut(7, Keep::Nothing);
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[test]
fn the_power_goes_at_the_chosen_operation() {
    if skipped("the_power_goes_at_the_chosen_operation", &available().lossy) {
        return;
    }
    let (_folder, disk) = mounted();
    let path = disk.path().join("a");
    let mut file = File::create(&path).unwrap();
    sync_folder(disk.path());
    disk.power_off_at(Some(disk.operations() + 2));
    file.write_all(b"written").unwrap();
    assert_eq!(errno(file.sync_all()), Some(EIO));
    assert_eq!(errno(file.write_all(b"x")), Some(EIO));
    assert_eq!(errno(File::open(&path)), Some(EIO));
    assert!(disk.is_off());
    disk.cut(7, Keep::Nothing);
    assert_eq!(errno(file.write_all(b"x")), Some(EIO), "it was opened before the cut");
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[test]
fn a_full_disk_says_so_and_takes_overwrites() {
    if skipped("a_full_disk_says_so_and_takes_overwrites", &available().lossy) {
        return;
    }
    let (_folder, disk) = mounted();
    disk.limit_bytes(Some(16 << 10));
    let mut file = File::create(disk.path().join("a")).unwrap();
    assert_eq!(errno(file.write_all(&vec![1; 20 << 10])), Some(ENOSPC));
    let told = statvfs(disk.path()).unwrap();
    assert_eq!((told.f_blocks, told.f_bavail, told.f_frsize), (4, 0, 4096));
    file.write_all_at(&[2; 8 << 10], 4 << 10).unwrap();
    fs::remove_file(disk.path().join("a")).unwrap();
    drop(file);
    // The kernel tells the file system of the last close after close(2) has returned.
    while statvfs(disk.path()).unwrap().f_bavail != 4 {
        std::thread::yield_now();
    }
    fs::write(disk.path().join("b"), [3; 16 << 10]).unwrap();
}

#[test]
fn faults_reach_the_program() {
    if skipped("faults_reach_the_program", &available().lossy) {
        return;
    }
    let (_folder, disk) = mounted();
    let mut file = File::create(disk.path().join("a")).unwrap();
    let fault = |operation, errno, short| Fault { operation, errno, after: 0, times: 1, short };
    disk.fail(fault(Operation::Write, EIO, true));
    assert!(file.write(&[1; 100]).unwrap() < 100);
    disk.fail(fault(Operation::Write, ENOSPC, false));
    assert_eq!(errno(file.write(b"x")), Some(ENOSPC));
    disk.fail(fault(Operation::Sync, EIO, false));
    assert_eq!(errno(file.sync_data()), Some(EIO));
    disk.fail(fault(Operation::Truncate, EIO, false));
    assert_eq!(errno(file.set_len(0)), Some(EIO));
    disk.fail(fault(Operation::Create, EIO, false));
    assert_eq!(errno(File::create(disk.path().join("b"))), Some(EIO));
    disk.fail(fault(Operation::Rename, EIO, false));
    assert_eq!(errno(fs::rename(disk.path().join("a"), disk.path().join("b"))), Some(EIO));
    disk.fail(fault(Operation::Remove, EIO, false));
    assert_eq!(errno(fs::remove_file(disk.path().join("a"))), Some(EIO));
    disk.fail(fault(Operation::MakeDirectory, EIO, false));
    assert_eq!(errno(fs::create_dir(disk.path().join("c"))), Some(EIO));
    disk.fail(fault(Operation::SyncDirectory, EIO, false));
    assert_eq!(errno(File::open(disk.path()).and_then(|folder| folder.sync_all())), Some(EIO));
    file.write_all(b"x").unwrap();
}

#[test]
fn locks_appends_and_threads_work() {
    if skipped("locks_appends_and_threads_work", &available().lossy) {
        return;
    }
    let (_folder, disk) = mounted();
    let path = disk.path().join("lock");
    let held = File::create(&path).unwrap();
    flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
    let other = File::open(&path).unwrap();
    assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
    drop(held);
    flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap();

    let lines = disk.path().join("lines");
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let mut file = OpenOptions::new().create(true).append(true).open(&lines).unwrap();
            scope.spawn(move || {
                for _ in 0..100 {
                    file.write_all(&[b'a' + thread, b'\n']).unwrap();
                }
            });
        }
    });
    let mut text = String::new();
    File::open(&lines).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text.len(), 800);
    assert!(text.lines().all(|line| line.len() == 1));
    fs::copy(&lines, disk.path().join("copied")).unwrap();
    assert_eq!(fs::read_to_string(disk.path().join("copied")).unwrap(), text);
}

#[test]
fn it_is_unmounted_after_a_panic_too_and_with_a_file_open() {
    if skipped("it_is_unmounted_after_a_panic_too_and_with_a_file_open", &available().lossy) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let open = std::thread::spawn({
        let path = path.clone();
        move || {
            let _disk = LossyDisk::mount(&path, 1).unwrap();
            let open = File::create(path.join("a")).unwrap();
            std::panic::panic_any(open);
        }
    })
    .join();
    assert!(!path.join("a").exists());
    fs::write(path.join("b"), b"on the disk below").unwrap();
    drop(open);
}
