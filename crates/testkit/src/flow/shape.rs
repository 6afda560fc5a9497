//! How a flow looks: how many members, trades and days, how late the second side is, how often what goes wrong.

/// The form of a flow. Start from a preset and change what the run is about: `Shape { members: 300, ..Shape::bench(n) }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Members of the market, each with its own front office.
    pub members: usize,
    /// Securities traded; the first sixty are real ones.
    pub instruments: usize,
    /// Trades agreed, each reported by both sides unless something is wrong with it.
    pub trades: u64,
    /// Business days, 1 to 5, from Monday 2026-11-23.
    pub days: u8,
    /// Of a hundred trades, how many were made in the two days before the week and are taken over before it opens.
    pub taken_over: u8,
    pub second_side: Lag,
    pub mix: Mix,
    /// One central counterparty stands on one side of every trade.
    pub ccp: bool,
    /// How often, of ten thousand, the first security is chosen before any skew.
    pub hot_security: u32,
    /// SSIs, limits and opening balances are proposed by one person and approved by another.
    pub four_eyes: bool,
    /// With the set pieces of the demonstration week: late reference data, poison, a member short of cash.
    pub story: bool,
}

/// How long after the first side the second one comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lag {
    /// After about so many other messages.
    Messages(u32),
    /// Between one minute and so many; one in thirty on the next day.
    Minutes(u32),
}

/// How many of ten thousand trades meet which fate. The rest go straight through. Each trade meets one at most, save
/// `sent_twice`, which is of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mix {
    /// Messages that their source sends a second time, unchanged.
    pub sent_twice: u32,
    /// The other side never reports.
    pub one_sided: u32,
    /// The amounts differ, but within tolerance: they match.
    pub near_amount: u32,
    /// The amounts differ by more; every second one is amended later.
    pub far_amount: u32,
    /// One side has the quantity wrong and amends.
    pub wrong_quantity: u32,
    /// An amendment that changes nothing owed: another book.
    pub other_book: u32,
    /// Cancelled before the other side came.
    pub cancelled_early: u32,
    /// Cancelled by both sides after matching.
    pub cancelled_late: u32,
    /// Issued on hold; most are released on the settlement day.
    pub held: u32,
    /// The amendment overtakes its trade.
    pub amended_first: u32,
    /// Reported when its settlement date had passed.
    pub late: u32,
    /// The seller has none of the security; most are funded later.
    pub short_securities: u32,
    /// Free of payment.
    pub free: u32,
    /// For a client with a segregated account.
    pub client: u32,
    /// One side pays the other a commission, inside the amount.
    pub commission: u32,
    /// The gross amount is wrong: repair, and a person mends it.
    pub gross_off: u32,
    /// The source sends other content under a version already used.
    pub conflict: u32,
}

impl Shape {
    /// A week of twelve members: about four thousand trades and everything that goes wrong in a back office.
    pub fn demo() -> Shape {
        Shape {
            members: 12,
            instruments: 60,
            trades: 4_000,
            days: 5,
            taken_over: 15,
            second_side: Lag::Minutes(90),
            mix: Mix {
                sent_twice: 100,
                one_sided: 200,
                near_amount: 300,
                far_amount: 60,
                wrong_quantity: 120,
                other_book: 150,
                cancelled_early: 60,
                cancelled_late: 50,
                held: 100,
                amended_first: 30,
                late: 80,
                short_securities: 200,
                free: 200,
                client: 300,
                commission: 400,
                gross_off: 40,
                conflict: 30,
            },
            ccp: false,
            hot_security: 0,
            four_eyes: true,
            story: true,
        }
    }

    /// Load W1 (`performance.md` 4), of about so many messages: one open day on which everything is due, 2 % never
    /// match, 3 % fail for want of securities, 2 % sent twice, the second side 1,000 messages later.
    pub fn bench(messages: u64) -> Shape {
        let mix = Mix { sent_twice: 200, one_sided: 200, short_securities: 300, ..Mix::default() };
        // 0.02 of the trades have one message, 0.98 two, and each is sent 1.02 times.
        let trades = messages * 10_000 / (19_800 * 102 / 100);
        Shape {
            members: 100,
            instruments: 200,
            trades,
            days: 1,
            taken_over: 0,
            second_side: Lag::Messages(1_000),
            mix,
            ccp: false,
            hot_security: 0,
            four_eyes: false,
            story: false,
        }
    }

    /// Load W3: W1 with one central counterparty on one side of everything and one security in 30 % of it.
    pub fn hot(messages: u64) -> Shape {
        Shape { ccp: true, hot_security: 3_000, ..Shape::bench(messages) }
    }
}

/// What happens to one trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Plain,
    OneSided,
    NearAmount,
    FarAmount,
    WrongQuantity,
    OtherBook,
    CancelledEarly,
    CancelledLate,
    Held,
    AmendedFirst,
    Late,
    ShortSecurities,
    Free,
    Client,
    Commission,
    GrossOff,
    Conflict,
}

impl Mix {
    /// The fate that a number below 10,000 stands for.
    pub(super) fn fate(&self, drawn: u64) -> Fate {
        let shares = [
            (self.one_sided, Fate::OneSided),
            (self.near_amount, Fate::NearAmount),
            (self.far_amount, Fate::FarAmount),
            (self.wrong_quantity, Fate::WrongQuantity),
            (self.other_book, Fate::OtherBook),
            (self.cancelled_early, Fate::CancelledEarly),
            (self.cancelled_late, Fate::CancelledLate),
            (self.held, Fate::Held),
            (self.amended_first, Fate::AmendedFirst),
            (self.late, Fate::Late),
            (self.short_securities, Fate::ShortSecurities),
            (self.free, Fate::Free),
            (self.client, Fate::Client),
            (self.commission, Fate::Commission),
            (self.gross_off, Fate::GrossOff),
            (self.conflict, Fate::Conflict),
        ];
        let mut rest = drawn;
        for (share, fate) in shares {
            match rest.checked_sub(u64::from(share)) {
                None => return fate,
                Some(left) => rest = left,
            }
        }
        Fate::Plain
    }
}
