//! People: who steers, moves, opens days, sets reference data, looks a second time, and errs.

use super::Generator;
use crate::books::Books;
use crate::input::Input;
use crate::world::{self, cash, decimal, id};
use model::command::{Command, CutOff, DayStep, Opening, Repair, Replay, Step, Transfer, What};
use model::date::Date;
use model::identifier::Identifier;
use model::instruction::Steer;
use model::permission::AccessRole;
use model::reference::{Book, FourEyes, Parameters, Reference};
use model::timestamp::Timestamp;

/// What may need two persons.
const EYES: [FourEyes; 9] = [
    FourEyes::CreditLimit,
    FourEyes::Transfer,
    FourEyes::Adjustment,
    FourEyes::Opening,
    FourEyes::Ssi,
    FourEyes::SignOff,
    FourEyes::PriceSet,
    FourEyes::Parameters,
    FourEyes::Grant,
];

impl Generator {
    pub(super) fn asked(&mut self, command: Command) -> Input {
        // Somebody sends a call again whose answer he missed, or uses its id for another one.
        if !self.calls.is_empty() && self.random.chance(250) {
            let place = self.random.below(self.calls.len() as u64) as usize;
            let (id, before, actor) = self.calls[place].clone();
            let command = if self.random.chance(7_000) { before } else { std::rc::Rc::new(command) };
            return Input::Call { id, command, actor, reason: "once more".to_owned() };
        }
        let person = self.who(&command);
        self.call_by(command, person)
    }

    pub(super) fn steer(&mut self, books: &Books) -> Input {
        let open: Vec<u64> = books.instructions.keys().copied().collect();
        let bogus = self.random.between(1, 400) as u64;
        let instruction = if self.random.chance(300) { bogus } else { self.one_of(&open).unwrap_or(bogus) };
        let steer = match self.random.below(12) {
            0..=2 => Steer::Hold,
            3..=5 => Steer::Release,
            6..=7 => Steer::Prioritise(self.random.between(0, 5) as u8),
            8..=10 => Steer::Cancel,
            _ => Steer::KeepAfterAll,
        };
        // A hold is mostly taken back some day.
        let held = books.instructions.get(&instruction).is_some_and(|open| open.held);
        let steer = if held && self.random.chance(4_000) { Steer::Release } else { steer };
        // And who asked to cancel thinks better of it.
        let asked = books.instructions.get(&instruction).is_some_and(|open| open.cancel_requested);
        let steer = if asked && self.random.chance(5_000) { Steer::KeepAfterAll } else { steer };
        self.asked(Command::Steer { instruction, steer })
    }

    pub(super) fn day(&mut self, books: &Books) -> Input {
        // The second market's days come by the clock; now and then a person is faster.
        let domain = match self.random.below(20) {
            0 => "NOWHERE",
            1..=2 => "SIDE",
            3..=8 => "XCSD",
            _ => "MAIN",
        };
        let day = books.days.get(&id(domain)).cloned().unwrap_or_default();
        let today = self.now.date_utc();
        let step = match day.date.filter(|_| day.open) {
            None => {
                let next = day.date.map_or(today, |last| last.add_days(1).expect("a date").max(today));
                let date = if self.random.chance(9_000) { next } else { today };
                Step::Open { date, cut_offs: self.cut_offs(date) }
            }
            Some(date) => match self.random.below(6) {
                0..=1 => {
                    Step::CutOff { date, currency: *self.random.pick(&[Some(cash("EUR")), Some(cash("USD")), None]) }
                }
                2 => Step::Open { date: date.add_days(1).expect("a date"), cut_offs: Vec::new() },
                _ => Step::Close { date },
            },
        };
        self.asked(Command::Day(DayStep { domain: id(domain), step }))
    }

    fn cut_offs(&mut self, date: Date) -> Vec<CutOff> {
        let hour = |hour: i64| Timestamp::start_of(date).add_micros(hour * 3_600_000_000).expect("an instant");
        match self.random.below(8) {
            // A day that names none settles everything.
            0 => Vec::new(),
            // A holiday of the dollar.
            1 => vec![CutOff { currency: Some(cash("EUR")), at: hour(15) }, CutOff { currency: None, at: hour(17) }],
            _ => {
                let all = [(Some(cash("EUR")), 15), (Some(cash("USD")), 14), (None, 17)];
                all.map(|(currency, at)| CutOff { currency, at: hour(at) }).to_vec()
            }
        }
    }

    /// Openings, transfers, reversals.
    pub(super) fn movement(&mut self, books: &Books) -> Input {
        let (one, two) = (*self.random.pick(&world::MEMBERS), *self.random.pick(&world::MEMBERS));
        let domain = *self.random.pick(&world::DOMAINS);
        let other = *self.random.pick(&world::DOMAINS);
        let paper = self.random.chance(5_000);
        let what = if paper { What::Instrument(id(self.name(&world::PAPERS))) } else { What::Currency(cash("EUR")) };
        let quantity = if paper { self.random.between(-2, 60) * 1_000 } else { self.random.between(-5, 9_000) };
        let quantity =
            if paper && self.random.chance(7_000) { decimal(quantity / 1_000, 0) } else { decimal(quantity, 0) };
        let at = |member: &str, domain: &str| match paper {
            true => id(&world::depot(member, domain)),
            false => id(&world::nostro(member, domain, "EUR")),
        };
        let book = id(&world::book(one, 0));
        let transfer =
            |from, to, to_book| Transfer { from, to, book: book.clone(), to_book, what: what.clone(), quantity };
        let command = match self.random.below(10) {
            0..=1 => {
                let opening = Opening { account: at(one, domain), book, what, quantity, cost: None };
                Command::Open(opening)
            }
            2..=3 => Command::Transfer(transfer(None, Some(at(one, domain)), None)),
            4 => Command::Transfer(transfer(Some(at(one, domain)), None, None)),
            5..=6 => Command::Transfer(transfer(Some(at(one, domain)), Some(at(one, other)), None)),
            7 => {
                let to_book = Some(id(&world::book(two, 1)));
                Command::Transfer(transfer(Some(at(one, domain)), Some(at(two, domain)), to_book))
            }
            _ => {
                let booked: Vec<(u64, Option<u64>)> = books.bookings().collect();
                let recent = &booked[booked.len().saturating_sub(20)..];
                let (sequence, instruction) = self.one_of(recent).unwrap_or((3, None));
                let instruction = if self.random.chance(5_000) { instruction } else { None };
                let sequence = if self.random.chance(9_000) { sequence } else { sequence + 1 };
                Command::Reverse { sequence, instruction }
            }
        };
        self.asked(command)
    }

    pub(super) fn reference(&mut self) -> Input {
        let member = *self.random.pick(&world::MEMBERS);
        let domain = *self.random.pick(&world::DOMAINS);
        let reference = match self.random.below(14) {
            0..=2 => Reference::CreditLimit(world::limit(member, domain, self.random.between(-1, 12) * 1_000)),
            3 => Reference::Tolerance(world::tolerance(self.random.between(0, 3) * 100, 2_500)),
            4..=5 => {
                // Small budgets let people come between the steps of a cycle.
                let attempts = *self.random.pick(&[1, 1, 2, 3, 64]);
                let four_eyes = EYES.into_iter().filter(|_| self.random.chance(2_000)).collect();
                Reference::Parameters(Parameters { four_eyes, ..world::parameters(attempts) })
            }
            6 => Reference::Parameters(world::parameters(0)),
            7..=8 => Reference::Instrument(world::instrument(self.name(&world::PAPERS))),
            9 => {
                let name = *self.random.pick(&["NEW-BOOK", "NO-BOOK", "ALPHA-EQ"]);
                Reference::Book(Book { id: id(name), name: name.to_owned(), owner: id(member) })
            }
            10..=11 => {
                let mut ssi = world::ssi(member, domain, "EUR");
                ssi.nostro = self.random.chance(8_000).then(|| ssi.nostro.clone()).flatten();
                ssi.domain = ssi.domain.filter(|_| self.random.chance(8_000));
                ssi.valid_from = self.now.date_utc().add_days(-3).expect("a date");
                Reference::Ssi(ssi)
            }
            12 => Reference::PriceSet(self.prices()),
            _ => Reference::Party(model::reference::Party {
                id: id("NOBODY"),
                name: "somebody after all".to_owned(),
                lei: None,
                bic: None,
                roles: vec![model::reference::Role::Counterparty],
            }),
        };
        self.asked(Command::SetReference(Box::new(reference)))
    }

    /// Approves or refuses, mostly as somebody else than who proposed.
    pub(super) fn second_person(&mut self, books: &Books) -> Input {
        let open: Vec<(u64, &Identifier, &Command)> = books.proposals().collect();
        let nobody = id("ines");
        let found = self.one_of(&open);
        let (proposal, maker) = found.map_or((9, &nobody), |(number, maker, _)| (number, maker));
        let needs = found.and_then(|(_, _, command)| AccessRole::needed(command));
        let person = self.second(maker, needs == Some(AccessRole::Administrator));
        let command = match self.random.below(10) {
            0..=1 => Command::Refuse { proposal },
            2 => Command::Approve { proposal, payload_hash: Some([7; 32]) },
            _ => Command::Approve { proposal, payload_hash: None },
        };
        self.call_by(command, person)
    }

    /// Repairs trades, closes what was set aside, looks after breaks.
    pub(super) fn mend(&mut self, books: &Books) -> Input {
        let command = match self.random.below(3) {
            0 => {
                let Some(told) = self.some_trade() else { return self.time_passes() };
                let mut details = told.details.clone();
                if let Some(details) = &mut details {
                    details.book = id(&world::book(details.party.as_str(), 0));
                    super::trades::price(details);
                }
                let details = details.filter(|_| self.random.chance(5_000));
                Command::Repair(Box::new(Repair { source: told.source, id: told.id, details }))
            }
            1 => {
                let open: Vec<u64> = books.quarantined.iter().copied().collect();
                let sequence = self.one_of(&open).unwrap_or(4);
                let replay = match self.random.below(10) {
                    0..=4 => self.replayed().map(Replay::Trade),
                    5..=6 => self.replayed_advice().map(Replay::Advice),
                    _ => None,
                };
                Command::CloseQuarantined { sequence, replay }
            }
            _ => self.break_closed(books),
        };
        self.asked(command)
    }
}
