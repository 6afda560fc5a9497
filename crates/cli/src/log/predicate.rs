//! The predicates of `quittance log bisect`: balances and statuses, compared and combined.
//!
//! ```text
//! predicate  = all { "or" all }
//! all        = one { "and" one }
//! one        = "not" one | "(" predicate ")" | value operator value
//! operator   = "<" | "<=" | "=" | "!=" | ">=" | ">"
//! value      = balance("ACCOUNT", "ASSET") | book("BOOK", "ASSET")          an amount; ASSET: ISO 4217, or our instrument id
//!            | status(["SOURCE",] "TRADE") | instruction(NUMBER)            a status: compared with = and != only
//!            | 1200000.00 | a status by its word
//! ```

mod words;

use std::cmp::Ordering;
use std::fmt;

use model::decimal::Decimal;

use words::{Token, Word};

/// What a trade's and an instruction's status is called.
pub const OF_TRADES: &[&str] = &[
    "unknown",
    "captured",
    "in-repair",
    "instructed",
    "matched",
    "settled",
    "cancelled",
    "change-requested",
    "uninstructed",
];
pub const OF_INSTRUCTIONS: &[&str] = &["unknown", "unmatched", "pending", "failing", "settled", "cancelled"];

/// What is looked up in the books; each once, however often it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    /// On an account, in all entities: where it lies.
    Balance {
        account: String,
        asset: String,
    },
    /// In a book: whose it is.
    Book {
        book: String,
        asset: String,
    },
    /// Of a trade; without a source of the only one that has the id.
    Trade {
        source: Option<String>,
        id: String,
    },
    Instruction(u64),
}

/// What a figure is after a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// In smallest units, and how many decimals these have.
    Amount(i128, u32),
    Status(&'static str),
}

/// A predicate over figures, which are numbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predicate {
    Compare(Term, Operator, Term),
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    Not(Box<Predicate>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    Figure(usize),
    Constant(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

/// What is wrong with a predicate, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    text: String,
    at: usize,
    why: String,
}

impl fmt::Display for Fault {
    /// Three lines: what, the predicate, and a caret below the place.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.text[..self.at].chars().count();
        write!(out, "the predicate makes no sense: {}\n  {}\n  {:before$}^", self.why, self.text, "")
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Figure::Balance { account, asset } => write!(out, "balance({account:?}, {asset:?})"),
            Figure::Book { book, asset } => write!(out, "book({book:?}, {asset:?})"),
            Figure::Trade { source: Some(source), id } => write!(out, "status({source:?}, {id:?})"),
            Figure::Trade { source: None, id } => write!(out, "status({id:?})"),
            Figure::Instruction(number) => write!(out, "instruction({number})"),
        }
    }
}

impl Value {
    /// Amounts by value, whatever their decimals; nothing when a difference leaves the range.
    fn compare(self, other: Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Amount(one, scale), Value::Amount(other, other_scale)) => {
                let widest = scale.max(other_scale);
                let at = |units: i128, scale: u32| units.checked_mul(10i128.checked_pow(widest - scale)?);
                Some(at(one, scale)?.cmp(&at(other, other_scale)?))
            }
            // Ordered in no way: only whether they are the same is ever asked.
            (one, other) => Some(if one == other { Ordering::Equal } else { Ordering::Less }),
        }
    }
}

impl Predicate {
    /// Whether it holds of these values of its figures; nothing when an amount is too large to be compared.
    pub fn holds(&self, values: &[Value]) -> Option<bool> {
        match self {
            Predicate::Compare(left, operator, right) => {
                let value = |term: &Term| match term {
                    Term::Figure(place) => values[*place],
                    Term::Constant(value) => *value,
                };
                let ordering = value(left).compare(value(right))?;
                Some(match operator {
                    Operator::Less => ordering.is_lt(),
                    Operator::LessOrEqual => ordering.is_le(),
                    Operator::Equal => ordering.is_eq(),
                    Operator::NotEqual => ordering.is_ne(),
                    Operator::GreaterOrEqual => ordering.is_ge(),
                    Operator::Greater => ordering.is_gt(),
                })
            }
            Predicate::All(all) => all.iter().try_fold(true, |holds, one| Some(one.holds(values)? && holds)),
            Predicate::Any(any) => any.iter().try_fold(false, |holds, one| Some(one.holds(values)? || holds)),
            Predicate::Not(not) => not.holds(values).map(|holds| !holds),
        }
    }
}

/// Reads a predicate; the figures it names, in the order of their numbers.
pub fn parse(text: &str) -> Result<(Predicate, Vec<Figure>), Fault> {
    let tokens = words::tokens(text)?;
    let mut parser = Parser { text, tokens: &tokens, figures: Vec::new() };
    let predicate = parser.any()?;
    match parser.tokens.first() {
        None => Ok((predicate, parser.figures)),
        Some(token) => Err(parser.fault(token.at, "here `and`, `or` or the end is expected")),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    figures: Vec<Figure>,
}

/// A term with its type: what it may be compared with.
struct Typed {
    term: Term,
    at: usize,
    /// The words that a status may be; none: an amount.
    words: Option<&'static [&'static str]>,
    /// A status word that belongs to trades or instructions, as the other side says.
    word: Option<String>,
}

impl Parser<'_> {
    fn fault(&self, at: usize, why: impl Into<String>) -> Fault {
        Fault { text: self.text.to_owned(), at, why: why.into() }
    }

    /// Where it stands: at the next word, or at the end.
    fn place(&self) -> usize {
        self.tokens.first().map_or(self.text.len(), |token| token.at)
    }

    fn take(&mut self, word: &Word) -> bool {
        match self.tokens.split_first() {
            Some((token, rest)) if token.word == *word => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn name(&mut self, name: &str) -> bool {
        self.take(&Word::Name(name.to_owned()))
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Fault> {
        if self.take(&Word::Sign(sign)) {
            Ok(())
        } else {
            Err(self.fault(self.place(), format!("here `{sign}` is expected")))
        }
    }

    fn any(&mut self) -> Result<Predicate, Fault> {
        let mut any = vec![self.all()?];
        while self.name("or") {
            any.push(self.all()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Predicate::Any(any) })
    }

    fn all(&mut self) -> Result<Predicate, Fault> {
        let mut all = vec![self.one()?];
        while self.name("and") {
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Predicate::All(all) })
    }

    fn one(&mut self) -> Result<Predicate, Fault> {
        if self.name("not") {
            return Ok(Predicate::Not(Box::new(self.one()?)));
        }
        if self.take(&Word::Sign("(")) {
            let inner = self.any()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let left = self.value()?;
        let at = self.place();
        let operator = self.operator()?;
        let right = self.value()?;
        self.compare(left, (at, operator), right)
    }

    fn operator(&mut self) -> Result<Operator, Fault> {
        const OPERATORS: [(&str, Operator); 6] = [
            ("<=", Operator::LessOrEqual),
            ("<", Operator::Less),
            ("=", Operator::Equal),
            ("!=", Operator::NotEqual),
            (">=", Operator::GreaterOrEqual),
            (">", Operator::Greater),
        ];
        let found = OPERATORS.into_iter().find(|(sign, _)| self.take(&Word::Sign(sign)));
        found
            .map(|(_, operator)| operator)
            .ok_or_else(|| self.fault(self.place(), "here a comparison is expected: one of < <= = != >= >"))
    }

    /// Checks that the two sides can be compared, and settles what a word means.
    fn compare(&self, left: Typed, (at, operator): (usize, Operator), right: Typed) -> Result<Predicate, Fault> {
        let is_status = |typed: &Typed| typed.words.is_some() || typed.word.is_some();
        if is_status(&left) != is_status(&right) {
            return Err(self.fault(at, "an amount is compared with a status"));
        }
        if is_status(&left) && !matches!(operator, Operator::Equal | Operator::NotEqual) {
            return Err(self.fault(at, "a status has no order: compare it with = or !="));
        }
        let words = left.words.or(right.words);
        let settle = |typed: Typed| match (&typed.word, words) {
            (None, _) => Ok(typed.term),
            (Some(_), None) => Err(self.fault(typed.at, "two words are compared: name a status of something")),
            (Some(word), Some(words)) => match words.iter().find(|known| *known == word) {
                Some(word) => Ok(Term::Constant(Value::Status(word))),
                None => Err(self.fault(typed.at, format!("no such status: there are {}", words.join(", ")))),
            },
        };
        Ok(Predicate::Compare(settle(left)?, operator, settle(right)?))
    }

    fn value(&mut self) -> Result<Typed, Fault> {
        let expected = "here a value is expected: balance(…), book(…), status(…), instruction(…), a number or a status";
        let Some((token, rest)) = self.tokens.split_first() else {
            return Err(self.fault(self.text.len(), expected));
        };
        let at = token.at;
        let constant = |term, word| Ok(Typed { term, at, words: None, word });
        match &token.word {
            Word::Number(text) => {
                self.tokens = rest;
                let decimal = Decimal::parse(text).map_err(|error| self.fault(at, error.to_string()))?;
                constant(Term::Constant(Value::Amount(i128::from(decimal.unscaled), decimal.scale)), None)
            }
            Word::Text(word) => {
                self.tokens = rest;
                constant(Term::Constant(Value::Status("")), Some(word.clone()))
            }
            Word::Name(name) if rest.first().is_some_and(|next| next.word == Word::Sign("(")) => {
                self.tokens = &rest[1..];
                self.figure(at, name)
            }
            Word::Name(name) if !["and", "or", "not"].contains(&name.as_str()) => {
                self.tokens = rest;
                constant(Term::Constant(Value::Status("")), Some(name.clone()))
            }
            _ => Err(self.fault(at, expected)),
        }
    }

    /// What follows a name and its bracket.
    fn figure(&mut self, at: usize, name: &str) -> Result<Typed, Fault> {
        let (figure, words) = match name {
            "balance" | "book" => {
                let account = self.text("the name of an account or a book in quotes")?;
                self.expect(",")?;
                let asset = self.text("a currency or an instrument in quotes")?;
                match name {
                    "book" => (Figure::Book { book: account, asset }, None),
                    _ => (Figure::Balance { account, asset }, None),
                }
            }
            "status" => {
                let first = self.text("the id of a trade in quotes")?;
                if self.take(&Word::Sign(",")) {
                    let id = self.text("the id of a trade in quotes")?;
                    (Figure::Trade { source: Some(first), id }, Some(OF_TRADES))
                } else {
                    (Figure::Trade { source: None, id: first }, Some(OF_TRADES))
                }
            }
            "instruction" => {
                let place = self.place();
                let number = match self.tokens.split_first() {
                    Some((Token { word: Word::Number(text), .. }, rest)) => {
                        self.tokens = rest;
                        text.parse().ok()
                    }
                    _ => None,
                };
                let number =
                    number.ok_or_else(|| self.fault(place, "here the number of an instruction is expected"))?;
                (Figure::Instruction(number), Some(OF_INSTRUCTIONS))
            }
            _ => {
                let why = format!("there is no {name}(…): there are balance, book, status and instruction");
                return Err(self.fault(at, why));
            }
        };
        self.expect(")")?;
        let place = self.figures.iter().position(|known| *known == figure).unwrap_or_else(|| {
            self.figures.push(figure);
            self.figures.len() - 1
        });
        Ok(Typed { term: Term::Figure(place), at, words, word: None })
    }

    fn text(&mut self, what: &str) -> Result<String, Fault> {
        match self.tokens.split_first() {
            Some((Token { word: Word::Text(text), .. }, rest)) => {
                self.tokens = rest;
                Ok(text.clone())
            }
            _ => Err(self.fault(self.place(), format!("here {what} is expected"))),
        }
    }
}

#[cfg(test)]
mod tests;
