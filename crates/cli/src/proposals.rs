//! `quittance proposals`: what one person asked for and another has to approve.

use anyhow::Result;
use clap::{Args, Subcommand};
use wire::pb::service::{ApproveProposalRequest, ListProposalsRequest, RefuseProposalRequest};
use wire::pb::view::Proposal;

use crate::connection::{Caller, Seen, Signed, print_receipt};
use crate::fault::usage;
use crate::output::{Cell, Column, column, figure};
use crate::paging::{self, Limit, answer};

/// Four eyes: what waits for a second person
#[derive(Args, Debug)]
pub struct Proposals {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// What waits
    #[command(after_help = "Example:\n  quittance proposals list")]
    List {
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        seen: Seen,
    },
    /// Say yes to what another person proposed, and do it
    #[command(after_help = "Example:\n  quittance proposals approve 812 --actor omar.control")]
    Approve {
        #[command(flatten)]
        decision: Decision,
        /// What was seen, as `proposals list` shows it: another payload is refused
        #[arg(long, value_name = "HASH")]
        seen: Option<String>,
    },
    /// Say no, or take back one's own
    #[command(after_help = "Example:\n  quittance proposals refuse 812 --reason \"wrong account\"")]
    Refuse(Decision),
}

#[derive(Args, Debug)]
struct Decision {
    /// The proposal's number
    proposal: u64,
    #[command(flatten)]
    signed: Signed,
}

pub async fn run(command: Proposals) -> Result<()> {
    let format = command.caller.output;
    let connection = command.caller.connect().await?;
    let mut client = connection.operator();
    let receipt = match command.verb {
        Verb::List { limit, seen } => {
            let nothing = "nothing waits for a second person";
            return paging::print(format, LIST, &limit, nothing, async |page_token, page_size| {
                let request = ListProposalsRequest {
                    page_size,
                    page_token,
                    min_sequence: seen.min_sequence,
                    ..Default::default()
                };
                let page = answer(client.list_proposals(request).await)?;
                Ok((page.proposals, page.next_page_token))
            })
            .await;
        }
        Verb::Approve { decision: Decision { proposal, signed }, seen } => {
            let (request_id, reason) = (signed.request_id(), signed.reason.clone());
            let payload_hash = seen.as_deref().map(hash).transpose()?.unwrap_or_default();
            let request = signed.sign(ApproveProposalRequest { proposal, request_id, reason, payload_hash })?;
            answer(client.approve_proposal(request).await)?.receipt
        }
        Verb::Refuse(Decision { proposal, signed }) => {
            let (request_id, reason) = (signed.request_id(), signed.reason.clone());
            let request = signed.sign(RefuseProposalRequest { proposal, request_id, reason })?;
            answer(client.refuse_proposal(request).await)?.receipt
        }
    };
    print_receipt(format, receipt)
}

const LIST: &[Column<Proposal>] = &[
    column("number", |each| Cell::Count(each.number)),
    column("at (UTC)", |each| Cell::text(figure::instant(each.at.as_ref()))),
    column("who asks", |each| Cell::text(&each.actor)),
    column("command", |each| Cell::text(&each.command)),
    column("about", |each| Cell::text(&each.subject)),
    column("payload", |each| {
        Cell::text(each.payload_hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }),
];

/// The bytes of a hash in hexadecimal digits.
fn hash(text: &str) -> Result<Vec<u8>> {
    let digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !digits {
        return Err(usage(format!("--seen {text}: a hash has 64 hexadecimal digits")));
    }
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(Into::into)).collect()
}
