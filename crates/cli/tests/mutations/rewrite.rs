//! What a forger with the whole directory can do: read every record, write another history, and make everything that hashes agree with it.

use std::path::Path;

use model::record::Record;
use rocksdb::{ColumnFamilyDescriptor, DB, IteratorMode, Options};
use store::{Block, BlockBuilder, Hash, Head, chain};

const TABLES: [&str; 5] = ["default", "blocks", "claims", "ids", "snapshots"];

/// Opens the log's database to write in it.
pub fn log(data: &Path) -> DB {
    let mut options = Options::default();
    options.set_track_and_verify_wals_in_manifest(true);
    let tables = TABLES.map(|name| ColumnFamilyDescriptor::new(name, Options::default()));
    DB::open_cf_descriptors(&options, data.join("log"), tables).expect("the log opens")
}

/// Opens the views' database to write in it.
pub fn views(data: &Path) -> DB {
    let mut options = Options::default();
    options.set_track_and_verify_wals_in_manifest(true);
    let table = ColumnFamilyDescriptor::new("default", Options::default());
    DB::open_cf_descriptors(&options, data.join("views"), [table]).expect("the views open")
}

/// A key and its row.
pub type Row = (Vec<u8>, Vec<u8>);

/// Every row of a table.
pub fn rows(db: &DB, table: &str) -> Vec<Row> {
    let handle = db.cf_handle(table).expect("a table");
    db.iterator_cf(handle, IteratorMode::Start)
        .map(|row| row.expect("reads"))
        .map(|(k, v)| (k.into(), v.into()))
        .collect()
}

/// Writes a row into a table.
pub fn put(db: &DB, table: &str, key: &[u8], row: &[u8]) {
    db.put_cf(db.cf_handle(table).expect("a table"), key, row).expect("writes");
}

/// The bytes of every record.
pub fn records(data: &Path) -> Vec<Vec<u8>> {
    let db = log(data);
    let blocks = rows(&db, "blocks");
    blocks
        .iter()
        .flat_map(|(_, stored)| {
            let block = Block::from_stored(stored).expect("a sound block");
            block.iter().map(|(_, bytes)| bytes.to_vec()).collect::<Vec<_>>()
        })
        .collect()
}

/// A record's bytes.
pub fn encode(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::record::encode(record, None, &mut bytes);
    bytes
}

/// Writes these records as the whole history: blocks, head, the manifests of snapshots and the checkpoints of views agree with it.
pub fn history(data: &Path, records: &[Vec<u8>]) {
    let db = log(data);
    let table = db.cf_handle("blocks").expect("a table");
    for (key, _) in rows(&db, "blocks") {
        db.delete_cf(table, key).expect("deletes");
    }
    let mut builder = BlockBuilder::after(Head::EMPTY);
    let mut chains: Vec<Hash> = vec![Head::EMPTY.chain];
    for (place, record) in records.iter().enumerate() {
        builder.push(record);
        chains.push(chain::link(&chains[place], &chain::leaf(record)));
        if builder.len() == 64 || place + 1 == records.len() {
            let block = builder.finish();
            put(&db, "blocks", &block.first().to_be_bytes(), &block.to_stored(1).expect("encodes"));
        }
    }
    let last = records.len();
    put(&db, "default", &[2], &place(last, &chains));
    for (key, mut row) in rows(&db, "default").into_iter().filter(|(key, _)| key[0] == 4) {
        let stands = place(at(&row[5..13]).min(last), &chains);
        row[5..45].copy_from_slice(&stands);
        put(&db, "default", &key, &row);
    }
    let views = views(data);
    for (key, mut row) in rows(&views, "default").into_iter().filter(|(key, _)| key.starts_with(&[0, 2])) {
        let stands = place(at(&row[..8]).min(last), &chains);
        row[..40].copy_from_slice(&stands);
        views.put(key, row).expect("writes");
    }
}

fn at(bytes: &[u8]) -> usize {
    u64::from_be_bytes(bytes.try_into().expect("eight bytes")) as usize
}

fn place(sequence: usize, chains: &[Hash]) -> [u8; 40] {
    let mut row = [0; 40];
    row[..8].copy_from_slice(&(sequence as u64).to_be_bytes());
    row[8..].copy_from_slice(&chains[sequence]);
    row
}
