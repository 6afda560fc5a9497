//! Health and readiness: how the parts stand, told to whoever asks from outside.

use std::time::Duration;

use api::Serving;
use engine::Handle;
use projections::{Projections, ViewName};

use crate::operations::Condition;

/// How often the condition of the parts is looked at, beside what they tell themselves.
const LOOK: Duration = Duration::from_millis(500);

/// Tells health checks how the service is.
pub(crate) struct Herald {
    pub health: api::Health,
    pub condition: Condition,
    pub shard: Handle,
    pub views: Projections,
    /// What keeps it from serving besides.
    pub obstacle: Option<Box<dyn Fn() -> Option<String> + Send + Sync>>,
}

impl Herald {
    /// `head` is what the views must have reached before they answer.
    pub(crate) async fn run(self, head: u64) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let views = self.views_answer(head);
            let status = self.shard.status();
            let halted = status.halted;
            let commands = halted.is_none() && status.following.is_none();
            self.health.report(Serving { log: true, commands, views }).await;
            let obstacle = self.obstacle.as_ref().and_then(|ask| ask());
            match halted {
                Some(suspect) => self.condition.not_ready(format!("halted at {}: {}", suspect.place, suspect.cause)),
                None if views && obstacle.is_some() => self.condition.not_ready(obstacle.unwrap_or_default()),
                None if views => self.condition.ready(),
                None => self.condition.not_ready(format!("a view has stopped or is behind record {head}")),
            }
            self.condition.upkeep();
            tokio::select! {
                _ = look.tick() => {}
                failure = self.shard.failed() => {
                    self.health.report(Serving { log: true, ..Serving::default() }).await;
                    self.condition.broken(failure.to_string());
                    return;
                }
            }
        }
    }

    fn views_answer(&self, head: u64) -> bool {
        let standing = self.views.standing();
        ViewName::ALL.iter().all(|name| {
            standing.iter().any(|each| each.view == name.as_str() && each.stopped.is_none() && each.sequence >= head)
        })
    }
}
