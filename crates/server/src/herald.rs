//! Health and readiness: how the parts stand, told to whoever asks from outside.

use std::time::Duration;

use api::Serving;
use engine::Handle;
use projections::{Projections, ViewName};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::operations::Condition;

/// How often the condition of the parts is looked at, beside what they tell themselves.
const LOOK: Duration = Duration::from_millis(500);
/// A question that waits for so long means that the shard hangs, and most likely its disk: commits take milliseconds, on a bad day a
/// second.
const HANGS: Duration = Duration::from_secs(5);

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
        let (tell, waiting) = watch::channel(None);
        tokio::select! {
            () = pulse(self.shard.clone(), tell) => {}
            () = self.watch(head, &waiting) => {}
        }
    }

    /// `waiting`: since when the shard owes an answer.
    async fn watch(&self, head: u64, waiting: &watch::Receiver<Option<Instant>>) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let views = self.views_answer(head);
            let status = self.shard.status();
            let halted = status.halted;
            let commands = halted.is_none() && status.following.is_none();
            self.health.report(Serving { log: true, commands, views }).await;
            let obstacle = self.obstacle.as_ref().and_then(|ask| ask());
            let waited = waiting.borrow().map(|since| since.elapsed()).filter(|time| *time >= HANGS);
            let hangs = waited.map(|time| match status.writing {
                Some(writing) => format!("the disk has not taken a block for {} s", writing.as_secs()),
                None => format!("the shard has not answered for {} s", time.as_secs()),
            });
            let halted = halted.map(|suspect| format!("halted at {}: {}", suspect.place, suspect.cause));
            match halted.or(hangs) {
                Some(why) => self.condition.not_ready(why),
                None if views && obstacle.is_some() => self.condition.not_ready(obstacle.unwrap_or_default()),
                None if views => self.condition.ready(),
                None => self.condition.not_ready(format!("a view has stopped or is behind record {head}")),
            }
            self.condition.upkeep();
            tokio::select! {
                _ = look.tick() => {}
                failure = self.shard.failed() => {
                    if failure.disk_full {
                        self.condition.full(failure.to_string());
                    } else {
                        self.condition.broken(failure.to_string());
                    }
                    let views = failure.disk_full && self.views_answer(head);
                    self.health.report(Serving { log: true, commands: false, views }).await;
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

/// Asks the shard something that is answered when what it saw is on disk, again and again, and tells since when an answer is owed.
async fn pulse(shard: Handle, tell: watch::Sender<Option<Instant>>) {
    loop {
        tell.send_replace(Some(Instant::now()));
        let answered = shard.ask(|_| ()).await.is_ok();
        tell.send_replace(None);
        if !answered {
            // It ends or has failed, which others tell.
            return std::future::pending().await;
        }
        tokio::time::sleep(LOOK).await;
    }
}
