//! The facts of a record, as far as an auditor needs them. The numbers are those of `event.proto`.

use crate::books::moving;
use crate::bytes::{Fields, Value, text, unreadable};
use crate::fault::{Fault, must};
use crate::posting::Asset;
use crate::table::{Named, Table};
use crate::{limits, margin};

/// The kind of the fact by which a trade begins.
pub const CAPTURED: u32 = 1;

/// What a trade resolves to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    pub party: u32,
    pub counterparty: u32,
    pub book: u32,
    pub domain: u32,
    pub instrument: u32,
    pub buys: bool,
    /// Against payment.
    pub paid: bool,
    pub quantity: i64,
    pub currency: Asset,
    pub net: i64,
    pub trade_date: u32,
    pub settles: u32,
    pub depot: Option<u32>,
    pub nostro: Option<u32>,
    /// The record that set the standing settlement instruction used.
    pub ssi: Option<u64>,
}

/// A fact; its postings were read before it ([`crate::books`]).
#[derive(Clone, Debug)]
pub enum Fact<'a> {
    Captured {
        trade: u64,
        source: u32,
        id: &'a str,
        version: u32,
        terms: Terms,
        defects: bool,
    },
    Changed {
        trade: u64,
        version: u32,
        terms: Terms,
        details_in: u64,
    },
    ChangeRequested {
        trade: u64,
    },
    ChangeLapsed {
        trade: u64,
    },
    TradeCancelled {
        trade: u64,
    },
    Awaited,
    Issued {
        instruction: u64,
        trade: u64,
        linked: (i64, i64),
        delivers: bool,
        quantity: i64,
        amount: i64,
    },
    Unmatched {
        instruction: u64,
    },
    Matched {
        deliver: u64,
        receive: u64,
        amount: i64,
    },
    Pending {
        deliver: u64,
        receive: u64,
    },
    Settled {
        deliver: u64,
        receive: u64,
        quantity: i64,
        currency: Asset,
        amount: i64,
        date: u32,
        books: (u32, u32),
        trades: [Option<Named>; 2],
    },
    Confirmed {
        instruction: u64,
        quantity: i64,
        amount: i64,
        left: (i64, i64),
        ended: bool,
        trade: Option<Named>,
    },
    InstructionCancelled {
        instruction: u64,
    },
    Failing {
        domain: u32,
        date: u32,
        instructions: Vec<u64>,
    },
    /// Steered, sent, advised or answered: of an instruction that must be open.
    Touched {
        instruction: u64,
    },
    AdviceTaken,
    Interned {
        kind: u32,
        index: u32,
        id: &'a str,
    },
    ReferenceSet {
        reference: &'a [u8],
        scale: Option<u32>,
    },
    Opened,
    Transferred,
    Reversed {
        sequence: u64,
        instruction: u64,
        trades: Vec<Named>,
    },
    DayOpened {
        domain: u32,
        date: u32,
    },
    CutOffPassed {
        domain: u32,
        date: u32,
    },
    DayClosed {
        domain: u32,
        date: u32,
    },
    Progressed,
    Proposed {
        proposal: u64,
        command: &'a [u8],
    },
    ProposalClosed {
        proposal: u64,
        approved: bool,
    },
    Quarantined,
    QuarantineClosed {
        sequence: u64,
    },
    BreakOpened {
        number: u64,
    },
    BreakTouched {
        number: u64,
    },
    BreakClosed {
        number: u64,
    },
    /// What becomes of a limit.
    Limit(limits::Told),
    /// What becomes of margin accounts and calls.
    Margin(margin::Told),
    /// Control totals, accounting days, prior-day adjustments: nothing of them moves a balance.
    Accounting,
}

/// The next fact of an outcome: its kind and what lies in it.
pub fn next<'a>(outcome: &mut Fields<'a>) -> Result<Option<(u32, &'a [u8])>, Fault> {
    let Some((number, event)) = outcome.next()? else { return Ok(None) };
    must!(I10, number == 1, "an outcome with a field {number}");
    let mut fields = Fields::of(event.bytes()?);
    let (Some((kind, body)), None) = (fields.next()?, fields.next()?) else {
        return Err(unreadable("a fact that is not one"));
    };
    Ok(Some((kind, body.bytes()?)))
}

/// Reads facts one after the other; keeps its room.
#[derive(Default)]
pub struct Reader {
    spare: Vec<(u32, Value<'static>)>,
}

impl Reader {
    /// A fact of a kind, without its postings.
    pub fn read<'a>(&mut self, kind: u32, body: &'a [u8]) -> Result<Fact<'a>, Fault> {
        let postings = moving(kind).map(|moving| moving.postings);
        let (mut fields, mut table) = (Fields::of(body), Table(std::mem::take(&mut self.spare)));
        let mut packed = Vec::new();
        while let Some((number, value)) = fields.next()? {
            if Some(number) == postings {
                continue;
            }
            if kind == 14 && number == 3 {
                numbers(value, &mut packed)?;
            } else {
                table.0.push((number, value));
            }
        }
        let fact = fact(kind, &table, packed);
        table.0.clear();
        // The room is kept, nothing that was in it.
        self.spare = table.0.into_iter().map(|(number, _)| (number, Value::Number(0))).collect();
        fact
    }
}

/// Repeated numbers lie one by one or packed.
fn numbers(value: Value<'_>, into: &mut Vec<u64>) -> Result<(), Fault> {
    match value {
        Value::Number(number) => into.push(number),
        Value::Bytes(bytes) => {
            let mut rest = bytes;
            while !rest.is_empty() {
                let end = rest.iter().position(|byte| byte & 0x80 == 0).ok_or_else(|| unreadable("a list cut off"))?;
                if end > 9 {
                    return Err(unreadable("a number too long"));
                }
                let (one, tail) = rest.split_at(end + 1);
                into.push(one.iter().rev().fold(0, |all, byte| all << 7 | u64::from(byte & 0x7f)));
                rest = tail;
            }
        }
    }
    Ok(())
}

fn fact<'a>(kind: u32, f: &Table<'a>, packed: Vec<u64>) -> Result<Fact<'a>, Fault> {
    Ok(match kind {
        CAPTURED => Fact::Captured {
            trade: f.number(1)?,
            source: f.small(2)?,
            id: f.text(3)?,
            version: f.small(4)?,
            terms: Terms::read(f.bytes(5)?)?,
            defects: f.get(7).is_some(),
        },
        2 => {
            let links = f.0.iter().filter(|(number, _)| *number == 2).count();
            if links != 1 {
                return Err(Fault::unknown(format!("an instruction of {links} trades")));
            }
            let link = Table::of(f.bytes(2)?)?;
            Fact::Issued {
                instruction: f.number(1)?,
                trade: link.number(1)?,
                linked: (link.signed(2)?, link.signed(3)?),
                delivers: f.small(3)? == 1,
                quantity: f.signed(4)?,
                amount: f.signed(5)?,
            }
        }
        3 => Fact::Matched { deliver: f.number(1)?, receive: f.number(2)?, amount: f.signed(3)? },
        4 => Fact::Settled {
            deliver: f.number(1)?,
            receive: f.number(2)?,
            quantity: f.signed(3)?,
            currency: Asset::currency(f.bytes(4)?)?,
            amount: f.signed(5)?,
            date: f.small(6)?,
            books: (f.small(8)?, f.small(9)?),
            trades: [f.named(10, f.small(8)?)?, f.named(11, f.small(9)?)?],
        },
        5 => Fact::Pending { deliver: f.number(1)?, receive: f.number(2)? },
        6 => Fact::Unmatched { instruction: f.number(1)? },
        7 => Fact::Changed {
            trade: f.number(1)?,
            version: f.small(2)?,
            terms: Terms::read(f.bytes(4)?)?,
            details_in: f.number(7)?,
        },
        8 => Fact::TradeCancelled { trade: f.number(1)? },
        9 => Fact::Interned { kind: f.small(1)?, index: f.small(2)?, id: f.text(3)? },
        10 => Fact::ReferenceSet { reference: f.bytes(1)?, scale: f.get(2).map(Value::small).transpose()? },
        11 => Fact::Progressed,
        12 | 40 | 42 | 44 => Fact::Touched { instruction: f.number(1)? },
        13 => Fact::Transferred,
        14 => Fact::Failing { domain: f.small(1)?, date: f.small(2)?, instructions: packed },
        15 => Fact::InstructionCancelled { instruction: f.number(1)? },
        16 => Fact::Opened,
        17 => Fact::Reversed { sequence: f.number(1)?, instruction: f.number(3)?, trades: f.taken_back(4)? },
        18 => Fact::ChangeRequested { trade: f.number(1)? },
        19 => Fact::Awaited,
        20 => Fact::DayOpened { domain: f.small(1)?, date: f.small(2)? },
        21 => Fact::CutOffPassed { domain: f.small(1)?, date: f.small(2)? },
        22 => Fact::DayClosed { domain: f.small(1)?, date: f.small(2)? },
        23 => Fact::Proposed { proposal: f.number(1)?, command: f.bytes(2)? },
        24 => Fact::ProposalClosed { proposal: f.number(1)?, approved: f.flag(2)? },
        25 => Fact::Quarantined,
        26 => Fact::QuarantineClosed { sequence: f.number(1)? },
        41 => Fact::AdviceTaken,
        43 => Fact::Confirmed {
            instruction: f.number(1)?,
            quantity: f.signed(3)?,
            amount: f.signed(5)?,
            left: (f.signed(7)?, f.signed(8)?),
            ended: f.flag(9)?,
            trade: f.named(11, f.small(2)?)?,
        },
        45 => Fact::BreakOpened { number: f.number(1)? },
        46 | 47 => Fact::BreakTouched { number: f.number(1)? },
        48 => Fact::BreakClosed { number: f.number(1)? },
        60 => Fact::ChangeLapsed { trade: f.number(1)? },
        61..=65 => Fact::Accounting,
        80..=82 | 85 => Fact::Limit(limits::Told::read(kind, f)?),
        83 | 84 | 86 => Fact::Margin(margin::Told::read(kind, f)?),
        other => return Err(Fault::unknown(format!("a fact of kind {other}, which this auditor does not know"))),
    })
}

impl Terms {
    fn read(bytes: &[u8]) -> Result<Terms, Fault> {
        let mut terms = Terms::default();
        let mut fields = Fields::of(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => terms.party = value.small()?,
                2 => terms.counterparty = value.small()?,
                3 => terms.book = value.small()?,
                4 => terms.domain = value.small()?,
                5 => terms.instrument = value.small()?,
                6 => terms.buys = value.small()? == 1,
                7 => terms.paid = value.small()? == 1,
                8 => terms.quantity = value.signed()?,
                9 => terms.currency = Asset::currency(value.bytes()?)?,
                11 => terms.net = value.signed()?,
                12 => terms.trade_date = value.small()?,
                13 => terms.settles = value.small()?,
                14 => terms.depot = Some(value.small()?),
                15 => terms.nostro = Some(value.small()?),
                19 => terms.ssi = Some(value.number()?),
                10 | 16..=18 | 20..=27 => {}
                other => return Err(Fault::unknown(format!("terms have a field {other}"))),
            }
        }
        Ok(terms)
    }
}

/// Sender and reference of a message to an agent, when it is an instruction.
pub fn instruct_reference(message: &[u8]) -> Result<Option<&str>, Fault> {
    match crate::bytes::last(message, 4)? {
        Some(_) => text(message, 1).map(Some),
        None => Ok(None),
    }
}
