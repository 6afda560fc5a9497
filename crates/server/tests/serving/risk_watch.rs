//! Limits and margin followed: a snapshot, then what changes, each once; resumed after a cut; in scope, and nobody else's.

use model::permission::AccessRole::{Administrator, Publisher, RiskViewer};
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};
use wire::pb::service as pb;
use wire::pb::view::{ForecastFilter, LimitFilter, LimitUpdate, MarginFilter, MarginRows, MarginUpdate};
use wire::pb::view::{limit_update, margin_update};

use crate::house::{House, SOON, buy, by, grant, sell};

/// What ALPHA may have open with two counterparties.
const LIMIT: &str = r#"{"setReference":{"counterpartyLimit":{"entity":"ALPHA","counterparty":"BETA","kind":"LIMIT_KIND_PRE_SETTLEMENT",
    "currency":"EUR","validFrom":20261101,"amount":"1500.00","onBreach":"ON_BREACH_WARN"}}}"#;
const OTHER_LIMIT: &str = r#"{"setReference":{"counterpartyLimit":{"entity":"BETA","counterparty":"ALPHA","kind":"LIMIT_KIND_PRE_SETTLEMENT",
    "currency":"EUR","validFrom":20261101,"amount":"9000.00","onBreach":"ON_BREACH_WARN"}}}"#;

async fn limits(
    house: &House,
    actor: &str,
    filter: &LimitFilter,
    (token, min_sequence): (&str, u64),
) -> Result<Streaming<pb::WatchLimitsResponse>, Status> {
    let (filter, resume_token) = (Some(filter.clone()), token.to_owned());
    let request = pb::WatchLimitsRequest { filter, resume_token, min_sequence };
    Ok(house.risk().watch_limits(by(actor, request)).await?.into_inner())
}

async fn margin(house: &House, filter: &MarginFilter, token: &str) -> Streaming<pb::WatchMarginResponse> {
    let (filter, resume_token) = (Some(filter.clone()), token.to_owned());
    let request = pb::WatchMarginRequest { filter, resume_token, min_sequence: 0 };
    house.risk().watch_margin(by("ines", request)).await.expect("a stream").into_inner()
}

/// The next message that is not a heartbeat.
async fn news(updates: &mut Streaming<pb::WatchLimitsResponse>) -> LimitUpdate {
    loop {
        let message = timeout(SOON, updates.message()).await.expect("in time").expect("no error").expect("no end");
        let update = message.update.expect("always one");
        if !matches!(update.kind, Some(limit_update::Kind::Heartbeat(_))) {
            return update;
        }
    }
}

async fn margin_news(updates: &mut Streaming<pb::WatchMarginResponse>) -> MarginUpdate {
    loop {
        let message = timeout(SOON, updates.message()).await.expect("in time").expect("no error").expect("no end");
        let update = message.update.expect("always one");
        if !matches!(update.kind, Some(margin_update::Kind::Heartbeat(_))) {
            return update;
        }
    }
}

/// Counterparty, used in cents and whether it is breached; and who is no longer there.
fn told(update: &LimitUpdate) -> (Vec<(&str, i64, bool)>, Vec<&str>) {
    let (rows, left): (_, &[_]) = match &update.kind {
        Some(limit_update::Kind::Snapshot(snapshot)) => (&snapshot.limits, &[]),
        Some(limit_update::Kind::Changes(changes)) => (&changes.limits, &changes.left),
        other => panic!("{other:?}"),
    };
    let rows = rows.iter().map(|row| {
        let used = row.used.expect("always").unscaled;
        (row.counterparty.as_str(), used, row.breached_in > 0)
    });
    (rows.collect(), left.iter().map(|key| key.counterparty.as_str()).collect())
}

fn is_snapshot(update: &LimitUpdate) -> bool {
    matches!(update.kind, Some(limit_update::Kind::Snapshot(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_of_limits_is_followed_and_resumed_without_gap_or_double() {
    let house = House::open().await;
    house.command("limit", LIMIT).await.expect("set");
    let other = house.command("other", OTHER_LIMIT).await.expect("set");
    let all = LimitFilter::default();
    let mut updates = limits(&house, "ines", &all, ("", other.sequence)).await.expect("a stream");
    let first = news(&mut updates).await;
    assert!(is_snapshot(&first) && first.sequence >= other.sequence, "{first:?}");
    assert_eq!(told(&first).0, [("BETA", 0, false), ("ALPHA", 0, false)]);

    // Of ALPHA only: the other line did not change.
    house.trade(buy("T-1", 10)).await.expect("bought");
    let second = news(&mut updates).await;
    assert_eq!(told(&second), (vec![("BETA", 100_000, false)], vec![]));
    assert!(second.sequence > first.sequence);

    // Cut. What comes meanwhile is told once, as it stands; what went and came back is not told at all.
    drop(updates);
    house.trade(buy("T-2", 7)).await.expect("bought");
    house.trade(sell("T-1", 10)).await.expect("settles");
    let last = house.trade(buy("T-3", 9)).await.expect("bought");
    let mut updates = limits(&house, "ines", &all, (&second.resume_token, last.sequence)).await.expect("a stream");
    let third = news(&mut updates).await;
    assert_eq!(told(&third), (vec![("BETA", 160_000, true)], vec![]), "both buys, the settled one gone, and a breach");
    assert!(third.sequence >= last.sequence);

    // Resumed again with nothing new: only heartbeats, whose token goes on as well.
    drop(updates);
    let mut updates = limits(&house, "ines", &all, (&third.resume_token, 0)).await.expect("a stream");
    let quiet = timeout(SOON, updates.message()).await.expect("in time").expect("no error").expect("no end");
    let quiet = quiet.update.expect("always one");
    assert!(matches!(quiet.kind, Some(limit_update::Kind::Heartbeat(_))), "{quiet:?}");
    assert_eq!(quiet.resume_token, third.resume_token);

    // For another filter the token is refused.
    let narrower = LimitFilter { counterparty: "BETA".to_owned(), ..LimitFilter::default() };
    let refused = limits(&house, "ines", &narrower, (&quiet.resume_token, 0)).await.expect_err("another filter");
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_comes_and_goes_and_a_restart_begins_anew() {
    let mut house = House::open().await;
    let set = house.command("limit", LIMIT).await.expect("set");
    let breached = LimitFilter { only_breached: true, ..LimitFilter::default() };
    let mut updates = limits(&house, "ines", &breached, ("", set.sequence)).await.expect("a stream");
    assert_eq!(told(&news(&mut updates).await), (vec![], vec![]));
    house.trade(buy("T-1", 16)).await.expect("bought");
    let over = news(&mut updates).await;
    assert_eq!(told(&over), (vec![("BETA", 160_000, true)], vec![]));

    house.restart().await;
    let mut updates = limits(&house, "ines", &breached, (&over.resume_token, 0)).await.expect("a stream");
    let reset = news(&mut updates).await;
    assert!(matches!(reset.kind, Some(limit_update::Kind::Reset(_))), "what was told is out of date: {reset:?}");
    let again = news(&mut updates).await;
    assert!(is_snapshot(&again));
    assert_eq!(told(&again).0, [("BETA", 160_000, true)]);

    house.trade(sell("T-1", 16)).await.expect("settles");
    assert_eq!(told(&news(&mut updates).await), (vec![], vec!["BETA"]), "the breach has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_followed_in_scope() {
    let house = House::open().await;
    house.command("limit", LIMIT).await.expect("set");
    house.command("other", OTHER_LIMIT).await.expect("set");
    house.command("root", &grant("ines", Administrator, "", "")).await.expect("granted");
    for (actor, role, counterparties) in
        [("front", Publisher, ""), ("rita", RiskViewer, r#""ALPHA""#), ("rosa", RiskViewer, "")]
    {
        house.command(actor, &grant(actor, role, "", counterparties)).await.expect("granted");
    }
    house.let_in("rita").await;
    house.let_in("rosa").await;
    let all = LimitFilter::default();
    let mut hers = limits(&house, "rita", &all, ("", house.sequence)).await.expect("a stream");
    assert_eq!(told(&news(&mut hers).await).0, [("ALPHA", 0, false)]);
    let mut whole = limits(&house, "rosa", &all, ("", house.sequence)).await.expect("a stream");
    assert_eq!(told(&news(&mut whole).await).0.len(), 2);

    // BETA's side concerns her, ALPHA's does not.
    house.trade(buy("T-1", 10)).await.expect("bought");
    assert_eq!(told(&news(&mut whole).await).0, [("BETA", 100_000, false)]);
    house.trade(sell("T-2", 3)).await.expect("sold");
    assert_eq!(told(&news(&mut hers).await).0, [("ALPHA", 30_000, false)], "and the one before was not for her");
    let refused = limits(&house, "front", &all, ("", 0)).await.expect_err("not for publishers");
    assert_eq!(refused.code(), Code::PermissionDenied);
}

fn rows(update: &MarginUpdate) -> &MarginRows {
    match &update.kind {
        Some(margin_update::Kind::Snapshot(snapshot)) => snapshot.rows.as_ref().expect("always"),
        Some(margin_update::Kind::Changes(changes)) => changes.rows.as_ref().expect("always"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn margin_is_followed_from_before_the_first_close_through_calls_and_prices() {
    let house = House::open().await;
    let filter = MarginFilter { forecast: Some(ForecastFilter::default()), ..MarginFilter::default() };
    let mut updates = margin(&house, &filter, "").await;
    let first = margin_news(&mut updates).await;
    let basis = rows(&first).basis.clone().expect("always in a snapshot");
    assert!(basis.prices.is_none() && basis.forecast.is_none(), "{basis:?}");
    assert!(basis.unpriced.contains("there is no set of prices and rates"), "{}", basis.unpriced);

    // Cut. An account, terms, prices and calls come meanwhile.
    drop(updates);
    crate::risks::business(&house).await;
    let mut updates = margin(&house, &filter, &first.resume_token).await;
    let second = margin_news(&mut updates).await;
    let found = rows(&second);
    assert_eq!(found.basis.as_ref().and_then(|basis| basis.prices.as_ref()).map(|set| set.date), Some(20261120));
    assert_eq!((found.accounts.len(), found.calls.len(), found.forecasts.len()), (1, 1, 1), "{found:?}");
    let standing = house.risk().list_margin_accounts(by("ines", pb::ListMarginAccountsRequest::default())).await;
    assert_eq!(found.accounts, standing.expect("answered").into_inner().standings.expect("always").accounts);
    let calls = house.risk().list_margin_calls(by("ines", pb::ListMarginCallsRequest::default())).await;
    assert_eq!(found.calls, calls.expect("answered").into_inner().calls);
    let forecast = house.risk().forecast_margin(by("ines", pb::ForecastMarginRequest::default())).await;
    assert_eq!(found.forecasts, forecast.expect("answered").into_inner().forecasts.expect("always").accounts);

    // A new close: accounts and forecasts are told anew at once, calls are as they were.
    house.command("closes", crate::risks::PRICES).await.expect("set");
    let third = margin_news(&mut updates).await;
    let now = rows(&third);
    assert_eq!(now.basis.as_ref().and_then(|basis| basis.prices.as_ref()).map(|set| set.date), Some(20261123));
    assert_eq!((now.accounts.len(), now.calls.len(), now.forecasts.len()), (1, 0, 1), "{now:?}");
    assert_ne!(now.accounts, found.accounts);

    // Cut again: the call is answered and has left, and nothing else is told.
    drop(updates);
    let number = found.calls[0].number;
    let answer = format!(r#"{{"answerMarginCall":{{"number":"{number}","answer":"MARGIN_ANSWER_WITHDRAWN"}}}}"#);
    house.command("withdrawn", &answer).await.expect("withdrawn");
    let mut updates = margin(&house, &filter, &third.resume_token).await;
    let fourth = margin_news(&mut updates).await;
    let Some(margin_update::Kind::Changes(changes)) = &fourth.kind else { panic!("{fourth:?}") };
    assert_eq!(changes.calls_left, [number]);
    let left = changes.rows.as_ref().expect("always");
    assert!(left.calls.is_empty() && left.forecasts.is_empty() && left.basis.is_none(), "{left:?}");
    assert_eq!(left.accounts.iter().map(|row| row.called.map(|called| called.unscaled)).collect::<Vec<_>>(), [Some(0)]);
}
