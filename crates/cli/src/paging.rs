//! Lists that come in pages: as many as are wanted, and a word when there are more.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use tonic::{Response, Status};

use crate::fault::from_status;
use crate::output::{Column, Format, Listing, note};

/// The most rows a page may have.
const PAGE: u32 = 1_000;

/// How many rows a person wants to see when nothing is said.
const SCREEN: usize = 100;

/// How much of a list.
#[derive(Args, Clone, Debug)]
pub struct Limit {
    /// At most so many; 0 is all [default: 100 in a table, else all]
    #[arg(long, short = 'n', value_name = "ROWS")]
    pub limit: Option<usize>,
}

/// A page and the token of the next one, which is empty at the end.
pub type Page<T> = (Vec<T>, String);

/// Prints what `fetch` gives, page by page: it gets a token and a page size.
pub async fn print<T: Serialize + 'static>(
    format: Format,
    columns: &'static [Column<T>],
    limit: &Limit,
    nothing: &str,
    mut fetch: impl AsyncFnMut(String, u32) -> Result<Page<T>>,
) -> Result<()> {
    let limit = match (limit.limit, format) {
        (Some(0), _) | (None, Format::Json | Format::Ndjson | Format::Csv) => usize::MAX,
        (Some(limit), _) => limit,
        (None, Format::Table) => SCREEN,
    };
    let mut listing = Listing::new(format, columns);
    let (mut token, mut left) = (String::new(), limit);
    let more = loop {
        let size = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let (mut rows, next) = fetch(token, size).await?;
        let cut = rows.len() > left;
        rows.truncate(left);
        left -= rows.len();
        listing.page(rows)?;
        if next.is_empty() || left == 0 {
            break cut || !next.is_empty();
        }
        token = next;
    };
    listing.end(nothing)?;
    if more {
        note(format!("… the first {limit}; --limit 0 shows all"));
    }
    Ok(())
}

/// All pages of a list.
pub async fn all<T>(mut fetch: impl AsyncFnMut(String, u32) -> Result<Page<T>>) -> Result<Vec<T>> {
    let (mut rows, mut token) = (Vec::new(), String::new());
    loop {
        let (page, next) = fetch(token, PAGE).await?;
        rows.extend(page);
        if next.is_empty() {
            return Ok(rows);
        }
        token = next;
    }
}

/// The answer inside a response, or what went wrong in a sentence.
pub fn answer<T>(response: Result<Response<T>, Status>) -> Result<T> {
    response.map(Response::into_inner).map_err(from_status)
}
