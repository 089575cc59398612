//! The report beside a dossier: the same for a person, as one HTML page that prints well.
//!
//! Everything in it comes from the file and from what verifying it came to. It judges nothing by itself.

mod events;
mod html;
mod words;

pub use words::Language;

use super::answer::FindingAnswer;
use super::file::Dossier;
use super::policy::Period;
use super::verdict::{Conclusion, FigureVerdict, Outcome};
use super::verify::Verified;
use html::{Cell, Page, escaped};

/// Most positions that stand in one cell; the rest is counted.
const POSITIONS_SHOWN_MAX: usize = 200;

/// Whose keys the dossier was verified with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeysFrom {
    /// The ledger told them itself, as when it makes the dossier.
    Ledger,
    /// Whoever verified had them.
    Verifier,
}

/// The report. It is the same text for the same dossier, verdict and language.
pub fn report(
    dossier: &Dossier,
    verified: &Verified,
    keys: KeysFrom,
    language: Language,
) -> String {
    let writer = Writer { dossier, verified, keys, language };
    let title = events::title(&verified.read).unwrap_or_else(|| dossier.agreement_id.clone());
    let mut page = Page::new(language.tag(), &title);
    writer.opening(&mut page);
    writer.figures(&mut page);
    writer.findings(&mut page);
    writer.checks(&mut page);
    writer.policy(&mut page);
    writer.limits(&mut page);
    page.heading(language.of("Hendelser og avslag", "Events and refusals"));
    events::table(&mut page, language, verified);
    page.finish()
}

struct Writer<'w> {
    dossier: &'w Dossier,
    verified: &'w Verified,
    keys: KeysFrom,
    language: Language,
}

impl Writer<'_> {
    fn opening(&self, page: &mut Page) {
        let Self { dossier, verified, keys, language } = self;
        let (class, text) = match verified.verdict.conclusion() {
            Conclusion::Holds => {
                let text = language.of(
                    "Alt i mappen stemmer: hvert tall og hvert funn følger av hendelsene, og ingen hendelse \
                     er utelatt.",
                    "Everything in the dossier holds: each figure and each finding follows from the events, \
                     and no event is left out.",
                );
                ("ok", text)
            }
            Conclusion::HoldsAsFarAsItGoes => {
                let text = language.of(
                    "MAPPEN STEMMER BARE SÅ LANGT DEN REKKER: hvert tall og hvert funn følger av hendelsene \
                     som er med. At ingen senere hendelse er utelatt, er IKKE BEVIST.",
                    "THE DOSSIER HOLDS ONLY AS FAR AS IT GOES: each figure and each finding follows from the \
                     events that are in it. That no later event was left out is NOT PROVED.",
                );
                ("bad", text)
            }
            Conclusion::Fails => {
                let text = language.of(
                    "MAPPEN STEMMER IKKE. Se kontrollene nedenfor.",
                    "THE DOSSIER DOES NOT HOLD. See the checks below.",
                );
                ("bad", text)
            }
        };
        page.html(&format!("<p class=\"{class}\">{}</p>", escaped(text)));
        let Dossier { agreement_id, as_of, as_known, answer, sha256, .. } = dossier;
        let mut rows = vec![
            (language.of("Avtale", "Agreement"), agreement_id.clone()),
            (language.of("Per dato", "As of"), as_of.clone()),
            (language.of("Kjent per (UTC)", "As known (UTC)"), as_known.clone()),
            (language.of("Avtalens versjon", "Version"), answer.agreement_version.to_string()),
        ];
        if let Some(checkpoint) = &verified.read.checkpoint {
            let size = checkpoint.size();
            let log = format!("{}, {size}, {}", checkpoint.origin(), checkpoint.root());
            rows.push((language.of("Logg, antall poster, rot", "Log, records, root"), log));
        }
        rows.push((language.of("Signert av", "Signed by"), verified.read.signed_by.join(", ")));
        let source = match keys {
            KeysFrom::Ledger => language.of("oppgitt av loggen selv", "told by the ledger itself"),
            KeysFrom::Verifier => {
                language.of("gitt av den som kontrollerte", "given by the verifier")
            }
        };
        rows.push((language.of("Nøklene er", "The keys are"), source.to_owned()));
        let cosigned = verified.read.cosigned_by.iter().map(|(name, time)| {
            let unit = language.of("sekunder etter 1970", "seconds after 1970");
            format!("{name} ({time} {unit})")
        });
        let cosigned: Vec<String> = cosigned.collect();
        let cosigned = match cosigned.join(", ") {
            none if none.is_empty() => language.of("ingen", "nobody").to_owned(),
            names => names,
        };
        rows.push((language.of("Medsignert av", "Cosigned by"), cosigned));
        rows.push((language.of("Mappens SHA-256", "SHA-256 of the dossier"), sha256.clone()));
        let cells =
            |(name, value): (&str, String)| (None, vec![Cell::text(name), Cell::text(value)]);
        page.table(
            &[language.of("Opplysning", "What"), language.of("Verdi", "Value")],
            rows.into_iter().map(cells),
        );
    }

    fn figures(&self, page: &mut Page) {
        let language = self.language;
        page.heading(language.of("Tall", "Figures"));
        let heads = [
            language.of("Gjelder", "Of"),
            language.of("Tall", "Figure"),
            language.of("Oppgitt", "Stated"),
            language.of("Følger av hendelsene", "Follows from the events"),
            language.of("Kommer fra posisjon", "Comes from position"),
        ];
        let rows = self.verified.verdict.figures.iter().map(|figure| {
            let stated = figure.stated.as_deref().unwrap_or_default();
            let cells = vec![
                Cell::text(self.scope(&figure.scope)),
                Cell::text(language.meaning(&figure.figure).unwrap_or(&figure.figure)),
                Cell::Number(self.value(stated)),
                Cell::Html(self.follows(figure)),
                Cell::Html(positions(&figure.positions)),
            ];
            (None, cells)
        });
        page.table(&heads, rows);
        page.paragraph(language.of(
            "En posisjon er en hendelse i loggen; den er med i et tall når tallet endret seg da \
             hendelsen ble registrert. Beløp er uten mva. der ikke annet står.",
            "A position is an event in the log; it stands with a figure when the figure changed as \
             the event was recorded. Amounts are without VAT unless said.",
        ));
    }

    fn follows(&self, figure: &FigureVerdict) -> String {
        let language = self.language;
        if figure.follows {
            return format!("<span class=\"ok\">{}</span>", language.of("ja", "yes"));
        }
        let derived = match &figure.derived {
            Some(derived) => self.value(derived),
            None => language.of("finnes ikke", "there is none").to_owned(),
        };
        format!("<span class=\"bad\">{}: {}</span>", language.of("NEI", "NO"), escaped(&derived))
    }

    fn scope(&self, scope: &str) -> String {
        let language = self.language;
        let (kind, id) = scope.split_once(':').unwrap_or((scope, ""));
        let kind = match kind {
            "agreement" => language.of("avtalen", "agreement"),
            "lot" => language.of("delkontrakt", "lot"),
            "supplier" => language.of("leverandør", "supplier"),
            "buyer" => language.of("kjøper", "buyer"),
            "forecast" => language.of("prognose", "forecast"),
            "answer" => language.of("svaret", "answer"),
            other => other,
        };
        format!("{kind} {id}").trim_end().to_owned()
    }

    fn value(&self, value: &str) -> String {
        match self.language.meaning(value) {
            Some(meaning) => meaning.to_owned(),
            None => amount_text(self.language, value),
        }
    }

    fn findings(&self, page: &mut Page) {
        let language = self.language;
        page.heading(language.of("Funn", "Findings"));
        let verdicts = &self.verified.verdict.findings;
        if verdicts.is_empty() && self.dossier.answer.findings.0.is_empty() {
            return page.paragraph(language.of("Ingen funn.", "No findings."));
        }
        let heads = [
            language.of("Regel", "Rule"),
            language.of("Gjelder", "Subject"),
            language.of("Alvor, status", "Severity, status"),
            language.of("Beløp", "Amount"),
            language.of("Første dag", "First day"),
            language.of("Kjent, falt bort (UTC)", "Known, cleared (UTC)"),
            language.of("Følger", "Follows"),
            language.of("Bygger på posisjon", "Rests on position"),
        ];
        let stated = self.dossier.answer.findings.0.iter();
        let rows = stated.map(|finding| (None, self.finding(finding)));
        page.table(&heads, rows);
        let unstated = verdicts.iter().filter(|verdict| !verdict.follows);
        for verdict in unstated {
            let text = format!(
                "{} {} ({}): {}",
                verdict.rule, verdict.subject, verdict.episode, verdict.text
            );
            page.html(&format!("<p class=\"bad\">{}</p>", escaped(&text)));
        }
        page.paragraph(language.of(
            "Et funn er regning eller manglende dokumentasjon, aldri en vurdering av om noe er lovlig.",
            "A finding is arithmetic or missing documentation, never a judgement of what is lawful.",
        ));
    }

    fn finding(&self, finding: &FindingAnswer) -> Vec<Cell> {
        let language = self.language;
        let word = |name: &str| language.meaning(name).unwrap_or_default().to_owned();
        let verdict = self.verified.verdict.findings.iter().find(|verdict| {
            verdict.finding_id == finding.finding_id && verdict.episode == finding.episode
        });
        let follows = match verdict {
            Some(verdict) if verdict.follows => {
                Cell::Html(format!("<span class=\"ok\">{}</span>", language.of("ja", "yes")))
            }
            Some(_) => {
                Cell::Html(format!("<span class=\"bad\">{}</span>", language.of("NEI", "NO")))
            }
            None => Cell::text(language.of("ikke undersøkt", "not looked at")),
        };
        let amount = finding
            .amount
            .as_ref()
            .map(|money| format!("{} {}", amount_text(language, &money.amount), money.currency));
        let days = finding.days.map(|days| format!("{days} {}", language.of("dager", "days")));
        let cleared = finding.cleared_time.clone().unwrap_or_default();
        let status = [&finding.severity, &finding.status, &finding.handling].map(|name| word(name));
        vec![
            Cell::text(format!("{} ({})", word(&finding.rule), finding.rule)),
            Cell::text(finding.subject.clone()),
            Cell::text(status.join(", ")),
            Cell::Number(amount.or(days).unwrap_or_default()),
            Cell::text(finding.first_breach_date.clone()),
            Cell::text(format!("{} {cleared}", finding.known_time)),
            follows,
            Cell::Html(positions(&finding.evidence_positions.0)),
        ]
    }

    fn checks(&self, page: &mut Page) {
        let language = self.language;
        page.heading(language.of("Kontroller", "Checks"));
        let heads = [
            language.of("Kontroll", "Check"),
            language.of("Utfall", "Outcome"),
            language.of("Hva som ble sett (på engelsk)", "What was seen"),
        ];
        let rows = self.verified.verdict.checks.iter().map(|check| {
            let class = match check.outcome {
                Outcome::Holds => "ok",
                Outcome::Fails => "bad",
                Outcome::NotProved | Outcome::NotLookedAt => "open",
            };
            let (part, outcome) = (check.part.name(), check.outcome.name());
            let outcome = escaped(language.meaning(outcome).unwrap_or(outcome));
            let cells = vec![
                Cell::text(format!("{} ({part})", language.meaning(part).unwrap_or(part))),
                Cell::Html(format!("<span class=\"{class}\">{outcome}</span>")),
                Cell::text(check.text.clone()),
            ];
            (None, cells)
        });
        page.table(&heads, rows);
    }

    fn policy(&self, page: &mut Page) {
        let language = self.language;
        page.heading(language.of("Terskler og toleranser", "Thresholds and tolerances"));
        page.paragraph(language.of(
            "Disse oppgir den som driver loggen. De står ikke i loggen, og ingenting i mappen beviser \
             dem. Det avtalen selv har satt ved hendelse, står blant hendelsene.",
            "These are the word of whoever runs the ledger. They are not in the log, and nothing in the \
             dossier proves them. What the agreement has set by event stands among the events.",
        ));
        let heads = [language.of("Fra", "From"), language.of("Hva som gjelder", "What holds")];
        let rows = self.dossier.policy.0.iter().map(|period| {
            (
                None,
                vec![
                    Cell::text(period.from_date.clone()),
                    Cell::text(period_text(language, period)),
                ],
            )
        });
        page.table(&heads, rows);
    }

    fn limits(&self, page: &mut Page) {
        let language = self.language;
        page.heading(language.of("Hva mappen ikke beviser", "What the dossier does not prove"));
        page.list(&match language {
            Language::Nb => [
                "At det som ble registrert, er sant. Den viser hva som ble registrert, og når.",
                "At noe som ikke er registrert, ikke har hendt.",
                "At alle har fått vist den samme loggen; det viser medsignaturer fra vitner.",
                "At ingen avslag er utelatt, uten alle bladene i loggen (kontrollen COMPLETENESS).",
                "At tersklene og toleransene er de som gjaldt.",
            ],
            Language::En => [
                "That what was recorded is true. It shows what was recorded, and when.",
                "That nothing happened which is not recorded.",
                "That everybody was shown the same log; cosignatures of witnesses show that.",
                "That no refusal is left out, without all leaves of the log (the check COMPLETENESS).",
                "That the thresholds and tolerances are those that held.",
            ],
        });
    }
}

/// Positions as links to the events, as many as a reader can use.
fn positions(positions: &[u64]) -> String {
    let shown = positions.iter().take(POSITIONS_SHOWN_MAX);
    let links: Vec<String> = shown.map(|at| format!("<a href=\"#p{at}\">{at}</a>")).collect();
    let beyond = positions.len().saturating_sub(POSITIONS_SHOWN_MAX);
    let more = if beyond > 0 { format!(" (+{beyond})") } else { String::new() };
    links.join(", ") + &more
}

/// What a period changes, by the names of the fields of the file.
fn period_text(language: Language, period: &Period) -> String {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::to_value(period) else {
        return String::new();
    };
    fields.remove("fromDate");
    fields.remove("byNature");
    let every = events::flat(&serde_json::Value::Object(fields));
    let of_nature = period.by_nature.0.iter().map(|one| {
        let nature = language.meaning(&one.nature).unwrap_or(&one.nature);
        let threshold = one.eea_threshold.as_ref().map(|money| {
            let amount = amount_text(language, &money.amount);
            format!(" {} {amount} {}", language.of("EØS-terskel", "EEA threshold"), money.currency)
        });
        let share = one.de_minimis_ppm.map(|ppm| format!(" de minimis {ppm} ppm"));
        format!("{nature}:{}{}", threshold.unwrap_or_default(), share.unwrap_or_default())
    });
    let parts = std::iter::once(every).filter(|text| !text.is_empty()).chain(of_nature);
    parts.collect::<Vec<_>>().join("; ")
}

/// A decimal as it is read in the language; other texts as they are.
pub(super) fn amount_text(language: Language, text: &str) -> String {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return text.to_owned();
    }
    let (space, point) = match language {
        Language::Nb => ('\u{a0}', ','),
        Language::En => (',', '.'),
    };
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(space);
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push(point);
        grouped.push_str(fraction);
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    format!("{sign}{grouped}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_each_language_reads_them() {
        for (text, nb, en) in [
            ("12000000.00", "12\u{a0}000\u{a0}000,00", "12,000,000.00"),
            ("-0.01", "-0,01", "-0.01"),
            ("999", "999", "999"),
            ("1000", "1\u{a0}000", "1,000"),
            ("2024-01-01", "2024-01-01", "2024-01-01"),
            ("", "", ""),
        ] {
            assert_eq!(amount_text(Language::Nb, text), nb);
            assert_eq!(amount_text(Language::En, text), en);
        }
    }
}
