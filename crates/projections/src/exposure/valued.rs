//! Open trades at market: which are asked for, what each is worth, and why some are not valued.

use std::collections::BTreeMap;

use model::date::Date;
use model::identifier::CurrencyCode;
use model::index::{Asset, DomainIx, Kind, PartyIx};
use model::instruction::Movement;
use model::trade::Method;
use risk::exposure::settlement::Open as AtStake;
use wire::pb::view as pb;

use crate::Error;
use crate::names::Names;
use crate::positions::Positions;
use crate::status::{Open, Status};
use crate::valuation::{Grounds, Prices, Unpriced};
use crate::values;

/// Which open trades.
pub(crate) struct ExposureFilter {
    entity: Option<PartyIx>,
    counterparty: Option<PartyIx>,
    currency: Option<CurrencyCode>,
    domain: Option<DomainIx>,
}

impl ExposureFilter {
    pub(crate) fn parse(filter: &pb::ExposureFilter, names: &Names) -> Result<ExposureFilter, Error> {
        let known = |kind: Kind, id: &str| match id {
            "" => Ok(None),
            id => names.index(kind, id).map(Some),
        };
        let currency = match filter.currency.as_str() {
            "" => None,
            text => {
                let parsed = CurrencyCode::parse(text);
                Some(parsed.map_err(|error| Error::Filter { field: "currency", reason: error.to_string() })?)
            }
        };
        Ok(ExposureFilter {
            entity: known(Kind::Party, &filter.entity)?.map(PartyIx),
            counterparty: known(Kind::Party, &filter.counterparty)?.map(PartyIx),
            currency,
            domain: known(Kind::Domain, &filter.domain)?.map(DomainIx),
        })
    }

    fn admits(&self, open: &Open<'_>) -> bool {
        let outline = open.outline;
        self.entity.is_none_or(|only| outline.party == only)
            && self.counterparty.is_none_or(|only| outline.counterparty == only)
            && self.currency.is_none_or(|only| outline.currency == only)
            && self.domain.is_none_or(|only| outline.domain == only)
    }
}

/// What an answer stands on.
pub(crate) struct Stand<'a> {
    pub(crate) names: &'a Names,
    pub(crate) status: &'a Status,
    pub(crate) positions: &'a Positions,
    pub(crate) grounds: &'a Grounds,
    pub(crate) prices: &'a Prices,
}

/// What a trade says for itself, and what it is worth; minor units of its settlement currency.
pub(super) struct Valued<'a> {
    pub(super) open: Open<'a>,
    /// Absent: there is no price.
    pub(super) at_stake: Option<AtStake>,
}

/// What was left out, by code and subject.
#[derive(Default)]
pub(crate) struct Exceptions(BTreeMap<(&'static str, String), u64>);

impl Exceptions {
    pub(crate) fn add(&mut self, code: &'static str, subject: String) {
        self.add_all(code, subject, 1);
    }

    pub(crate) fn add_all(&mut self, code: &'static str, subject: String, trades: u64) {
        *self.0.entry((code, subject)).or_default() += trades;
    }

    pub(crate) fn told(self) -> Vec<pb::RiskException> {
        let told = |((code, subject), trades): ((&str, String), u64)| pb::RiskException {
            code: code.to_owned(),
            subject,
            trades,
        };
        self.0.into_iter().map(told).collect()
    }
}

impl<'a> Stand<'a> {
    pub(crate) fn today(&self, domain: DomainIx) -> Option<Date> {
        self.status.days.get(&domain).copied()
    }

    pub(crate) fn business_dates(&self) -> Result<Vec<pb::BusinessDate>, Error> {
        let date = |(domain, date): (&DomainIx, &Date)| {
            Ok(pb::BusinessDate { domain: self.names.text(Kind::Domain, domain.0)?, date: values::number(*date) })
        };
        self.status.days.iter().map(date).collect()
    }

    /// Every open trade that is asked for, each by itself.
    pub(super) fn valued(
        &self,
        filter: &ExposureFilter,
        exceptions: &mut Exceptions,
        mut visit: impl FnMut(Valued<'a>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for open in self.status.open().filter(|open| filter.admits(open)) {
            let at_stake = match self.at_stake(&open)? {
                Ok(at_stake) => Some(at_stake),
                Err(Unpriced::NoPrice(id)) => {
                    exceptions.add("NO_PRICE", id.to_string());
                    None
                }
                Err(Unpriced::NoRate(from, into)) => {
                    exceptions.add("NO_RATE", format!("{from}/{into}"));
                    None
                }
                Err(Unpriced::Overflow) => {
                    exceptions.add("OVERFLOW", open.key.id.to_string());
                    None
                }
            };
            if self.today(open.outline.domain).is_none() {
                exceptions.add("NO_DAY", self.names.text(Kind::Domain, open.outline.domain.0)?);
            }
            visit(Valued { open, at_stake })?;
        }
        Ok(())
    }

    /// What an open trade is worth, and what was agreed for it.
    pub(crate) fn at_stake(&self, open: &Open<'_>) -> Result<Result<AtStake, Unpriced>, Error> {
        let outline = open.outline;
        let id = self.names.id(Kind::Instrument, outline.instrument.0)?;
        let quantity = (i128::from(outline.quantity), self.names.scale(Asset::instrument(outline.instrument)));
        let market = match self.prices.value(id, self.grounds.instrument(id), quantity, outline.currency) {
            Ok(market) => market,
            Err(unpriced) => return Ok(Err(unpriced)),
        };
        let free = outline.method == Method::Fop;
        // What a free delivery is against is not in it: it is at stake at its value, and no price move by itself.
        let contract = if free { market } else { self.agreed(open)? };
        let sent = open.instruction.is_some_and(|(_, row)| row.agent.is_some() || row.counter != 0);
        Ok(Ok(AtStake {
            method: outline.method,
            movement: if outline.receives { Movement::Receive } else { Movement::Deliver },
            market,
            contract,
            sent,
            received: false,
            late: self.today(outline.domain).is_some_and(|today| outline.intended < today),
        }))
    }

    /// What was agreed for the securities: without interest and charges, which a replacement would cost just so. Of what is
    /// left of a trade its share, half up.
    pub(crate) fn agreed(&self, open: &Open<'_>) -> Result<i128, Error> {
        let trade =
            open.instruction.and_then(|(_, row)| row.links.first().map(|link| link.trade)).unwrap_or(open.number);
        let net = i128::from(open.outline.amount);
        match self.positions.price_of(trade) {
            Some((quantity, amount)) if quantity != 0 => {
                let overflow = |_| Error::Overflow { what: "an agreed amount" };
                risk::amount::portion(amount.abs(), i128::from(open.outline.quantity), quantity.abs()).map_err(overflow)
            }
            _ => Ok(net),
        }
    }
}
