//! Bank and agent side by side in memory: what one instructs the other settles, and what it advises the first one mirrors. Commands are
//! written in the language of the scenarios.

use crate::Bank;
use crate::advices::Advices;
use crate::instruct::{commands, orders};
use model::advice::{Advice, AdviceBody};
use model::command::{Command, Inbound, Origin};
use model::event::Event;
use model::identifier::Identifier;
use model::index::{AccountIx, Asset, InstrumentIx, Kind, PartyIx};
use model::ledger::LedgerAccount;
use testkit::memory::Shard;
use testkit::scenario::genesis;
use testkit::seats::{Means, Seat};

/// What the bank and the street begin with: BETA is soon short of shares.
const MEANS: Means = Means { euros: 20_000, shares: 100 };

fn name(text: &str) -> Identifier {
    Identifier::parse(text).expect("a name")
}

/// One of the two, and the lines played to it.
struct Played {
    shard: Shard,
    seat: Seat,
    lines: Vec<String>,
}

impl Played {
    fn new(seat: Seat) -> Played {
        let mut shard = Shard::new(genesis());
        for inbound in seat.said(MEANS, &[]).0 {
            shard.submit(inbound);
        }
        Played { shard, seat, lines: Vec::new() }
    }

    /// The command of one more line.
    fn say(&mut self, line: &str) {
        self.lines.push(line.to_owned());
        let inbound = self.seat.said(MEANS, &self.lines).1.pop().expect("a line is a command");
        self.shard.submit(inbound);
    }

    fn balance(&self, account: &str, asset: &str) -> i128 {
        let state = self.shard.state();
        let find = |kind, name| state.find(kind, name).expect("a known name");
        let asset = match asset {
            "EUR" => Asset::currency(model::identifier::CurrencyCode::parse("EUR").expect("a currency")),
            name => Asset::instrument(InstrumentIx(find(Kind::Instrument, name))),
        };
        let (entity, account) = (PartyIx(find(Kind::Party, "ALPHA")), AccountIx(find(Kind::Account, account)));
        state.balance(LedgerAccount::Location { entity, account }, asset)
    }
}

struct Market {
    bank: Played,
    agent: Played,
    advices: Advices,
    lot: u64,
    /// Records that were passed on.
    sent: usize,
    told: usize,
    said: Vec<Advice>,
}

impl Market {
    fn new(lot: u64) -> Market {
        let bank = Bank::parse("MYBANK/ALPHA=advices").expect("a bank");
        let advices = Advices::new(name("QCSD-AG"), bank);
        let (bank, agent) = (Played::new(Seat::Bank), Played::new(Seat::Agent));
        Market { bank, agent, advices, lot, sent: 0, told: 0, said: Vec::new() }
    }

    /// The bank is told a line; what it instructs goes out, what is advised comes in.
    fn bank(&mut self, line: &str) -> &mut Market {
        self.bank.say(line);
        self.pass_on()
    }

    fn agent(&mut self, line: &str) -> &mut Market {
        self.agent.say(line);
        self.pass_on()
    }

    fn pass_on(&mut self) -> &mut Market {
        while self.sent < self.bank.shard.records().len() || self.told < self.agent.shard.records().len() {
            let records = &self.bank.shard.records()[self.sent..];
            self.sent += records.len();
            let sent: Vec<_> = records
                .iter()
                .flat_map(|record| record.events())
                .filter_map(|event| match event {
                    Event::InstructionSent { message, .. } => Some(message.clone()),
                    _ => None,
                })
                .collect();
            for mut message in sent {
                message.sender = Some(name("MYBANK"));
                self.instruct(&message);
            }
            let records: Vec<Vec<u8>> = self.agent.shard.bytes().skip(self.told).collect();
            for bytes in records {
                self.told += 1;
                for advice in self.advices.of_record(self.told as u64, &bytes).expect("a record") {
                    // As it goes over the topic.
                    let mut bytes = Vec::new();
                    wire::settlement::encode_advice(&advice, &mut bytes);
                    let advice = wire::settlement::decode_advice(&bytes).expect("an advice is one");
                    self.said.push(advice.clone());
                    let at = self.bank.shard.records().last().expect("a genesis").at();
                    self.bank.shard.submit(Inbound {
                        command: Command::Advice(Box::new(advice)),
                        origin: Origin::Kafka { topic: name("advices"), partition: 0, offset: self.said.len() as u64 },
                        actor: name("QCSD-AG"),
                        reason: String::new(),
                        at,
                    });
                }
            }
        }
        self
    }

    fn instruct(&mut self, message: &model::outbound::OutboundInstruction) {
        let (sender, shard) = (name("MYBANK"), &mut self.agent.shard);
        let orders = orders(message, self.lot).expect("sound");
        let commands = commands(&sender, message, orders, |names| {
            let state = shard.state();
            let open = names.into_iter().filter(|name| state.is_open(&sender, name));
            Ok::<_, ()>(open.map(|name| (name.clone(), state.instruction_of(&sender, &name))).collect())
        });
        for (request_id, command) in commands.expect("nothing can fail") {
            let at = shard.records().last().expect("a genesis").at();
            let origin = Origin::Call { request_id };
            let reason = format!("instruction {}", message.reference);
            shard.submit(Inbound { command, origin, actor: sender.clone(), reason, at });
        }
    }

    /// What was advised since the last time, in short: `Q0-1 PEND LACK`.
    fn heard(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said).iter().map(short).collect()
    }

    /// Mirrors and what is there, of shares and euros.
    fn agrees(&self) {
        for (account, asset) in [("ALPHA-DEPOT", "SAP"), ("ALPHA-CASH", "EUR")] {
            let (ours, theirs) = (self.bank.balance(account, asset), self.agent.balance(account, asset));
            assert_eq!(ours, theirs, "{account} {asset}");
        }
    }

    fn breaks(&self) -> usize {
        self.bank.shard.state().open_breaks().count()
    }
}

fn short(advice: &Advice) -> String {
    let said = match &advice.body {
        AdviceBody::Status(said) => format!("{} {}", said.status, said.reasons.join(" ")),
        AdviceBody::Confirmation(said) => {
            let amount = said.amount.map(|amount| format!(" {amount}")).unwrap_or_default();
            format!("settled {}{amount} {}", said.quantity, said.partial)
        }
        AdviceBody::CancellationAnswer(said) => format!("cancel {} {}", said.status, said.reasons.join(" ")),
        AdviceBody::ModificationAnswer(said) => format!("change {} {}", said.status, said.reasons.join(" ")),
        AdviceBody::Allegement(said) => format!("alleged {} by {}", said.quantity, said.counterparty),
        AdviceBody::CashEntry(said) => format!("cash {}", said.amount),
        AdviceBody::SecuritiesBalances(said) => format!("{} holds {} lines", said.account, said.lines.len()),
        AdviceBody::CashBalances(said) => format!("{} has {} lines", said.account, said.lines.len()),
        AdviceBody::AllegementRemoval(said) => format!("no more {}", said.allegement),
    };
    format!("{} {said}", advice.reference).trim().to_owned()
}

#[test]
fn an_instruction_settles_there_and_is_mirrored_here() {
    let mut market = Market::new(0);
    market.agent("open").bank("trade S1 ALPHA sells 100 SAP to BETA @ 120.00 isd=today");
    assert_eq!(market.heard(), ["Q0-1 PACK"]);
    market.agent("trade B1 BETA buys 100 SAP from ALPHA @ 120.00 isd=today");
    assert_eq!(market.heard(), ["Q0-1 settled 100 12000.00", "Q0-1 cash 12000.00"]);
    assert_eq!((market.agent.balance("ALPHA-CASH", "EUR"), market.breaks()), (3_200_000, 0));
    market.agrees();
    // Statements of the day agree with the mirrors: nothing to be told.
    market.agent("close");
    assert_eq!(market.heard(), ["ALPHA-DEPOT holds 1 lines", "ALPHA-CASH has 1 lines"]);
    assert_eq!(market.breaks(), 0);
}

#[test]
fn a_purchase_waits_for_the_seller_and_fails_at_the_cut_off() {
    let mut market = Market::new(0);
    market.agent("open").bank("trade P1 ALPHA buys 150 SAP from BETA @ 120.00 isd=today");
    market.agent("trade B1 BETA sells 150 SAP to ALPHA @ 120.00 isd=today");
    assert_eq!(market.heard(), ["Q0-1 PACK", "Q0-1 MACH", "Q0-1 PEND CLAC"]);
    market.agent("cut-off EUR").agent("close");
    assert!(market.heard().contains(&"Q0-1 PENF CLAC".to_owned()));
    let failing = market.bank.shard.state().instruction_facts(1).expect("open").standing;
    assert_eq!(failing, clearing::Standing::Failing);
    market.agrees();
}

#[test]
fn a_large_instruction_settles_in_parts() {
    let mut market = Market::new(60);
    market.agent("open").bank("trade P1 ALPHA buys 100 SAP from BETA @ 120.01 isd=today");
    market.agent("trade B1 BETA sells 60 SAP to ALPHA @ 120.01 isd=today");
    assert_eq!(market.heard(), ["Q0-1 PACK", "Q0-1 settled 60 7200.60 PAIN", "Q0-1 cash -7200.60"]);
    market.agrees();
    market.agent("trade B2 BETA sells 40 SAP to ALPHA @ 120.01 isd=today");
    assert_eq!(market.heard(), ["Q0-1 settled 40 4800.40", "Q0-1 cash -4800.40"]);
    assert_eq!(market.breaks(), 0);
    market.agrees();
}

/// The street may be there first: the first part settles before the second is in the log.
#[test]
fn what_settles_in_parts_at_once_is_said_to_be_in_parts() {
    let mut market = Market::new(60);
    market.agent("open").agent("trade B1 BETA sells 60 SAP to ALPHA @ 120.01 isd=today");
    market.agent("trade B2 BETA sells 40 SAP to ALPHA @ 120.01 isd=today");
    market.bank("trade P1 ALPHA buys 100 SAP from BETA @ 120.01 isd=today");
    let first = ["Q0-1 PACK", "Q0-1 settled 60 7200.60 PAIN", "Q0-1 cash -7200.60"];
    assert_eq!(market.heard(), [&first[..], &["Q0-1 settled 40 4800.40", "Q0-1 cash -4800.40"]].concat());
    assert_eq!(market.breaks(), 0);
    market.agrees();
}

#[test]
fn what_nobody_can_settle_yet_is_held_released_and_cancelled_on_request() {
    let mut market = Market::new(0);
    market.agent("open").bank("trade S1 ALPHA sells 100 SAP to BETA @ 120.00 isd=today hold=yes");
    market.agent("trade B1 BETA buys 100 SAP from ALPHA @ 120.00 isd=today");
    assert_eq!(market.heard(), ["Q0-1 PACK", "Q0-1 MACH", "Q0-1 PEND PREA"]);
    market.bank("release S1");
    assert_eq!(market.heard(), ["Q0-1 settled 100 12000.00", "Q0-1 cash 12000.00", "Q0-1-1 change MODC"]);

    market.bank("trade S2 ALPHA sells 10 SAP to BETA @ 120.00 isd=today").bank("cancel S2");
    assert_eq!(market.heard(), ["Q0-2 PACK", "Q0-2-1 cancel CAND CANI"]);
    // Matched, both must ask.
    market.bank("trade S3 ALPHA sells 10 SAP to BETA @ 120.00 isd=today hold=yes");
    market.agent("trade B3 BETA buys 10 SAP from ALPHA @ 120.00 isd=today").heard();
    market.bank("cancel S3");
    assert_eq!(market.heard(), ["Q0-3-1 cancel CANP"]);
    market.agent("cancel B3");
    assert_eq!(market.heard(), ["Q0-3-1 cancel CAND CANI"]);
    assert_eq!((market.breaks(), market.bank.shard.state().instruction_facts(3)), (0, None));
    market.agrees();
}

#[test]
fn what_the_bank_does_not_know_is_told_and_stands_as_breaks() {
    let mut market = Market::new(0);
    market.agent("open").agent("trade B1 BETA buys 70 SAP from ALPHA @ 120.00 isd=today");
    market.agent("cut-off EUR").agent("close");
    let heard = market.heard();
    assert!(heard.contains(&"alleged 70 by BETA".to_owned()), "{heard:?}");
    assert_eq!(market.breaks(), 1);
    // A fee on the cash account, of which nobody here knew: mirrored, on the break account.
    market.agent("transfer 2.00 EUR from ALPHA-CASH book=ALPHA-DEPOT");
    assert_eq!((market.heard(), market.breaks()), (vec!["cash -2.00".to_owned()], 2));
    market.agrees();
    // The bank sells after all: nothing is alleged any more.
    market.bank("trade S1 ALPHA sells 70 SAP to BETA @ 120.00 isd=today");
    let heard = market.heard();
    assert!(heard.iter().any(|said| said.starts_with("no more A")), "{heard:?}");
    assert_eq!(market.breaks(), 1);
}
