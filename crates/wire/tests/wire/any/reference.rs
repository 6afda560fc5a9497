//! Any reference data.

use super::trade::{method, quantity_type};
use super::*;
use model::calendar::Calendar;
use model::identifier::{Bic, Cfi, Isin, Lei};
use model::permission::{AccessRole, ActorKind, Grant};
use model::reference::*;
use proptest::strategy::Union;

pub fn reference() -> impl Strategy<Value = Reference> {
    Union::new([
        party().prop_map(Reference::Party).boxed(),
        (identifier(), text(), identifier())
            .prop_map(|(id, name, owner)| Reference::Book(Book { id, name, owner }))
            .boxed(),
        account().prop_map(Reference::Account).boxed(),
        domain().prop_map(Reference::Domain).boxed(),
        instrument().prop_map(Reference::Instrument).boxed(),
        calendar().prop_map(|calendar| Reference::Calendar(Box::new(calendar))).boxed(),
        (currency(), identifier())
            .prop_map(|(code, calendar)| Reference::Currency(Currency { code, calendar }))
            .boxed(),
        (identifier(), date(), any::<u8>())
            .prop_map(|(market, valid_from, days)| Reference::Cycle(Cycle { market, valid_from, days }))
            .boxed(),
        ssi().prop_map(Reference::Ssi).boxed(),
        tolerance().prop_map(Reference::Tolerance).boxed(),
        (identifier(), currency(), date(), decimal())
            .prop_map(|(account, currency, valid_from, amount)| {
                Reference::CreditLimit(CreditLimit { account, currency, valid_from, amount })
            })
            .boxed(),
        price_set().prop_map(Reference::PriceSet).boxed(),
        parameters().prop_map(Reference::Parameters).boxed(),
        grant().prop_map(Reference::Grant).boxed(),
        book_policy().prop_map(Reference::BookPolicy).boxed(),
        super::limit::counterparty_limit().prop_map(Reference::CounterpartyLimit).boxed(),
        super::margin::account().prop_map(Reference::MarginAccount).boxed(),
        super::limit::add_on().prop_map(Reference::AddOn).boxed(),
        issuer().prop_map(Reference::Issuer).boxed(),
        super::margin::clearing_terms().prop_map(Reference::ClearingTerms).boxed(),
    ])
}

fn party() -> impl Strategy<Value = Party> {
    let lei = "[A-Z0-9]{18}".prop_map(|body| Lei::with_check_digit(&body).unwrap());
    let bic = "[A-Z]{6}[A-Z0-9]{2}".prop_filter_map("a BIC", |text| Bic::parse(&text).ok());
    let role = prop_oneof![
        Just(Role::LegalEntity),
        Just(Role::Counterparty),
        Just(Role::Client),
        Just(Role::Agent),
        Just(Role::Ccp),
        Just(Role::Csd),
    ];
    (identifier(), text(), maybe(lei), maybe(bic), some(role)).prop_map(|(id, name, lei, bic, roles)| Party {
        id,
        name,
        lei,
        bic,
        roles,
    })
}

fn account() -> impl Strategy<Value = Account> {
    let kind = prop_oneof![Just(AccountKind::Depot), Just(AccountKind::Nostro), Just(AccountKind::Internal)];
    let capacity =
        prop_oneof![Just(Capacity::Own), Just(Capacity::Omnibus), identifier().prop_map(Capacity::Segregated)];
    (identifier(), kind, identifier(), identifier(), capacity, any::<bool>()).prop_map(
        |(id, kind, holder, domain, capacity, may_go_short)| Account {
            id,
            kind,
            holder,
            domain,
            capacity,
            may_go_short,
        },
    )
}

fn domain() -> impl Strategy<Value = Domain> {
    let kind = prop_oneof![Just(DomainKind::Internal), Just(DomainKind::External)];
    let cut_off =
        (maybe(currency()), any::<u16>()).prop_map(|(currency, minute_of_day)| CutOffRule { currency, minute_of_day });
    let schedule = maybe((any::<i32>(), any::<i32>()).prop_map(|(opens, closes)| DaySchedule { opens, closes }));
    (identifier(), kind, identifier(), text(), some(cut_off), schedule, maybe(identifier())).prop_map(
        |(id, kind, calendar, zone, cut_offs, schedule, agent)| Domain {
            id,
            kind,
            calendar,
            zone,
            cut_offs,
            schedule,
            agent,
        },
    )
}

fn instrument() -> impl Strategy<Value = Instrument> {
    let isin = "[A-Z]{2}[A-Z0-9]{9}".prop_map(|body| Isin::with_check_digit(&body).unwrap());
    let isin = (date(), isin).prop_map(|(valid_from, isin)| IsinFrom { valid_from, isin });
    let cfi = "[A-Z]{6}".prop_map(|text| Cfi::parse(&text).unwrap());
    let units = (any::<u8>(), decimal(), decimal());
    (identifier(), some(isin), cfi, currency(), quantity_type(), units, identifier()).prop_map(
        |(id, isins, cfi, currency, quantity_type, (decimals, minimum_unit, multiple), market)| Instrument {
            id,
            isins,
            cfi,
            currency,
            quantity_type,
            decimals,
            minimum_unit,
            multiple,
            market,
        },
    )
}

fn calendar() -> impl Strategy<Value = NamedCalendar> {
    (identifier(), collection::btree_set(date(), 2..6), 0..127u8).prop_map(|(id, days, weekend)| {
        let holidays: Vec<_> = days.into_iter().collect();
        let (from, to) = (holidays[0], holidays[holidays.len() - 1]);
        NamedCalendar { id, calendar: Calendar::new(from, to, weekend, holidays).unwrap() }
    })
}

fn ssi() -> impl Strategy<Value = Ssi> {
    let fits = (maybe(identifier()), maybe(currency()), maybe("[A-Z]{0,6}"), maybe(method()), maybe(identifier()));
    (identifier(), identifier(), date(), fits, identifier(), maybe(identifier())).prop_map(
        |(id, party, valid_from, (domain, currency, cfi_prefix, method, client), depot, nostro)| Ssi {
            id,
            party,
            valid_from,
            domain,
            currency,
            cfi_prefix,
            method,
            client,
            depot,
            nostro,
        },
    )
}

fn tolerance() -> impl Strategy<Value = Tolerance> {
    let band = (maybe(decimal()), decimal()).prop_map(|(up_to, tolerance)| Band { up_to, tolerance });
    (currency(), date(), some(band), decimal()).prop_map(|(currency, valid_from, bands, recompute)| Tolerance {
        currency,
        valid_from,
        bands,
        recompute,
    })
}

fn price_set() -> impl Strategy<Value = PriceSet> {
    let priced = prop_oneof![identifier().prop_map(Priced::Instrument), currency().prop_map(Priced::Currency)];
    let price = (priced, currency(), decimal(), maybe(decimal())).prop_map(|(of, currency, value, accrued)| Price {
        of,
        currency,
        value,
        accrued,
    });
    (date(), identifier(), identifier(), small(), some(price))
        .prop_map(|(date, snap, source, version, prices)| PriceSet { date, snap, source, version, prices })
}

fn parameters() -> impl Strategy<Value = Parameters> {
    let four_eyes = prop_oneof![
        Just(FourEyes::Ssi),
        Just(FourEyes::CreditLimit),
        Just(FourEyes::Opening),
        Just(FourEyes::Transfer),
        Just(FourEyes::Adjustment),
        Just(FourEyes::Parameters),
        Just(FourEyes::PriceSet),
        Just(FourEyes::SignOff),
        Just(FourEyes::Grant),
    ];
    (some(four_eyes), small(), small(), small(), small()).prop_map(
        |(four_eyes, proposal_minutes, attempts_per_step, examined_per_step, candidates_compared)| Parameters {
            four_eyes,
            proposal_minutes,
            attempts_per_step,
            examined_per_step,
            candidates_compared,
        },
    )
}

fn book_policy() -> impl Strategy<Value = BookPolicy> {
    let method = prop_oneof![Just(LotMethod::Fifo), Just(LotMethod::Average)];
    (identifier(), date(), method, any::<bool>(), maybe(currency())).prop_map(
        |(book, valid_from, method, fees_in_cost, currency)| BookPolicy {
            book,
            valid_from,
            method,
            fees_in_cost,
            currency,
        },
    )
}

fn issuer() -> impl Strategy<Value = Issuer> {
    let lei = "[A-Z0-9]{18}".prop_map(|body| Lei::with_check_digit(&body).unwrap());
    (identifier(), identifier(), maybe(lei)).prop_map(|(instrument, issuer, lei)| Issuer { instrument, issuer, lei })
}

fn grant() -> impl Strategy<Value = Grant> {
    let kind = prop_oneof![Just(ActorKind::Person), Just(ActorKind::System)];
    let role = proptest::sample::select(&AccessRole::ALL[..]);
    (identifier(), kind, date(), some(role), some(identifier()), some(identifier()), maybe(identifier())).prop_map(
        |(actor, kind, valid_from, roles, books, counterparties, person)| Grant {
            actor,
            kind,
            valid_from,
            roles,
            books,
            counterparties,
            person,
        },
    )
}
