//! Answers followed row by row: a snapshot, then what changes, each once; resumed after a cut; in scope, and nobody else's.

use model::permission::AccessRole::{Administrator, Publisher, RiskViewer};
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};
use wire::pb::service as pb;
use wire::pb::view::followed_row::Row;
use wire::pb::view::followed_update::Kind;
use wire::pb::view::{CoverageFilter, ExposureFilter, FollowedRow, FollowedUpdate, PnlQuestion, PositionFilter};

use crate::house::{House, SOON, TODAY, buy, by, grant, sell};

/// How many rows a first message has: of an answer that somebody may see something of.
pub fn snapshot(update: Option<FollowedUpdate>) -> usize {
    match update.expect("always one").kind {
        Some(Kind::Snapshot(snapshot)) => {
            // What an answer stands on is no secret.
            let stands_on = |row: &FollowedRow| matches!(row.row, Some(Row::ExposureBasis(_) | Row::ReportBasis(_)));
            snapshot.rows.iter().filter(|row| !stands_on(row)).count()
        }
        other => panic!("{other:?}"),
    }
}

/// The next message that is not a heartbeat.
async fn news<M>(updates: &mut Streaming<M>, update: fn(M) -> Option<FollowedUpdate>) -> FollowedUpdate {
    loop {
        let message = timeout(SOON, updates.message()).await.expect("in time").expect("no error").expect("no end");
        let update = update(message).expect("always one");
        if !matches!(update.kind, Some(Kind::Heartbeat(_))) {
            return update;
        }
    }
}

/// Rows as the test tells them, and those that left.
fn told(update: &FollowedUpdate) -> (Vec<String>, Vec<String>) {
    let texts = |rows: &[FollowedRow]| rows.iter().map(|row| text(row.row.as_ref().expect("always"))).collect();
    match &update.kind {
        Some(Kind::Snapshot(snapshot)) => (texts(&snapshot.rows), vec![]),
        Some(Kind::Changes(changes)) => (texts(&changes.rows), texts(&changes.left)),
        other => panic!("{other:?}"),
    }
}

fn text(row: &Row) -> String {
    let whole = |decimal: Option<wire::pb::typ::Decimal>| decimal.map_or(0, |decimal| decimal.unscaled);
    match row {
        Row::Lacking(why) => format!("lacking {why}").trim_end().to_owned(),
        Row::PnlBasis(each) => format!("basis {} {}", each.book, each.basis.as_ref().map_or(0, |basis| basis.date)),
        Row::ExposureBasis(each) => format!("at {}", each.prices.as_ref().map_or(0, |set| set.date)),
        Row::Exception(each) => format!("{} {} {}", each.code, each.subject, each.trades),
        Row::Exposure(each) => {
            format!("{}-{} {} {}", each.entity, each.counterparty, each.trades, whole(each.exposure))
        }
        Row::Coverage(each) => {
            let (coming, going) = (whole(each.expected_in), whole(each.due_out));
            format!("{} {} in {coming} out {going} uncovered {}", each.depot, each.instrument, whole(each.uncovered))
        }
        Row::ReportBasis(each) => format!("from {} to {}", each.from, each.to),
        Row::Rate(each) => {
            let measure = each.measure().as_str_name().trim_start_matches("REPORT_MEASURE_");
            format!("{measure} {} {} of {}", each.currency, each.numerator, each.denominator)
        }
        Row::Fail(each) => format!("fail {} {} {}", each.counterparty, each.reason, each.count),
        Row::Ladder(each) => {
            let projected = each.lines.last().map_or(each.settled, |line| line.projected);
            format!("{} {} {}", each.account, each.currency, whole(projected))
        }
        Row::Pnl(each) => format!("{} {} {}", each.book, each.instrument, whole(each.quantity)),
    }
}

/// Somebody who may look, within books and counterparties.
async fn viewer(house: &House, actor: &str, books: &str, counterparties: &str) {
    house.command(actor, &grant(actor, RiskViewer, books, counterparties)).await.expect("granted");
    house.let_in(actor).await;
}

/// Grants rule from now on; the tests' own actors keep what they do.
async fn govern(house: &House) {
    for (actor, role) in [("ines", Administrator), ("front", Publisher)] {
        house.command(actor, &grant(actor, role, "", "")).await.expect("granted");
    }
}

async fn pnl(
    house: &House,
    actor: &str,
    book: &str,
    (token, min_sequence): (&str, u64),
) -> Result<Streaming<pb::WatchPnlResponse>, Status> {
    let filter = PositionFilter { book: book.to_owned(), ..PositionFilter::default() };
    let question = Some(PnlQuestion { filter: Some(filter), ..PnlQuestion::default() });
    let request = pb::WatchPnlRequest { question, resume_token: token.to_owned(), min_sequence };
    Ok(house.positions().watch_pnl(by(actor, request)).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_followed_from_before_the_first_close_and_resumed_without_gap_or_double() {
    let house = House::open().await;
    let mut updates = pnl(&house, "ines", "", ("", house.sequence)).await.expect("a stream");
    let first = news(&mut updates, |message| message.update).await;
    let (rows, _) = told(&first);
    assert!(rows.len() == 1 && rows[0].contains("no set of prices and rates is recorded"), "{rows:?}");

    house.command("closes", crate::risks::PRICES).await.expect("set");
    let second = news(&mut updates, |message| message.update).await;
    let (rows, left) = told(&second);
    let bases = ["basis ALPHA-EQ 20261123", "basis BETA-EQ 20261123"];
    assert_eq!(rows, [&bases[..], &["ALPHA-EQ SAP 1000", "BETA-EQ SAP 1000"]].concat());
    assert_eq!(left, ["lacking"]);

    // Of ALPHA only: neither BETA's line nor what the lines stand on did change.
    house.trade(buy("T-1", 10)).await.expect("bought");
    let third = news(&mut updates, |message| message.update).await;
    assert_eq!(told(&third), (vec!["ALPHA-EQ SAP 1010".to_owned()], vec![]));
    assert!(third.sequence > second.sequence);

    // Cut. What comes meanwhile is told once, as it stands.
    drop(updates);
    house.trade(buy("T-2", 7)).await.expect("bought");
    let last = house.trade(buy("T-3", 9)).await.expect("bought");
    let mut updates = pnl(&house, "ines", "", (&third.resume_token, last.sequence)).await.expect("a stream");
    let fourth = news(&mut updates, |message| message.update).await;
    assert_eq!(told(&fourth), (vec!["ALPHA-EQ SAP 1026".to_owned()], vec![]));
    let listed = house.positions().list_pnl(by("ines", pb::ListPnlRequest::default())).await.expect("answered");
    let Some(Kind::Changes(changes)) = &fourth.kind else { panic!("{fourth:?}") };
    assert_eq!(changes.rows[0].row, Some(Row::Pnl(listed.into_inner().lines[0].clone())));

    // Resumed again with nothing new: only heartbeats. For another question the token is refused.
    drop(updates);
    let mut updates = pnl(&house, "ines", "", (&fourth.resume_token, 0)).await.expect("a stream");
    let quiet = timeout(SOON, updates.message()).await.expect("in time").expect("no error").expect("no end");
    let quiet = quiet.update.expect("always one");
    assert!(matches!(quiet.kind, Some(Kind::Heartbeat(_))), "{quiet:?}");
    assert_eq!(quiet.resume_token, fourth.resume_token);
    let refused = pnl(&house, "ines", "ALPHA-EQ", (&quiet.resume_token, 0)).await.expect_err("another question");
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_followed_in_scope_and_a_restart_begins_anew() {
    let mut house = House::open().await;
    house.command("closes", crate::risks::PRICES).await.expect("set");
    govern(&house).await;
    viewer(&house, "rita", r#""BETA-EQ""#, "").await;
    let mut hers = pnl(&house, "rita", "", ("", house.sequence)).await.expect("a stream");
    let first = news(&mut hers, |message| message.update).await;
    assert_eq!(told(&first).0, ["basis BETA-EQ 20261123", "BETA-EQ SAP 1000"]);

    // ALPHA's purchase is not for her, BETA's sale is.
    house.trade(buy("T-1", 10)).await.expect("bought");
    let sold = house.trade(sell("T-2", 3)).await.expect("sold");
    let second = news(&mut hers, |message| message.update).await;
    assert_eq!(told(&second), (vec!["BETA-EQ SAP 997".to_owned()], vec![]));
    for (actor, book, code) in [("front", "", Code::PermissionDenied), ("rita", "ALPHA-EQ", Code::NotFound)] {
        let refused = pnl(&house, actor, book, ("", 0)).await.expect_err("not for them");
        assert_eq!(refused.code(), code, "{actor}");
    }

    drop(hers);
    house.restart().await;
    let mut hers = pnl(&house, "rita", "", (&second.resume_token, sold.sequence)).await.expect("a stream");
    let reset = news(&mut hers, |message| message.update).await;
    assert!(matches!(reset.kind, Some(Kind::Reset(_))), "what was told is out of date: {reset:?}");
    let again = news(&mut hers, |message| message.update).await;
    assert_eq!(told(&again).0, ["basis BETA-EQ 20261123", "BETA-EQ SAP 997"]);
}

async fn exposure(
    house: &House,
    actor: &str,
    (token, min_sequence): (&str, u64),
) -> Streaming<pb::WatchExposureResponse> {
    let filter = Some(ExposureFilter::default());
    let request = pb::WatchExposureRequest { filter, resume_token: token.to_owned(), min_sequence };
    house.risk().watch_exposure(by(actor, request)).await.expect("a stream").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn exposure_is_followed_by_counterparty_and_what_settles_leaves() {
    let house = House::open().await;
    let mut updates = exposure(&house, "ines", ("", house.sequence)).await;
    let first = news(&mut updates, |message| message.update).await;
    assert!(told(&first).0[0].starts_with("lacking there is no set of prices"), "{first:?}");
    house.command("closes", crate::risks::PRICES).await.expect("set");
    let second = news(&mut updates, |message| message.update).await;
    assert_eq!(told(&second), (vec!["at 20261123".to_owned()], vec!["lacking".to_owned()]));

    // Bought at 100.00 and worth 101.00: if BETA fails, each costs one more elsewhere.
    let bought = house.trade(buy("T-1", 10)).await.expect("bought");
    let third = news(&mut updates, |message| message.update).await;
    assert_eq!(told(&third), (vec!["ALPHA-BETA 1 1000".to_owned()], vec![]));

    govern(&house).await;
    viewer(&house, "rita", "", r#""ALPHA""#).await;
    let mut hers = exposure(&house, "rita", ("", bought.sequence)).await;
    let begun = news(&mut hers, |message| message.update).await;
    assert_eq!(told(&begun).0, ["at 20261123"], "what is open with BETA is not hers");

    // Cut. One more is bought, and BETA sells something of its own; then the first deal is matched and settles.
    drop(updates);
    house.trade(buy("T-2", 4)).await.expect("bought");
    house.trade(sell("T-3", 5)).await.expect("sold");
    let settled = house.trade(sell("T-1", 10)).await.expect("settles");
    viewer(&house, "rosa", "", "").await;
    let mut updates = exposure(&house, "rosa", (&third.resume_token, settled.sequence)).await;
    let fourth = news(&mut updates, |message| message.update).await;
    assert_eq!(told(&fourth), (vec!["ALPHA-BETA 1 400".to_owned(), "BETA-ALPHA 1 0".to_owned()], vec![]));
    let (rows, left) = told(&news(&mut hers, |message| message.update).await);
    assert!(rows == ["BETA-ALPHA 1 0"] && left.is_empty(), "{rows:?} {left:?}");

    // What it ends with is what the question says.
    house.trade(sell("T-2", 4)).await.expect("settles");
    let fifth = news(&mut updates, |message| message.update).await;
    let (rows, left) = told(&fifth);
    assert!(rows.is_empty() && left == ["ALPHA-BETA 0 0"], "{rows:?} {left:?}");
    let asked = house.risk().get_exposure(by("rosa", pb::GetExposureRequest::default())).await.expect("answered");
    assert_eq!(asked.into_inner().exposures.expect("always").rows.len(), 1);
}

async fn coverage(house: &House, actor: &str, token: &str, min_sequence: u64) -> Streaming<pb::WatchCoverageResponse> {
    let filter = Some(CoverageFilter { only_uncovered: true, ..CoverageFilter::default() });
    let request = pb::WatchCoverageRequest { filter, resume_token: token.to_owned(), min_sequence };
    house.risk().watch_coverage(by(actor, request)).await.expect("a stream").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_uncovered_is_followed_until_it_is_covered_again() {
    let house = House::open().await;
    let mut updates = coverage(&house, "ines", "", house.sequence).await;
    assert_eq!(told(&news(&mut updates, |message| message.update).await), (vec![], vec![]));
    // More than the thousand that lie there.
    house.trade(sell("T-1", 1_200)).await.expect("sold");
    let short = news(&mut updates, |message| message.update).await;
    assert_eq!(told(&short), (vec!["BETA-DEPOT SAP in 0 out 1200 uncovered 200".to_owned()], vec![]));

    // Cut. A second sale meanwhile: one row, as it stands.
    drop(updates);
    let last = house.trade(sell("T-2", 100)).await.expect("sold");
    let mut updates = coverage(&house, "ines", &short.resume_token, last.sequence).await;
    let more = news(&mut updates, |message| message.update).await;
    assert_eq!(told(&more), (vec!["BETA-DEPOT SAP in 0 out 1300 uncovered 300".to_owned()], vec![]));

    // What arrives covers all of it: the row leaves, by its name. And comes again with the next sale.
    let arrival = r#"{"open":{"account":"BETA-DEPOT","book":"BETA-EQ","instrument":"SAP","quantity":"300",
        "cost":{"currency":"EUR","amount":"30000.00"}}}"#;
    house.command("arrival", arrival).await.expect("opened");
    let covered = news(&mut updates, |message| message.update).await;
    let gone = "BETA-DEPOT SAP in 0 out 0 uncovered 0".to_owned();
    assert_eq!(told(&covered), (vec![], vec![gone]));
    let last = house.trade(sell("T-3", 1)).await.expect("sold");
    govern(&house).await;
    viewer(&house, "rita", "", r#""ALPHA""#).await;
    viewer(&house, "rosa", "", "").await;
    for (actor, rows) in [("rita", 0), ("rosa", 1)] {
        let mut updates = coverage(&house, actor, "", last.sequence).await;
        let found = news(&mut updates, |message| message.update).await;
        assert_eq!(told(&found).0.len(), rows, "{actor}: depots are the house's");
    }
}

async fn report(house: &House, actor: &str, token: &str, min_sequence: u64) -> Streaming<pb::WatchReportResponse> {
    let request = pb::WatchReportRequest { resume_token: token.to_owned(), min_sequence, ..Default::default() };
    house.reports().watch_report(by(actor, request)).await.expect("a stream").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_followed_as_trades_come_and_settle() {
    let house = House::open().await;
    let mut updates = report(&house, "ines", "", house.sequence).await;
    let first = news(&mut updates, |message| message.update).await;
    let period = format!("from {TODAY} to {TODAY}");
    assert_eq!(told(&first).0[0], period);

    // Cut. A deal settles: straight through by volume and value, and the period is as it was.
    drop(updates);
    let settled = house.deal("T-1", 10).await;
    let mut updates = report(&house, "ines", &first.resume_token, settled.sequence).await;
    let second = news(&mut updates, |message| message.update).await;
    let (rows, left) = told(&second);
    for rate in ["STP  2 of 2", "STP EUR 2 of 2"] {
        assert!(rows.iter().any(|row| row == rate), "{rate} is not told: {rows:?}");
    }
    assert!(left.is_empty() && !rows.contains(&period), "{rows:?} {left:?}");
    let asked = house.reports().get_report(by("ines", pb::GetReportRequest::default())).await.expect("answered");
    let rates = asked.into_inner().report.expect("always").rates;
    let Some(Kind::Changes(changes)) = &second.kind else { panic!("{second:?}") };
    let told_as_asked = |row: &FollowedRow| matches!(&row.row, Some(Row::Rate(rate)) if rates.contains(rate));
    assert!(changes.rows.iter().all(told_as_asked), "{changes:?}");

    govern(&house).await;
    viewer(&house, "rita", r#""ALPHA-EQ""#, "").await;
    let mut hers = report(&house, "rita", "", settled.sequence).await;
    assert_eq!(told(&news(&mut hers, |message| message.update).await).0, [period], "sums are the house's");
}

async fn ladders(
    house: &House,
    actor: &str,
    token: &str,
    min_sequence: u64,
) -> Streaming<pb::WatchCashLaddersResponse> {
    let request = pb::WatchCashLaddersRequest { filter: None, resume_token: token.to_owned(), min_sequence };
    house.cash().watch_cash_ladders(by(actor, request)).await.expect("a stream").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cash_ladder_is_followed_and_only_the_account_that_pays_is_told() {
    let house = House::open().await;
    let mut updates = ladders(&house, "ines", "", house.sequence).await;
    let first = news(&mut updates, |message| message.update).await;
    assert_eq!(told(&first).0, ["ALPHA-CASH EUR 100000000", "BETA-CASH EUR 100000000"]);
    house.trade(buy("T-1", 10)).await.expect("bought");
    let second = news(&mut updates, |message| message.update).await;
    assert_eq!(told(&second), (vec!["ALPHA-CASH EUR 99900000".to_owned()], vec![]));

    // Cut. Another purchase meanwhile: one row, as it stands.
    drop(updates);
    let last = house.trade(buy("T-2", 5)).await.expect("bought");
    govern(&house).await;
    viewer(&house, "rita", "", r#""BETA""#).await;
    viewer(&house, "rosa", "", "").await;
    let mut updates = ladders(&house, "rosa", &second.resume_token, last.sequence).await;
    let third = news(&mut updates, |message| message.update).await;
    assert_eq!(told(&third), (vec!["ALPHA-CASH EUR 99850000".to_owned()], vec![]));
    let mut hers = ladders(&house, "rita", "", last.sequence).await;
    assert_eq!(told(&news(&mut hers, |message| message.update).await), (vec![], vec![]), "cash is the house's");
}
