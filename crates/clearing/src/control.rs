//! Control totals: what the log has of each source, trade date and currency, held against what the source says it sent.
//!
//! The sums are additive: each trade adds itself, each change its difference. A row leaves the state a month after its
//! day was closed by all whose trades are in it, once it agrees or is signed off.

use crate::draft::Draft;
use crate::reference::minor;
use crate::state::State;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use model::control::{ControlTotals, SignOff, Totals};
use model::currency::exponent;
use model::date::Date;
use model::decimal::Decimal;
use model::event::Event;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{Kind, PartyIx, SourceIx};
use model::rejection::{Reason, Rejection};
use model::trade::{Method, Side, Terms};

/// Quantities of different instruments are added up in this many decimals, the most that an instrument may have.
const SCALE: u8 = 9;

/// A row that is in order is kept for so many days after its own.
const KEPT_DAYS: i32 = 31;

/// Totals in the engine's own units: quantities in 10⁻⁹, amounts in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub count: u64,
    pub bought: i128,
    pub sold: i128,
    pub paid: i128,
    pub received: i128,
}

/// One source, trade date and currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ControlRow {
    pub sums: Sums,
    /// What the source said last.
    pub stated: Option<Sums>,
    /// What the log had when a person let the difference stand.
    pub signed: Option<Sums>,
    /// Whose trades were ever counted here, by rising number.
    pub entities: Vec<PartyIx>,
}

/// All rows, the oldest trade date first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Control {
    pub rows: BTreeMap<(Date, SourceIx, CurrencyCode), ControlRow>,
    /// Up to here rows that were in order are gone.
    pub gone: Option<Date>,
}

/// One source, trade date and currency, as people ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlFacts {
    pub source: Identifier,
    pub trade_date: Date,
    pub currency: CurrencyCode,
    /// What the log has.
    pub counted: Totals,
    /// What the source said last.
    pub stated: Option<Totals>,
    pub agreed: bool,
    /// A person lets the difference stand.
    pub signed_off: bool,
}

/// How a row stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The source has said nothing.
    Unstated,
    Differs,
    Agreed,
    SignedOff,
}

impl ControlRow {
    pub fn standing(&self) -> Standing {
        match (self.stated, self.signed) {
            (Some(stated), _) if stated == self.sums => Standing::Agreed,
            (_, Some(signed)) if signed == self.sums => Standing::SignedOff,
            (Some(_), _) => Standing::Differs,
            // Nothing said of nothing.
            (None, _) if self.sums == Sums::default() => Standing::Agreed,
            (None, _) => Standing::Unstated,
        }
    }

    /// Whether it keeps an entity's day open: it has trades of it, or nobody's (all that was sent is missing).
    pub fn concerns(&self, entity: PartyIx) -> bool {
        self.entities.is_empty() || self.entities.contains(&entity)
    }

    fn is_in_order(&self) -> bool {
        matches!(self.standing(), Standing::Agreed | Standing::SignedOff)
    }
}

/// What the source said, in the engine's units.
fn sums(totals: &Totals, currency: CurrencyCode) -> Result<Sums, Rejection> {
    let quantity = |quantity: Decimal| match units_wide(quantity) {
        _ if quantity.is_negative() => Err(Rejection::new(Reason::AmountNegative, quantity.to_string())),
        Some(units) => Ok(units),
        None => Err(Rejection::new(Reason::QuantityTooFine, quantity.to_string())),
    };
    let amount = |amount: Decimal| match minor(amount, currency) {
        _ if amount.is_negative() => Err(Rejection::new(Reason::AmountNegative, amount.to_string())),
        units => units.map(i128::from),
    };
    Ok(Sums {
        count: totals.count,
        bought: quantity(totals.bought)?,
        sold: quantity(totals.sold)?,
        paid: amount(totals.paid)?,
        received: amount(totals.received)?,
    })
}

/// A quantity in 10⁻⁹, however large.
fn units_wide(quantity: Decimal) -> Option<i128> {
    quantity.to_scale(u32::from(SCALE)).ok()
}

/// The other way, with no more decimals than needed. Sums beyond the range of the wire are refused.
fn totals(sums: &Sums, currency: CurrencyCode) -> Result<Totals, Rejection> {
    let large = |_| Rejection::from(Reason::AmountTooLarge);
    let quantity = |units: i128| {
        let (mut units, mut scale) = (units, u32::from(SCALE));
        while scale > 0 && units % 10 == 0 {
            (units, scale) = (units / 10, scale - 1);
        }
        Decimal::from_units(units, scale).map_err(large)
    };
    let exponent = exponent(currency).ok_or_else(|| Rejection::new(Reason::UnknownCurrency, currency.as_str()))?;
    let amount = |units: i128| Decimal::from_units(units, u32::from(exponent)).map_err(large);
    Ok(Totals {
        count: sums.count,
        bought: quantity(sums.bought)?,
        sold: quantity(sums.sold)?,
        paid: amount(sums.paid)?,
        received: amount(sums.received)?,
    })
}

pub(crate) fn decide_totals(draft: &mut Draft<'_>, said: &ControlTotals) -> Result<(), Rejection> {
    let stated = sums(&said.totals, said.currency)?;
    let control = &draft.state.control;
    // A source that never sent a trade may say so.
    let source = SourceIx(draft.intern(Kind::Source, &said.source));
    let row = control.rows.get(&(said.trade_date, source, said.currency));
    if row.is_none() && control.gone.is_some_and(|gone| said.trade_date <= gone) {
        return Err(Rejection::new(Reason::ControlDayGone, said.trade_date.to_string()));
    }
    let counted = row.map_or(Sums::default(), |row| row.sums);
    draft.push(Event::ControlTotalsCompared {
        source,
        trade_date: said.trade_date,
        currency: said.currency,
        stated: totals(&stated, said.currency)?,
        counted: totals(&counted, said.currency)?,
        agreed: stated == counted,
    });
    Ok(())
}

pub(crate) fn decide_sign_off(draft: &mut Draft<'_>, said: &SignOff) -> Result<(), Rejection> {
    let state = draft.state;
    let nothing = || Rejection::new(Reason::NothingToSignOff, said.source.as_str());
    let source = state.names.find(Kind::Source, said.source.as_str()).map(SourceIx).ok_or_else(nothing)?;
    let row = state.control.rows.get(&(said.trade_date, source, said.currency));
    let row = row.filter(|row| !row.is_in_order()).ok_or_else(nothing)?;
    draft.push(Event::ControlSignedOff {
        source,
        trade_date: said.trade_date,
        currency: said.currency,
        counted: totals(&row.sums, said.currency)?,
    });
    Ok(())
}

/// Whether the control totals let an entity close a day: refused where one differs; whether all were in order.
pub(crate) fn check_close(state: &State, entity: PartyIx, date: Date) -> Result<bool, Rejection> {
    let mut clean = true;
    for ((trade_date, source, currency), row) in &state.control.rows {
        if *trade_date > date {
            break;
        }
        if !row.concerns(entity) {
            continue;
        }
        if row.standing() == Standing::Differs {
            let source = state.names.name(Kind::Source, source.0).map_or("", |name| name.as_str());
            return Err(Rejection::new(Reason::ControlTotalsDiffer, format!("{source} {trade_date} {currency}")));
        }
        clean &= row.is_in_order();
    }
    Ok(clean)
}

impl State {
    /// Every row that is kept, the oldest trade date first. Sums beyond the range of the wire are left out.
    pub fn control_totals(&self) -> Vec<ControlFacts> {
        let facts = |((trade_date, source, currency), row): (&(Date, SourceIx, CurrencyCode), &ControlRow)| {
            Some(ControlFacts {
                source: self.names.name(Kind::Source, source.0)?.clone(),
                trade_date: *trade_date,
                currency: *currency,
                counted: totals(&row.sums, *currency).ok()?,
                stated: row.stated.and_then(|stated| totals(&stated, *currency).ok()),
                agreed: row.standing() == Standing::Agreed,
                signed_off: row.standing() == Standing::SignedOff,
            })
        };
        self.control.rows.iter().filter_map(facts).collect()
    }

    /// Counts what an event does to a trade. Before the event is applied: what it replaces is still there.
    pub(crate) fn count_trade(&mut self, event: &Event) {
        match event {
            Event::TradeCaptured { source, terms, .. } => self.count(*source, terms, true),
            Event::TradeChanged { trade, terms, .. } => {
                if let Some(source) = self.discount(*trade) {
                    self.count(source, terms, true);
                }
            }
            Event::TradeCancelled { trade, .. } => _ = self.discount(*trade),
            _ => {}
        }
    }

    fn discount(&mut self, number: u64) -> Option<SourceIx> {
        let (_, trade) = self.trade(number)?;
        let (source, terms) = (trade.source, self.terms_of(trade));
        self.count(source, &terms, false);
        Some(source)
    }

    fn count(&mut self, source: SourceIx, terms: &Terms, add: bool) {
        let quantity =
            i128::from(terms.quantity) * 10i128.pow(u32::from(SCALE - self.reference.scale(terms.instrument)));
        let amount = if terms.method == Method::Dvp { i128::from(terms.net) } else { 0 };
        let key = (terms.trade_date, source, terms.currency);
        if self.control.gone.is_some_and(|gone| terms.trade_date <= gone) && !self.control.rows.contains_key(&key) {
            return;
        }
        let row = self.control.rows.entry(key).or_default();
        let sums = &mut row.sums;
        let (quantities, amounts) = match terms.side {
            Side::Buy => (&mut sums.bought, &mut sums.paid),
            Side::Sell => (&mut sums.sold, &mut sums.received),
        };
        if add {
            (sums.count, *quantities, *amounts) = (sums.count + 1, *quantities + quantity, *amounts + amount);
            if let Err(place) = row.entities.binary_search(&terms.party) {
                row.entities.insert(place, terms.party);
            }
        } else {
            (sums.count, *quantities, *amounts) = (sums.count - 1, *quantities - quantity, *amounts - amount);
        }
    }

    pub(crate) fn apply_control(&mut self, event: &Event) {
        let known = |totals: &Totals, currency| sums(totals, currency).expect("totals of an event were checked");
        match event {
            Event::ControlTotalsCompared { source, trade_date, currency, stated, .. } => {
                let row = self.control.rows.entry((*trade_date, *source, *currency)).or_default();
                row.stated = Some(known(stated, *currency));
            }
            Event::ControlSignedOff { source, trade_date, currency, counted } => {
                let row = self.control.rows.entry((*trade_date, *source, *currency)).or_default();
                row.signed = Some(known(counted, *currency));
            }
            _ => {}
        }
    }

    /// Lets go of what is in order and long closed by all whose trades it holds.
    pub(crate) fn forget_control(&mut self, closed: Date) {
        let Ok(limit) = closed.add_days(-KEPT_DAYS) else { return };
        let accounting = &self.accounting;
        let is_closed = |entity: &PartyIx, date: Date| {
            accounting.get(entity).and_then(|entry| entry.closed).is_some_and(|closed| date <= closed)
        };
        self.control.rows.retain(|(date, _, _), row| {
            *date > limit || !row.is_in_order() || !row.entities.iter().all(|entity| is_closed(entity, *date))
        });
        self.control.gone = self.control.gone.max(Some(limit));
    }
}
