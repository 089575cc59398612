//! Looks at the fields of an encoded protobuf message, one level deep, without decoding them.

/// Fields whose value is bytes: texts, messages, bytes.
const LENGTH_DELIMITED: u64 = 2;

/// A field with its value, when that is bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) number: u64,
    pub(crate) bytes: &'a [u8],
}

/// The fields of a message in their order. Ends early where the bytes are no message.
pub(crate) fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

/// How many values of bytes a field has.
pub(crate) fn count(message: &[u8], number: u64) -> u64 {
    let counted = fields(message).filter(|field| field.number == number).count();
    u64::try_from(counted).unwrap_or(u64::MAX)
}

/// The first value of a field.
pub(crate) fn first(message: &[u8], number: u64) -> Option<&[u8]> {
    fields(message).find(|field| field.number == number).map(|field| field.bytes)
}

#[derive(Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let key = self.varint()?;
        let bytes = match key & 7 {
            0 => {
                self.varint()?;
                &[]
            }
            1 => self.take(8)?,
            LENGTH_DELIMITED => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.take(length)?
            }
            5 => self.take(4)?,
            _ => return None,
        };
        Some(Field { number: key >> 3, bytes })
    }
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for place in 0..10_u32 {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f).checked_shl(7 * place)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_kind_are_passed_over_to_the_ones_asked_for() {
        // 1: bytes "ab"; 2: varint 300; 3: 64 bits; 4: 32 bits; 1: bytes ""; 16: bytes "c".
        let mut message = vec![0x0a, 2, b'a', b'b', 0x10, 0xac, 0x02, 0x19];
        message.extend([0; 8]);
        message.push(0x25);
        message.extend([0; 4]);
        message.extend([0x0a, 0, 0x82, 0x01, 1, b'c']);
        assert_eq!(count(&message, 1), 2);
        assert_eq!(first(&message, 1), Some(&b"ab"[..]));
        assert_eq!(first(&message, 16), Some(&b"c"[..]));
        assert_eq!(first(&message, 5), None);
    }

    #[test]
    fn bytes_that_are_no_message_end_early() {
        for broken in [&[0x0a, 9, 1][..], &[0x0b], &[0xff; 11], &[0x80]] {
            assert_eq!(fields(broken).count(), 0, "{broken:?}");
        }
    }
}
