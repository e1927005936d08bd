//! The two ways out: data on standard output, talk on standard error.
//!
//! Always true:
//! - A reader that went away (`| head`) ends the program quietly: writing returns
//!   [`StdoutClosed`], and that is no error.
//! - Talk is coloured only on a terminal and never with `NO_COLOR`; data never is.
//! - Who listens to both hears all that goes out, and changes nothing of it.
//! - A text from a file or a record cannot drive the terminal: [`printable`] escapes it.
//!
//! Not here: what is said.

use std::{
    borrow::Cow,
    env,
    fmt::{self, Write as _},
    io::{self, BufWriter, IsTerminal, Stdout, Write},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

/// Standard output, buffered.
pub(crate) struct Out {
    sink: BufWriter<Stdout>,
    width: Option<usize>,
    /// What was written since somebody listens, while it is not too much.
    heard: Option<Vec<u8>>,
}

/// More is not kept for anybody.
const HEARD_MAX: usize = 1 << 20;

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
            heard: None,
        }
    }

    /// The terminal's width, or `None` when the output is not a terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: impl fmt::Display) -> anyhow::Result<()> {
        told(writeln!(self, "{line}"))
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        told(self.write_all(bytes))
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

    /// Keeps what is written from here on.
    pub(crate) fn listen(&mut self) {
        self.heard = Some(Vec::new());
    }

    /// What was written since then; nothing where that was too much.
    pub(crate) fn heard(&mut self) -> Option<Vec<u8>> {
        self.heard.take()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        if let (Some(heard), Some(bytes)) = (&mut self.heard, bytes.get(..written)) {
            heard.extend_from_slice(bytes);
            if HEARD_MAX < heard.len() {
                self.heard = None;
            }
        }
        Ok(written)
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
#[derive(Debug)]
pub(crate) struct Talk {
    is_coloured: bool,
    is_terminal: bool,
    /// What was said since somebody listens.
    heard: Mutex<Option<Vec<Said>>>,
}

/// Something that was said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) voice: Voice,
    text: String,
}

/// How something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Voice {
    Error,
    Warning,
    Hint,
    Note,
}

impl Talk {
    pub(crate) fn new() -> Talk {
        let is_terminal = io::stderr().is_terminal();
        let is_plain = env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty())
            || env::var_os("TERM").is_some_and(|it| it == "dumb");
        Talk {
            is_coloured: is_terminal && !is_plain,
            is_terminal,
            heard: Mutex::new(None),
        }
    }

    /// Whether a person looks on, so that a progress bar makes sense.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    pub(crate) fn error(&self, text: &str) {
        self.say(Voice::Error, text);
    }

    pub(crate) fn warning(&self, text: &str) {
        self.say(Voice::Warning, text);
    }

    pub(crate) fn hint(&self, text: &str) {
        self.say(Voice::Hint, text);
    }

    pub(crate) fn note(&self, text: &str) {
        self.say(Voice::Note, text);
    }

    /// Says something again.
    pub(crate) fn repeat(&self, said: &Said) {
        self.say(said.voice, &said.text);
    }

    /// Keeps what is said from here on.
    pub(crate) fn listen(&self) {
        *self.ears() = Some(Vec::new());
    }

    /// What was said since then.
    pub(crate) fn heard(&self) -> Vec<Said> {
        mem::take(&mut *self.ears()).unwrap_or_default()
    }

    fn say(&self, voice: Voice, text: &str) {
        if let Some(heard) = &mut *self.ears() {
            let text = text.to_owned();
            heard.push(Said { voice, text });
        }
        let (colour, head) = match voice {
            Voice::Error => ("31", "tj: "),
            Voice::Warning => ("33", "warning: "),
            Voice::Hint => ("36", "hint: "),
            Voice::Note => ("", ""),
        };
        // A closed standard error leaves nobody to tell.
        let mut out = io::stderr().lock();
        let _ = match self.is_coloured && voice != Voice::Note {
            true => writeln!(out, "\x1b[1;{colour}m{}\x1b[0m {text}", head.trim_end()),
            false => writeln!(out, "{head}{text}"),
        };
    }

    fn ears(&self) -> MutexGuard<'_, Option<Vec<Said>>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
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
