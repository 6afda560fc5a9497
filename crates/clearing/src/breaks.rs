//! Breaks: what the outside says and our records contradict. Opened by an advice, never by a refusal; closed by a person.

use crate::balances::location;
use crate::draft::Draft;
use crate::state::State;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use model::breaks::{BreakItem, BreakKind, CloseBreak, Resolution};
use model::date::Date;
use model::event::Event;
use model::identifier::Identifier;
use model::index::{AccountIx, Asset, BookIx, DomainIx, Kind, PartyIx};
use model::ledger::{LedgerAccount, Posting};
use model::rejection::{Reason, Rejection};

/// An open break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Break {
    pub kind: BreakKind,
    pub items: Vec<BreakItem>,
    /// The differences stand on break accounts.
    pub booked: bool,
}

/// The open breaks, by number; and where a balance has one already.
#[derive(Clone, Debug, Default)]
pub(crate) struct Breaks {
    pub open: BTreeMap<u64, Break>,
    pub next: u64,
    standing: BTreeMap<(BreakKind, AccountIx, Asset), u64>,
}

impl Breaks {
    fn key(entry: &Break) -> Option<(BreakKind, AccountIx, Asset)> {
        match (entry.kind, &*entry.items) {
            (BreakKind::BalanceDiffers | BreakKind::MirrorBelowZero, [item]) => {
                Some((entry.kind, item.account?, item.asset))
            }
            _ => None,
        }
    }

    pub fn insert(&mut self, number: u64, entry: Break) {
        if let Some(key) = Breaks::key(&entry) {
            self.standing.insert(key, number);
        }
        self.next = self.next.max(number + 1);
        self.open.insert(number, entry);
    }

    fn remove(&mut self, number: u64) {
        if let Some(key) = self.open.remove(&number).as_ref().and_then(Breaks::key) {
            self.standing.remove(&key);
        }
    }
}

/// What a break is to say.
pub(crate) struct Found {
    pub kind: BreakKind,
    pub instruction: Option<u64>,
    pub subject: String,
}

impl Found {
    pub fn new(kind: BreakKind, instruction: Option<u64>, subject: impl Into<String>) -> Found {
        Found { kind, instruction, subject: subject.into() }
    }
}

impl Draft<'_> {
    /// The business date of a domain, from which ages count.
    pub(crate) fn business_date(&self, domain: Option<DomainIx>) -> Date {
        domain.and_then(|domain| self.state.day(domain)).and_then(|day| day.date).unwrap_or_else(|| self.today())
    }

    /// A break that is only told.
    pub(crate) fn tell_break(&mut self, found: Found, items: Vec<BreakItem>) {
        self.push_break(found, items, Vec::new());
    }

    /// A break of which each item's difference is booked: it lies there, and nobody knows whose it is.
    pub(crate) fn book_break(&mut self, found: Found, items: Vec<BreakItem>) {
        let postings = items
            .iter()
            .filter_map(|item| {
                let account = item.account?;
                let entity = self.state.reference.account(account)?.holder;
                let amount = difference(item);
                let posting = |account| Posting { account, asset: item.asset, amount };
                Some([posting(location(entity, account)), posting(LedgerAccount::Break { entity })])
            })
            .flatten()
            .collect();
        self.push_break(found, items, postings);
    }

    fn push_break(&mut self, found: Found, items: Vec<BreakItem>, postings: Vec<Posting>) {
        let earlier = self.events.iter().filter(|event| matches!(event, Event::BreakOpened { .. })).count() as u64;
        let account = items.first().and_then(|item| item.account);
        let entry = account.and_then(|account| self.state.reference.account(account));
        let since = self.business_date(entry.map(|entry| entry.domain));
        self.push(Event::BreakOpened {
            number: self.state.breaks.next.max(1) + earlier,
            kind: found.kind,
            instruction: found.instruction,
            subject: found.subject,
            items,
            booked: !postings.is_empty(),
            since,
            postings,
        });
    }

    /// A balance stands otherwise than it should, or no longer does: one open break for each account and asset.
    pub(crate) fn tell_standing(&mut self, kind: BreakKind, account: AccountIx, asset: Asset, item: BreakItem) {
        let differs = item.ours != item.theirs;
        match self.state.breaks.standing.get(&(kind, account, asset)) {
            Some(number) if self.state.breaks.open[number].items[..] != [item] => {
                self.push(Event::BreakChanged { number: *number, items: alloc::vec![item] });
            }
            None if differs => self.tell_break(Found::new(kind, None, ""), alloc::vec![item]),
            _ => {}
        }
    }

    /// Says where this record leaves a mirror below what it may be.
    pub(crate) fn tell_below_zero(&mut self) {
        let mut touched: Vec<(PartyIx, AccountIx, Asset)> = Vec::new();
        for posting in self.events.iter().flat_map(|event| event.postings()).filter(|posting| posting.amount < 0) {
            if let LedgerAccount::Location { entity, account } = posting.account
                && !touched.contains(&(entity, account, posting.asset))
            {
                touched.push((entity, account, posting.asset));
            }
        }
        for (entity, account, asset) in touched {
            let Some(entry) = self.state.reference.account(account) else { continue };
            let today = self.business_date(Some(entry.domain));
            let limit = match asset.as_currency() {
                Some(currency) => self.state.reference.limit(account, currency, today),
                None if entry.may_go_short => continue,
                None => 0,
            };
            let balance = self.balance(location(entity, account), asset);
            if balance + i128::from(limit) < 0 {
                let ours = i64::try_from(balance).unwrap_or(i64::MIN);
                let item = BreakItem { account: Some(account), asset, ours, theirs: 0 };
                self.tell_standing(BreakKind::MirrorBelowZero, account, asset, item);
            }
        }
    }
}

fn difference(item: &BreakItem) -> i128 {
    i128::from(item.theirs) - i128::from(item.ours)
}

fn open<'a>(draft: &Draft<'a>, number: u64) -> Result<&'a Break, Rejection> {
    let unknown = || Rejection::new(Reason::UnknownBreak, number.to_string());
    draft.state.breaks.open.get(&number).ok_or_else(unknown)
}

pub(crate) fn decide_assign(draft: &mut Draft<'_>, number: u64, owner: &Identifier) -> Result<(), Rejection> {
    open(draft, number)?;
    draft.push(Event::BreakAssigned { number, owner: owner.clone() });
    Ok(())
}

/// A person closes a break: what stands on the break account goes where it belongs; what a statement says more or less
/// than our mirror is taken over. What is only told is explained, and nothing is booked.
pub(crate) fn decide_close(draft: &mut Draft<'_>, closing: &CloseBreak) -> Result<(), Rejection> {
    let state = draft.state;
    let found = open(draft, closing.number)?;
    let takes_over = !found.booked && found.kind == BreakKind::BalanceDiffers;
    let allowed = match closing.resolution {
        Resolution::Explained => !found.booked,
        Resolution::Undo => found.booked,
        Resolution::ToBook | Resolution::ToParty | Resolution::WriteOff => found.booked || takes_over,
    };
    if !allowed {
        return Err(Rejection::new(Reason::ResolutionNotAllowed, found.kind.code()));
    }
    let mut postings = Vec::new();
    let items = if closing.resolution == Resolution::Explained { &[][..] } else { &found.items };
    for item in items.iter().filter(|item| item.ours != item.theirs) {
        let Some(account) = item.account else { continue };
        let entity = state.reference.account(account).expect("what was booked lies in a known account").holder;
        let amount = difference(item);
        let mut post = |account, amount| postings.push(Posting { account, asset: item.asset, amount });
        let lies = location(entity, account);
        match target(draft, closing, entity)? {
            Some(to) => {
                let from = if takes_over { (lies, amount) } else { (LedgerAccount::Break { entity }, -amount) };
                post(from.0, from.1);
                post(to, amount);
            }
            None => {
                post(lies, -amount);
                post(LedgerAccount::Break { entity }, -amount);
            }
        }
    }
    draft.check_range(&postings)?;
    draft.push(Event::BreakClosed { number: closing.number, resolution: closing.resolution, postings });
    draft.tell_below_zero();
    Ok(())
}

/// Where a difference goes; nowhere when it is undone.
fn target(draft: &Draft<'_>, closing: &CloseBreak, entity: PartyIx) -> Result<Option<LedgerAccount>, Rejection> {
    let (names, reference) = (&draft.state.names, &draft.state.reference);
    let named = || closing.target.as_ref().ok_or_else(|| Rejection::new(Reason::UnknownName, "target"));
    Ok(Some(match closing.resolution {
        Resolution::ToBook => {
            let name = named()?;
            let book = names.find(Kind::Book, name.as_str()).map(BookIx);
            let found = book.and_then(|book| Some((book, reference.book(book)?)));
            let (book, entry) = found.ok_or_else(|| Rejection::new(Reason::UnknownName, name.as_str()))?;
            if entry.owner != entity {
                return Err(Rejection::new(Reason::AccountNotAllowed, name.as_str()));
            }
            LedgerAccount::Book { entity, book }
        }
        Resolution::ToParty => {
            let name = named()?;
            let party = names.find(Kind::Party, name.as_str()).map(PartyIx);
            let party = party.filter(|party| reference.knows_party(*party));
            let party = party.ok_or_else(|| Rejection::new(Reason::UnknownName, name.as_str()))?;
            LedgerAccount::Counterparty { entity, party }
        }
        Resolution::WriteOff => LedgerAccount::Difference { entity },
        Resolution::Undo | Resolution::Explained => return Ok(None),
    }))
}

impl State {
    pub(crate) fn apply_break(&mut self, event: &Event) {
        match event {
            Event::BreakOpened { number, kind, items, booked, .. } => {
                self.breaks.insert(*number, Break { kind: *kind, items: items.clone(), booked: *booked });
            }
            Event::BreakChanged { number, items } => {
                let entry = self.breaks.open.get_mut(number).expect("what changes is open");
                entry.items.clone_from(items);
            }
            Event::BreakClosed { number, .. } => self.breaks.remove(*number),
            _ => {}
        }
    }
}
