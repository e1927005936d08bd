//! Minutes into a Redis, beside a bare client of the same crate that sends the same members.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tradejournal::driver::redis::{Address, Connection, ConnectionOptions, RedisWindow};
use tradejournal::feed::window::{Change, Footprint, Minute, Resident, Symbols};
use tradejournal::record::field::Pair;
use tradejournal::time::SystemClock;

use crate::table::{Goal, Rounds, Table};
use crate::window::{symbols, trade};

const MINUTES: i64 = 20_000;
const ROUNDS: usize = 7;

/// A server of its own, which ends with this.
struct Server(Child);

impl Server {
    fn start(folder: &Path) -> (Server, String) {
        let socket = folder.join("redis.sock");
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .arg("--unixsocket")
            .arg(&socket)
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while !socket.exists() {
            assert!(began.elapsed() < Duration::from_secs(10), "no redis-server");
            std::thread::sleep(Duration::from_millis(10));
        }
        (Server(child), socket.display().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn members(symbol: &Pair) -> Vec<(Minute, Vec<u8>)> {
    let first: Minute = "2024-10-23T00:00".parse().unwrap();
    (0..MINUTES)
        .map(|it| {
            let minute = first.plus(it);
            let mut footprint = Footprint::new(minute);
            for number in 0..50 {
                footprint
                    .add(
                        &trade(it as u64 * 50 + number, symbol, minute.start()),
                        None,
                    )
                    .unwrap();
            }
            (minute, footprint.to_json())
        })
        .collect()
}

pub(crate) fn minutes(table: &mut Table, folder: &Path) {
    let (_server, socket) = Server::start(folder);
    let symbol = symbols(1).remove(0);
    let members = members(&symbol);
    let client = redis::Client::open(format!("unix://{socket}")).unwrap();
    let mut bare = client.get_connection().unwrap();
    let (mut rates, mut ratio) = (Rounds::new(), Rounds::new());
    for round in 0..ROUNDS {
        let _: () = redis::cmd("FLUSHALL").query(&mut bare).unwrap();
        let began = Instant::now();
        for some in members.chunks(1000) {
            let mut pipe = redis::pipe();
            for (minute, member) in some {
                pipe.cmd("ZADD")
                    .arg("bare")
                    .arg(minute.unix_secs())
                    .arg(member)
                    .ignore();
            }
            let () = pipe.query(&mut bare).unwrap();
        }
        let by_itself = began.elapsed();
        let address: Address = format!("unix://{socket}").parse().unwrap();
        let connection =
            Connection::new(address, ConnectionOptions::default(), Arc::new(SystemClock));
        let mut window = RedisWindow::new(connection, Symbols::Each, "bench", round as u128);
        let _ = redis::cmd("FLUSHALL").query::<()>(&mut bare);
        window.claim().unwrap();
        let changes: Vec<Change> = members
            .iter()
            .map(|(minute, member)| Change::Put {
                symbol: symbol.clone(),
                minute: *minute,
                member: member.clone(),
                before: None,
            })
            .collect();
        let began = Instant::now();
        for some in changes.chunks(500) {
            window.change(some).unwrap();
        }
        let took = began.elapsed();
        rates.push(MINUTES as f64 / took.as_secs_f64());
        ratio.push(by_itself.as_secs_f64() / took.as_secs_f64());
    }
    table.add(
        "20,000 minutes of 50 trades into a Redis",
        "-",
        &Goal::None,
        "minutes/s",
        &rates,
    );
    let beside = "a bare client, ZADD in pipelines of 1,000";
    table.add(
        "the same, as a rate",
        beside,
        &Goal::AtLeast(0.8),
        "x",
        &ratio,
    );
}
