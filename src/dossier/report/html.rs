//! HTML as it is written here: escaped texts, tables, and a page without scripts or anything from outside.

use std::fmt::Write as _;

/// The looks of the page, on screen and on paper.
const STYLE: &str = "\
body{font:15px/1.45 sans-serif;color:#111;max-width:62rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #999}\
table{border-collapse:collapse;width:100%;margin:.6rem 0}\
th,td{border-bottom:1px solid #ccc;padding:.25rem .5rem;text-align:left;vertical-align:top;\
overflow-wrap:anywhere}th{background:#eee}td.n{text-align:right;white-space:nowrap}\
code{font-size:.9em}.ok{color:#060}.bad{color:#a00;font-weight:bold}.open{color:#850}\
.small{font-size:.85em;color:#444}a{color:#024}\
@media print{body{margin:0;max-width:none;font-size:10pt}thead{display:table-header-group}\
tr{break-inside:avoid}h2{break-after:avoid}a{color:inherit;text-decoration:none}}";

/// Text that may say anything, as HTML. What turns the direction of text, or does not show, is written
/// out, so that nothing looks like what it is not.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {
                write_code(&mut html, character);
            }
            '\n' | '\t' => html.push(' '),
            character if character.is_control() => write_code(&mut html, character),
            character => html.push(character),
        }
    }
    html
}

fn write_code(html: &mut String, character: char) {
    write!(html, "[U+{:04X}]", u32::from(character)).expect("a text takes what is written to it");
}

/// A cell of a table.
pub(super) enum Cell {
    /// Text.
    Text(String),
    /// A number: to the right, on one line.
    Number(String),
    /// HTML that is made here.
    Html(String),
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// A page that grows.
pub(super) struct Page(String);

impl Page {
    /// Begins a page.
    pub(super) fn new(language: &str, title: &str) -> Self {
        let title = escaped(title);
        Self(format!(
            "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
             'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        ))
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.html(&format!("<h2>{}</h2>", escaped(text)));
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.html(&format!("<p>{}</p>", escaped(text)));
    }

    /// HTML that is made here.
    pub(super) fn html(&mut self, html: &str) {
        self.0.push_str(html);
        self.0.push('\n');
    }

    pub(super) fn list(&mut self, items: &[&str]) {
        let items: Vec<String> =
            items.iter().map(|item| format!("<li>{}</li>", escaped(item))).collect();
        let items = items.concat();
        self.html(&format!("<ul>{items}</ul>"));
    }

    /// A table; each row may have an anchor that links go to.
    pub(super) fn table(
        &mut self,
        heads: &[&str],
        rows: impl IntoIterator<Item = (Option<String>, Vec<Cell>)>,
    ) {
        let heads: Vec<String> =
            heads.iter().map(|head| format!("<th>{}</th>", escaped(head))).collect();
        let heads = heads.concat();
        self.html(&format!("<table><thead><tr>{heads}</tr></thead><tbody>"));
        for (anchor, cells) in rows {
            let anchor = anchor.map(|id| format!(" id=\"{}\"", escaped(&id))).unwrap_or_default();
            let cells: String = cells.iter().map(cell).collect();
            self.html(&format!("<tr{anchor}>{cells}</tr>"));
        }
        self.html("</tbody></table>");
    }

    /// Ends the page.
    pub(super) fn finish(mut self) -> String {
        self.html("</body>\n</html>");
        self.0
    }
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => format!("<td>{}</td>", escaped(text)),
        Cell::Number(text) => format!("<td class=\"n\">{}</td>", escaped(text)),
        Cell::Html(html) => format!("<td>{html}</td>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_becomes_markup() {
        let hostile = "<script>alert('x')</script>&\"\u{202e}\u{0}\u{200b}";
        let seen = escaped(hostile);
        assert!(!seen.contains(['<', '>', '"', '\'', '\u{202e}', '\u{0}', '\u{200b}']), "{seen}");
        assert!(seen.contains("&lt;script&gt;") && seen.contains("[U+202E]"), "{seen}");
        let mut page = Page::new("nb", hostile);
        page.heading(hostile);
        page.paragraph(hostile);
        page.table(&[hostile], [(Some(hostile.to_owned()), vec![Cell::text(hostile)])]);
        page.list(&[hostile]);
        assert!(!page.finish().contains("<script"));
    }
}
