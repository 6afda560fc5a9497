//! Lots against figures worked by hand and published ones, and the laws they keep whatever happens.

use super::*;
use crate::amount::{PriceKind, Scales, plus};
use model::decimal::Decimal;
use proptest::prelude::*;

fn d(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn id(name: &str) -> Identifier {
    Identifier::parse(name).unwrap()
}

/// A trade of whole shares at a price in cents a share.
fn trade(name: &str, day: &str, quantity: i128, cents: i128) -> Entry {
    priced(name, day, quantity, quantity * cents)
}

/// A trade of whole shares for an amount in cents.
fn priced(name: &str, day: &str, quantity: i128, amount: i128) -> Entry {
    Entry {
        key: Key { trade_date: date(day), at: None, id: id(name) },
        what: What::Trade { quantity, amount, accrued: 0, fees: 0 },
        rate: Conversion::SAME,
    }
}

fn at(price: &str) -> Mark {
    let scales = Scales { quantity: 0, currency: 2 };
    Mark { price: d(price), accrued: d("0"), kind: PriceKind::Amount, scales, rate: Conversion::SAME }
}

fn position(policies: Policies, entries: &[Entry]) -> Position {
    let mut position = Position::new(policies);
    for entry in entries {
        position.insert(entry.clone()).unwrap();
    }
    position
}

/// Domain notes 3.1: short 100 at 20 and 50 at 23, buy back 120 at 21, mark 22. FIFO -60 +30, average 0 -30: both -30.
#[test]
fn a_short_is_closed_by_each_method_with_one_total() {
    let entries = [
        trade("S1", "2026-11-16", -100, 2000),
        trade("S2", "2026-11-17", -50, 2300),
        trade("B1", "2026-11-18", 120, 2100),
    ];
    let of = |method| position(Policies::always(method), &entries).holding().pnl(&at("22")).unwrap().local;
    let (fifo, average) = (of(Method::Fifo), of(Method::Average));
    assert_eq!((fifo.realised, fifo.unrealised), (-6000, 3000));
    assert_eq!((average.realised, average.unrealised), (0, -3000));
}

/// hledger, SPEC-lots "Cost basis precision": 3 units bought for 10, sold at 4: the gain is exactly 2.00.
#[test]
fn total_cost_is_stored_so_nothing_leaks() {
    let mut position = position(Policies::always(Method::Fifo), &[priced("B", "2026-11-16", 3, 1000)]);
    for (name, cost_left) in [("S1", 667), ("S2", 333), ("S3", 0)] {
        position.insert(trade(name, "2026-11-17", -1, 400)).unwrap();
        // 10.00 / 3 is 3.33 the first time; 6.67 / 2 is 3.34, half up; the last takes 3.33, all that is left.
        assert_eq!(position.holding().cost(), Ok(cost_left));
    }
    assert_eq!(position.holding().realised, 200);
}

/// beancount, "Trading with Beancount": fees expensed or in the cost, the sum is the same.
/// Here: buy 10 at 100.00 with 5.00, sell 4 at 110.00 with 2.00, mark 120.00: 40 + 120 - 7 either way.
#[test]
fn fees_are_expensed_or_capitalised() {
    let with_fees = |mut entry: Entry, paid: i128| {
        if let What::Trade { fees, .. } = &mut entry.what {
            *fees = paid;
        }
        entry
    };
    let entries =
        [with_fees(trade("B", "2026-11-16", 10, 10_000), 500), with_fees(trade("S", "2026-11-17", -4, 11_000), 200)];
    let of = |fees| {
        let policies = Policies::new([Policy { from: date("2020-01-01"), method: Method::Fifo, fees }].into());
        position(policies.unwrap(), &entries).holding().pnl(&at("120")).unwrap().local
    };
    let (expensed, capitalised) = (of(Fees::Expensed), of(Fees::Capitalised));
    assert_eq!((expensed.realised, expensed.unrealised, expensed.fees), (4000, 12_000, -700));
    // Cost 1,005.00: 402.00 goes with the 4 sold for 438.00; 603.00 stays with the 6 worth 720.00.
    assert_eq!((capitalised.realised, capitalised.unrealised, capitalised.fees), (3600, 11_700, 0));
    assert_eq!(expensed.total(), capitalised.total());
}

/// Domain notes 3.3: 1,000 at EUR 100 and 1.10, 400 sold at 105 and 1.11, mark 105 and 1.11.
#[test]
fn the_fx_part_is_split_off() {
    let rate = |text| Conversion::new(d(text), 2, 2).unwrap();
    let mark = |price, fx| Mark { rate: rate(fx), ..at(price) };
    let mut position = Position::new(Policies::always(Method::Fifo));
    position.insert(Entry { rate: rate("1.10"), ..trade("B", "2026-11-16", 1000, 10_000) }).unwrap();
    let open = position.holding().pnl(&mark("104", "1.12")).unwrap().base;
    assert_eq!((open.unrealised, open.unrealised_fx, open.total()), (448_000, 200_000, Ok(648_000)));
    position.insert(Entry { rate: rate("1.11"), ..trade("S", "2026-11-17", -400, 10_500) }).unwrap();
    let after = position.holding().pnl(&mark("105", "1.11")).unwrap().base;
    assert_eq!((after.realised, after.realised_fx), (222_000, 40_000));
    assert_eq!(plus(after.unrealised, after.unrealised_fx), Ok(393_000));
}

#[test]
fn a_flip_closes_and_opens_at_the_price_of_the_trade() {
    let entries = [trade("B", "2026-11-16", 100, 1000), trade("S", "2026-11-17", -250, 1200)];
    for method in [Method::Fifo, Method::Average] {
        let position = position(Policies::always(method), &entries);
        let holding = position.holding();
        assert_eq!(holding.realised, 20_000);
        let lots: Vec<_> = holding.lots.iter().map(|lot| (lot.opened.id.as_str(), lot.quantity, lot.cost)).collect();
        assert_eq!(lots, [("S", -150, -180_000)], "{method:?}");
    }
}

#[test]
fn late_cancelled_and_corrected_trades_find_their_place() {
    let policies = || Policies::always(Method::Fifo);
    let entries = [
        trade("A", "2026-11-16", 100, 1000),
        trade("B", "2026-11-18", 100, 1200),
        trade("C", "2026-11-19", -100, 1300),
    ];
    let mut late = position(policies(), &entries);
    assert_eq!(late.holding().realised, 30_000);
    // Bought before A, known only now: C closes it instead of A.
    late.insert(trade("Z", "2026-11-13", 100, 900)).unwrap();
    assert_eq!(late.holding().realised, 40_000);
    assert_eq!(late.holding().lots.iter().map(|lot| lot.opened.id.as_str()).collect::<Vec<_>>(), ["A", "B"]);
    // Its trade date was wrong: after B, so that A is closed again.
    late.replace(trade("Z", "2026-11-19", 100, 900)).unwrap();
    assert_eq!(late.holding().realised, 30_000);
    late.remove(&id("Z")).unwrap();
    assert_eq!(late.holding(), position(policies(), &entries).holding());
    assert_eq!(late.remove(&id("Z")), Err(Fault::Unknown(id("Z"))));
    assert_eq!(late.insert(trade("A", "2026-11-20", 1, 1)), Err(Fault::Known(id("A"))));
    assert_eq!(late.replace(trade("A", "2026-11-20", 0, 1)), Err(Fault::NoQuantity(id("A"))));
    // What cannot be counted changes nothing.
    let mut vast = trade("X", "2026-11-17", 1, 1);
    vast.what = What::Income { amount: i128::MAX };
    late.insert(Entry { key: Key { id: id("Y"), ..vast.key.clone() }, ..vast.clone() }).unwrap();
    assert_eq!(late.insert(vast), Err(Fault::Overflow(Overflow)));
    late.remove(&id("Y")).unwrap();
    assert_eq!(late.holding(), position(policies(), &entries).holding());
    assert_eq!(late.entries(), &entries);
}

#[test]
fn time_and_id_order_the_trades_of_a_day() {
    let mut early = trade("B", "2026-11-16", 100, 1000);
    early.key.at = Some(Timestamp::parse("2026-11-16T09:00:00Z").unwrap());
    let mut later = trade("A", "2026-11-16", 100, 1100);
    later.key.at = Some(Timestamp::parse("2026-11-16T15:00:00Z").unwrap());
    let sale = trade("S", "2026-11-17", -100, 1200);
    assert_eq!(position(Policies::always(Method::Fifo), &[later, sale, early]).holding().realised, 20_000);
}

/// A book goes over from FIFO to average on 1 January: the lots become a pool, and no result comes of that alone.
#[test]
fn the_method_is_of_the_trade_date() {
    let policy = |from, method| Policy { from: date(from), method, fees: Fees::Expensed };
    let policies =
        Policies::new([policy("2027-01-01", Method::Average), policy("2026-01-01", Method::Fifo)].into()).unwrap();
    let mut position = position(
        policies,
        &[
            trade("A", "2026-11-16", 100, 1000),
            trade("B", "2026-11-17", 100, 2000),
            trade("C", "2026-12-30", -50, 2000),
        ],
    );
    assert_eq!(position.holding().realised, 50_000);
    position.insert(trade("D", "2027-01-04", -30, 2000)).unwrap();
    // The pool: 150 shares that cost 500.00 + 2,000.00; 30 of them cost 500.00 and bring 600.00.
    assert_eq!(position.holding().realised, 60_000);
    assert_eq!(position.holding().lots.len(), 1);
    assert_eq!(Policies::new(Vec::new()), Err(Fault::NoPolicy));
}

/// Domain notes 3.2, without the funding line: 10m bond, clean 99.00 to 99.20, accrued 1.50 to 1.513889, 2m bought at
/// 99.10 with 250.00 of fees. Price 20,000.00, carry 1,388.89, new trade 2,000.00.
#[test]
fn a_day_is_this_close_less_the_last() {
    let scales = Scales { quantity: 0, currency: 2 };
    let mark = |price: &str, accrued: &str| Mark {
        price: d(price),
        accrued: d(accrued),
        kind: PriceKind::Percent,
        scales,
        rate: Conversion::SAME,
    };
    let (monday, tuesday) = (date("2026-11-16"), date("2026-11-17"));
    let bond = |name, day, nominal: i128, price: i128, interest, fees| Entry {
        // The price in hundredths of a percent, so cents are nominal * price / 100.
        what: What::Trade { quantity: nominal, amount: nominal * price / 100, accrued: interest, fees },
        ..trade(name, day, nominal, 0)
    };
    let mut position = Position::new(Policies::always(Method::Fifo));
    position.insert(bond("B1", "2026-11-02", 10_000_000, 9900, 14_500_000, 0)).unwrap();
    let published = position.holding_on(monday).unwrap().pnl(&mark("99.00", "1.50")).unwrap();
    // 2m new nominal carries the interest it was bought with: 1.513889 percent of it, 30,277.78.
    position.insert(bond("B2", "2026-11-17", 2_000_000, 9910, 3_027_778, 25_000)).unwrap();
    let (last, now) = (mark("99.00", "1.50"), mark("99.20", "1.513889"));
    let result = day(&position, &published, (monday, &last), (tuesday, &now)).unwrap();
    assert_eq!(result.adjustment, Pnl::default());
    let local = result.day.local;
    assert_eq!((local.unrealised, local.accrued, local.fees), (2_200_000, 138_890, -25_000));

    // A trade of Monday that is known only on Tuesday: 1m at 98.90 is up 0.10 percent at Monday's close. That is the
    // adjustment; the rise on Tuesday is the day's.
    position.insert(bond("LATE", "2026-11-16", 1_000_000, 9890, 1_500_000, 0)).unwrap();
    let late = day(&position, &published, (monday, &last), (tuesday, &now)).unwrap();
    assert_eq!(late.adjustment.local, Local { unrealised: 100_000, ..Local::default() });
    assert_eq!(late.day.local.unrealised, 2_400_000);
    let closing = position.holding_on(tuesday).unwrap().pnl(&now).unwrap();
    let apart = plus(late.day.local.total().unwrap(), late.adjustment.local.total().unwrap());
    assert_eq!(apart, closing.less(&published).unwrap().local.total());
}

#[test]
fn a_coupon_is_income_of_its_day() {
    let coupon = Entry { what: What::Income { amount: 30_000 }, ..trade("CPN", "2026-11-18", 0, 0) };
    let position = position(Policies::always(Method::Fifo), &[trade("B", "2026-11-16", 100, 1000), coupon]);
    assert_eq!(position.holding_on(date("2026-11-17")).unwrap().accrued, 0);
    assert_eq!(position.holding().pnl(&at("10")).unwrap().local.accrued, 30_000);
}

/// Trades as a day brings them: quantity, amount, fees, trade day, rate in hundredths; shuffled, corrected, cancelled.
fn deals() -> impl Strategy<Value = Vec<(i128, i128, i128, i32, i64)>> {
    let quantity = prop_oneof![(1..2_000i128), (-2_000..-1i128)];
    prop::collection::vec((quantity, 0..1_000_000i128, -50..50i128, 0..20i32, 50..200i64), 1..150)
}

fn entries_of(deals: &[(i128, i128, i128, i32, i64)]) -> Vec<Entry> {
    let entry = |(number, deal): (usize, &(i128, i128, i128, i32, i64))| {
        let (quantity, amount, fees, day, rate) = *deal;
        Entry {
            key: Key {
                trade_date: date("2026-11-02").add_days(day).unwrap(),
                at: None,
                id: id(&alloc::format!("T{number}")),
            },
            what: What::Trade { quantity, amount: amount * quantity.signum(), accrued: fees * 3, fees },
            rate: Conversion::new(Decimal::new(rate, 2).unwrap(), 2, 2).unwrap(),
        }
    };
    deals.iter().enumerate().map(entry).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Realised + unrealised is equal under every method and policy at every moment, to the minor unit, in both
    /// currencies; and it is the market value less everything paid.
    #[test]
    fn the_total_knows_no_method(deals in deals(), price in 1..100_000i64, rate in 50..200i64) {
        let entries = entries_of(&deals);
        let mark = Mark { rate: Conversion::new(Decimal::new(rate, 2).unwrap(), 2, 2).unwrap(), ..at("0") };
        let mark = Mark { price: Decimal::new(price, 3).unwrap(), ..mark };
        let policies = [
            Policies::always(Method::Fifo),
            Policies::always(Method::Average),
            Policies::new([
                Policy { from: Date::MIN, method: Method::Average, fees: Fees::Expensed },
                Policy { from: date("2026-11-09"), method: Method::Fifo, fees: Fees::Expensed },
                Policy { from: date("2026-11-14"), method: Method::Average, fees: Fees::Expensed },
            ].into()).unwrap(),
        ];
        let positions = policies.map(|policies| position(policies, &entries));
        for offset in 0..20 {
            let moment = date("2026-11-02").add_days(offset).unwrap();
            let totals = positions.each_ref().map(|position| {
                let pnl = position.holding_on(moment).unwrap().pnl(&mark).unwrap();
                let clean = pnl.local.realised + pnl.local.unrealised;
                (clean, pnl.local.total().unwrap(), pnl.base.total().unwrap(), pnl.value)
            });
            prop_assert_eq!(totals[0], totals[1]);
            prop_assert_eq!(totals[0], totals[2]);
            let paid: i128 = entries.iter().filter(|entry| entry.key.trade_date <= moment).map(|entry| match entry.what {
                What::Trade { amount, .. } => amount,
                What::Income { .. } => 0,
            }).sum();
            prop_assert_eq!(totals[0].0, totals[0].3 - paid);
        }
    }

    /// The order of arrival, and corrections on the way, leave no trace: lots, results and every day's holding.
    #[test]
    fn arrival_leaves_no_trace(deals in deals(), seed in any::<u64>()) {
        let entries = entries_of(&deals);
        let mut shuffled = entries.clone();
        let mut next = seed;
        for place in (1..shuffled.len()).rev() {
            next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(place, (next >> 33) as usize % (place + 1));
        }
        for method in [Method::Fifo, Method::Average] {
            let plain = position(Policies::always(method), &entries);
            let mut tangled = Position::new(Policies::always(method));
            for (place, entry) in shuffled.iter().enumerate() {
                // Every third comes wrong first and is corrected when all are there; every fifth has a stray beside it.
                if place % 3 == 0 {
                    let key = Key { trade_date: date("2026-11-10"), ..entry.key.clone() };
                    let what = What::Trade { quantity: 7, amount: 77, accrued: 0, fees: 0 };
                    tangled.insert(Entry { key, what, rate: Conversion::SAME }).unwrap();
                } else {
                    tangled.insert(entry.clone()).unwrap();
                }
                if place % 5 == 0 {
                    tangled.insert(trade(&alloc::format!("STRAY{place}"), "2026-11-05", -3, 1)).unwrap();
                }
            }
            for (place, entry) in shuffled.iter().enumerate() {
                if place % 3 == 0 {
                    tangled.replace(entry.clone()).unwrap();
                }
                if place % 5 == 0 {
                    tangled.remove(&id(&alloc::format!("STRAY{place}"))).unwrap();
                }
            }
            prop_assert_eq!(plain.holding(), tangled.holding());
            for offset in 0..20 {
                let moment = date("2026-11-02").add_days(offset).unwrap();
                prop_assert_eq!(plain.holding_on(moment).unwrap(), tangled.holding_on(moment).unwrap());
            }
            let long_or_short = |lots: Vec<bool>| lots.windows(2).all(|pair| pair[0] == pair[1]);
            prop_assert!(long_or_short(plain.holding().lots.iter().map(|lot| lot.quantity < 0).collect()));
        }
    }
}
