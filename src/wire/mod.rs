//! The published protobuf types, and their mapping to and from the domain.
//!
//! The generated types are also what the log stores: a record on disk is the encoding of
//! `v1::Record`, so that an auditor can decode it with the proto files alone. It knows `domain`,
//! the rows and filters of `projections`, and nothing of sled, tonic's server or tokio.

pub mod answer;
pub mod codec;
pub mod difference;
pub mod event_type;
pub mod json;
pub mod leaf;
pub mod listing;
pub mod noted;
pub mod parse;
pub mod policy;
pub mod record;
pub mod schema;
pub mod stored;

/// Generated from `proto/contractledger/v1`.
#[expect(clippy::all, clippy::pedantic, clippy::as_conversions, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("contractledger.v1");
    // The servers, of which two methods answer with the types of `stored`.
    tonic::include_proto!("servers/contractledger.v1");
}

/// The descriptor set of the whole interface, as reflection serves it.
pub const DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/contractledger.v1.bin"));
