//! A small witness for tests: it answers over HTTP as C2SP `tlog-witness` has it, and cosigns nothing
//! that is not a continuation of what it cosigned before.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract_ledger::merkle::{Checkpoint, ConsistencyProof, Submission, TreeHash, VerifierKey};
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

const COSIGNATURE: u8 = 4;

/// A key that cosigns. Written from the specification, apart from the ledger's own code.
#[derive(Clone)]
pub(crate) struct Cosigner {
    name: String,
    key: SigningKey,
}

pub(crate) fn cosigner(name: &str, seed: u8) -> Cosigner {
    Cosigner { name: name.to_owned(), key: SigningKey::from_bytes(&[seed; 32]) }
}

impl Cosigner {
    fn id(&self) -> [u8; 4] {
        let public = self.key.verifying_key();
        let whole = [self.name.as_bytes(), b"\n", &[COSIGNATURE], public.as_bytes()].concat();
        Sha256::digest(whole)[..4].try_into().unwrap()
    }

    pub(crate) fn vkey(&self) -> String {
        let bytes = [&[COSIGNATURE][..], self.key.verifying_key().as_bytes()].concat();
        let id = u32::from_be_bytes(self.id());
        format!("{}+{id:08x}+{}", self.name, STANDARD.encode(bytes))
    }

    /// The line by which it cosigns the text of a checkpoint.
    pub(crate) fn cosign(&self, text: &str, time: u64) -> String {
        let message = format!("cosignature/v1\ntime {time}\n{text}");
        let signature = self.key.sign(message.as_bytes()).to_bytes();
        let bytes = [&self.id()[..], &time.to_be_bytes(), &signature].concat();
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode(bytes))
    }
}

/// What it has seen, and what it is told to do.
pub(crate) struct State {
    pub(crate) last: Option<(u64, TreeHash)>,
    pub(crate) time: u64,
    /// Answers this in place of an answer of its own, once.
    pub(crate) next_answer: Option<String>,
    pub(crate) asked: u64,
}

/// A witness that is running. It stops when it is dropped.
pub(crate) struct TestWitness {
    pub(crate) url: String,
    pub(crate) state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TestWitness {
    pub(crate) fn start(cosigner: Cosigner, origin: &str, log: VerifierKey) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let first = State { last: None, time: 1_700_000_000, next_answer: None, asked: 0 };
        let (state, stop) = (Arc::new(Mutex::new(first)), Arc::new(AtomicBool::new(false)));
        let (seen, stopped, origin) = (Arc::clone(&state), Arc::clone(&stop), origin.to_owned());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                serve(stream.unwrap(), &seen, &cosigner, &origin, &log);
            }
        });
        Self { url, state, stop, thread: Some(thread) }
    }
}

impl Drop for TestWitness {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Whoever connects wakes it.
        drop(TcpStream::connect(self.url.trim_start_matches("http://")));
        self.thread.take().map(JoinHandle::join);
    }
}

fn serve(
    mut stream: TcpStream,
    state: &Mutex<State>,
    cosigner: &Cosigner,
    origin: &str,
    log: &VerifierKey,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or_default() == 0 {
        return;
    }
    let is_add = line.starts_with("POST /add-checkpoint HTTP/1.1");
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut state = state.lock().unwrap();
    state.asked += 1;
    let answer = match state.next_answer.take() {
        Some(answer) => answer,
        None if is_add => {
            add_checkpoint(&String::from_utf8(body).unwrap(), &mut state, cosigner, origin, log)
        }
        None => http("405 Method Not Allowed", "text/plain", ""),
    };
    stream.write_all(answer.as_bytes()).unwrap();
}

pub(crate) fn http(status: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn add_checkpoint(
    body: &str,
    state: &mut State,
    cosigner: &Cosigner,
    origin: &str,
    log: &VerifierKey,
) -> String {
    let plain = |status| http(status, "text/plain", "");
    let Ok(Submission { old_size, hashes, checkpoint }) = Submission::parse(body) else {
        return plain("400 Bad Request");
    };
    let Ok(tree) = Checkpoint::parse(checkpoint.text()) else {
        return plain("400 Bad Request");
    };
    if tree.origin() != origin {
        return plain("404 Not Found");
    }
    if checkpoint.verify(std::slice::from_ref(log)).is_err() {
        return plain("403 Forbidden");
    }
    if old_size > tree.size() {
        return plain("400 Bad Request");
    }
    let last_size = state.last.map_or(0, |(size, _)| size);
    if last_size != old_size {
        return http("409 Conflict", "text/x.tlog.size", &format!("{last_size}\n"));
    }
    if let Some((_, root)) = state.last {
        let proof = ConsistencyProof { old_size, new_size: tree.size(), hashes };
        if proof.verify(root, tree.root()).is_err() {
            return plain("422 Unprocessable Entity");
        }
    }
    state.last = Some((tree.size(), tree.root()));
    http("200 OK", "text/plain", &cosigner.cosign(checkpoint.text(), state.time))
}
