//! Lines of a result in minor units, their sums, and how they look as an answer.

use model::identifier::CurrencyCode;
use risk::lots::Pnl;
use wire::pb::typ::Decimal;
use wire::pb::view as pb;

use crate::{Error, values};

/// Realised, unrealised, both by FX, accrued, fees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures([i128; 6]);

/// What a day's result is made of; the result itself is the difference.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Result {
    /// There is a close before.
    pub(super) has_last: bool,
    /// Up to the last close, as known then, and as known now.
    pub(super) opening: Option<Figures>,
    pub(super) again: Option<Figures>,
    pub(super) closing: Option<Figures>,
}

impl Figures {
    pub(super) fn local(pnl: &Pnl) -> Figures {
        let of = &pnl.local;
        Figures([of.realised, of.unrealised, 0, 0, of.accrued, of.fees])
    }

    pub(super) fn base(pnl: &Pnl) -> Figures {
        let of = &pnl.base;
        Figures([of.realised, of.unrealised, of.realised_fx, of.unrealised_fx, of.accrued, of.fees])
    }

    fn each(self, other: Figures, operate: fn(i128, i128) -> Option<i128>) -> std::result::Result<Figures, Error> {
        let mut lines = [0; 6];
        for (line, (one, two)) in lines.iter_mut().zip(self.0.into_iter().zip(other.0)) {
            *line = operate(one, two).ok_or(Error::Overflow { what: "a result" })?;
        }
        Ok(Figures(lines))
    }

    fn plus(self, other: Figures) -> std::result::Result<Figures, Error> {
        self.each(other, i128::checked_add)
    }

    fn less(self, other: Figures) -> std::result::Result<Figures, Error> {
        self.each(other, i128::checked_sub)
    }

    fn wire(self, currency: Option<CurrencyCode>) -> std::result::Result<pb::PnlFigures, Error> {
        let exponent = currency.and_then(model::currency::exponent).map_or(0, u32::from);
        let money = |units| -> std::result::Result<Option<Decimal>, Error> {
            values::decimal("a result", units, exponent).map(Some)
        };
        let total = self.0.iter().try_fold(0i128, |sum, line| sum.checked_add(*line));
        let [realised, unrealised, realised_fx, unrealised_fx, accrued, fees] = self.0;
        Ok(pb::PnlFigures {
            realised: money(realised)?,
            unrealised: money(unrealised)?,
            realised_fx: money(realised_fx)?,
            unrealised_fx: money(unrealised_fx)?,
            accrued: money(accrued)?,
            fees: money(fees)?,
            total: money(total.ok_or(Error::Overflow { what: "a result" })?)?,
        })
    }
}

impl Result {
    /// Nothing of it is hidden by an exception.
    pub(super) fn is_whole(&self) -> bool {
        self.closing.is_some() && (!self.has_last || (self.opening.is_some() && self.again.is_some()))
    }

    /// Of the day, and without fees, which are no result of the market; nothing when it is not whole or has no last close.
    pub(super) fn of_the_market(&self) -> std::result::Result<Option<i128>, Error> {
        let Some((again, closing)) = self.again.zip(self.closing).filter(|_| self.is_whole()) else { return Ok(None) };
        let Figures([realised, unrealised, realised_fx, unrealised_fx, accrued, _]) = closing.less(again)?;
        let lines = [realised, unrealised, realised_fx, unrealised_fx, accrued];
        risk::amount::sum(lines).map(Some).map_err(|_| Error::Overflow { what: "a result" })
    }

    /// The sum with another; both are whole.
    pub(super) fn plus(&self, other: &Result) -> std::result::Result<Result, Error> {
        let sum = |one: Option<Figures>, two: Option<Figures>| match (one, two) {
            (Some(one), Some(two)) => one.plus(two).map(Some),
            (one, two) => Ok(one.or(two)),
        };
        Ok(Result {
            has_last: self.has_last || other.has_last,
            opening: sum(self.opening, other.opening)?,
            again: sum(self.again, other.again)?,
            closing: sum(self.closing, other.closing)?,
        })
    }

    pub(super) fn wire(&self, currency: Option<CurrencyCode>) -> std::result::Result<pb::PnlDay, Error> {
        let between = |from: Option<Figures>, to: Option<Figures>| {
            from.zip(to).map(|(from, to)| to.less(from)?.wire(currency)).transpose()
        };
        Ok(pb::PnlDay {
            opening: self.opening.map(|figures| figures.wire(currency)).transpose()?,
            adjustment: between(self.opening, self.again)?,
            day: between(self.again, self.closing)?,
            closing: self.closing.map(|figures| figures.wire(currency)).transpose()?,
        })
    }
}
