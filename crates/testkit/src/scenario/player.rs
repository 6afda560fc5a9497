//! Plays a scenario: each line becomes a command, goes to the stage, and what came of it is told in words.

use super::queries;
use super::stage::Stage;
use super::tell;
use super::trades;
use super::view::View;
use super::words::{Words, date, minutes, name};
use super::{Line, Script, Step};
use model::command::{Command, Inbound, Origin};
use model::date::Date;
use model::identifier::Identifier;
use model::ledger::Posting;
use model::record::{Content, Outcome, Record};
use model::rejection::Reason;
use model::timestamp::Timestamp;
use model::trade::{Action, TradeMessage};
use std::collections::{BTreeMap, BTreeSet};

/// Plays scripts on a stage.
pub struct Player<S> {
    stage: S,
    /// Every message of a source or an agent is delivered a second time, and nothing may come of it.
    twice: bool,
    pub(super) view: View,
    pub(super) clock: Timestamp,
    lines: u64,
    offset: u64,
    /// Records by the label of their line.
    pub(super) labels: BTreeMap<String, u64>,
    /// What each source said of a trade, in order.
    pub(super) sent: BTreeMap<String, Vec<TradeMessage>>,
    paused: bool,
    submitted: Vec<Inbound>,
    refused: BTreeSet<Reason>,
    last_postings: Vec<Posting>,
    /// What each labelled command hashes to.
    pub(super) payloads: BTreeMap<u64, [u8; 32]>,
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
            payloads: BTreeMap::new(),
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
        if let Some(answer) = queries::answer(&self.view, &self.last_postings, &mut self.stage, words)? {
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
                    if let Some(label) = &words.label {
                        self.labels.insert(label.clone(), record.sequence);
                    }
                    told.extend(self.tell(&[record]));
                    if !all {
                        return Ok(told);
                    }
                }
                self.paused &= !all;
                Ok(told)
            }
            "pair" => self.pair(words),
            "carry-out" => self.carry_out(words),
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

    /// `carry-out A1`: does for real what `explain A1` says would settle it, by one person and by another where it takes two.
    fn carry_out(&mut self, words: &mut Words) -> Result<Vec<String>, String> {
        let explanation = queries::explanation(&self.view, &mut self.stage, words)?.ok_or("it is not open")?;
        let mut told = Vec::new();
        for change in explanation.changes {
            self.clock = change.not_before.map_or(self.clock, |at| at.max(self.clock));
            for command in change.commands {
                told.extend(self.submit(command, None, None, None, Some("carried-out".to_owned())));
                if change.needs_second {
                    let proposal = self.labels["carried-out"];
                    let approve = Command::Approve { proposal, payload_hash: None };
                    told.extend(self.submit(approve, Some(name("second")?), None, None, None));
                }
            }
        }
        Ok(told)
    }

    fn submit(
        &mut self,
        command: Command,
        by: Option<Identifier>,
        because: Option<String>,
        call: Option<Identifier>,
        label: Option<String>,
    ) -> Vec<String> {
        self.clock = self.clock.add_micros(1_000_000).expect("a scenario ends before dates do");
        let trade = matches!(command, Command::Trade(_) | Command::Advice(_));
        let source = match &command {
            Command::Trade(message) => Some(message.source.clone()),
            Command::Advice(advice) => Some(advice.sender.clone()),
            _ => None,
        };
        let actor = by.or(source).unwrap_or_else(|| name("ops").expect("a name"));
        let because = because.unwrap_or_else(|| if trade { String::new() } else { "scenario".to_owned() });
        let mut inbound = Inbound { command, origin: self.origin(trade, call), actor, reason: because, at: self.clock };
        self.submitted.push(inbound.clone());
        let records = self.stage.submit(inbound.clone(), !self.paused);
        if let (Some(label), Some(record)) = (label, records.first()) {
            self.labels.insert(label, record.sequence);
            let mut bytes = Vec::new();
            wire::record::encode(record, None, &mut bytes);
            self.payloads.extend(wire::record::payload_hash(&bytes).map(|hash| (record.sequence, hash)));
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
                Origin::Kafka {
                    topic: name("quittance.trades.v1").expect("a name"),
                    partition: 0,
                    offset: self.offset - 1,
                }
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

    /// What the engine says it has, against what the events said it got; and the law of the stock record over all.
    fn check_balances(&mut self) {
        let told: BTreeMap<_, _> = self
            .view
            .balances
            .iter()
            .filter(|(_, amount)| **amount != 0)
            .map(|(key, amount)| (*key, *amount))
            .collect();
        if let Some(held) = self.stage.balances() {
            let held: BTreeMap<_, _> = held
                .into_iter()
                .filter(|held| held.2 != 0)
                .map(|(account, asset, amount)| ((account, asset), amount))
                .collect();
            assert_eq!(held, told, "the engine's balances are not what its events say");
        }
        let all: Vec<Posting> =
            told.into_iter().map(|((account, asset), amount)| Posting { account, asset, amount }).collect();
        assert_eq!(model::ledger::check_balanced(&all), Ok(()), "ownership and location part");
    }
}

/// The second delivery of a message must get the answer of the first.
fn check_repeated(first: &Record, second: &Record) {
    let (Content::Decided { outcome: first, .. }, Content::Decided { outcome: second, .. }) =
        (&first.content, &second.content)
    else {
        panic!("a command is not a genesis");
    };
    match (first, second) {
        (Outcome::Accepted(_) | Outcome::Duplicate { .. }, Outcome::Duplicate { .. }) => {}
        (Outcome::Rejected(first), Outcome::Rejected(second)) if first == second => {}
        _ => panic!("a second delivery got another answer: {first:?}, then {second:?}"),
    }
}

/// `15:00` of a day, UTC.
pub(super) fn instant(day: Date, time: &str) -> Result<Timestamp, String> {
    let minutes = i64::from(minutes(time)?);
    Timestamp::start_of(day).add_micros(minutes * 60_000_000).map_err(|error| error.to_string())
}
