//! What the demonstration shows: headings, a line for each step, bars while it runs, tables at the end.

use indicatif::ProgressBar;

use crate::output::table::{Cell, render_cells};
use crate::{output, progress};

/// A heading.
pub fn heading(text: &str) {
    if output::colours() {
        println!("\n\x1b[1m{text}\x1b[0m");
    } else {
        println!("\n{text}");
    }
}

/// A line that says what happened.
pub fn line(text: impl AsRef<str>) {
    println!("  {}", text.as_ref());
}

/// A table, indented like the lines.
pub fn table(titles: &[&str], rows: &[Vec<Cell>]) {
    for text in render_cells(titles, rows).lines() {
        println!("  {text}");
    }
}

/// Progress of a step that is told in a line when it is done.
pub fn bar(length: u64, message: impl Into<String>, what: &str) -> ProgressBar {
    let bar = progress::counted(length, what);
    bar.set_message(message.into());
    bar
}
