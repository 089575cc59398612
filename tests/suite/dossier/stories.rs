//! Histories of which a dossier is made: each holds, and its figures are those that the rules say.

use contract_ledger::dossier::{KeysFrom, Language, Outcome, Part, report};
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;
use contract_ledger::wire::v1::scope::Scope;

use super::{AGREEMENT, Story, assert_holds, event_id, said, verdict_of, verified_with};
use crate::support::events::*;

/// Two lots, two suppliers, one of which is replaced; a prepayment and its offset; a late order, a
/// reversal, a refusal, and records of another agreement between them.
pub(super) fn long() -> Story {
    let mut signed = signed_with_suppliers("1000000", &[SUPPLIER, OTHER_SUPPLIER]);
    signed.title = "<script>alert('Bjørn & \"Ås\"')</script>\u{202e}".to_owned();
    let lot = |id: &str| v1::Lot { lot_id: id.to_owned(), ..Default::default() };
    signed.lots = vec![lot("LOT-1"), lot("LOT-2")];
    signed.ceilings.push(ceiling(Scope::LotId("LOT-1".to_owned()), "600000"));
    let lot_order = |id: &str, amount: &str, lot: &str, supplier: &str| {
        let mut placed = placed(id, amount);
        placed.lot_id = lot.to_owned();
        placed.supplier = org(supplier);
        Payload::OrderPlaced(placed)
    };
    let mut prepaid = invoiced("I-PRE", "O1", "50000");
    prepaid.kind = v1::InvoiceKind::Prepayment.into();
    let mut replaced = amended("A1", v1::LegalBasis::ModRepl, "");
    replaced.removed_suppliers = vec![org(OTHER_SUPPLIER).unwrap()];
    replaced.added_suppliers = vec![v1::Organisation {
        id: org(THIRD_SUPPLIER),
        name: "Ny & <b>leverandør</b>".to_owned(),
    }];
    let mut story = Story::default();
    story
        .event(AGREEMENT, "2024-01-02T10:00:00Z", &sign_as(signed))
        .event("other", "2024-01-03T10:00:00Z", &sign("500"))
        .event(
            AGREEMENT,
            "2024-02-01T10:00:00Z",
            &intent("2024-02-01", lot_order("O1", "400000", "LOT-1", SUPPLIER)),
        )
        .refusal(
            AGREEMENT,
            "2024-02-02T10:00:00Z",
            &intent("2024-02-02", lot_order("O2", "300000", "LOT-1", SUPPLIER)),
        )
        .event(
            AGREEMENT,
            "2024-02-03T10:00:00Z",
            &intent("2024-02-03", lot_order("O3", "100000", "LOT-2", OTHER_SUPPLIER)),
        )
        .event(
            AGREEMENT,
            "2024-02-10T10:00:00Z",
            &fact("2024-02-10", Payload::InvoiceReceived(prepaid)),
        )
        .event(AGREEMENT, "2024-02-20T10:00:00Z", &fact("2024-02-20", offset("I-PRE", "", "20000")))
        .event(
            AGREEMENT,
            "2024-03-01T10:00:00Z",
            &fact("2024-03-01", Payload::AgreementAmended(replaced)),
        )
        .event("other", "2024-03-02T10:00:00Z", &fact("2024-03-02", order("X", "1")))
        .event(
            AGREEMENT,
            "2024-04-20T10:00:00Z",
            &fact("2024-03-05", lot_order("O4", "700000", "LOT-2", THIRD_SUPPLIER)),
        )
        .event(AGREEMENT, "2024-04-21T10:00:00Z", &fact("2024-04-21", reverse(&event_id(9))))
        .event(AGREEMENT, "2024-05-01T10:00:00Z", &fact("2024-05-01", invoice("I2", "", "1000")))
        .event("other", "2024-06-01T10:00:00Z", &fact("2024-06-01", order("Y", "1")));
    story
}

/// The same, and what came in other agreements after.
pub(super) fn longer() -> Story {
    let mut story = long();
    for (number, day) in ["2024-06-02", "2024-06-03", "2024-06-04", "2024-06-05"].iter().enumerate()
    {
        let instant = format!("{day}T10:00:00Z");
        story.event("other", &instant, &fact(day, order(&format!("Z{number}"), "1")));
    }
    story
}

fn figure<'v>(verdict: &'v contract_ledger::dossier::Verdict, scope: &str, name: &str) -> &'v str {
    let found = verdict.figures.iter().find(|one| one.scope == scope && one.figure == name);
    found.unwrap().stated.as_deref().unwrap()
}

fn positions(verdict: &contract_ledger::dossier::Verdict, scope: &str, name: &str) -> Vec<u64> {
    let found = verdict.figures.iter().find(|one| one.scope == scope && one.figure == name);
    found.unwrap().positions.clone()
}

#[test]
fn every_figure_is_told_with_the_events_that_it_comes_from() {
    let verdict = verdict_of(&long().dossier(AGREEMENT, "2024-12-31", None));
    assert_holds(&verdict);
    // 400 000 and 100 000 ordered, 1 000 off order; what was reversed came and went.
    assert_eq!(figure(&verdict, "agreement", "exposure"), "501000.00");
    assert_eq!(positions(&verdict, "agreement", "exposure"), [2, 4, 9, 10, 11]);
    assert_eq!(figure(&verdict, "agreement", "prepaid"), "30000.00");
    assert_eq!(positions(&verdict, "agreement", "prepaid"), [5, 6]);
    assert_eq!(figure(&verdict, "lot:LOT-1", "exposure"), "400000.00");
    assert_eq!(positions(&verdict, "lot:LOT-1", "exposure"), [2]);
    assert_eq!(figure(&verdict, "answer", "position"), "12");
    let rules: Vec<&str> = verdict.findings.iter().map(|one| one.rule.as_str()).collect();
    assert!(
        rules.contains(&"LATE_REGISTRATION") && rules.contains(&"OFF_ORDER_INVOICE"),
        "{rules:?}"
    );
}

#[test]
fn earlier_days_and_earlier_knowledge_hold_too() {
    let story = long();
    for (as_of, as_known, exposure) in [
        ("2024-02-02", None, "400000.00"),
        ("2024-03-31", None, "500000.00"),
        ("2024-03-31", Some("2024-04-20T10:00:00Z"), "1200000.00"),
        ("2024-03-31", Some("2024-04-19T23:59:59.999999Z"), "500000.00"),
        ("2024-12-31", Some("2024-02-01T10:00:00Z"), "400000.00"),
        ("2024-12-31", Some("2024-01-31T10:00:00Z"), "0.00"),
    ] {
        let verdict = verdict_of(&story.dossier(AGREEMENT, as_of, as_known));
        assert_holds(&verdict);
        assert_eq!(figure(&verdict, "agreement", "exposure"), exposure, "{as_of} {as_known:?}");
    }
}

#[test]
fn a_later_version_proves_that_what_was_known_is_complete() {
    let story = long();
    let then = verdict_of(&story.dossier(AGREEMENT, "2024-12-31", Some("2024-03-31T00:00:00Z")));
    assert_eq!(then.outcome(Part::Completeness), Outcome::Holds);
    assert!(said(&then, Part::Completeness).contains("at position 9"));
    let now = story.dossier(AGREEMENT, "2024-12-31", None);
    let counted = verified_with(&now, Some(&story.census(AGREEMENT))).verdict;
    assert_holds(&counted);
    assert_eq!(counted.outcome(Part::Completeness), Outcome::Holds);
}

#[test]
fn the_report_escapes_what_strangers_say_and_needs_nothing_from_outside() {
    let dossier = long().dossier(AGREEMENT, "2024-12-31", None);
    let verified = verified_with(&dossier, None);
    for (language, words) in [(Language::Nb, "gjenstående"), (Language::En, "remaining")] {
        let html = report(&dossier, &verified, KeysFrom::Verifier, language);
        assert!(html.contains(words) && html.contains("501"), "{language:?}");
        assert!(html.contains("&lt;script&gt;alert(&#39;Bjørn &amp; &quot;Ås&quot;&#39;)"));
        assert!(html.contains("orderId O1") && html.contains("amount 400000 NOK"));
        assert!(html.contains("Ny &amp; &lt;b&gt;leverandør&lt;/b&gt;"));
        for banned in ["<script", "<b>", "\u{202e}", "<img", "<link", "src=", "http:", "https:"] {
            assert!(!html.contains(banned), "{banned}");
        }
        let linked = html.match_indices("href=\"#p").count();
        assert!(linked > 10, "{linked} links to events");
        for position in [0, 2, 3, 11] {
            assert!(html.contains(&format!("<tr id=\"p{position}\">")), "{position}");
        }
        assert_eq!(html, report(&dossier, &verified, KeysFrom::Verifier, language));
    }
}

#[test]
fn an_agreement_with_strange_characters_in_its_id_holds() {
    let id = "a/b <i>\"'&;--%00 #1";
    let mut story = Story::default();
    story.event(id, "2024-01-02T10:00:00Z", &sign("100")).event(
        id,
        "2024-02-01T10:00:00Z",
        &intent("2024-02-01", order("<O>&1", "60")),
    );
    let dossier = story.dossier(id, "2024-12-31", None);
    assert_holds(&verdict_of(&dossier));
    let html = report(&dossier, &verified_with(&dossier, None), KeysFrom::Ledger, Language::Nb);
    assert!(!html.contains("<i>") && !html.contains("<O>"));
}

#[test]
fn an_agreement_that_is_not_signed_as_of_the_day_has_no_answer_to_follow() {
    let story = long();
    let mut dossier = story.dossier(AGREEMENT, "2024-12-31", None);
    dossier.as_of = "2019-12-31".to_owned();
    super::assert_fails(&verdict_of(&dossier), Part::Figures, "is not signed as of the day");
}
