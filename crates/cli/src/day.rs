//! `quittance day`: the settlement day of a domain, opened, cut off and closed by a person or a scheduler.

use anyhow::Result;
use clap::{Args, Subcommand};
use wire::pb::record::CutOff;
use wire::pb::service::{CloseDayRequest, GetStatusRequest, OpenDayRequest, PassCutOffRequest, SettlementDay};

use crate::accounting::{self, Accounting};
use crate::connection::{Caller, Signed, print_receipt};
use crate::dates;
use crate::fault::usage;
use crate::output::{self, Cell, Column, Mark, column, figure};
use crate::paging::answer;

/// The settlement day: open, cut off, close, show; and the accounting day
#[derive(Args, Debug)]
pub struct Day {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Open a date: what has come due is settled
    #[command(after_help = "Without --cut-off the cut-offs are the domain's own, at their local time in its zone.\n\n\
        Examples:\n  quittance day open QCSD 2026-11-23\n  \
        quittance day open QCSD 2026-12-24 --zone Europe/Paris --cut-off EUR=12:00 --cut-off FREE=13:00")]
    Open {
        #[command(flatten)]
        date: DomainDate,
        /// A cut-off of this day other than the domain's rule, at a local time of --zone: EUR=16:00, FREE=18:00 (free of payment)
        #[arg(long, value_name = "CCY=HH:MM", requires = "zone")]
        cut_off: Vec<String>,
        /// The IANA time zone of those times
        #[arg(long, value_name = "ZONE", requires = "cut_off")]
        zone: Option<String>,
        #[command(flatten)]
        signed: Signed,
    },
    /// End a day's settlement in a currency, or free of payment
    #[command(after_help = "Examples:\n  quittance day cut-off QCSD 2026-11-23 --currency EUR\n  \
        quittance day cut-off QCSD 2026-11-23")]
    CutOff {
        #[command(flatten)]
        date: DomainDate,
        /// ISO 4217 [default: free of payment]
        #[arg(long)]
        currency: Option<String>,
        #[command(flatten)]
        signed: Signed,
    },
    /// End a day: what is left fails
    #[command(after_help = "Example:\n  quittance day close QCSD 2026-11-23")]
    Close {
        #[command(flatten)]
        date: DomainDate,
        #[command(flatten)]
        signed: Signed,
    },
    /// The days that are open or were last, and the cut-offs to come
    #[command(after_help = "Example:\n  quittance day show")]
    Show,
    /// The accounting day of a legal entity: open, close, show
    #[command(subcommand, after_help = "Example:\n  quittance day accounting show")]
    Accounting(Accounting),
}

#[derive(Args, Debug)]
struct DomainDate {
    /// The settlement domain
    domain: String,
    /// YYYY-MM-DD
    #[arg(value_parser = dates::parse)]
    date: u32,
}

pub async fn run(command: Day) -> Result<()> {
    let format = command.caller.output;
    // A mistake in an argument is told before anybody is called.
    let cut_offs = match &command.verb {
        Verb::Open { date, cut_off, zone: Some(zone), .. } => cut_offs(date.date, cut_off, zone)?,
        _ => Vec::new(),
    };
    if let Verb::Accounting(verb) = command.verb {
        return accounting::run(&command.caller, verb).await;
    }
    let connection = command.caller.connect().await?;
    let mut client = connection.operator();
    let receipt = match command.verb {
        Verb::Open { date, signed, .. } => {
            let (request_id, reason) = (signed.request_id(), signed.reason.clone());
            let request = OpenDayRequest { domain: date.domain, date: date.date, cut_offs, request_id, reason };
            answer(client.open_day(signed.sign(request)?).await)?.receipt
        }
        Verb::CutOff { date, currency, signed } => {
            let (request_id, reason) = (signed.request_id(), signed.reason.clone());
            let currency = currency.unwrap_or_default();
            let request = PassCutOffRequest { domain: date.domain, date: date.date, currency, request_id, reason };
            answer(client.pass_cut_off(signed.sign(request)?).await)?.receipt
        }
        Verb::Close { date, signed } => {
            let (request_id, reason) = (signed.request_id(), signed.reason.clone());
            let request = CloseDayRequest { domain: date.domain, date: date.date, request_id, reason };
            answer(client.close_day(signed.sign(request)?).await)?.receipt
        }
        Verb::Accounting(_) => unreachable!("it has its own way"),
        Verb::Show => {
            let days = answer(client.get_status(GetStatusRequest {}).await)?.days;
            return output::list(
                format,
                DAYS,
                days,
                "no settlement day was ever opened: `quittance day open DOMAIN DATE`",
            );
        }
    };
    print_receipt(format, receipt)
}

/// `EUR=16:00` on a date in a zone, as instants.
fn cut_offs(date: u32, texts: &[String], zone: &str) -> Result<Vec<CutOff>> {
    let one = |text: &String| {
        let (what, time) =
            text.split_once('=').ok_or_else(|| usage(format!("--cut-off {text}: write EUR=16:00 or FREE=18:00")))?;
        let at = dates::instant(date, time, zone).map_err(|error| usage(format!("--cut-off {text}: {error}")))?;
        let currency = if what.eq_ignore_ascii_case("free") { String::new() } else { what.to_uppercase() };
        Ok(CutOff { currency, at: Some(at) })
    };
    texts.iter().map(one).collect()
}

const DAYS: &[Column<SettlementDay>] = &[
    column("domain", |each| Cell::text(&each.domain)),
    column("date", |each| Cell::Date(each.date)),
    column("state", |each| match each.open {
        true => Cell::Marked("open".to_owned(), Mark::Good),
        false => Cell::Marked("closed".to_owned(), Mark::Faint),
    }),
    column("cut-offs to come (UTC)", |each| {
        let one = |cut_off: &CutOff| {
            let what = if cut_off.currency.is_empty() { "free" } else { &cut_off.currency };
            format!("{what} {}", figure::instant(cut_off.at.as_ref()))
        };
        Cell::text(each.coming.iter().map(one).collect::<Vec<_>>().join(", "))
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_offs_are_read_as_local_times() {
        let texts = ["EUR=16:00".to_owned(), "free=18:00".to_owned()];
        let read = cut_offs(20_261_123, &texts, "Europe/Paris").unwrap();
        assert_eq!((read[0].currency.as_str(), read[1].currency.as_str()), ("EUR", ""));
        assert_eq!(figure::instant(read[0].at.as_ref()), "2026-11-23 15:00:00.000");
        assert!(cut_offs(20_261_123, &["EUR".to_owned()], "Europe/Paris").is_err());
        assert!(cut_offs(20_261_123, &["EUR=25:00".to_owned()], "Europe/Paris").is_err());
    }
}
