//! A line of a scenario as words: a label, a verb, what follows it, and `key=value` options.

use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::instruction::Code;

/// A line, taken apart. What is not used in the end is a mistake of the writer.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// `p1:` before the verb: what the record is called later.
    pub label: Option<String>,
    pub verb: String,
    words: std::collections::VecDeque<String>,
    options: Vec<(String, String)>,
}

impl Words {
    pub fn parse(text: &str) -> Result<Words, String> {
        let mut tokens = tokens(text)?.into_iter().peekable();
        let label = tokens
            .next_if(|token| token.len() > 1 && token.ends_with(':'))
            .map(|token| token.trim_end_matches(':').to_owned());
        let verb = tokens.next().ok_or("a verb is missing")?;
        let (mut words, mut options) = (std::collections::VecDeque::new(), Vec::new());
        for token in tokens {
            match token.split_once('=') {
                Some((key, value)) => options.push((key.to_owned(), value.to_owned())),
                None => words.push_back(token),
            }
        }
        Ok(Words { label, verb, words, options })
    }

    /// The next word.
    pub fn word(&mut self, what: &str) -> Result<String, String> {
        self.words.pop_front().ok_or_else(|| format!("{what} is missing"))
    }

    /// The next word if there is one.
    pub fn next(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    pub fn has_more(&self) -> bool {
        !self.words.is_empty()
    }

    /// Takes the next word if it is this one.
    pub fn takes(&mut self, word: &str) -> bool {
        let found = self.words.front().is_some_and(|next| next == word);
        if found {
            self.words.pop_front();
        }
        found
    }

    pub fn expect(&mut self, words: &[&str]) -> Result<String, String> {
        let found = self.word(words[0])?;
        if words.contains(&&*found) {
            Ok(found)
        } else {
            Err(format!("`{found}` stands where {} should", words.join(" or ")))
        }
    }

    pub fn name(&mut self, what: &str) -> Result<Identifier, String> {
        self.word(what).and_then(|text| name(&text))
    }

    pub fn option(&mut self, key: &str) -> Option<String> {
        let at = self.options.iter().position(|(found, _)| found == key)?;
        Some(self.options.remove(at).1)
    }

    pub fn name_option(&mut self, key: &str) -> Result<Option<Identifier>, String> {
        self.option(key).map(|text| name(&text)).transpose()
    }

    pub fn number_option<T: std::str::FromStr>(&mut self, key: &str) -> Result<Option<T>, String> {
        let number = |text: String| text.parse().map_err(|_| format!("{key}={text} is not a number of its kind"));
        self.option(key).map(number).transpose()
    }

    pub fn is_set(&mut self, key: &str) -> Result<bool, String> {
        match self.option(key).as_deref() {
            None | Some("no") => Ok(false),
            Some("yes") => Ok(true),
            Some(other) => Err(format!("{key}={other}: say yes or no")),
        }
    }

    /// The options nobody has asked for, for verbs whose keys are names.
    pub fn rest(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.options)
    }

    /// Everything must have been used.
    pub fn end(self) -> Result<(), String> {
        if let Some(word) = self.words.front() {
            return Err(format!("nobody understands `{word}`"));
        }
        match self.options.first() {
            Some((key, value)) => Err(format!("nobody understands `{key}={value}`")),
            None => Ok(()),
        }
    }
}

/// Splits at spaces; quotes keep them together.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let (mut tokens, mut token, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for letter in text.chars() {
        match letter {
            '"' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if begun {
                    tokens.push(std::mem::take(&mut token));
                }
                begun = false;
            }
            other => {
                token.push(other);
                begun = true;
            }
        }
    }
    if quoted {
        return Err("a quote is not closed".to_owned());
    }
    if begun {
        tokens.push(token);
    }
    Ok(tokens)
}

pub(super) fn name(text: &str) -> Result<Identifier, String> {
    Identifier::parse(text).map_err(|error| error.to_string())
}

pub(super) fn decimal(text: &str) -> Result<Decimal, String> {
    Decimal::parse(text).map_err(|error| format!("{text}: {error}"))
}

pub(super) fn currency(text: &str) -> Result<CurrencyCode, String> {
    CurrencyCode::parse(text).map_err(|error| format!("{text}: {error}"))
}

pub(super) fn code(text: &str) -> Result<Code, String> {
    Code::parse(text).ok_or_else(|| format!("{text} is not a code of four letters"))
}

/// `2026-11-23`, or `today` for the day of the scenario's clock.
pub(super) fn date(text: &str, today: Date) -> Result<Date, String> {
    if text == "today" { Ok(today) } else { Date::parse(text).map_err(|error| format!("{text}: {error}")) }
}

/// Minutes after midnight of `16:00`.
pub(super) fn minutes(text: &str) -> Result<u16, String> {
    let parts =
        text.split_once(':').and_then(|(hour, minute)| Some((hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?)));
    let (hour, minute) = parts.ok_or_else(|| format!("{text} is not a time of day"))?;
    Ok(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_label_verb_words_and_options() {
        let mut words = Words::parse("p1: limit ALPHA-CASH EUR  10.00 because=\"a b\" by=eva").unwrap();
        assert_eq!((words.label.as_deref(), &*words.verb), (Some("p1"), "limit"));
        assert_eq!(words.word("an account").unwrap(), "ALPHA-CASH");
        assert_eq!(words.option("because").as_deref(), Some("a b"));
        assert!(!words.takes("USD") && words.takes("EUR"));
        assert_eq!(words.clone().end().unwrap_err(), "nobody understands `10.00`");
        words.next();
        assert_eq!(words.end().unwrap_err(), "nobody understands `by=eva`");
    }
}
