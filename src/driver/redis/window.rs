//! The window's minutes in a Redis, where other programs look at them.
//!
//! The minutes of a window of one symbol stand in the sorted set `trades_window`; a window of any symbol has
//! a set for each, `trades_window:BTCUSDT`. A score is the second at which the minute begins, after 1970, and
//! a member is the minute's JSON. Beside them stand `trades_window:owner`, the collector whose window it is,
//! which ends by itself, and `trades_window:filled`, by which the collector sees that it lost nothing.
//!
//! Always true:
//! - [`Resident::claim`] says `true` only where the server is the same run with the same history as when it
//!   was filled, and has what was written beside the minutes then: a restart, an older snapshot, a failover
//!   and a `FLUSHALL` each show. What `DEL` or an eviction took shows in the count.
//! - Every question renews the lease. Another collector gets the window when this one has asked nothing for
//!   as long as the lease is, and each finds out with its next question.
//! - A minute that takes another's place does so in one step: whoever looks sees the one or the other.
//! - A member goes by its bytes. Nothing is removed by its score.
//! - Room is made before it is taken: a server that is full still lets go of what left the window.
//!
//! Not here: when minutes come and go, and what becomes of members that somebody else put there.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{Duration, Instant};

use redis::{FromRedisValue, Pipeline, Value};

use super::connection::{Connection, ConnectionError};
use crate::feed::window::{Change, Member, Minute, Resident, ResidentError, Symbols, Usage};
use crate::record::field::Pair;
use crate::time::Timestamp;

const WINDOW: &str = "trades_window";
const OWNER: &str = "trades_window:owner";
const FILLED: &str = "trades_window:filled";

/// Takes the window where nobody has it, keeps it where it is ours, and says whose it is and what marks it
/// as filled. Whoever comes back after his lease was over does not know what was done meanwhile.
const HOLD: &str = "\
local owner = redis.call('GET', KEYS[1])
if not owner then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    redis.call('DEL', KEYS[2])
    owner = ARGV[1]
elseif owner == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {owner, redis.call('GET', KEYS[2])}";
/// Marks the window as filled where nothing took away the mark that it is being filled.
const FILL: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2])
end";

/// How much goes out at once, and comes back at once where it can be told before.
const LEN_MAX: usize = 1 << 20;
/// How many members, or keys, are in one question.
const COUNT_MAX: usize = 1000;
/// How many members are asked for before it is known how long they are.
const COUNT_FIRST: usize = 64;
/// How old the answer to how much there is may be.
const USAGE_AGE_MAX: Duration = Duration::from_secs(10);
const OWNER_LEN_MAX: usize = 200;

/// The window in a Redis, for one collector.
///
/// It needs a connection of its own. A server whose users are told apart has to let this one `INFO`, `EVAL`,
/// `GET`, `SET`, `DEL`, `PEXPIRE`, `TYPE`, `ZADD`, `ZREM`, `ZCARD`, `ZRANGEBYSCORE`, `MULTI` and `EXEC`.
///
/// ```no_run
/// use std::sync::Arc;
/// use tradejournal::driver::redis::{Connection, ConnectionOptions, RedisWindow};
/// use tradejournal::feed::window::{Symbols, Window, WindowOptions};
/// use tradejournal::time::SystemClock;
///
/// let address = "redis://127.0.0.1:6379/0".parse()?;
/// let connection = Connection::new(address, ConnectionOptions::default(), Arc::new(SystemClock));
/// let epoch = uuid::Uuid::new_v4().as_u128();
/// let redis = RedisWindow::new(connection, Symbols::Each, "/srv/trades on host7", epoch);
/// let window = Window::open("/srv/trades", "/srv/archive", WindowOptions::default(), Box::new(redis))?;
/// # drop(window);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RedisWindow {
    connection: Connection,
    symbols: Symbols,
    owner: String,
    lease: Duration,
    epoch: u128,
    /// How often it was begun to be filled.
    filling: u64,
    /// Where that was begun last.
    home: Option<Home>,
    /// The symbols that anything was asked about.
    known: BTreeSet<Pair>,
    usage: Option<(Instant, Usage)>,
    /// Why it did nothing the last time.
    why: String,
}

/// One run of a server, with one history of what was written.
#[derive(Debug, PartialEq, Eq)]
struct Home {
    run: Vec<u8>,
    /// Another one after a failover, even where the same run is back.
    history: Vec<u8>,
}

/// What is to become of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Put(Minute),
    /// It goes when another takes its place.
    Replaced,
    Gone,
}

/// What a mark says that is not the one that was set.
#[derive(Debug, thiserror::Error)]
#[error("it was emptied or restarted, or somebody else had it")]
struct Unfilled;

impl RedisWindow {
    /// A window behind that connection. `owner` names the storage folder whose window it is, the same after a
    /// restart, and no other collector's; `epoch` is a number that no other process has or had.
    #[must_use]
    pub fn new(
        connection: Connection,
        symbols: Symbols,
        owner: impl Into<String>,
        epoch: u128,
    ) -> RedisWindow {
        RedisWindow {
            connection,
            symbols,
            owner: owner.into(),
            lease: Duration::from_secs(60),
            epoch,
            filling: 0,
            home: None,
            known: BTreeSet::new(),
            usage: None,
            why: String::new(),
        }
    }

    /// How long another collector waits for the window of a silent one. A minute, unless said otherwise.
    #[must_use]
    pub fn lease(mut self, span: Duration) -> RedisWindow {
        self.lease = span.max(Duration::from_millis(1));
        self
    }

    fn key(&self, symbol: &Pair) -> String {
        match &self.symbols {
            Symbols::Only(_) => WINDOW.to_owned(),
            Symbols::Each => format!("{WINDOW}:{symbol}"),
        }
    }

    fn mark(&self, state: &str) -> String {
        format!("{:032x} {} {state}", self.epoch, self.filling)
    }

    /// Asks, and keeps the window. Returns the answers and the mark.
    fn ask<T: FromRedisValue>(
        &mut self,
        mut questions: Pipeline,
    ) -> Result<(T, Option<Vec<u8>>), ResidentError> {
        // At the end: where it is ours then, nobody has had it while the others were answered.
        let hold = questions.cmd("EVAL").arg(HOLD).arg(2);
        let lease = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX);
        hold.arg(OWNER).arg(FILLED);
        hold.arg(&self.owner).arg(lease.min(LEASE_MILLIS_MAX));
        let answers = self.connection.run_all::<Vec<Value>>(&questions);
        let mut answers = answers.map_err(|it| self.down(it))?;
        let held = answers.pop().unwrap_or(Value::Nil);
        let (owner, mark) = self.read::<(Vec<u8>, Option<Vec<u8>>)>(held)?;
        if owner != self.owner.as_bytes() {
            self.home = None;
            let owner = String::from_utf8_lossy(&owner);
            return Err(ResidentError::Taken {
                resident: self.connection.address().to_string(),
                owner: owner.chars().take(OWNER_LEN_MAX).collect(),
            });
        }
        Ok((self.read(Value::Array(answers))?, mark))
    }

    fn read<T: FromRedisValue>(&mut self, answer: Value) -> Result<T, ResidentError> {
        redis::from_redis_value(answer).map_err(|_| {
            let server = self.connection.address().clone();
            self.down(ConnectionError::Wrong { server })
        })
    }

    /// Whether the window is where it was begun to be filled.
    fn is_home(&self, home: Option<&Home>) -> bool {
        home.is_some() && self.home.as_ref() == home
    }

    /// Why nothing was done. The text is the same for the same reason.
    fn down(&mut self, error: ConnectionError) -> ResidentError {
        let why = match &error {
            // It is left alone for what was said before.
            ConnectionError::Resting { .. } if !self.why.is_empty() => self.why.clone(),
            ConnectionError::Away { source, .. } if source.kind() == io::ErrorKind::TimedOut => {
                "does not answer in time".to_owned()
            }
            ConnectionError::Away { .. } | ConnectionError::Resting { .. } => {
                "cannot be reached".to_owned()
            }
            ConnectionError::Busy { .. } => "is busy with other calls".to_owned(),
            ConnectionError::OutOfMemory { .. } => "is out of memory".to_owned(),
            ConnectionError::NotReady { code, .. } => match &**code {
                "LOADING" => "is loading its data".to_owned(),
                code => format!("is not ready: {code}"),
            },
            ConnectionError::ReadOnly { code, .. } => match &**code {
                "READONLY" => "takes no writes: it is a replica".to_owned(),
                "MISCONF" => "takes no writes: it cannot save its data (MISCONF)".to_owned(),
                code => format!("takes no writes: {code}"),
            },
            ConnectionError::Denied { code, .. } => match &**code {
                "NOPERM" => "does not let this user do what a window needs: NOPERM".to_owned(),
                code => format!("does not let us in: {code}"),
            },
            ConnectionError::Refused { code, detail, .. } => {
                // Older servers wrap what a script ran into.
                match code == "WRONGTYPE" || detail.contains("WRONGTYPE") {
                    true => self.misused(),
                    false => format!("refuses: {code} {detail}"),
                }
            }
            ConnectionError::Wrong { .. } => "does not answer as a Redis does".to_owned(),
        };
        self.why.clone_from(&why);
        self.because(why, error)
    }

    fn because(
        &self,
        why: String,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> ResidentError {
        ResidentError::Down {
            resident: self.connection.address().to_string(),
            why,
            source: Box::new(source),
        }
    }

    /// Which key has something that does not belong there.
    fn misused(&self) -> String {
        let texts = [OWNER, FILLED].map(|it| (it.to_owned(), "string"));
        let sets = self.known.iter().map(|it| (self.key(it), "zset"));
        let keys: BTreeMap<String, &str> = texts.into_iter().chain(sets).collect();
        let mut questions = Pipeline::with_capacity(keys.len());
        for key in keys.keys() {
            questions.cmd("TYPE").arg(key);
        }
        let kinds = self.connection.run_all::<Vec<String>>(&questions);
        let kinds = kinds.unwrap_or_default();
        let wrong = keys
            .iter()
            .zip(&kinds)
            .find(|((_, wanted), kind)| *kind != *wanted && *kind != "none");
        let what = match wrong {
            Some(((key, _), kind)) => format!("has a {kind} at {key}, which is the window's"),
            None => "has something else at a key that is the window's".to_owned(),
        };
        format!("{what}: rename that key, or give the window another database")
    }

    fn changes(&mut self, changes: &[Change]) -> Result<(), ResidentError> {
        let fates = fates(changes);
        let (mut gone, mut rest) = (Pipeline::new(), Pipeline::new());
        let mut is_step = false;
        for (symbol, members) in &fates {
            let key = self.key(symbol);
            let with = |fate: Fate| {
                let members = members.iter().filter(move |(_, it)| **it == fate);
                members.map(|(member, _)| *member).collect::<Vec<&[u8]>>()
            };
            for (questions, members) in [
                (&mut gone, with(Fate::Gone)),
                (&mut rest, with(Fate::Replaced)),
            ] {
                if !members.is_empty() {
                    questions.cmd("ZREM").arg(&key).arg(members);
                }
            }
            is_step |= members.values().any(|it| *it == Fate::Replaced);
            let put = members.iter().filter_map(|(member, fate)| match fate {
                Fate::Put(minute) => Some((minute.unix_secs(), *member)),
                Fate::Replaced | Fate::Gone => None,
            });
            let mut put = put.peekable();
            if put.peek().is_some() {
                let add = rest.cmd("ZADD").arg(&key);
                for (score, member) in put {
                    add.arg(score).arg(member);
                }
            }
        }
        self.known.extend(fates.into_keys().cloned());
        if !gone.is_empty() {
            let ((), _) = self.ask(gone)?;
        }
        if !rest.is_empty() {
            if is_step {
                rest.atomic();
            }
            let ((), _) = self.ask(rest)?;
        }
        Ok(())
    }

    fn cards(&mut self, symbols: &[Pair]) -> Result<Vec<u64>, ResidentError> {
        let mut counts = Vec::with_capacity(symbols.len());
        for symbols in symbols.chunks(COUNT_MAX) {
            let mut questions = Pipeline::with_capacity(symbols.len() + 1);
            for symbol in symbols {
                questions.cmd("ZCARD").arg(self.key(symbol));
            }
            let (cards, _) = self.ask::<Vec<u64>>(questions)?;
            counts.extend(cards);
        }
        Ok(counts)
    }
}

impl Resident for RedisWindow {
    fn claim(&mut self) -> Result<bool, ResidentError> {
        let (info, mark) = self.ask(who())?;
        let home = Home::of(&info);
        if self.is_home(home.as_ref()) {
            let is_mark = |state| mark.as_deref() == Some(self.mark(state).as_bytes());
            if is_mark("filled") {
                return Ok(true);
            }
            if is_mark("filling") {
                return Ok(false);
            }
        }
        self.home = None;
        self.filling += 1;
        let mut questions = Pipeline::new();
        let mark = self.mark("filling");
        questions.cmd("SET").arg(FILLED).arg(mark);
        let ((), _) = self.ask(questions)?;
        self.home = home;
        Ok(false)
    }

    fn filled(&mut self) -> Result<(), ResidentError> {
        let mut questions = who();
        let fill = questions.cmd("EVAL").arg(FILL).arg(1).arg(FILLED);
        fill.arg(self.mark("filling")).arg(self.mark("filled"));
        let ((server, replication, ()), mark) = self.ask::<(Vec<u8>, Vec<u8>, ())>(questions)?;
        let home = Home::of(&(server, replication));
        let is_filled = mark.as_deref() == Some(self.mark("filled").as_bytes());
        if self.is_home(home.as_ref()) && is_filled {
            return Ok(());
        }
        self.home = None;
        let why = "lost something while it was filled".to_owned();
        Err(self.because(why, Unfilled))
    }

    fn change(&mut self, changes: &[Change]) -> Result<(), ResidentError> {
        let mut rest = changes;
        while !rest.is_empty() {
            let (some, others) = rest.split_at(portion(rest));
            self.changes(some)?;
            rest = others;
        }
        Ok(())
    }

    fn members(
        &mut self,
        symbol: &Pair,
        from: Minute,
        to: Minute,
        count_max: usize,
    ) -> Result<Vec<Member>, ResidentError> {
        let mut found = Vec::new();
        if to < from {
            return Ok(found);
        }
        self.known.insert(symbol.clone());
        let lowest = match from <= Minute::first() {
            true => "-inf".to_owned(),
            false => from.unix_secs().to_string(),
        };
        let highest = match Minute::last() <= to {
            true => "+inf".to_owned(),
            false => format!("({}", to.plus(1).unix_secs()),
        };
        let mut count = COUNT_FIRST;
        while found.len() < count_max {
            let wanted = count.min(count_max - found.len());
            let mut questions = Pipeline::new();
            let range = questions.cmd("ZRANGEBYSCORE").arg(self.key(symbol));
            range.arg(&lowest).arg(&highest).arg("WITHSCORES");
            range.arg("LIMIT").arg(found.len()).arg(wanted);
            let ((members,), _) = self.ask::<(Vec<(Vec<u8>, f64)>,)>(questions)?;
            let is_last = members.len() < wanted;
            let len: usize = members.iter().map(|(member, _)| member.len()).sum();
            found.extend(members.into_iter().map(|(json, score)| {
                let (at, is_start) = minute_of(score);
                Member { at, is_start, json }
            }));
            if is_last {
                break;
            }
            count = match len {
                _ if len <= LEN_MAX / 2 => (2 * count).min(COUNT_MAX),
                _ if LEN_MAX < len => (count / 2).max(1),
                _ => count,
            };
        }
        Ok(found)
    }

    fn remove(&mut self, symbol: &Pair, member: &[u8]) -> Result<(), ResidentError> {
        self.known.insert(symbol.clone());
        let mut questions = Pipeline::new();
        questions.cmd("ZREM").arg(self.key(symbol)).arg(member);
        let ((), _) = self.ask(questions)?;
        Ok(())
    }

    fn counts(&mut self, symbols: &[Pair]) -> Result<Vec<u64>, ResidentError> {
        self.known.extend(symbols.iter().cloned());
        self.cards(symbols)
    }

    /// As it was some seconds ago at most.
    fn usage(&mut self) -> Result<Usage, ResidentError> {
        if let Some((asked, usage)) = self.usage
            && asked.elapsed() < USAGE_AGE_MAX.min(self.lease / 4)
        {
            return Ok(usage);
        }
        let known: Vec<Pair> = self.known.iter().cloned().collect();
        let minutes = self.cards(&known)?.into_iter().sum();
        let mut questions = Pipeline::new();
        questions.cmd("INFO").arg("memory");
        let ((info,), _) = self.ask::<(Vec<u8>,)>(questions)?;
        let bytes = field(&info, b"used_memory:").and_then(|it| std::str::from_utf8(it).ok());
        let bytes = bytes.and_then(|it| it.parse().ok()).unwrap_or_default();
        let usage = Usage { minutes, bytes };
        self.usage = Some((Instant::now(), usage));
        Ok(usage)
    }
}

/// About three thousand years; a server takes no time that its clock cannot count up to.
const LEASE_MILLIS_MAX: u64 = 100_000_000_000_000;

/// Asks which server that is.
fn who() -> Pipeline {
    let mut questions = Pipeline::new();
    for section in ["server", "replication"] {
        questions.cmd("INFO").arg(section);
    }
    questions
}

impl Home {
    /// `None` of a server that does not say which run it is: it may be any.
    fn of((server, replication): &(Vec<u8>, Vec<u8>)) -> Option<Home> {
        let history = field(replication, b"master_replid:").unwrap_or_default();
        Some(Home {
            run: field(server, b"run_id:")?.to_vec(),
            history: history.to_vec(),
        })
    }
}

/// What `INFO` says behind a name.
fn field<'a>(info: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut lines = info.split(|it| *it == b'\n');
    lines
        .find_map(|it| it.strip_prefix(name))
        .map(<[u8]>::trim_ascii)
}

/// How many of the changes go out together.
fn portion(changes: &[Change]) -> usize {
    let mut len = 0;
    let fits = |change: &&Change| {
        let (member, before) = match change {
            Change::Put { member, before, .. } => (member, before.as_ref()),
            Change::Remove { member, .. } => (member, None),
        };
        let is_first = len == 0;
        len += member.len() + before.map_or(0, Vec::len) + 1;
        is_first || len <= LEN_MAX
    };
    changes.iter().take(COUNT_MAX).take_while(fits).count()
}

/// What becomes of each member. A change touches its own members alone, so that the last one of a member
/// counts, and those of others may come in any order.
fn fates(changes: &[Change]) -> BTreeMap<&Pair, BTreeMap<&[u8], Fate>> {
    let mut fates: BTreeMap<&Pair, BTreeMap<&[u8], Fate>> = BTreeMap::new();
    for change in changes {
        match change {
            Change::Put {
                symbol,
                minute,
                member,
                before,
            } => {
                let members = fates.entry(symbol).or_default();
                if let Some(before) = before {
                    members.insert(before, Fate::Replaced);
                }
                members.insert(member, Fate::Put(*minute));
            }
            Change::Remove { symbol, member, .. } => {
                let members = fates.entry(symbol).or_default();
                members.insert(member, Fate::Gone);
            }
        }
    }
    fates
}

/// The minute that a score is in, and whether it is its start. What is before or behind all minutes is in the
/// first or the last one.
fn minute_of(score: f64) -> (Minute, bool) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what does not fit becomes the least or the largest number"
    )]
    let secs = score.floor() as i64;
    let at = match Timestamp::from_unix(secs, 0) {
        Ok(time) => Minute::of(time),
        Err(_) if secs < 0 => Minute::first(),
        Err(_) => Minute::last(),
    };
    let is_whole = score.floor() == score;
    (at, is_whole && secs == at.unix_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(text: &str) -> Pair {
        text.parse().unwrap()
    }

    fn put(symbol: &str, minute: i64, member: &str, before: Option<&str>) -> Change {
        Change::Put {
            symbol: pair(symbol),
            minute: Minute::first().plus(minute),
            member: member.into(),
            before: before.map(Into::into),
        }
    }

    fn gone(symbol: &str, member: &str) -> Change {
        Change::Remove {
            symbol: pair(symbol),
            minute: Minute::first(),
            member: member.into(),
        }
    }

    #[test]
    fn a_score_is_in_a_minute_whatever_it_is() {
        let minute: Minute = "2024-10-23T14:30".parse().unwrap();
        assert_eq!(minute_of(1_729_693_800.), (minute, true));
        assert_eq!(minute_of(1_729_693_800.5), (minute, false));
        assert_eq!(minute_of(1_729_693_859.999), (minute, false));
        assert_eq!(minute_of(1_729_693_860.), (minute.plus(1), true));
        assert_eq!(minute_of(1_729_693_799.999), (minute.plus(-1), false));
        assert_eq!(
            minute_of(-60.),
            (
                Minute::of(Timestamp::from_unix(0, 0).unwrap()).plus(-1),
                true
            )
        );
        for score in [f64::INFINITY, f64::MAX, 1e18, 1_729_693_800e6] {
            assert_eq!(minute_of(score), (Minute::last(), false), "{score}");
        }
        for score in [f64::NEG_INFINITY, f64::MIN, -1e18] {
            assert_eq!(minute_of(score), (Minute::first(), false), "{score}");
        }
        assert!(!minute_of(f64::NAN).1);
    }

    #[test]
    fn the_last_change_of_a_member_counts() {
        let changes = [
            put("A", 1, "one", None),
            put("A", 1, "two", Some("one")),
            put("A", 1, "three", Some("two")),
            put("A", 2, "gone", None),
            gone("A", "gone"),
            gone("A", "back"),
            put("A", 3, "back", None),
            put("A", 4, "same", Some("same")),
            put("B", 1, "one", None),
        ];
        let fates = fates(&changes);
        let at = |it| Fate::Put(Minute::first().plus(it));
        let of = |symbol: &str| {
            let members = fates[&pair(symbol)].iter();
            members
                .map(|(member, fate)| (std::str::from_utf8(member).unwrap(), *fate))
                .collect::<Vec<_>>()
        };
        let wanted = [
            ("back", at(3)),
            ("gone", Fate::Gone),
            ("one", Fate::Replaced),
            ("same", at(4)),
            ("three", at(1)),
            ("two", Fate::Replaced),
        ];
        assert_eq!(of("A"), wanted);
        assert_eq!(of("B"), [("one", at(1))]);
    }

    #[test]
    fn long_changes_go_out_in_portions() {
        let long = "x".repeat(LEN_MAX / 2);
        let longer = "x".repeat(2 * LEN_MAX);
        let changes = [
            put("A", 1, &longer, None),
            put("A", 2, &long, None),
            put("A", 3, "short", Some("before")),
            put("A", 4, &long, None),
        ];
        let mut portions = Vec::new();
        let mut rest = &changes[..];
        while !rest.is_empty() {
            portions.push(portion(rest));
            rest = &rest[portion(rest)..];
        }
        assert_eq!(portions, [1, 2, 1]);
        let short = vec![put("A", 1, "", None); 2500];
        assert_eq!(portion(&short), COUNT_MAX);
    }

    #[test]
    fn a_server_is_known_by_its_run_and_its_history() {
        let info = |run: &str, id: &str| {
            let server =
                format!("# Server\r\nredis_version:7.0.15\r\nrun_id:{run}\r\ntcp_port:1\r\n");
            let replication =
                format!("# Replication\r\nmaster_replid:{id}\r\nmaster_replid2:0\r\n");
            Home::of(&(server.into_bytes(), replication.into_bytes())).unwrap()
        };
        assert_eq!(info("a1", "b1"), info("a1", "b1"));
        assert_ne!(info("a1", "b1"), info("a2", "b1"));
        assert_ne!(info("a1", "b1"), info("a1", "b2"));
        assert_eq!(Home::of(&(b"# Server\r\n".to_vec(), Vec::new())), None);
    }
}
