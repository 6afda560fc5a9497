//! `quittance risk`: what failures of counterparties would cost, the capital that aged fails take, limits, and what the market can
//! do to the books.

pub mod market;
pub mod market_tables;
mod tables;
mod watch;

pub(crate) use tables::{LIMITS, phase};

use anyhow::Result;
use clap::{Args, Subcommand};
use wire::pb::service::{GetCapitalRequest, GetExposureRequest, ListLimitsRequest, WatchExposureRequest};
use wire::pb::view::{
    CapitalFilter, Capitals, ExposureFilter, Exposures, LimitFilter, PriceSetFilter, PriceSetName, RiskException,
};

use crate::connection::{Caller, Connection, Seen};
use crate::dates;
use crate::fault::failed;
use crate::followed;
use crate::output::{self, Format, figure, note};
use crate::paging::answer;
use crate::watch::{Follow, GoOn};

/// Settlement exposure and capital for aged fails at recorded prices; limits; value at risk, back-test and concentration of the books
#[derive(Args, Debug)]
pub struct Risk {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// What a counterparty's failure would cost now: the price move against payment, the whole value free of it
    #[command(
        after_help = "Each trade is valued by itself: no gain pays for a loss. What has no price is named, not zero.\n\n\
        Examples:\n  quittance risk exposure\n  \
        quittance risk exposure --counterparty BETA --date 2026-11-20 -o json\n  \
        quittance risk exposure --follow"
    )]
    Exposure {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        follow: Follow,
        #[command(flatten)]
        seen: Seen,
    },
    /// Own funds for unsettled trades and free deliveries by age: CRR Articles 378 and 379
    #[command(after_help = "Examples:\n  quittance risk capital\n  quittance risk capital --jurisdiction GB -o csv")]
    Capital {
        #[command(flatten)]
        of: Of,
        /// Whose rules
        #[arg(long, default_value = "EU", value_name = "CODE")]
        jurisdiction: String,
        #[command(flatten)]
        seen: Seen,
    },
    /// Value at risk and expected shortfall of each book and of all together: the past done to what is held now
    #[command(
        after_help = "Each scenario is what happened between two recorded closes, done to the positions of now.\n\
        A position without a price, a rate or a whole history is named and left out. A loss is\n\
        above zero. The answer says by which closes and rules.\n\n\
        Examples:\n  quittance risk var --currency EUR\n  \
        quittance risk var --book ALPHA-EQ --horizon 10 --quantile linear -o json\n  \
        quittance risk var --sets CLOSE/QUOTES,CLOSE/SYNTHETIC --currency EUR   # a synthetic history, and it says so"
    )]
    Var {
        #[command(flatten)]
        books: market::Books,
        #[command(flatten)]
        rules: market::Rules,
        #[command(flatten)]
        estimate: market::Estimate,
        #[command(flatten)]
        seen: Seen,
    },
    /// How often a loss was greater than the value at risk of the evening before, and the light it gives
    #[command(
        after_help = "Hypothetical: what is held now, as if it had been held on every day. Actual: what the books\n\
        earned on days whose accounting day was closed, without fees. Green up to 4 exceptions in\n\
        250 days at 99 percent, yellow up to 9.\n\n\
        Examples:\n  quittance risk backtest --currency EUR\n  quittance risk backtest --book ALPHA-EQ --days 250 -o json"
    )]
    Backtest {
        #[command(flatten)]
        books: market::Books,
        #[command(flatten)]
        rules: market::Rules,
        /// At most so many days; as many as the closes have
        #[arg(long, default_value_t = 250, value_name = "N")]
        days: u32,
        #[command(flatten)]
        seen: Seen,
    },
    /// How much of the books' gross stands in one instrument, issuer or currency
    #[command(
        after_help = "Gross is long and short by their size: none pays for another. Issuers are reference data (`issuer`).\n\n\
        Examples:\n  quittance risk concentration --currency EUR\n  \
        quittance risk concentration --entity ALPHA --top 3 -o csv"
    )]
    Concentration {
        #[command(flatten)]
        books: market::Books,
        /// In a table the largest so many of each kind
        #[arg(long, default_value_t = 10, value_name = "N")]
        top: usize,
        #[command(flatten)]
        seen: Seen,
    },
    /// Limits on counterparties: what open trades use of them, and what is left
    #[command(
        after_help = "Used is what trades reserved when they were captured: an add-on of what is open (pre-settlement), the whole\n\
        principal by value date where delivery is free of payment. `quittance submit` sets a limit: counterpartyLimit.\n\n\
        Examples:\n  quittance risk limits\n  quittance risk limits --counterparty BETA -o json"
    )]
    Limits {
        #[command(flatten)]
        lines: Lines,
    },
    /// Follow limits: what is used of them, then every change, until Ctrl-C
    #[command(after_help = "Examples:\n  quittance risk watch --counterparty BETA\n  \
        quittance risk watch --only-breached -o ndjson   # a breach when it comes, and when it has ended")]
    Watch {
        #[command(flatten)]
        lines: Lines,
        /// Only what is breached
        #[arg(long)]
        only_breached: bool,
        #[command(flatten)]
        from: GoOn,
    },
    /// The limits that are breached now, and the record that told it
    #[command(after_help = "Examples:\n  quittance risk breaches\n  quittance risk breaches --entity ALPHA -o csv")]
    Breaches {
        #[command(flatten)]
        lines: Lines,
    },
}

/// Which limits.
#[derive(Args, Debug, Default)]
struct Lines {
    /// Of this entity of ours
    #[arg(long)]
    entity: Option<String>,
    /// With this counterparty
    #[arg(long)]
    counterparty: Option<String>,
    /// What holds on this day, YYYY-MM-DD [default: the day of the last record]
    #[arg(long, value_parser = dates::parse, value_name = "DATE")]
    on: Option<u32>,
}

/// Which open trades, and at which prices.
#[derive(Args, Debug, Default)]
struct Of {
    /// Of this entity of ours
    #[arg(long)]
    entity: Option<String>,
    /// With this counterparty
    #[arg(long)]
    counterparty: Option<String>,
    /// Settled in this currency, ISO 4217
    #[arg(long)]
    currency: Option<String>,
    /// In this settlement domain
    #[arg(long)]
    domain: Option<String>,
    /// Prices of this date, YYYY-MM-DD [default: the last there are]
    #[arg(long, value_parser = dates::parse, value_name = "DATE")]
    date: Option<u32>,
    /// Prices of this snap
    #[arg(long, default_value = "CLOSE")]
    snap: String,
    /// Prices of this source [default: the only one]
    #[arg(long)]
    source: Option<String>,
}

impl Of {
    fn filter(self) -> ExposureFilter {
        ExposureFilter {
            entity: self.entity.unwrap_or_default(),
            counterparty: self.counterparty.unwrap_or_default(),
            currency: self.currency.unwrap_or_default(),
            domain: self.domain.unwrap_or_default(),
            prices: Some(PriceSetFilter {
                date: self.date.unwrap_or_default(),
                snap: self.snap,
                source: self.source.unwrap_or_default(),
            }),
        }
    }
}

pub async fn run(command: Risk) -> Result<()> {
    let format = command.caller.output;
    let connection = command.caller.connect().await?;
    let none = |what: &str| failed(format!("the server's answer holds no {what}"));
    match command.verb {
        Verb::Exposure { of, follow, seen } => {
            if let Some(GoOn { resume: resume_token, take }) = follow.from(format)? {
                let (filter, min_sequence) = (Some(of.filter()), seen.min_sequence);
                let request = WatchExposureRequest { filter, resume_token, min_sequence };
                let stream = answer(connection.risk().watch_exposure(request).await)?;
                return followed::run(format, take, stream, |response| response.update).await;
            }
            let request = GetExposureRequest { filter: Some(of.filter()), min_sequence: seen.min_sequence };
            let exposures = answer(connection.risk().get_exposure(request).await)?.exposures;
            exposure_out(format, exposures.ok_or_else(|| none("exposure"))?)
        }
        Verb::Capital { of, jurisdiction, seen } => {
            let filter = CapitalFilter { of: Some(of.filter()), jurisdiction };
            let request = GetCapitalRequest { filter: Some(filter), min_sequence: seen.min_sequence };
            let capitals = answer(connection.risk().get_capital(request).await)?.capitals;
            capital_out(format, capitals.ok_or_else(|| none("capital"))?)
        }
        Verb::Var { books, rules, estimate, seen } => {
            market::var(&connection, format, (books, rules, estimate), seen).await
        }
        Verb::Backtest { books, rules, days, seen } => {
            market::backtest(&connection, format, (books, rules, days), seen).await
        }
        Verb::Concentration { books, top, seen } => {
            market::concentration(&connection, format, (books, top), seen).await
        }
        Verb::Limits { lines } => {
            limits_out(format, &connection, lines.filter(false), "no limit is set that fits").await
        }
        Verb::Watch { lines, only_breached, from } => {
            watch::limits(&connection, format, lines.filter(only_breached), from).await
        }
        Verb::Breaches { lines } => limits_out(format, &connection, lines.filter(true), "no limit is breached").await,
    }
}

impl Lines {
    fn filter(self, only_breached: bool) -> LimitFilter {
        LimitFilter {
            entity: self.entity.unwrap_or_default(),
            counterparty: self.counterparty.unwrap_or_default(),
            only_breached,
            on: self.on.unwrap_or_default(),
        }
    }
}

async fn limits_out(format: Format, connection: &Connection, filter: LimitFilter, nothing: &str) -> Result<()> {
    let request = ListLimitsRequest { filter: Some(filter) };
    let limits = answer(connection.risk().list_limits(request).await)?.limits;
    output::list(format, tables::LIMITS, limits, nothing)
}

fn exposure_out(format: Format, exposures: Exposures) -> Result<()> {
    if format == Format::Json {
        // The whole answer, with what it stands on.
        return output::one(format, &[], &exposures);
    }
    let (prices, exceptions) = (exposures.prices.clone(), exposures.exceptions.clone());
    output::list(format, tables::EXPOSURE, exposures.rows, "nothing is open that fits")?;
    stands_on(prices.as_ref(), &exceptions);
    Ok(())
}

fn capital_out(format: Format, capitals: Capitals) -> Result<()> {
    if format == Format::Json {
        return output::one(format, &[], &capitals);
    }
    let (prices, exceptions, rules) = (capitals.prices.clone(), capitals.exceptions.clone(), capitals.rules.clone());
    output::list(format, tables::CAPITAL, capitals.rows, "nothing is old enough to take capital")?;
    stands_on(prices.as_ref(), &exceptions);
    rules.iter().for_each(|rule| note(format!("by {rule}")));
    if capitals.out_of_scope > 0 {
        note(format!(
            "left out as the articles do: {}",
            figure::some(capitals.out_of_scope, "repo or loan", "repos and loans")
        ));
    }
    Ok(())
}

/// What figures stand on, and what is not in them: beside the answer, so that a table stays a table.
/// By which prices an answer was made, and what it does not hold.
pub fn stands_on(prices: Option<&PriceSetName>, exceptions: &[RiskException]) {
    if let Some(PriceSetName { date, snap, source, version }) = prices {
        note(format!("at {snap} of {} from {source}, version {version}", figure::date(*date)));
    }
    for RiskException { code, subject, trades } in exceptions {
        note(format!("{code} {subject}: {} not in the figures", figure::some(*trades, "open trade", "open trades")));
    }
}
