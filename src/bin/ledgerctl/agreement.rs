//! `agreement`: what is agreed, and where the agreement is in its life.

use std::io::Write;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1::{
    AgreementOption, AgreementSigned, GetAgreementRequest, GetAgreementResponse, OptionKind,
    OptionStatus, Organisation, OrganisationId, Term,
};

use crate::arguments::AgreementArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::money_text::{amount_text, money_text};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::table::{Column, Look, Sheet, Tone};
use crate::words::{ceiling_kind_text, organisation_text, scope_text, state_text};

/// Asks and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: AgreementArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let request = GetAgreementRequest {
        agreement_id: arguments.agreement,
        as_of: arguments.times.as_of.unwrap_or_default(),
        as_known: arguments.times.as_known,
        min_position: arguments.times.min_position,
    };
    let response = client.projection.get_agreement(with_deadline(request)).await?.into_inner();
    if arguments.json {
        writeln!(output, "{}", to_json(&response))?;
    } else {
        output.write_all(agreement_text(look, &response).as_bytes())?;
    }
    Ok(EXIT_DONE)
}

/// The whole answer for a person.
fn agreement_text(look: Look, response: &GetAgreementResponse) -> String {
    let signed = response.signed.clone().unwrap_or_default();
    let mut text = facts_text(look, response, &signed);
    text.push('\n');
    let mut ceilings = Sheet::new(
        look,
        &[
            ("ceiling", Column::Text),
            ("kind", Column::Fixed),
            (signed.currency.as_str(), Column::Number),
        ],
    );
    for ceiling in &response.ceilings {
        ceilings.row([
            scope_text(ceiling.scope.as_ref()),
            ceiling_kind_text(ceiling.kind).to_owned(),
            amount_text(ceiling.amount.as_ref()),
        ]);
    }
    text.push_str(&ceilings.text());
    if !response.options.is_empty() {
        text.push('\n');
        text.push_str(&options_text(look, &response.options));
    }
    text
}

fn facts_text(look: Look, response: &GetAgreementResponse, signed: &AgreementSigned) -> String {
    let (state, state_tone) = state_text(response.state);
    let mut sheet = Sheet::new(
        look,
        &[("agreement", Column::Fixed), (response.agreement_id.as_str(), Column::Text)],
    );
    let mut fact = |name: &str, value: String, tone: Tone| {
        if !value.is_empty() {
            sheet.toned_row([(name.to_owned(), Tone::Plain), (value, tone)]);
        }
    };
    fact("title", signed.title.clone(), Tone::Plain);
    fact("reference", signed.reference.clone(), Tone::Plain);
    fact("tender", signed.tender_reference.clone(), Tone::Plain);
    fact("as of", response.as_of.clone(), Tone::Plain);
    fact("state", state.to_owned(), state_tone);
    fact("signed", response.signed_date.clone(), Tone::Plain);
    fact("base term", term_text(signed.term.as_ref()), Tone::Plain);
    fact("term in force", term_text(response.term_in_force.as_ref()), Tone::Plain);
    fact("owner", party_text(signed.owner.as_ref()), Tone::Plain);
    fact("buyers", present_text(&response.buyers, &signed.buyers), Tone::Plain);
    fact("suppliers", present_text(&response.suppliers, &signed.suppliers), Tone::Plain);
    let title_of = |id: &String| {
        let signed = signed.lots.iter().find(|lot| lot.lot_id == *id);
        signed.map_or("", |lot| lot.title.as_str())
    };
    let lot_text = |id: &String| format!("{id} {}", title_of(id)).trim_end().to_owned();
    let lots: Vec<String> = response.lot_ids.iter().map(lot_text).collect();
    fact("lots", lots.join("\n"), Tone::Plain);
    fact("CPV", signed.cpv_codes.join(", "), Tone::Plain);
    let bids = signed.bids_received.map(|bids| bids.to_string());
    fact("bids received", bids.unwrap_or_default(), Tone::Plain);
    fact("orders", response.order_count.to_string(), Tone::Plain);
    fact("invoices", response.invoice_count.to_string(), Tone::Plain);
    fact(
        "true for",
        format!("version {}, position {}", response.agreement_version, response.position),
        Tone::Quiet,
    );
    sheet.text()
}

fn options_text(look: Look, options: &[OptionStatus]) -> String {
    let mut sheet = Sheet::new(
        look,
        &[
            ("option", Column::Fixed),
            ("gives", Column::Text),
            ("state", Column::Fixed),
            ("last day to exercise", Column::Fixed),
        ],
    );
    for status in options {
        let option = status.option.clone().unwrap_or_default();
        let state = if !status.exercised_date.is_empty() {
            (format!("from {}", status.exercised_date), Tone::Good)
        } else if status.declined_date.is_empty() {
            ("not exercised".to_owned(), Tone::Quiet)
        } else {
            (format!("declined from {}", status.declined_date), Tone::Quiet)
        };
        sheet.toned_row([
            (option.option_id.clone(), Tone::Plain),
            (gives_text(&option), Tone::Plain),
            state,
            (status.last_exercise_date.clone(), Tone::Plain),
        ]);
    }
    sheet.text()
}

/// The parties of the day, with the names that the signature gave them.
fn present_text(present: &[OrganisationId], signed: &[Organisation]) -> String {
    let named = |id: &OrganisationId| {
        let known =
            signed.iter().find(|party| party.id.as_ref().is_some_and(|one| is_same(one, id)));
        known.cloned().unwrap_or_else(|| Organisation { id: Some(id.clone()), name: String::new() })
    };
    parties_text(&present.iter().map(named).collect::<Vec<_>>())
}

/// An empty scheme is the Norwegian register.
fn is_same(one: &OrganisationId, other: &OrganisationId) -> bool {
    let scheme =
        |id: &OrganisationId| if id.scheme.is_empty() { "0192" } else { &id.scheme }.to_owned();
    one.number == other.number && scheme(one) == scheme(other)
}

fn gives_text(option: &AgreementOption) -> String {
    match OptionKind::try_from(option.kind) {
        Ok(OptionKind::Time) => format!("time, to {}", option.new_end_date),
        Ok(OptionKind::Volume) => format!(
            "{} more for {}",
            money_text(option.amount.as_ref()),
            scope_text(option.scope.as_ref())
        ),
        Ok(OptionKind::Unspecified) | Err(_) => "?".to_owned(),
    }
}

fn term_text(term: Option<&Term>) -> String {
    term.map_or_else(String::new, |term| format!("{} to {}", term.start_date, term.end_date))
}

fn parties_text(parties: &[Organisation]) -> String {
    let texts: Vec<String> = parties.iter().map(|party| party_text(Some(party))).collect();
    texts.join("\n")
}

fn party_text(party: Option<&Organisation>) -> String {
    party.map_or_else(String::new, |party| {
        format!("{} {}", organisation_text(party.id.as_ref()), party.name).trim_end().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use contract_ledger::wire::v1::AgreementState;

    use super::*;

    #[test]
    fn agreement_shows_state_parties_and_what_options_give() {
        let response = GetAgreementResponse {
            agreement_id: "asker-2020".to_owned(),
            state: i32::from(AgreementState::Active),
            signed: Some(AgreementSigned {
                title: "Communication services".to_owned(),
                buyers: vec![Organisation {
                    id: Some(OrganisationId {
                        number: "920125298".to_owned(),
                        scheme: String::new(),
                    }),
                    name: "Asker kommune".to_owned(),
                }],
                ..Default::default()
            }),
            buyers: vec![OrganisationId {
                number: "920125298".to_owned(),
                scheme: "0192".to_owned(),
            }],
            options: vec![OptionStatus {
                option: Some(AgreementOption {
                    option_id: "option-1".to_owned(),
                    kind: i32::from(OptionKind::Time),
                    new_end_date: "2023-11-30".to_owned(),
                    ..Default::default()
                }),
                last_exercise_date: "2022-11-30".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let text = agreement_text(Look::default(), &response);
        for part in [
            "active",
            "920125298 Asker kommune",
            "time, to 2023-11-30",
            "not exercised",
            "2022-11-30",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!text.contains("lots"), "{text}");
    }
}
