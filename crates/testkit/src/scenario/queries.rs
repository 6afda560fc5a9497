//! Questions about what the log has told: they change nothing.

use super::stage::Stage;
use super::tell;
use super::trades;
use super::view::View;
use super::words::Words;
use clearing::{Explanation, Sought};
use model::index::{Asset, Kind};
use model::ledger::{LedgerAccount, Posting};
use std::collections::BTreeMap;

/// The answer to a question; `None` when the line is none.
pub(super) fn answer(
    view: &View,
    last: &[Posting],
    stage: &mut impl Stage,
    words: &mut Words,
) -> Result<Option<Vec<String>>, String> {
    Ok(Some(match &*words.verb {
        // `balance ALPHA-DEPOT [SAP]`: what lies on an account. `position ALPHA-EQ [SAP]`: what a book owns.
        "balance" => {
            let (id, asset) = (words.word("the account")?, words.next());
            holdings(view, &id, asset, |account| match account {
                LedgerAccount::Location { account, .. } => view.named(Kind::Account, account.0).as_str() == id,
                _ => false,
            })
        }
        "position" => {
            let (id, asset) = (words.word("the book")?, words.next());
            holdings(view, &id, asset, |account| match account {
                LedgerAccount::Book { book, .. } => view.named(Kind::Book, book.0).as_str() == id,
                _ => false,
            })
        }
        // `owed ALPHA BETA [SAP]`: the account of the second in the books of the first; what is below zero is still to
        // come from it, what is above is still to go to it.
        "owed" => {
            let (one, other, asset) = (words.word("the party")?, words.word("the counterparty")?, words.next());
            let (entity, party) = (view.find(Kind::Party, &one), view.find(Kind::Party, &other));
            holdings(view, &format!("{other} in the books of {one}"), asset, |account| match account {
                LedgerAccount::Counterparty { entity: e, party: p } => Some(e.0) == entity && Some(p.0) == party,
                _ => false,
            })
        }
        // `differences ALPHA [EUR]`: what tolerances forgave.
        "differences" => {
            let (one, asset) = (words.word("the party")?, words.next());
            let entity = view.find(Kind::Party, &one);
            holdings(view, &format!("{one} differences"), asset, |account| match account {
                LedgerAccount::Difference { entity: e } => Some(e.0) == entity,
                _ => false,
            })
        }
        "instruction" | "why" => {
            let called = words.word("the instruction")?;
            let number = view.instruction_called(&called).ok_or_else(|| format!("there is no instruction {called}"))?;
            if words.verb == "instruction" {
                vec![tell::instruction(view, number)]
            } else {
                let codes = stage.why(number).ok_or("it is not open, or it is matched")?;
                vec![codes.iter().map(|code| code.to_string()).collect::<Vec<_>>().join(" ")]
            }
        }
        "explain" => {
            let explanation = explanation(view, stage, words)?.ok_or("it is not open")?;
            super::explained::lines(&explanation)
        }
        "status" => {
            let id = words.word("the trade's id")?;
            let number = view.trade_called(&id).ok_or_else(|| format!("there is no trade {id}"))?;
            vec![tell::status(view, number)]
        }
        // What the outside contradicts us in, and nobody has closed.
        "breaks" => super::outside::breaks(view),
        // `break-account ALPHA [EUR]`: what it moved and nothing of ours explains.
        "break-account" => {
            let (one, asset) = (words.word("the party")?, words.next());
            let entity = view.find(Kind::Party, &one);
            holdings(view, &format!("{one} breaks"), asset, |account| match account {
                LedgerAccount::Break { entity: e } => Some(e.0) == entity,
                _ => false,
            })
        }
        // What the last command and its work moved.
        "postings" => last.iter().map(|posting| tell::moved(view, posting)).collect(),
        _ => return Ok(None),
    }))
}

/// What keeps a trade, or the instruction of this name, from settling.
pub(super) fn explanation(
    view: &View,
    stage: &mut impl Stage,
    words: &mut Words,
) -> Result<Option<Explanation>, String> {
    let called = words.word("the trade or the instruction")?;
    let sought = match (view.instruction_called(&called), view.trade_called(&called)) {
        (Some(number), _) if called.contains('/') => Sought::Instruction(number),
        (_, Some(number)) => {
            let row = &view.trades[&number];
            let owner = view.named(Kind::Party, row.terms.party.0);
            Sought::Trade(trades::source_of(owner)?, row.id.clone())
        }
        _ => return Err(format!("there is no trade or instruction {called}")),
    };
    Ok(stage.explain(&sought))
}

/// The balances of one account, the assets by name; that nothing is held is said too.
fn holdings(view: &View, title: &str, asset: Option<String>, of: impl Fn(LedgerAccount) -> bool) -> Vec<String> {
    let mut held: BTreeMap<String, (Asset, i128)> = BTreeMap::new();
    for ((account, asset), amount) in &view.balances {
        if of(*account) {
            held.entry(view.asset_name(*asset)).or_insert((*asset, 0)).1 += amount;
        }
    }
    let wanted = |name: &String, amount: i128| asset.as_ref().map_or(amount != 0, |asset| asset == name);
    let shown = held.into_iter().filter(|(name, (_, amount))| wanted(name, *amount));
    let texts: Vec<String> = shown.map(|(_, (asset, amount))| view.amount(asset, amount)).collect();
    vec![format!("{title}: {}", if texts.is_empty() { "nothing".to_owned() } else { texts.join(", ") })]
}
