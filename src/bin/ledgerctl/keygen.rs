//! `keygen`: a key that signs notes, and the files in which keys are kept.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use contract_ledger::merkle::{KeyName, SEED_BYTES, SignerKey};

use crate::arguments::KeygenArguments;
use crate::outcome::{CommandError, EXIT_DONE};

const FILE_MODE: u32 = 0o600;
/// Permissions of anybody but the owner.
const OTHERS: u32 = 0o077;

/// Makes a key, keeps the private text in a file and shows the text to verify with.
pub(crate) fn run(
    arguments: &KeygenArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let KeygenArguments { name, output: path } = arguments;
    let name = KeyName::parse(name).map_err(|fault| CommandError::Usage(fault.to_string()))?;
    let mut seed = [0; SEED_BYTES];
    getrandom::fill(&mut seed)
        .map_err(|error| CommandError::local("drawing a random key", io::Error::other(error)))?;
    let key = SignerKey::from_seed(name, &seed);
    write_private(path, &key)
        .map_err(|source| CommandError::local(format!("writing {}", path.display()), source))?;
    writeln!(output, "{}", key.verifier())?;
    Ok(EXIT_DONE)
}

/// A key that is there already is never written over: what it signed could not be signed again.
fn write_private(path: &Path, key: &SignerKey) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    writeln!(file, "{}", key.private_text())?;
    file.sync_all()
}

/// Reads a private key. A file that others may read holds no secret, and is refused.
pub(crate) fn read_private(path: &Path) -> Result<SignerKey, CommandError> {
    let failed = |source| CommandError::local(format!("reading {}", path.display()), source);
    let mut file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.mode() & OTHERS != 0 {
        let text =
            format!("others may read {}; chmod 600 and think about a new key", path.display());
        return Err(CommandError::Usage(text));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    SignerKey::parse(text.trim_end())
        .map_err(|fault| CommandError::Usage(format!("{}: {fault}", path.display())))
}
