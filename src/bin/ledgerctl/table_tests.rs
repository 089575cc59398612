//! What a table looks like.

use super::*;

fn sheet(look: Look) -> Sheet {
    let mut sheet = Sheet::new(look, &[("what", Column::Text), ("NOK", Column::Number)]);
    sheet.row(["one".to_owned(), "1,00".to_owned()]);
    sheet.toned_row([
        ("two words".to_owned(), Tone::Plain),
        ("-12 000 000,00".to_owned(), Tone::Bad),
    ]);
    sheet
}

#[test]
fn numbers_stand_to_the_right_and_nothing_is_coloured_without_a_terminal() {
    assert_eq!(
        sheet(Look::default()).text(),
        concat!(
            " what                  NOK\n",
            "───────────────────────────\n",
            " one                  1,00\n",
            " two words  -12 000 000,00\n",
        )
    );
}

#[test]
fn narrow_terminal_wraps_words_and_never_amounts() {
    let look = Look { colour: false, width: Some(24) };
    let text = sheet(look).text();
    assert!(text.contains("-12 000 000,00"), "{text}");
    assert!(!text.contains("two words"), "{text}");
}

#[test]
fn notes_stand_under_their_row_and_do_not_widen_it() {
    let mut sheet = Sheet::new(Look::default(), &[("id", Column::Fixed)]);
    sheet.row(["O1".to_owned()]);
    sheet.note("one long\nnote", Tone::Plain);
    sheet.note("another", Tone::Plain);
    sheet.row(["O2\nO3".to_owned()]);
    assert_eq!(
        sheet.text(),
        concat!(
            " id\n",
            "───────\n",
            " O1\n",
            "         one long note\n",
            "         another\n",
            " O2 O3\n",
        )
    );
}

#[test]
fn lines_that_are_written_while_they_happen_look_like_rows_and_notes() {
    let look = Look::default();
    assert_eq!(look.line("O1\u{7}", Tone::Bad), " O1\u{fffd}");
    assert_eq!(look.note("note", Tone::Quiet), "         note");
}

#[test]
fn colour_is_written_when_it_is_wanted() {
    let look = Look { colour: true, width: None };
    assert!(sheet(look).text().contains("\u{1b}["));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    assert_eq!(printable("a\u{1b}[31mb\nc"), "a\u{fffd}[31mb\nc");
}
