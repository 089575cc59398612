//! What survives a cut, said on the model alone.

use super::{
    BLOCK, Boot, CutReport, Disk, Failure, Fault, Keep, NodeId, Operation, Owner, ROOT, Replace,
};
use crate::random::Random;

const OWNER: Owner = Owner { mode: 0o600, user: 0, group: 0 };
const EIO: i32 = 5;

fn disk() -> Disk {
    Disk::new(1, OWNER)
}

fn file(disk: &mut Disk, name: &str) -> NodeId {
    disk.create(ROOT, name.as_bytes(), OWNER).unwrap().node
}

fn write(disk: &mut Disk, node: NodeId, at: u64, bytes: &[u8]) {
    assert_eq!(disk.write(node, disk.boot(), Some(at), bytes), Ok(bytes.len()));
}

fn sync(disk: &mut Disk, node: NodeId) {
    disk.sync(node, disk.boot()).unwrap();
}

fn sync_names(disk: &mut Disk, node: NodeId) {
    disk.sync_directory(node, disk.boot()).unwrap();
}

fn content(disk: &Disk, directory: NodeId, name: &str) -> Option<Vec<u8>> {
    let shape = disk.lookup(directory, name.as_bytes()).ok()?;
    Some(disk.read(shape.node, disk.boot(), 0, 1 << 20).unwrap().to_vec())
}

fn rename(disk: &mut Disk, from: (NodeId, &str), to: (NodeId, &str)) {
    let place = |(directory, name): (NodeId, &str)| (directory, name.as_bytes().to_vec());
    disk.rename(&place(from), place(to), Replace::Yes).unwrap();
}

#[test]
fn synced_bytes_stay_and_others_are_forgotten() {
    let mut disk = disk();
    let node = file(&mut disk, "a");
    sync_names(&mut disk, ROOT);
    write(&mut disk, node, 0, b"synced");
    sync(&mut disk, node);
    write(&mut disk, node, 6, b" and not");
    write(&mut disk, node, 0, b"S");
    assert_eq!(content(&disk, ROOT, "a").unwrap(), b"Synced and not");
    let report = disk.cut(7, Keep::Nothing);
    assert_eq!(report, CutReport { writes_lost: 2, ..CutReport::default() });
    assert_eq!(content(&disk, ROOT, "a").unwrap(), b"synced");
}

#[test]
fn a_length_needs_a_sync_like_bytes() {
    let mut disk = disk();
    let node = file(&mut disk, "a");
    sync_names(&mut disk, ROOT);
    write(&mut disk, node, 0, b"whole");
    sync(&mut disk, node);
    disk.truncate(node, 2).unwrap();
    assert_eq!(content(&disk, ROOT, "a").unwrap(), b"wh");
    disk.cut(7, Keep::Nothing);
    assert_eq!(content(&disk, ROOT, "a").unwrap(), b"whole");
    disk.truncate(node, 2).unwrap();
    sync(&mut disk, node);
    disk.cut(7, Keep::Nothing);
    assert_eq!(content(&disk, ROOT, "a").unwrap(), b"wh");
}

#[test]
fn a_name_needs_a_sync_of_its_directory() {
    let mut disk = disk();
    let node = file(&mut disk, "a");
    write(&mut disk, node, 0, b"synced");
    sync(&mut disk, node);
    disk.cut(7, Keep::Nothing);
    assert_eq!(content(&disk, ROOT, "a"), None);
    let node = file(&mut disk, "a");
    sync_names(&mut disk, ROOT);
    disk.cut(7, Keep::Nothing);
    assert_eq!(content(&disk, ROOT, "a").unwrap(), b"");
    assert_eq!(disk.lookup(ROOT, b"a").unwrap().node, node);
}

#[test]
fn a_removed_file_comes_back_with_its_durable_bytes() {
    let mut disk = disk();
    let node = file(&mut disk, "a");
    sync_names(&mut disk, ROOT);
    write(&mut disk, node, 0, b"synced");
    sync(&mut disk, node);
    disk.remove(ROOT, b"a", false).unwrap();
    assert_eq!(content(&disk, ROOT, "a"), None);
    disk.cut(7, Keep::Nothing);
    assert_eq!(content(&disk, ROOT, "a").unwrap(), b"synced");
    disk.remove(ROOT, b"a", false).unwrap();
    sync_names(&mut disk, ROOT);
    disk.cut(7, Keep::Nothing);
    assert_eq!(content(&disk, ROOT, "a"), None);
}

#[test]
fn a_rename_is_there_or_not_and_never_both() {
    for seed in 0..200 {
        let mut disk = disk();
        let old = file(&mut disk, "a");
        write(&mut disk, old, 0, b"old");
        sync(&mut disk, old);
        let new = file(&mut disk, "a.new");
        write(&mut disk, new, 0, b"new");
        sync(&mut disk, new);
        sync_names(&mut disk, ROOT);
        rename(&mut disk, (ROOT, "a.new"), (ROOT, "a"));
        disk.cut(seed, Keep::SubsetTorn);
        let found = (content(&disk, ROOT, "a"), content(&disk, ROOT, "a.new"));
        let before = (Some(b"old".to_vec()), Some(b"new".to_vec()));
        let after = (Some(b"new".to_vec()), None);
        assert!(found == before || found == after, "seed {seed}: {found:?}");
    }
}

#[test]
fn a_rename_between_directories_takes_along_what_came_before_it() {
    let mut disk = disk();
    let left = disk.make_directory(ROOT, b"left", OWNER).unwrap().node;
    let right = disk.make_directory(ROOT, b"right", OWNER).unwrap().node;
    sync_names(&mut disk, ROOT);
    let node = disk.create(left, b"a", OWNER).unwrap().node;
    write(&mut disk, node, 0, b"moved");
    sync(&mut disk, node);
    rename(&mut disk, (left, "a"), (right, "b"));
    disk.create(left, b"later", OWNER).unwrap();
    sync_names(&mut disk, right);
    disk.cut(7, Keep::Nothing);
    assert_eq!(content(&disk, right, "b").unwrap(), b"moved");
    assert!(disk.list(left).unwrap().is_empty());
}

#[test]
fn what_lies_in_a_lost_directory_is_lost() {
    let mut disk = disk();
    let inner = disk.make_directory(ROOT, b"inner", OWNER).unwrap().node;
    disk.create(inner, b"a", OWNER).unwrap();
    sync_names(&mut disk, inner);
    disk.cut(7, Keep::Nothing);
    assert!(disk.list(ROOT).unwrap().is_empty());
    assert_eq!(disk.shape(inner).unwrap_err(), Failure::NotFound);
}

/// Every state that single sectors can be in comes up, and no other: before, first write, second.
#[test]
fn a_torn_cut_leaves_each_sector_of_some_age_and_tells_the_seed() {
    let (mut torn, mut reordered) = (0, 0);
    for seed in 0..500 {
        let mut disk = disk();
        let node = file(&mut disk, "a");
        sync_names(&mut disk, ROOT);
        write(&mut disk, node, 0, &[b'0'; 1500]);
        sync(&mut disk, node);
        write(&mut disk, node, 100, &[b'1'; 1400]);
        write(&mut disk, node, 0, &[b'2'; 50]);
        let report = disk.cut(seed, Keep::SubsetTorn);
        let bytes = content(&disk, ROOT, "a").unwrap();
        assert_eq!(bytes.len(), 1500, "seed {seed}");
        let sector = |range: std::ops::Range<usize>| {
            let first = bytes[range.start];
            assert!(
                bytes[range.clone()].iter().all(|byte| *byte == first),
                "seed {seed}: {range:?}"
            );
            first
        };
        let later = sector(0..50);
        assert!([b'0', b'2'].contains(&later), "seed {seed}");
        assert_eq!(sector(50..100), b'0', "seed {seed}");
        let parts = [sector(100..512), sector(512..1024), sector(1024..1500)];
        assert!(parts.iter().all(|part| [b'0', b'1'].contains(part)), "seed {seed}");
        torn += u64::from(parts.contains(&b'0') && parts.contains(&b'1'));
        reordered += u64::from(parts == [b'0'; 3] && later == b'2');
        assert!(
            parts.iter().any(|part| *part != parts[0]) <= (report.writes_torn == 1),
            "seed {seed}"
        );
    }
    assert!(torn > 20 && reordered > 20, "{torn} torn, {reordered} reordered");
}

/// Random operations against plain bookkeeping: whatever survives, a durable byte is never lost.
#[test]
fn a_subset_never_loses_what_was_synced() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut disk = disk();
        let node = file(&mut disk, "a");
        sync_names(&mut disk, ROOT);
        let mut durable = Vec::new();
        for round in 0..20_u8 {
            let offset = random.below(3000);
            let bytes = vec![round + 1; usize::try_from(random.below(2000)).unwrap()];
            write(&mut disk, node, offset, &bytes);
            if random.chance(3) {
                sync(&mut disk, node);
                durable = content(&disk, ROOT, "a").unwrap();
            }
        }
        let before = content(&disk, ROOT, "a").unwrap();
        disk.cut(seed, Keep::SubsetTorn);
        let after = content(&disk, ROOT, "a").unwrap();
        assert!(after.len() >= durable.len() && after.len() <= before.len(), "seed {seed}");
        for (at, (was, is)) in durable.iter().zip(&after).enumerate() {
            assert!(is >= was, "seed {seed}: byte {at} was durable as {was} and is {is}");
        }
    }
}

#[test]
fn the_same_seed_leaves_the_same() {
    let left = |seed| {
        let mut disk = disk();
        for name in ["a", "b", "c", "d"] {
            let node = file(&mut disk, name);
            write(&mut disk, node, 0, &[7; 3000]);
        }
        disk.cut(seed, Keep::SubsetTorn);
        ["a", "b", "c", "d"].map(|name| content(&disk, ROOT, name))
    };
    assert_eq!(left(11), left(11));
    assert!((0..20).any(|seed| left(seed) != left(11)));
}

#[test]
fn from_the_chosen_operation_on_nothing_takes_effect() {
    let mut disk = disk();
    let node = file(&mut disk, "a");
    sync_names(&mut disk, ROOT);
    disk.power_off_at(Some(4));
    write(&mut disk, node, 0, b"third");
    let boot = disk.boot();
    assert_eq!(disk.sync(node, boot), Err(Failure::Lost));
    assert!(disk.is_off());
    assert_eq!(disk.operations(), 4);
    assert_eq!(disk.write(node, boot, Some(0), b"x"), Err(Failure::Lost));
    assert_eq!(disk.shape(node).unwrap_err(), Failure::Lost);
    disk.cut(7, Keep::Nothing);
    assert_eq!(content(&disk, ROOT, "a").unwrap(), b"");
    assert_eq!(disk.write(node, boot, Some(0), b"x"), Err(Failure::Lost), "opened before the cut");
    write(&mut disk, node, 0, b"x");
}

#[test]
fn a_full_disk_writes_what_fits_and_overwrites_what_it_has() {
    let mut disk = disk();
    let node = file(&mut disk, "a");
    let boot = disk.boot();
    disk.limit_bytes(Some(2 * u64::try_from(BLOCK).unwrap()));
    assert_eq!(disk.write(node, boot, Some(0), &[1; 3 * BLOCK]), Ok(2 * BLOCK));
    assert_eq!(disk.room(), (2, 0));
    assert_eq!(disk.write(node, boot, None, b"x"), Err(Failure::NoSpace));
    write(&mut disk, node, 5, &[2; BLOCK]);
    let other = file(&mut disk, "b");
    assert_eq!(disk.write(other, boot, Some(0), b"x"), Err(Failure::NoSpace));
    disk.truncate(node, 1).unwrap();
    write(&mut disk, other, 0, b"x");
    assert_eq!(disk.room(), (2, 0));
    disk.remove(ROOT, b"b", false).unwrap();
    assert_eq!(disk.room(), (2, 1));
}

#[test]
fn a_removed_file_keeps_its_room_while_it_is_open() {
    let mut disk = disk();
    let node = file(&mut disk, "a");
    let boot = disk.open(node).unwrap();
    write(&mut disk, node, 0, b"x");
    disk.limit_bytes(Some(4096));
    disk.remove(ROOT, b"a", false).unwrap();
    assert_eq!(disk.room(), (1, 0));
    assert_eq!(disk.read(node, boot, 0, 9), Ok(b"x".as_slice()));
    disk.close(node, boot);
    assert_eq!(disk.room(), (1, 1));
}

#[test]
fn a_fault_meets_the_chosen_operations_and_no_other() {
    let mut disk = disk();
    let node = file(&mut disk, "a");
    let boot = disk.boot();
    disk.fail(Fault { operation: Operation::Write, errno: EIO, after: 1, times: 2, short: false });
    let write = |disk: &mut Disk| disk.write(node, boot, Some(0), b"x");
    assert_eq!(write(&mut disk), Ok(1));
    assert_eq!(disk.truncate(node, 5), Ok(()));
    assert_eq!(write(&mut disk), Err(Failure::Injected(EIO)));
    assert_eq!(write(&mut disk), Err(Failure::Injected(EIO)));
    assert_eq!(write(&mut disk), Ok(1));
}

#[test]
fn a_short_write_takes_a_part() {
    let mut disk = disk();
    let node = file(&mut disk, "a");
    let boot = disk.boot();
    disk.fail(Fault { operation: Operation::Write, errno: EIO, after: 0, times: 2, short: true });
    let taken = disk.write(node, boot, Some(0), b"several").unwrap();
    assert!((1..7).contains(&taken), "{taken}");
    assert_eq!(content(&disk, ROOT, "a").unwrap(), &b"several"[..taken]);
    assert_eq!(disk.write(node, boot, Some(0), b"x"), Err(Failure::Injected(EIO)));
}

/// As Linux does it: the pages are clean after the error, so no later sync writes them.
#[test]
fn what_a_failed_sync_should_have_written_is_lost_for_good() {
    let mut disk = disk();
    let node = file(&mut disk, "a");
    sync_names(&mut disk, ROOT);
    write(&mut disk, node, 0, b"lost");
    disk.fail(Fault { operation: Operation::Sync, errno: EIO, after: 0, times: 1, short: false });
    assert_eq!(disk.sync(node, Boot(0)), Err(Failure::Injected(EIO)));
    write(&mut disk, node, 4, b" kept");
    sync(&mut disk, node);
    assert_eq!(content(&disk, ROOT, "a").unwrap(), b"lost kept");
    disk.cut(7, Keep::SubsetTorn);
    assert_eq!(content(&disk, ROOT, "a").unwrap(), b"\0\0\0\0 kept");
}

#[test]
fn names_follow_the_rules_of_a_file_system() {
    let mut disk = disk();
    let inner = disk.make_directory(ROOT, b"inner", OWNER).unwrap().node;
    file(&mut disk, "a");
    assert_eq!(disk.create(ROOT, b"a", OWNER).unwrap_err(), Failure::Exists);
    assert_eq!(disk.create(ROOT, &[b'n'; 256], OWNER).unwrap_err(), Failure::NameTooLong);
    assert_eq!(disk.remove(ROOT, b"inner", false), Err(Failure::IsADirectory));
    assert_eq!(disk.remove(ROOT, b"a", true), Err(Failure::NotADirectory));
    assert_eq!(disk.remove(ROOT, b"b", false), Err(Failure::NotFound));
    let to = |name: &str| (ROOT, name.as_bytes().to_vec());
    assert_eq!(disk.rename(&to("a"), to("inner"), Replace::Never), Err(Failure::Exists));
    assert_eq!(disk.rename(&to("a"), to("inner"), Replace::Yes), Err(Failure::IsADirectory));
    rename(&mut disk, (ROOT, "a"), (inner, "a"));
    assert_eq!(disk.remove(ROOT, b"inner", true), Err(Failure::NotEmpty));
}
