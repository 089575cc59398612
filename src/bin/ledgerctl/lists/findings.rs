//! `findings`: what breaks a rule or lacks documentation, by agreement.

use std::io::Write;

use contract_ledger::wire::v1::{
    Finding, FindingStatus, ListFindingsRequest, ListFindingsResponse, Severity,
};

use super::pages::{Listing, PageAsk, list};
use super::{by_agreement, headline};
use crate::arguments::{FindingsArguments, StatusChoice};
use crate::client::{Client, ServerAddress, with_deadline};
use crate::findings::{Detail, findings_table};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::table::Look;

/// Asks for every page and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: FindingsArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let listing = list(&arguments.page, output, |_: &Finding| true, &mut async |page| {
        let asked = client.projection.list_findings(with_deadline(request(&arguments, page)));
        asked.await.map(tonic::Response::<ListFindingsResponse>::into_inner)
    })
    .await?;
    if let Some(listing) = listing {
        output.write_all(list_text(look, arguments.status, &listing).as_bytes())?;
    }
    Ok(EXIT_DONE)
}

fn request(arguments: &FindingsArguments, page: PageAsk) -> ListFindingsRequest {
    let statuses = match arguments.status {
        StatusChoice::Open => vec![i32::from(FindingStatus::Open)],
        StatusChoice::Cleared => vec![i32::from(FindingStatus::Cleared)],
        StatusChoice::All => Vec::new(),
    };
    ListFindingsRequest {
        agreement_id: arguments.agreement.clone().unwrap_or_default(),
        as_of: arguments.times.as_of.clone().unwrap_or_default(),
        as_known: arguments.times.as_known.clone(),
        rules: arguments.rules.clone(),
        severities: arguments.severities.iter().copied().map(i32::from).collect(),
        statuses,
        handlings: arguments.handlings.iter().copied().map(i32::from).collect(),
        page_size: page.page_size,
        page_token: page.page_token,
        min_position: arguments.times.min_position,
    }
}

fn list_text(look: Look, status: StatusChoice, listing: &Listing<Finding>) -> String {
    let (one, many) = match status {
        StatusChoice::Open => ("open finding", "open findings"),
        StatusChoice::Cleared => ("cleared finding", "cleared findings"),
        StatusChoice::All => ("finding", "findings"),
    };
    let mut text = headline(listing.rows.len(), one, many, &listing.times);
    text.push_str(&by_agreement(
        &listing.rows,
        |finding| &finding.agreement_id,
        |findings| findings_table(look, Detail::WithId, findings),
    ));
    if !listing.rows.is_empty() {
        text.push_str(&summary_text(&listing.rows));
    }
    text.push_str(listing.cut_text());
    text
}

fn summary_text(findings: &[Finding]) -> String {
    let count = |severity: Severity| {
        let number = i32::from(severity);
        findings.iter().filter(|finding| finding.severity == number).count()
    };
    format!(
        "\n{} shown: {} high, {} medium, {} low\n",
        findings.len(),
        count(Severity::High),
        count(Severity::Medium),
        count(Severity::Low)
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use contract_ledger::wire::v1::{FindingHandling, ListingTimes};

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn request_of(line: &str) -> ListFindingsRequest {
        let Command::Findings(arguments) = Arguments::parse_from(line.split(' ')).command else {
            panic!("findings was asked for");
        };
        request(&arguments, PageAsk { page_size: 0, page_token: String::new() })
    }

    #[test]
    fn only_open_findings_unless_others_are_asked_for() {
        assert_eq!(request_of("ledgerctl findings").statuses, [i32::from(FindingStatus::Open)]);
        let cleared = request_of("ledgerctl findings A --status cleared");
        assert_eq!(cleared.statuses, [i32::from(FindingStatus::Cleared)]);
        assert!(request_of("ledgerctl findings A --status all").statuses.is_empty());
    }

    #[test]
    fn filters_reach_the_request() {
        let request = request_of(
            "ledgerctl findings A --rule over-invoiced --severity high --handling none --as-of 2024-09-01",
        );
        assert_eq!(request.agreement_id, "A");
        assert_eq!(request.rules, ["OVER_INVOICED"]);
        assert_eq!(request.severities, [i32::from(Severity::High)]);
        assert_eq!(request.handlings, [i32::from(FindingHandling::None)]);
        assert_eq!(request.as_of, "2024-09-01");
    }

    #[test]
    fn findings_stand_under_their_agreement_with_their_id() {
        let finding = |agreement: &str, severity: Severity| Finding {
            finding_id: "ab12".to_owned(),
            agreement_id: agreement.to_owned(),
            rule: "OVER_INVOICED".to_owned(),
            severity: i32::from(severity),
            ..Default::default()
        };
        let listing = Listing {
            rows: vec![
                finding("A", Severity::High),
                finding("A", Severity::Low),
                finding("B", Severity::High),
            ],
            times: ListingTimes { position: Some(7), ..Default::default() },
            cut: true,
        };
        let text = list_text(Look::default(), StatusChoice::Open, &listing);
        assert!(text.starts_with("3 open findings (to position 7)\n\nA\n"), "{text}");
        assert!(text.contains("\n\nB\n"), "{text}");
        assert_eq!(text.matches("id ab12").count(), 3);
        assert!(text.contains("\n3 shown: 2 high, 0 medium, 1 low\n"), "{text}");
        assert!(text.ends_with("There is more: --limit left the rest out.\n"), "{text}");
    }
}
