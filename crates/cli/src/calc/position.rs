//! A position as the calculators of lots and P&L read it.

use anyhow::Result;
use model::date::Date;
use model::timestamp::Timestamp;
use risk::amount::{Conversion, PriceKind, Scales, value};
use risk::lots::{Entry, Fees, Key, Method, Policies, Policy, Position, What};
use serde::Deserialize;

use super::input::{Currency, Day, Name, Number, wrong};
use crate::fault::usage;

/// A book's entries in one instrument.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PositionInput {
    /// Of the instrument.
    pub currency: Currency,
    /// The book's; the instrument's when absent. Otherwise each entry has a rate.
    pub base: Option<Currency>,
    /// Decimals of the quantity.
    #[serde(default)]
    pub quantity_decimals: u32,
    #[serde(default)]
    pub price_type: PriceType,
    /// One method for all times, or policies by trade date.
    method: Option<MethodInput>,
    policies: Option<Vec<PolicyInput>>,
    entries: Vec<EntryInput>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PriceType {
    #[default]
    Amount,
    Percent,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum MethodInput {
    Fifo,
    Average,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum FeesInput {
    #[default]
    Expensed,
    Capitalised,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyInput {
    from: Day,
    method: MethodInput,
    #[serde(default)]
    fees: FeesInput,
}

/// A trade (quantity with price or amount) or income.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EntryInput {
    id: Name,
    trade_date: Day,
    /// Execution, UTC.
    at: Option<String>,
    /// When we learnt of it; the trade date when absent.
    known: Option<Day>,
    /// Signed: negative is a sale.
    quantity: Option<Number>,
    price: Option<Number>,
    /// Gross amount, positive; instead of a price.
    amount: Option<Number>,
    accrued: Option<Number>,
    fees: Option<Number>,
    /// Coupon or dividend received; instead of a trade.
    income: Option<Number>,
    /// Base currency for one of the instrument's.
    rate: Option<Number>,
}

impl From<MethodInput> for Method {
    fn from(method: MethodInput) -> Method {
        match method {
            MethodInput::Fifo => Method::Fifo,
            MethodInput::Average => Method::Average,
        }
    }
}

impl PositionInput {
    pub fn kind(&self) -> PriceKind {
        match self.price_type {
            PriceType::Amount => PriceKind::Amount,
            PriceType::Percent => PriceKind::Percent,
        }
    }

    pub fn scales(&self) -> Result<Scales> {
        Ok(Scales { quantity: self.quantity_decimals, currency: self.currency.exponent()? })
    }

    pub fn base(&self) -> Currency {
        self.base.unwrap_or(self.currency)
    }

    /// The rate of an entry or a mark: needed exactly where the currencies differ.
    pub fn conversion(&self, what: &str, rate: Option<&Number>) -> Result<Conversion> {
        match (self.base() == self.currency, rate) {
            (true, None) => Ok(Conversion::SAME),
            (true, Some(_)) => Err(usage(format!("{what}: a rate needs a base currency that is another"))),
            (false, None) => Err(usage(format!("{what}: the rate to {} is missing", self.base().0))),
            (false, Some(rate)) => {
                wrong(what, Conversion::new(rate.0, self.currency.exponent()?, self.base().exponent()?))
            }
        }
    }

    fn policies(&self) -> Result<Policies> {
        match (&self.policies, self.method) {
            (None, Some(method)) => Ok(Policies::always(method.into())),
            (Some(policies), None) => {
                let policy = |policy: &PolicyInput| Policy {
                    from: policy.from.0,
                    method: policy.method.into(),
                    fees: match policy.fees {
                        FeesInput::Expensed => Fees::Expensed,
                        FeesInput::Capitalised => Fees::Capitalised,
                    },
                };
                wrong("policies", Policies::new(policies.iter().map(policy).collect()))
            }
            _ => Err(usage("give either method or policies")),
        }
    }

    /// The position from the entries known up to a day; from all of them without one.
    pub fn position(&self, known: Option<Date>) -> Result<Position> {
        let mut position = Position::new(self.policies()?);
        for entry in &self.entries {
            if known.is_none_or(|day| entry.known.unwrap_or(entry.trade_date).0 <= day) {
                wrong(entry.id.0.as_str(), position.insert(self.entry(entry)?))?;
            }
        }
        Ok(position)
    }

    fn entry(&self, input: &EntryInput) -> Result<Entry> {
        let id = input.id.0.as_str();
        let scales = self.scales()?;
        let money = |number: &Option<Number>| number.map_or(Ok(0), |number| number.units(id, scales.currency));
        let what = match (&input.quantity, &input.income) {
            (None, Some(_)) => {
                if input.price.is_some() || input.amount.is_some() || input.accrued.is_some() || input.fees.is_some() {
                    return Err(usage(format!("{id}: income has no price, amount, accrued or fees")));
                }
                What::Income { amount: money(&input.income)? }
            }
            (Some(quantity), None) => {
                let quantity = quantity.units(id, scales.quantity)?;
                let amount = match (&input.price, &input.amount) {
                    (Some(price), None) => wrong(id, value(quantity, price.0, self.kind(), scales))?,
                    (None, Some(amount)) => amount.units(id, scales.currency)? * quantity.signum(),
                    _ => return Err(usage(format!("{id}: give either price or amount"))),
                };
                What::Trade { quantity, amount, accrued: money(&input.accrued)?, fees: money(&input.fees)? }
            }
            _ => return Err(usage(format!("{id}: give either quantity or income"))),
        };
        let at = input.at.as_deref().map(Timestamp::parse).transpose();
        let key = Key { trade_date: input.trade_date.0, at: wrong(id, at)?, id: input.id.0.clone() };
        Ok(Entry { key, what, rate: self.conversion(id, input.rate.as_ref())? })
    }
}
