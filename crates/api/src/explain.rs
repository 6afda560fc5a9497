//! ExplainSettlement: why something has not settled and what would settle it. The shard hands out a copy; the search runs
//! beside it.

use engine::{Actor, Cause, CauseKind, Change, ChangeKind, Explanation, Sought};
use model::command::What;
use model::decimal::Decimal;
use model::identifier::Identifier;
use tonic::Status;
use wire::pb::service as pb;
use wire::pb::typ;
use wire::pb::view;

use crate::backend::Backend;
use crate::failure;
use crate::receipt::timestamp;
use crate::state::date_number;

impl Backend {
    /// The explanation and the record it is true at.
    pub(crate) async fn explain(
        &self,
        asked: &pb::ExplainSettlementRequest,
    ) -> Result<(u64, view::Explanation), Status> {
        let sought = sought(asked)?;
        let unknown = || match &sought {
            Sought::Instruction(number) => failure::not_found("open instruction", number),
            Sought::Trade(source, id) => failure::not_found("open trade", format!("{source}/{id}")),
        };
        let excerpt = self.shard()?.excerpt(sought.clone()).await.map_err(failure::shard)?;
        let excerpt = excerpt.ok_or_else(unknown)?;
        let log = self.log()?;
        let explained = tokio::task::spawn_blocking(move || engine::explain(excerpt, &log)).await;
        let explained = explained
            .map_err(|error| failure::internal(format!("the question was not answered: {error}")))?
            .map_err(failure::damaged)?;
        Ok((explained.sequence, explanation(explained)))
    }
}

fn sought(asked: &pb::ExplainSettlementRequest) -> Result<Sought, Status> {
    let named = |field, text: &str| Identifier::parse(text).map_err(|error| failure::malformed(field, error));
    match (asked.number, asked.trade_source.is_empty() && asked.trade_id.is_empty()) {
        (0, true) => Err(failure::malformed("number", "is required and missing, unless a trade is named")),
        (0, false) => {
            Ok(Sought::Trade(named("trade_source", &asked.trade_source)?, named("trade_id", &asked.trade_id)?))
        }
        (number, true) => Ok(Sought::Instruction(number)),
        (_, false) => Err(failure::malformed("number", "names an instruction where a trade is named too")),
    }
}

fn explanation(explained: Explanation) -> view::Explanation {
    view::Explanation {
        trade: explained.trade,
        instruction: explained.instruction.unwrap_or_default(),
        causes: explained.causes.into_iter().map(cause).collect(),
        changes: explained.changes.into_iter().map(change).collect(),
        settles: explained.settles,
        unfound: explained.unfound,
        partial: explained.partial,
        tried: explained.tried,
    }
}

fn cause(cause: Cause) -> view::SettlementCause {
    use view::SettlementCauseKind as Kind;
    let kind = match cause.kind {
        CauseKind::InRepair => Kind::InRepair,
        CauseKind::Uninstructed => Kind::Uninstructed,
        CauseKind::Unmatched => Kind::Unmatched,
        CauseKind::Held => Kind::Held,
        CauseKind::LimitHold => Kind::LimitHold,
        CauseKind::BeforeDate => Kind::BeforeDate,
        CauseKind::DayNotOpen => Kind::DayNotOpen,
        CauseKind::CutOffPassed => Kind::CutOffPassed,
        CauseKind::LacksSecurities => Kind::LacksSecurities,
        CauseKind::LacksCash => Kind::LacksCash,
        CauseKind::AtAgent => Kind::AtAgent,
        CauseKind::RequestPending => Kind::RequestPending,
        CauseKind::Untried => Kind::Untried,
    };
    let mut row = view::SettlementCause {
        kind: kind as i32,
        codes: cause.codes,
        party: cause.party.to_string(),
        trade: cause.trade,
        instruction: cause.instruction.unwrap_or_default(),
        date: cause.date.map_or(0, date_number),
        text: cause.text,
        ..Default::default()
    };
    if let Some(lack) = cause.lack {
        row.account = lack.account.to_string();
        match lack.what {
            What::Currency(currency) => row.currency = currency.to_string(),
            What::Instrument(instrument) => row.instrument = instrument.to_string(),
        }
        (row.need, row.available) = (Some(decimal(lack.need)), Some(decimal(lack.available)));
    }
    row
}

fn change(change: Change) -> view::SettlementChange {
    use view::SettlementChangeKind as Kind;
    let kind = match change.kind {
        ChangeKind::Release => Kind::Release,
        ChangeKind::Fund => Kind::Fund,
        ChangeKind::Amend => Kind::Amend,
        ChangeKind::Instruct => Kind::Instruct,
        ChangeKind::Reference => Kind::Reference,
        ChangeKind::Repair => Kind::Repair,
        ChangeKind::Approve => Kind::Approve,
        ChangeKind::Day => Kind::Day,
        ChangeKind::Advise => Kind::Advise,
    };
    let actor = match change.actor {
        Actor::We => view::SettlementActor::We,
        Actor::Counterparty => view::SettlementActor::Counterparty,
        Actor::Agent => view::SettlementActor::Agent,
    };
    view::SettlementChange {
        kind: kind as i32,
        actor: actor as i32,
        text: change.text,
        commands: change.commands.iter().map(wire::command::into_wire).collect(),
        not_before: change.not_before.map(timestamp),
        before: change.before.map(timestamp),
        needs_second: change.needs_second,
        assumes: change.assumes,
    }
}

fn decimal(figure: Decimal) -> typ::Decimal {
    typ::Decimal { unscaled: figure.unscaled, scale: figure.scale }
}
