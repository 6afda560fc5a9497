//! Tables: rows of anything by columns that say how a cell is made; aligned for people, plain for programs.

use comfy_table::{
    Attribute, CellAlignment, Color, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle,
};
use wire::pb::typ::Decimal;

use super::figure;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Blank,
    Text(String),
    /// A text that says how things stand.
    Marked(String, Mark),
    Count(u64),
    Amount(Decimal),
    /// What should be zero.
    Difference(i128),
    /// YYYYMMDD; 0 is none.
    Date(u32),
}

/// How things stand, as a colour of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Good,
    Waiting,
    Bad,
    Faint,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    pub fn amount(amount: Option<Decimal>) -> Cell {
        amount.map_or(Cell::Blank, Cell::Amount)
    }

    /// For people.
    pub fn shown(&self) -> String {
        match self {
            Cell::Blank => String::new(),
            Cell::Text(text) | Cell::Marked(text, _) => text.clone(),
            Cell::Count(count) => figure::count(*count),
            Cell::Amount(amount) => figure::grouped(*amount),
            Cell::Difference(difference) => match i64::try_from(*difference) {
                Ok(unscaled) => figure::grouped(Decimal { unscaled, scale: 0 }),
                Err(_) => difference.to_string(),
            },
            Cell::Date(date) => figure::date(*date),
        }
    }

    fn mark(&self) -> Option<Mark> {
        match self {
            Cell::Marked(_, mark) => Some(*mark),
            Cell::Difference(0) => Some(Mark::Good),
            Cell::Difference(_) => Some(Mark::Bad),
            _ => None,
        }
    }

    /// For programs.
    pub fn plain(&self) -> String {
        match self {
            Cell::Count(count) => count.to_string(),
            Cell::Difference(difference) => difference.to_string(),
            Cell::Amount(amount) => figure::plain(*amount),
            other => other.shown(),
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Cell::Count(_) | Cell::Amount(_) | Cell::Difference(_))
    }
}

/// A column: its title and how it is made of a row.
pub struct Column<T> {
    pub title: &'static str,
    pub cell: fn(&T) -> Cell,
}

/// Shorthand, so that a list of columns reads as a list.
pub const fn column<T>(title: &'static str, cell: fn(&T) -> Cell) -> Column<T> {
    Column { title, cell }
}

/// No frame: a line under the titles and two spaces between columns.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none().junction(' '));

/// The table as text, each line ended. A column in which every value is a number stands to the right.
pub fn render<T>(columns: &[Column<T>], rows: &[T]) -> String {
    let cells: Vec<Vec<Cell>> =
        rows.iter().map(|row| columns.iter().map(|column| (column.cell)(row)).collect()).collect();
    let titles: Vec<&str> = columns.iter().map(|column| column.title).collect();
    render_cells(&titles, &cells)
}

/// The same from cells.
pub fn render_cells(titles: &[&str], rows: &[Vec<Cell>]) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    let right: Vec<bool> = (0..titles.len())
        .map(|place| {
            let mut values = rows.iter().map(|row| &row[place]).filter(|cell| **cell != Cell::Blank).peekable();
            values.peek().is_some() && values.all(Cell::is_number)
        })
        .collect();
    let align = |place: usize| if right[place] { CellAlignment::Right } else { CellAlignment::Left };
    let head = titles.iter().enumerate().map(|(place, title)| {
        styled(comfy_table::Cell::new(title).set_alignment(align(place)), |cell| cell.add_attribute(Attribute::Bold))
    });
    table.set_header(head.collect::<Vec<_>>());
    for row in rows {
        let cells = row.iter().enumerate().map(|(place, cell)| {
            let shown = comfy_table::Cell::new(cell.shown()).set_alignment(align(place));
            match cell.mark() {
                Some(mark) => styled(shown, |shown| match mark {
                    Mark::Good => shown.fg(Color::Green),
                    Mark::Waiting => shown.fg(Color::Yellow),
                    Mark::Bad => shown.fg(Color::Red),
                    Mark::Faint => shown.add_attribute(Attribute::Dim),
                }),
                None => shown,
            }
        });
        table.add_row(cells.collect::<Vec<_>>());
    }
    // The first column begins where the line begins.
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 1));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn styled(cell: comfy_table::Cell, style: impl FnOnce(comfy_table::Cell) -> comfy_table::Cell) -> comfy_table::Cell {
    if super::colours() { style(cell) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_texts_to_the_left() {
        let columns: [Column<(&str, i64)>; 2] = [
            column("account", |row| Cell::text(row.0)),
            column("settled", |row| Cell::Amount(Decimal { unscaled: row.1, scale: 2 })),
        ];
        let text = render(&columns, &[("ALPHA-EUR", 123_456_789), ("B", -1)]);
        assert_eq!(
            text,
            "account          settled\n\
             ─────────────────────────\n\
             ALPHA-EUR   1,234,567.89\n\
             B                  -0.01\n"
        );
    }
}
