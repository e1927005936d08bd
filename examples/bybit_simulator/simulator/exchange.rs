//! Owns the state of a simulated exchange: its market, its account, its sockets and its clock.
//!
//! Always true:
//! - what is made stands in the truth at once, whether or not a socket brings it to anybody;
//! - a socket gets what it has subscribed at that moment, and nothing of before.
//!
//! It is driven from outside: by the timer, the requests and the calls, one at a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;

use super::account::{Account, Deal};
use super::answers::Calls;
use super::counts::{Counts, Violation};
use super::firehose::Hose;
use super::frames;
use super::market::Market;
use super::random::Random;
use super::trouble::Trouble;
use super::truth::{TradeMade, Truth};
use super::wire::{Out, Socket, SocketPath};
use super::world::{Category, TopicKind, World, base_coin};

/// The exchange, shared by its tasks and by the test that looks at it.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Exchange>>);

impl Shared {
    pub fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(Exchange::new(world))))
    }

    /// Whether a task panicked while it changed the exchange.
    pub fn is_broken(&self) -> bool {
        self.0.is_poisoned()
    }

    pub fn lock(&self) -> MutexGuard<'_, Exchange> {
        // A panic in one task is shown by the thread; what others look at is counts and lists.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct Exchange {
    pub world: World,
    pub market: Market,
    pub account: Account,
    pub trades: Vec<TradeMade>,
    pub sockets: BTreeMap<u64, Socket>,
    pub counts: Counts,
    pub trouble: Trouble,
    pub calls: Calls,
    pub hose: Option<Hose>,
    pub skew_ms: i64,
    pub is_halted: bool,
    random: Random,
    sockets_made: u64,
    connected_at: VecDeque<Instant>,
    trades_due: f64,
    tickers_due: f64,
    executions_due: f64,
}

impl Exchange {
    fn new(world: World) -> Self {
        let mut it = Self {
            market: Market::new(&world),
            account: Account::new(&world),
            trades: Vec::new(),
            sockets: BTreeMap::new(),
            counts: Counts::default(),
            trouble: Trouble::default(),
            calls: Calls::default(),
            hose: None,
            skew_ms: world.clock_skew_ms,
            is_halted: false,
            random: Random::named(world.seed, "wire"),
            sockets_made: 0,
            connected_at: VecDeque::new(),
            trades_due: 0.0,
            tickers_due: 0.0,
            executions_due: 0.0,
            world,
        };
        let now_ms = it.now_ms();
        for instrument in &mut it.market.instruments {
            instrument.ticker.time_ms = now_ms;
        }
        it.hose = Hose::new(&it.world, now_ms);
        it.make_history();
        it
    }

    /// The exchange's clock.
    pub fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.unwrap_or_default().as_millis() as i64 + self.skew_ms
    }

    pub fn truth(&self) -> Truth {
        let tickers = self.market.instruments.iter();
        let tickers = tickers.map(|it| ((it.category, it.symbol.clone()), it.ticker.clone()));
        Truth {
            trades: self.trades.clone(),
            executions: self.account.executions.clone(),
            orders: self.account.orders.clone(),
            positions: self.account.positions.clone(),
            wallet: self.account.wallet.clone(),
            tickers: tickers.collect(),
            firehose: self.hose.as_ref().map(Hose::sums).unwrap_or_default(),
        }
    }

    /// The market and the account move on by so much time.
    pub fn tick(&mut self, elapsed: Duration) {
        let now = Instant::now();
        for socket in self.sockets.values_mut() {
            socket.release(now, &mut self.counts);
        }
        if self.is_halted || self.market.instruments.is_empty() {
            return;
        }
        let seconds = elapsed.as_secs_f64();
        self.trades_due += seconds * self.world.trades_per_second;
        self.tickers_due += seconds * self.world.tickers_per_second;
        self.executions_due += seconds * self.world.executions_per_second;
        self.make_trades();
        while 1.0 <= self.tickers_due {
            self.tickers_due -= 1.0;
            self.make_ticker();
        }
        while 1.0 <= self.executions_due {
            let now_ms = self.now_ms();
            let deal = self.account.deal(&self.market.instruments, now_ms - AGE_MS);
            self.executions_due -= deal.executions.len().max(1) as f64;
            self.publish_deal(&deal);
        }
    }

    fn make_trades(&mut self) {
        let now_ms = self.now_ms();
        let mut made: BTreeMap<(Category, String), Vec<TradeMade>> = BTreeMap::new();
        while 1.0 <= self.trades_due {
            let room = self.world.until.unwrap_or(usize::MAX);
            let room = room.saturating_sub(self.trades.len());
            if room == 0 {
                self.is_halted = true;
                break;
            }
            let sweep = self.market.sweep(now_ms - AGE_MS, room);
            // A burst comes on top, or nothing would follow it for long.
            if !sweep.is_burst {
                self.trades_due -= sweep.trades.len() as f64;
            }
            self.trades.extend(sweep.trades.iter().cloned());
            let Some(first) = sweep.trades.first() else {
                continue;
            };
            let topic = trade_topic(first.category, &first.symbol);
            let of_topic = made.entry((first.category, topic)).or_default();
            of_topic.extend(sweep.trades);
        }
        for ((category, topic), trades) in made {
            for chunk in trades.chunks(frames::TRADES_PER_FRAME_MAX) {
                let ts = now_ms.max(chunk[chunk.len() - 1].time_ms);
                let text = frames::trades(&topic, chunk, ts, self.world.oddities);
                self.publish(category, &topic, &text);
            }
        }
    }

    fn make_ticker(&mut self) {
        let now_ms = self.now_ms();
        let step = self.market.step(now_ms);
        let it = &self.market.instruments[step.index];
        let (category, topic) = (it.category, format!("tickers.{}", it.symbol));
        let text = if category.is_futures() {
            let odd = self.world.oddities;
            frames::ticker_delta(&topic, &it.symbol, &it.ticker, &step.changed, odd)
        } else {
            frames::ticker_snapshot(category, &topic, &it.ticker)
        };
        self.publish(category, &topic, &text);
    }

    fn make_history(&mut self) {
        let now_ms = self.now_ms();
        let apart_ms = 1_000.0 / self.world.trades_per_second.max(1.0);
        let first = self.world.first_trades;
        while self.trades.len() < first && !self.market.instruments.is_empty() {
            let left = first - self.trades.len();
            let time_ms = now_ms - 1_000 - (left as f64 * apart_ms) as i64;
            self.trades.extend(self.market.sweep(time_ms, left).trades);
        }
        let (first, span_ms) = (
            self.world.first_executions,
            self.world.first_span.as_millis(),
        );
        while self.account.executions.len() < first && !self.market.instruments.is_empty() {
            let left = first - self.account.executions.len();
            let back_ms = span_ms as i64 * left as i64 / first as i64;
            let instruments = &self.market.instruments;
            self.account.deal(instruments, now_ms - 1_000 - back_ms);
        }
    }

    fn publish(&mut self, category: Category, topic: &str, text: &str) {
        for socket in self.sockets.values_mut() {
            if socket.path.category() == Some(category) && socket.topics.contains(topic) {
                socket.data(topic, text, &mut self.trouble, &mut self.counts);
            }
        }
    }

    fn publish_deal(&mut self, deal: &Deal) {
        let now_ms = self.now_ms();
        // No order between the topics is promised.
        let mut kinds = [
            TopicKind::Execution,
            TopicKind::Order,
            TopicKind::Position,
            TopicKind::Wallet,
        ];
        self.random.shuffle(&mut kinds);
        for socket in self.sockets.values_mut().filter(|it| it.is_authed) {
            let topics = socket.topics.clone();
            for kind in kinds {
                // Backwards, so that execution.fast is the faster one.
                let of_kind = topics.iter().rev().filter(|it| TopicKind::of(it) == kind);
                for topic in of_kind {
                    if let Some(text) = frames::private(topic, deal, &self.account, now_ms) {
                        socket.data(topic, &text, &mut self.trouble, &mut self.counts);
                    }
                }
            }
        }
    }

    /// Sends what the ticker of this topic is now, to one socket.
    pub fn send_snapshot(&mut self, id: u64, topic: &str) {
        let Some(socket) = self.sockets.get_mut(&id) else {
            return;
        };
        let found = socket.path.category().zip(topic.strip_prefix("tickers."));
        let found = found.and_then(|(category, symbol)| self.market.find(category, symbol));
        if let Some(it) = found {
            let text = frames::ticker_snapshot(it.category, topic, &it.ticker);
            socket.data(topic, &text, &mut self.trouble, &mut self.counts);
        }
    }

    pub fn snapshots_again(&mut self) {
        for (id, topic) in self.ticker_topics() {
            self.send_snapshot(id, &topic);
            self.counts.fault("SnapshotAgain");
        }
    }

    pub fn old_deltas(&mut self) {
        for (id, topic) in self.ticker_topics() {
            let Some(socket) = self.sockets.get_mut(&id) else {
                continue;
            };
            let category = socket.path.category().filter(|it| it.is_futures());
            let symbol = topic.strip_prefix("tickers.").unwrap_or_default();
            let Some(it) = category.and_then(|it| self.market.find(it, symbol)) else {
                continue;
            };
            let mut old = it.ticker.clone();
            old.cs -= 1_000;
            let changed = [
                ("lastPrice", "0.0001".to_owned()),
                ("bid1Size", "1".to_owned()),
            ];
            let text = frames::ticker_delta(&topic, symbol, &old, &changed, false);
            socket.data(&topic, &text, &mut self.trouble, &mut self.counts);
            self.counts.fault("OldDelta");
        }
    }

    fn ticker_topics(&self) -> Vec<(u64, String)> {
        let of = |(id, socket): (&u64, &Socket)| {
            let topics = socket.topics.iter().filter(|it| it.starts_with("tickers."));
            topics.map(|it| (*id, it.clone())).collect::<Vec<_>>()
        };
        self.sockets.iter().flat_map(of).collect()
    }

    /// A connection that is open from now on.
    pub fn join(&mut self, path: SocketPath, text: &str) -> (u64, mpsc::Receiver<Out>) {
        let now = Instant::now();
        let is_old = |it: &Instant| FIVE_MINUTES < now.duration_since(*it);
        while self.connected_at.front().is_some_and(is_old) {
            self.connected_at.pop_front();
        }
        self.connected_at.push_back(now);
        if CONNECTIONS_MAX < self.connected_at.len() {
            let now_ms = self.now_ms();
            self.counts
                .violation(Violation::TooManyConnections, now_ms, text);
        }
        self.sockets_made += 1;
        let id = self.sockets_made;
        let conn_id = match path {
            SocketPath::Private => format!("cejreaspqfh3sjdnldmg-{id:x}"),
            SocketPath::Public(_) => self.random.uuid(false),
        };
        let (socket, taken) = Socket::new(path, conn_id);
        self.sockets.insert(id, socket);
        *self.counts.connections.entry(text.to_owned()).or_default() += 1;
        self.counts.open += 1;
        (id, taken)
    }

    pub fn leave(&mut self, id: u64) {
        if self.sockets.remove(&id).is_some() {
            self.counts.open -= 1;
        }
    }
}

/// Trades of options are subscribed by their base coin.
pub fn trade_topic(category: Category, symbol: &str) -> String {
    let of = match category {
        Category::Option => base_coin(symbol),
        _ => symbol,
    };
    format!("publicTrade.{of}")
}

/// How long after it was made a thing is sent.
const AGE_MS: i64 = 2;
const CONNECTIONS_MAX: usize = 500;
const FIVE_MINUTES: Duration = Duration::from_secs(300);
