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

use std::cmp::Ordering;

use super::units::compare_products;

/// What is known of points that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    high: i128,
    low: i128,
    fall: Fall,
}

/// How far a value fell, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fall {
    /// 0 or more, and at most `peak`.
    pub(super) drop: i128,
    /// Above 0.
    pub(super) peak: i128,
}

impl Fall {
    pub(super) const NONE: Fall = Fall { drop: 0, peak: 1 };
    const ALL: Fall = Fall { drop: 1, peak: 1 };

    /// From a peak to a point behind it.
    #[inline]
    fn between(peak: i128, point: i128) -> Fall {
        // From nothing there is no way down.
        if peak <= 0 {
            return Fall::ALL;
        }
        let drop = (peak - point).clamp(0, peak);
        Fall { drop, peak }
    }

    /// Which of two is the deeper one hangs on chance, so the choice is made without a branch.
    #[inline]
    fn deeper(self, other: Fall) -> Fall {
        let products = compare_products((self.drop, other.peak), (other.drop, self.peak));
        let is_less = products == Ordering::Less;
        Fall {
            drop: if is_less { other.drop } else { self.drop },
            peak: if is_less { other.peak } else { self.peak },
        }
    }
}

impl Span {
    #[inline]
    pub(super) fn point(equity: i128) -> Span {
        Span {
            high: equity,
            low: equity,
            fall: Fall::NONE,
        }
    }

    /// This span and a newer one behind it.
    #[inline]
    pub(super) fn join(self, newer: Span) -> Span {
        let between = Fall::between(self.high, newer.low);
        Span {
            high: self.high.max(newer.high),
            low: self.low.min(newer.low),
            fall: self.fall.deeper(newer.fall).deeper(between),
        }
    }

    /// This span and one newer point: what [`Span::join`] gives, with one comparison.
    #[inline]
    fn then(self, newer: i128) -> Span {
        Span {
            high: self.high.max(newer),
            low: self.low.min(newer),
            fall: self.fall.deeper(Fall::between(self.high, newer)),
        }
    }

    /// One older point and this span, likewise.
    #[inline]
    fn after(self, older: i128) -> Span {
        Span {
            high: self.high.max(older),
            low: self.low.min(older),
            fall: self.fall.deeper(Fall::between(older, self.low)),
        }
    }

    pub(super) fn fall(self) -> Fall {
        self.fall
    }

    fn scaled(self, factor: i128) -> Option<Span> {
        Some(Span {
            high: self.high.checked_mul(factor)?,
            low: self.low.checked_mul(factor)?,
            fall: Fall {
                drop: self.fall.drop.checked_mul(factor)?,
                peak: self.fall.peak.checked_mul(factor)?,
            },
        })
    }
}

/// The newest points, at most so many.
#[derive(Clone, Debug)]
pub(super) struct Points {
    len_max: usize,
    /// Each point of the older half joined with those behind it; the oldest is last.
    older: Vec<Span>,
    /// The points of the newer half, the newest last.
    newer: Vec<i128>,
    newer_span: Option<Span>,
}

impl Points {
    pub(super) fn new(len_max: usize) -> Points {
        Points {
            len_max: len_max.max(1),
            older: Vec::new(),
            newer: Vec::new(),
            newer_span: None,
        }
    }

    /// Adds a point, and takes out the oldest where there are too many.
    #[inline]
    pub(super) fn push(&mut self, equity: i128) {
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
        match (self.older.last(), self.newer_span) {
            (Some(older), Some(newer)) => older.join(newer).fall(),
            (Some(span), None) => span.fall(),
            (None, Some(span)) => span.fall(),
            (None, None) => Fall::NONE,
        }
    }

    /// Turns the newer half into the older one.
    fn turn(&mut self) {
        let mut behind: Option<Span> = None;
        for equity in self.newer.drain(..).rev() {
            let span = behind.map_or(Span::point(equity), |it| it.after(equity));
            self.older.push(span);
            behind = Some(span);
        }
        self.newer_span = None;
    }

    /// The same points in finer units; `None` when they do not fit.
    pub(super) fn scaled(&self, factor: i128) -> Option<Points> {
        let older = self.older.iter().map(|it| it.scaled(factor));
        let newer = self.newer.iter().map(|it| it.checked_mul(factor));
        Some(Points {
            len_max: self.len_max,
            older: older.collect::<Option<_>>()?,
            newer: newer.collect::<Option<_>>()?,
            newer_span: match self.newer_span {
                Some(span) => Some(span.scaled(factor)?),
                None => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, point after point.
    fn plain(points: &[i128]) -> Fall {
        let mut deepest = Fall::NONE;
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
            let mut points = Points::new(size + 1);
            let mut all = vec![start];
            points.push(start);
            for step in steps {
                let equity = all[all.len() - 1] + step;
                all.push(equity);
                points.push(equity);
                let window = &all[all.len().saturating_sub(size + 1)..];
                prop_assert!(same(points.fall(), plain(window)), "{:?} {:?}", window, points.fall());
            }
            let scaled = points.scaled(1000).unwrap();
            prop_assert!(same(points.fall(), scaled.fall()));
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
