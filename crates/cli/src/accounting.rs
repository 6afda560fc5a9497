//! `quittance day accounting`: the accounting day of a legal entity.

use anyhow::Result;
use clap::Subcommand;
use model::accounting::{AccountingDay, AccountingStep, SetName};
use model::command::Command;
use model::date::Date;
use model::identifier::Identifier;
use wire::pb::record::FrozenSet;
use wire::pb::service::{AccountingStanding, GetStatusRequest};

use crate::asking::{date, identifier, submit};
use crate::connection::{Caller, Signed};
use crate::output::{self, Cell, Column, Mark, column, figure};
use crate::paging::answer;

#[derive(Subcommand, Debug)]
pub enum Accounting {
    /// Open an entity's next accounting day
    #[command(after_help = "Example:\n  quittance day accounting open ALPHA 2026-11-24")]
    Open {
        /// The legal entity
        #[arg(value_parser = identifier)]
        entity: Identifier,
        /// YYYY-MM-DD
        #[arg(value_parser = date)]
        date: Date,
        #[command(flatten)]
        signed: Signed,
    },
    /// Close it for ever, with the prices and rates by which it is valued
    #[command(after_help = "Refused while control totals of a source differ: `quittance controls list`.\n\n\
        Example:\n  quittance day accounting close ALPHA 2026-11-23 --set 2026-11-23/CLOSE/QUOTES")]
    Close {
        /// The legal entity
        #[arg(value_parser = identifier)]
        entity: Identifier,
        /// YYYY-MM-DD
        #[arg(value_parser = date)]
        date: Date,
        /// A set of prices and rates, in its highest version now recorded: date/snap/source
        #[arg(long, value_parser = set, value_name = "SET")]
        set: Vec<SetName>,
        #[command(flatten)]
        signed: Signed,
    },
    /// Which day of each entity is open, which was closed last and with what
    #[command(after_help = "Example:\n  quittance day accounting show")]
    Show,
}

pub async fn run(caller: &Caller, verb: Accounting) -> Result<()> {
    let (entity, step, signed) = match verb {
        Accounting::Open { entity, date, signed } => (entity, AccountingStep::Open { date }, signed),
        Accounting::Close { entity, date, set, signed } => (entity, AccountingStep::Close { date, sets: set }, signed),
        Accounting::Show => {
            let connection = caller.connect().await?;
            let rows = answer(connection.operator().get_status(GetStatusRequest {}).await)?.accounting;
            let nothing = "no accounting day was ever opened: `quittance day accounting open ENTITY DATE`";
            return output::list(caller.output, LIST, rows, nothing);
        }
    };
    submit(caller, &signed, &Command::Accounting(Box::new(AccountingDay { entity, step }))).await
}

/// `2026-11-23/CLOSE/QUOTES`.
fn set(text: &str) -> Result<SetName, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let [on, snap, source] = parts[..] else { return Err("write a set as date/snap/source".to_owned()) };
    Ok(SetName { date: date(on)?, snap: identifier(snap)?, source: identifier(source)? })
}

const LIST: &[Column<AccountingStanding>] = &[
    column("entity", |each| Cell::text(&each.entity)),
    column("open", |each| match each.open {
        true => Cell::Marked(figure::date(each.date), Mark::Good),
        false => Cell::Blank,
    }),
    column("closed last", |each| each.closed.map_or(Cell::Blank, Cell::Date)),
    column("closed with", |each| {
        let one =
            |set: &FrozenSet| format!("{} {} {} version {}", figure::date(set.date), set.snap, set.source, set.version);
        Cell::text(each.sets.iter().map(one).collect::<Vec<_>>().join(", "))
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_named_by_date_snap_and_source() {
        let read = set("2026-11-23/CLOSE/QUOTES").unwrap();
        assert_eq!((read.date.to_string().as_str(), read.snap.as_str()), ("2026-11-23", "CLOSE"));
        assert!(set("2026-11-23/CLOSE").is_err());
        assert!(set("23.11.2026/CLOSE/QUOTES").is_err());
    }
}
