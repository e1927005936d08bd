//! Errors in the making, and errors whose texts a journal would refuse.
//!
//! Always true: whatever went wrong can be logged. What is blank, too long or personal in its texts is
//! filled, cut or masked, and says so.

use std::any::type_name;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::error::Error;

use crate::journal::chain_of;
use crate::journal::line::{LINE_LEN_MAX, TAIL_LEN_MAX};
use crate::record::field::{Note, Pair, Severity, Text, Word};
use crate::record::{ErrorParts, ErrorRecord, Record as _, personal};
use crate::time::{Clock, Timestamp};

/// How long a text may be, and how long it may be where that is still too much: six texts of that length fit
/// into a line even where each byte is written as six.
const TEXT_LEN_MAX: usize = 64 << 10;
const TEXT_LEN_SHORT: usize = 16 << 10;

/// An error in the making.
///
/// ```
/// use tradejournal::bot::ErrorEntry;
/// use tradejournal::record::{ErrorRecord, field::Severity};
/// use tradejournal::time::SystemClock;
///
/// let error = "x".parse::<u8>().unwrap_err();
/// let record = ErrorEntry::new(&SystemClock, ErrorRecord::API_ERROR, "Order placement failed")
///     .severity(Severity::Warning)
///     .symbol("BTC-USDT")
///     .exception(&error)
///     .recovery("Retry after 1 second")
///     .build();
/// assert_eq!(record.exception_type(), "core::num::error::ParseIntError");
/// assert_eq!(record.exception_message(), "invalid digit found in string");
/// ```
#[derive(Clone, Debug)]
#[must_use = "an error comes to be with `build`"]
pub struct ErrorEntry {
    timestamp: Timestamp,
    error_type: Word,
    severity: Severity,
    symbol: Option<Pair>,
    message: String,
    exception_type: String,
    exception_message: String,
    stack_trace: String,
    recovery_action: String,
    notes: String,
}

impl ErrorEntry {
    /// Something that went wrong at this moment; its severity is `ERROR` unless it is said.
    pub fn new(clock: &dyn Clock, error_type: Word, message: impl Into<String>) -> ErrorEntry {
        ErrorEntry {
            timestamp: clock.now(),
            error_type,
            severity: Severity::Error,
            symbol: None,
            message: message.into(),
            exception_type: String::new(),
            exception_message: String::new(),
            stack_trace: String::new(),
            recovery_action: String::new(),
            notes: String::new(),
        }
    }

    /// When it went wrong, where that is not now.
    pub fn at(mut self, timestamp: Timestamp) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// How bad it is.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// What was traded. What is no symbol stands in the notes.
    pub fn symbol(mut self, symbol: impl AsRef<str>) -> Self {
        self.symbol = symbol.as_ref().parse().ok();
        if self.symbol.is_none() {
            add_line(&mut self.notes, &format!("symbol: {}", symbol.as_ref()));
        }
        self
    }

    /// The error of the program: its type, and what it and its causes say.
    pub fn exception<E: Error + ?Sized>(mut self, error: &E) -> Self {
        self.exception_type = type_name::<E>().to_owned();
        self.exception_message = error.to_string();
        let mut cause = error.source();
        if let Some(first) = cause {
            self.exception_message = format!("{error}: {}", chain_of(first));
            add_line(&mut self.stack_trace, &error.to_string());
        }
        while let Some(error) = cause {
            add_line(&mut self.stack_trace, &format!("caused by: {error}"));
            cause = error.source();
        }
        self
    }

    /// An error that is none of this program: the name of its type, and what it says.
    pub fn exception_named(mut self, name: impl Into<String>, says: impl Into<String>) -> Self {
        self.exception_type = name.into();
        self.exception_message = says.into();
        self
    }

    /// Where in the program; nothing where none was captured.
    pub fn backtrace(mut self, backtrace: &Backtrace) -> Self {
        if backtrace.status() == BacktraceStatus::Captured {
            add_line(&mut self.stack_trace, backtrace.to_string().trim_end());
        }
        self
    }

    /// What was done to go on.
    pub fn recovery(mut self, action: impl Into<String>) -> Self {
        self.recovery_action = action.into();
        self
    }

    /// Whatever else is to be said.
    pub fn notes(mut self, notes: impl AsRef<str>) -> Self {
        add_line(&mut self.notes, notes.as_ref());
        self
    }

    /// The error. A message that says nothing is what the error of the program says, or the kind of error.
    #[must_use]
    pub fn build(self) -> ErrorRecord {
        let said = Text::try_from(self.message).or_else(|_| self.exception_message.parse());
        let message = said.unwrap_or_else(|_| Text::of_word(&self.error_type));
        ErrorRecord::of(ErrorParts {
            timestamp: self.timestamp,
            error_type: self.error_type,
            severity: self.severity,
            symbol: self.symbol,
            message,
            exception_type: Note::new(self.exception_type),
            exception_message: Note::new(self.exception_message),
            stack_trace: Note::new(self.stack_trace),
            recovery_action: Note::new(self.recovery_action),
            notes: Note::new(self.notes),
        })
    }
}

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

/// `record` as a journal takes it.
pub(super) fn admissible(record: &ErrorRecord, allows_personal: bool) -> Cow<'_, ErrorRecord> {
    let mut is_fine = true;
    record.texts(&mut |_, text| {
        let is_personal = || !allows_personal && personal::find(text).is_some();
        is_fine &= text.len() <= TEXT_LEN_SHORT && !is_personal();
    });
    if is_fine {
        return Cow::Borrowed(record);
    }
    let fitted = fitted(record, allows_personal, TEXT_LEN_MAX);
    let mut line = Vec::new();
    fitted.encode(&mut line);
    if line.len() <= LINE_LEN_MAX - TAIL_LEN_MAX {
        return Cow::Owned(fitted);
    }
    Cow::Owned(self::fitted(record, allows_personal, TEXT_LEN_SHORT))
}

fn fitted(record: &ErrorRecord, allows_personal: bool, len_max: usize) -> ErrorRecord {
    let mask = |text: String| match allows_personal {
        true => text,
        false => personal::masked(&text).into_owned(),
    };
    // Order matters: half of a number is none, and would stay; and what is cut can become one.
    let fit = |text: &str| mask(cut(&mask(text.to_owned()), len_max));
    let note = |text: &str| Note::new(fit(text));
    let message = fit(record.message()).try_into();
    ErrorRecord::of(ErrorParts {
        message: message.unwrap_or_else(|_| Text::of_word(record.error_type())),
        exception_type: note(record.exception_type()),
        exception_message: note(record.exception_message()),
        stack_trace: note(record.stack_trace()),
        recovery_action: note(record.recovery_action()),
        notes: note(record.notes()),
        ..record.parts().clone()
    })
}

/// The first `len_max` bytes, and how many were left out.
fn cut(text: &str, len_max: usize) -> String {
    if text.len() <= len_max {
        return text.to_owned();
    }
    let end = (0..=len_max).rev().find(|it| text.is_char_boundary(*it));
    let kept = text.get(..end.unwrap_or_default()).unwrap_or_default();
    let left_out = text.len() - kept.len();
    format!("{kept} [and {left_out} bytes more]")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::SystemClock;

    #[derive(Debug, thiserror::Error)]
    #[error("place the order")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("the exchange said {0}")]
    struct Inner(u32, #[source] std::num::ParseIntError);

    fn entry(message: &str) -> ErrorEntry {
        ErrorEntry::new(&SystemClock, ErrorRecord::API_ERROR, message)
    }

    #[test]
    fn an_error_brings_its_whole_chain() {
        let cause = "x".parse::<u8>().unwrap_err();
        let record = entry("no order")
            .exception(&Outer(Inner(429, cause)))
            .build();
        assert!(record.exception_type().ends_with("::tests::Outer"));
        assert_eq!(
            record.exception_message(),
            "place the order: the exchange said 429: invalid digit found in string"
        );
        assert_eq!(
            record.stack_trace(),
            "place the order\ncaused by: the exchange said 429\ncaused by: invalid digit found in string"
        );
    }

    #[test]
    fn a_backtrace_stands_behind_the_chain_when_it_was_captured() {
        let captured = Backtrace::force_capture();
        let record = entry("x").backtrace(&captured).build();
        assert!(record.stack_trace().contains("a_backtrace_stands"));
        let record = entry("x").backtrace(&Backtrace::disabled()).build();
        assert_eq!(record.stack_trace(), "");
    }

    #[test]
    fn a_message_that_says_nothing_is_filled() {
        let error = "x".parse::<u8>().unwrap_err();
        let record = entry(" \n").exception(&error).build();
        assert_eq!(record.message(), "invalid digit found in string");
        assert_eq!(entry("").build().message(), "api_error");
        let record = entry("x").symbol("no symbol").notes("a note").build();
        assert_eq!(record.notes(), "symbol: no symbol\na note");
    }

    #[test]
    fn what_is_personal_is_masked_where_a_journal_does_not_allow_it() {
        let record = entry("no account of joe@example.com").build();
        let shown = admissible(&record, false);
        assert_eq!(shown.message(), "no account of [an e-mail address]");
        assert_eq!(*admissible(&record, true), record);
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let record = entry(&"\u{e4}".repeat(TEXT_LEN_MAX)).build();
        let shown = admissible(&record, false);
        assert!(shown.message().ends_with("\u{e4} [and 65536 bytes more]"));
    }

    proptest! {
        #[test]
        fn whatever_is_said_a_line_takes_it(text in "[\u{1}a@.0-9 \u{f6}]{0,30}", times in 0_usize..20_000) {
            let text = text.repeat(times);
            let error = entry(&text).exception_named(&*text, &*text).recovery(&*text).notes(&text);
            let record = error.symbol("BTC-USDT").build();
            let shown = admissible(&record, false);
            let mut line = Vec::new();
            shown.encode(&mut line);
            prop_assert!(line.len() <= LINE_LEN_MAX - TAIL_LEN_MAX);
            prop_assert!(personal::personal_data(&*shown).is_ok());
            prop_assert!(ErrorRecord::decode(&line).is_ok());
        }
    }
}
