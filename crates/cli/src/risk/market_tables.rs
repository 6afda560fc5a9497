//! The columns of the market risk tables.

use wire::pb::view::{
    BacktestCount, BacktestRow, ConcentrationKind, ConcentrationRow, MarketRiskRow, MarketScenario, TrafficLight,
};

use crate::output::{Cell, Column, Mark, column};

/// The book, or that it is all of them.
fn book(book: &str) -> Cell {
    if book.is_empty() { Cell::Marked("(together)".to_owned(), Mark::Faint) } else { Cell::text(book) }
}

fn excepted(count: u64) -> Cell {
    if count == 0 { Cell::Blank } else { Cell::Count(count) }
}

fn worst(row: &MarketRiskRow) -> Option<&MarketScenario> {
    row.worst.first()
}

pub(super) const RISK: &[Column<MarketRiskRow>] = &[
    column("book", |each| book(&each.book)),
    column("entity", |each| Cell::text(&each.entity)),
    column("positions", |each| Cell::Count(each.positions)),
    column("excepted", |each| excepted(each.excepted)),
    column("market value", |each| Cell::amount(each.market_value)),
    column("gross", |each| Cell::amount(each.gross)),
    column("VaR", |each| Cell::amount(each.value_at_risk)),
    column("ES", |each| Cell::amount(each.expected_shortfall)),
    column("worst", |each| Cell::amount(worst(each).and_then(|worst| worst.result))),
    column("on", |each| worst(each).map_or(Cell::Blank, |worst| Cell::Date(worst.to))),
];

pub fn light(count: Option<&BacktestCount>) -> Cell {
    match count.map_or(TrafficLight::Unspecified, BacktestCount::light) {
        TrafficLight::Unspecified => Cell::Blank,
        TrafficLight::Green => Cell::Marked("green".to_owned(), Mark::Good),
        TrafficLight::Yellow => Cell::Marked("yellow".to_owned(), Mark::Waiting),
        TrafficLight::Red => Cell::Marked("red".to_owned(), Mark::Bad),
    }
}

fn days(count: Option<&BacktestCount>) -> Cell {
    count.map_or(Cell::Blank, |count| Cell::Count(count.days.into()))
}

fn exceptions(count: Option<&BacktestCount>) -> Cell {
    count.filter(|count| count.days > 0).map_or(Cell::Blank, |count| Cell::Count(count.exceptions.into()))
}

pub(super) const BACKTEST: &[Column<BacktestRow>] = &[
    column("book", |each| book(&each.book)),
    column("positions", |each| Cell::Count(each.positions)),
    column("excepted", |each| excepted(each.excepted)),
    column("days", |each| days(each.hypothetical.as_ref())),
    column("exceptions", |each| exceptions(each.hypothetical.as_ref())),
    column("probability %", |each| Cell::amount(each.hypothetical.as_ref().and_then(|count| count.cumulative_percent))),
    column("light", |each| light(each.hypothetical.as_ref())),
    column("multiplier", |each| Cell::amount(each.hypothetical.as_ref().and_then(|count| count.multiplier))),
    column("closed days", |each| days(each.actual.as_ref())),
    column("actual exceptions", |each| exceptions(each.actual.as_ref())),
    column("actual light", |each| light(each.actual.as_ref())),
];

pub(super) fn kind(kind: ConcentrationKind) -> &'static str {
    match kind {
        ConcentrationKind::Unspecified => "",
        ConcentrationKind::Instrument => "instrument",
        ConcentrationKind::Issuer => "issuer",
        ConcentrationKind::Currency => "currency",
    }
}

pub(super) const CONCENTRATION: &[Column<ConcentrationRow>] = &[
    column("by", |each| Cell::text(kind(each.kind()))),
    column("name", |each| if each.name.is_empty() { Cell::text("(not named)") } else { Cell::text(&each.name) }),
    column("positions", |each| Cell::Count(each.positions)),
    column("long", |each| Cell::amount(each.long)),
    column("short", |each| Cell::amount(each.short)),
    column("net", |each| Cell::amount(each.net)),
    column("gross", |each| Cell::amount(each.gross)),
    column("% of gross", |each| Cell::amount(each.percent)),
];
