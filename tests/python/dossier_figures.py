"""Derives the figures of an agreement from the events in a dossier, and compares them with its answer.

Usage: dossier_figures.py DOSSIER...

A program for auditors that shares nothing with the ledger: the standard library of Python, and the rules
as docs/decisions.md and the comments of the proto files tell them. It derives the figures of the whole
agreement as of the day and as known at the time that the file states. Lots, suppliers and buyers with
ceilings of their own, the forecast and the findings are not derived, and it says so.

Exit code 0: every figure follows, to the smallest unit of the currency. 1: one does not, or the file does
not hold; what is wrong is named. 2: the file has something that this program does not know.
"""

import pathlib
import sys
from decimal import ROUND_HALF_UP, Decimal, localcontext

from dossier_file import Refused, load

# Digits behind the point (ISO 4217). A currency that is not here is not guessed at.
MINOR_DIGITS = {
    **dict.fromkeys(["NOK", "SEK", "DKK", "EUR", "USD", "GBP", "CHF", "PLN", "CZK", "CAD", "AUD"], 2),
    **dict.fromkeys(["JPY", "ISK", "KRW"], 0),
    **dict.fromkeys(["KWD", "BHD", "TND"], 3),
}

# Events that move none of the figures below, and why it is right to pass them over.
WITHOUT_EFFECT = {
    "option_declined": "gives an option up",
    "agreement_suspended": "stops orders, not what counts",
    "agreement_resumed": "lets orders go on",
    "agreement_terminated": "never changes what an order exposes",
    "agreement_closed": "bars what comes later",
    "order_confirmed": "the supplier's word",
    "delivery_received": "information only",
    "invoice_approved": "allows payment",
    "invoice_disputed": "a disputed invoice goes on counting",
    "dispute_resolved": "it counted all the time",
    "retention_withheld": "moves what is outstanding, never paid or exposure",
    "retention_released": "the same",
    "override_granted": "lifts a stop, adds no money",
    "finding_acknowledged": "about a finding",
    "finding_waived": "about a finding",
    "finding_resolved": "about a finding",
    "threshold_policy_set": "about findings",
    "document_attached": "a document",
}
WITH_EFFECT = {
    "agreement_signed",
    "option_exercised",
    "agreement_amended",
    "price_indexed",
    "headroom_reserved",
    "reservation_released",
    "order_placed",
    "order_rejected",
    "order_changed",
    "order_cancelled",
    "order_closed",
    "order_reopened",
    "invoice_received",
    "credit_note_received",
    "invoice_rejected",
    "prepayment_offset",
    "invoice_paid",
    "payment_reversed",
    "event_reversed",
}
ENVELOPE = {
    "effective_date",
    "admission_mode",
    "source",
    "actor",
    "correlation_id",
    "causation_id",
    "corrects_event_id",
    "documents",
}
ENDS = {"order_rejected": "rejected", "order_cancelled": "cancelled", "order_closed": "closed", "order_reopened": "open"}
ZERO = Decimal(0)


class NotSupported(Exception):
    """Something that this program does not know, so it says nothing about the figures."""


class Event:
    """An event of the agreement: what it is, what it states, when it holds, where it stands."""

    def __init__(self, record):
        self.position = record["position"]
        self.id = record["event"]["event_id"]
        stated = record["event"]["event"]
        self.day = stated["effective_date"]
        kinds = [name for name in stated if name not in ENVELOPE]
        if len(kinds) != 1 or kinds[0] not in WITH_EFFECT | WITHOUT_EFFECT.keys():
            raise NotSupported(f"the event at position {self.position} is of a kind not known here: {kinds}")
        self.kind = kinds[0]
        self.stated = stated[self.kind]


class Figures:
    """The sums of the whole agreement at one point of the two times."""

    def __init__(self, records, as_of):
        known = [Event(record) for record in records]
        # A reversal takes its target out for every day, once it is known.
        self.reversals = {
            event.stated["event_id"]: event.position for event in known if event.kind == "event_reversed"
        }
        signatures = [one for one in known if one.kind == "agreement_signed" and one.id not in self.reversals]
        if not signatures or signatures[0].day > as_of:
            raise Refused("the agreement is not signed as of the day, as far as was known")
        self.terms = signatures[0].stated
        self.currency = self.terms["currency"]
        in_effect = sorted((one for one in known if one.day <= as_of), key=lambda one: (one.day, one.position))
        self.events = [one for one in in_effect if one.id not in self.reversals]
        self.reversed = [one for one in in_effect if one.id in self.reversals]
        self.as_of = as_of
        self.invoices = {one.stated["invoice_id"]: one for one in self.of("invoice_received")}
        self.rejected = {one.stated["invoice_id"] for one in self.of("invoice_rejected")}
        self.orders = self.read_orders()
        self.derive()

    def of(self, kind):
        return [one for one in self.events if one.kind == kind]

    # Money

    def rounded(self, amount, currency):
        if currency not in MINOR_DIGITS:
            raise NotSupported(f"how many digits the currency {currency} has is not known here")
        return amount.quantize(Decimal(1).scaleb(-MINOR_DIGITS[currency]), ROUND_HALF_UP)

    def own(self, money, stated):
        """An amount in the agreement's currency, by the rate that stands beside it, rounded once."""
        amount = Decimal(money["amount"])
        if money["currency"] == self.currency:
            return amount
        rate = stated.get("exchange_rate")
        if rate is None:
            raise Refused(f"{money} has no rate to {self.currency}")
        return self.rounded(amount * Decimal(rate["rate"]), self.currency)

    # Ceiling

    def ceiling(self):
        whole = [one for one in self.terms["ceilings"] if "agreement" in one["scope"]]
        amount = Decimal(whole[0]["amount"]["amount"])
        options = {one["option_id"]: one for one in self.terms.get("options", [])}
        for event in self.events:
            if event.kind == "option_exercised":
                # Once each, and a time option adds no money.
                option = options.pop(event.stated["option_id"], None)
                if option and option["kind"] == "OPTION_KIND_VOLUME" and "agreement" in option["scope"]:
                    amount += Decimal(option["amount"]["amount"])
            elif event.kind == "agreement_amended":
                for change in event.stated.get("ceiling_changes", []):
                    if "agreement" in change["scope"]:
                        amount += Decimal(change["change"]["amount"])
            elif event.kind == "price_indexed" and self.terms.get("ceiling_indexed"):
                amount = self.rounded(amount * Decimal(event.stated["factor"]), self.currency)
        return whole[0]["kind"], amount

    # Orders and reservations

    def read_orders(self):
        """Status and last value of every order that is placed."""
        orders = {}
        for event in self.events:
            name = event.stated.get("order_id")
            if event.kind == "order_placed":
                orders[name] = ["open", self.own(event.stated["amount"], event.stated)]
            elif name not in orders:
                # What is dated before the placement has no effect on it.
                continue
            elif event.kind == "order_changed":
                orders[name][1] = self.own(event.stated["amount"], event.stated)
            elif event.kind in ENDS:
                orders[name][0] = ENDS[event.kind]
        return orders

    def order_of(self, invoice):
        """The order that an invoice counts on. One whose placement was reversed after the invoice came
        keeps it; what came later could no longer rely on it."""
        name = invoice.stated.get("order_id")
        if not name or self.names_another(invoice):
            return None
        relied = any(
            one.kind == "order_placed"
            and one.stated["order_id"] == name
            and self.reversals[one.id] > invoice.position
            for one in self.reversed
        )
        return name if name in self.orders or relied else None

    def reserved(self):
        left, expiry = {}, {}
        for event in self.events:
            stated, name = event.stated, event.stated.get("reservation_id")
            if event.kind == "headroom_reserved":
                left[name] = self.own(stated["amount"], stated)
                expiry[name] = stated["expiry_date"]
            elif name in left and event.day <= expiry[name]:
                if event.kind == "reservation_released":
                    left[name] = ZERO
                elif event.kind == "order_placed":
                    left[name] -= min(left[name], self.own(stated["amount"], stated))
        return sum((amount for name, amount in left.items() if self.as_of <= expiry[name]), ZERO)

    # Invoices

    def names_another(self, invoice):
        stated = invoice.stated
        return Decimal(stated["net"]["amount"]) < 0 and bool(stated.get("corrected_invoice_id"))

    def lowers(self, invoice):
        """The known invoice that a negative one lowers."""
        if not self.names_another(invoice):
            return None
        other = self.invoices.get(invoice.stated["corrected_invoice_id"])
        return other if other is not invoice else None

    def is_rejected(self, invoice):
        if invoice.stated["invoice_id"] in self.rejected:
            return True
        other = self.lowers(invoice)
        return other is not None and self.is_rejected(other)

    def net(self, invoice):
        """Net less credit notes, and less the negative invoices that name it."""
        name = invoice.stated["invoice_id"]
        net = self.own(invoice.stated["net"], invoice.stated)
        for credit in self.of("credit_note_received"):
            if credit.stated["invoice_id"] == name:
                net -= self.own(credit.stated["net"], credit.stated)
        for other in self.invoices.values():
            counts = other.stated["kind"] != "INVOICE_KIND_INTEREST_OR_FEE" and not self.is_rejected(other)
            if counts and self.lowers(other) is invoice:
                net += self.net(other)
        return net

    def prepaid(self):
        """What is left of each prepayment. Offsets by hand come before what final invoices state: a hand
        that names the prepayment knows better."""
        left, gross_left = {}, {}
        for name, invoice in self.invoices.items():
            is_prepayment = invoice.stated["kind"] == "INVOICE_KIND_PREPAYMENT"
            if is_prepayment and self.lowers(invoice) is None and not self.is_rejected(invoice):
                left[name] = max(ZERO, self.net(invoice))
                gross_left[name] = self.gross(invoice)
        for event in self.of("prepayment_offset"):
            if event.stated["prepayment_invoice_id"] in left:
                self.offset_by_hand(event.stated, left, gross_left)
        for event in self.of("invoice_received"):
            is_commercial = event.stated["kind"] == "INVOICE_KIND_COMMERCIAL"
            if is_commercial and "prepaid" in event.stated and not self.is_rejected(event):
                self.offset_stated(event, left, gross_left)
        return left

    def gross(self, invoice):
        vat = invoice.stated.get("vat", {}).get("amount", "0")
        return Decimal(invoice.stated["net"]["amount"]) + Decimal(vat)

    def offset_by_hand(self, offset, left, gross_left):
        invoice = self.invoices[offset["prepayment_invoice_id"]]
        name, net = invoice.stated["invoice_id"], Decimal(invoice.stated["net"]["amount"])
        amount = Decimal(offset["amount"]["amount"])
        left[name] = max(ZERO, left[name] - self.own(offset["amount"], invoice.stated))
        if net:
            gross = self.rounded(self.gross(invoice) * amount / net, invoice.stated["net"]["currency"])
            gross_left[name] = max(ZERO, gross_left[name] - gross)

    def offset_stated(self, final, left, gross_left):
        """What a final invoice states as prepaid includes VAT: it comes off the oldest prepayment first,
        by that one's own ratio of net to gross. The last takes any excess, and none falls below zero."""
        stated = Decimal(final.stated["prepaid"]["amount"])
        order, supplier = final.stated.get("order_id", ""), final.stated["supplier"]
        open_ones = []
        for name in left:
            one = self.invoices[name].stated
            same_order = one.get("order_id", "") == order
            if same_order and (order or one["supplier"] == supplier) and gross_left[name] > 0:
                open_ones.append(name)
        for name in open_ones:
            one = self.invoices[name].stated
            currency = one["net"]["currency"]
            if final.stated["prepaid"]["currency"] != currency:
                raise NotSupported(f"the invoice at position {final.position} offsets another currency")
            taken = stated if name == open_ones[-1] else min(stated, gross_left[name])
            rate = Decimal(1) if currency == self.currency else Decimal(one["exchange_rate"]["rate"])
            net = Decimal(one["net"]["amount"]) * taken * rate / self.gross(self.invoices[name])
            left[name] = max(ZERO, left[name] - self.rounded(net, self.currency))
            gross_left[name] = max(ZERO, gross_left[name] - taken)
            stated -= taken

    # Payments

    def paid(self):
        came_back = {one.stated["payment_id"] for one in self.of("payment_reversed")}
        payments = [one for one in self.of("invoice_paid") if one.stated["payment_id"] not in came_back]
        return sum((self.own(one.stated["amount"], one.stated) for one in payments), ZERO)

    # Everything

    def derive(self):
        self.kind, self.ceiling_amount = self.ceiling()
        self.reserved_amount, self.paid_amount = self.reserved(), self.paid()
        prepaid_left = self.prepaid()
        on_order, self.invoiced, self.prepaid_amount, exposure = {}, ZERO, ZERO, ZERO
        for name, invoice in self.invoices.items():
            if self.lowers(invoice) is not None or self.is_rejected(invoice):
                continue
            is_commercial = invoice.stated["kind"] == "INVOICE_KIND_COMMERCIAL"
            net = self.net(invoice) if is_commercial else ZERO
            prepaid = prepaid_left.get(name, ZERO)
            self.invoiced += net
            self.prepaid_amount += prepaid
            order = self.order_of(invoice)
            if order is None:
                exposure += net + prepaid
            else:
                on_order[order] = on_order.get(order, ZERO) + net + prepaid
        self.committed = ZERO
        for name in self.orders.keys() | on_order.keys():
            status, value = self.orders.get(name, ("reversed", ZERO))
            used = on_order.get(name, ZERO)
            if status == "open":
                self.committed += value
                used = max(value, used)
            exposure += max(ZERO, used)
        self.exposure = exposure + self.reserved_amount
        self.remaining = self.ceiling_amount - self.exposure

    def told(self):
        """The figures as the file writes them."""
        amounts = {
            "ceiling": self.ceiling_amount,
            "reserved": self.reserved_amount,
            "committed": self.committed,
            "invoiced": self.invoiced,
            "prepaid": self.prepaid_amount,
            "paid": self.paid_amount,
            "exposure": self.exposure,
            "remaining": self.remaining,
        }
        told = {name: f"{self.rounded(amount, self.currency):f}" for name, amount in amounts.items()}
        told |= {"scope": "agreement", "kind": self.kind, "currency": self.currency}
        if self.ceiling_amount:
            told["usagePpm"] = int((self.exposure * 1_000_000 / self.ceiling_amount).to_integral_value("ROUND_FLOOR"))
        return told


def judge(path, say=print):
    """Compares every figure of a file. Gives the exit code."""
    try:
        dossier, known = load(path)
        with localcontext() as context:
            context.prec = 60
            derived = Figures(known, dossier["asOf"])
            follows = derived.told()
    except Refused as fault:
        say(f"{path}: REFUSED: {fault}")
        return 1
    except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, StopIteration) as fault:
        say(f"{path}: REFUSED: it is not laid out as a dossier is: {fault!r}")
        return 1
    except RecursionError:
        say(f"{path}: NOT SUPPORTED: documents that lower each other; nothing is said about the figures")
        return 2
    except NotSupported as fault:
        say(f"{path}: NOT SUPPORTED: {fault}; nothing is said about the figures")
        return 2
    answer = dossier["answer"]
    follows |= {"agreementVersion": len(known)}
    scope, *others = answer["scopes"]
    stated = scope | {"agreementVersion": answer["agreementVersion"]}
    differs = [name for name in sorted(stated.keys() | follows.keys()) if stated.get(name) != follows.get(name)]
    say(f"{path}: {dossier['agreementId']} as of {dossier['asOf']}, as known {dossier['asKnown']}, {len(known)} events")
    for name in differs:
        say(f"  {name} is stated as {stated.get(name)}, and {follows.get(name)} follows")
    passed_over = sorted({one.kind for one in derived.events if one.kind in WITHOUT_EFFECT})
    if passed_over:
        say("  without effect on these figures: " + ", ".join(f"{one} ({WITHOUT_EFFECT[one]})" for one in passed_over))
    beyond = [one["scope"] for one in others] + ["forecast"] * ("forecast" in answer)
    say("  NOT DERIVED HERE: " + ", ".join([*beyond, f"{len(answer['findings'])} findings", "the signature"]))
    if not differs:
        say(f"  every figure of the whole agreement follows: {follows['remaining']} {follows['currency']} remaining")
    return 1 if differs else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(max(judge(pathlib.Path(name)) for name in sys.argv[1:]))
