//! What an open trade agreed for its securities, for those who hold it against the market.

use super::Positions;

impl Positions {
    /// Quantity and price of an open trade, both signed as the position is, without interest and charges: smallest units of
    /// the instrument, minor units of the currency.
    pub(crate) fn price_of(&self, trade: u64) -> Option<(i128, i128)> {
        self.open.get(trade).map(|open| (open.entry.amounts.quantity, open.entry.amounts.amount))
    }
}
