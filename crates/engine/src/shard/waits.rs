//! Those who wait: for the commit of the block being built, or of what a question saw.

use crate::commit::ReplyTo;
use crate::handle::{Answer, Release};
use std::collections::VecDeque;

#[derive(Default)]
pub(super) struct Waits {
    /// Answered with the block being built.
    replies: Vec<(ReplyTo, Answer)>,
    /// Answers that saw a record which is not on disk yet; in the order of what they saw.
    seen: VecDeque<(u64, Release)>,
}

impl Waits {
    pub fn answer_with_block(&mut self, reply: ReplyTo, answer: Answer) {
        self.replies.push((reply, answer));
    }

    /// Whether somebody waits for the block being built.
    pub fn anyone_in_block(&self) -> bool {
        !self.replies.is_empty() || !self.seen.is_empty()
    }

    pub fn take_replies(&mut self) -> Vec<(ReplyTo, Answer)> {
        std::mem::take(&mut self.replies)
    }

    /// An answer that saw the state after `sequence`.
    pub fn after(&mut self, sequence: u64, committed: u64, release: Release) {
        if sequence <= committed {
            release();
        } else {
            self.seen.push_back((sequence, release));
        }
    }

    /// Everything through `sequence` is on disk.
    pub fn release(&mut self, sequence: u64) {
        while self.seen.front().is_some_and(|(seen, _)| *seen <= sequence) {
            if let Some((_, release)) = self.seen.pop_front() {
                release();
            }
        }
    }
}
