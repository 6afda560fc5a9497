//! Rows of instructions that have ended, sixteen neighbours in one row: most end soon after they came, so a page is written
//! once or twice, at a small part of what sixteen rows would cost.

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use store::{Reader, Views};
use wire::pb::view as pb;

use super::instruction::Instruction;
use crate::Error;
use crate::numbered::{PAGE, slot};
use crate::rows::{self, Rows};
use crate::view::table;

const TABLE: u8 = table::ENDED;

/// Puts ended instructions, which come by rising number, into their pages.
pub(super) struct EndedWriter<'a> {
    views: &'a Views,
    /// The highest page in the database. Those after it are new: there is nothing to add to.
    written_to: Option<u64>,
    page: Option<u64>,
    /// What the page held before.
    before: pb::EndedPageRow,
    /// The page as it will be, and how many slots are in it.
    bytes: Vec<u8>,
    slots: usize,
}

impl<'a> EndedWriter<'a> {
    pub(super) fn new(views: &'a Views, written_to: Option<u64>) -> EndedWriter<'a> {
        EndedWriter { views, written_to, page: None, before: pb::EndedPageRow::default(), bytes: Vec::new(), slots: 0 }
    }

    pub(super) fn put(&mut self, rows: &mut Rows<'_, '_>, number: u64, instruction: &Instruction) -> Result<(), Error> {
        let page = number / PAGE;
        if self.page != Some(page) {
            self.finish(rows);
            let written = self.written_to.is_some_and(|written_to| page <= written_to);
            self.before =
                if written { read(self.views, page)?.unwrap_or_default() } else { pb::EndedPageRow::default() };
            self.page = Some(page);
        }
        self.keep_up_to(slot(number));
        let row = instruction.row();
        self.begin_slot(row.encoded_len());
        row.encode_raw(&mut self.bytes);
        Ok(())
    }

    pub(super) fn finish(&mut self, rows: &mut Rows<'_, '_>) {
        if let Some(page) = self.page.take() {
            self.keep_up_to(self.before.instructions.len());
            rows.put_bytes(TABLE, &page.to_be_bytes(), &self.bytes);
            self.bytes.clear();
            self.slots = 0;
        }
    }

    /// Copies what the page held before, up to a slot.
    fn keep_up_to(&mut self, slot: usize) {
        while self.slots < slot {
            let before = self.before.instructions.get_mut(self.slots).map(std::mem::take).unwrap_or_default();
            self.begin_slot(before.len());
            self.bytes.extend_from_slice(&before);
        }
    }

    /// Writes what stands before the bytes of a slot: `EndedPageRow.instructions` is field 1.
    fn begin_slot(&mut self, length: usize) {
        encode_key(1, WireType::LengthDelimited, &mut self.bytes);
        encode_varint(length as u64, &mut self.bytes);
        self.slots += 1;
    }
}

/// The highest page in the database.
pub(super) fn highest_page(views: &Views) -> Result<Option<u64>, Error> {
    match views.scan(TABLE, &[], &[]).backwards().next() {
        Some(row) => rows::number(TABLE, &row?.key).map(Some),
        None => Ok(None),
    }
}

/// An ended instruction that was written.
pub(super) fn find(views: &Views, number: u64) -> Result<Option<Instruction>, Error> {
    let Some(page) = read(views, number / PAGE)? else { return Ok(None) };
    page.instructions.get(slot(number)).filter(|bytes| !bytes.is_empty()).map(|bytes| decode(bytes)).transpose()
}

/// Visits the ended instructions after a number, by rising number, until told to stop.
pub(super) fn each_after(
    reader: &Reader<'_>,
    after: u64,
    mut visit: impl FnMut(u64, Instruction) -> Result<bool, Error>,
) -> Result<(), Error> {
    for row in reader.scan(TABLE, &(after / PAGE).to_be_bytes(), &[]) {
        let row = row?;
        let first = rows::number(TABLE, &row.key)? * PAGE;
        let page: pb::EndedPageRow = rows::decode(TABLE, &row.value)?;
        for (number, bytes) in (first..).zip(&page.instructions) {
            if number > after && !bytes.is_empty() && !visit(number, decode(bytes)?)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn read(views: &Views, page: u64) -> Result<Option<pb::EndedPageRow>, Error> {
    views.get(TABLE, &page.to_be_bytes())?.map(|bytes| rows::decode(TABLE, &bytes)).transpose()
}

fn decode(bytes: &[u8]) -> Result<Instruction, Error> {
    Instruction::from_row(TABLE, &rows::decode(TABLE, bytes)?)
}
