//! What a predicate means, and what is said of one that means nothing.

use super::*;

/// Whether it holds of values of its figures, in the order in which it names them.
fn holds(text: &str, values: &[Value]) -> bool {
    let (predicate, figures) = parse(text).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(figures.len(), values.len());
    predicate.holds(values).expect("in range")
}

#[test]
fn amounts_are_compared_by_value() {
    let cash = |cents| [Value::Amount(cents, 2)];
    assert!(holds(r#"balance("ALPHA-CASH", "EUR") < 0"#, &cash(-1)));
    assert!(!holds(r#"balance("ALPHA-CASH", "EUR") < 0"#, &cash(0)));
    assert!(holds(r#"balance("ALPHA-CASH","EUR")=1200000.00"#, &cash(120_000_000)));
    assert!(holds(r#"1200000.0 = balance("ALPHA-CASH","EUR")"#, &cash(120_000_000)));
    assert!(holds(r#"book("EQ","SAP") >= -5"#, &[Value::Amount(-5, 0)]));
    // One more decimal than the currency has.
    assert!(holds(r#"balance("A","EUR") > 0.009"#, &cash(1)));
}

#[test]
fn and_binds_tighter_than_or_and_not_tightest() {
    let status = |one, other| [Value::Status(one), Value::Status(other)];
    let text = r#"status("T-1") = settled or status("T-1") = matched and not status("FO-B", "T-2") = settled"#;
    assert!(holds(text, &status("settled", "settled")));
    assert!(holds(text, &status("matched", "in-repair")));
    assert!(!holds(text, &status("matched", "settled")));
    let bracketed = r#"(status("T-1") = settled or status("T-1") = MATCHED) and not status("FO-B", "T-2") = settled"#;
    assert!(!holds(bracketed, &status("settled", "settled")));
    assert!(holds(r#"instruction(7) != "failing""#, &[Value::Status("pending")]));
    assert!(holds(r#"status("T-1") = in_repair"#, &[Value::Status("in-repair")]));
    assert!(holds(r#"status("T-1") = status("T-2")"#, &status("settled", "settled")));
}

#[test]
fn a_figure_is_looked_up_once() {
    let (_, figures) = parse(r#"balance("A","EUR") < 0 or balance("A", "EUR") > 10 or book("A","EUR") = 1"#).unwrap();
    let words: Vec<_> = figures.iter().map(ToString::to_string).collect();
    assert_eq!(words, [r#"balance("A", "EUR")"#, r#"book("A", "EUR")"#]);
}

#[test]
fn a_fault_has_its_place_and_says_what_is_expected() {
    for (text, at, why) in [
        ("", 0, "here a value is expected"),
        (r#"balance("A","EUR") <"#, 20, "here a value is expected"),
        (r#"balance("A","EUR")"#, 18, "here a comparison is expected"),
        (r#"balance("A" "EUR") < 0"#, 12, "here `,` is expected"),
        (r#"balance(A, "EUR") < 0"#, 8, "in quotes is expected"),
        (r#"balance("A","EUR") < settled"#, 19, "an amount is compared with a status"),
        (r#"status("T-1") < settled"#, 14, "a status has no order"),
        (r#"status("T-1") = setled"#, 16, "no such status: there are unknown, captured"),
        (r#"instruction(7) = matched"#, 17, "no such status: there are unknown, unmatched"),
        (r#"instruction("7") = pending"#, 12, "here the number of an instruction"),
        (r#"settled = settled"#, 0, "two words are compared"),
        (r#"status("T-1) = settled"#, 7, "this quote does not end"),
        (r#"saldo("A","EUR") < 0"#, 0, "there is no saldo"),
        (r#"balance("A","EUR") < 0 balance"#, 23, "here `and`, `or` or the end"),
        (r#"(balance("A","EUR") < 0"#, 23, "here `)` is expected"),
        (r#"balance("A","EUR") < 1.2.3"#, 21, ""),
        (r#"balance("A","EUR") & 0"#, 19, "this sign has no meaning"),
        (r#"status("Ü") = setled"#, 15, "no such status"),
    ] {
        let fault = parse(text).expect_err(text);
        assert_eq!(fault.at, at, "{fault}");
        assert!(fault.why.contains(why), "{fault}");
    }
    let shown = parse(r#"status("Ü") = setled"#).unwrap_err().to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[1].chars().nth(lines[2].len() - 1), Some('s'), "the caret stands below what is wrong:\n{shown}");
}
