//! What a client sees on the sockets of an exchange where nothing goes wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::simulator::{Faults, Violation, id_sum};

#[tokio::test]
async fn acks_have_the_shape_of_their_path() {
    let mut world = quiet();
    let option = "BTC-27DEC26-100000-C".to_owned();
    world.symbols.push((Category::Option, option));
    let simulator = Simulator::start(world, Faults::none()).unwrap();

    let mut linear = Client::connect(&simulator, "/v5/public/linear").await;
    linear.subscribe("a", &["publicTrade.BTCUSDT"]).await;
    let ack = linear.json().await;
    assert_eq!(ack["success"], json!(true));
    assert_eq!(ack["req_id"], json!("a"));
    assert_eq!(ack["ret_msg"], json!(""));

    let mut spot = Client::connect(&simulator, "/v5/public/spot").await;
    let request = json!({"op": "subscribe", "args": ["publicTrade.BTCUSDT"]});
    spot.send(&request).await;
    let ack = spot.json().await;
    assert_eq!(ack["ret_msg"], json!("subscribe"));
    assert!(ack.get("req_id").is_none());

    let mut option = Client::connect(&simulator, "/v5/public/option").await;
    option
        .subscribe("c", &["publicTrade.BTC", "publicTrade.DOGE"])
        .await;
    let ack = option.json().await;
    assert_eq!(ack["type"], json!("COMMAND_RESP"));
    assert_eq!(ack["data"]["successTopics"], json!(["publicTrade.BTC"]));
    assert_eq!(ack["data"]["failTopics"], json!(["publicTrade.DOGE"]));
}

#[tokio::test]
async fn one_bad_topic_refuses_the_batch() {
    let simulator = Simulator::start(quiet(), Faults::none()).unwrap();
    let mut client = Client::connect(&simulator, "/v5/public/linear").await;
    client
        .subscribe("1", &["tickers.BTCUSDT", "orderbook.500.BTCUSDT"])
        .await;
    let answer = client.json().await;
    assert_eq!(answer["success"], json!(false));
    let text = "error:handler not found,topic:orderbook.500.BTCUSDT";
    assert_eq!(answer["ret_msg"], json!(text));

    client.subscribe("2", &["tickers.BTCUSDT"]).await;
    assert_eq!(client.json().await["success"], json!(true));
    assert_eq!(client.json().await["type"], json!("snapshot"));
    client
        .subscribe("3", &["tickers.ETHUSDT", "tickers.BTCUSDT"])
        .await;
    let text = "error:already subscribed,topic:tickers.BTCUSDT";
    assert_eq!(client.json().await["ret_msg"], json!(text));
    assert_eq!(
        simulator.counts().violations_of(Violation::TopicSentAgain),
        1
    );
}

#[tokio::test]
async fn spot_takes_ten_topics_in_a_request() {
    let mut world = quiet();
    world.symbols = (0..11)
        .map(|it| (Category::Spot, format!("C{it}USDT")))
        .collect();
    let simulator = Simulator::start(world, Faults::none()).unwrap();
    let mut client = Client::connect(&simulator, "/v5/public/spot").await;
    let topics: Vec<String> = (0..11).map(|it| format!("publicTrade.C{it}USDT")).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    client.subscribe("1", &topics).await;
    let Seen::Text(text) = client.see(WAIT).await else {
        panic!("no answer");
    };
    assert!(text.contains(r"args size \u003e10"), "{text}");
    client.subscribe("2", &topics[..10]).await;
    assert_eq!(client.json().await["success"], json!(true));
    assert_eq!(simulator.counts().violations_of(Violation::SpotArgs), 1);
}

#[tokio::test]
async fn auth_is_checked_and_comes_before_private_topics() {
    let simulator = Simulator::start(quiet(), Faults::none()).unwrap();
    let mut client = Client::connect(&simulator, "/v5/private").await;
    client.subscribe("1", &["execution"]).await;
    assert_eq!(client.json().await["success"], json!(false));
    assert_eq!(
        simulator
            .counts()
            .violations_of(Violation::SubscribeBeforeAuth),
        1
    );
    for (secret, expires) in [("wrong", now_ms() + 10_000), (SECRET, now_ms() - 1)] {
        client.auth(KEY, secret, expires).await;
        let answer = client.json().await;
        assert_eq!(answer["success"], json!(false));
        assert_eq!(answer["ret_msg"], json!("Params Error"));
        assert_eq!(answer["op"], json!("auth"));
    }
    client.auth(KEY, SECRET, now_ms() + 10_000).await;
    assert_eq!(client.json().await["success"], json!(true));
    client
        .subscribe("2", &["execution", "execution.linear"])
        .await;
    assert_eq!(client.json().await["success"], json!(false));
    let all = ["execution", "execution.fast", "order", "position", "wallet"];
    client.subscribe("3", &all).await;
    let ack = client.json().await;
    assert_eq!(
        (&ack["success"], &ack["req_id"]),
        (&json!(true), &json!("3"))
    );
}

#[tokio::test]
async fn a_ping_is_answered_in_two_shapes_and_without_one_the_socket_is_gone() {
    let world = World {
        idle_close_ms: 300,
        ..quiet()
    };
    let simulator = Simulator::start(world, Faults::none()).unwrap();
    let mut public = Client::connect(&simulator, "/v5/public/linear").await;
    public.send(&json!({"op": "ping", "req_id": "p"})).await;
    let pong = public.json().await;
    let expected = (&json!("ping"), &json!("pong"), &json!("p"));
    assert_eq!((&pong["op"], &pong["ret_msg"], &pong["req_id"]), expected);
    let mut private = Client::connect(&simulator, "/v5/private?max_active_time=1m").await;
    private.send(&json!({"op": "ping"})).await;
    let pong = private.json().await;
    assert_eq!(pong["op"], json!("pong"));
    assert!(pong["args"][0].is_string() && pong.get("success").is_none());
    assert_eq!(private.end().await, Seen::Gone);
    assert_eq!(public.end().await, Seen::Gone);
    assert_eq!(simulator.counts().dropped_idle, 2);
}

#[tokio::test]
async fn every_trade_comes_once_as_the_truth_has_it() {
    let world = World {
        trades_per_second: 2_000.0,
        burst_every: 150,
        until: Some(4_000),
        ..quiet()
    };
    let simulator = Simulator::start(world, Faults::none()).unwrap();
    // What is made before the ack is not sent.
    let mut client = Client::connect(&simulator, "/v5/public/linear").await;
    client.subscribe("1", &["publicTrade.BTCUSDT"]).await;
    let (mut ids, mut longest) = (Vec::new(), 0);
    while let Seen::Text(text) = client.see(Duration::from_millis(700)).await {
        let frame: Value = serde_json::from_str(&text).unwrap();
        let rows = frame["data"].as_array().cloned().unwrap_or_default();
        longest = longest.max(rows.len());
        ids.extend(rows.iter().map(|it| it["i"].as_str().unwrap().to_owned()));
    }
    let truth = simulator.truth();
    let made: Vec<_> = truth
        .trades
        .iter()
        .filter(|it| it.category == Category::Linear && it.symbol == "BTCUSDT")
        .map(|it| it.id.clone())
        .collect();
    assert_eq!(truth.trades.len(), 4_000);
    assert!(longest <= 1_024);
    assert!(!ids.is_empty());
    assert_eq!(ids, made[made.len() - ids.len()..]);
}

#[tokio::test]
async fn tickers_merged_from_their_deltas_are_the_truth() {
    let world = World {
        tickers_per_second: 500.0,
        oddities: false,
        ..quiet()
    };
    let simulator = Simulator::start(world, Faults::none()).unwrap();
    let mut client = Client::connect(&simulator, "/v5/public/linear").await;
    client
        .subscribe("1", &["tickers.BTCUSDT", "tickers.ETHUSDT"])
        .await;
    let mut states: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    let mut last_cs = BTreeMap::new();
    for number in 0.. {
        if number == 100 {
            simulator.halt_market();
        }
        let Seen::Text(text) = client.see(Duration::from_millis(300)).await else {
            break;
        };
        let frame: Value = serde_json::from_str(&text).unwrap();
        let Some(data) = frame["data"].as_object() else {
            continue;
        };
        kinds.insert(frame["type"].as_str().unwrap().to_owned());
        let symbol = data["symbol"].as_str().unwrap().to_owned();
        let cs = frame["cs"].as_u64().unwrap();
        assert!(last_cs.insert(symbol.clone(), cs).unwrap_or_default() <= cs);
        let state = states.entry(symbol).or_default();
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        state.extend(data.iter().map(|(name, it)| (name.clone(), text(it))));
    }
    assert_eq!(kinds.len(), 2, "a snapshot, then deltas");
    let truth = simulator.truth();
    for (symbol, state) in states {
        let key = (Category::Linear, symbol);
        assert_eq!(truth.tickers[&key].members, state);
    }
}

#[tokio::test]
async fn an_execution_comes_with_its_order_its_position_and_its_wallet() {
    let world = World {
        executions_per_second: 300.0,
        ..quiet()
    };
    let simulator = Simulator::start(world, Faults::none()).unwrap();
    let mut client = Client::authed(&simulator).await;
    let all = ["execution", "order", "position", "wallet"];
    client.subscribe("1", &all).await;
    assert_eq!(client.json().await["success"], json!(true));
    let mut rows: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for _ in 0..400 {
        let frame = client.json().await;
        assert!(frame["creationTime"].is_i64());
        let topic = frame["topic"].as_str().unwrap().to_owned();
        let data = frame["data"].as_array().unwrap().clone();
        rows.entry(topic).or_default().extend(data);
    }
    assert_eq!(rows.len(), 4);
    let truth = simulator.truth();
    for row in &rows["execution"] {
        let made = truth
            .executions
            .iter()
            .find(|it| row["execId"] == json!(it.exec_id));
        let made = made.unwrap();
        assert_eq!(row["execPrice"], json!(made.price.to_string()));
        assert_eq!(row["execTime"], json!(made.time_ms.to_string()));
    }
    assert!(
        rows["execution"]
            .iter()
            .any(|it| it["execType"] == "Funding")
    );
    assert!(rows["position"].iter().all(|it| it["category"] == "linear"));
}

#[tokio::test]
async fn a_firehose_sends_everything_once_all_topics_are_subscribed() {
    let simulator = Simulator::start(World::firehose(20_000, 4, 25), Faults::none()).unwrap();
    let mut client = Client::connect(&simulator, "/v5/public/linear").await;
    client
        .subscribe("1", &["publicTrade.H000USDT", "publicTrade.H001USDT"])
        .await;
    client.json().await;
    assert_eq!(client.see(Duration::from_millis(50)).await, Seen::Nothing);
    client
        .subscribe("2", &["publicTrade.H002USDT", "publicTrade.H003USDT"])
        .await;
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut count = 0;
    while count < 20_000 {
        let frame = client.json().await;
        for row in frame["data"].as_array().into_iter().flatten() {
            count += 1;
            let id = row["i"].as_str().unwrap().to_owned();
            let symbol = row["s"].as_str().unwrap().to_owned();
            ids.entry(symbol).or_default().push(id);
        }
    }
    for (symbol, sum) in simulator.truth().firehose {
        let ids = ids[&symbol].iter().map(String::as_str);
        assert_eq!((sum.count, sum.checksum), (5_000, id_sum(ids)));
    }
    client.send(&json!({"op": "ping"})).await;
    assert_eq!(client.json().await["ret_msg"], json!("pong"));
}
