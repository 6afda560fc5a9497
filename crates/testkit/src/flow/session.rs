//! When trades are made: the sessions of the week, and how trades lie in each.

use super::world::{World, hour, instant};
use model::date::Date;

const MINUTE: i64 = 60_000_000;

/// Share of a day's trades by half-hour from the first to the last trade: busy at both ends.
const PROFILE: [i64; 20] = [9, 7, 6, 5, 5, 4, 4, 3, 3, 3, 3, 4, 4, 4, 5, 6, 7, 8, 6, 4];

/// A stretch of time in which trades of one date are reported.
pub(super) struct Session {
    pub traded: Date,
    pub deals: u64,
    /// Microseconds since 1970, as in all of the flow.
    pub start: i64,
    pub span: i64,
    /// Late at the desk and early at the open, or evenly.
    pub uneven: bool,
}

impl Session {
    /// When the trade of that number is made.
    pub fn moment(&self, number: u64) -> i64 {
        let (number, deals) = (i128::from(number), i128::from(self.deals));
        let part = if self.uneven {
            let total: i64 = PROFILE.iter().sum();
            // Position in hundredths of a weight, then walked along the profile.
            let mut position = (number * i128::from(total) * 100 / deals) as i64;
            let mut passed = 0;
            for weight in PROFILE {
                if position < weight * 100 {
                    passed += position * 100 / weight;
                    break;
                }
                position -= weight * 100;
                passed += 10_000;
            }
            i128::from(self.span) * i128::from(passed) / (10_000 * PROFILE.len() as i128)
        } else {
            i128::from(self.span) * number / deals
        };
        self.start + part as i64
    }
}

/// When trades are reported: those taken over on Monday before the opening, then each day's.
pub(super) fn sessions(world: &World) -> Vec<Session> {
    let shape = &world.shape;
    let before = shape.trades * u64::from(shape.taken_over) / 100;
    let monday = world.days[0];
    let mut sessions = Vec::new();
    for (back, start) in [(2, hour::TAKE_OVER), (1, hour::TAKE_OVER + 45)] {
        let (traded, start) = (world.business_days_before(monday, back), instant(monday, start).micros());
        sessions.push(Session { traded, deals: before / 2, start, span: 40 * MINUTE, uneven: false });
    }
    let (rest, days) = (shape.trades - before / 2 * 2, world.days.len() as u64);
    for (number, &date) in (0..).zip(&world.days) {
        let deals = rest * (number + 1) / days - rest * number / days;
        let (start, end) = match shape.story {
            true => (instant(date, hour::FIRST_TRADE), instant(date, hour::LAST_TRADE)),
            // All of W1 comes between the opening and the first cut-off.
            false => (instant(date, hour::OPEN + 5), instant(date, hour::CUT_OFF_EUR - 60)),
        };
        let traded = if shape.story { date } else { world.business_days_before(date, 2) };
        sessions.push(Session {
            traded,
            deals,
            start: start.micros(),
            span: end.micros_since(start),
            uneven: shape.story,
        });
    }
    sessions
}
