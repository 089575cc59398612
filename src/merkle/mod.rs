//! The tree over the log, what is proved from it, and the texts in which that is told.
//!
//! Hashes, shapes and proofs are those of RFC 6962; tiles, checkpoints, signed notes and receipts
//! those of C2SP (`tlog-tiles`, `tlog-checkpoint`, `signed-note`, `tlog-proof`,
//! `tlog-cosignature`, `tlog-witness`). Nothing here is of
//! our own making, so that verifiers which we did not write can judge us.
//!
//! It knows nobody and is pure: a leaf is some bytes, tiles come from a reader, keys from a seed.
//!
//! Reading order: `hash`, `frontier` (growth), `tile` and `tree` (growth with tiles), `reader`
//! (hashes out of tiles), `proof`, `range`; then `key`, `note`, `checkpoint`, `receipt`, `submission`.

mod hash;

mod frontier;
mod reader;
mod tile;
mod tree;

mod proof;
mod range;

mod checkpoint;
mod key;
mod note;
mod receipt;
mod submission;

pub use checkpoint::{Checkpoint, CheckpointFault};
pub use frontier::Frontier;
pub use hash::{TREE_HASH_BYTES, TreeHash};
pub use key::{KEY_NAME_BYTES_MAX, KeyFault, KeyKind, KeyName, SEED_BYTES, SignerKey, VerifierKey};
pub use note::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, Note, NoteFault};
pub use proof::{ConsistencyProof, InclusionProof, ProofError, ProofFault};
pub use range::RangeProof;
pub use reader::{ReadError, TileReader, root_at};
pub use receipt::{Receipt, ReceiptFault};
pub use submission::{SUBMISSION_HASHES_MAX, Submission, SubmissionFault};
pub use tile::{TILE_WIDTH, Tile, TilePath, push_entry, take_entry};
pub use tree::{MemoryTree, TiledTree};
