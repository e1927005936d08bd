//! Lines from a file or a pipe, while they come and in bounded memory.
//!
//! Always true:
//! - Bytes are read ahead on a thread of its own, at most a few blocks: what comes in while records
//!   are being synced is there when that is done, and a slow pipe holds nothing up.
//! - A line longer than the journal allows is never held: it is named by its number and passed over.
//! - Lines are numbered from 1; the last one needs no newline.
//!
//! Not here: what stands in a line.

use std::{
    io::{self, Read},
    mem,
    sync::mpsc::{Receiver, TryRecvError, sync_channel},
    thread,
};

use memchr::memchr;
use tradejournal::journal::line::LINE_LEN_MAX;

const BLOCK_LEN: usize = 1 << 18;
const BLOCKS_AHEAD: usize = 4;

/// The lines of an input.
#[derive(Debug)]
pub(crate) struct Lines {
    blocks: Receiver<io::Result<Vec<u8>>>,
    block: Vec<u8>,
    at: usize,
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
    number: u64,
    /// In a line that is too long, before its end.
    is_passing_over: bool,
    is_ended: bool,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A line without its newline.
    Line {
        number: u64,
        bytes: Vec<u8>,
    },
    /// A line that no journal takes.
    TooLong {
        number: u64,
    },
    /// No whole line has come yet.
    NotYet,
    End,
}

impl Lines {
    /// Begins to read.
    pub(crate) fn new(mut source: impl Read + Send + 'static) -> io::Result<Lines> {
        let (sender, blocks) = sync_channel(BLOCKS_AHEAD);
        // It ends with the input, or with the program.
        thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || {
                loop {
                    let block = read_block(&mut source);
                    let is_last = !block.as_ref().is_ok_and(|it| !it.is_empty());
                    if sender.send(block).is_err() || is_last {
                        return;
                    }
                }
            })?;
        Ok(Lines {
            blocks,
            block: Vec::new(),
            at: 0,
            begun: Vec::new(),
            number: 1,
            is_passing_over: false,
            is_ended: false,
        })
    }

    /// The next line; waits for it only if `may_wait`.
    pub(crate) fn next(&mut self, may_wait: bool) -> io::Result<Next> {
        loop {
            if let Some(next) = self.cut_line() {
                return Ok(next);
            }
            if self.is_ended {
                return Ok(self.rest());
            }
            match self.receive(may_wait)? {
                Some(block) => {
                    self.is_ended = block.is_empty();
                    self.block = block;
                    self.at = 0;
                }
                None => return Ok(Next::NotYet),
            }
        }
    }

    fn receive(&self, may_wait: bool) -> io::Result<Option<Vec<u8>>> {
        let received = if may_wait {
            self.blocks.recv().map_err(|_| TryRecvError::Disconnected)
        } else {
            self.blocks.try_recv()
        };
        match received {
            Ok(block) => block.map(Some),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Ok(Some(Vec::new())),
        }
    }

    /// The next line that ends, or gets too long, in the block at hand.
    fn cut_line(&mut self) -> Option<Next> {
        loop {
            let rest = self.block.get(self.at..).filter(|it| !it.is_empty())?;
            let end = memchr(b'\n', rest);
            let piece = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            self.at += piece.len() + usize::from(end.is_some());
            if self.is_passing_over {
                if end.is_some() {
                    self.is_passing_over = false;
                    self.number += 1;
                }
                continue;
            }
            if LINE_LEN_MAX <= self.begun.len() + piece.len() {
                self.begun = Vec::new();
                let number = self.number;
                self.number += u64::from(end.is_some());
                self.is_passing_over = end.is_none();
                return Some(Next::TooLong { number });
            }
            self.begun.extend_from_slice(piece);
            if end.is_some() {
                return Some(self.line());
            }
        }
    }

    fn line(&mut self) -> Next {
        let number = self.number;
        self.number += 1;
        let bytes = mem::take(&mut self.begun);
        Next::Line { number, bytes }
    }

    /// What is left when no more comes.
    fn rest(&mut self) -> Next {
        if self.begun.is_empty() {
            Next::End
        } else {
            self.line()
        }
    }
}

fn read_block(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut block = vec![0; BLOCK_LEN];
    loop {
        match source.read(&mut block) {
            Ok(len) => {
                block.truncate(len);
                return Ok(block);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: Vec<u8>) -> Vec<Next> {
        let mut lines = Lines::new(io::Cursor::new(bytes)).unwrap();
        let mut all = Vec::new();
        loop {
            match lines.next(true).unwrap() {
                Next::End => return all,
                next => all.push(next),
            }
        }
    }

    fn line(number: u64, text: &[u8]) -> Next {
        let bytes = text.to_vec();
        Next::Line { number, bytes }
    }

    #[test]
    fn lines_are_numbered_and_the_last_needs_no_newline() {
        assert_eq!(all(Vec::new()), []);
        assert_eq!(all(b"\n".to_vec()), [line(1, b"")]);
        assert_eq!(
            all(b"a\r\n\nb".to_vec()),
            [line(1, b"a\r"), line(2, b""), line(3, b"b")]
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let long = vec![b'x'; LINE_LEN_MAX * 3];
        let bytes = [b"a\n", long.as_slice(), b"\nb\n", long.as_slice()].concat();
        let wanted = [
            line(1, b"a"),
            Next::TooLong { number: 2 },
            line(3, b"b"),
            Next::TooLong { number: 4 },
        ];
        assert_eq!(all(bytes), wanted);
    }

    #[test]
    fn a_line_of_the_greatest_length_is_taken() {
        let text = vec![b'x'; LINE_LEN_MAX - 1];
        assert_eq!(all([text.as_slice(), b"\n"].concat()), [line(1, &text)]);
        assert_eq!(
            all([text.as_slice(), b"x\n"].concat()),
            [Next::TooLong { number: 1 }]
        );
    }
}
