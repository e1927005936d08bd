//! Owns the public market: what trades and what its tickers say.
//!
//! Always true:
//! - the n-th trade of a seed is the same in every run, but for its time;
//! - times rise within a symbol, and so does `seq`, which a sweep shares;
//! - an id is never used twice; on spot ids are decimals that follow each other;
//! - a ticker's `cs` never falls.
//!
//! It sends nothing and knows no socket.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::random::Random;
use super::truth::{TickerState, TradeMade};
use super::world::{Category, World};

/// The market of all symbols.
pub struct Market {
    pub instruments: Vec<Instrument>,
    trades: Random,
    tickers: Random,
    sweeps: u64,
    burst_every: u64,
    version_5_ids: bool,
    oddities: bool,
}

/// What is traded.
pub struct Instrument {
    pub category: Category,
    pub symbol: String,
    pub ticker: TickerState,
    /// In units of the last digit.
    price: i64,
    price_digits: u32,
    size_digits: u32,
    seq: u64,
    spot_id: u64,
    time_ms: i64,
}

/// One sweep through the book.
pub struct Sweep {
    pub trades: Vec<TradeMade>,
    pub is_burst: bool,
}

/// One step of a ticker: what a delta would say.
pub struct Step {
    pub index: usize,
    pub changed: Vec<(&'static str, String)>,
}

impl Market {
    pub fn new(world: &World) -> Self {
        let mut random = Random::named(world.seed, "instruments");
        let of = |it: &(Category, String)| Instrument::new(it.0, &it.1, &mut random);
        Self {
            instruments: world.symbols.iter().map(of).collect(),
            trades: Random::named(world.seed, "trades"),
            tickers: Random::named(world.seed, "tickers"),
            sweeps: 0,
            burst_every: world.burst_every,
            version_5_ids: world.version_5_ids,
            oddities: world.oddities,
        }
    }

    /// At most `room` trades of one symbol in one millisecond, with one `seq`.
    pub fn sweep(&mut self, now_ms: i64, room: usize) -> Sweep {
        let random = &mut self.trades;
        self.sweeps += 1;
        let is_burst = self.burst_every != 0 && self.sweeps.is_multiple_of(self.burst_every);
        let index = random.below(self.instruments.len() as u64) as usize;
        let instrument = &mut self.instruments[index];
        let len = match random.below(10) {
            _ if is_burst => random.between(1_025, 2_600),
            0..6 => 1,
            6..9 => random.between(2, 4),
            _ => random.between(5, 20),
        };
        let side = *random.pick(&["Buy", "Sell"]);
        let toward = if side == "Buy" { 1 } else { -1 };
        instrument.time_ms = instrument.time_ms.max(now_ms);
        instrument.seq += random.between(1, 4);
        let mut size = instrument.size(random);
        let mut trades = Vec::new();
        for _ in 0..len {
            let before = instrument.price;
            if random.one_in(3) {
                let step = toward * random.between(1, 3) as i64;
                instrument.price = (instrument.price + step).max(100);
            }
            // Otherwise the same size, often at the same price: only the id tells them apart.
            if random.one_in(2) {
                size = instrument.size(random);
            }
            let id = instrument.id(random, self.version_5_ids);
            let odd = self.oddities && random.one_in(200);
            let tick_direction = match (odd, instrument.price.cmp(&before)) {
                (true, _) => "NewTick",
                (false, std::cmp::Ordering::Less) => "MinusTick",
                (false, std::cmp::Ordering::Equal) => "ZeroPlusTick",
                (false, std::cmp::Ordering::Greater) => "PlusTick",
            };
            let (is_block, is_rpi) = (random.one_in(100), random.one_in(20));
            trades.push(TradeMade {
                category: instrument.category,
                symbol: instrument.symbol.clone(),
                id,
                time_ms: instrument.time_ms,
                side,
                price: instrument.price_text(instrument.price),
                size: size.clone(),
                seq: instrument.seq,
                tick_direction,
                is_block,
                is_rpi,
            });
        }
        // Cut at the end, so that a limit changes no draw.
        trades.truncate(room);
        Sweep { trades, is_burst }
    }

    /// One ticker moves on.
    pub fn step(&mut self, now_ms: i64) -> Step {
        let random = &mut self.tickers;
        let index = random.below(self.instruments.len() as u64) as usize;
        let instrument = &mut self.instruments[index];
        let changed = match instrument.category {
            Category::Inverse | Category::Linear => instrument.futures_step(random, self.oddities),
            Category::Option => instrument.option_step(random),
            Category::Spot => instrument.spot_step(random),
        };
        let ticker = &mut instrument.ticker;
        for (name, value) in &changed {
            ticker.members.insert((*name).to_owned(), value.clone());
        }
        // It jumps, and now and then it stays.
        let jump = random.between(1, 4_000);
        ticker.cs += if random.one_in(20) { 0 } else { jump };
        ticker.time_ms = ticker.time_ms.max(now_ms);
        Step { index, changed }
    }

    pub fn find(&self, category: Category, symbol: &str) -> Option<&Instrument> {
        let mut all = self.instruments.iter();
        all.find(|it| it.category == category && it.symbol == symbol)
    }
}

impl Instrument {
    fn new(category: Category, symbol: &str, random: &mut Random) -> Self {
        let (price, price_digits) = match symbol {
            _ if category == Category::Option => (random.between(100, 90_000) as i64, 1),
            _ if symbol.starts_with("BTC") => (random.between(600_000, 1_200_000) as i64, 1),
            _ if symbol.starts_with("ETH") => (random.between(200_000, 500_000) as i64, 2),
            _ => (random.between(1_000, 300_000) as i64, 4),
        };
        let size_digits = match category {
            Category::Inverse => 0,
            Category::Linear => 3,
            Category::Option => 1,
            Category::Spot => 6,
        };
        let mut it = Self {
            category,
            symbol: symbol.to_owned(),
            ticker: TickerState::default(),
            price,
            price_digits,
            size_digits,
            seq: random.between(1_000_000_000, 9_000_000_000),
            spot_id: 2_290_000_000_000_000_000 + random.below(1 << 50),
            time_ms: 0,
        };
        it.ticker.cs = random.between(400_000_000, 30_000_000_000);
        it.first_ticker(random);
        it
    }

    pub fn price(&self) -> Decimal {
        Decimal::new(self.price, self.price_digits)
    }

    /// A size as an order would have it.
    pub fn draw_size(&self, random: &mut Random) -> Decimal {
        Decimal::new(random.between(2, 5_000) as i64, self.size_digits)
    }

    fn id(&mut self, random: &mut Random, version_5: bool) -> String {
        if self.category == Category::Spot {
            self.spot_id += 1;
            return self.spot_id.to_string();
        }
        random.uuid(version_5)
    }

    fn size(&self, random: &mut Random) -> String {
        self.draw_size(random).to_string()
    }

    fn price_text(&self, price: i64) -> String {
        Decimal::new(price, self.price_digits).to_string()
    }

    fn first_ticker(&mut self, random: &mut Random) {
        let names: &[&str] = match self.category {
            Category::Inverse | Category::Linear => &FUTURES,
            Category::Option => &OPTION,
            Category::Spot => &SPOT,
        };
        let mut members = BTreeMap::new();
        for name in names {
            members.insert((*name).to_owned(), self.first_value(name, random));
        }
        members.insert("symbol".to_owned(), self.symbol.clone());
        self.ticker.members = members;
    }

    fn first_value(&self, name: &str, random: &mut Random) -> String {
        match name {
            "curPreListingPhase" | "preOpenPrice" | "preQty" => String::new(),
            "deliveryTime" | "fundingRate" | "nextFundingTime" if self.symbol.contains('-') => {
                String::new()
            }
            "fundingCap" => "0.005".to_owned(),
            "fundingIntervalHour" => "8".to_owned(),
            "fundingRate" => "0.0001".to_owned(),
            "nextFundingTime" => "1760371200000".to_owned(),
            "price24hPcnt" | "change24h" => "-0.0158".to_owned(),
            "tickDirection" => "PlusTick".to_owned(),
            "delta" | "gamma" | "theta" | "vega" => Decimal::new(47_831, 6).to_string(),
            it if it.ends_with("Iv") => "0.514".to_owned(),
            it if it.to_lowercase().contains("price") => self.price_text(self.price),
            _ => self.draw_size(random).to_string(),
        }
    }

    fn futures_step(&self, random: &mut Random, oddities: bool) -> Vec<(&'static str, String)> {
        let price = |off: i64| self.price_text((self.price + off).max(1));
        match random.below(8) {
            0 | 1 => vec![("bid1Price", price(-1)), ("bid1Size", self.size(random))],
            2 | 3 => vec![("ask1Price", price(1)), ("ask1Size", self.size(random))],
            // A new size beside a price that did not change, and values that are repeated.
            4 => vec![
                ("ask1Price", self.member("ask1Price")),
                ("ask1Size", self.size(random)),
                ("fundingRate", self.member("fundingRate")),
                ("price24hPcnt", self.member("price24hPcnt")),
            ],
            5 => vec![("markPrice", price(0)), ("indexPrice", price(2))],
            6 => vec![
                ("openInterest", self.size(random)),
                ("openInterestValue", self.size(random)),
                ("turnover24h", self.size(random)),
                ("volume24h", self.size(random)),
            ],
            _ => {
                let direction = match random.below(10) {
                    0 if oddities => "NewTick",
                    0..5 => "PlusTick",
                    _ => "ZeroMinusTick",
                };
                let last = price(0);
                vec![("lastPrice", last), ("tickDirection", direction.to_owned())]
            }
        }
    }

    fn spot_step(&self, random: &mut Random) -> Vec<(&'static str, String)> {
        vec![
            ("lastPrice", self.price_text(self.price)),
            ("turnover24h", self.size(random)),
            ("volume24h", self.size(random)),
        ]
    }

    fn option_step(&self, random: &mut Random) -> Vec<(&'static str, String)> {
        vec![
            ("askPrice", self.price_text(self.price + 1)),
            ("askSize", self.size(random)),
            ("bidPrice", self.price_text((self.price - 1).max(1))),
            ("markPrice", self.price_text(self.price)),
        ]
    }

    fn member(&self, name: &str) -> String {
        self.ticker.members.get(name).cloned().unwrap_or_default()
    }
}

const FUTURES: [&str; 24] = [
    "ask1Price",
    "ask1Size",
    "bid1Price",
    "bid1Size",
    "curPreListingPhase",
    "fundingCap",
    "fundingIntervalHour",
    "fundingRate",
    "highPrice24h",
    "indexPrice",
    "lastPrice",
    "lowPrice24h",
    "markPrice",
    "nextFundingTime",
    "openInterest",
    "openInterestValue",
    "preOpenPrice",
    "preQty",
    "prevPrice1h",
    "prevPrice24h",
    "price24hPcnt",
    "tickDirection",
    "turnover24h",
    "volume24h",
];

const SPOT: [&str; 8] = [
    "highPrice24h",
    "lastPrice",
    "lowPrice24h",
    "prevPrice24h",
    "price24hPcnt",
    "turnover24h",
    "usdIndexPrice",
    "volume24h",
];

const OPTION: [&str; 24] = [
    "askIv",
    "askPrice",
    "askSize",
    "bidIv",
    "bidPrice",
    "bidSize",
    "change24h",
    "delta",
    "gamma",
    "highPrice24h",
    "indexPrice",
    "lastPrice",
    "lowPrice24h",
    "markPrice",
    "markPriceIv",
    "openInterest",
    "predictedDeliveryPrice",
    "theta",
    "totalTurnover",
    "totalVolume",
    "turnover24h",
    "underlyingPrice",
    "vega",
    "volume24h",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_makes_the_same_trades_again_whatever_the_time() {
        let world = World::default();
        let run = |start: i64| -> Vec<TradeMade> {
            let mut market = Market::new(&world);
            let sweeps = (0..2_000).map(|it| market.sweep(start + it, usize::MAX));
            sweeps.flat_map(|it| it.trades).collect()
        };
        let (first, second) = (run(1_000), run(5_000));
        let ids = |of: &[TradeMade]| of.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&first), ids(&second));
        assert_eq!(
            ids(&first).iter().collect::<BTreeSet<_>>().len(),
            first.len()
        );
        let spot = first.iter().filter(|it| it.category == Category::Spot);
        assert!(spot.clone().all(|it| it.id.len() == 19));
        assert!(spot.is_sorted_by_key(|it| &it.id));
        for (category, symbol) in &world.symbols {
            let of_symbol = |it: &&TradeMade| it.category == *category && it.symbol == *symbol;
            let mine: Vec<_> = first.iter().filter(of_symbol).collect();
            assert!(mine.is_sorted_by_key(|it| (it.time_ms, it.seq)));
        }
    }

    #[test]
    fn a_burst_is_longer_than_a_message_and_has_one_seq() {
        let mut market = Market::new(&World::default());
        let bursts: Vec<Sweep> = (0..1_000)
            .map(|it| market.sweep(it, usize::MAX))
            .filter(|it| it.is_burst)
            .collect();
        assert_eq!(bursts.len(), 1);
        assert!(1_024 < bursts[0].trades.len());
        assert!(
            bursts[0]
                .trades
                .iter()
                .all(|it| it.seq == bursts[0].trades[0].seq)
        );
    }
}
