//! A capture in memory: what it asks, what it says, and what it never calls filled.

use std::sync::Arc;
use std::time::Duration;

use super::{
    AccountKind, AccountRow, Capture, CaptureOptions, Category, Done, Entry, GapId, GapState, Keys,
    Known, Millis, Queue, RunId, Task, Timing,
};

const PUBLIC: usize = 0;
const PRIVATE: usize = 1;

const fn at(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn wall(now: Duration) -> Millis {
    Millis(1_700_000_000_000 + i64::try_from(now.as_millis()).unwrap())
}

struct Heart {
    capture: Capture,
    queue: Arc<Queue>,
}

impl Heart {
    fn new(bytes_max: usize) -> Heart {
        let options = CaptureOptions {
            category: Category::Linear,
            symbols: vec!["BTCUSDT".to_owned()],
            keys: Keys::new("key", "secret"),
            gap_threshold: Duration::ZERO,
            keep_raw: false,
            timing: Timing::default(),
        };
        let known = Known {
            run: RunId(1),
            newest: Default::default(),
            open: Vec::new(),
            next_gap: GapId(1),
            crashed: 0,
        };
        let queue = Arc::new(Queue::new(bytes_max));
        let capture = Capture::new(options, Arc::clone(&queue), &known, wall(at(0)));
        Heart { capture, queue }
    }

    fn heard(&mut self, wire: usize, text: &str, now: Duration) {
        self.capture.heard(wire, text, now, wall(now));
    }

    fn open(&mut self, wire: usize, now: Duration) {
        self.capture.opened(wire, now, wall(now));
        if wire == PRIVATE {
            self.heard(wire, r#"{"success":true,"op":"auth"}"#, now);
        }
    }

    fn answer(&mut self, wire: usize, now: Duration) {
        self.heard(wire, r#"{"success":true,"op":"subscribe"}"#, now);
    }

    fn trade(&mut self, time: i64, now: Duration) {
        let text = format!(
            r#"{{"topic":"publicTrade.BTCUSDT","data":[{{"T":{time},"s":"BTCUSDT","S":"Buy","v":"1","p":"2","i":"t{time}"}}]}}"#
        );
        self.heard(PUBLIC, &text, now);
    }

    fn execution(&mut self, id: &str, now: Duration) {
        let time = wall(now);
        let text = format!(
            r#"{{"topic":"execution","creationTime":{time},"data":[{{"category":"linear","symbol":"BTCUSDT","execId":"{id}","execTime":"{time}"}}]}}"#
        );
        self.heard(PRIVATE, &text, now);
    }

    fn account_task(&mut self, now: Duration) -> Option<Millis> {
        let tasks = self.capture.tasks(now, wall(now));
        tasks.into_iter().find_map(|it| match it {
            Task::Account(_, until) => Some(until),
            _ => None,
        })
    }

    fn read(&mut self, until: Millis, now: Duration) {
        self.read_with(until, &[], now);
    }

    /// The account was read, and had these executions. Which connections are of no use any more.
    fn read_with(&mut self, until: Millis, made: &[(&str, Duration)], now: Duration) -> Vec<usize> {
        let row = |(id, made): &(&str, Duration)| {
            let time = wall(*made);
            let json = format!(
                r#"{{"category":"linear","symbol":"BTCUSDT","execId":"{id}","execTime":"{time}"}}"#
            );
            let members = serde_json::from_str(&json).unwrap();
            AccountRow::new(AccountKind::Execution, None, until, members).unwrap()
        };
        let done = Done::Account(until, Ok(made.iter().map(row).collect()));
        let broken = self.capture.done(done, now, wall(now)).into_iter();
        broken.map(|(wire, _)| wire).collect()
    }

    /// What was said of gaps since the last time: `+` one was declared, `-` one has ended, and what it
    /// became.
    fn gaps(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        if self.queue.rows() == 0 {
            return told;
        }
        for entry in self.queue.take(1, Duration::ZERO, usize::MAX).unwrap() {
            match entry {
                Entry::GapOpened(it) => told.push(format!("+{} {}", it.stream, it.cause.as_str())),
                Entry::GapEnded(it) => told.push(format!("-{}", it.id.0)),
                Entry::GapFilled(it, _) => told.push(format!("{} {}", it.id.0, it.state.as_str())),
                _ => {}
            }
        }
        self.queue.wrote();
        told
    }
}

#[test]
fn a_start_that_goes_well_declares_nothing() {
    let mut heart = Heart::new(1 << 20);
    heart.open(PUBLIC, at(1));
    heart.trade(5000, at(1));
    heart.answer(PUBLIC, at(2));
    heart.open(PRIVATE, at(1));
    heart.answer(PRIVATE, at(2));
    assert_eq!(heart.gaps(), [""; 0]);
    // One that could not connect at first does, of each stream of the connection.
    let mut heart = Heart::new(1 << 20);
    heart
        .capture
        .closed(PUBLIC, "could not connect", at(1), wall(at(1)));
    heart
        .capture
        .closed(PUBLIC, "could not connect", at(2), wall(at(2)));
    let mut told = heart.gaps();
    told.sort();
    let wanted = [
        "+ticker of linear BTCUSDT disconnect",
        "+trades of linear BTCUSDT disconnect",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn what_was_read_before_a_break_does_not_fill_it_although_data_comes_before_the_answer() {
    let mut heart = Heart::new(1 << 20);
    heart.open(PRIVATE, at(1));
    heart.answer(PRIVATE, at(1));
    let first = heart.account_task(at(1)).unwrap();
    heart.read(first, at(1));
    // This one is out when the connection breaks.
    let before = heart.account_task(at(20)).unwrap();
    heart.capture.closed(PRIVATE, "1006", at(21), wall(at(21)));
    assert_eq!(heart.gaps().len(), 4);
    heart.open(PRIVATE, at(25));
    heart.execution("e1", at(25));
    heart.read(before, at(26));
    assert_eq!(heart.gaps(), [""; 0], "it was asked before the break");
    // What is asked at once may lag behind the socket.
    assert_eq!(heart.account_task(at(27)), None);
    let whole = heart.account_task(at(36)).unwrap();
    heart.read(whole, at(36));
    let told = heart.gaps();
    assert_eq!(told, ["-1", "1 filled"], "the one that is live: {told:?}");
    // The others are read when the exchange has said that they are there.
    heart.answer(PRIVATE, at(40));
    let whole = heart.account_task(at(41)).unwrap();
    heart.read(whole, at(41));
    assert_eq!(heart.gaps(), [""; 0]);
    let whole = heart.account_task(at(51)).unwrap();
    heart.read(whole, at(51));
    let filled: Vec<String> = heart
        .gaps()
        .into_iter()
        .filter(|it| it.contains(' '))
        .collect();
    assert_eq!(filled.len(), 3, "{filled:?}");
    assert!(
        filled
            .iter()
            .all(|it| it.ends_with(GapState::Partly.as_str()))
    );
}

#[test]
fn an_execution_that_requests_alone_tell_is_a_stall_once_it_is_too_old_to_come_yet() {
    let mut heart = Heart::new(1 << 20);
    heart.open(PRIVATE, at(1));
    heart.answer(PRIVATE, at(1));
    for now in [at(1), at(11)] {
        let until = heart.account_task(now).unwrap();
        heart.read(until, now);
    }
    heart.execution("told", at(306));
    let made = [("silent", at(305)), ("told", at(306))];
    let until = heart.account_task(at(311)).unwrap();
    assert_eq!(
        heart.read_with(until, &made, at(311)),
        [0; 0],
        "it may come yet"
    );
    assert_eq!(heart.gaps(), [""; 0]);
    let until = heart.account_task(at(611)).unwrap();
    assert_eq!(heart.read_with(until, &made, at(611)), [PRIVATE]);
    assert_eq!(heart.gaps(), ["+executions stall"]);
}

#[test]
fn what_finds_no_room_is_a_gap_that_ends_when_there_is_room() {
    let mut heart = Heart::new(600);
    heart.open(PUBLIC, at(1));
    heart.answer(PUBLIC, at(1));
    for time in [1000, 1001, 1002] {
        heart.trade(time, at(2));
    }
    assert_eq!(heart.capture.tally().dropped, 1);
    assert_eq!(heart.gaps(), ["+trades of linear BTCUSDT overflow"]);
    heart.trade(1003, at(3));
    assert_eq!(heart.gaps(), ["-1"]);
}

#[test]
fn a_silent_topic_is_asked_after_and_a_quiet_one_is_left_alone() {
    let mut heart = Heart::new(1 << 20);
    heart.open(PUBLIC, at(1));
    heart.answer(PUBLIC, at(1));
    heart.trade(wall(at(2)).0, at(2));
    let looks = |heart: &mut Heart, now| {
        let tasks = heart.capture.tasks(now, wall(now)).into_iter();
        tasks
            .filter_map(|it| match it {
                Task::Look(track, request) if request.path.ends_with("recent-trade") => Some(track),
                _ => None,
            })
            .collect::<Vec<usize>>()
    };
    assert!(looks(&mut heart, at(61)).is_empty());
    let answer = |times: &[i64], now| {
        let row = |it: &i64| {
            format!(
                r#"{{"execId":"t{it}","symbol":"BTCUSDT","price":"1","size":"1","side":"Buy","time":"{it}"}}"#
            )
        };
        let rows: Vec<String> = times.iter().map(row).collect();
        let body = format!(
            r#"{{"retCode":0,"result":{{"list":[{}]}},"time":{}}}"#,
            rows.join(","),
            wall(now)
        );
        super::Answer::parse(&body).map_err(|it| it.to_string())
    };
    let track = looks(&mut heart, at(62))[0];
    let quiet = answer(&[wall(at(2)).0], at(62));
    let broken = heart
        .capture
        .done(Done::Look(track, quiet), at(62), wall(at(62)));
    assert_eq!((broken.len(), heart.gaps().len()), (0, 0));
    let track = looks(&mut heart, at(122))[0];
    let missed = answer(&[wall(at(90)).0, wall(at(2)).0], at(122));
    let broken = heart
        .capture
        .done(Done::Look(track, missed), at(122), wall(at(122)));
    assert_eq!(broken[0].0, PUBLIC);
    assert_eq!(heart.gaps(), ["+trades of linear BTCUSDT stall"]);
}
