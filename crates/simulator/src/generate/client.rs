//! Clients who trade on margin: their accounts, assessments at recorded prices, calls and what becomes of them.

use super::Generator;
use crate::books::Books;
use crate::input::Input;
use crate::world::{self, cash, id};
use model::accounting::SetName;
use model::command::{Command, Transfer, What};
use model::margin::{IssueMarginCalls, MarginAccount, MarginAnswer};
use model::reference::Reference;

impl Generator {
    pub(super) fn client(&mut self, books: &Books) -> Input {
        let command = match self.random.below(20) {
            0..=6 => Command::IssueMarginCalls(self.assessed(books)),
            7..=11 => Command::IssueInitialCalls(self.assessed(books)),
            12..=13 => {
                let open: Vec<u64> = books.margin_calls().keys().copied().collect();
                let number = if self.random.chance(1_000) { 999 } else { self.one_of(&open).unwrap_or(999) };
                let answer = *self.random.pick(&[MarginAnswer::Met, MarginAnswer::Withdrawn]);
                Command::AnswerMarginCall { number, answer }
            }
            14..=17 => {
                // Cash is brought, mostly what is called for or a part of it.
                let (member, book, _) = *self.random.pick(&world::MARGIN);
                let calls = books.margin_calls().values();
                let called: Vec<i64> = calls.map(|call| call.outstanding).collect();
                let called = self.one_of(&called).unwrap_or(100_000);
                let amount = if self.random.chance(5_000) { called } else { self.random.between(1, called.max(2)) };
                let currency = if self.random.chance(9_000) { "EUR" } else { "USD" };
                Command::Transfer(Transfer {
                    from: None,
                    to: Some(id(&world::nostro(member, "MAIN", currency))),
                    book: id(book),
                    to_book: None,
                    what: What::Currency(cash(currency)),
                    quantity: world::decimal(amount, 2),
                })
            }
            _ => Command::SetReference(Box::new(Reference::MarginAccount(self.account_row()))),
        };
        self.asked(command)
    }

    fn assessed(&mut self, books: &Books) -> IssueMarginCalls {
        let today = self.now.date_utc();
        let sets: Vec<SetName> = books.price_sets().collect();
        let recent: Vec<&SetName> = sets.iter().filter(|set| today.days_since(set.date) < 2).collect();
        let unknown = SetName { date: today, snap: id("NOON"), source: id("NOBODY") };
        let chosen = self.one_of(&recent).or_else(|| sets.last()).cloned();
        let set = if self.random.chance(300) { unknown } else { chosen.unwrap_or(unknown) };
        let accounts = match self.random.below(20) {
            0 => vec!["M-NONE"],
            1 => vec!["M-1", "M-1"],
            2..=4 => vec!["M-2", "M-1"],
            5..=7 => vec!["M-1"],
            _ => Vec::new(),
        };
        IssueMarginCalls { set, accounts: accounts.into_iter().map(id).collect() }
    }

    /// A row that replaces from its date on, or contradicts the one before.
    fn account_row(&mut self) -> MarginAccount {
        let place = self.random.below(world::MARGIN.len() as u64) as usize;
        let mut row = world::margin_account(place);
        row.call_days = self.random.between(0, 3) as u8;
        row.valid_from = self.now.date_utc().add_days(self.random.between(-1, 2) as i32).expect("a date");
        match self.random.below(12) {
            0 => row.book = id(&world::book("BETA", 0)),
            1 => row.currency = cash("USD"),
            2 => row.jurisdiction = "XX".to_owned(),
            3 => row.client = id("NOBODY-AT-ALL"),
            4 => row.id = id("M-3"),
            5 => row.domain = id("SIDE"),
            _ => {}
        }
        row
    }
}
