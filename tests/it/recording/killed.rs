//! A recording process that is killed: whole lines, in order, and what was written stays.

use std::env;
use std::path::PathBuf;
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::tempdir;
use tradejournal::bot::Recorder;
use tradejournal::journal::{Depth, Journal};
use tradejournal::record::{CallRecord, Stream};

use super::{WAIT, calls, config};

/// Set where this program is to record until it is killed: the folder of the journal.
const RECORDS: &str = "TRADEJOURNAL_TEST_RECORDS";
/// Set where it is to end by `process::exit` instead, without a word to its recorder.
const EXITS: &str = "TRADEJOURNAL_TEST_RECORDS_AND_EXITS";
const ROUNDS: u64 = 30;

/// The bot itself; nothing where this program is just being tested.
#[test]
fn records_where_told_so() {
    let Some(logs) = env::var_os(RECORDS) else {
        return;
    };
    let journal = Journal::open(PathBuf::from(logs)).unwrap();
    let recorder = Recorder::open(&journal, config()).unwrap();
    let run = recorder.session().record().session_id().to_string();
    let exits = env::var_os(EXITS).is_some();
    for number in 0..u64::MAX {
        recorder.record(
            "get_last_price",
            &(&run, number),
            &Ok::<_, String>("150.25"),
        );
        if number % 50 == 0 {
            thread::sleep(Duration::from_micros(200));
        }
        if exits && number == 5000 {
            // Long enough for the worker's next look.
            thread::sleep(Duration::from_millis(200));
            process::exit(0);
        }
    }
}

fn bot(logs: &std::path::Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([
            "recording::killed::records_where_told_so",
            "--exact",
            "--quiet",
        ])
        .env(RECORDS, logs)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// The calls of each run, which must be its first ones in their order.
fn runs(calls: &[CallRecord]) -> Vec<u64> {
    let mut runs: Vec<(String, u64)> = Vec::new();
    for call in calls {
        let (run, number): (String, u64) = serde_json::from_str(call.args().as_str()).unwrap();
        match runs.last_mut().filter(|it| it.0 == run) {
            Some((_, next)) => {
                assert_eq!(number, *next);
                *next += 1;
            }
            None => {
                assert_eq!(number, 0);
                runs.push((run, 1));
            }
        }
    }
    runs.into_iter().map(|it| it.1).collect()
}

#[test]
fn a_killed_recorder_leaves_whole_lines_in_order() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let mut before = 0;
    for round in 0..ROUNDS {
        let mut child = bot(&logs).spawn().unwrap();
        thread::sleep(Duration::from_millis(20 + 7 * (round % 11)));
        child.kill().unwrap();
        child.wait().unwrap();
        if !logs.join("JOURNAL").exists() {
            continue;
        }
        let journal = Journal::open(&logs).unwrap();
        // The next recorder recovers what is torn.
        let recorder = Recorder::open(&journal, config()).unwrap();
        recorder.close(WAIT).unwrap();
        let calls = calls(&journal);
        assert!(before <= calls.len(), "what was written is gone");
        before = calls.len();
        runs(&calls);
    }
    let journal = Journal::open(&logs).unwrap();
    let mut findings = Vec::new();
    let verified = journal.verify(Stream::Calls, Depth::Records, &mut |it| findings.push(it));
    assert_eq!(verified.unwrap().problems, 0, "{findings:?}");
    assert_ne!(before, 0);
}

#[test]
fn an_exit_without_a_close_loses_only_what_the_worker_had_no_time_for() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let status = bot(&logs).env(EXITS, "1").status().unwrap();
    assert!(status.success());
    assert_eq!(runs(&calls(&Journal::open(&logs).unwrap())), [5001]);
}
