//! The largest step of long work fits a record: what the budgets of the parameters promise (docs/decisions/0004).

use crate::sample;
use model::advice::{Advice, AdviceBody, MAX_LINES, SecuritiesBalance, SecuritiesBalances};
use model::breaks::{BreakItem, BreakKind};
use model::command::{Command, Inbound, Origin, Task};
use model::event::{Cursor, Event, Link, Wait};
use model::identifier::Identifier;
use model::index::{AccountIx, Asset, BookIx, DomainIx, InstrumentIx, PartyIx};
use model::instruction::{Movement, code};
use model::ledger::{LedgerAccount, Posting};
use model::record::{Content, Outcome, Record};
use model::reference::Parameters;
use model::trade::{CumEx, Defect, DefectKind, Method, Side, Terms};
use wire::record::Received;
use wire::{MAX_ADVICE, MAX_COMMAND, MAX_DOCUMENT, MAX_RECORD, MAX_TEXT};

/// Numbers that take as many bytes as there are; interned ones fit in 28 bits.
const NUMBER: u64 = u64::MAX;
const INDEX: u32 = (1 << 28) - 1;

fn longest() -> Identifier {
    sample::id(&"X".repeat(Identifier::MAX_LEN))
}

fn step(task: Task, events: Vec<Event>) -> usize {
    let inbound = Inbound {
        command: Command::Continue(task),
        origin: Origin::Engine,
        actor: longest(),
        reason: "x".repeat(MAX_TEXT),
        at: sample::at(),
    };
    let content = Content::Decided { inbound, outcome: Outcome::Accepted(events) };
    let mut bytes = Vec::new();
    wire::record::encode(&Record { sequence: NUMBER, rules_version: u32::MAX, content }, None, &mut bytes);
    bytes.len()
}

/// The two sides' books or counterparties, places and the difference, in securities and in cash.
fn postings() -> Vec<Posting> {
    let entity = PartyIx(INDEX);
    let account = LedgerAccount::Location { entity, account: AccountIx(INDEX) };
    vec![Posting { account, asset: Asset::instrument(InstrumentIx(INDEX)), amount: i128::from(i64::MIN) }; 12]
}

fn terms() -> Terms {
    Terms {
        party: PartyIx(INDEX),
        counterparty: PartyIx(INDEX),
        book: BookIx(INDEX),
        domain: DomainIx(INDEX),
        instrument: InstrumentIx(INDEX),
        side: Side::Sell,
        method: Method::Dvp,
        quantity: i64::MAX,
        currency: sample::euro(),
        gross: i64::MIN,
        accrued: i64::MIN,
        charges: i64::MIN,
        net: i64::MIN,
        trade_date: model::date::Date::parse("2199-12-31").expect("a date"),
        intended_settlement_date: model::date::Date::parse("2199-12-31").expect("a date"),
        late: true,
        depot: Some(AccountIx(INDEX)),
        nostro: Some(AccountIx(INDEX)),
        ssi: Some(NUMBER),
        transaction_type: code::BOTH,
        cum_ex: Some(CumEx::Ex),
        opt_out: true,
        common_reference: Some(longest()),
        delivering_client: Some(longest()),
        receiving_client: Some(longest()),
        hold: true,
        priority: 4,
    }
}

fn settlement() -> Vec<Event> {
    let (deliver, receive, reasons) = (NUMBER, NUMBER, (code::LACK, code::CLAC));
    let wait = Wait { account: AccountIx(INDEX), asset: Asset::instrument(InstrumentIx(INDEX)), need: i64::MAX };
    vec![
        Event::InstructionsMatched { deliver, receive, amount: i64::MAX, reasons: Some(reasons) },
        Event::InstructionsPending { deliver, receive, reasons, waits: Some(wait) },
        Event::InstructionsSettled {
            deliver,
            receive,
            books: (BookIx(INDEX), BookIx(INDEX)),
            quantity: i64::MAX,
            currency: sample::euro(),
            amount: i64::MAX,
            value_date: model::date::Date::parse("2199-12-31").expect("a date"),
            postings: postings(),
        },
        lapsed(),
        lapsed(),
    ]
}

/// Of each side, a change that waited for the other's consent.
fn lapsed() -> Event {
    Event::TradeChangeLapsed { trade: NUMBER, version: u32::MAX, cancel: true, reason: code::DSET }
}

fn progressed(task: Task) -> Event {
    let cursor = Cursor { priority: 4, date: i32::MAX, place: NUMBER };
    Event::Progressed { task, examined: u32::MAX, remaining: true, cursor }
}

#[test]
fn a_step_of_a_cycle_fits() {
    let task = Task::Cycle(DomainIx(INDEX));
    let mut events: Vec<Event> = (0..Parameters::MOST_ATTEMPTS).flat_map(|_| settlement()).collect();
    events.push(progressed(task));
    let bytes = step(task, events);
    assert!(bytes <= MAX_RECORD, "{bytes}");
}

#[test]
fn a_step_through_the_repairs_fits() {
    // Each may find another depot, SSI and amounts, and be issued, matched and settled at once, or keep a defect.
    let one = || {
        let mut events = vec![
            Event::TradeChanged {
                trade: NUMBER,
                version: u32::MAX,
                economic: true,
                details_in: NUMBER,
                amounts_accepted: true,
                terms: Box::new(terms()),
                defects: vec![Defect { kind: DefectKind::BookNotOwned, subject: longest() }; 9],
                postings: postings(),
            },
            Event::PriorDay {
                entity: PartyIx(INDEX),
                trade: NUMBER,
                belongs_to: terms().trade_date,
                shows_on: Some(terms().trade_date),
            },
            Event::InstructionIssued {
                instruction: NUMBER,
                links: vec![Link { trade: NUMBER, quantity: i64::MAX, amount: i64::MAX }],
                movement: Movement::Receive,
                quantity: i64::MAX,
                amount: i64::MAX,
            },
        ];
        events.extend(settlement());
        events
    };
    let mut events: Vec<Event> = (0..Parameters::MOST_ATTEMPTS).flat_map(|_| one()).collect();
    events.push(progressed(Task::Repair));
    let bytes = step(Task::Repair, events);
    assert!(bytes <= MAX_RECORD, "{bytes}");
}

#[test]
fn a_step_of_a_survey_fits() {
    let task = Task::Survey(DomainIx(INDEX));
    let reasons = vec![
        code::DSEC,
        code::DQUA,
        code::DDAT,
        code::DTRD,
        code::DMON,
        code::NCRR,
        code::FRAP,
        code::DELN,
        code::DCMX,
        code::DMCT,
        code::IIND,
        code::ICUS,
        code::IEXE,
    ];
    let examined = 0..Parameters::MOST_EXAMINED;
    let mut events: Vec<Event> =
        examined.map(|_| Event::InstructionUnmatched { instruction: NUMBER, reasons: reasons.clone() }).collect();
    let date = model::date::Date::parse("2199-12-31").expect("a date");
    let instructions = vec![NUMBER; Parameters::MOST_EXAMINED as usize];
    events.push(Event::InstructionsFailing { domain: DomainIx(INDEX), date, instructions });
    events.push(progressed(task));
    let bytes = step(task, events);
    assert!(bytes <= MAX_RECORD, "{bytes}");
}

/// A statement that contradicts us in every line, with as many of ours that it does not list, as a document as long as may be.
#[test]
fn a_statement_that_came_as_a_document_fits() {
    let account = "A".repeat(Identifier::MAX_LEN);
    let date = model::date::Date::parse("2199-12-31").expect("a date");
    let quantity = model::decimal::Decimal { unscaled: i64::MIN, scale: 18 };
    let line = |instrument: String| SecuritiesBalance { instrument, quantity };
    let mut said = SecuritiesBalances { account: account.clone(), date, complete: true, lines: Vec::new() };
    let advice = |said: &SecuritiesBalances| Advice {
        sender: longest(),
        id: longest(),
        reference: String::new(),
        agent_reference: String::new(),
        body: AdviceBody::SecuritiesBalances(said.clone()),
    };
    // Names as long as fit what an advice may have, all of them unknown to us.
    said.lines = vec![line("N".repeat(40)); MAX_LINES];
    wire::settlement::check(&advice(&said)).expect("an agent may say so");
    let longer = SecuritiesBalances { lines: vec![line("N".repeat(48)); MAX_LINES], ..said.clone() };
    assert!(wire::settlement::check(&advice(&longer)).is_err(), "no longer than {MAX_ADVICE} bytes");

    let opened = |kind, subject: String, items| Event::BreakOpened {
        number: NUMBER,
        kind,
        instruction: None,
        subject,
        items,
        booked: false,
        since: date,
        postings: Vec::new(),
    };
    let unknown = |each: &SecuritiesBalance| {
        let subject = format!("{account}: {} {}", each.quantity, each.instrument);
        opened(BreakKind::UnknownInstrument, subject, Vec::new())
    };
    let differs = BreakItem {
        account: Some(AccountIx(INDEX)),
        asset: Asset::instrument(InstrumentIx(INDEX)),
        ours: i64::MIN,
        theirs: i64::MIN,
    };
    let mut events: Vec<Event> = said.lines.iter().map(unknown).collect();
    events.extend((0..=MAX_LINES).map(|_| opened(BreakKind::BalanceDiffers, String::new(), vec![differs])));
    let inbound = Inbound {
        command: Command::Advice(Box::new(advice(&said))),
        origin: Origin::Kafka { topic: longest(), partition: u32::MAX, offset: NUMBER },
        actor: longest(),
        reason: String::new(),
        at: sample::at(),
    };
    let content = Content::Decided { inbound, outcome: Outcome::Accepted(events) };
    let (mut bytes, document) = (Vec::new(), vec![b'<'; MAX_DOCUMENT]);
    let record = Record { sequence: NUMBER, rules_version: u32::MAX, content };
    wire::record::encode(&record, Some(Received::Document(&document)), &mut bytes);
    assert!(bytes.len() <= MAX_RECORD, "{}", bytes.len());
    println!("the longest statement with its document takes {} bytes of {MAX_RECORD}", bytes.len());
}

#[test]
fn a_command_that_its_outcome_repeats_fits() {
    // Reference data and proposals: the command, and once more in the event; the rest is a name, actor and reason.
    const { assert!(2 * MAX_COMMAND + 8 * MAX_TEXT <= MAX_RECORD) }
}
