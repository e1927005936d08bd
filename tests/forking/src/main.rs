//! A process that forks while it has a journal open: the child is refused before it can write a line
//! or wait for a lock, and the parent goes on as if nothing had been.

use std::process::{ExitCode, exit};

use tradejournal::journal::{AppendError, Failure, Journal, Writer};
use tradejournal::record::field::{Action, ConfigHash, ExecutionMode};
use tradejournal::record::{Stamp, TradeRecord};

fn trade(number: u64) -> TradeRecord {
    let stamp = Stamp {
        session_id: "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
        bot_version: "1.0.0".parse().unwrap(),
        config_hash: ConfigHash::of(b""),
    };
    TradeRecord::entry("AAPL", Action::Buy, 1, "150.25")
        .at("2025-10-26T14:32:15.123Z".parse().unwrap())
        .order_id(format!("order-{number}").as_str())
        .mode(ExecutionMode::Paper)
        .strategy("fork", "test")
        .because("a process that forks")
        .stamp(&stamp)
        .build()
        .unwrap()
}

/// What the child finds: every way to write is refused, and nothing hangs.
fn is_refused(writer: &Writer<TradeRecord>) -> bool {
    let is_forked = |error: AppendError| matches!(&error, AppendError::Ended { source, .. } if matches!(**source, Failure::Forked { .. }));
    let append = writer.append(&trade(100)).err().is_some_and(is_forked);
    let batch = writer
        .append_all(&[trade(101), trade(102)])
        .err()
        .is_some_and(is_forked);
    let submit = writer.submit(&trade(103)).err().is_some_and(is_forked);
    append && batch && submit && writer.clone().close().is_err()
}

fn main() -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    let journal = Journal::open(&logs).unwrap();
    let writer = journal.writer::<TradeRecord>().unwrap();
    writer.append(&trade(0)).unwrap();
    // SAFETY: the child calls the journal, which refuses it before it takes a lock that a thread of the
    // parent may hold, and then ends without running anybody's destructors.
    let child = unsafe { libc::fork() };
    assert!(0 <= child, "fork");
    if child == 0 {
        exit(i32::from(!is_refused(&writer)));
    }
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child, "wait for the child");
    let child_is_fine = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
    assert!(
        child_is_fine,
        "the child was not refused, or hung: status {status}"
    );
    assert_eq!(writer.append(&trade(1)).unwrap().seq, 1);
    // The lock is still the parent's.
    assert!(
        Journal::open(&logs)
            .unwrap()
            .writer::<TradeRecord>()
            .is_err()
    );
    writer.close().unwrap();
    let seqs: Vec<_> = journal
        .read::<TradeRecord>()
        .iter()
        .map(|it| it.unwrap().seq)
        .collect();
    assert_eq!(seqs, [Some(0), Some(1)]);
    println!("a forked child writes nothing, and its parent goes on");
    ExitCode::SUCCESS
}
