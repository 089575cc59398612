//! One store and all that is known of it, through the cycles that it lives.
//!
//! It must not know how a cycle ends; it opens the store, checks everything, and lets it rest.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use contract_ledger::wire::v1;
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::answers::{self, Answers};
use crate::backups;
use crate::daemon::{Daemon, Said, Start, Started, program};
use crate::disk::{Disk, DiskKind};
use crate::events;
use crate::outcome::Outcome;
use crate::random::Random;
use crate::records;
use crate::shape::Shape;
use crate::shared::Shared;
use crate::signed;
use crate::sums::{self, Agreements};
use crate::witness::Witness;
use crate::writers::Sender;

/// Requests that are sent again at each check.
const REPEATS: usize = 6;
/// Records of a log that is short.
const SHORT_RECORDS: usize = 400;
/// Agreements that are asked about at each check.
const ASKED: usize = 8;

/// A store.
#[derive(Debug)]
pub(crate) struct World {
    /// What the store lies on. Dropped, and so unmounted, before the scratch folder goes.
    pub(crate) disk: Disk,
    /// What its archive lies on, if that is elsewhere.
    pub(crate) second: Option<Disk>,
    /// What is not the store's: the witness file and the server's logs.
    home: TempDir,
    /// The store's folder.
    pub(crate) folder: PathBuf,
    pub(crate) shape: Shape,
    pub(crate) shared: Shared,
    pub(crate) cycles: u64,
    /// Records as they were read last.
    pub(crate) read: Vec<v1::Record>,
}

impl World {
    /// A new store on a new disk.
    pub(crate) fn new(kind: DiskKind, random: &mut Random) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("crash-").tempdir().context("scratch folder")?;
        let shared = Shared::new(Witness::create(&home.path().join("witness"))?);
        let disk = Disk::new(kind, home.path(), random.next())?;
        let folder = disk.folder("store");
        let mut shape = Shape::seeded(random);
        let mut second = None;
        if random.one_in(3) {
            let disk = Disk::second(kind, home.path(), random.next())?;
            shape.archive = Some(disk.folder("archive"));
            second = Some(disk);
        }
        if random.one_in(2) {
            shape.key = Some(signed::key_file(home.path())?);
        }
        if random.one_in(3) {
            shape.backup = Some(home.path().join("backup"));
        }
        Ok(Self { disk, second, home, folder, shape, shared, cycles: 0, read: Vec::new() })
    }

    /// Where the archive is.
    pub(crate) fn archive(&self) -> PathBuf {
        self.shape.archive.clone().unwrap_or_else(|| self.folder.join("archive"))
    }

    /// The lossy disks of this store, that of the store first.
    pub(crate) fn lossy(&self) -> impl Iterator<Item = &disks::LossyDisk> {
        std::iter::once(&self.disk).chain(&self.second).filter_map(Disk::lossy)
    }

    /// The power of every disk goes and comes again; says what was left. The server is dead.
    pub(crate) fn cut(&mut self, seed: u64, keep: disks::Keep) -> Result<String> {
        let mut left = self.disk.cut(seed, keep)?;
        if let Some(second) = &mut self.second {
            left = format!("{left}, of the archive {}", second.cut(seed, keep)?);
        }
        Ok(left)
    }

    /// A file beside the store.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Leaves everything where it is, for whoever looks at what went wrong. What lies on a disk that
    /// goes away is copied first.
    pub(crate) fn keep(self) -> Result<PathBuf> {
        let archive = self.archive();
        let Self { disk, second, home, folder, .. } = self;
        if !matches!(disk, Disk::Own(_)) && folder.exists() {
            copy(&folder, &home.path().join("store"), |_| true)?;
        }
        if matches!(&second, Some(disk) if !matches!(disk, Disk::Own(_))) && archive.exists() {
            copy(&archive, &home.path().join("archive"), |_| true)?;
        }
        drop((disk, second));
        Ok(home.keep())
    }

    pub(crate) fn start(&self) -> Start<'_> {
        Start {
            folder: &self.folder,
            shape: &self.shape,
            log: self.beside("ledgerd.log"),
            crash_point: None,
            inject: None,
        }
    }

    /// Starts the server as an operator would. It has to serve.
    pub(crate) async fn serve(&self) -> Result<Box<Daemon>> {
        match self.start().run().await? {
            Started::Serving(daemon) => {
                let said = daemon.said();
                if matches!(said, Said::Refused(_) | Said::Other(_)) {
                    self.shared
                        .violation(format!("a start said neither clean nor recovered: {said:?}"));
                }
                Ok(daemon)
            }
            Started::Ended { status, said } => bail!("expected a start; found {status}: {said:?}"),
        }
    }

    /// Starts the server, checks everything, sometimes lets the store rest, and makes it ready for
    /// writers.
    pub(crate) async fn open(&mut self, random: &mut Random) -> Result<Box<Daemon>> {
        let mut daemon = self.serve().await?;
        let how = match daemon.said() {
            Said::Clean => "clean",
            Said::Recovered(_) => "recovered",
            Said::Refused(_) | Said::Other(_) => "?",
        };
        self.shared.lock().witness.remark(how)?;
        self.check(&daemon, random).await?;
        if let Some(backup) = &self.shape.backup {
            let head = self.read.len();
            let wrong = backups::complete(backup, &daemon, head, &self.beside("restored")).await?;
            self.shared.lock().violations.extend(wrong);
        }
        if random.one_in(self.rests_one_in()) {
            self.rest(daemon, random).await?;
            daemon = self.serve().await?;
            if daemon.said() != Said::Clean {
                let said = daemon.said();
                self.shared.violation(format!("expected clean after a rest; found {said:?}"));
            }
            self.check(&daemon, random).await?;
        }
        self.sign(&daemon, random).await?;
        self.shared.begin();
        Ok(daemon)
    }

    /// In how many restarts the store rests once. A short log is built anew in no time.
    fn rests_one_in(&self) -> u64 {
        if self.read.len() < SHORT_RECORDS { 3 } else { 5 }
    }

    /// The agreements of this store, those that are not there yet.
    async fn sign(&self, daemon: &Daemon, random: &mut Random) -> Result<()> {
        let mut sender = Sender::new(daemon.connect().await?, self.shared.clone());
        for terms in &self.shape.agreements {
            if self.read.iter().any(|record| record.agreement_id == terms.id) {
                continue;
            }
            let signing = events::sign(terms.whole_max, terms.supplier_max);
            let request = events::request(random.uuid(), &terms.id, vec![signing]);
            let told = sender.send(&request).await?;
            if !matches!(told.outcome, Outcome::Accepted(_)) {
                bail!("{} could not be signed: {}", terms.id, told.outcome);
            }
        }
        Ok(())
    }

    /// Every invariant that can be checked while it serves.
    pub(crate) async fn check(&mut self, daemon: &Daemon, random: &mut Random) -> Result<()> {
        self.shared.begin();
        let channel = daemon.connect().await?;
        let found = answers::records(&channel).await?;
        let head = answers::head(&channel).await?;
        if head != u64::try_from(found.len()).unwrap_or(u64::MAX) {
            self.shared
                .violation(format!("expected the head {head}; found {} records", found.len()));
        }
        let wrong = records::check(&found, &self.read, &self.shared.lock().witness);
        self.shared.lock().violations.extend(wrong);
        self.read = found;
        self.ask_again(&channel, random).await?;
        // What was open is decided now, and has to be there as it was answered just now.
        let found = answers::records(&channel).await?;
        let mut wrong = records::check(&found, &self.read, &self.shared.lock().witness);
        let (agreements, decisions) = sums::of_records(&found);
        wrong.extend(decisions);
        self.shared.lock().violations.extend(wrong);
        self.read = found;
        self.compare_sums(&channel, &agreements, random).await?;
        if self.shape.key.is_some() {
            let wrong = signed::check(&channel, &self.folder, &self.read, &self.shared).await?;
            self.shared.lock().violations.extend(wrong);
        }
        Ok(())
    }

    /// Sends what is open again, and some of what was answered.
    async fn ask_again(&self, channel: &Channel, random: &mut Random) -> Result<()> {
        let there: BTreeSet<&str> =
            self.read.iter().map(|record| record.request_id.as_str()).collect();
        let (open, answered) = {
            let inner = self.shared.lock();
            let open: Vec<_> = inner
                .witness
                .all()
                .filter(|(_, known)| matches!(known.outcome, None | Some(Outcome::Open { .. })))
                .map(|(_, known)| known.request.clone())
                .collect();
            let answered: Vec<_> = (0..REPEATS)
                .filter_map(|_| random.pick(inner.witness.acknowledged()))
                .filter_map(|id| inner.witness.get(id))
                .map(|known| known.request.clone())
                .collect();
            (open, answered)
        };
        let mut sender = Sender::new(channel.clone(), self.shared.clone());
        for request in open {
            let told = sender.send(&request).await?;
            let id = &request.request_id;
            if !told.outcome.is_acknowledged() {
                self.shared.violation(format!(
                    "request {id}: sent again after a start; found {}",
                    told.outcome
                ));
            }
            let was_there = there.contains(id.as_str());
            if told.replayed != was_there {
                let replayed = told.replayed;
                self.shared.violation(format!(
                    "request {id}: expected replayed={was_there}, as the log has it; found {replayed}"
                ));
            }
        }
        for request in answered {
            let told = sender.send(&request).await?;
            if !told.outcome.is_acknowledged() {
                let (id, outcome) = (&request.request_id, told.outcome);
                self.shared.violation(format!("request {id}: answered before; found {outcome}"));
            }
        }
        Ok(())
    }

    async fn compare_sums(
        &self,
        channel: &Channel,
        agreements: &Agreements,
        random: &mut Random,
    ) -> Result<()> {
        let signed: Vec<&String> =
            agreements.iter().filter(|(_, sums)| sums.version > 0).map(|(id, _)| id).collect();
        let listed = Answers::ask(channel, &[]).await?.agreement_ids();
        if listed.iter().collect::<BTreeSet<_>>() != signed.iter().copied().collect() {
            self.shared.violation(format!("expected the agreements {signed:?}; found {listed:?}"));
        }
        for _ in 0..ASKED.min(signed.len()) {
            let Some(id) = random.pick(&signed) else { break };
            let Some(expected) = agreements.get(*id) else { continue };
            let usage = answers::usage(channel, id).await?.usage.unwrap_or_default();
            for scope in &usage.scopes {
                let name = match scope.scope.as_ref().and_then(|scope| scope.scope.as_ref()) {
                    Some(v1::scope::Scope::Supplier(supplier)) => supplier.number.as_str(),
                    _ => "agreement",
                };
                let told = scope.exposure.as_ref().map(|money| money.amount.as_str());
                let sum = expected.exposure.get(name).copied().unwrap_or(0);
                // Whole amounts are told with their decimals.
                let same = told == Some(&*format!("{sum}.00"));
                if !same || usage.agreement_version != expected.version {
                    let versions = (expected.version, usage.agreement_version);
                    self.shared.violation(format!(
                        "{id} {name}: expected exposure {sum}; found {told:?} (versions {versions:?})"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Stops the server in order; then both copies are whole and alike, and everything that is
    /// answered from indexes and projections is answered alike by a store that is built anew.
    pub(crate) async fn rest(&self, daemon: Box<Daemon>, random: &mut Random) -> Result<()> {
        let channel = daemon.connect().await?;
        let mut ids: Vec<String> =
            self.shape.agreements.iter().map(|terms| terms.id.clone()).collect();
        ids.retain(|id| self.read.iter().any(|record| record.agreement_id == *id));
        let before = Answers::ask(&channel, &ids).await?;
        drop(channel);
        let status = daemon.terminate().await?;
        if !status.success() {
            self.shared.violation(format!("expected an end in order; found {status}"));
        }
        self.verify().await?;
        let copy = self.beside("rebuilt");
        self::copy(&self.folder, &copy, is_no_store)?;
        if let Some(archive) = &self.shape.archive {
            self::copy(archive, &copy.join("archive"), is_no_store)?;
        }
        let shape = Shape { archive: None, ..self.shape.clone() };
        let log = self.beside("rebuilt.log");
        let rebuilding = Start { folder: &copy, log, shape: &shape, ..self.start() };
        let daemon = match rebuilding.run().await? {
            Started::Serving(daemon) => daemon,
            Started::Ended { status, said } => bail!("no rebuild: {status}: {said:?}"),
        };
        let channel = daemon.connect().await?;
        let after = Answers::ask(&channel, &ids).await?;
        if before != after {
            let parts = before.differing(&after);
            self.shared.violation(format!("not answered alike by a rebuilt store: {parts:?}"));
        }
        if answers::records(&channel).await? != self.read {
            self.shared.violation("a rebuilt store has other records".to_owned());
        }
        self.ask_again(&channel, random).await?;
        daemon.kill().await?;
        fs::remove_dir_all(&copy).context("remove the rebuilt store")
    }

    async fn verify(&self) -> Result<()> {
        let mut verify = tokio::process::Command::new(program("ledgerctl")?);
        verify.arg("verify").arg(&self.folder);
        if let Some(archive) = &self.shape.archive {
            verify.arg("--archive").arg(archive);
        }
        if self.shape.key.is_some() {
            verify.arg("--vkey").arg(signed::verifier()?.to_string());
        }
        let output = verify.output().await?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stdout);
            let text = format!("{text} {}", String::from_utf8_lossy(&output.stderr));
            let text = text.lines().collect::<Vec<_>>().join(" | ");
            self.shared.violation(format!("expected both copies whole and alike; found {text}"));
        }
        Ok(())
    }
}

/// All but the store and what was set aside: so the store is rebuilt from the archive.
fn is_no_store(name: &str) -> bool {
    !name.starts_with("sled") && !name.starts_with("set-aside")
}

/// Copies what has a wanted name.
fn copy(from: &Path, to: &Path, is_wanted: fn(&str) -> bool) -> Result<()> {
    fs::create_dir(to).with_context(|| format!("create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if !is_wanted(&name.to_string_lossy()) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name), is_wanted)?;
        } else {
            fs::copy(&path, to.join(name)).with_context(|| format!("copy {}", path.display()))?;
        }
    }
    Ok(())
}
