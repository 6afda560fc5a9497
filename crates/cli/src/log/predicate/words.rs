//! The words of a predicate, each with its place.

use super::Fault;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Name(String),
    /// In quotes.
    Text(String),
    Number(String),
    Sign(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) word: Word,
    /// Its first byte.
    pub(super) at: usize,
}

/// Longer signs first.
const SIGNS: [&str; 9] = ["<=", ">=", "!=", "<", ">", "=", "(", ")", ","];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let fault = |at: usize, why: &str| Fault { text: text.to_owned(), at, why: why.to_owned() };
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let run = |fits: fn(char) -> bool| rest.find(|letter| !fits(letter)).unwrap_or(rest.len());
        let (word, length) = if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        } else if letter == '"' {
            let end = rest[1..].find('"').ok_or_else(|| fault(at, "this quote does not end"))?;
            (Word::Text(rest[1..=end].to_owned()), end + 2)
        } else if letter.is_ascii_digit()
            || (letter == '-' && rest[1..].starts_with(|next: char| next.is_ascii_digit()))
        {
            let length =
                1 + rest[1..].find(|next: char| !next.is_ascii_digit() && next != '.').unwrap_or(rest.len() - 1);
            (Word::Number(rest[..length].to_owned()), length)
        } else if letter.is_ascii_alphabetic() {
            let length = run(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_');
            (Word::Name(rest[..length].to_ascii_lowercase().replace('_', "-")), length)
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let sign = sign.ok_or_else(|| fault(at, "this sign has no meaning here"))?;
            (Word::Sign(sign), sign.len())
        };
        tokens.push(Token { word, at });
        at += length;
    }
    Ok(tokens)
}
