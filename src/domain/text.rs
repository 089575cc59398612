//! A text that is copied often: a short one stands where it is kept, a longer one is shared.
//!
//! Ids are compared and copied at every step of a fold. Nearly all are short, so that neither costs an
//! allocation nor a look elsewhere.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// Longest text that stands where it is kept, in bytes: what makes a text as large as a `String`.
const HERE_BYTES_MAX: usize = 22;

/// A text that never changes.
#[derive(Clone)]
pub struct Text(Kept);

/// Invariant: a text is `Here` when it is short enough; all bytes of it are UTF-8.
#[derive(Clone)]
enum Kept {
    Here { length: u8, bytes: [u8; HERE_BYTES_MAX] },
    Shared(Arc<str>),
}

impl Text {
    /// Keeps a copy of it.
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; HERE_BYTES_MAX];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(here), Ok(length)) => {
                here.copy_from_slice(text.as_bytes());
                Self(Kept::Here { length, bytes })
            }
            (Some(_) | None, _) => Self(Kept::Shared(Arc::from(text))),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Kept::Here { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Kept::Shared(text) => text.as_bytes(),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Kept::Here { .. } => {
                std::str::from_utf8(self.as_bytes()).expect("it was made of a text")
            }
            Kept::Shared(text) => text,
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_what_they_were_made_of() {
        assert_eq!(size_of::<Text>(), size_of::<String>());
        let longest = "æ0123456789".repeat(5);
        let ends = longest.char_indices().map(|(end, _)| end).chain([longest.len()]);
        let texts: Vec<&str> = ends.filter_map(|end| longest.get(..end)).collect();
        for (left, right) in
            texts.iter().flat_map(|left| texts.iter().map(move |right| (left, right)))
        {
            let (one, other) = (Text::new(left), Text::new(right));
            assert_eq!((one.as_str(), format!("{one:?}")), (*left, format!("{left:?}")));
            assert_eq!((one.cmp(&other), one == other), (left.cmp(right), left == right));
        }
    }
}
