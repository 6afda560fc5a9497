//! Names and their numbers, kind by kind.

use crate::Map;
use alloc::boxed::Box;
use alloc::vec::Vec;
use model::identifier::Identifier;
use model::index::Kind;

/// The names of one kind. A name's number is its place.
#[derive(Clone, Debug, Default)]
struct Table {
    by_name: Map<Box<str>, u32>,
    names: Vec<Identifier>,
}

/// All names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    tables: [Table; Kind::ALL.len()],
}

impl Names {
    fn table(&self, kind: Kind) -> &Table {
        &self.tables[kind as usize - 1]
    }

    pub fn find(&self, kind: Kind, name: &str) -> Option<u32> {
        self.table(kind).by_name.get(name).copied()
    }

    pub fn name(&self, kind: Kind, index: u32) -> Option<&Identifier> {
        self.table(kind).names.get(index as usize)
    }

    /// How many of a kind have a number.
    pub fn count(&self, kind: Kind) -> u32 {
        self.table(kind).names.len() as u32
    }

    pub fn add(&mut self, kind: Kind, index: u32, name: &Identifier) {
        let table = &mut self.tables[kind as usize - 1];
        assert_eq!(index as usize, table.names.len(), "numbers are given in order");
        table.by_name.insert(name.as_str().into(), index);
        table.names.push(name.clone());
    }

    pub fn all(&self, kind: Kind) -> &[Identifier] {
        &self.table(kind).names
    }
}
