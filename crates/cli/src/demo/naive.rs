//! Results by plain sums over the log: what a position is worth at one close less what it was at another and what was paid
//! for it in between; and exposure, trade by trade. No lots, no view.

use std::collections::BTreeMap;

use model::date::Date;
use model::decimal::Decimal;
use model::event::Event;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{BookIx, InstrumentIx, Kind, PartyIx};
use model::ledger::{LedgerAccount, Posting};
use model::record::Record;
use model::reference::{Priced, Reference, is_synthetic};
use model::trade::{Method, QuantityType, Side};
use risk::amount::{Overflow, PriceKind, Scales, plus, portion, value};

/// What came into a book, or left it.
#[derive(Clone)]
struct Came {
    book: BookIx,
    instrument: InstrumentIx,
    date: Date,
    quantity: i128,
    /// In minor units, with interest and charges; none: it came at the price of its day.
    paid: Option<(CurrencyCode, i128)>,
    /// For the securities alone, whichever way.
    agreed: i128,
}

/// Something open, as its list tells it.
pub struct Open {
    pub trade: u64,
    pub instrument: Identifier,
    pub currency: CurrencyCode,
    /// What is left, in the instrument's smallest unit.
    pub quantity: i128,
    pub receives: bool,
    pub free: bool,
    /// It cannot be stopped any more.
    pub sent: bool,
}

struct Counted {
    scale: u8,
    kind: QuantityType,
    currency: CurrencyCode,
}

#[derive(Default)]
pub struct Naive {
    names: BTreeMap<InstrumentIx, Identifier>,
    parties: BTreeMap<PartyIx, Identifier>,
    counted: BTreeMap<Identifier, Counted>,
    /// Clean, and interest accrued.
    prices: BTreeMap<(Date, Identifier), (Decimal, Decimal)>,
    trades: BTreeMap<u64, Came>,
    others: Vec<Came>,
}

impl Naive {
    pub fn record(&mut self, record: &Record) {
        for event in record.events() {
            match event {
                Event::Interned { kind: Kind::Instrument, index, id } => {
                    self.names.insert(InstrumentIx(*index), id.clone());
                }
                Event::Interned { kind: Kind::Party, index, id } => {
                    self.parties.insert(PartyIx(*index), id.clone());
                }
                Event::ReferenceSet { reference, scale } => self.reference(reference, *scale),
                Event::TradeCaptured { trade, terms, .. } | Event::TradeChanged { trade, terms, .. } => {
                    let sign = if terms.side == Side::Buy { 1 } else { -1 };
                    let paid = (terms.method == Method::Dvp).then_some((terms.currency, sign * i128::from(terms.net)));
                    let quantity = sign * i128::from(terms.quantity);
                    let (book, instrument, date) = (terms.book, terms.instrument, terms.trade_date);
                    let agreed = sign * i128::from(terms.net - terms.accrued) - i128::from(terms.charges);
                    self.trades.insert(*trade, Came { book, instrument, date, quantity, paid, agreed: agreed.abs() });
                }
                Event::TradeCancelled { trade, .. } => {
                    self.trades.remove(trade);
                }
                Event::Opened { postings, cost, .. } => self.other(record, postings, *cost),
                Event::Transferred { postings, .. } => self.other(record, postings, None),
                _ => {}
            }
        }
    }

    /// A party by its number.
    pub fn party(&self, index: PartyIx) -> Option<&Identifier> {
        self.parties.get(&index)
    }

    fn reference(&mut self, reference: &Reference, scale: Option<u8>) {
        match reference {
            Reference::Instrument(each) => {
                let (kind, currency) = (each.quantity_type, each.currency);
                let counted = Counted { scale: scale.unwrap_or(each.decimals), kind, currency };
                self.counted.insert(each.id.clone(), counted);
            }
            Reference::PriceSet(set) if !is_synthetic(&set.source) => {
                for price in &set.prices {
                    if let Priced::Instrument(id) = &price.of {
                        let of = (price.value, price.accrued.unwrap_or(Decimal::ZERO));
                        self.prices.insert((set.date, id.clone()), of);
                    }
                }
            }
            _ => {}
        }
    }

    fn other(&mut self, record: &Record, postings: &[Posting], cost: Option<(CurrencyCode, i64)>) {
        for posting in postings {
            if let (LedgerAccount::Book { book, .. }, Some(instrument)) =
                (posting.account, posting.asset.as_instrument())
            {
                let (date, quantity) = (record.at().date_utc(), posting.amount);
                let paid = cost.map(|(currency, cost)| (currency, i128::from(cost) * quantity.signum()));
                self.others.push(Came { book, instrument, date, quantity, paid, agreed: 0 });
            }
        }
    }

    /// What a failure would cost: against payment the price move, never below zero; free of payment all of it once it cannot be
    /// stopped. Nothing when the day has no price, or one in another currency.
    pub fn exposure(&self, open: &Open, date: Date) -> Result<Option<i128>, Overflow> {
        let counted = self.counted.get(&open.instrument).filter(|counted| counted.currency == open.currency);
        let Some((counted, (clean, _))) = counted.zip(self.prices.get(&(date, open.instrument.clone()))) else {
            return Ok(None);
        };
        let market = self.clean(counted, open.quantity, *clean)?;
        if open.free {
            return Ok(Some(if open.sent { market } else { 0 }));
        }
        let Some(came) = self.trades.get(&open.trade) else { return Ok(None) };
        let agreed = portion(came.agreed, open.quantity, came.quantity.abs())?;
        let against = if open.receives { plus(market, -agreed)? } else { plus(agreed, -market)? };
        Ok(Some(against.max(0)))
    }

    /// The clean price of one at a close.
    pub fn close(&self, date: Date, instrument: &Identifier) -> Option<Decimal> {
        self.counted.get(instrument)?;
        self.prices.get(&(date, instrument.clone())).map(|(clean, _)| *clean)
    }

    /// What so many are worth at a close, clean, in minor units.
    pub fn at_close(&self, date: Date, instrument: InstrumentIx, quantity: i128) -> Result<Option<i128>, Overflow> {
        let found = self.names.get(&instrument).and_then(|id| Some((self.counted.get(id)?, self.close(date, id)?)));
        found.map(|(counted, price)| self.clean(counted, quantity, price)).transpose()
    }

    fn clean(&self, counted: &Counted, quantity: i128, price: Decimal) -> Result<i128, Overflow> {
        let kind = if counted.kind == QuantityType::Face { PriceKind::Percent } else { PriceKind::Amount };
        let currency = model::currency::exponent(counted.currency).map_or(0, u32::from);
        value(quantity, price, kind, Scales { quantity: u32::from(counted.scale), currency })
    }

    /// What all positions earned between two closes, by currency; those without a price at either are left out.
    pub fn earned(&self, from: Date, to: Date) -> Result<BTreeMap<CurrencyCode, i128>, Overflow> {
        let mut positions: BTreeMap<(BookIx, InstrumentIx), Vec<&Came>> = BTreeMap::new();
        for came in self.trades.values().chain(&self.others) {
            positions.entry((came.book, came.instrument)).or_default().push(came);
        }
        let mut earned = BTreeMap::new();
        for ((_, instrument), came) in positions {
            let Some(id) = self.names.get(&instrument) else { continue };
            let Some(counted) = self.counted.get(id) else { continue };
            if let Some(result) = self.result(id, counted, &came, (from, to))? {
                let sum: &mut i128 = earned.entry(counted.currency).or_default();
                *sum = plus(*sum, result)?;
            }
        }
        Ok(earned)
    }

    /// What was there at the second close is worth, less what was there at the first, less what was paid in between. What
    /// came before the first close is in both, whatever it cost.
    fn result(
        &self,
        id: &Identifier,
        counted: &Counted,
        came: &[&Came],
        (from, to): (Date, Date),
    ) -> Result<Option<i128>, Overflow> {
        let (mut before, mut after, mut paid) = (0, 0, 0);
        for each in came.iter().filter(|each| each.date <= to) {
            after = plus(after, each.quantity)?;
            if each.date <= from {
                before = plus(before, each.quantity)?;
                continue;
            }
            let cost = match each.paid {
                Some((currency, cost)) if currency == counted.currency => Some(cost),
                Some(_) => None,
                None => self.worth(id, counted, each.quantity, each.date)?,
            };
            let Some(cost) = cost else { return Ok(None) };
            paid = plus(paid, cost)?;
        }
        let worth = |held, on| if held == 0 { Ok(Some(0)) } else { self.worth(id, counted, held, on) };
        let (Some(first), Some(last)) = (worth(before, from)?, worth(after, to)?) else { return Ok(None) };
        Ok(Some(plus(last, -plus(first, paid)?)?))
    }

    /// Clean and interest, each rounded once.
    fn worth(&self, id: &Identifier, counted: &Counted, held: i128, on: Date) -> Result<Option<i128>, Overflow> {
        let Some((clean, accrued)) = self.prices.get(&(on, id.clone())) else { return Ok(None) };
        Ok(Some(plus(self.clean(counted, held, *clean)?, self.clean(counted, held, *accrued)?)?))
    }
}
