//! The file that a command reads, and the bars that shows how far it has come.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::outcome::CommandError;

/// How often the progress bar moves while a request waits.
const TICK_MS: u64 = 200;

/// Opens a file, or standard input for `-`, and says how long it is where that is known.
pub(crate) fn open(file: &Path) -> Result<(Box<dyn BufRead + Send>, Option<u64>), CommandError> {
    if file.as_os_str() == "-" {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let doing = || format!("opening {}", file.display());
    let opened = File::open(file).map_err(|source| CommandError::local(doing(), source))?;
    let metadata = opened.metadata().map_err(|source| CommandError::local(doing(), source))?;
    if metadata.is_dir() {
        return Err(CommandError::Usage(format!("{} is a folder", file.display())));
    }
    let bytes_total = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(BufReader::new(opened)), bytes_total))
}

/// A bar over a count that is told as it goes; drawn as the others are. Nothing is done of a count
/// that is not known yet.
pub(crate) fn count_bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    bar.enable_steady_tick(Duration::from_millis(TICK_MS));
    let template = "{bar:32} {percent:>3} %  {msg}  {elapsed}";
    bar.with_style(ProgressStyle::with_template(template).expect("the template is well formed"))
}

/// How far a count has come. Both at once: a bar whose end is moved before its place would be drawn as
/// done in between. Of a whole of nothing nothing is done, until there is more to tell.
pub(crate) fn show_count(bar: &ProgressBar, done: u64, total: u64) {
    bar.update(|state| {
        state.set_pos(done);
        if total > 0 {
            state.set_len(total);
        }
    });
}

/// A bar over the bytes of a file, a spinner where the end is not known. indicatif draws on
/// standard error, and only when that is a terminal.
pub(crate) fn progress_bar(bytes_total: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes_total {
        Some(bytes_total) => (
            ProgressBar::new(bytes_total),
            "{bar:32} {percent:>3} %  {msg}  {elapsed}, {eta} to go",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}  {elapsed}"),
    };
    bar.enable_steady_tick(Duration::from_millis(TICK_MS));
    bar.with_style(ProgressStyle::with_template(template).expect("the template is well formed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_begins_with_nothing_done_and_stays_so_until_its_whole_is_known() {
        let bar = count_bar();
        let shown = || (bar.position(), bar.length());
        // A length of 0 would be drawn as 100 %.
        assert_eq!(shown(), (0, None));
        show_count(&bar, 0, 0);
        assert_eq!(shown(), (0, None));
        show_count(&bar, 7, 9);
        assert_eq!(shown(), (7, Some(9)));
        show_count(&bar, 1, 3);
        assert_eq!(shown(), (1, Some(3)));
    }
}
