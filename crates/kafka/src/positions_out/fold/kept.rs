//! The fold as bytes, for the file beside the feed's place: what is open and what is held, as it was told. When all was told
//! nothing else is in memory.

use super::{Holder, Leg, Open, Place, PositionsFold, Row, Sums};
use model::identifier::Identifier;
use model::index::{AccountIx, BookIx, InstrumentIx, Kind, PartyIx};
use prost::Message as _;
use std::collections::BTreeMap;

/// Raised with every change of the fold or of its form: the log is then folded from its beginning.
pub(crate) const VERSION: u32 = 1;

#[derive(Clone, PartialEq, prost::Message)]
struct Kept {
    #[prost(message, repeated, tag = "1")]
    names: Vec<KeptName>,
    #[prost(message, repeated, tag = "2")]
    scales: Vec<KeptScale>,
    #[prost(message, repeated, tag = "3")]
    rows: Vec<KeptRow>,
    #[prost(message, repeated, tag = "4")]
    trades: Vec<KeptTrade>,
    #[prost(message, repeated, tag = "5")]
    instructions: Vec<KeptInstruction>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptName {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(uint32, tag = "2")]
    index: u32,
    #[prost(string, tag = "3")]
    id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptScale {
    #[prost(string, tag = "1")]
    instrument: String,
    #[prost(uint32, tag = "2")]
    scale: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptRow {
    #[prost(bool, tag = "1")]
    depot: bool,
    #[prost(uint32, tag = "2")]
    holder: u32,
    #[prost(uint32, tag = "3")]
    instrument: u32,
    #[prost(uint32, tag = "4")]
    entity: u32,
    /// Settled, traded, due in, of it failing, due out: each 16 bytes.
    #[prost(bytes = "vec", tag = "5")]
    sums: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptTrade {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(uint32, tag = "2")]
    entity: u32,
    #[prost(uint32, tag = "3")]
    book: u32,
    #[prost(uint32, optional, tag = "4")]
    depot: Option<u32>,
    #[prost(uint32, tag = "5")]
    instrument: u32,
    #[prost(bool, tag = "6")]
    buys: bool,
    #[prost(int64, tag = "7")]
    quantity: i64,
    #[prost(int64, tag = "8")]
    settled: i64,
    #[prost(message, repeated, tag = "9")]
    legs: Vec<KeptLeg>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptLeg {
    #[prost(uint64, tag = "1")]
    instruction: u64,
    #[prost(int64, tag = "2")]
    quantity: i64,
    #[prost(bool, tag = "3")]
    failing: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptInstruction {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(uint64, repeated, tag = "2")]
    trades: Vec<u64>,
}

impl PositionsFold {
    /// The same fold gives the same bytes.
    pub(crate) fn kept(&self) -> Vec<u8> {
        debug_assert!(self.untold.is_empty(), "a fold is kept when all of it was told");
        let sorted: BTreeMap<_, _> = self.scales.iter().collect();
        let trades: BTreeMap<_, _> = self.trades.iter().collect();
        let instructions: BTreeMap<_, _> = self.instructions.iter().collect();
        let name = |((kind, index), id): (&(Kind, u32), &Identifier)| KeptName {
            kind: *kind as u32,
            index: *index,
            id: id.to_string(),
        };
        let scale = |(instrument, scale): (&Identifier, &u8)| KeptScale {
            instrument: instrument.to_string(),
            scale: u32::from(*scale),
        };
        let instruction =
            |(number, trades): (&u64, &Vec<u64>)| KeptInstruction { number: *number, trades: trades.clone() };
        let kept = Kept {
            names: self.names.iter().map(name).collect(),
            scales: sorted.into_iter().map(scale).collect(),
            rows: self.rows.iter().map(row).collect(),
            trades: trades.into_iter().map(trade).collect(),
            instructions: instructions.into_iter().map(instruction).collect(),
        };
        kept.encode_to_vec()
    }

    /// The fold that was kept.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub(crate) fn from_kept(bytes: &[u8]) -> Result<PositionsFold, String> {
        let kept = Kept::decode(bytes).map_err(|error| error.to_string())?;
        let identifier = |text: &str| Identifier::parse(text).map_err(|error| error.to_string());
        let mut fold = PositionsFold::default();
        for name in kept.names {
            let kind = Kind::ALL.into_iter().find(|kind| *kind as u32 == name.kind);
            let kind = kind.ok_or_else(|| format!("{} is no kind of thing", name.kind))?;
            fold.names.insert((kind, name.index), identifier(&name.id)?);
        }
        for each in kept.scales {
            let scale = u8::try_from(each.scale).map_err(|_| format!("{} is no scale", each.scale))?;
            fold.scales.insert(identifier(&each.instrument)?, scale);
        }
        for row in kept.rows {
            let holder =
                if row.depot { Holder::Depot(AccountIx(row.holder)) } else { Holder::Book(BookIx(row.holder)) };
            let sums = sums(&row.sums).ok_or("a row without its five sums")?;
            // A fold is kept when every row was told as it stands.
            let (entity, told) = (PartyIx(row.entity), Some(sums));
            fold.rows.insert((holder, InstrumentIx(row.instrument)), Row { entity, sums, told });
        }
        for trade in kept.trades {
            let legs = trade.legs.into_iter();
            let open = Open {
                entity: PartyIx(trade.entity),
                book: BookIx(trade.book),
                depot: trade.depot.map(AccountIx),
                instrument: InstrumentIx(trade.instrument),
                buys: trade.buys,
                quantity: trade.quantity,
                settled: trade.settled,
                legs: legs
                    .map(|KeptLeg { instruction, quantity, failing }| Leg { instruction, quantity, failing })
                    .collect(),
            };
            fold.trades.insert(trade.number, open);
        }
        fold.instructions = kept.instructions.into_iter().map(|each| (each.number, each.trades)).collect();
        Ok(fold)
    }
}

fn row(((holder, instrument), row): (&Place, &Row)) -> KeptRow {
    let (depot, holder) = match holder {
        Holder::Book(book) => (false, book.0),
        Holder::Depot(depot) => (true, depot.0),
    };
    let Sums { settled, traded, due_in, due_in_failing, due_out } = row.sums;
    let sums = [settled, traded, due_in, due_in_failing, due_out];
    KeptRow {
        depot,
        holder,
        instrument: instrument.0,
        entity: row.entity.0,
        sums: sums.iter().flat_map(|sum| sum.to_be_bytes()).collect(),
    }
}

fn trade((number, open): (&u64, &Open)) -> KeptTrade {
    let leg = |leg: &Leg| KeptLeg { instruction: leg.instruction, quantity: leg.quantity, failing: leg.failing };
    KeptTrade {
        number: *number,
        entity: open.entity.0,
        book: open.book.0,
        depot: open.depot.map(|depot| depot.0),
        instrument: open.instrument.0,
        buys: open.buys,
        quantity: open.quantity,
        settled: open.settled,
        legs: open.legs.iter().map(leg).collect(),
    }
}

fn sums(bytes: &[u8]) -> Option<Sums> {
    let sum = |place: usize| Some(i128::from_be_bytes(bytes.get(place * 16..place * 16 + 16)?.try_into().ok()?));
    let (settled, traded, due_in, due_in_failing, due_out) = (sum(0)?, sum(1)?, sum(2)?, sum(3)?, sum(4)?);
    (bytes.len() == 80).then_some(Sums { settled, traded, due_in, due_in_failing, due_out })
}
