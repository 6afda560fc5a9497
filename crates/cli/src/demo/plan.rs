//! The week as it will be played: every item of the generator's flow, by day, so that progress can be told.

use std::ops::Range;

use testkit::flow::{Flow, Item, Shape, Step};

use crate::dates;

/// The week.
pub struct Plan {
    pub flow: Flow,
    pub items: Vec<Item>,
    pub days: Vec<Day>,
    /// Closes of the synthetic history before the week.
    pub closes: usize,
}

/// A day of it.
pub struct Day {
    /// YYYYMMDD.
    pub date: u32,
    /// Places in [`Plan::items`].
    pub items: Range<usize>,
    /// How many of them are messages of front offices.
    pub messages: u64,
}

/// The shape of the demonstration, and a smaller one that is over in a few seconds.
pub fn shape(fast: bool) -> Shape {
    if fast { Shape { trades: 300, ..Shape::demo() } } else { Shape::demo() }
}

impl Plan {
    /// The same seed gives the same week, in every process.
    pub fn new(seed: u64, fast: bool) -> Plan {
        let flow = Flow::new(seed, shape(fast));
        let mut items: Vec<Item> = flow.week().collect();
        // What people will do in the week after is not played.
        let last = items.iter().rposition(|item| matches!(item.step, Step::Message(_)));
        let friday = last.map(|last| items[last].at.date_utc());
        items.retain(|item| Some(item.at.date_utc()) <= friday);
        let mut days: Vec<Day> = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let (year, month, day) = item.at.date_utc().ymd();
            let date = year.unsigned_abs() * 10_000 + u32::from(month) * 100 + u32::from(day);
            if days.last().is_none_or(|last| last.date != date) {
                days.push(Day { date, items: place..place, messages: 0 });
            }
            let last = days.last_mut().expect("a day was just pushed");
            last.items.end = place + 1;
            last.messages += u64::from(matches!(item.step, Step::Message(_)));
        }
        // Scenarios for value at risk; in the whole week as many days again for a back-test of a year.
        let closes = if fast { 250 } else { 500 };
        Plan { flow, items, days, closes }
    }

    /// All messages of front offices.
    pub fn messages(&self) -> u64 {
        self.days.iter().map(|day| day.messages).sum()
    }
}

impl Day {
    /// `Mon 23 Nov`.
    pub fn name(&self) -> String {
        dates::short(self.date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_cover_the_week() {
        let plan = Plan::new(7, true);
        assert_eq!(plan.days.len(), 5);
        assert_eq!(plan.days[0].name(), "Mon 23 Nov");
        assert_eq!(plan.days.iter().map(|day| day.items.len()).sum::<usize>(), plan.items.len());
        assert!(plan.days.windows(2).all(|pair| pair[0].items.end == pair[1].items.start));
    }
}
