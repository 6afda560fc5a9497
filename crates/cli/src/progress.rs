//! Progress of long work: bars on a terminal, nothing in a pipe or a log.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that shows nothing.
pub fn hidden() -> ProgressBar {
    ProgressBar::hidden()
}

/// A bar over things that are counted: records, messages.
pub fn counted(length: u64, what: &str) -> ProgressBar {
    bar(length, &format!("{{msg:14}} {{bar:30}} {{human_pos:>9}} of {{human_len}} {what}  {{elapsed}}"))
}

/// A count of records whose end is not known.
pub fn endless(doing: &'static str) -> ProgressBar {
    let bar = bar(0, "{msg:14} {human_pos:>9} records  {elapsed}");
    bar.set_message(doing);
    bar
}

/// A bar over bytes.
pub fn bytes(length: u64) -> ProgressBar {
    bar(length, "{bar:30} {bytes:>10} of {total_bytes}  {elapsed}, {eta} to go")
}

fn bar(length: u64, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(15));
    let style = ProgressStyle::with_template(template).expect("a template known when writing");
    bar.set_style(style.progress_chars("━╸─"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
