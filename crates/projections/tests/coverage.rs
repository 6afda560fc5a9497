//! Coverage as operations reads it: which deliveries are uncovered, and whose failure is the cause.

mod stream;

use projections::{At, PageRequest};
use stream::{Fixture, Stream};
use wire::pb::typ::Decimal;
use wire::pb::view as pb;

fn after(text: &str) -> Fixture {
    stream::played::after("standard", text)
}

fn plain(decimal: Option<Decimal>) -> i64 {
    decimal.map_or(0, |decimal| decimal.unscaled)
}

fn asked(fixture: &Fixture, filter: &pb::CoverageFilter) -> Vec<pb::Coverage> {
    let page = PageRequest { size: 1_000, token: "" };
    fixture.views.coverage(filter, page, At::NOW).unwrap().coverages
}

fn of(fixture: &Fixture, depot: &str, all_deliveries: bool) -> pb::Coverage {
    let filter =
        pb::CoverageFilter { depot: depot.into(), instrument: "SAP".into(), all_deliveries, ..Default::default() };
    let mut found = asked(fixture, &filter);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// The deliveries and their chains in words.
fn told(coverage: &pb::Coverage) -> Vec<String> {
    let mut lines = Vec::new();
    for delivery in &coverage.deliveries {
        let (trade, to) = (&delivery.trade, &delivery.counterparty);
        let (quantity, missing) = (plain(delivery.quantity), plain(delivery.missing));
        lines.push(format!("{trade} owes {to} {quantity}, lacks {missing}: {}", delivery.state().as_str_name()));
        delivery.causes.iter().for_each(|cause| tell(cause, 1, &mut lines));
    }
    lines.iter().map(|line| line.replace("COVERAGE_STATE_", "").replace("COVERAGE_ROOT_", "")).collect()
}

fn tell(cause: &pb::CoverageCause, depth: usize, lines: &mut Vec<String>) {
    let root = if cause.because.is_empty() { cause.root().as_str_name() } else { "because" };
    let from = if cause.deliverer.is_empty() { "nobody" } else { &cause.deliverer };
    let reasons = cause.reasons.join(" ");
    lines.push(format!("{}{} from {from} {reasons}: {root}", "  ".repeat(depth), plain(cause.quantity)));
    cause.because.iter().for_each(|each| tell(each, depth + 1, lines));
}

const EMPTY: &str = "open
transfer 1000 SAP from ALPHA-DEPOT book=ALPHA-EQ
transfer 1000 SAP from BETA-DEPOT book=BETA-EQ
transfer 1000 SAP from GAMMA-DEPOT book=GAMMA-EQ
party DELTA bic=QDELFRP0
book DELTA-EQ DELTA
account DELTA-DEPOT depot DELTA
account DELTA-CASH nostro DELTA
ssi DELTA-SSI DELTA DELTA-DEPOT DELTA-CASH
opening DELTA-CASH DELTA-EQ 200000.00 EUR
";

#[test]
fn a_failing_purchase_makes_our_sale_fail() {
    let fixture = after(&format!(
        "{EMPTY}pair A1 B1 ALPHA buys 100 SAP from BETA @ 10.00 isd=today\n\
        pair A2 G2 ALPHA sells 60 SAP to GAMMA @ 11.00 isd=today"
    ));
    let alpha = of(&fixture, "ALPHA-DEPOT", false);
    assert_eq!((plain(alpha.settled), plain(alpha.expected_in), plain(alpha.due_out)), (0, 100, 60));
    assert_eq!((plain(alpha.projected), plain(alpha.lowest), plain(alpha.uncovered)), (40, 0, 60));
    // BETA owes it and has nothing: 40 of the 100 nobody waits for yet.
    assert_eq!(
        told(&alpha),
        ["A2 owes GAMMA 60, lacks 60: LATE", "  60 from BETA CLAC: because", "    100 from nobody : NO_RECEIPT"]
    );
    assert_eq!(
        told(&of(&fixture, "BETA-DEPOT", false)),
        ["B1 owes ALPHA 100, lacks 100: SHORT", "  100 from nobody : NO_RECEIPT"]
    );
}

#[test]
fn the_cause_is_found_at_the_head_of_a_chain_of_three() {
    let chain = format!(
        "{EMPTY}pair D1 G1 DELTA buys 100 SAP from GAMMA @ 12.00 isd=today\n\
        pair G2 B2 GAMMA buys 100 SAP from BETA @ 11.00 isd=today\n\
        pair B3 A3 BETA buys 100 SAP from ALPHA @ 10.00 isd=today\n"
    );
    let gamma = of(&after(&chain), "GAMMA-DEPOT", false);
    let whole = [
        "G1 owes DELTA 100, lacks 100: LATE",
        "  100 from BETA CLAC: because",
        "    100 from ALPHA CLAC: because",
        "      100 from nobody : NO_RECEIPT",
    ];
    assert_eq!(told(&gamma), whole);

    // ALPHA's own purchase is on hold: that is what GAMMA's customer waits for.
    let held = after(&format!("{chain}pair A4 D4 ALPHA buys 100 SAP from DELTA @ 9.00 isd=today\nhold D4"));
    let told_of_gamma = told(&of(&held, "GAMMA-DEPOT", false));
    assert_eq!(told_of_gamma[3], "      100 from DELTA PRCY: HELD");

    // The cure: what ALPHA lacks comes in, the chain settles, and nothing is uncovered.
    let cured = after(&format!("{chain}transfer 100 SAP to ALPHA-DEPOT book=ALPHA-EQ"));
    let uncovered = pb::CoverageFilter { only_uncovered: true, ..Default::default() };
    assert!(asked(&cured, &uncovered).is_empty());
    assert!(asked(&cured, &pb::CoverageFilter::default()).is_empty(), "nothing is open any more");
}

#[test]
fn what_waits_for_itself_is_a_circle() {
    let fixture = after(&format!(
        "{EMPTY}pair B1 A1 BETA buys 100 SAP from ALPHA @ 10.00 isd=today\n\
        pair G2 B2 GAMMA buys 100 SAP from BETA @ 10.00 isd=today\n\
        pair A3 G3 ALPHA buys 100 SAP from GAMMA @ 10.00 isd=today"
    ));
    assert_eq!(
        told(&of(&fixture, "ALPHA-DEPOT", false)),
        [
            "A1 owes BETA 100, lacks 100: LATE",
            "  100 from GAMMA CLAC: because",
            "    100 from BETA CLAC: because",
            "      100 from ALPHA CLAC: CIRCLE"
        ]
    );
}

/// Stock serves by due date and priority; what is in time is expected, what comes after the date is late.
#[test]
fn stock_serves_the_first_and_receipts_the_rest() {
    let fixture = after(
        "open\npair A1 B1 ALPHA sells 800 SAP to BETA @ 10.00 isd=2026-11-25\n\
        pair A2 B2 ALPHA sells 300 SAP to BETA @ 10.00 isd=2026-11-26\n\
        pair A3 G3 ALPHA buys 100 SAP from GAMMA @ 10.00 isd=2026-11-26\n\
        trade A4 ALPHA sells 50 SAP to BETA @ 10.00 isd=2026-11-26\n\
        trade A5 ALPHA buys 50 SAP from BETA @ 10.00 isd=2026-11-27\n\
        trade A6 ALPHA sells 7 SAP to NOBODY @ 10.00 isd=2026-11-30 depot=ALPHA-DEPOT nostro=ALPHA-CASH",
    );
    let alpha = of(&fixture, "ALPHA-DEPOT", true);
    let dates: Vec<_> = alpha.lines.iter().map(|line| (line.value_date, plain(line.projected))).collect();
    assert_eq!(dates, [(20261125, 200), (20261126, -50), (20261127, 0), (20261130, -7)]);
    assert_eq!((plain(alpha.lowest), plain(alpha.uncovered)), (-50, 57));
    assert_eq!(
        told(&alpha),
        [
            "A1 owes BETA 800, lacks 0: COVERED",
            "A2 owes BETA 300, lacks 100: EXPECTED",
            "  100 from GAMMA FUTU: NOT_DUE",
            "A4 owes BETA 50, lacks 50: LATE",
            "  50 from BETA : UNMATCHED",
            "A6 owes NOBODY 7, lacks 7: SHORT",
            "  7 from nobody : NO_RECEIPT"
        ]
    );
}

#[test]
fn a_receipt_that_waits_for_our_own_cash_is_no_lack_of_securities() {
    let fixture = after(&format!(
        "{EMPTY}transfer 100 SAP to BETA-DEPOT book=BETA-EQ\ntransfer 199500.00 EUR from ALPHA-CASH book=ALPHA-EQ\n\
        pair A1 B1 ALPHA buys 100 SAP from BETA @ 10.00 isd=today\n\
        pair A2 G2 ALPHA sells 100 SAP to GAMMA @ 11.00 isd=today\nclose\nat 2026-11-24\nopen"
    ));
    let alpha = of(&fixture, "ALPHA-DEPOT", false);
    assert_eq!(told(&alpha), ["A2 owes GAMMA 100, lacks 100: LATE", "  100 from BETA MONY: CASH"]);
    assert_eq!(alpha.lines.len(), 1, "what was due yesterday is due today, once: {:?}", alpha.lines);
}

/// Whatever happened: settled is the ledger's, the sums are those of the open business, and pages are the whole.
#[test]
fn coverage_ties_to_the_ledger_and_to_what_is_open() {
    let mut checked = 0;
    for seed in 40..50 {
        let mut stream = Stream::begin();
        stream.wander(700, seed);
        let mut fixture = Fixture::new();
        fixture.fold(&stream);
        let all = asked(&fixture, &pb::CoverageFilter { all_deliveries: true, ..Default::default() });
        checked += all.len();
        let page = PageRequest { size: 1_000, token: "" };
        let balances = fixture.views.balances(&pb::BalanceFilter::default(), page, At::NOW).unwrap().balances;
        let filter = pb::InstructionFilter {
            statuses: [
                pb::InstructionStatus::Unmatched,
                pb::InstructionStatus::Pending,
                pb::InstructionStatus::Failing,
            ]
            .map(|status| status as i32)
            .to_vec(),
            ..Default::default()
        };
        let open = fixture.views.instructions(&filter, page, At::NOW).unwrap();
        assert!(open.next_page_token.is_empty());
        let loose = fixture.views.loose_trades(page, At::NOW).unwrap().trades;
        for coverage in &all {
            let held = |each: &&pb::Balance| each.account == coverage.depot && each.instrument == coverage.instrument;
            let settled: i64 = balances.iter().filter(held).map(|each| plain(each.amount)).sum();
            assert_eq!(plain(coverage.settled), settled, "{seed}");
            let owner = &coverage.holder;
            let moves = |movement: pb::Movement| -> i64 {
                let instructed =
                    open.instructions.iter().filter(|each| each.movement() == movement && each.party == *owner);
                // What is in repair has no depot here.
                let untold = loose.iter().filter(|each| each.defects.is_empty());
                let untold = untold.filter(|each| each.movement() == movement && each.party == *owner);
                let quantities = instructed.map(|each| plain(each.quantity));
                quantities.chain(untold.map(|each| plain(each.quantity))).sum()
            };
            assert_eq!(plain(coverage.expected_in), moves(pb::Movement::Receive), "{seed}");
            assert_eq!(plain(coverage.due_out), moves(pb::Movement::Deliver), "{seed}");
            let (projected, due) = (plain(coverage.projected), plain(coverage.due_out));
            assert_eq!(projected, settled + plain(coverage.expected_in) - due, "{seed}");
            assert_eq!(coverage.lines.last().map(|line| plain(line.projected)), Some(projected), "{seed}");
            for delivery in &coverage.deliveries {
                let brought: i64 = delivery.causes.iter().map(|cause| plain(cause.quantity)).sum();
                assert_eq!(brought, plain(delivery.missing), "{seed}");
            }
        }
        let (mut paged, mut token) = (Vec::new(), String::new());
        loop {
            let page = PageRequest { size: 1, token: &token };
            let filter = pb::CoverageFilter { all_deliveries: true, ..Default::default() };
            let page = fixture.views.coverage(&filter, page, At::NOW).unwrap();
            paged.extend(page.coverages);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(paged, all);
    }
    assert!(checked > 10, "{checked}");
}
