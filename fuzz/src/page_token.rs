//! Page tokens: the ledger opens those that it sealed, as it sealed them, and no other text.

use std::sync::{Arc, LazyLock};

use contract_ledger::clock::SystemClock;
use contract_ledger::ledger::{Ledger, LedgerLimits, LedgerRules};
use contract_ledger::log::LogOptions;

use super::input::Input;

/// An empty ledger; it is only there for its key. Its folder is gone once it is open.
static LEDGER: LazyLock<Ledger> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (limits, rules) = (LedgerLimits::default(), LedgerRules::default());
    let options = LogOptions::new(folder.path());
    Ledger::open(&options, &limits, rules, Arc::new(SystemClock)).expect("an empty ledger").ledger
});

/// The first byte says whether the rest is a text, or the content of a token and how to alter it.
pub fn check(input: &[u8]) {
    let mut input = Input::new(input);
    if input.byte() & 1 == 0 {
        if let Ok(text) = std::str::from_utf8(input.rest()) {
            opened(text);
        }
        return;
    }
    let (kind, place, with) = (input.byte() % 4, input.below(usize::MAX), input.byte());
    let content = input.rest();
    let token = LEDGER.seal_page_token(content);
    assert_eq!(LEDGER.open_page_token(&token).as_deref(), Some(content), "opened as sealed");
    let altered = altered(&token, kind, place, with);
    let accepted = LEDGER.open_page_token(&altered);
    assert_eq!(accepted.is_some(), altered == token, "{altered:?} for {token:?}");
}

/// A text that is opened is what sealing its content gives.
fn opened(text: &str) {
    let content = LEDGER.open_page_token(text);
    assert_eq!(content, LEDGER.open_page_token(text), "opened twice");
    if let Some(content) = content {
        assert_eq!(LEDGER.seal_page_token(&content), text, "a token that we did not make");
    }
}

fn altered(token: &str, kind: u8, place: usize, with: u8) -> String {
    let place = place.checked_rem(token.len()).unwrap_or(0);
    let (before, after) = token.split_at(place);
    let with = char::from(with);
    match kind {
        0 => format!("{before}{with}{}", after.get(1..).unwrap_or_default()),
        1 => format!("{before}{with}{after}"),
        2 => before.to_owned(),
        _ => after.to_owned(),
    }
}
