//! What a reader of the log knows: a fold of events kept apart from the engine's, so that the one checks the other.

use model::breaks::{BreakItem, BreakKind};
use model::date::Date;
use model::decimal::Decimal;
use model::event::{Event, Wait};
use model::identifier::Identifier;
use model::index::{Asset, InstrumentIx, Kind};
use model::instruction::{Code, Movement};
use model::ledger::LedgerAccount;
use model::reference::Reference;
use model::trade::{Defect, Method, Side, Terms};
use std::collections::BTreeMap;

/// What instruments are counted in before anybody says.
const PROVISIONAL_SCALE: u8 = 6;

/// Names, balances, trades and instructions, as the events have told them.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    names: BTreeMap<(Kind, u32), Identifier>,
    scales: BTreeMap<u32, u8>,
    pub balances: BTreeMap<(LedgerAccount, Asset), i128>,
    pub trades: BTreeMap<u64, TradeRow>,
    pub instructions: BTreeMap<u64, InstructionRow>,
    pub breaks: BTreeMap<u64, BreakRow>,
}

/// An open break.
#[derive(Clone, Debug)]
pub(super) struct BreakRow {
    pub kind: BreakKind,
    pub about: Option<u64>,
    pub subject: String,
    pub items: Vec<BreakItem>,
    pub booked: bool,
    pub since: Date,
    pub owner: Option<Identifier>,
}

#[derive(Clone, Debug)]
pub(super) struct TradeRow {
    pub id: Identifier,
    pub version: u32,
    pub terms: Terms,
    pub defects: Vec<Defect>,
    /// Every instruction it ever had.
    pub instructions: Vec<u64>,
    pub cancelled: bool,
    /// The version that waits for the counterparty's consent.
    pub requested: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct InstructionRow {
    /// The trade's id, and a number from the second instruction on.
    pub name: String,
    pub trade: u64,
    pub movement: Movement,
    pub quantity: i64,
    pub amount: i64,
    pub standing: Standing,
    pub held: bool,
    pub priority: u8,
    pub cancel_requested: bool,
    pub failing: bool,
    /// What the agent of an external domain said last.
    pub agent: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Standing {
    Unmatched(Vec<Code>),
    Matched { with: u64, reason: Option<Code>, waits: Option<Wait> },
    Settled(Date),
    Cancelled(Code),
}

impl View {
    /// Takes in an event.
    pub fn fold(&mut self, event: &Event) {
        for posting in event.postings() {
            *self.balances.entry((posting.account, posting.asset)).or_default() += posting.amount;
        }
        match event {
            Event::Interned { kind, index, id } => _ = self.names.insert((*kind, *index), id.clone()),
            Event::ReferenceSet { reference, scale: Some(scale) } => {
                if let Reference::Instrument(instrument) = &**reference {
                    let index = self.find(Kind::Instrument, instrument.id.as_str()).expect("interned before it is set");
                    self.scales.insert(index, *scale);
                }
            }
            Event::TradeCaptured { trade, id, version, terms, defects, .. } => {
                let (id, terms, defects) = (id.clone(), (**terms).clone(), defects.clone());
                let instructions = Vec::new();
                let row =
                    TradeRow { id, version: *version, terms, defects, instructions, cancelled: false, requested: None };
                self.trades.insert(*trade, row);
            }
            Event::TradeChanged { trade, version, terms, defects, .. } => {
                let row = self.trade_mut(*trade);
                (row.version, row.terms, row.defects, row.requested) =
                    (*version, (**terms).clone(), defects.clone(), None);
            }
            Event::TradeChangeRequested { trade, version, .. } => self.trade_mut(*trade).requested = Some(*version),
            Event::TradeCancelled { trade, version, .. } => {
                let row = self.trade_mut(*trade);
                (row.version, row.cancelled, row.requested) = (*version, true, None);
            }
            Event::InstructionIssued { instruction, links, movement, quantity, amount } => {
                let trade = links.first().expect("an instruction is of a trade").trade;
                let row = self.trade_mut(trade);
                row.instructions.push(*instruction);
                let name = match row.instructions.len() {
                    1 => row.id.to_string(),
                    nth => format!("{}/{nth}", row.id),
                };
                let (held, priority) = (row.terms.hold, row.terms.priority);
                self.instructions.insert(
                    *instruction,
                    InstructionRow {
                        name,
                        trade,
                        movement: *movement,
                        quantity: *quantity,
                        amount: *amount,
                        standing: Standing::Unmatched(Vec::new()),
                        held,
                        priority,
                        cancel_requested: false,
                        failing: false,
                        agent: None,
                    },
                );
            }
            Event::InstructionUnmatched { instruction, reasons } => {
                self.instruction_mut(*instruction).standing = Standing::Unmatched(reasons.clone());
            }
            Event::InstructionsMatched { deliver, receive, reasons, .. } => {
                self.pair(*deliver, *receive, *reasons, None)
            }
            Event::InstructionsPending { deliver, receive, reasons, waits } => {
                self.pair(*deliver, *receive, Some(*reasons), *waits)
            }
            Event::InstructionSteered { instruction, held, priority, cancel_requested } => {
                let row = self.instruction_mut(*instruction);
                (row.held, row.priority, row.cancel_requested) = (*held, *priority, *cancel_requested);
            }
            Event::InstructionsSettled { deliver, receive, value_date, .. } => {
                for number in [deliver, receive] {
                    let row = self.instruction_mut(*number);
                    let open = matches!(row.standing, Standing::Matched { .. });
                    assert!(open, "instruction {} settles, and is {:?}", row.name, row.standing);
                    row.standing = Standing::Settled(*value_date);
                }
            }
            Event::InstructionCancelled { instruction, reason } => {
                self.instruction_mut(*instruction).standing = Standing::Cancelled(*reason);
            }
            Event::InstructionsFailing { instructions, .. } => {
                for number in instructions {
                    self.instruction_mut(*number).failing = true;
                }
            }
            event => self.fold_outside(event),
        }
    }

    fn pair(&mut self, deliver: u64, receive: u64, reasons: Option<(Code, Code)>, waits: Option<Wait>) {
        self.instruction_mut(deliver).standing =
            Standing::Matched { with: receive, reason: reasons.map(|codes| codes.0), waits };
        self.instruction_mut(receive).standing =
            Standing::Matched { with: deliver, reason: reasons.map(|codes| codes.1), waits };
    }

    fn trade_mut(&mut self, number: u64) -> &mut TradeRow {
        self.trades.get_mut(&number).expect("an event is about a trade that was captured")
    }

    pub(super) fn instruction_mut(&mut self, number: u64) -> &mut InstructionRow {
        self.instructions.get_mut(&number).expect("an event is about an instruction that was issued")
    }

    pub fn find(&self, kind: Kind, name: &str) -> Option<u32> {
        let found = self.names.iter().find(|((of, _), id)| *of == kind && id.as_str() == name);
        found.map(|((_, index), _)| *index)
    }

    pub fn named(&self, kind: Kind, index: u32) -> &Identifier {
        self.names.get(&(kind, index)).expect("a number is used after it got its name")
    }

    /// The number of the newest trade with an id.
    pub fn trade_called(&self, id: &str) -> Option<u64> {
        self.trades.iter().rev().find(|(_, row)| row.id.as_str() == id).map(|(number, _)| *number)
    }

    /// An instruction by its name; by the id alone the newest of that trade.
    pub fn instruction_called(&self, name: &str) -> Option<u64> {
        let exact =
            self.instructions.iter().find(|(_, row)| row.name == name && name.contains('/')).map(|(number, _)| *number);
        exact.or_else(|| self.trades.get(&self.trade_called(name)?)?.instructions.last().copied())
    }

    pub fn asset_name(&self, asset: Asset) -> String {
        match asset.as_instrument() {
            Some(InstrumentIx(index)) => self.named(Kind::Instrument, index).to_string(),
            None => asset.as_currency().expect("an asset is an instrument or a currency").to_string(),
        }
    }

    /// `100 SAP`, `12000.00 EUR`.
    pub fn amount(&self, asset: Asset, units: i128) -> String {
        let name = self.asset_name(asset);
        let text = match asset.as_instrument() {
            None => {
                let exponent =
                    asset.as_currency().and_then(model::currency::exponent).expect("a currency of the ledger is known");
                decimal(units, u32::from(exponent)).to_string()
            }
            Some(InstrumentIx(index)) => {
                let mut scale = u32::from(self.scales.get(&index).copied().unwrap_or(PROVISIONAL_SCALE));
                let mut units = units;
                while scale > 0 && units % 10 == 0 {
                    (units, scale) = (units / 10, scale - 1);
                }
                decimal(units, scale).to_string()
            }
        };
        format!("{text} {name}")
    }

    /// The name people have for an account of the ledger.
    pub fn account(&self, account: LedgerAccount) -> String {
        match account {
            LedgerAccount::Book { book, .. } => self.named(Kind::Book, book.0).to_string(),
            LedgerAccount::Counterparty { entity, party } => {
                format!("{} in the books of {}", self.named(Kind::Party, party.0), self.named(Kind::Party, entity.0))
            }
            LedgerAccount::Break { entity } => format!("{} breaks", self.named(Kind::Party, entity.0)),
            LedgerAccount::Difference { entity } => format!("{} differences", self.named(Kind::Party, entity.0)),
            LedgerAccount::Location { account, .. } => self.named(Kind::Account, account.0).to_string(),
        }
    }

    /// `ALPHA buys 100 SAP from BETA for 12000.00 EUR, settles 2026-11-25`.
    pub fn summary(&self, terms: &Terms) -> String {
        let (party, other) = (self.named(Kind::Party, terms.party.0), self.named(Kind::Party, terms.counterparty.0));
        let quantity = self.amount(Asset::instrument(terms.instrument), i128::from(terms.quantity));
        let late = if terms.late { ", late" } else { "" };
        let (verb, joint) = match (terms.side, terms.method) {
            (Side::Buy, Method::Dvp) => ("buys", "from"),
            (Side::Sell, Method::Dvp) => ("sells", "to"),
            (Side::Buy, Method::Fop) => ("receives", "from"),
            (Side::Sell, Method::Fop) => ("delivers", "to"),
        };
        let paid = match terms.method {
            Method::Dvp => format!("for {}", self.amount(Asset::currency(terms.currency), i128::from(terms.net))),
            Method::Fop => "free".to_owned(),
        };
        format!("{party} {verb} {quantity} {joint} {other} {paid}, settles {}{late}", terms.intended_settlement_date)
    }
}

fn decimal(units: i128, scale: u32) -> Decimal {
    Decimal::from_units(units, scale).expect("a balance fits the wire")
}
