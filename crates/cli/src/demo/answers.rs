//! The demonstration's own list, kept outside the service: what was sent, and the one answer that each message got.

use std::collections::BTreeMap;

use testkit::flow::Expected;

/// What came of a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Got {
    Accepted,
    Duplicate,
    /// The rejection's code.
    Rejected(String),
    /// Refused at the door (gRPC), or recorded and quarantined (Kafka).
    Unreadable,
}

impl Got {
    /// The answer that the generator foresaw.
    pub fn foreseen(expected: Expected) -> Got {
        match expected {
            Expected::Accepted => Got::Accepted,
            Expected::Duplicate => Got::Duplicate,
            Expected::Rejected(reason) => Got::Rejected(reason.code().to_owned()),
            Expected::Unreadable => Got::Unreadable,
        }
    }

    /// In words.
    pub fn name(&self) -> String {
        match self {
            Got::Accepted => "accepted".to_owned(),
            Got::Duplicate => "known before".to_owned(),
            Got::Rejected(code) => format!("refused: {code}"),
            Got::Unreadable => "unreadable".to_owned(),
        }
    }
}

/// A message and its answer.
#[derive(Clone, Debug)]
struct Sent {
    foreseen: Got,
    answers: Vec<Got>,
}

/// The list.
#[derive(Default)]
pub struct Answers {
    sent: BTreeMap<usize, Sent>,
    /// Sequences of the records that were quarantined, in the order of the log.
    pub quarantined: Vec<u64>,
    /// Of messages that were refused at the door, what was wrong with them.
    pub at_the_door: Vec<String>,
    /// The newest record that an answer named: queries wait for it.
    pub sequence: u64,
}

impl Answers {
    /// Notes that the item at this place of the plan was sent.
    pub fn sent(&mut self, place: usize, expected: Expected) {
        self.sent.insert(place, Sent { foreseen: Got::foreseen(expected), answers: Vec::new() });
    }

    /// Notes an answer.
    pub fn answered(&mut self, place: usize, got: Got, sequence: Option<u64>) {
        self.seen(sequence.unwrap_or(0));
        if let Some(sent) = self.sent.get_mut(&place) {
            sent.answers.push(got);
        }
    }

    /// Something was answered at this record.
    pub fn seen(&mut self, sequence: u64) {
        self.sequence = self.sequence.max(sequence);
    }

    /// How many were sent.
    pub fn count(&self) -> u64 {
        self.sent.len() as u64
    }

    /// How many got exactly one answer.
    pub fn answered_once(&self) -> u64 {
        self.sent.values().filter(|sent| sent.answers.len() == 1).count() as u64
    }

    /// How often each answer was foreseen, and how often it came.
    pub fn by_outcome(&self) -> BTreeMap<Got, (u64, u64)> {
        let mut counts: BTreeMap<Got, (u64, u64)> = BTreeMap::new();
        for sent in self.sent.values() {
            counts.entry(sent.foreseen.clone()).or_default().0 += 1;
            for got in &sent.answers {
                counts.entry(got.clone()).or_default().1 += 1;
            }
        }
        counts
    }

    /// Places of the messages that were accepted.
    pub fn accepted(&self) -> impl Iterator<Item = usize> + '_ {
        self.sent.iter().filter(|(_, sent)| sent.answers.contains(&Got::Accepted)).map(|(place, _)| *place)
    }

    /// Places of the messages whose answer was another than foreseen, with both.
    pub fn surprises(&self) -> impl Iterator<Item = (usize, &Got, &[Got])> + '_ {
        let other = |sent: &&Sent| sent.answers != [sent.foreseen.clone()];
        self.sent
            .iter()
            .filter(move |(_, sent)| other(sent))
            .map(|(place, sent)| (*place, &sent.foreseen, &*sent.answers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_an_answer_or_with_two_is_told() {
        let mut answers = Answers::default();
        for place in 0..4 {
            answers.sent(place, Expected::Accepted);
        }
        answers.answered(0, Got::Accepted, Some(5));
        answers.answered(1, Got::Accepted, Some(6));
        answers.answered(1, Got::Duplicate, Some(7));
        answers.answered(2, Got::Rejected("VERSION_CONFLICT".to_owned()), Some(8));
        assert_eq!((answers.count(), answers.answered_once(), answers.sequence), (4, 2, 8));
        assert_eq!(answers.surprises().map(|(place, ..)| place).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(answers.by_outcome()[&Got::Accepted], (4, 2));
    }
}
