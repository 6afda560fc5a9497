//! Cash entries and balances as an agent tells them, against our mirrors; and breaks, as people close them.

use super::known::{minor, units};
use super::outside::{Item, Quoted, Sent, money_said};
use super::{Books, Place, Posting, Thing};
use model::advice::{Advice, CashBalances, CashEntry, Confirmation, SecuritiesBalances};
use model::breaks::{BreakKind, CloseBreak, Resolution};
use model::identifier::Identifier;
use model::instruction::Movement;
use model::reference::Account;
use model::rejection::Reason;
use std::collections::BTreeMap;

impl Books {
    pub(super) fn cash_entry(&mut self, advice: &Advice, said: &CashEntry) {
        // Its confirmation books both legs.
        if !matches!(self.quoted(&advice.reference), Quoted::Unknown) {
            return;
        }
        let Some(account) = self.known.mirror(&said.account).map(|account| account.id.clone()) else {
            return self.tell(BreakKind::UnknownAccount, Vec::new());
        };
        match minor(said.amount, said.currency) {
            Ok(0) => {}
            Ok(amount) => {
                let item = (Some(account), Thing::Cash(said.currency), 0, amount);
                self.book_break(BreakKind::UnexpectedCash, vec![item]);
            }
            Err(_) => self.tell(BreakKind::CannotBook, Vec::new()),
        }
    }

    /// What it moved stands on the break account, as far as account and instrument are known; the rest is told.
    pub(super) fn set_aside(&mut self, kind: BreakKind, said: &Confirmation, sent: Option<&Sent>) {
        let or = |text: &str, sent: Option<&Identifier>| match sent {
            Some(sent) if text.is_empty() => sent.to_string(),
            _ => text.to_owned(),
        };
        let depot = or(&said.account, sent.map(|sent| &sent.depot));
        let nostro = or(&said.cash_account, sent.and_then(|sent| sent.nostro.as_ref()));
        let paper = or(&said.instrument, sent.map(|sent| &sent.instrument));
        let sign = if said.movement == Movement::Deliver { -1 } else { 1 };
        let (mut items, mut further) = (Vec::new(), Vec::new());
        match (self.known.mirror(&depot), self.instrument_said(&paper, said.effective_date)) {
            (None, _) => further.push(BreakKind::UnknownAccount),
            (_, None) => further.push(BreakKind::UnknownInstrument),
            (Some(account), Some(paper)) => match self.quantity_said(said.quantity, &paper) {
                Some(quantity) => items.push((Some(account.id.clone()), Thing::Paper(paper), 0, sign * quantity)),
                None => further.push(BreakKind::CannotBook),
            },
        }
        if let (Some(currency), Some(amount)) = (said.currency, said.amount.filter(|amount| !amount.is_zero())) {
            match (self.known.mirror(&nostro), money_said(amount, currency)) {
                (None, _) => further.push(BreakKind::UnknownAccount),
                (_, None) => further.push(BreakKind::CannotBook),
                (Some(account), Some(paid)) => {
                    items.push((Some(account.id.clone()), Thing::Cash(currency), 0, -sign * paid));
                }
            }
        }
        self.book_break(kind, items);
        for kind in further {
            self.tell(kind, Vec::new());
        }
    }

    pub(super) fn securities(&mut self, said: &SecuritiesBalances) {
        let Some(account) = self.known.mirror(&said.account).cloned() else {
            return self.tell(BreakKind::UnknownAccount, Vec::new());
        };
        let mut theirs: BTreeMap<Identifier, i64> = BTreeMap::new();
        let mut uncounted = Vec::new();
        for line in &said.lines {
            let Some(paper) = self.instrument_said(&line.instrument, said.date) else {
                self.tell(BreakKind::UnknownInstrument, Vec::new());
                continue;
            };
            match units(line.quantity, self.known.scale(&paper)) {
                Some(units) => *theirs.entry(paper).or_default() += units,
                None => {
                    self.tell(BreakKind::CannotBook, Vec::new());
                    uncounted.push(paper);
                }
            }
        }
        if said.complete {
            for paper in self.papers_at(&account) {
                theirs.entry(paper).or_insert(0);
            }
        }
        theirs.retain(|paper, _| !uncounted.contains(paper));
        let in_order =
            self.known.named.iter().filter_map(|paper| Some((Thing::Paper(paper.clone()), *theirs.get(paper)?)));
        self.compare(&account, in_order.collect());
    }

    fn papers_at(&self, account: &Account) -> Vec<Identifier> {
        let here = Place::Lies(account.holder.clone(), account.id.clone());
        let papers = self.balances().filter(|(place, _, _)| *place == here).filter_map(|(_, thing, _)| match thing {
            Thing::Paper(paper) => Some(paper.clone()),
            Thing::Cash(_) => None,
        });
        papers.collect()
    }

    pub(super) fn cash(&mut self, said: &CashBalances) {
        let Some(account) = self.known.mirror(&said.account).cloned() else {
            return self.tell(BreakKind::UnknownAccount, Vec::new());
        };
        let mut theirs = BTreeMap::new();
        for line in &said.lines {
            match minor(line.amount, line.currency) {
                Ok(amount) => _ = theirs.insert(Thing::Cash(line.currency), amount),
                Err(_) => self.tell(BreakKind::CannotBook, Vec::new()),
            }
        }
        self.compare(&account, theirs.into_iter().collect());
    }

    fn compare(&mut self, account: &Account, theirs: Vec<(Thing, i64)>) {
        for (thing, theirs) in theirs {
            let ours = self.balance(&Place::Lies(account.holder.clone(), account.id.clone()), &thing);
            let ours = i64::try_from(ours).expect("a small house");
            self.tell_standing(BreakKind::BalanceDiffers, (Some(account.id.clone()), thing, ours, theirs));
        }
    }

    /// One open break for each balance that stands otherwise than it should.
    fn tell_standing(&mut self, kind: BreakKind, item: Item) {
        let same = |items: &[Item]| matches!(items, [one] if (&one.0, &one.1) == (&item.0, &item.1));
        match self.breaks.values_mut().find(|each| each.kind == kind && same(&each.items)) {
            Some(known) => known.items = vec![item],
            None if item.2 != item.3 => self.tell(kind, vec![item]),
            None => {}
        }
    }

    /// Says which mirrors the present record left below what they may be.
    pub(super) fn tell_below_zero(&mut self) {
        let mut debited: Vec<(Place, Thing)> = Vec::new();
        for (place, thing, amount) in self.posted.clone() {
            if amount < 0 && !debited.contains(&(place.clone(), thing.clone())) {
                debited.push((place, thing));
            }
        }
        for (place, thing) in debited {
            let Place::Lies(_, name) = &place else { continue };
            let account = self.known.accounts[name].clone();
            let limit = match &thing {
                Thing::Cash(currency) => self.known.limit(name, *currency, self.business_date(&account.domain)),
                Thing::Paper(_) if account.may_go_short => continue,
                Thing::Paper(_) => 0,
            };
            let balance = self.balance(&place, &thing);
            if balance + i128::from(limit) < 0 {
                let ours = i64::try_from(balance).expect("a small house");
                self.tell_standing(BreakKind::MirrorBelowZero, (Some(account.id), thing, ours, 0));
            }
        }
    }

    /// A person says where a difference belongs.
    pub(super) fn close_break(&mut self, closing: &CloseBreak) -> Result<(), Reason> {
        let found = self.breaks.get(&closing.number).cloned().ok_or(Reason::UnknownBreak)?;
        let takes_over = !found.booked && found.kind == BreakKind::BalanceDiffers;
        let allowed = match closing.resolution {
            Resolution::Explained => !found.booked,
            Resolution::Undo => found.booked,
            _ => found.booked || takes_over,
        };
        if !allowed {
            return Err(Reason::ResolutionNotAllowed);
        }
        let mut postings: Vec<Posting> = Vec::new();
        for (account, thing, ours, theirs) in &found.items {
            let amount = i128::from(*theirs) - i128::from(*ours);
            let Some(name) = account.as_ref().filter(|_| amount != 0 && closing.resolution != Resolution::Explained)
            else {
                continue;
            };
            let entity = self.known.accounts[name].holder.clone();
            let lies = Place::Lies(entity.clone(), name.clone());
            let broken = Place::Break(entity.clone());
            match self.target(closing, &entity)? {
                Some(to) if takes_over => postings.extend([(lies, thing.clone(), amount), (to, thing.clone(), amount)]),
                Some(to) => postings.extend([(broken, thing.clone(), -amount), (to, thing.clone(), amount)]),
                None => postings.extend([(lies, thing.clone(), -amount), (broken, thing.clone(), -amount)]),
            }
        }
        let booked = self.posted.len();
        for (place, thing, amount) in postings {
            self.post(place, thing, amount);
        }
        self.holdings_moved(booked, None);
        self.breaks.remove(&closing.number);
        self.tell_below_zero();
        Ok(())
    }

    fn target(&self, closing: &CloseBreak, entity: &Identifier) -> Result<Option<Place>, Reason> {
        let named = || closing.target.clone().ok_or(Reason::UnknownName);
        Ok(Some(match closing.resolution {
            Resolution::ToBook => {
                let book = named()?;
                let owner = self.known.books.get(&book).ok_or(Reason::UnknownName)?;
                if owner != entity {
                    return Err(Reason::AccountNotAllowed);
                }
                Place::Book(entity.clone(), book)
            }
            Resolution::ToParty => {
                let party = Some(named()?).filter(|name| self.known.parties.contains(name));
                Place::Owed(entity.clone(), party.ok_or(Reason::UnknownName)?)
            }
            Resolution::WriteOff => Place::Difference(entity.clone()),
            Resolution::Undo | Resolution::Explained => return Ok(None),
        }))
    }
}
