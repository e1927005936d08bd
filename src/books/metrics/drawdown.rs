//! The largest fall from a peak inside a window of equity points.
//!
//! Always true:
//! - A fall is a pair (drop, peak) of units, compared by cross products; it is divided when it is
//!   reported and not before.
//! - A fall is never deeper than its peak: an account below zero has lost everything.
//! - A point costs a bounded number of joins on average, whatever the size of the window.
//!
//! Spans of points are joined by an operation that is associative and cannot be undone, so a window is two
//! stacks: the older half with the join of each point and all behind it, ready to lose its oldest, and the
//! newer half with the join of it all.

use super::units::Unit;

/// How far a value fell, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fall<U = i128> {
    /// 0 or more, and at most `peak`.
    pub(super) drop: U,
    /// Above 0.
    pub(super) peak: U,
}

/// What is known of points that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span<U> {
    high: U,
    low: U,
    fall: Fall<U>,
}

impl<U: Unit> Fall<U> {
    const NONE: Fall<U> = Fall {
        drop: U::ZERO,
        peak: U::ONE,
    };
    const ALL: Fall<U> = Fall {
        drop: U::ONE,
        peak: U::ONE,
    };

    /// From a peak to a point behind it.
    #[inline]
    fn between(peak: U, point: U) -> Fall<U> {
        // From nothing there is no way down.
        if peak <= U::ZERO {
            return Fall::ALL;
        }
        let drop = peak.less(point.max(U::ZERO).min(peak));
        Fall { drop, peak }
    }

    /// Which of two is the deeper one hangs on chance, so the choice is made without a branch.
    #[inline]
    fn deeper(self, other: Fall<U>) -> Fall<U> {
        let is_less = U::products_ascend((self.drop, other.peak), (other.drop, self.peak));
        Fall {
            drop: if is_less { other.drop } else { self.drop },
            peak: if is_less { other.peak } else { self.peak },
        }
    }
}

impl<U: Unit> Span<U> {
    #[inline]
    fn point(equity: U) -> Span<U> {
        Span {
            high: equity,
            low: equity,
            fall: Fall::NONE,
        }
    }

    /// This span and a newer one behind it.
    #[inline]
    fn join(self, newer: Span<U>) -> Span<U> {
        let between = Fall::between(self.high, newer.low);
        Span {
            high: self.high.max(newer.high),
            low: self.low.min(newer.low),
            fall: self.fall.deeper(newer.fall).deeper(between),
        }
    }

    /// This span and one newer point: what [`Span::join`] gives, with one comparison.
    #[inline]
    fn then(self, newer: U) -> Span<U> {
        Span {
            high: self.high.max(newer),
            low: self.low.min(newer),
            fall: self.fall.deeper(Fall::between(self.high, newer)),
        }
    }

    /// One older point and this span, likewise.
    #[inline]
    fn after(self, older: U) -> Span<U> {
        Span {
            high: self.high.max(older),
            low: self.low.min(older),
            fall: self.fall.deeper(Fall::between(older, self.low)),
        }
    }

    fn map<V>(self, each: impl Fn(U) -> Option<V>) -> Option<Span<V>> {
        Some(Span {
            high: each(self.high)?,
            low: each(self.low)?,
            fall: Fall {
                drop: each(self.fall.drop)?,
                peak: each(self.fall.peak)?,
            },
        })
    }
}

/// The newest points, at most so many.
#[derive(Clone, Debug)]
pub(super) struct Points<U> {
    len_max: usize,
    /// Each point of the older half joined with those behind it; the oldest is last.
    older: Vec<Span<U>>,
    /// The points of the newer half, the newest last.
    newer: Vec<U>,
    newer_span: Option<Span<U>>,
}

impl<U: Unit> Points<U> {
    /// That point alone, with room for so many, and one at least.
    pub(super) fn new(len_max: usize, equity: U) -> Points<U> {
        Points {
            len_max: len_max.max(1),
            older: Vec::new(),
            newer: vec![equity],
            newer_span: Some(Span::point(equity)),
        }
    }

    /// That point alone, with as much room.
    pub(super) fn begin_at(&mut self, equity: U) {
        *self = Points::new(self.len_max, equity);
    }

    /// Adds a point, and takes out the oldest where there are too many.
    #[inline]
    pub(super) fn push(&mut self, equity: U) {
        if self.len_max <= self.older.len() + self.newer.len() {
            if self.older.is_empty() {
                self.turn();
            }
            self.older.pop();
        }
        self.newer.push(equity);
        self.newer_span = Some(match self.newer_span {
            Some(span) => span.then(equity),
            None => Span::point(equity),
        });
    }

    /// The deepest fall among the points that are there.
    #[inline]
    pub(super) fn fall(&self) -> Fall {
        let span = match (self.older.last(), self.newer_span) {
            (Some(older), Some(newer)) => older.join(newer),
            (Some(older), None) => *older,
            (None, Some(newer)) => newer,
            (None, None) => Span::point(U::ONE),
        };
        Fall {
            drop: span.fall.drop.into(),
            peak: span.fall.peak.into(),
        }
    }

    /// Turns the newer half into the older one.
    fn turn(&mut self) {
        let mut behind: Option<Span<U>> = None;
        for equity in self.newer.drain(..).rev() {
            let span = behind.map_or(Span::point(equity), |it| it.after(equity));
            self.older.push(span);
            behind = Some(span);
        }
        self.newer_span = None;
    }

    /// The same points in other units; `None` when one does not fit.
    pub(super) fn map<V>(&self, each: impl Fn(U) -> Option<V>) -> Option<Points<V>> {
        let older = self.older.iter().map(|it| it.map(&each));
        let newer = self.newer.iter().map(|it| each(*it));
        Some(Points {
            len_max: self.len_max,
            older: older.collect::<Option<_>>()?,
            newer: newer.collect::<Option<_>>()?,
            newer_span: match self.newer_span {
                Some(span) => Some(span.map(&each)?),
                None => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::units::compare_products;
    use super::*;

    /// The definition, point after point.
    fn plain(points: &[i128]) -> Fall {
        let mut deepest: Fall = Fall::NONE;
        let mut peak = i128::MIN;
        for (at, equity) in points.iter().enumerate() {
            if at != 0 {
                let fall = match peak {
                    ..=0 => Fall::ALL,
                    _ if *equity < peak => Fall {
                        drop: (peak - equity).min(peak),
                        peak,
                    },
                    _ => Fall::NONE,
                };
                deepest = deepest.deeper(fall);
            }
            peak = peak.max(*equity);
        }
        deepest
    }

    fn same(a: Fall, b: Fall) -> bool {
        compare_products((a.drop, b.peak), (b.drop, a.peak)).is_eq()
    }

    proptest! {
        #[test]
        fn a_window_of_any_size_falls_as_a_plain_look_says(
            size in 1_usize..40,
            start in prop_oneof![Just(0_i128), 1_i128..1000],
            steps in proptest::collection::vec(-400_i128..400, 0..200),
        ) {
            let mut points = Points::new(size + 1, start);
            let mut all = vec![start];
            for step in steps {
                let equity = all[all.len() - 1] + step;
                all.push(equity);
                points.push(equity);
                let window = &all[all.len().saturating_sub(size + 1)..];
                prop_assert!(same(points.fall(), plain(window)), "{:?} {:?}", window, points.fall());
            }
            // In finer units, and in narrower ones, a fall is the same.
            let mut finer = points.map(|it| it.checked_mul(10_i128.pow(20))).unwrap();
            let mut narrow = points.map(|it| i64::try_from(it).ok()).unwrap();
            for step in [0, 7, -90, 3] {
                let equity = all[all.len() - 1] + step;
                points.push(equity);
                finer.push(equity * 10_i128.pow(20));
                narrow.push(i64::try_from(equity).unwrap());
                prop_assert!(same(points.fall(), finer.fall()));
                prop_assert!(same(points.fall(), narrow.fall()));
            }
        }

        #[test]
        fn joining_is_associative(
            a in -50_i128..50, b in -50_i128..50, c in -50_i128..50, d in -50_i128..50
        ) {
            let [a, b, c, d] = [a, b, c, d].map(Span::point);
            let left = a.join(b).join(c).join(d);
            let right = a.join(b.join(c.join(d)));
            let middle = a.join(b).join(c.join(d));
            for other in [right, middle] {
                prop_assert_eq!((left.high, left.low), (other.high, other.low));
                prop_assert!(same(left.fall, other.fall));
            }
        }
    }
}
