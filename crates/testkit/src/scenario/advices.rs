//! What the agent of an external domain says, as lines: `advise ID KIND …`, with `sender=` (else CUSTODIAN).
//!
//! ```text
//! advise X1 status A1 PEND reasons=LACK,CLAC agent=C-77 narrative="next cycle"
//! advise X2 settled A1 40 SAP 4800.00 EUR [partial=PAIN] [moves=in|out] [on=date] [account=] [cash-account=]
//! advise X3 cancelled A1 CAND [reasons=]        advise X4 changed A1 MODC
//! advise X5 alleged out 100 SAP 12000.00 EUR [cpty=] [account=] [settles=date]
//! advise X5b unalleged X5
//! advise X6 cash ALPHA-CASH -15.00 EUR [about=A1] [code=]
//! advise X7 holdings ALPHA-DEPOT [complete=yes] SAP=1000       advise X8 balances ALPHA-CASH EUR=200000.00
//! ```
//!
//! Whom it is about is the name of an instruction, `A1?2` for its second request, `'text'` for any other reference,
//! `-` for none.

use super::player::Player;
use super::stage::Stage;
use super::words::{Words, currency, date, decimal};
use model::advice::*;
use model::breaks::{CloseBreak, Resolution};
use model::command::Command;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::instruction::Movement;

impl<S: Stage> Player<S> {
    pub(super) fn advise(&mut self, words: &mut Words) -> Result<Command, String> {
        let today = self.today();
        let id = words.name("the advice's id")?;
        let sender = words.name_option("sender")?.unwrap_or(Identifier::parse("CUSTODIAN").expect("a name"));
        let agent_reference = words.option("agent").unwrap_or_default();
        let kind = words.word("what it says")?;
        let mut reference = String::new();
        let body = match &*kind {
            "status" => {
                reference = self.quoted(&words.word("whom it is about")?)?;
                let (status, reasons, narrative) = said(words)?;
                AdviceBody::Status(Status { status, reasons, narrative })
            }
            "cancelled" | "changed" => {
                reference = self.quoted(&words.word("whom it is about")?)?;
                let (status, reasons, narrative) = said(words)?;
                let answer = Answer { status, reasons, narrative };
                if kind == "changed" {
                    AdviceBody::ModificationAnswer(answer)
                } else {
                    AdviceBody::CancellationAnswer(answer)
                }
            }
            "settled" => {
                let about = words.word("whom it is about")?;
                reference = self.quoted(&about)?;
                let known = self.view.instruction_called(&about).map(|number| self.view.instructions[&number].movement);
                let movement = match words.option("moves") {
                    Some(way) => way_of(&way)?,
                    None => known.ok_or("say which way with moves=")?,
                };
                let (quantity, instrument, amount) = figures(words)?;
                AdviceBody::Confirmation(Box::new(Confirmation {
                    movement,
                    instrument,
                    quantity,
                    currency: amount.map(|(_, currency)| currency),
                    amount: amount.map(|(amount, _)| amount),
                    partial: words.option("partial").unwrap_or_default(),
                    effective_date: words.option("on").map_or(Ok(today), |text| date(&text, today))?,
                    account: words.option("account").unwrap_or_default(),
                    cash_account: words.option("cash-account").unwrap_or_default(),
                }))
            }
            "alleged" => {
                let movement = way_of(&words.word("in or out")?)?;
                let (quantity, instrument, amount) = figures(words)?;
                AdviceBody::Allegement(Box::new(Allegement {
                    movement,
                    instrument,
                    quantity,
                    currency: amount.map(|(_, currency)| currency),
                    amount: amount.map(|(amount, _)| amount),
                    trade_date: Some(today),
                    settlement_date: words.option("settles").map(|text| date(&text, today)).transpose()?,
                    counterparty: words.option("cpty").unwrap_or_default(),
                    account: words.option("account").unwrap_or_default(),
                }))
            }
            "cash" => {
                if let Some(about) = words.option("about") {
                    reference = self.quoted(&about)?;
                }
                AdviceBody::CashEntry(CashEntry {
                    account: words.word("the account")?,
                    amount: decimal(&words.word("the amount")?)?,
                    currency: currency(&words.word("the currency")?)?,
                    value_date: today,
                    code: words.option("code").unwrap_or_default(),
                    narrative: words.option("narrative").unwrap_or_default(),
                })
            }
            "holdings" => {
                let (account, complete) = (words.word("the account")?, words.is_set("complete")?);
                let line = |(instrument, text): (String, String)| {
                    Ok(SecuritiesBalance { instrument, quantity: decimal(&text)? })
                };
                let lines = words.rest().into_iter().map(line).collect::<Result<_, String>>()?;
                AdviceBody::SecuritiesBalances(SecuritiesBalances { account, date: today, complete, lines })
            }
            "balances" => {
                let account = words.word("the account")?;
                let line = |(code, text): (String, String)| {
                    Ok(CashBalance { currency: currency(&code)?, amount: decimal(&text)? })
                };
                let lines = words.rest().into_iter().map(line).collect::<Result<_, String>>()?;
                AdviceBody::CashBalances(CashBalances { account, date: today, lines })
            }
            "unalleged" => AdviceBody::AllegementRemoval(AllegementRemoval {
                allegement: words.name("the allegement's id")?,
                movement: None,
                payment: None,
            }),
            other => return Err(format!("an agent does not say `{other}`")),
        };
        Ok(Command::Advice(Box::new(Advice { sender, id, reference, agent_reference, body })))
    }

    /// The reference an agent quotes.
    fn quoted(&self, about: &str) -> Result<String, String> {
        if about == "-" {
            return Ok(String::new());
        }
        if let Some(text) = about.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            return Ok(text.to_owned());
        }
        let (name, request) = match about.split_once('?') {
            None => (about, String::new()),
            Some((name, request)) => (name, format!("-{request}")),
        };
        let number = self.view.instruction_called(name).ok_or_else(|| format!("there is no instruction {name}"))?;
        Ok(format!("Q0-{number}{request}"))
    }

    /// `close-break 1 explained|to-book B|to-party P|write-off|undo`; `assign-break 1 to EVA`.
    pub(super) fn on_break(&mut self, words: &mut Words) -> Result<Command, String> {
        let number = words.word("the break")?;
        let number = number.parse().map_err(|_| format!("{number} is not a number"))?;
        if words.verb == "assign-break" {
            words.expect(&["to"])?;
            return Ok(Command::AssignBreak { number, owner: words.name("the owner")? });
        }
        let resolution = match &*words.expect(&["explained", "to-book", "to-party", "write-off", "undo"])? {
            "explained" => Resolution::Explained,
            "to-book" => Resolution::ToBook,
            "to-party" => Resolution::ToParty,
            "write-off" => Resolution::WriteOff,
            _ => Resolution::Undo,
        };
        let target = words.next().map(|text| super::words::name(&text)).transpose()?;
        Ok(Command::CloseBreak(CloseBreak { number, resolution, target }))
    }
}

/// The code, the reasons, further words.
fn said(words: &mut Words) -> Result<(String, Vec<String>, String), String> {
    let status = words.word("the code")?;
    let reasons = words.option("reasons").unwrap_or_default();
    let reasons = reasons.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect();
    Ok((status, reasons, words.option("narrative").unwrap_or_default()))
}

fn way_of(text: &str) -> Result<Movement, String> {
    match text {
        "in" => Ok(Movement::Receive),
        "out" => Ok(Movement::Deliver),
        other => Err(format!("{other} is neither in nor out")),
    }
}

type Figures = (Decimal, String, Option<(Decimal, CurrencyCode)>);

/// `40 SAP [4800.00 EUR]`; `-` for an instrument that is not said.
fn figures(words: &mut Words) -> Result<Figures, String> {
    let quantity = decimal(&words.word("the quantity")?)?;
    let instrument = words.word("the instrument")?;
    let instrument = if instrument == "-" { String::new() } else { instrument };
    let amount = match words.next() {
        None => None,
        Some(text) => Some((decimal(&text)?, currency(&words.word("the currency")?)?)),
    };
    Ok((quantity, instrument, amount))
}
