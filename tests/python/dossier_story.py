"""A story in which every event that moves a figure happens, with its effective and its recorded time."""

AGREEMENT = "python-2024"
OTHER = "python-other"
BUYER = {"number": "920125298"}
SUPPLIERS = [{"number": "943184097"}, {"number": "920144950"}]


def money(amount, currency="NOK"):
    return {"amount": amount, "currency": currency}


def signed(ceiling):
    agreement = {"scope": {"agreement": True}, "kind": "CEILING_KIND_MAXIMUM", "amount": money(ceiling)}
    return {
        "reference": "2024/1",
        "title": "Rammeavtale",
        "frameworkKind": "FRAMEWORK_KIND_WITHOUT_REOPENED_COMPETITION",
        "nature": "CONTRACT_NATURE_SERVICES",
        "owner": {"id": BUYER},
        "buyers": [{"id": BUYER}],
        "suppliers": [{"id": one} for one in SUPPLIERS],
        "ceilings": [agreement],
        "currency": "NOK",
        "term": {"startDate": "2024-01-01", "endDate": "2025-12-31"},
        "options": [
            {
                "optionId": "volume",
                "kind": "OPTION_KIND_VOLUME",
                "scope": {"agreement": True},
                "amount": money("250000.50"),
            },
            {"optionId": "time", "kind": "OPTION_KIND_TIME", "newEndDate": "2026-12-31"},
        ],
        "ceilingIndexed": True,
    }


def order(name, amount, **more):
    return {"orderPlaced": {"orderId": name, "buyer": BUYER, "supplier": SUPPLIERS[0], "amount": amount, **more}}


def invoice(name, net, order_id="", kind="COMMERCIAL", supplier=0, **more):
    return {
        "invoiceReceived": {
            "invoiceId": name,
            "number": name,
            "kind": f"INVOICE_KIND_{kind}",
            "issueDate": "2024-02-01",
            "supplier": SUPPLIERS[supplier],
            "orderId": order_id,
            "net": net,
            **more,
        }
    }


def credit(name, invoice_id, net, **more):
    stated = {"creditNoteId": name, "number": name, "issueDate": "2024-03-01", "supplier": SUPPLIERS[0]}
    return {"creditNoteReceived": {**stated, "invoiceId": invoice_id, "net": net, **more}}


def rate(text):
    return {"exchangeRate": {"rate": text}}


def paid(name, invoice_id, amount, **more):
    return {"invoicePaid": {"paymentId": name, "invoiceId": invoice_id, "amount": amount, **more}}


# Effective date, and what happens. Recorded in this order.
EVENTS = [
    ("2024-01-01", {"agreementSigned": signed("3000000")}),
    ("2024-01-10", order("O1", money("400000"))),
    ("2024-01-12", order("O2", money("20000.55", "EUR"), **rate("11.4567"))),
    ("2024-01-15", {"headroomReserved": {
        "reservationId": "R1", "amount": money("300000"), "expiryDate": "2024-06-30", "buyer": BUYER}}),
    ("2024-01-16", {"headroomReserved": {
        "reservationId": "R2", "amount": money("70000"), "expiryDate": "2024-02-20", "buyer": BUYER}}),
    ("2024-01-17", {"headroomReserved": {
        "reservationId": "R3", "amount": money("1000"), "expiryDate": "2024-12-31", "buyer": BUYER}}),
    ("2024-01-18", order("O3", money("120000"), reservationId="R1")),
    ("2024-01-19", {"reservationReleased": {"reservationId": "R3"}}),
    # A prepayment with VAT, a second in another currency, one without an order.
    ("2024-01-20", invoice("PRE1", money("100000"), "O1", "PREPAYMENT", vat=money("25000"))),
    ("2024-01-21", invoice("PRE2", money("5000", "EUR"), "O2", "PREPAYMENT", vat=money("1250", "EUR"), **rate("11.5"))),
    ("2024-01-22", invoice("PRE3", money("8000"), "", "PREPAYMENT", supplier=1)),
    ("2024-01-23", invoice("PRE4", money("30000"), "O1", "PREPAYMENT", vat=money("4500"))),
    ("2024-01-24", {"prepaymentOffset": {"prepaymentInvoiceId": "PRE1", "amount": money("10000.01")}}),
    ("2024-01-25", invoice("I1", money("150000"), "O1", vat=money("37500"), prepaid=money("130000.33"))),
    ("2024-01-26", invoice("I2", money("1234.56", "EUR"), "O2", prepaid=money("3333.33", "EUR"), **rate("11.4567"))),
    ("2024-01-27", invoice("I3", money("0.50", "EUR"), "", **rate("11.45"))),
    ("2024-01-28", invoice("I4", money("2500"), "", supplier=1, prepaid=money("9000"))),
    ("2024-01-28", credit("C0", "PRE3", money("-500"))),
    ("2024-01-29", invoice("I5", money("999.99"), "", "INTEREST_OR_FEE")),
    ("2024-01-30", credit("C1", "I1", money("20000"))),
    ("2024-01-31", credit("C2", "I1", money("-500"))),
    ("2024-02-01", invoice("I6", money("-700"), "", correctedInvoiceId="I1")),
    ("2024-02-02", invoice("I7", money("60000"), "O3")),
    ("2024-02-02", credit("C3", "I7", money("1000"))),
    ("2024-02-03", {"invoiceRejected": {"invoiceId": "I7", "reason": "feil mottaker"}}),
    # References that come first.
    ("2024-02-04", invoice("I8", money("45000"), "O4")),
    ("2024-02-04", credit("C4", "I9", money("5"))),
    ("2024-02-05", paid("P1", "I9", money("77"))),
    ("2024-02-06", order("O4", money("44000"))),
    ("2024-02-07", invoice("I9", money("5005"), "")),
    ("2024-02-08", paid("P2", "I1", money("187500"))),
    ("2024-02-09", paid("P3", "I2", money("1543.20", "EUR"), **rate("11.6012"))),
    ("2024-02-10", paid("P4", "I8", money("100"))),
    ("2024-02-11", {"paymentReversed": {"paymentId": "P4"}}),
    ("2024-02-12", {"orderChanged": {"orderId": "O1", "amount": money("380000")}}),
    ("2024-02-13", {"orderChanged": {"orderId": "O2", "amount": money("19000", "EUR"), **rate("11.2")}}),
    ("2024-02-14", {"orderClosed": {"orderId": "O1"}}),
    ("2024-02-15", {"orderCancelled": {"orderId": "O3"}}),
    ("2024-02-16", order("O5", money("9000"))),
    ("2024-02-17", {"orderRejected": {"orderId": "O5"}}),
    ("2024-02-18", {"orderReopened": {"orderId": "O1"}}),
    ("2024-02-18", invoice("I10", money("12"), "O5")),
    # The ceiling.
    ("2024-02-19", {"optionExercised": {"optionId": "volume"}}),
    ("2024-02-20", {"agreementAmended": {
        "amendmentId": "A1", "legalBasis": "LEGAL_BASIS_MOD_REV", "reasoning": "avtalt", "decisionMaker": "p1",
        "decidedDate": "2024-02-20",
        "ceilingChanges": [{"scope": {"agreement": True}, "change": money("-100000.25")}]}}),
    ("2024-02-21", {"priceIndexed": {"factor": "1.0345678"}}),
    ("2024-02-22", {"optionExercised": {"optionId": "time"}}),
    ("2024-02-23", order("O6", money("50000"))),
    ("2024-02-24", invoice("I11", money("-6000"), "O6")),
    # Recorded the other way round.
    ("2024-02-26", {"orderChanged": {"orderId": "O4", "amount": money("47500")}}),
    ("2024-02-25", {"orderChanged": {"orderId": "O4", "amount": money("47000")}}),
]
# What turns out to be wrong: an order that an invoice relied on, and an invoice.
WRONG = ["O6", "I3"]


def dated(number):
    """When it is recorded: one a day from the first of March on, in months of 28 days."""
    month, day = divmod(number, 28)
    return f"2024-{3 + month:02}-{1 + day:02}T10:00:00Z"


def event(number, day, payload):
    name = next(iter(next(iter(payload.values())).values()))
    source = {"system": "story", "eventId": f"{number}:{name}" if isinstance(name, str) else str(number)}
    return {"effectiveDate": day, "admissionMode": "ADMISSION_MODE_FACT", "source": source, **payload}


def story():
    """Agreement, event and recorded time, in the order of recording."""
    for number, (day, payload) in enumerate(EVENTS):
        yield AGREEMENT, event(number, day, payload), dated(number)
    yield OTHER, event(900, "2024-01-01", {"agreementSigned": signed("1000")}), dated(len(EVENTS))


def later(ids):
    """What came after, once the ids that the ledger gave are known; and records of others behind it."""
    number = len(EVENTS) + 1
    for name in WRONG:
        found = [given for source, given in ids.items() if source and source.endswith(":" + name)]
        assert len(found) == 1, (name, ids)
        yield AGREEMENT, event(number, "2024-03-01", {"eventReversed": {"eventId": found[0]}}), dated(number)
        number += 1
    yield AGREEMENT, event(number, "2024-03-02", invoice("I12", money("-100"), "O6")), dated(number)
    for more in range(1, 6):
        yield OTHER, event(number + more, "2024-04-01", order(f"X{more}", money("1"))), dated(number + more)
