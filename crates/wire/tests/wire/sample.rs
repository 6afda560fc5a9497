//! Fixed examples: a typical trade and the typical records it leads to.

use model::advice::{Advice, AdviceBody, Status};
use model::command::{Command, CutOff, DayStep, Inbound, Origin, Step, Unreadable};
use model::date::Date;
use model::decimal::Decimal;
use model::event::{Event, Link, TradeRef};
use model::identifier::{CurrencyCode, Identifier, Isin, Lei};
use model::index::{AccountIx, Asset, BookIx, DomainIx, InstrumentIx, PartyIx, SourceIx};
use model::instruction::{Movement, code};
use model::ledger::{LedgerAccount, Posting};
use model::record::{Content, Genesis, Outcome, Record};
use model::reference::{Instrument, IsinFrom, Party, Reference, Role};
use model::rejection::{Reason, Rejection};
use model::timestamp::Timestamp;
use model::trade::{Action, Charge, Details, Method, PriceType, QuantityType, Side, Terms, TradeMessage};

pub fn id(text: &str) -> Identifier {
    Identifier::parse(text).unwrap()
}

pub fn euro() -> CurrencyCode {
    CurrencyCode::parse("EUR").unwrap()
}

fn amount(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

pub fn at() -> Timestamp {
    Timestamp::parse("2026-11-21T09:30:15.123456Z").unwrap()
}

/// What an agent says.
pub fn advice() -> Advice {
    Advice {
        sender: id("QCSD"),
        id: id("QCSD-1"),
        reference: "Q0-42".to_owned(),
        agent_reference: String::new(),
        body: AdviceBody::Status(Status { status: "MACH".to_owned(), reasons: Vec::new(), narrative: String::new() }),
    }
}

/// A purchase of shares as a front office sends it.
pub fn trade() -> TradeMessage {
    TradeMessage {
        source: id("MUREX"),
        id: id("TRD-2026-0004711"),
        version: 1,
        action: Action::New,
        details: Some(Details {
            party: id("QBANK-EU"),
            counterparty: id("ALPHA-SEC"),
            book: id("EQ-FLOW-1"),
            side: Side::Buy,
            instrument: id("DE0007164600"),
            quantity: amount("1500"),
            quantity_type: QuantityType::Unit,
            price: amount("182.46"),
            price_type: PriceType::Amount,
            trade_date: day("2026-11-20"),
            traded_at: Some(Timestamp::parse("2026-11-20T14:05:59.120500Z").unwrap()),
            intended_settlement_date: Some(day("2026-11-24")),
            currency: euro(),
            gross: amount("273690.00"),
            accrued: Decimal::ZERO,
            charges: vec![Charge { kind: model::instruction::Code::of("COMM"), amount: amount("54.74") }],
            net: amount("273744.74"),
            method: Method::Dvp,
            domain: id("T2S-CBF"),
            place_of_trade: Some(id("XETR")),
            transaction_type: code::TRAD,
            cum_ex: None,
            opt_out: false,
            common_reference: None,
            delivering_client: None,
            receiving_client: None,
            depot: None,
            nostro: None,
            hold: false,
            priority: 4,
            uti: None,
            order_reference: Some(id("ORD-88231-7")),
            capacity: Some(model::instruction::Code::of("DEAL")),
        }),
    }
}

fn inbound(command: Command) -> Inbound {
    let origin = Origin::Kafka { topic: id("quittance.trades.v1"), partition: 0, offset: 1_204_711 };
    Inbound { command, origin, actor: id("front-office"), reason: String::new(), at: at() }
}

fn record(sequence: u64, inbound: Inbound, outcome: Outcome) -> Record {
    Record { sequence, rules_version: 1, content: Content::Decided { inbound, outcome } }
}

fn book(entity: u32, book: u32) -> LedgerAccount {
    LedgerAccount::Book { entity: PartyIx(entity), book: BookIx(book) }
}

fn counterparty(entity: u32, party: u32) -> LedgerAccount {
    LedgerAccount::Counterparty { entity: PartyIx(entity), party: PartyIx(party) }
}

fn location(entity: u32, account: u32) -> LedgerAccount {
    LedgerAccount::Location { entity: PartyIx(entity), account: AccountIx(account) }
}

fn post(account: LedgerAccount, asset: Asset, amount: i128) -> Posting {
    Posting { account, asset, amount }
}

fn shares() -> Asset {
    Asset::instrument(InstrumentIx(812))
}

fn cash() -> Asset {
    Asset::currency(euro())
}

/// A trade is captured and its instruction issued.
pub fn captured() -> Record {
    let terms = Terms {
        party: PartyIx(1),
        counterparty: PartyIx(37),
        book: BookIx(12),
        domain: DomainIx(2),
        instrument: InstrumentIx(812),
        side: Side::Buy,
        method: Method::Dvp,
        quantity: 1_500,
        currency: euro(),
        gross: 27_369_000,
        accrued: 0,
        charges: 5_474,
        net: 27_374_474,
        trade_date: day("2026-11-20"),
        intended_settlement_date: day("2026-11-24"),
        late: false,
        depot: Some(AccountIx(5)),
        nostro: Some(AccountIx(6)),
        ssi: Some(118),
        transaction_type: code::TRAD,
        cum_ex: None,
        opt_out: false,
        common_reference: None,
        delivering_client: None,
        receiving_client: None,
        hold: false,
        priority: 4,
    };
    let events = vec![
        Event::TradeCaptured {
            trade: 204_711,
            source: SourceIx(0),
            id: id("TRD-2026-0004711"),
            version: 1,
            terms: Box::new(terms),
            defects: Vec::new(),
            postings: vec![
                post(book(1, 12), shares(), 1_500),
                post(counterparty(1, 37), shares(), -1_500),
                post(book(1, 12), cash(), -27_374_474),
                post(counterparty(1, 37), cash(), 27_374_474),
            ],
        },
        Event::InstructionIssued {
            instruction: 204_711,
            links: vec![Link { trade: 204_711, quantity: 1_500, amount: 27_374_474 }],
            movement: Movement::Receive,
            quantity: 1_500,
            amount: 27_374_474,
        },
        Event::InstructionUnmatched { instruction: 204_711, reasons: vec![code::CMIS] },
    ];
    record(204_711, inbound(Command::Trade(Box::new(trade()))), Outcome::Accepted(events))
}

/// The other side comes: both are matched and settled in the same record.
pub fn settled() -> Record {
    let Content::Decided { inbound, outcome: Outcome::Accepted(mut events) } = captured().content else {
        unreachable!()
    };
    events.truncate(2);
    events.push(Event::InstructionsMatched { deliver: 204_712, receive: 204_711, amount: 27_374_474, reasons: None });
    events.push(Event::InstructionsSettled {
        deliver: 204_712,
        receive: 204_711,
        books: (BookIx(40), BookIx(12)),
        quantity: 1_500,
        currency: euro(),
        amount: 27_374_474,
        value_date: day("2026-11-24"),
        postings: vec![
            post(counterparty(37, 1), shares(), -1_500),
            post(location(37, 80), shares(), -1_500),
            post(counterparty(1, 37), shares(), 1_500),
            post(location(1, 5), shares(), 1_500),
            post(counterparty(37, 1), cash(), 27_374_474),
            post(location(37, 81), cash(), 27_374_474),
            post(counterparty(1, 37), cash(), -27_374_474),
            post(location(1, 6), cash(), -27_374_474),
        ],
        deliver_trade: Some(TradeRef { trade: 204_712, trade_date: day("2026-11-20") }),
        receive_trade: Some(TradeRef { trade: 204_711, trade_date: day("2026-11-20") }),
    });
    record(204_712, inbound, Outcome::Accepted(events))
}

/// As it was written before settlements named their trades: logs are full of it.
pub fn settled_unnamed() -> Record {
    let mut record = settled();
    if let Content::Decided { outcome: Outcome::Accepted(events), .. } = &mut record.content
        && let Some(Event::InstructionsSettled { deliver_trade, receive_trade, .. }) = events.last_mut()
    {
        (*deliver_trade, *receive_trade) = (None, None);
    }
    record
}

/// One record of each outcome and of the kinds of content that differ most.
pub fn all() -> Vec<(&'static str, Record)> {
    let genesis = Genesis {
        format: 1,
        house: id("QBANK"),
        shard: 0,
        domains: vec![id("T2S-CBF"), id("HOUSE")],
        cluster: Some("MkU3OEVBNTcwNTJENDM2Qk".to_owned()),
        at: at(),
    };
    let party = Reference::Party(Party {
        id: id("ALPHA-SEC"),
        name: "Alpha Securities SE".to_owned(),
        lei: Some(Lei::with_check_digit("529900T8BM49AURSDO").unwrap()),
        bic: None,
        roles: vec![Role::Counterparty, Role::Client],
    });
    let instrument = Reference::Instrument(Instrument {
        id: id("SAP"),
        isins: vec![IsinFrom { valid_from: day("2000-01-03"), isin: Isin::parse("DE0007164600").unwrap() }],
        cfi: "ESVUFR".parse().unwrap(),
        currency: euro(),
        quantity_type: QuantityType::Unit,
        decimals: 0,
        minimum_unit: amount("1"),
        multiple: amount("1"),
        market: id("XETR"),
    });
    let set = |sequence, reference: Reference, scale| {
        let command = Command::SetReference(Box::new(reference.clone()));
        let call = Inbound {
            origin: Origin::Call { request_id: id("01J9-7") },
            actor: id("anna"),
            reason: "onboarding, ticket 4711".to_owned(),
            ..inbound(command)
        };
        record(sequence, call, Outcome::Accepted(vec![Event::ReferenceSet { reference: Box::new(reference), scale }]))
    };
    let cut_offs = vec![CutOff { currency: Some(euro()), at: at() }, CutOff { currency: None, at: at() }];
    let open = Step::Open { date: day("2026-11-23"), cut_offs: cut_offs.clone() };
    let opened = Event::DayOpened { domain: DomainIx(2), date: day("2026-11-23"), cut_offs };
    let unreadable = Unreadable {
        path: "details.trade_date".to_owned(),
        reason: "is required and missing".to_owned(),
        bytes: vec![0, 255, 7],
        hash: [0xa5; 32],
        size: 3,
    };
    let engine = |command| Inbound { origin: Origin::Engine, actor: id("engine"), ..inbound(command) };
    vec![
        ("genesis", Record { sequence: 1, rules_version: 1, content: Content::Genesis(genesis) }),
        ("party", set(2, party, None)),
        ("instrument", set(3, instrument, Some(0))),
        (
            "day-opened",
            record(
                4,
                engine(Command::Day(DayStep { domain: id("T2S-CBF"), step: open })),
                Outcome::Accepted(vec![opened]),
            ),
        ),
        ("captured", captured()),
        ("settled", settled_unnamed()),
        ("settled-named", settled()),
        (
            "rejected",
            record(
                204_713,
                inbound(Command::Trade(Box::new(TradeMessage { action: Action::Cancel, details: None, ..trade() }))),
                Outcome::Rejected(Rejection::new(Reason::TradeSettled, "MUREX/TRD-2026-0004711")),
            ),
        ),
        ("duplicate", record(204_714, inbound(Command::Trade(Box::new(trade()))), Outcome::Duplicate { of: 204_711 })),
        (
            "quarantined",
            record(
                204_715,
                inbound(Command::Quarantine(Box::new(unreadable))),
                Outcome::Accepted(vec![Event::Quarantined {}]),
            ),
        ),
    ]
}
