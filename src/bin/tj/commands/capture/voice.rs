//! How a capture tells what happens, while it runs.
//!
//! Always true:
//! - Whoever captures never waits for whoever reads: what finds no room is counted, and told as a number.
//! - A line has its time. Data is on standard output, with `--json`; all else on standard error.
//!
//! Not here: what there is to tell.

use std::io::{self, Write as _};

use serde_json::{Map, Value};
use tradejournal::feed::bybit::Millis;
use tradejournal::time::{Clock, SystemClock};

use super::time;
use crate::output::{Talk, printable};

/// Standard error, or objects on standard output.
#[derive(Debug)]
pub(super) struct Voice {
    talk: Talk,
    is_json: bool,
    /// Nobody reads standard output any more; the capture goes on.
    is_unread: bool,
}

impl Voice {
    pub(super) fn new(is_json: bool) -> Voice {
        Voice {
            talk: Talk::new(),
            is_json,
            is_unread: false,
        }
    }

    /// Says something: `text` to a person, `data` to a program.
    pub(super) fn say(&mut self, event: &str, text: &str, data: Map<String, Value>) {
        let time = time(Millis::of(SystemClock.now()));
        if !self.is_json {
            self.talk.note(&printable(&format!("{time} {text}")));
            return;
        }
        if self.is_unread {
            return;
        }
        let mut line = Map::new();
        line.insert("time".to_owned(), time.into());
        line.insert("event".to_owned(), event.into());
        line.extend(data);
        let line = Value::Object(line);
        let mut out = io::stdout().lock();
        let told = writeln!(out, "{line}").and_then(|()| out.flush());
        self.is_unread = told.is_err();
    }

    /// Says something that is a text and no more.
    pub(super) fn note(&mut self, event: &str, text: &str) {
        let mut data = Map::new();
        data.insert("text".to_owned(), text.into());
        self.say(event, text, data);
    }
}
