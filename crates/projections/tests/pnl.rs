//! Profit and loss: valued when asked, by sets as the log has them; closed figures stay, and every method has one total.

mod stream;

use model::accounting::FrozenSet;
use model::decimal::Decimal;
use model::event::{Event, ReversedTrade};
use model::identifier::CurrencyCode;
use model::index::{Asset, BookIx};
use model::ledger::{LedgerAccount, Posting};
use model::reference::{Book, BookPolicy, LotMethod, Price, PriceSet, Priced, Reference};
use model::timestamp::Timestamp;
use model::trade::{Method, Side, Terms};
use projections::{At, PageRequest};
use stream::random::Random;
use stream::{BRAVO, Fixture, Stream, capture, capture_postings, change, day, eur, id, terms};
use wire::pb::record::LotMethod as WireMethod;
use wire::pb::typ;
use wire::pb::view as pb;
use wire::pb::view::PnlExceptionCode as Code;

const FRIDAY: &str = "2026-02-27";
const MONDAY: &str = "2026-03-02";
const TUESDAY: &str = "2026-03-03";

fn set(stream: &mut Stream, reference: Reference) -> u64 {
    stream.accept(vec![Event::ReferenceSet { reference: Box::new(reference), scale: None }])
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

/// The bond at a clean percentage with so much interest, and what a dollar is worth.
fn prices(stream: &mut Stream, date: &str, version: u32, clean: &str, accrued: &str, dollar: &str) -> u64 {
    let price = |of, value, accrued| Price { of, currency: eur(), value: decimal(value), accrued };
    let usd = CurrencyCode::parse("USD").unwrap();
    let accrued = (!accrued.is_empty()).then(|| decimal(accrued));
    let mut prices = vec![price(Priced::Instrument(id("BUND")), clean, accrued)];
    if !dollar.is_empty() {
        prices.push(price(Priced::Currency(usd), dollar, None));
    }
    let set_of = PriceSet { date: day(date), snap: id("CLOSE"), source: id("DESK"), version, prices };
    set(stream, Reference::PriceSet(set_of))
}

fn close(stream: &mut Stream, date: &str, version: u32) -> u64 {
    let sets = vec![FrozenSet { date: day(date), snap: id("CLOSE"), source: id("DESK"), version }];
    stream.accept(vec![Event::AccountingDayClosed { entity: BRAVO, date: day(date), clean: true, sets }])
}

/// A log whose books have owners.
fn begin() -> Stream {
    let mut stream = Stream::begin();
    for (book, owner) in [("A-ONE", "ALPHA"), ("B-ONE", "BRAVO"), ("A-TWO", "ALPHA")] {
        set(&mut stream, Reference::Book(Book { id: id(book), name: String::new(), owner: id(owner) }));
    }
    stream
}

/// A trade of BRAVO's: face in units of the currency, money in cents.
fn trade(side: Side, face: i64, net: i64, date: &str) -> Terms {
    Terms { side, quantity: face * 100, net, gross: net, trade_date: day(date), ..terms(Side::Buy, 0, 0) }
}

fn question(date: &str) -> pb::PnlQuestion {
    let (year, month, number) = day(date).ymd();
    pb::PnlQuestion {
        filter: Some(pb::PositionFilter { book: "B-ONE".into(), ..Default::default() }),
        date: year.unsigned_abs() * 10_000 + u32::from(month) * 100 + u32::from(number),
        ..Default::default()
    }
}

fn page(fixture: &Fixture, question: &pb::PnlQuestion) -> pb::PnlPage {
    fixture.views.pnl(question, PageRequest { size: 1_000, token: "" }, At::NOW).unwrap()
}

fn line(fixture: &Fixture, question: &pb::PnlQuestion) -> pb::PnlLine {
    let lines = page(fixture, question).lines;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.into_iter().next().unwrap()
}

fn cents(amount: Option<typ::Decimal>) -> i64 {
    amount.unwrap().unscaled
}

/// Realised, unrealised, accrued, fees, total.
fn figures(figures: Option<&pb::PnlFigures>) -> [i64; 5] {
    let of = figures.expect("nothing hides it");
    [of.realised, of.unrealised, of.accrued, of.fees, of.total].map(cents)
}

fn codes(line: &pb::PnlLine) -> Vec<Code> {
    line.exceptions.iter().map(pb::PnlException::code).collect()
}

/// Domain notes 3.2: 10m of a bond, clean 99.00 to 99.20, accrued 1.50 to 1.513889; 2m bought at 99.10 with 250.00 of fees.
#[test]
fn a_day_is_this_close_less_the_last() {
    let mut stream = begin();
    let mut fixture = Fixture::new();
    prices(&mut stream, FRIDAY, 1, "99.00", "1.50", "");
    prices(&mut stream, MONDAY, 1, "99.20", "1.513889", "");
    let held = Terms { accrued: 14_500_000, ..trade(Side::Buy, 10_000_000, 1_004_500_000, "2026-02-02") };
    stream.accept(vec![capture(1, &held, &[])]);
    let new = Terms { accrued: 3_027_778, charges: 25_000, ..trade(Side::Buy, 2_000_000, 201_252_778, MONDAY) };
    stream.accept(vec![capture(2, &new, &[])]);
    fixture.fold(&stream);

    let line = line(&fixture, &question(MONDAY));
    assert_eq!(codes(&line), []);
    let local = line.local.unwrap();
    // Price 20,000.00 and 2,000.00, carry 1,388.90 (both bonds), fees 250.00.
    assert_eq!(figures(local.day.as_ref()), [0, 2_200_000, 138_890, -25_000, 2_313_890]);
    assert_eq!(figures(local.adjustment.as_ref()), [0; 5]);
    assert_eq!(figures(local.opening.as_ref()), [0, 0, 500_000, 0, 500_000]);
    assert_eq!(figures(local.closing.as_ref())[4], 2_813_890);
    let basis = page(&fixture, &question(MONDAY)).bases.remove(0);
    assert_eq!((basis.entity.as_str(), basis.date, basis.last_date), ("BRAVO", 20260302, 20260227));
    assert_eq!((basis.sets[0].version, basis.closed, basis.last_closed), (1, false, false));
}

/// What was closed stays: the sets it froze and what was known then. Late, corrected and cancelled trades show on the next
/// day as an adjustment, also when rows were written and the service began anew.
#[test]
fn a_closed_figure_does_not_move() {
    let mut stream = begin();
    let mut fixture = Fixture::new();
    prices(&mut stream, FRIDAY, 1, "100.00", "0", "");
    let (first, wrong, gone) = (
        trade(Side::Buy, 1_000, 99_000, "2026-02-26"),
        trade(Side::Buy, 500, 49_000, "2026-02-26"),
        trade(Side::Sell, 200, 20_500, FRIDAY),
    );
    for (number, terms) in [(1, &first), (2, &wrong), (3, &gone)] {
        stream.accept(vec![capture(number, terms, &[])]);
    }
    let closed = close(&mut stream, FRIDAY, 1);
    fixture.fold(&stream);
    let published = line(&fixture, &question(FRIDAY)).local.unwrap().closing.unwrap();
    // 1,300 face at par are 1,300.00; 990.00 and 490.00 were paid and 205.00 received.
    assert_eq!(cents(published.total), 130_000 - 99_000 - 49_000 + 20_500);

    // Afterwards: a late trade, a correction, a cancel, a corrected price; and the next day moves.
    prices(&mut stream, FRIDAY, 2, "90.00", "0", "");
    stream.accept(vec![capture(4, &trade(Side::Buy, 100, 9_700, "2026-02-25"), &[])]);
    stream.accept(vec![change(2, 2, true, &wrong, &trade(Side::Buy, 500, 48_500, "2026-02-26"))]);
    fixture.fold(&stream);
    fixture.save();
    stream.accept(vec![Event::TradeCancelled { trade: 3, version: 2, postings: Vec::new() }]);
    prices(&mut stream, MONDAY, 1, "101.00", "0", "");
    fixture.fold(&stream);
    for restarted in [false, true] {
        if restarted {
            fixture.save();
            fixture = fixture.restart(&stream);
        }
        let friday = page(&fixture, &question(FRIDAY));
        assert_eq!(friday.lines[0].local.as_ref().unwrap().closing.as_ref(), Some(&published));
        assert_eq!((friday.bases[0].closed, friday.bases[0].sequence), (true, closed));
        assert_eq!(friday.bases[0].sets[0].version, 1);
        let monday = line(&fixture, &question(MONDAY)).local.unwrap();
        assert_eq!(monday.opening, Some(published));
        // Late: 100.00 for 97.00. Corrected: 5.00 cheaper. Cancelled: sold 200.00 for 205.00, which is not earned.
        assert_eq!(figures(monday.adjustment.as_ref())[4], 300 + 500 - 500);
        // 1,600 face up one percent.
        assert_eq!(figures(monday.day.as_ref()), [0, 1_600, 0, 0, 1_600]);
        let closing = figures(monday.closing.as_ref())[4];
        assert_eq!(closing, cents(published.total) + 300 + 1_600);
    }
}

/// A settlement taken back after the close is an adjustment of the day of its trade, and so is the trade that takes its place:
/// together they are what the correction is worth, and the day itself earned what its prices did.
#[test]
fn a_reversal_adjusts_the_day_of_its_trade() {
    let mut stream = begin();
    let mut fixture = Fixture::new();
    prices(&mut stream, FRIDAY, 1, "100.00", "0", "");
    let bought = trade(Side::Buy, 1_000, 99_000, "2026-02-26");
    stream.accept(vec![capture(1, &bought, &[])]);
    close(&mut stream, FRIDAY, 1);
    fixture.fold(&stream);
    let published = line(&fixture, &question(FRIDAY)).local.unwrap().closing.unwrap();
    assert_eq!(cents(published.total), 1_000);

    // It was 990.00 and should have been 980.00.
    let mut postings = model::ledger::reversed(&capture_postings(&bought));
    postings.retain(|posting| matches!(posting.account, LedgerAccount::Book { .. }));
    let taken_back = ReversedTrade { entity: bought.party, book: bought.book, trade: 1, trade_date: bought.trade_date };
    let reversed = Event::Reversed { sequence: 1, instruction: Some(1), postings, trades: vec![taken_back] };
    stream.accept(vec![reversed]);
    prices(&mut stream, MONDAY, 1, "101.00", "0", "");
    fixture.fold(&stream);
    let monday = line(&fixture, &question(MONDAY)).local.unwrap();
    assert_eq!((figures(monday.adjustment.as_ref())[4], figures(monday.day.as_ref())[4]), (-1_000, 0));

    stream.accept(vec![capture(2, &trade(Side::Buy, 1_000, 98_000, "2026-02-26"), &[])]);
    fixture.fold(&stream);
    fixture.save();
    fixture = fixture.restart(&stream);
    let monday = line(&fixture, &question(MONDAY)).local.unwrap();
    assert_eq!(monday.opening.as_ref(), Some(&published));
    assert_eq!((figures(monday.adjustment.as_ref())[4], figures(monday.day.as_ref())[4]), (1_000, 1_000));
}

/// Domain notes 3.3 with a bond for the share: price and FX apart; the rate at acquisition is that of the trade date.
#[test]
fn fx_is_split_off_at_the_rates_of_the_log() {
    let mut stream = begin();
    let mut fixture = Fixture::new();
    for (date, clean, dollar) in [(FRIDAY, "100", "0.80"), (MONDAY, "104", "0.90"), (TUESDAY, "105", "")] {
        prices(&mut stream, date, 1, clean, "0", dollar);
    }
    stream.accept(vec![capture(1, &trade(Side::Buy, 1_000, 100_000, FRIDAY), &[])]);
    fixture.fold(&stream);
    let reported = pb::PnlQuestion { currency: "USD".into(), ..question(MONDAY) };
    let one = line(&fixture, &reported);
    let closing = one.reported.unwrap().closing.unwrap();
    // The euro went from 1.25 to 1.1111 dollars: 40.00 EUR of price are 44.44, and 1,000.00 EUR of cost lost 138.89. The total
    // is exact, 1,155.56 less 1,250.00: the cent of the split lies in the FX part.
    assert_eq!((cents(closing.unrealised), cents(closing.unrealised_fx)), (4_444, -13_888));
    assert_eq!(cents(closing.total), -9_444);
    assert_eq!(cents(one.local.unwrap().closing.unwrap().total), 4_000);

    // Tuesday has no rate: the local result is told, the reported one is absent and says why.
    let tuesday = line(&fixture, &pb::PnlQuestion { currency: "USD".into(), ..question(TUESDAY) });
    assert_eq!(codes(&tuesday), [Code::NoRate]);
    assert_eq!((tuesday.exceptions[0].subject.as_str(), tuesday.exceptions[0].date), ("EUR/USD", 20260303));
    assert_eq!(tuesday.reported.unwrap().closing, None);
    assert!(tuesday.local.unwrap().closing.is_some());
}

#[test]
fn what_is_missing_has_a_name_and_is_never_zero() {
    let mut stream = begin();
    let mut fixture = Fixture::new();
    prices(&mut stream, FRIDAY, 1, "100", "0", "");
    prices(&mut stream, MONDAY, 1, "101", "", "");
    stream.accept(vec![capture(1, &trade(Side::Buy, 1_000, 100_000, FRIDAY), &[])]);
    fixture.fold(&stream);
    // Friday is the first close there is.
    let friday = line(&fixture, &question(FRIDAY));
    assert_eq!(codes(&friday), [Code::NoLastClose]);
    let local = friday.local.unwrap();
    assert_eq!((local.opening, local.day), (None, None));
    // Monday's set does not say what interest has accrued; Tuesday has no set at all.
    let monday = line(&fixture, &question(MONDAY));
    assert_eq!((codes(&monday), monday.local.unwrap().closing), (vec![Code::NoAccrued], None));
    let tuesday = line(&fixture, &question(TUESDAY));
    assert!(codes(&tuesday).contains(&Code::NoPrice), "{tuesday:?}");
    let summary = fixture.views.pnl_summary(&question(TUESDAY), At::NOW).unwrap();
    let total = &summary.totals[0];
    assert_eq!((total.positions, total.excepted, total.day.as_ref().unwrap().closing.as_ref()), (0, 1, None));
    // A second series: which is meant must be said.
    let other = PriceSet { date: day(MONDAY), snap: id("NOON"), source: id("DESK"), version: 1, prices: Vec::new() };
    set(&mut stream, Reference::PriceSet(other));
    fixture.fold(&stream);
    let error = fixture.views.pnl_summary(&question(MONDAY), At::NOW).unwrap_err().to_string();
    assert!(error.contains("CLOSE DESK, NOON DESK"), "{error}");
    let series = |snap: &str| pb::SetSeries { snap: snap.into(), source: "DESK".into() };
    let named = pb::PnlQuestion { sets: vec![series("NOON"), series("CLOSE")], ..question(MONDAY) };
    assert_eq!(page(&fixture, &named).bases[0].sets.len(), 2);
}

/// What came free of payment came at the price of its day; the line says so, and that day it earned nothing.
#[test]
fn what_has_no_cost_comes_at_market() {
    let mut stream = begin();
    let mut fixture = Fixture::new();
    prices(&mut stream, FRIDAY, 1, "100", "1", "");
    prices(&mut stream, MONDAY, 1, "102", "1", "");
    let free = Terms { method: Method::Fop, ..trade(Side::Buy, 1_000, 0, FRIDAY) };
    stream.accept(vec![capture(1, &free, &[])]);
    // And some is moved, on the day of its record: a Saturday, which has no set of its own.
    let post = |account, amount| Posting { account, asset: Asset::instrument(stream::BOND), amount };
    let book = LedgerAccount::Book { entity: BRAVO, book: BookIx(1) };
    let depot = LedgerAccount::Location { entity: BRAVO, account: stream::accounts(BRAVO).0 };
    let what = model::command::What::Instrument(id("BUND"));
    let moved = Event::Transferred { what, postings: vec![post(book, 50_000), post(depot, 50_000)] };
    stream.accept(vec![moved]);
    stream.facts.last_mut().unwrap().at = Timestamp::parse("2026-02-28T12:00:00Z").unwrap();
    fixture.fold(&stream);
    let line = line(&fixture, &question(MONDAY));
    let local = line.local.unwrap();
    assert_eq!(figures(local.opening.as_ref())[4], 0);
    assert_eq!(figures(local.day.as_ref())[4], 2_000 + 1_000);
    let named: Vec<_> = line.exceptions.iter().map(|each| (each.code(), each.subject.as_str())).collect();
    assert_eq!(named, [(Code::CostAtMarket, "T-1"), (Code::CostAtMarket, "moved"), (Code::SetOfEarlierDay, "moved")]);
}

/// A book's own method counts from its date on, and the total knows no method: at every close, whatever came late, was
/// corrected, cancelled, sold short or turned; days and adjustments add up from the first close to the last.
#[test]
fn the_total_knows_no_method_and_days_add_up() {
    for seed in 0..6 {
        let mut stream = begin();
        let mut random = Random(seed);
        let dates = ["2026-02-23", "2026-02-24", "2026-02-25", "2026-02-26", FRIDAY];
        let policy = |from: &str, method| {
            let currency = CurrencyCode::parse("USD").ok();
            Reference::BookPolicy(BookPolicy {
                book: id("B-ONE"),
                valid_from: day(from),
                method,
                fees_in_cost: false,
                currency,
            })
        };
        set(&mut stream, policy("2026-01-01", LotMethod::Fifo));
        set(&mut stream, policy("2026-02-25", LotMethod::Average));
        let mut fixture = Fixture::new();
        let (mut open, mut number): (Vec<(u64, Terms)>, u64) = (Vec::new(), 0);
        let some = |random: &mut Random, upto: usize| {
            let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
            let (face, price) = (1 + random.below(5_000) as i64, 8_000 + random.below(4_000) as i64);
            let date = dates[random.below(upto as u64 + 1) as usize];
            Terms {
                accrued: random.below(300) as i64,
                charges: random.below(50) as i64,
                ..trade(side, face, face * price / 100, date)
            }
        };
        for (at, date) in dates.iter().enumerate() {
            for _ in 0..12 {
                let fate = random.below(10);
                if fate < 6 || open.is_empty() {
                    number += 1;
                    let terms = some(&mut random, at);
                    stream.accept(vec![capture(number, &terms, &[])]);
                    open.push((number, terms));
                } else {
                    let place = random.below(open.len() as u64) as usize;
                    if fate < 9 {
                        let after = some(&mut random, at);
                        let (trade, before) = &mut open[place];
                        stream.accept(vec![change(*trade, 2, true, before, &after)]);
                        *before = after;
                    } else {
                        let (trade, _) = open.swap_remove(place);
                        stream.accept(vec![Event::TradeCancelled { trade, version: 3, postings: Vec::new() }]);
                    }
                }
            }
            let clean = format!("{}.{:02}", 90 + random.below(20), random.below(100));
            let dollar = format!("0.8{:03}", random.below(1_000));
            prices(&mut stream, date, 1, &clean, "0.25", &dollar);
            // Not every day is closed.
            if random.below(3) > 0 {
                close(&mut stream, date, 1);
            }
            fixture.fold(&stream);
            if random.below(2) == 0 {
                fixture.save();
                fixture = fixture.restart(&stream);
            }
        }
        let mut carried: Option<(i64, i64)> = None;
        for date in dates {
            let ask = |method: WireMethod| {
                let asked = pb::PnlQuestion { method: method as i32, ..question(date) };
                let line = line(&fixture, &asked);
                let total = |day: &pb::PnlDay| cents(day.closing.as_ref().unwrap().total);
                let clean = |day: &pb::PnlDay| {
                    let of = day.closing.as_ref().unwrap();
                    [of.realised, of.unrealised, of.realised_fx, of.unrealised_fx].map(cents).iter().sum::<i64>()
                };
                let (local, reported) = (line.local.unwrap(), line.reported.unwrap());
                ((clean(&local), clean(&reported), total(&local), total(&reported)), (local, reported))
            };
            let (own, (local, reported)) = ask(WireMethod::Unspecified);
            assert_eq!(own, ask(WireMethod::Fifo).0, "{seed} {date}");
            assert_eq!(own, ask(WireMethod::Average).0, "{seed} {date}");
            // What the last close published, the adjustment and the day are the close.
            for (place, day) in [&local, &reported].into_iter().enumerate() {
                let Some(opening) = &day.opening else { continue };
                let parts = [Some(opening), day.adjustment.as_ref(), day.day.as_ref()];
                let sum: i64 = parts.into_iter().map(|part| cents(part.unwrap().total)).sum();
                assert_eq!(sum, cents(day.closing.as_ref().unwrap().total), "{seed} {date}");
                let before = carried.expect("there was a close before");
                let before = if place == 0 { before.0 } else { before.1 };
                // From close to close nothing is lost: where the day before was not closed, it is the day before all the same.
                let asked = pb::PnlQuestion { since: 0, ..question(date) };
                let basis = page(&fixture, &asked).bases.remove(0);
                if day_before(&dates, date) == Some(basis.last_date) {
                    assert_eq!(cents(opening.total), before, "{seed} {date}");
                }
            }
            carried = Some((own.2, own.3));
        }
    }
}

fn day_before(dates: &[&str], date: &str) -> Option<u32> {
    let at = dates.iter().position(|each| *each == date)?;
    Some(question(dates[at.checked_sub(1)?]).date)
}
