//! What a served ledger proves and signs: taken by code that is not ours, and refused once altered.

use std::path::PathBuf;
use std::sync::Arc;

use contract_ledger::ledger::LedgerRules;
use contract_ledger::ledger::signing::CheckpointRules;
use contract_ledger::merkle::{
    Checkpoint, MemoryTree, Note, Receipt, SignerKey, TreeHash, VerifierKey, root_at,
};
use contract_ledger::wire::record::encode;
use contract_ledger::wire::{DESCRIPTOR_SET, leaf, v1};
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};
use signed_note::{StandardVerifier, VerifierList};
use tempfile::TempDir;
use tlog_tiles::{check_record, check_tree};
use tonic::Code;

use super::signer;
use crate::support::events::*;
use crate::support::processes::ledgerctl;
use crate::support::{Served, Setting, told};

pub(crate) const ORIGIN: &str = "ledger.example.no/asker";

pub(super) fn newest_file(folder: &TempDir) -> PathBuf {
    folder.path().join("newest.checkpoint")
}

/// A ledger that signs with these keys, on a folder of its own or one that was there before.
pub(crate) fn signing(folder: TempDir, keys: Vec<SignerKey>, earlier: Vec<VerifierKey>) -> Served {
    let rules = rules(keys, earlier, newest_file(&folder));
    Served::on(folder, Setting { rules, ..Setting::default() })
}

/// The same, with the copy that belongs to the key in a place of its own.
pub(super) fn rules(
    keys: Vec<SignerKey>,
    earlier: Vec<VerifierKey>,
    newest_file: PathBuf,
) -> LedgerRules {
    let rules = CheckpointRules::new(None, keys, earlier, newest_file).unwrap();
    LedgerRules { checkpoints: Some(Arc::new(rules)), ..LedgerRules::default() }
}

pub(crate) async fn checkpoint(served: &Served) -> Result<String, tonic::Status> {
    let asked = served.audit().get_checkpoint(v1::GetCheckpointRequest::default()).await;
    asked.map(|answer| answer.into_inner().checkpoint)
}

/// An agreement with so many orders in one request, after its signature.
pub(super) async fn fill(served: &Served, agreement: &str, orders: usize) {
    served.append(agreement, sign("100000000")).await.unwrap();
    let orders = (0..orders).map(|number| intent("2024-02-01", order(&format!("O{number}"), "60")));
    served.send(request(agreement, orders.collect())).await.unwrap();
}

pub(super) async fn tree_of(served: &Served) -> (MemoryTree, Vec<Vec<u8>>) {
    let mut tree = MemoryTree::new();
    let leaves: Vec<_> = served
        .records()
        .await
        .iter()
        .map(|record| leaf::of_stored(&encode(record)).unwrap())
        .collect();
    for leaf in &leaves {
        tree.append(TreeHash::of_leaf(leaf));
    }
    (tree, leaves)
}

fn foreign(hash: &[u8]) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.try_into().unwrap())
}

fn foreign_proof(hashes: &[Vec<u8>]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().map(|hash| foreign(hash)).collect()
}

/// The hashes with one bit changed, for every bit of each.
fn altered(hashes: &[tlog_tiles::Hash]) -> impl Iterator<Item = Vec<tlog_tiles::Hash>> {
    (0..hashes.len() * 256).map(|bit| {
        let mut altered = hashes.to_vec();
        altered[bit / 256].0[bit % 256 / 8] ^= 1 << (bit % 8);
        altered
    })
}

fn knows(key: &SignerKey) -> VerifierList {
    let vkey = key.verifier().to_string();
    VerifierList::new(vec![Box::new(StandardVerifier::new(&vkey).unwrap())])
}

#[tokio::test]
async fn inclusion_and_consistency_are_taken_by_others_and_refused_once_altered() {
    let served = Served::start();
    fill(&served, "a", 600).await;
    let (tree, leaves) = tree_of(&served).await;
    let size = tree.size();
    for (position, tree_size) in
        [(0, None), (0, Some(1)), (255, Some(256)), (300, None), (600, None)]
    {
        let request = v1::GetInclusionProofRequest { position, tree_size };
        let proof = served.audit().get_inclusion_proof(request).await.unwrap().into_inner();
        assert_eq!(proof.tree_size, tree_size.unwrap_or(size));
        assert_eq!(proof.root, root_at(&tree, proof.tree_size).unwrap().as_bytes());
        assert_eq!(proof.leaf, leaves[usize::try_from(position).unwrap()]);
        let (hash, root) = (tlog_tiles::record_hash(&proof.leaf), foreign(&proof.root));
        let hashes = foreign_proof(&proof.hashes);
        check_record(&hashes, proof.tree_size, root, position, hash).unwrap();
        for altered in altered(&hashes) {
            check_record(&altered, proof.tree_size, root, position, hash).unwrap_err();
        }
        for altered in altered(&[root]) {
            check_record(&hashes, proof.tree_size, altered[0], position, hash).unwrap_err();
        }
        // Of the leaf as it is sent, not of its hash alone.
        for bit in 0..proof.leaf.len() * 8 {
            let mut leaf = proof.leaf.clone();
            leaf[bit / 8] ^= 1 << (bit % 8);
            let hash = tlog_tiles::record_hash(&leaf);
            check_record(&hashes, proof.tree_size, root, position, hash).unwrap_err();
        }
        if proof.tree_size > 1 {
            let other = (position + 1) % proof.tree_size;
            check_record(&hashes, proof.tree_size, root, other, hash).unwrap_err();
        }
    }
    for (from_size, to_size) in
        [(1, None), (255, Some(256)), (256, None), (300, Some(513)), (601, None)]
    {
        let request = v1::GetConsistencyProofRequest { from_size, to_size };
        let proof = served.audit().get_consistency_proof(request).await.unwrap().into_inner();
        assert_eq!(proof.from_root, root_at(&tree, from_size).unwrap().as_bytes());
        let hashes = foreign_proof(&proof.hashes);
        let (old, new) = (foreign(&proof.from_root), foreign(&proof.to_root));
        check_tree(&hashes, proof.to_size, new, from_size, old).unwrap();
        for altered in altered(&hashes) {
            check_tree(&altered, proof.to_size, new, from_size, old).unwrap_err();
        }
        for altered in altered(&[old, new]) {
            check_tree(&hashes, proof.to_size, altered[1], from_size, altered[0]).unwrap_err();
        }
    }
    served.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_proved_and_nothing_is_signed_without_a_key() {
    let served = Served::start();
    served.append("a", sign("100")).await.unwrap();
    let inclusion = |position, tree_size| v1::GetInclusionProofRequest { position, tree_size };
    for request in [inclusion(1, None), inclusion(0, Some(2)), inclusion(0, Some(0))] {
        let status = served.audit().get_inclusion_proof(request).await.unwrap_err();
        assert_eq!(told(&status).reason, "POSITION_BEYOND_HEAD");
        assert_eq!(status.code(), Code::InvalidArgument);
    }
    for (from_size, to_size, reason) in
        [(0, Some(2), "POSITION_BEYOND_HEAD"), (2, None, "TREE_SIZES_REVERSED")]
    {
        let request = v1::GetConsistencyProofRequest { from_size, to_size };
        let status = served.audit().get_consistency_proof(request).await.unwrap_err();
        assert_eq!(told(&status).reason, reason);
    }
    let status = checkpoint(&served).await.unwrap_err();
    assert_eq!(
        (status.code(), told(&status).reason.as_str()),
        (Code::FailedPrecondition, "NO_SIGNING_KEY")
    );
    assert!(status.message().contains("keygen"), "{status}");
    let order = intent("2024-02-01", order("O1", "10"));
    let wanting = v1::AppendEventsRequest { want_receipts: true, ..request("a", vec![order]) };
    let status = served.send(wanting).await.unwrap_err();
    assert_eq!(told(&status).reason, "NO_SIGNING_KEY");
    assert_eq!(served.records().await.len(), 1, "nothing was recorded");
    served.stop().await;
}

#[tokio::test]
async fn receipts_come_by_every_name_and_with_the_append() {
    let key = signer(ORIGIN, 1);
    let known = [key.verifier().clone()];
    let foreign_key = knows(&key);
    let served = signing(TempDir::new().unwrap(), vec![key], Vec::new());
    fill(&served, "a", 3).await;
    served.append("b", sign("100")).await.unwrap();
    served.append("b", intent("2024-02-01", order("O1", "200"))).await.unwrap_err();
    let placed = request(
        "b",
        vec![intent("2024-02-01", order("O2", "10")), intent("2024-02-02", order("O3", "10"))],
    );
    let wanting = v1::AppendEventsRequest { want_receipts: true, ..placed.clone() };
    let accepted = served.send(wanting.clone()).await.unwrap();
    let (_, leaves) = tree_of(&served).await;
    assert_eq!(accepted.receipts_missing, "");
    for event in &accepted.events {
        let receipt = Receipt::parse(&event.receipt).unwrap();
        let leaf = &leaves[usize::try_from(event.position).unwrap()];
        receipt.verify(leaf, ORIGIN, &known).unwrap();
        let by_id = v1::get_receipt_request::Event::EventId(event.event_id.clone());
        let by_position = v1::get_receipt_request::Event::Position(event.position);
        let by_version = v1::get_receipt_request::Event::AgreementVersion(v1::AgreementVersion {
            agreement_id: "b".to_owned(),
            version: event.agreement_version,
        });
        for name in [by_id, by_position, by_version] {
            let asked = v1::GetReceiptRequest { event: Some(name), min_position: None };
            let given = served.audit().get_receipt(asked).await.unwrap().into_inner();
            assert_eq!(given.position, event.position);
            let receipt = Receipt::parse(&given.receipt).unwrap();
            assert_eq!(receipt.extra.as_deref(), Some(leaf.as_slice()));
            let checkpoint = receipt.verify(leaf, ORIGIN, &known).unwrap();
            let note = receipt.checkpoint.to_string();
            let note = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
            note.verify(&foreign_key).unwrap();
            let hashes: Vec<_> =
                receipt.hashes.iter().map(|hash| foreign(hash.as_bytes())).collect();
            let root = foreign(checkpoint.root().as_bytes());
            let hash = tlog_tiles::record_hash(leaf);
            check_record(&hashes, checkpoint.size(), root, receipt.index, hash).unwrap();
        }
    }
    let again =
        served.send(v1::AppendEventsRequest { want_receipts: false, ..wanting }).await.unwrap();
    assert!(again.replayed && again.events.iter().all(|event| event.receipt.is_empty()));
    let unknown =
        v1::get_receipt_request::Event::EventId("0193a7f0-0000-7000-8000-000000000001".to_owned());
    for name in [Some(unknown), None] {
        let asked = v1::GetReceiptRequest { event: name.clone(), min_position: None };
        let status = served.audit().get_receipt(asked).await.unwrap_err();
        let expected = if name.is_some() { "UNKNOWN_EVENT" } else { "FIELD_MISSING" };
        assert_eq!(told(&status).reason, expected);
    }
    served.stop().await;
}

#[tokio::test]
async fn answers_name_the_tree_that_they_are_true_for() {
    let (setting, clock) = Setting::at("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    fill(&served, "a", 300).await;
    clock.set(crate::support::time("2024-06-02T10:00:00Z"));
    served.append("b", sign("100")).await.unwrap();
    fill(&served, "c", 300).await;
    let (tree, _) = tree_of(&served).await;
    let expected = |size| v1::LogHead {
        position: Some(size - 1),
        tree_size: size,
        root: root_at(&tree, size).unwrap().as_bytes().to_vec(),
    };
    let size = tree.size();
    assert_eq!(served.usage("a").await.head, Some(expected(size)));
    let earlier =
        v1::AsKnown { as_known: Some(v1::as_known::AsKnown::Date("2024-06-01".to_owned())) };
    let usage = v1::GetCeilingUsageRequest {
        agreement_id: "a".to_owned(),
        as_known: Some(earlier.clone()),
        ..Default::default()
    };
    let usage = served.projections().get_ceiling_usage(usage).await.unwrap().into_inner();
    assert_eq!(usage.head, Some(expected(301)));
    let history = v1::GetHistoryRequest { agreement_id: "a".to_owned(), ..Default::default() };
    let mut history = served.audit().get_history(history).await.unwrap().into_inner();
    let part = history.message().await.unwrap().unwrap();
    assert_eq!(part.head, Some(expected(size)));
    let asked = v1::GetAgreementRequest { agreement_id: "a".to_owned(), ..Default::default() };
    let agreement = served.projections().get_agreement(asked).await.unwrap().into_inner();
    assert_eq!(agreement.head, Some(expected(size)));
    let known = v1::ListAgreementsRequest { as_known: Some(earlier), ..Default::default() };
    let known = served.projections().list_agreements(known).await.unwrap().into_inner();
    assert_eq!(known.times.unwrap().head, Some(expected(301)));
    // A later page is of the first page's head, whatever came since.
    let mut asked = v1::ListOrdersRequest { page_size: 10, ..Default::default() };
    let page = served.projections().list_orders(asked.clone()).await.unwrap().into_inner();
    fill(&served, "d", 300).await;
    asked.page_token = page.next_page_token;
    let page = served.projections().list_orders(asked).await.unwrap().into_inner();
    assert_eq!(page.times.unwrap().head, Some(expected(size)));
    // A watch is of as much as it has told.
    let resume = v1::NoticeResume::default();
    let watched = v1::WatchNoticesRequest { resume: Some(resume), ..Default::default() };
    let mut notices = served.projections().watch_notices(watched).await.unwrap().into_inner();
    let (tree, _) = tree_of(&served).await;
    loop {
        let message = notices.message().await.unwrap().unwrap();
        let head = message.head.unwrap();
        let told = message.notices.iter().filter_map(|notice| notice.position).max();
        assert!(head.position >= told && head.tree_size >= message.resume.unwrap().position);
        assert_eq!(Some(head.tree_size), head.position.map(|position| position + 1));
        assert_eq!(head.root, root_at(&tree, head.tree_size).unwrap().as_bytes());
        if message.caught_up {
            assert_eq!(head.tree_size, tree.size());
            break;
        }
    }
    served.stop().await;
}

#[test]
fn every_answer_of_a_projection_has_a_head() {
    let pool = DescriptorPool::decode(DESCRIPTOR_SET).unwrap();
    let says = |message: &MessageDescriptor, what: &str| {
        message.fields().any(|field| match field.kind() {
            Kind::Message(part) => part.full_name() == format!("contractledger.v1.{what}"),
            _ => false,
        })
    };
    let times = pool.get_message_by_name("contractledger.v1.ListingTimes").unwrap();
    assert!(says(&times, "LogHead"));
    let service = pool.get_service_by_name("contractledger.v1.ProjectionService").unwrap();
    assert_eq!(service.methods().len(), 12);
    for method in service.methods() {
        let answer = method.output();
        let says_head = says(&answer, "LogHead") || says(&answer, "ListingTimes");
        assert!(says_head, "{} says of no tree that it is true for", answer.full_name());
    }
}

#[tokio::test]
async fn keys_change_and_old_checkpoints_stay_verifiable() {
    let (old, new) = ("ledger.example.no/old", "ledger.example.no/new");
    let vkey = |name, seed| signer(name, seed).verifier().clone();
    let believed = |text: &str, key: VerifierKey| Note::parse(text).unwrap().verify(&[key]).is_ok();
    let served = signing(TempDir::new().unwrap(), vec![signer(old, 1)], Vec::new());
    served.append("a", sign("100")).await.unwrap();
    let first = checkpoint(&served).await.unwrap();
    assert_eq!(checkpoint(&served).await.unwrap(), first, "nothing new, nothing signed anew");
    let folder = served.stop().await;

    let rules = |keys, earlier, folder: &TempDir| {
        let origin = Some(old.to_owned());
        let rules = CheckpointRules::new(origin, keys, earlier, newest_file(folder)).unwrap();
        Setting {
            rules: LedgerRules { checkpoints: Some(Arc::new(rules)), ..LedgerRules::default() },
            ..Setting::default()
        }
    };
    let both = rules(vec![signer(new, 2), signer(old, 1)], Vec::new(), &folder);
    let served = Served::on(folder, both);
    let during = checkpoint(&served).await.unwrap();
    assert!(believed(&during, vkey(old, 1)) && believed(&during, vkey(new, 2)));
    let folder = served.stop().await;

    let after = rules(vec![signer(new, 2)], vec![vkey(old, 1)], &folder);
    let served = Served::on(folder, after);
    served.append("a", intent("2024-02-01", order("O1", "10"))).await.unwrap();
    let last = checkpoint(&served).await.unwrap();
    assert!(!believed(&last, vkey(old, 1)) && believed(&last, vkey(new, 2)));
    assert!(believed(&first, vkey(old, 1)));
    let read = |text: &str| Checkpoint::parse(Note::parse(text).unwrap().text()).unwrap();
    assert_eq!((read(&first).origin(), read(&last).origin()), (old, old));
    let asked = served.audit().get_checkpoint(v1::GetCheckpointRequest::default()).await.unwrap();
    let keys = [vkey(new, 2).to_string(), vkey(old, 1).to_string()];
    assert_eq!(asked.into_inner().verifier_keys, keys);

    // An auditor who gives both keys need not know which of them has named the log.
    let visit = TempDir::new().unwrap();
    let kept = visit.path().join("kept").display().to_string();
    let dossier = visit.path().join("a.dossier").display().to_string();
    let [new_key, old_key] = &keys;
    let asked = ["dossier", "a", "-o", &dossier, "--server", &served.url];
    assert!(ledgerctl(&asked).await.status.success());
    for (given, more, right) in [
        (vec![new_key, old_key], vec![], true),
        (vec![old_key, new_key], vec![], true),
        (vec![new_key], vec!["--origin", old], true),
        (vec![new_key], vec![], false),
        (vec![new_key, old_key], vec!["--origin", new], false),
    ] {
        std::fs::write(&kept, &first).unwrap();
        let trust: Vec<&str> =
            given.iter().flat_map(|key| ["--vkey", key.as_str()]).chain(more).collect();
        let audit = ["audit", "--server", &served.url, "--since", &kept];
        let verify = ["verify-dossier", &dossier];
        for command in [&audit[..], &verify[..]] {
            // The old key alone has signed what is kept of the first visit.
            if command == &audit[..] && given.len() == 1 {
                std::fs::write(&kept, &last).unwrap();
            }
            let told = ledgerctl(&[command, &trust].concat()).await;
            let text = String::from_utf8([told.stdout, told.stderr].concat()).unwrap();
            assert_eq!(told.status.success(), right, "{trust:?}: {text}");
            if !right {
                assert!(text.contains("of the log ledger.example.no/old, not of"), "{text}");
                assert!(text.contains("name it with --origin"), "{text}");
            }
        }
    }
    // Two logs of one owner are two logs.
    let mut other =
        Note::unsigned(Checkpoint::new(new, 0, TreeHash::of_empty_tree()).unwrap().to_string());
    other.as_mut().unwrap().sign(&signer(new, 2));
    std::fs::write(&kept, other.unwrap().to_string()).unwrap();
    let both = ["--vkey", new_key, "--vkey", old_key];
    let audit = ["audit", "--server", &served.url, "--since", &kept];
    let told = ledgerctl(&[&audit[..], &both].concat()).await;
    let text = String::from_utf8(told.stderr).unwrap();
    assert_eq!(told.status.code(), Some(1), "{text}");
    assert!(text.contains("the kept checkpoint is of the log ledger.example.no/new"), "{text}");
    served.stop().await;
}
