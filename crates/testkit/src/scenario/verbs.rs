//! The verbs of a scenario: the command each line stands for.

use super::control;
use super::player::{Player, instant};
use super::reference::{DOMAIN, reference};
use super::stage::Stage;
use super::trades::{self, what};
use super::words::{Words, currency, date, decimal, name};
use model::command::{Command, Cost, CutOff, DayStep, Opening, Repair, Replay, Step, Task, Transfer, Unreadable};
use model::identifier::Identifier;
use model::index::{DomainIx, Kind};
use model::instruction::Steer;
use model::trade::{Action, Details, TradeMessage};

impl<S: Stage> Player<S> {
    /// The command a line stands for.
    pub(super) fn command(&mut self, words: &mut Words) -> Result<Command, String> {
        let today = self.today();
        if let Some(reference) = reference(words, today)? {
            return Ok(Command::SetReference(Box::new(reference)));
        }
        if let Some(command) = control::command(words, today)? {
            return Ok(command);
        }
        if let Some(command) = super::margin::command(words, today)? {
            return Ok(command);
        }
        Ok(match &*words.verb {
            "trade" => {
                let id = words.name("the trade's id")?;
                let details = trades::sentence(words, today)?;
                let message = self.message(words, id, Action::New, Some(details))?;
                self.say(message)
            }
            "amend" => {
                let id = words.name("the trade's id")?;
                // With a sentence: an amendment that stands on its own, say because its trade has not come yet.
                let before =
                    self.sent.get(id.as_str()).and_then(|sent| sent.iter().rev().find_map(|said| said.details.clone()));
                let details = match before.filter(|_| !words.has_more()) {
                    Some(before) => trades::amended(&before, words, today)?,
                    None => trades::sentence(words, today)?,
                };
                let message = self.message(words, id, Action::Amend, Some(details))?;
                self.say(message)
            }
            "cancel" => {
                let id = words.name("the trade's id")?;
                let message = self.message(words, id, Action::Cancel, None)?;
                self.say(message)
            }
            "resend" => {
                let id = words.name("the trade's id")?;
                let version = words.number_option::<u32>("v")?;
                let sent = self.sent.get(id.as_str()).ok_or("nothing was said of that trade")?;
                let said = sent.iter().rev().find(|said| version.is_none_or(|version| said.version == version));
                Command::Trade(Box::new(said.ok_or("that version was not sent")?.clone()))
            }
            "repair" => {
                let id = words.name("the trade's id")?;
                let sent = self.sent.get(id.as_str()).and_then(|sent| sent.last().cloned());
                let source = match (words.name_option("src")?, &sent) {
                    (Some(source), _) => source,
                    (None, Some(said)) => said.source.clone(),
                    (None, None) => return Err("say which source with src=".to_owned()),
                };
                let before = sent.and_then(|said| said.details);
                // Only `repair A1`: look again, and accept the source's own amounts.
                let details = match (words.takes("with"), before) {
                    (true, Some(before)) => Some(trades::amended(&before, words, today)?),
                    (true, None) => return Err("nothing was said of that trade".to_owned()),
                    (false, _) => None,
                };
                Command::Repair(Box::new(Repair { source, id, details }))
            }
            "hold" | "release" | "prioritise" | "cancel-instruction" | "keep-instruction" => self.steer(words)?,
            "opening" => {
                let (account, book) = (words.name("the account")?, words.name("the book")?);
                let quantity = decimal(&words.word("the quantity")?)?;
                let what = what(&words.word("of what")?)?;
                let cost = words.option("cost").map(|text| decimal(&text)).transpose()?;
                let paid_in = currency(&words.option("ccy").unwrap_or_else(|| "EUR".to_owned()))?;
                let cost = cost.map(|amount| Cost { currency: paid_in, amount });
                Command::Open(Opening { account, book, what, quantity, cost })
            }
            "transfer" => self.transfer(words)?,
            "reverse" => {
                let sequence = self.labelled(words)?;
                let instruction =
                    words.option("instruction").map(|text| text.parse().map_err(|_| "a number".to_owned()));
                Command::Reverse { sequence, instruction: instruction.transpose()? }
            }
            "approve" => {
                let proposal = self.labelled(words)?;
                Command::Approve { proposal, payload_hash: self.payload_hash(words)? }
            }
            "advise" => self.advise(words)?,
            "close-break" | "assign-break" => self.on_break(words)?,
            "refuse" => Command::Refuse { proposal: self.labelled(words)? },
            "open" | "cut-off" | "close" => self.day(words)?,
            "continue" => Command::Continue(self.task(words)?),
            "unreadable" => {
                let (path, reason) =
                    (words.option("path").unwrap_or_default(), words.option("reason").unwrap_or_default());
                let bytes = words.option("bytes").unwrap_or_default().into_bytes();
                let size = bytes.len() as u64;
                Command::Quarantine(Box::new(Unreadable { path, reason, bytes, hash: [0; 32], size }))
            }
            "discard" => Command::CloseQuarantined { sequence: self.labelled(words)?, replay: None },
            "replay" => {
                let sequence = self.labelled(words)?;
                words.expect(&["as"])?;
                if words.takes("advice") {
                    let Command::Advice(advice) = self.advise(words)? else { unreachable!("an agent advises") };
                    return Ok(Command::CloseQuarantined { sequence, replay: Some(Replay::Advice(advice)) });
                }
                let id = words.name("the trade's id")?;
                let details = trades::sentence(words, today)?;
                let message = self.message(words, id, Action::New, Some(details))?;
                self.sent.entry(message.id.to_string()).or_default().push(message.clone());
                Command::CloseQuarantined { sequence, replay: Some(Replay::Trade(Box::new(message))) }
            }
            other => return Err(format!("nobody understands `{other}`")),
        })
    }

    fn message(
        &self,
        words: &mut Words,
        id: Identifier,
        action: Action,
        details: Option<Details>,
    ) -> Result<TradeMessage, String> {
        let sent = self.sent.get(id.as_str()).and_then(|sent| sent.last());
        let source = match (words.name_option("src")?, sent, &details) {
            (Some(source), _, _) => source,
            (None, Some(said), _) => said.source.clone(),
            (None, None, Some(details)) => trades::source_of(&details.party)?,
            (None, None, None) => return Err("say which source with src=".to_owned()),
        };
        let next = if action == Action::New { 1 } else { sent.map_or(2, |said| said.version + 1) };
        Ok(TradeMessage { source, id, version: words.number_option("v")?.unwrap_or(next), action, details })
    }

    pub(super) fn say(&mut self, message: TradeMessage) -> Command {
        self.sent.entry(message.id.to_string()).or_default().push(message.clone());
        Command::Trade(Box::new(message))
    }

    fn steer(&mut self, words: &mut Words) -> Result<Command, String> {
        let called = words.word("the instruction")?;
        // `#99` is a number that need not exist.
        let instruction = match called.strip_prefix('#') {
            Some(number) => number.parse().map_err(|_| format!("{called} is not a number"))?,
            None => self.view.instruction_called(&called).ok_or_else(|| format!("there is no instruction {called}"))?,
        };
        let steer = match &*words.verb {
            "hold" => Steer::Hold,
            "release" => Steer::Release,
            "cancel-instruction" => Steer::Cancel,
            "keep-instruction" => Steer::KeepAfterAll,
            _ => {
                words.expect(&["to"])?;
                let priority = words.word("the priority")?;
                Steer::Prioritise(priority.parse().map_err(|_| format!("{priority} is not a priority"))?)
            }
        };
        Ok(Command::Steer { instruction, steer })
    }

    /// `transfer 100 SAP [from X] [to Y] book=B [to-book=C]`
    fn transfer(&mut self, words: &mut Words) -> Result<Command, String> {
        let quantity = decimal(&words.word("the quantity")?)?;
        let what = what(&words.word("of what")?)?;
        let from = if words.takes("from") { Some(words.name("the account")?) } else { None };
        let to = if words.takes("to") { Some(words.name("the account")?) } else { None };
        let book = words.name_option("book")?.ok_or("say whose it is with book=")?;
        let to_book = words.name_option("to-book")?;
        Ok(Command::Transfer(Transfer { from, to, book, to_book, what, quantity }))
    }

    /// `open [2026-11-23] [EUR=15:00] [USD=16:00] [free=17:00]` with UTC times; `cut-off EUR|free [date]`; `close [date]`.
    fn day(&mut self, words: &mut Words) -> Result<Command, String> {
        let domain = words.name_option("domain")?.unwrap_or(name(DOMAIN)?);
        let of_what = |text: &str| if text == "free" { Ok(None) } else { currency(text).map(Some) };
        let ended = if words.verb == "cut-off" { of_what(&words.word("EUR, USD or free")?)? } else { None };
        let date = words.next().map_or(Ok(self.today()), |text| date(&text, self.today()))?;
        let step = match &*words.verb {
            "open" => {
                let mut hours = words.rest();
                if hours.is_empty() {
                    // What the standard domain has, Paris being an hour ahead of UTC in winter.
                    hours = [("EUR", "15:00"), ("USD", "16:00"), ("free", "17:00")]
                        .map(|(key, time)| (key.into(), time.into()))
                        .into();
                }
                let cut_offs = hours
                    .into_iter()
                    .map(|(key, time)| Ok(CutOff { currency: of_what(&key)?, at: instant(date, &time)? }));
                Step::Open { date, cut_offs: cut_offs.collect::<Result<_, String>>()? }
            }
            "cut-off" => Step::CutOff { date, currency: ended },
            _ => Step::Close { date },
        };
        Ok(Command::Day(DayStep { domain, step }))
    }

    fn task(&mut self, words: &mut Words) -> Result<Task, String> {
        let task = words.expect(&["retry", "cycle", "survey", "repair", "reserve"])?;
        let domain = DomainIx(self.view.find(Kind::Domain, DOMAIN).unwrap_or(0));
        Ok(match &*task {
            "retry" => Task::Retry,
            "cycle" => Task::Cycle(domain),
            "survey" => Task::Survey(domain),
            "reserve" => Task::Reserve,
            _ => Task::Repair,
        })
    }

    fn labelled(&mut self, words: &mut Words) -> Result<u64, String> {
        let label = words.word("a label")?;
        // `#99` is a sequence that need not exist.
        match label.strip_prefix('#') {
            Some(number) => number.parse().map_err(|_| format!("{label} is not a number")),
            None => self.labels.get(&label).copied().ok_or_else(|| format!("no line is labelled {label}")),
        }
    }
}
