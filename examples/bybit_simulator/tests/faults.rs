//! What a client sees of each fault.

use std::collections::BTreeMap;

use super::*;
use crate::simulator::{Fault, Faults, TopicKind, Violation, Whom};

/// An exchange that trades a lot, and a client that has its trades subscribed.
async fn trading() -> (Simulator, Client) {
    let simulator = Simulator::start(busy(), Faults::none()).unwrap();
    let mut client = Client::connect(&simulator, "/v5/public/linear").await;
    client.subscribe("1", &["publicTrade.BTCUSDT"]).await;
    client.find(is_ack).await;
    client.find(is_data).await;
    (simulator, client)
}

fn is_ack(it: &Value) -> bool {
    it["op"] == "subscribe"
}

fn is_data(it: &Value) -> bool {
    it.get("data").is_some()
}

#[tokio::test]
async fn connections_end_in_three_ways() {
    for (fault, end) in [
        (Fault::Close1006 { whom: Whom::Public }, Seen::Gone),
        (Fault::HalfFrame { whom: Whom::All }, Seen::Gone),
        (Fault::CloseFrame { whom: Whom::Public }, Seen::Closed),
    ] {
        let (simulator, mut client) = trading().await;
        let mut private = Client::connect(&simulator, "/v5/private").await;
        simulator.fault(&Fault::Close1006 {
            whom: Whom::Private,
        });
        assert_eq!(private.end().await, Seen::Gone);
        simulator.fault(&fault);
        assert_eq!(client.end().await, end, "{fault:?}");
        assert_ne!(simulator.counts().faults_of(fault.kind()), 0);
    }
}

#[tokio::test]
async fn the_next_handshakes_fail() {
    let simulator = Simulator::start(quiet(), Faults::none()).unwrap();
    simulator.fault(&Fault::Handshake502 { times: 2 });
    let url = format!("{}/v5/public/linear", simulator.ws_url());
    assert!(connect_async(&url).await.is_err());
    assert!(connect_async(&url).await.is_err());
    assert!(connect_async(&url).await.is_ok());
    assert_eq!(simulator.counts().handshakes_refused, 2);
}

#[tokio::test]
async fn a_stall_keeps_data_back_for_good_while_pongs_go_on() {
    let (simulator, mut client) = trading().await;
    let kind = TopicKind::Trades;
    simulator.fault(&Fault::Stall { kind, for_ms: 200 });
    while client.see(Duration::from_millis(100)).await != Seen::Nothing {}
    client.send(&json!({"op": "ping"})).await;
    assert_eq!(client.json().await["ret_msg"], json!("pong"));
    let next = client.find(is_data).await;
    let first = next["data"][0]["i"].as_str().unwrap().to_owned();
    assert_ne!(simulator.counts().frames_stalled, 0);
    assert!(simulator.truth().trades.iter().any(|it| it.id == first));

    simulator.fault(&Fault::StallAll { for_ms: 60_000 });
    while client.see(Duration::from_millis(100)).await != Seen::Nothing {}
    client.send(&json!({"op": "ping"})).await;
    assert_eq!(client.see(Duration::from_millis(100)).await, Seen::Nothing);
}

#[tokio::test]
async fn an_ack_comes_late_or_never() {
    let simulator = Simulator::start(busy(), Faults::none()).unwrap();
    simulator.fault(&Fault::DataBeforeAck { times: 1 });
    let mut client = Client::connect(&simulator, "/v5/public/linear").await;
    client.subscribe("1", &["tickers.BTCUSDT"]).await;
    assert_eq!(client.json().await["type"], json!("snapshot"));
    client.find(is_ack).await;

    simulator.fault(&Fault::LostAck { times: 1 });
    client.subscribe("2", &["publicTrade.BTCUSDT"]).await;
    assert!(is_data(&client.json().await));
    client.subscribe("3", &["publicTrade.BTCUSDT"]).await;
    let answer = client.find(is_ack).await;
    assert_eq!(answer["req_id"], json!("3"));
    assert_eq!(answer["success"], json!(false));
    assert_eq!(
        simulator.counts().violations_of(Violation::TopicSentAgain),
        0
    );
}

#[tokio::test]
async fn a_right_topic_is_refused_for_a_while() {
    let simulator = Simulator::start(quiet(), Faults::none()).unwrap();
    let mut client = Client::connect(&simulator, "/v5/public/linear").await;
    simulator.fault(&Fault::RefuseTopic { times: 1 });
    for success in [false, true] {
        client.subscribe("1", &["publicTrade.BTCUSDT"]).await;
        assert_eq!(client.json().await["success"], json!(success));
    }
    simulator.fault(&Fault::PoisonedBatch { for_ms: 60_000 });
    let batch = ["orderbook.1.BTCUSDT", "publicTrade.ETHUSDT"];
    client.subscribe("2", &batch).await;
    let text = "error:handler not found,topic:orderbook.1.BTCUSDT";
    assert_eq!(client.json().await["ret_msg"], json!(text));
    for (topic, success) in [(batch[0], false), (batch[1], true)] {
        client.subscribe("3", &[topic]).await;
        assert_eq!(client.json().await["success"], json!(success));
    }
}

#[tokio::test]
async fn frames_come_twice_or_change_places() {
    let (simulator, mut client) = trading().await;
    let kind = TopicKind::Trades;
    simulator.fault(&Fault::Duplicate { times: 1 });
    simulator.fault(&Fault::Reorder { kind, times: 1 });
    tokio::time::sleep(Duration::from_millis(100)).await;
    simulator.halt_market();
    let (mut seen, mut order) = (BTreeMap::new(), Vec::new());
    while let Seen::Text(text) = client.see(Duration::from_millis(200)).await {
        let frame: Value = serde_json::from_str(&text).unwrap();
        let first = frame["data"][0].clone();
        *seen.entry(first["i"].to_string()).or_insert(0) += 1;
        order.push(first["seq"].as_u64().unwrap());
    }
    assert_eq!(seen.values().filter(|it| **it == 2).count(), 1);
    assert_eq!(order.windows(2).filter(|it| it[1] < it[0]).count(), 1);
    let counts = simulator.counts();
    assert_eq!(
        (counts.faults_of("Duplicate"), counts.faults_of("Reorder")),
        (1, 1)
    );
}

#[tokio::test]
async fn frames_come_that_nobody_expects() {
    let simulator = Simulator::start(quiet(), Faults::none()).unwrap();
    let mut client = Client::connect(&simulator, "/v5/public/linear").await;
    client.subscribe("1", &["tickers.BTCUSDT"]).await;
    client.json().await;
    let snapshot = client.json().await;
    simulator.fault(&Fault::SnapshotAgain);
    assert_eq!(client.json().await, snapshot);
    simulator.fault(&Fault::OldDelta);
    let old = client.json().await;
    assert_eq!(old["type"], json!("delta"));
    assert!(old["cs"].as_u64() < snapshot["cs"].as_u64());
    simulator.fault(&Fault::UnknownTopicFrame);
    assert_eq!(client.json().await["topic"], json!("mystery.7"));
    simulator.fault(&Fault::BadJson);
    let Seen::Text(text) = client.see(WAIT).await else {
        panic!("no text");
    };
    assert!(serde_json::from_str::<Value>(&text).is_err());
}

#[test]
fn calls_fail_in_each_of_their_ways() {
    let world = World {
        reset_ms: 50,
        ..quiet()
    };
    let simulator = Simulator::start(world, Faults::none()).unwrap();
    let time = || get(&simulator, "/v5/market/time", &[]);
    simulator.fault(&Fault::Html { times: 3 });
    let failed: Vec<u16> = (0..3).map(|_| time().status).collect();
    assert!(
        failed.iter().all(|it| matches!(it, 502 | 503)),
        "{failed:?}"
    );
    simulator.fault(&Fault::EmptyResult { times: 1 });
    let result = time().json()["result"].clone();
    assert!(result.get("timeNano").is_none(), "{result}");
    simulator.fault(&Fault::TooMany { times: 1 });
    assert_eq!(time().code(), 10_006);
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(time().code(), 0);
    let (delay_ms, for_ms) = (80, 60_000);
    simulator.fault(&Fault::SlowRest { delay_ms, for_ms });
    let start = std::time::Instant::now();
    assert_eq!(time().code(), 0);
    assert!(Duration::from_millis(delay_ms) <= start.elapsed());
    simulator.fault(&Fault::ClockSkew { ms: -30_000 });
    let said = time().json()["time"].as_i64().unwrap();
    assert!((29_000..31_000).contains(&(now_ms() - said)));
    simulator.fault(&Fault::Forbidden { for_ms: 60_000 });
    assert_eq!(time().status, 403);
    assert_eq!(
        simulator.counts().violations_of(Violation::CallBeforeReset),
        0
    );
}

#[test]
fn lists_lag_behind() {
    let world = World {
        trades_per_second: 1_000.0,
        ..busy()
    };
    let simulator = Simulator::start(world, Faults::none()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    simulator.halt_market();
    let (lag_ms, for_ms) = (60_000, 60_000);
    simulator.fault(&Fault::StaleRest { lag_ms, for_ms });
    let target = "/v5/market/recent-trade?category=linear&symbol=BTCUSDT";
    let got = get(&simulator, target, &[]).json();
    assert_eq!(got["result"]["list"], json!([]));
    assert!(!simulator.truth().trades.is_empty());
}

#[tokio::test]
async fn a_script_is_played_at_its_times() {
    let at = Duration::from_millis(150);
    let faults = Faults::of(vec![(at, Fault::Close1006 { whom: Whom::All })]);
    let simulator = Simulator::start(quiet(), faults).unwrap();
    let start = std::time::Instant::now();
    let mut client = Client::connect(&simulator, "/v5/public/linear").await;
    assert_eq!(client.end().await, Seen::Gone);
    assert!(Duration::from_millis(100) <= start.elapsed());
}

#[tokio::test]
async fn trouble_of_any_seed_leaves_the_simulator_itself_whole() {
    for seed in 0..12 {
        let span = Duration::from_millis(250);
        let world = World {
            seed,
            tickers_per_second: 300.0,
            executions_per_second: 300.0,
            forbidden_ms: 30,
            reset_ms: 5,
            trades_per_second: 2_000.0,
            burst_every: 50,
            ..quiet()
        };
        let simulator = Simulator::start(world, Faults::seeded(seed, span)).unwrap();
        let start = std::time::Instant::now();
        let mut number = 0;
        while start.elapsed() < span + Duration::from_millis(50) {
            number += 1;
            visit(&simulator, number).await;
        }
        let truth = simulator.truth();
        assert!(!truth.trades.is_empty() && !truth.executions.is_empty());
        simulator.stop();
    }
}

/// Connects, subscribes, reads a little and calls, whatever comes of it.
async fn visit(simulator: &Simulator, number: u32) {
    let path = ["/v5/public/linear", "/v5/public/spot", "/v5/private"][number as usize % 3];
    let url = format!("{}{path}", simulator.ws_url());
    let targets = [
        "/v5/market/recent-trade?category=linear&symbol=BTCUSDT&limit=1000",
        "/v5/market/tickers?category=spot",
        "/v5/market/time",
    ];
    get(simulator, targets[number as usize % 3], &[]);
    get_signed(simulator, "/v5/execution/list", "category=linear&limit=100");
    let Ok((ws, _)) = connect_async(&url).await else {
        return;
    };
    let expires = now_ms() + 10_000;
    let signature = sign(SECRET, &format!("GET/realtime{expires}"));
    let mut ws = ws;
    for request in [
        json!({"op": "auth", "args": [KEY, expires, signature]}),
        json!({"op": "subscribe", "args": ["publicTrade.BTCUSDT", "tickers.BTCUSDT"]}),
        json!({"op": "subscribe", "args": ["execution", "order", "position", "wallet"]}),
        json!({"op": "ping"}),
        json!([1]),
    ] {
        let _ = ws.send(Message::text(request.to_string())).await;
    }
    for _ in 0..20 {
        let read = tokio::time::timeout(Duration::from_millis(20), ws.next()).await;
        if !matches!(read, Ok(Some(Ok(_)))) {
            return;
        }
    }
}
