//! Notices of framework agreements, as published and reduced. fixtures/README.md names the source.

use serde::Deserialize;

/// The notices that come with the program.
const EMBEDDED: &str = include_str!("../../fixtures/norwegian-frameworks.json");

/// Longest list of notices, in bytes.
pub const NOTICES_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What one notice says, as far as it is of use here. What it does not say is None or empty.
#[derive(Debug, Clone, Deserialize)]
pub struct Framework {
    /// Id of the notice.
    pub notice_id: String,
    /// Day of issue.
    pub issued: String,
    /// Title.
    pub title: String,
    /// Who buys.
    #[serde(default)]
    pub buyers: Vec<Party>,
    /// Who won. Empty in notices before the award.
    #[serde(default)]
    pub suppliers: Vec<Party>,
    /// Lots.
    #[serde(default)]
    pub lots: Vec<NoticeLot>,
    /// eForms BT-765.
    pub framework_kind: Option<String>,
    /// On what ground it is taken for a framework. Only in the published list; `none` there.
    pub framework_basis: Option<String>,
    /// services, goods or works.
    pub nature: String,
    /// CPV codes.
    #[serde(default)]
    pub cpv: Vec<String>,
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// The framework's maximum.
    pub maximum_value: Option<String>,
    /// Its estimate.
    pub estimated_value: Option<String>,
    /// Lowest and highest estimate.
    pub estimated_range: Option<Vec<String>>,
    /// Total of the contracts awarded.
    pub notice_value: Option<String>,
    /// First day.
    pub start_date: Option<String>,
    /// Last day of the base term.
    pub end_date: Option<String>,
    /// Base term.
    pub duration_months: Option<i32>,
    /// Renewals.
    pub renewals: Option<Renewals>,
    /// Most suppliers.
    pub maximum_suppliers: Option<usize>,
    /// Bids received.
    pub bids_received: Option<u32>,
    /// Awards by supplier and lot.
    #[serde(default)]
    pub awards: Vec<Award>,
}

/// An organisation.
#[derive(Debug, Clone, Deserialize)]
pub struct Party {
    /// Name as written.
    pub name: String,
    /// Number as written.
    pub organisation_number: Option<String>,
}

/// A lot.
#[derive(Debug, Clone, Deserialize)]
pub struct NoticeLot {
    /// Id.
    pub id: String,
    /// Title.
    pub title: Option<String>,
    /// Maximum.
    pub max_value: Option<String>,
    /// Estimate.
    pub estimate: Option<String>,
}

/// Renewals of the base term.
#[derive(Debug, Clone, Deserialize)]
pub struct Renewals {
    /// How many.
    pub max: Option<usize>,
    /// In words.
    pub description: Option<String>,
}

/// What one supplier won in one lot.
#[derive(Debug, Clone, Deserialize)]
pub struct Award {
    /// Name of the supplier.
    pub supplier: String,
    /// Lot.
    pub lot: Option<String>,
    /// Value.
    pub value: Option<String>,
}

/// Why a text is not a list of notices.
#[derive(Debug, thiserror::Error)]
#[error("notice {place} cannot be read")]
pub struct UnreadableNotice {
    /// Which, from 1; in a list that is one JSON array, the line.
    pub place: usize,
    /// Where and why.
    #[source]
    pub source: serde_json::Error,
}

/// The notices that come with the program.
pub fn embedded() -> Vec<Framework> {
    read(EMBEDDED).expect("the embedded notices are read by a test")
}

/// Reads a JSON array of notices, or JSON lines as they are published; those that are no frameworks
/// are left out.
pub fn read(text: &str) -> Result<Vec<Framework>, UnreadableNotice> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let notices: Vec<Framework> = if text.starts_with('[') {
        serde_json::from_str(text)
            .map_err(|source| UnreadableNotice { place: source.line(), source })?
    } else {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        lines
            .map(|(index, line)| {
                serde_json::from_str(line)
                    .map_err(|source| UnreadableNotice { place: index + 1, source })
            })
            .collect::<Result<_, _>>()?
    };
    let is_framework = |notice: &Framework| notice.framework_basis.as_deref() != Some("none");
    Ok(notices.into_iter().filter(is_framework).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_notices_are_the_frameworks_of_the_source() {
        let frameworks = embedded();
        assert_eq!(frameworks.len(), 22);
        assert_eq!(frameworks[0].notice_id, "2022-927623");
        assert_eq!(frameworks[0].maximum_value.as_deref(), Some("141000000.00"));
        let named = frameworks.iter().filter(|notice| !notice.suppliers.is_empty());
        assert_eq!(named.count(), 8);
    }

    #[test]
    fn published_lines_are_read_and_what_is_no_framework_is_left_out() {
        let line = |id: &str, basis: &str| {
            format!(
                r#"{{"notice_id":"{id}","source_file":"x.xml","issued":"2024-01-01","title":"t","buyers":[],"suppliers":[],"lots":[],"framework_kind":null,"framework_basis":"{basis}","nature":"goods","cpv":[],"estimated_range":null,"awards":[],"from_text":[]}}"#
            )
        };
        let text = format!("{}\n\n{}\n", line("a", "BT-765"), line("b", "none"));
        let ids: Vec<String> =
            read(&text).unwrap().into_iter().map(|read| read.notice_id).collect();
        assert_eq!(ids, ["a"]);
        assert_eq!(read("{\"notice_id\":1}").unwrap_err().place, 1);
    }
}
