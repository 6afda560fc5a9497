//! Regulatory numbers are data: each has a jurisdiction, a first day and a source, and is asked for by date.

use alloc::string::String;
use alloc::vec::Vec;
use model::date::Date;
use thiserror::Error;

/// A number (or a table of them) that some authority set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule<T> {
    /// Whose rule: an ISO 3166 country code, `EU`, or the name of a CCP or of a house.
    pub jurisdiction: String,
    /// First day on which it applies.
    pub from: Date,
    /// Article and publication, for whoever asks where the number comes from.
    pub source: String,
    /// The number.
    pub value: T,
}

/// No rule is in force: nothing is assumed in its place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no rule of {jurisdiction} is in force on {date}")]
pub struct NoRule {
    /// Asked for.
    pub jurisdiction: String,
    /// On this day.
    pub date: Date,
}

/// Rules of one kind, of any number of jurisdictions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules<T>(pub Vec<Rule<T>>);

impl<T> Rules<T> {
    /// The rule of a jurisdiction in force on a day: the one that began last. Of two with the same first day the later
    /// in the list, which is how a rule is corrected.
    pub fn on(&self, jurisdiction: &str, date: Date) -> Result<&Rule<T>, NoRule> {
        let begun = self.0.iter().filter(|rule| rule.jurisdiction == jurisdiction && rule.from <= date);
        begun.max_by_key(|rule| rule.from).ok_or_else(|| NoRule { jurisdiction: jurisdiction.into(), date })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_the_day_is_the_one_that_began_last() {
        let rule = |jurisdiction: &str, from: &str, value| Rule {
            jurisdiction: jurisdiction.into(),
            from: Date::parse(from).unwrap(),
            source: "invented".into(),
            value,
        };
        let rules =
            Rules([rule("US", "2024-05-28", 1), rule("US", "2017-09-05", 2), rule("EU", "2014-10-06", 3)].into());
        let on = |place, day| rules.on(place, Date::parse(day).unwrap()).map(|rule| rule.value).ok();
        assert_eq!(on("US", "2024-05-27"), Some(2));
        assert_eq!(on("US", "2024-05-28"), Some(1));
        assert_eq!(on("US", "2017-09-04"), None);
        assert_eq!(on("GB", "2026-01-01"), None);
    }
}
