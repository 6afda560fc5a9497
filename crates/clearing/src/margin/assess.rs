//! How a margin account stands at a recorded set of prices: positions by trade date, what came in free of payment only
//! once it has settled.

use super::MarginEntry;
use crate::marks::{Lack, Marks};
use crate::state::State;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use model::date::Date;
use model::event::Event;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{Asset, BookIx, InstrumentIx, Kind};
use model::instruction::Movement;
use model::ledger::LedgerAccount;
use model::margin::MarginFigures;
use model::record::Record;
use model::reference::{PriceSet, Reference};
use model::trade::{Method, QuantityType, Side};
use risk::amount::{Scales, decimals};
use risk::margin::client::{Account, Security};
use risk::published;

/// How an account stands, as people ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarginStanding {
    pub account: Identifier,
    pub client: Identifier,
    pub book: Identifier,
    pub currency: CurrencyCode,
    /// Whose rules, since when, and where they stand.
    pub rule: String,
    pub figures: MarginFigures,
    /// What is lacking to tell; the figures are then zero.
    pub lacks: Vec<Lack>,
    /// What open calls still ask for, in minor units.
    pub called: i64,
}

/// What each book holds that counts.
pub(super) type Holdings = BTreeMap<BookIx, BTreeMap<Asset, i128>>;

/// A figure of a record.
pub(super) fn figure(amount: i128) -> Result<i64, Vec<Lack>> {
    i64::try_from(amount).map_err(|_| alloc::vec![Lack::from("range")])
}

/// The set that a record set.
pub(super) fn price_set_in(record: &Record) -> Option<&PriceSet> {
    record.events().iter().find_map(|event| match event {
        Event::ReferenceSet { reference, .. } => match &**reference {
            Reference::PriceSet(set) => Some(set),
            _ => None,
        },
        _ => None,
    })
}

impl State {
    /// What the books of margin accounts hold by trade date, less securities that are to come free of payment: what is
    /// offered as collateral counts when it is there.
    pub(super) fn margin_holdings(&self) -> Holdings {
        let mut holdings: Holdings = self.margin.books.keys().map(|book| (*book, BTreeMap::new())).collect();
        for slot in self.balances.slots.iter().filter(|slot| slot.amount != 0) {
            if let Some(LedgerAccount::Book { book, .. }) = LedgerAccount::unpack(slot.account)
                && let Some(held) = holdings.get_mut(&book)
            {
                *held.entry(slot.asset).or_default() += slot.amount;
            }
        }
        for (_, trade) in self.trades.iter() {
            let (book, instrument, quantity) = match (self.instructions.get(trade.instruction), &trade.loose) {
                (Some(open), _) if open.method == Method::Fop && open.movement == Movement::Receive => {
                    (open.book, open.instrument, open.quantity)
                }
                (None, Some(loose)) if loose.terms.method == Method::Fop && loose.terms.side == Side::Buy => {
                    (loose.terms.book, loose.terms.instrument, loose.terms.quantity)
                }
                _ => continue,
            };
            if let Some(held) = holdings.get_mut(&book) {
                *held.entry(Asset::instrument(instrument)).or_default() -= i128::from(quantity);
            }
        }
        holdings
    }

    /// How every account that there is on the set's date stands at it.
    pub fn margin_standings(&self, set: &PriceSet) -> Vec<MarginStanding> {
        let (holdings, marks) = (self.margin_holdings(), self.marks_of(set));
        let rules = published::client_margin();
        let name = |kind, index| self.names.name(kind, index).expect("what is defined has its name").clone();
        let standing = |account: &Identifier| {
            let entry = self.margin.on(account, set.date)?;
            let (figures, lacks) = self.assess(entry, &holdings, &marks, set.date);
            let rule = rules
                .on(&entry.jurisdiction, set.date)
                .map_or(String::new(), |rule| format!("{}, from {}: {}", rule.jurisdiction, rule.from, rule.source));
            Some(MarginStanding {
                account: account.clone(),
                client: name(Kind::Party, entry.client.0),
                book: name(Kind::Book, entry.book.0),
                currency: entry.currency,
                rule,
                figures,
                lacks,
                called: self.outstanding(account),
            })
        };
        self.margin.accounts.keys().filter_map(standing).collect()
    }

    /// What open calls of an account still ask for.
    pub(super) fn outstanding(&self, account: &Identifier) -> i64 {
        self.margin.calls.values().filter(|call| call.account == *account).map(|call| call.outstanding).sum()
    }

    pub(super) fn marks_of(&self, set: &PriceSet) -> Marks {
        let mut marks = Marks::default();
        marks.take(set, &self.names);
        marks
    }

    /// The figures, or zeros and all that is lacking to tell them.
    pub(super) fn assess(
        &self,
        entry: &MarginEntry,
        holdings: &Holdings,
        marks: &Marks,
        on: Date,
    ) -> (MarginFigures, Vec<Lack>) {
        match self.figures(entry, holdings, marks, on) {
            Ok(figures) => (figures, Vec::new()),
            Err(lacks) => (MarginFigures::default(), lacks),
        }
    }

    fn figures(
        &self,
        entry: &MarginEntry,
        holdings: &Holdings,
        marks: &Marks,
        on: Date,
    ) -> Result<MarginFigures, Vec<Lack>> {
        let mut lacks = BTreeSet::new();
        let none = BTreeMap::new();
        let held = holdings.get(&entry.book).unwrap_or(&none);
        let (cash, securities) = self.positions(held, marks, entry.currency, &mut lacks);
        let rules = published::client_margin();
        let terms = rules.on(&entry.jurisdiction, on).map(|rule| &rule.value);
        if terms.is_err() {
            lacks.insert(format!("rule of {}", entry.jurisdiction));
        }
        let (Ok(terms), true) = (terms, lacks.is_empty()) else { return Err(lacks.into_iter().collect()) };
        let range = || alloc::vec![Lack::from("range")];
        let standing = terms.assess(&Account { cash, securities }).map_err(|_| range())?;
        Ok(MarginFigures {
            long: figure(standing.long)?,
            short: figure(standing.short)?,
            cash: figure(cash)?,
            equity: figure(standing.equity)?,
            initial: figure(standing.initial)?,
            maintenance: figure(standing.maintenance)?,
            missing: figure(standing.call)?,
        })
    }

    /// Cash and securities of a book in the account's currency; what cannot be told is added to what is lacking.
    pub(super) fn positions(
        &self,
        held: &BTreeMap<Asset, i128>,
        marks: &Marks,
        into: CurrencyCode,
        lacks: &mut BTreeSet<Lack>,
    ) -> (i128, Vec<Security>) {
        let (mut cash, mut securities) = (0i128, Vec::new());
        for (asset, amount) in held.iter().filter(|(_, amount)| **amount != 0) {
            match (asset.as_currency(), asset.as_instrument()) {
                (Some(currency), _) => match marks.convert(*amount, currency, into) {
                    Ok(amount) => cash = cash.saturating_add(amount),
                    Err(lack) => _ = lacks.insert(lack),
                },
                (None, Some(instrument)) => match self.security(marks, instrument, *amount, into) {
                    Ok(security) => securities.push(security),
                    Err(lack) => _ = lacks.insert(lack),
                },
                (None, None) => {}
            }
        }
        (cash, securities)
    }

    /// A security at its price in the account's currency. The rules are of equities: what is counted in face has none.
    fn security(
        &self,
        marks: &Marks,
        instrument: InstrumentIx,
        quantity: i128,
        into: CurrencyCode,
    ) -> Result<Security, Lack> {
        let name = || self.names.name(Kind::Instrument, instrument.0).map_or("", |name| name.as_str());
        if self.reference.instrument(instrument).is_none_or(|entry| entry.quantity_type == QuantityType::Face) {
            return Err(format!("rule for {}", name()));
        }
        let price = marks.price_in(&self.names, &self.reference, instrument, into)?;
        let scales = Scales { quantity: u32::from(self.reference.scale(instrument)), currency: decimals(into) };
        Ok(Security { quantity, price, scales })
    }
}
