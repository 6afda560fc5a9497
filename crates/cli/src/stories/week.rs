//! The week itself, a story after the other. Every figure that is told is asked of the bank.

use anyhow::Result;
use model::breaks::{CloseBreak, Resolution};
use model::command::Command;
use model::identifier::Identifier;
use wire::pb::service::ListBreaksRequest;
use wire::pb::view::{Break, LedgerAccountKind};

use super::seat::Stage;
use crate::demo::screen::{heading, line};
use crate::fault::failed;
use crate::output::figure;
use crate::paging::answer;
use crate::{ledger, paging, trades};

pub async fn play(stage: &mut Stage) -> Result<()> {
    monday(stage).await?;
    tuesday(stage).await?;
    wednesday(stage).await?;
    thursday(stage).await?;
    friday(stage).await
}

async fn monday(stage: &mut Stage) -> Result<()> {
    heading("Monday 2026-11-23");
    bank(stage, "olga.ops", "accounting ALPHA open 2026-11-23").await?;
    csd(stage, &["open 2026-11-23"]).await?;
    office(
        stage,
        &[
            "trade P-100 ALPHA buys 500 SAP from BETA @ 120.00 isd=2026-11-23",
            "trade S-101 ALPHA sells 500 SAP to GAMMA @ 121.00 isd=2026-11-23",
            "trade D-110 ALPHA buys 100 BMW from BETA @ 90.00 isd=2026-11-23",
            "trade B-130 ALPHA buys 10 BMW from BETA @ 90.00 isd=2026-11-25",
            "trade U-120 ALPHA buys 100 APPLE from GAMMA @ 200.00 USD isd=2026-11-25",
        ],
    )
    .await?;
    csd(
        stage,
        &[
            "trade BB-1 BETA sells 500 SAP to ALPHA @ 120.00 isd=2026-11-23",
            "trade GG-1 GAMMA buys 500 SAP from ALPHA @ 121.00 isd=2026-11-23",
            "trade BB-2 BETA sells 100 BMW to ALPHA @ 90.50 isd=2026-11-23",
            "trade GG-2 GAMMA sells 100 APPLE to ALPHA @ 200.00 USD isd=2026-11-25",
        ],
    )
    .await?;
    for said in [
        "totals FO-ALPHA EUR count=4 bought=610 sold=500 paid=69900.00 received=60500.00 td=2026-11-23",
        "totals FO-ALPHA USD count=1 bought=100 paid=20000.00 td=2026-11-23",
        "accounting ALPHA close 2026-11-23",
        "accounting ALPHA open 2026-11-24",
    ] {
        bank(stage, "olga.ops", said).await?;
    }
    csd(stage, &["close 2026-11-23"]).await?;
    line("BETA has only 100 of the 500 SAP: our purchase fails, and with it our sale of the same shares.");
    show(stage, &["P-100", "S-101"]).await?;
    line("BETA says 9,050.00 for what we have at 9,000.00: beyond the tolerance of 2.00, nothing matches.");
    show(stage, &["D-110"]).await?;
    expect(stage, "P-100", "FAILING").await?;
    expect(stage, "S-101", "FAILING").await
}

async fn tuesday(stage: &mut Stage) -> Result<()> {
    heading("Tuesday 2026-11-24");
    at(stage, "2026-11-24").await?;
    csd(stage, &["open 2026-11-24", "transfer 400 SAP to BETA-DEPOT book=BETA-EQ"]).await?;
    line("BETA borrows the rest: purchase and sale settle one after the other.");
    show(stage, &["P-100", "S-101"]).await?;
    expect(stage, "P-100", "SETTLED").await?;
    expect(stage, "S-101", "SETTLED").await?;
    office(stage, &["amend D-110 price=90.50"]).await?;
    line("The desk finds its price was wrong and amends: the agent cancels, we instruct anew, and it settles.");
    show(stage, &["D-110"]).await?;
    expect(stage, "D-110", "SETTLED").await?;
    office(stage, &["amend B-130 price=91.00"]).await?;
    csd(stage, &["trade BB-3 BETA sells 10 BMW to ALPHA @ 91.00 isd=2026-11-25 td=2026-11-23"]).await?;
    line("B-130 of Monday is amended too, whose books are closed: Monday's figures stay, the change shows today.");
    show(stage, &["B-130"]).await?;
    csd(stage, &["close 2026-11-24"]).await
}

async fn wednesday(stage: &mut Stage) -> Result<()> {
    heading("Wednesday 2026-11-25");
    at(stage, "2026-11-25").await?;
    csd(stage, &["open 2026-11-25"]).await?;
    line("20,000 USD are to be paid for APPLE, and 5,000 lie there.");
    show(stage, &["U-120"]).await?;
    expect(stage, "U-120", "PENDING").await?;
    csd(stage, &["transfer 15000.00 USD to ALPHA-USD book=ALPHA-DEPOT"]).await?;
    csd(stage, &["cut-off USD 2026-11-25"]).await?;
    line("Treasury funds the account before the cut-off: it settles. The agent's note of the credit is a break until");
    line("a person says whose it is.");
    show(stage, &["U-120"]).await?;
    expect(stage, "U-120", "SETTLED").await?;
    let found = breaks(stage).await?;
    let credit = found.iter().find(|found| found.kind == "UNEXPECTED_CASH");
    let credit = credit.ok_or_else(|| failed("the credit is no break"))?;
    let close = Command::CloseBreak(CloseBreak {
        number: credit.number,
        resolution: Resolution::ToBook,
        target: Some(Identifier::parse("ALPHA-TREASURY")?),
    });
    stage.bank.submit(&close, "olga.ops", "funded by treasury, seen on its confirmation").await?;
    expect(stage, "B-130", "SETTLED").await?;
    line("ines.data moves the account for EUR from tomorrow; she cannot approve it herself, omar.control does.");
    let ssi = "ssi ALPHA-SSI-EUR ALPHA ALPHA-DEPOT-2 ALPHA-EUR ccy=EUR from=2026-11-26";
    let asked = stage.bank.say("ines.data", "a second depot for new business", ssi).await?;
    let proposal = asked.and_then(|receipt| receipt.proposal).ok_or_else(|| failed("an SSI needs no second person"))?;
    let approve = Command::Approve { proposal, payload_hash: None };
    match stage.bank.ask(&approve, "ines.data", "").await? {
        Err(code) => line(format!("  proposal {proposal} approved by ines.data: {code}")),
        Ok(_) => return Err(failed("one person approved what she proposed")),
    }
    stage.bank.submit(&approve, "omar.control", "called back").await?;
    csd(stage, &["close 2026-11-25"]).await
}

async fn thursday(stage: &mut Stage) -> Result<()> {
    heading("Thursday 2026-11-26");
    at(stage, "2026-11-26").await?;
    csd(stage, &["open 2026-11-26"]).await?;
    office(stage, &["trade T-140 ALPHA buys 100 BMW from GAMMA @ 90.00 isd=2026-11-26"]).await?;
    csd(stage, &["trade GG-3 GAMMA sells 100 BMW to ALPHA @ 90.02 isd=2026-11-26"]).await?;
    line(
        "GAMMA wants 9,002.00 for what we have at 9,000.00: within the tolerance, the deliverer's amount is paid, and 2.00",
    );
    line("stand on the account for differences. The shares lie in the second depot.");
    show(stage, &["T-140"]).await?;
    expect(stage, "T-140", "SETTLED").await?;
    for kind in [LedgerAccountKind::Difference, LedgerAccountKind::Location] {
        for balance in balances(stage, kind).await? {
            if kind == LedgerAccountKind::Difference || balance.account == "ALPHA-DEPOT-2" {
                let name = if balance.account.is_empty() { "differences of ALPHA" } else { &balance.account };
                let amount = balance.amount.map(figure::grouped).unwrap_or_default();
                line(format!("  {name}: {amount} {}{}", balance.currency, balance.instrument));
            }
        }
    }
    csd(stage, &["close 2026-11-26"]).await
}

async fn friday(stage: &mut Stage) -> Result<()> {
    heading("Friday 2026-11-27");
    at(stage, "2026-11-27").await?;
    csd(stage, &["open 2026-11-27", "transfer 15.00 EUR from ALPHA-EUR book=ALPHA-DEPOT", "close 2026-11-27"]).await?;
    line("The agent takes a fee of which nobody here knew: mirrored, and a break with age and owner.");
    let found = breaks(stage).await?;
    for found in &found {
        let owner = Identifier::parse("eva.recs")?;
        let assign = Command::AssignBreak { number: found.number, owner };
        stage.bank.submit(&assign, "olga.ops", "knows the custodian").await?;
    }
    for found in breaks(stage).await? {
        line(format!("  break {} {} {} owner {}", found.number, found.kind, found.subject, found.owner));
    }
    Ok(())
}

/// Another day for everybody's language.
async fn at(stage: &mut Stage, date: &str) -> Result<()> {
    let said = format!("at {date} 07:00");
    stage.office.tell(&format!("say {said}")).await?;
    stage.agent.say("csd.ops", "", &said).await?;
    stage.bank.say("olga.ops", "", &said).await.map(drop)
}

async fn office(stage: &mut Stage, lines: &[&str]) -> Result<()> {
    for said in lines {
        stage.office.tell(&format!("say {said}")).await?;
    }
    stage.rest().await
}

async fn csd(stage: &mut Stage, lines: &[&str]) -> Result<()> {
    for said in lines {
        // Whoever speaks at the agent's own interface: its people, or another member's front office.
        stage.agent.say("csd.ops", "the week's plan", said).await?;
        stage.rest().await?;
    }
    Ok(())
}

async fn bank(stage: &mut Stage, actor: &str, said: &str) -> Result<()> {
    stage.bank.say(actor, "the week's plan", said).await?;
    stage.rest().await
}

/// The words for how a trade stands: its last instruction's, and the reasons.
async fn standing(stage: &Stage, id: &str) -> Result<String> {
    let trade = trades::get(&stage.bank.connection, "FO-ALPHA", id, stage.bank.head().await?).await?;
    let Some(last) = trade.instructions.last() else { return Ok("not instructed".to_owned()) };
    let status = last.status().as_str_name().trim_start_matches("INSTRUCTION_STATUS_");
    Ok(format!("v{} {status} {}", trade.version, last.reasons.join(" ")).trim_end().to_owned())
}

async fn show(stage: &Stage, ids: &[&str]) -> Result<()> {
    for id in ids {
        line(format!("  {id}: {}", standing(stage, id).await?));
    }
    Ok(())
}

/// The story goes as it is told, or it ends here.
async fn expect(stage: &Stage, id: &str, status: &str) -> Result<()> {
    let found = standing(stage, id).await?;
    if found.split(' ').nth(1) == Some(status) {
        Ok(())
    } else {
        Err(failed(format!("{id} is to be {status}: {found}")))
    }
}

async fn breaks(stage: &Stage) -> Result<Vec<Break>> {
    let min_sequence = stage.bank.head().await?;
    let request = ListBreaksRequest { min_sequence, ..ListBreaksRequest::default() };
    Ok(answer(stage.bank.connection.settlement().list_breaks(request).await)?.breaks)
}

async fn balances(stage: &Stage, kind: LedgerAccountKind) -> Result<Vec<wire::pb::view::Balance>> {
    let filter = wire::pb::view::BalanceFilter { kinds: vec![kind as i32], ..Default::default() };
    paging::all(ledger::balances(&stage.bank.connection, filter, stage.bank.head().await?)).await
}
