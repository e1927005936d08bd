//! A connection to a Redis that comes and goes.
//!
//! Always true:
//! - A call waits at most its timeout for its turn and at most its timeout for everything else: finding the
//!   server, reaching it, logging in, asking, and the whole answer.
//! - A server that is away is left alone for a while, longer each time. Until then every call ends at once,
//!   and one call alone tries it then. Programs that lost the same server do not all come back at one moment.
//! - Nothing that was sent is sent again: whether a call that was cut off was carried out, the caller decides
//!   what to think of.
//! - After anything unexpected a connection is given up; no call reads the answer to another one.
//! - A password, and what a server says while it is told one, is in no error.
//!
//! Not here: what is asked.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write as _};
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::{
    Cmd, ConnectionLike, FromRedisValue, Parser, Pipeline, RedisError, RedisResult, Value,
};

use super::address::Address;
use super::socket::{Socket, Timed};
use crate::time::{Clock, Timestamp};

/// How long a server is waited for, and for how long it is left alone then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionOptions {
    /// How long a call may take, and how long it waits for those before it.
    pub timeout: Duration,
    /// How long a server is left alone after the first failure; twice as long after the next, and so on.
    pub rest_min: Duration,
    /// The longest rest.
    pub rest_max: Duration,
    /// A number that other programs do not have: by it they come back at different moments.
    pub spread: u64,
}

/// A quarter of a second, rests of half a second to half a minute, and the number of the process.
impl Default for ConnectionOptions {
    fn default() -> ConnectionOptions {
        ConnectionOptions {
            timeout: Duration::from_millis(250),
            rest_min: Duration::from_millis(500),
            rest_max: Duration::from_secs(30),
            spread: process::id().into(),
        }
    }
}

impl ConnectionOptions {
    /// How long a call may take.
    #[must_use]
    pub fn timeout(mut self, span: Duration) -> ConnectionOptions {
        self.timeout = span;
        self
    }

    /// How long a server is left alone, at first and at most.
    #[must_use]
    pub fn rest(mut self, min: Duration, max: Duration) -> ConnectionOptions {
        self.rest_min = min;
        self.rest_max = max;
        self
    }
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// It cannot be reached, hung up, or did not answer in time.
    #[error("reach {server}")]
    Away {
        /// Where it should be.
        server: Address,
        /// What went wrong.
        source: io::Error,
    },
    /// It was away, and is not tried again yet. Nothing was sent.
    #[error("{server} is left alone until {until}, after {failures} failures")]
    Resting {
        /// Where it should be.
        server: Address,
        /// How often it failed, one time after the other.
        failures: u32,
        /// When it is tried again.
        until: Timestamp,
    },
    /// Other calls took all the time. Nothing was sent.
    #[error("{server} is busy with other calls")]
    Busy {
        /// Where it is.
        server: Address,
    },
    /// It is there and answers nothing yet: it loads its data, or a script runs.
    #[error("{server} is not ready: {code}")]
    NotReady {
        /// Where it is.
        server: Address,
        /// Its word for it.
        code: String,
    },
    /// It takes nothing more, since its memory is full.
    #[error("{server} is out of memory")]
    OutOfMemory {
        /// Where it is.
        server: Address,
    },
    /// It takes no writes: it is a replica, or cannot save.
    #[error("{server} takes no writes: {code}")]
    ReadOnly {
        /// Where it is.
        server: Address,
        /// Its word for it.
        code: String,
    },
    /// It does not know us, or does not let us do this.
    #[error("{server} does not let us: {code}")]
    Denied {
        /// Where it is.
        server: Address,
        /// Its word for it.
        code: String,
    },
    /// It refuses for another reason, such as a key that holds something else.
    #[error("{server} refuses: {code} {detail}")]
    Refused {
        /// Where it is.
        server: Address,
        /// Its word for it.
        code: String,
        /// What else it says.
        detail: String,
    },
    /// What it answers is no answer to what was asked; it may be no Redis.
    #[error("{server} answers with something that was not asked for")]
    Wrong {
        /// Where it is.
        server: Address,
    },
}

impl ConnectionError {
    /// Whether the server is away, so that nothing else need be tried there now.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(
            self,
            ConnectionError::Away { .. } | ConnectionError::Resting { .. }
        )
    }

    /// Whether nothing of the call was sent, so that nothing of it can have been carried out.
    #[must_use]
    pub fn nothing_sent(&self) -> bool {
        matches!(
            self,
            ConnectionError::Resting { .. } | ConnectionError::Busy { .. }
        )
    }
}

/// One connection, for any number of threads, which take turns. See the module.
///
/// Nothing is connected until something is asked.
pub struct Connection {
    address: Address,
    options: ConnectionOptions,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Told when a turn is over.
    turn: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The socket, while nobody has his turn.
    live: Option<Live>,
    is_taken: bool,
    /// How often the server failed, one time after the other.
    failures: u32,
    /// From when until when it is left alone.
    rest: Option<(Timestamp, Timestamp)>,
}

impl State {
    /// Until when the server is left alone. A clock that went back ends the rest.
    fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        let (from, until) = self.rest?;
        (from <= now && now < until).then_some(until)
    }
}

/// A connected socket, whose process may use it: a fork has the same one, and would take others' answers.
#[derive(Debug)]
struct Live {
    socket: Socket,
    process: u32,
}

impl Connection {
    /// A connection that is made when something is asked.
    #[must_use]
    pub fn new(address: Address, options: ConnectionOptions, clock: Arc<dyn Clock>) -> Connection {
        Connection {
            address,
            options,
            clock,
            state: Mutex::default(),
            turn: Condvar::new(),
        }
    }

    /// Where the server is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whether the server is left alone now, so that a call would end at once with
    /// [`ConnectionError::Resting`].
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.lock().rests_until(self.clock.now()).is_some()
    }

    /// Runs one command.
    pub(crate) fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, ConnectionError> {
        self.exchange(|talk| command.query(talk))
    }

    /// Runs the commands of a pipeline, which go out together.
    pub(crate) fn run_all<T: FromRedisValue>(
        &self,
        pipeline: &Pipeline,
    ) -> Result<T, ConnectionError> {
        self.exchange(|talk| pipeline.query(talk))
    }

    fn exchange<T>(
        &self,
        ask: impl FnOnce(&mut Talk<'_>) -> RedisResult<T>,
    ) -> Result<T, ConnectionError> {
        let mut turn = self.take_turn()?;
        let until = Instant::now() + self.options.timeout;
        let live = turn.live.take().filter(Live::is_usable);
        let live = match live.map_or_else(|| self.connect(until), Ok) {
            Ok(live) => live,
            Err(error) => {
                turn.has_failed = true;
                return Err(error);
            }
        };
        let mut talk = Talk::new(&live.socket, until);
        let answer = ask(&mut talk);
        let (trouble, is_whole) = (talk.timed.take_trouble(), talk.is_whole());
        let answer = match (answer, trouble) {
            (_, Some(source)) => Err(self.away(source)),
            (Ok(answer), None) => Ok(answer),
            (Err(error), None) => Err(self.classify(error)),
        };
        match is_whole {
            true => turn.live = Some(live),
            false => turn.has_failed = true,
        }
        answer
    }

    /// Waits until nobody else talks, and only if there is a point in talking.
    fn take_turn(&self) -> Result<Turn<'_>, ConnectionError> {
        let until = Instant::now() + self.options.timeout;
        let mut state = self.lock();
        loop {
            if let Some(until) = state.rests_until(self.clock.now()) {
                return Err(ConnectionError::Resting {
                    server: self.address.clone(),
                    failures: state.failures,
                    until,
                });
            }
            if !state.is_taken {
                break;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let server = self.address.clone();
                return Err(ConnectionError::Busy { server });
            }
            let woken = self.turn.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.is_taken = true;
        Ok(Turn {
            connection: self,
            live: state.live.take(),
            has_failed: false,
        })
    }

    fn connect(&self, until: Instant) -> Result<Live, ConnectionError> {
        let socket = Socket::connect(self.address.place(), until);
        let socket = socket.map_err(|source| self.away(source))?;
        let mut hello = Pipeline::new();
        if let Some((user, password)) = self.address.credentials() {
            hello.cmd("AUTH");
            for word in user.into_iter().chain([password]) {
                hello.arg(word);
            }
        }
        if self.address.db() != 0 {
            hello.cmd("SELECT").arg(self.address.db());
        }
        if !hello.is_empty() {
            let mut talk = Talk::new(&socket, until);
            let said: RedisResult<()> = hello.query(&mut talk);
            if let Some(source) = talk.timed.take_trouble() {
                return Err(self.away(source));
            }
            said.map_err(|error| self.classify_hello(error))?;
        }
        Ok(Live {
            socket,
            process: process::id(),
        })
    }

    fn away(&self, source: io::Error) -> ConnectionError {
        ConnectionError::Away {
            server: self.address.clone(),
            source,
        }
    }

    fn classify(&self, error: RedisError) -> ConnectionError {
        let server = self.address.clone();
        let Some((code, detail)) = refusal(error) else {
            return ConnectionError::Wrong { server };
        };
        match &*code {
            "OOM" => ConnectionError::OutOfMemory { server },
            "READONLY" | "MISCONF" | "NOREPLICAS" => ConnectionError::ReadOnly { server, code },
            "LOADING" | "BUSY" | "MASTERDOWN" | "TRYAGAIN" | "CLUSTERDOWN" => {
                ConnectionError::NotReady { server, code }
            }
            "NOAUTH" | "WRONGPASS" | "NOPERM" => ConnectionError::Denied { server, code },
            _ => ConnectionError::Refused {
                server,
                code,
                detail,
            },
        }
    }

    /// The same without the server's own words: it may repeat the password that it was told.
    fn classify_hello(&self, error: RedisError) -> ConnectionError {
        match self.classify(error) {
            ConnectionError::Refused { server, code, .. } => {
                ConnectionError::Denied { server, code }
            }
            error => error,
        }
    }

    /// How long the server is left alone after so many failures: three quarters of the span and a part of
    /// the last one, which differs from program to program.
    fn rest(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let span = self.options.rest_min.saturating_mul(1 << doublings);
        let span = span.min(self.options.rest_max);
        let part = u32::try_from(mixed(self.options.spread, failures) % 1024).unwrap_or_default();
        span / 4 * 3 + span / 4096 * part
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change of it is whole, so a panic elsewhere leaves it usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("address", &self.address)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Live {
    fn is_usable(&self) -> bool {
        self.process == process::id() && self.socket.is_quiet()
    }
}

/// Somebody's turn, until it is dropped, by a panic too.
struct Turn<'a> {
    connection: &'a Connection,
    live: Option<Live>,
    has_failed: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let connection = self.connection;
        let mut state = connection.lock();
        state.is_taken = false;
        state.live = self.live.take();
        if self.has_failed {
            state.failures = state.failures.saturating_add(1);
            let now = connection.clock.now();
            let until = now.saturating_add(connection.rest(state.failures));
            state.rest = Some((now, until));
        } else if state.live.is_some() {
            state.failures = 0;
            state.rest = None;
        }
        drop(state);
        // All of them: where the server is away now, each has to hear of it.
        connection.turn.notify_all();
    }
}

/// Questions and answers on a socket until a moment.
struct Talk<'a> {
    timed: Timed<'a>,
    parser: Parser,
    /// How many answers were not read yet, those to what was never sent included.
    owed: usize,
    is_torn: bool,
}

impl<'a> Talk<'a> {
    fn new(socket: &'a Socket, until: Instant) -> Talk<'a> {
        Talk {
            timed: Timed::new(socket, until),
            parser: Parser::new(),
            owed: 0,
            is_torn: false,
        }
    }

    /// Whether every question has its answer, so that the next answer is that to the next question.
    fn is_whole(&self) -> bool {
        self.owed == 0 && !self.is_torn
    }

    fn send(&mut self, commands: &[u8], answers: usize) -> RedisResult<()> {
        self.owed += answers;
        Ok(self.timed.write_all(commands)?)
    }

    /// The next answer; what a server refuses is one too.
    fn receive(&mut self) -> RedisResult<Value> {
        let value = self.parser.parse_value(&mut self.timed);
        match value {
            Ok(_) => self.owed = self.owed.saturating_sub(1),
            Err(_) => self.is_torn = true,
        }
        value
    }
}

impl ConnectionLike for Talk<'_> {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        self.send(command, 1)?;
        self.receive()
    }

    /// Sends everything, and returns the last `count` answers; those before say whether the commands of a
    /// transaction were taken.
    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        self.send(commands, offset + count)?;
        let mut refused = None;
        for _ in 0..offset {
            if let Value::ServerError(error) = self.receive()? {
                refused = refused.or(Some(error));
            }
        }
        let mut answers = Vec::with_capacity(count);
        for _ in 0..count {
            answers.push(self.receive()?);
        }
        // Why a transaction was given up says more than that it was.
        match refused {
            Some(error) => Err(error.into()),
            None => Ok(answers),
        }
    }

    fn get_db(&self) -> i64 {
        0
    }

    fn check_connection(&mut self) -> bool {
        self.is_whole()
    }

    fn is_open(&self) -> bool {
        self.is_whole()
    }
}

/// What a server refuses with: its word for it, and what else it says, cut off where it is long.
fn refusal(error: RedisError) -> Option<(String, String)> {
    let errors = error.into_server_errors()?;
    let (_, first) = errors.first()?;
    let detail = first.details().unwrap_or_default();
    let detail = detail.chars().take(DETAIL_LEN_MAX);
    let detail = detail.map(|it| if it.is_control() { ' ' } else { it });
    let code = Cow::Borrowed(first.code());
    Some((code.into_owned(), detail.collect()))
}

const DETAIL_LEN_MAX: usize = 200;

/// Bits that look random, of a number and a step (splitmix64).
fn mixed(number: u64, step: u32) -> u64 {
    let step = u64::from(step).wrapping_add(1);
    let mut bits = number.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{ManualClock, SystemClock};
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::thread::{self, JoinHandle};

    /// A server that gives each of its callers the next text, whatever is asked, and then hangs up.
    fn serving(answers: Vec<&'static [u8]>) -> (Address, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("redis://{}/0", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                asked.push(first_line(&stream));
                stream.write_all(answer).unwrap();
            }
            asked
        });
        (address.parse().unwrap(), served)
    }

    fn first_line(stream: &TcpStream) -> String {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line
    }

    fn connection(address: Address) -> (Connection, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new("2025-10-26T14:00:00Z".parse().unwrap()));
        let options = ConnectionOptions::default().timeout(Duration::from_secs(10));
        let connection = Connection::new(address, options, Arc::clone(&clock) as _);
        (connection, clock)
    }

    fn asked(answer: &'static [u8]) -> Result<String, ConnectionError> {
        let (address, served) = serving(vec![answer]);
        let (connection, _) = connection(address);
        let answer = connection.run(&redis::cmd("PING"));
        served.join().unwrap();
        answer
    }

    #[test]
    fn what_a_server_says_is_told_apart() {
        use ConnectionError as E;
        assert_eq!(asked(b"+PONG\r\n").unwrap(), "PONG");
        assert!(matches!(asked(b""), Err(E::Away { .. })));
        assert!(matches!(asked(b"$10\r\nhalf"), Err(E::Away { .. })));
        assert!(matches!(
            asked(b"HTTP/1.1 400\r\n\r\n"),
            Err(E::Wrong { .. })
        ));
        assert!(matches!(asked(b"*1\r\n*0\r\n"), Err(E::Wrong { .. })));
        let error = asked(b"-OOM command not allowed\r\n");
        assert!(matches!(error, Err(E::OutOfMemory { .. })));
        for refused in ["READONLY a replica", "MISCONF cannot save"] {
            let answer = format!("-{refused}\r\n").into_bytes().leak();
            assert!(matches!(asked(answer), Err(E::ReadOnly { .. })));
        }
        for refused in ["LOADING its data", "BUSY with a script", "MASTERDOWN"] {
            let answer = format!("-{refused}\r\n").into_bytes().leak();
            assert!(
                matches!(asked(answer), Err(E::NotReady { .. })),
                "{refused}"
            );
        }
        for refused in ["NOAUTH who", "WRONGPASS no", "NOPERM never"] {
            let answer = format!("-{refused}\r\n").into_bytes().leak();
            assert!(matches!(asked(answer), Err(E::Denied { .. })), "{refused}");
        }
        let error = asked(b"-WRONGTYPE of\x1b a key\r\n").unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with("refuses: WRONGTYPE of  a key"), "{text}");
    }

    #[test]
    fn a_transaction_that_was_given_up_says_why() {
        let answer = b"+OK\r\n-OOM no\r\n-EXECABORT discarded\r\n";
        let (address, served) = serving(vec![answer]);
        let (connection, _) = connection(address);
        let mut pipeline = Pipeline::new();
        pipeline.atomic().cmd("SET").arg("a").arg("b");
        let error = connection.run_all::<()>(&pipeline).unwrap_err();
        assert!(matches!(error, ConnectionError::OutOfMemory { .. }));
        assert!(!connection.is_down(), "the server is there");
        served.join().unwrap();
    }

    #[test]
    fn a_password_is_in_no_error() {
        for answer in [
            &b"-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n"[..],
            b"-WRONGPASS hunter2\r\n",
            b"+hunter2",
            b"",
        ] {
            let (address, served) = serving(vec![answer]);
            let address = address.to_string().replace("//", "//:hunter2@");
            let (connection, _) = connection(address.parse().unwrap());
            let error = connection.run::<()>(&redis::cmd("PING")).unwrap_err();
            let told = format!("{error} {error:?} {connection:?}");
            assert!(!told.contains("hunter2"), "{told}");
            served.join().unwrap();
        }
    }

    #[test]
    fn a_server_that_is_away_is_left_alone_longer_and_longer() {
        // A port that nobody listens on any more.
        let (address, served) = serving(Vec::new());
        served.join().unwrap();
        let (connection, clock) = connection(address);
        let ping = || connection.run::<String>(&redis::cmd("PING")).unwrap_err();
        let mut rests = Vec::new();
        for failures in 1..=10 {
            assert!(!connection.is_down());
            assert!(matches!(ping(), ConnectionError::Away { .. }));
            assert!(connection.is_down());
            let begun = clock.now();
            let ConnectionError::Resting {
                failures: told,
                until,
                ..
            } = ping()
            else {
                panic!("it was tried")
            };
            assert_eq!(told, failures);
            rests.push(begun.until(until).unwrap().as_secs_f64());
            clock.set(until.saturating_sub(Duration::from_nanos(1)));
            assert!(connection.is_down());
            clock.set(until);
        }
        let spans = [0.5, 1., 2., 4., 8., 16., 30., 30., 30., 30.];
        for (rest, span) in rests.iter().zip(spans) {
            assert!((span * 0.75..=span).contains(rest), "{rest} of {span}");
        }
        // A clock that went back an hour does not keep anybody waiting for an hour.
        ping();
        clock.set(clock.now().saturating_sub(Duration::from_secs(3600)));
        assert!(!connection.is_down());
    }

    #[test]
    fn programs_that_lost_a_server_come_back_at_different_moments() {
        let rest = |spread| {
            let options = ConnectionOptions {
                spread,
                ..ConnectionOptions::default()
            };
            let address = "redis://127.0.0.1".parse().unwrap();
            Connection::new(address, options, Arc::new(SystemClock)).rest(7)
        };
        let mut rests: Vec<Duration> = (1000..1100).map(rest).collect();
        rests.sort();
        rests.dedup();
        assert!(80 < rests.len());
        let (first, last) = (rests[0], rests[rests.len() - 1]);
        assert!(Duration::from_secs(6) < last - first);
    }

    #[test]
    fn a_connection_that_ended_meanwhile_is_made_anew() {
        let (address, served) = serving(vec![b"+one\r\n", b"+two\r\n"]);
        let (connection, _) = connection(address);
        let ping = redis::cmd("PING");
        assert_eq!(connection.run::<String>(&ping).unwrap(), "one");
        // The server hung up behind its answer; that takes a moment to get here.
        let begun = Instant::now();
        while connection.lock().live.as_ref().is_some_and(Live::is_usable) {
            assert!(begun.elapsed() < Duration::from_secs(10));
            thread::yield_now();
        }
        assert_eq!(connection.run::<String>(&ping).unwrap(), "two");
        assert_eq!(served.join().unwrap().len(), 2);
    }

    /// While one call waits for a server that says nothing, the others wait no longer than they may.
    #[test]
    fn many_callers_of_a_silent_server_all_end_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("redis://{}", listener.local_addr().unwrap());
        let timeout = Duration::from_millis(200);
        let options = ConnectionOptions::default().timeout(timeout);
        let connection = Connection::new(address.parse().unwrap(), options, Arc::new(SystemClock));
        let begun = Instant::now();
        let errors: Vec<ConnectionError> = thread::scope(|scope| {
            let ping = || connection.run::<String>(&redis::cmd("PING")).unwrap_err();
            let threads: Vec<_> = (0..32).map(|_| scope.spawn(ping)).collect();
            threads.into_iter().map(|it| it.join().unwrap()).collect()
        });
        // Not 32 timeouts, one after the other; a loaded machine may add something.
        assert!(begun.elapsed() < timeout * 16, "{:?}", begun.elapsed());
        let away = errors
            .iter()
            .filter(|it| matches!(it, ConnectionError::Away { .. }));
        assert_eq!(away.count(), 1);
        assert!(
            errors
                .iter()
                .all(|it| it.is_away() || matches!(it, ConnectionError::Busy { .. }))
        );
        drop(listener);
    }
}
