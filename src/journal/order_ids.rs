//! Orders that were entered twice, found in bounded memory.
//!
//! Always true: the first look keeps fingerprints alone and may suspect too many, never too few; a
//! second look, only when there are suspects, reads the journal again and compares the ids.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    path::PathBuf,
};

use super::history::each_line;
use super::layout::DayFile;
use super::line::Tail;
use crate::disk::Disk;
use crate::record::{Record, TradeRecord};

/// Up to so many fingerprints are kept as they are: some 20 MiB.
const EXACT_MAX: usize = 1 << 20;
/// Beyond that, one bit for each of so many slots: 32 MiB.
const SLOTS: u64 = 1 << 28;

/// Whether a trade opens an order; what closes it repeats the id.
pub(super) fn is_entry(trade: &TradeRecord) -> bool {
    trade.exit_timestamp().is_none()
}

/// Stands for an order id.
pub(super) fn fingerprint(order_id: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(order_id)
}

/// The fingerprints of the orders entered so far.
#[derive(Debug)]
pub(super) struct OrderIds {
    seen: Seen,
    suspects: HashSet<u64>,
}

#[derive(Debug)]
enum Seen {
    Exactly(HashSet<u64>),
    /// A bit for each slot.
    Roughly(Vec<u64>),
}

/// An order that was entered before.
#[derive(Debug)]
pub(super) struct Repeated {
    pub(super) order_id: String,
    pub(super) path: PathBuf,
    pub(super) line: u64,
    pub(super) byte: u64,
    pub(super) seq: Option<u64>,
    pub(super) first_path: PathBuf,
    pub(super) first_line: u64,
}

impl OrderIds {
    pub(super) fn new() -> OrderIds {
        OrderIds {
            seen: Seen::Exactly(HashSet::new()),
            suspects: HashSet::new(),
        }
    }

    /// Adds orders that are entered.
    pub(super) fn add(&mut self, fingerprints: &[u64]) {
        for fingerprint in fingerprints {
            if !self.seen.insert(*fingerprint) {
                self.suspects.insert(self.seen.key(*fingerprint));
            }
        }
        let too_many = match &self.seen {
            Seen::Exactly(all) if EXACT_MAX < all.len() => all.iter().copied().collect(),
            _ => Vec::new(),
        };
        if !too_many.is_empty() {
            self.seen = Seen::Roughly(vec![0; usize::try_from(SLOTS / 64).unwrap_or_default()]);
            self.suspects = self.suspects.iter().map(|it| self.seen.key(*it)).collect();
            for fingerprint in too_many {
                if !self.seen.insert(fingerprint) {
                    self.suspects.insert(self.seen.key(fingerprint));
                }
            }
        }
    }

    /// Reads the days again, if there are suspects, and names every entry after an order's first.
    pub(super) fn repeated(&self, disk: &dyn Disk, days: &[DayFile]) -> Vec<Repeated> {
        let mut repeated = Vec::new();
        if self.suspects.is_empty() {
            return repeated;
        }
        let mut first: HashMap<String, (PathBuf, u64)> = HashMap::new();
        let mut slot = None;
        for day in days {
            let (mut line, mut byte) = (0, 0);
            // What cannot be read was named by the first look.
            let _ = each_line(disk, day, |bytes| {
                line += 1;
                let at = byte;
                byte += bytes.len() as u64;
                if TradeRecord::decode_into(bytes, &mut slot).is_err() {
                    return;
                }
                let Some(trade) = slot.as_ref().filter(|it| is_entry(it)) else {
                    return;
                };
                let order_id = trade.order_id().as_str();
                if !self
                    .suspects
                    .contains(&self.seen.key(fingerprint(order_id)))
                {
                    return;
                }
                match first.get(order_id) {
                    None => {
                        first.insert(order_id.to_owned(), (day.path.clone(), line));
                    }
                    Some((first_path, first_line)) => repeated.push(Repeated {
                        order_id: order_id.to_owned(),
                        path: day.path.clone(),
                        line,
                        byte: at,
                        seq: Tail::parse(bytes).map(|it| it.seq),
                        first_path: first_path.clone(),
                        first_line: *first_line,
                    }),
                }
            });
        }
        repeated
    }
}

impl Seen {
    /// What is remembered of a fingerprint.
    fn key(&self, fingerprint: u64) -> u64 {
        match self {
            Seen::Exactly(_) => fingerprint,
            Seen::Roughly(_) => fingerprint % SLOTS,
        }
    }

    /// `false` when it was there already.
    fn insert(&mut self, fingerprint: u64) -> bool {
        let key = self.key(fingerprint);
        match self {
            Seen::Exactly(all) => all.insert(key),
            Seen::Roughly(bits) => {
                let word = usize::try_from(key / 64)
                    .ok()
                    .and_then(|it| bits.get_mut(it));
                let Some(word) = word else { return true };
                let bit = 1 << (key % 64);
                let is_new = *word & bit == 0;
                *word |= bit;
                is_new
            }
        }
    }
}
