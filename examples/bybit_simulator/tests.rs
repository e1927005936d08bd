//! Owns a plain client over real sockets, and with it holds the simulator to what it promises.
//!
//! Always true: it shares nothing with the library's own client, so that both are checked.

mod calls;
mod faults;
mod sockets;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::simulator::{Category, Simulator, World, sign};

const KEY: &str = "TESTKEY0123456789";
const SECRET: &str = "TESTSECRET0123456789abcdefTESTSECRET";

/// A world in which nothing happens by itself.
fn quiet() -> World {
    World {
        trades_per_second: 0.0,
        tickers_per_second: 0.0,
        keys: Some((KEY.to_owned(), SECRET.to_owned())),
        ..World::default()
    }
}

/// A world of one symbol that trades a lot.
fn busy() -> World {
    World {
        symbols: vec![(Category::Linear, "BTCUSDT".to_owned())],
        trades_per_second: 1_000.0,
        burst_every: 0,
        oddities: false,
        ..quiet()
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

struct Client(WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

/// How a connection ended, or what it brought.
#[derive(Debug, PartialEq)]
enum Seen {
    Text(String),
    Closed,
    Gone,
    Nothing,
}

impl Client {
    async fn connect(simulator: &Simulator, path: &str) -> Self {
        let url = format!("{}{path}", simulator.ws_url());
        Self(connect_async(url).await.unwrap().0)
    }

    /// A private socket that is let in.
    async fn authed(simulator: &Simulator) -> Self {
        let mut client = Self::connect(simulator, "/v5/private").await;
        client.auth(KEY, SECRET, now_ms() + 10_000).await;
        let answer = client.json().await;
        assert_eq!(answer["success"], json!(true), "{answer}");
        client
    }

    async fn auth(&mut self, key: &str, secret: &str, expires: i64) {
        let signature = sign(secret, &format!("GET/realtime{expires}"));
        self.send(&json!({"op": "auth", "args": [key, expires, signature]}))
            .await;
    }

    async fn send(&mut self, request: &Value) {
        let text = Message::text(request.to_string());
        self.0.send(text).await.unwrap();
    }

    async fn subscribe(&mut self, req_id: &str, topics: &[&str]) {
        self.send(&json!({"req_id": req_id, "op": "subscribe", "args": topics}))
            .await;
    }

    /// What comes within so long.
    async fn see(&mut self, within: Duration) -> Seen {
        loop {
            let Ok(read) = tokio::time::timeout(within, self.0.next()).await else {
                return Seen::Nothing;
            };
            match read {
                Some(Ok(Message::Text(text))) => return Seen::Text(text.to_string()),
                Some(Ok(Message::Close(_))) => return Seen::Closed,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Seen::Gone,
            }
        }
    }

    async fn json(&mut self) -> Value {
        match self.see(WAIT).await {
            Seen::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?} in place of a text"),
        }
    }

    /// The next message that is wanted; others are passed over.
    async fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let value = self.json().await;
            if wanted(&value) {
                return value;
            }
        }
    }

    /// Reads on until the connection ends.
    async fn end(&mut self) -> Seen {
        loop {
            match self.see(WAIT).await {
                Seen::Text(_) => {}
                end => return end,
            }
        }
    }
}

struct Got {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn code(&self) -> i64 {
        self.json()["retCode"].as_i64().unwrap()
    }
}

fn get(simulator: &Simulator, target: &str, headers: &[(&str, String)]) -> Got {
    let url = simulator.rest_url();
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let mut request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    stream.write_all((request + "\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let pair = |it: &str| {
        let (name, value) = it.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    };
    Got {
        status: status.parse().unwrap(),
        headers: lines.map(pair).collect(),
        body: body.to_owned(),
    }
}

/// A signed call, at that time.
fn get_signed_at(simulator: &Simulator, path: &str, query: &str, at_ms: i64) -> Got {
    let signature = sign(SECRET, &format!("{at_ms}{KEY}5000{query}"));
    let headers = [
        ("X-BAPI-API-KEY", KEY.to_owned()),
        ("X-BAPI-TIMESTAMP", at_ms.to_string()),
        ("X-BAPI-RECV-WINDOW", "5000".to_owned()),
        ("X-BAPI-SIGN", signature),
    ];
    get(simulator, &format!("{path}?{query}"), &headers)
}

fn get_signed(simulator: &Simulator, path: &str, query: &str) -> Got {
    get_signed_at(simulator, path, query, now_ms())
}

const WAIT: Duration = Duration::from_secs(3);
