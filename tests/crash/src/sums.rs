//! Sums of the agreements, computed from the records alone, by other code than the ledger's.
//!
//! It must not know the server, nor name any of the domain's types. It knows the few events that the
//! writers send; an open order counts with what was ordered, since its invoices are always less.

use std::collections::BTreeMap;

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

/// Exposure and ceilings of one agreement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    /// By scope: `agreement`, or the number of a supplier.
    pub(crate) exposure: BTreeMap<String, i64>,
    ceilings: BTreeMap<String, i64>,
    /// Supplier and amount.
    orders: BTreeMap<String, (String, i64)>,
    pub(crate) version: u64,
}

/// Sums of all agreements.
pub(crate) type Agreements = BTreeMap<String, Sums>;

impl Sums {
    /// Takes in an event; says which ceilings an intent has passed by growth.
    pub(crate) fn add(&mut self, event: &v1::Event) -> Vec<String> {
        let before = self.exposure.clone();
        match &event.payload {
            Some(Payload::AgreementSigned(signed)) => {
                for ceiling in &signed.ceilings {
                    let scope = ceiling.scope.as_ref().and_then(|scope| scope.scope.as_ref());
                    let name = match scope {
                        Some(v1::scope::Scope::Supplier(supplier)) => supplier.number.clone(),
                        _ => "agreement".to_owned(),
                    };
                    self.exposure.entry(name.clone()).or_default();
                    self.ceilings.insert(name, amount(ceiling.amount.as_ref()));
                }
            }
            Some(Payload::OrderPlaced(placed)) => {
                let supplier = number(placed.supplier.as_ref());
                self.grow(&supplier, amount(placed.amount.as_ref()));
                let order = (supplier, amount(placed.amount.as_ref()));
                self.orders.insert(placed.order_id.clone(), order);
            }
            Some(Payload::OrderChanged(changed)) => {
                self.set(&changed.order_id, amount(changed.amount.as_ref()));
            }
            Some(Payload::OrderCancelled(cancelled)) => self.set(&cancelled.order_id, 0),
            Some(Payload::InvoiceReceived(invoice)) if invoice.order_id.is_empty() => {
                self.grow(&number(invoice.supplier.as_ref()), amount(invoice.net.as_ref()));
            }
            _ => {}
        }
        if event.admission_mode() != v1::AdmissionMode::Intent {
            return Vec::new();
        }
        let passed = self.exposure.iter().filter_map(|(scope, after)| {
            let ceiling = self.ceilings.get(scope)?;
            let grew = after > before.get(scope).unwrap_or(&0);
            (grew && after > ceiling).then(|| format!("{scope}: {after} of {ceiling}"))
        });
        passed.collect()
    }

    fn set(&mut self, order_id: &str, amount: i64) {
        let Some((supplier, before)) = self.orders.get(order_id).cloned() else { return };
        self.grow(&supplier, amount - before);
        self.orders.insert(order_id.to_owned(), (supplier, amount));
    }

    fn grow(&mut self, supplier: &str, by: i64) {
        for scope in ["agreement", supplier] {
            *self.exposure.entry(scope.to_owned()).or_default() += by;
        }
    }
}

/// Every record in order: what the sums are at the end, and where a decision was wrong.
pub(crate) fn of_records(records: &[v1::Record]) -> (Agreements, Vec<String>) {
    let mut agreements = Agreements::new();
    let mut wrong = Vec::new();
    for record in records {
        let sums = agreements.entry(record.agreement_id.clone()).or_default();
        let (at, id) = (record.position, &record.agreement_id);
        match &record.entry {
            Some(v1::record::Entry::Event(recorded)) => {
                sums.version += 1;
                if recorded.agreement_version != sums.version {
                    let (expected, found) = (sums.version, recorded.agreement_version);
                    wrong.push(format!(
                        "position {at}: expected version {expected} of {id}; found {found}"
                    ));
                }
                let passed = recorded.event.as_ref().map(|event| sums.add(event));
                if let Some(passed) = passed.filter(|passed| !passed.is_empty()) {
                    wrong.push(format!("position {at}: {id}: an intent has passed {passed:?}"));
                }
            }
            Some(v1::record::Entry::Refusal(refused)) => {
                let over = |refusal: &v1::Refusal| refusal.reason == "CEILING_EXCEEDED";
                if refused.refusals.iter().all(over) {
                    let mut tried = sums.clone();
                    let passed: Vec<String> =
                        refused.events.iter().flat_map(|event| tried.add(event)).collect();
                    if passed.is_empty() {
                        wrong.push(format!("position {at}: {id}: refused, and there was room"));
                    }
                }
            }
            None => wrong.push(format!("position {at}: a record of nothing")),
        }
    }
    (agreements, wrong)
}

fn amount(money: Option<&v1::Money>) -> i64 {
    money.and_then(|money| money.amount.parse().ok()).unwrap_or(0)
}

fn number(organisation: Option<&v1::OrganisationId>) -> String {
    organisation.map(|organisation| organisation.number.clone()).unwrap_or_default()
}
