//! The books are closed: each front office says what it sent on the first day, from its own list; what differs a person
//! signs off, and every member's accounting day closes.

use std::collections::BTreeMap;

use anyhow::Result;
use model::accounting::{AccountingDay, AccountingStep, SetName};
use model::command::Command;
use model::control::{ControlTotals, SignOff, Totals};
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::trade::{Action, Details, Method, Side};
use testkit::flow::{Body, Expected, Message, Step};
use wire::pb::service::{ControlStanding, ControlState, GetStatusRequest, SubmitCommandRequest};

use super::plan::Plan;
use super::screen::{heading, line};
use crate::connection::{Connection, new_request_id, signed};
use crate::fault::{failed, from_status, reason};
use crate::output::figure;
use crate::paging::answer;

/// What is added up in so many decimals, the most that any figure of the week has.
const SCALE: u32 = 9;

/// The key of control totals: source, trade date, currency.
type Key = (Identifier, Date, CurrencyCode);

/// Closes the first day's books; 1 when it did not go as it must.
pub async fn close(connection: &Connection, plan: &Plan) -> Result<usize> {
    heading("Control totals of the front offices, and the accounting day");
    let number = plan.days.first().map_or(0, |day| day.date);
    let date = Date::parse(&figure::date(number)).map_err(|_| failed("the week has no first day"))?;
    let own = own_lists(plan);
    let first: Vec<_> = own.iter().filter(|((_, on, _), _)| *on == date).collect();
    for (key, totals) in &first {
        let (source, trade_date, currency) = (*key).clone();
        let said = ControlTotals { source, trade_date, currency, totals: sum(totals)? };
        ask(connection, "front.office", "", &Command::ControlTotals(Box::new(said))).await?;
    }
    let differing = standing(connection, date, ControlState::Differs).await?;
    let agreed = standing(connection, date, ControlState::Agreed).await?.len();
    line(format!(
        "{date}: {} sent, {} agree with the log, {} differ: changes that wait for consent, figures mended in repair",
        figure::some(first.len() as u64, "total was", "totals were"),
        figure::count(agreed as u64),
        figure::count(differing.len() as u64)
    ));
    let refused = close_all(connection, plan, date).await?;
    for row in &differing {
        let (source, currency) = (Identifier::parse(&row.source)?, CurrencyCode::parse(&row.currency)?);
        let sign_off = Command::SignOff(SignOff { source, trade_date: date, currency });
        ask(
            connection,
            "omar.control",
            "changes that wait for consent and mended figures, seen with the desk",
            &sign_off,
        )
        .await?;
    }
    line(format!(
        "accounting day {date}: {} not close over a difference, until omar.control signs it off",
        figure::some(refused, "member does", "members do")
    ));
    let still = close_all(connection, plan, date).await?;
    let closed = answer(connection.operator().get_status(GetStatusRequest {}).await)?.accounting;
    let closed = closed.iter().filter(|each| each.closed.is_some()).count();
    line(format!(
        "closed for {} with the prices and rates of its close; a closed day is not opened again",
        figure::some(closed as u64, "member", "members")
    ));
    Ok(usize::from(still > 0 || closed != plan.flow.members().len()))
}

/// Opens and closes each member's day that is not closed yet; how many were refused over control totals.
async fn close_all(connection: &Connection, plan: &Plan, date: Date) -> Result<u64> {
    let (snap, source) = (Identifier::parse("CLOSE")?, Identifier::parse("QUOTES")?);
    let sets = vec![SetName { date, snap, source }];
    let mut refused = 0;
    for member in plan.flow.members() {
        for step in [AccountingStep::Open { date }, AccountingStep::Close { date, sets: sets.clone() }] {
            let day = AccountingDay { entity: member.party.clone(), step };
            match ask(connection, "ines.data", "", &Command::Accounting(Box::new(day))).await?.as_deref() {
                Some("CONTROL_TOTALS_DIFFER") => refused += 1,
                // Open or closed already.
                None | Some("ACCOUNTING_DAY_OPEN" | "ACCOUNTING_DAY_NOT_AFTER" | "ACCOUNTING_DAY_NOT_OPEN") => {}
                Some(code) => return Err(failed(format!("the accounting day of {}: {code}", member.party))),
            }
        }
    }
    Ok(refused)
}

/// Asks; why it was refused, if it was.
async fn ask(connection: &Connection, actor: &str, why: &str, command: &Command) -> Result<Option<String>> {
    let (request_id, reason_given) = (new_request_id(), why.to_owned());
    let command = Some(wire::command::into_wire(command));
    let request = SubmitCommandRequest { command, request_id, reason: reason_given };
    match connection.operator().submit_command(signed(request, actor)?).await {
        Ok(_) => Ok(None),
        Err(status) => match reason(&status) {
            Some(code) if status.code() == tonic::Code::FailedPrecondition => Ok(Some(code)),
            _ => Err(from_status(status)),
        },
    }
}

async fn standing(connection: &Connection, date: Date, state: ControlState) -> Result<Vec<ControlStanding>> {
    let (year, month, day) = date.ymd();
    let number = year.unsigned_abs() * 10_000 + u32::from(month) * 100 + u32::from(day);
    let rows = answer(connection.operator().get_status(GetStatusRequest {}).await)?.controls;
    Ok(rows.into_iter().filter(|row| row.trade_date == number && row.state() == state).collect())
}

/// What each front office knows of its own trades: the last version that it may take for accepted.
fn own_lists(plan: &Plan) -> BTreeMap<Key, Vec<&Details>> {
    let mut trades: BTreeMap<(&Identifier, &Identifier), (u32, Option<&Details>)> = BTreeMap::new();
    for item in &plan.items {
        let Step::Message(Message { body: Body::Trade(trade), expected: Expected::Accepted, .. }) = &item.step else {
            continue;
        };
        let details = trade.details.as_ref().filter(|_| trade.action != Action::Cancel);
        let known = trades.entry((&trade.source, &trade.id)).or_insert((0, None));
        if trade.version > known.0 {
            *known = (trade.version, details);
        }
    }
    let mut lists: BTreeMap<Key, Vec<&Details>> = BTreeMap::new();
    for ((source, _), (_, details)) in trades {
        if let Some(details) = details {
            lists.entry((source.clone(), details.trade_date, details.currency)).or_default().push(details);
        }
    }
    lists
}

fn sum(trades: &[&Details]) -> Result<Totals> {
    let of = |side: Side, figure: fn(&Details) -> Decimal| -> Result<Decimal> {
        let mut units = 0;
        for details in trades.iter().filter(|details| details.side == side) {
            units += figure(details).to_scale(SCALE)?;
        }
        // No more decimals than needed.
        let mut scale = SCALE;
        while scale > 0 && units % 10 == 0 {
            (units, scale) = (units / 10, scale - 1);
        }
        Ok(Decimal::from_units(units, scale)?)
    };
    let quantity: fn(&Details) -> Decimal = |details| details.quantity;
    let net: fn(&Details) -> Decimal =
        |details| if details.method == Method::Dvp { details.net } else { Decimal::ZERO };
    Ok(Totals {
        count: trades.len() as u64,
        bought: of(Side::Buy, quantity)?,
        sold: of(Side::Sell, quantity)?,
        paid: of(Side::Buy, net)?,
        received: of(Side::Sell, net)?,
    })
}
