//! The two seats of an external settlement domain: a bank (ALPHA) whose accounts are mirrors, and the agent where everybody's
//! accounts lie, the street's (BETA) too. The same house for tests in memory, on a broker and between processes; what is set
//! up and said is written in the language of the scenarios.

use crate::scenario::{Mode, Script, player};
use model::command::Inbound;

const PLACES: &str = "calendar TARGET
currency EUR TARGET
tolerance EUR 100000.00=2.00 above=25.00
cycle XETR 2
instrument SAP DE0007164600 XETR
party ALPHA bic=QALPFRP0
party BETA bic=QBETFRP0
book ALPHA-EQ ALPHA
";
/// ALPHA's, in both books.
const ACCOUNTS: &str = "account ALPHA-DEPOT depot ALPHA
account ALPHA-CASH nostro ALPHA
";
const BANK: &str = "ssi ALPHA-SSI ALPHA ALPHA-DEPOT ALPHA-CASH
";
const AGENT: &str = "book ALPHA-DEPOT ALPHA
book BETA-EQ BETA
account BETA-DEPOT depot BETA
account BETA-CASH nostro BETA
ssi BETA-SSI BETA BETA-DEPOT BETA-CASH
";

/// Who sits there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    Bank,
    Agent,
}

/// What they begin with: ALPHA has a thousand SAP besides.
#[derive(Clone, Copy, Debug)]
pub struct Means {
    /// Each has so many.
    pub euros: u32,
    /// BETA's.
    pub shares: u32,
}

impl Seat {
    /// The lines that set it up.
    #[must_use]
    pub fn setup(self, Means { euros, shares }: Means) -> String {
        let domain = |kind: &str| format!("domain QCSD TARGET {kind}EUR=16:00 free=18:00\n");
        let alphas = |book: &str| {
            format!("opening ALPHA-DEPOT {book} 1000 SAP cost=100000.00\nopening ALPHA-CASH {book} {euros}.00 EUR\n")
        };
        match self {
            Seat::Bank => [PLACES, &domain("external=yes "), ACCOUNTS, BANK, &alphas("ALPHA-EQ")].concat(),
            Seat::Agent => {
                let betas = format!(
                    "opening BETA-DEPOT BETA-EQ {shares} SAP cost={shares}00.00\nopening BETA-CASH BETA-EQ {euros}.00 EUR\n"
                );
                [PLACES, &domain(""), ACCOUNTS, AGENT, &alphas("ALPHA-DEPOT"), &betas].concat()
            }
        }
    }

    /// What lines mean to it: its set-up's commands, then theirs. The language is played from the beginning, so a line means
    /// what it does after those before.
    ///
    /// # Panics
    /// When a line cannot be read or played.
    #[must_use]
    pub fn said(self, means: Means, lines: &[String]) -> (Vec<Inbound>, Vec<Inbound>) {
        let setup = self.setup(means);
        let mut text = String::from("include setup\n");
        for line in lines {
            text += &format!("\n{line}\n----\n");
        }
        let script = Script::parse("seats", &text).expect("a script");
        let mut player = player(Mode::Straight);
        player.play(&script, &|_| Some(setup.clone())).expect("it can be played");
        let mut all = player.submitted().to_vec();
        let own = all.split_off(all.len() - lines.len());
        (all, own)
    }
}
