//! The largest step of long work fits a record: what the budgets of the parameters promise (docs/decisions/0004).

use crate::sample;
use model::accounting::{FrozenSet, SetName};
use model::advice::{Advice, AdviceBody, MAX_LINES, SecuritiesBalance, SecuritiesBalances};
use model::breaks::{BreakItem, BreakKind};
use model::command::{Command, Inbound, Origin, Task};
use model::event::{Cursor, Event, Link, TradeRef, Wait};
use model::identifier::Identifier;
use model::index::{AccountIx, Asset, BookIx, DomainIx, InstrumentIx, PartyIx};
use model::instruction::{Movement, code};
use model::ledger::{LedgerAccount, Posting};
use model::limit::{HoldingReservation, LimitBreach, LimitKind, LimitLine, OnBreach, Reservation};
use model::margin::{
    CallMoved, CallStanding, InitialAssessment, InitialFigures, IssueMarginCalls, IssuedCall, MarginAssessment,
    MarginFigures,
};
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
    record(Command::Continue(task), events)
}

fn record(command: Command, events: Vec<Event>) -> usize {
    let inbound =
        Inbound { command, origin: Origin::Engine, actor: longest(), reason: "x".repeat(MAX_TEXT), at: sample::at() };
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
            value_date: last_day(),
            postings: postings(),
            deliver_trade: Some(TradeRef { trade: NUMBER, trade_date: last_day() }),
            receive_trade: Some(TradeRef { trade: NUMBER, trade_date: last_day() }),
        },
        lapsed(),
        lapsed(),
    ]
}

fn last_day() -> model::date::Date {
    model::date::Date::parse("2199-12-31").expect("a date")
}

/// Of each side, a change that waited for the other's consent.
fn lapsed() -> Event {
    Event::TradeChangeLapsed { trade: NUMBER, version: u32::MAX, cancel: true, reason: code::DSET }
}

/// A line of a limit, breached: longer than one that is kept again.
fn line() -> (LimitLine, Event) {
    let value_date = Some(terms().trade_date);
    let line =
        LimitLine { entity: PartyIx(INDEX), counterparty: PartyIx(INDEX), kind: LimitKind::Delivery, value_date };
    let breach = LimitBreach {
        line,
        trade: Some(NUMBER),
        currency: sample::euro(),
        limit: i64::MIN,
        used: i64::MIN,
        excess: i64::MIN,
        unmeasured: u32::MAX,
        on_breach: OnBreach::Hold,
    };
    (line, Event::LimitBreached(breach))
}

/// A trade reserves of a line, which is breached; for want of something with the longest name.
fn reserved() -> [Event; 2] {
    let (line, breach) = line();
    let lacks = Some(longest().to_string());
    let reservation = Reservation { line, trade: NUMBER, currency: sample::euro(), amount: i64::MIN, lacks };
    [Event::LimitReserved(reservation), breach]
}

/// What is owned of an instrument reserves of a line, which is breached.
fn owned() -> [Event; 2] {
    let (line, breach) = line();
    let (instrument, lacks) = (InstrumentIx(INDEX), Some(longest().to_string()));
    let (quantity, amount) = (i64::MIN, i64::MIN);
    let held = HoldingReservation { line, instrument, quantity, currency: sample::euro(), amount, lacks };
    [Event::HoldingReserved(held), breach]
}

fn progressed(task: Task) -> Event {
    let cursor = Cursor { priority: 4, date: i32::MAX, place: NUMBER };
    Event::Progressed { task, examined: u32::MAX, remaining: true, cursor }
}

#[test]
fn a_step_of_a_cycle_fits() {
    let task = Task::Cycle(DomainIx(INDEX));
    // Each side gives back what its trade reserved before settlement and for its value date.
    let one = || settlement().into_iter().chain((0..4).flat_map(|_| reserved()));
    let mut events: Vec<Event> = (0..Parameters::MOST_ATTEMPTS).flat_map(|_| one()).collect();
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
        // Another counterparty, entity or instrument: of two lines and one holding each what was and what will be; then both
        // sides give back.
        events.extend((0..8).flat_map(|_| reserved()));
        events.extend((0..2).flat_map(|_| owned()));
        events
    };
    let mut events: Vec<Event> = (0..Parameters::MOST_ATTEMPTS).flat_map(|_| one()).collect();
    events.push(progressed(Task::Repair));
    let bytes = step(Task::Repair, events);
    assert!(bytes <= MAX_RECORD, "{bytes}");
}

#[test]
fn a_step_through_the_limits_fits() {
    // One more than the budget: a trade has two lines, and the last may begin just below it.
    let mut events: Vec<Event> = (0..=Parameters::MOST_ATTEMPTS).flat_map(|_| reserved()).collect();
    events.push(progressed(Task::Reserve));
    let bytes = step(Task::Reserve, events);
    assert!(bytes <= MAX_RECORD, "{bytes}");
    // An instrument is one place of the walk, for all who have a limit with its issuer: a thousand entities.
    let mut events: Vec<Event> = (0..1_000).flat_map(|_| owned()).collect();
    events.push(progressed(Task::Reserve));
    let bytes = step(Task::Reserve, events);
    assert!(bytes <= MAX_RECORD, "{bytes}");
}

#[test]
fn an_assessment_of_all_margin_accounts_fits() {
    let date = terms().trade_date;
    let set = || FrozenSet { date, snap: longest(), source: longest(), version: u32::MAX };
    let call = Some(IssuedCall { number: NUMBER, amount: i64::MIN, due: date });
    let lacks: Vec<String> = (0..=IssueMarginCalls::MOST_LACKS).map(|_| longest().to_string()).collect();
    let figures = MarginFigures {
        long: i64::MIN,
        short: i64::MIN,
        cash: i64::MIN,
        equity: i64::MIN,
        initial: i64::MIN,
        maintenance: i64::MIN,
        missing: i64::MIN,
    };
    let (account, currency) = (longest(), sample::euro());
    let assessed =
        || MarginAssessment { account: account.clone(), set: set(), currency, figures, lacks: lacks.clone(), call };
    let initial = InitialFigures {
        bought: i64::MIN,
        sold_short: i64::MIN,
        available: i64::MIN,
        equity: i64::MIN,
        required: i64::MIN,
    };
    let committed = || {
        let (account, lacks) = (account.clone(), lacks.clone());
        Event::InitialAssessed(InitialAssessment { account, set: set(), currency, figures: initial, lacks, call })
    };
    let issue = || IssueMarginCalls {
        set: SetName { date, snap: longest(), source: longest() },
        accounts: vec![longest(); IssueMarginCalls::MOST_ACCOUNTS],
    };
    let all = 0..IssueMarginCalls::MOST_ACCOUNTS;
    let events = all.clone().map(|_| Event::MarginAssessed(assessed())).collect();
    let bytes = record(Command::IssueMarginCalls(issue()), events);
    assert!(bytes <= MAX_RECORD, "{bytes}");
    let bytes = record(Command::IssueInitialCalls(issue()), all.clone().map(|_| committed()).collect());
    assert!(bytes <= MAX_RECORD, "{bytes}");
    // Cured: nothing is lacking and nothing called, but each account may have several calls that end.
    let cured = CallMoved { number: NUMBER, paid: i64::MIN, outstanding: i64::MIN, standing: CallStanding::Cured };
    let one = || {
        let plain = MarginAssessment { lacks: Vec::new(), call: None, ..assessed() };
        std::iter::once(Event::MarginAssessed(plain)).chain((0..10).map(|_| Event::MarginCallMoved(cured)))
    };
    let bytes = record(Command::IssueMarginCalls(issue()), all.flat_map(|_| one()).collect());
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
