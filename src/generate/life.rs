//! What happens to the agreement itself: signature, options, amendments, indexation, reservations,
//! suspension, termination, closing. Few for each agreement, so they are made at once.

use super::contract::Contract;
use super::moment::{WORKING_SECONDS, days_after, in_working_hours};
use super::plan::Plan;
use super::random::Random;
use crate::domain::date::Date;
use crate::wire::v1;
use crate::wire::v1::event::Payload;

/// Threshold for splits, where one is set: so many times the average invoice.
const SPLIT_THRESHOLD_ORDERS: i64 = 2;

/// An event of the agreement with its two times.
#[derive(Debug, Clone)]
pub(super) struct Milestone {
    /// When it is recorded, in microseconds after 1970.
    pub(super) recorded: i64,
    /// Business date.
    pub(super) effective: Date,
    /// Asked for or happened.
    pub(super) mode: v1::AdmissionMode,
    /// What.
    pub(super) payload: Payload,
}

/// Everything that happens to one agreement, in the order of recording, none before a day.
pub(super) fn milestones(
    contract: &Contract,
    plan: &Plan,
    from: Date,
    random: &mut Random,
) -> Vec<Milestone> {
    let mut life = Life { contract, plan, from, random, milestones: Vec::new() };
    life.signature();
    life.options();
    life.amendment();
    life.indexation();
    life.pause();
    life.reservations();
    life.refused_order();
    life.ending();
    let mut milestones = life.milestones;
    milestones.sort_by_key(|milestone| milestone.recorded);
    milestones
}

struct Life<'a> {
    contract: &'a Contract,
    plan: &'a Plan,
    from: Date,
    random: &'a mut Random,
    milestones: Vec<Milestone>,
}

impl Life<'_> {
    fn fact(&mut self, effective: Date, days: i64, payload: Payload) {
        let recorded_on = days_after(effective, days).max(days_after(self.from, 1));
        let recorded_on = recorded_on.max(days_after(self.contract.signed_on, 1));
        let seconds = self.random.between(0, WORKING_SECONDS);
        let recorded = in_working_hours(recorded_on, seconds);
        let mode = v1::AdmissionMode::Fact;
        self.milestones.push(Milestone { recorded, effective, mode, payload });
    }

    /// The signature comes before everything else: at the opening of the first day.
    fn signature(&mut self) {
        let effective = self.contract.signed_on;
        let recorded = in_working_hours(effective.max(self.from), 0);
        let payload = Payload::AgreementSigned(self.contract.signed.clone());
        let mode = v1::AdmissionMode::Fact;
        self.milestones.push(Milestone { recorded, effective, mode, payload });
        let document = v1::Document {
            kind: "contract".to_owned(),
            sha256: hex(&[self.random.bytes(), self.random.bytes()].concat()),
            uri: String::new(),
        };
        let attached =
            v1::DocumentAttached { document: Some(document), ..v1::DocumentAttached::default() };
        self.fact(effective, 1, Payload::DocumentAttached(attached));
        if self.random.chance(150) {
            let threshold = self.money(self.plan.average_minor * SPLIT_THRESHOLD_ORDERS);
            let policy = v1::ThresholdPolicySet {
                split_threshold: Some(threshold),
                ..v1::ThresholdPolicySet::default()
            };
            self.fact(effective, 2, Payload::ThresholdPolicySet(policy));
        }
    }

    fn options(&mut self) {
        let mut end = self.contract.end;
        let ends = self.contract.signed.options.iter().zip(&self.contract.option_ends);
        for (place, (option, new_end)) in ends.enumerate() {
            let option_id = option.option_id.clone();
            let decided = days_after(end, -self.random.between(15, 80));
            let days = if self.random.chance(100) {
                self.random.between(33, 60)
            } else {
                self.random.between(0, 5)
            };
            if place >= self.plan.options_used {
                let declined = v1::OptionDeclined { option_id, ..v1::OptionDeclined::default() };
                self.fact(decided, days, Payload::OptionDeclined(declined));
                return;
            }
            self.fact(decided, days, Payload::OptionExercised(v1::OptionExercised { option_id }));
            end = *new_end;
        }
    }

    fn amendment(&mut self) {
        if self.contract.ceiling_minor == 0 || !self.random.chance(350) {
            return;
        }
        let decided = self.within(30, 70);
        let (basis, reasoning) = match self.random.below(4) {
            0 => (v1::LegalBasis::AddWss, "More of the same is needed than was foreseen."),
            1 => (v1::LegalBasis::ModNons, "Quantities are moved between parts."),
            _ => (v1::LegalBasis::ModMinv, "A small extension of what is bought."),
        };
        let change = self.contract.ceiling_minor / 1000 * self.random.between(20, 130);
        let amended = v1::AgreementAmended {
            amendment_id: "amendment-1".to_owned(),
            legal_basis: i32::from(basis),
            reasoning: reasoning.to_owned(),
            decision_maker: "manager-1".to_owned(),
            decided_date: decided.to_string(),
            ceiling_changes: vec![v1::CeilingChange {
                scope: Some(v1::Scope { scope: Some(v1::scope::Scope::Agreement(true)) }),
                change: Some(self.money(change)),
            }],
            ..v1::AgreementAmended::default()
        };
        let days = self.random.between(0, 10);
        self.fact(decided, days, Payload::AgreementAmended(amended));
    }

    fn indexation(&mut self) {
        if !self.random.chance(400) {
            return;
        }
        let years = self.plan.last.days_since(self.contract.start) / 365;
        for year in 1..=years {
            let indexed = v1::PriceIndexed {
                factor: format!("1.{:04}", self.random.between(100, 650)),
                index_name: "SSB 08184".to_owned(),
            };
            let effective = days_after(self.contract.start, year * 365);
            self.fact(effective, 3, Payload::PriceIndexed(indexed));
        }
    }

    fn pause(&mut self) {
        if !self.random.chance(80) {
            return;
        }
        let from = self.within(20, 60);
        let reason = "Deliveries are under review.".to_owned();
        self.fact(from, 0, Payload::AgreementSuspended(v1::AgreementSuspended { reason }));
        let to = days_after(from, self.random.between(7, 20));
        let reason = "The review is done.".to_owned();
        self.fact(to, 0, Payload::AgreementResumed(v1::AgreementResumed { reason }));
    }

    fn reservations(&mut self) {
        let years = self.plan.last.days_since(self.contract.start) / 365;
        for number in 1..=years.max(1) {
            let from = self.within(5, 95);
            let reservation_id = format!("reservation-{number}");
            let buyer = self.contract.signed.buyers.first().and_then(|buyer| buyer.id.clone());
            let reserved = v1::HeadroomReserved {
                reservation_id: reservation_id.clone(),
                amount: Some(self.money(self.plan.average_minor * 3)),
                expiry_date: days_after(from, self.random.between(45, 120)).to_string(),
                buyer,
                purpose: "A larger purchase is being prepared.".to_owned(),
                ..v1::HeadroomReserved::default()
            };
            self.fact(from, 0, Payload::HeadroomReserved(reserved));
            if self.random.chance(500) {
                let reason = "The purchase was given up.".to_owned();
                let released = v1::ReservationReleased { reservation_id, reason };
                let after = days_after(from, self.random.between(10, 40));
                self.fact(after, 0, Payload::ReservationReleased(released));
            }
        }
    }

    /// Somebody asks for more than there is: refused where the ceiling is a maximum.
    fn refused_order(&mut self) {
        let is_maximum = self
            .contract
            .signed
            .ceilings
            .first()
            .is_some_and(|ceiling| ceiling.kind == i32::from(v1::CeilingKind::Maximum));
        if !is_maximum {
            return;
        }
        let day = self.within(40, 80);
        let party = |parties: &[v1::Organisation]| parties.first().and_then(|it| it.id.clone());
        let placed = v1::OrderPlaced {
            order_id: "order-too-large".to_owned(),
            buyer: party(&self.contract.signed.buyers),
            supplier: party(&self.contract.signed.suppliers),
            amount: Some(self.money(self.contract.ceiling_minor / 10 * 12)),
            ordered_by: "person-0".to_owned(),
            approved_by: "person-1".to_owned(),
            ..v1::OrderPlaced::default()
        };
        self.fact(day, 0, Payload::OrderPlaced(placed));
        if let Some(milestone) = self.milestones.last_mut() {
            milestone.mode = v1::AdmissionMode::Intent;
        }
        if self.random.chance(200) {
            let granted = v1::OverrideGranted {
                override_id: "override-1".to_owned(),
                limit: Some(self.money(self.contract.ceiling_minor / 20)),
                reason: "Needed until the next agreement is in place.".to_owned(),
                end_date: days_after(day, 90).to_string(),
                granted_by: "manager-1".to_owned(),
                seconded_by: "manager-2".to_owned(),
            };
            self.fact(days_after(day, 5), 0, Payload::OverrideGranted(granted));
        }
    }

    fn ending(&mut self) {
        if let Some(day) = self.plan.terminated {
            let terminated = v1::AgreementTerminated {
                reason: "The supplier no longer delivers as agreed.".to_owned(),
                open_orders: i32::from(v1::OpenOrderTreatment::Finish),
            };
            self.fact(day, 1, Payload::AgreementTerminated(terminated));
        }
        if self.random.chance(400) {
            let reason = "Everything is settled.".to_owned();
            let day = days_after(self.plan.end.max(self.plan.last), 200);
            self.fact(day, 0, Payload::AgreementClosed(v1::AgreementClosed { reason }));
        }
    }

    /// A day between two shares of the time in which is bought.
    fn within(&mut self, low_per_cent: i64, high_per_cent: i64) -> Date {
        let days = self.plan.last.days_since(self.plan.first).max(0);
        let share = self.random.between(low_per_cent, high_per_cent);
        days_after(self.plan.first, days * share / 100)
    }

    fn money(&self, minor: i64) -> v1::Money {
        super::message::money(minor, &self.contract.signed.currency)
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
