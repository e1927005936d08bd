//! What happens to a database's file, and what is said of it.

use std::path::Path;
use std::time::Duration;

use super::super::{ExecutionQueue, SqliteOptions, SqliteReader, SqliteStore, VERSION};
use super::{Place, START, begin, fill, gap, row, run, told, trade, trades};
use crate::feed::bybit::{AccountKind, Entry, GapState, Millis, Origin, RunEnd, Store, StoreError};

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(
        path,
        SqliteOptions {
            busy_timeout: Duration::ZERO,
        },
    )
}

fn refused(path: &Path, words: &str) {
    let before = std::fs::read(path).ok();
    let error = open(path).unwrap_err();
    assert!(error.what.contains(words), "{error}");
    assert!(error.what.contains(&path.display().to_string()), "{error}");
    assert_eq!(std::fs::read(path).ok(), before, "{words}");
}

fn one(id: &str) -> Vec<Entry> {
    vec![told(vec![trade("BTCUSDT", 1, id)])]
}

#[test]
fn what_is_not_ours_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let at = |name: &str| place.folder.path().join(name);
    for (name, text) in [("short", "hello"), ("long", &*"a,b,c\n".repeat(1000))] {
        let path = at(name);
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), text.as_bytes())
            .unwrap();
        refused(
            &path,
            "it is no SQLite database: move it away, or name another file",
        );
        assert!(SqliteReader::open(&path, SqliteOptions::default()).is_err());
    }
    for (name, mode) in [("plain", "DELETE"), ("wal", "WAL")] {
        let path = at(name);
        let other = rusqlite::Connection::open(&path).unwrap();
        other
            .query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(()))
            .unwrap();
        other
            .execute_batch("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('a')")
            .unwrap();
        refused(&path, "another program");
        drop(other);
        refused(&path, "another program");
        let count = |it: &rusqlite::Connection| {
            it.query_row("SELECT count(*) FROM notes", [], |row| row.get::<_, i64>(0))
        };
        assert_eq!(count(&rusqlite::Connection::open(&path).unwrap()), Ok(1));
    }
    refused(&at("gone/recorder.db"), "there is no folder");
    assert!(!at("gone").exists());
    let reader = SqliteReader::open(at("none.db"), SqliteOptions::default()).unwrap_err();
    assert!(
        reader.what.contains("no such file") && !at("none.db").exists(),
        "{reader}"
    );
    drop(place.open());
    let newer = rusqlite::Connection::open(&place.path).unwrap();
    newer
        .pragma_update(None, "user_version", VERSION + 1)
        .unwrap();
    drop(newer);
    refused(
        &place.path,
        &format!(
            "it has version {}, and this program knows {VERSION}",
            VERSION + 1
        ),
    );
    // An empty file, and an empty database, are begun.
    std::fs::File::create(at("empty")).unwrap();
    assert!(open(&at("empty")).is_ok());
    rusqlite::Connection::open(at("void"))
        .unwrap()
        .execute_batch("CREATE TABLE a (b); DROP TABLE a")
        .unwrap();
    assert!(open(&at("void")).is_ok());
}

#[test]
fn one_capture_has_a_database_and_readers_need_no_leave() {
    let place = Place::new();
    let store = place.begun();
    let error = open(&place.path).unwrap_err();
    assert!(
        error
            .what
            .contains(&format!("process {}", std::process::id())),
        "{error}"
    );
    let reader = SqliteReader::open(&place.path, SqliteOptions::default()).unwrap();
    assert_eq!(reader.runs().unwrap().len(), 1);
    drop(store);
    assert!(open(&place.path).is_ok());
}

#[test]
fn the_pragmas_are_those_of_a_capture() {
    let place = Place::new();
    let store = place.begun();
    let connection = &store.file.as_ref().unwrap().connection;
    for (pragma, wanted) in [
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("journal_size_limit", 64 << 20),
        ("application_id", 0x544a_6263),
        ("user_version", 1),
    ] {
        let found =
            connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
        assert_eq!(found, Ok(wanted), "{pragma}");
    }
    let mode = connection.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0));
    assert_eq!(mode.as_deref(), Ok("wal"));
}

#[test]
fn a_file_that_is_moved_removed_or_replaced_is_followed() {
    let place = Place::new();
    let aside = place.folder.path().join("aside.db");
    let mut store = place.open();
    begin(&mut store, &[trades("BTCUSDT")]);
    store
        .write(&[Entry::GapOpened(gap(1, trades("BTCUSDT")))])
        .unwrap();
    store.write(&one("a")).unwrap();
    assert_eq!(store.notes(), [""; 0]);
    let mut queue = store.executions().unwrap();

    rename(&place.path, &aside);
    let error = queue.unjournaled(1).unwrap_err();
    assert!(error.is_passing, "{error}");
    store.write(&one("b")).unwrap();
    let notes = store.notes();
    assert!(
        notes.len() == 1 && notes[0].contains("moved or removed"),
        "{notes:?}"
    );
    assert_eq!(place.text("SELECT trade_id FROM public_trades"), "b");
    assert_eq!(
        place.text("SELECT status, gap_id, state FROM runs JOIN gaps USING (run_id)"),
        "running 1 open"
    );
    assert_eq!(queue.unjournaled(1).unwrap(), []);
    // What was moved is whole, without its log.
    let old = Place {
        folder: tempfile::tempdir().unwrap(),
        path: aside.clone(),
    };
    assert_eq!(old.text("SELECT trade_id FROM public_trades"), "a");
    assert_eq!(old.text("PRAGMA integrity_check"), "ok");

    std::fs::remove_file(&place.path).unwrap();
    store.write(&one("c")).unwrap();
    assert_eq!(place.text("SELECT trade_id FROM public_trades"), "c");
    store.notes();

    // Back: the same run goes on in it, and its gap is filled there.
    rename(&aside, &place.path);
    let filling = fill(1, GapState::Filled, vec![trade("BTCUSDT", 5, "d")]);
    store.write(&[filling]).unwrap();
    assert_eq!(
        place.text("SELECT group_concat(trade_id, '') FROM public_trades"),
        "ad"
    );
    assert_eq!(place.text("SELECT run_id, status FROM runs"), "1 running");
    assert_eq!(
        place.text("SELECT gap_id, state, rows_filled FROM gaps"),
        "1 filled 1"
    );
    assert!(store.notes()[0].contains("another file is there now"));
}

#[expect(clippy::disallowed_methods, reason = "what a person does")]
fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}

#[test]
fn in_the_database_of_another_capture_numbers_of_runs_and_gaps_do_not_meet() {
    let place = Place::new();
    let mut store = place.begun();
    let other = Place::new();
    let mut earlier = other.begun();
    earlier
        .write(&[
            Entry::GapOpened(gap(1, trades("XRPUSDT"))),
            Entry::GapOpened(gap(2, trades("XRPUSDT"))),
        ])
        .unwrap();
    drop(earlier);
    store
        .write(&[Entry::GapOpened(gap(2, trades("ETHUSDT")))])
        .unwrap();
    rename(&other.path, &place.path);
    store
        .write(&[
            Entry::GapOpened(gap(3, trades("SOLUSDT"))),
            fill(2, GapState::Filled, Vec::new()),
        ])
        .unwrap();
    let sql = "SELECT gap_id, symbol, state, run_id FROM gaps ORDER BY gap_id";
    assert_eq!(
        place.text(sql),
        "1 XRPUSDT open 1\n2 XRPUSDT open 1\n4 ETHUSDT filled 2\n5 SOLUSDT open 2"
    );
    store.end(Millis(START + 9), &RunEnd::Completed).unwrap();
    assert_eq!(place.text("SELECT status FROM runs"), "crashed\ncompleted");
    assert_eq!(place.text("PRAGMA integrity_check"), "ok");
}

#[test]
fn what_takes_the_place_and_is_not_ours_is_left_alone_until_it_goes() {
    let place = Place::new();
    let mut store = place.begun();
    store.write(&one("a")).unwrap();
    std::fs::remove_file(&place.path).unwrap();
    std::io::Write::write_all(&mut std::fs::File::create(&place.path).unwrap(), b"a diary")
        .unwrap();
    let error = store.write(&one("b")).unwrap_err();
    assert!(
        error.is_passing && error.what.contains("no SQLite database"),
        "{error}"
    );
    assert!(store.write(&one("b")).is_err());
    assert_eq!(std::fs::read(&place.path).unwrap(), b"a diary");
    std::fs::remove_file(&place.path).unwrap();
    store.write(&one("b")).unwrap();
    assert_eq!(place.text("SELECT trade_id FROM public_trades"), "b");
    assert_eq!(store.notes().len(), 1);
}

#[test]
fn a_lock_passes_and_nothing_is_half_written() {
    let place = Place::new();
    let mut store = place.open();
    begin(&mut store, &[]);
    let other = place.sql();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = store.write(&one("a")).unwrap_err();
    assert!(
        error.is_passing && error.what.contains("another program has it locked"),
        "{error}"
    );
    assert!(error.what.starts_with("write to "), "{error}");
    assert!(store.begin(&run(&[])).unwrap_err().is_passing);
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(store.write(&one("a")).unwrap().trades, 1);
}

#[test]
fn a_full_disk_passes_and_nothing_is_half_written() {
    let place = Place::new();
    let mut store = place.begun();
    let many = |from: i64| {
        let trades =
            (from..from + 5000).map(|it| trade("BTCUSDT", it, &format!("some-longer-id-{it}")));
        vec![told(trades.collect())]
    };
    store.write(&many(0)).unwrap();
    let limit = |store: &SqliteStore, pages: i64| {
        let connection = &store.file.as_ref().unwrap().connection;
        let sql = format!("PRAGMA max_page_count = {pages}");
        connection.query_row(&sql, [], |_| Ok(())).unwrap();
    };
    limit(&store, 1);
    let error = store.write(&many(5000)).unwrap_err();
    assert!(
        error.is_passing && error.what.ends_with("the disk is full: make room"),
        "{error}"
    );
    assert_eq!(place.count("public_trades"), 5000);
    limit(&store, 1_000_000);
    assert_eq!(store.write(&many(5000)).unwrap().trades, 5000);
}

#[test]
fn damage_does_not_pass() {
    let place = Place::new();
    let mut store = place.begun();
    let trades = (0..3000).map(|it| trade("BTCUSDT", it, &format!("id-{it}")));
    store.write(&[told(trades.collect())]).unwrap();
    drop(store);
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&place.path)
        .unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    for page in 30..pages {
        std::os::unix::fs::FileExt::write_all_at(&file, &[0xAB; 4096], page * 4096).unwrap();
    }
    drop(file);
    let mut store = place.open();
    begin(&mut store, &[]);
    let more = (0..3000).map(|it| trade("BTCUSDT", it, &format!("ie-{it}")));
    let error = store.write(&[told(more.collect())]).unwrap_err();
    assert!(
        !error.is_passing && error.what.contains(".recover"),
        "{error}"
    );
}

#[test]
fn a_file_that_may_not_be_written_says_so() {
    let place = Place::new();
    let mut store = place.begun();
    store
        .file
        .as_ref()
        .unwrap()
        .connection
        .pragma_update(None, "query_only", true)
        .unwrap();
    let error = store.write(&one("a")).unwrap_err();
    assert!(
        error.is_passing && error.what.contains("may not be written"),
        "{error}"
    );
}

#[test]
fn the_log_stays_bounded() {
    let place = Place::new();
    let mut store = place.begun();
    let reader = place.sql();
    // A reader that stays keeps what it sees.
    reader.execute_batch("BEGIN; SELECT * FROM runs").unwrap();
    store.file.as_mut().unwrap().wal_len_max = 256 << 10;
    let many = |from: i64| {
        let trades =
            (from..from + 10_000).map(|it| trade("BTCUSDT", it, &format!("some-longer-id-{it}")));
        vec![told(trades.collect())]
    };
    store.write(&many(0)).unwrap();
    let with_reader = store.size().wal_bytes;
    assert!(with_reader > 256 << 10, "{with_reader}");
    reader.execute_batch("COMMIT").unwrap();
    store.file.as_mut().unwrap().wal_len_max = 256 << 10;
    store.write(&many(10_000)).unwrap();
    assert_eq!(store.size().wal_bytes, 0);
    assert_eq!(place.count("public_trades"), 20_000);
}

#[test]
fn a_queue_needs_a_database_that_is_ours() {
    let place = Place::new();
    assert!(ExecutionQueue::open(&place.path, SqliteOptions::default()).is_err());
    assert!(!place.path.exists());
    let mut store = place.begun();
    let json = r#"{"category":"linear","symbol":"A","execId":"e","execTime":"1"}"#;
    let it = row(AccountKind::Execution, json);
    store
        .write(&[Entry::Account(it, Origin::Socket, Millis(START))])
        .unwrap();
    drop(store);
    let mut queue = ExecutionQueue::open(&place.path, SqliteOptions::default()).unwrap();
    assert_eq!(queue.unjournaled(5).unwrap().len(), 1);
}
