//! Plays a scenario: each line becomes a command, goes to the stage, and what came of it is told in words.

use super::reference::reference;
use super::stage::Stage;
use super::tell;
use super::trades::{self, what};
use super::view::View;
use super::words::{Words, date, decimal, minutes, name};
use super::{Line, Script, Step};
use model::command::{Command, Cost, CutOff, DayStep, Inbound, Opening, Origin, Repair, Step as Day, Task, Transfer, Unreadable};
use model::date::Date;
use model::identifier::Identifier;
use model::index::{Asset, DomainIx, Kind};
use model::instruction::Steer;
use model::ledger::{LedgerAccount, Posting};
use model::record::{Content, Outcome, Record};
use model::rejection::Reason;
use model::timestamp::Timestamp;
use model::trade::{Action, Details, TradeMessage};
use std::collections::{BTreeMap, BTreeSet};

/// Plays scripts on a stage.
pub struct Player<S> {
    stage: S,
    /// Every trade message is delivered a second time, and nothing may come of it.
    twice: bool,
    pub(super) view: View,
    pub(super) clock: Timestamp,
    lines: u64,
    offset: u64,
    /// Records by the label of their line.
    labels: BTreeMap<String, u64>,
    /// What each source said of a trade, in order.
    sent: BTreeMap<String, Vec<TradeMessage>>,
    paused: bool,
    submitted: Vec<Inbound>,
    refused: BTreeSet<Reason>,
    last_postings: Vec<Posting>,
}

impl<S: Stage> Player<S> {
    pub fn new(stage: S, twice: bool) -> Player<S> {
        Player {
            stage,
            twice,
            view: View::default(),
            clock: Timestamp::parse("2026-11-23T07:00:00Z").expect("an instant"),
            lines: 0,
            offset: 0,
            labels: BTreeMap::new(),
            sent: BTreeMap::new(),
            paused: false,
            submitted: Vec::new(),
            refused: BTreeSet::new(),
            last_postings: Vec::new(),
        }
    }

    /// Plays a script; the output of each block. `include` gives the text of a set-up file.
    pub fn play(&mut self, script: &Script, include: &dyn Fn(&str) -> Option<String>) -> Result<Vec<String>, String> {
        let mut outputs = Vec::new();
        for step in script.steps() {
            match step {
                Step::Include(line, name) => {
                    let text = include(name).ok_or_else(|| line.fault("there is no such file"))?;
                    for line in Script::parse_setup(name, &text) {
                        let told = self.line(&line)?;
                        if told.iter().any(|line| line.starts_with("rejected")) {
                            return Err(line.fault(told.join("\n")));
                        }
                    }
                }
                Step::Block(block) => {
                    let mut output = String::new();
                    for line in &block.commands {
                        let told = self.line(line)?;
                        for line in if told.is_empty() { vec!["ok".to_owned()] } else { told } {
                            output.push_str(&line);
                            output.push('\n');
                        }
                    }
                    outputs.push(output);
                }
            }
        }
        self.check_balances();
        Ok(outputs)
    }

    /// The commands as they were submitted, without the repetitions of playing twice: for another engine to decide.
    pub fn submitted(&self) -> &[Inbound] {
        &self.submitted
    }

    /// Every reason for which something was refused.
    pub fn refused(&self) -> &BTreeSet<Reason> {
        &self.refused
    }

    pub fn stage(&self) -> &S {
        &self.stage
    }

    fn line(&mut self, line: &Line) -> Result<Vec<String>, String> {
        let mut words = Words::parse(&line.text).map_err(|what| line.fault(what))?;
        self.lines += 1;
        let told = self.perform(&mut words).map_err(|what| line.fault(what))?;
        words.end().map_err(|what| line.fault(what))?;
        self.stage.rest();
        Ok(told)
    }

    pub(super) fn today(&self) -> Date {
        self.clock.date_utc()
    }

    fn perform(&mut self, words: &mut Words) -> Result<Vec<String>, String> {
        if let Some(answer) = self.query(words)? {
            return Ok(answer);
        }
        match &*words.verb {
            "at" => {
                let mut next = words.word("a time")?;
                let mut day = self.today();
                if next.contains('-') {
                    day = date(&next, day)?;
                    next = words.next().unwrap_or_else(|| "07:00".to_owned());
                }
                let to = instant(day, &next)?;
                if to < self.clock {
                    return Err(format!("the clock stands at {} and does not go back", self.clock));
                }
                self.clock = to;
                Ok(Vec::new())
            }
            "pause" => {
                self.paused = true;
                Ok(Vec::new())
            }
            "work" => {
                let mut told = Vec::new();
                // One step, or with `all` what is left, after which work is done at once again.
                let all = words.takes("all");
                while let Some(record) = self.stage.work() {
                    told.extend(self.tell(&[record]));
                    if !all {
                        return Ok(told);
                    }
                }
                self.paused &= !all;
                Ok(told)
            }
            "pair" => self.pair(words),
            _ => {
                let by = words.name_option("by")?;
                let because = words.option("because");
                let call = words.name_option("call")?;
                let label = words.label.clone();
                let command = self.command(words)?;
                Ok(self.submit(command, by, because, call, label))
            }
        }
    }

    /// Both sides of a trade, each from its own front office: `pair A1 B1 ALPHA buys 100 SAP from BETA @ 120.00`.
    fn pair(&mut self, words: &mut Words) -> Result<Vec<String>, String> {
        let (first, second) = (words.name("the first id")?, words.name("the second id")?);
        let details = trades::sentence(words, self.today())?;
        let mut told = Vec::new();
        let mirrored = trades::mirrored(&details)?;
        for (id, details) in [(first, details), (second, mirrored)] {
            let source = trades::source_of(&details.party)?;
            let message = TradeMessage { source, id, version: 1, action: Action::New, details: Some(details) };
            let command = self.say(message);
            told.extend(self.submit(command, None, None, None, None));
        }
        Ok(told)
    }

    /// The command a line stands for.
    fn command(&mut self, words: &mut Words) -> Result<Command, String> {
        let today = self.today();
        if let Some(reference) = reference(words, today)? {
            return Ok(Command::SetReference(Box::new(reference)));
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
                let before = self.sent.get(id.as_str()).and_then(|sent| sent.iter().rev().find_map(|said| said.details.clone()));
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
                let currency = super::words::currency(&words.option("ccy").unwrap_or_else(|| "EUR".to_owned()))?;
                let cost = cost.map(|amount| Cost { currency, amount });
                Command::Open(Opening { account, book, what, quantity, cost })
            }
            "transfer" => self.transfer(words)?,
            "reverse" => Command::Reverse { sequence: self.labelled(words)? },
            "approve" => Command::Approve { proposal: self.labelled(words)? },
            "refuse" => Command::Refuse { proposal: self.labelled(words)? },
            "open" | "cut-off" | "close" => self.day(words)?,
            "continue" => Command::Continue(self.task(words)?),
            "unreadable" => {
                let (path, reason) = (words.option("path").unwrap_or_default(), words.option("reason").unwrap_or_default());
                let bytes = words.option("bytes").unwrap_or_default().into_bytes();
                let size = bytes.len() as u64;
                Command::Quarantine(Box::new(Unreadable { path, reason, bytes, hash: [0; 32], size }))
            }
            "discard" => Command::CloseQuarantined { sequence: self.labelled(words)?, replay: None },
            "replay" => {
                let sequence = self.labelled(words)?;
                words.expect(&["as"])?;
                let id = words.name("the trade's id")?;
                let details = trades::sentence(words, today)?;
                let message = self.message(words, id, Action::New, Some(details))?;
                self.sent.entry(message.id.to_string()).or_default().push(message.clone());
                Command::CloseQuarantined { sequence, replay: Some(Box::new(message)) }
            }
            other => return Err(format!("nobody understands `{other}`")),
        })
    }

    fn message(&self, words: &mut Words, id: Identifier, action: Action, details: Option<Details>) -> Result<TradeMessage, String> {
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

    fn say(&mut self, message: TradeMessage) -> Command {
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
        let domain = words.name_option("domain")?.unwrap_or(name(super::reference::DOMAIN)?);
        let of_what = |text: &str| if text == "free" { Ok(None) } else { super::words::currency(text).map(Some) };
        let currency = if words.verb == "cut-off" { of_what(&words.word("EUR, USD or free")?)? } else { None };
        let date = words.next().map_or(Ok(self.today()), |text| date(&text, self.today()))?;
        let step = match &*words.verb {
            "open" => {
                let mut hours = words.rest();
                if hours.is_empty() {
                    // What the standard domain has, Paris being an hour ahead of UTC in winter.
                    hours = [("EUR", "15:00"), ("USD", "16:00"), ("free", "17:00")].map(|(key, time)| (key.into(), time.into())).into();
                }
                let cut_offs = hours.into_iter().map(|(key, time)| {
                    Ok(CutOff { currency: of_what(&key)?, at: instant(date, &time)? })
                });
                Day::Open { date, cut_offs: cut_offs.collect::<Result<_, String>>()? }
            }
            "cut-off" => Day::CutOff { date, currency },
            _ => Day::Close { date },
        };
        Ok(Command::Day(DayStep { domain, step }))
    }

    fn task(&mut self, words: &mut Words) -> Result<Task, String> {
        let task = words.expect(&["retry", "cycle", "survey", "repair"])?;
        let domain = DomainIx(self.view.find(Kind::Domain, super::reference::DOMAIN).unwrap_or(0));
        Ok(match &*task {
            "retry" => Task::Retry,
            "cycle" => Task::Cycle(domain),
            "survey" => Task::Survey(domain),
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

    fn submit(&mut self, command: Command, by: Option<Identifier>, because: Option<String>, call: Option<Identifier>, label: Option<String>) -> Vec<String> {
        self.clock = self.clock.add_micros(1_000_000).expect("a scenario ends before dates do");
        let trade = matches!(command, Command::Trade(_));
        let source = match &command {
            Command::Trade(message) => Some(message.source.clone()),
            _ => None,
        };
        let actor = by.or(source).unwrap_or_else(|| name("ops").expect("a name"));
        let because = because.unwrap_or_else(|| if trade { String::new() } else { "scenario".to_owned() });
        let mut inbound = Inbound { command, origin: self.origin(trade, call), actor, reason: because, at: self.clock };
        self.submitted.push(inbound.clone());
        let records = self.stage.submit(inbound.clone(), !self.paused);
        if let (Some(label), Some(record)) = (label, records.first()) {
            self.labels.insert(label, record.sequence);
        }
        let told = self.tell(&records);
        if self.twice && trade {
            inbound.origin = self.origin(trade, None);
            let again = self.stage.submit(inbound, !self.paused);
            assert_eq!(again.len(), 1, "a second delivery sets nothing going: {again:?}");
            check_repeated(&records[0], &again[0]);
        }
        told
    }

    fn origin(&mut self, trade: bool, call: Option<Identifier>) -> Origin {
        match call {
            Some(request_id) => Origin::Call { request_id },
            None if trade => {
                self.offset += 1;
                Origin::Kafka { topic: name("quittance.trades.v1").expect("a name"), partition: 0, offset: self.offset - 1 }
            }
            None => Origin::File { line: self.lines },
        }
    }

    fn tell(&mut self, records: &[Record]) -> Vec<String> {
        let mut told = Vec::new();
        self.last_postings.clear();
        for record in records {
            if let Content::Decided { outcome: Outcome::Rejected(rejection), .. } = &record.content {
                self.refused.insert(rejection.reason);
            }
            self.last_postings.extend(record.events().iter().flat_map(|event| event.postings()));
            told.extend(tell::record(&mut self.view, record, self.paused));
        }
        told
    }

    /// Questions about what the log has told: they change nothing.
    fn query(&mut self, words: &mut Words) -> Result<Option<Vec<String>>, String> {
        Ok(Some(match &*words.verb {
            // `balance ALPHA-DEPOT [SAP]`: what lies on an account. `position ALPHA-EQ [SAP]`: what a book owns.
            "balance" | "position" => {
                let (id, asset) = (words.word("the account or book")?, words.next());
                let view = &self.view;
                let of = |account: LedgerAccount| match account {
                    LedgerAccount::Location { account, .. } => words.verb == "balance" && view.named(Kind::Account, account.0).as_str() == id,
                    LedgerAccount::Book { book, .. } => words.verb == "position" && view.named(Kind::Book, book.0).as_str() == id,
                    _ => false,
                };
                self.holdings(&id, asset, of)
            }
            // `owed ALPHA BETA [SAP]`: the account of the second in the books of the first; what is below zero is still to
            // come from it, what is above is still to go to it. `differences ALPHA [EUR]`: what tolerances forgave.
            "owed" => {
                let (one, other, asset) = (words.word("the party")?, words.word("the counterparty")?, words.next());
                let (entity, party) = (self.view.find(Kind::Party, &one), self.view.find(Kind::Party, &other));
                let title = format!("{other} in the books of {one}");
                self.holdings(&title, asset, |account| match account {
                    LedgerAccount::Counterparty { entity: e, party: p } => Some(e.0) == entity && Some(p.0) == party,
                    _ => false,
                })
            }
            "differences" => {
                let (one, asset) = (words.word("the party")?, words.next());
                let entity = self.view.find(Kind::Party, &one);
                let title = format!("{one} differences");
                self.holdings(&title, asset, |account| matches!(account, LedgerAccount::Difference { entity: e } if Some(e.0) == entity))
            }
            "instruction" | "why" => {
                let called = words.word("the instruction")?;
                let number = self.view.instruction_called(&called).ok_or_else(|| format!("there is no instruction {called}"))?;
                if words.verb == "instruction" {
                    vec![tell::instruction(&self.view, number)]
                } else {
                    let codes = self.stage.why(number).ok_or("it is not open, or it is matched")?;
                    vec![codes.iter().map(|code| code.to_string()).collect::<Vec<_>>().join(" ")]
                }
            }
            "status" => {
                let id = words.word("the trade's id")?;
                let number = self.view.trade_called(&id).ok_or_else(|| format!("there is no trade {id}"))?;
                vec![tell::status(&self.view, number)]
            }
            "postings" => self.last_postings.iter().map(|posting| tell::moved(&self.view, posting)).collect(),
            _ => return Ok(None),
        }))
    }

    /// The balances of one account, the assets by name; nothing held is said too.
    fn holdings(&self, title: &str, asset: Option<String>, of: impl Fn(LedgerAccount) -> bool) -> Vec<String> {
        let mut held: BTreeMap<String, (Asset, i128)> = BTreeMap::new();
        for ((account, asset), amount) in &self.view.balances {
            if of(*account) {
                held.entry(self.view.asset_name(*asset)).or_insert((*asset, 0)).1 += amount;
            }
        }
        let wanted = held.into_iter().filter(|(name, (_, amount))| asset.as_ref().map_or(*amount != 0, |asset| asset == name));
        let texts: Vec<String> = wanted.map(|(_, (asset, amount))| self.view.amount(asset, amount)).collect();
        vec![format!("{title}: {}", if texts.is_empty() { "nothing".to_owned() } else { texts.join(", ") })]
    }

    /// What the engine says it has, against what the events said it got; and the law of the stock record over all.
    fn check_balances(&mut self) {
        let told: BTreeMap<_, _> = self.view.balances.iter().filter(|(_, amount)| **amount != 0).map(|(key, amount)| (*key, *amount)).collect();
        if let Some(held) = self.stage.balances() {
            let held: BTreeMap<_, _> = held.into_iter().filter(|held| held.2 != 0).map(|(account, asset, amount)| ((account, asset), amount)).collect();
            assert_eq!(held, told, "the engine's balances are not what its events say");
        }
        let all: Vec<Posting> = told.into_iter().map(|((account, asset), amount)| Posting { account, asset, amount }).collect();
        assert_eq!(model::ledger::check_balanced(&all), Ok(()), "ownership and location part");
    }
}

/// The second delivery of a message must get the answer of the first.
fn check_repeated(first: &Record, second: &Record) {
    let (Content::Decided { outcome: first, .. }, Content::Decided { outcome: second, .. }) = (&first.content, &second.content) else {
        panic!("a command is not a genesis");
    };
    match (first, second) {
        (Outcome::Accepted(_) | Outcome::Duplicate { .. }, Outcome::Duplicate { .. }) => {}
        (Outcome::Rejected(first), Outcome::Rejected(second)) if first == second => {}
        _ => panic!("a second delivery got another answer: {first:?}, then {second:?}"),
    }
}

/// `15:00` of a day, UTC.
fn instant(day: Date, time: &str) -> Result<Timestamp, String> {
    let minutes = i64::from(minutes(time)?);
    Timestamp::start_of(day).add_micros(minutes * 60_000_000).map_err(|error| error.to_string())
}
