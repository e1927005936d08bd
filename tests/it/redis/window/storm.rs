//! The trades of a storm, and what must come of them: those that were acknowledged are in one minute each,
//! once, with every digit, and a Redis has what the files of the window have.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use tradejournal::feed::window::Minute;
use tradejournal::time::Timestamp;

use super::super::server::Server;
use super::{KEY, texts};

pub const SYMBOLS: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOL/USDT"];
/// How many minutes a window goes back.
pub const SPAN: u32 = 5;
/// How old a trade may be when it is made: some are of minutes that left long ago.
const LATE_MAX: u64 = 480;

/// One trade as it is sent, and as it must count.
struct Sent {
    line: String,
    symbol: &'static str,
    id: String,
    minute: Minute,
    is_buy: bool,
    price: &'static str,
    size: Decimal,
}

/// Each level with what was bought, what was sold, and how many trades that was.
type Levels = BTreeMap<Decimal, (Decimal, Decimal, u64)>;

/// All trades that were sent.
pub struct Trades {
    pub random: Random,
    sent: Vec<Sent>,
    acked: BTreeSet<usize>,
    /// Sent to a collector that has not answered yet, or was killed before it did.
    unacked: BTreeSet<usize>,
}

impl Trades {
    pub fn new(seed: u64) -> Trades {
        Trades {
            random: Random(seed),
            sent: Vec::new(),
            acked: BTreeSet::new(),
            unacked: BTreeSet::new(),
        }
    }

    /// How many there are, and how many of them were acknowledged.
    pub fn counts(&self) -> (usize, usize) {
        (self.sent.len(), self.acked.len())
    }

    /// Notes that a trade is on its way, and says how.
    pub fn send(&mut self, index: usize) -> &str {
        if !self.acked.contains(&index) {
            self.unacked.insert(index);
        }
        &self.sent[index].line
    }

    /// Notes that a trade was acknowledged.
    pub fn took(&mut self, index: usize) {
        self.unacked.remove(&index);
        self.acked.insert(index);
    }

    /// Some trades: new ones, those that nobody acknowledged, and some that are known.
    pub fn choose(&mut self, now: Timestamp) -> Vec<usize> {
        let mut batch = Vec::new();
        for _ in 0..=self.random.below(8) {
            let again = match self.random.below(10) {
                0 | 1 => self.any_of_unacked(),
                2 => self.any_of_sent(),
                _ => None,
            };
            let index = again.unwrap_or_else(|| self.make(now));
            batch.push(index);
        }
        batch
    }

    fn any_of_unacked(&mut self) -> Option<usize> {
        let count = self.unacked.len() as u64;
        let place = (0 < count).then(|| self.random.below(count))?;
        self.unacked
            .iter()
            .nth(usize::try_from(place).unwrap())
            .copied()
    }

    fn any_of_sent(&mut self) -> Option<usize> {
        let count = self.sent.len() as u64;
        (0 < count).then(|| usize::try_from(self.random.below(count)).unwrap())
    }

    /// A trade that there was not before. Many are made at the same instant, some long ago.
    fn make(&mut self, now: Timestamp) -> usize {
        let age = match self.random.below(10) {
            0..6 => self.random.below(20),
            _ => self.random.below(LATE_MAX),
        };
        self.make_at(now.saturating_sub(Duration::from_secs(age)))
    }

    pub fn make_at(&mut self, at: Timestamp) -> usize {
        let symbol = SYMBOLS[usize::try_from(self.random.below(3)).unwrap()];
        let price = ["60000.00", "60000.50", "59999.99", "0.00000123"]
            [usize::try_from(self.random.below(4)).unwrap()];
        let is_buy = self.random.below(2) == 0;
        let digits = i64::try_from(1 + self.random.below(1_000_000_000)).unwrap();
        let size = Decimal::new(digits, u32::try_from(self.random.below(9)).unwrap());
        let index = self.sent.len();
        let id = match index % 3 {
            0 => index.to_string(),
            1 => format!("t-{index}"),
            _ => uuid::Uuid::from_u128(index as u128).to_string(),
        };
        let side = if is_buy { "buy" } else { "sell" };
        let line = format!(
            r#"{{"n":{index},"id":"{id}","time":"{at}","symbol":"{symbol}","side":"{side}","price":"{price}","size":"{size}"}}"#
        );
        self.sent.push(Sent {
            line,
            symbol,
            id,
            minute: Minute::of(at),
            is_buy,
            price,
            size,
        });
        index
    }

    /// The trades on disk, by their ids: all that were acknowledged, and of the others perhaps some.
    fn taken(&self, intake: &Path) -> BTreeSet<usize> {
        #[derive(Deserialize)]
        struct Line {
            id: String,
            symbol: String,
        }
        let sent = self.sent.iter().enumerate();
        let sent: HashMap<(&str, &str), usize> = sent
            .map(|(index, it)| ((it.symbol, &*it.id), index))
            .collect();
        let mut taken = BTreeSet::new();
        for file in fs::read_dir(intake).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|it| it != "jsonl") {
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            for line in text
                .split_inclusive('\n')
                .filter_map(|it| it.strip_suffix('\n'))
            {
                let line: Line = serde_json::from_str(line).unwrap();
                let index = sent.get(&(&*line.symbol, &*line.id));
                taken.insert(*index.expect("nobody sent that"));
            }
        }
        let lost: Vec<_> = self.acked.difference(&taken).collect();
        assert!(lost.is_empty(), "acknowledged, and not on disk: {lost:?}");
        taken
    }

    /// Each minute's file, and a Redis, have what a last collector must have left: every trade that was
    /// acknowledged, perhaps some of the others, and nothing else. `first` is where the window began when it
    /// ended.
    pub fn are_in_files_and_redis(
        &self,
        storage: &Path,
        server: &Server,
        first: &RangeInclusive<Minute>,
    ) {
        let taken = self.taken(&storage.join(".window/intake"));
        let mut wanted: BTreeMap<(&str, Minute), Levels> = BTreeMap::new();
        for it in taken.iter().map(|it| &self.sent[*it]) {
            let levels = wanted.entry((it.symbol, it.minute)).or_default();
            let level = levels.entry(it.price.parse().unwrap()).or_default();
            let side = if it.is_buy {
                &mut level.0
            } else {
                &mut level.1
            };
            *side += it.size;
            level.2 += 1;
        }
        let mut found = BTreeMap::new();
        let mut keys = BTreeSet::from([
            "trades_window:filled".to_owned(),
            "trades_window:owner".to_owned(),
        ]);
        for symbol in SYMBOLS {
            let stored = files(&storage.join(symbol.replace('/', "%2F")));
            let waiting = has_window(storage, server, symbol);
            assert!(!stored.is_empty() && !waiting.is_empty(), "{symbol}");
            assert!(
                stored
                    .keys()
                    .all(|it| it < first.end() && !waiting.contains_key(it))
            );
            assert!(waiting.keys().all(|it| first.start() <= it));
            keys.insert(format!("{KEY}:{symbol}"));
            for (minute, json) in stored.into_iter().chain(waiting) {
                found.insert((symbol, minute), levels(&json, minute));
            }
        }
        assert_eq!(found, wanted);
        let all: Vec<String> = server.ask("KEYS *");
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), keys);
    }
}

/// Where a window begins at that time.
pub fn first_at(now: Timestamp) -> Minute {
    Minute::of(now).plus(1 - i64::from(SPAN))
}

/// The minutes of a symbol's window, which Redis has too, and no others.
pub fn has_window(storage: &Path, server: &Server, symbol: &str) -> BTreeMap<Minute, String> {
    let minutes = storage.join(".window/minutes");
    let waiting = files(&minutes.join(symbol.replace('/', "%2F")));
    let members = server.ask(&format!("ZRANGE {KEY}:{symbol} 0 -1 WITHSCORES"));
    let in_window: Vec<(String, f64)> = waiting
        .iter()
        .map(|(minute, json)| (json.clone(), minute.unix_secs() as f64))
        .collect();
    assert_eq!(texts(members), in_window, "{symbol}");
    waiting
}

/// The minutes of a folder, each with its line.
fn files(folder: &Path) -> BTreeMap<Minute, String> {
    let mut found = BTreeMap::new();
    for file in fs::read_dir(folder).into_iter().flatten() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let digits = name
            .strip_prefix("trades_")
            .and_then(|it| it.strip_suffix(".json"));
        if let Some(digits) = digits {
            let text = fs::read_to_string(&path).unwrap();
            let line = text.strip_suffix('\n').unwrap().to_owned();
            found.insert(Minute::of_digits(digits).unwrap(), line);
        }
    }
    found
}

/// What a minute's JSON says, read without the library.
fn levels(json: &str, minute: Minute) -> Levels {
    #[derive(Deserialize)]
    struct Whole<'a> {
        timestamp: String,
        #[serde(borrow)]
        price_levels: BTreeMap<String, Level<'a>>,
    }
    #[derive(Deserialize)]
    struct Level<'a> {
        #[serde(borrow)]
        buy_volume: &'a RawValue,
        #[serde(borrow)]
        sell_volume: &'a RawValue,
        trade_count: u64,
    }
    let whole: Whole<'_> = serde_json::from_str(json).unwrap();
    assert!(whole.timestamp.starts_with(&minute.to_string()), "{json}");
    let number = |it: &RawValue| it.get().parse::<Decimal>().unwrap();
    let levels = whole.price_levels.into_iter();
    levels
        .map(|(price, it)| {
            let volumes = (
                number(it.buy_volume),
                number(it.sell_volume),
                it.trade_count,
            );
            (price.parse().unwrap(), volumes)
        })
        .collect()
}

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
