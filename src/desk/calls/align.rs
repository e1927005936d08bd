//! Which call of one recording is which of another.
//!
//! Always true:
//! - Each call of both sides is in exactly one step, and the steps are in the order of both sides.
//! - Two equal recordings are all pairs. One call more or less makes no later one differ.
//!
//! Where the sides part, the nearest place is looked for, at most [`WINDOW`] calls on, from which they are
//! equal again, so that a changed call is preferred to one that is missing. Where there is none, a hole of
//! up to [`FAR`] calls is looked for. What lies between is paired by the best alignment: equal calls before
//! calls with the same arguments, these before calls of one method.
//!
//! Not here: what makes two calls equal.

use std::collections::HashMap;

/// How far ahead equal calls are looked for.
pub(super) const WINDOW: usize = 256;
/// The same where one side has a hole.
const FAR: usize = 20_000;
/// How many calls in a row must be equal, behind the first, where the sides meet again.
const CONFIRMED: usize = 2;
/// The same behind a hole: so far away calls are equal by chance.
const FAR_CONFIRMED: usize = 7;
/// How many calls are looked at for holes in all, so that two recordings without anything in common are
/// compared in no time too.
const FAR_LOOKS_MAX: usize = 1_000_000;
/// How large a table of pairs may be.
const PAIRS_MAX: usize = 1_000_000;
/// How many places of one and the same call are looked at.
const PLACES_MAX: usize = 8;

/// What is compared of a call, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// Method, arguments and what came back.
    pub(super) whole: u32,
    /// Method and arguments.
    pub(super) key: u32,
    /// The method.
    pub(super) method: u32,
}

/// One call, or two that are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Both(usize, usize),
    Left(usize),
    Right(usize),
}

/// All steps.
pub(super) fn align(left: &[Identity], right: &[Identity]) -> Vec<Step> {
    let sides = Sides::new(left, right);
    let mut steps = Vec::with_capacity(left.len().max(right.len()));
    let (mut i, mut j) = (0, 0);
    let mut looks = FAR_LOOKS_MAX;
    while let (Some(one), Some(other)) = (left.get(i), right.get(j)) {
        if one.whole == other.whole {
            steps.push(Step::Both(i, j));
            (i, j) = (i + 1, j + 1);
            continue;
        }
        let start = (i, j);
        let found = sides
            .meeting(i, j)
            .or_else(|| sides.far_meeting(i, j, &mut looks));
        let (end_i, end_j) = found.unwrap_or((i + WINDOW, j + WINDOW));
        let is_whole = found.is_some() || left.len() <= end_i && right.len() <= end_j;
        for step in stretch(left, right, (i, j), (end_i, end_j)) {
            // Near the end of a window the best partner may be behind it.
            if !is_whole && WINDOW / 2 <= (i - start.0).max(j - start.1) {
                break;
            }
            steps.push(step);
            match step {
                Step::Both(..) => (i, j) = (i + 1, j + 1),
                Step::Left(_) => i += 1,
                Step::Right(_) => j += 1,
            }
        }
    }
    steps.extend((i..left.len()).map(Step::Left));
    steps.extend((j..right.len()).map(Step::Right));
    steps
}

/// Both sides, and where on the right each call is.
struct Sides<'a> {
    left: &'a [Identity],
    right: &'a [Identity],
    places: HashMap<u32, Vec<usize>>,
}

impl<'a> Sides<'a> {
    fn new(left: &'a [Identity], right: &'a [Identity]) -> Sides<'a> {
        let mut places: HashMap<u32, Vec<usize>> = HashMap::new();
        let is_equal = left == right;
        for (place, identity) in right.iter().enumerate().filter(|_| !is_equal) {
            places.entry(identity.whole).or_default().push(place);
        }
        Sides {
            left,
            right,
            places,
        }
    }

    /// The nearest place behind `i` and `j` from which the sides are equal again.
    fn meeting(&self, i: usize, j: usize) -> Option<(usize, usize)> {
        let mut best: Option<(usize, (usize, usize))> = None;
        for ahead in 0..=WINDOW {
            // Nothing this far ahead costs less than as many changed calls.
            if best.is_some_and(|(cost, _)| cost <= ahead) {
                break;
            }
            let Some(identity) = self.left.get(i + ahead) else {
                break;
            };
            let Some(places) = self.places.get(&identity.whole) else {
                continue;
            };
            let first = places.partition_point(|it| *it < j);
            let near = places.get(first..).unwrap_or_default().iter().copied();
            let near = near.take(PLACES_MAX).take_while(|it| *it <= j + WINDOW);
            for place in near.chain([j + ahead]) {
                let cost = cost(ahead, place - j);
                let is_better = best.is_none_or(|(least, _)| cost < least);
                if is_better && self.is_equal_from(i + ahead, place, CONFIRMED) {
                    best = Some((cost, (i + ahead, place)));
                }
            }
        }
        best.map(|it| it.1)
    }

    /// The first place behind `i` from which the sides are equal for long, anywhere on the right.
    fn far_meeting(&self, i: usize, j: usize, looks: &mut usize) -> Option<(usize, usize)> {
        for ahead in 0..FAR {
            *looks = looks.checked_sub(1)?;
            let identity = self.left.get(i + ahead)?;
            let Some(places) = self.places.get(&identity.whole) else {
                continue;
            };
            let place = places.get(places.partition_point(|it| *it < j));
            let is_near = |it: &&usize| **it <= j + FAR && ahead * (**it - j) <= PAIRS_MAX;
            let Some(place) = place.filter(is_near) else {
                continue;
            };
            if self.is_equal_from(i + ahead, *place, FAR_CONFIRMED) {
                return Some((i + ahead, *place));
            }
        }
        None
    }

    fn is_equal_from(&self, i: usize, j: usize, confirmed: usize) -> bool {
        let whole = |side: &[Identity], at: usize| side.get(at).map(|it| it.whole);
        let is_equal = |it: usize| {
            let (one, other) = (whole(self.left, i + it), whole(self.right, j + it));
            // The end of a side contradicts nothing, but proves nothing either at the first.
            one == other && one.is_some() || it != 0 && (one.is_none() || other.is_none())
        };
        (0..=confirmed).all(is_equal)
    }
}

/// As many changed calls as both sides have are cheaper than calls that one of them has not.
fn cost(left: usize, right: usize) -> usize {
    2 * left.max(right) - left.min(right)
}

/// The best alignment of what lies between two places.
fn stretch(
    left: &[Identity],
    right: &[Identity],
    from: (usize, usize),
    to: (usize, usize),
) -> Vec<Step> {
    let part = |side: &'_ [Identity], from: usize, to: usize| -> Vec<Identity> {
        side.iter().take(to).skip(from).copied().collect()
    };
    let (left, right) = (part(left, from.0, to.0), part(right, from.1, to.1));
    let width = right.len() + 1;
    // What the rests behind each pair of places are worth, from the end.
    let mut worths = vec![0_u32; (left.len() + 1) * width];
    let at = |worths: &[u32], i: usize, j: usize| {
        let worth = worths.get(i * width + j);
        worth.copied().unwrap_or_default()
    };
    for (i, one) in left.iter().enumerate().rev() {
        for (j, other) in right.iter().enumerate().rev() {
            let skipped = at(&worths, i + 1, j).max(at(&worths, i, j + 1));
            let paired = worth(*one, *other).map(|it| it + at(&worths, i + 1, j + 1));
            if let Some(place) = worths.get_mut(i * width + j) {
                *place = paired.unwrap_or_default().max(skipped);
            }
        }
    }
    let mut steps = Vec::new();
    let (mut i, mut j) = (0, 0);
    while let (Some(one), Some(other)) = (left.get(i), right.get(j)) {
        let here = at(&worths, i, j);
        let paired = worth(*one, *other).map(|it| it + at(&worths, i + 1, j + 1));
        if paired == Some(here) {
            steps.push(Step::Both(from.0 + i, from.1 + j));
            (i, j) = (i + 1, j + 1);
        } else if at(&worths, i + 1, j) == here {
            steps.push(Step::Left(from.0 + i));
            i += 1;
        } else {
            steps.push(Step::Right(from.1 + j));
            j += 1;
        }
    }
    steps.extend((i..left.len()).map(|it| Step::Left(from.0 + it)));
    steps.extend((j..right.len()).map(|it| Step::Right(from.1 + it)));
    steps
}

/// What a pair of calls is worth; nothing where it is none.
fn worth(one: Identity, other: Identity) -> Option<u32> {
    match () {
        () if one.whole == other.whole => Some(4),
        () if one.key == other.key => Some(3),
        () if one.method == other.method => Some(1),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A call of one of three methods, with one of a few arguments and results.
    fn identity(number: u32) -> Identity {
        Identity {
            whole: number,
            key: number / 3,
            method: number / 12,
        }
    }

    fn calls(numbers: &[u32]) -> Vec<Identity> {
        numbers.iter().copied().map(identity).collect()
    }

    fn steps(left: &[u32], right: &[u32]) -> Vec<Step> {
        align(&calls(left), &calls(right))
    }

    /// All pairs whose calls differ, and all calls without a partner.
    fn changed(left: &[u32], right: &[u32]) -> Vec<Step> {
        let is_same = |it: &Step| matches!(it, Step::Both(i, j) if left[*i] == right[*j]);
        let steps = steps(left, right);
        steps.into_iter().filter(|it| !is_same(it)).collect()
    }

    #[test]
    fn a_missing_call_and_one_more_are_all_that_differs() {
        let all: Vec<u32> = (0..2000).map(|it| it * 7 % 30 + it / 100).collect();
        for place in [0, 1, 700, 1998, 1999] {
            let mut fewer = all.clone();
            fewer.remove(place);
            assert_eq!(changed(&all, &fewer).len(), 1, "{place}");
            assert_eq!(changed(&fewer, &all).len(), 1, "{place}");
        }
        for hole in [200, 1500] {
            let all: Vec<u32> = (0..2500).collect();
            let mut fewer = all.clone();
            fewer.drain(500..500 + hole);
            assert_eq!(changed(&all, &fewer).len(), hole);
            assert_eq!(changed(&fewer, &all).len(), hole);
        }
    }

    #[test]
    fn a_changed_call_is_one_pair() {
        let all: Vec<u32> = (0..1000).map(|it| it % 20 * 3).collect();
        let mut other = all.clone();
        other[400] += 1;
        assert_eq!(changed(&all, &other), [Step::Both(400, 400)]);
        // Of another argument, in the midst of calls that repeat.
        other[400] += 3;
        assert_eq!(changed(&all, &other), [Step::Both(400, 400)]);
    }

    #[test]
    fn a_poll_that_is_missing_shifts_no_result() {
        // One call over and over, each with a result of its own.
        let calls = |results: &[u32]| -> Vec<Identity> {
            let call = |it: &u32| Identity {
                whole: *it,
                key: 0,
                method: 0,
            };
            results.iter().map(call).collect()
        };
        let (all, fewer) = ([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 4, 5, 6, 7, 8]);
        let steps = align(&calls(&all), &calls(&fewer));
        let alone: Vec<&Step> = steps
            .iter()
            .filter(|it| !matches!(it, Step::Both(..)))
            .collect();
        assert_eq!(alone, [&Step::Left(2)]);
        let pairs = steps
            .iter()
            .filter(|it| matches!(it, Step::Both(i, j) if all[*i] == fewer[*j]));
        assert_eq!(pairs.count(), 7);
    }

    #[test]
    fn long_recordings_without_an_equal_result_are_paired_by_their_arguments() {
        let identity = |number: u32, side: u32| Identity {
            whole: number * 2 + side,
            key: number % 20,
            method: 0,
        };
        let left: Vec<Identity> = (1..5000).map(|it| identity(it, 0)).collect();
        let right: Vec<Identity> = (0..5000).map(|it| identity(it, 1)).collect();
        let steps = align(&left, &right);
        let alone: Vec<&Step> = steps
            .iter()
            .filter(|it| !matches!(it, Step::Both(..)))
            .collect();
        assert_eq!(alone, [&Step::Right(0)]);
    }

    proptest! {
        #[test]
        fn each_call_is_in_one_step_and_the_best_is_not_exceeded(
            left in prop::collection::vec(0_u32..36, 0..40),
            right in prop::collection::vec(0_u32..36, 0..40),
        ) {
            let (a, b) = (calls(&left), calls(&right));
            let found = align(&a, &b);
            let (mut i, mut j, mut sum) = (0, 0, 0);
            for step in &found {
                match *step {
                    Step::Both(one, other) => {
                        prop_assert_eq!((one, other), (i, j));
                        let worth = worth(a[one], b[other]);
                        prop_assert!(worth.is_some());
                        sum += worth.unwrap();
                        (i, j) = (i + 1, j + 1);
                    }
                    Step::Left(one) => {
                        prop_assert_eq!(one, i);
                        i += 1;
                    }
                    Step::Right(other) => {
                        prop_assert_eq!(other, j);
                        j += 1;
                    }
                }
            }
            prop_assert_eq!((i, j), (a.len(), b.len()));
            prop_assert!(sum <= best(&a, &b));
            prop_assert_eq!(align(&a, &a).len(), a.len());
            // All in one stretch, the best is found.
            let whole = stretch(&a, &b, (0, 0), (a.len(), b.len()));
            let worths = whole.iter().filter_map(|it| match it {
                Step::Both(i, j) => worth(a[*i], b[*j]),
                _ => None,
            });
            prop_assert_eq!(worths.sum::<u32>(), best(&a, &b));
        }
    }

    /// The plain model: the worth of the best alignment, by trying all.
    fn best(left: &[Identity], right: &[Identity]) -> u32 {
        let mut row = vec![0; right.len() + 1];
        for one in left {
            let mut next = vec![0];
            for (j, other) in right.iter().enumerate() {
                let paired = worth(*one, *other).map_or(0, |it| it + row[j]);
                next.push(paired.max(row[j + 1]).max(next[j]));
            }
            row = next;
        }
        row[right.len()]
    }
}
