//! What is traded: sixty real securities, the places they trade at, and the cycles they settle in.
//!
//! The ISINs are real and their check digits are verified by `model::identifier` in a test below; prices and coupons
//! are only near the truth. Issuers have nothing to do with this software.

use model::date::Date;
use model::identifier::{Cfi, CurrencyCode, Identifier, Isin};
use model::trade::QuantityType;

/// A security as the flow needs it.
#[derive(Clone, Debug)]
pub struct Security {
    pub id: Identifier,
    pub isin: Isin,
    pub cfi: Cfi,
    pub currency: CurrencyCode,
    pub market: Identifier,
    /// Shares: hundredths of the currency a piece. Bonds: thousandths of a per cent of par.
    pub price: i64,
    /// Bonds: hundredths of a per cent a year.
    pub coupon: Option<i64>,
}

impl Security {
    /// Pieces or face amount.
    pub fn quantity_type(&self) -> QuantityType {
        if self.coupon.is_some() { QuantityType::Face } else { QuantityType::Unit }
    }

    /// What every quantity is a multiple of.
    pub fn multiple(&self) -> i64 {
        if self.coupon.is_some() { 1_000 } else { 1 }
    }
}

/// Days from trade to settlement by market, and since when (EU: CSDR Art. 5(2); US: SEC Rule 15c6-1).
pub const CYCLES: [(&str, u8, &str); 10] = [
    ("XETR", 2, "2014-10-06"),
    ("XPAR", 2, "2014-10-06"),
    ("XAMS", 2, "2014-10-06"),
    ("XMAD", 2, "2016-10-03"),
    ("XMIL", 2, "2014-10-06"),
    ("XLON", 2, "2014-10-06"),
    ("XNYS", 1, "2024-05-28"),
    ("EUGV", 2, "2014-10-06"),
    ("USGV", 1, "2014-10-06"),
    ("UKGV", 1, "2014-10-06"),
];

/// Currencies settled, with the calendar of their cash. London's is not among those shipped: TARGET stands in for it.
pub const CURRENCIES: [(&str, &str); 3] = [("EUR", "TARGET"), ("USD", "USDTC"), ("GBP", "TARGET")];

/// Shares: id, ISIN, market, currency, price in hundredths.
const SHARES: [(&str, &str, &str, &str, i64); 50] = [
    ("SAP", "DE0007164600", "XETR", "EUR", 24_150),
    ("ASML", "NL0010273215", "XAMS", "EUR", 89_320),
    ("AAPL", "US0378331005", "XNYS", "USD", 26_840),
    ("MSFT", "US5949181045", "XNYS", "USD", 48_215),
    ("NVDA", "US67066G1040", "XNYS", "USD", 18_790),
    ("LVMH", "FR0000121014", "XPAR", "EUR", 61_480),
    ("SIEMENS", "DE0007236101", "XETR", "EUR", 22_960),
    ("TOTALENERGIES", "FR0000120271", "XPAR", "EUR", 5_612),
    ("ALLIANZ", "DE0008404005", "XETR", "EUR", 36_740),
    ("AMAZON", "US0231351067", "XNYS", "USD", 22_930),
    ("ASTRAZENECA", "GB0009895292", "XLON", "GBP", 13_120),
    ("SHELL", "GB00BP6MXD84", "XLON", "GBP", 2_745),
    ("ALPHABET", "US02079K3059", "XNYS", "USD", 28_460),
    ("SANOFI", "FR0000120578", "XPAR", "EUR", 8_437),
    ("BNP", "FR0000131104", "XPAR", "EUR", 7_265),
    ("SANTANDER", "ES0113900J37", "XMAD", "EUR", 894),
    ("AIRBUS", "NL0000235190", "XPAR", "EUR", 20_355),
    ("TELEKOM", "DE0005557508", "XETR", "EUR", 2_741),
    ("LOREAL", "FR0000120321", "XPAR", "EUR", 36_310),
    ("META", "US30303M1027", "XNYS", "USD", 61_550),
    ("TESLA", "US88160R1014", "XNYS", "USD", 39_170),
    ("JPMORGAN", "US46625H1005", "XNYS", "USD", 30_245),
    ("IBERDROLA", "ES0144580Y14", "XMAD", "EUR", 1_782),
    ("UNICREDIT", "IT0005239360", "XMIL", "EUR", 6_388),
    ("ENEL", "IT0003128367", "XMIL", "EUR", 871),
    ("BASF", "DE000BASF111", "XETR", "EUR", 4_392),
    ("BAYER", "DE000BAY0017", "XETR", "EUR", 2_988),
    ("MUNICH-RE", "DE0008430026", "XETR", "EUR", 54_220),
    ("SCHNEIDER", "FR0000121972", "XPAR", "EUR", 23_815),
    ("AXA", "FR0000120628", "XPAR", "EUR", 3_894),
    ("ING", "NL0011821202", "XAMS", "EUR", 2_236),
    ("BBVA", "ES0113211835", "XMAD", "EUR", 1_809),
    ("INDITEX", "ES0148396007", "XMAD", "EUR", 4_766),
    ("HSBC", "GB0005405286", "XLON", "GBP", 1_077),
    ("BP", "GB0007980591", "XLON", "GBP", 452),
    ("RIO-TINTO", "GB0007188757", "XLON", "GBP", 5_410),
    ("UNILEVER", "GB00B10RZP78", "XLON", "GBP", 4_495),
    ("JOHNSON", "US4781601046", "XNYS", "USD", 20_310),
    ("EXXON", "US30231G1022", "XNYS", "USD", 11_625),
    ("VISA", "US92826C8394", "XNYS", "USD", 33_080),
    ("COCA-COLA", "US1912161007", "XNYS", "USD", 7_215),
    ("WALMART", "US9311421039", "XNYS", "USD", 10_540),
    ("IBM", "US4592001014", "XNYS", "USD", 30_470),
    ("CISCO", "US17275R1023", "XNYS", "USD", 7_635),
    ("ENI", "IT0003132476", "XMIL", "EUR", 1_631),
    ("AB-INBEV", "BE0974293251", "XAMS", "EUR", 5_284),
    ("BMW", "DE0005190003", "XETR", "EUR", 8_826),
    ("ADIDAS", "DE000A1EWWW0", "XETR", "EUR", 16_095),
    ("VINCI", "FR0000125486", "XPAR", "EUR", 11_930),
    ("DANONE", "FR0000120644", "XPAR", "EUR", 7_714),
];

/// Government bonds: id, ISIN, market, currency, price in thousandths of a per cent, coupon in hundredths of one.
const BONDS: [(&str, &str, &str, &str, i64, i64); 10] = [
    ("BUND-0-2031", "DE0001102531", "EUGV", "EUR", 88_120, 0),
    ("BUND-4-2037", "DE0001135275", "EUGV", "EUR", 111_340, 400),
    ("OAT-4.75-2035", "FR0010070060", "EUGV", "EUR", 112_875, 475),
    ("UST-4-2034", "US91282CJZ59", "USGV", "USD", 99_625, 400),
    ("UST-0.625-2030", "US91282CAE12", "USGV", "USD", 86_500, 63),
    ("GILT-4.75-2030", "GB00B24FF097", "UKGV", "GBP", 103_210, 475),
    ("GILT-4.25-2036", "GB0032452392", "UKGV", "GBP", 97_455, 425),
    ("BUND-2.5-2046", "DE0001102341", "EUGV", "EUR", 89_970, 250),
    ("OAT-4-2055", "FR0010171975", "EUGV", "EUR", 98_660, 400),
    ("UST-1.25-2050", "US912810SN90", "USGV", "USD", 49_875, 125),
];

/// The first `count` securities, most traded first: every sixth a bond. More than there are real ones: invented, `XS`.
pub fn securities(count: usize) -> Vec<Security> {
    let code = |text: &str| CurrencyCode::parse(text).expect("a currency");
    let name = |text: &str| Identifier::parse(text).expect("a name");
    let mut shares = SHARES.iter();
    let mut bonds = BONDS.iter();
    (0..count)
        .map(|place| {
            let bond = if place % 6 == 5 { bonds.next() } else { None };
            if let Some(&(id, isin, market, currency, price, coupon)) = bond {
                let isin = Isin::parse(isin).expect("a real ISIN");
                let cfi = Cfi::parse("DBFTFB").expect("a CFI");
                return Security {
                    id: name(id),
                    isin,
                    cfi,
                    currency: code(currency),
                    market: name(market),
                    price,
                    coupon: Some(coupon),
                };
            }
            let cfi = Cfi::parse("ESVUFR").expect("a CFI");
            if let Some(&(id, isin, market, currency, price)) = shares.next() {
                let isin = Isin::parse(isin).expect("a real ISIN");
                return Security {
                    id: name(id),
                    isin,
                    cfi,
                    currency: code(currency),
                    market: name(market),
                    price,
                    coupon: None,
                };
            }
            let isin = Isin::with_check_digit(&format!("XS{place:09}")).expect("digits make an ISIN");
            let id = name(&format!("PAPER-{place:05}"));
            let (market, currency) =
                *[("XETR", "EUR"), ("XNYS", "USD"), ("XLON", "GBP")].get(place % 3).expect("three");
            let price = 500 + (place as i64 * 7_919) % 40_000;
            Security { id, isin, cfi, currency: code(currency), market: name(market), price, coupon: None }
        })
        .collect()
}

/// Names of invented members of the market; beyond them numbers serve.
const TREES: [&str; 24] = [
    "ALDER", "BIRCH", "CEDAR", "DOGWOOD", "ELM", "FIR", "GINKGO", "HAZEL", "IRONWOOD", "JUNIPER", "KAURI", "LARCH",
    "MAPLE", "NUTMEG", "OAK", "PINE", "QUINCE", "ROWAN", "SPRUCE", "TEAK", "UMBRELLA", "VIBURNUM", "WILLOW", "YEW",
];

/// The name of the member of that rank.
pub fn member_name(rank: usize) -> String {
    match TREES.get(rank) {
        Some(tree) => (*tree).to_owned(),
        None => format!("MEMBER-{rank:04}"),
    }
}

/// A day known when writing.
pub fn day(text: &str) -> Date {
    Date::parse(text).expect("a date")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_isin_and_id_is_valid_and_unlike_the_others() {
        let all = securities(200);
        assert_eq!(all.iter().filter(|each| each.coupon.is_some()).count(), 10);
        for (place, security) in all.iter().enumerate() {
            assert!(all[..place].iter().all(|other| other.isin != security.isin && other.id != security.id));
            assert!(CYCLES.iter().any(|(market, ..)| *market == security.market.as_str()));
            assert!(CURRENCIES.iter().any(|(currency, _)| *currency == security.currency.as_str()));
        }
    }
}
