//! The portfolio: which agreements, in which order, with which shares, at which times.

use std::sync::Arc;

use contract_ledger::domain::date::Date;
use contract_ledger::domain::policy::{PolicyBook, PolicyChange};
use contract_ledger::ledger::LedgerRules;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::support::events::*;
use super::super::support::{Served, Setting, time};
use super::{amount, ids, known_on, portfolio};

fn asked(as_of: &str) -> v1::ListAgreementsRequest {
    v1::ListAgreementsRequest { as_of: as_of.to_owned(), ..Default::default() }
}

fn ordered(order: v1::PortfolioOrder) -> v1::ListAgreementsRequest {
    v1::ListAgreementsRequest { order_by: order.into(), ..asked("2024-03-01") }
}

async fn sign_with_order(served: &Served, id: &str, end: &str, ceiling: &str, order_value: &str) {
    served.append(id, sign_as(signed(ceiling, "2024-01-01", end))).await.unwrap();
    if order_value != "0" {
        served.append(id, fact("2024-02-01", order("O", order_value))).await.unwrap();
    }
}

/// c is used most, a and d as much as each other, b has no ceiling that could be used.
async fn four() -> Served {
    let served = Served::start();
    sign_with_order(&served, "b", "2024-06-30", "0", "5").await;
    sign_with_order(&served, "d", "2025-12-31", "100", "50").await;
    sign_with_order(&served, "c", "2024-12-31", "100", "120").await;
    sign_with_order(&served, "a", "2024-12-31", "200", "100").await;
    served
}

#[tokio::test]
async fn agreements_are_ordered_by_id_usage_or_end_and_ties_by_id() {
    let served = four().await;
    let cases = [
        (v1::PortfolioOrder::Unspecified, ["a", "b", "c", "d"]),
        (v1::PortfolioOrder::AgreementId, ["a", "b", "c", "d"]),
        (v1::PortfolioOrder::Usage, ["c", "a", "d", "b"]),
        (v1::PortfolioOrder::EndDate, ["b", "a", "c", "d"]),
    ];
    for (order, expected) in cases {
        assert_eq!(ids(&portfolio(&served, ordered(order)).await), expected, "{order:?}");
    }
    served.stop().await;
}

#[tokio::test]
async fn filters_must_all_hold() {
    let served = four().await;
    let parties = signed_with_suppliers("100", &[OTHER_SUPPLIER]);
    served.append("e", sign_as(parties)).await.unwrap();
    let base = || asked("2024-07-15");
    let state = |state: v1::AgreementState| vec![i32::from(state)];
    let cases = [
        ("all", base(), vec!["a", "b", "c", "d", "e"]),
        (
            "supplier",
            v1::ListAgreementsRequest { supplier: org(OTHER_SUPPLIER), ..base() },
            vec!["e"],
        ),
        (
            "buyer",
            v1::ListAgreementsRequest { buyer: org(BUYER), ..base() },
            vec!["a", "b", "c", "d", "e"],
        ),
        ("stranger", v1::ListAgreementsRequest { buyer: org(STRANGER), ..base() }, vec![]),
        (
            "expired",
            v1::ListAgreementsRequest { states: state(v1::AgreementState::Expired), ..base() },
            vec!["b"],
        ),
        (
            "used by half",
            v1::ListAgreementsRequest { usage_ppm_min: Some(500_000), ..base() },
            vec!["a", "c", "d"],
        ),
        (
            "used by more than half",
            v1::ListAgreementsRequest { usage_ppm_min: Some(500_001), ..base() },
            vec!["c"],
        ),
        (
            "end",
            v1::ListAgreementsRequest {
                end_date_from: "2024-12-31".to_owned(),
                end_date_to: "2024-12-31".to_owned(),
                ..base()
            },
            vec!["a", "c", "e"],
        ),
        (
            "end and use",
            v1::ListAgreementsRequest {
                end_date_to: "2024-12-31".to_owned(),
                usage_ppm_min: Some(1),
                states: state(v1::AgreementState::Active),
                ..base()
            },
            vec!["a", "c"],
        ),
    ];
    for (name, request, expected) in cases {
        assert_eq!(ids(&portfolio(&served, request).await), expected, "{name}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_row_has_the_texts_the_shares_and_the_forecast() {
    let served = Served::start();
    let options = vec![time_option("1", "2023-11-30"), time_option("2", "2024-11-30")];
    let scopes = vec![
        ceiling(v1::scope::Scope::Agreement(true), "12000000"),
        ceiling(v1::scope::Scope::Supplier(org(SUPPLIER).unwrap()), "1000000"),
    ];
    let owner = v1::Organisation { id: org(BUYER), name: "Asker kommune".to_owned() };
    let terms = v1::AgreementSigned {
        reference: "2020/117".to_owned(),
        title: "Kommunikasjonstjenester".to_owned(),
        owner: Some(owner),
        options,
        ceilings: scopes,
        nature: v1::ContractNature::Services.into(),
        ..signed("12000000", "2020-12-01", "2022-11-30")
    };
    served.append("s1", sign_as(terms)).await.unwrap();
    served.append("s1", fact("2022-10-15", option("1"))).await.unwrap();
    served.append("s1", fact("2023-02-01", order("O4", "9300000"))).await.unwrap();
    let rows = portfolio(&served, asked("2023-02-01")).await;
    let [row] = rows.as_slice() else { panic!("one row: {rows:?}") };
    assert_eq!(
        (row.reference.as_str(), row.title.as_str()),
        ("2020/117", "Kommunikasjonstjenester")
    );
    assert_eq!(row.owner.as_ref().map(|owner| owner.name.as_str()), Some("Asker kommune"));
    assert_eq!(row.owner.as_ref().and_then(|owner| owner.id.as_ref()).unwrap().number, BUYER);
    assert_eq!(row.nature(), v1::ContractNature::Services);
    assert_eq!(row.state(), v1::AgreementState::Active);
    let usage = row.usage.as_ref().unwrap();
    assert_eq!((amount(usage.exposure.as_ref()), usage.usage_ppm), ("9300000.00", Some(775_000)));
    assert_eq!(row.exceeded_scope_count, 1, "the supplier's own ceiling is passed");
    assert_eq!(row.term_in_force.as_ref().unwrap().end_date, "2023-11-30");
    assert_eq!(row.last_possible_end_date, "2024-11-30");
    assert_eq!(row.elapsed_ppm, 792 * 1_000_000 / 1094, "of 1094 days 792 have gone");
    let forecast = row.forecast.as_ref().unwrap();
    assert_eq!((forecast.elapsed_days, forecast.days_left), (792, 229));
    assert_eq!((forecast.run_out_date.as_str(), forecast.runs_out_early), ("2023-09-18", true));
    assert_eq!((row.order_count, row.invoice_count, row.agreement_version), (1, 0, 3));
    served.stop().await;
}

/// Whatever one agreement's own questions say, the portfolio says too: of every day, while rows wait
/// to be written, and once they are kept.
#[tokio::test]
async fn the_portfolio_says_what_the_questions_about_one_agreement_say() {
    let mut served = four().await;
    served.append("d", fact("2024-09-01", invoice("I", "O", "70"))).await.unwrap();
    served.append("d", fact("2024-09-02", invoice("X", "", "1"))).await.unwrap();
    let days = ["2024-01-01", "2024-02-15", "2024-08-31", "2024-09-01", "2025-01-01", "2026-06-01"];
    for round in ["noted", "kept"] {
        for day in days {
            let rows = portfolio(&served, asked(day)).await;
            assert_eq!(ids(&rows), ["a", "b", "c", "d"], "{round} {day}");
            for row in rows {
                agrees_with_its_own_questions(&served, day, &row).await;
            }
        }
        served = served.restart(Setting::default()).await;
    }
    served.stop().await;
}

pub(super) async fn agrees_with_its_own_questions(
    served: &Served,
    day: &str,
    row: &v1::AgreementSummary,
) {
    let id = row.agreement_id.as_str();
    let answer = served.usage_as_of(id, day).await;
    let usage = answer.usage.unwrap();
    assert_eq!(row.usage.as_ref(), Some(&usage.scopes[0]), "{id} {day}");
    assert_eq!(row.forecast, usage.forecast, "{id} {day}");
    let count = |severity: v1::Severity| {
        let of = |finding: &&v1::Finding| finding.severity() == severity;
        u32::try_from(answer.findings.iter().filter(of).count()).unwrap()
    };
    assert_eq!(
        (row.findings_high, row.findings_medium, row.findings_low),
        (count(v1::Severity::High), count(v1::Severity::Medium), count(v1::Severity::Low)),
        "{id} {day}: {:?}",
        answer.findings
    );
    let request = v1::GetAgreementRequest {
        agreement_id: id.to_owned(),
        as_of: day.to_owned(),
        ..Default::default()
    };
    let agreement = served.projections().get_agreement(request).await.unwrap().into_inner();
    assert_eq!(row.state(), agreement.state(), "{id} {day}");
    assert_eq!(row.term_in_force, agreement.term_in_force, "{id} {day}");
    assert_eq!(
        (row.order_count, row.invoice_count, row.agreement_version),
        (agreement.order_count, agreement.invoice_count, agreement.agreement_version),
        "{id} {day}"
    );
}

#[tokio::test]
async fn an_agreement_is_listed_once_it_is_signed_and_known() {
    let (setting, clock) = Setting::at("2024-02-01T10:00:00Z");
    let served = Served::with(setting);
    served.append("a", sign_as(signed("100", "2024-01-15", "2025-12-31"))).await.unwrap();
    clock.set(time("2024-03-01T10:00:00Z"));
    served.append("a", fact("2024-01-20", order("O1", "60"))).await.unwrap();
    let signature = served.append("b", sign_as(signed("1", "2024-01-15", "2025-12-31"))).await;
    clock.set(time("2024-04-01T10:00:00Z"));
    let target = signature.unwrap().events[0].event_id.clone();
    served.append("b", fact("2024-04-01", reverse(&target))).await.unwrap();
    let seen = async |as_of: &str, known: &str| {
        let request = v1::ListAgreementsRequest { as_known: known_on(known), ..asked(as_of) };
        let rows = portfolio(&served, request).await;
        let row = |row: v1::AgreementSummary| {
            format!("{} {}", row.agreement_id, amount(row.usage.unwrap().exposure.as_ref()))
        };
        rows.into_iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(seen("2024-01-14", "2024-12-31").await, [""; 0]);
    assert_eq!(seen("2024-12-31", "2024-01-31").await, [""; 0]);
    assert_eq!(seen("2024-12-31", "2024-02-01").await, ["a 0.00"]);
    assert_eq!(seen("2024-01-19", "2024-03-01").await, ["a 0.00", "b 0.00"]);
    assert_eq!(seen("2024-12-31", "2024-03-31").await, ["a 60.00", "b 0.00"]);
    assert_eq!(seen("2024-12-31", "2024-04-01").await, ["a 60.00"]);
    served.stop().await;
}

#[tokio::test]
async fn what_the_passing_of_days_changes_is_judged_on_the_day() {
    let (setting, _clock) = Setting::at("2024-01-01T10:00:00Z");
    let served = Served::with(setting);
    served.append("a", sign_as(signed("100", "2024-01-01", "2024-12-31"))).await.unwrap();
    served.append("a", fact("2023-12-15", order("O1", "40"))).await.unwrap();
    // The order came before the term; and the forecast is early while the pace is too high.
    let cases = [
        ("2024-01-01", v1::AgreementState::Active, 0, 1),
        ("2024-01-31", v1::AgreementState::Active, 82_191, 2),
        ("2024-12-31", v1::AgreementState::Active, 1_000_000, 1),
        ("2025-01-01", v1::AgreementState::Expired, 1_000_000, 1),
    ];
    for (day, state, elapsed_ppm, findings) in cases {
        let rows = portfolio(&served, asked(day)).await;
        let row = &rows[0];
        let all = row.findings_high + row.findings_medium + row.findings_low;
        assert_eq!((row.state(), row.elapsed_ppm, all), (state, elapsed_ppm, findings), "{day}");
    }
    served.stop().await;
}

/// Findings follow from the policy that is configured, so rows kept under another one are not used.
#[tokio::test]
async fn rows_kept_under_another_policy_are_made_anew() {
    let mut served = four().await;
    let steps = [vec![100_000, 200_000], vec![600_000], vec![]];
    for warning_steps_ppm in steps {
        let change = PolicyChange {
            warning_steps_ppm: Some(warning_steps_ppm),
            late_registration_days: Some(3650),
            ..PolicyChange::default()
        };
        let from = Date::parse("2000-01-01").unwrap();
        let policies = Arc::new(PolicyBook::new(vec![(from, change)]));
        let rules = LedgerRules { policies, ..LedgerRules::default() };
        served = served.restart(Setting { rules, ..Setting::default() }).await;
        let rows = portfolio(&served, asked("2024-12-31")).await;
        assert_eq!(ids(&rows), ["a", "b", "c", "d"]);
        for row in rows {
            agrees_with_its_own_questions(&served, "2024-12-31", &row).await;
        }
    }
    served.stop().await;
}

#[tokio::test]
async fn parties_and_the_possible_end_follow_amendments_and_options() {
    let served = Served::start();
    let options = vec![time_option("1", "2025-12-31"), time_option("2", "2026-12-31")];
    let terms = v1::AgreementSigned { options, ..signed("100", "2024-01-01", "2024-12-31") };
    served.append("a", sign_as(terms)).await.unwrap();
    let joining = v1::Organisation { id: org(OTHER_SUPPLIER), name: String::new() };
    let amended = v1::AgreementAmended {
        amendment_id: "A1".to_owned(),
        legal_basis: v1::LegalBasis::ModRepl.into(),
        reasoning: "replaced".to_owned(),
        decision_maker: "p-1".to_owned(),
        decided_date: "2024-05-01".to_owned(),
        added_suppliers: vec![joining],
        removed_suppliers: vec![org(SUPPLIER).unwrap()],
        ..Default::default()
    };
    served.append("a", fact("2024-06-01", Payload::AgreementAmended(amended))).await.unwrap();
    let declined =
        v1::OptionDeclined { option_id: "2".to_owned(), ..v1::OptionDeclined::default() };
    served.append("a", fact("2024-07-01", Payload::OptionDeclined(declined))).await.unwrap();
    let seen = async |day: &str| {
        let rows = portfolio(&served, asked(day)).await;
        (rows[0].suppliers[0].number.clone(), rows[0].last_possible_end_date.clone())
    };
    let case = |supplier: &str, end: &str| (supplier.to_owned(), end.to_owned());
    assert_eq!(seen("2024-05-31").await, case(SUPPLIER, "2026-12-31"));
    assert_eq!(seen("2024-06-01").await, case(OTHER_SUPPLIER, "2026-12-31"));
    assert_eq!(seen("2024-07-01").await, case(OTHER_SUPPLIER, "2025-12-31"));
    served.stop().await;
}
