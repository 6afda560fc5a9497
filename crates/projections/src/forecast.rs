//! What central counterparties will ask for what has not settled: open trades with each, net by instrument, at one set of
//! prices, with a haircut from the recorded closes.
//!
//! A question, not a view. What is open is taken under the lock; closes are read without it. An account that lacks a price, a
//! history or terms has no figures, and says what it lacks ([decision 64](../../../docs/decisions/0064-what-a-ccp-will-ask.md)).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::currency::exponent;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{Cfi, CurrencyCode, Identifier};
use model::index::{Asset, Kind};
use model::margin::ClearingTerms;
use model::trade::Method;
use risk::margin::ccp::{self, Charge, Net};
use risk::statistics::simulation::{Holding, results};
use risk::statistics::value_at_risk::{QuantileRule, Sample};
use store::Reader;
use wire::pb::typ;
use wire::pb::view as pb;

use crate::exposure::{Exceptions, Stand};
use crate::market_risk::{Closes, Levels};
use crate::status::Open;
use crate::valuation::{Grounds, SetName, Unpriced};
use crate::{Error, values};

/// Decimals of a haircut, rounded up.
const HAIRCUT: u32 = 6;

/// Whose, where, through which depot, in which currency.
type Account = (Identifier, Identifier, Option<Identifier>, CurrencyCode);

/// What is open in one instrument.
#[derive(Default)]
struct Position {
    scale: u32,
    quantity: i128,
    contract: i128,
    market: i128,
    failing: i128,
    lacks: BTreeSet<String>,
    trades: Vec<pb::ForecastTrade>,
    /// What kind of instrument it is; absent: nobody has defined it.
    cfi: Option<Cfi>,
}

/// Everything a forecast is about, taken at one record.
pub(crate) struct Unsettled {
    sequence: u64,
    business_dates: Vec<pb::BusinessDate>,
    prices: pb::PriceSetName,
    date: Date,
    series: Vec<SetName>,
    accounts: BTreeMap<Account, BTreeMap<Identifier, Position>>,
    exceptions: Exceptions,
}

/// Whose accounts, and where.
struct Wanted {
    entity: Option<Identifier>,
    ccp: Option<Identifier>,
}

fn money(units: i128, currency: CurrencyCode) -> Result<Option<typ::Decimal>, Error> {
    values::decimal("a margin forecast", units, exponent(currency).map_or(0, u32::from)).map(Some)
}

impl Unsettled {
    /// Takes what is open.
    pub(crate) fn new(sequence: u64, stand: &Stand<'_>, filter: &pb::ForecastFilter) -> Result<Unsettled, Error> {
        let party = |id: &str| match id {
            "" => Ok(None),
            id => stand
                .names
                .index(Kind::Party, id)
                .and_then(|index| stand.names.id(Kind::Party, index))
                .cloned()
                .map(Some),
        };
        let wanted = Wanted { entity: party(&filter.entity)?, ccp: party(&filter.ccp)? };
        let prices = stand.prices.name();
        let own = pb::SetSeries { snap: prices.snap.clone(), source: prices.source.clone() };
        let series = if filter.history.is_empty() { std::slice::from_ref(&own) } else { &filter.history };
        let mut taken = Unsettled {
            sequence,
            business_dates: stand.business_dates()?,
            date: values::from_number("prices.date", prices.date)?.unwrap_or(Date::MIN),
            prices,
            series: series
                .iter()
                .map(|each| crate::market_risk::series(stand.grounds, each))
                .collect::<Result<_, _>>()?,
            accounts: BTreeMap::new(),
            exceptions: Exceptions::default(),
        };
        // What moves free of payment is collateral, and no obligation that the CCP guarantees.
        for open in stand.status.open().filter(|open| open.outline.method == Method::Dvp) {
            taken.take(stand, &wanted, &open)?;
        }
        for positions in taken.accounts.values_mut() {
            positions.values_mut().for_each(Position::sort);
        }
        Ok(taken)
    }

    fn take(&mut self, stand: &Stand<'_>, wanted: &Wanted, open: &Open<'_>) -> Result<(), Error> {
        let outline = open.outline;
        let (entity, ccp) =
            (stand.names.id(Kind::Party, outline.party.0)?, stand.names.id(Kind::Party, outline.counterparty.0)?);
        let is_wanted = |asked: &Option<Identifier>, id: &Identifier| asked.as_ref().is_none_or(|asked| asked == id);
        if !stand.grounds.is_ccp(ccp) || !is_wanted(&wanted.entity, entity) || !is_wanted(&wanted.ccp, ccp) {
            return Ok(());
        }
        let depot = outline.depot.map(|depot| stand.names.id(Kind::Account, depot.0)).transpose()?;
        let instrument = stand.names.id(Kind::Instrument, outline.instrument.0)?;
        let account = (entity.clone(), ccp.clone(), depot.cloned(), outline.currency);
        let position = self.accounts.entry(account).or_default().entry(instrument.clone()).or_default();
        position.cfi = stand.grounds.instrument(instrument).map(|priceable| priceable.cfi);
        position.scale = stand.names.scale(Asset::instrument(outline.instrument));
        let sign = if outline.receives { 1 } else { -1 };
        let agreed = sign * stand.agreed(open)?;
        let late = stand.today(outline.domain).is_some_and(|today| outline.intended < today);
        if stand.today(outline.domain).is_none() {
            self.exceptions.add("NO_DAY", stand.names.text(Kind::Domain, outline.domain.0)?);
        }
        let market = match stand.at_stake(open)? {
            Ok(at_stake) => Some(sign * at_stake.market),
            Err(unpriced) => {
                let (code, subject) = match unpriced {
                    Unpriced::NoPrice(id) => ("NO_PRICE", id.to_string()),
                    Unpriced::NoRate(from, into) => ("NO_RATE", format!("{from}/{into}")),
                    Unpriced::Overflow => ("OVERFLOW", open.key.id.to_string()),
                };
                position.lacks.insert(format!("{code} {subject}"));
                self.exceptions.add(code, subject);
                None
            }
        };
        position.quantity += sign * i128::from(outline.quantity);
        position.contract += agreed;
        position.market += market.unwrap_or(0);
        position.failing += market.filter(|_| late).unwrap_or(0).abs();
        let quantity = values::decimal("a quantity", sign * i128::from(outline.quantity), position.scale)?;
        position.trades.push(pb::ForecastTrade {
            source: open.key.source.0,
            trade_id: open.key.id.to_string(),
            instruction: open.instruction.map_or(0, |(number, _)| number),
            quantity: Some(quantity),
            contract: money(agreed, outline.currency)?,
            market: market.map_or(Ok(None), |market| money(market, outline.currency))?,
            value_date: values::number(outline.intended),
            failing: late,
        });
        Ok(())
    }

    /// Reads the closes, and makes the forecast of each account.
    pub(crate) fn forecast(
        mut self,
        grounds: &Arc<Grounds>,
        reader: &Reader<'_>,
    ) -> Result<pb::MarginForecasts, Error> {
        let accounts = std::mem::take(&mut self.accounts);
        let date = self.date;
        let terms = |ccp: &Identifier| grounds.clearing_terms(ccp, date);
        let length = |terms: &ClearingTerms| terms.scenarios as usize + usize::from(terms.horizon);
        // Each length of history is read once for each currency.
        let mut wanted: BTreeMap<(usize, CurrencyCode), BTreeSet<Identifier>> = BTreeMap::new();
        for ((_, ccp, _, currency), positions) in &accounts {
            if let Some(terms) = terms(ccp) {
                wanted.entry((length(terms), *currency)).or_default().extend(positions.keys().cloned());
            }
        }
        let (mut histories, mut told) = (BTreeMap::new(), (Vec::new(), 0));
        for ((length, currency), instruments) in wanted {
            let closes = Closes::last(&grounds.sets, &self.series, Some(self.date), length)?;
            if closes.len() == length {
                histories.insert((length, currency), closes.levels(&grounds.sets, reader, &instruments, currency)?);
            }
            // The longest comes last.
            told = closes.history();
        }
        let mut forecasts = Vec::new();
        for (account, positions) in accounts {
            let terms = terms(&account.1);
            let levels = terms.and_then(|terms| histories.get(&(length(terms), account.3)));
            forecasts.push(self.account(account, positions, terms, levels)?);
        }
        Ok(pb::MarginForecasts {
            sequence: self.sequence,
            business_dates: self.business_dates,
            prices: Some(self.prices),
            history: told.0,
            synthetic_closes: told.1,
            accounts: forecasts,
            exceptions: self.exceptions.told(),
        })
    }

    fn account(
        &mut self,
        (entity, ccp, depot, currency): Account,
        positions: BTreeMap<Identifier, Position>,
        terms: Option<&ClearingTerms>,
        levels: Option<&BTreeMap<Identifier, Levels>>,
    ) -> Result<pb::MarginForecast, Error> {
        let (mut lacks, mut nets, mut rows) = (BTreeSet::new(), Vec::new(), Vec::new());
        for (instrument, position) in positions {
            let count = position.trades.len() as u64;
            let net = match (terms, levels.and_then(|levels| levels.get(&instrument))) {
                (Some(terms), Some(Levels::Whole(levels))) => Some(position.net(terms, levels)?),
                (Some(_), _) => {
                    lacks.insert(format!("SHORT_HISTORY {instrument}"));
                    self.exceptions.add_all("SHORT_HISTORY", instrument.to_string(), count);
                    None
                }
                (None, _) => {
                    lacks.insert(format!("NO_TERMS {ccp}"));
                    self.exceptions.add_all("NO_TERMS", ccp.to_string(), count);
                    None
                }
            };
            nets.extend(net);
            let priced = position.lacks.is_empty();
            rows.push(pb::ForecastPosition {
                instrument: instrument.to_string(),
                quantity: Some(values::decimal("a quantity", position.quantity, position.scale)?),
                contract: money(position.contract, currency)?,
                market: if priced { money(position.market, currency)? } else { None },
                haircut: net.map(|net| wire_decimal(net.haircut)),
                index: net.is_some_and(|net| net.index),
                charge: None,
                trades: position.trades,
            });
            lacks.extend(position.lacks);
        }
        let mut forecast = pb::MarginForecast {
            entity: entity.to_string(),
            ccp: ccp.to_string(),
            account: depot.map_or(String::new(), |depot| depot.to_string()),
            currency: currency.to_string(),
            terms: terms.map_or(String::new(), |terms| {
                format!("{}, {}, from {}: {}", terms.ccp, terms.jurisdiction, terms.valid_from, terms.source)
            }),
            ..pb::MarginForecast::default()
        };
        if let (Some(terms), true) = (terms, lacks.is_empty()) {
            let ClearingTerms { gap_threshold, gap_rate, fails_rate, .. } = *terms;
            let made = ccp::forecast(&nets, &ccp::Terms { gap_threshold, gap_rate, fails_rate });
            let made = made.map_err(|_| Error::Overflow { what: "a margin forecast" })?;
            for (row, charge) in rows.iter_mut().zip(&made.charges) {
                row.charge = charged(charge, currency)?;
            }
            (forecast.total, forecast.requirement) =
                (charged(&made.total, currency)?, money(made.requirement, currency)?);
        }
        (forecast.positions, forecast.lacks) = (rows, lacks.into_iter().collect());
        Ok(forecast)
    }
}

fn wire_decimal(decimal: Decimal) -> typ::Decimal {
    typ::Decimal { unscaled: decimal.unscaled, scale: decimal.scale }
}

fn charged(charge: &Charge, currency: CurrencyCode) -> Result<Option<pb::MarginCharge>, Error> {
    Ok(Some(pb::MarginCharge {
        mark_to_market: money(charge.mark_to_market, currency)?,
        volatility: money(charge.volatility, currency)?,
        gap: money(charge.gap, currency)?,
        fails: money(charge.fails, currency)?,
    }))
}

impl Position {
    /// In the order of their dates, then by name: whichever way they were found.
    fn sort(&mut self) {
        self.trades.sort_by(|one, other| {
            (one.value_date, one.source, &one.trade_id).cmp(&(other.value_date, other.source, &other.trade_id))
        });
    }

    fn net(&self, terms: &ClearingTerms, levels: &[f64]) -> Result<Net, Error> {
        let letters = self.cfi.as_ref().map_or("", |cfi| cfi.as_str());
        Ok(Net {
            market: self.market,
            contract: self.contract,
            failing: self.failing,
            haircut: haircut(terms, self.quantity < 0, levels)?,
            index: terms.index_cfi.iter().any(|prefix| letters.starts_with(prefix.as_str())),
        })
    }
}

/// What the past did against a position of this sign, as a share of its value: the ceil(n × tail)-th worst move over the
/// terms' horizon, windows overlapping, rounded up; never less than the terms' least.
fn haircut(terms: &ClearingTerms, short: bool, levels: &[f64]) -> Result<Decimal, Error> {
    let unusable = |reason: String| Error::Filter { field: "history", reason };
    let one = Holding { value: if short { -1.0 } else { 1.0 }, levels };
    let sample = Sample::new(results(&[one], levels.len(), usize::from(terms.horizon)));
    let worst = sample.and_then(|sample| sample.value_at_risk(terms.confidence, QuantileRule::Ceiling));
    let worst = worst.map_err(|fault| unusable(fault.to_string()))?.max(0.0);
    let units = (worst * 10f64.powi(HAIRCUT as i32)).ceil();
    let units = if units < i64::MAX as f64 { units as i64 } else { i64::MAX };
    let worst = Decimal::new(units, HAIRCUT).map_err(|error| unusable(error.to_string()))?;
    Ok(if worst.compare(terms.least_haircut).is_gt() { worst } else { terms.least_haircut })
}
