//! Messages as they came, compressed.
//!
//! The messages of one connection that are written at once share a row. Its body is zlib of one entry a
//! message: when it came and the length of its text in bytes, on a line; the text; the end of a line.
//!
//! Always true: what is read is what was written, byte for byte, whatever is in it. A row holds so little
//! that reading it costs little.
//!
//! Not here: which messages are kept.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use rusqlite::{Connection, Row, params};

use crate::feed::bybit::{Category, Millis, RawFrame};

/// How many bytes of text share a row.
const TEXT_LEN_MAX: usize = 4 << 20;
/// Fast, and little larger than the best for JSON that repeats itself.
const LEVEL: u32 = 3;

const INSERT: &str = "\
INSERT INTO raw_frames (connection, category, first_received_ms, last_received_ms, count, unknown, bytes, \
body, run_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

pub(super) const COLUMNS: &str = "frames_id, run_id, connection, category, first_received_ms, last_received_ms, unknown, bytes, body";

/// A row of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFrames {
    /// Its number.
    pub id: i64,
    /// The run that wrote it.
    pub run: i64,
    /// The messages, in the order in which they came.
    pub frames: Vec<RawFrame>,
}

type Key<'e> = (u64, Option<Category>, Option<&'e str>);

/// The messages of one call, until they are rows.
#[derive(Default)]
pub(super) struct Frames<'e> {
    groups: BTreeMap<Key<'e>, Group>,
}

struct Group {
    first: Millis,
    last: Millis,
    count: i64,
    text_len: usize,
    body: ZlibEncoder<Vec<u8>>,
}

impl<'e> Frames<'e> {
    pub(super) fn add(
        &mut self,
        connection: &Connection,
        run: i64,
        frame: &'e RawFrame,
    ) -> rusqlite::Result<()> {
        let key = (frame.connection, frame.category, frame.unknown.as_deref());
        let group = self.groups.entry(key).or_insert_with(|| Group {
            first: frame.received,
            last: frame.received,
            count: 0,
            text_len: 0,
            body: ZlibEncoder::new(Vec::new(), Compression::new(LEVEL)),
        });
        group.last = frame.received;
        group.count += 1;
        group.text_len += frame.text.len();
        let body = &mut group.body;
        writeln!(body, "{} {}", frame.received.0, frame.text.len())
            .and_then(|()| body.write_all(frame.text.as_bytes()))
            .and_then(|()| body.write_all(b"\n"))
            .map_err(|it| rusqlite::Error::ToSqlConversionFailure(Box::new(it)))?;
        if TEXT_LEN_MAX <= group.text_len
            && let Some(group) = self.groups.remove(&key)
        {
            group.write(connection, run, key)?;
        }
        Ok(())
    }

    pub(super) fn finish(self, connection: &Connection, run: i64) -> rusqlite::Result<()> {
        for (key, group) in self.groups {
            group.write(connection, run, key)?;
        }
        Ok(())
    }
}

impl Group {
    fn write(self, connection: &Connection, run: i64, key: Key<'_>) -> rusqlite::Result<()> {
        let (number, category, unknown) = key;
        let body = self.body.finish();
        let body = body.map_err(|it| rusqlite::Error::ToSqlConversionFailure(Box::new(it)))?;
        let mut insert = connection.prepare_cached(INSERT)?;
        insert.execute(params![
            i64::try_from(number).unwrap_or(i64::MAX),
            category.map(|it| it.as_str()),
            self.first.0,
            self.last.0,
            self.count,
            unknown,
            i64::try_from(self.text_len).unwrap_or(i64::MAX),
            body,
            run,
        ])?;
        Ok(())
    }
}

/// A row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<KeptFrames> {
    let category: Option<String> = row.get(3)?;
    let category = category.and_then(|it| it.parse().ok());
    let connection = u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default();
    let unknown: Option<String> = row.get(6)?;
    let body = row.get_ref(8)?.as_blob()?;
    let wrong = |why: &str| {
        let kind = rusqlite::types::Type::Blob;
        rusqlite::Error::FromSqlConversionFailure(8, kind, why.into())
    };
    let texts = texts(body).ok_or_else(|| wrong("the messages of a row cannot be read"))?;
    let frames = texts.into_iter().map(|(received, text)| RawFrame {
        category,
        connection,
        received,
        unknown: unknown.clone(),
        text,
    });
    Ok(KeptFrames {
        id: row.get(0)?,
        run: row.get(1)?,
        frames: frames.collect(),
    })
}

/// The messages of a body, and when they came.
fn texts(body: &[u8]) -> Option<Vec<(Millis, Box<str>)>> {
    let mut all = String::new();
    ZlibDecoder::new(body).read_to_string(&mut all).ok()?;
    let (mut rest, mut texts) = (all.as_str(), Vec::new());
    while !rest.is_empty() {
        let (head, after) = rest.split_once('\n')?;
        let (received, len) = head.split_once(' ')?;
        let (text, after) = after.split_at_checked(len.parse().ok()?)?;
        texts.push((Millis(received.parse().ok()?), text.into()));
        rest = after.strip_prefix('\n')?;
    }
    Some(texts)
}
