//! The schema of records as a text of its own: what goes with records to readers who have no ledger, and
//! whether such a schema, coming from elsewhere, reads records as this program does.

use std::collections::BTreeSet;

use prost::{Message as _, Name as _};
use prost_reflect::{DescriptorPool, DynamicMessage, FileDescriptor, SerializeOptions};
use prost_types::FileDescriptorSet;

use super::json::descriptor_pool;
use super::v1;

/// Longest schema that is read.
pub const SCHEMA_BYTES_MAX: usize = 1 << 20;

/// Why bytes are not a schema of records.
#[derive(Debug, thiserror::Error)]
pub enum SchemaFault {
    /// They are too many.
    #[error("a schema has at most {SCHEMA_BYTES_MAX} bytes")]
    TooLong,
    /// They are no descriptor set.
    #[error("the bytes are no set of file descriptors")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    /// There is no record in it.
    #[error("the schema does not describe {name}", name = v1::Record::full_name())]
    NoRecord,
}

/// A schema that reads records.
#[derive(Debug, Clone)]
pub struct Schema(DescriptorPool);

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

fn need(file: &FileDescriptor, needed: &mut BTreeSet<String>) {
    if needed.insert(file.name().to_owned()) {
        file.dependencies().for_each(|file| need(&file, needed));
    }
}

/// A record in the protobuf JSON mapping, as this program reads it. None when it is none.
pub fn record_text(stored: &[u8]) -> Option<String> {
    text_by(descriptor_pool(), stored)
}

impl Schema {
    /// Reads a set of descriptors.
    pub fn read(bytes: &[u8]) -> Result<Self, SchemaFault> {
        if bytes.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaFault::TooLong);
        }
        let pool = DescriptorPool::decode(bytes)?;
        let record = pool.get_message_by_name(&v1::Record::full_name());
        record.map(|_| Self(pool)).ok_or(SchemaFault::NoRecord)
    }

    /// A record in the protobuf JSON mapping, as this schema reads it. None when it is none.
    pub fn record_text(&self, stored: &[u8]) -> Option<String> {
        text_by(&self.0, stored)
    }

    /// The first thing that it says otherwise than this program's schema, or says beyond it. An older
    /// schema says less, and nothing otherwise.
    pub fn contradiction(&self) -> Option<String> {
        let own = descriptor_pool();
        for message in self.0.all_messages() {
            let name = message.full_name();
            let Some(known) = own.get_message_by_name(name) else {
                return Some(format!("{name} is not known"));
            };
            for field in message.fields() {
                let known = known.get_field(field.number());
                let same = known.is_some_and(|known| {
                    known.field_descriptor_proto() == field.field_descriptor_proto()
                });
                if !same {
                    return Some(format!("{name}.{} is not known so", field.name()));
                }
            }
        }
        for one in self.0.all_enums() {
            let name = one.full_name();
            let Some(known) = own.get_enum_by_name(name) else {
                return Some(format!("{name} is not known"));
            };
            let is_known = |number: i32, text: &str| {
                known.get_value(number).is_some_and(|value| value.name() == text)
            };
            let other = one.values().find(|value| !is_known(value.number(), value.name()));
            if let Some(value) = other {
                return Some(format!("{name}.{} is not known so", value.name()));
            }
        }
        None
    }
}

fn text_by(pool: &DescriptorPool, stored: &[u8]) -> Option<String> {
    let descriptor = pool.get_message_by_name(&v1::Record::full_name())?;
    let record = DynamicMessage::decode(descriptor, stored).ok()?;
    let mut serializer = serde_json::Serializer::new(Vec::new());
    record.serialize_with_options(&mut serializer, &SerializeOptions::new()).ok()?;
    String::from_utf8(serializer.into_inner()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> FileDescriptorSet {
        FileDescriptorSet::decode(of_records().as_slice()).unwrap()
    }

    fn spoilt(spoil: impl FnOnce(&mut prost_types::DescriptorProto)) -> Option<String> {
        let mut set = set();
        let file = set.file.iter_mut().find(|file| file.name().ends_with("record.proto")).unwrap();
        let record = file.message_type.iter_mut().find(|message| message.name() == "Record");
        spoil(record.unwrap());
        Schema::read(&set.encode_to_vec()).unwrap().contradiction()
    }

    #[test]
    fn schema_of_records_reads_them_alone() {
        let schema = Schema::read(&of_records()).unwrap();
        assert_eq!(schema.contradiction(), None);
        let record = v1::Record { position: 7, ..Default::default() }.encode_to_vec();
        assert_eq!(schema.record_text(&record), record_text(&record));
        assert_eq!(record_text(&record).unwrap(), r#"{"position":"7"}"#);
        assert_eq!(record_text(b"\xff"), None);
    }

    #[test]
    fn a_schema_may_say_less_and_nothing_otherwise() {
        assert_eq!(spoilt(|record| drop(record.field.pop())), None);
        let renamed =
            spoilt(|record| record.field.first_mut().unwrap().name = Some("x".to_owned()));
        assert_eq!(renamed.unwrap(), "contractledger.v1.Record.x is not known so");
        assert!(matches!(Schema::read(&[]), Err(SchemaFault::NoRecord)));
        assert!(matches!(Schema::read(b"\xff"), Err(SchemaFault::Descriptors(_))));
        assert!(matches!(Schema::read(&vec![0; SCHEMA_BYTES_MAX + 1]), Err(SchemaFault::TooLong)));
    }
}
