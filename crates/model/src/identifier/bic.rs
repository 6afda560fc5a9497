//! Banks and other parties in messages: the BIC of ISO 9362.

use super::fault::{self, CodeError, Fault};

const NAME: &str = "BIC";
const EXPECTED: &str = "four of A-Z 0-9, two letters, two of A-Z 0-9, perhaps three of A-Z 0-9";

/// Business Identifier Code (ISO 9362:2022; in ISO 20022 `[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?`): party
/// prefix, country, suffix, and for a branch three more. It has no check digit.
///
/// Eight characters and the same with `XXX` name one place, the party itself. Both become the eight-character form
/// here, or matching would take `DEUTDEFF` and `DEUTDEFFXXX` for two parties.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bic([u8; 11]);

impl Bic {
    /// Checks length and characters.
    pub fn parse(text: &str) -> Result<Bic, CodeError> {
        fault::characters(NAME, text, 11, EXPECTED, |index, byte| match index {
            4 | 5 => byte.is_ascii_uppercase(),
            _ => fault::is_alphanumeric(byte),
        })?;
        let mut bytes = *b"????????XXX";
        match text.len() {
            8 | 11 => bytes[..text.len()].copy_from_slice(text.as_bytes()),
            found => return Err(CodeError::new(NAME, Fault::Length { found, expected: "8 or 11" })),
        }
        Ok(Bic(bytes))
    }

    /// Eight characters for the party itself, eleven for a branch.
    pub fn as_str(&self) -> &str {
        if self.is_branch() { self.as_bic11() } else { &self.as_bic11()[..8] }
    }

    /// Always eleven characters, as T2S and SWIFT headers want it.
    pub fn as_bic11(&self) -> &str {
        super::ascii(&self.0)
    }

    /// Does it name a branch?
    pub fn is_branch(&self) -> bool {
        &self.0[8..] != b"XXX"
    }

    /// The party without its branch.
    pub fn party(&self) -> Bic {
        let mut bytes = self.0;
        bytes[8..].copy_from_slice(b"XXX");
        Bic(bytes)
    }

    /// The two letters of the country (ISO 3166-1, or `XK`).
    pub fn country(&self) -> &str {
        &self.as_bic11()[4..6]
    }
}

super::ascii_code!(Bic);

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn published_codes_pass() {
        for (text, country) in [
            ("DEUTDEFF", "DE"),    // Deutsche Bank, Frankfurt
            ("DEUTDEFF500", "DE"), // a branch of it
            ("CHASUS33", "US"),    // JPMorgan Chase, New York
            ("DTCYUS33", "US"),    // The Depository Trust Company
            ("CEDELULL", "LU"),    // Clearstream Banking Luxembourg
            ("MGTCBEBE", "BE"),    // Euroclear Bank
            ("DAKVDEFF", "DE"),    // Clearstream Banking Frankfurt
            ("BNPAFRPP", "FR"),    // BNP Paribas
            ("NEDSZAJJ", "ZA"),    // Nedbank, the example of the standard's introductions
        ] {
            let bic = Bic::parse(text).unwrap();
            assert_eq!((bic.to_string().as_str(), bic.country()), (text, country));
        }
    }

    #[test]
    fn the_party_is_one_in_both_forms() {
        let bic8 = Bic::parse("DEUTDEFF").unwrap();
        let bic11 = Bic::parse("DEUTDEFFXXX").unwrap();
        let branch = Bic::parse("DEUTDEFF500").unwrap();
        assert_eq!(bic8, bic11);
        assert_eq!((bic11.as_str(), bic8.as_bic11()), ("DEUTDEFF", "DEUTDEFFXXX"));
        assert_ne!(branch, bic8);
        assert_eq!(branch.party(), bic8);
        assert!(branch.is_branch() && !bic11.is_branch());
    }

    #[test]
    fn faults_say_what_and_where() {
        for (text, why) in [
            ("", "BIC: 0 bytes, expected 8 or 11"),
            ("DEUTDEFFX", "BIC: 9 bytes, expected 8 or 11"),
            ("DEUTDEFFXXXX", "BIC: 12 bytes, expected 8 or 11"),
        ] {
            assert_eq!(Bic::parse(text).unwrap_err().to_string(), why);
        }
        for (text, position) in [("DEUT1EFF", 5), ("deutDEFF", 1), ("DEUTDEF-", 8), ("DEUTDEFF 50", 9), ("DEUTDÉFF", 6)]
        {
            let fault = Bic::parse(text).unwrap_err().fault;
            assert!(matches!(fault, Fault::Character { position: found, .. } if found == position), "{text}: {fault}");
        }
    }
}
