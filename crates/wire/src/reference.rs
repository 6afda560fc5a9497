//! Reference data: `quittance.record.v1.Reference`.

use crate::error::{DecodeError, Fault};
use crate::read::Key;
use crate::schema::{Message, Wire, choice, enumeration, message, message_field, read_fields, required, write_fields};
use model::calendar::Calendar;
use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::permission::{AccessRole, ActorKind, Grant};
use model::reference::{
    Account, AccountKind, Band, Book, BookPolicy, Capacity, CreditLimit, Currency, CutOffRule, Cycle, DaySchedule,
    Domain, DomainKind, FourEyes, Instrument, IsinFrom, Issuer, LotMethod, NamedCalendar, Parameters, Party, Price,
    PriceSet, Priced, Reference, Role, Ssi, Tolerance,
};

choice! { Reference as "reference" {
    1 "party" Party(party),
    2 "book" Book(book),
    3 "account" Account(account),
    4 "domain" Domain(domain),
    5 "instrument" Instrument(instrument),
    6 "calendar" Calendar(calendar),
    7 "currency" Currency(currency),
    8 "cycle" Cycle(cycle),
    9 "ssi" Ssi(ssi),
    10 "tolerance" Tolerance(tolerance),
    11 "credit_limit" CreditLimit(credit_limit),
    12 "price_set" PriceSet(price_set),
    13 "parameters" Parameters(parameters),
    30 "grant" Grant(grant),
    50 "book_policy" BookPolicy(book_policy),
    51 "counterparty_limit" CounterpartyLimit(limit),
    52 "add_on" AddOn(add_on),
    53 "margin_account" MarginAccount(account),
    55 "issuer" Issuer(issuer),
    56 "clearing_terms" ClearingTerms(terms),
} }

message! { Party { 1 id, 2 name, 3 lei, 4 bic, 5 roles } }
message! { Book { 1 id, 2 name, 3 owner } }
message! { Domain { 1 id, 2 kind, 3 calendar, 4 zone, 5 cut_offs, 6 schedule, 7 agent } }
message! { DaySchedule { 1 opens, 2 closes } }
message! { CutOffRule { 1 currency, 2 minute_of_day } }
message! { Instrument {
    1 id, 2 isins, 3 cfi, 4 currency, 5 quantity_type, 6 decimals, 7 minimum_unit, 8 multiple, 9 market
} }
message! { IsinFrom { 1 valid_from, 2 isin } }
message! { Currency { 1 code, 2 calendar } }
message! { Cycle { 1 market, 2 valid_from, 3 days } }
message! { Ssi {
    1 id, 2 party, 3 valid_from, 4 domain, 5 currency, 6 cfi_prefix, 7 method, 8 client, 9 depot, 10 nostro
} }
message! { Tolerance { 1 currency, 2 valid_from, 3 bands, 4 recompute } }
message! { Band { 1 up_to, 2 tolerance } }
message! { CreditLimit { 1 account, 2 currency, 3 valid_from, 4 amount } }
message! { PriceSet { 1 date, 2 snap, 3 source, 4 version, 5 prices } }
message! { Price { 1..=2 of, 3 currency, 4 value, 5 accrued } }
message! { Issuer { 1 instrument, 2 issuer, 3 lei } }
message! { BookPolicy { 1 book, 2 valid_from, 3 method, 4 fees_in_cost, 5 currency } }
message! { Parameters {
    1 four_eyes, 2 proposal_minutes, 3 attempts_per_step, 4 examined_per_step, 5 candidates_compared
} }
message! { Grant { 1 actor, 2 kind, 3 valid_from, 4 roles, 5 books, 6 counterparties, 7 person } }

enumeration! { Role { 1 LegalEntity, 2 Counterparty, 3 Client, 4 Agent, 5 Ccp, 6 Csd } }
enumeration! { AccountKind { 1 Depot, 2 Nostro, 3 Internal } }
enumeration! { LotMethod { 1 Fifo, 2 Average } }
enumeration! { DomainKind { 1 Internal, 2 External } }
enumeration! { FourEyes {
    1 Ssi, 2 CreditLimit, 3 Opening, 4 Transfer, 5 Adjustment, 6 Parameters, 7 PriceSet, 30 SignOff, 20 Grant
} }
enumeration! { ActorKind { 1 Person, 2 System } }
enumeration! { AccessRole { 1 Publisher, 2 Operator, 3 Approver, 4 RiskViewer, 5 Auditor, 6 Administrator } }

/// A `oneof` of `string instrument` and `string base_currency`.
impl Wire for Priced {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        match self {
            Priced::Instrument(id) => id.put(number, out),
            Priced::Currency(code) => code.put(number + 1, out),
        }
    }

    fn merge<'a>(slot: &mut Option<Priced>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        if key.number() == first {
            let mut id = None;
            let rest = Identifier::merge(&mut id, first, key, bytes)?;
            *slot = id.map(Priced::Instrument);
            return Ok(rest);
        }
        let mut code = None;
        let rest = CurrencyCode::merge(&mut code, first, key, bytes)?;
        *slot = code.map(Priced::Currency);
        Ok(rest)
    }
}

/// The kinds of [`Capacity`]; the client of a segregated account has a field of its own.
#[derive(Clone, Copy)]
enum CapacityKind {
    Own,
    Omnibus,
    Segregated,
}
enumeration! { CapacityKind { 1 Own, 2 Omnibus, 3 Segregated } }

message_field! { Account }
impl Message for Account {
    fn body(&self, out: &mut Vec<u8>) {
        let Account { id, kind, holder, domain, capacity, may_go_short } = self;
        let (capacity, client) = match capacity {
            Capacity::Own => (&CapacityKind::Own, &None),
            Capacity::Omnibus => (&CapacityKind::Omnibus, &None),
            Capacity::Segregated(client) => (&CapacityKind::Segregated, &Some(client.clone())),
        };
        write_fields!(out: 1 id, 2 kind, 3 holder, 4 domain, 5 capacity, 6 client, 7 may_go_short);
    }

    fn read(bytes: &[u8]) -> Result<Account, Fault> {
        struct Flat {
            id: Identifier,
            kind: AccountKind,
            holder: Identifier,
            domain: Identifier,
            capacity: CapacityKind,
            client: Option<Identifier>,
            may_go_short: bool,
        }
        let Flat { id, kind, holder, domain, capacity, client, may_go_short } = read_fields!(bytes => [Flat] {
            1 id, 2 kind, 3 holder, 4 domain, 5 capacity, 6 client, 7 may_go_short
        });
        let capacity = match (capacity, client) {
            (CapacityKind::Own, None) => Capacity::Own,
            (CapacityKind::Omnibus, None) => Capacity::Omnibus,
            (CapacityKind::Segregated, client) => Capacity::Segregated(required(client, "client")?),
            _ => return Err(DecodeError::new("is for a segregated account only").within("client")),
        };
        Ok(Account { id, kind, holder, domain, capacity, may_go_short })
    }
}

message_field! { NamedCalendar }
impl Message for NamedCalendar {
    fn body(&self, out: &mut Vec<u8>) {
        let (first_day, last_day) = (&self.calendar.from(), &self.calendar.to());
        let (id, weekend, holidays) = (&self.id, &self.calendar.weekend(), &self.calendar.holidays().to_vec());
        write_fields!(out: 1 id, 2 first_day, 3 last_day, 4 weekend, 5 holidays);
    }

    fn read(bytes: &[u8]) -> Result<NamedCalendar, Fault> {
        struct Flat {
            id: Identifier,
            first_day: Date,
            last_day: Date,
            weekend: u8,
            holidays: Vec<Date>,
        }
        let Flat { id, first_day, last_day, weekend, holidays } = read_fields!(bytes => [Flat] {
            1 id, 2 first_day, 3 last_day, 4 weekend, 5 holidays
        });
        let calendar = Calendar::new(first_day, last_day, weekend, holidays).map_err(DecodeError::new)?;
        Ok(NamedCalendar { id, calendar })
    }
}
