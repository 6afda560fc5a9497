//! A bank and its CSD, invented, as the golden documents tell of them. The ISINs are those of real securities, LEI and BIC of nobody.

use model::advice::*;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{Bic, CurrencyCode, Identifier, Isin, Lei};
use model::instruction::{Code, Movement};
use model::outbound::*;
use model::timestamp::Timestamp;
use model::trade::{CumEx, Method, QuantityType};

/// A message of either direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sample {
    Instruction(OutboundInstruction),
    Advice(Advice),
}

impl Sample {
    /// The document, written at [`created`] to the bank where it goes to it.
    pub fn write(&self) -> Result<Vec<u8>, iso20022::WriteError> {
        match self {
            Sample::Instruction(message) => iso20022::write_instruction(message, created()),
            Sample::Advice(advice) => iso20022::write_advice(advice, &id("MYBANK"), created()),
        }
    }
}

impl From<iso20022::Message> for Sample {
    fn from(message: iso20022::Message) -> Sample {
        match message {
            iso20022::Message::Instruction(message) => Sample::Instruction(*message),
            iso20022::Message::Advices(mut advices) => {
                assert_eq!(advices.len(), 1, "one advice was written");
                Sample::Advice(advices.remove(0))
            }
        }
    }
}

pub fn created() -> Timestamp {
    Timestamp::parse("2026-11-23T07:30:00.250Z").expect("an instant")
}

pub fn id(text: &str) -> Identifier {
    Identifier::parse(text).expect("an identifier")
}

pub fn number(text: &str) -> Decimal {
    Decimal::parse(text).expect("a number")
}

pub fn day(text: &str) -> Date {
    Date::parse(text).expect("a day")
}

pub fn currency(text: &str) -> CurrencyCode {
    CurrencyCode::parse(text).expect("a currency")
}

fn party(name: &str, lei: &str, bic: Option<&str>) -> PartyReference {
    PartyReference {
        id: id(name),
        lei: (!lei.is_empty()).then(|| Lei::with_check_digit(lei).expect("eighteen characters")),
        bic: bic.map(|bic| Bic::parse(bic).expect("a BIC")),
    }
}

fn outbound(reference: &str, instruction: &str, body: OutboundBody) -> Sample {
    let (sender, domain) = (Some(id("MYBANK")), id("QCSDDEFFXXX"));
    Sample::Instruction(OutboundInstruction {
        sender,
        reference: id(reference),
        domain,
        instruction: id(instruction),
        body,
    })
}

fn advice(number: u32, reference: &str, body: AdviceBody) -> Sample {
    Sample::Advice(Advice {
        sender: id("QCSDDEFFXXX"),
        id: id(&format!("QC-{number}")),
        reference: reference.to_owned(),
        agent_reference: if reference.is_empty() { String::new() } else { "QCSD-AG-4711".to_owned() },
        body,
    })
}

fn sale() -> Instruct {
    Instruct {
        movement: Movement::Deliver,
        payment: Method::Dvp,
        trade_date: day("2026-11-20"),
        settlement_date: day("2026-11-24"),
        instrument: id("SAP"),
        isin: Some(Isin::parse("DE0007164600").expect("an ISIN")),
        quantity: number("1500"),
        quantity_type: QuantityType::Unit,
        currency: Some(currency("EUR")),
        amount: Some(number("180432.50")),
        party: party("ALPHA", "9845ALPHASECURITIE", Some("ALPHDEFF")),
        counterparty: party("BETA", "9845BETABROKERAGEX", Some("BETAFRPPXXX")),
        depot: id("ALPHA-DEPOT-1"),
        nostro: Some(id("DE89370400440532013000")),
        transaction_type: Code::of("TRAD"),
        hold: false,
        priority: 4,
        common_reference: None,
        delivering_client: None,
        receiving_client: None,
        cum_ex: None,
        opt_out: false,
        trade: 42,
    }
}

/// Everything that a sale leaves out: a bond received free, on hold, for clients.
fn portfolio() -> Instruct {
    Instruct {
        movement: Movement::Receive,
        payment: Method::Fop,
        instrument: id("BUND-2034"),
        isin: Some(Isin::parse("DE0001102580").expect("an ISIN")),
        quantity: number("2500000.00"),
        quantity_type: QuantityType::Face,
        currency: None,
        amount: None,
        party: party("ALPHA", "", None),
        counterparty: party("GAMMA", "9845GAMMAFUNDSPLCX", None),
        nostro: None,
        transaction_type: Code::of("PORT"),
        hold: true,
        priority: 2,
        common_reference: Some(id("CMN-20261120-7")),
        delivering_client: Some(id("GAMMA-CLIENT-9")),
        receiving_client: Some(id("PENSUS33")),
        cum_ex: Some(CumEx::Ex),
        opt_out: true,
        trade: 43,
        ..sale()
    }
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn status(status: &str, reasons: &[&str], narrative: &str) -> AdviceBody {
    let (status, narrative) = (status.to_owned(), narrative.to_owned());
    AdviceBody::Status(Status { status, reasons: texts(reasons), narrative })
}

fn answer(status: &str, reasons: &[&str], narrative: &str) -> Answer {
    Answer { status: status.to_owned(), reasons: texts(reasons), narrative: narrative.to_owned() }
}

fn confirmation() -> Confirmation {
    Confirmation {
        movement: Movement::Deliver,
        instrument: "DE0007164600".to_owned(),
        quantity: number("1000"),
        currency: Some(currency("EUR")),
        amount: Some(number("120288.33")),
        partial: "PAIN".to_owned(),
        effective_date: day("2026-11-24"),
        account: "ALPHA-DEPOT-1".to_owned(),
        cash_account: "DE89370400440532013000".to_owned(),
    }
}

fn allegement() -> Allegement {
    Allegement {
        movement: Movement::Receive,
        instrument: "FR0000120271".to_owned(),
        quantity: number("300"),
        currency: Some(currency("EUR")),
        amount: Some(number("16950.00")),
        trade_date: Some(day("2026-11-20")),
        settlement_date: Some(day("2026-11-24")),
        counterparty: "BETAFRPP".to_owned(),
        account: "ALPHA-DEPOT-1".to_owned(),
    }
}

/// The golden documents: name and what it says.
pub fn samples() -> Vec<(&'static str, Sample)> {
    let cancel = RequestCancellation {
        agent_reference: "QCSD-AG-4711".to_owned(),
        depot: id("ALPHA-DEPOT-1"),
        movement: Some(Movement::Deliver),
        payment: Some(Method::Dvp),
    };
    let release = RequestModification {
        agent_reference: String::new(),
        depot: id("ALPHA-DEPOT-1"),
        hold: Some(false),
        priority: Some(1),
    };
    let free = Confirmation {
        movement: Movement::Receive,
        instrument: "PRIVATE-NOTE-7".to_owned(),
        quantity: number("12.5"),
        currency: None,
        amount: None,
        partial: String::new(),
        account: String::new(),
        cash_account: String::new(),
        ..confirmation()
    };
    let removal =
        AllegementRemoval { allegement: id("QC-9"), movement: Some(Movement::Receive), payment: Some(Method::Dvp) };
    let entry = CashEntry {
        account: "ALPHA-EUR".to_owned(),
        currency: currency("EUR"),
        amount: number("-250.10"),
        value_date: day("2026-11-24"),
        code: "SECU/CUST/CHRG".to_owned(),
        narrative: "Custody fee & charges, October".to_owned(),
    };
    let held = |instrument: &str, quantity: &str| SecuritiesBalance {
        instrument: instrument.to_owned(),
        quantity: number(quantity),
    };
    let securities = SecuritiesBalances {
        account: "ALPHA-DEPOT-1".to_owned(),
        date: day("2026-11-24"),
        complete: true,
        lines: vec![held("DE0007164600", "500"), held("DE0001102580", "2500000.00"), held("PRIVATE-NOTE-7", "-12.5")],
    };
    let cash = CashBalances {
        account: "DE89370400440532013000".to_owned(),
        date: day("2026-11-24"),
        lines: vec![
            CashBalance { currency: currency("EUR"), amount: number("1204288.33") },
            CashBalance { currency: currency("USD"), amount: number("-75000.00") },
        ],
    };
    vec![
        ("sese.023-deliver-against-payment", outbound("Q0-5", "Q0-5", OutboundBody::Instruct(Box::new(sale())))),
        ("sese.023-receive-free", outbound("Q0-6", "Q0-6", OutboundBody::Instruct(Box::new(portfolio())))),
        ("sese.020-cancel", outbound("Q0-5-1", "Q0-5", OutboundBody::Cancel(cancel))),
        ("sese.030-release", outbound("Q0-6-1", "Q0-6", OutboundBody::Modify(release))),
        ("sese.024-matched", advice(1, "Q0-5", status("MACH", &[], ""))),
        ("sese.024-unmatched", advice(2, "Q0-5", status("NMAT", &["DMON", "DSEC"], "Their amount is 180,434.50"))),
        ("sese.024-failing", advice(3, "Q0-5", status("PENF", &["LACK", "X9Y8"], ""))),
        ("sese.024-own-status", advice(4, "Q0-5", status("RECY", &["TMR1"], "Recycled until noon"))),
        ("sese.025-partial", advice(5, "Q0-5", AdviceBody::Confirmation(Box::new(confirmation())))),
        ("sese.025-unasked", advice(6, "", AdviceBody::Confirmation(Box::new(free)))),
        (
            "sese.027-denied",
            advice(7, "Q0-5-1", AdviceBody::CancellationAnswer(answer("DEND", &["DSET"], "Settled 09:02"))),
        ),
        ("sese.031-done", advice(8, "Q0-6-1", AdviceBody::ModificationAnswer(answer("MODC", &[], "")))),
        ("sese.028-alleged", advice(9, "", AdviceBody::Allegement(Box::new(allegement())))),
        ("sese.029-removed", advice(10, "", AdviceBody::AllegementRemoval(removal))),
        ("camt.054-charge", advice(11, "Q0-5", AdviceBody::CashEntry(entry))),
        ("semt.002-end-of-day", advice(12, "", AdviceBody::SecuritiesBalances(securities))),
        ("camt.053-end-of-day", advice(13, "", AdviceBody::CashBalances(cash))),
    ]
}
