//! Movements other than by settlement: openings, transfers, reversals.

use super::known::{minor, units};
use super::{Booking, Books, Place, Posting, Thing};
use model::command::{Opening, Transfer, What};
use model::decimal::Decimal;
use model::identifier::Identifier;
use model::reference::{Account, AccountKind};
use model::rejection::Reason;

fn holds(account: &Account, thing: &Thing) -> bool {
    match account.kind {
        AccountKind::Depot => matches!(thing, Thing::Paper(_)),
        AccountKind::Nostro => matches!(thing, Thing::Cash(_)),
        AccountKind::Internal => true,
    }
}

impl Books {
    fn account(&self, name: &Identifier) -> Result<Account, Reason> {
        self.known.accounts.get(name).cloned().ok_or(Reason::UnknownName)
    }

    fn owned_book(&self, name: &Identifier, owner: &Identifier) -> Result<Identifier, Reason> {
        let of = self.known.books.get(name).ok_or(Reason::UnknownName)?;
        if of == owner { Ok(name.clone()) } else { Err(Reason::AccountNotAllowed) }
    }

    fn counted(&self, what: &What, quantity: Decimal) -> Result<(Thing, i64), Reason> {
        match what {
            What::Currency(code) => Ok((Thing::Cash(*code), minor(quantity, *code)?)),
            What::Instrument(name) => {
                let by_isin = self.known.instrument_named(name.as_str(), self.today());
                let name = match by_isin {
                    Some(name) => name,
                    None if self.known.instruments.contains_key(name) => name.clone(),
                    None => return Err(Reason::UnknownName),
                };
                let counted = units(quantity, self.known.scale(&name)).ok_or(Reason::QuantityTooFine)?;
                Ok((Thing::Paper(name), counted))
            }
        }
    }

    fn book(&mut self, pair: Option<(u64, u64)>, postings: Vec<(Posting, Option<Identifier>)>) {
        let booked = self.posted.len();
        for ((place, thing, amount), _) in postings.clone() {
            self.post(place, thing, amount);
        }
        self.holdings_moved(booked, None);
        self.pay_calls(booked);
        self.bookings.entry(self.sequence).or_default().push(Booking { pair, postings, trades: Vec::new() });
    }

    pub(super) fn open(&mut self, opening: &Opening) -> Result<(), Reason> {
        let account = self.account(&opening.account)?;
        let book = self.owned_book(&opening.book, &account.holder)?;
        let (thing, amount) = self.counted(&opening.what, opening.quantity)?;
        if !holds(&account, &thing) {
            return Err(Reason::AccountNotAllowed);
        }
        if matches!(thing, Thing::Paper(_)) && amount <= 0 && !account.may_go_short {
            return Err(Reason::QuantityNotPositive);
        }
        if let Some(cost) = &opening.cost {
            minor(cost.amount, cost.currency)?;
        }
        let amount = i128::from(amount);
        let postings = vec![
            ((Place::Book(account.holder.clone(), book), thing.clone(), amount), None),
            ((Place::Lies(account.holder, account.id), thing, amount), None),
        ];
        self.book(None, postings);
        Ok(())
    }

    pub(super) fn transfer(&mut self, transfer: &Transfer) -> Result<(), Reason> {
        let from = transfer.from.as_ref().map(|name| self.account(name)).transpose()?;
        let to = transfer.to.as_ref().map(|name| self.account(name)).transpose()?;
        let (thing, amount) = self.counted(&transfer.what, transfer.quantity)?;
        if amount <= 0 {
            return Err(Reason::QuantityNotPositive);
        }
        if [&from, &to].into_iter().flatten().any(|account| !holds(account, &thing)) {
            return Err(Reason::AccountNotAllowed);
        }
        if let (Some(from), Some(to)) = (&from, &to)
            && from.capacity != to.capacity
        {
            return Err(Reason::AccountNotAllowed);
        }
        let giver = from.as_ref().or(to.as_ref()).map(|account| account.holder.clone()).ok_or(Reason::UnknownName)?;
        let own = self.owned_book(&transfer.book, &giver)?;
        let receiver = to.as_ref().map_or_else(|| giver.clone(), |account| account.holder.clone());
        let other = match &transfer.to_book {
            Some(name) => self.owned_book(name, &receiver)?,
            None if receiver == giver => own.clone(),
            None => return Err(Reason::UnknownName),
        };
        let only_place = own == other && from.is_some() && to.is_some();
        let amount = i128::from(amount);
        let mut postings = Vec::new();
        for (account, book, amount) in [(&from, &own, -amount), (&to, &other, amount)] {
            let Some(account) = account else { continue };
            let lies = Place::Lies(account.holder.clone(), account.id.clone());
            if amount < 0 {
                self.check_covered(account, &thing, -amount)?;
            }
            if !only_place {
                postings.push(((Place::Book(account.holder.clone(), book.clone()), thing.clone(), amount), None));
            }
            postings.push(((lies, thing.clone(), amount), None));
        }
        self.book(None, postings);
        Ok(())
    }

    fn check_covered(&self, account: &Account, thing: &Thing, amount: i128) -> Result<(), Reason> {
        let balance = self.balance(&Place::Lies(account.holder.clone(), account.id.clone()), thing);
        match thing {
            Thing::Paper(_) if account.may_go_short || balance >= amount => Ok(()),
            Thing::Paper(_) => Err(Reason::InsufficientSecurities),
            Thing::Cash(currency) => {
                let limit = self.known.limit(&account.id, *currency, self.business_date(&account.domain));
                if balance + i128::from(limit) >= amount { Ok(()) } else { Err(Reason::InsufficientCash) }
            }
        }
    }

    /// Turns round what a record booked; a settlement with the capture of its trades, so that nothing stays owed.
    pub(super) fn reverse(&mut self, sequence: u64, instruction: Option<u64>) -> Result<(), Reason> {
        if sequence >= self.sequence {
            return Err(Reason::NotReversible);
        }
        let all = self.bookings.get(&sequence).cloned().unwrap_or_default();
        let wanted = |booking: &&Booking| match (booking.pair, instruction) {
            (Some((deliver, receive)), Some(wanted)) => wanted == deliver || wanted == receive,
            _ => true,
        };
        let chosen: Vec<&Booking> = all.iter().filter(wanted).collect();
        let settlements: Vec<u64> = chosen.iter().filter_map(|booking| booking.pair).map(|pair| pair.0).collect();
        if settlements.len() > 1 {
            return Err(Reason::NotReversible);
        }
        let key = (sequence, settlements.first().copied().unwrap_or(0));
        if self.reversed.contains(&key) {
            return Err(Reason::NotReversible);
        }
        let taken_back: Vec<_> = chosen.iter().flat_map(|booking| booking.trades.clone()).collect();
        let undone = chosen.iter().flat_map(|booking| &booking.postings).map(|((place, thing, amount), book)| {
            let place = match (place, book) {
                (Place::Owed(entity, _), Some(book)) => Place::Book(entity.clone(), book.clone()),
                _ => place.clone(),
            };
            (place, thing.clone(), -amount)
        });
        let undone: Vec<Posting> = undone.filter(|(_, _, amount)| *amount != 0).collect();
        if undone.is_empty() {
            return Err(Reason::NotReversible);
        }
        for (place, thing, amount) in undone.iter().filter(|(_, _, amount)| *amount < 0) {
            if let Place::Lies(_, account) = place {
                self.check_covered(&self.known.accounts[account], thing, -amount)?;
            }
        }
        let booked = self.posted.len();
        for (place, thing, amount) in undone {
            self.post(place, thing, amount);
        }
        for (trade, entity, date) in taken_back {
            self.tell_closed(trade, vec![(entity, date)]);
        }
        self.holdings_moved(booked, None);
        self.reversed.insert(key);
        Ok(())
    }
}
