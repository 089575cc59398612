//! Compiles `proto/` with protox, so that no `protoc` is needed on the machine.
//!
//! Besides the Rust types it writes the descriptor set that reflection and the JSON mapping serve.

use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message as _;

/// The folder that holds the published interface.
const PROTO_ROOT: &str = "proto";

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
        .codec_path("crate::wire::codec::LedgerCodec")
        .compile_fds_with_config(descriptors, config)?;
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
