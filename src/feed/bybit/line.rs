//! One socket of the exchange: who asked for what on it, what was answered, and whether it lives.
//!
//! Always true:
//! - A topic is asked for once on a connection. A request that was refused as a whole is asked again in
//!   parts.
//! - Nothing private is asked for before the exchange knows who asks.
//! - Data that comes before the answer counts.
//! - Every instant is of a monotonic clock, counted from the start of the run.
//!
//! Not here: the socket itself, and what data means (`capture`).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::frame::{Op, Verdict};
use super::{Category, Keys, Millis, Timing};

/// What is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Socket {
    /// Public data of a market.
    Public(Category),
    /// The account.
    Private,
}

impl Socket {
    /// The path of its URL.
    #[must_use]
    pub fn path(self) -> String {
        match self {
            Socket::Public(category) => format!("/v5/public/{category}"),
            Socket::Private => "/v5/private".to_owned(),
        }
    }

    /// How many topics one request may name.
    fn topics_max(self) -> usize {
        match self {
            Socket::Public(Category::Spot) => 10,
            // No limit is documented; very large requests were seen to end the connection.
            _ => 100,
        }
    }
}

/// What the owner of the socket is to do, or to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Do {
    Send(String),
    /// The topic is there: from here on all of it comes.
    Live(Box<str>),
    /// The exchange does not give it. It is asked for again later.
    Refused(Box<str>, String),
    /// The connection is of no use any more.
    Close(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    /// To be asked for, not before that.
    Wanted(Duration),
    Asked,
    Live,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// No connection.
    Closed,
    /// Waiting for the answer to who we are.
    Asked(Duration),
    /// The exchange answers what is asked.
    Open,
}

/// A request that has no answer yet.
#[derive(Clone, Debug)]
struct Request {
    id: Box<str>,
    topics: Vec<Box<str>>,
    at: Duration,
}

/// One socket, as it is talked to.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) socket: Socket,
    keys: Option<Keys>,
    timing: Timing,
    access: Access,
    topics: BTreeMap<Box<str>, Topic>,
    requests: VecDeque<Request>,
    next: u64,
    /// When the last ping went, and whether it was answered.
    pinged: Duration,
    is_answered: bool,
}

impl Line {
    pub(super) fn new(
        socket: Socket,
        topics: impl IntoIterator<Item = Box<str>>,
        keys: Option<Keys>,
        timing: Timing,
    ) -> Line {
        let wanted = |it| (it, Topic::Wanted(Duration::ZERO));
        Line {
            socket,
            keys,
            timing,
            access: Access::Closed,
            topics: topics.into_iter().map(wanted).collect(),
            requests: VecDeque::new(),
            next: 0,
            pinged: Duration::ZERO,
            is_answered: true,
        }
    }

    /// The connection is made. `exchange` is what time the exchange has.
    pub(super) fn opened(&mut self, now: Duration, exchange: Millis) -> Vec<Do> {
        self.requests.clear();
        for topic in self.topics.values_mut() {
            *topic = Topic::Wanted(now);
        }
        (self.pinged, self.is_answered) = (now, true);
        match &self.keys {
            Some(keys) if self.socket == Socket::Private => {
                self.access = Access::Asked(now);
                let expires = exchange.0.saturating_add(millis(self.timing.auth_expires));
                let signature = keys.sign(&format!("GET/realtime{expires}"));
                let auth = serde_json::json!({
                    "req_id": "auth",
                    "op": "auth",
                    "args": [keys.key(), expires, signature],
                });
                vec![Do::Send(auth.to_string())]
            }
            _ => {
                self.access = Access::Open;
                self.ask(now)
            }
        }
    }

    /// The connection is gone.
    pub(super) fn closed(&mut self) {
        self.access = Access::Closed;
        self.requests.clear();
    }

    /// Whether the exchange answers on it.
    pub(super) fn is_open(&self) -> bool {
        self.access == Access::Open
    }

    /// A ping was answered. Nothing else will do: data may come on a socket that swallows something.
    pub(super) fn pong(&mut self) {
        self.is_answered = true;
    }

    /// Data of a topic came. Says whether that is news.
    pub(super) fn data(&mut self, topic: &str) -> bool {
        match self.topics.get_mut(topic) {
            Some(state) if *state != Topic::Live => {
                *state = Topic::Live;
                true
            }
            _ => false,
        }
    }

    /// An answer came.
    pub(super) fn answered(
        &mut self,
        op: Op,
        req_id: Option<&str>,
        verdict: &Verdict,
        now: Duration,
    ) -> Vec<Do> {
        match (op, verdict) {
            (Op::Auth, Verdict::Yes) => {
                self.access = Access::Open;
                self.ask(now)
            }
            (Op::Auth, Verdict::No(why)) => {
                vec![Do::Close(format!("the exchange refuses the key: {why}"))]
            }
            (Op::Subscribe, verdict) => self.subscribed(req_id, verdict, now),
            _ => Vec::new(),
        }
    }

    fn subscribed(&mut self, req_id: Option<&str>, verdict: &Verdict, now: Duration) -> Vec<Do> {
        // Some sockets do not repeat the id. They answer in order.
        let index = match req_id {
            Some(id) => self.requests.iter().position(|it| *it.id == *id),
            None => (!self.requests.is_empty()).then_some(0),
        };
        let Some(request) = index.and_then(|it| self.requests.remove(it)) else {
            return Vec::new();
        };
        let mut todo = Vec::new();
        match verdict {
            Verdict::Yes => {
                for topic in request.topics {
                    self.live(topic, &mut todo);
                }
            }
            Verdict::Each { no, .. } => {
                for topic in request.topics {
                    match no.contains(&topic) {
                        true => self.refuse(topic, "the exchange failed it", now, &mut todo),
                        false => self.live(topic, &mut todo),
                    }
                }
            }
            Verdict::No(why) => self.refused(request.topics, why, now, &mut todo),
        }
        todo
    }

    /// None of them was taken, and mostly one is to blame.
    fn refused(&mut self, topics: Vec<Box<str>>, why: &str, now: Duration, todo: &mut Vec<Do>) {
        let named = why.rsplit_once("topic:").map(|(_, it)| it.trim());
        let blamed = topics.iter().position(|it| Some(&**it) == named);
        let is_there = why.contains("already subscribed");
        let parts: Vec<Vec<Box<str>>> = match (blamed, <[Box<str>; 1]>::try_from(topics)) {
            (_, Ok([topic])) if is_there => return self.live(topic, todo),
            (_, Ok([topic])) => return self.refuse(topic, why, now, todo),
            (Some(index), Err(mut topics)) => {
                let topic = topics.remove(index);
                match is_there {
                    true => self.live(topic, todo),
                    false => self.refuse(topic, why, now, todo),
                }
                vec![topics]
            }
            (None, Err(mut topics)) => {
                let half = topics.split_off(topics.len() / 2);
                vec![topics, half]
            }
        };
        for part in parts {
            // Data may have come meanwhile: what is live is not asked for again.
            let part = part.into_iter();
            let part = part.filter(|it| self.topics.get(it) != Some(&Topic::Live));
            self.request(part.collect(), now, todo);
        }
    }

    fn live(&mut self, topic: Box<str>, todo: &mut Vec<Do>) {
        if let Some(state) = self.topics.get_mut(&topic)
            && *state != Topic::Live
        {
            *state = Topic::Live;
            todo.push(Do::Live(topic));
        }
    }

    fn refuse(&mut self, topic: Box<str>, why: &str, now: Duration, todo: &mut Vec<Do>) {
        let again = now.saturating_add(self.timing.refused_again);
        if let Some(state) = self.topics.get_mut(&topic) {
            *state = Topic::Wanted(again);
            todo.push(Do::Refused(topic, why.to_owned()));
        }
    }

    /// What has become due.
    pub(super) fn tick(&mut self, now: Duration) -> Vec<Do> {
        let is_late = |at: Duration, span| at.saturating_add(span) <= now;
        match self.access {
            Access::Closed => return Vec::new(),
            Access::Asked(at) if is_late(at, self.timing.answer_within) => {
                return vec![Do::Close("no answer to the key".to_owned())];
            }
            _ => {}
        }
        if !self.is_answered && is_late(self.pinged, self.timing.pong_within) {
            return vec![Do::Close("no answer to a ping".to_owned())];
        }
        let is_silent = |topic: &str| self.topics.get(topic) != Some(&Topic::Live);
        let late = |it: &&Request| is_late(it.at, self.timing.answer_within);
        if let Some(request) = self.requests.iter().find(late)
            && let Some(topic) = request.topics.iter().find(|it| is_silent(it))
        {
            // Nobody knows whether it was heard, and a topic is asked for once on a connection.
            return vec![Do::Close(format!("no answer to the request of {topic}"))];
        }
        // An answer that is lost while all of its data comes is not missed.
        let mut requests = std::mem::take(&mut self.requests);
        requests.retain(|it| {
            it.topics
                .iter()
                .any(|it| self.topics.get(it) != Some(&Topic::Live))
        });
        self.requests = requests;
        let mut todo = match self.access {
            Access::Open => self.ask(now),
            _ => Vec::new(),
        };
        if is_late(self.pinged, self.timing.ping_every) {
            (self.pinged, self.is_answered) = (now, false);
            todo.push(Do::Send(r#"{"req_id":"ping","op":"ping"}"#.to_owned()));
        }
        todo
    }

    /// A polite end.
    pub(super) fn goodbye(&self) -> Vec<Do> {
        let live = self.topics.iter().filter(|(_, it)| **it == Topic::Live);
        let live: Vec<&Box<str>> = live.map(|(topic, _)| topic).collect();
        let requests = live.chunks(self.socket.topics_max());
        requests
            .map(|it| Do::Send(request("bye", "unsubscribe", it)))
            .collect()
    }

    /// Asks for what is wanted and not asked for yet.
    fn ask(&mut self, now: Duration) -> Vec<Do> {
        let due = |it: &Topic| matches!(it, Topic::Wanted(at) if *at <= now);
        let due = self.topics.iter().filter(|(_, it)| due(it));
        let due: Vec<Box<str>> = due.map(|(topic, _)| topic.clone()).collect();
        let mut todo = Vec::new();
        for part in due.chunks(self.socket.topics_max()) {
            self.request(part.to_vec(), now, &mut todo);
        }
        todo
    }

    fn request(&mut self, topics: Vec<Box<str>>, at: Duration, todo: &mut Vec<Do>) {
        if topics.is_empty() {
            return;
        }
        for topic in &topics {
            if let Some(state) = self.topics.get_mut(topic) {
                *state = Topic::Asked;
            }
        }
        self.next = self.next.saturating_add(1);
        let id = format!("s{}", self.next);
        todo.push(Do::Send(request(&id, "subscribe", &topics)));
        let id = id.into();
        self.requests.push_back(Request { id, topics, at });
    }
}

fn request(id: &str, op: &str, topics: &[impl AsRef<str>]) -> String {
    let topics: Vec<&str> = topics.iter().map(AsRef::as_ref).collect();
    serde_json::json!({"req_id": id, "op": op, "args": topics}).to_string()
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Do, Line, Socket};
    use crate::feed::bybit::frame::{Op, Verdict};
    use crate::feed::bybit::{Category, Keys, Millis, Timing};

    const fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn line(socket: Socket, count: usize) -> Line {
        let topics = (0..count).map(|it| format!("publicTrade.S{it:02}").into());
        Line::new(
            socket,
            topics,
            Keys::new("key", "secret"),
            Timing::default(),
        )
    }

    /// The topics of each request.
    fn asked(todo: &[Do]) -> Vec<Vec<String>> {
        let sent = todo.iter().filter_map(|it| match it {
            Do::Send(text) => Some(serde_json::from_str::<serde_json::Value>(text).unwrap()),
            _ => None,
        });
        let asked = sent.filter(|it| it["op"] == "subscribe");
        asked
            .map(|it| serde_json::from_value(it["args"].clone()).unwrap())
            .collect()
    }

    fn lives(todo: &[Do]) -> usize {
        todo.iter().filter(|it| matches!(it, Do::Live(_))).count()
    }

    #[test]
    fn a_spot_request_names_ten_topics_and_each_answer_is_for_its_own() {
        let mut line = line(Socket::Public(Category::Spot), 23);
        let todo = line.opened(at(0), Millis(0));
        let sizes: Vec<usize> = asked(&todo).iter().map(Vec::len).collect();
        assert_eq!(sizes, [10, 10, 3]);
        let yes = Verdict::Yes;
        assert_eq!(
            lives(&line.answered(Op::Subscribe, Some("s3"), &yes, at(1))),
            3
        );
        // Without an id it is the oldest.
        assert_eq!(lives(&line.answered(Op::Subscribe, None, &yes, at(1))), 10);
        assert_eq!(
            lives(&line.answered(Op::Subscribe, Some("s1"), &yes, at(1))),
            0
        );
        assert!(matches!(&line.tick(at(10))[..], [Do::Close(why)] if why.contains("S10")));
    }

    #[test]
    fn one_bad_topic_does_not_take_the_others_with_it() {
        let mut line = line(Socket::Public(Category::Linear), 4);
        line.opened(at(0), Millis(0));
        let no = Verdict::No("error:handler not found,topic:publicTrade.S02".to_owned());
        let todo = line.answered(Op::Subscribe, Some("s1"), &no, at(1));
        assert_eq!(
            asked(&todo),
            [["publicTrade.S00", "publicTrade.S01", "publicTrade.S03"]]
        );
        assert!(matches!(&todo[0], Do::Refused(topic, _) if **topic == *"publicTrade.S02"));
        // A refusal that names nobody is halved until it is one.
        let no = Verdict::No("busy".to_owned());
        let todo = line.answered(Op::Subscribe, Some("s2"), &no, at(1));
        assert_eq!(asked(&todo).len(), 2);
        let todo = line.answered(Op::Subscribe, Some("s3"), &no, at(1));
        assert!(matches!(&todo[..], [Do::Refused(topic, _)] if **topic == *"publicTrade.S00"));
        // It is asked for again when some time has gone by, and no topic that is asked for or live is.
        line.answered(Op::Subscribe, Some("s4"), &Verdict::Yes, at(1));
        assert_eq!(asked(&line.tick(at(2))), [[""; 0]; 0]);
        assert_eq!(
            asked(&line.tick(at(100))),
            [["publicTrade.S00", "publicTrade.S02"]]
        );
    }

    #[test]
    fn a_topic_that_is_there_already_is_live_and_the_rest_is_asked_again() {
        let mut line = line(Socket::Public(Category::Linear), 3);
        line.opened(at(0), Millis(0));
        assert!(line.data("publicTrade.S00") && !line.data("publicTrade.S00"));
        let no = Verdict::No("error:already subscribed,topic:publicTrade.S01".to_owned());
        let todo = line.answered(Op::Subscribe, Some("s1"), &no, at(1));
        assert_eq!(
            (lives(&todo), asked(&todo)),
            (1, vec![vec!["publicTrade.S02".to_owned()]])
        );
    }

    #[test]
    fn nothing_private_is_asked_for_before_the_key_is_known() {
        let mut line = line(Socket::Private, 2);
        let todo = line.opened(at(0), Millis(1_700_000_000_000));
        assert!(matches!(&todo[..], [Do::Send(text)] if text.contains("1700000010000")));
        assert_eq!(line.tick(at(1)), []);
        let todo = line.answered(Op::Auth, None, &Verdict::Yes, at(2));
        assert_eq!(asked(&todo).len(), 1);
        // And again after the next connection.
        line.closed();
        assert!(asked(&line.opened(at(9), Millis(0))).is_empty());
        let no = Verdict::No("Params Error".to_owned());
        let todo = line.answered(Op::Auth, None, &no, at(9));
        assert!(matches!(&todo[..], [Do::Close(why)] if why.contains("Params Error")));
    }

    #[test]
    fn pings_go_by_the_clock_and_silence_after_one_ends_the_connection() {
        let mut line = line(Socket::Public(Category::Linear), 1);
        line.opened(at(0), Millis(0));
        assert!(line.data("publicTrade.S00"));
        let pings = |todo: &[Do]| todo.iter().filter(|it| matches!(it, Do::Send(_))).count();
        assert_eq!(pings(&line.tick(at(19))), 0);
        assert_eq!(pings(&line.tick(at(20))), 1);
        line.pong();
        assert_eq!(pings(&line.tick(at(35))), 0);
        assert_eq!(pings(&line.tick(at(40))), 1);
        // Data is no answer.
        line.data("publicTrade.S00");
        assert!(matches!(&line.tick(at(50))[..], [Do::Close(_)]));
        assert_eq!(line.goodbye().len(), 1);
    }
}
