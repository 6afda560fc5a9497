//! What the flow stands on: the commands that load its reference data, limits and opening balances.

use super::market::{self, Security, day};
use super::world::{MONDAY, Member, World, hour, identifier, instant, later};
use model::calendar;
use model::command::{Command, Cost, Inbound, Opening, Origin, What};
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{Bic, CurrencyCode, Identifier, Lei};
use model::record::Genesis;
use model::reference::{
    Account, AccountKind, Band, Book, Capacity, CreditLimit, Currency, CutOffRule, Cycle, Domain, DomainKind, FourEyes,
    Instrument, IsinFrom, NamedCalendar, Parameters, Party, Price, PriceSet, Priced, Reference, Role, Ssi, Tolerance,
};
use model::timestamp::Timestamp;

/// Who keeps the data, and who looks at it a second time.
pub const MAKER: &str = "ines.data";
pub const CHECKER: &str = "omar.control";

/// When reference data and most limits begin to hold.
const SINCE: &str = "2026-01-02";

/// A decimal of so many units of `10^-scale`.
pub(super) fn decimal(units: i64, scale: u32) -> Decimal {
    Decimal::new(units, scale).expect("a small scale")
}

/// The first record of a log for this flow.
pub(super) fn genesis(world: &World) -> Genesis {
    Genesis {
        format: 1,
        house: identifier("QUITTANCE-DEMO"),
        shard: 0,
        domains: vec![world.domain.clone()],
        cluster: None,
        at: instant(later(day(MONDAY), -1), 8 * 60),
    }
}

/// The commands in order. They must follow the genesis directly: an approval names its proposal by the sequence that
/// the proposal then gets.
pub(super) fn commands(world: &World) -> Vec<Inbound> {
    let mut list = List { commands: Vec::new(), start: instant(later(day(MONDAY), -1), 9 * 60) };
    places(world, &mut list);
    members(world, &mut list);
    for (place, security) in world.securities.iter().enumerate() {
        if world.undefined_at_first() != Some(place) {
            list.set(instrument(security));
        }
    }
    list.set(Reference::PriceSet(prices(world, world.business_days_before(world.days[0], 1), 0)));
    let watched = vec![FourEyes::Ssi, FourEyes::CreditLimit, FourEyes::Opening, FourEyes::Parameters];
    if world.shape.four_eyes {
        list.set(Reference::Parameters(Parameters { four_eyes: watched, ..Parameters::default() }));
    }
    let first = list.commands.len();
    for (rank, member) in world.members.iter().enumerate() {
        watched_data(world, rank, member, &mut list);
    }
    for (rank, member) in world.members.iter().enumerate() {
        openings(world, rank, member, &mut list);
    }
    if world.shape.four_eyes {
        // Record 1 is the genesis, so the command at index i becomes record i + 2. All proposals come before the first
        // approval, because an approval may set work going that has records of its own.
        for index in first..list.commands.len() {
            list.push(Command::Approve { proposal: index as u64 + 2, payload_hash: None }, CHECKER);
        }
    }
    list.commands
}

struct List {
    commands: Vec<Inbound>,
    start: Timestamp,
}

impl List {
    fn push(&mut self, command: Command, actor: &str) {
        let number = self.commands.len() as i64;
        self.commands.push(Inbound {
            command,
            origin: Origin::File { line: number as u64 + 1 },
            actor: identifier(actor),
            reason: "set-up of the week".to_owned(),
            at: self.start.add_micros(number * 1_000).expect("an instant near the week"),
        });
    }

    fn set(&mut self, reference: Reference) {
        self.push(Command::SetReference(Box::new(reference)), MAKER);
    }
}

/// Calendars, currencies, the domain, cycles.
fn places(world: &World, list: &mut List) {
    for (name, text) in calendar::SHIPPED {
        let calendar = calendar::Calendar::from_text(text).expect("shipped calendars are valid");
        list.set(Reference::Calendar(Box::new(NamedCalendar { id: identifier(name), calendar })));
    }
    for (code, calendar) in market::CURRENCIES {
        let code = currency(code);
        list.set(Reference::Currency(Currency { code, calendar: identifier(calendar) }));
        list.set(Reference::Tolerance(tolerance(code)));
    }
    // In the domain's own time, an hour ahead of UTC.
    let rule = |currency, minute: i64| CutOffRule { currency, minute_of_day: (minute + 60) as u16 };
    list.set(Reference::Domain(Domain {
        id: world.domain.clone(),
        kind: DomainKind::Internal,
        calendar: identifier("TARGET"),
        zone: "Europe/Paris".to_owned(),
        cut_offs: vec![
            rule(Some(currency("EUR")), hour::CUT_OFF_EUR),
            rule(Some(currency("USD")), hour::CUT_OFF_OTHER),
            rule(Some(currency("GBP")), hour::CUT_OFF_OTHER),
            rule(None, hour::CUT_OFF_FREE),
        ],
        schedule: None,
        agent: None,
    }));
    for (market, days, since) in market::CYCLES {
        list.set(Reference::Cycle(Cycle { market: identifier(market), valid_from: day(since), days }));
    }
}

/// Parties, their clients, books and accounts.
fn members(world: &World, list: &mut List) {
    for (rank, member) in world.members.iter().enumerate() {
        let central = world.shape.ccp && rank == 0;
        let role = if central { Role::Ccp } else { Role::Counterparty };
        list.set(Reference::Party(party(&member.party, rank, 0, vec![Role::LegalEntity, role])));
        list.set(Reference::Party(party(&member.client, rank, 1, vec![Role::Client])));
        for book in [&member.book, &member.other_book, &member.client_book] {
            list.set(Reference::Book(Book { id: book.clone(), name: book.to_string(), owner: member.party.clone() }));
        }
        let mut account = |id: Identifier, kind, capacity| {
            let (holder, domain) = (member.party.clone(), world.domain.clone());
            list.set(Reference::Account(Account { id, kind, holder, domain, capacity, may_go_short: false }));
        };
        let client = || Capacity::Segregated(member.client.clone());
        account(member.depot.clone(), AccountKind::Depot, Capacity::Own);
        account(member.client_depot.clone(), AccountKind::Depot, client());
        for (code, _) in market::CURRENCIES {
            account(member.nostro(currency(code)), AccountKind::Nostro, Capacity::Own);
            account(member.client_nostro(currency(code)), AccountKind::Nostro, client());
        }
    }
}

/// What a second person looks at: standing settlement instructions and credit limits.
fn watched_data(world: &World, rank: usize, member: &Member, list: &mut List) {
    for (code, _) in market::CURRENCIES {
        let code = currency(code);
        if !(world.poor_member() == Some(rank) && code.as_str() == "USD") {
            list.set(Reference::Ssi(ssi(world, member, code)));
        }
        list.set(Reference::Ssi(client_ssi(world, member, code)));
        // Half a million of overdraft for the poor member, ten for the others.
        let amount = if world.poor_member() == Some(rank) { 500_000 } else { 10_000_000 };
        let (account, valid_from) = (member.nostro(code), day(SINCE));
        list.set(Reference::CreditLimit(CreditLimit {
            account,
            currency: code,
            valid_from,
            amount: decimal(amount, 0),
        }));
    }
}

/// What everybody holds at the beginning.
fn openings(world: &World, rank: usize, member: &Member, list: &mut List) {
    let mut open = |account: Identifier, book: &Identifier, what, quantity, cost| {
        let opening = Opening { account, book: book.clone(), what, quantity, cost };
        list.push(Command::Open(opening), MAKER);
    };
    for (code, _) in market::CURRENCIES {
        let (code, cash) = (currency(code), decimal(world.opening_cash(rank), 2));
        open(member.nostro(code), &member.book, What::Currency(code), cash, None);
        if world.shape.mix.client > 0 {
            let cash = decimal(10_000_000_000, 2);
            open(member.client_nostro(code), &member.client_book, What::Currency(code), cash, None);
        }
    }
    for (place, security) in world.securities.iter().enumerate() {
        let quantity = world.opening_quantity(security);
        let what = || What::Instrument(security.id.clone());
        if !world.lacks(rank, place) {
            open(member.depot.clone(), &member.book, what(), decimal(quantity, 0), Some(cost(security, quantity)));
        }
        if world.shape.mix.client > 0 && world.undefined_at_first() != Some(place) {
            let quantity = quantity / 4;
            let cost = Some(cost(security, quantity));
            open(member.client_depot.clone(), &member.client_book, what(), decimal(quantity, 0), cost);
        }
    }
}

/// An opening position cost what it is worth on the first day.
fn cost(security: &Security, quantity: i64) -> Cost {
    // Shares: hundredths a piece. Bonds: thousandths of a per cent, so a hundred-thousandth of face.
    let units = match security.coupon {
        None => i128::from(quantity) * i128::from(security.price),
        Some(_) => i128::from(quantity) * i128::from(security.price) / 1_000,
    };
    Cost { currency: security.currency, amount: Decimal::from_units(units, 2).expect("an opening value fits") }
}

pub(super) fn instrument(security: &Security) -> Reference {
    Reference::Instrument(Instrument {
        id: security.id.clone(),
        isins: vec![IsinFrom { valid_from: day("2014-10-06"), isin: security.isin }],
        cfi: security.cfi,
        currency: security.currency,
        quantity_type: security.quantity_type(),
        decimals: 0,
        minimum_unit: decimal(security.multiple(), 0),
        multiple: decimal(security.multiple(), 0),
        market: security.market.clone(),
    })
}

/// The member's own accounts for what settles in a currency.
pub(super) fn ssi(world: &World, member: &Member, code: CurrencyCode) -> Ssi {
    Ssi {
        id: identifier(&format!("{}-SSI-{code}", member.party)),
        party: member.party.clone(),
        valid_from: day(SINCE),
        domain: Some(world.domain.clone()),
        currency: Some(code),
        cfi_prefix: None,
        method: None,
        client: None,
        depot: member.depot.clone(),
        nostro: Some(member.nostro(code)),
    }
}

fn client_ssi(world: &World, member: &Member, code: CurrencyCode) -> Ssi {
    Ssi {
        id: identifier(&format!("{}-SSI-{code}", member.client)),
        client: Some(member.client.clone()),
        depot: member.client_depot.clone(),
        nostro: Some(member.client_nostro(code)),
        ..ssi(world, member, code)
    }
}

/// EU 2018/1229 Art. 6: 2 up to and including 100,000, 25 above; the same figures serve for the other currencies.
fn tolerance(code: CurrencyCode) -> Tolerance {
    let band = |up_to: Option<i64>, tolerance| Band {
        up_to: up_to.map(|top| decimal(top, 2)),
        tolerance: decimal(tolerance, 2),
    };
    let bands = vec![band(Some(10_000_000), 200), band(None, 2_500)];
    Tolerance { currency: code, valid_from: day(SINCE), bands, recompute: decimal(1, 2) }
}

/// Closing prices of a day and two exchange rates; `drift` moves all of them by so many thousandths.
pub(super) fn prices(world: &World, date: Date, drift: i64) -> PriceSet {
    let moved = |price: i64| price + price * drift / 1_000;
    let mut prices: Vec<Price> = world
        .securities
        .iter()
        .enumerate()
        .filter(|(place, _)| world.undefined_at_first() != Some(*place))
        .map(|(_, security)| {
            let scale = if security.coupon.is_some() { 3 } else { 2 };
            let value = decimal(moved(security.price), scale);
            let accrued = security.coupon.map(|coupon| accrued(coupon, date));
            Price { of: Priced::Instrument(security.id.clone()), currency: security.currency, value, accrued }
        })
        .collect();
    for (code, rate) in [("USD", 86_420), ("GBP", 114_050)] {
        let value = decimal(moved(rate), 5);
        prices.push(Price { of: Priced::Currency(currency(code)), currency: currency("EUR"), value, accrued: None });
    }
    PriceSet { date, snap: identifier("CLOSE"), source: identifier("QUOTES"), version: 1, prices }
}

/// Interest since the last coupon in percent of par, as if every bond paid on 1 January: six decimals, half up.
pub(super) fn accrued(coupon: i64, date: Date) -> Decimal {
    let first = Date::from_ymd(date.year(), 1, 1).expect("a year has a first day");
    // Hundredths of a per cent a year, and four decimals more.
    decimal((coupon * i64::from(date.days_since(first)) * 10_000 + 182) / 365, 6)
}

/// An invented party with a valid LEI. A BIC whose eighth character is 0 is a test code: no bank has it.
fn party(id: &Identifier, rank: usize, role: usize, roles: Vec<Role>) -> Party {
    let lei = Lei::with_check_digit(&format!("QTNC00INV{role}{rank:08}")).expect("letters and digits make a LEI");
    let letter = |place: usize| char::from(b'A' + (place % 26) as u8);
    let bic = format!("Q{}{}{}FRP0", letter(rank / 26), letter(rank), if role == 0 { 'B' } else { 'C' });
    let bic = Bic::parse(&bic).expect("a BIC");
    Party { id: id.clone(), name: format!("{id} (invented)"), lei: Some(lei), bic: Some(bic), roles }
}

pub(super) fn currency(code: &str) -> CurrencyCode {
    CurrencyCode::parse(code).expect("a currency")
}
