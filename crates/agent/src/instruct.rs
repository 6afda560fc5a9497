//! A bank's message in the agent's words: an instruction is a trade of the agent's own domain, known by the bank's reference; what a
//! bank asks later is a cancellation of it, or a person's hold, release or priority.
//!
//! The agent has no price, only an amount; so the trade's amount stands as interest, where nothing is recomputed. Its book is called
//! like the depot: who owns what lies there is who holds the account.

use model::command::Command;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::instruction::{Movement, Steer};
use model::outbound::{Instruct, OutboundBody, OutboundInstruction};
use model::trade::{Action, Details, Method, PriceType, Side, TradeMessage};

/// A house and a reference of a message together have at most so many characters; request ids are made of them.
const MOST_NAME: usize = Identifier::MAX_LEN - 8;
/// An instruction settles in so many parts at most.
const MOST_PARTS: u64 = 10;

/// A command that a message comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As it is.
    Now(Command),
    /// Of each part that is open: its cancellation, with this version.
    Cancel(u32),
    /// Of each part that is open.
    Steer(Vec<Steer>),
}

/// Every name that the parts of an instruction may have: its own when it settles whole.
pub(crate) fn part_names(instruction: &Identifier) -> Vec<Identifier> {
    let part = |number| Identifier::parse(&format!("{instruction}.{number}")).ok();
    std::iter::once(instruction.clone()).chain((1..=MOST_PARTS).filter_map(part)).collect()
}

/// The reference of the instruction that a trade's name is, or is a part of.
pub(crate) fn root(id: &str) -> &str {
    id.split_once('.').map_or(id, |(root, _)| root)
}

/// What a message asks for.
///
/// # Errors
/// Why nothing can be made of it.
pub(crate) fn orders(message: &OutboundInstruction, lot: u64) -> Result<Vec<Order>, String> {
    let sender = message.sender.as_ref().ok_or("it does not say who sends it")?;
    let longest = message.reference.as_str().len().max(message.instruction.as_str().len());
    if sender.as_str().len() + longest > MOST_NAME {
        return Err(format!("sender and reference together are longer than {MOST_NAME} characters"));
    }
    match &message.body {
        OutboundBody::Instruct(said) => {
            let trade = |(id, quantity, amount)| {
                let details = details(message, said, quantity, amount);
                let trade = TradeMessage {
                    source: sender.clone(),
                    id,
                    version: 1,
                    action: Action::New,
                    details: Some(details),
                };
                Order::Now(Command::Trade(Box::new(trade)))
            };
            Ok(parts(&message.instruction, said, lot).into_iter().map(trade).collect())
        }
        OutboundBody::Cancel(_) => Ok(vec![Order::Cancel(version(message))]),
        OutboundBody::Modify(asked) => {
            let hold = asked.hold.map(|hold| if hold { Steer::Hold } else { Steer::Release });
            let steers: Vec<Steer> = hold.into_iter().chain(asked.priority.map(Steer::Prioritise)).collect();
            if steers.is_empty() {
                return Err("it asks for no change".to_owned());
            }
            Ok(vec![Order::Steer(steers)])
        }
    }
}

/// The commands of a message, in order, each with the request id that makes it one for ever: `HOUSE/REFERENCE:n/of`. `open` says
/// which of some names are trades that are open, and their instructions.
///
/// # Errors
/// What `open` says.
pub(crate) fn commands<E>(
    sender: &Identifier,
    message: &OutboundInstruction,
    orders: Vec<Order>,
    open: impl Fn(Vec<Identifier>) -> Result<Vec<(Identifier, Option<u64>)>, E>,
) -> Result<Vec<(Identifier, Command)>, E> {
    let mut commands = Vec::new();
    for order in orders {
        match order {
            Order::Now(command) => commands.push(command),
            Order::Cancel(version) => {
                let open = open(part_names(&message.instruction))?;
                // Of one that is not open the shard says why.
                let whole = open.is_empty().then(|| message.instruction.clone());
                let names = open.into_iter().map(|(name, _)| name).chain(whole);
                commands.extend(names.map(|id| {
                    let (source, action) = (sender.clone(), Action::Cancel);
                    Command::Trade(Box::new(TradeMessage { source, id, version, action, details: None }))
                }));
            }
            Order::Steer(steers) => {
                let open = open(part_names(&message.instruction))?;
                let mut numbers: Vec<u64> = open.into_iter().filter_map(|(_, number)| number).collect();
                if numbers.is_empty() {
                    // None has this number: the shard refuses it, and the bank hears so.
                    numbers.push(0);
                }
                for instruction in numbers {
                    commands.extend(steers.iter().map(|steer| Command::Steer { instruction, steer: *steer }));
                }
            }
        }
    }
    let of = commands.len();
    let named = commands.into_iter().enumerate().map(|(place, command)| {
        let id = format!("{sender}/{}:{}/{of}", message.reference, place + 1);
        (Identifier::parse(&id).expect("it is short: see MOST_NAME"), command)
    });
    Ok(named.collect())
}

/// Requests are numbered from 1 after the instruction's own reference; the instruction was version 1.
fn version(message: &OutboundInstruction) -> u32 {
    let number = message.reference.as_str().strip_prefix(message.instruction.as_str());
    let number = number.and_then(|rest| rest.strip_prefix('-')).and_then(|number| number.parse::<u32>().ok());
    number.unwrap_or(1).saturating_add(1)
}

/// The parts in which it settles: name, quantity, amount. Each part's amount is cut off to the minor unit, the last bears the rest.
pub(crate) fn parts(
    instruction: &Identifier,
    said: &Instruct,
    lot: u64,
) -> Vec<(Identifier, Decimal, Option<Decimal>)> {
    let whole = vec![(instruction.clone(), said.quantity, said.amount)];
    let Some(lot) = i64::try_from(lot).ok().filter(|lot| *lot > 0) else { return whole };
    let unit = 10i64.checked_pow(said.quantity.scale).and_then(|unit| unit.checked_mul(lot));
    let Some(lot) = unit.filter(|lot| said.quantity.unscaled > *lot) else { return whole };
    let all = said.quantity.unscaled;
    let mut parts = Vec::new();
    let (mut left, mut unpaid) = (all, said.amount.map(|amount| amount.unscaled));
    for (number, name) in part_names(instruction).into_iter().enumerate().skip(1) {
        let last = left <= lot || number as u64 == MOST_PARTS;
        let quantity = if last { left } else { lot };
        let amount = said.amount.zip(unpaid).map(|(amount, unpaid)| {
            let part = i128::from(amount.unscaled) * i128::from(quantity) / i128::from(all);
            Decimal { unscaled: if last { unpaid } else { part as i64 }, scale: amount.scale }
        });
        unpaid = unpaid.zip(amount).map(|(unpaid, amount)| unpaid - amount.unscaled);
        left -= quantity;
        parts.push((name, Decimal { unscaled: quantity, scale: said.quantity.scale }, amount));
        if last {
            break;
        }
    }
    parts
}

fn details(message: &OutboundInstruction, said: &Instruct, quantity: Decimal, amount: Option<Decimal>) -> Details {
    let nothing = Decimal { unscaled: 0, scale: 0 };
    let amount = amount.unwrap_or(nothing);
    Details {
        party: said.party.id.clone(),
        counterparty: said.counterparty.id.clone(),
        book: said.depot.clone(),
        side: if said.movement == Movement::Deliver { Side::Sell } else { Side::Buy },
        instrument: said.instrument.clone(),
        quantity,
        quantity_type: said.quantity_type,
        price: nothing,
        price_type: PriceType::Amount,
        trade_date: said.trade_date,
        traded_at: None,
        intended_settlement_date: Some(said.settlement_date),
        // Free of payment there is none to say, and none is used.
        currency: said.currency.unwrap_or_else(|| CurrencyCode::parse("EUR").expect("a currency")),
        gross: nothing,
        accrued: amount,
        charges: Vec::new(),
        net: amount,
        method: if said.currency.is_some() { said.payment } else { Method::Fop },
        domain: message.domain.clone(),
        place_of_trade: None,
        transaction_type: said.transaction_type,
        cum_ex: said.cum_ex,
        opt_out: said.opt_out,
        common_reference: said.common_reference.clone(),
        delivering_client: said.delivering_client.clone(),
        receiving_client: said.receiving_client.clone(),
        depot: Some(said.depot.clone()),
        nostro: said.nostro.clone(),
        hold: said.hold,
        priority: said.priority,
        uti: None,
        order_reference: None,
        capacity: None,
    }
}
