//! One notice as a signed agreement: what it says, and what has to be assumed.
//!
//! Every assumption is named in fixtures/README.md. Nothing is looked up.

use uuid::Builder;

use super::framework::Framework;
use super::signature;
use crate::domain::date::Date;
use crate::wire::v1;

/// Scheme of organisations that no register's number is known for; the number is then a label.
pub const UNREGISTERED_SCHEME: &str = "9999";
/// What a title says when its notice names no supplier.
pub const SUPPLIER_ASSUMED: &str = "(supplier assumed)";
/// Stand-ins where a notice names no supplier and no number of them.
pub(super) const STAND_INS_DEFAULT: usize = 2;
/// Most stand-ins.
pub(super) const STAND_INS_MAX: usize = 16;

/// Why a notice is not an agreement.
#[derive(Debug, thiserror::Error)]
pub enum UnusableNotice {
    /// A date is missing or wrong.
    #[error("notice {notice_id}: {field} is not a day of the calendar that is of use")]
    Date {
        /// Which notice.
        notice_id: String,
        /// Which field.
        field: &'static str,
    },
    /// An amount is wrong.
    #[error("notice {notice_id}: {field} is not an amount")]
    Amount {
        /// Which notice.
        notice_id: String,
        /// Which field.
        field: &'static str,
    },
    /// The currency is unknown.
    #[error("notice {notice_id}: {currency} is not a currency")]
    Currency {
        /// Which notice.
        notice_id: String,
        /// As written.
        currency: String,
    },
    /// What is bought is unknown.
    #[error("notice {notice_id}: {nature} is not services, goods or works")]
    Nature {
        /// Which notice.
        notice_id: String,
        /// As written.
        nature: String,
    },
    /// Nobody buys.
    #[error("notice {notice_id}: names no buyer")]
    NoBuyer {
        /// Which notice.
        notice_id: String,
    },
}

/// A signed agreement, and what a made-up history of it starts from.
#[derive(Debug, Clone)]
pub struct Contract {
    /// Id in the ledger.
    pub agreement_id: String,
    /// Day of the signature: the day of issue of the notice.
    pub signed_on: Date,
    /// First day of the term.
    pub start: Date,
    /// Last day of the base term.
    pub end: Date,
    /// Last days with each time option, in order.
    pub option_ends: Vec<Date>,
    /// The agreement's ceiling in minor units, zero when nothing is known.
    pub(super) ceiling_minor: i64,
    /// Which supplier delivers in which lot, as places in the lists of the signature.
    pub(super) deliveries: Vec<Delivery>,
    /// The signature as a message.
    pub signed: v1::AgreementSigned,
}

/// Who may deliver what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delivery {
    /// Place in the list of suppliers.
    pub(super) supplier: usize,
    /// Place in the list of lots.
    pub(super) lot: Option<usize>,
}

impl Contract {
    /// Makes an agreement of a notice.
    pub fn of(notice: &Framework) -> Result<Self, UnusableNotice> {
        signature::contract_of(notice)
    }

    /// A request that records the signature as a fact, the same for the same notice.
    pub fn request(&self) -> v1::AppendEventsRequest {
        let payload = v1::event::Payload::AgreementSigned(self.signed.clone());
        v1::AppendEventsRequest {
            request_id: request_id_of(&self.agreement_id),
            agreement_id: self.agreement_id.clone(),
            events: vec![v1::Event {
                effective_date: self.signed_on.to_string(),
                admission_mode: i32::from(v1::AdmissionMode::Fact),
                source: Some(v1::Source {
                    system: "doffin".to_owned(),
                    event_id: self.signed.tender_reference.clone(),
                }),
                payload: Some(payload),
                ..v1::Event::default()
            }],
            ..v1::AppendEventsRequest::default()
        }
    }
}

/// A UUID made of the agreement's id, so that the same notice appended twice is one agreement.
fn request_id_of(agreement_id: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let digest: [u8; 32] = Sha256::digest(format!("signature of {agreement_id}").as_bytes()).into();
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(digest) {
        *byte = hashed;
    }
    Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::generate::framework::embedded;
    use crate::wire::parse::parse_append;

    fn contract(notice_id: &str) -> Contract {
        let notice = embedded().into_iter().find(|notice| notice.notice_id == notice_id);
        Contract::of(&notice.unwrap()).unwrap()
    }

    fn ceilings(contract: &Contract) -> Vec<(String, bool, String)> {
        let ceilings = contract.signed.ceilings.iter();
        ceilings
            .map(|ceiling| {
                let scope = match ceiling.scope.clone().unwrap().scope.unwrap() {
                    v1::scope::Scope::Agreement(_) => "agreement".to_owned(),
                    v1::scope::Scope::LotId(lot) => lot,
                    v1::scope::Scope::Supplier(_) | v1::scope::Scope::Buyer(_) => {
                        "other".to_owned()
                    }
                };
                let is_maximum = ceiling.kind == i32::from(v1::CeilingKind::Maximum);
                (scope, is_maximum, ceiling.amount.clone().unwrap().amount)
            })
            .collect()
    }

    #[test]
    fn every_embedded_notice_is_an_agreement_of_its_own() {
        let mut ids = BTreeSet::new();
        for notice in embedded() {
            let contract = Contract::of(&notice).unwrap();
            let request = contract.request();
            let parsed = parse_append(request, 10);
            assert!(parsed.is_ok(), "{}: {parsed:?}", notice.notice_id);
            assert!(ids.insert(contract.request().request_id), "{}", notice.notice_id);
            assert!(contract.end > contract.start, "{}", notice.notice_id);
        }
    }

    #[test]
    fn maximum_term_options_and_lots_come_from_the_notice() {
        let contract = contract("2022-927623");
        assert_eq!(
            ceilings(&contract),
            [
                ("agreement".to_owned(), true, "141000000.00".to_owned()),
                ("LOT-0001".to_owned(), false, "138000000.00".to_owned()),
                ("LOT-0002".to_owned(), false, "3000000.00".to_owned()),
            ]
        );
        assert_eq!(contract.agreement_id, "doffin-2022-927623");
        assert_eq!(contract.start.to_string(), "2023-03-09");
        assert_eq!(contract.end.to_string(), "2025-03-08");
        let ends: Vec<String> = contract.option_ends.iter().map(ToString::to_string).collect();
        assert_eq!(ends, ["2026-03-08", "2027-03-08"]);
        assert!(!contract.signed.title.contains(SUPPLIER_ASSUMED));
    }

    #[test]
    fn what_a_notice_does_not_say_is_marked() {
        let carbine = contract("d8cbf6f2-2454-4137-92ad-891110f7f826");
        assert!(carbine.signed.title.ends_with(SUPPLIER_ASSUMED));
        assert_eq!(carbine.signed.suppliers.len(), 1);
        let supplier = carbine.signed.suppliers[0].clone();
        assert_eq!(supplier.id.unwrap().scheme, UNREGISTERED_SCHEME);
        let unknown = contract("8791620e-39a1-435d-985a-bee33825e3f4");
        assert_eq!(ceilings(&unknown), [("agreement".to_owned(), false, "0.00".to_owned())]);
        assert_eq!(unknown.end.to_string(), "2031-07-03");
        let range = contract("2023-618728");
        assert_eq!(ceilings(&range), [("agreement".to_owned(), false, "250000000.00".to_owned())]);
        assert_eq!(range.signed.buyers.len(), 23);
    }

    #[test]
    fn odd_renewals_and_names_are_handled() {
        let uas = contract("bb343f8b-ebf5-42f9-b4d5-df54ab67ff32");
        let ends: Vec<String> = uas.option_ends.iter().map(ToString::to_string).collect();
        assert_eq!(uas.end.to_string(), "2028-01-25");
        assert_eq!(ends, ["2030-01-25", "2031-01-25"]);
        let cardiology = contract("2022-945636");
        // Nine names, one of them twice.
        assert_eq!(cardiology.signed.suppliers.len(), 8);
        let labour = contract("2023-629257");
        let owner = labour.signed.owner.clone().unwrap().id.unwrap();
        assert_eq!((owner.scheme.as_str(), owner.number.as_str()), ("9999", "nav-tiltak-rogaland"));
    }

    #[test]
    fn unusable_notices_say_which_field_is_wrong() {
        let sound = embedded().into_iter().next().unwrap();
        for (notice, part) in [
            (Framework { issued: "soon".to_owned(), ..sound.clone() }, "issued"),
            (Framework { maximum_value: Some("1e9".to_owned()), ..sound.clone() }, "maximum_value"),
            (Framework { currency: Some("KR".to_owned()), ..sound.clone() }, "KR"),
            (Framework { nature: "both".to_owned(), ..sound.clone() }, "both"),
            (Framework { buyers: Vec::new(), ..sound.clone() }, "no buyer"),
            (Framework { duration_months: Some(0), ..sound.clone() }, "duration_months"),
        ] {
            let error = Contract::of(&notice).unwrap_err().to_string();
            assert!(error.contains(part), "{part} in {error}");
        }
    }
}
