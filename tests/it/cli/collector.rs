//! `tj window run`, as whoever feeds it sees it: lines in, acknowledgements and what is told out.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A collector. It is killed at the latest when this is dropped.
pub struct Collector {
    child: Child,
    input: Option<ChildStdin>,
    said: Receiver<Said>,
}

/// What it says.
#[derive(Debug)]
pub enum Said {
    Ack(Ack),
    /// A line on standard error.
    Told(String),
}

/// Of its input, so many lines are done with, and what was refused of them; the others are on the disk.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Ack {
    pub lines: usize,
    pub kept: usize,
    pub duplicates: usize,
    pub refused: usize,
}

impl Collector {
    /// Starts a `tj window run --from - --acks`.
    pub fn start(mut command: Command) -> Collector {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let (say, said) = mpsc::channel();
        let ack = |line: &str| Said::Ack(serde_json::from_str(line).unwrap());
        pass_on(child.stdout.take().unwrap(), ack, say.clone());
        let told = |line: &str| Said::Told(line.to_owned());
        pass_on(child.stderr.take().unwrap(), told, say);
        Collector { child, input, said }
    }

    /// Gives it a line.
    pub fn send(&mut self, line: &str) {
        // One that was killed takes nothing.
        let _ = writeln!(self.input.as_mut().unwrap(), "{line}");
    }

    /// Nothing more comes.
    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// Kills it, where it has not ended.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// What it says next; `None` when it says nothing for so long, or has ended.
    pub fn hear_within(&self, span: Duration) -> Option<Said> {
        self.said.recv_timeout(span).ok()
    }

    /// Everything that it says until it ends, which it does.
    pub fn hear_out(&mut self) -> (ExitStatus, Vec<Said>) {
        let mut heard = Vec::new();
        loop {
            match self.said.recv_timeout(PATIENCE) {
                Ok(said) => heard.push(said),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {heard:?}"),
            }
        }
        (self.child.wait().unwrap(), heard)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes on whole lines. One that was killed can leave half of one.
fn pass_on(from: impl Read + Send + 'static, what: fn(&str) -> Said, say: Sender<Said>) {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = String::new();
        while from.read_line(&mut line).is_ok() && line.ends_with('\n') {
            if say.send(what(line.trim_end())).is_err() {
                return;
            }
            line.clear();
        }
    });
}
