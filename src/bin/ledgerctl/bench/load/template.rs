//! A message that is encoded once, and sent many times with other numbers in it.
//!
//! Ids are written as twelve hexadecimal digits. The message is built with placeholders for them;
//! each sending copies the bytes and puts its own digits in their places.

use bytes::Bytes;

/// Digits of a number in a message.
const DIGITS: usize = 12;
/// What placeholders begin at: no number of a call comes near.
const PLACEHOLDERS: u64 = 0xfa11_0000_0000;

/// What a message has instead of the number of its request.
pub(crate) fn request_placeholder() -> String {
    digits(PLACEHOLDERS)
}

/// What a message has instead of the number of one of its events.
pub(crate) fn event_placeholder(index: u64) -> String {
    digits(PLACEHOLDERS + 1 + index)
}

/// The digits of a number.
pub(crate) fn digits(number: u64) -> String {
    let width = DIGITS;
    format!("{number:0width$x}")
}

/// The number that digits stand for.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// An encoded message with places for numbers.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    events: u64,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    at: usize,
    number: Number,
}

#[derive(Debug, Clone, Copy)]
enum Number {
    Request,
    Event(u64),
}

impl Template {
    /// Finds the placeholders of a message with so many events.
    pub(crate) fn of(bytes: Vec<u8>, events: u64) -> Self {
        let mut places = Vec::new();
        for (at, window) in bytes.windows(DIGITS).enumerate() {
            let Some(index) = number(window).and_then(|number| number.checked_sub(PLACEHOLDERS))
            else {
                continue;
            };
            match index.checked_sub(1) {
                None => places.push(Place { at, number: Number::Request }),
                Some(index) if index < events => {
                    places.push(Place { at, number: Number::Event(index) });
                }
                Some(_) => {}
            }
        }
        Self { bytes, events, places }
    }

    /// How many events a message has.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// The message of one request.
    pub(crate) fn fill(&self, request: u64) -> Bytes {
        let mut bytes = self.bytes.clone();
        for place in &self.places {
            let number = match place.number {
                Number::Request => request,
                Number::Event(index) => request * self.events + index,
            };
            if let Some(target) = bytes.get_mut(place.at..place.at + DIGITS) {
                write_digits(target, number);
            }
        }
        bytes.into()
    }
}

fn write_digits(target: &mut [u8], mut number: u64) {
    const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";
    for digit in target.iter_mut().rev() {
        let place = usize::try_from(number & 0xf).unwrap_or_default();
        *digit = HEXADECIMAL.get(place).copied().unwrap_or(b'0');
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_gets_its_number_and_each_event_its_own() {
        let (request, first, second) =
            (request_placeholder(), event_placeholder(0), event_placeholder(1));
        let template =
            Template::of(format!("r{request} {first}/{first} {second}.").into_bytes(), 2);
        let filled = |number| String::from_utf8(template.fill(number).to_vec()).unwrap();
        assert_eq!(filled(0), "r000000000000 000000000000/000000000000 000000000001.");
        assert_eq!(filled(20), "r000000000014 000000000028/000000000028 000000000029.");
        assert_eq!(template.events(), 2);
    }

    #[test]
    fn digits_are_read_as_they_are_written() {
        for value in [0, 1, 0xdead_beef, 0xffff_ffff_ffff] {
            assert_eq!(number(digits(value).as_bytes()), Some(value));
        }
        assert_eq!(number(b"x"), None);
    }
}
