//! Owns the simulator's chance: numbers that look random and come from a seed alone.
//!
//! Always true:
//! - the same seed and name give the same numbers on every machine;
//! - streams of different names do not disturb each other: more tickers make no other trades.
//!
//! It is no source of secrets.

/// A stream of numbers: splitmix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream that `name` has for itself.
    pub fn named(seed: u64, name: &str) -> Self {
        let salt = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, it| {
            (hash ^ u64::from(it)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        Self(mix(seed ^ salt))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// Less than `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    pub fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }

    pub fn shuffle<T>(&mut self, what: &mut [T]) {
        for last in (1..what.len()).rev() {
            what.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// 36 characters; with `version_5` the digits that say so are right too.
    pub fn uuid(&mut self, version_5: bool) -> String {
        let (mut high, mut low) = (self.next(), self.next());
        if version_5 {
            (high, low) = version_5_of(high, low);
        }
        let text = format!("{high:016x}{low:016x}");
        let parts = [
            &text[..8],
            &text[8..12],
            &text[12..16],
            &text[16..20],
            &text[20..],
        ];
        parts.join("-")
    }
}

/// The two halves of a UUID with the digits that say version 5, variant 1.
pub fn version_5_of(high: u64, low: u64) -> (u64, u64) {
    let high = high & !0xF000 | 0x5000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    (high, low)
}

pub fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_ids_again_and_they_look_like_version_5() {
        let ids = |seed| -> Vec<String> {
            let mut random = Random::named(seed, "trades");
            (0..100).map(|_| random.uuid(true)).collect()
        };
        assert_eq!(ids(7), ids(7));
        assert_ne!(ids(7), ids(8));
        for id in ids(7) {
            assert_eq!(id.len(), 36);
            assert_eq!(&id[14..15], "5", "{id}");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
    }
}
