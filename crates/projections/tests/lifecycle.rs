//! What the status view shows at each step of an instruction's and a trade's life.

mod stream;

use model::command::{Command, Opening, What};
use model::decimal::Decimal;
use model::event::Event;
use model::index::BookIx;
use model::instruction::code;
use model::ledger::reversed;
use model::trade::{Defect, DefectKind, Side, Terms};
use projections::{At, Error, PageRequest};
use stream::{Fixture, Stream, T2S, accounts, capture, capture_postings, change, day, eur, id, issue, terms};
use wire::pb::typ;
use wire::pb::view as pb;

fn instruction(fixture: &Fixture, number: u64) -> pb::Instruction {
    fixture.views.instruction(number, At::NOW).unwrap().value
}

fn trade(fixture: &Fixture, source: &str, number: u64) -> pb::Trade {
    fixture.views.trade(source, &format!("T-{number}"), At::NOW).unwrap().value
}

fn decimal(unscaled: i64) -> Option<typ::Decimal> {
    Some(typ::Decimal { unscaled, scale: 2 })
}

/// Plays steps on one stream, each checked from memory, after writing, and after a restart.
struct Play {
    stream: Stream,
    fixture: Fixture,
}

impl Play {
    fn new() -> Play {
        let mut play = Play { stream: Stream::begin(), fixture: Fixture::new() };
        play.fixture.fold(&play.stream);
        play
    }

    fn check(mut self, check: impl Fn(&Fixture)) -> Play {
        self.fixture.fold(&self.stream);
        check(&self.fixture);
        self.fixture.save();
        check(&self.fixture);
        self.fixture = self.fixture.restart(&self.stream);
        check(&self.fixture);
        self
    }
}

#[test]
fn matched_lacking_failing_settled() {
    let (sell, buy) = (terms(Side::Sell, 1_000_00, 500_00), terms(Side::Buy, 1_000_00, 500_01));
    let mut play = Play::new();
    let issued = play.stream.instruct(1, &sell);
    let mut play = play.check(|fixture| {
        let row = instruction(fixture, 1);
        assert_eq!(row.status(), pb::InstructionStatus::Unmatched);
        assert_eq!((row.party.as_str(), row.counterparty.as_str(), row.book.as_str()), ("ALPHA", "BRAVO", "A-ONE"));
        assert_eq!((row.instrument.as_str(), row.isin.as_str(), row.domain.as_str()), ("BUND", "DE0001102580", "T2S"));
        assert_eq!((row.depot.as_str(), row.nostro.as_str()), ("A-DEPOT", "A-CASH"));
        assert_eq!((row.movement(), row.payment()), (pb::Movement::Deliver, pb::Payment::Dvp));
        assert_eq!((row.quantity, row.amount, row.matched_amount), (decimal(1_000_00), decimal(500_00), None));
        assert_eq!((row.trade_date, row.intended_settlement_date, row.actual_settlement_date), (20260302, 20260304, 0));
        assert_eq!((row.issued_at_sequence, row.changed_at_sequence, row.ended_at_sequence), (issued, issued, 0));
        assert_eq!(row.age, Some(0));
        let link = &row.trades[0];
        assert_eq!((link.trade, link.source.as_str(), link.id.as_str(), link.version), (1, "FO-A", "T-1", 1));
        assert_eq!((link.quantity, link.amount), (decimal(1_000_00), decimal(500_00)));
        assert_eq!(trade(fixture, "FO-A", 1).status(), pb::TradeStatus::Instructed);
    });

    play.stream.accept(vec![Event::InstructionUnmatched { instruction: 1, reasons: vec![code::DQUA, code::DMON] }]);
    let mut play = play.check(|fixture| assert_eq!(instruction(fixture, 1).reasons, ["DQUA", "DMON"]));

    play.stream.instruct(2, &buy);
    let matched = play.stream.matched(1, 2, 500_00, "FUTU");
    let mut play = play.check(|fixture| {
        let [deliver, receive] = [1, 2].map(|number| instruction(fixture, number));
        assert_eq!(
            (deliver.status(), receive.status()),
            (pb::InstructionStatus::Pending, pb::InstructionStatus::Pending)
        );
        assert_eq!((deliver.counter_instruction, receive.counter_instruction), (2, 1));
        // The deliverer's amount is what settles; each side keeps its own beside it.
        assert_eq!((receive.amount, receive.matched_amount), (decimal(500_01), decimal(500_00)));
        assert_eq!((receive.reasons, receive.matched_at_sequence), (vec!["FUTU".to_owned()], matched));
        assert_eq!(trade(fixture, "FO-B", 2).status(), pb::TradeStatus::Matched);
    });

    play.stream.lacking(1, 2, accounts(sell.party).0, 1_000_00);
    let mut play = play.check(|fixture| {
        let [deliver, receive] = [1, 2].map(|number| instruction(fixture, number));
        assert_eq!((deliver.reasons, receive.reasons), (vec!["LACK".to_owned()], vec!["CLAC".to_owned()]));
        let wait = deliver.waits.unwrap();
        assert_eq!(
            (wait.account.as_str(), wait.instrument.as_str(), wait.need),
            ("A-DEPOT", "BUND", decimal(1_000_00))
        );
        assert_eq!(receive.waits, None, "it is not its account that lacks");
    });

    play.stream.accept(vec![Event::InstructionsFailing {
        domain: T2S,
        date: day("2026-03-04"),
        instructions: vec![1, 2],
    }]);
    // Wednesday to Tuesday: four business days, over a weekend.
    play.stream.open_day("2026-03-10");
    let mut play = play.check(|fixture| {
        let row = instruction(fixture, 1);
        assert_eq!((row.status(), row.failing, row.age), (pb::InstructionStatus::Failing, true, Some(4)));
    });

    let ended = play.stream.settle((1, &sell), (2, &buy), 500_00, "2026-03-10");
    let mut play = play.check(|fixture| {
        for number in [1, 2] {
            let row = instruction(fixture, number);
            assert_eq!((row.status(), row.actual_settlement_date), (pb::InstructionStatus::Settled, 20260310));
            assert_eq!((row.ended_at_sequence, row.reasons.len(), row.age, row.waits), (ended, 0, None, None));
        }
        let settled = trade(fixture, "FO-A", 1);
        assert_eq!((settled.status(), settled.instructions.len()), (pb::TradeStatus::Settled, 1));
        assert_eq!(settled.amount, decimal(500_00));
        let summary = fixture.views.summary(At::NOW).unwrap();
        let [line] = &summary.lines[..] else { panic!("{summary:?}") };
        assert_eq!((line.status(), line.count, line.value), (pb::InstructionStatus::Settled, 2, decimal(1_000_00)));
    });

    let reversal = Event::Reversed { sequence: ended, instruction: Some(1), postings: Vec::new(), trades: Vec::new() };
    let at = play.stream.accept(vec![reversal]);
    play.check(|fixture| {
        for number in [1, 2] {
            let row = instruction(fixture, number);
            assert_eq!((row.status(), row.reversed_at_sequence), (pb::InstructionStatus::Settled, at));
        }
    });
}

#[test]
fn held_released_and_cancelled_by_both() {
    let (sell, buy) = (Terms { hold: true, ..terms(Side::Sell, 100, 100) }, terms(Side::Buy, 100, 100));
    let mut play = Play::new();
    play.stream.instruct(1, &sell);
    play.stream.instruct(2, &buy);
    play.stream.matched(1, 2, 100, "PREA");
    let mut play = play.check(|fixture| assert!(instruction(fixture, 1).held && !instruction(fixture, 2).held));
    play.stream.steer(1, false, false);
    let mut play = play.check(|fixture| assert!(!instruction(fixture, 1).held));

    play.stream.accept(vec![
        Event::TradeChangeRequested { trade: 1, version: 2, cancel: true },
        Event::InstructionSteered { instruction: 1, held: false, priority: 2, cancel_requested: true },
    ]);
    let mut play = play.check(|fixture| {
        let row = instruction(fixture, 1);
        assert_eq!((row.cancel_requested, row.priority), (true, 2));
        let trade = trade(fixture, "FO-A", 1);
        assert_eq!(trade.status(), pb::TradeStatus::ChangeRequested);
        assert_eq!((trade.version, trade.requested_version, trade.cancel_requested), (1, 2, true));
    });

    let cancelled = |instruction| Event::InstructionCancelled { instruction, reason: code::CANI };
    let gone = Event::TradeCancelled { trade: 1, version: 2, postings: reversed(&capture_postings(&sell)) };
    play.stream.accept(vec![cancelled(1), cancelled(2), gone]);
    play.check(|fixture| {
        let row = instruction(fixture, 1);
        assert_eq!(
            (row.status(), row.reasons, row.cancel_requested),
            (pb::InstructionStatus::Cancelled, vec!["CANI".into()], false)
        );
        assert_eq!(trade(fixture, "FO-A", 1).status(), pb::TradeStatus::Cancelled);
        // Only the instruction was asked to go: the other trade is still owed, and says so itself.
        let kept = trade(fixture, "FO-B", 2);
        assert_eq!((kept.status(), kept.amount), (pb::TradeStatus::Uninstructed, decimal(100)));
        let loose = fixture.views.loose_trades(PageRequest::default(), At::NOW).unwrap().trades;
        assert_eq!(loose.iter().map(|trade| trade.number).collect::<Vec<_>>(), [2]);
    });
}

#[test]
fn amended_and_rebooked() {
    let before = terms(Side::Sell, 100, 100);
    let rebooked = Terms { book: BookIx(2), ..before.clone() };
    let dearer = Terms { net: 120, ..rebooked.clone() };
    let mut play = Play::new();
    play.stream.instruct(1, &before);
    play.stream.accept(vec![change(1, 2, false, &before, &rebooked)]);
    let mut play = play.check(|fixture| {
        let row = instruction(fixture, 1);
        assert_eq!(
            (row.book.as_str(), row.trades[0].version, row.status()),
            ("A-TWO", 2, pb::InstructionStatus::Unmatched)
        );
    });
    let cancelled = Event::InstructionCancelled { instruction: 1, reason: code::CANZ };
    play.stream.accept(vec![cancelled, change(1, 3, true, &rebooked, &dearer), issue(5, 1, &dearer)]);
    play.check(|fixture| {
        let (old, new) = (instruction(fixture, 1), instruction(fixture, 5));
        assert_eq!((old.status(), old.trades[0].version), (pb::InstructionStatus::Cancelled, 2));
        assert_eq!(
            (new.status(), new.trades[0].version, new.amount),
            (pb::InstructionStatus::Unmatched, 3, decimal(120))
        );
        let trade = trade(fixture, "FO-A", 1);
        assert_eq!((trade.status(), trade.version, trade.amount), (pb::TradeStatus::Instructed, 3, decimal(120)));
        assert_eq!(trade.instructions.iter().map(|each| each.number).collect::<Vec<_>>(), [1, 5]);
    });
}

#[test]
fn in_repair_until_instructed() {
    let lacking = Terms { depot: None, nostro: None, ..terms(Side::Buy, 100, 100) };
    let whole = terms(Side::Buy, 100, 100);
    let mut play = Play::new();
    play.stream.accept(vec![capture(1, &lacking, &[Defect { kind: DefectKind::MissingSsi, subject: id("BRAVO") }])]);
    let mut play = play.check(|fixture| {
        let trade = trade(fixture, "FO-B", 1);
        assert_eq!((trade.status(), trade.instructions.len()), (pb::TradeStatus::InRepair, 0));
        assert_eq!((trade.defects[0].code.as_str(), trade.defects[0].subject.as_str()), ("MISSING_SSI", "BRAVO"));
        assert_eq!((trade.movement(), trade.quantity), (pb::Movement::Receive, decimal(100)));
    });
    play.stream.accept(vec![change(1, 1, false, &lacking, &whole), issue(1, 1, &whole)]);
    play.check(|fixture| {
        let trade = trade(fixture, "FO-B", 1);
        assert_eq!((trade.status(), trade.defects.len()), (pb::TradeStatus::Instructed, 0));
        assert_eq!(instruction(fixture, 1).depot, "B-DEPOT");
        assert!(fixture.views.loose_trades(PageRequest::default(), At::NOW).unwrap().trades.is_empty());
    });
}

#[test]
fn set_aside_and_proposed() {
    let mut play = Play::new();
    let aside = play.stream.accept(vec![Event::Quarantined {}]);
    let opening = Opening {
        account: id("A-CASH"),
        book: id("A-ONE"),
        what: What::Currency(eur()),
        quantity: Decimal::new(1, 0).unwrap(),
        cost: None,
    };
    let proposal = play.stream.last() + 1;
    play.stream.accept(vec![Event::Proposed { proposal, command: Box::new(Command::Open(opening)) }]);
    let mut play = play.check(|fixture| {
        let quarantined = fixture.views.quarantined(At::NOW).unwrap().value;
        assert_eq!(
            quarantined.iter().map(|each| (each.sequence, each.actor.as_str())).collect::<Vec<_>>(),
            [(aside, "tester")]
        );
        let proposals = fixture.views.proposals(At::NOW).unwrap().value;
        let [waiting] = &proposals[..] else { panic!("{proposals:?}") };
        assert_eq!((waiting.number, waiting.command.as_str()), (proposal, "open"));
        assert_eq!(waiting.subject, "account A-CASH, book A-ONE");
    });
    play.stream.accept(vec![Event::QuarantineClosed { sequence: aside, replayed: false }]);
    play.stream.accept(vec![Event::ProposalClosed { proposal, approved: false }]);
    play.check(|fixture| {
        assert!(fixture.views.quarantined(At::NOW).unwrap().value.is_empty());
        assert!(fixture.views.proposals(At::NOW).unwrap().value.is_empty());
    });
}

#[test]
fn a_view_that_finds_the_impossible_stops_alone() {
    let mut stream = Stream::begin();
    let mut fixture = Fixture::new();
    let sell = terms(Side::Sell, 100, 100);
    stream.instruct(1, &sell);
    stream.fund(sell.party, 5);
    // Cash and ledger have no opinion on reasons; the status view knows no instruction 99.
    stream.accept(vec![Event::InstructionUnmatched { instruction: 99, reasons: vec![] }]);
    stream.fund(sell.party, 7);
    fixture.fold(&stream);
    let error = fixture.views.instruction(1, At::NOW).unwrap_err();
    assert!(matches!(&error, Error::Unavailable { view: "status", reason } if reason.contains("99")), "{error}");
    let cash = fixture.views.cash(&pb::CashFilter::default(), PageRequest::default(), At::NOW).unwrap();
    assert_eq!((cash.sequence, cash.ladders[0].settled), (stream.last(), decimal(12)));
    let ties = fixture.views.tie_outs(At::NOW).unwrap();
    assert!(ties.lines.iter().all(|line| line.open_trades.is_none()));
    let stopped = fixture.views.standing().into_iter().filter(|each| each.stopped.is_some()).count();
    assert_eq!(stopped, 1);
    // The others are written; the one that stopped begins again where it was last whole.
    fixture.save();
    let fixture = fixture.restart(&Stream { facts: stream.facts[..stream.facts.len() - 2].to_vec() });
    assert_eq!(instruction(&fixture, 1).number, 1);
}
