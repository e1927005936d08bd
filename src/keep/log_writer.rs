//! [`TextLog`] as a writer of `tracing-subscriber`, so that a bot's own log follows its rules.
//!
//! Always true:
//! - An event is written as a whole, whichever thread it comes from.
//! - What could not be written is kept for [`LogWriter::troubles`]: nobody hears the error that a
//!   subscriber gets.
//!
//! Not here: what an event looks like, and which are wanted; the subscriber says so.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing_subscriber::fmt::MakeWriter;

use super::TextLog;

/// How many troubles are kept; of more the first ones.
const TROUBLES_MAX: usize = 100;

/// A log for `tracing_subscriber::fmt().with_writer(..)`. Clones write the same log.
#[derive(Clone, Debug)]
pub struct LogWriter(Arc<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    log: TextLog,
    troubles: Vec<String>,
    failed: u64,
}

impl LogWriter {
    /// Writes into that log.
    #[must_use]
    pub fn new(log: TextLog) -> LogWriter {
        LogWriter(Arc::new(Mutex::new(Shared {
            log,
            troubles: Vec::new(),
            failed: 0,
        })))
    }

    /// Does something with the log itself, such as [`TextLog::sweep`], while no event is written.
    pub fn with<T>(&self, act: impl FnOnce(&mut TextLog) -> T) -> T {
        act(&mut self.shared().log)
    }

    /// Syncs what was written.
    ///
    /// # Errors
    /// As the disk says.
    pub fn flush(&self) -> io::Result<()> {
        self.shared().log.flush()
    }

    /// What went wrong since somebody asked last, and how many writes failed in all since then.
    #[must_use]
    pub fn troubles(&self) -> (Vec<String>, u64) {
        let mut shared = self.shared();
        let failed = std::mem::take(&mut shared.failed);
        (std::mem::take(&mut shared.troubles), failed)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // The log knows after a panic what it knew before it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log while one event is written.
#[derive(Debug)]
pub struct WritingLog<'a>(MutexGuard<'a, Shared>);

impl Shared {
    fn told<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.failed += 1;
            if self.troubles.len() < TROUBLES_MAX {
                self.troubles.push(chain(error));
            }
        }
        result
    }
}

/// The error and its causes in one line.
fn chain(error: &io::Error) -> String {
    let mut text = error.to_string();
    let inner = error.get_ref().and_then(|it| std::error::Error::source(it));
    let mut cause = inner;
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

impl Write for WritingLog<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.0.log.write(bytes);
        self.0.told(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.0.log.flush();
        self.0.told(result)
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = WritingLog<'a>;

    fn make_writer(&'a self) -> WritingLog<'a> {
        WritingLog(self.shared())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::SimDisk;
    use crate::disk::sim::{Errno, Fault, Injection, Op};
    use crate::keep::TextLogOptions;

    #[test]
    fn events_are_lines_and_a_lost_one_is_told() {
        let disk = SimDisk::new(1);
        disk.put_folder("/logs").unwrap();
        let log = TextLog::open_on(
            Arc::new(disk.clone()),
            "/logs/app.log",
            TextLogOptions::default(),
        );
        let writer = LogWriter::new(log.unwrap());
        let subscriber = tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .log_internal_errors(false)
            .with_writer(writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(order = "order-1", "filled");
            disk.inject(Injection::new(Fault::Fails(Errno::NoSpace)).on(Op::Write));
            tracing::info!("lost");
            tracing::warn!("and on");
        });
        let text = String::from_utf8(disk.cached("/logs/app.log").unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].ends_with("filled order=\"order-1\""), "{text}");
        assert!(lines[1].ends_with("and on"), "{text}");
        let (troubles, failed) = writer.troubles();
        assert_eq!(failed, 1);
        assert!(
            troubles[0].starts_with("write to /logs/app.log: "),
            "{troubles:?}"
        );
        assert_eq!(writer.troubles(), (vec![], 0));
        writer.with(|log| {
            assert!(format!("{log:?}").contains(&Path::new("app.log").display().to_string()))
        });
    }
}
