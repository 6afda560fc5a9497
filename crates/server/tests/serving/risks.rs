//! Who may ask what risk asks: a part of the table of `permissions`, and how these calls are made.

use tonic::Status;
use wire::pb::service as pb;
use wire::pb::view::{ForecastFilter, MarginFilter, MarketRiskQuestion, limit_update, margin_update};

use crate::house::{House, buy, by};
use crate::permissions::Concerns::{Book, House as Whole};
use crate::permissions::Hidden::Nothing;
use crate::permissions::{FIGURES, Line};

pub const TABLE: &[Line] = &[
    ("ListCoverage", FIGURES, Whole, Nothing),
    ("WatchCoverage", FIGURES, Whole, Nothing),
    ("GetExposure", FIGURES, Whole, Nothing),
    ("WatchExposure", FIGURES, Whole, Nothing),
    ("GetCapital", FIGURES, Whole, Nothing),
    ("EstimateMarketRisk", FIGURES, Book, Nothing),
    ("BacktestMarketRisk", FIGURES, Book, Nothing),
    ("GetConcentration", FIGURES, Whole, Nothing),
    ("ListLimits", FIGURES, Whole, Nothing),
    ("WatchLimits", FIGURES, Whole, Nothing),
    ("ListMarginAccounts", FIGURES, Whole, Nothing),
    ("ListMarginCalls", FIGURES, Whole, Nothing),
    ("ForecastMargin", FIGURES, Whole, Nothing),
    ("WatchMargin", FIGURES, Whole, Nothing),
];

/// A close of the one instrument, so that exposure has a price.
pub const PRICES: &str = r#"{"setReference":{"priceSet":{"date":20261123,"snap":"CLOSE","source":"QUOTES","version":1,
    "prices":[{"instrument":"SAP","currency":"EUR","value":"101.00"}]}}}"#;

/// A purchase that failed weeks ago, and what it is worth now.
pub async fn business(house: &House) {
    let mut old = buy("O-1", 2);
    let details = old.details.as_mut().expect("details");
    (details.trade_date, details.intended_settlement_date) = (20261102, Some(20261104));
    house.trade(old).await.expect("late");
    let prices = r#"{"setReference":{"priceSet":{"date":20261120,"snap":"CLOSE","source":"QUOTES","version":1,
        "prices":[{"instrument":"SAP","currency":"EUR","value":"130.00"}]}}}"#;
    house.command("prices", prices).await.expect("set");
    let limit = r#"{"setReference":{"counterpartyLimit":{"entity":"ALPHA","counterparty":"BETA","kind":"LIMIT_KIND_PRE_SETTLEMENT",
        "currency":"EUR","validFrom":20261101,"amount":"1000.00","onBreach":"ON_BREACH_WARN"}}}"#;
    house.command("limit", limit).await.expect("set");
    let account = r#"{"setReference":{"marginAccount":{"id":"M-1","client":"BETA","book":"BETA-EQ","currency":"EUR",
        "jurisdiction":"US","domain":"QCSD","callDays":3,"validFrom":20261101}}}"#;
    house.command("margin", account).await.expect("set");
    let ccp = r#"{"setReference":{"party":{"id":"BETA","roles":["ROLE_COUNTERPARTY","ROLE_CCP"]}}}"#;
    house.command("ccp", ccp).await.expect("set");
    let terms = r#"{"setReference":{"clearingTerms":{"ccp":"BETA","jurisdiction":"EU","validFrom":20261101,"source":"rule book",
        "gapThreshold":"0.30","gapRate":"0.10","failsRate":"0.05","leastHaircut":"0.02","confidence":"0.99","scenarios":250,
        "horizon":3}}}"#;
    house.command("terms", terms).await.expect("set");
    // All its cash and much more goes out: what is long has to carry the debit.
    let overdraft = r#"{"setReference":{"creditLimit":{"account":"BETA-CASH","currency":"EUR","validFrom":20261101,
        "amount":"100000.00"}}}"#;
    house.command("overdraft", overdraft).await.expect("set");
    let out = r#"{"transfer":{"from":"BETA-CASH","book":"BETA-EQ","currency":"EUR","quantity":"1099000.00"}}"#;
    house.command("out", out).await.expect("moved");
    let calls = r#"{"issueMarginCalls":{"set":{"date":20261120,"snap":"CLOSE","source":"QUOTES"}}}"#;
    house.command("calls", calls).await.expect("issued");
    // Closes enough for market risk: every day back from the first.
    let last = model::date::Date::parse("2026-11-20").expect("a date");
    for (place, cents) in (1..=252).zip([12_900, 13_100, 13_050].into_iter().cycle()) {
        let (year, month, day) = last.add_days(-place).expect("a date").ymd();
        let date = i64::from(year) * 10_000 + i64::from(month) * 100 + i64::from(day);
        let price = format!(r#"{{"instrument":"SAP","currency":"EUR","value":"{}.{:02}"}}"#, cents / 100, cents % 100);
        let set = format!(
            r#"{{"setReference":{{"priceSet":{{"date":{date},"snap":"CLOSE","source":"QUOTES","version":1,
            "prices":[{price}]}}}}}}"#
        );
        house.command(&format!("close-{place}"), &set).await.expect("set");
    }
}

fn in_euro() -> Option<MarketRiskQuestion> {
    Some(MarketRiskQuestion { currency: "EUR".to_owned(), ..MarketRiskQuestion::default() })
}

/// Makes a call as somebody: how many rows came, or why not.
pub async fn ask(house: &House, method: &str, actor: &str, min_sequence: u64) -> Result<usize, Status> {
    let mut risk = house.risk();
    Ok(match method {
        "ListCoverage" => {
            let request = pb::ListCoverageRequest { min_sequence, ..Default::default() };
            risk.list_coverage(by(actor, request)).await?.into_inner().coverages.len()
        }
        "WatchCoverage" => {
            let request = pb::WatchCoverageRequest { min_sequence, ..Default::default() };
            let mut updates = risk.watch_coverage(by(actor, request)).await?.into_inner();
            crate::followed::snapshot(updates.message().await?.and_then(|message| message.update))
        }
        "GetExposure" => {
            let request = pb::GetExposureRequest { min_sequence, ..Default::default() };
            let answer = risk.get_exposure(by(actor, request)).await?.into_inner();
            answer.exposures.expect("an answer").rows.len()
        }
        "WatchExposure" => {
            let request = pb::WatchExposureRequest { min_sequence, ..Default::default() };
            let mut updates = risk.watch_exposure(by(actor, request)).await?.into_inner();
            crate::followed::snapshot(updates.message().await?.and_then(|message| message.update))
        }
        "GetCapital" => {
            let request = pb::GetCapitalRequest { min_sequence, ..Default::default() };
            let answer = risk.get_capital(by(actor, request)).await?.into_inner();
            answer.capitals.expect("an answer").rows.len()
        }
        "ListLimits" => {
            let request = pb::ListLimitsRequest::default();
            risk.list_limits(by(actor, request)).await?.into_inner().limits.len()
        }
        "WatchLimits" => {
            let request = pb::WatchLimitsRequest { min_sequence, ..Default::default() };
            let mut updates = risk.watch_limits(by(actor, request)).await?.into_inner();
            match updates.message().await?.expect("a snapshot").update.expect("one").kind {
                Some(limit_update::Kind::Snapshot(snapshot)) => snapshot.limits.len(),
                other => panic!("{other:?}"),
            }
        }
        "WatchMargin" => {
            let filter = MarginFilter { forecast: Some(ForecastFilter::default()), ..MarginFilter::default() };
            let request = pb::WatchMarginRequest { filter: Some(filter), min_sequence, ..Default::default() };
            let mut updates = risk.watch_margin(by(actor, request)).await?.into_inner();
            match updates.message().await?.expect("a snapshot").update.expect("one").kind {
                Some(margin_update::Kind::Snapshot(snapshot)) => {
                    let rows = snapshot.rows.expect("always there");
                    // Of each there is one, or of none.
                    let counts = [rows.accounts.len(), rows.calls.len(), rows.forecasts.len()];
                    assert!(counts == [0; 3] || !counts.contains(&0), "{counts:?}");
                    counts.iter().sum::<usize>() + usize::from(rows.basis.is_some())
                }
                other => panic!("{other:?}"),
            }
        }
        "ListMarginAccounts" => {
            let request = pb::ListMarginAccountsRequest::default();
            let answer = risk.list_margin_accounts(by(actor, request)).await?.into_inner();
            answer.standings.expect("an answer").accounts.len()
        }
        "ListMarginCalls" => {
            let request = pb::ListMarginCallsRequest::default();
            risk.list_margin_calls(by(actor, request)).await?.into_inner().calls.len()
        }
        "ForecastMargin" => {
            let request = pb::ForecastMarginRequest { min_sequence, ..Default::default() };
            let answer = risk.forecast_margin(by(actor, request)).await?.into_inner();
            answer.forecasts.expect("an answer").accounts.len()
        }
        "EstimateMarketRisk" => {
            let request = pb::EstimateMarketRiskRequest { question: in_euro(), min_sequence };
            let answer = risk.estimate_market_risk(by(actor, request)).await?.into_inner();
            answer.risk.expect("an answer").rows.len()
        }
        "BacktestMarketRisk" => {
            let request = pb::BacktestMarketRiskRequest { question: in_euro(), min_sequence };
            let answer = risk.backtest_market_risk(by(actor, request)).await?.into_inner();
            answer.backtest.expect("an answer").rows.len()
        }
        "GetConcentration" => {
            let request = pb::GetConcentrationRequest { question: in_euro(), min_sequence };
            let answer = risk.get_concentration(by(actor, request)).await?.into_inner();
            answer.concentration.expect("an answer").rows.len()
        }
        desks => return crate::desk::ask(house, desks, actor, min_sequence).await,
    })
}
