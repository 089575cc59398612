//! What a server answers to questions about its records.
//!
//! It must not judge the answers.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use contract_ledger::wire::v1::projection_service_client::ProjectionServiceClient;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::events::DAY;

/// Answers as of one day, in the parts that do not depend on when they are asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Answers {
    agreements: Vec<v1::AgreementSummary>,
    usage: BTreeMap<String, v1::GetCeilingUsageResponse>,
    orders: BTreeMap<String, Vec<v1::OrderRow>>,
    invoices: BTreeMap<String, Vec<v1::InvoiceRow>>,
    findings: BTreeMap<String, Vec<v1::Finding>>,
    refusals: BTreeMap<String, Vec<v1::RefusalRow>>,
}

impl Answers {
    /// Asks for everything about these agreements, and for the list of all.
    pub(crate) async fn ask(channel: &Channel, ids: &[String]) -> Result<Self> {
        let mut client = ProjectionServiceClient::new(channel.clone());
        let mut answers = Self {
            agreements: Vec::new(),
            usage: BTreeMap::new(),
            orders: BTreeMap::new(),
            invoices: BTreeMap::new(),
            findings: BTreeMap::new(),
            refusals: BTreeMap::new(),
        };
        let as_of = DAY.to_owned();
        let mut asked = v1::ListAgreementsRequest {
            as_of: as_of.clone(),
            page_size: 1000,
            ..Default::default()
        };
        loop {
            let page = client.list_agreements(asked.clone()).await?.into_inner();
            answers.agreements.extend(page.agreements);
            if page.next_page_token.is_empty() {
                break;
            }
            asked.page_token = page.next_page_token;
        }
        for id in ids {
            let (agreement_id, as_of, page_size) = (id.clone(), as_of.clone(), 1000);
            answers.usage.insert(id.clone(), usage(channel, id).await?);
            let asked = v1::ListOrdersRequest {
                agreement_id: agreement_id.clone(),
                as_of: as_of.clone(),
                page_size,
                ..Default::default()
            };
            let rows = client.list_orders(asked).await?.into_inner().orders;
            answers.orders.insert(id.clone(), rows);
            let asked = v1::ListInvoicesRequest {
                agreement_id: agreement_id.clone(),
                as_of: as_of.clone(),
                page_size,
                ..Default::default()
            };
            let rows = client.list_invoices(asked).await?.into_inner().invoices;
            answers.invoices.insert(id.clone(), rows);
            let asked = v1::ListFindingsRequest {
                agreement_id: agreement_id.clone(),
                as_of,
                page_size,
                ..Default::default()
            };
            let rows = client.list_findings(asked).await?.into_inner().findings;
            answers.findings.insert(id.clone(), rows);
            let asked = v1::ListRefusalsRequest { agreement_id, page_size, ..Default::default() };
            let rows = client.list_refusals(asked).await?.into_inner().refusals;
            answers.refusals.insert(id.clone(), rows);
        }
        Ok(answers)
    }

    /// The names of the parts that differ.
    pub(crate) fn differing(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("agreements", self.agreements == other.agreements),
            ("usage", self.usage == other.usage),
            ("orders", self.orders == other.orders),
            ("invoices", self.invoices == other.invoices),
            ("findings", self.findings == other.findings),
            ("refusals", self.refusals == other.refusals),
        ];
        parts.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }

    pub(crate) fn agreement_ids(&self) -> Vec<String> {
        self.agreements.iter().map(|row| row.agreement_id.clone()).collect()
    }
}

pub(crate) async fn usage(channel: &Channel, id: &str) -> Result<v1::GetCeilingUsageResponse> {
    let asked = v1::GetCeilingUsageRequest {
        agreement_id: id.to_owned(),
        as_of: DAY.to_owned(),
        ..Default::default()
    };
    let mut client = ProjectionServiceClient::new(channel.clone());
    let mut answer = client.get_ceiling_usage(asked).await?.into_inner();
    if let Some(usage) = &mut answer.usage {
        // When it was asked, and what else the log held then.
        usage.as_known = None;
        usage.position = 0;
    }
    Ok(answer)
}

/// Every record, in the order of positions.
pub(crate) async fn records(channel: &Channel) -> Result<Vec<v1::Record>> {
    let mut client = LedgerServiceClient::new(channel.clone());
    let mut stream = client.read_events(v1::ReadEventsRequest::default()).await?.into_inner();
    let mut records = Vec::new();
    while let Some(message) = stream.message().await.context("read the log")? {
        records.extend(message.records);
    }
    Ok(records)
}

pub(crate) async fn head(channel: &Channel) -> Result<u64> {
    let mut client = LedgerServiceClient::new(channel.clone());
    Ok(client.get_head(v1::GetHeadRequest {}).await?.into_inner().record_count)
}

pub(crate) async fn health(channel: &Channel) -> Result<ServingStatus> {
    let asked = HealthCheckRequest { service: String::new() };
    let answer = HealthClient::new(channel.clone()).check(asked).await?;
    Ok(answer.into_inner().status())
}
