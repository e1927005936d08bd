//! Owns what a simulated exchange answers to the requests on its sockets.
//!
//! Always true:
//! - a request to subscribe is all or nothing, but on the option socket, which answers by topic;
//! - private topics are refused before auth, and auth is refused for a signature that is not right.
//!
//! The shapes of the answers differ by path as those of the exchange do.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::counts::Violation;
use super::exchange::{Exchange, trade_topic};
use super::sign::sign;
use super::trouble::take;
use super::wire::{Out, SocketPath};
use super::world::Category;

impl Exchange {
    /// Answers one text; says whether it was a ping.
    pub fn request(&mut self, id: u64, text: &str) -> bool {
        let Some(path) = self.sockets.get(&id).map(|it| it.path) else {
            return false;
        };
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let op = request["op"].as_str().unwrap_or_default().to_owned();
        *self.counts.requests.entry(op.clone()).or_default() += 1;
        let req_id = request["req_id"].as_str();
        let args = request["args"].as_array().map(Vec::as_slice);
        let args = args.unwrap_or_default();
        let topics = args.iter().filter_map(Value::as_str);
        match op.as_str() {
            "ping" => {
                self.counts.pings += 1;
                self.pong(id, path, req_id);
                return true;
            }
            "auth" if path == SocketPath::Private => self.auth(id, args, req_id),
            "subscribe" => self.subscribe(id, path, topics.collect(), req_id),
            "unsubscribe" => self.unsubscribe(id, path, topics.collect(), req_id),
            _ => self.refuse(id, "error:params error", &op, req_id),
        }
        false
    }

    fn pong(&mut self, id: u64, path: SocketPath, req_id: Option<&str>) {
        let now_ms = self.now_ms().to_string();
        let conn_id = self.conn_id(id);
        let text = match path {
            SocketPath::Public(Category::Option) => json!({"args": [now_ms], "op": "pong"}),
            SocketPath::Private => {
                let pong = json!({"op": "pong", "args": [now_ms], "conn_id": conn_id});
                with_req_id(pong, req_id, None)
            }
            SocketPath::Public(category) => {
                let pong = json!({
                    "success": true, "ret_msg": "pong", "conn_id": conn_id, "op": "ping",
                });
                with_req_id(pong, req_id, missing_req_id(category))
            }
        };
        self.answer_socket(id, text.to_string());
    }

    fn auth(&mut self, id: u64, args: &[Value], req_id: Option<&str>) {
        let [key, expires, signature] = args else {
            return self.refuse(id, "Params Error", "auth", req_id);
        };
        let expires = expires.as_i64().unwrap_or_default();
        let Some((known, secret)) = self.world.keys.clone() else {
            return self.refuse(id, "Invalid apikey", "auth", req_id);
        };
        if key.as_str() != Some(&known) {
            return self.refuse(id, "Invalid apikey", "auth", req_id);
        }
        let wanted = sign(&secret, &format!("GET/realtime{expires}"));
        if expires <= self.now_ms() || signature.as_str() != Some(&wanted) {
            return self.refuse(id, "Params Error", "auth", req_id);
        }
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.is_authed = true;
        }
        let conn_id = self.conn_id(id);
        let ack = json!({"success": true, "ret_msg": "", "op": "auth", "conn_id": conn_id});
        self.answer_socket(id, with_req_id(ack, req_id, None).to_string());
    }

    fn subscribe(&mut self, id: u64, path: SocketPath, topics: Vec<&str>, req_id: Option<&str>) {
        let now_ms = self.now_ms();
        let socket = &self.sockets[&id];
        if path == SocketPath::Private && !socket.is_authed {
            let what = topics.join(",");
            let kind = Violation::SubscribeBeforeAuth;
            self.counts.violation(kind, now_ms, &what);
            return self.refuse(id, "Request not authorized", "subscribe", req_id);
        }
        if path == SocketPath::Public(Category::Spot) && SPOT_ARGS_MAX < topics.len() {
            let what = format!("{} args", topics.len());
            self.counts.violation(Violation::SpotArgs, now_ms, &what);
            return self.refuse(id, "args size >10", "subscribe", req_id);
        }
        let poisoned = self.fault_of(&topics);
        if path == SocketPath::Public(Category::Option) {
            return self.subscribe_options(id, &topics, poisoned.as_deref());
        }
        let mut refusals = topics.iter().map(|it| self.refusal(id, path, it, &topics));
        let mut refusal = refusals.find_map(|it| it);
        if let Some(topic) = poisoned {
            refusal = Some(format!("error:handler not found,topic:{topic}"));
        }
        self.note_sent_again(id, &topics);
        if let Some(text) = refusal {
            return self.refuse(id, &text, "subscribe", req_id);
        }
        let conn_id = self.conn_id(id);
        let said = match path {
            SocketPath::Public(Category::Spot) => "subscribe",
            _ => "",
        };
        let missing = path.category().and_then(missing_req_id);
        let ack = json!({"success": true, "ret_msg": said, "conn_id": conn_id, "op": "subscribe"});
        self.go_live(id, &topics, with_req_id(ack, req_id, missing).to_string());
    }

    fn subscribe_options(&mut self, id: u64, topics: &[&str], poisoned: Option<&str>) {
        let path = SocketPath::Public(Category::Option);
        let is_bad =
            |it: &&str| Some(*it) == poisoned || self.refusal(id, path, it, topics).is_some();
        let (bad, good): (Vec<&str>, Vec<&str>) = topics.iter().copied().partition(is_bad);
        self.note_sent_again(id, topics);
        if !bad.is_empty() {
            let refused = self.counts.refused.entry("COMMAND_RESP".to_owned());
            *refused.or_default() += 1;
        }
        let ack = json!({
            "success": !good.is_empty(), "conn_id": self.conn_id(id),
            "data": {"failTopics": bad, "successTopics": good}, "type": "COMMAND_RESP",
        });
        self.go_live(id, &good, ack.to_string());
    }

    /// The topics are live from now on; says so, late or never if a fault wants that.
    fn go_live(&mut self, id: u64, topics: &[&str], ack: String) {
        let Some(socket) = self.sockets.get_mut(&id) else {
            return;
        };
        socket
            .topics
            .extend(topics.iter().map(|it| (*it).to_owned()));
        if take(&mut self.trouble.lost_ack) {
            self.counts.fault("LostAck");
            socket
                .unacked
                .extend(topics.iter().map(|it| (*it).to_owned()));
        } else if take(&mut self.trouble.data_before_ack) {
            self.counts.fault("DataBeforeAck");
            let queue = socket.queue.clone();
            tokio::spawn(async move {
                tokio::time::sleep(ACK_LATE).await;
                // A socket that has gone meanwhile needs no answer.
                let _ = queue.send(Out::Text(ack)).await;
            });
        } else {
            socket.answer(ack, &mut self.counts);
        }
        for topic in topics {
            self.send_snapshot(id, topic);
        }
        self.wake_hose();
    }

    fn unsubscribe(&mut self, id: u64, path: SocketPath, topics: Vec<&str>, req_id: Option<&str>) {
        let conn_id = self.conn_id(id);
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.topics.retain(|it| !topics.contains(&it.as_str()));
        }
        let ack = match path {
            SocketPath::Public(Category::Option) => json!({
                "success": true, "conn_id": conn_id,
                "data": {"failTopics": [], "successTopics": topics}, "type": "COMMAND_RESP",
            }),
            _ => {
                let missing = path.category().and_then(missing_req_id);
                let ack = json!({
                    "success": true, "ret_msg": "", "conn_id": conn_id, "op": "unsubscribe",
                });
                with_req_id(ack, req_id, missing)
            }
        };
        self.answer_socket(id, ack.to_string());
    }

    /// The topic that a fault refuses in this request.
    fn fault_of(&mut self, topics: &[&str]) -> Option<String> {
        let first = topics.first()?;
        if take(&mut self.trouble.refuse_topic) {
            self.counts.fault("RefuseTopic");
            return Some((*first).to_owned());
        }
        let now = Instant::now();
        let poison = self.trouble.poison.as_mut().filter(|it| now < it.until)?;
        if poison.topic.is_none() && 1 < topics.len() {
            poison.topic = Some((*first).to_owned());
        }
        let bad = poison.topic.as_deref()?;
        let found = topics.iter().find(|it| **it == bad)?;
        self.counts.fault("PoisonedBatch");
        Some((*found).to_owned())
    }

    /// Why this topic cannot be subscribed.
    fn refusal(&self, id: u64, path: SocketPath, topic: &str, all: &[&str]) -> Option<String> {
        if self.sockets[&id].topics.contains(topic) {
            return Some(format!("error:already subscribed,topic:{topic}"));
        }
        if !self.is_topic(path, topic) {
            return Some(format!("error:handler not found,topic:{topic}"));
        }
        let is_mixed = path == SocketPath::Private
            && all.iter().any(|it| {
                it.strip_prefix(topic)
                    .is_some_and(|rest| rest.starts_with('.') && !rest.starts_with(".fast"))
            });
        is_mixed.then(|| "Params Error".to_owned())
    }

    fn is_topic(&self, path: SocketPath, topic: &str) -> bool {
        let SocketPath::Public(category) = path else {
            return is_private_topic(topic);
        };
        let mut instruments = self.market.instruments.iter();
        instruments.any(|it| {
            let symbol = &it.symbol;
            let depth = topic
                .strip_prefix("orderbook.")
                .and_then(|it| it.split_once('.'));
            it.category == category
                && (topic == trade_topic(category, symbol)
                    || topic.strip_prefix("tickers.") == Some(symbol)
                    || depth.is_some_and(|(depth, it)| it == symbol && DEPTHS.contains(&depth)))
        })
    }

    fn note_sent_again(&mut self, id: u64, topics: &[&str]) {
        let now_ms = self.now_ms();
        let socket = &self.sockets[&id];
        let again = |it: &&&str| socket.topics.contains(**it) && !socket.unacked.contains(**it);
        let again: Vec<&str> = topics.iter().filter(again).copied().collect();
        for topic in again {
            self.counts
                .violation(Violation::TopicSentAgain, now_ms, topic);
        }
    }

    fn refuse(&mut self, id: u64, text: &str, op: &str, req_id: Option<&str>) {
        let reason = text.split(",topic:").next().unwrap_or(text);
        *self.counts.refused.entry(reason.to_owned()).or_default() += 1;
        let answer = json!({
            "success": false, "ret_msg": text, "conn_id": self.conn_id(id), "op": op,
        });
        let answer = with_req_id(answer, req_id, Some("")).to_string();
        // As the exchange escapes it.
        self.answer_socket(id, answer.replace('>', "\\u003e"));
    }

    fn answer_socket(&mut self, id: u64, text: String) {
        if let Some(socket) = self.sockets.get(&id) {
            socket.answer(text, &mut self.counts);
        }
    }

    fn conn_id(&self, id: u64) -> String {
        let socket = self.sockets.get(&id);
        socket.map(|it| it.conn_id.clone()).unwrap_or_default()
    }

    fn wake_hose(&mut self) {
        if self.hose.is_none() {
            return;
        }
        let live: BTreeSet<&String> = self.sockets.values().flat_map(|it| &it.topics).collect();
        let mut all = self.market.instruments.iter();
        if !all.all(|it| live.contains(&trade_topic(it.category, &it.symbol))) {
            return;
        }
        if let Some(hose) = &mut self.hose {
            hose.is_open = true;
        }
        for socket in self.sockets.values() {
            socket.send(Out::Wake, &mut self.counts);
        }
    }
}

fn is_private_topic(topic: &str) -> bool {
    let categories = Category::ALL.map(Category::name);
    let kinds = ["execution", "execution.fast", "order", "position"];
    let mut all = kinds.into_iter().filter_map(|it| topic.strip_prefix(it));
    topic == "wallet"
        || all.any(|rest| {
            let category = rest.strip_prefix('.');
            rest.is_empty() || category.is_some_and(|it| categories.contains(&it))
        })
}

/// Spot leaves the member away when nobody sent one; linear and inverse say that it is empty.
fn missing_req_id(category: Category) -> Option<&'static str> {
    (category != Category::Spot).then_some("")
}

fn with_req_id(answer: Value, req_id: Option<&str>, missing: Option<&str>) -> Value {
    let mut members = match answer {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    if let Some(it) = req_id.or(missing) {
        members.insert("req_id".to_owned(), it.into());
    }
    Value::Object(members)
}

const SPOT_ARGS_MAX: usize = 10;
const DEPTHS: [&str; 4] = ["1", "50", "200", "1000"];
const ACK_LATE: Duration = Duration::from_millis(30);
