//! The ladder of an account: its sums laid out from today's business date on, when somebody asks.

use std::collections::BTreeMap;
use std::ops::Bound;

use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{AccountIx, Asset, Kind};
use prost::Message;
use wire::pb::view as pb;

use super::{Account, Cash, Due};
use crate::Error;
use crate::names::Names;
use crate::token;
use crate::values;

/// Which ladders.
pub(crate) struct CashFilter {
    account: Option<AccountIx>,
    holder: Option<Identifier>,
    domain: Option<Identifier>,
    currency: Option<CurrencyCode>,
    pub(crate) hash: u64,
}

impl CashFilter {
    pub(crate) fn parse(filter: &pb::CashFilter, names: &Names) -> Result<CashFilter, Error> {
        let known = |kind: Kind, id: &str| match id {
            "" => Ok(None),
            id => names.index(kind, id).map(Some),
        };
        let name = |kind: Kind, id: &str| match known(kind, id)? {
            None => Ok(None),
            Some(index) => names.id(kind, index).map(|id| Some(id.clone())),
        };
        let currency = match filter.currency.as_str() {
            "" => None,
            text => {
                let parsed = CurrencyCode::parse(text);
                Some(parsed.map_err(|error| Error::Filter { field: "currency", reason: error.to_string() })?)
            }
        };
        Ok(CashFilter {
            account: known(Kind::Account, &filter.account)?.map(AccountIx),
            holder: name(Kind::Party, &filter.holder)?,
            domain: name(Kind::Domain, &filter.domain)?,
            currency,
            hash: token::hash(&filter.encode_to_vec()),
        })
    }

    fn admits(&self, account: AccountIx, currency: CurrencyCode, names: &Names) -> bool {
        let owner = names.account(account);
        self.account.is_none_or(|only| only == account)
            && self.currency.is_none_or(|only| only == currency)
            && self.holder.as_ref().is_none_or(|only| owner.is_some_and(|owner| owner.holder == *only))
            && self.domain.as_ref().is_none_or(|only| owner.is_some_and(|owner| owner.domain == *only))
    }
}

/// The account and currency of the last ladder of a page.
pub(crate) type Place = (AccountIx, CurrencyCode);

impl Cash {
    /// So many ladders after a place, and the place of the last one if there are more.
    pub(crate) fn ladders(
        &self,
        names: &Names,
        filter: &CashFilter,
        after: Option<Place>,
        size: usize,
    ) -> Result<(Vec<pb::CashLadder>, Option<Place>), Error> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let admitted = self.accounts.range((from, Bound::Unbounded));
        let mut admitted = admitted.filter(|((account, currency), _)| filter.admits(*account, *currency, names));
        let (mut ladders, mut last) = (Vec::new(), None);
        for ((account, currency), entry) in admitted.by_ref().take(size) {
            ladders.push(self.ladder(names, *account, *currency, entry)?);
            last = Some((*account, *currency));
        }
        let more = admitted.next().is_some();
        Ok((ladders, last.filter(|_| more)))
    }

    fn ladder(
        &self,
        names: &Names,
        index: AccountIx,
        currency: CurrencyCode,
        account: &Account,
    ) -> Result<pb::CashLadder, Error> {
        let scale = names.scale(Asset::currency(currency));
        let decimal = |units: i128| values::decimal("an amount of cash", units, scale).map(Some);
        let today = names.domain_of(index).and_then(|domain| self.days.get(&domain)).copied();
        let id = names.id(Kind::Account, index.0)?;
        let limits = self.limits.get(&(id.clone(), currency));
        let limit_on = |date: Date| {
            let in_force = limits.and_then(|limits| limits.range(..=date).next_back());
            in_force.map_or(0, |(_, amount)| i128::from(*amount))
        };
        // Without a business day nothing is late and no limit is in force yet: the ladder begins with its first flow.
        let start = today.or_else(|| account.dates.keys().next().copied());
        let limit_today = start.map_or(0, limit_on);

        let (mut projected, mut sure) = (account.settled, account.settled);
        let mut lowest = sure + limit_today;
        let mut lines = Vec::new();
        for (date, due) in rolled(&account.dates, today) {
            projected += due.receipts - due.payments;
            sure += due.sure_receipts - due.payments;
            let limit = limit_on(date);
            lowest = lowest.min(sure + limit);
            lines.push(pb::CashLine {
                value_date: values::number(date),
                receipts: decimal(due.receipts)?,
                payments: decimal(due.payments)?,
                sure_receipts: decimal(due.sure_receipts)?,
                projected: decimal(projected)?,
                projected_sure: decimal(sure)?,
                credit_limit: decimal(limit)?,
                instructions: due.count.unsigned_abs(),
            });
        }
        let owner = names.account(index);
        Ok(pb::CashLadder {
            account: id.to_string(),
            holder: owner.map_or(String::new(), |owner| owner.holder.to_string()),
            domain: owner.map_or(String::new(), |owner| owner.domain.to_string()),
            currency: currency.to_string(),
            today: today.map_or(0, values::number),
            settled: decimal(account.settled)?,
            credit_limit: decimal(limit_today)?,
            funding_need: decimal((-lowest).max(0))?,
            lines,
        })
    }
}

/// The flows by date; what was due before today is due today, once.
fn rolled(dates: &BTreeMap<Date, Due>, today: Option<Date>) -> BTreeMap<Date, Due> {
    let mut rolled = BTreeMap::<Date, Due>::new();
    if let Some(today) = today {
        rolled.insert(today, Due::default());
    }
    for (date, due) in dates {
        let date = today.map_or(*date, |today| today.max(*date));
        let sum = rolled.entry(date).or_default();
        sum.receipts += due.receipts;
        sum.payments += due.payments;
        sum.sure_receipts += due.sure_receipts;
        sum.count += due.count;
    }
    rolled
}
