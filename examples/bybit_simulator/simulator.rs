//! Owns a simulated exchange that speaks as Bybit's version 5 does, over real sockets.
//!
//! Always true:
//! - it runs on a thread of its own until it is stopped or dropped;
//! - what it made can be read at any time, whether or not anybody received it;
//! - what goes wrong in it goes wrong by a script that its faults name.
//!
//! It trades with nobody: no order is taken. And it is no model of a market's prices.
//!
//! The program beside it runs it alone; a test includes this file by its path.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    reason = "a stand-in for tests: a failed step is a bug, and each user takes a part"
)]

#[path = "simulator/account.rs"]
mod account;
#[path = "simulator/answers.rs"]
mod answers;
#[path = "simulator/counts.rs"]
mod counts;
#[path = "simulator/exchange.rs"]
mod exchange;
#[path = "simulator/fault.rs"]
mod fault;
#[path = "simulator/firehose.rs"]
mod firehose;
#[path = "simulator/frames.rs"]
mod frames;
#[path = "simulator/lists.rs"]
mod lists;
#[path = "simulator/market.rs"]
mod market;
#[path = "simulator/random.rs"]
mod random;
#[path = "simulator/requests.rs"]
mod requests;
#[path = "simulator/rest.rs"]
mod rest;
#[path = "simulator/sign.rs"]
mod sign;
#[path = "simulator/socket.rs"]
mod socket;
#[path = "simulator/trouble.rs"]
mod trouble;
#[path = "simulator/truth.rs"]
mod truth;
#[path = "simulator/wire.rs"]
mod wire;
#[path = "simulator/world.rs"]
mod world;

use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, mem};

use tokio::runtime;
use tokio::sync::oneshot;

pub use self::counts::{Counts, Violation};
pub use self::fault::{Fault, Faults, Whom};
pub use self::random::Random;
pub use self::sign::sign;
pub use self::truth::{
    ExecutionMade, HoseSum, OrderMade, PositionMade, TickerState, TradeMade, Truth, id_sum,
};
pub use self::world::{Category, Firehose, TopicKind, World};

use self::exchange::Shared;

/// An exchange that runs until it is stopped or dropped.
pub struct Simulator {
    shared: Shared,
    ws: SocketAddr,
    rest: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Starts it; the script of faults begins now.
    pub fn start(world: World, faults: Faults) -> io::Result<Self> {
        let (ws, ws_addr) = bind()?;
        let (rest, rest_addr) = bind()?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let shared = Shared::new(world);
        let (stop, stopped) = oneshot::channel();
        let of_thread = shared.clone();
        let run = move || {
            runtime.block_on(async {
                let ws = tokio::net::TcpListener::from_std(ws).expect("a listener");
                let rest = tokio::net::TcpListener::from_std(rest).expect("a listener");
                tokio::spawn(socket::listen(ws, of_thread.clone()));
                tokio::spawn(rest::listen(rest, of_thread.clone()));
                // A panic in these ends the thread: `stop` tells it.
                tokio::select! {
                    // An error says that the handle is gone, which means the same.
                    _ = stopped => {}
                    () = play(faults, of_thread.clone()) => {}
                    () = keep_time(of_thread) => {}
                }
            });
        };
        let thread = thread::Builder::new().name("bybit-simulator".to_owned());
        Ok(Self {
            shared,
            ws: ws_addr,
            rest: rest_addr,
            stop: Some(stop),
            thread: Some(thread.spawn(run)?),
        })
    }

    /// What a client puts before `/v5/public/linear` and the like.
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.ws)
    }

    /// What a client puts before `/v5/market/time` and the like.
    pub fn rest_url(&self) -> String {
        format!("http://{}", self.rest)
    }

    /// Everything that was made so far.
    pub fn truth(&self) -> Truth {
        self.shared.lock().truth()
    }

    /// How many trades were made so far, without a copy of them.
    pub fn trades_len(&self) -> usize {
        self.shared.lock().trades.len()
    }

    /// What happened at the sockets so far.
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts.clone()
    }

    /// No more trades, tickers and executions are made; sockets stay.
    pub fn halt_market(&self) {
        self.shared.lock().is_halted = true;
    }

    /// A fault beside the script, now.
    pub fn fault(&self, fault: &Fault) {
        self.shared.lock().apply(fault);
    }

    /// Ends it; every socket is dropped.
    ///
    /// # Panics
    ///
    /// If the simulator itself failed meanwhile: a test that went well in spite of that did not.
    pub fn stop(mut self) {
        assert!(!self.shared.is_broken(), "a task of the simulator panicked");
        assert!(self.join(), "the simulator's thread panicked");
    }

    fn join(&mut self) -> bool {
        drop(mem::take(&mut self.stop));
        mem::take(&mut self.thread).is_none_or(|thread| thread.join().is_ok())
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Its panic has been printed; a second one here would hide the test's own.
        self.join();
    }
}

fn bind() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let addr = listener.local_addr()?;
    Ok((listener, addr))
}

async fn play(faults: Faults, shared: Shared) {
    let start = Instant::now();
    for (at, fault) in faults.script() {
        tokio::time::sleep_until((start + *at).into()).await;
        shared.lock().apply(fault);
    }
    std::future::pending().await
}

async fn keep_time(shared: Shared) {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(TICK).await;
        let now = Instant::now();
        shared.lock().tick(now.duration_since(last));
        last = now;
    }
}

const TICK: Duration = Duration::from_millis(5);
