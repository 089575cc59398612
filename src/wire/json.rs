//! The protobuf JSON mapping of any message of the interface, by its descriptor.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(super::DESCRIPTOR_SET).expect("build.rs wrote a valid descriptor set")
});

/// The descriptors of the interface.
pub fn descriptor_pool() -> &'static DescriptorPool {
    &POOL
}

/// Why a JSON text is not a message.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON, or does not fit the message.
    #[error("the text is not a valid {message}")]
    Malformed {
        /// Full name of the message.
        message: String,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
}

/// Reads a message from its protobuf JSON form. Unknown fields are refused.
pub fn from_json<M: Message + Name + Default>(text: &str) -> Result<M, JsonError> {
    let descriptor = descriptor_of::<M>();
    let malformed = |source| JsonError::Malformed { message: M::full_name(), source };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let dynamic = DynamicMessage::deserialize(descriptor, &mut deserializer).map_err(malformed)?;
    deserializer.end().map_err(malformed)?;
    Ok(dynamic.transcode_to::<M>().expect("a message of the same descriptor fits"))
}

/// Writes a message in its protobuf JSON form on one line, with fields at their defaults written
/// out, so that a position of 0 or an amount of nothing can be told from a missing one.
pub fn to_json<M: Message + Name>(message: &M) -> String {
    json(message, &SerializeOptions::new().skip_default_fields(false))
}

/// Writes a message in its protobuf JSON form on one line, without what is at its default: for input
/// that is read by a machine again.
pub fn to_short_json<M: Message + Name>(message: &M) -> String {
    json(message, &SerializeOptions::new())
}

fn json<M: Message + Name>(message: &M, options: &SerializeOptions) -> String {
    let mut dynamic = DynamicMessage::new(descriptor_of::<M>());
    dynamic.transcode_from(message).expect("a message of the same descriptor fits");
    let mut serializer = serde_json::Serializer::new(Vec::new());
    dynamic
        .serialize_with_options(&mut serializer, options)
        .expect("a message without Any always has a JSON form");
    String::from_utf8(serializer.into_inner()).expect("JSON is UTF-8")
}

fn descriptor_of<M: Name>() -> prost_reflect::MessageDescriptor {
    POOL.get_message_by_name(&M::full_name()).expect("every generated type is in the descriptors")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1;

    #[test]
    fn json_form_round_trips_and_writes_defaults() {
        let head = v1::GetHeadResponse { record_count: 0, ..Default::default() };
        assert_eq!(to_json(&head), r#"{"recordCount":"0","root":""}"#);
        let read: v1::GetHeadResponse = from_json(r#"{"record_count":"7"}"#).unwrap();
        assert_eq!(read.record_count, 7);
    }

    #[test]
    fn unknown_field_is_refused() {
        let error = from_json::<v1::GetHeadRequest>(r#"{"surprise":1}"#).unwrap_err();
        assert!(
            matches!(error, JsonError::Malformed { message, .. } if message.ends_with("GetHeadRequest"))
        );
    }
}
