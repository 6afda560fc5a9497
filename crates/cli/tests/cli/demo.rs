//! The demonstration, small: it ends well, its tie-outs hold, and what it promises to show is there.

use crate::{fail, succeed, text};

#[test]
fn the_week_ends_with_its_tables_and_every_tie_out_holds() {
    let shown = succeed(&["demo", "--fast", "--seed", "7"]);
    for heading in [
        "Reference data, limits and opening balances",
        "The week",
        "Settlement: instructions by status, reason and currency",
        "Failing longest, and why",
        "Trades in repair",
        "Quarantined",
        "Cash: settled, projected with all that is open, and what must be funded",
        "Tie-outs: two figures of different origin, each difference zero",
        "Control totals of the front offices, and the accounting day",
        "closed for ",
        "Positions: traded whatever has settled",
        "Profit and loss of the last day by book, in euro",
        "The days add up",
        "by plain sums over the log",
        "Coverage: deliveries whose depot",
        "Settlement exposure: what a counterparty's failure would cost",
        "Exposure = Σ open instructions and uninstructed trades at market",
        "Capital for unsettled trades by age",
        "Value at risk 99 % and expected shortfall 97.5 %",
        "Back-test: how often a day lost more",
        "Concentration: shares of the gross of all books",
        "Management figures of the week, by volume",
        "Limits: what open trades use of what members may have open with each other",
        "breached since record",
        "the console, in a browser: http://127.0.0.1:",
        "Client margin by trade date at the last close",
        "M-1, by the service and by plain sums over the log",
        "Margin calls",
        "What a CCP will ask for what has not settled",
        "verified: ",
    ] {
        assert!(shown.contains(heading), "{heading:?} is missing:\n{shown}");
    }
    for day in ["Mon 23 Nov", "Tue 24 Nov", "Wed 25 Nov", "Thu 26 Nov", "Fri 27 Nov"] {
        assert!(shown.contains(day), "{day}:\n{shown}");
    }
}

#[test]
fn its_data_can_be_kept_and_looked_into() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("kept");
    succeed(&["demo", "--fast", "--data", text(&data)]);
    assert!(succeed(&["verify", "--data", text(&data)]).contains("ownership = location"));
    assert!(succeed(&["log", "list", "--data", text(&data), "--command", "day"]).contains("open 2026-11-23 of QCSD"));
    // A second week does not go on top of the first.
    assert!(fail(&["demo", "--fast", "--data", text(&data)], 2).contains("not an empty directory"));
}
