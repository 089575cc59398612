//! `tree`: reads the whole log, builds its tree on this side, and shows, proves or signs what was seen.
//!
//! Nothing is taken on trust: records come byte for byte as they are stored, leaves and hashes are
//! computed here, and every proof is checked before it is shown.

use std::fmt::Write as _;
use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract_ledger::merkle::{
    Checkpoint, InclusionProof, MemoryTree, Note, Receipt, SignerKey, TreeHash,
};

use crate::arguments::TreeArguments;
use crate::client::ServerAddress;
use crate::keygen::read_private;
use crate::outcome::{CommandError, EXIT_DONE};
use crate::stored_records::read;

/// Everything that was read.
#[derive(Debug, Default)]
struct Seen {
    tree: MemoryTree,
    /// The leaf at the position that is to be proved.
    leaf: Option<Vec<u8>>,
}

/// Reads, builds and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &TreeArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let TreeArguments { prove, key } = arguments;
    let key = key.as_deref().map(read_private).transpose()?;
    let seen = read_all(server, *prove).await?;
    let text = match (*prove, key) {
        (None, None) => head_text(&seen.tree),
        (None, Some(key)) => signed_checkpoint(&seen.tree, &key)?.to_string(),
        (Some(position), None) => proof_text(&seen, position)?,
        (Some(position), Some(key)) => receipt(&seen, position, &key)?.to_string(),
    };
    output.write_all(text.as_bytes())?;
    Ok(EXIT_DONE)
}

async fn read_all(server: &ServerAddress, prove: Option<u64>) -> Result<Seen, CommandError> {
    let mut seen = Seen::default();
    read(server.connect().await?, 0, None, |stored| {
        seen.tree.append(stored.leaf_hash());
        if prove == Some(stored.record.position) {
            seen.leaf = Some(stored.leaf);
        }
        Ok(())
    })
    .await?;
    Ok(seen)
}

impl Seen {
    /// The leaf at a position and its proof, which holds.
    fn prove(&self, position: u64) -> Result<(&[u8], InclusionProof), CommandError> {
        let size = self.tree.size();
        let leaf = self.leaf.as_deref().ok_or_else(|| {
            CommandError::Usage(format!("the log has {size} records, none at {position}"))
        })?;
        let proof = InclusionProof::make(&self.tree, position, size)
            .map_err(|error| stopped(error.to_string()))?;
        proof
            .verify(TreeHash::of_leaf(leaf), self.tree.root())
            .map_err(|fault| stopped(fault.to_string()))?;
        Ok((leaf, proof))
    }
}

fn head_text(tree: &MemoryTree) -> String {
    format!("size {}\nroot {}\n", tree.size(), tree.root())
}

fn proof_text(seen: &Seen, position: u64) -> Result<String, CommandError> {
    let (leaf, proof) = seen.prove(position)?;
    let mut text = head_text(&seen.tree);
    let hash = TreeHash::of_leaf(leaf);
    let leaf = STANDARD.encode(leaf);
    write!(text, "leaf {leaf}\nleaf-hash {hash}\nindex {position}\n")
        .expect("a text takes what is written to it");
    for hash in &proof.hashes {
        writeln!(text, "{hash}").expect("a text takes what is written to it");
    }
    Ok(text)
}

/// What the owner of the key has seen. Its origin is the name of that key, not the ledger's: it is an
/// auditor's word, and the ledger is not bound by it.
fn signed_checkpoint(tree: &MemoryTree, key: &SignerKey) -> Result<Note, CommandError> {
    let origin = key.verifier().name().as_str();
    let checkpoint = Checkpoint::new(origin, tree.size(), tree.root())
        .map_err(|fault| stopped(fault.to_string()))?;
    let mut note =
        Note::unsigned(checkpoint.to_string()).map_err(|fault| stopped(fault.to_string()))?;
    note.sign(key);
    Ok(note)
}

fn receipt(seen: &Seen, position: u64, key: &SignerKey) -> Result<Receipt, CommandError> {
    let (leaf, proof) = seen.prove(position)?;
    let checkpoint = signed_checkpoint(&seen.tree, key)?;
    let receipt = Receipt { extra: None, index: position, hashes: proof.hashes, checkpoint };
    let verifier = key.verifier();
    receipt
        .verify(leaf, verifier.name().as_str(), std::slice::from_ref(verifier))
        .map_err(|fault| stopped(fault.to_string()))?;
    Ok(receipt)
}

fn stopped(text: String) -> CommandError {
    CommandError::Stopped(text)
}
