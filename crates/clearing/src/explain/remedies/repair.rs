//! A trade in repair: the reference data it wants, or the field that is off. What is made up for the proof, because nobody
//! has told it, is said with it.

use super::counter::book_of;
use super::details::{Said, said};
use super::{actor, change};
use crate::explain::scratch::Scratch;
use crate::explain::search::{Candidate, Search};
use crate::explain::words::grouped;
use crate::explain::{Change, ChangeKind};
use crate::reference::{AccountEntry, units};
use crate::state::{State, Trade};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use model::command::{Command, Repair};
use model::currency::exponent;
use model::date::Date;
use model::decimal::{Decimal, Rounding, div_round};
use model::identifier::{Cfi, Identifier, Isin};
use model::index::{AccountIx, Kind};
use model::reference::{
    Account, AccountKind, Book, Capacity, Currency, Cycle, Instrument, IsinFrom, Party, Reference, Role, Ssi,
};
use model::trade::{Defect, DefectKind, Details, Method, PriceType, QuantityType, Side, Terms};

struct Mending<'a, 'p> {
    search: &'a Search<'a>,
    scratch: &'a Scratch<'p>,
    said: Said,
    terms: Terms,
}

pub(super) fn defect(search: &Search<'_>, scratch: &Scratch<'_>, trade: &Trade, defect: &Defect) -> Vec<Candidate> {
    let Some(said) = said(scratch, trade) else { return Vec::new() };
    let mending = Mending { search, scratch, said, terms: scratch.state.terms_of(trade) };
    mending.of(defect).into_iter().map(Candidate::of).collect()
}

/// The instruction that was taken away is issued again.
pub(super) fn instruct_again(search: &Search<'_>, scratch: &Scratch<'_>, trade: &Trade) -> Option<Candidate> {
    let said = said(scratch, trade)?;
    let mending = Mending { search, scratch, said, terms: scratch.state.terms_of(trade) };
    let text = format!("instruct trade {} again", mending.said.id);
    Some(Candidate::of(mending.repair(text, None)))
}

impl Mending<'_, '_> {
    fn state(&self) -> &State {
        &self.scratch.state
    }

    fn repair(&self, text: String, details: Option<Details>) -> Change {
        let (source, id) = (self.said.source.clone(), self.said.id.clone());
        let command = Command::Repair(Box::new(Repair { source, id, details }));
        let actor = actor(self.search, self.terms.party);
        change(self.scratch, ChangeKind::Repair, actor, text, alloc::vec![command])
    }

    fn set(&self, text: String, pieces: Vec<Reference>, assumes: &str) -> Change {
        let commands = pieces.into_iter().map(|piece| Command::SetReference(Box::new(piece))).collect();
        let actor = actor(self.search, self.terms.party);
        let mut change = change(self.scratch, ChangeKind::Reference, actor, text, commands);
        change.assumes = assumes.into();
        change
    }

    /// The field with another content, in words.
    fn field(&self, field: &str, content: &str, details: Details) -> Change {
        self.repair(format!("repair {field} of trade {}: {content}", self.said.id), Some(details))
    }

    fn of(&self, defect: &Defect) -> Vec<Change> {
        let (details, subject) = (&self.said.details, &defect.subject);
        match defect.kind {
            DefectKind::UnknownParty | DefectKind::UnknownCounterparty => {
                let own = defect.kind == DefectKind::UnknownParty;
                let roles = alloc::vec![if own { Role::LegalEntity } else { Role::Counterparty }];
                let (id, name) = (subject.clone(), subject.to_string());
                let party = Reference::Party(Party { id, name, lei: None, bic: None, roles });
                alloc::vec![self.set(format!("define party {subject}"), alloc::vec![party], "neither LEI nor BIC")]
            }
            DefectKind::UnknownBook => {
                let (id, owner) = (subject.clone(), details.party.clone());
                let book = Reference::Book(Book { id, name: subject.to_string(), owner });
                let text = format!("define book {subject} of {}", details.party);
                alloc::vec![self.set(text, alloc::vec![book], "")]
            }
            DefectKind::BookNotOwned => {
                let Some(book) = book_of(self.state(), self.terms.party) else { return Vec::new() };
                let mut change = self.field("book", book.as_str(), Details { book: book.clone(), ..details.clone() });
                change.assumes = format!("that {book} of {} is meant", details.party);
                alloc::vec![change]
            }
            DefectKind::UnknownInstrument => self.instrument(subject).into_iter().collect(),
            DefectKind::UnknownAccount => {
                let depot = details.depot.as_ref() == Some(subject);
                let account = self.account(subject.clone(), depot);
                let text = format!("define account {subject} of {} in {}", details.party, details.domain);
                alloc::vec![self.set(text, alloc::vec![account], "")]
            }
            DefectKind::MissingSsi => alloc::vec![self.ssi()],
            DefectKind::MissingCycle => {
                let (market, valid_from) = (subject.clone(), details.trade_date);
                let cycle = Reference::Cycle(Cycle { market, valid_from, days: 2 });
                let text = format!("settlement cycle of market {subject} from {valid_from}");
                alloc::vec![self.set(text, alloc::vec![cycle], "two settlement days")]
            }
            DefectKind::MissingCalendar => self.calendar().into_iter().collect(),
            DefectKind::GrossDiffers | DefectKind::NetDiffers => {
                let text = format!("repair {subject} of trade {}: accept the source's own amounts", self.said.id);
                alloc::vec![self.repair(text, None)]
            }
            DefectKind::AccountNotAllowed => self.other_account(subject),
            DefectKind::OddLot => self.round_lot().into_iter().collect(),
            DefectKind::QuantityTypeDiffers => {
                let Some(entry) = self.state().reference.instrument(self.terms.instrument) else { return Vec::new() };
                let quantity_type = entry.quantity_type;
                let counts = if quantity_type == QuantityType::Unit { "pieces" } else { "face amount" };
                alloc::vec![self.field("quantity type", counts, Details { quantity_type, ..details.clone() })]
            }
            // A place of settlement is more than a row: calendar, zone, cut-offs and who settles there.
            DefectKind::UnknownDomain => Vec::new(),
        }
    }

    fn account(&self, id: Identifier, depot: bool) -> Reference {
        let client = self.client().cloned();
        Reference::Account(Account {
            id,
            kind: if depot { AccountKind::Depot } else { AccountKind::Nostro },
            holder: self.said.details.party.clone(),
            domain: self.said.details.domain.clone(),
            capacity: client.filter(|_| depot).map_or(Capacity::Own, Capacity::Segregated),
            may_go_short: false,
        })
    }

    fn client(&self) -> Option<&Identifier> {
        match self.said.details.side {
            Side::Buy => self.said.details.receiving_client.as_ref(),
            Side::Sell => self.said.details.delivering_client.as_ref(),
        }
    }

    /// An account of the party that would do, the first by name.
    fn fitting(&self, depot: bool) -> Option<Identifier> {
        let client = self.client();
        let fits = |entry: &AccountEntry| {
            let kind = match entry.kind {
                AccountKind::Depot => depot,
                AccountKind::Nostro => !depot,
                AccountKind::Internal => false,
            };
            let capacity = match &entry.capacity {
                Capacity::Own => client.is_none() || !depot,
                Capacity::Omnibus => client.is_some() || !depot,
                Capacity::Segregated(owner) => Some(owner) == client,
            };
            kind && capacity && (entry.holder, entry.domain) == (self.terms.party, self.terms.domain)
        };
        let accounts = self.state().reference.accounts.iter().enumerate();
        let fitting = accounts.filter(|(_, entry)| entry.as_ref().is_some_and(fits));
        fitting.map(|(index, _)| self.state().named(Kind::Account, AccountIx(index as u32).0)).min()
    }

    /// The standing instruction that is missing, with accounts that are there; else with accounts that must come.
    fn ssi(&self) -> Change {
        let details = &self.said.details;
        let mut pieces = Vec::new();
        let mut account = |depot: bool| {
            self.fitting(depot).unwrap_or_else(|| {
                let kind = if depot { "depot" } else { "nostro" };
                let name = format!("{}-{}-{kind}", details.party, details.domain);
                let name = Identifier::parse(&name).unwrap_or_else(|_| details.party.clone());
                pieces.push(self.account(name.clone(), depot));
                name
            })
        };
        let depot = account(true);
        let nostro = (details.method == Method::Dvp).then(|| account(false));
        let id = format!("{}-{}-{}", details.party, details.domain, details.currency);
        let client = self.client().cloned();
        let whose = client.as_ref().map_or(String::new(), |client| format!(", client {client}"));
        let with = nostro.as_ref().map_or(String::new(), |nostro| format!(" and {nostro}"));
        let assumes = format!("accounts {depot}{with}");
        let text = format!(
            "SSI for {} in {}, {}{whose}, from {}",
            details.party, details.domain, details.currency, details.trade_date
        );
        pieces.push(Reference::Ssi(Ssi {
            id: Identifier::parse(&id).unwrap_or_else(|_| details.party.clone()),
            party: details.party.clone(),
            valid_from: details.trade_date,
            domain: Some(details.domain.clone()),
            currency: Some(details.currency),
            cfi_prefix: None,
            method: None,
            client,
            depot,
            nostro,
        }));
        self.set(text, pieces, &assumes)
    }

    fn instrument(&self, id: &Identifier) -> Option<Change> {
        let details = &self.said.details;
        let face = details.quantity_type == QuantityType::Face;
        // Counted as it already is; its smallest piece is what divides what was traded.
        let decimals = details.quantity.scale.min(9) as u8;
        let one = Decimal::new(1, u32::from(decimals)).ok()?;
        let isins = Isin::parse(id.as_str()).ok().map(|isin| IsinFrom { valid_from: Date::MIN, isin });
        let cycles = &self.state().reference.cycles;
        let market = details.place_of_trade.iter().chain(cycles.keys()).find(|market| cycles.contains_key(*market));
        let instrument = Instrument {
            id: id.clone(),
            isins: isins.into_iter().collect(),
            cfi: Cfi::parse(if face { "DBFTFB" } else { "ESVUFR" }).ok()?,
            currency: details.currency,
            quantity_type: details.quantity_type,
            decimals,
            minimum_unit: one,
            multiple: one,
            market: market.cloned().or_else(|| Identifier::parse("XOFF").ok())?,
        };
        let assumes = format!("CFI {}, market {}, any lot", instrument.cfi.as_str(), instrument.market);
        Some(self.set(format!("define instrument {id}"), alloc::vec![Reference::Instrument(instrument)], &assumes))
    }

    fn calendar(&self) -> Option<Change> {
        let (state, details) = (self.state(), &self.said.details);
        let own = state.reference.domain(self.terms.domain)?.calendar;
        if state.reference.currencies.contains_key(&details.currency) || details.method == Method::Fop {
            // There is one, and it does not reach the date: which days follow nobody can guess.
            return None;
        }
        let calendar = state.named(Kind::Calendar, own.0);
        let currency = Reference::Currency(Currency { code: details.currency, calendar: calendar.clone() });
        let text = format!("calendar of currency {}", details.currency);
        Some(self.set(text, alloc::vec![currency], &format!("calendar {calendar}")))
    }

    /// The account is not the party's, or another client's: the SSI's, or one that fits.
    fn other_account(&self, subject: &Identifier) -> Vec<Change> {
        let details = &self.said.details;
        let depot = details.depot.as_ref() == Some(subject);
        let field = if depot { "depot" } else { "nostro" };
        let with = |name: Option<Identifier>| match depot {
            true => Details { depot: name, ..details.clone() },
            false => Details { nostro: name, ..details.clone() },
        };
        let blank = self.field(field, "as the standing instruction says", with(None));
        let named = self.fitting(depot).map(|name| self.field(field, name.as_str(), with(Some(name.clone()))));
        core::iter::once(blank).chain(named).collect()
    }

    /// The next whole lot below, at least the smallest, with the amounts that belong to it.
    fn round_lot(&self) -> Option<Change> {
        let (state, details) = (self.state(), &self.said.details);
        let entry = state.reference.instrument(self.terms.instrument)?;
        let scale = state.reference.scale(self.terms.instrument);
        let whole = units(details.quantity, scale)? / entry.multiple * entry.multiple;
        let least = (entry.minimum_unit + entry.multiple - 1) / entry.multiple * entry.multiple;
        let quantity = state.figure(model::index::Asset::instrument(self.terms.instrument), whole.max(least).into());
        let mut next = Details { quantity, ..details.clone() };
        if details.method == Method::Dvp {
            next.gross = gross(&next)?;
            let digits = u32::from(exponent(details.currency)?);
            let in_minor = |amount: Decimal| amount.to_scale(digits).ok();
            let mut net = in_minor(next.gross)? + in_minor(next.accrued)?;
            for charge in &next.charges {
                let amount = in_minor(charge.amount)?;
                net += if next.side == Side::Buy { amount } else { -amount };
            }
            next.net = Decimal::from_units(net, digits).ok()?;
        }
        Some(self.field("quantity", &grouped(quantity), next))
    }
}

/// Quantity times price, half up, as the engine recomputes it.
fn gross(details: &Details) -> Option<Decimal> {
    let digits = u32::from(exponent(details.currency)?);
    let percent = if details.price_type == PriceType::Percent { 2 } else { 0 };
    let have = details.quantity.scale + details.price.scale + percent;
    let product = i128::from(details.quantity.unscaled) * i128::from(details.price.unscaled);
    let units = match have.checked_sub(digits) {
        Some(excess) => div_round(product, 10i128.checked_pow(excess)?, Rounding::HalfUp)?,
        None => product.checked_mul(10i128.checked_pow(digits - have)?)?,
    };
    Decimal::from_units(units, digits).ok()
}
