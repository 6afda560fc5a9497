//! Value at risk and shortfall of the books: recomputed here from the raw prices of the log, by plain loops, and compared;
//! and what has no price or no history is named, never zero.

mod stream;

use std::collections::BTreeMap;

use model::date::Date;
use model::event::Event;
use model::record::{FactContent, Outcome};
use model::reference::{Priced, Reference};
use projections::At;
use stream::played::played;
use stream::random::Random;
use stream::{Fixture, Stream, day};
use wire::pb::typ;
use wire::pb::view as pb;

fn units(decimal: Option<typ::Decimal>) -> i64 {
    decimal.expect("it is there").unscaled
}

/// So many closes up to 2026-11-20, every day, of two series: euros with the rate of the dollar, and dollars. Every price wanders;
/// `lacks` says which close lacks which name.
fn closes(count: i32, source: &str, mut lacks: impl FnMut(i32, &str) -> bool) -> String {
    let mut random = Random(7);
    let mut prices = [("SAP", 10_000_i64), ("BMW", 6_000), ("BUND", 9_800), ("USD", 8_600), ("APPLE", 20_000)];
    let mut text = String::new();
    for number in 1..=count {
        for (_, price) in &mut prices {
            *price = (*price * (960 + random.below(81) as i64) / 1_000).max(500);
        }
        let date = day("2026-11-20").add_days(number - count).unwrap();
        let part = |only: &[&str], lacks: &mut dyn FnMut(i32, &str) -> bool| {
            let wanted = prices.iter().filter(|(name, _)| only.contains(name) && !lacks(number, name));
            let told = wanted.map(|(name, price)| match *name {
                "USD" => format!(" USD=0.{price:04}"),
                _ => format!(" {name}={}.{:02}", price / 100, price % 100),
            });
            told.collect::<String>()
        };
        let euros = part(&["SAP", "BMW", "BUND", "USD"], &mut lacks);
        let dollars = part(&["APPLE"], &mut lacks);
        text.push_str(&format!(
            "prices {date} source={source}{euros}\nprices {date} source={source}-US ccy=USD{dollars}\n"
        ));
    }
    text
}

/// ALPHA goes short of SAP, long of BMW; BETA is the other side.
const BUSINESS: &str = "open\ntrade A1 ALPHA sells 1500 SAP to BETA @ 100.00 isd=2026-11-25\n\
    trade B1 BETA buys 1500 SAP from ALPHA @ 100.00 isd=2026-11-25\n\
    trade A2 ALPHA buys 300 BMW from GAMMA @ 60.00 isd=2026-11-25\n";

fn standing(commands: &str) -> (Stream, Fixture) {
    let stream = played("commands", &format!("include standard\n\n{}\n----\n", commands.trim_end()));
    let mut fixture = Fixture::new();
    fixture.fold(&stream);
    fixture.save();
    let fixture = fixture.restart(&stream);
    (stream, fixture)
}

fn series(source: &str) -> Vec<pb::SetSeries> {
    let one = |source: String| pb::SetSeries { snap: "CLOSE".into(), source };
    vec![one(source.to_owned()), one(format!("{source}-US"))]
}

fn in_euro(source: &str) -> pb::MarketRiskQuestion {
    pb::MarketRiskQuestion { sets: series(source), currency: "EUR".into(), ..Default::default() }
}

/// What the log says of prices: by date and name, in units of their own; and of the dollar.
fn raw(stream: &Stream) -> BTreeMap<Date, BTreeMap<String, f64>> {
    let mut raw: BTreeMap<Date, BTreeMap<String, f64>> = BTreeMap::new();
    for facts in &stream.facts {
        let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content else { continue };
        for event in events {
            let Event::ReferenceSet { reference, .. } = event else { continue };
            let Reference::PriceSet(set) = &**reference else { continue };
            for price in &set.prices {
                let name = match &price.of {
                    Priced::Instrument(id) => id.to_string(),
                    Priced::Currency(code) => code.to_string(),
                };
                let value = price.value.to_string().parse().unwrap();
                raw.entry(set.date).or_default().insert(name, value);
            }
        }
    }
    raw
}

/// Quantities of ALPHA's book and BETA's after the business.
const BOOKS: [(&str, [(&str, f64); 4]); 2] = [
    ("ALPHA-EQ", [("SAP", -500.0), ("BMW", 300.0), ("APPLE", 1_000.0), ("BUND", 1_000_000.0)]),
    ("BETA-EQ", [("SAP", 2_500.0), ("BMW", 0.0), ("APPLE", 1_000.0), ("BUND", 1_000_000.0)]),
];

/// In cents: one of it on a close.
fn worth(on: &BTreeMap<String, f64>, name: &str) -> f64 {
    match name {
        "APPLE" => on["APPLE"] * on["USD"] * 100.0,
        // A percentage of nominal.
        "BUND" => on["BUND"],
        _ => on[name] * 100.0,
    }
}

/// Results of every scenario with the dates it is made of, the worst first.
fn scenarios(
    raw: &BTreeMap<Date, BTreeMap<String, f64>>,
    held: &[(&str, f64)],
    (count, horizon): (usize, usize),
) -> Vec<(f64, Date, Date)> {
    let closes: Vec<_> = raw.iter().collect();
    let closes = &closes[closes.len() - count - horizon..];
    let last = closes[closes.len() - 1].1;
    let mut results = Vec::new();
    for end in horizon..closes.len() {
        let ((from, before), (to, after)) = (closes[end - horizon], closes[end]);
        let mut result = 0.0;
        for (name, quantity) in held {
            let now = quantity * worth(last, name);
            result += now * worth(after, name) / worth(before, name) - now;
        }
        results.push((result, *from, *to));
    }
    results.sort_by(|one, other| one.0.total_cmp(&other.0));
    results
}

fn near(found: i64, expected: f64) {
    // Each of four positions is rounded to a cent before it is moved.
    assert!((found as f64 - expected).abs() <= 3.0, "{found} is not {expected}");
}

fn number(date: Date) -> u32 {
    let (year, month, day) = date.ymd();
    year.unsigned_abs() * 10_000 + u32::from(month) * 100 + u32::from(day)
}

#[test]
fn the_estimates_are_what_the_raw_prices_of_the_log_say() {
    let (stream, fixture) = standing(&format!("{BUSINESS}{}", closes(300, "QUOTES", |_, _| false)));
    let raw = raw(&stream);
    let risk = fixture.views.market_risk(&in_euro("QUOTES"), At::NOW).unwrap();
    let basis = risk.basis.as_ref().unwrap();
    assert_eq!((basis.sequence, basis.business_date, basis.date), (stream.last(), 20261123, 20261120));
    assert_eq!((basis.scenarios, basis.horizon, &*basis.currency), (250, 1, "EUR"));
    let told: Vec<_> = basis.history.iter().map(|each| (&*each.source, each.closes, each.synthetic)).collect();
    assert_eq!(told, [("QUOTES", 251, false), ("QUOTES-US", 251, false)]);
    assert_eq!((basis.synthetic_closes, basis.exceptions.len()), (0, 0));

    let mut all: Vec<(&str, f64)> = vec![("SAP", 1_000.0), ("APPLE", 1_000.0), ("BUND", 1_000_000.0), ("BMW", 0.0)];
    for (book, held) in BOOKS {
        let row = risk.rows.iter().find(|row| row.book == book).unwrap();
        let expected = scenarios(&raw, &held, (250, 1));
        near(units(row.value_at_risk), -expected[2].0);
        let mean = |count: usize| expected[..count].iter().map(|each| each.0).sum::<f64>() / count as f64;
        near(units(row.expected_shortfall), -mean(7));
        assert_eq!(row.worst.len(), 5);
        for (told, (result, from, to)) in row.worst.iter().zip(&expected) {
            near(units(told.result), *result);
            assert_eq!((told.from, told.to), (number(*from), number(*to)), "{book}");
        }
        all.extend(held);
    }
    // The house: GAMMA's book too. It is less than the sum of the books, whose worst days are not the same.
    let expected = scenarios(&raw, &all, (250, 1));
    let total = risk.total.as_ref().unwrap();
    near(units(total.value_at_risk), -expected[2].0);
    let sum: i64 = risk.rows.iter().map(|row| units(row.value_at_risk)).sum();
    assert!(units(total.value_at_risk) < sum);
    let value: i64 = risk.rows.iter().map(|row| units(row.market_value)).sum();
    assert_eq!(units(total.market_value), value);
    // What moved the worst day adds up to it: three instruments of four, so nearly.
    let drivers: i64 = total.worst[0].drivers.iter().map(|driver| units(driver.result)).sum();
    assert!(drivers.abs() > units(total.worst[0].result).abs() / 2, "{:?}", total.worst[0]);
}

#[test]
fn rules_horizons_and_sets_of_books_are_parameters() {
    let (stream, fixture) = standing(&format!("{BUSINESS}{}", closes(300, "QUOTES", |_, _| false)));
    let raw = raw(&stream);
    let held = BOOKS[0].1;
    let ask = |question: pb::MarketRiskQuestion| {
        let risk = fixture.views.market_risk(&question, At::NOW).unwrap();
        (risk.rows.len(), risk.total.unwrap())
    };
    let alpha = pb::MarketRiskQuestion { books: vec!["ALPHA-EQ".into()], ..in_euro("QUOTES") };
    let expected = scenarios(&raw, &held, (250, 1));
    for (rule, value) in [
        (pb::QuantileRule::Ceiling, expected[2].0),
        (pb::QuantileRule::Floor, expected[1].0),
        // 249 * 0.01 = 2.49 from the worst.
        (pb::QuantileRule::Linear, expected[2].0 + 0.49 * (expected[3].0 - expected[2].0)),
    ] {
        let (rows, total) = ask(pb::MarketRiskQuestion { quantile: rule as i32, ..alpha.clone() });
        assert_eq!(rows, 1);
        near(units(total.value_at_risk), -value);
    }
    // Ten closes, overlapping.
    let expected = scenarios(&raw, &held, (250, 10));
    let (_, total) = ask(pb::MarketRiskQuestion { horizon: 10, ..alpha.clone() });
    near(units(total.value_at_risk), -expected[2].0);
    // By entity, by several books.
    assert_eq!(ask(pb::MarketRiskQuestion { entity: "BETA".into(), ..in_euro("QUOTES") }).0, 1);
    let two = vec!["ALPHA-EQ".into(), "BETA-EQ".into()];
    assert_eq!(ask(pb::MarketRiskQuestion { books: two, ..in_euro("QUOTES") }).0, 2);
    let refused = |question| fixture.views.market_risk(&question, At::NOW).unwrap_err().to_string();
    let few = pb::MarketRiskQuestion { scenarios: 100, ..alpha.clone() };
    assert_eq!(refused(few), "filter field scenarios: 100 is not between 250 and 5000");
    let sure = Some(typ::Decimal { unscaled: 1, scale: 0 });
    let sure = pb::MarketRiskQuestion { confidence: sure, ..alpha.clone() };
    assert_eq!(refused(sure), "filter field confidence: 1 is no confidence between 0.5 and 1");
    let nobody = pb::MarketRiskQuestion { currency: String::new(), ..alpha };
    assert!(refused(nobody).contains("say which to report in"));
}

#[test]
fn what_lacks_a_price_a_rate_or_a_history_is_named_and_left_out() {
    // BMW has no price on the last close; APPLE none on two earlier ones.
    let lacks =
        |number: i32, name: &str| (name == "BMW" && number == 260) || (name == "APPLE" && [100, 101].contains(&number));
    let (_, fixture) = standing(&format!("{BUSINESS}{}", closes(260, "QUOTES", lacks)));
    let risk = fixture.views.market_risk(&in_euro("QUOTES"), At::NOW).unwrap();
    let basis = risk.basis.unwrap();
    let told: Vec<_> = basis
        .exceptions
        .iter()
        .map(|each| (&*each.code, &*each.subject, each.positions, each.closes, each.first))
        .collect();
    let first = number(day("2026-11-20").add_days(100 - 260).unwrap());
    assert_eq!(told, [("NO_PRICE", "BMW", 1, 0, 0), ("SHORT_HISTORY", "APPLE", 3, 2, first)]);
    let alpha = risk.rows.iter().find(|row| row.book == "ALPHA-EQ").unwrap();
    assert_eq!((alpha.positions, alpha.excepted), (2, 2));

    // Without a rate a dollar position has no value; in dollars it has one, and the others have none.
    let unrated = |_: i32, name: &str| name == "USD";
    let (_, fixture) = standing(&format!("{BUSINESS}{}", closes(260, "QUOTES", unrated)));
    let risk = fixture.views.market_risk(&in_euro("QUOTES"), At::NOW).unwrap();
    let told: Vec<_> = risk.basis.unwrap().exceptions.into_iter().map(|each| (each.code, each.subject)).collect();
    assert_eq!(told, [("NO_RATE".to_owned(), "USD/EUR".to_owned())]);

    // A book with nothing that can be estimated has no estimate, not zero.
    let only = |_: i32, name: &str| name != "SAP" && name != "USD";
    let (_, fixture) = standing(&format!("open\n{}", closes(260, "QUOTES", only)));
    let dollars = pb::MarketRiskQuestion { sets: series("QUOTES")[1..].to_vec(), ..in_euro("QUOTES") };
    let risk = fixture.views.market_risk(&dollars, At::NOW).unwrap();
    assert!(risk.rows.iter().all(|row| row.positions == 0 && row.value_at_risk.is_none()));

    // Fewer closes than scenarios: refused, with how many there are.
    let (_, fixture) = standing(&format!("open\n{}", closes(250, "QUOTES", |_, _| false)));
    let refused = fixture.views.market_risk(&in_euro("QUOTES"), At::NOW).unwrap_err().to_string();
    assert!(refused.contains("has 250 closes up to 2026-11-20 and 251 are needed"), "{refused}");
}

/// Made prices are taken only where they are named, and the answer says so; exposure never takes them by itself.
#[test]
fn a_synthetic_history_is_taken_only_when_named_and_says_so() {
    let made = closes(260, "SYNTHETIC", |_, _| false);
    let observed = "prices 2026-11-21 source=QUOTES SAP=101.00 BMW=60.00 BUND=98.00 USD=0.8600\n\
        prices 2026-11-21 source=QUOTES-US ccy=USD APPLE=200.00\n";
    let (_, fixture) = standing(&format!("{BUSINESS}{made}{observed}"));
    let refused = fixture.views.market_risk(&in_euro("QUOTES"), At::NOW).unwrap_err().to_string();
    assert!(refused.contains("has 1 closes up to 2026-11-21"), "{refused}");
    let sets = [series("QUOTES"), series("SYNTHETIC")].concat();
    let question = pb::MarketRiskQuestion { sets, ..in_euro("QUOTES") };
    let basis = fixture.views.market_risk(&question, At::NOW).unwrap().basis.unwrap();
    assert_eq!((basis.date, basis.synthetic_closes), (20261121, 250));
    assert!(basis.sets.iter().all(|set| set.source.starts_with("QUOTES")));
    assert_eq!(
        basis.history.iter().filter(|each| each.synthetic).map(|each| each.closes).collect::<Vec<_>>(),
        [250, 250]
    );
    // Of the observed ones there are two sources, of which none is meant: the made ones are not even named.
    let ambiguous = fixture.views.exposure(&pb::ExposureFilter::default(), At::NOW).unwrap_err().to_string();
    assert_eq!(ambiguous, "filter field prices.source: several have sets of this snap, say which: QUOTES, QUOTES-US");
}

#[test]
fn concentration_is_shares_of_the_gross() {
    let set = "prices 2026-11-20 SAP=100.00 BMW=60.00 BUND=98.00 USD=0.9000\n\
        prices 2026-11-20 source=QUOTES-US ccy=USD APPLE=200.00\n\
        issuer SAP SAP-SE\nissuer BMW BMW-AG\nissuer BUND GERMANY\n";
    let (_, fixture) = standing(&format!("{BUSINESS}{set}"));
    let question = pb::MarketRiskQuestion { books: vec!["ALPHA-EQ".into()], ..in_euro("QUOTES") };
    let answer = fixture.views.concentration(&question, At::NOW).unwrap();
    // 500 SAP short at 100, 300 BMW at 60, 1,000 Apple at 200 dollars of 0.90, a million Bund at 98 percent.
    assert_eq!(units(answer.gross), 5_000_000 + 1_800_000 + 18_000_000 + 98_000_000);
    let told: Vec<_> = answer
        .rows
        .iter()
        .map(|row| {
            (
                row.kind().as_str_name().replace("CONCENTRATION_KIND_", ""),
                &*row.name,
                units(row.net),
                units(row.percent),
            )
        })
        .map(|(kind, name, net, percent)| format!("{kind} {name} {net} {percent}"))
        .collect();
    assert_eq!(
        told,
        [
            "INSTRUMENT BUND 98000000 7980",
            "INSTRUMENT APPLE 18000000 1466",
            "INSTRUMENT SAP -5000000 407",
            "INSTRUMENT BMW 1800000 147",
            "ISSUER GERMANY 98000000 7980",
            "ISSUER  18000000 1466",
            "ISSUER SAP-SE -5000000 407",
            "ISSUER BMW-AG 1800000 147",
            "CURRENCY EUR 94800000 8534",
            "CURRENCY USD 18000000 1466",
        ]
    );
    let basis = answer.basis.unwrap();
    assert_eq!(
        basis.exceptions.iter().map(|each| format!("{} {}", each.code, each.subject)).collect::<Vec<_>>(),
        ["NO_ISSUER APPLE"]
    );
    // 79.80² + 14.66² + 4.07² + 1.47², to two decimals of the unrounded shares.
    let shares = [98.0, 18.0, 5.0, 1.8].map(|part: f64| part / 122.8 * 100.0);
    let points = (shares.iter().map(|share| share * share).sum::<f64>() * 100.0).round() as i64;
    assert_eq!(units(answer.indices[0].points), points);
    assert_eq!((answer.indices[0].names, units(answer.indices[0].largest_percent)), (4, 7_980));
}
