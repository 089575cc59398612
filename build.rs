//! Compiles `proto/` with protox, so that no `protoc` is needed on the machine.
//!
//! Besides the Rust types it writes the descriptor set that reflection and the JSON mapping serve.
//!
//! Messages and clients are generated in one go, servers in another: a server hands stored records on
//! as bytes, so two of its answers are types of our own, with the same encoding.

use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message as _;

/// The folder that holds the published interface.
const PROTO_ROOT: &str = "proto";
const PACKAGE: &str = ".contractledger.v1";
const CODEC: &str = "crate::wire::codec::LedgerCodec";

/// Answers that a server makes of stored bytes, and the types in their place.
const PASSED_ON: [(&str, &str); 2] = [
    ("ReadEventsResponse", "crate::wire::stored::ReadEventsAnswer"),
    ("SubscribeEventsResponse", "crate::wire::stored::SubscribeEventsAnswer"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut files = Vec::new();
    collect_proto_files(Path::new(PROTO_ROOT), &mut files)?;
    files.sort();
    println!("cargo:rerun-if-changed={PROTO_ROOT}");

    let descriptors = protox::compile(&files, [PROTO_ROOT])?;
    #[expect(clippy::disallowed_methods, reason = "cargo tells a build script its folder this way")]
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("contractledger.v1.bin"), descriptors.encode_to_vec())?;

    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .build_server(false)
        .codec_path(CODEC)
        .compile_fds_with_config(descriptors.clone(), config)?;

    let servers = out.join("servers");
    fs::create_dir_all(&servers)?;
    let of_messages = tonic_prost_build::configure()
        .build_client(false)
        .codec_path(CODEC)
        .out_dir(servers)
        .extern_path(PACKAGE, "crate::wire::v1");
    PASSED_ON
        .into_iter()
        .fold(of_messages, |builder, (message, answer)| {
            builder.extern_path(format!("{PACKAGE}.{message}"), answer)
        })
        .compile_fds(descriptors)?;
    Ok(())
}

fn collect_proto_files(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_proto_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
