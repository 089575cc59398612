//! One purchase: an order with its deliveries, invoices and payments, or an invoice without an
//! order, and what goes wrong with some of them. Kept small, because many are under way at a time;
//! `message` writes a step as an event when its time has come.

use super::contract::Delivery;
use super::moment::{WORKING_SECONDS, days_after, in_working_hours};
use super::plan::Plan;
use super::random::Random;
use crate::domain::date::Date;

/// One purchase under way.
#[derive(Debug)]
pub(super) struct CallOff {
    /// Number within the agreement.
    pub(super) number: u64,
    /// Who delivers what.
    pub(super) delivery: Delivery,
    /// Place in the list of buyers.
    pub(super) buyer: usize,
    /// Department that buys.
    pub(super) department: u64,
    /// Place in the list of CPV codes.
    pub(super) cpv: u64,
    /// Person that orders.
    pub(super) ordered_by: u64,
    /// Person that approves.
    pub(super) approved_by: u64,
    /// Whether there is an order.
    pub(super) basis: Basis,
    /// Ten-thousandths of the agreement's currency for one euro, where it is in euro.
    pub(super) euro_rate: Option<i64>,
    /// What is to come, in the order of recording.
    pub(super) steps: std::vec::IntoIter<Step>,
}

impl CallOff {
    /// The same purchase in two orders: who buys what from whom is as in the first.
    pub(super) fn split_from(&mut self, first: &Self) {
        self.delivery = first.delivery;
        self.buyer = first.buyer;
        self.department = first.department;
        self.cpv = first.cpv;
        self.ordered_by = first.ordered_by;
        self.approved_by = first.approved_by;
    }
}

/// What an invoice rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// An order.
    Order,
    /// No order.
    OffOrder,
    /// No order, and a supplier that is no party.
    Stranger,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// When it is recorded, in microseconds after 1970.
    pub(super) recorded: i64,
    /// Business date.
    pub(super) effective: Date,
    /// What.
    pub(super) what: What,
}

/// What happens. Amounts are in minor units; bills and payments are numbered within the purchase.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    /// To the order.
    Order(OrderStep),
    /// To an invoice.
    Bill(BillStep),
    /// To money.
    Payment(PaymentStep),
}

/// What happens to the order.
#[derive(Debug, Clone, Copy)]
pub(super) enum OrderStep {
    Placed { net: i64 },
    Confirmed,
    Rejected,
    Changed { net: i64 },
    Cancelled,
    Delivered { bill: u64, net: i64 },
    Closed,
    Reopened,
}

/// What happens to an invoice.
#[derive(Debug, Clone, Copy)]
pub(super) enum BillStep {
    Invoiced { bill: u64, same_number_as: u64, issued: Date, net: i64, kind: BillKind },
    Corrected { bill: u64, corrects: u64, net: i64 },
    Credited { bill: u64, net: i64 },
    Approved { bill: u64 },
    Disputed { bill: u64, net: i64 },
    Resolved { bill: u64 },
    Rejected { bill: u64 },
    Offset { prepayment: u64, bill: u64, net: i64 },
}

/// What happens to money.
#[derive(Debug, Clone, Copy)]
pub(super) enum PaymentStep {
    Paid { bill: u64, payment: u64, gross: i64 },
    Reversed { payment: u64 },
    Withheld { bill: u64, gross: i64, due: Date },
    Released { bill: u64, gross: i64 },
}

impl From<OrderStep> for What {
    fn from(step: OrderStep) -> Self {
        Self::Order(step)
    }
}

impl From<BillStep> for What {
    fn from(step: BillStep) -> Self {
        Self::Bill(step)
    }
}

impl From<PaymentStep> for What {
    fn from(step: PaymentStep) -> Self {
        Self::Payment(step)
    }
}

/// What kind of invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BillKind {
    /// For what was bought.
    Commercial {
        /// What it states as prepaid, VAT included.
        prepaid: i64,
    },
    /// Ahead of delivery.
    Prepayment,
    /// For paying late.
    Interest,
}

impl What {
    /// Whether it counts in the proportion of invoices.
    fn is_invoice(self) -> bool {
        matches!(self, Self::Bill(BillStep::Invoiced { .. } | BillStep::Corrected { .. }))
    }
}

/// VAT of an amount without it: one quarter, rounded half away from zero.
pub(super) fn vat_of(net: i64) -> i64 {
    (net + net.signum() * 2) / 4
}

/// Plans a purchase that begins on a day. Also tells how many invoices it has.
pub(super) fn plan_call_off(
    plan: &Plan,
    random: &mut Random,
    number: u64,
    day: Date,
    deliveries: &[Delivery],
    buyers: usize,
) -> (CallOff, u64) {
    let delivery = random.pick(deliveries).copied().unwrap_or(Delivery { supplier: 0, lot: None });
    let basis = match random.below(1000) {
        0..=849 => Basis::Order,
        850..=997 => Basis::OffOrder,
        _ => Basis::Stranger,
    };
    let ordered_by = random.below(plan.departments * 4);
    // Now and then one person does both.
    let other = ordered_by + 1 + random.below(plan.departments * 4);
    let approved_by = if random.chance(5) { ordered_by } else { other };
    let euro_rate = random.chance(15).then(|| 110_000 + random.between(0, 9_999));
    let average = match euro_rate {
        Some(rate) => plan.average_minor * 10_000 / rate,
        None => plan.average_minor,
    };
    let mut script = Script { random, steps: Vec::new(), last: 0, bill: 0, payment: 0 };
    match basis {
        Basis::Order => script.order(day, average.max(100)),
        Basis::OffOrder | Basis::Stranger => script.off_order(day, average.max(100)),
    }
    let Script { mut steps, random, .. } = script;
    steps.sort_by_key(|step| step.recorded);
    let invoices = steps.iter().filter(|step| step.what.is_invoice()).count();
    let call_off = CallOff {
        number,
        delivery,
        buyer: usize::try_from(random.below(u64::try_from(buyers).unwrap_or(1))).unwrap_or(0),
        department: random.below(plan.departments),
        cpv: random.next() >> 32,
        ordered_by,
        approved_by,
        basis,
        euro_rate,
        steps: steps.into_iter(),
    };
    (call_off, u64::try_from(invoices).unwrap_or(u64::MAX))
}

/// A purchase under construction.
struct Script<'a> {
    random: &'a mut Random,
    steps: Vec<Step>,
    /// Recorded time before which nothing that follows can be recorded.
    last: i64,
    bill: u64,
    payment: u64,
}

impl Script<'_> {
    /// Adds what follows from what was added before it, recorded some days after it happened.
    fn then(&mut self, effective: Date, days: i64, what: impl Into<What>) {
        let seconds = self.random.between(0, WORKING_SECONDS);
        let recorded = in_working_hours(days_after(effective, days), seconds);
        self.last = recorded.max(self.last + 60_000_000);
        self.steps.push(Step { recorded: self.last, effective, what: what.into() });
    }

    fn order(&mut self, day: Date, average: i64) {
        let share = i64::from(self.random.chance(150)) + i64::from(self.random.chance(100)) + 1;
        let net = self.around(average) * share;
        if self.random.chance(20) {
            return self.late_order(day, net);
        }
        self.then(day, 0, OrderStep::Placed { net });
        if self.random.chance(10) {
            let after = days_after(day, 2);
            return self.then(after, 0, OrderStep::Rejected);
        }
        if self.random.chance(600) {
            let after = days_after(day, 1);
            self.then(after, 0, OrderStep::Confirmed);
        }
        if self.random.chance(20) {
            let after = days_after(day, self.random.between(3, 20));
            return self.then(after, 0, OrderStep::Cancelled);
        }
        let net = if self.random.chance(80) { self.change(day, net) } else { net };
        let prepaid = if self.random.chance(12) { self.prepay(day, net) } else { None };
        let mut date = days_after(day, self.random.between(5, 25));
        for part in 1..=share {
            let part_net =
                if part == share { net - net / share * (share - 1) } else { net / share };
            if self.random.chance(800) {
                let bill = self.bill + 1;
                self.then(date, 0, OrderStep::Delivered { bill, net: part_net });
            }
            date = days_after(date, self.random.between(1, 7));
            let prepaid = prepaid.filter(|_| part == share);
            date = self.bill(date, part_net, prepaid);
            date = days_after(date, self.random.between(3, 20));
        }
        self.close(date, net);
    }

    fn close(&mut self, date: Date, net: i64) {
        if !self.random.chance(850) {
            return;
        }
        self.then(date, 0, OrderStep::Closed);
        if self.random.chance(8) {
            let after = days_after(date, self.random.between(2, 10));
            self.then(after, 0, OrderStep::Reopened);
            let after = days_after(after, 5);
            self.then(after, 0, OrderStep::Closed);
        }
        if self.random.chance(8) {
            let after = days_after(date, self.random.between(10, 40));
            self.bill(after, (net / 20).max(100), None);
        }
    }

    /// An order that is registered long after it was placed; its invoices came first.
    fn late_order(&mut self, day: Date, net: i64) {
        let days = self.random.between(35, 80);
        let seconds = self.random.between(0, WORKING_SECONDS);
        let recorded = in_working_hours(days_after(day, days), seconds);
        self.steps.push(Step { recorded, effective: day, what: OrderStep::Placed { net }.into() });
        let date = days_after(day, self.random.between(5, 20));
        let date = self.bill(date, net, None);
        self.last = self.last.max(recorded);
        let date = days_after(date, days);
        self.then(date, 0, OrderStep::Closed);
    }

    fn off_order(&mut self, day: Date, average: i64) {
        let net = self.around(average);
        let date = self.bill(day, net, None);
        if self.random.chance(25) {
            self.bill += 1;
            let (bill, fee) = (self.bill, self.random.between(7_000, 90_000));
            let date = days_after(date, 20);
            let kind = BillKind::Interest;
            self.then(
                date,
                1,
                BillStep::Invoiced { bill, same_number_as: bill, issued: date, net: fee, kind },
            );
        }
    }

    fn change(&mut self, day: Date, net: i64) -> i64 {
        let changed = (net / 100 * self.random.between(80, 125)).max(100);
        let after = days_after(day, self.random.between(2, 5));
        self.then(after, 0, OrderStep::Changed { net: changed });
        changed
    }

    /// A prepayment of a third, paid at once. Returns its bill and its net amount.
    fn prepay(&mut self, day: Date, net: i64) -> Option<(u64, i64)> {
        let third = net / 3;
        if third == 0 {
            return None;
        }
        self.bill += 1;
        let (bill, date) = (self.bill, days_after(day, 3));
        let kind = BillKind::Prepayment;
        self.then(
            date,
            1,
            BillStep::Invoiced { bill, same_number_as: bill, issued: date, net: third, kind },
        );
        self.pay(days_after(date, 5), bill, third + vat_of(third));
        Some((bill, third))
    }

    /// One invoice and all that follows from it. Returns the day of its last event.
    fn bill(&mut self, date: Date, net: i64, prepaid: Option<(u64, i64)>) -> Date {
        let excess =
            if self.random.chance(18) { net / 100 * self.random.between(3, 25) } else { 0 };
        let billed = net + excess;
        self.bill += 1;
        let bill = self.bill;
        let delay = if self.random.chance(12) {
            self.random.between(32, 75)
        } else {
            self.random.between(0, 4)
        };
        // Some suppliers state what was prepaid; where they do not, somebody offsets it by hand.
        let is_stated = self.random.chance(700);
        let stated = prepaid.filter(|_| is_stated).map_or(0, |(_, net)| net + vat_of(net));
        let kind = BillKind::Commercial { prepaid: stated };
        self.then(
            date,
            delay,
            BillStep::Invoiced { bill, same_number_as: bill, issued: date, net: billed, kind },
        );
        if let Some((prepayment, net)) = prepaid.filter(|_| !is_stated) {
            self.then(days_after(date, 1), delay, BillStep::Offset { prepayment, bill, net });
        }
        if self.random.chance(7) {
            self.duplicate(date, bill, billed);
        }
        let mut day = days_after(date, delay + self.random.between(1, 6));
        if self.random.chance(20) {
            self.then(day, 0, BillStep::Disputed { bill, net: billed });
            day = days_after(day, self.random.between(5, 25));
            if self.random.chance(150) {
                self.then(day, 0, BillStep::Rejected { bill });
                return day;
            }
            self.then(day, 0, BillStep::Resolved { bill });
        }
        let credit =
            if excess > 0 && self.random.chance(600) { excess } else { self.goodwill(billed) };
        if credit > 0 {
            day = days_after(day, self.random.between(1, 10));
            self.credit(day, bill, credit);
        }
        self.then(day, 0, BillStep::Approved { bill });
        let net_due = billed - credit;
        let due = net_due + vat_of(billed) - vat_of(credit) - stated;
        let paid_on = days_after(day, self.random.between(5, 28));
        self.settle(paid_on, bill, due)
    }

    fn goodwill(&mut self, net: i64) -> i64 {
        if self.random.chance(30) { net / 100 * self.random.between(2, 40) } else { 0 }
    }

    /// A credit note, or, from a few suppliers, a negative invoice.
    fn credit(&mut self, day: Date, bill: u64, credit: i64) {
        if self.random.chance(900) {
            return self.then(day, 0, BillStep::Credited { bill, net: credit });
        }
        self.bill += 1;
        let corrected = BillStep::Corrected { bill: self.bill, corrects: bill, net: -credit };
        self.then(day, 0, corrected);
    }

    /// The same invoice again, which most often is noticed.
    fn duplicate(&mut self, date: Date, bill: u64, net: i64) {
        self.bill += 1;
        let copy = self.bill;
        let kind = BillKind::Commercial { prepaid: 0 };
        let days = self.random.between(5, 20);
        self.then(
            date,
            days,
            BillStep::Invoiced { bill: copy, same_number_as: bill, issued: date, net, kind },
        );
        if self.random.chance(600) {
            let after = days_after(date, days + self.random.between(3, 30));
            self.then(after, 0, BillStep::Rejected { bill: copy });
        }
    }

    fn settle(&mut self, day: Date, bill: u64, due: i64) -> Date {
        if due <= 0 {
            return day;
        }
        if self.random.chance(10) {
            let held = due / 10;
            if held > 0 {
                let release = days_after(day, 60);
                self.then(day, 0, PaymentStep::Withheld { bill, gross: held, due: release });
                self.pay(day, bill, due - held);
                self.then(release, 0, PaymentStep::Released { bill, gross: held });
                self.pay(release, bill, held);
                return release;
            }
        }
        let paid = if self.random.chance(4) { due + due / 20 } else { due };
        let payment = self.pay(day, bill, paid);
        if self.random.chance(4) {
            let after = days_after(day, 2);
            self.then(after, 0, PaymentStep::Reversed { payment });
            self.pay(days_after(after, 3), bill, due);
        }
        day
    }

    fn pay(&mut self, day: Date, bill: u64, gross: i64) -> u64 {
        self.payment += 1;
        let payment = self.payment;
        self.then(day, 0, PaymentStep::Paid { bill, payment, gross });
        payment
    }

    /// From three tenths to seventeen tenths of the average, in whole kroner where it is that large.
    fn around(&mut self, average: i64) -> i64 {
        let minor = average / 10 * self.random.between(3, 17);
        let minor = if minor > 10_000 { minor / 100 * 100 } else { minor };
        minor.max(100)
    }
}
