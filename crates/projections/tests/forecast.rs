//! What CCPs will ask for what has not settled: recomputed here from the trades and the raw prices, by plain loops, and compared;
//! what lacks a price, a history or terms is named, never zero.

mod stream;

use std::collections::BTreeMap;

use projections::At;
use stream::played::after;
use stream::random::Random;
use stream::{Fixture, day};
use wire::pb::typ;
use wire::pb::view as pb;

fn units(decimal: Option<typ::Decimal>) -> i64 {
    decimal.expect("it is there").unscaled
}

/// So many closes up to 2026-11-20 in cents, every day, of two shares that wander.
fn closes(random: &mut Random, count: i32) -> Vec<[i64; 2]> {
    let mut prices = [10_000, 6_000];
    let mut closes = Vec::new();
    for _ in 0..count {
        for price in &mut prices {
            *price = (*price * (960 + random.below(81) as i64) / 1_000).max(500);
        }
        closes.push(prices);
    }
    closes
}

fn recorded(closes: &[[i64; 2]]) -> String {
    let mut text = String::new();
    for (number, [sap, bmw]) in closes.iter().enumerate() {
        let date = day("2026-11-20").add_days(number as i32 + 1 - closes.len() as i32).unwrap();
        let cents = |price: &i64| format!("{}.{:02}", price / 100, price % 100);
        text.push_str(&format!("prices {date} SAP={} BMW={}\n", cents(sap), cents(bmw)));
    }
    text
}

fn forecasts(fixture: &Fixture, filter: &pb::ForecastFilter) -> pb::MarginForecasts {
    fixture.views.margin_forecast(filter, At::NOW).unwrap()
}

fn all(fixture: &Fixture) -> pb::MarginForecasts {
    forecasts(fixture, &pb::ForecastFilter::default())
}

const CCP: &str = "party EUCP roles=counterparty,ccp\nclearing-terms EUCP gap=0.60/0.10 fails=0.05 least=0.02\n";

/// So many millionths of a value, up.
fn share(value: i64, millionths: i64) -> i64 {
    ((i128::from(value) * i128::from(millionths) + 999_999) / 1_000_000) as i64
}

/// The third worst of 250 moves over three closes against a position, in millionths, up; two percent at least.
fn haircut(closes: &[[i64; 2]], paper: usize, short: bool) -> i64 {
    let mut losses: Vec<f64> = Vec::new();
    for end in 3..closes.len() {
        let (from, to) = (closes[end - 3][paper] as f64 / 100.0, closes[end][paper] as f64 / 100.0);
        let moved = to / from - 1.0;
        losses.push(if short { moved } else { -moved });
    }
    assert_eq!(losses.len(), 250);
    losses.sort_by(|one, other| other.total_cmp(one));
    ((losses[2] * 1e6).ceil() as i64).max(20_000)
}

#[test]
fn components_are_what_trades_and_raw_prices_make() {
    let (mut adverse, mut gaps) = (0, 0);
    for seed in 1..=6 {
        let mut random = Random(seed);
        let closes = closes(&mut random, 253);
        let mut business = format!("{CCP}open\n");
        // Of each share what is bought and sold of the CCP, some of it past its date: quantity, cents, late.
        let mut trades: [Vec<(i64, i64, bool)>; 2] = Default::default();
        for (paper, name) in ["SAP", "BMW"].into_iter().enumerate() {
            for number in 0..=random.below(4) {
                let (quantity, late) = (1 + random.below(400) as i64, random.below(3) == 0);
                let price = closes[252][paper] + random.below(2_001) as i64 - 1_000;
                let sells = random.below(2) == 0;
                let (verb, with) = if sells { ("sells", "to") } else { ("buys", "from") };
                let dates = if late { "td=2026-11-18 isd=2026-11-20" } else { "isd=2026-11-25" };
                business.push_str(&format!(
                    "trade {name}{number} ALPHA {verb} {quantity} {name} {with} EUCP @ {}.{:02} {dates}\n",
                    price / 100,
                    price % 100
                ));
                trades[paper].push((if sells { -quantity } else { quantity }, price, late));
            }
        }
        // Others are no business of a CCP.
        business.push_str("trade X1 ALPHA buys 100 SAP from BETA @ 100.00 isd=2026-11-25\n");
        let fixture = after("standard", &format!("{business}{}", recorded(&closes)));
        let told = all(&fixture);
        assert!(told.exceptions.is_empty(), "{:?}", told.exceptions);
        assert_eq!((told.history[0].closes, told.synthetic_closes), (253, 0));
        let [account] = &told.accounts[..] else { panic!("{} accounts", told.accounts.len()) };
        assert_eq!(
            (&*account.entity, &*account.ccp, &*account.account, &*account.currency),
            ("ALPHA", "EUCP", "ALPHA-DEPOT", "EUR")
        );

        let mut expected = BTreeMap::new();
        let mut sizes = Vec::new();
        for (paper, name) in ["SAP", "BMW"].into_iter().enumerate() {
            let price = closes[252][paper];
            let net: i64 = trades[paper].iter().map(|(quantity, ..)| quantity).sum();
            let contract: i64 = trades[paper].iter().map(|(quantity, cents, _)| quantity * cents).sum();
            let failing: i64 =
                trades[paper].iter().filter(|(.., late)| *late).map(|(quantity, ..)| quantity.abs() * price).sum();
            let volatility = share((net * price).abs(), haircut(&closes, paper, net < 0));
            sizes.push(((net * price).abs(), name));
            expected.insert(name, [net * price - contract, volatility, 0, share(failing, 50_000)]);
        }
        // Named in the order of the answer, which is that of the names: the first of equals is concentrated.
        let gross: i64 = sizes.iter().map(|(size, _)| size).sum();
        let (largest, name) = *sizes.iter().max().unwrap();
        if largest > gross * 60 / 100 {
            expected.get_mut(name).unwrap()[2] = share(largest, 100_000);
            gaps += 1;
        }
        let parts =
            |charge: pb::MarginCharge| [charge.mark_to_market, charge.volatility, charge.gap, charge.fails].map(units);
        for position in &account.positions {
            let charge = parts(position.charge.unwrap());
            assert_eq!(charge, expected[&*position.instrument], "{seed}: {}", position.instrument);
            let paper = usize::from(position.instrument == "BMW");
            assert_eq!(position.trades.len(), trades[paper].len());
            assert_eq!(
                position.trades.iter().map(|trade| units(trade.contract)).sum::<i64>(),
                units(position.contract)
            );
            assert_eq!(position.trades.iter().map(|trade| units(trade.market)).sum::<i64>(), units(position.market));
        }
        let sum = |part: usize| expected.values().map(|charge| charge[part]).sum::<i64>();
        assert_eq!(parts(account.total.unwrap()), [sum(0), sum(1), sum(2), sum(3)]);
        assert_eq!(units(account.requirement), (-sum(0)).max(0) + sum(1) + sum(2) + sum(3), "{seed}");
        adverse += u64::from(sum(0) < 0);
    }
    assert!(adverse > 0 && gaps > 0, "{adverse} adverse, {gaps} concentrated");
}

#[test]
fn what_lacks_a_price_a_history_or_terms_has_no_figures_and_says_so() {
    let closes = closes(&mut Random(5), 253);
    let business = "open\ntrade A1 ALPHA buys 100 SAP from EUCP @ 100.00 isd=2026-11-25\n";
    let with = |before: &str, more: &str| after("standard", &format!("{before}{business}{more}"));
    // Terms that begin later are none today.
    let none = all(&with("party EUCP roles=ccp\nclearing-terms EUCP from=2026-11-21\n", &recorded(&closes)));
    let [account] = &none.accounts[..] else { panic!("one account") };
    assert_eq!(
        (&account.requirement, &account.total, &account.lacks[..]),
        (&None, &None, &["NO_TERMS EUCP".to_owned()][..])
    );
    assert_eq!((&*none.exceptions[0].code, &*none.exceptions[0].subject), ("NO_TERMS", "EUCP"));
    // One close too few.
    let short = all(&with(CCP, &recorded(&closes[1..])));
    assert_eq!(short.accounts[0].lacks, ["SHORT_HISTORY SAP"]);
    assert_eq!((&short.accounts[0].requirement, short.exceptions[0].trades), (&None, 1));
    // One share has no price: the account has no figures, its other position is told.
    let apple = "trade A2 ALPHA buys 10 BMW from EUCP @ 60.00 isd=2026-11-25\n";
    let apple = format!("{apple}{}prices 2026-11-20 v=2 SAP=100.00\n", recorded(&closes));
    let unpriced = all(&with(CCP, &apple));
    let [account] = &unpriced.accounts[..] else { panic!("one account") };
    assert_eq!(account.lacks, ["NO_PRICE BMW", "SHORT_HISTORY BMW"]);
    assert_eq!((&account.requirement, units(account.positions[1].market)), (&None, 1_000_000));
    assert_eq!(account.positions[0].market, None);
    // Nobody's history stands in for another's, and no party that is no CCP has an account.
    let history = vec![pb::SetSeries { snap: "CLOSE".into(), source: "NOBODY".into() }];
    let fixture = with(CCP, &recorded(&closes));
    let asked = pb::ForecastFilter { history, ..Default::default() };
    assert!(fixture.views.margin_forecast(&asked, At::NOW).is_err());
    let elsewhere = pb::ForecastFilter { ccp: "BETA".into(), ..Default::default() };
    assert!(forecasts(&fixture, &elsewhere).accounts.is_empty());
    // It is a CCP no more: what is open with it is exposure.
    assert!(all(&with(&format!("{CCP}party EUCP roles=counterparty\n"), &recorded(&closes))).accounts.is_empty());
}

#[test]
fn the_terms_of_the_day_hold_and_an_index_is_never_concentrated() {
    let closes = closes(&mut Random(9), 253);
    let text = format!(
        "{CCP}clearing-terms EUCP from=2026-11-20 gap=0.30/0.20 fails=0.00 least=0.50 index=ES\n\
        clearing-terms EUCP from=2026-11-21 least=0.90\nopen\n\
        trade A1 ALPHA buys 100 SAP from EUCP @ 100.00 isd=2026-11-25\n{}",
        recorded(&closes)
    );
    let told = all(&after("standard", &text));
    let position = &told.accounts[0].positions[0];
    assert_eq!(position.haircut, Some(typ::Decimal { unscaled: 50, scale: 2 }));
    assert!(position.index && told.accounts[0].terms.contains("from 2026-11-20"), "{}", told.accounts[0].terms);
    let market = units(position.market);
    let charge = position.charge.unwrap();
    assert_eq!((units(charge.volatility), units(charge.gap)), (market / 2, 0));
}
