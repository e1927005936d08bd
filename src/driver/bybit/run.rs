//! A run of a capture: its sockets, its questions, and its end.
//!
//! Always true:
//! - Whatever the exchange does, the run goes on. It ends when somebody asks for it, or when nothing can be
//!   written any more.
//! - While the database keeps up only slowly, sockets are read slowly; while it refuses, they are read on
//!   until there is no room.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::http::{self, Http};
use super::socket::Socket;
use crate::feed::bybit::{
    Capture, CaptureOptions, Done, Known, Millis, Queue, Request, RunStart, Socket as Kind, Step,
    Store, StoreError, Tally, Task, Writer, WriterOptions, WriterState,
};
use crate::journal::chain_of;
use crate::time::Clock;

/// How full the queue is, in per cent, when sockets are read more slowly.
const SLOW_FROM: usize = 50;
const SLOW: Duration = Duration::from_millis(1);
/// How often the exchange is asked what time it has.
const CLOCK_EVERY: Duration = Duration::from_secs(600);
/// How long the end of a connection may take.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// Where the exchange is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// Of sockets: `wss://stream.bybit.com`.
    pub sockets: String,
    /// Of requests: `https://api.bybit.com`.
    pub requests: String,
}

impl Hosts {
    /// The exchange's own.
    #[must_use]
    pub fn of(is_testnet: bool) -> Hosts {
        let (sockets, requests) = match is_testnet {
            false => ("wss://stream.bybit.com", "https://api.bybit.com"),
            true => (
                "wss://stream-testnet.bybit.com",
                "https://api-testnet.bybit.com",
            ),
        };
        Hosts {
            sockets: sockets.to_owned(),
            requests: requests.to_owned(),
        }
    }
}

/// What a run is.
#[derive(Clone, Debug)]
pub struct Run {
    /// What is captured.
    pub capture: CaptureOptions,
    /// From where.
    pub hosts: Hosts,
    /// How it is written.
    pub writer: WriterOptions,
    /// How many bytes wait at most.
    pub buffer: usize,
    /// How often it says how it goes.
    pub health_every: Duration,
    /// What the pauses between connections are drawn from.
    pub seed: u64,
}

/// How a run goes.
#[derive(Clone, Debug)]
pub struct Health {
    /// How long it has been running.
    pub uptime: Duration,
    /// What came.
    pub tally: Tally,
    /// What was written.
    pub writer: WriterState,
    /// Rows that wait.
    pub waiting: usize,
    /// Connections that are open, of how many.
    pub open: (usize, usize),
    /// Streams that are missing something now.
    pub missing: usize,
}

/// What a run says.
#[derive(Clone, Debug)]
pub enum RunNews {
    /// Something that a person should know.
    Note(String),
    /// How it goes.
    Health(Box<Health>),
    /// What it does, for whoever looks for a fault: connections that are made, and that end.
    Step(String),
}

/// Why a run ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database cannot be used.
    #[error("begin a run")]
    Begin(#[source] StoreError),
    /// This machine gives no thread, no socket or no certificates.
    #[error("start the capture: {0}")]
    Start(String),
    /// Rows that came are not written.
    #[error("end the run: {0}")]
    End(String),
}

/// Runs until `stop` ends.
///
/// # Errors
/// [`RunError`].
pub fn run(
    run: Run,
    mut store: Box<dyn Store>,
    start: &RunStart,
    clock: Arc<dyn Clock>,
    tell: impl Fn(RunNews) + Clone + Send + 'static,
    stop: impl AsyncFnOnce(),
) -> Result<Health, RunError> {
    let cannot = |it: String| RunError::Start(it);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|it| cannot(it.to_string()))?;
    let tls = http::tls().map_err(|it| cannot(it.to_string()))?;
    let timing = run.capture.timing.clone();
    let http = Http::new(&run.hosts.requests, run.capture.keys.clone(), timing);
    let http = http.map_err(cannot)?;
    let known = store.begin(start).map_err(RunError::Begin)?;
    let queue = Arc::new(Queue::new(run.buffer));
    let told = tell.clone();
    let writer = Writer::start(
        store,
        Arc::clone(&queue),
        Arc::clone(&clock),
        run.writer.clone(),
        move |note| told(RunNews::Note(note.to_owned())),
    );
    let writer = writer.map_err(|it| cannot(it.to_string()))?;
    let shared = Shared::new(run, queue, &known, clock, tls, http, writer);
    let shared = Rc::new(shared);
    for note in known_notes(&known) {
        tell(RunNews::Note(note));
    }
    runtime.block_on(LocalSet::new().run_until(shared.clone().all(&tell, stop)));
    // Nobody else has it: the tasks of the runtime end with it.
    drop(runtime);
    let health = shared.health();
    let writer = shared.writer.take();
    let Some(writer) = writer else {
        return Err(RunError::End("the writer is gone".to_owned()));
    };
    let state = writer.close().map_err(RunError::End)?;
    Ok(Health {
        writer: state,
        waiting: 0,
        ..health
    })
}

fn known_notes(known: &Known) -> Vec<String> {
    let mut notes = Vec::new();
    if known.crashed > 0 {
        let count = known.crashed;
        notes.push(format!(
            "{count} earlier runs did not end; they are marked as crashed"
        ));
    }
    if !known.open.is_empty() {
        notes.push(format!(
            "{} gaps of earlier runs are open",
            known.open.len()
        ));
    }
    notes
}

/// What the tasks of a run share. They are all on one thread.
struct Shared {
    run: Run,
    capture: RefCell<Capture>,
    queue: Arc<Queue>,
    clock: Arc<dyn Clock>,
    started: Instant,
    tls: Arc<rustls::ClientConfig>,
    http: Http,
    writer: Cell<Option<Writer>>,
    state: RefCell<WriterState>,
    /// A connection that is of no use any more, and why.
    broken: Vec<(Notify, RefCell<Option<String>>)>,
    closing: tokio::sync::watch::Sender<bool>,
    /// What was done and is not told yet.
    done: RefCell<Vec<String>>,
    random: Cell<u64>,
}

impl Shared {
    fn new(
        run: Run,
        queue: Arc<Queue>,
        known: &Known,
        clock: Arc<dyn Clock>,
        tls: rustls::ClientConfig,
        http: Http,
        writer: Writer,
    ) -> Shared {
        let wall = Millis::of(clock.now());
        let capture = Capture::new(run.capture.clone(), Arc::clone(&queue), known, wall);
        let sockets = capture.sockets();
        Shared {
            broken: sockets.iter().map(|_| Default::default()).collect(),
            capture: RefCell::new(capture),
            queue,
            clock,
            started: Instant::now(),
            tls: Arc::new(tls),
            http,
            state: RefCell::new(writer.state()),
            writer: Cell::new(Some(writer)),
            closing: tokio::sync::watch::Sender::new(false),
            done: RefCell::default(),
            // A seed of 0 would stay 0.
            random: Cell::new(run.seed | 1),
            run,
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn wall(&self) -> Millis {
        Millis::of(self.clock.now())
    }

    fn exchange(&self) -> Millis {
        self.capture.borrow().exchange(self.wall())
    }

    /// The state of the writer, and whether it still runs.
    fn look_at_writer(&self) -> bool {
        let writer = self.writer.take();
        let is_running = writer.as_ref().is_some_and(Writer::is_running);
        if let Some(writer) = &writer {
            *self.state.borrow_mut() = writer.state();
        }
        self.writer.set(writer);
        is_running
    }

    fn health(&self) -> Health {
        self.look_at_writer();
        let capture = self.capture.borrow();
        Health {
            uptime: self.now(),
            tally: capture.tally().clone(),
            writer: self.state.borrow().clone(),
            waiting: self.queue.rows(),
            open: capture.open_lines(),
            missing: capture.missing(),
        }
    }

    /// All of a run, until it is to stop.
    async fn all(self: Rc<Shared>, tell: &impl Fn(RunNews), stop: impl AsyncFnOnce()) {
        let sockets = self.capture.borrow().sockets();
        let wires: Vec<_> = sockets
            .into_iter()
            .enumerate()
            .map(|(index, kind)| tokio::task::spawn_local(Rc::clone(&self).wire(index, kind)))
            .collect();
        let clock = tokio::task::spawn_local(Rc::clone(&self).clocked());
        let mut ticks = self.ticks();
        let mut health = interval(self.run.health_every.max(Duration::from_millis(10)));
        health.tick().await;
        let mut stop = std::pin::pin!(stop());
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = ticks.tick() => {
                    if !self.look_at_writer() {
                        break;
                    }
                    self.ask();
                    let notes = self.capture.borrow_mut().notes();
                    for note in notes {
                        tell(RunNews::Note(note));
                    }
                    for step in self.done.take() {
                        tell(RunNews::Step(step));
                    }
                }
                _ = health.tick() => tell(RunNews::Health(Box::new(self.health()))),
            }
        }
        clock.abort();
        self.closing.send_replace(true);
        for wire in wires {
            let _ = wire.await;
        }
    }

    /// Often enough for the shortest span that is waited for.
    fn ticks(&self) -> Interval {
        let timing = &self.run.capture.timing;
        let spans = [
            timing.ping_every,
            timing.answer_within,
            timing.silent_max,
            timing.settle,
        ];
        let shortest = spans.into_iter().min().unwrap_or_default() / 10;
        let every = shortest.clamp(Duration::from_millis(5), Duration::from_millis(250));
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }

    /// Asks what has become due.
    fn ask(self: &Rc<Shared>) {
        if self.http.is_paused() {
            return;
        }
        let (now, wall) = (self.now(), self.wall());
        let tasks = self.capture.borrow_mut().tasks(now, wall);
        for task in tasks {
            let shared = Rc::clone(self);
            tokio::task::spawn_local(async move {
                let done = shared.answer(task).await;
                let (now, wall) = (shared.now(), shared.wall());
                let broken = shared.capture.borrow_mut().done(done, now, wall);
                for (wire, why) in broken {
                    if let Some((notify, reason)) = shared.broken.get(wire) {
                        *reason.borrow_mut() = Some(why);
                        notify.notify_one();
                    }
                }
            });
        }
    }

    async fn answer(&self, task: Task) -> Done {
        match task {
            Task::Fill(gap, request) => {
                let answer = self.http.ask(&request, self.exchange()).await;
                Done::Fill(gap, answer.map_err(|it| chain_of(&it)))
            }
            Task::Look(track, request) => {
                let answer = self.http.ask(&request, self.exchange()).await;
                Done::Look(track, answer.map_err(|it| chain_of(&it)))
            }
            Task::Account(from, to) => {
                let rows = self.http.account(from, to, || self.exchange()).await;
                Done::Account(to, rows.map_err(|it| chain_of(&it)))
            }
        }
    }

    /// Keeps knowing what time the exchange has.
    async fn clocked(self: Rc<Shared>) {
        loop {
            self.look_at_clock().await;
            sleep(CLOCK_EVERY).await;
        }
    }

    async fn look_at_clock(&self) {
        let asked = Instant::now();
        let answer = self.http.ask(&Request::time(), self.exchange()).await;
        if let Ok(answer) = answer
            && let Some(time) = answer.time
        {
            let half = i64::try_from((asked.elapsed() / 2).as_millis()).unwrap_or_default();
            let exchange = Millis(time.0.saturating_add(half));
            self.capture.borrow_mut().clock(exchange, self.wall());
        }
    }

    /// One connection, made again and again.
    async fn wire(self: Rc<Shared>, index: usize, kind: Kind) {
        let timing = self.run.capture.timing.clone();
        let mut closing = self.closing.subscribe();
        let mut pause = timing.reconnect_first;
        while !*closing.borrow_and_update() {
            let began = Instant::now();
            let why = self.connection(index, kind, &mut closing).await;
            let Some(why) = why else { return };
            let (now, wall) = (self.now(), self.wall());
            self.capture.borrow_mut().closed(index, &why, now, wall);
            // A connection that lived was no failure to connect.
            if timing.reconnect_max < began.elapsed() {
                pause = timing.reconnect_first;
            }
            let is_refused = why.contains("refuses the key");
            let span = match is_refused {
                true => timing.refused_again,
                false => self.jittered(pause),
            };
            let (path, secs) = (kind.path(), span.as_secs_f32());
            self.did(format!("{path} ended: {why}; again in {secs:.1} s"));
            pause = timing.reconnect_max.min(pause.mul_f64(1.5));
            tokio::select! {
                () = sleep(span) => {}
                _ = closing.changed() => {}
            }
        }
    }

    fn did(&self, step: String) {
        self.done.borrow_mut().push(step);
    }

    /// Between half of it and one and a half.
    fn jittered(&self, span: Duration) -> Duration {
        // The generator xorshift64: good enough for pauses that are not the same.
        let mut it = self.random.get();
        it ^= it << 13;
        it ^= it >> 7;
        it ^= it << 17;
        self.random.set(it);
        let thousandths = u32::try_from(it % 1000).unwrap_or_default();
        span / 2 + span * thousandths / 1000
    }

    /// A connection until it ends: why it did, or nothing if the run is over.
    async fn connection(
        &self,
        index: usize,
        kind: Kind,
        closing: &mut tokio::sync::watch::Receiver<bool>,
    ) -> Option<String> {
        let timing = &self.run.capture.timing;
        if kind == Kind::Private {
            // The proof of who we are has a time in it.
            tokio::select! {
                () = self.look_at_clock() => {}
                _ = closing.changed() => return None,
            }
        }
        let url = format!("{}{}", self.run.hosts.sockets, kind.path());
        let made = Socket::connect(&url, Arc::clone(&self.tls), timing.connect_within);
        let made = tokio::select! {
            made = made => made,
            _ = closing.changed() => return None,
        };
        let mut socket = match made {
            Ok(socket) => socket,
            Err(why) => return Some(why),
        };
        self.did(format!("{url} is connected"));
        let (now, wall) = (self.now(), self.wall());
        let steps = self.capture.borrow_mut().opened(index, now, wall);
        if let Some(why) = self.act(&mut socket, steps).await {
            return Some(why);
        }
        let (notify, reason) = self.broken.get(index)?;
        reason.borrow_mut().take();
        let mut ticks = self.ticks();
        loop {
            let steps = tokio::select! {
                text = socket.next() => match text {
                    Ok(text) => self.heard(index, &text),
                    Err(why) => return Some(why),
                },
                _ = ticks.tick() => {
                    let (now, wall) = (self.now(), self.wall());
                    self.capture.borrow_mut().tick(index, now, wall)
                }
                () = notify.notified() => match reason.borrow_mut().take() {
                    Some(why) => vec![Step::Close(why)],
                    None => Vec::new(),
                },
                _ = closing.changed() => {
                    let steps = self.capture.borrow().goodbye(index);
                    self.act(&mut socket, steps).await;
                    socket.close(CLOSE_WITHIN).await;
                    return None;
                }
            };
            if let Some(why) = self.act(&mut socket, steps).await {
                socket.close(CLOSE_WITHIN).await;
                return Some(why);
            }
            self.wait_for_room().await;
        }
    }

    /// While the database writes, but not as fast as it comes. Not for so long that a ping is late.
    async fn wait_for_room(&self) {
        let began = Instant::now();
        let most = self.run.capture.timing.ping_every / 10;
        while SLOW_FROM < self.queue.filled()
            && self.state.borrow().trouble.is_none()
            && began.elapsed() < most
        {
            sleep(SLOW).await;
        }
    }

    fn heard(&self, index: usize, text: &str) -> Vec<Step> {
        let (now, wall) = (self.now(), self.wall());
        self.capture.borrow_mut().heard(index, text, now, wall)
    }

    /// Does these steps. Says why the connection ends, if it does.
    async fn act(&self, socket: &mut Socket, steps: Vec<Step>) -> Option<String> {
        let within = self.run.capture.timing.answer_within;
        for step in steps {
            match step {
                Step::Close(why) => return Some(why),
                Step::Send(text) => {
                    if let Err(why) = socket.send(text, within).await {
                        return Some(why);
                    }
                }
            }
        }
        None
    }
}
