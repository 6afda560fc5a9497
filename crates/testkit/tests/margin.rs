//! Margin by an independent formula: what the engine says of a client's account, against whole cents added up here from the
//! same trades and prices.

use std::fmt::Write as _;
use std::path::Path;

use model::event::Event;
use testkit::flow::Random;
use testkit::scenario::{Mode, Script, player};

const INSTRUMENTS: [&str; 2] = ["SAP", "BMW"];

/// Shares and cents.
#[derive(Default)]
struct Account {
    held: [i64; 2],
    cash: i64,
}

fn cents(units: i64) -> String {
    format!("{}.{:02}", units / 100, units % 100)
}

fn up(amount: i64, percent: i64) -> i64 {
    (amount * percent + 99) / 100
}

/// Long, short, equity, initial, maintenance: 12 CFR 220.12 and FINRA 4210(c), written down a second time.
fn formula(account: &Account, prices: [i64; 2]) -> [i64; 5] {
    let (mut long, mut short, mut maintenance) = (0, 0, 0);
    for (held, price) in account.held.into_iter().zip(prices) {
        let worth = held.abs() * price;
        if held > 0 {
            long += worth;
        } else if held < 0 {
            short += worth;
            let (percent, each) = if price >= 500 { (30, 500) } else { (100, 250) };
            maintenance += up(worth, percent).max(held.abs() * each);
        }
    }
    maintenance += up(long, 25);
    [long, short, long - short + account.cash, up(long, 50) + up(short, 50), maintenance]
}

#[test]
fn margin_is_what_an_independent_formula_makes_of_trades_and_prices() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let include = |name: &str| std::fs::read_to_string(root.join(name).with_extension("setup")).ok();
    let (mut random, mut called, mut shorts) = (Random::new(7), 0, 0);
    for round in 0..60 {
        let mut text =
            "include standard\nparty FUND roles=client\nbook M ALPHA\nmargin-account M FUND M EUR\n".to_owned();
        let deposit = random.between(1, 5_000_000);
        writeln!(text, "transfer {} EUR to ALPHA-CASH book=M", cents(deposit)).expect("a text");
        let mut account = Account { cash: deposit, ..Account::default() };
        for trade in 0..random.between(1, 6) {
            let (which, quantity, price) =
                (random.below(2) as usize, random.between(1, 2_000), random.between(100, 9_000));
            let buys = random.chance(6_000);
            let (verb, from) = if buys { ("buys", "from") } else { ("sells", "to") };
            let (name, at) = (INSTRUMENTS[which], cents(price));
            writeln!(text, "trade T{trade} ALPHA {verb} {quantity} {name} {from} BETA @ {at} isd=2026-11-25 book=M")
                .expect("a text");
            let sign = if buys { 1 } else { -1 };
            account.held[which] += sign * quantity;
            account.cash -= sign * quantity * price;
        }
        let prices = [random.between(100, 9_000), random.between(100, 9_000)];
        writeln!(text, "prices 2026-11-23 SAP={} BMW={}", cents(prices[0]), cents(prices[1])).expect("a text");
        text.push_str("margin-calls 2026-11-23\n----\n");
        let script = Script::parse(&format!("round {round}"), &text).expect("it parses");
        let mut player = player(Mode::Straight);
        player.play(&script, &include).expect("it plays");
        let records = player.stage().shard().records();
        let told = records.iter().flat_map(|record| record.events()).find_map(|event| match event {
            Event::MarginAssessed(told) => Some(told),
            _ => None,
        });
        let told = told.unwrap_or_else(|| panic!("round {round} assesses nothing"));
        assert!(told.lacks.is_empty(), "{:?}", told.lacks);
        let figures = &told.figures;
        let [long, short, equity, initial, maintenance] = formula(&account, prices);
        let said = [figures.long, figures.short, figures.equity, figures.initial, figures.maintenance];
        assert_eq!(said, [long, short, equity, initial, maintenance], "round {round}:\n{text}");
        assert_eq!(told.call.map_or(0, |call| call.amount), (maintenance - equity).max(0), "round {round}");
        called += u32::from(told.call.is_some());
        shorts += u32::from(short > 0);
    }
    assert!(called > 10 && called < 55 && shorts > 10, "{called} calls, {shorts} accounts are short");
}

/// What a day's deals ask for, written down a second time: what they open at its cost, less what the rest has above half.
fn commitments(before: &Account, deals: &[(usize, i64, i64)], prices: [i64; 2]) -> i64 {
    let (mut rest, mut committed) = (Account { held: before.held, cash: before.cash }, 0);
    for which in 0..2 {
        let of_it = || deals.iter().filter(|deal| deal.0 == which);
        let quantity: i64 = of_it().map(|(_, quantity, _)| quantity).sum();
        let paid: i64 = of_it().map(|(_, quantity, price)| quantity * price).sum();
        let (from, to) = (before.held[which], before.held[which] + quantity);
        let opened = if quantity > 0 { to.max(0) - from.max(0) } else { to.min(0) - from.min(0) };
        // The part of what was paid or taken that goes with what was opened, up; what was sold dearer than bought is none.
        let part = if quantity == 0 { 0 } else { (paid / quantity.signum()).max(0) * opened.abs() };
        let part = if quantity == 0 { 0 } else { (part + quantity.abs() - 1) / quantity.abs() };
        committed += part;
        rest.held[which] = to - opened;
        rest.cash += -paid + opened.signum() * part;
    }
    if committed == 0 {
        return 0;
    }
    let [_, _, equity, initial, _] = formula(&rest, prices);
    let half: i64 = committed_by_side(before, deals).iter().map(|side| up(*side, 50)).sum();
    let least = (200_000 - equity).max(0);
    let [long, short] = committed_by_side(before, deals);
    let least = if short == 0 { least.min(long) } else { least };
    (half - (equity - initial).max(0)).max(0).max(least)
}

/// Long, short.
fn committed_by_side(before: &Account, deals: &[(usize, i64, i64)]) -> [i64; 2] {
    let mut sides = [0, 0];
    for which in 0..2 {
        let of_it = || deals.iter().filter(|deal| deal.0 == which);
        let quantity: i64 = of_it().map(|(_, quantity, _)| quantity).sum();
        let paid: i64 = of_it().map(|(_, quantity, price)| quantity * price).sum();
        if quantity == 0 {
            continue;
        }
        let (from, to) = (before.held[which], before.held[which] + quantity);
        let opened = if quantity > 0 { to.max(0) - from.max(0) } else { to.min(0) - from.min(0) };
        let amount = (paid * quantity.signum()).max(0) * opened.abs();
        sides[usize::from(quantity < 0)] += (amount + quantity.abs() - 1) / quantity.abs();
    }
    sides
}

#[test]
fn initial_calls_are_what_an_independent_formula_makes_of_the_days_deals() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let include = |name: &str| std::fs::read_to_string(root.join(name).with_extension("setup")).ok();
    let (mut random, mut called, mut spared) = (Random::new(11), 0, 0);
    for round in 0..60 {
        let mut text =
            "include standard\nparty FUND roles=client\nbook M ALPHA\nmargin-account M FUND M EUR\n".to_owned();
        let deposit = random.between(1, 9_000_000);
        writeln!(text, "transfer {} EUR to ALPHA-CASH book=M", cents(deposit)).expect("a text");
        let (mut before, mut deals) = (Account { cash: deposit, ..Account::default() }, Vec::new());
        for trade in 0..random.between(2, 7) {
            let (which, quantity, price) =
                (random.below(2) as usize, random.between(1, 2_000), random.between(100, 9_000));
            let (buys, today) = (random.chance(6_000), random.chance(6_000));
            let (verb, from) = if buys { ("buys", "from") } else { ("sells", "to") };
            let (name, at) = (INSTRUMENTS[which], cents(price));
            let day = if today { "2026-11-23" } else { "2026-11-20" };
            writeln!(
                text,
                "trade T{trade} ALPHA {verb} {quantity} {name} {from} BETA @ {at} isd=2026-11-25 td={day} book=M"
            )
            .expect("a text");
            let quantity = if buys { quantity } else { -quantity };
            if today {
                deals.push((which, quantity, price));
            } else {
                before.held[which] += quantity;
                before.cash -= quantity * price;
            }
        }
        let prices = [random.between(100, 9_000), random.between(100, 9_000)];
        writeln!(text, "prices 2026-11-23 SAP={} BMW={}", cents(prices[0]), cents(prices[1])).expect("a text");
        text.push_str("initial-calls 2026-11-23\n----\n");
        let script = Script::parse(&format!("round {round}"), &text).expect("it parses");
        let mut player = player(Mode::Straight);
        player.play(&script, &include).expect("it plays");
        let records = player.stage().shard().records();
        let told = records.iter().flat_map(|record| record.events()).find_map(|event| match event {
            Event::InitialAssessed(told) => Some(told),
            _ => None,
        });
        let told = told.unwrap_or_else(|| panic!("round {round} assesses nothing"));
        assert!(told.lacks.is_empty(), "{:?}", told.lacks);
        let required = commitments(&before, &deals, prices);
        let figures = &told.figures;
        assert_eq!([figures.bought, figures.sold_short], committed_by_side(&before, &deals), "round {round}:\n{text}");
        assert_eq!(figures.required, required, "round {round}:\n{text}");
        assert_eq!(told.call.map_or(0, |call| call.amount), required, "round {round}");
        called += u32::from(required > 0);
        spared += u32::from(required == 0 && figures.bought + figures.sold_short > 0);
    }
    assert!(called > 10 && spared > 5, "{called} calls, {spared} had enough");
}
