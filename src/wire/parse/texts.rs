//! Reading texts: how long they may be, and whether they say anything.

use super::path::{At, Item, Path};
use super::{
    DOCUMENT_KIND_BYTES_MAX, DOCUMENTS_MAX, LONG_TEXT_BYTES_MAX, SHORT_TEXT_BYTES_MAX,
    URI_BYTES_MAX, Violations, malformed,
};
use crate::domain::event::Reasoning;
use crate::domain::text::Text;
use crate::wire::v1;

pub(super) fn text(violations: &mut Violations, field: Path<'_>, text: &str, bytes_max: usize) {
    if text.len() > bytes_max {
        let description = format!("must be at most {bytes_max} bytes, not {}", text.len());
        violations.add(field, malformed::MALFORMED_TEXT, description);
    }
    let stray =
        |character: char| character.is_control() && !matches!(character, '\n' | '\t' | '\r');
    if text.contains(stray) {
        violations.add(field, malformed::MALFORMED_TEXT, "must not have control characters");
    }
}

pub(super) fn required_text(
    violations: &mut Violations,
    field: Path<'_>,
    value: &str,
    bytes_max: usize,
) {
    if value.trim().is_empty() {
        violations.add(field, malformed::FIELD_MISSING, "must not be empty");
    }
    text(violations, field, value, bytes_max);
}

/// A text that may be left out.
pub(super) fn stated_text(text: &str) -> Option<Text> {
    (!text.is_empty()).then(|| Text::new(text))
}

/// A pseudonym that may be left out. A blank one names nobody.
pub(super) fn person(violations: &mut Violations, field: Path<'_>, value: &str) -> Option<Text> {
    text(violations, field, value, SHORT_TEXT_BYTES_MAX);
    (!value.trim().is_empty()).then(|| Text::new(value))
}

/// A text of which the rules need only whether it says why. A missing one is no violation: it is
/// refused as an intent, and a finding as a fact.
pub(super) fn reasoning(violations: &mut Violations, field: Path<'_>, value: &str) -> Reasoning {
    text(violations, field, value, LONG_TEXT_BYTES_MAX);
    if value.trim().is_empty() { Reasoning::Missing } else { Reasoning::Stated }
}

/// A reason or comment that no rule reads.
pub(super) fn remark(violations: &mut Violations, field: Path<'_>, value: &str) {
    text(violations, field, value, LONG_TEXT_BYTES_MAX);
}

pub(super) fn cpv_code(violations: &mut Violations, field: Path<'_>, code: &str) {
    let well_formed = code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_digit());
    if !well_formed {
        violations.add(field, malformed::MALFORMED_TEXT, "must be a CPV code of eight digits");
    }
}

pub(super) fn sha256(violations: &mut Violations, field: Path<'_>, text: &str) {
    let hexadecimal = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 64 || !text.bytes().all(hexadecimal) {
        let description = "must be 64 lower-case hexadecimal digits";
        violations.add(field, malformed::MALFORMED_TEXT, description);
    }
}

pub(super) fn documents(violations: &mut Violations, field: Path<'_>, stated: &[v1::Document]) {
    if stated.len() > DOCUMENTS_MAX {
        let description = format!("must have at most {DOCUMENTS_MAX} documents");
        violations.add(field, malformed::LIST_OUT_OF_BOUNDS, description);
    }
    for (index, stated) in stated.iter().enumerate().take(DOCUMENTS_MAX) {
        document(violations, &Item(field, index), stated);
    }
}

pub(super) fn document(violations: &mut Violations, field: Path<'_>, stated: &v1::Document) {
    let v1::Document { kind, sha256: fingerprint, uri } = stated;
    required_text(violations, &At(field, "kind"), kind, DOCUMENT_KIND_BYTES_MAX);
    sha256(violations, &At(field, "sha256"), fingerprint);
    text(violations, &At(field, "uri"), uri, URI_BYTES_MAX);
}
