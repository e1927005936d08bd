//! A capture: what the sockets say becomes rows, and what they did not say becomes gaps.
//!
//! It has no socket, no clock and no thread. Whoever has them tells what happened and when, does what
//! [`Step`] says, and answers each [`Task`].
//!
//! Always true:
//! - A gap goes into the queue before what came after it.
//! - What finds no room in the queue is a gap.
//! - A stream is covered from the moment at which the exchange says so, or at which it tells something,
//!   until the connection breaks, the topic falls silent though it should not, or there is no room.
//!
//! Not here: how a gap is proven to be filled (`proof`), how a topic is asked for (`line`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::account_watch::AccountWatch;
use super::filling::Filling;
use super::frame::{Frames, Said};
use super::line::{Do, Line};
use super::ticker::Merge;
use super::track::Track;
use super::{
    AccountKind, AccountRow, Answer, Category, Cause, Entry, GapId, Keys, Known, Members, Millis,
    Origin, Point, Queue, RawFrame, Request, Socket, Stream, StreamKind, Ticker, TickerKind,
    Timing, Trade,
};

/// How long the topics of one connection may be together.
const TOPICS_LEN_MAX: usize = 20_000;

/// What is asked for on a connection, and what each topic tells.
type Topics = Vec<(Box<str>, Stream)>;

/// What is captured, and how.
#[derive(Clone, Debug)]
pub struct CaptureOptions {
    /// The market of the symbols.
    pub category: Category,
    /// Whose trades and tickers.
    pub symbols: Vec<String>,
    /// Whose account, if any.
    pub keys: Option<Keys>,
    /// Shorter gaps are declared and not filled.
    pub gap_threshold: Duration,
    /// Whether each message is kept as it came.
    pub keep_raw: bool,
    /// How long is waited for what.
    pub timing: Timing,
}

impl CaptureOptions {
    /// The connections, each with its topics and what they tell.
    fn plan(&self) -> Vec<(Socket, Topics)> {
        let mut plan: Vec<(Socket, Topics)> = Vec::new();
        let mut len = TOPICS_LEN_MAX;
        let public = self.symbols.iter().flat_map(|symbol| {
            let of = |head: &str, kind| (format!("{head}.{symbol}").into(), self.of(kind, symbol));
            [
                of("publicTrade", StreamKind::Trades),
                of("tickers", StreamKind::Ticker),
            ]
        });
        for (topic, stream) in public {
            let topic: Box<str> = topic;
            len += topic.len() + 3;
            if TOPICS_LEN_MAX <= len {
                plan.push((Socket::Public(self.category), Vec::new()));
                len = topic.len() + 3;
            }
            if let Some((_, topics)) = plan.last_mut() {
                topics.push((topic, stream));
            }
        }
        if self.keys.is_some() {
            let topics = AccountKind::ALL.map(|it| (it.topic().into(), Stream::account(it)));
            plan.push((Socket::Private, topics.into()));
        }
        plan
    }

    fn of(&self, kind: StreamKind, symbol: &str) -> Stream {
        Stream {
            kind,
            category: Some(self.category),
            symbol: symbol.into(),
        }
    }

    /// Each stream that is wanted.
    #[must_use]
    pub fn streams(&self) -> Vec<Stream> {
        let plan = self.plan().into_iter();
        plan.flat_map(|(_, topics)| topics.into_iter().map(|(_, stream)| stream))
            .collect()
    }
}

/// What the owner of a connection is to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this text.
    Send(String),
    /// End the connection, for that reason, and make another one.
    Close(String),
}

/// A question for the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// What a gap of public trades had.
    Fill(GapId, Request),
    /// Whether a silent topic should be silent.
    Look(usize, Request),
    /// What happened to the account between these instants.
    Account(Millis, Millis),
}

/// What the exchange answered.
#[derive(Debug)]
pub enum Done {
    /// About a gap.
    Fill(GapId, Result<Answer, String>),
    /// About a silent topic.
    Look(usize, Result<Answer, String>),
    /// About the account, until that instant: its rows.
    Account(Millis, Result<Vec<AccountRow>, String>),
}

/// What it has counted since it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages that came.
    pub frames: u64,
    /// Those that nobody here could read, wholly or in part.
    pub unknown: u64,
    /// Rows that found no room.
    pub dropped: u64,
    /// Tickers that were older than what was known.
    pub old_tickers: u64,
    /// Connections that were made.
    pub connections: u64,
    /// Gaps that were declared, and those of them that were filled.
    pub gaps: u64,
    /// Filled ones.
    pub filled: u64,
    /// Those of which a part could be had.
    pub partly: u64,
    /// Those of which nothing could be had.
    pub unfillable: u64,
    /// Topics that the exchange refuses.
    pub refused: u64,
}

/// A connection, and what its topics are.
#[derive(Debug)]
struct Wire {
    line: Line,
    frames: Frames,
    connection: u64,
    tracks: HashMap<Box<str>, usize>,
}

/// See the head of the file.
#[derive(Debug)]
pub struct Capture {
    options: CaptureOptions,
    queue: Arc<Queue>,
    wires: Vec<Wire>,
    tracks: Vec<Track>,
    merges: HashMap<usize, Merge>,
    filling: Filling,
    account: AccountWatch,
    next_gap: i64,
    /// By how much the exchange's clock is ahead of this machine's.
    ahead: i64,
    tally: Tally,
    /// What a person should know, each once.
    notes: Vec<String>,
}

impl Capture {
    /// Begins, with what the database knows.
    #[must_use]
    pub fn new(options: CaptureOptions, queue: Arc<Queue>, known: &Known, wall: Millis) -> Capture {
        let mut capture = Capture {
            filling: Filling::new(&options),
            account: AccountWatch::new(&options.timing),
            wires: Vec::new(),
            tracks: Vec::new(),
            merges: HashMap::new(),
            next_gap: known.next_gap.0,
            ahead: 0,
            tally: Tally::default(),
            notes: Vec::new(),
            queue,
            options,
        };
        for (socket, topics) in capture.options.plan() {
            let mut tracks = HashMap::new();
            for (topic, stream) in &topics {
                tracks.insert(topic.clone(), capture.tracks.len());
                capture.begin(stream, known, wall);
            }
            let (category, keys) = match socket {
                Socket::Public(category) => (Some(category), None),
                Socket::Private => (None, capture.options.keys.clone()),
            };
            let topics = topics.into_iter().map(|(topic, _)| topic);
            capture.wires.push(Wire {
                line: Line::new(socket, topics, keys, capture.options.timing.clone()),
                frames: Frames::new(category),
                connection: 0,
                tracks,
            });
        }
        capture
    }

    /// A stream, as far as it is known. The time since the last run is a gap.
    fn begin(&mut self, stream: &Stream, known: &Known, wall: Millis) {
        let newest = known.newest.get(stream);
        let points = newest.map(Vec::as_slice).unwrap_or_default();
        let mut track = Track::new(stream.clone(), points, &self.options.timing);
        let index = self.tracks.len();
        for gap in known.open.iter().filter(|it| it.stream == *stream) {
            match gap.to {
                None => {
                    track.goes_on(gap);
                    self.filling.opened(gap.clone());
                }
                Some(_) => self.filling.again(gap.clone()),
            }
        }
        self.tracks.push(track);
        if newest.is_some() {
            self.broke(
                index,
                Cause::Restart,
                "since the last run",
                Duration::ZERO,
                wall,
            );
        }
    }

    /// The connections that are to be made.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.wires.iter().map(|it| it.line.socket).collect()
    }

    /// What it has counted.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many connections are open, of how many.
    #[must_use]
    pub fn open_lines(&self) -> (usize, usize) {
        let open = self.wires.iter().filter(|it| it.line.is_open());
        (open.count(), self.wires.len())
    }

    /// How many streams are missing something now.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.tracks.iter().filter(|it| it.is_missing()).count()
    }

    /// What a person should know since the last time.
    pub fn notes(&mut self) -> Vec<String> {
        self.notes.append(&mut self.filling.notes);
        std::mem::take(&mut self.notes)
    }

    /// What time the exchange has, when this machine has that.
    #[must_use]
    pub fn exchange(&self, wall: Millis) -> Millis {
        Millis(wall.0.saturating_add(self.ahead))
    }

    /// The exchange said what time it has.
    pub fn clock(&mut self, exchange: Millis, wall: Millis) {
        self.ahead = exchange.0.saturating_sub(wall.0);
    }

    /// A connection is made.
    pub fn opened(&mut self, wire: usize, now: Duration, wall: Millis) -> Vec<Step> {
        let exchange = self.exchange(wall);
        let Some(it) = self.wires.get_mut(wire) else {
            return Vec::new();
        };
        self.tally.connections += 1;
        it.connection = self.tally.connections;
        for index in it.tracks.values() {
            if let Some(merge) = self.merges.get_mut(index) {
                merge.forget();
            }
        }
        let todo = it.line.opened(now, exchange);
        self.steps(wire, todo, now, wall)
    }

    /// A connection is lost, or could not be made.
    pub fn closed(&mut self, wire: usize, why: &str, now: Duration, wall: Millis) {
        let Some(it) = self.wires.get_mut(wire) else {
            return;
        };
        it.line.closed();
        let mut tracks: Vec<usize> = it.tracks.values().copied().collect();
        // The same break is told in the same order each time.
        tracks.sort_unstable();
        for index in tracks {
            self.broke(index, Cause::Disconnect, why, now, wall);
        }
    }

    /// A text came on a connection.
    pub fn heard(&mut self, wire: usize, text: &str, now: Duration, wall: Millis) -> Vec<Step> {
        let Some(it) = self.wires.get_mut(wire) else {
            return Vec::new();
        };
        self.tally.frames += 1;
        let said = it.frames.read(text);
        let unknown = match &said {
            Said::Unknown { why, .. } => Some(why.clone()),
            Said::Trades { unread, .. } | Said::Account { unread, .. } => unread.clone(),
            _ => None,
        };
        self.tally.unknown += u64::from(unknown.is_some());
        let is_kept = unknown.is_some()
            || self.options.keep_raw && !matches!(said, Said::Answer { .. } | Said::Pong(_));
        if is_kept {
            self.keep_raw(wire, text, unknown, wall);
        }
        match said {
            Said::Answer {
                op,
                req_id,
                verdict,
            } => {
                let Some(it) = self.wires.get_mut(wire) else {
                    return Vec::new();
                };
                let todo = it.line.answered(op, req_id.as_deref(), &verdict, now);
                return self.steps(wire, todo, now, wall);
            }
            Said::Pong(time) => {
                if let Some(it) = self.wires.get_mut(wire) {
                    it.line.pong();
                }
                if let Some(time) = time {
                    self.clock(time, wall);
                }
            }
            Said::Unknown { .. } => {}
            Said::Trades { topic, rows, .. } => self.trades(wire, &topic, rows, now, wall),
            Said::Ticker {
                topic,
                kind,
                time,
                cs,
                symbol,
                members,
            } => {
                let message = (kind, time, cs, symbol, members);
                self.ticker(wire, &topic, message, now, wall);
            }
            Said::Account {
                topic, kind, rows, ..
            } => self.account_rows(wire, &topic, kind, rows, now, wall),
        }
        Vec::new()
    }

    fn keep_raw(&mut self, wire: usize, text: &str, unknown: Option<String>, wall: Millis) {
        let Some(it) = self.wires.get(wire) else {
            return;
        };
        if !self.queue.has_room() {
            self.tally.dropped += 1;
            return;
        }
        let category = match it.line.socket {
            Socket::Public(category) => Some(category),
            Socket::Private => None,
        };
        self.queue.push([Entry::Raw(RawFrame {
            category,
            connection: it.connection,
            received: wall,
            unknown,
            text: text.into(),
        })]);
    }

    /// The stream of a topic, and that its data came, which may be before the answer to its request.
    fn track_of(&mut self, wire: usize, topic: &str, now: Duration, wall: Millis) -> Option<usize> {
        let it = self.wires.get_mut(wire)?;
        let index = *it.tracks.get(topic)?;
        if it.line.data(topic) {
            self.live(index, now, wall);
        }
        Some(index)
    }

    fn trades(&mut self, wire: usize, topic: &str, rows: Vec<Trade>, now: Duration, wall: Millis) {
        let Some(index) = self.track_of(wire, topic, now, wall) else {
            return;
        };
        let point = |it: &Trade| Point {
            time: it.time,
            id: it.id().into(),
        };
        let earliest = rows.iter().min_by_key(|it| it.time).map(point);
        let newest = rows.iter().max_by_key(|it| it.time).map(point);
        if let (Some(earliest), Some(newest)) = (earliest, newest)
            && self.room(index, rows.len(), now, wall)
        {
            self.event(index, &earliest, &newest, now);
            self.queue.push([Entry::Trades(rows, wall)]);
        }
    }

    fn ticker(
        &mut self,
        wire: usize,
        topic: &str,
        message: (TickerKind, Millis, Option<i64>, Arc<str>, Members),
        now: Duration,
        wall: Millis,
    ) {
        let Some(index) = self.track_of(wire, topic, now, wall) else {
            return;
        };
        let (kind, time, cs, symbol, members) = message;
        let merge = self.merges.entry(index).or_default();
        let Some((is_complete, members)) = merge.take(kind, cs, members) else {
            self.tally.old_tickers += 1;
            return;
        };
        if !self.room(index, 1, now, wall) {
            return;
        }
        let id = cs.map(|it| it.to_string()).unwrap_or_default().into();
        let point = Point { time, id };
        // Without a snapshot nothing is known yet.
        if is_complete {
            self.event(index, &point, &point, now);
        }
        let ticker = Ticker {
            category: self.options.category,
            symbol,
            time,
            cs,
            kind,
            is_complete,
            members,
        };
        self.queue.push([Entry::Ticker(ticker, wall)]);
    }

    fn account_rows(
        &mut self,
        wire: usize,
        topic: &str,
        kind: AccountKind,
        rows: Vec<AccountRow>,
        now: Duration,
        wall: Millis,
    ) {
        let Some(index) = self.track_of(wire, topic, now, wall) else {
            return;
        };
        if !self.room(index, rows.len(), now, wall) {
            return;
        }
        for row in rows {
            if kind == AccountKind::Execution {
                self.account.saw(&row.key);
            }
            // A gap of the account ends when it has been read, not when something comes.
            if let Some(track) = self.tracks.get_mut(index)
                && !track.is_missing()
            {
                let point = Point {
                    time: row.time,
                    id: row.key.clone(),
                };
                track.event(&point, &point, now);
            }
            let entry = Entry::Account(row, Origin::Socket, wall);
            self.queue.push([entry]);
        }
    }

    /// Whether there is room for rows of a stream. If not, they are missing.
    fn room(&mut self, index: usize, rows: usize, now: Duration, wall: Millis) -> bool {
        if self.queue.has_room() {
            return true;
        }
        self.tally.dropped += rows as u64;
        self.broke(index, Cause::Overflow, "no room for what came", now, wall);
        // It is only missing, not gone: what comes next ends the gap, or what is read of the account.
        self.live(index, now, wall);
        false
    }

    /// Something of a stream came. It ends the gap that was open.
    fn event(&mut self, index: usize, first: &Point, newest: &Point, now: Duration) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        let Some(ended) = track.event(first, newest, now) else {
            return;
        };
        let kind = track.stream.kind;
        self.queue.push([Entry::GapEnded(ended.end.clone())]);
        let fills = self.filling.ended(ended, kind, now);
        self.say(fills, Millis(first.time.0));
    }

    /// From here on something of a stream may be missing.
    fn broke(&mut self, index: usize, cause: Cause, why: &str, now: Duration, wall: Millis) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        let Some(gap) = track.broke(GapId(self.next_gap), cause, why, now, wall) else {
            return;
        };
        self.next_gap = self.next_gap.saturating_add(1);
        self.tally.gaps += 1;
        self.filling.opened(gap.clone());
        self.queue.push([Entry::GapOpened(gap)]);
        if let Some(merge) = self.merges.get_mut(&index) {
            merge.forget();
        }
    }

    fn say(&mut self, fills: Vec<super::Fill>, wall: Millis) {
        for fill in fills {
            match fill.state {
                super::GapState::Filled => self.tally.filled += 1,
                super::GapState::Partly => self.tally.partly += 1,
                super::GapState::Unfillable => self.tally.unfillable += 1,
                super::GapState::Open => {}
            }
            self.queue.push([Entry::GapFilled(fill, wall)]);
        }
    }

    fn steps(&mut self, wire: usize, todo: Vec<Do>, now: Duration, wall: Millis) -> Vec<Step> {
        let mut steps = Vec::new();
        for it in todo {
            match it {
                Do::Send(text) => steps.push(Step::Send(text)),
                Do::Close(why) => steps.push(Step::Close(why)),
                Do::Live(topic) => {
                    if let Some(index) = self.index(wire, &topic) {
                        self.live(index, now, wall);
                    }
                }
                Do::Refused(topic, why) => {
                    self.tally.refused += 1;
                    self.notes
                        .push(format!("the exchange refuses {topic}: {why}"));
                    if let Some(index) = self.index(wire, &topic) {
                        self.broke(index, Cause::Refused, &why, now, wall);
                    }
                }
            }
        }
        steps
    }

    fn index(&self, wire: usize, topic: &str) -> Option<usize> {
        self.wires.get(wire)?.tracks.get(topic).copied()
    }

    /// A stream is there from now on. Of the account somebody has to ask what was before.
    fn live(&mut self, index: usize, now: Duration, wall: Millis) {
        let exchange = self.exchange(wall);
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        track.live(now);
        if let StreamKind::Account(_) = track.stream.kind {
            self.account.live(now, exchange);
        }
    }

    /// What has become due on a connection.
    pub fn tick(&mut self, wire: usize, now: Duration, wall: Millis) -> Vec<Step> {
        let Some(it) = self.wires.get_mut(wire) else {
            return Vec::new();
        };
        let todo = it.line.tick(now);
        self.steps(wire, todo, now, wall)
    }

    /// What is sent before a connection is ended on purpose.
    #[must_use]
    pub fn goodbye(&self, wire: usize) -> Vec<Step> {
        let todo = self.wires.get(wire).map(|it| it.line.goodbye());
        let sends = todo.unwrap_or_default().into_iter();
        sends
            .filter_map(|it| match it {
                Do::Send(text) => Some(Step::Send(text)),
                _ => None,
            })
            .collect()
    }

    /// Questions that have become due. Each is answered by [`Capture::done`] before it is asked again.
    pub fn tasks(&mut self, now: Duration, wall: Millis) -> Vec<Task> {
        let mut tasks = self.filling.due(now);
        let exchange = self.exchange(wall);
        if self.options.keys.is_some() {
            tasks.extend(self.account.due(&self.tracks, now, exchange));
        }
        for index in 0..self.tracks.len() {
            tasks.extend(self.look(index, now));
        }
        tasks
    }

    /// Whether a topic has been silent for so long that somebody should ask.
    fn look(&mut self, index: usize, now: Duration) -> Option<Task> {
        let silent_max = self.options.timing.silent_max;
        let track = self.tracks.get_mut(index)?;
        let quiet = track.asked_after.unwrap_or(track.heard);
        if !track.is_live || now.saturating_sub(quiet) < silent_max {
            return None;
        }
        let (category, symbol) = (track.stream.category?, track.stream.symbol.clone());
        let request = match track.stream.kind {
            StreamKind::Trades => Request::recent_trades(category, &symbol),
            StreamKind::Ticker => Request::ticker(category, &symbol),
            StreamKind::Account(_) => return None,
        };
        track.asked_after = Some(now);
        Some(Task::Look(index, request))
    }

    /// The exchange answered a task. Connections that are of no use any more are named, with the reason.
    pub fn done(&mut self, done: Done, now: Duration, wall: Millis) -> Vec<(usize, String)> {
        match done {
            Done::Fill(gap, answer) => {
                let fills = self.filling.answered(gap, answer, now);
                self.say(fills, wall);
                Vec::new()
            }
            Done::Look(index, Ok(answer)) => self.looked(index, &answer, now, wall),
            Done::Look(_, Err(_)) => Vec::new(),
            Done::Account(until, rows) => self.compared(until, rows, now, wall),
        }
    }

    fn looked(
        &mut self,
        index: usize,
        answer: &Answer,
        now: Duration,
        wall: Millis,
    ) -> Vec<(usize, String)> {
        let settle = self.options.timing.settle;
        let Some(track) = self.tracks.get(index) else {
            return Vec::new();
        };
        let is_missed = match track.stream.kind {
            StreamKind::Trades => track.missed(answer, now, settle),
            StreamKind::Ticker => {
                let merge = self.merges.get(&index);
                let is_same = |name: &str| {
                    let told = answer.first();
                    let told = told.as_ref().and_then(|it| it.text(name));
                    told.is_none() || told == merge.and_then(|it| it.text(name))
                };
                // Whether it changed a moment ago is not known: what heard nothing since it was asked is
                // silent.
                track.asked_after.is_some() && !(is_same("lastPrice") && is_same("volume24h"))
            }
            StreamKind::Account(_) => false,
        };
        if !is_missed {
            return Vec::new();
        }
        let silent = now.saturating_sub(track.heard);
        let why = format!(
            "silent for {:.1} s although it trades",
            silent.as_secs_f32()
        );
        self.stalled(index, &why, now, wall)
    }

    /// A topic says nothing though it should: its connection is of no use.
    fn stalled(
        &mut self,
        index: usize,
        why: &str,
        now: Duration,
        wall: Millis,
    ) -> Vec<(usize, String)> {
        self.broke(index, Cause::Stall, why, now, wall);
        let has = |it: &Wire| it.tracks.values().any(|it| *it == index);
        let wire = self.wires.iter().position(has);
        let stream = self.tracks.get(index).map(|it| it.stream.to_string());
        let why = format!("{}: {why}", stream.unwrap_or_default());
        wire.map(|it| (it, why)).into_iter().collect()
    }

    /// The account was read until then.
    fn compared(
        &mut self,
        until: Millis,
        rows: Result<Vec<AccountRow>, String>,
        now: Duration,
        wall: Millis,
    ) -> Vec<(usize, String)> {
        let rows = match rows {
            Ok(rows) => rows,
            Err(why) => {
                self.account.failed(now);
                self.notes
                    .push(format!("the account could not be read: {why}"));
                return Vec::new();
            }
        };
        let read = self.account.read(until, &rows, now);
        let mut stalled = Vec::new();
        if let Some(missed) = read.missed {
            let of_executions = |it: &Track| it.stream == Stream::account(AccountKind::Execution);
            if let Some(index) = self.tracks.iter().position(of_executions) {
                let why = format!("the execution {missed} came by a request alone");
                stalled = self.stalled(index, &why, now, wall);
            }
        }
        for row in rows {
            self.queue
                .push([Entry::Account(row, Origin::Request, wall)]);
        }
        if read.is_whole && stalled.is_empty() {
            self.account_filled(until, now, wall);
        }
        stalled
    }

    /// All that can be had of the account is there: its gaps have ended.
    fn account_filled(&mut self, until: Millis, now: Duration, wall: Millis) {
        for index in 0..self.tracks.len() {
            let Some(track) = self.tracks.get_mut(index) else {
                continue;
            };
            let StreamKind::Account(kind) = track.stream.kind else {
                continue;
            };
            if !track.is_missing() || !track.is_live {
                continue;
            }
            let point = Point {
                time: until,
                id: Box::from(""),
            };
            let Some(mut ended) = track.event(&point, &point, now) else {
                continue;
            };
            ended.end.first = None;
            self.queue.push([Entry::GapEnded(ended.end.clone())]);
            let fill = self.filling.account(&ended, kind);
            self.say(vec![fill], wall);
        }
    }
}
