//! What of a feed's letters stands in its topic already.

/// What of ours the topic holds: everything before a record, and of that record some.
#[derive(Default)]
pub(super) struct There {
    pub sequence: u64,
    pub ids: Vec<String>,
    /// Where it was looked for.
    pub end: u64,
}

impl There {
    pub fn holds(&self, sequence: u64, id: &str) -> bool {
        sequence < self.sequence || (sequence == self.sequence && self.ids.iter().any(|known| known == id))
    }

    pub fn note(&mut self, sequence: u64, id: &str) {
        if sequence > self.sequence {
            self.sequence = sequence;
            self.ids.clear();
        }
        if sequence == self.sequence {
            self.ids.push(id.to_owned());
        }
    }
}
