//! The columns of the risk tables.

use wire::pb::record::{LimitKind, OnBreach};
use wire::pb::typ::Decimal;
use wire::pb::view::{Capital, CapitalKind, Exposure, ExposurePhase, LimitStanding};

use crate::output::{Cell, Column, Mark, column};

/// Nothing where nothing is: a column of zeros hides the one that is not.
fn unless_zero(amount: Option<Decimal>) -> Cell {
    Cell::amount(amount.filter(|amount| amount.unscaled != 0))
}

fn count_unless_zero(count: u64) -> Cell {
    if count == 0 { Cell::Blank } else { Cell::Count(count) }
}

pub(crate) fn phase(exposure: &Exposure) -> Cell {
    match exposure.phase() {
        ExposurePhase::Unspecified => Cell::Blank,
        ExposurePhase::PreSettlement => Cell::Marked("pre-settlement".to_owned(), Mark::Waiting),
        ExposurePhase::Failing => Cell::Marked("failing".to_owned(), Mark::Bad),
        ExposurePhase::Delivery => Cell::Marked("delivery".to_owned(), Mark::Bad),
    }
}

fn kind(capital: &Capital) -> &'static str {
    match capital.kind() {
        CapitalKind::Unspecified => "",
        CapitalKind::Dvp => "unsettled DvP",
        CapitalKind::Free => "free delivery",
        CapitalKind::FreeLate => "free delivery, late",
    }
}

pub(super) const EXPOSURE: &[Column<Exposure>] = &[
    column("entity", |each| Cell::text(&each.entity)),
    column("counterparty", |each| Cell::text(&each.counterparty)),
    column("ccy", |each| Cell::text(&each.currency)),
    column("value date", |each| Cell::Date(each.value_date)),
    column("phase", phase),
    column("trades", |each| Cell::Count(each.trades)),
    column("unpriced", |each| count_unless_zero(each.unpriced)),
    column("bought", |each| unless_zero(each.bought)),
    column("at market", |each| unless_zero(each.bought_market)),
    column("sold", |each| unless_zero(each.sold)),
    column("sold at market", |each| unless_zero(each.sold_market)),
    column("replacement", |each| unless_zero(each.replacement)),
    column("principal", |each| unless_zero(each.principal)),
    column("exposure", |each| Cell::amount(each.exposure)),
];

pub(super) const CAPITAL: &[Column<Capital>] = &[
    column("entity", |each| Cell::text(&each.entity)),
    column("counterparty", |each| Cell::text(&each.counterparty)),
    column("ccy", |each| Cell::text(&each.currency)),
    column("kind", |each| Cell::text(kind(each))),
    column("from days", |each| Cell::Count(u64::from(each.from_days))),
    column("oldest", |each| Cell::Count(u64::from(each.oldest_days))),
    column("trades", |each| Cell::Count(each.trades)),
    column("difference", |each| Cell::amount(each.difference)),
    column("factor", |each| Cell::amount(each.factor)),
    column("own funds", |each| Cell::amount(each.own_funds)),
    column("risk weighted", |each| Cell::amount(each.risk_weighted)),
];

pub(super) fn limit_kind(kind: LimitKind) -> &'static str {
    match kind {
        LimitKind::Unspecified => "",
        LimitKind::PreSettlement => "pre-settlement",
        LimitKind::Delivery => "delivery",
        LimitKind::Issuer => "issuer",
    }
}

fn on_breach(limit: &LimitStanding) -> &'static str {
    match limit.on_breach() {
        OnBreach::Unspecified => "",
        OnBreach::Warn => "warn",
        OnBreach::Hold => "hold",
    }
}

fn standing(limit: &LimitStanding) -> Cell {
    match limit.breached_in {
        0 => Cell::Marked("kept".to_owned(), Mark::Good),
        record => Cell::Marked(format!("breached since record {record}"), Mark::Bad),
    }
}

/// How a limit is shown, here and in the demonstration.
pub(crate) const LIMITS: &[Column<LimitStanding>] = &[
    column("entity", |each| Cell::text(&each.entity)),
    column("counterparty", |each| Cell::text(&each.counterparty)),
    column("limit", |each| Cell::text(limit_kind(each.kind()))),
    column("value date", |each| if each.value_date == 0 { Cell::Blank } else { Cell::Date(each.value_date) }),
    column("ccy", |each| Cell::text(&each.currency)),
    column("amount", |each| Cell::amount(each.limit)),
    column("used", |each| Cell::amount(each.used)),
    column("headroom", |each| Cell::amount(each.headroom)),
    column("trades", |each| Cell::Count(u64::from(each.trades))),
    column("unmeasured", |each| count_unless_zero(u64::from(each.unmeasured))),
    column("then", |each| Cell::text(on_breach(each))),
    column("standing", standing),
];
