//! Facts made by hand: what the engine would write, without the engine.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod played;
pub mod random;

use std::sync::Arc;

use model::command::{CutOff, What};
use model::date::Date;
use model::decimal::Decimal;
use model::event::{Event, Link, Wait};
use model::identifier::{CurrencyCode, Identifier, Isin};
use model::index::{AccountIx, Asset, BookIx, DomainIx, InstrumentIx, Kind, PartyIx, SourceIx};
use model::instruction::{Code, Movement, code};
use model::ledger::{LedgerAccount, Posting, reversed};
use model::record::{FactContent, Facts, Genesis, Outcome};
use model::reference::{
    Account, AccountKind, Capacity, CreditLimit, Domain, DomainKind, Instrument, IsinFrom, NamedCalendar, Reference,
};
use model::timestamp::Timestamp;
use model::trade::{Defect, Method, QuantityType, Side, Terms};
use projections::{Folder, Projections};
use store::{Head, Options, Views};

pub const ALPHA: PartyIx = PartyIx(0);
pub const BRAVO: PartyIx = PartyIx(1);
pub const BOND: InstrumentIx = InstrumentIx(0);
pub const T2S: DomainIx = DomainIx(0);
pub const EUR_LIMIT: i64 = 50_000_00;

pub fn id(text: &str) -> Identifier {
    Identifier::parse(text).unwrap()
}

pub fn eur() -> CurrencyCode {
    CurrencyCode::parse("EUR").unwrap()
}

pub fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

/// Depot and nostro of a party.
pub fn accounts(party: PartyIx) -> (AccountIx, AccountIx) {
    (AccountIx(party.0 * 2), AccountIx(party.0 * 2 + 1))
}

/// Facts with rising sequences.
#[derive(Default)]
pub struct Stream {
    pub facts: Vec<Facts>,
}

impl Stream {
    /// Genesis, names, reference data, and an open settlement day: Tuesday, 2026-03-03.
    pub fn begin() -> Stream {
        let mut stream = Stream::default();
        let genesis = Genesis {
            format: 1,
            house: id("HOUSE"),
            shard: 3,
            domains: Vec::new(),
            cluster: None,
            at: Timestamp::EPOCH,
        };
        stream.push(FactContent::Genesis(genesis));
        let names = [
            (Kind::Party, vec!["ALPHA", "BRAVO"]),
            (Kind::Book, vec!["A-ONE", "B-ONE", "A-TWO"]),
            (Kind::Account, vec!["A-DEPOT", "A-CASH", "B-DEPOT", "B-CASH"]),
            (Kind::Instrument, vec!["BUND"]),
            (Kind::Domain, vec!["T2S"]),
            (Kind::Calendar, vec!["TARGET"]),
            (Kind::Source, vec!["FO-A", "FO-B"]),
        ];
        for (kind, ids) in names {
            let events = (0..).zip(ids).map(|(index, text)| Event::Interned { kind, index, id: id(text) });
            stream.accept(events.collect());
        }
        let (_, text) = model::calendar::SHIPPED.into_iter().find(|(name, _)| *name == "TARGET").unwrap();
        let calendar = model::calendar::Calendar::from_text(text).unwrap();
        let account = |name: &str, holder: &str, kind: AccountKind| {
            Reference::Account(Account {
                id: id(name),
                kind,
                holder: id(holder),
                domain: id("T2S"),
                capacity: Capacity::Own,
                may_go_short: false,
            })
        };
        let limit = |account: &str, from: &str, amount: i64| {
            let amount = Decimal::new(amount, 2).unwrap();
            Reference::CreditLimit(CreditLimit { account: id(account), currency: eur(), valid_from: day(from), amount })
        };
        for reference in [
            Reference::Calendar(Box::new(NamedCalendar { id: id("TARGET"), calendar })),
            Reference::Domain(Domain {
                id: id("T2S"),
                kind: DomainKind::Internal,
                calendar: id("TARGET"),
                zone: "Europe/Berlin".into(),
                cut_offs: Vec::new(),
                schedule: None,
                agent: None,
            }),
            Reference::Instrument(Instrument {
                id: id("BUND"),
                isins: vec![IsinFrom { valid_from: day("2020-01-01"), isin: Isin::parse("DE0001102580").unwrap() }],
                cfi: model::identifier::Cfi::parse("DBFTFB").unwrap(),
                currency: eur(),
                quantity_type: QuantityType::Face,
                decimals: 2,
                minimum_unit: Decimal::new(1, 2).unwrap(),
                multiple: Decimal::new(1, 2).unwrap(),
                market: id("XETR"),
            }),
            account("A-DEPOT", "ALPHA", AccountKind::Depot),
            account("A-CASH", "ALPHA", AccountKind::Nostro),
            account("B-DEPOT", "BRAVO", AccountKind::Depot),
            account("B-CASH", "BRAVO", AccountKind::Nostro),
            limit("B-CASH", "2026-01-01", EUR_LIMIT),
            limit("B-CASH", "2026-03-05", 0),
        ] {
            let scale = matches!(reference, Reference::Instrument(_)).then_some(2);
            stream.accept(vec![Event::ReferenceSet { reference: Box::new(reference), scale }]);
        }
        stream.open_day("2026-03-03");
        stream
    }

    pub fn last(&self) -> u64 {
        self.facts.len() as u64
    }

    pub fn head(&self) -> Head {
        head(self.last())
    }

    pub fn push(&mut self, content: FactContent) -> u64 {
        let sequence = self.last() + 1;
        let at = Timestamp::from_micros(sequence as i64 * 1_000).unwrap();
        self.facts.push(Facts { sequence, at, actor: id("tester"), content });
        sequence
    }

    pub fn accept(&mut self, events: Vec<Event>) -> u64 {
        self.push(FactContent::Outcome(Outcome::Accepted(events)))
    }

    pub fn open_day(&mut self, date: &str) -> u64 {
        self.accept(vec![Event::DayOpened { domain: T2S, date: day(date), cut_offs: Vec::<CutOff>::new() }])
    }

    /// Cash comes from outside into a party's nostro.
    pub fn fund(&mut self, party: PartyIx, cents: i128) -> u64 {
        let asset = Asset::currency(eur());
        let book = LedgerAccount::Book { entity: party, book: BookIx(party.0) };
        let nostro = LedgerAccount::Location { entity: party, account: accounts(party).1 };
        let postings = [book, nostro].map(|account| Posting { account, asset, amount: cents });
        self.accept(vec![Event::Transferred { what: What::Currency(eur()), postings: postings.to_vec() }])
    }

    /// A trade captured and instructed in one record; trade and instruction have the same number.
    pub fn instruct(&mut self, number: u64, terms: &Terms) -> u64 {
        let mut events = vec![capture(number, terms, &[])];
        events.push(issue(number, number, terms));
        self.accept(events)
    }

    pub fn matched(&mut self, deliver: u64, receive: u64, amount: i64, reason: &str) -> u64 {
        let reason = Code::parse(reason).unwrap();
        self.accept(vec![Event::InstructionsMatched { deliver, receive, amount, reasons: Some((reason, reason)) }])
    }

    pub fn lacking(&mut self, deliver: u64, receive: u64, account: AccountIx, need: i64) -> u64 {
        let waits = Some(Wait { account, asset: Asset::instrument(BOND), need });
        self.accept(vec![Event::InstructionsPending { deliver, receive, reasons: (code::LACK, code::CLAC), waits }])
    }

    pub fn steer(&mut self, instruction: u64, held: bool, cancel_requested: bool) -> u64 {
        self.accept(vec![Event::InstructionSteered { instruction, held, priority: 4, cancel_requested }])
    }

    pub fn settle(&mut self, deliver: (u64, &Terms), receive: (u64, &Terms), amount: i64, on: &str) -> u64 {
        self.accept(vec![settled(deliver, receive, amount, day(on))])
    }
}

pub fn head(sequence: u64) -> Head {
    let mut chain = [7; 32];
    chain[..8].copy_from_slice(&sequence.to_be_bytes());
    Head { sequence, chain }
}

/// ALPHA sells to BRAVO, or BRAVO buys from ALPHA, for 2026-03-04.
pub fn terms(side: Side, quantity: i64, net: i64) -> Terms {
    let (party, counterparty) = if side == Side::Sell { (ALPHA, BRAVO) } else { (BRAVO, ALPHA) };
    let (depot, nostro) = accounts(party);
    Terms {
        party,
        counterparty,
        book: BookIx(party.0),
        domain: T2S,
        instrument: BOND,
        side,
        method: Method::Dvp,
        quantity,
        currency: eur(),
        gross: net,
        accrued: 0,
        charges: 0,
        net,
        trade_date: day("2026-03-02"),
        intended_settlement_date: day("2026-03-04"),
        late: false,
        depot: Some(depot),
        nostro: Some(nostro),
        ssi: None,
        transaction_type: code::TRAD,
        cum_ex: None,
        opt_out: false,
        common_reference: None,
        delivering_client: None,
        receiving_client: None,
        hold: false,
        priority: 4,
    }
}

/// Book against counterparty.
pub fn capture_postings(terms: &Terms) -> Vec<Posting> {
    let sign = if terms.side == Side::Buy { 1 } else { -1 };
    let book = LedgerAccount::Book { entity: terms.party, book: terms.book };
    let owed = LedgerAccount::Counterparty { entity: terms.party, party: terms.counterparty };
    let (security, cash) = (Asset::instrument(terms.instrument), Asset::currency(terms.currency));
    let (quantity, net) = (sign * i128::from(terms.quantity), -sign * i128::from(terms.net));
    let post = |account, asset, amount| Posting { account, asset, amount };
    vec![post(book, security, quantity), post(owed, security, -quantity), post(book, cash, net), post(owed, cash, -net)]
}

pub fn source(terms: &Terms) -> SourceIx {
    SourceIx(terms.party.0)
}

pub fn capture(trade: u64, terms: &Terms, defects: &[Defect]) -> Event {
    Event::TradeCaptured {
        trade,
        source: source(terms),
        id: id(&format!("T-{trade}")),
        version: 1,
        terms: Box::new(terms.clone()),
        defects: defects.to_vec(),
        postings: capture_postings(terms),
    }
}

pub fn change(trade: u64, version: u32, economic: bool, before: &Terms, after: &Terms) -> Event {
    let mut postings = reversed(&capture_postings(before));
    postings.extend(capture_postings(after));
    Event::TradeChanged {
        trade,
        version,
        economic,
        details_in: 0,
        amounts_accepted: false,
        terms: Box::new(after.clone()),
        defects: Vec::new(),
        postings,
    }
}

pub fn issue(instruction: u64, trade: u64, terms: &Terms) -> Event {
    let movement = if terms.side == Side::Buy { Movement::Receive } else { Movement::Deliver };
    let (quantity, amount) = (terms.quantity, terms.net);
    Event::InstructionIssued { instruction, links: vec![Link { trade, quantity, amount }], movement, quantity, amount }
}

/// Counterparty against depot and nostro; what the tolerance forgives goes to the difference account.
pub fn settled(deliver: (u64, &Terms), receive: (u64, &Terms), amount: i64, value_date: Date) -> Event {
    let mut postings = Vec::new();
    for terms in [deliver.1, receive.1] {
        let entity = terms.party;
        let sign = if terms.side == Side::Buy { 1 } else { -1 };
        let (depot, nostro) = accounts(entity);
        let owed = LedgerAccount::Counterparty { entity, party: terms.counterparty };
        let (security, cash) = (Asset::instrument(terms.instrument), Asset::currency(terms.currency));
        let mut post =
            |account, asset, amount: i64| postings.push(Posting { account, asset, amount: i128::from(amount) });
        post(owed, security, sign * terms.quantity);
        post(LedgerAccount::Location { entity, account: depot }, security, sign * terms.quantity);
        post(owed, cash, -sign * terms.net);
        post(LedgerAccount::Location { entity, account: nostro }, cash, -sign * amount);
        post(LedgerAccount::Difference { entity }, cash, sign * (terms.net - amount));
    }
    Event::InstructionsSettled {
        deliver: deliver.0,
        receive: receive.0,
        books: (deliver.1.book, receive.1.book),
        quantity: deliver.1.quantity,
        currency: deliver.1.currency,
        amount,
        value_date,
        postings,
        deliver_trade: None,
        receive_trade: None,
    }
}

/// Views in a directory of their own.
pub struct Fixture {
    pub views: Projections,
    pub folder: Folder,
    pub dir: tempfile::TempDir,
    /// How many of the facts were folded.
    pub folded: usize,
}

impl Fixture {
    pub fn new() -> Fixture {
        Fixture::in_dir(tempfile::tempdir().unwrap(), 0)
    }

    fn in_dir(dir: tempfile::TempDir, folded: usize) -> Fixture {
        let rows = Views::open(&dir.path().join("views"), &Options::default()).unwrap();
        let (views, folder) = Projections::open(Arc::new(rows)).unwrap();
        Fixture { views, folder, dir, folded }
    }

    /// Folds what is new in the stream.
    pub fn fold(&mut self, stream: &Stream) {
        self.folder.fold(&stream.facts[self.folded..]);
        self.folded = stream.facts.len();
    }

    pub fn save(&mut self) {
        self.folder.save(head(self.folded as u64)).unwrap();
    }

    /// A crash: what was not saved is gone, and is folded again.
    pub fn restart(self, stream: &Stream) -> Fixture {
        let Fixture { views, folder, dir, .. } = self;
        drop((views, folder));
        let mut again = Fixture::in_dir(dir, 0);
        again.folder.adopt(|sequence| Ok(Some(head(sequence).chain))).unwrap();
        again.folded = again.folder.sequence().unwrap() as usize;
        again.fold(stream);
        again
    }
}
