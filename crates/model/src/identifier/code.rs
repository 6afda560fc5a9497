//! Short codes of form only: places of trade, kinds of instrument, kinds of transaction, currencies.
//!
//! Whether such a code *exists* is reference data, not form: an unknown one is kept and leads to repair.

use super::fault::{self, CodeError};

/// A code of a fixed number of characters of one alphabet.
macro_rules! short_code {
    ($(#[$doc:meta])* $type:ident, $length:literal, $name:literal, $words:literal, $expected:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type([u8; $length]);

        impl $type {
            /// Checks length and characters.
            pub fn parse(text: &str) -> Result<$type, CodeError> {
                let allowed: fn(u8) -> bool = $allowed;
                Ok($type(fault::exactly($name, text, $words, $expected, |_, byte| allowed(byte))?))
            }

            /// The characters.
            pub fn as_str(&self) -> &str {
                super::ascii(&self.0)
            }
        }

        super::ascii_code!($type);
    };
}

short_code! {
    /// Market Identifier Code (ISO 10383): a place of trade, `XETR`, `XOFF`. Four capital letters or digits.
    Mic, 4, "MIC", "4", "A-Z or 0-9", fault::is_alphanumeric
}

short_code! {
    /// Classification of Financial Instruments (ISO 10962): category, group and four attributes, `ESVUFR`. Six capital
    /// letters; `X` stands for what is unknown or does not apply.
    Cfi, 6, "CFI", "6", "A-Z", |byte| byte.is_ascii_uppercase()
}

short_code! {
    /// Kind of settlement transaction (ISO 20022 `SecuritiesTransactionType`, ISO 15022 `22F::SETR`): `TRAD`, `REPU`,
    /// `SECL`. Four capital letters. Codes that we do not know are kept.
    TransactionType, 4, "transaction type", "4", "A-Z", |byte| byte.is_ascii_uppercase()
}

short_code! {
    /// Currency (ISO 4217): three capital letters. Its decimals are in [`crate::currency`].
    CurrencyCode, 3, "currency", "3", "A-Z", |byte| byte.is_ascii_uppercase()
}

impl Cfi {
    /// The first letter: `E` equities, `C` collective investment, `D` debt, `R` entitlements, `O` listed options,
    /// `F` futures, `S` swaps, `H` other options, `I` spot, `J` forwards, `K` strategies, `L` financing, `T` referential,
    /// `M` others.
    pub fn category(self) -> char {
        char::from(self.0[0])
    }
}

impl TransactionType {
    /// Settlement of a trade: the ordinary case.
    pub const TRADE: TransactionType = TransactionType(*b"TRAD");
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn published_codes_pass() {
        for text in ["XETR", "XNYS", "XOFF", "XXXX", "4AXE", "360T"] {
            assert_eq!(Mic::parse(text).unwrap().to_string(), text);
        }
        for (text, category) in [("ESVUFR", 'E'), ("DBFTFB", 'D'), ("DYFTXR", 'D'), ("CEOGES", 'C')] {
            let cfi = Cfi::parse(text).unwrap();
            assert_eq!((cfi.as_str(), cfi.category()), (text, category));
        }
        for text in ["TRAD", "REPU", "RVPO", "SECL", "SECB", "COLI", "OWNE"] {
            assert_eq!(TransactionType::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(TransactionType::parse("TRAD"), Ok(TransactionType::TRADE));
        assert_eq!(CurrencyCode::parse("EUR").unwrap().as_str(), "EUR");
    }

    #[test]
    fn faults_say_what_and_where() {
        for (error, why) in [
            (Mic::parse("XET").unwrap_err(), "MIC: 3 bytes, expected 4"),
            (Mic::parse("XETRA").unwrap_err(), "MIC: 5 bytes, expected 4"),
            (Mic::parse("xetr").unwrap_err(), "MIC: 'x' at position 1, expected A-Z or 0-9"),
            (Cfi::parse("ESVUF*").unwrap_err(), "CFI: '*' at position 6, expected A-Z"),
            (TransactionType::parse("TRA1").unwrap_err(), "transaction type: '1' at position 4, expected A-Z"),
            (CurrencyCode::parse("EU").unwrap_err(), "currency: 2 bytes, expected 3"),
            (CurrencyCode::parse("eur").unwrap_err(), "currency: 'e' at position 1, expected A-Z"),
            (CurrencyCode::parse("EU€").unwrap_err(), "currency: '€' at position 3, expected A-Z"),
        ] {
            assert_eq!(error.to_string(), why);
        }
    }
}
