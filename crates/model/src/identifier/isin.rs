//! Securities: the ISIN of ISO 6166.

use super::fault::{self, CodeError, Fault};

const NAME: &str = "ISIN";
const EXPECTED: &str = "two letters A-Z, nine of A-Z 0-9, one digit";

/// International Securities Identification Number (ISO 6166): two letters of a country or `XS`, nine characters
/// of the national number, one check digit.
///
/// The check is the Luhn sum over the digits after letters are written as numbers (`A` = 10). It finds every single
/// wrong digit, but not every exchange of neighbours once letters are in play: `AU0000XVGZA3` and `AU0000VXGZA3`
/// both pass. That the prefix is a country is not checked: new ones appear.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Isin([u8; 12]);

impl Isin {
    /// Checks length, characters and check digit.
    pub fn parse(text: &str) -> Result<Isin, CodeError> {
        let bytes: [u8; 12] = fault::exactly(NAME, text, "12", EXPECTED, allowed)?;
        let (expected, found) = (check_digit(&bytes[..11]), fault::value(bytes[11]));
        if found != expected {
            return Err(CodeError::new(NAME, Fault::CheckDigits { width: 1, found, expected }));
        }
        Ok(Isin(bytes))
    }

    /// The ISIN of a body of 11 characters: for generated instruments.
    pub fn with_check_digit(body: &str) -> Result<Isin, CodeError> {
        let body: [u8; 11] = fault::exactly(NAME, body, "11 before the check digit", EXPECTED, allowed)?;
        let mut bytes = [b'0' + check_digit(&body); 12];
        bytes[..11].copy_from_slice(&body);
        Ok(Isin(bytes))
    }

    /// The twelve characters.
    pub fn as_str(&self) -> &str {
        super::ascii(&self.0)
    }

    /// The two letters in front: the country of the numbering agency, or `XS` for international securities.
    pub fn prefix(&self) -> &str {
        &self.as_str()[..2]
    }
}

super::ascii_code!(Isin);

fn allowed(index: usize, byte: u8) -> bool {
    match index {
        0 | 1 => byte.is_ascii_uppercase(),
        11 => byte.is_ascii_digit(),
        _ => fault::is_alphanumeric(byte),
    }
}

/// Luhn, modulus 10 double-add-double: from the right every first, third… digit of the written-out number is doubled.
fn check_digit(body: &[u8]) -> u8 {
    let mut sum = 0u8;
    let mut doubled = true;
    let mut add = |digit: u8| {
        // The digits of twice the digit, added up: 7 -> 14 -> 5. At most 9, and a body has at most 22 digits.
        sum += if doubled { digit * 2 / 10 + digit * 2 % 10 } else { digit };
        doubled = !doubled;
    };
    for &byte in body.iter().rev() {
        let value = fault::value(byte);
        add(value % 10);
        if value >= 10 {
            add(value / 10);
        }
    }
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// Of real securities.
    const REAL: [&str; 16] = [
        "US0378331005", // Apple
        "US5949181045", // Microsoft
        "US88160R1014", // Tesla
        "US38259P5089", // Google, class A, before 2015
        "US912810SN90", // US Treasury bond
        "DE000BAY0017", // Bayer
        "DE0007164600", // SAP
        "DE000A1EWWW0", // adidas
        "DE0001102580", // Federal bond
        "GB0002634946", // BAE Systems
        "GB00B63H8491", // Rolls-Royce
        "FR0000120271", // TotalEnergies
        "IT0005425233", // BTP
        "JP3633400001", // Toyota
        "CH0038863350", // Nestlé
        "KYG875721634", // Tencent
    ];

    #[test]
    fn published_numbers_pass_and_are_rebuilt_from_their_bodies() {
        for text in REAL {
            let isin = Isin::parse(text).unwrap();
            assert_eq!(isin.to_string(), text);
            assert_eq!(Isin::with_check_digit(&text[..11]), Ok(isin));
        }
        assert_eq!(Isin::parse("US0378331005").unwrap().prefix(), "US");
    }

    #[test]
    fn every_other_check_digit_is_refused() {
        for text in REAL {
            let right = text.as_bytes()[11];
            for digit in (b'0'..=b'9').filter(|&digit| digit != right) {
                let mut bytes = text.as_bytes().to_vec();
                bytes[11] = digit;
                let expected = Fault::CheckDigits { width: 1, found: digit - b'0', expected: right - b'0' };
                assert_eq!(Isin::parse(super::super::ascii(&bytes)).unwrap_err().fault, expected);
            }
        }
    }

    #[test]
    fn the_known_weakness_of_the_sum() {
        assert!(Isin::parse("AU0000XVGZA3").is_ok());
        assert!(Isin::parse("AU0000VXGZA3").is_ok());
    }

    #[test]
    fn faults_say_what_and_where() {
        for (text, why) in [
            ("US0378331006", "ISIN: check digits are 6, expected 5"),
            ("US037833100", "ISIN: 11 bytes, expected 12"),
            ("US03783310055", "ISIN: 13 bytes, expected 12"),
            ("", "ISIN: 0 bytes, expected 12"),
            ("U50378331005", "ISIN: '5' at position 2, expected two letters A-Z, nine of A-Z 0-9, one digit"),
            ("us0378331005", "ISIN: 'u' at position 1, expected two letters A-Z, nine of A-Z 0-9, one digit"),
            ("US037833100A", "ISIN: 'A' at position 12, expected two letters A-Z, nine of A-Z 0-9, one digit"),
            ("US0378331０05", "ISIN: '０' at position 10, expected two letters A-Z, nine of A-Z 0-9, one digit"),
            (" US0378331005", "ISIN: ' ' at position 1, expected two letters A-Z, nine of A-Z 0-9, one digit"),
        ] {
            assert_eq!(Isin::parse(text).unwrap_err().to_string(), why);
        }
        let short = Isin::with_check_digit("US03783310").unwrap_err();
        assert_eq!(short.to_string(), "ISIN: 10 bytes, expected 11 before the check digit");
    }
}
