//! Business from a seed: what a house of three members, its people, its clients and its agent may do in a week, with
//! everything that goes wrong with them.

mod agent;
mod client;
mod closing;
mod people;
mod rights;
mod risk;
mod trades;

use crate::books::Books;
use crate::input::{Fault, Input, Step};
use crate::world;
use model::command::Command;
use model::identifier::Identifier;
use model::timestamp::Timestamp;
use std::rc::Rc;
use testkit::flow::Random;
use trades::Told;

/// Makes the next step of a run. It looks into the bookkeeper's books to find what may be acted on.
pub struct Generator {
    random: Random,
    now: Timestamp,
    /// Set-up commands that are still to be given.
    setup: std::vec::IntoIter<Command>,
    trades: Vec<Told>,
    next_trade: u64,
    /// Messages that come later, by the step at which they do.
    later: Vec<(u64, Input)>,
    steps: u64,
    calls: Vec<(Identifier, Rc<Command>, Identifier)>,
    advices: u64,
    messages: Vec<Input>,
    /// The step from which somebody has rights and others have none; and whether that has begun.
    grants_from: u64,
    granted: bool,
    /// Faults in ten thousand steps; none while the house is set up.
    faults: u32,
}

impl Generator {
    pub fn new(seed: u64) -> Generator {
        // Every second house never begins with it.
        let mut random = Random::new(seed);
        let grants_from = if seed.is_multiple_of(2) { random.between(150, 700) as u64 } else { u64::MAX };
        Generator {
            random,
            now: world::start(),
            setup: world::setup().into_iter(),
            trades: Vec::new(),
            next_trade: 1,
            later: Vec::new(),
            steps: 0,
            calls: Vec::new(),
            advices: 0,
            messages: Vec::new(),
            grants_from,
            granted: false,
            faults: 250,
        }
    }

    pub fn step(&mut self, books: &Books) -> Step {
        self.steps += 1;
        let input = self.input(books);
        if let Input::Message { .. } = &input {
            self.messages.push(input.clone());
        }
        Step { input, chance: self.random.bits() }
    }

    fn input(&mut self, books: &Books) -> Input {
        if let Some(command) = self.setup.next() {
            return self.call(command, "ines");
        }
        if let Some(due) = self.later.iter().position(|(at, _)| *at <= self.steps) {
            return self.later.swap_remove(due).1;
        }
        if self.random.chance(self.faults) {
            return Input::Fault(*self.random.pick(&Fault::ALL));
        }
        if let Some(input) = self.rights(books) {
            return input;
        }
        match self.random.below(122) {
            0..=11 => self.time_passes(),
            12..=42 => self.trade(),
            43..=52 => self.later_version(),
            53..=56 => self.said_again(),
            57..=58 => self.poison(),
            59..=68 => self.steer(books),
            69..=73 => self.day(books),
            74..=77 => self.movement(books),
            78..=81 => self.reference(),
            82..=84 => self.second_person(books),
            85..=86 => self.mend(books),
            87..=99 => self.agent_says(books),
            100..=107 => self.closing(books),
            108..=114 => self.risk(),
            _ => self.client(books),
        }
    }

    fn time_passes(&mut self) -> Input {
        let minute = 60_000_000;
        let micros = match self.random.below(100) {
            // A clock that was wrong is set.
            0 => self.random.between(-36 * 60, 60) * minute,
            1 => self.random.between(12 * 60, 60 * 60) * minute,
            _ => self.random.between(0, 150) * minute,
        };
        self.now = self.now.add_micros(micros).expect("within the century");
        Input::Clock(self.now)
    }

    fn call(&mut self, command: Command, actor: &str) -> Input {
        self.call_by(command, world::id(actor))
    }

    fn call_by(&mut self, command: Command, actor: Identifier) -> Input {
        let id = world::id(&format!("r-{:05}", self.calls.len()));
        let command = Rc::new(command);
        self.calls.push((id.clone(), command.clone(), actor.clone()));
        // Now and then somebody forgets to say why.
        let reason = if self.random.chance(50) { String::new() } else { "simulated".to_owned() };
        Input::Call { id, command, actor, reason }
    }

    fn at_later_step(&mut self, input: Input, most: u64) {
        let at = self.steps + 1 + self.random.below(most);
        self.later.push((at, input));
    }

    fn name(&mut self, from: &[&'static str]) -> &'static str {
        from[self.random.below(from.len() as u64) as usize]
    }

    fn one_of<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(*self.random.pick(from)) }
    }
}
