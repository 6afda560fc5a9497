//! What a flow promises: the same seed gives the same week, time never goes back, and the mix is the one asked for.

use super::*;
use crate::memory::Shard;
use model::command::Command;
use model::decimal::Decimal;
use model::event::Event;
use model::index::Kind;
use model::ledger::Axis;
use model::trade::Action;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn the_same_seed_gives_the_same_flow_and_another_seed_another() {
    let week = |seed| Flow::new(seed, Shape { trades: 300, ..Shape::demo() }).week().collect::<Vec<_>>();
    assert!(week(5) == week(5));
    assert!(week(5) != week(6));
    assert!(Flow::new(5, Shape::demo()).reference() == Flow::new(5, Shape::demo()).reference());
}

#[test]
fn time_never_goes_back_and_begins_after_the_reference_data() {
    for shape in [Shape::demo(), Shape::bench(20_000), Shape::hot(20_000)] {
        let flow = Flow::new(1, shape);
        let mut last = flow.genesis().at;
        for inbound in flow.reference() {
            assert!(inbound.at >= last);
            last = inbound.at;
        }
        for item in flow.week() {
            assert!(item.at >= last, "{:?} after {last}", item);
            last = item.at;
            if let Step::Command(inbound) = &item.step {
                assert_eq!(inbound.at, item.at);
            }
        }
    }
}

#[test]
fn the_demonstration_week_has_everything_that_goes_wrong() {
    let flow = Flow::new(2026, Shape::demo());
    let (mut seen, mut actions, mut days) = (BTreeSet::new(), BTreeMap::new(), 0);
    let mut tally = Tally::opening(&flow);
    for item in flow.week() {
        tally.note(&item);
        match &item.step {
            Step::Message(message) => {
                if let Body::Trade(trade) = &message.body {
                    *actions.entry(format!("{:?}", trade.action)).or_insert(0) += 1;
                    assert_eq!(trade.details.is_none(), trade.action == Action::Cancel);
                }
            }
            Step::Command(inbound) => {
                days += u32::from(matches!(&inbound.command, Command::Day(_)));
                seen.insert(inbound.command.name());
            }
            Step::Steer { .. } => _ = seen.insert("steer"),
            Step::Approve { .. } => _ = seen.insert("approve"),
            Step::CloseUnreadable { .. } => _ = seen.insert("close-quarantined"),
        }
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        ["approve", "close-quarantined", "day", "repair", "set-reference", "steer", "transfer"]
    );
    // Five openings and closings, four cut-offs a day, and no dollars on Thanksgiving.
    assert_eq!(days, 5 * 6 - 1);
    assert!((7_500..8_500).contains(&tally.sent()), "{}", tally.sent());
    assert!(actions["Amend"] > 60 && actions["Cancel"] > 20, "{actions:?}");
    for kind in [Expected::Duplicate, Expected::Rejected(Reason::VersionConflict), Expected::Unreadable] {
        assert!(tally.messages[&kind] > 4, "{kind:?}");
    }
}

#[test]
fn the_bench_has_the_mix_of_w1() {
    for (shape, hot) in [(Shape::bench(200_000), false), (Shape::hot(200_000), true)] {
        let flow = Flow::new(3, shape);
        let (mut messages, mut twice, mut once, mut central, mut first) = (0u64, 0u64, BTreeMap::new(), 0u64, 0u64);
        let top = flow.securities()[0].id.clone();
        for (place, item) in flow.week().enumerate() {
            let Step::Message(message) = item.step else {
                assert_eq!(place, 0, "only the opening is a command");
                continue;
            };
            let Body::Trade(trade) = message.body else { panic!("no poison in a bench") };
            messages += 1;
            twice += u64::from(message.expected == Expected::Duplicate);
            let details = trade.details.expect("only new trades");
            central += u64::from([&details.party, &details.counterparty].iter().any(|party| party.as_str() == "CCP"));
            first += u64::from(details.instrument == top);
            if message.expected == Expected::Accepted {
                let mut pair = [details.party.clone(), details.counterparty.clone()];
                pair.sort();
                *once
                    .entry((pair, details.instrument, details.quantity.unscaled, details.net.unscaled))
                    .or_insert(0u32) += 1;
            }
        }
        let single = once.values().filter(|count| *count % 2 == 1).count() as u64;
        assert!((198_000..202_000).contains(&messages), "{messages}");
        assert!((messages * 17 / 1_000..messages * 23 / 1_000).contains(&twice), "{twice}");
        assert!((messages * 7 / 1_000..messages * 13 / 1_000).contains(&single), "{single}");
        assert_eq!(central == messages, hot);
        if hot {
            assert!((messages * 28 / 100..messages * 50 / 100).contains(&first), "{first}");
        }
    }
}

/// What lies on all accounts together, by the asset's name.
fn holdings(shard: &Shard) -> BTreeMap<String, Decimal> {
    let (state, mut held) = (shard.state(), BTreeMap::new());
    for (account, asset, amount) in state.balances() {
        if account.axis() == Axis::Location {
            let (name, scale) = match asset.as_instrument() {
                Some(index) => (state.name(Kind::Instrument, index.0).expect("a name").to_string(), state.scale(index)),
                None => (asset.as_currency().expect("a currency").to_string(), 2),
            };
            held.entry(name).or_insert((0, scale)).0 += amount;
        }
    }
    let decimal = |(units, scale)| Decimal::from_units(units, u32::from(scale)).expect("a balance fits");
    held.into_iter().map(|(name, units)| (name, decimal(units))).collect()
}

#[test]
fn every_message_of_the_week_gets_the_answer_it_should_and_nothing_is_lost() {
    let flow = Flow::new(2026, Shape::demo());
    let mut shard = Shard::new(flow.genesis());
    let unexpected = play(&flow, &mut shard);
    assert!(unexpected.is_empty(), "{} answers, among them {:#?}", unexpected.len(), unexpected[0]);
    let mut tally = Tally::opening(&flow);
    flow.week().for_each(|item| tally.note(&item));
    let held = holdings(&shard);
    assert_eq!(held.len(), tally.holdings.len());
    for (name, expected) in &tally.holdings {
        assert!(held[name].same_value(*expected), "{name}: {} lie somewhere, {expected} came in", held[name]);
    }
    let settled = shard
        .records()
        .iter()
        .flat_map(|record| record.events())
        .filter(|event| matches!(event, Event::InstructionsSettled { .. }))
        .count();
    // T+2: what was traded on Thursday and Friday is still to come.
    assert!((1_800..3_000).contains(&settled), "{settled}");
}

#[test]
fn what_a_bench_sends_settles() {
    for shape in [Shape::bench(20_000), Shape::hot(20_000)] {
        let flow = Flow::new(11, Shape { members: 20, instruments: 50, ..shape });
        let mut shard = Shard::new(flow.genesis());
        assert!(play(&flow, &mut shard).is_empty());
        let events = shard.records().iter().flat_map(|record| record.events());
        let settled = events.filter(|event| matches!(event, Event::InstructionsSettled { .. })).count() as u64;
        // 2 % of the trades have one side, 3 % lack securities.
        assert!(
            (flow.world.shape.trades * 94 / 100..flow.world.shape.trades * 96 / 100).contains(&settled),
            "{settled}"
        );
    }
}

/// The history is the seed's, ends on the eve of the first observed close, and is what a market looks like: shares move
/// together, and the worst days are far worse than ordinary ones.
#[test]
fn the_synthetic_history_is_correlated_and_has_heavy_tails() {
    let flow = Flow::new(2026, Shape { trades: 10, ..Shape::demo() });
    let commands = flow.history(500);
    assert!(commands == Flow::new(2026, Shape { trades: 10, ..Shape::demo() }).history(500));
    assert!(commands.windows(2).all(|pair| pair[0].at < pair[1].at));
    assert!(commands[0].at > flow.reference().last().expect("some").at);
    let mut closes: Vec<BTreeMap<String, f64>> = Vec::new();
    let mut last = None;
    for inbound in &commands {
        let Command::SetReference(reference) = &inbound.command else { panic!("{inbound:?}") };
        let model::reference::Reference::PriceSet(set) = &**reference else { continue };
        assert!(model::reference::is_synthetic(&set.source) && last.is_none_or(|last| last < set.date));
        last = Some(set.date);
        let price = |price: &model::reference::Price| {
            let name = match &price.of {
                model::reference::Priced::Instrument(id) => id.to_string(),
                model::reference::Priced::Currency(code) => code.to_string(),
            };
            (name, price.value.unscaled as f64)
        };
        closes.push(set.prices.iter().map(price).collect());
    }
    assert_eq!((closes.len(), last), (500, Some(market::day("2026-11-19"))));
    let moves =
        |name: &str| -> Vec<f64> { closes.windows(2).map(|pair| (pair[1][name] / pair[0][name]).ln()).collect() };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let about = |values: &[f64], power: i32| {
        let middle = mean(values);
        mean(&values.iter().map(|value| (value - middle).powi(power)).collect::<Vec<_>>())
    };
    let (sap, siemens, bund, dollar) = (moves("SAP"), moves("SIEMENS"), moves("BUND-0-2031"), moves("USD"));
    let correlation = |one: &[f64], other: &[f64]| {
        let products: Vec<f64> =
            one.iter().zip(other).map(|(one_day, day)| (one_day - mean(one)) * (day - mean(other))).collect();
        mean(&products) / (about(one, 2) * about(other, 2)).sqrt()
    };
    assert!(correlation(&sap, &siemens) > 0.2, "{}", correlation(&sap, &siemens));
    assert!(correlation(&sap, &bund) < 0.1, "{}", correlation(&sap, &bund));
    // A normal distribution has a kurtosis of three.
    assert!(about(&sap, 4) / about(&sap, 2).powi(2) > 4.0, "{}", about(&sap, 4) / about(&sap, 2).powi(2));
    for (name, of, low, high) in [("SAP", &sap, 0.08, 0.6), ("BUND", &bund, 0.01, 0.2), ("USD", &dollar, 0.04, 0.3)] {
        let year = (about(of, 2) * 252.0).sqrt();
        assert!((low..high).contains(&year), "{name} moves {year} a year");
    }
}

/// Limits change no answer while they warn; what is reserved after the week is what the trades that are open make, and
/// nothing that has ended reserves.
#[test]
fn limits_are_the_sum_of_what_open_trades_and_holdings_reserve() {
    let flow = Flow::new(2026, Shape::demo());
    let mut shard = Shard::new(flow.genesis());
    let unexpected = play_with(&flow, &mut shard, |first| flow.limits(first));
    assert!(unexpected.is_empty(), "{} answers, among them {:#?}", unexpected.len(), unexpected[0]);
    let (mut counted, mut told, mut owned) = (BTreeMap::new(), [0u32; 3], 0);
    for event in shard.records().iter().flat_map(|record| record.events()) {
        match event {
            Event::LimitReserved(reserved) => {
                told[0] += 1;
                counted.insert((reserved.trade, reserved.line), reserved.amount);
            }
            // The numbers of trades are far below.
            Event::HoldingReserved(reserved) => {
                owned += 1;
                counted.insert((u64::MAX - u64::from(reserved.instrument.0), reserved.line), reserved.amount);
            }
            Event::LimitBreached(_) => told[1] += 1,
            Event::LimitCured(_) => told[2] += 1,
            _ => {}
        }
    }
    assert!(told[0] > 1_000 && told[1] > 50 && told[2] > 20, "reserved, breached, cured: {told:?}");
    assert!(owned > 100, "{owned} holdings");
    counted.retain(|_, amount| *amount != 0);
    let mut used = BTreeMap::new();
    for ((_, line), amount) in counted {
        *used.entry(line).or_insert(0) += amount;
    }
    let state = shard.state();
    assert!(state.recount_limits().expect("kept as counted") > 50, "T+2: some trades are still open");
    let today = state.at().expect("a last record").date_utc();
    let rows = state.limits(today).into_iter().filter(|row| row.used != 0);
    let party = |name: &Identifier| model::index::PartyIx(state.find(Kind::Party, name.as_str()).expect("a name"));
    let kept: BTreeMap<_, _> = rows
        .map(|row| {
            let (entity, counterparty) = (party(&row.entity), party(&row.counterparty));
            let line = model::limit::LimitLine { entity, counterparty, kind: row.kind, value_date: row.value_date };
            (line, row.used)
        })
        .collect();
    assert_eq!(kept, used);
    for row in state.limits(today) {
        let over = row.unmeasured > 0 || row.limit.is_some_and(|(limit, _)| row.used > limit);
        assert_eq!(over, row.breached.is_some(), "{row:?}");
    }
}
