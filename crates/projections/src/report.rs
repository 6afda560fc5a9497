//! The report: rates of a period with both their parts, and what fails now by counterparty, reason and age.

use std::collections::BTreeMap;

use model::currency::exponent;
use model::date::Date;
use model::decimal::{Decimal, Rounding, mul_div_round};
use model::identifier::CurrencyCode;
use model::index::{DomainIx, Kind, PartyIx};
use model::instruction::Code;
use model::trade::Method;
use wire::pb::typ;
use wire::pb::view as pb;
use wire::pb::view::ReportMeasure;

use crate::names::Names;
use crate::positions::business_date;
use crate::queries::Projections;
use crate::shared::{At, ViewName};
use crate::status::{Figure, Measure, Status};
use crate::{Error, values};

/// A rate: its name, what is counted of what, and the words for both.
struct Rate {
    measure: ReportMeasure,
    numerator: &'static [Measure],
    denominator: &'static [Measure],
    words: (&'static str, &'static str),
}

const DUE: &str = "instructions due in the period, without those cancelled before they matched";

const RATES: [Rate; 6] = [
    Rate {
        measure: ReportMeasure::Stp,
        numerator: &[Measure::Untouched],
        denominator: &[Measure::Trades],
        words: (
            "trades settled in the period that were never in repair and no person held, released, prioritised or cancelled",
            "trades settled in the period, each side's own",
        ),
    },
    Rate {
        measure: ReportMeasure::MatchedOnTradeDate,
        numerator: &[Measure::MatchedOnTradeDate],
        denominator: &[Measure::Due],
        words: ("matched by the end of their trade date", DUE),
    },
    Rate {
        measure: ReportMeasure::MatchedBeforeDue,
        numerator: &[Measure::MatchedBefore],
        denominator: &[Measure::Due],
        words: ("matched before their intended settlement date", DUE),
    },
    Rate {
        measure: ReportMeasure::MatchedOnDue,
        numerator: &[Measure::MatchedBefore, Measure::MatchedOn],
        denominator: &[Measure::Due],
        words: ("matched by the end of their intended settlement date", DUE),
    },
    Rate {
        measure: ReportMeasure::SettlementEfficiency,
        numerator: &[Measure::SettledOn],
        denominator: &[Measure::SettledOn, Measure::FailedOn],
        words: (
            "due in the period and settled by their intended date",
            "due in the period and settled by their intended date, or matched and failed on it",
        ),
    },
    Rate {
        measure: ReportMeasure::DailyFails,
        numerator: &[Measure::FailingOvernight],
        denominator: &[Measure::FailingOvernight, Measure::SettledThatDay],
        words: ("failing at a day's end, once for each day", "the same and all settled on these days"),
    },
];

/// Business days since the intended date, as CRR Article 378 has them; the last has no end. None: it fails since today.
const AGES: [(u32, Option<u32>); 8] =
    [(0, Some(0)), (1, Some(1)), (2, Some(3)), (4, Some(5)), (6, Some(15)), (16, Some(30)), (31, Some(45)), (46, None)];

impl Projections {
    /// The report of a period; without one of the latest settlement day.
    ///
    /// # Errors
    /// A period that makes no sense, a view that has stopped.
    pub fn report(&self, from: u32, to: u32, at: At) -> Result<pb::Report, Error> {
        let state = self.shared.at(ViewName::Status, at)?;
        let (names, status) = (state.names.live()?, state.status.live()?);
        let business_date = business_date(&state);
        let today = values::from_number("to", business_date)?;
        let to = values::from_number("to", to)?.or(today);
        let from = values::from_number("from", from)?.or(to);
        let period = from.zip(to).unwrap_or((Date::MIN, Date::MIN));
        if period.0 > period.1 {
            let reason = format!("{} does not come before {}", period.0, period.1);
            return Err(Error::Filter { field: "from", reason });
        }
        let mut rates = Vec::new();
        for rate in &RATES {
            rates.extend(lines(names, status, rate, period)?);
        }
        Ok(pb::Report {
            sequence: state.status.sequence,
            from: from.map_or(0, values::number),
            to: to.map_or(0, values::number),
            business_date,
            rates,
            fails: fails(names, status)?,
        })
    }
}

type Sums = BTreeMap<(DomainIx, CurrencyCode), Figure>;

fn sum(status: &Status, measures: &[Measure], period: (Date, Date)) -> Sums {
    let mut sums: Sums = BTreeMap::new();
    for measure in measures {
        let mut figures = status.figures.of(*measure, period);
        if *measure == Measure::FailingOvernight {
            // The day that is not over: as it stands now.
            for (domain, _) in status.days.iter().filter(|(_, date)| (period.0..=period.1).contains(*date)) {
                for (currency, (count, value)) in status.failing_now(*domain) {
                    let figure = figures.entry((*domain, currency)).or_default();
                    (figure.count, figure.value) = (figure.count + count, figure.value + value);
                }
            }
        }
        for (key, figure) in figures {
            let sum = sums.entry(key).or_default();
            (sum.count, sum.value) = (sum.count + figure.count, sum.value + figure.value);
        }
    }
    sums
}

/// A rate by volume for each domain, and by value for each currency of it.
fn lines(names: &Names, status: &Status, rate: &Rate, period: (Date, Date)) -> Result<Vec<pb::ReportRate>, Error> {
    let (above, below) = (sum(status, rate.numerator, period), sum(status, rate.denominator, period));
    let mut domains: BTreeMap<DomainIx, (i64, i64)> = BTreeMap::new();
    let mut lines = Vec::new();
    for (key @ (domain, currency), whole) in &below {
        let part = above.get(key).copied().unwrap_or_default();
        let counts = domains.entry(*domain).or_default();
        *counts = (counts.0 + part.count, counts.1 + whole.count);
        let cents = exponent(*currency).map_or(0, u32::from);
        let money = |units| values::decimal("a sum of a report", units, cents).map(Some);
        lines.push(pb::ReportRate {
            currency: currency.to_string(),
            numerator_value: money(part.value)?,
            denominator_value: money(whole.value)?,
            percent: percent(part.value, whole.value)?,
            ..line(names, rate, *domain, (part.count, whole.count))?
        });
    }
    for (domain, counts) in domains {
        let percent = percent(counts.0.into(), counts.1.into())?;
        lines.push(pb::ReportRate { percent, ..line(names, rate, domain, counts)? });
    }
    lines.sort_by(|one, two| (&one.domain, &one.currency).cmp(&(&two.domain, &two.currency)));
    Ok(lines)
}

fn line(names: &Names, rate: &Rate, domain: DomainIx, counts: (i64, i64)) -> Result<pb::ReportRate, Error> {
    Ok(pb::ReportRate {
        measure: rate.measure as i32,
        domain: names.text(Kind::Domain, domain.0)?,
        numerator: counts.0.unsigned_abs(),
        denominator: counts.1.unsigned_abs(),
        numerator_is: rate.words.0.to_owned(),
        denominator_is: rate.words.1.to_owned(),
        ..Default::default()
    })
}

fn percent(part: i128, whole: i128) -> Result<Option<typ::Decimal>, Error> {
    if whole == 0 {
        return Ok(None);
    }
    let overflow = || Error::Overflow { what: "a rate" };
    let units = mul_div_round(part, 10_000, whole, Rounding::HalfUp).ok_or_else(overflow)?;
    let percent = Decimal::from_units(units, 2).map_err(|_| overflow())?;
    Ok(Some(typ::Decimal { unscaled: percent.unscaled, scale: percent.scale }))
}

type Fail = (DomainIx, PartyIx, Option<Code>, CurrencyCode, usize);

fn fails(names: &Names, status: &Status) -> Result<Vec<pb::ReportFail>, Error> {
    let mut sums: BTreeMap<Fail, (u64, i128)> = BTreeMap::new();
    // An age is counted day by day in a calendar: once for each date.
    let mut ages: BTreeMap<(DomainIx, Date), usize> = BTreeMap::new();
    for (_, row) in status.instructions_after(0) {
        if row.status() != pb::InstructionStatus::Failing {
            continue;
        }
        let outline = &row.outline;
        let age = *ages.entry((outline.domain, outline.intended)).or_insert_with(|| {
            let today = status.days.get(&outline.domain).copied().unwrap_or(outline.intended);
            let days = names.age(outline.domain, outline.intended, today);
            AGES.iter().rposition(|(from, _)| *from <= days).unwrap_or(0)
        });
        let key = (outline.domain, outline.counterparty, row.reasons.first().copied(), outline.currency, age);
        let sum = sums.entry(key).or_default();
        sum.0 += 1;
        if outline.method == Method::Dvp {
            sum.1 += i128::from(row.amount());
        }
    }
    let fail = |((domain, counterparty, reason, currency, age), (count, value)): (Fail, (u64, i128))| {
        let cents = exponent(currency).map_or(0, u32::from);
        Ok(pb::ReportFail {
            domain: names.text(Kind::Domain, domain.0)?,
            counterparty: names.text(Kind::Party, counterparty.0)?,
            reason: reason.map_or(String::new(), |code| code.to_string()),
            currency: currency.to_string(),
            age_from: AGES[age].0,
            age_to: AGES[age].1.unwrap_or(0),
            count,
            value: values::decimal("a sum of a report", value, cents).map(Some)?,
        })
    };
    sums.into_iter().map(fail).collect()
}
