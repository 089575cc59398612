//! Every finding as a condition at one point of the two times.

use std::collections::BTreeMap;

use contract_ledger::domain::event::{
    CeilingKind, FrameworkKind, InvoiceKind, LegalBasis, OptionGives, OrderPolicy, Payload,
    Reasoned, Reasoning, Recorded,
};
use contract_ledger::domain::money::{Amount, Currency, Money};
use contract_ledger::domain::reason::Reason;
use contract_ledger::domain::scope::Scope;
use num_bigint::BigInt;

use super::admission::{competition_missing, late_option, order_duties, override_reasons};
use super::charter::{charter, charter_before, charter_on, last_day_of_four_years};
use super::documents::{
    Counts, Invoice, counts, credit_notes, invoice, invoices, is_rejected, lowered, names_another,
    net_less_credits, payments,
};
use super::history::{Fold, History};
use super::orders::{Status, in_own, order, order_before, order_ids};
use super::sums::{forecast, usage};

/// Conditions that hold: rule and subject, and the amount where there is one.
#[derive(Debug, Default)]
pub(super) struct Conditions(pub(super) BTreeMap<(Reason, String), Option<String>>);

impl Conditions {
    pub(super) fn add(&mut self, rule: Reason, subject: impl Into<String>) {
        self.0.entry((rule, subject.into())).or_insert(None);
    }

    pub(super) fn add_with(
        &mut self,
        rule: Reason,
        subject: impl Into<String>,
        amount: Amount,
        currency: Currency,
    ) {
        let money = Money { amount, currency };
        self.0.entry((rule, subject.into())).or_insert(Some(money.to_string()));
    }
}

/// Everything that is wrong as of the fold's day, as known by so many events.
pub(super) fn conditions(history: &History, known: usize, fold: &Fold<'_>) -> Conditions {
    let mut found = Conditions::default();
    if fold.signed > fold.as_of {
        return found;
    }
    ceilings(fold, &mut found);
    for (place, event) in fold.events.iter().enumerate() {
        agreement_event(history, known, fold, place, event, &mut found);
        order_event(fold, place, event, &mut found);
        control(fold, place, event, &mut found);
    }
    amendments(fold, &mut found);
    split_orders(fold, &mut found);
    for id in order_ids(fold) {
        over_invoiced(fold, &id, &mut found);
    }
    for invoice in invoices(fold) {
        invoice_findings(fold, invoice, &mut found);
        super::episodes::overpaid(fold, invoice, &mut found);
    }
    credits_and_payments(fold, &mut found);
    super::episodes::duplicates(fold, &mut found);
    found
}

fn ceilings(fold: &Fold<'_>, found: &mut Conditions) {
    let own = fold.currency();
    let steps = charter(fold).policy.warning_steps_ppm;
    for (scope, used) in usage(fold) {
        let subject = scope.to_string();
        if used.remaining.is_negative() {
            let rule = match used.kind {
                CeilingKind::Maximum => Reason::CeilingExceeded,
                CeilingKind::Estimate => Reason::EstimateExceeded,
            };
            found.add_with(rule, &*subject, used.remaining.negated(), own);
        }
        for step in &steps {
            if used.usage_ppm.as_ref().is_some_and(|ppm| *ppm >= BigInt::from(*step)) {
                let percent = step_text(*step);
                found.add(Reason::ThresholdReached, format!("{subject}@{percent}"));
            }
        }
    }
    if forecast(fold).is_some_and(|forecast| forecast.is_early()) {
        found.add(Reason::ForecastRunsOutEarly, "agreement");
    }
}

fn step_text(ppm: u32) -> String {
    let (whole, part) = (ppm / 10_000, ppm % 10_000);
    if part == 0 {
        return whole.to_string();
    }
    format!("{whole}.{part:04}").trim_end_matches('0').to_owned()
}

fn agreement_event(
    history: &History,
    known: usize,
    fold: &Fold<'_>,
    place: usize,
    event: &Recorded,
    found: &mut Conditions,
) {
    match &event.event.payload {
        Payload::AgreementSigned(terms) => {
            let ends = terms.options.iter().filter_map(|option| match &option.gives {
                OptionGives::Time { new_end } => Some(*new_end),
                OptionGives::Volume { .. } => None,
            });
            let last = ends.fold(terms.end, std::cmp::Ord::max);
            if last > last_day_of_four_years(terms.start)
                && terms.term_justification == Reasoning::Missing
            {
                found.add(Reason::TermOverFourYears, "agreement");
            }
        }
        Payload::OptionExercised(used) => {
            let before = charter_before(fold, place);
            let subject = format!("option:{}", used.option);
            if !before.is_next(fold, &used.option) {
                found.add(Reason::OptionNotAvailable, &*subject);
            }
            if late_option(fold, &before, &used.option, event.event.effective) {
                found.add(Reason::OptionLate, subject);
            }
        }
        Payload::OptionDeclined(declined) => {
            let known = fold.terms.options.iter().any(|terms| terms.option == declined.option);
            if !known || charter_before(fold, place).exercised.contains(&declined.option) {
                found.add(Reason::OptionNotAvailable, format!("option:{}", declined.option));
            }
        }
        Payload::AgreementAmended(amended) => {
            let subject = format!("amendment:{}", amended.amendment);
            ceiling_below_exposure(history, known, fold, place, &subject, found);
        }
        Payload::PriceIndexed(_) => {
            let subject = format!("event:{}", event.event_id);
            ceiling_below_exposure(history, known, fold, place, &subject, found);
        }
        _ => {}
    }
}

fn ceiling_below_exposure(
    history: &History,
    known: usize,
    fold: &Fold<'_>,
    place: usize,
    subject: &str,
    found: &mut Conditions,
) {
    let (before, after) = (charter_before(fold, place), charter_before(fold, place + 1));
    let day = fold.events[place].event.effective;
    let own_day = history.fold(known, day).unwrap();
    let mut largest: Option<Amount> = None;
    for (scope, used) in usage(&own_day) {
        let amount = |ceilings: &BTreeMap<Scope, (CeilingKind, Amount)>| {
            ceilings.get(&scope).map(|(_, amount)| *amount)
        };
        // A ceiling where there was none limits what nothing limited before.
        let lower = match (amount(&before.ceilings), amount(&after.ceilings)) {
            (Some(before), Some(after)) => after < before,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if lower && used.kind == CeilingKind::Maximum && used.remaining.is_negative() {
            largest = largest.max(Some(used.remaining.negated()));
        }
    }
    if let Some(amount) = largest {
        found.add_with(Reason::CeilingBelowExposure, subject, amount, fold.currency());
    }
}

fn order_event(fold: &Fold<'_>, place: usize, event: &Recorded, found: &mut Conditions) {
    let named = match &event.event.payload {
        Payload::OrderChanged(changed) => &changed.order,
        Payload::OrderCancelled(named) | Payload::OrderClosed(named) => &named.order,
        Payload::DeliveryReceived(delivery) => &delivery.order,
        Payload::OrderPlaced(placed) => {
            let day = event.event.effective;
            let charter = charter_on(fold, day);
            let mut reasons = charter.parties(&placed.keys);
            reasons.extend(order_duties(placed));
            if competition_missing(fold.terms.framework_kind, placed) {
                reasons.push(Reason::CompetitionMissing);
            }
            let corrects = event.event.corrects.is_some();
            reasons.extend(charter.stops(fold.terms.start, day, corrects));
            for reason in reasons {
                let (subject, value) = (format!("order:{}", placed.order), placed.value);
                found.add_with(reason, subject, in_own(fold, value), fold.currency());
            }
            return;
        }
        Payload::HeadroomReserved(reserved) => {
            for reason in charter_on(fold, event.event.effective).parties(&reserved.keys) {
                let subject = format!("reservation:{}", reserved.reservation);
                let value = in_own(fold, reserved.value);
                found.add_with(reason, subject, value, fold.currency());
            }
            return;
        }
        _ => return,
    };
    if order_before(fold, named, place).status != Status::Open {
        found.add(Reason::OrderNotOpen, format!("order:{named}"));
    }
}

fn control(fold: &Fold<'_>, place: usize, event: &Recorded, found: &mut Conditions) {
    let subject = format!("event:{}", event.event_id);
    match &event.event.payload {
        Payload::AgreementAmended(amended) if amended.reasoning == Reasoning::Missing => {
            found.add(Reason::ReasonMissing, format!("amendment:{}", amended.amendment));
        }
        Payload::OverrideGranted(granted) => {
            for reason in override_reasons(granted) {
                found.add(reason, format!("override:{}", granted.override_id));
            }
        }
        Payload::AgreementSuspended(Reasoned { reasoning: Reasoning::Missing })
        | Payload::AgreementTerminated(Reasoned { reasoning: Reasoning::Missing }) => {
            found.add(Reason::ReasonMissing, &*subject);
        }
        Payload::InvoiceDisputed(disputed) if disputed.reasoning == Reasoning::Missing => {
            found.add(Reason::ReasonMissing, &*subject);
        }
        Payload::InvoiceRejected(rejected) if rejected.reasoning == Reasoning::Missing => {
            found.add(Reason::ReasonMissing, &*subject);
        }
        Payload::FindingWaived(handled) | Payload::FindingResolved(handled)
            if handled.reasoning == Reasoning::Missing =>
        {
            found.add(Reason::ReasonMissing, &*subject);
        }
        _ => {}
    }
    if let Some(excess) = fold.overridden[place] {
        found.add_with(Reason::OverrideUsed, &*subject, excess, fold.currency());
    }
    let effective = event.event.effective;
    let late = event.recorded.oslo_date().days_since(effective);
    let limit = charter_on(fold, effective).policy.late_registration_days;
    let control = event.event.payload.group() == contract_ledger::domain::event::Group::Control;
    if late > i64::from(limit) && !control && event.event.corrects.is_none() {
        found.add(Reason::LateRegistration, subject);
    }
}

fn amendments(fold: &Fold<'_>, found: &mut Conditions) {
    let original = fold.terms.ceilings.iter().find(|ceiling| ceiling.scope == Scope::Agreement);
    let original = original.unwrap().amount;
    let mut cumulated = Amount::ZERO;
    let mut last = None;
    for event in &fold.events {
        let Payload::AgreementAmended(amended) = &event.event.payload else { continue };
        let policy = charter_on(fold, event.event.effective).policy;
        let mut changes = amended.ceiling_changes.iter();
        let change = changes.find(|change| change.scope == Scope::Agreement);
        let Some(change) = change.map(|change| change.change.amount) else { continue };
        match amended.basis {
            LegalBasis::ModMinv => {
                cumulated = cumulated.plus(change);
                last = Some(policy);
            }
            LegalBasis::AddWss | LegalBasis::ModCir
                if share_of(change, original, policy.amendment_max_ppm).is_gt() =>
            {
                let subject = format!("amendment:{}", amended.amendment);
                found.add_with(Reason::AmendmentOverHalf, subject, change, fold.currency());
            }
            _ => {}
        }
    }
    let Some(policy) = last else { return };
    let amount = cumulated.magnitude();
    let over_share = share_of(amount, original, policy.de_minimis_ppm).is_ge();
    let over_threshold = policy.eea_threshold.is_some_and(|threshold| amount >= threshold);
    if !amount.is_zero() && (over_share || over_threshold) {
        found.add_with(Reason::AmendmentDeMinimis, "agreement", amount, fold.currency());
    }
}

/// How an amount compares with a share of a whole.
fn share_of(amount: Amount, whole: Amount, ppm: u32) -> std::cmp::Ordering {
    // Compared in parts of the smallest amount that any currency here has.
    let unit = Amount::parse("0.001", Currency::parse("KWD").unwrap()).unwrap();
    let amount = amount.times_over(1_000_000, unit).unwrap();
    amount.cmp(&whole.times_over(i64::from(ppm), unit).unwrap())
}

fn split_orders(fold: &Fold<'_>, found: &mut Conditions) {
    let mut seen = Vec::new();
    for event in &fold.events {
        let Payload::OrderPlaced(placed) = &event.event.payload else { continue };
        let (Some(department), Some(cpv)) = (&placed.department, &placed.cpv) else { continue };
        let policy = charter_on(fold, event.event.effective).policy;
        let value = order(fold, &placed.order).ordered(fold);
        let key = (department, &placed.keys.supplier, cpv);
        seen.push((event.event.effective, key, value));
        let Some(threshold) = policy.split_threshold else { continue };
        let counts = |value: Amount| value.is_positive() && value < threshold;
        if !counts(value) {
            continue;
        }
        let (mut sum, mut count) = (Amount::ZERO, 0);
        for (day, other, value) in &seen {
            let apart = event.event.effective.days_since(*day);
            if *other == key && counts(*value) && apart <= i64::from(policy.split_window_days) {
                sum = sum.plus(*value);
                count += 1;
            }
        }
        if count >= 2 && sum >= threshold {
            let subject = format!("order:{}", placed.order);
            found.add_with(Reason::SplitSuspected, subject, sum, fold.currency());
        }
    }
}

fn over_invoiced(
    fold: &Fold<'_>,
    id: &contract_ledger::domain::id::OrderId,
    found: &mut Conditions,
) {
    let Some(ordered) = order(fold, id).last_value else { return };
    let mut values = Vec::new();
    for invoice in invoices(fold) {
        let stated = invoice.stated;
        let on_order = counts(fold, invoice) == Counts::OnOrder(id.clone());
        let root = lowered(fold, stated).map_or(stated, |other| other.stated);
        let kinds = [stated.kind, root.kind];
        if !on_order || is_rejected(fold, stated) || kinds != [InvoiceKind::Commercial; 2] {
            continue;
        }
        values.push(stated.net);
        for (_, credit) in credit_notes(fold) {
            if credit.invoice == stated.invoice {
                let mut lowering = credit.net;
                lowering.money.amount = lowering.money.amount.negated();
                values.push(lowering);
            }
        }
    }
    let shared = values.iter().all(|value| value.money.currency == ordered.money.currency);
    let currency = if shared { ordered.money.currency } else { fold.currency() };
    let amount = |value: contract_ledger::domain::event::Value| {
        if shared { value.money.amount } else { in_own(fold, value) }
    };
    let invoiced = values.into_iter().map(amount).fold(Amount::ZERO, Amount::plus);
    let excess = invoiced.minus(amount(ordered));
    if excess.is_positive() {
        found.add_with(Reason::OverInvoiced, format!("order:{id}"), excess, currency);
    }
}

fn invoice_findings(fold: &Fold<'_>, invoice: Invoice<'_>, found: &mut Conditions) {
    let stated = invoice.stated;
    let subject = format!("invoice:{}", stated.invoice);
    let (amount, own) = (net_less_credits(fold, stated), fold.currency());
    let organisations = [&stated.keys.supplier, &stated.keys.buyer];
    if organisations.into_iter().flatten().any(|organisation| !organisation.is_valid()) {
        found.add_with(Reason::InvalidOrganisationNumber, &*subject, amount, own);
    }
    if is_rejected(fold, stated) {
        return;
    }
    // What lowers another invoice is told with that one.
    if lowered(fold, stated).is_some() {
        return;
    }
    if names_another(stated) {
        found.add_with(Reason::UnknownInvoice, subject, amount, own);
        return;
    }
    match (&stated.order, counts(fold, invoice)) {
        (Some(id), Counts::OnOrder(_)) => {
            let ended = is_ended(order_before(fold, id, invoice.place).status);
            if ended && stated.kind != InvoiceKind::InterestOrFee {
                found.add_with(Reason::InvoiceOnClosedOrder, subject, amount, own);
            }
        }
        (Some(_), Counts::OffOrder(_)) => {
            found.add_with(Reason::UnknownOrder, subject, amount, own);
        }
        (None, _) => {
            let required = fold.terms.order_policy == OrderPolicy::Required;
            if required && stated.kind != InvoiceKind::InterestOrFee {
                found.add_with(Reason::OffOrderInvoice, subject, amount, own);
            }
        }
    }
}

fn is_ended(status: Status) -> bool {
    match status {
        Status::NotPlaced | Status::Open => false,
        Status::Cancelled | Status::Rejected | Status::Closed => true,
    }
}

fn credits_and_payments(fold: &Fold<'_>, found: &mut Conditions) {
    for (_, credit) in credit_notes(fold) {
        let subject = format!("credit_note:{}", credit.credit_note);
        let amount = in_own(fold, credit.net);
        if !credit.supplier.is_valid() {
            let rule = Reason::InvalidOrganisationNumber;
            found.add_with(rule, &*subject, amount, fold.currency());
        }
        if invoice(fold, &credit.invoice).is_none() {
            found.add_with(Reason::UnknownInvoice, subject, amount, fold.currency());
        }
    }
    for (_, payment) in payments(fold) {
        if invoice(fold, &payment.invoice).is_none() {
            let amount = in_own(fold, payment.value);
            let subject = format!("payment:{}", payment.payment);
            found.add_with(Reason::UnknownInvoice, subject, amount, fold.currency());
        }
    }
}

/// Whether every order must follow from a reopened competition.
pub(super) fn needs_competition(kind: FrameworkKind) -> bool {
    match kind {
        FrameworkKind::WithReopenedCompetition => true,
        FrameworkKind::WithoutReopenedCompetition | FrameworkKind::Mixed => false,
    }
}
