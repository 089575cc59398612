//! Signed notes: a text, and below it who vouches for it (C2SP `signed-note`).

use std::fmt;

use super::hash::{decode, encode};
use super::key::{KeyName, SignerKey, VerifierKey};

/// Longest note that is read.
pub const NOTE_BYTES_MAX: usize = 1 << 20;
/// Most signatures that a note may have.
pub const NOTE_SIGNATURES_MAX: usize = 100;

const SIGNATURE_MARK: &str = "\u{2014} ";
const KEY_ID_BYTES: usize = 4;

/// Why a text is not a note, or a note not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteFault {
    /// It is longer than [`NOTE_BYTES_MAX`].
    #[error("a note has at most {NOTE_BYTES_MAX} bytes")]
    TooLong,
    /// It has more signatures than [`NOTE_SIGNATURES_MAX`].
    #[error("a note has at most {NOTE_SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// The text does not end with a newline.
    #[error("the text of a note ends with a newline")]
    TextNotEnded,
    /// It has a control character that is not a newline.
    #[error("a note has no control characters but newlines")]
    ControlCharacter,
    /// There is no empty line with signatures after it.
    #[error("the note has no signatures")]
    Unsigned,
    /// A line below the text is no signature.
    #[error("line {line} of the signatures is no signature")]
    SignatureForm {
        /// Which, from 1.
        line: usize,
    },
    /// A key that is known signed another text, or its signature was altered.
    #[error("the signature of {name} does not fit the text")]
    WrongSignature {
        /// Name of the key.
        name: KeyName,
    },
    /// None of the known keys signed it.
    #[error("none of the keys that are trusted has signed the note")]
    NoKnownSignature,
}

/// A text with signatures.
///
/// Invariant: the text ends with a newline and has no other control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct NoteSignature {
    name: KeyName,
    key_id: [u8; KEY_ID_BYTES],
    bytes: Vec<u8>,
}

impl Note {
    /// A text that nobody has signed yet.
    pub fn unsigned(text: String) -> Result<Self, NoteFault> {
        check_characters(&text)?;
        if !text.ends_with('\n') {
            return Err(NoteFault::TextNotEnded);
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a signed note. It is not to be believed before [`Self::verify`].
    pub fn parse(note: &str) -> Result<Self, NoteFault> {
        check_characters(note)?;
        // The text may have empty lines of its own, so the last one separates.
        let blank = note.rfind("\n\n").ok_or(NoteFault::Unsigned)?;
        let (text, signatures) = note.split_at(blank + 1);
        let lines = signatures.strip_prefix('\n').unwrap_or_default();
        let lines = lines.strip_suffix('\n').ok_or(NoteFault::Unsigned)?;
        if lines.split('\n').count() > NOTE_SIGNATURES_MAX {
            return Err(NoteFault::TooManySignatures);
        }
        let read = |(index, line)| {
            NoteSignature::parse(line).ok_or(NoteFault::SignatureForm { line: index + 1 })
        };
        let signatures = lines.split('\n').enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Adds a signature; one of the same key goes out.
    pub fn sign(&mut self, key: &SignerKey) {
        let verifier = key.verifier();
        self.signatures.retain(|signature| !signature.is_of(verifier));
        self.signatures.push(NoteSignature {
            name: verifier.name().clone(),
            key_id: verifier.id(),
            bytes: key.sign(self.text.as_bytes()),
        });
    }

    /// Those of the keys that have signed, at least one. Signatures of other keys count for nothing;
    /// a false one in the name of a known key spoils the note.
    pub fn verify<'k>(&self, known: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteFault> {
        let mut signed = Vec::new();
        for key in known {
            let mut by_key = self.signatures.iter().filter(|signature| signature.is_of(key));
            let Some(first) = by_key.next() else { continue };
            let fits = |signature: &NoteSignature| key.has_signed(&self.text, &signature.bytes);
            if !fits(first) || !by_key.all(fits) {
                return Err(NoteFault::WrongSignature { name: key.name().clone() });
            }
            signed.push(key);
        }
        if signed.is_empty() { Err(NoteFault::NoKnownSignature) } else { Ok(signed) }
    }

    /// Takes over the signature lines by which known keys vouch for the text, and says which keys
    /// those are; a line of the same key that was there goes out. Lines of other keys are left out, a
    /// false one in the name of a known key is refused, and then nothing is taken over.
    pub fn take_signatures<'k>(
        &mut self,
        lines: &str,
        known: &'k [VerifierKey],
    ) -> Result<Vec<&'k VerifierKey>, NoteFault> {
        let mut other = Self::parse(&format!("{}\n{lines}", self.text))?;
        let signed = other.verify(known)?;
        other.signatures.retain(|one| signed.iter().any(|key| one.is_of(key)));
        self.signatures.retain(|one| !signed.iter().any(|key| one.is_of(key)));
        self.signatures.append(&mut other.signatures);
        Ok(signed)
    }

    /// When a key cosigned the text, in seconds since 1970: the latest, if it did so more than once.
    pub fn cosigned_at(&self, key: &VerifierKey) -> Option<u64> {
        let own = self.signatures.iter().filter(|signature| signature.is_of(key));
        own.filter_map(|signature| key.cosigned_at(&self.text, &signature.bytes)).max()
    }

    /// The signatures as they stand below the text, one a line.
    pub fn signature_lines(&self) -> String {
        let line = |one: &NoteSignature| {
            let signature = encode(&[&one.key_id[..], &one.bytes].concat());
            format!("{SIGNATURE_MARK}{} {signature}\n", one.name)
        };
        self.signatures.iter().map(line).collect()
    }

    /// The text that is signed.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.text)?;
        formatter.write_str(&self.signature_lines())
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
        let decoded = decode(signature)?;
        let (key_id, bytes) = decoded.split_first_chunk::<KEY_ID_BYTES>()?;
        let name = KeyName::parse(name).ok()?;
        (!bytes.is_empty()).then(|| Self { name, key_id: *key_id, bytes: bytes.to_vec() })
    }

    fn is_of(&self, key: &VerifierKey) -> bool {
        self.name == *key.name() && self.key_id == key.id()
    }
}

fn check_characters(text: &str) -> Result<(), NoteFault> {
    if text.len() > NOTE_BYTES_MAX {
        return Err(NoteFault::TooLong);
    }
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteFault::ControlCharacter);
    }
    Ok(())
}
