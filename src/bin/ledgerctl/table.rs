//! The one look of all tables: columns without borders, a line under the head, colour only when
//! somebody watches. It knows cells, not messages.

use std::io::IsTerminal as _;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, ContentLineStyle,
    LineStyle, Table, TableStyle,
};

/// Columns apart by spaces, and one line under the head.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─'))
    .content_lines(ContentLineStyle::none());

/// The head and the line under it.
const HEAD_LINES: usize = 2;
/// Space before a note.
const NOTE_INDENT: &str = "        ";

/// What the output can show.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    /// Whether cells may have colour.
    pub(crate) colour: bool,
    /// Columns of the terminal. None: no terminal, nothing is wrapped.
    pub(crate) width: Option<u16>,
}

impl Look {
    /// The look for standard output.
    pub(crate) fn of_stdout(colour: Colour) -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self {
            colour: match colour {
                Colour::WhenTerminal => terminal,
                Colour::Never => false,
            },
            width: Table::new().width(),
        }
    }
}

impl Look {
    /// A line of its own, for output that is written while it happens.
    pub(crate) fn line(self, text: &str, tone: Tone) -> String {
        toned_line(self.colour, text, tone)
    }

    /// A line under the line before it.
    pub(crate) fn note(self, text: &str, tone: Tone) -> String {
        note_line(self.colour, text, tone)
    }
}

/// Whether somebody asked for plain text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Colour {
    /// Colour when a terminal shows it.
    WhenTerminal,
    /// No colour.
    Never,
}

/// How a cell stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Broken.
    Bad,
    /// Of less weight.
    Quiet,
    /// Nothing special.
    Plain,
}

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// Words: to the left, wrapped where the terminal is narrow, several lines allowed.
    Text,
    /// A date, id or word that must stay whole: to the left, on one line.
    Fixed,
    /// An amount or count: to the right, on one line.
    Number,
}

/// A table under construction. Rows may have notes under them, which may be longer than any column.
pub(crate) struct Sheet {
    table: Table,
    columns: Vec<Column>,
    /// Notes under each row. Invariant: as many entries as rows; all empty where a column wraps,
    /// because a row is then no longer one line.
    notes: Vec<Vec<String>>,
    colour: bool,
}

impl Sheet {
    /// A table with these heads and settings.
    pub(crate) fn new(look: Look, heads: &[(&str, Column)]) -> Self {
        let columns: Vec<Column> = heads.iter().map(|(_, column)| *column).collect();
        let mut table = plain_table(look.colour);
        if let Some(width) = look.width
            && columns.contains(&Column::Text)
        {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        table.set_header(heads.iter().map(|(head, column)| {
            let cell = Cell::new_owned(on_one_line(head)).set_alignment(alignment(*column));
            if look.colour { cell.add_attribute(Attribute::Bold) } else { cell }
        }));
        Self { table, columns, notes: Vec::new(), colour: look.colour }
    }

    /// Adds a row of plain cells.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.toned_row(cells.into_iter().map(|text| (text, Tone::Plain)));
    }

    /// Adds a row whose cells have a tone each.
    pub(crate) fn toned_row(&mut self, cells: impl IntoIterator<Item = (String, Tone)>) {
        let row: Vec<Cell> = cells
            .into_iter()
            .zip(&self.columns)
            .map(|((text, tone), column)| {
                let text = match column {
                    Column::Text => printable(&text),
                    Column::Fixed | Column::Number => on_one_line(&text),
                };
                toned(Cell::new_owned(text).set_alignment(alignment(*column)), tone, self.colour)
            })
            .collect();
        self.table.add_row(row);
        self.notes.push(Vec::new());
    }

    /// Adds a line under the row added last; nothing for an empty text.
    ///
    /// Only for tables without a column of wrapped text.
    pub(crate) fn note(&mut self, text: &str, tone: Tone) {
        debug_assert!(!self.columns.contains(&Column::Text), "rows with notes are one line each");
        if text.is_empty() {
            return;
        }
        let line = note_line(self.colour, text, tone);
        if let Some(notes) = self.notes.last_mut() {
            notes.push(line);
        }
    }

    /// The finished table, each line ended.
    pub(crate) fn text(mut self) -> String {
        for (index, column) in self.columns.iter().enumerate() {
            if *column != Column::Text
                && let Some(column) = self.table.column_mut(index)
            {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        let table = self.table.trim_fmt();
        let mut lines = table.lines();
        let mut text = String::new();
        let head = lines.by_ref().take(HEAD_LINES);
        text.extend(head.flat_map(|line| [line, "\n"]));
        let mut notes = self.notes.iter();
        for line in lines {
            text.extend([line, "\n"]);
            // With wrapped rows this runs out early, and nothing is lost: there are no notes then.
            for note in notes.next().into_iter().flatten() {
                text.extend([note.as_str(), "\n"]);
            }
        }
        text
    }
}

fn note_line(colour: bool, text: &str, tone: Tone) -> String {
    format!("{NOTE_INDENT}{}", toned_line(colour, text, tone))
}

/// One line of text; the table's style puts a space before it, as before every row.
fn toned_line(colour: bool, text: &str, tone: Tone) -> String {
    let mut line = plain_table(colour);
    line.add_row([toned(Cell::new_owned(on_one_line(text)), tone, colour)]);
    line.trim_fmt()
}

fn plain_table(colour: bool) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).force_no_tty();
    if colour {
        table.enforce_styling();
    }
    table
}

/// Text from a server without anything that would steer the terminal; lines are kept.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(
            |character| {
                if character.is_control() && character != '\n' { '\u{fffd}' } else { character }
            },
        )
        .collect()
}

fn on_one_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

fn alignment(column: Column) -> CellAlignment {
    match column {
        Column::Text | Column::Fixed => CellAlignment::Left,
        Column::Number => CellAlignment::Right,
    }
}

fn toned(cell: Cell, tone: Tone, colour: bool) -> Cell {
    if !colour {
        return cell;
    }
    match tone {
        Tone::Good => cell.fg(Color::Green),
        Tone::Warning => cell.fg(Color::Yellow),
        Tone::Bad => cell.fg(Color::Red),
        Tone::Quiet => cell.add_attribute(Attribute::Dim),
        Tone::Plain => cell,
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
