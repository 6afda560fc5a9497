//! The questions: each answered from memory and database at one record, which the answer names.

use std::sync::Arc;

use model::identifier::{CurrencyCode, Identifier};
use model::index::{AccountIx, Asset, Kind, SourceIx};
use model::timestamp::Timestamp;
use tokio::sync::watch;
use wire::pb::view as pb;

use crate::cash::CashFilter;
use crate::ledger::BalanceFilter;
use crate::shared::{At, Shared, State, ViewName};
use crate::status::{Filter, Instruction, Limits, Listing, Renderer, Trade, TradeKey, find};
use crate::token::{Purpose, Scope};
use crate::view::table;
use crate::{Error, rows, values};

/// The views, for questions. Cheap to clone, safe to share; what it gives out is text and numbers, true at the record named.
#[derive(Clone)]
pub struct Projections {
    pub(crate) shared: Arc<Shared>,
}

/// An answer, and the record up to which everything is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    pub sequence: u64,
    pub value: T,
}

/// Which page, and how large.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageRequest<'a> {
    /// Zero: [`PageRequest::DEFAULT_SIZE`]; more than [`PageRequest::MAX_SIZE`] counts as that.
    pub size: u32,
    /// From the page before; empty: the first page.
    pub token: &'a str,
}

impl PageRequest<'_> {
    pub const DEFAULT_SIZE: u32 = 100;
    pub const MAX_SIZE: u32 = 1_000;
    /// Rows that one page looks at, in memory and in the database each.
    const EXAMINED: usize = 20_000;

    pub(crate) fn size(self) -> usize {
        let size = if self.size == 0 { Self::DEFAULT_SIZE } else { self.size };
        size.min(Self::MAX_SIZE) as usize
    }

    fn limits(self) -> Limits {
        Limits { size: self.size(), examined: Self::EXAMINED }
    }

    /// The place in the token, if there is one.
    pub(crate) fn place<const LENGTH: usize>(self, scope: Scope) -> Result<Option<[u8; LENGTH]>, Error> {
        if self.token.is_empty() { Ok(None) } else { Ok(Some(scope.place(self.token)?)) }
    }
}

/// How a view stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub view: &'static str,
    /// The last record it has folded.
    pub sequence: u64,
    /// Why it goes on no more.
    pub stopped: Option<String>,
}

impl Projections {
    pub(crate) fn new(shared: Arc<Shared>) -> Projections {
        Projections { shared }
    }

    /// How each view stands, for health, metrics and lag.
    pub fn standing(&self) -> Vec<Standing> {
        let state = self.shared.state();
        let standing = |member: &dyn crate::view::Member| Standing {
            view: member.name(),
            sequence: member.sequence(),
            stopped: member.stopped().map(str::to_owned),
        };
        state.members().into_iter().map(standing).collect()
    }

    /// The last record that every live view has folded, without waiting for a lock; nothing when all have stopped.
    pub fn slowest(&self) -> Option<u64> {
        self.shared.slowest()
    }

    /// Moves with every step of the views: for those who ask again when something is new.
    pub fn steps(&self) -> watch::Receiver<u64> {
        self.shared.watch.subscribe()
    }

    /// How many instructions are in memory: the open ones, and those that ended since rows were last written.
    pub fn instructions_in_memory(&self) -> usize {
        self.shared.state().status.view.in_memory()
    }

    /// Waits until a view has folded a record, without end: put a timeout around it. For callers that may not block.
    pub async fn reach(&self, view: ViewName, sequence: u64) -> Result<(), Error> {
        self.shared.reach(view, sequence).await
    }

    /// An instruction by its number.
    pub fn instruction(&self, number: u64, at: At) -> Result<Answer<pb::Instruction>, Error> {
        let state = self.shared.at(ViewName::Status, at)?;
        let row = find(state.status.live()?, &self.shared.rows, number)?;
        let row = row.ok_or_else(|| Error::NotFound { what: "instruction", id: number.to_string() })?;
        Ok(Answer { sequence: state.status.sequence, value: renderer(&state)?.instruction(number, &row)? })
    }

    /// A trade by its source and its id there, with its instructions.
    pub fn trade(&self, source: &str, id: &str, at: At) -> Result<Answer<pb::Trade>, Error> {
        let state = self.shared.at(ViewName::Status, at)?;
        let unknown = || Error::NotFound { what: "trade", id: format!("{source} {id}") };
        let index = state.names.live()?.index(Kind::Source, source).map_err(|_| unknown())?;
        let key = TradeKey { source: SourceIx(index), id: Identifier::parse(id).map_err(|_| unknown())? };
        let trade = self.find_trade(&state, &key)?.ok_or_else(unknown)?;
        Ok(Answer { sequence: state.status.sequence, value: self.render_trade(&state, &trade)? })
    }

    /// Instructions by rising number.
    pub fn instructions(
        &self,
        filter: &pb::InstructionFilter,
        page: PageRequest<'_>,
        at: At,
    ) -> Result<pb::InstructionPage, Error> {
        let state = self.shared.at(ViewName::Status, at)?;
        let status = state.status.live()?;
        let names = state.names.live()?;
        let filter = Filter::parse(filter, names)?;
        let scope = Scope { purpose: Purpose::Instructions, shard: names.shard(), filter: filter.hash() };
        let after = page.place(scope)?.map_or(0, u64::from_be_bytes);
        let sequence = state.status.sequence;
        let old_enough = filter.old_enough(names, &status.days);

        let (found, next) = if let Some((source, id)) = &filter.trade {
            let key = TradeKey { source: *source, id: id.clone() };
            let trade = self.find_trade(&state, &key)?;
            let mut rows = trade.map_or(Ok(Vec::new()), |trade| self.instructions_of(&state, &trade))?;
            rows.retain(|(number, row)| *number > after && filter.admits(row, &old_enough));
            rows.sort_unstable_by_key(|(number, _)| *number);
            let next = rows.get(page.size()).and_then(|_| rows.get(page.size() - 1)).map(|(number, _)| *number);
            rows.truncate(page.size());
            (rows, next)
        } else {
            let mut listing = Listing::new(after, page.limits());
            listing.examine_memory(status, &filter, &old_enough);
            let ended = self.shared.rows.reader();
            // What has ended does not change: it is read without holding up the fold.
            let (days, reversed) = (status.days.clone(), status.reversed.clone());
            drop(state);
            listing.examine_ended(&ended, &filter)?;
            let (found, next) = listing.finish();
            let state = self.shared.state();
            let renderer = Renderer { names: state.names.live()?, days: &days, reversed: &reversed };
            return instruction_page(&renderer, sequence, scope, &found, next);
        };
        instruction_page(&renderer(&state)?, sequence, scope, &found, next)
    }

    /// Open trades that no open instruction speaks for: captured only, in repair, or their instruction was cancelled.
    pub fn loose_trades(&self, page: PageRequest<'_>, at: At) -> Result<pb::TradePage, Error> {
        let state = self.shared.at(ViewName::Status, at)?;
        let scope = Scope { purpose: Purpose::Trades, shard: state.names.live()?.shard(), filter: 0 };
        let after = page.place(scope)?.map_or(0, u64::from_be_bytes);
        let mut loose = state.status.live()?.loose_after(after);
        let found: Vec<&Trade> = loose.by_ref().take(page.size()).collect();
        let last = found.last().map(|trade| trade.number).filter(|_| loose.next().is_some());
        Ok(pb::TradePage {
            sequence: state.status.sequence,
            trades: found.iter().map(|trade| self.render_trade(&state, trade)).collect::<Result<_, _>>()?,
            next_page_token: last.map_or(String::new(), |number| scope.token(&number.to_be_bytes())),
        })
    }

    /// Counts and values of all instructions by status, first reason, domain and currency.
    pub fn summary(&self, at: At) -> Result<pb::Summary, Error> {
        let state = self.shared.at(ViewName::Status, at)?;
        let renderer = renderer(&state)?;
        let lines = state.status.live()?.sums.iter().map(|(heading, sum)| renderer.summary_line(heading, sum));
        Ok(pb::Summary { sequence: state.status.sequence, lines: lines.collect::<Result<_, _>>()? })
    }

    /// Records that were set aside and are still open. What is wrong with each stands in the record itself, which is not a
    /// fact of the fold: `path` and `reason` are empty here, and whoever has the log fills them in.
    pub fn quarantined(&self, at: At) -> Result<Answer<Vec<pb::Quarantined>>, Error> {
        let state = self.shared.at(ViewName::Status, at)?;
        let open = state.status.live()?.quarantined.iter().map(|(sequence, row)| pb::Quarantined {
            sequence: *sequence,
            at: Timestamp::from_micros(row.at).ok().map(values::timestamp),
            actor: row.actor.clone(),
            path: String::new(),
            reason: String::new(),
        });
        Ok(Answer { sequence: state.status.sequence, value: open.collect() })
    }

    /// What waits for a second person.
    pub fn proposals(&self, at: At) -> Result<Answer<Vec<pb::Proposal>>, Error> {
        let state = self.shared.at(ViewName::Status, at)?;
        let renderer = renderer(&state)?;
        let waiting = state.status.live()?.proposals.iter().map(|(number, row)| renderer.proposal(*number, row));
        Ok(Answer { sequence: state.status.sequence, value: waiting.collect() })
    }

    /// What the outside contradicts us in and nobody has closed.
    pub fn breaks(&self, at: At) -> Result<Answer<Vec<pb::Break>>, Error> {
        let state = self.shared.at(ViewName::Status, at)?;
        let renderer = renderer(&state)?;
        let open = state.status.live()?.breaks.iter().map(|(number, row)| renderer.open_break(*number, row));
        Ok(Answer { sequence: state.status.sequence, value: open.collect::<Result<_, _>>()? })
    }

    /// Cash by account and currency.
    pub fn cash(&self, filter: &pb::CashFilter, page: PageRequest<'_>, at: At) -> Result<pb::CashPage, Error> {
        let state = self.shared.at(ViewName::Cash, at)?;
        let names = state.names.live()?;
        let filter = CashFilter::parse(filter, names)?;
        let scope = Scope { purpose: Purpose::Cash, shard: names.shard(), filter: filter.hash };
        let after = page.place::<8>(scope)?.map(read_cash_place).transpose()?;
        let (ladders, last) = state.cash.live()?.ladders(names, &filter, after, page.size())?;
        let token = |(account, currency): (AccountIx, CurrencyCode)| {
            scope.token(&[account.0.to_be_bytes(), Asset::currency(currency).0.to_be_bytes()].concat())
        };
        Ok(pb::CashPage { sequence: state.cash.sequence, ladders, next_page_token: last.map_or(String::new(), token) })
    }

    /// Balances of the stock record by account and asset.
    pub fn balances(
        &self,
        filter: &pb::BalanceFilter,
        page: PageRequest<'_>,
        at: At,
    ) -> Result<pb::BalancePage, Error> {
        let state = self.shared.at(ViewName::Ledger, at)?;
        let names = state.names.live()?;
        let filter = BalanceFilter::parse(filter, names)?;
        let scope = Scope { purpose: Purpose::Balances, shard: names.shard(), filter: filter.hash };
        let after = page.place::<12>(scope)?.map(|[account @ .., a, b, c, d]| {
            let account: [u8; 8] = account;
            (u64::from_be_bytes(account), u32::from_be_bytes([a, b, c, d]))
        });
        let (balances, last) = state.ledger.live()?.balances(names, &filter, after, page.size())?;
        let token =
            |(account, asset): (u64, u32)| scope.token(&[&account.to_be_bytes()[..], &asset.to_be_bytes()].concat());
        Ok(pb::BalancePage {
            sequence: state.ledger.sequence,
            balances,
            next_page_token: last.map_or(String::new(), token),
        })
    }

    /// What must agree: ownership and location, what was traded and settled and what is open, ledger and open trades.
    pub fn tie_outs(&self, at: At) -> Result<pb::TieOuts, Error> {
        let state = self.shared.at(ViewName::Ledger, at)?;
        let same_record = state.status.sequence == state.ledger.sequence;
        let open = state.status.live().ok().filter(|_| same_record).map(crate::status::Status::open_obligations);
        let lines = state.ledger.live()?.tie_outs(state.names.live()?, open.as_ref())?;
        Ok(pb::TieOuts { sequence: state.ledger.sequence, lines })
    }

    fn find_trade(&self, state: &State, key: &TradeKey) -> Result<Option<Trade>, Error> {
        let status = state.status.live()?;
        let bytes = self.shared.rows.get(table::TRADES, &key.bytes())?;
        let Some(bytes) = bytes else {
            return Ok(status.unwritten_trade(key.source, &key.id).cloned());
        };
        let row: pb::TradeRow = rows::decode(table::TRADES, &bytes)?;
        match status.trade(row.number) {
            Some(trade) => Ok(Some(trade.clone())),
            None => {
                let key = TradeKey { source: key.source, id: key.id.clone() };
                Trade::from_row(Arc::new(key), &row).map(Some)
            }
        }
    }

    fn instructions_of(&self, state: &State, trade: &Trade) -> Result<Vec<(u64, Instruction)>, Error> {
        let status = state.status.live()?;
        let mut rows = Vec::with_capacity(trade.instructions.len());
        for number in &trade.instructions {
            let row = find(status, &self.shared.rows, *number)?;
            let row = row.ok_or_else(|| Error::NotFound { what: "instruction", id: number.to_string() })?;
            rows.push((*number, row));
        }
        Ok(rows)
    }

    fn render_trade(&self, state: &State, trade: &Trade) -> Result<pb::Trade, Error> {
        renderer(state)?.trade(trade, &self.instructions_of(state, trade)?)
    }
}

pub(crate) fn renderer(state: &State) -> Result<Renderer<'_>, Error> {
    let status = state.status.live()?;
    Ok(Renderer { names: state.names.live()?, days: &status.days, reversed: &status.reversed })
}

fn instruction_page(
    renderer: &Renderer<'_>,
    sequence: u64,
    scope: Scope,
    found: &[(u64, Instruction)],
    next: Option<u64>,
) -> Result<pb::InstructionPage, Error> {
    Ok(pb::InstructionPage {
        sequence,
        instructions: found.iter().map(|(number, row)| renderer.instruction(*number, row)).collect::<Result<_, _>>()?,
        next_page_token: next.map_or(String::new(), |number| scope.token(&number.to_be_bytes())),
    })
}

fn read_cash_place(place: [u8; 8]) -> Result<(AccountIx, CurrencyCode), Error> {
    let [a, b, c, d, asset @ ..] = place;
    let currency = Asset(u32::from_be_bytes(asset)).as_currency();
    let currency = currency.ok_or(crate::TokenError::Malformed)?;
    Ok((AccountIx(u32::from_be_bytes([a, b, c, d])), currency))
}
