//! Parts of the file that strangers may have made too long: lists with a limit, and bytes as base64.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// A list of at most `MAX` entries. A longer one is refused where it passes the limit, so it costs no
/// more memory than one that is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T, const MAX: usize>(pub Vec<T>);

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Serialize, const MAX: usize> Serialize for List<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T, const MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Entries<T, MAX> {
            type Value = Vec<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a list of at most {MAX} entries")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut given: A) -> Result<Vec<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = given.next_element()? {
                    if entries.len() == MAX {
                        return Err(A::Error::invalid_length(MAX + 1, &self));
                    }
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_seq(Entries::<T, MAX>(PhantomData)).map(Self)
    }
}

/// Bytes, in the file as standard base64 with padding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(|_| D::Error::custom("the text is not base64"))
    }
}

/// Bytes of which there are at most `MAX`. More are refused before they are decoded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BytesUpTo<const MAX: usize>(pub Vec<u8>);

impl<const MAX: usize> Serialize for BytesUpTo<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for BytesUpTo<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Three bytes are four characters.
        if text.len() > MAX.div_ceil(3).saturating_mul(4) {
            return Err(D::Error::custom(format!("there are more than {MAX} bytes")));
        }
        match STANDARD.decode(text) {
            Ok(bytes) if bytes.len() <= MAX => Ok(Self(bytes)),
            Ok(_) => Err(D::Error::custom(format!("there are more than {MAX} bytes"))),
            Err(_) => Err(D::Error::custom("the text is not base64")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_up_to_its_limit() {
        let read = serde_json::from_str::<List<u8, 2>>;
        assert_eq!(read("[1,2]").unwrap().0, [1, 2]);
        let fault = read("[1,2,3]").unwrap_err().to_string();
        assert!(fault.contains("a list of at most 2 entries"), "{fault}");
    }

    #[test]
    fn bytes_are_read_up_to_their_limit() {
        let read = serde_json::from_str::<BytesUpTo<2>>;
        assert_eq!(read("\"AP8=\"").unwrap().0, [0, 255]);
        assert_eq!(serde_json::to_string(&BytesUpTo::<2>(vec![0, 255])).unwrap(), "\"AP8=\"");
        for text in ["\"AP8A\"", "\"AP8AAAAA\""] {
            let fault = read(text).unwrap_err().to_string();
            assert!(fault.contains("more than 2 bytes"), "{fault}");
        }
        assert!(read("\"AP8\"").is_err());
    }

    #[test]
    fn bytes_have_one_text() {
        let read = serde_json::from_str::<Bytes>;
        assert_eq!(serde_json::to_string(&Bytes(vec![0, 255])).unwrap(), "\"AP8=\"");
        assert_eq!(read("\"AP8=\"").unwrap().0, [0, 255]);
        for text in ["\"AP8\"", "\"AP9=\"", "\"AP8= \"", "7"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
