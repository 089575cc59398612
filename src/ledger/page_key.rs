//! The key that vouches for page tokens: a random file of this ledger's own.
//!
//! A token tells the ledger what it told the client before. The tag over it keeps a client from
//! changing it, and keeps out the tokens of another ledger. The key is kept with the log, so that
//! tokens outlive a restart. It must not know what a token says.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::error::LedgerError;
use super::{Ledger, durable_file};

const KEY_FILE: &str = "page-token.key";
const KEY_BYTES: usize = 32;
/// CRC-32 of the key, behind it.
const CHECKSUM_BYTES: usize = 4;
const TAG_BYTES: usize = 32;
const FILE_MODE: u32 = 0o600;

pub(crate) struct PageKey([u8; KEY_BYTES]);

impl std::fmt::Debug for PageKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PageKey")
    }
}

impl Ledger {
    /// A text that carries some bytes and shows that this ledger made it.
    pub fn seal_page_token(&self, bytes: &[u8]) -> String {
        self.shared().page_key.seal(bytes)
    }

    /// The bytes of a text that this ledger made. None when it was altered, or another made it.
    pub fn open_page_token(&self, token: &str) -> Option<Vec<u8>> {
        self.shared().page_key.open_token(token)
    }
}

impl PageKey {
    /// Reads the key of a log's folder, or makes it. A file that is no key is replaced: that costs
    /// the tokens which are under way, and nothing else. An earlier version wrote no checksum; it is
    /// given one.
    pub(crate) fn open(folder: &Path) -> Result<Self, LedgerError> {
        let path = folder.join(KEY_FILE);
        let failed = |source| LedgerError::PageKey { path: path.clone(), source };
        let found = match fs::read(&path) {
            Ok(bytes) => decode(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        match found {
            Some((key, Checked::Yes)) => Ok(Self(key)),
            Some((key, Checked::No)) => write(&path, &key).map(|()| Self(key)).map_err(failed),
            None => make(&path).map(Self).map_err(failed),
        }
    }

    fn seal(&self, bytes: &[u8]) -> String {
        let tag = self.tag_of(bytes).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([bytes, &tag[..]].concat())
    }

    fn open_token(&self, token: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (bytes, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_BYTES)?)?;
        self.tag_of(bytes).verify_slice(tag).ok()?;
        Some(bytes.to_vec())
    }

    fn tag_of(&self, bytes: &[u8]) -> Hmac<Sha256> {
        let mut tag = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length fits");
        tag.update(bytes);
        tag
    }
}

/// What is wrong with the file of the key in a folder; none of a file that is missing, since the next
/// start makes another key, or that an earlier version wrote, without a checksum.
pub(super) fn fault(folder: &Path) -> Result<Option<String>, LedgerError> {
    let path = folder.join(KEY_FILE);
    match fs::read(&path) {
        Ok(bytes) if decode(&bytes).is_some() => Ok(None),
        Ok(_) => Ok(Some(format!(
            "{KEY_FILE} is not as it was written; the next start makes another, and page tokens that are \
             under way become invalid"
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LedgerError::PageKey { path, source }),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Checked {
    Yes,
    No,
}

fn decode(bytes: &[u8]) -> Option<([u8; KEY_BYTES], Checked)> {
    let (key, checksum) = bytes.split_first_chunk::<KEY_BYTES>()?;
    match checksum {
        [] => Some((*key, Checked::No)),
        checksum if *checksum == checksum_of(key) => Some((*key, Checked::Yes)),
        _ => None,
    }
}

fn checksum_of(key: &[u8; KEY_BYTES]) -> [u8; CHECKSUM_BYTES] {
    crc32fast::hash(key).to_be_bytes()
}

fn write(path: &Path, key: &[u8; KEY_BYTES]) -> io::Result<()> {
    durable_file::replace(path, &[&key[..], &checksum_of(key)].concat(), FILE_MODE)
}

fn make(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    write(path, &key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_token_is_opened_by_the_key_that_sealed_it_also_after_a_restart() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let token = PageKey::open(folder.path()).unwrap().seal(b"place");
        let again = PageKey::open(folder.path()).unwrap();
        assert_eq!(again.open_token(&token).as_deref(), Some(&b"place"[..]));
        assert_eq!(PageKey::open(other.path()).unwrap().open_token(&token), None);
        let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, FILE_MODE);
    }

    #[test]
    fn whatever_is_altered_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let key = PageKey::open(folder.path()).unwrap();
        let token = key.seal(b"place");
        let sealed = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert_eq!(key.open_token(&URL_SAFE_NO_PAD.encode(&altered)), None, "byte {index}");
        }
        for text in ["", "a", "!", &token[1..], &format!("{token}A"), &"A".repeat(43)] {
            assert_eq!(key.open_token(text), None, "{text}");
        }
        assert_eq!(key.open_token(&key.seal(b"")).as_deref(), Some(&b""[..]));
    }

    #[test]
    fn a_flipped_bit_of_the_key_is_named_and_a_key_of_before_goes_on_and_gets_a_checksum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(KEY_FILE);
        assert_eq!(fault(folder.path()).unwrap(), None, "none yet");
        let token = PageKey::open(folder.path()).unwrap().seal(b"place");
        let whole = fs::read(&path).unwrap();
        assert_eq!(fault(folder.path()).unwrap(), None);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, bytes).unwrap();
            let fault = fault(folder.path()).unwrap().expect("a flipped bit");
            assert!(fault.starts_with("page-token.key is not as it was written"), "{at}: {fault}");
        }
        fs::write(&path, &whole[..KEY_BYTES]).unwrap();
        assert_eq!(fault(folder.path()).unwrap(), None, "of an earlier version");
        let again = PageKey::open(folder.path()).unwrap();
        assert_eq!(again.open_token(&token).as_deref(), Some(&b"place"[..]));
        assert_eq!(fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn a_file_that_is_no_key_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(KEY_FILE), "short").unwrap();
        let token = PageKey::open(folder.path()).unwrap().seal(b"place");
        assert!(PageKey::open(folder.path()).unwrap().open_token(&token).is_some());
    }
}
