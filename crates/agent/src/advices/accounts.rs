//! The accounts that the agent keeps for a bank, with what lies there; names and scales to say it in.

use super::said::Settled;
use model::advice::{
    AdviceBody, Allegement, CashBalance, CashBalances, CashEntry, Confirmation, MAX_LINES, SecuritiesBalance,
    SecuritiesBalances,
};
use model::currency::exponent;
use model::date::Date;
use model::decimal::Decimal;
use model::event::Event;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{AccountIx, Asset, DomainIx, InstrumentIx, Kind, PartyIx};
use model::instruction::Movement;
use model::ledger::{LedgerAccount, Posting};
use model::reference::{AccountKind, IsinFrom, Reference};
use model::trade::{Method, Side, Terms};
use std::collections::BTreeMap;

/// What is known of accounts and instruments.
pub(super) struct Accounts {
    parties: Vec<Identifier>,
    names: BTreeMap<(Kind, u32), Identifier>,
    numbers: BTreeMap<(Kind, Identifier), u32>,
    /// By name: kind and domain.
    kinds: BTreeMap<Identifier, (AccountKind, Identifier)>,
    /// By name.
    isins: BTreeMap<Identifier, Vec<IsinFrom>>,
    scales: BTreeMap<u32, u8>,
    /// What lies on accounts of the bank's parties.
    balances: BTreeMap<(AccountIx, Asset), i128>,
    /// The day of the last record that says one.
    today: Option<Date>,
}

impl Accounts {
    pub fn new(parties: Vec<Identifier>) -> Accounts {
        Accounts {
            parties,
            names: BTreeMap::new(),
            numbers: BTreeMap::new(),
            kinds: BTreeMap::new(),
            isins: BTreeMap::new(),
            scales: BTreeMap::new(),
            balances: BTreeMap::new(),
            today: None,
        }
    }

    /// Takes in names, accounts, instruments and every posting.
    pub fn fold(&mut self, event: &Event) {
        match event {
            Event::Interned { kind, index, id } => {
                self.names.insert((*kind, *index), id.clone());
                self.numbers.insert((*kind, id.clone()), *index);
            }
            Event::ReferenceSet { reference, scale } => match &**reference {
                Reference::Account(account) => {
                    self.kinds.insert(account.id.clone(), (account.kind, account.domain.clone()));
                }
                Reference::Instrument(instrument) => {
                    self.isins.insert(instrument.id.clone(), instrument.isins.clone());
                    let number = self.numbers.get(&(Kind::Instrument, instrument.id.clone()));
                    if let (Some(number), Some(scale)) = (number, scale) {
                        self.scales.insert(*number, *scale);
                    }
                }
                _ => {}
            },
            Event::DayOpened { date, .. } => self.today = Some(*date),
            _ => {}
        }
        for posting in event.postings() {
            if let LedgerAccount::Location { entity, account } = posting.account
                && self.is_bank(entity)
            {
                *self.balances.entry((account, posting.asset)).or_default() += posting.amount;
            }
        }
    }

    pub fn name(&self, kind: Kind, index: u32) -> Option<&Identifier> {
        self.names.get(&(kind, index))
    }

    pub fn is_bank(&self, party: PartyIx) -> bool {
        self.name(Kind::Party, party.0).is_some_and(|name| self.parties.contains(name))
    }

    fn text(&self, kind: Kind, index: u32) -> String {
        self.name(kind, index).map(ToString::to_string).unwrap_or_default()
    }

    /// ISIN on a day, or our own name where it has none.
    fn instrument(&self, index: InstrumentIx, on: Date) -> String {
        let Some(name) = self.name(Kind::Instrument, index.0) else { return String::new() };
        let isins = self.isins.get(name).into_iter().flatten().filter(|from| from.valid_from <= on);
        isins.max_by_key(|from| from.valid_from).map_or_else(|| name.to_string(), |from| from.isin.to_string())
    }

    fn quantity(&self, index: InstrumentIx, units: i128) -> Decimal {
        let scale = self.scales.get(&index.0).copied().unwrap_or_default();
        Decimal::from_units(units, u32::from(scale)).expect("a balance and its scale are a decimal")
    }

    fn money(currency: CurrencyCode, units: i128) -> Decimal {
        let scale = exponent(currency).map_or(0, u32::from);
        Decimal::from_units(units, scale).expect("a balance and its scale are a decimal")
    }

    pub fn confirmation(&self, terms: &Terms, settled: &Settled, partial: &str) -> Confirmation {
        let against = terms.method == Method::Dvp;
        let account =
            |index: Option<AccountIx>| index.map(|index| self.text(Kind::Account, index.0)).unwrap_or_default();
        Confirmation {
            movement: if terms.side == Side::Sell { Movement::Deliver } else { Movement::Receive },
            instrument: self.instrument(terms.instrument, settled.date),
            quantity: self.quantity(terms.instrument, settled.quantity.into()),
            currency: against.then_some(settled.currency),
            amount: against.then(|| Accounts::money(settled.currency, settled.amount.into())),
            partial: partial.to_owned(),
            effective_date: settled.date,
            account: account(terms.depot),
            cash_account: account(terms.nostro.filter(|_| against)),
        }
    }

    /// What a counterparty's terms mean for the bank.
    pub fn allegement(&self, terms: &Terms) -> Allegement {
        let against = terms.method == Method::Dvp;
        Allegement {
            movement: if terms.side == Side::Sell { Movement::Receive } else { Movement::Deliver },
            instrument: self.instrument(terms.instrument, terms.trade_date),
            quantity: self.quantity(terms.instrument, terms.quantity.into()),
            currency: against.then_some(terms.currency),
            amount: against.then(|| Accounts::money(terms.currency, terms.net.into())),
            trade_date: Some(terms.trade_date),
            settlement_date: Some(terms.intended_settlement_date),
            counterparty: self.text(Kind::Party, terms.party.0),
            account: String::new(),
        }
    }

    /// What was moved on the bank's accounts other than by its instructions.
    pub fn moved(&self, postings: &[Posting], code: &str) -> Vec<AdviceBody> {
        let Some(date) = self.today else { return Vec::new() };
        let mut bodies = Vec::new();
        for posting in postings {
            let LedgerAccount::Location { entity, account } = posting.account else { continue };
            if !self.is_bank(entity) {
                continue;
            }
            let name = self.text(Kind::Account, account.0);
            if let Some(currency) = posting.asset.as_currency() {
                let (amount, code) = (Accounts::money(currency, posting.amount), code.to_owned());
                let entry =
                    CashEntry { account: name, currency, amount, value_date: date, code, narrative: String::new() };
                bodies.push(AdviceBody::CashEntry(entry));
            } else if let Some(instrument) = posting.asset.as_instrument() {
                let movement = if posting.amount < 0 { Movement::Deliver } else { Movement::Receive };
                bodies.push(AdviceBody::Confirmation(Box::new(Confirmation {
                    movement,
                    instrument: self.instrument(instrument, date),
                    quantity: self.quantity(instrument, posting.amount.abs()),
                    currency: None,
                    amount: None,
                    partial: String::new(),
                    effective_date: date,
                    account: name,
                    cash_account: String::new(),
                })));
            }
        }
        bodies
    }

    /// What lies on each account of the bank in a domain at the end of a day.
    pub fn statements(&self, domain: DomainIx, date: Date) -> Vec<AdviceBody> {
        let mut held: BTreeMap<AccountIx, Vec<(Asset, i128)>> = BTreeMap::new();
        for ((account, asset), amount) in &self.balances {
            held.entry(*account).or_default().push((*asset, *amount));
        }
        let mut bodies = Vec::new();
        for (account, balances) in held {
            let Some(name) = self.name(Kind::Account, account.0) else { continue };
            let Some((kind, of)) = self.kinds.get(name) else { continue };
            if self.name(Kind::Domain, domain.0) != Some(of) {
                continue;
            }
            let account = name.to_string();
            if *kind == AccountKind::Depot {
                let line = |(asset, amount): &(Asset, i128)| {
                    let instrument = asset.as_instrument().filter(|_| *amount != 0)?;
                    let (name, quantity) = (self.instrument(instrument, date), self.quantity(instrument, *amount));
                    Some(SecuritiesBalance { instrument: name, quantity })
                };
                let lines: Vec<_> = balances.iter().filter_map(line).collect();
                let complete = lines.len() <= MAX_LINES;
                let pages: Vec<Vec<_>> = lines.chunks(MAX_LINES).map(<[_]>::to_vec).collect();
                // An empty account is said to be empty.
                for lines in if pages.is_empty() { vec![Vec::new()] } else { pages } {
                    let page = SecuritiesBalances { account: account.clone(), date, complete, lines };
                    bodies.push(AdviceBody::SecuritiesBalances(page));
                }
            } else {
                let line = |(asset, amount): &(Asset, i128)| {
                    let currency = asset.as_currency()?;
                    Some(CashBalance { currency, amount: Accounts::money(currency, *amount) })
                };
                let lines = balances.iter().filter_map(line).collect();
                bodies.push(AdviceBody::CashBalances(CashBalances { account, date, lines }));
            }
        }
        bodies
    }
}
