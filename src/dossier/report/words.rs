//! The words of the report, in both languages. Published names stand beside them, untranslated.

/// The language of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Norwegian bokmål.
    #[default]
    Nb,
    /// English.
    En,
}

impl Language {
    /// Its BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Nb => "nb",
            Self::En => "en",
        }
    }

    /// One of two texts.
    pub(super) const fn of(self, nb: &'static str, en: &'static str) -> &'static str {
        match self {
            Self::Nb => nb,
            Self::En => en,
        }
    }

    /// What a published name means. None: there are no words for it.
    pub(super) fn meaning(self, name: &str) -> Option<&'static str> {
        let entry = MEANINGS.iter().find(|(known, _, _)| *known == name);
        entry.map(|(_, nb, en)| self.of(nb, en))
    }
}

/// Name, Norwegian, English.
const MEANINGS: &[(&str, &str, &str)] = &[
    // Figures.
    ("kind", "type ramme", "kind of ceiling"),
    ("currency", "valuta", "currency"),
    ("ceiling", "ramme", "ceiling"),
    ("reserved", "reservert", "reserved"),
    ("committed", "bundet i åpne bestillinger", "committed in open orders"),
    ("invoiced", "fakturert, netto", "invoiced, net"),
    ("prepaid", "forskuddsbetalt", "prepaid"),
    ("paid", "betalt, med mva.", "paid, with VAT"),
    ("exposure", "eksponering (teller mot rammen)", "exposure (counts against the ceiling)"),
    ("remaining", "gjenstående", "remaining"),
    ("usagePpm", "brukt, milliondeler av rammen", "used, parts per million of the ceiling"),
    ("elapsedDays", "dager fra start", "days from the start"),
    ("daysLeft", "dager igjen i samme takt", "days left at the same pace"),
    ("runOutDate", "rammen er brukt opp", "the ceiling runs out"),
    ("endDate", "avtalen slutter", "the term ends"),
    ("runsOutEarly", "brukt opp før slutten", "runs out before the end"),
    ("agreementVersion", "avtalens versjon", "version of the agreement"),
    ("position", "siste posisjon i loggen", "last position of the log"),
    ("true", "ja", "yes"),
    ("false", "nei", "no"),
    ("CEILING_KIND_MAXIMUM", "øvre grense", "maximum"),
    ("CONTRACT_NATURE_SERVICES", "tjenester", "services"),
    ("CONTRACT_NATURE_GOODS", "varer", "goods"),
    ("CONTRACT_NATURE_WORKS", "bygg og anlegg", "works"),
    ("CEILING_KIND_ESTIMATE", "anslag", "estimate"),
    // Findings.
    ("SEVERITY_LOW", "lav", "low"),
    ("SEVERITY_MEDIUM", "middels", "medium"),
    ("SEVERITY_HIGH", "høy", "high"),
    ("FINDING_STATUS_OPEN", "åpent", "open"),
    ("FINDING_STATUS_CLEARED", "falt bort", "cleared"),
    ("FINDING_HANDLING_NONE", "ikke fulgt opp", "not handled"),
    ("FINDING_HANDLING_ACKNOWLEDGED", "sett", "acknowledged"),
    ("FINDING_HANDLING_WAIVED", "akseptert", "waived"),
    ("FINDING_HANDLING_RESOLVED", "ordnet", "resolved"),
    ("UNKNOWN_ORDER", "viser til en ukjent bestilling", "names an unknown order"),
    ("UNKNOWN_INVOICE", "viser til en ukjent faktura", "names an unknown invoice"),
    ("INVALID_ORGANISATION_NUMBER", "ugyldig organisasjonsnummer", "invalid organisation number"),
    ("BUYER_NOT_PARTY", "kjøperen er ikke part", "the buyer is not a party"),
    ("SUPPLIER_NOT_PARTY", "leverandøren er ikke part", "the supplier is not a party"),
    ("UNKNOWN_LOT", "ukjent delkontrakt", "unknown lot"),
    ("SEPARATION_OF_DUTIES", "samme person i to roller", "one person in two roles"),
    ("COMPETITION_MISSING", "minikonkurranse mangler", "competition is missing"),
    ("REASON_MISSING", "begrunnelse mangler", "a reason is missing"),
    ("AGREEMENT_NOT_STARTED", "før avtalen begynte", "before the agreement began"),
    ("AGREEMENT_EXPIRED", "etter at avtalen løp ut", "after the agreement had expired"),
    ("AGREEMENT_SUSPENDED", "mens avtalen var stanset", "while the agreement was suspended"),
    ("AGREEMENT_TERMINATED", "etter at avtalen var sagt opp", "after the agreement was terminated"),
    ("AGREEMENT_CLOSED", "etter at avtalen var avsluttet", "after the agreement was closed"),
    ("ORDER_NOT_OPEN", "bestillingen var ikke åpen", "the order was not open"),
    ("OPTION_NOT_AVAILABLE", "opsjonen kunne ikke brukes", "the option was not available"),
    ("OPTION_LATE", "opsjonen ble varslet for sent", "the option was exercised late"),
    ("CEILING_BELOW_EXPOSURE", "rammen satt lavere enn bruken", "ceiling set below the exposure"),
    ("CEILING_EXCEEDED", "rammen er overskredet", "the ceiling is exceeded"),
    ("ESTIMATE_EXCEEDED", "anslaget er overskredet", "the estimate is exceeded"),
    ("THRESHOLD_REACHED", "varslingstrinn nådd", "a warning step is reached"),
    ("OVERRIDE_USED", "fravik er brukt", "an override was used"),
    ("OVER_INVOICED", "fakturert mer enn bestilt", "invoiced more than ordered"),
    ("INVOICE_ON_CLOSED_ORDER", "faktura på lukket bestilling", "invoice on a closed order"),
    ("OFF_ORDER_INVOICE", "faktura uten bestilling", "invoice without an order"),
    ("DUPLICATE_INVOICE", "mulig dobbel faktura", "the same invoice again"),
    ("DUPLICATE_CREDIT", "mulig dobbel kreditnota", "the same credit note again"),
    ("OVERPAID", "betalt mer enn fakturert", "paid more than invoiced"),
    (
        "AMENDMENT_DE_MINIMIS",
        "endringer over grensen for små endringer",
        "amendments beyond de minimis",
    ),
    ("AMENDMENT_OVER_HALF", "endring på over halve verdien", "amendment over half the value"),
    ("TERM_OVER_FOUR_YEARS", "over fire år uten begrunnelse", "over four years without a reason"),
    ("LATE_REGISTRATION", "registrert sent", "registered late"),
    ("SPLIT_SUSPECTED", "mulig oppdelt kjøp", "possibly a split purchase"),
    ("FORECAST_RUNS_OUT_EARLY", "rammen brukes opp før slutten", "the ceiling runs out early"),
    // What only refuses.
    ("MALFORMED_AMOUNT", "ugyldig beløp", "malformed amount"),
    ("UNKNOWN_CURRENCY", "ukjent valuta", "unknown currency"),
    ("VERSION_CONFLICT", "avtalen var endret i mellomtiden", "the agreement had changed meanwhile"),
    ("UNKNOWN_AGREEMENT", "ukjent avtale", "unknown agreement"),
    ("AGREEMENT_EXISTS", "avtalen finnes fra før", "the agreement exists already"),
    ("DUPLICATE_CONFLICT", "samme id med annet innhold", "the same id with other content"),
    ("UNKNOWN_EVENT", "ukjent hendelse", "unknown event"),
    ("ALREADY_REVERSED", "allerede tilbakeført", "reversed already"),
    (
        "REVERSAL_OF_REVERSAL",
        "en tilbakeføring kan ikke tilbakeføres",
        "a reversal cannot be reversed",
    ),
    ("UNKNOWN_RESERVATION", "ukjent reservasjon", "unknown reservation"),
    ("UNKNOWN_FINDING", "ukjent funn", "unknown finding"),
    ("CURRENCY_MISMATCH", "en annen valuta, uten kurs", "another currency, without a rate"),
    ("EFFECTIVE_IN_FUTURE", "virkningsdato i fremtiden", "effective in the future"),
    // Checks.
    (
        "SIGNATURE",
        "sjekkpunktet er signert av loggens nøkkel",
        "the checkpoint is signed by the log's key",
    ),
    ("ORIGIN", "sjekkpunktet gjelder denne loggen", "the checkpoint is of this log"),
    ("WITNESSES", "vitner har medsignert", "witnesses cosigned"),
    ("RECORDS", "hver post står i den signerte loggen", "each record is in the signed log"),
    (
        "ORDER",
        "ingen versjon mangler, rekkefølgen stemmer",
        "no version is missing, the order is right",
    ),
    ("KNOWN", "kjent-per-tidspunktet er dekket", "the as-known time is covered"),
    ("COMPLETENESS", "ingen hendelse er utelatt", "no event is left out"),
    ("SCHEMA", "skjemaet er kjent", "the schema is known"),
    ("POLICY", "terskler og toleranser kan leses", "thresholds and tolerances can be read"),
    ("FIGURES", "hvert tall følger av hendelsene", "every figure follows from the events"),
    ("FINDINGS", "hvert funn følger av hendelsene", "every finding follows from the events"),
    ("HOLDS", "stemmer", "holds"),
    ("FAILS", "stemmer ikke", "fails"),
    ("NOT_PROVED", "ikke bevist", "not proved"),
    ("NOT_LOOKED_AT", "ikke undersøkt", "not looked at"),
    // Events.
    ("AgreementSigned", "avtale inngått", "agreement signed"),
    ("OptionExercised", "opsjon utløst", "option exercised"),
    ("OptionDeclined", "opsjon ikke brukt", "option declined"),
    ("AgreementAmended", "avtale endret", "agreement amended"),
    ("PriceIndexed", "pris regulert", "prices indexed"),
    ("AgreementSuspended", "avtale stanset", "agreement suspended"),
    ("AgreementResumed", "avtale gjenopptatt", "agreement resumed"),
    ("AgreementTerminated", "avtale sagt opp", "agreement terminated"),
    ("AgreementClosed", "avtale avsluttet", "agreement closed"),
    ("HeadroomReserved", "rom reservert", "headroom reserved"),
    ("ReservationReleased", "reservasjon frigitt", "reservation released"),
    ("OrderPlaced", "bestilling", "order placed"),
    ("OrderConfirmed", "bestilling bekreftet", "order confirmed"),
    ("OrderRejected", "bestilling avvist", "order rejected"),
    ("OrderChanged", "bestilling endret", "order changed"),
    ("OrderCancelled", "bestilling avlyst", "order cancelled"),
    ("DeliveryReceived", "levering mottatt", "delivery received"),
    ("OrderClosed", "bestilling lukket", "order closed"),
    ("OrderReopened", "bestilling gjenåpnet", "order reopened"),
    ("InvoiceReceived", "faktura mottatt", "invoice received"),
    ("CreditNoteReceived", "kreditnota mottatt", "credit note received"),
    ("InvoiceApproved", "faktura godkjent", "invoice approved"),
    ("InvoiceDisputed", "faktura bestridt", "invoice disputed"),
    ("InvoiceRejected", "faktura avvist", "invoice rejected"),
    ("DisputeResolved", "tvist løst", "dispute resolved"),
    ("PrepaymentOffset", "forskudd avregnet", "prepayment offset"),
    ("InvoicePaid", "faktura betalt", "invoice paid"),
    ("PaymentReversed", "betaling tilbakeført", "payment reversed"),
    ("RetentionWithheld", "beløp holdt tilbake", "retention withheld"),
    ("RetentionReleased", "tilbakeholdt beløp frigitt", "retention released"),
    ("OverrideGranted", "fravik gitt", "override granted"),
    ("EventReversed", "hendelse tilbakeført", "event reversed"),
    ("FindingAcknowledged", "funn sett", "finding acknowledged"),
    ("FindingWaived", "funn akseptert", "finding waived"),
    ("FindingResolved", "funn ordnet", "finding resolved"),
    ("ThresholdPolicySet", "terskel satt", "threshold set"),
    ("DocumentAttached", "dokument vedlagt", "document attached"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::wire::event_type;
    use crate::wire::v1::EventType;

    #[test]
    fn every_event_type_has_words_in_both_languages() {
        for number in 1..100 {
            let Ok(known) = EventType::try_from(number) else { continue };
            let name = event_type::name(known);
            assert!(Language::Nb.meaning(name).is_some(), "{name}");
            assert!(Language::En.meaning(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_reason_has_words_in_both_languages() {
        for name in Reason::ALL.iter().map(|reason| reason.name()) {
            assert!(Language::Nb.meaning(name).is_some(), "{name}");
            assert!(Language::En.meaning(name).is_some(), "{name}");
        }
    }
}
