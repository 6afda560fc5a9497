//! What is used of limits on counterparties: asked of the shard's state, which counts it as trades come and go; and followed.

use engine::LimitFacts;
use model::currency::exponent;
use model::date::Date;
use model::identifier::CurrencyCode;
use model::limit::{LimitKind, OnBreach};
use projections::{Followed, Mark, ViewName};
use prost::Message as _;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};
use wire::pb::view::limit_update::{Changes, Heartbeat, Key, Kind, Reset, Snapshot};
use wire::pb::{record, service as pb, typ, view};

use crate::access::sight::Sight;
use crate::backend::Backend;
use crate::computed::{Computed, Look, Question, Rolls, Said, question_hash};
use crate::failure;
use crate::past::Asked;
use crate::state::{calendar_date, date_number};

impl Backend {
    /// The lines that fit, and the record at which they stand so.
    pub(crate) async fn limits(
        &self,
        asked: &Asked,
        filter: view::LimitFilter,
    ) -> Result<(u64, Vec<view::LimitStanding>), Status> {
        let effective = asked.effective().map(date_number);
        if let Some(effective) = effective.filter(|date| filter.on != 0 && filter.on != *date) {
            let why = format!("{} is another date than the effective one, {effective}", filter.on);
            return Err(failure::malformed("filter.on", why));
        }
        let on = match effective.unwrap_or(filter.on) {
            0 => None,
            number => {
                let wrong = || failure::malformed("filter.on", format!("{number} is no date of the form YYYYMMDD"));
                Some(calendar_date(number).ok_or_else(wrong)?)
            }
        };
        let standing_at = asked.state(move |state| {
            let today = state.at().map_or(Date::MIN, |at| at.date_utc());
            (state.sequence(), state.limits(on.unwrap_or(today)))
        });
        let (sequence, rows) = standing_at.await?;
        let fits = |row: &LimitFacts| {
            (filter.entity.is_empty() || row.entity.as_str() == filter.entity)
                && (filter.counterparty.is_empty() || row.counterparty.as_str() == filter.counterparty)
                && (!filter.only_breached || row.breached.is_some())
        };
        let mut rows: Vec<_> = rows.into_iter().filter(fits).collect();
        rows.sort_by(|one, other| {
            let key = |row: &LimitFacts| (row.kind, row.value_date);
            (&one.entity, &one.counterparty, key(one)).cmp(&(&other.entity, &other.counterparty, key(other)))
        });
        Ok((sequence, rows.iter().map(standing).collect()))
    }
}

/// Entity, counterparty, kind and value date.
type LineKey = (String, String, i32, u32);

pub(crate) type LimitRolls = Rolls<LineKey, view::LimitStanding>;

/// The limits that one caller follows.
#[derive(Clone)]
pub(crate) struct LimitQuestion {
    filter: view::LimitFilter,
    sight: Sight,
}

impl Backend {
    pub(crate) async fn follow_limits(
        &self,
        request: Request<pb::WatchLimitsRequest>,
    ) -> Result<Computed<LimitQuestion>, Status> {
        let sight = Sight::of(request.extensions())?;
        let pb::WatchLimitsRequest { filter, resume_token, min_sequence } = request.into_inner();
        let filter = filter.unwrap_or_default();
        let mark = Mark::new(Followed::Limits, self.house()?.1, &filter.encode_to_vec());
        let question = LimitQuestion { filter, sight };
        let (rolls, same) = (self.rolls()?, question_hash(&question.of_all()));
        self.follow(question, (&rolls.limits, same), mark, (&resume_token, min_sequence)).await
    }
}

impl LimitQuestion {
    /// What is asked for everybody, whoever sees which part of it.
    fn of_all(&self) -> view::LimitFilter {
        view::LimitFilter { entity: String::new(), counterparty: String::new(), ..self.filter.clone() }
    }
}

impl Question for LimitQuestion {
    type Key = LineKey;
    type Row = view::LimitStanding;
    type Update = view::LimitUpdate;

    async fn ask(&self, backend: &Backend) -> Result<Look<LimitQuestion>, Status> {
        let (asked, _) = backend.arrival(ViewName::Status, 0, &MetadataMap::new()).await?;
        let (sequence, rows) = backend.limits(&asked, self.of_all()).await?;
        let key = |row: &view::LimitStanding| (row.entity.clone(), row.counterparty.clone(), row.kind, row.value_date);
        Ok((sequence, rows.into_iter().map(|row| (key(&row), row)).collect()))
    }

    fn concerns(&self, (entity, counterparty, ..): &LineKey) -> bool {
        (self.filter.entity.is_empty() || *entity == self.filter.entity)
            && (self.filter.counterparty.is_empty() || *counterparty == self.filter.counterparty)
            && self.sight.counterparty(counterparty)
    }

    fn update(
        &self,
        sequence: u64,
        resume_token: String,
        said: Said<LineKey, view::LimitStanding>,
    ) -> view::LimitUpdate {
        let key = |(entity, counterparty, kind, value_date)| Key { entity, counterparty, kind, value_date };
        let kind = match said {
            Said::Reset => Kind::Reset(Reset {}),
            Said::Snapshot { rows: limits, last } => Kind::Snapshot(Snapshot { limits, last }),
            Said::Changes { rows: limits, left } => {
                Kind::Changes(Changes { limits, left: left.into_iter().map(key).collect() })
            }
            Said::Heartbeat => Kind::Heartbeat(Heartbeat {}),
        };
        view::LimitUpdate { sequence, resume_token, kind: Some(kind) }
    }
}

fn standing(row: &LimitFacts) -> view::LimitStanding {
    let kind = match row.kind {
        LimitKind::PreSettlement => record::LimitKind::PreSettlement,
        LimitKind::Delivery => record::LimitKind::Delivery,
        LimitKind::Issuer => record::LimitKind::Issuer,
    };
    let on_breach = match row.limit {
        None => record::OnBreach::Unspecified,
        Some((_, OnBreach::Warn)) => record::OnBreach::Warn,
        Some((_, OnBreach::Hold)) => record::OnBreach::Hold,
    };
    let amount = |units| Some(money(units, row.currency));
    view::LimitStanding {
        entity: row.entity.to_string(),
        counterparty: row.counterparty.to_string(),
        kind: kind as i32,
        value_date: row.value_date.map_or(0, date_number),
        currency: row.currency.to_string(),
        limit: row.limit.and_then(|(limit, _)| amount(limit)),
        on_breach: on_breach as i32,
        used: amount(row.used),
        // Neither is below zero: the difference fits.
        headroom: row.limit.and_then(|(limit, _)| amount(limit - row.used)),
        trades: row.trades,
        unmeasured: row.unmeasured,
        breached_in: row.breached.unwrap_or_default(),
    }
}

fn money(units: i64, currency: CurrencyCode) -> typ::Decimal {
    typ::Decimal { unscaled: units, scale: u32::from(exponent(currency).unwrap_or(0)) }
}
