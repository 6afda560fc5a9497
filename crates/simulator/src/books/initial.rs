//! What a trade date's purchases and short sales of a margin account ask for (12 CFR 220.4): half of what they cost, less what
//! the rest of the account has to spare.

use super::margin::{cents, half, small};
use super::marks::{ten, up};
use super::{Books, Deal, Fact, Thing};
use model::date::Date;
use model::identifier::Identifier;
use model::margin::{CallKind, IssueMarginCalls, MarginAccount};
use model::reference::PriceSet;
use model::rejection::Reason;
use model::trade::{Method, Side};
use std::collections::{BTreeMap, BTreeSet};

/// What a day's commitments ask for, in minor units.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    bought: i128,
    sold_short: i128,
    available: i128,
    equity: i128,
    required: i128,
}

impl Books {
    /// A trade against payment is dealt in its book (1), or is no more (-1).
    pub(super) fn deal_in(&mut self, deal: &Deal, times: i128) {
        if deal.method == Method::Fop || !self.is_margin_book(&deal.book) {
            return;
        }
        let sign = if deal.side == Side::Buy { times } else { -times };
        let day = self.margin.dealt.entry((deal.book.clone(), deal.trade_date)).or_default();
        let sums = day.entry((deal.instrument.clone(), deal.currency)).or_default();
        sums.0 += sign * i128::from(deal.quantity);
        sums.1 -= sign * i128::from(deal.net);
        day.retain(|_, sums| *sums != (0, 0));
    }

    /// Days older than a month before the last are not kept.
    fn dealings_gone(&self, book: &Identifier, date: Date) -> bool {
        let days = self.margin.dealt.iter().filter(|((of, _), day)| of == book && !day.is_empty());
        days.map(|((_, date), _)| *date).max().is_some_and(|newest| newest.days_since(date) > 31)
    }

    fn commitments(&self, account: &MarginAccount, set: &PriceSet) -> Result<Asked, BTreeSet<String>> {
        let (marks, mut lacks) = (self.marks_of(set), BTreeSet::new());
        let mut dealt: BTreeMap<Identifier, (i128, i128)> = BTreeMap::new();
        let day = self.margin.dealt.get(&(account.book.clone(), set.date));
        for ((paper, currency), (quantity, amount)) in day.into_iter().flatten() {
            let sums = dealt.entry(paper.clone()).or_default();
            sums.0 += quantity;
            match marks.convert(*amount, *currency, account.currency) {
                Ok(amount) => sums.1 += amount,
                Err(lack) => _ = lacks.insert(lack),
            }
        }
        let mut rest = self.margin_holdings(&account.book);
        let mut asked = Asked::default();
        for (paper, (quantity, amount)) in dealt {
            let held = rest.entry(Thing::Paper(paper)).or_default();
            let before = *held - quantity;
            // What closes a position commits to nothing.
            let opened = match quantity {
                1.. => (*held).max(0) - before.max(0),
                _ => (*held).min(0) - before.min(0),
            };
            if quantity > 0 {
                asked.bought += up((-amount).max(0) * opened, quantity);
            } else if quantity < 0 {
                asked.sold_short += up(amount.max(0) * -opened, -quantity);
            }
            *held -= opened;
        }
        *rest.entry(Thing::Cash(account.currency)).or_default() += asked.bought - asked.sold_short;
        let stands = self.account_stands(&rest, &marks, account.currency, &mut lacks);
        if !lacks.is_empty() {
            return Err(lacks);
        }
        asked.equity = stands.equity;
        asked.available = (stands.equity - stands.initial).max(0);
        if asked.bought != 0 || asked.sold_short != 0 {
            let regulation = half(asked.bought) + half(asked.sold_short) - asked.available;
            let least = (2_000 * ten(cents(account.currency)) - asked.equity).max(0);
            let least = if asked.sold_short == 0 { least.min(asked.bought) } else { least };
            asked.required = regulation.max(0).max(least);
        }
        Ok(asked)
    }

    pub(super) fn initial_calls(&mut self, issue: &IssueMarginCalls) -> Result<(), Reason> {
        let (set, accounts) = self.to_assess(issue)?;
        let mut assessed = Vec::new();
        for account in accounts {
            if self.dealings_gone(&account.book, set.date) {
                return Err(Reason::CommitmentsGone);
            }
            let (asked, lacks) = match self.commitments(&account, &set) {
                Ok(asked) => (asked, BTreeSet::new()),
                Err(lacks) => (Asked::default(), lacks),
            };
            // The standard cycle, which is a day since 2024, and two days to pay.
            let due = self.due(&account, set.date, 3)?;
            assessed.push((account.id, asked, lacks, due));
        }
        for (id, asked, lacks, due) in assessed {
            let open = self.margin.calls.values().filter(|call| call.account == id && call.date == set.date);
            let uncalled = asked.required - i128::from(open.map(|call| call.outstanding).sum::<i64>());
            let number = self.call(CallKind::Initial, &id, set.date, uncalled, due);
            let figures = [asked.bought, asked.sold_short, asked.available, asked.equity, asked.required];
            let call = number.map(|number| (number, small(uncalled), due));
            let (figures, lacks) = (figures.into_iter().map(small).collect(), lacks.into_iter().collect());
            self.facts.push(Fact::Assessed { account: id, figures, lacks, call });
        }
        Ok(())
    }
}
