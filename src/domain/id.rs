//! Identities: what names an agreement, an order, an event, a place in the log.
//!
//! Text ids come from other systems and are kept letter by letter. They are printable ASCII, so that
//! two ids that look alike are alike, and sort the same everywhere.

use std::fmt;

use uuid::Uuid;

use super::text::Text;

/// Longest text id, in bytes.
pub const ID_BYTES_MAX: usize = 128;

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedId {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It is longer than [`ID_BYTES_MAX`].
    #[error("must be at most {ID_BYTES_MAX} bytes, not {bytes}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It has a character outside printable ASCII, or a space first or last.
    #[error("must be printable ASCII without a space first or last")]
    UnprintableCharacter,
    /// It is not a UUID in its hyphenated form.
    #[error("must be a UUID in the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, not all zeros")]
    NotUuid,
}

fn parse_text_id(text: &str) -> Result<Text, MalformedId> {
    if text.is_empty() {
        return Err(MalformedId::Empty);
    }
    if text.len() > ID_BYTES_MAX {
        return Err(MalformedId::TooLong { bytes: text.len() });
    }
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !printable || text.starts_with(' ') || text.ends_with(' ') {
        return Err(MalformedId::UnprintableCharacter);
    }
    Ok(Text::new(text))
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Invariant: 1 to [`ID_BYTES_MAX`] printable ASCII characters, no space first or last.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Text);

        impl $name {
            /// Checks and keeps a text.
            pub fn parse(text: &str) -> Result<Self, MalformedId> {
                parse_text_id(text).map(Self)
            }

            /// The text as it was sent.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

text_id! {
    /// A framework agreement (rammeavtale).
    AgreementId
}
text_id! {
    /// A call-off order (avrop), unique within its agreement.
    OrderId
}
text_id! {
    /// An invoice, unique within its agreement.
    InvoiceId
}
text_id! {
    /// A credit note, unique within its agreement.
    CreditNoteId
}
text_id! {
    /// A payment, unique within its agreement.
    PaymentId
}
text_id! {
    /// An option of an agreement.
    OptionId
}
text_id! {
    /// A lot (delkontrakt) of an agreement.
    LotId
}
text_id! {
    /// A reservation of headroom, unique within its agreement.
    ReservationId
}
text_id! {
    /// A delivery, unique within its agreement.
    DeliveryId
}
text_id! {
    /// An amendment, unique within its agreement.
    AmendmentId
}
text_id! {
    /// Money held back, unique within its agreement.
    RetentionId
}
text_id! {
    /// An override, unique within its agreement.
    OverrideId
}
text_id! {
    /// A finding, as queries name it.
    FindingId
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Reads the hyphenated form, in either case.
            pub fn parse(text: &str) -> Result<Self, MalformedId> {
                if text.is_empty() {
                    return Err(MalformedId::Empty);
                }
                if text.len() != uuid::fmt::Hyphenated::LENGTH {
                    return Err(MalformedId::NotUuid);
                }
                match Uuid::try_parse(text) {
                    Ok(uuid) if !uuid.is_nil() => Ok(Self(uuid)),
                    Ok(_) | Err(_) => Err(MalformedId::NotUuid),
                }
            }

            /// Takes a UUID that somebody else made.
            pub fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The sixteen bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), formatter)
            }
        }
    };
}

uuid_id! {
    /// A recorded event, given by the ledger.
    EventId
}
uuid_id! {
    /// A request, chosen by the client.
    RequestId
}

impl EventId {
    /// The milliseconds that an id of version 7 begins with, in the order of time.
    pub(in crate::domain) fn time(&self) -> [u8; 6] {
        let [one, two, three, four, five, six, ..] = *self.as_bytes();
        [one, two, three, four, five, six]
    }
}

/// A place in the log, from 0, gapless over all agreements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(u64);

impl Position {
    /// The position with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A place in an agreement: 0 before its first event, then gapless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(u64);

impl Version {
    /// Before the first event.
    pub const NONE: Self = Self(0);

    /// The version with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The version of the event after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_id_takes_printable_ascii_and_refuses_the_rest() {
        for good in ["O1", "2020/12345", "a b", "~!\"#", &"x".repeat(128)] {
            assert_eq!(OrderId::parse(good).map(|id| id.to_string()), Ok(good.to_owned()));
        }
        let bad = [
            ("", MalformedId::Empty),
            (" a", MalformedId::UnprintableCharacter),
            ("a ", MalformedId::UnprintableCharacter),
            ("a\nb", MalformedId::UnprintableCharacter),
            ("\u{fffd}\u{fffd}", MalformedId::UnprintableCharacter),
            ("Ås", MalformedId::UnprintableCharacter),
        ];
        for (text, reason) in bad {
            assert_eq!(OrderId::parse(text), Err(reason), "{text:?}");
        }
        assert_eq!(OrderId::parse(&"x".repeat(129)), Err(MalformedId::TooLong { bytes: 129 }));
    }

    #[test]
    fn uuid_is_read_in_its_hyphenated_form_only() {
        let text = "0193a7f0-0000-7000-8000-000000000001";
        assert_eq!(RequestId::parse(text).map(|id| id.to_string()), Ok(text.to_owned()));
        for bad in [
            "0193a7f0000070008000000000000001",
            "{0193a7f0-0000-7000-8000-000000000001}",
            "00000000-0000-0000-0000-000000000000",
            "0193a7f0-0000-7000-8000-00000000000g",
        ] {
            assert_eq!(RequestId::parse(bad), Err(MalformedId::NotUuid), "{bad}");
        }
    }
}
