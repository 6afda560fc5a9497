//! The house that is simulated: small enough that everybody gets in everybody's way.

use model::calendar::Calendar;
use model::command::{Command, Opening, What};
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{Cfi, CurrencyCode, Identifier};
use model::margin::MarginAccount;
use model::record::Genesis;
use model::reference::{
    Account, AccountKind, Band, Book, Capacity, CreditLimit, Currency, CutOffRule, Cycle, DaySchedule, Domain,
    DomainKind, Instrument, NamedCalendar, Parameters, Party, Reference, Role, Ssi, Tolerance,
};
use model::timestamp::Timestamp;
use model::trade::QuantityType;

/// Who trades: each with two books, and accounts in each domain.
pub const MEMBERS: [&str; 3] = ["ALPHA", "BETA", "GAMMA"];
/// Two markets of our own, of which the second opens by the clock, and a CSD's.
pub const DOMAINS: [&str; 3] = ["MAIN", "SIDE", "XCSD"];
/// Whose word counts at the CSD, and who only thinks so.
pub const AGENT: &str = "CSD-AGENT";
pub const STRANGER: &str = "STRANGER";
/// A client of ALPHA's.
pub const CLIENT: &str = "CLIENT";
/// Margin accounts of CLIENT's, each with a book of its own: whose that is, the book, the account.
pub const MARGIN: [(&str, &str, &str); 2] = [("ALPHA", "ALPHA-MC", "M-1"), ("BETA", "BETA-MC", "M-2")];
/// Instruments; the last is traded before anybody defines it.
pub const PAPERS: [&str; 4] = ["SAP", "BUND", "FUND", "NEWCO"];
pub const CURRENCIES: [&str; 2] = ["EUR", "USD"];

pub fn id(text: &str) -> Identifier {
    Identifier::parse(text).expect("a sound name")
}

pub fn cash(code: &str) -> CurrencyCode {
    CurrencyCode::parse(code).expect("a currency")
}

pub fn decimal(units: i64, scale: u32) -> Decimal {
    Decimal::new(units, scale).expect("a small scale")
}

pub fn monday() -> Date {
    Date::from_ymd(2026, 11, 23).expect("a date")
}

pub fn start() -> Timestamp {
    Timestamp::start_of(monday()).add_micros(6 * 3_600_000_000).expect("an instant")
}

pub fn genesis() -> Genesis {
    Genesis {
        format: 1,
        house: id("SIMULATED"),
        shard: 0,
        domains: DOMAINS.map(id).to_vec(),
        cluster: Some("simulated".to_owned()),
        at: start(),
    }
}

pub fn book(member: &str, place: usize) -> String {
    format!("{member}-{}", ["EQ", "FI"][place % 2])
}

pub fn depot(member: &str, domain: &str) -> String {
    format!("{member}-{domain}-DEPOT")
}

pub fn nostro(member: &str, domain: &str, currency: &str) -> String {
    format!("{member}-{domain}-{currency}")
}

fn since() -> Date {
    Date::from_ymd(2026, 1, 2).expect("a date")
}

pub fn instrument(name: &str) -> Instrument {
    let (quantity_type, decimals, least) = match name {
        "BUND" => (QuantityType::Face, 0, decimal(1_000, 0)),
        "FUND" => (QuantityType::Unit, 3, decimal(1, 3)),
        _ => (QuantityType::Unit, 0, decimal(1, 0)),
    };
    Instrument {
        id: id(name),
        isins: Vec::new(),
        cfi: Cfi::parse(if name == "BUND" { "DBFTFB" } else { "ESVUFR" }).expect("a CFI"),
        currency: cash("EUR"),
        quantity_type,
        decimals,
        minimum_unit: least,
        multiple: least,
        market: id("XETR"),
    }
}

pub fn ssi(member: &str, domain: &str, currency: &str) -> Ssi {
    Ssi {
        id: id(&format!("{member}-{domain}-{currency}-SSI")),
        party: id(member),
        valid_from: since(),
        domain: Some(id(domain)),
        currency: Some(cash(currency)),
        cfi_prefix: None,
        method: None,
        client: None,
        depot: id(&depot(member, domain)),
        nostro: Some(id(&nostro(member, domain, currency))),
    }
}

pub fn tolerance(low: i64, high: i64) -> Tolerance {
    let band = |up_to: Option<i64>, tolerance| Band {
        up_to: up_to.map(|top| decimal(top, 0)),
        tolerance: decimal(tolerance, 2),
    };
    let bands = vec![band(Some(10_000), low), band(None, high)];
    Tolerance { currency: cash("EUR"), valid_from: since(), bands, recompute: decimal(1, 2) }
}

pub fn parameters(attempts: u32) -> Parameters {
    let most = Parameters::MOST_COMPARED;
    Parameters {
        attempts_per_step: attempts,
        candidates_compared: most,
        proposal_minutes: 240,
        ..Parameters::default()
    }
}

/// What everything stands on, in order.
pub fn setup() -> Vec<Command> {
    let mut list = Vec::new();
    references(&mut |reference| list.push(Command::SetReference(Box::new(reference))));
    for member in MEMBERS {
        for domain in DOMAINS {
            let mut open = |account: String, what, quantity| {
                let opening = Opening { account: id(&account), book: id(&book(member, 0)), what, quantity, cost: None };
                list.push(Command::Open(opening));
            };
            open(nostro(member, domain, "EUR"), What::Currency(cash("EUR")), decimal(20_000, 0));
            open(depot(member, domain), What::Instrument(id("SAP")), decimal(150, 0));
            open(depot(member, domain), What::Instrument(id("BUND")), decimal(20_000, 0));
            open(depot(member, domain), What::Instrument(id("FUND")), decimal(80_500, 3));
        }
    }
    list
}

fn references(set: &mut dyn FnMut(Reference)) {
    let until = Date::from_ymd(2029, 12, 31).expect("a date");
    let holidays = vec![Date::from_ymd(2026, 11, 26).expect("a date"), Date::from_ymd(2026, 12, 25).expect("a date")];
    let calendar = Calendar::new(since(), until, Calendar::SATURDAY_SUNDAY, holidays).expect("a calendar");
    set(Reference::Calendar(Box::new(NamedCalendar { id: id("CAL"), calendar })));
    for code in CURRENCIES {
        set(Reference::Currency(Currency { code: cash(code), calendar: id("CAL") }));
    }
    set(Reference::Tolerance(tolerance(200, 2_500)));
    set(Reference::Parameters(parameters(64)));
    set(Reference::Cycle(Cycle { market: id("XETR"), valid_from: since(), days: 2 }));
    for domain in DOMAINS {
        let rule = |currency, hour: u16| CutOffRule { currency, minute_of_day: hour * 60 };
        let external = domain == "XCSD";
        set(Reference::Domain(Domain {
            id: id(domain),
            kind: if external { DomainKind::External } else { DomainKind::Internal },
            calendar: id("CAL"),
            zone: "Europe/Paris".to_owned(),
            cut_offs: vec![rule(Some(cash("EUR")), 16), rule(Some(cash("USD")), 15), rule(None, 18)],
            schedule: (domain == "SIDE").then_some(DaySchedule { opens: 7 * 60, closes: 19 * 60 }),
            agent: external.then(|| id(AGENT)),
        }));
    }
    let party =
        |name: &str, roles| Reference::Party(Party { id: id(name), name: name.into(), lei: None, bic: None, roles });
    for member in MEMBERS {
        set(party(member, vec![Role::LegalEntity, Role::Counterparty]));
    }
    set(party(AGENT, vec![Role::Agent]));
    set(party(CLIENT, vec![Role::Client]));
    for paper in &PAPERS[..3] {
        set(Reference::Instrument(instrument(paper)));
    }
    for (place, (member, book, _)) in MARGIN.into_iter().enumerate() {
        set(Reference::Book(Book { id: id(book), name: book.to_owned(), owner: id(member) }));
        set(Reference::MarginAccount(margin_account(place)));
    }
    for member in MEMBERS {
        for place in 0..2 {
            let name = book(member, place);
            set(Reference::Book(Book { id: id(&name), name, owner: id(member) }));
        }
        for domain in DOMAINS {
            let account = |name: &str, kind, capacity, may_go_short| {
                let (holder, domain) = (id(member), id(domain));
                Reference::Account(Account { id: id(name), kind, holder, domain, capacity, may_go_short })
            };
            // GAMMA issues what it delivers in the second market.
            let issuer = member == "GAMMA" && domain == "SIDE";
            set(account(&depot(member, domain), AccountKind::Depot, Capacity::Own, issuer));
            for code in CURRENCIES {
                set(account(&nostro(member, domain, code), AccountKind::Nostro, Capacity::Own, false));
                set(Reference::Ssi(ssi(member, domain, code)));
            }
            set(Reference::CreditLimit(limit(member, domain, 5_000)));
            if member == "ALPHA" && domain == "MAIN" {
                let client = || Capacity::Segregated(id(CLIENT));
                set(account("CLIENT-DEPOT", AccountKind::Depot, client(), false));
                set(account("CLIENT-EUR", AccountKind::Nostro, client(), false));
                let accounts = (id("CLIENT-DEPOT"), Some(id("CLIENT-EUR")));
                let own = ssi(member, domain, "EUR");
                let (depot, nostro) = accounts;
                set(Reference::Ssi(Ssi { id: id("CLIENT-SSI"), client: Some(id(CLIENT)), depot, nostro, ..own }));
            }
        }
    }
}

pub fn margin_account(place: usize) -> MarginAccount {
    let (_, book, account) = MARGIN[place];
    MarginAccount {
        id: id(account),
        client: id(CLIENT),
        book: id(book),
        currency: cash("EUR"),
        jurisdiction: "US".to_owned(),
        domain: id("MAIN"),
        call_days: 1,
        valid_from: since(),
    }
}

pub fn limit(member: &str, domain: &str, euros: i64) -> CreditLimit {
    CreditLimit {
        account: id(&nostro(member, domain, "EUR")),
        currency: cash("EUR"),
        valid_from: since(),
        amount: decimal(euros, 0),
    }
}
