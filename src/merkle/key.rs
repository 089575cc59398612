//! Keys that sign notes: names, ids, and the texts in which keys are kept and given away.
//!
//! Ed25519 only, as C2SP `signed-note` has it, and as `tlog-cosignature` has it for witnesses. Text
//! forms are those of its tools: `NAME+ID+KEY` to verify with, `PRIVATE+KEY+NAME+ID+SEED` to sign
//! with.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::hash::{decode, encode};

/// Length of a seed, from which a private key follows.
pub const SEED_BYTES: usize = 32;
/// Longest name of a key.
pub const KEY_NAME_BYTES_MAX: usize = 255;

/// How `signed-note` numbers Ed25519.
const ED25519: u8 = 1;
/// How `tlog-cosignature` numbers it.
const ED25519_COSIGNATURE: u8 = 4;
/// The bytes of a cosignature before the signature: when it was made.
const TIME_BYTES: usize = 8;
const PRIVATE_PREFIX: &str = "PRIVATE+KEY+";

/// Why something is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The name has no characters, or more than [`KEY_NAME_BYTES_MAX`] bytes of them.
    #[error("the name of a key has 1 to {KEY_NAME_BYTES_MAX} bytes")]
    NameLength,
    /// The name has a space, a plus or a control character.
    #[error("the name of a key has no spaces, no plus and no control characters")]
    NameCharacter,
    /// The text has not the form of a key.
    #[error("the text is not a key of the form {form}")]
    Form {
        /// What it should look like.
        form: &'static str,
    },
    /// The key is of a kind other than Ed25519, or signs what this one does not.
    #[error("the key is not an Ed25519 key for notes or cosignatures")]
    Kind,
    /// The bytes are no key.
    #[error("the bytes of the key are no Ed25519 key")]
    Bytes,
    /// The id does not follow from the name and the key: one of the three was altered.
    #[error("the id of the key does not belong to its name and bytes")]
    Id,
}

/// Name of a key, best a host and path without scheme: `ledger.example.no/contracts`.
///
/// Invariant: 1 to [`KEY_NAME_BYTES_MAX`] bytes; no white space, plus or control character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// Checks and keeps a name.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        if text.is_empty() || text.len() > KEY_NAME_BYTES_MAX {
            return Err(KeyFault::NameLength);
        }
        let unfit = |character: char| {
            character.is_whitespace() || character.is_control() || character == '+'
        };
        if text.contains(unfit) {
            return Err(KeyFault::NameCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a key says by signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// That the text is its owner's: a log's key.
    Author,
    /// That the text is the largest and consistent tree that its owner has seen at some time: a
    /// witness's key.
    Cosigner,
}

impl KeyKind {
    fn number(self) -> u8 {
        match self {
            Self::Author => ED25519,
            Self::Cosigner => ED25519_COSIGNATURE,
        }
    }
}

/// What signatures of one key are checked with. Its text is the `vkey` of `signed-note`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    kind: KeyKind,
    name: KeyName,
    key: VerifyingKey,
}

impl VerifierKey {
    const FORM: &str = "NAME+ID+KEY";

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        let form = KeyFault::Form { form: Self::FORM };
        let (name, id, bytes) = take_apart(text).ok_or(form)?;
        let kind = match bytes.first() {
            Some(&ED25519_COSIGNATURE) => KeyKind::Cosigner,
            Some(_) | None => KeyKind::Author,
        };
        let key = VerifyingKey::from_bytes(&of_kind(&bytes, kind)?).map_err(|_| KeyFault::Bytes)?;
        let key = Self { kind, name: KeyName::parse(name)?, key };
        if id != id_text(key.id()) {
            return Err(KeyFault::Id);
        }
        Ok(key)
    }

    /// What its signatures say.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Who signs with it.
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id that its signatures carry.
    pub fn id(&self) -> [u8; 4] {
        let [first, second, third, fourth, ..]: [u8; 32] = Sha256::new()
            .chain_update(self.name.as_str())
            .chain_update(b"\n")
            .chain_update([self.kind.number()])
            .chain_update(self.key.as_bytes())
            .finalize()
            .into();
        [first, second, third, fourth]
    }

    /// Whether the bytes are its signature of the text.
    pub(super) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        match self.kind {
            KeyKind::Author => self.fits(text.as_bytes(), signature),
            KeyKind::Cosigner => self.cosigned_at(text, signature).is_some(),
        }
    }

    /// When it cosigned the text, in seconds since 1970, if the bytes are its cosignature.
    pub(super) fn cosigned_at(&self, text: &str, signature: &[u8]) -> Option<u64> {
        let (time, signature) = signature.split_first_chunk::<TIME_BYTES>()?;
        let time = u64::from_be_bytes(*time);
        let message = format!("cosignature/v1\ntime {time}\n{text}");
        (self.kind == KeyKind::Cosigner && self.fits(message.as_bytes(), signature)).then_some(time)
    }

    fn fits(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.kind.number()][..], self.key.as_bytes()].concat();
        write!(formatter, "{}+{}+{}", self.name, id_text(self.id()), encode(&bytes))
    }
}

/// What signs. It shows its private text in one place only, [`Self::private_text`].
pub struct SignerKey {
    verifier: VerifierKey,
    key: SigningKey,
}

impl SignerKey {
    const FORM: &str = "PRIVATE+KEY+NAME+ID+SEED";

    /// The key that follows from a seed, which must be random and secret.
    pub fn from_seed(name: KeyName, seed: &[u8; SEED_BYTES]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey { kind: KeyKind::Author, name, key: key.verifying_key() };
        Self { verifier, key }
    }

    /// Reads the private text form.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        let form = KeyFault::Form { form: Self::FORM };
        let rest = text.strip_prefix(PRIVATE_PREFIX).ok_or(form)?;
        let (name, id, bytes) = take_apart(rest).ok_or(form)?;
        let key = Self::from_seed(KeyName::parse(name)?, &of_kind(&bytes, KeyKind::Author)?);
        if id != id_text(key.verifier.id()) {
            return Err(KeyFault::Id);
        }
        Ok(key)
    }

    /// What its signatures are checked with.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The text that only its owner may see.
    pub fn private_text(&self) -> String {
        let VerifierKey { name, .. } = &self.verifier;
        let bytes = [&[ED25519][..], self.key.as_bytes()].concat();
        format!("{PRIVATE_PREFIX}{name}+{}+{}", id_text(self.verifier.id()), encode(&bytes))
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).to_bytes().to_vec()
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SignerKey({})", self.verifier)
    }
}

/// Name, id and bytes of a key's text.
fn take_apart(text: &str) -> Option<(&str, &str, Vec<u8>)> {
    let (name, rest) = text.split_once('+')?;
    // Base64 has plus signs of its own, so only the first two separate.
    let (id, bytes) = rest.split_once('+')?;
    Some((name, id, decode(bytes)?))
}

/// The bytes of a key behind the byte that says of which kind it is.
fn of_kind(bytes: &[u8], kind: KeyKind) -> Result<[u8; SEED_BYTES], KeyFault> {
    match bytes.split_first() {
        Some((number, key)) if *number == kind.number() => {
            key.try_into().map_err(|_| KeyFault::Bytes)
        }
        Some(_) | None => Err(KeyFault::Kind),
    }
}

/// Eight lower-case hexadecimal digits.
fn id_text(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}
