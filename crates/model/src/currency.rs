//! How many decimals a currency has: the minor units of ISO 4217.
//!
//! Cash in the ledger is an integer of the currency's smallest unit, so this table decides what such an integer means.
//! An entry must never change while balances of the currency exist; where a currency is redenominated the standard
//! gives it a new code, and so do we.

use crate::identifier::CurrencyCode;

/// Currencies by their number of decimals, each list in alphabetical order.
///
/// Source: ISO 4217 table A.1 ("List One") of 2026-01-01, as in github.com/datasets/currency-codes of February 2026,
/// and four codes withdrawn since 2023 (ANG, BGN, HRK, ZWL) that older business and its corrections still carry.
/// Funds codes (CLF, USN, UYW…) are in List One and here; metals, bond units and testing codes (XAU, XDR, XTS, XXX…)
/// have no minor unit and are absent.
const BY_EXPONENT: [(u8, &[[u8; 3]]); 4] = [
    (
        0,
        &[
            *b"BIF", *b"CLP", *b"DJF", *b"GNF", *b"ISK", *b"JPY", *b"KMF", *b"KRW", *b"PYG", *b"RWF", *b"UGX", *b"UYI",
            *b"VND", *b"VUV", *b"XAF", *b"XOF", *b"XPF",
        ],
    ),
    (2, &TWO),
    (3, &[*b"BHD", *b"IQD", *b"JOD", *b"KWD", *b"LYD", *b"OMR", *b"TND"]),
    (4, &[*b"CLF", *b"UYW"]),
];

/// Two decimals: the rule.
const TWO: [[u8; 3]; 143] = [
    *b"AED", *b"AFN", *b"ALL", *b"AMD", *b"ANG", *b"AOA", *b"ARS", *b"AUD", *b"AWG", *b"AZN", *b"BAM", *b"BBD",
    *b"BDT", *b"BGN", *b"BMD", *b"BND", *b"BOB", *b"BOV", *b"BRL", *b"BSD", *b"BTN", *b"BWP", *b"BYN", *b"BZD",
    *b"CAD", *b"CDF", *b"CHE", *b"CHF", *b"CHW", *b"CNY", *b"COP", *b"COU", *b"CRC", *b"CUP", *b"CVE", *b"CZK",
    *b"DKK", *b"DOP", *b"DZD", *b"EGP", *b"ERN", *b"ETB", *b"EUR", *b"FJD", *b"FKP", *b"GBP", *b"GEL", *b"GHS",
    *b"GIP", *b"GMD", *b"GTQ", *b"GYD", *b"HKD", *b"HNL", *b"HRK", *b"HTG", *b"HUF", *b"IDR", *b"ILS", *b"INR",
    *b"IRR", *b"JMD", *b"KES", *b"KGS", *b"KHR", *b"KPW", *b"KYD", *b"KZT", *b"LAK", *b"LBP", *b"LKR", *b"LRD",
    *b"LSL", *b"MAD", *b"MDL", *b"MGA", *b"MKD", *b"MMK", *b"MNT", *b"MOP", *b"MRU", *b"MUR", *b"MVR", *b"MWK",
    *b"MXN", *b"MXV", *b"MYR", *b"MZN", *b"NAD", *b"NGN", *b"NIO", *b"NOK", *b"NPR", *b"NZD", *b"PAB", *b"PEN",
    *b"PGK", *b"PHP", *b"PKR", *b"PLN", *b"QAR", *b"RON", *b"RSD", *b"RUB", *b"SAR", *b"SBD", *b"SCR", *b"SDG",
    *b"SEK", *b"SGD", *b"SHP", *b"SLE", *b"SOS", *b"SRD", *b"SSP", *b"STN", *b"SVC", *b"SYP", *b"SZL", *b"THB",
    *b"TJS", *b"TMT", *b"TOP", *b"TRY", *b"TTD", *b"TWD", *b"TZS", *b"UAH", *b"USD", *b"USN", *b"UYU", *b"UZS",
    *b"VED", *b"VES", *b"WST", *b"XAD", *b"XCD", *b"XCG", *b"YER", *b"ZAR", *b"ZMW", *b"ZWG", *b"ZWL",
];

/// The number of decimals of a currency's minor unit: 2 for EUR, 0 for JPY, 3 for KWD.
///
/// `None` for a code without one (XAU, XXX) and for a code that is not in the list. That is never a silent 2: an
/// amount in such a currency is unknown reference data and goes to repair.
pub fn exponent(code: CurrencyCode) -> Option<u8> {
    let &[first, second, third] = code.as_str().as_bytes() else { return None };
    match EXPONENTS[place(first, second, third)] {
        NO_MINOR_UNIT => None,
        exponent => Some(exponent),
    }
}

const NO_MINOR_UNIT: u8 = u8::MAX;

const fn place(first: u8, second: u8, third: u8) -> usize {
    ((first - b'A') as usize * 26 + (second - b'A') as usize) * 26 + (third - b'A') as usize
}

/// The same list by code: it is asked several times for each trade.
static EXPONENTS: [u8; 26 * 26 * 26] = {
    let mut table = [NO_MINOR_UNIT; 26 * 26 * 26];
    let mut list = 0;
    while list < BY_EXPONENT.len() {
        let (exponent, codes) = BY_EXPONENT[list];
        let mut at = 0;
        while at < codes.len() {
            let [first, second, third] = codes[at];
            table[place(first, second, third)] = exponent;
            at += 1;
        }
        list += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<u8> {
        exponent(CurrencyCode::parse(text).unwrap())
    }

    #[test]
    fn published_minor_units() {
        for text in
            ["EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "CAD", "AUD", "CNY", "INR", "BRL"]
        {
            assert_eq!(of(text), Some(2), "{text}");
        }
        // Often guessed wrong, both ways: what the standard says is not what coins there are.
        assert_eq!([of("JPY"), of("KRW"), of("ISK"), of("CLP"), of("VND"), of("UGX")], [Some(0); 6]);
        assert_eq!([of("IDR"), of("TWD"), of("HUF"), of("MGA"), of("MRU"), of("LAK")], [Some(2); 6]);
        assert_eq!([of("BHD"), of("KWD"), of("OMR"), of("TND"), of("JOD")], [Some(3); 5]);
        assert_eq!([of("CLF"), of("UYW")], [Some(4); 2]);
    }

    #[test]
    fn no_minor_unit_is_not_two() {
        for text in ["XAU", "XAG", "XDR", "XXX", "XTS", "ZZZ", "CNH", "GBX", "DEM"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn each_list_is_sorted_and_no_code_is_in_two() {
        for (_, codes) in BY_EXPONENT {
            assert!(codes.is_sorted_by(|left, right| left < right));
        }
        let all = || BY_EXPONENT.iter().flat_map(|(_, codes)| codes.iter());
        assert_eq!(all().count(), 169);
        for code in all() {
            assert_eq!(all().filter(|other| *other == code).count(), 1);
        }
    }
}
