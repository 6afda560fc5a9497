//! Tests that stand on boundaries: the package only holds the test targets beside it.
