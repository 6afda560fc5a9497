//! Every setting of RocksDB, with its reason. Those of [`GUARDS`] and [`log_database`] are binding: they are what keeps a crash, a full
//! disk or a flipped bit from losing acknowledged records in silence.

use std::path::Path;

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, ColumnFamilyDescriptor, DB, DBCompactionStyle, DBCompressionType,
    DBRecoveryMode, ReadOptions, UniversalCompactOptions, WriteOptions,
};

use crate::{Error, Memory, Options, keys};

/// Settings that the binding has no setters for, in RocksDB's own words, so that they hold from the first memtable on.
///
/// * `max_bgerror_resume_count=0`: by default RocksDB goes on by itself after a full disk. We stop, and a new start finds out.
/// * `memtable_protection_bytes_per_key`, `block_protection_bytes_per_key`: a checksum for each row in memory.
/// * `paranoid_file_checks`: every file is read back after it was written.
const GUARDS: &str = "max_bgerror_resume_count=0;memtable_protection_bytes_per_key=8;block_protection_bytes_per_key=8;\
                      paranoid_file_checks=true";
/// Views can be rebuilt from the log, so reading files back is not worth its time; the rows in memory are still guarded.
///
/// The first byte of a key is its table, and a view writes the rows of a table in the order of their keys: where the last one of a
/// table went is remembered, so the next is found from there and not from the top of the list.
const VIEW_GUARDS: &str = "max_bgerror_resume_count=0;memtable_protection_bytes_per_key=8;\
                           memtable_insert_with_hint_prefix_extractor=rocksdb.FixedPrefix.1";

/// Opens the database of a log.
pub(crate) fn open_log(dir: &Path, options: &Options, mode: Mode) -> Result<DB, Error> {
    let failed = |cause: rocksdb::Error| Error::open(dir, cause);
    let mut database = log_database(options).map_err(failed)?;
    if mode == Mode::Create {
        database.create_if_missing(true);
        database.create_missing_column_families(true);
        database.set_error_if_exists(true);
    }
    let memory = &options.memory;
    let tables = [
        (rocksdb::DEFAULT_COLUMN_FAMILY_NAME, own_table(memory)),
        (keys::BLOCKS, blocks_table(memory)),
        (keys::CLAIMS, claims_table(memory)),
        (keys::IDS, ids_table(memory)),
        (keys::SNAPSHOTS, snapshots_table(memory)),
    ];
    let tables = tables
        .into_iter()
        .map(|(name, table)| Ok(ColumnFamilyDescriptor::new(name, table?)))
        .collect::<Result<Vec<_>, rocksdb::Error>>()
        .map_err(failed)?;
    match mode {
        Mode::Create | Mode::Write => DB::open_cf_descriptors(&database, dir, tables),
        Mode::Read => DB::open_cf_descriptors_read_only(&database, dir, tables, false),
    }
    .map_err(failed)
}

/// Opens the database of views, creating it when it is not there.
pub(crate) fn open_views(dir: &Path, options: &Options) -> Result<DB, Error> {
    let failed = |cause: rocksdb::Error| Error::open(dir, cause);
    let mut database = rows_table(VIEW_GUARDS, &options.memory).map_err(failed)?;
    database_settings(&mut database, options);
    database.create_if_missing(true);
    // Rows and checkpoints lie in one table and go in one batch, so any prefix of the write-ahead log is a true earlier state, from which
    // the views catch up. For the log of records itself the same setting would be silent loss.
    database.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    DB::open(&database, dir).map_err(failed)
}

/// How a log is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Create,
    Write,
    Read,
}

/// Every commit: not acknowledged before the disk has it.
pub(crate) fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

/// What may be rebuilt: in the write-ahead log, but not waited for.
pub(crate) fn unsynced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(false);
    options
}

/// A long read in key order: checksums on, and the cache is left to those who need it.
pub(crate) fn long_scan() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_verify_checksums(true);
    options.fill_cache(false);
    options.set_readahead_size(2 << 20);
    options
}

fn log_database(options: &Options) -> Result<rocksdb::Options, rocksdb::Error> {
    let mut database = guarded(GUARDS)?;
    database_settings(&mut database, options);
    // A torn last record is an unacknowledged commit and is dropped; a damaged one in the middle refuses to open. RocksDB's default
    // would drop everything from the damage on and say nothing.
    database.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    Ok(database)
}

fn database_settings(database: &mut rocksdb::Options, options: &Options) {
    database.create_if_missing(false);
    database.set_paranoid_checks(true);
    database.set_track_and_verify_wals_in_manifest(true);
    database.set_manual_wal_flush(false);
    database.set_unordered_write(false);
    database.set_allow_mmap_writes(false);
    // The kept tail of a recycled file looks like data; the recovery mode above needs it off.
    database.set_recycle_log_file_num(0);

    let memory = &options.memory;
    database.set_write_buffer_manager(&memory.buffers);
    // A table that is seldom written must not keep old write-ahead logs alive: a start reads all of them.
    database.set_max_total_wal_size(memory.write_buffer_bytes as u64);
    database.set_max_background_jobs(i32::from(options.background_jobs.max(2)));
    // Write files out as they grow: one large flush at the end would make commits wait for the disk.
    database.set_bytes_per_sync(1 << 20);
    database.set_avoid_unnecessary_blocking_io(true);
    database.set_skip_stats_update_on_db_open(true);
    database.set_max_open_files(-1);
    database.set_keep_log_file_num(4);
    database.set_max_log_file_size(16 << 20);
    database.set_stats_dump_period_sec(0);
    database.set_stats_persist_period_sec(0);
}

fn guarded(guards: &str) -> Result<rocksdb::Options, rocksdb::Error> {
    rocksdb::Options::default().get_options_from_string(guards)
}

/// What all tables share.
fn table(guards: &str, memory: &Memory) -> Result<rocksdb::Options, rocksdb::Error> {
    let mut table = guarded(guards)?;
    table.set_write_buffer_size((memory.write_buffer_bytes / 2).max(1 << 20));
    // Room for a flush that lags: a commit must not wait for it.
    table.set_max_write_buffer_number(4);
    Ok(table)
}

/// Blocks of 16 KiB, indexes and filters in the shared cache, so that memory is bounded however large the log grows.
fn blocks_of_rows(memory: &Memory) -> BlockBasedOptions {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&memory.cache);
    blocks.set_block_size(16 << 10);
    blocks.set_format_version(6);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks
}

/// Rows that are found by key and scanned in order.
fn rows_table(guards: &str, memory: &Memory) -> Result<rocksdb::Options, rocksdb::Error> {
    let mut table = table(guards, memory)?;
    let mut blocks = blocks_of_rows(memory);
    blocks.set_bloom_filter(10.0, false);
    table.set_block_based_table_factory(&blocks);
    table.set_compression_type(DBCompressionType::Lz4);
    Ok(table)
}

/// Format, head, cursors, manifests: a handful of rows.
fn own_table(memory: &Memory) -> Result<rocksdb::Options, rocksdb::Error> {
    rows_table(GUARDS, memory)
}

/// Blocks of records: written once in order, read in order, already compressed.
fn blocks_table(memory: &Memory) -> Result<rocksdb::Options, rocksdb::Error> {
    let mut table = table(GUARDS, memory)?;
    table.set_block_based_table_factory(&blocks_of_rows(memory));
    table.set_compression_type(DBCompressionType::None);
    table.set_target_file_size_base(256 << 20);
    Ok(table)
}

/// Ids of the newest blocks: written once, read only at a start, removed from the front; hashes, so compressing them gains nothing.
fn claims_table(memory: &Memory) -> Result<rocksdb::Options, rocksdb::Error> {
    let mut table = table(GUARDS, memory)?;
    table.set_block_based_table_factory(&blocks_of_rows(memory));
    table.set_compression_type(DBCompressionType::None);
    Ok(table)
}

/// Ids for ever: random keys in files of a million, never changed, seldom found.
pub(crate) fn ids_table(memory: &Memory) -> Result<rocksdb::Options, rocksdb::Error> {
    let mut table = table(GUARDS, memory)?;
    let mut blocks = blocks_of_rows(memory);
    blocks.set_bloom_filter(10.0, false);
    blocks.set_whole_key_filtering(true);
    // Hundreds of millions of ids have filters larger than the cache. In parts, a look-up needs 4 KiB of one and not megabytes.
    blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    blocks.set_partition_filters(true);
    blocks.set_metadata_block_size(4 << 10);
    blocks.set_pin_top_level_index_and_filter(true);
    blocks.set_block_size(4 << 10);
    table.set_block_based_table_factory(&blocks);
    table.set_compression_type(DBCompressionType::Lz4);
    // Each file spans all keys, so levels would be rewritten again and again. Merged by size each id is rewritten about three times on the
    // way to a hundred million, and the filter in memory makes up for there being several files to ask.
    table.set_compaction_style(DBCompactionStyle::Universal);
    let mut merging = UniversalCompactOptions::default();
    merging.set_min_merge_width(4);
    merging.set_size_ratio(20);
    table.set_universal_compaction_options(&merging);
    table.set_level_zero_file_num_compaction_trigger(12);
    // More files are only slower to ask; a commit must not wait for them.
    table.set_level_zero_slowdown_writes_trigger(100);
    table.set_level_zero_stop_writes_trigger(200);
    Ok(table)
}

/// Pieces of snapshots: large, read once at a start, deleted when two newer ones are there.
fn snapshots_table(memory: &Memory) -> Result<rocksdb::Options, rocksdb::Error> {
    let mut table = table(GUARDS, memory)?;
    table.set_block_based_table_factory(&blocks_of_rows(memory));
    table.set_compression_type(DBCompressionType::Lz4);
    Ok(table)
}
