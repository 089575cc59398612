//! The schema of records as bytes of its own, for readers who have no ledger; and which schemas are known.

use std::collections::BTreeSet;

use prost::{Message as _, Name as _};
use prost_reflect::FileDescriptor;
use prost_types::FileDescriptorSet;
use sha2::{Digest as _, Sha256};

use super::json::descriptor_pool;
use super::v1;

/// SHA-256 of the schemas that earlier versions gave away, in hexadecimal. Whoever changes the schema of
/// records adds the hash of the one before, so that what went with it is still taken.
const EARLIER: &[&str] = &[];

/// The descriptors of a record and of everything in it (`google.protobuf.FileDescriptorSet`), without
/// comments.
pub fn of_records() -> Vec<u8> {
    let pool = descriptor_pool();
    let record = pool.get_message_by_name(&v1::Record::full_name());
    let mut needed = BTreeSet::new();
    need(&record.expect("the interface has records").parent_file(), &mut needed);
    let file = pool.files().filter(|file| needed.contains(file.name())).map(|file| {
        let mut file = file.file_descriptor_proto().clone();
        file.source_code_info = None;
        file
    });
    FileDescriptorSet { file: file.collect() }.encode_to_vec()
}

/// Whether bytes are the schema of records of this version, or of an earlier one.
pub fn is_known(schema: &[u8]) -> bool {
    schema == of_records() || is_among(schema, EARLIER)
}

fn is_among(schema: &[u8], hashes: &[&str]) -> bool {
    let digest = Sha256::digest(schema);
    let hash = digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    hashes.contains(&hash.as_str())
}

fn need(file: &FileDescriptor, needed: &mut BTreeSet<String>) {
    if needed.insert(file.name().to_owned()) {
        file.dependencies().for_each(|file| need(&file, needed));
    }
}

#[cfg(test)]
mod tests {
    use prost_reflect::{DescriptorPool, DynamicMessage};

    use super::*;

    #[test]
    fn schema_of_records_reads_records_alone() {
        let pool = DescriptorPool::decode(of_records().as_slice()).unwrap();
        let descriptor = pool.get_message_by_name("contractledger.v1.Record").unwrap();
        let stored = v1::Record { position: 7, ..Default::default() }.encode_to_vec();
        let read = DynamicMessage::decode(descriptor, stored.as_slice()).unwrap();
        assert_eq!(read.get_field_by_name("position").unwrap().as_u64(), Some(7));
        assert!(pool.services().next().is_none(), "no services, nothing but records");
    }

    #[test]
    fn the_schema_of_this_version_and_earlier_ones_are_known() {
        let mut schema = of_records();
        assert!(is_known(&schema));
        schema.push(0);
        assert!(!is_known(&schema));
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(is_among(b"abc", &[hash]) && !is_among(b"abd", &[hash]));
    }
}
