//! Owns the firehose: trades as fast as sockets take them, for measuring a client.
//!
//! Always true:
//! - the n-th trade of a symbol follows from the seed, the symbol and n alone, so that nothing is
//!   kept of it but a count and a sum;
//! - frames are written into a buffer that is used again: memory does not grow with the trades;
//! - a trade counts as made when it is encoded, and is encoded once: a topic belongs to one socket.
//!
//! It makes no tickers and no faults of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::random::{mix, version_5_of};
use super::truth::{HoseSum, TradeMade};
use super::world::{Category, World};

/// The trades of all symbols that are still to come.
pub struct Hose {
    /// Every topic has been subscribed: it may begin.
    pub is_open: bool,
    lines: Vec<Line>,
    seed: u64,
    start_ms: i64,
    per_frame: u64,
    next: usize,
    payload: Vec<u8>,
}

struct Line {
    symbol: String,
    topic: String,
    /// What stands between the time and the size, for each side.
    middles: [Vec<u8>; 2],
    quota: u64,
    sum: HoseSum,
}

impl Hose {
    /// `None` if the world has none.
    pub fn new(world: &World, start_ms: i64) -> Option<Self> {
        let hose = world.firehose?;
        let symbols = world.symbols.len().max(1) as u64;
        let of = |(number, (_, symbol)): (u64, &(Category, String))| Line {
            symbol: symbol.clone(),
            topic: format!("publicTrade.{symbol}"),
            middles: SIDES.map(|it| format!(r#","s":"{symbol}","S":"{it}","v":"0."#).into()),
            quota: hose.trades / symbols + u64::from(number < hose.trades % symbols),
            sum: HoseSum::default(),
        };
        Some(Self {
            is_open: false,
            lines: (0..).zip(&world.symbols).map(of).collect(),
            seed: world.seed,
            start_ms,
            per_frame: hose.per_frame.max(1) as u64,
            next: 0,
            payload: Vec::new(),
        })
    }

    pub fn sums(&self) -> BTreeMap<String, HoseSum> {
        let lines = self.lines.iter();
        lines.map(|it| (it.symbol.clone(), it.sum)).collect()
    }

    /// Puts frames of these topics into the buffer, ready for a socket; false: there are no more.
    pub fn fill(&mut self, topics: &BTreeSet<String>, now_ms: i64, buffer: &mut Vec<u8>) -> bool {
        buffer.clear();
        if !self.is_open {
            return false;
        }
        let mut idle = 0;
        while buffer.len() < BATCH_LEN && idle < self.lines.len() {
            self.next = (self.next + 1) % self.lines.len();
            let line = &self.lines[self.next];
            if line.sum.count == line.quota || !topics.contains(&line.topic) {
                idle += 1;
                continue;
            }
            idle = 0;
            self.encode_frame(self.next, now_ms);
            frame_head(buffer, self.payload.len());
            buffer.extend_from_slice(&self.payload);
        }
        !buffer.is_empty()
    }

    /// The newest trades of a symbol, newest first.
    pub fn recent(&self, symbol: &str, limit: usize) -> Vec<TradeMade> {
        let found = self.lines.iter().position(|it| it.symbol == symbol);
        let Some(index) = found else {
            return Vec::new();
        };
        let numbers = (0..self.lines[index].sum.count).rev().take(limit);
        numbers.map(|it| self.trade(index, it)).collect()
    }

    fn encode_frame(&mut self, index: usize, now_ms: i64) {
        let line = &mut self.lines[index];
        let out = &mut self.payload;
        out.clear();
        out.extend_from_slice(br#"{"topic":""#);
        out.extend_from_slice(line.topic.as_bytes());
        out.extend_from_slice(br#"","type":"snapshot","ts":"#);
        let end = line.quota.min(line.sum.count + self.per_frame);
        let last_ms = time_of(self.start_ms, end - 1);
        digits(out, now_ms.max(last_ms) as u64);
        out.extend_from_slice(br#","data":["#);
        for number in line.sum.count..end {
            let drawn = Drawn::of(self.seed, index, number);
            line.sum.checksum = line.sum.checksum.wrapping_add(drawn.id.0);
            out.extend_from_slice(br#"{"T":"#);
            digits(out, time_of(self.start_ms, number) as u64);
            out.extend_from_slice(&line.middles[drawn.side]);
            fixed_digits(out, drawn.size, 3);
            out.extend_from_slice(br#"","p":""#);
            fixed_digits(out, drawn.price / 10, 5);
            out.push(b'.');
            fixed_digits(out, drawn.price % 10, 1);
            out.extend_from_slice(br#"","L":"PlusTick","i":""#);
            uuid(out, drawn.id);
            out.extend_from_slice(br#"","BT":false,"RPI":false,"seq":"#);
            digits(out, SEQ_FIRST + number);
            out.extend_from_slice(b"},");
        }
        // In place of the last comma.
        out.pop();
        out.extend_from_slice(b"]}");
        line.sum.count = end;
    }

    fn trade(&self, index: usize, number: u64) -> TradeMade {
        let drawn = Drawn::of(self.seed, index, number);
        let mut id = Vec::new();
        uuid(&mut id, drawn.id);
        TradeMade {
            category: Category::Linear,
            symbol: self.lines[index].symbol.clone(),
            id: String::from_utf8(id).expect("hex digits"),
            time_ms: time_of(self.start_ms, number),
            side: SIDES[drawn.side],
            price: format!("{:05}.{}", drawn.price / 10, drawn.price % 10),
            size: format!("0.{:03}", drawn.size),
            seq: SEQ_FIRST + number,
            tick_direction: "PlusTick",
            is_block: false,
            is_rpi: false,
        }
    }
}

/// What chance says about a trade.
struct Drawn {
    id: (u64, u64),
    side: usize,
    size: u64,
    /// In tenths.
    price: u64,
}

impl Drawn {
    fn of(seed: u64, index: usize, number: u64) -> Self {
        let first = mix(seed ^ mix((index as u64) << 40 | number));
        Self {
            id: version_5_of(first, mix(first.wrapping_add(number | 1))),
            side: (first & 1) as usize,
            size: 1 + (first >> 8) % 999,
            price: 500_000 + (first >> 24) % 10_000,
        }
    }
}

/// A hundred trades of a symbol share a millisecond.
fn time_of(start_ms: i64, number: u64) -> i64 {
    start_ms + (number / 100) as i64
}

/// The head of an unmasked text frame, as short as the protocol wants it.
pub fn frame_head(out: &mut Vec<u8>, len: usize) {
    out.push(0x81);
    match len {
        0..126 => out.push(len as u8),
        126..65_536 => {
            out.push(126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

fn digits(out: &mut Vec<u8>, value: u64) {
    let mut len = 1;
    let mut rest = value / 10;
    while rest != 0 {
        len += 1;
        rest /= 10;
    }
    fixed_digits(out, value, len);
}

fn fixed_digits(out: &mut Vec<u8>, mut value: u64, len: usize) {
    let mut text = [b'0'; 20];
    for digit in text[..len].iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&text[..len]);
}

fn uuid(out: &mut Vec<u8>, (high, low): (u64, u64)) {
    let mut text = [b'-'; 36];
    let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
    let mut at = 0;
    for (number, byte) in bytes.into_iter().enumerate() {
        if matches!(number, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    out.extend_from_slice(&text);
}

const SIDES: [&str; 2] = ["Buy", "Sell"];
const HEX: &[u8; 16] = b"0123456789abcdef";
const SEQ_FIRST: u64 = 1_000_000_000;
/// How much is handed to a socket at once.
const BATCH_LEN: usize = 256 * 1_024;

#[cfg(test)]
mod tests {
    use super::super::truth::id_sum;
    use super::*;

    #[test]
    fn every_trade_is_in_a_frame_once_and_the_sum_is_that_of_its_ids() {
        let world = World::firehose(1_001, 3, 10);
        let mut hose = Hose::new(&world, 1_700_000_000_000).unwrap();
        hose.is_open = true;
        let topics: BTreeSet<String> = hose.lines.iter().map(|it| it.topic.clone()).collect();
        let mut buffer = Vec::new();
        let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
        while hose.fill(&topics, 1_700_000_000_000, &mut buffer) {
            let mut rest = buffer.as_slice();
            while let [0x81, 126, high, low, after @ ..] = rest {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                let frame: serde_json::Value = serde_json::from_slice(&after[..len]).unwrap();
                for trade in frame["data"].as_array().unwrap() {
                    let of_symbol = ids.entry(trade["s"].as_str().unwrap().to_owned());
                    let id = trade["i"].as_str().unwrap().to_owned();
                    of_symbol.or_default().push(id);
                }
                rest = &after[len..];
            }
            assert!(rest.is_empty());
        }
        let sums = hose.sums();
        assert_eq!(sums.values().map(|it| it.count).sum::<u64>(), 1_001);
        for (symbol, ids) in &ids {
            assert_eq!(sums[symbol].count, ids.len() as u64);
            assert_eq!(
                sums[symbol].checksum,
                id_sum(ids.iter().map(String::as_str))
            );
            let newest = &hose.recent(symbol, 1)[0];
            assert_eq!(Some(&newest.id), ids.last());
        }
    }
}
