//! What was measured, as a table and as JSON, with the machine and the commit it was measured on.

use anyhow::{Context, Result};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;
use std::path::Path;
use std::process::Command;

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub bench: &'static str,
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
    /// What it is to be read with: a goal, a ratio, a remark.
    pub note: String,
}

/// All figures of one run.
#[derive(Debug, Serialize)]
pub struct Report {
    commit: String,
    machine: String,
    cores: usize,
    figures: Vec<Figure>,
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name"));
    model.map_or("unknown".into(), |rest| rest.trim_start_matches([' ', '\t', ':']).to_string())
}

impl Report {
    /// An empty report about this machine and commit.
    pub fn begin() -> Report {
        Report {
            commit: output("git", &["describe", "--always", "--dirty"]).unwrap_or_else(|| "unknown".into()),
            machine: processor(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            figures: Vec::new(),
        }
    }

    pub fn add(&mut self, bench: &'static str, what: impl Into<String>, value: f64, unit: &'static str, note: &str) {
        self.figures.push(Figure { bench, what: what.into(), value, unit, note: note.into() });
    }

    /// The table, on standard output.
    pub fn print(&self) {
        println!("{} · {} cores · commit {}", self.machine, self.cores, self.commit);
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY);
        table.set_header(["bench", "figure", "value", "unit", "note"]);
        for figure in &self.figures {
            let value = grouped(figure.value);
            table.add_row([figure.bench, &figure.what, &value, figure.unit, &figure.note]);
        }
        if let Some(column) = table.column_mut(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        println!("{table}");
    }

    /// The same as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(file, text).with_context(|| format!("cannot write the figures to {}", file.display()))
    }
}

/// 1234567.8 as 1,234,568; small figures with their decimals.
fn grouped(value: f64) -> String {
    if value.abs() < 1_000.0 {
        return format!("{value:.3}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digit != '-' {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
