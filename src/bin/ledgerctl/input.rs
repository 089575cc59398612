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

/// A bar over a count that is told as it goes; drawn as the others are.
pub(crate) fn count_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    bar.enable_steady_tick(Duration::from_millis(TICK_MS));
    let template = "{bar:32} {percent:>3} %  {msg}  {elapsed}";
    bar.with_style(ProgressStyle::with_template(template).expect("the template is well formed"))
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
