//! How an answer is printed: as a table for people, or as JSON, NDJSON or CSV for programs.
//!
//! Answers go to stdout, everything about them (hints, progress, errors) to stderr: what is piped is only the answer.

pub mod figure;
pub mod table;

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

pub use table::{Cell, Column, Mark, column};

/// What an answer looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for people
    #[default]
    Table,
    /// One JSON document, indented
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
}

/// Whether stdout may have colours: it is a terminal, and nobody set `NO_COLOR` (no-color.org).
pub fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints a list. Where there is nothing, a table says so in words; the other formats are empty.
pub fn list<T: Serialize>(format: Format, columns: &'static [Column<T>], rows: Vec<T>, nothing: &str) -> Result<()> {
    let mut listing = Listing::new(format, columns);
    listing.page(rows)?;
    listing.end(nothing)
}

/// A list that comes in pages. NDJSON and CSV are printed page by page, so that a list of any length fits.
pub struct Listing<T: 'static> {
    format: Format,
    columns: &'static [Column<T>],
    kept: Vec<T>,
    begun: bool,
}

impl<T: Serialize> Listing<T> {
    pub fn new(format: Format, columns: &'static [Column<T>]) -> Listing<T> {
        Listing { format, columns, kept: Vec::new(), begun: false }
    }

    pub fn page(&mut self, rows: Vec<T>) -> Result<()> {
        let mut out = io::stdout().lock();
        match self.format {
            Format::Table | Format::Json => self.kept.extend(rows),
            Format::Ndjson => {
                for row in rows {
                    writeln!(out, "{}", serde_json::to_string(&row)?)?;
                }
            }
            Format::Csv => csv(&mut out, self.columns, &rows, !self.begun)?,
        }
        self.begun = true;
        Ok(out.flush()?)
    }

    pub fn end(self, nothing: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        match self.format {
            Format::Table if self.kept.is_empty() => note(nothing),
            Format::Table => out.write_all(table::render(self.columns, &self.kept).as_bytes())?,
            Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&self.kept)?)?,
            Format::Ndjson | Format::Csv => {}
        }
        Ok(out.flush()?)
    }
}

/// Prints one thing: in a table each column becomes a line.
pub fn one<T: Serialize>(format: Format, columns: &[Column<T>], row: &T) -> Result<()> {
    let mut out = io::stdout().lock();
    match format {
        Format::Table => out.write_all(fields(columns, row).as_bytes())?,
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(row)?)?,
        Format::Ndjson => writeln!(out, "{}", serde_json::to_string(row)?)?,
        Format::Csv => csv(&mut out, columns, std::slice::from_ref(row), true)?,
    }
    Ok(out.flush()?)
}

/// A line for each column that has a value.
fn fields<T>(columns: &[Column<T>], row: &T) -> String {
    let width = columns.iter().map(|column| column.title.len()).max().unwrap_or(0);
    let lines = columns.iter().filter_map(|column| match (column.cell)(row) {
        Cell::Blank | Cell::Date(0) => None,
        Cell::Text(text) if text.is_empty() => None,
        cell => Some(format!("{:width$}  {}\n", column.title, cell.shown())),
    });
    lines.collect()
}

fn csv<T>(out: &mut impl Write, columns: &[Column<T>], rows: &[T], header: bool) -> Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    if header {
        // Titles as names that a program can use: "funding need" is `funding_need`.
        writer.write_record(columns.iter().map(|column| column.title.replace(' ', "_")))?;
    }
    for row in rows {
        writer.write_record(columns.iter().map(|column| (column.cell)(row).plain()))?;
    }
    Ok(writer.flush()?)
}

/// A line about an answer, not part of it.
pub fn note(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}
