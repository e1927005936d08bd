//! A journal's line as cells: for tables and CSV, of every stream and of newer versions too.
//!
//! Always true:
//! - Values are as the line has them; only a table's times are turned into its zone.
//! - A field that is `null` or not there is an empty cell.
//!
//! Not here: whether the record is valid.

use std::{borrow::Cow, collections::BTreeMap};

use chrono_tz::Tz;
use serde_json::value::RawValue;
use tradejournal::record::Stream;
use tradejournal::time::Timestamp;

use crate::streams::{Shape, columns};
use crate::table::{Column, Table};
use crate::when;

/// The fields of one line.
#[derive(Debug)]
pub(crate) struct View<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> View<'a> {
    /// The fields of `line`, or `None` if it is no JSON object.
    pub(crate) fn of(line: &'a [u8]) -> Option<View<'a>> {
        serde_json::from_slice(line).ok().map(View)
    }

    /// A field as text: a JSON text without its quotes, anything else as it is written.
    pub(crate) fn text(&self, field: &str) -> Option<Cow<'a, str>> {
        let json = self.0.get(field)?.get();
        match json.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
            Some(b'n') => None,
            _ => Some(Cow::Borrowed(json)),
        }
    }

    /// The cells of the stream's table.
    pub(crate) fn row(&self, stream: Stream, zone: Tz) -> Vec<String> {
        let cells = columns(stream).iter().map(|column| {
            if column.names.is_empty() {
                return self.rest(stream);
            }
            let value = column.names.iter().find_map(|it| self.text(it));
            let value = value.unwrap_or_default();
            match (column.shape, value.parse::<Timestamp>()) {
                (Shape::Time, Ok(instant)) => when::shown(instant, zone),
                _ => value.into_owned(),
            }
        });
        cells.collect()
    }

    /// What no other column shows, as `name=value`.
    fn rest(&self, stream: Stream) -> String {
        let is_shown = |name: &str| {
            let journals = ["seq", "dur", "hash"].contains(&name);
            journals || columns(stream).iter().any(|it| it.names.contains(&name))
        };
        let rest = self.0.keys().filter(|it| !is_shown(it));
        let texts: Vec<String> = rest
            .filter_map(|name| Some(format!("{name}={}", self.text(name)?)))
            .collect();
        texts.join(" ")
    }
}

/// An empty table for the stream.
pub(crate) fn table(stream: Stream) -> Table {
    let columns = columns(stream).iter().map(|it| match it.shape {
        Shape::Number => Column::right(it.title),
        Shape::Text => Column::text(it.title),
        Shape::Time | Shape::Word => Column::left(it.title),
    });
    Table::new(columns.collect())
}
