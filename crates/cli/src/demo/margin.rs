//! Margin: a client's account that buys and sells short on the last day, its calls, what a CCP will ask of its members; and
//! the account's figures once more by plain sums over the log.

use std::collections::BTreeMap;

use anyhow::Result;
use model::accounting::SetName;
use model::command::{Command, Inbound, Origin, Transfer, What};
use model::date::Date;
use model::decimal::Decimal;
use model::event::Event;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{BookIx, InstrumentIx, Kind};
use model::instruction::code;
use model::ledger::LedgerAccount;
use model::margin::{ClearingTerms, IssueMarginCalls, MarginAccount};
use model::reference::{Book, Party, Reference, Role};
use model::timestamp::Timestamp;
use model::trade::{Action, Details, Method, PriceType, QuantityType, Side, TradeMessage};
use risk::amount::{PriceKind, Scales, value};
use testkit::flow::{DOMAIN, Member, SYNTHETIC};
use wire::pb::service::{ListMarginAccountsRequest, ListMarginCallsRequest, ReadRecordsRequest, SubmitTradeRequest};
use wire::pb::view::{ForecastFilter, PriceSetFilter, SetSeries};

use super::naive::Naive;
use super::people::settle_down;
use super::plan::Plan;
use super::reference::submit;
use super::screen::{heading, line, table};
use crate::connection::{Connection, new_request_id, signed};
use crate::fault::{failed, from_status};
use crate::margin::{ACCOUNTS, CALLS, forecast};
use crate::output::{Cell, Column, figure};
use crate::paging::answer;

/// Rows of a table whose rest is only counted.
const ROWS: usize = 12;
/// Who asks, and who approves what needs two.
const MAKER: &str = "ines.data";
const CHECKER: &str = "omar.control";
const CURRENCY: &str = "EUR";
const ACCOUNT: &str = "M-1";

/// Who, what and when.
struct Stage<'a> {
    connection: &'a Connection,
    plan: &'a Plan,
    date: Date,
    /// The book of the account: new, so that every fact about it comes after the first record here.
    book: Identifier,
    from: u64,
}

/// Prints all of it; how many proofs do not hold.
pub async fn print(connection: &Connection, plan: &Plan, naive: &Naive, sequence: u64) -> Result<usize> {
    let number = plan.days.last().map_or(0, |day| day.date);
    let date = Date::parse(&figure::date(number)).map_err(|_| failed("the week has no last day"))?;
    let book = identifier(&format!("{}-MARGIN", plan.flow.members()[0].party))?;
    let stage = Stage { connection, plan, date, book, from: sequence + 1 };
    stage.deal(naive).await?;
    let to = settle_down(connection).await?;
    let broken = stage.accounts(naive, to).await?;
    stage.forecast(to).await?;
    Ok(broken)
}

fn identifier(text: &str) -> Result<Identifier> {
    Ok(Identifier::parse(text)?)
}

pub(super) fn cells<T>(columns: &[Column<T>], rows: &[T]) {
    let titles: Vec<_> = columns.iter().map(|column| column.title).collect();
    table(
        &titles,
        &rows.iter().map(|row| columns.iter().map(|column| (column.cell)(row)).collect()).collect::<Vec<_>>(),
    );
}

/// Asks as a person of operations; what needs two is approved by the second.
pub(super) async fn ask(connection: &Connection, date: Date, command: Command) -> Result<()> {
    let by = |actor: &str, command| -> Result<Inbound> {
        let (origin, reason) = (Origin::File { line: 0 }, "the demonstration".to_owned());
        Ok(Inbound { command, origin, actor: identifier(actor)?, reason, at: Timestamp::start_of(date) })
    };
    let receipt = submit(connection, &by(MAKER, command)?, new_request_id()).await?;
    if let Some(proposal) = receipt.proposal {
        let approve = Command::Approve { proposal, payload_hash: None };
        submit(connection, &by(CHECKER, approve)?, new_request_id()).await?;
    }
    Ok(())
}

impl Stage<'_> {
    async fn ask(&self, command: Command) -> Result<()> {
        ask(self.connection, self.date, command).await
    }

    async fn set(&self, reference: Reference) -> Result<()> {
        self.ask(Command::SetReference(Box::new(reference))).await
    }

    /// Two shares that are quoted in euro and have a close that day.
    fn shares(&self, naive: &Naive) -> Result<[(Identifier, Decimal); 2]> {
        let securities = self.plan.flow.securities().iter();
        let euro = securities.filter(|each| each.coupon.is_none() && each.currency.as_str() == CURRENCY);
        let priced = euro.filter_map(|each| Some((each.id.clone(), naive.close(self.date, &each.id)?)));
        let found: Vec<_> = priced.take(2).collect();
        found.try_into().map_err(|_| failed("the last close has no two shares in euro"))
    }

    /// A client's account, its day's deals, the calls for them, and a part of what they ask for.
    async fn deal(&self, naive: &Naive) -> Result<()> {
        let (members, currency) = (self.plan.flow.members(), CurrencyCode::parse(CURRENCY)?);
        let (member, other) = (&members[0], &members[1]);
        self.set(Reference::Book(Book {
            id: self.book.clone(),
            name: "a client's margin account".to_owned(),
            owner: member.party.clone(),
        }))
        .await?;
        self.set(Reference::MarginAccount(MarginAccount {
            id: identifier(ACCOUNT)?,
            client: member.client.clone(),
            book: self.book.clone(),
            currency,
            jurisdiction: "US".to_owned(),
            domain: identifier(DOMAIN)?,
            call_days: 3,
            valid_from: self.date,
        }))
        .await?;
        let money = |quantity| Transfer {
            from: None,
            to: Some(member.nostro(currency)),
            book: self.book.clone(),
            to_book: None,
            what: What::Currency(currency),
            quantity: Decimal { unscaled: quantity, scale: 0 },
        };
        self.ask(Command::Transfer(money(20_000))).await?;
        let [long, short] = self.shares(naive)?;
        for (share, side, quantity) in [(long, Side::Buy, 2_000), (short, Side::Sell, 500)] {
            self.trade((member, other), share, side, quantity, currency).await?;
        }
        let set = SetName { date: self.date, snap: identifier("CLOSE")?, source: identifier("QUOTES")? };
        let issue = IssueMarginCalls { set, accounts: vec![identifier(ACCOUNT)?] };
        self.ask(Command::IssueInitialCalls(issue.clone())).await?;
        self.ask(Command::Transfer(money(10_000))).await?;
        self.ask(Command::IssueMarginCalls(issue)).await
    }

    async fn trade(
        &self,
        (member, other): (&Member, &Member),
        (instrument, price): (Identifier, Decimal),
        side: Side,
        quantity: i64,
        currency: CurrencyCode,
    ) -> Result<()> {
        let scales = Scales { quantity: 0, currency: 2 };
        let worth = value(i128::from(quantity), price, PriceKind::Amount, scales)?;
        let gross = Decimal::from_units(worth, 2)?;
        let details = Details {
            party: member.party.clone(),
            counterparty: other.party.clone(),
            book: self.book.clone(),
            side,
            instrument: instrument.clone(),
            quantity: Decimal { unscaled: quantity, scale: 0 },
            quantity_type: QuantityType::Unit,
            price,
            price_type: PriceType::Amount,
            trade_date: self.date,
            traded_at: None,
            intended_settlement_date: None,
            currency,
            gross,
            accrued: Decimal::ZERO,
            charges: Vec::new(),
            net: gross,
            method: Method::Dvp,
            domain: identifier(DOMAIN)?,
            place_of_trade: None,
            transaction_type: code::TRAD,
            cum_ex: None,
            opt_out: false,
            common_reference: None,
            delivering_client: None,
            receiving_client: None,
            depot: None,
            nostro: None,
            hold: false,
            priority: 4,
            uti: None,
            order_reference: None,
            capacity: None,
        };
        let (source, id) = (member.source.clone(), identifier(&format!("MARGIN-{instrument}"))?);
        let (action, details) = (Action::New, Some(details));
        let command = Command::Trade(Box::new(TradeMessage { source, id, version: 1, action, details }));
        let Some(wire::pb::record::command::Kind::Trade(trade)) = wire::command::into_wire(&command).kind else {
            return Err(failed("a trade is a trade on the wire"));
        };
        let request = SubmitTradeRequest { trade: Some(trade), request_id: String::new(), reason: String::new() };
        answer(self.connection.trades().submit_trade(signed(request, member.source.as_str())?).await).map(drop)
    }

    /// How the account stands, what is called, and whether plain sums say the same.
    async fn accounts(&self, naive: &Naive, to: u64) -> Result<usize> {
        heading("Client margin by trade date at the last close: Regulation T and FINRA 4210");
        let prices = self.prices();
        let request = ListMarginAccountsRequest { prices: Some(prices) };
        let standings = answer(self.connection.risk().list_margin_accounts(request).await)?.standings;
        let accounts = standings.map(|standings| standings.accounts).unwrap_or_default();
        cells(ACCOUNTS, &accounts);
        accounts.iter().for_each(|account| line(format!("{}: {}", account.account, account.rule)));
        let request = ListMarginCallsRequest { account: String::new(), only_missed: false };
        let calls = answer(self.connection.risk().list_margin_calls(request).await)?.calls;
        heading("Margin calls: half of the day's commitments was asked for, and cash has come for a part");
        cells(CALLS, &calls);
        let Some(account) = accounts.iter().find(|account| account.account == ACCOUNT) else {
            return Err(failed("the account is not assessed"));
        };
        let plain = self.by_plain_sums(naive, to).await?;
        let said = [account.long, account.short, account.cash, account.equity, account.initial, account.maintenance];
        let names = ["long", "short", "cash", "equity", "initial", "maintenance"];
        let (mut broken, mut rows) = (0, Vec::new());
        for ((name, said), plain) in names.into_iter().zip(said).zip(plain) {
            let apart = said.map(|said| i128::from(said.unscaled) - plain);
            broken += usize::from(apart != Some(0));
            let plain = Decimal::from_units(plain, 2)?;
            let plain = wire::pb::typ::Decimal { unscaled: plain.unscaled, scale: plain.scale };
            let apart = apart.map_or(Cell::text("not assessed"), Cell::Difference);
            rows.push(vec![Cell::text(name), Cell::amount(said), Cell::Amount(plain), apart]);
        }
        line(format!("{ACCOUNT}, by the service and by plain sums over the log:"));
        table(&["figure", "service", "plain sums", "difference"], &rows);
        Ok(broken)
    }

    fn prices(&self) -> PriceSetFilter {
        let date = self.plan.days.last().map_or(0, |day| day.date);
        PriceSetFilter { date, snap: "CLOSE".to_owned(), source: "QUOTES".to_owned() }
    }

    /// The account from the records since it was opened: what came into its book, at the raw prices. In cents, by the text of
    /// the rules: half, a quarter, 30 percent or 5.00 a share; every share is above 5.00.
    async fn by_plain_sums(&self, naive: &Naive, to: u64) -> Result<[i128; 6]> {
        let (mut book, mut cash, mut held) = (None, 0, BTreeMap::<InstrumentIx, i128>::new());
        let limit = to + 1 - self.from;
        let request = ReadRecordsRequest { from_sequence: self.from, follow: false, limit, decode: false };
        let mut stream = answer(self.connection.log().read_records(request).await)?;
        while let Some(response) = stream.message().await.map_err(from_status)? {
            for stored in response.records.iter().filter(|stored| stored.sequence <= to) {
                let record = wire::record::decode(&stored.stored)?;
                for event in record.events() {
                    if let Event::Interned { kind: Kind::Book, index, id } = event
                        && *id == self.book
                    {
                        book = Some(BookIx(*index));
                    }
                    for posting in event.postings() {
                        let LedgerAccount::Book { book: of, .. } = posting.account else { continue };
                        if Some(of) != book {
                            continue;
                        }
                        match posting.asset.as_instrument() {
                            Some(instrument) => *held.entry(instrument).or_default() += posting.amount,
                            None => cash += posting.amount,
                        }
                    }
                }
            }
        }
        let up = |amount: i128, percent: i128| (amount * percent + 99) / 100;
        let (mut long, mut short, mut kept_short) = (0, 0, 0);
        for (instrument, quantity) in held {
            let worth = naive.at_close(self.date, instrument, quantity.abs())?;
            let worth = worth.ok_or_else(|| failed("a share of the account has no close"))?;
            if quantity < 0 {
                short += worth;
                kept_short += up(worth, 30).max(quantity.abs() * 500);
            } else {
                long += worth;
            }
        }
        let equity = long - short + cash;
        Ok([long, short, cash, equity, up(long, 50) + up(short, 50), up(long, 25) + kept_short])
    }

    /// One member is taken for a CCP, with terms of its own; what it will ask of the others.
    async fn forecast(&self, sequence: u64) -> Result<()> {
        heading("What a CCP will ask for what has not settled, by clearing account");
        let Some(ccp) = self.plan.flow.members().last().map(|member| &member.party) else { return Ok(()) };
        let party = self.plan.flow.reference().into_iter().find_map(|inbound| match inbound.command {
            Command::SetReference(reference) => match *reference {
                Reference::Party(party) if party.id == *ccp => Some(party),
                _ => None,
            },
            _ => None,
        });
        let mut party: Party = party.ok_or_else(|| failed(format!("{ccp} is not defined")))?;
        party.roles.push(Role::Ccp);
        self.set(Reference::Party(party)).await?;
        let hundredths = |unscaled| Decimal { unscaled, scale: 2 };
        self.set(Reference::ClearingTerms(ClearingTerms {
            ccp: ccp.clone(),
            jurisdiction: "EU".to_owned(),
            valid_from: self.date,
            source: "invented for the demonstration".to_owned(),
            gap_threshold: hundredths(30),
            gap_rate: hundredths(10),
            fails_rate: hundredths(5),
            least_haircut: hundredths(2),
            confidence: hundredths(99),
            scenarios: 250,
            horizon: 3,
            index_cfi: Vec::new(),
        }))
        .await?;
        let to = settle_down(self.connection).await?.max(sequence);
        let of = |source: &str| SetSeries { snap: "CLOSE".to_owned(), source: source.to_owned() };
        let history = vec![of("QUOTES"), of(SYNTHETIC)];
        let filter =
            ForecastFilter { ccp: ccp.to_string(), prices: Some(self.prices()), history, ..Default::default() };
        let forecasts = forecast::ask(self.connection, filter, to).await?;
        let accounts = forecasts.accounts.len();
        let lines = forecast::lines(&forecasts);
        cells(forecast::LINES, &lines[..lines.len().min(ROWS)]);
        if lines.len() > ROWS {
            line(format!("and {} more lines: quittance margin forecast", lines.len() - ROWS));
        }
        let lacking = forecasts.accounts.iter().filter(|account| !account.lacks.is_empty()).count();
        line(format!(
            "{}, {lacking} without figures for want of a price or a history; {ccp} and its terms are invented, {} of the closes are \
             made and not observed",
            figure::some(accounts as u64, "clearing account", "clearing accounts"),
            figure::count(forecasts.synthetic_closes)
        ));
        Ok(())
    }
}
