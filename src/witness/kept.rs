//! What each witness cosigned last, on disk: one file a witness, replaced whole.
//!
//! Losing a file costs one question to the witness, which then says what it cosigned last; so what
//! cannot be read counts as nothing.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::merkle::{Note, VerifierKey};

/// The folder of those files.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
}

impl Kept {
    /// Makes the folder when it is missing.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The checkpoint that a witness cosigned last, if it is there and its cosignature holds.
    pub(super) fn load(&self, key: &VerifierKey) -> Option<Note> {
        let text = fs::read_to_string(self.path(key)).ok()?;
        let note = Note::parse(&text).ok()?;
        note.cosigned_at(key).is_some().then_some(note)
    }

    /// Puts a newer one in its place, durably.
    pub(super) fn store(&self, key: &VerifierKey, note: &Note) -> io::Result<()> {
        let path = self.path(key);
        let unfinished = path.with_extension("unfinished");
        let mut file = File::create(&unfinished)?;
        file.write_all(note.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(&self.folder)?.sync_all()
    }

    /// A name for a file that any name of a key may have: the key's id tells keys apart.
    fn path(&self, key: &VerifierKey) -> PathBuf {
        let plain = |character: char| {
            let fits = character.is_ascii_alphanumeric() || matches!(character, '.' | '-');
            if fits { character } else { '_' }
        };
        let name: String = key.name().as_str().chars().map(plain).take(100).collect();
        self.folder.join(format!("{name}-{:08x}.checkpoint", u32::from_be_bytes(key.id())))
    }
}
