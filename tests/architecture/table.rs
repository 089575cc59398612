//! The import rule, as a table. A new room, or a new arrow, is a line here with its reason.

/// One file or folder right under `src`.
#[derive(Debug)]
pub(crate) struct Room {
    /// Its name, with the ending when it is a file that is no module of its own.
    pub(crate) name: &'static str,
    /// The rooms that it may name.
    pub(crate) knows: &'static [&'static str],
}

/// Every room, innermost first. Anything else right under `src` is a violation.
pub(crate) const ROOMS: &[Room] = &[
    Room { name: "domain", knows: &[] },
    // Rows and filters of the listings: computed from the domain alone, so that a projection is
    // rebuilt to the byte.
    Room { name: "projections", knows: &["domain"] },
    // Nothing in a release: where the crash suite ends the process. It knows nobody.
    Room { name: "crash_point", knows: &[] },
    // A lock that ends when its holder lets go of it.
    Room { name: "file_lock", knows: &[] },
    // The bytes of a block, shared by the two copies, which share nothing else.
    Room { name: "block", knows: &[] },
    // The copy of last resort: no code of the store, and no sled, may be between it and the disk.
    Room { name: "archive", knows: &["block", "crash_point"] },
    // It acknowledges what both copies hold, and mends one from the other.
    Room { name: "log", knows: &["block", "archive", "crash_point", "file_lock"] },
    // Trees, proofs and signatures over bytes that mean nothing to it: others could use it as it is.
    Room { name: "merkle", knows: &[] },
    Room { name: "clock", knows: &["domain"] },
    // It asks a source for checkpoints, so that it needs to know no ledger.
    Room { name: "witness", knows: &["merkle", "clock", "domain"] },
    Room { name: "wire", knows: &["domain", "projections"] },
    // It reads blocks of a backup for the programs: requests and recorded times of records say where a
    // restore may cut, and the log builds the store of the new folder.
    Room { name: "backup", knows: &["domain", "block", "archive", "log", "wire", "file_lock"] },
    // It makes wire messages out of dates and amounts, for the programs and the tests only.
    Room { name: "generate", knows: &["domain", "wire"] },
    // It derives an answer anew from records that are proved, and judges by signatures: rules, mapping and
    // proofs, and nothing that reads, asks or serves.
    Room { name: "dossier", knows: &["domain", "projections", "merkle", "wire"] },
    // It keeps the tree over what it has made durable, and proves and signs from it, alone with what its
    // key has signed.
    Room {
        name: "ledger",
        knows: &[
            "domain",
            "projections",
            "log",
            "merkle",
            "wire",
            "clock",
            "crash_point",
            "file_lock",
        ],
    },
    Room { name: "grpc", knows: &["domain", "projections", "merkle", "wire", "witness", "ledger"] },
    // Hashes, leaves and a signed text over HTTP, for monitors that know no contracts.
    Room { name: "tiles", knows: &["ledger", "merkle"] },
    // The configuration takes its defaults from the rooms that have the limits.
    // It reads dated policy into the domain's own types.
    // It reads the keys that sign into the tree's own types.
    Room {
        name: "config",
        knows: &["domain", "archive", "log", "merkle", "witness", "ledger", "grpc"],
    },
    Room { name: "telemetry", knows: &["config"] },
    Room { name: "server", knows: INNER_ROOMS },
    Room { name: "bin", knows: EVERY_ROOM },
    Room { name: "lib.rs", knows: EVERY_ROOM },
];

const INNER_ROOMS: &[&str] = &[
    "domain",
    "projections",
    "log",
    "merkle",
    "clock",
    "wire",
    "witness",
    "ledger",
    "grpc",
    "tiles",
    "config",
    "telemetry",
];
const EVERY_ROOM: &[&str] = &[
    "domain",
    "projections",
    "crash_point",
    "file_lock",
    "block",
    "archive",
    "log",
    "merkle",
    "witness",
    "clock",
    "wire",
    "backup",
    "generate",
    "dossier",
    "ledger",
    "grpc",
    "tiles",
    "config",
    "telemetry",
    "server",
];

/// Which places may use a name of another crate.
#[derive(Debug)]
pub(crate) enum Places {
    /// These and what lies under them.
    Only(&'static [&'static str]),
    /// All but these and what lies under them.
    AllBut(&'static [&'static str]),
}

/// A crate, or a part of one, that not every place may name. The longest name that fits decides.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Path of the name, such as `std::fs`.
    pub(crate) name: &'static str,
    /// Where it may stand, as paths under `src`.
    pub(crate) places: Places,
    /// Why.
    pub(crate) reason: &'static str,
}

const fn only(name: &'static str, places: &'static [&'static str], reason: &'static str) -> Guard {
    Guard { name, places: Places::Only(places), reason }
}

const fn all_but(
    name: &'static str,
    places: &'static [&'static str],
    reason: &'static str,
) -> Guard {
    Guard { name, places: Places::AllBut(places), reason }
}

const SERVING: &[&str] = &["grpc", "tiles", "server", "bin"];
const PROTOBUF: &[&str] = &["wire", "generate", "grpc", "bin"];
const ONE_STORE: &str = "what is on disk is the log's own business";
const GRPC_IS_OUTERMOST: &str = "the transport is known to the outermost rooms only";
const PROTOBUF_IS_AT_THE_EDGE: &str = "inside, only the mapped types are known";
const NO_RUNTIME_INSIDE: &str = "the writer is a thread; no async runtime below the services";
const PURE: &str = "what only computes gives the same answer to the same input, always";

/// Every guarded name.
pub(crate) const GUARDS: &[Guard] = &[
    only("sled", &["log"], ONE_STORE),
    only("tonic", SERVING, GRPC_IS_OUTERMOST),
    // The instrument sends bytes that were encoded before, so that it measures the server and not itself.
    only("tonic::codec", &["wire/codec.rs", "grpc", "bin/ledgerctl/bench/load"], GRPC_IS_OUTERMOST),
    only("tonic::Status", &["wire/codec.rs", "grpc", "server", "bin"], GRPC_IS_OUTERMOST),
    only("tonic::include_proto", &["wire/mod.rs"], "the generated code has one home"),
    only("tonic_health", SERVING, GRPC_IS_OUTERMOST),
    only("tonic_reflection", SERVING, GRPC_IS_OUTERMOST),
    only("tonic_types", SERVING, GRPC_IS_OUTERMOST),
    only("http", SERVING, GRPC_IS_OUTERMOST),
    only("axum", &["tiles"], GRPC_IS_OUTERMOST),
    only("ureq", &["witness/post.rs"], GRPC_IS_OUTERMOST),
    only("tower", SERVING, GRPC_IS_OUTERMOST),
    only("prost", PROTOBUF, PROTOBUF_IS_AT_THE_EDGE),
    only("prost_types", PROTOBUF, PROTOBUF_IS_AT_THE_EDGE),
    only("prost_reflect", PROTOBUF, PROTOBUF_IS_AT_THE_EDGE),
    only("tokio", SERVING, NO_RUNTIME_INSIDE),
    only("tokio::sync", &["ledger", "grpc", "server", "bin"], NO_RUNTIME_INSIDE),
    only("tokio_stream", SERVING, NO_RUNTIME_INSIDE),
    only("clap", &["server", "bin"], "the command line belongs to the programs"),
    only("anyhow", &["bin"], "the library has errors of its own"),
    only("toml", &["config", "server"], "the configuration is parsed in one room"),
    only("ed25519_dalek", &["merkle"], "keys and signatures have one home"),
    only("tracing_subscriber", &["config", "telemetry", "bin"], "the library only emits"),
    only(
        "std::env",
        &["config", "crash_point.rs", "bin"],
        "the environment is read in one room, and for crash points, which no release has",
    ),
    all_but(
        "std::fs",
        &["domain", "block", "merkle", "projections", "generate", "dossier", "wire", "grpc"],
        PURE,
    ),
    all_but("std::io", &["domain", "block", "merkle", "projections", "generate", "dossier"], PURE),
    all_but(
        "std::net",
        &[
            "domain",
            "block",
            "merkle",
            "projections",
            "generate",
            "dossier",
            "wire",
            "archive",
            "log",
        ],
        PURE,
    ),
    all_but(
        "std::process",
        &[
            "domain",
            "block",
            "merkle",
            "projections",
            "generate",
            "dossier",
            "wire",
            "ledger",
            "grpc",
        ],
        PURE,
    ),
    all_but(
        "std::thread",
        &["domain", "block", "merkle", "projections", "generate", "dossier", "wire"],
        PURE,
    ),
    all_but(
        "std::time::SystemTime",
        &["domain", "block", "merkle", "projections", "generate", "dossier", "wire", "grpc"],
        PURE,
    ),
    all_but(
        "std::time::Instant",
        &["domain", "block", "merkle", "projections", "generate", "dossier", "wire"],
        PURE,
    ),
    all_but(
        "std::collections::HashMap",
        &["domain", "block", "merkle", "projections", "generate", "dossier"],
        PURE,
    ),
    all_but(
        "std::collections::HashSet",
        &["domain", "block", "merkle", "projections", "generate", "dossier"],
        PURE,
    ),
    all_but("tracing", &["domain", "block", "merkle", "projections", "generate", "dossier"], PURE),
];

/// Longest file, in lines. Think of splitting long before.
pub(crate) const FILE_LINES_MAX: usize = 500;
