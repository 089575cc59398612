//! The dossier: one file by which anybody can check an answer about an agreement, offline.
//!
//! It holds the agreement's records as they are stored, the proof of each under a signed checkpoint, the
//! schema to read them, the dated policy, and the answer. Verifying it needs the log's key and nothing else:
//! the answer is derived anew, figure by figure. `docs/dossier.md` has the format, and what a dossier does
//! not prove. Pure: it must not know where files, answers and leaves come from.
//!
//! Reading order: `file` (the container; `bounded`, `answer`, `policy` are its parts), `make`; `verdict`,
//! `verify`, with `reading` (records and proofs), `completeness` (whether an event is left out; `census`
//! has all leaves of a log), `derive` and `compare`; `report` (for people).

mod answer;
mod bounded;
mod census;
mod compare;
mod completeness;
mod derive;
mod file;
mod make;
mod policy;
mod reading;
mod report;
mod verdict;
mod verify;

pub use answer::{
    Answer, EVIDENCE_MAX, FINDINGS_MAX, FindingAnswer, ForecastAnswer, MoneyText, SCOPES_MAX,
    ScopeAnswer,
};
pub use bounded::{Bytes, BytesUpTo, List};
pub use census::Census;
pub use completeness::open_positions;
pub use derive::{Change, Derived};
pub use file::{
    BESIDE_HASHES_MAX, COMPLETENESS_BYTES_MAX, DOSSIER_BYTES_MAX, Dossier, FORMAT, FORMAT_VERSION,
    FORMAT_VERSION_FIRST, FileFault, Known, LeafRow, PERIODS_MAX, PROOF_HASHES_MAX, ProvedLeaf,
    ProvedRecord, RECORDS_MAX,
};
pub use make::{Parts, Proved, ProvedRow, make};
pub use policy::{NaturePeriod, Period};
pub use reading::ReadRecord;
pub use report::{KeysFrom, Language, report};
pub use verdict::{Check, Conclusion, FigureVerdict, FindingVerdict, Outcome, Part, Verdict};
pub use verify::{Read, Trust, Verified, verify};
