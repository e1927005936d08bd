//! The two ways out: data on standard output, talk on standard error.
//!
//! Always true:
//! - A reader that went away (`| head`) ends the program quietly: writing returns
//!   [`StdoutClosed`], and that is no error.
//! - Talk is coloured only on a terminal and never with `NO_COLOR`; data never is.
//! - A text from a file or a record cannot drive the terminal: [`printable`] escapes it.
//!
//! Not here: what is said.

use std::{
    borrow::Cow,
    env,
    fmt::{self, Write as _},
    io::{self, BufWriter, IsTerminal, Stdout, Write},
};

use serde::Serialize;

/// Standard output, buffered.
pub(crate) struct Out {
    sink: BufWriter<Stdout>,
    width: Option<usize>,
}

/// Nobody reads standard output any more.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
pub(crate) struct StdoutClosed;

impl Out {
    pub(crate) fn new() -> Out {
        let stdout = io::stdout();
        let width = stdout.is_terminal().then(|| terminal_width(&stdout));
        Out {
            sink: BufWriter::with_capacity(1 << 16, stdout),
            width,
        }
    }

    /// The terminal's width, or `None` when the output is not a terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: impl fmt::Display) -> anyhow::Result<()> {
        told(writeln!(self.sink, "{line}"))
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        told(self.sink.write_all(bytes))
    }

    /// Writes one JSON object as a line.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let line = serde_json::to_string(value)?;
        self.line(line)
    }

    /// Hands everything over: whoever reads has it now.
    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        told(self.sink.flush())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Out").finish_non_exhaustive()
    }
}

/// The end of standard output as what it is; any other error with what was tried.
pub(crate) fn told(result: io::Result<()>) -> anyhow::Result<()> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => StdoutClosed.into(),
        _ => anyhow::Error::new(error).context("cannot write to standard output"),
    })
}

fn terminal_width(stdout: &Stdout) -> usize {
    let asked = env::var("COLUMNS").ok().and_then(|it| it.parse().ok());
    let told = || {
        let size = rustix::termios::tcgetwinsize(stdout).ok()?;
        Some(usize::from(size.ws_col))
    };
    let width = asked.or_else(told).filter(|it| *it != 0);
    width.unwrap_or(80).max(20)
}

/// Standard error: what is said to a person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Talk {
    is_coloured: bool,
    is_terminal: bool,
}

impl Talk {
    pub(crate) fn new() -> Talk {
        let is_terminal = io::stderr().is_terminal();
        let is_plain = env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty())
            || env::var_os("TERM").is_some_and(|it| it == "dumb");
        Talk {
            is_coloured: is_terminal && !is_plain,
            is_terminal,
        }
    }

    /// Whether a person looks on, so that a progress bar makes sense.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    pub(crate) fn error(&self, text: &str) {
        self.say("31", "tj:", text);
    }

    pub(crate) fn warning(&self, text: &str) {
        self.say("33", "warning:", text);
    }

    pub(crate) fn hint(&self, text: &str) {
        self.say("36", "hint:", text);
    }

    pub(crate) fn note(&self, text: &str) {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    fn say(&self, colour: &str, head: &str, text: &str) {
        if self.is_coloured {
            self.note(&format!("\x1b[1;{colour}m{head}\x1b[0m {text}"));
        } else {
            self.note(&format!("{head} {text}"));
        }
    }
}

/// `text` with everything that could drive a terminal, or hide or turn what is shown, escaped.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(must_escape) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if must_escape(char) {
            let _ = write!(shown, "{}", char.escape_default());
        } else {
            shown.push(char);
        }
    }
    Cow::Owned(shown)
}

/// Controls, and the invisible characters that change the order or the look of what is around them.
fn must_escape(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_drive_the_terminal() {
        assert_eq!(
            printable("plain, with umlauts: äöü"),
            "plain, with umlauts: äöü"
        );
        assert_eq!(printable("\x1b[2Jgone\r\n"), "\\u{1b}[2Jgone\\r\\n");
        assert_eq!(printable("a\u{202e}b\u{9b}"), "a\\u{202e}b\\u{9b}");
    }
}
