//! Legal entities: the LEI of ISO 17442.

use super::fault::{self, CodeError, Fault};

const NAME: &str = "LEI";
const EXPECTED: &str = "eighteen of A-Z 0-9, two digits";

/// Legal Entity Identifier (ISO 17442): four characters of the issuer, fourteen of the entity, two check digits by
/// ISO/IEC 7064 MOD 97-10 (letters are written as numbers, `A` = 10; the whole number leaves 1 when divided by 97).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lei([u8; 20]);

impl Lei {
    /// Checks length, characters and check digits.
    pub fn parse(text: &str) -> Result<Lei, CodeError> {
        let bytes: [u8; 20] = fault::exactly(NAME, text, "20", EXPECTED, allowed)?;
        let found = fault::value(bytes[18]) * 10 + fault::value(bytes[19]);
        let expected = check_digits(&bytes[..18]);
        // Compared, not divided: 00, 01 and 99 would also leave 1, but the standard issues only 02 to 98.
        if found != expected {
            return Err(CodeError::new(NAME, Fault::CheckDigits { width: 2, found, expected }));
        }
        Ok(Lei(bytes))
    }

    /// The LEI of a body of 18 characters: for generated parties.
    pub fn with_check_digit(body: &str) -> Result<Lei, CodeError> {
        let body: [u8; 18] = fault::exactly(NAME, body, "18 before the check digits", EXPECTED, allowed)?;
        let check = check_digits(&body);
        let mut bytes = [0; 20];
        bytes[..18].copy_from_slice(&body);
        bytes[18] = b'0' + check / 10;
        bytes[19] = b'0' + check % 10;
        Ok(Lei(bytes))
    }

    /// The twenty characters.
    pub fn as_str(&self) -> &str {
        super::ascii(&self.0)
    }
}

super::ascii_code!(Lei);

fn allowed(index: usize, byte: u8) -> bool {
    if index < 18 { fault::is_alphanumeric(byte) } else { byte.is_ascii_digit() }
}

/// 98 less what the number, with two zeros appended, leaves when divided by 97: 2..=98.
fn check_digits(body: &[u8]) -> u8 {
    let remainder = body.iter().fold(0u32, |remainder, &byte| {
        let value = u32::from(fault::value(byte));
        (remainder * if value < 10 { 10 } else { 100 } + value) % 97
    });
    98 - (remainder * 100 % 97) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// From the public register of the GLEIF.
    const REAL: [&str; 8] = [
        "506700GE1G29325QX363", // Global Legal Entity Identifier Foundation
        "7LTWFZYICNSX8D621K86", // Deutsche Bank
        "8I5DZWZKVSZI1NUHU748", // JPMorgan Chase
        "R0MUWSFPU8MPRO8K5P83", // BNP Paribas
        "INR2EJN1ERAN0W5ZP974", // Microsoft
        "HWUPKR0MPOU8FGXBT394", // Apple
        "529900T8BM49AURSDO55", // Ubisecure
        "54930084UKLVMY22DS16", // G.E. Financing
    ];

    #[test]
    fn published_numbers_pass_and_are_rebuilt_from_their_bodies() {
        for text in REAL {
            let lei = Lei::parse(text).unwrap();
            assert_eq!(lei.to_string(), text);
            assert_eq!(Lei::with_check_digit(&text[..18]), Ok(lei));
        }
    }

    /// The sum was made for digits: within digits and within letters it finds every single error and every exchange of
    /// neighbours; a letter for a digit changes the length of the number and may, once in 97, go unseen.
    #[test]
    fn single_errors_and_exchanges_of_neighbours_are_found() {
        for text in REAL {
            let bytes = text.as_bytes();
            let is_refused = |change: &dyn Fn(&mut [u8])| {
                let mut changed = bytes.to_vec();
                change(&mut changed);
                changed == bytes || Lei::parse(super::super::ascii(&changed)).is_err()
            };
            for place in 0..20 {
                let alike = if bytes[place].is_ascii_digit() { b'0'..=b'9' } else { b'A'..=b'Z' };
                assert!(alike.clone().all(|other| is_refused(&|changed| changed[place] = other)), "{text} {place}");
                if place > 0 && alike.contains(&bytes[place - 1]) {
                    assert!(is_refused(&|changed| changed.swap(place - 1, place)), "{text} {place}");
                }
            }
        }
    }

    #[test]
    fn check_digits_are_written_with_two_digits_and_only_as_issued() {
        // Found by search: a body whose check digits begin with 0, and one for which 98 is right and 01 leaves 1 too.
        let mut below_ten = None;
        let mut ninety_eight = None;
        for number in 0..10_000 {
            let body = alloc::format!("QTNC00INVENTED{number:04}");
            let lei = Lei::with_check_digit(&body).unwrap();
            match &lei.as_str()[18..] {
                "98" => ninety_eight = Some(body),
                "05" => below_ten = Some(body),
                _ => {}
            }
        }
        let error = Lei::parse(&alloc::format!("{}50", below_ten.unwrap())).unwrap_err();
        assert_eq!(error.to_string(), "LEI: check digits are 50, expected 05");
        let error = Lei::parse(&alloc::format!("{}01", ninety_eight.unwrap())).unwrap_err();
        assert_eq!(error.to_string(), "LEI: check digits are 01, expected 98");
    }

    #[test]
    fn faults_say_what_and_where() {
        for (text, why) in [
            ("7LTWFZYICNSX8D621K68", "LEI: check digits are 68, expected 86"),
            ("7LTWFZYICNSX8D621K8", "LEI: 19 bytes, expected 20"),
            ("7LTWFZYICNSX8D621K866", "LEI: 21 bytes, expected 20"),
            ("7LTWFZYICNSX8D621K8A", "LEI: 'A' at position 20, expected eighteen of A-Z 0-9, two digits"),
            ("7lTWFZYICNSX8D621K86", "LEI: 'l' at position 2, expected eighteen of A-Z 0-9, two digits"),
        ] {
            assert_eq!(Lei::parse(text).unwrap_err().to_string(), why);
        }
    }
}
