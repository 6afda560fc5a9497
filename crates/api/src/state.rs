//! What is asked of the shard's state itself, because no view has it: why nothing matches, the rules of a day, how the shard is.
//!
//! Such an answer is given when all that the state knew is on disk, so it is true at the sequence it names.

use engine::resolve_cut_offs;
use model::command::CutOff;
use model::date::Date;
use model::index::{DomainIx, Kind};
use tonic::Status;
use wire::pb::record;
use wire::pb::service as pb;

use crate::backend::Backend;
use crate::failure;
use crate::past::Asked;
use crate::receipt::timestamp;

impl Backend {
    /// Why an instruction is unmatched, and at which record; none when it is not open or is matched.
    pub(crate) async fn why_unmatched(&self, asked: &Asked, number: u64) -> Result<(u64, Option<Vec<String>>), Status> {
        let (sequence, codes) = asked.state(move |state| (state.sequence(), state.why_unmatched(number))).await?;
        Ok((sequence, codes.map(|codes| codes.iter().map(ToString::to_string).collect())))
    }

    /// The cut-offs of a day by the domain's own rules. None for what makes no sense: the command is refused for it.
    pub(crate) async fn cut_offs(&self, domain: &str, date: u32) -> Result<Vec<record::CutOff>, Status> {
        let Some(date) = calendar_date(date) else { return Ok(Vec::new()) };
        let domain = domain.to_owned();
        let shard = self.shard()?;
        let rules = shard.ask(move |state| {
            let index = state.find(Kind::Domain, &domain)?;
            state.domain_rules(DomainIx(index))
        });
        let Some((zone, rules)) = rules.await.map_err(failure::shard)? else { return Ok(Vec::new()) };
        let resolved = resolve_cut_offs(&zone, &rules, date).map_err(|error| failure::malformed("cut_offs", error))?;
        Ok(resolved.into_iter().map(cut_off).collect())
    }

    /// How the service is.
    pub(crate) async fn status(&self) -> Result<pb::GetStatusResponse, Status> {
        let mut answer = pb::GetStatusResponse {
            version: self.version.to_string(),
            started_at: Some(self.started_at),
            state: pb::ShardState::Recovering as i32,
            state_reason: self.prepares(),
            ..Default::default()
        };
        let (Ok(shard), Ok(log), Ok(views), Ok(house)) = (self.shard(), self.log(), self.views(), self.house()) else {
            return Ok(answer);
        };
        let status = shard.status();
        let (state, reason) = match (&status.failed, &status.halted) {
            (Some(failure), _) => (pb::ShardState::Stopped, failure.to_string()),
            (None, Some(suspect)) => (
                pb::ShardState::Halted,
                format!("crashed {} times at {}: {}", suspect.crashes, suspect.place, suspect.cause),
            ),
            (None, None) => match &status.following {
                Some(why) => (pb::ShardState::Following, why.to_string()),
                None => (pb::ShardState::Running, String::new()),
            },
        };
        let head = log.head();
        answer.state = state as i32;
        answer.state_reason = reason;
        (answer.house, answer.shard) = house;
        answer.sequence = head.sequence;
        answer.chain = head.chain.to_vec();
        answer.at = last_stamp(&log, head.sequence)?;
        answer.followers = views
            .standing()
            .into_iter()
            .map(|each| pb::Follower {
                name: each.view.to_owned(),
                sequence: each.sequence,
                stopped: each.stopped.unwrap_or_default(),
            })
            .collect();
        answer.sources = self.sources()?;
        let count = |(name, count): &(&str, usize)| pb::Count { name: (*name).to_owned(), count: *count as u64 };
        answer.open = status.block.open.iter().map(count).collect();
        // A shard that has failed answers no more; all that is above is still true.
        answer.days = self.days().await.unwrap_or_default();
        answer.accounting = self.accounting().await.unwrap_or_default();
        answer.controls = self.controls().await.unwrap_or_default();
        Ok(answer)
    }

    /// The settlement day of each domain that ever opened one.
    async fn days(&self) -> Result<Vec<pb::SettlementDay>, Status> {
        let shard = self.shard()?;
        let days = shard.ask(|state| {
            let domains = state.names(Kind::Domain).iter().enumerate();
            let day = |(index, name): (usize, &model::identifier::Identifier)| {
                let day = state.settlement_day(DomainIx(u32::try_from(index).ok()?))?;
                Some((name.to_string(), day))
            };
            domains.filter_map(day).collect::<Vec<_>>()
        });
        let days = days.await.map_err(failure::shard)?.into_iter();
        Ok(days
            .map(|(domain, (date, open, coming))| pb::SettlementDay {
                domain,
                date: date_number(date),
                open,
                coming: coming.into_iter().map(cut_off).collect(),
            })
            .collect())
    }
}

/// When the last record was stamped.
fn last_stamp(log: &store::Log, sequence: u64) -> Result<Option<pbjson_types::Timestamp>, Status> {
    let block = log.block_holding(sequence).map_err(|error| failure::store(&error))?;
    let stored = block.as_ref().and_then(|block| block.record(sequence));
    Ok(stored.and_then(|stored| wire::record::sequence_and_at(stored).ok()).map(|(_, at)| timestamp(at)))
}

fn cut_off(cut_off: CutOff) -> record::CutOff {
    let currency = cut_off.currency.map_or(String::new(), |currency| currency.to_string());
    record::CutOff { currency, at: Some(timestamp(cut_off.at)) }
}

/// A date as `YYYYMMDD`.
pub(crate) fn date_number(date: Date) -> u32 {
    let (year, month, day) = date.ymd();
    year.unsigned_abs() * 10_000 + u32::from(month) * 100 + u32::from(day)
}

/// The date of a number `YYYYMMDD`, if there is one.
pub(crate) fn calendar_date(number: u32) -> Option<Date> {
    let year = i32::try_from(number / 10_000).ok()?;
    Date::from_ymd(year, (number / 100 % 100) as u8, (number % 100) as u8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_eight_digits() {
        for number in [20261121, 20240229, 19000101] {
            assert_eq!(calendar_date(number).map(date_number), Some(number));
        }
        for number in [0, 20230229, 2026, u32::MAX] {
            assert_eq!(calendar_date(number), None, "{number}");
        }
    }
}
