//! The known word nearest to one that is not known, for hints.
//!
//! Not here: guessing. A word that is far from all of them has no nearest.

/// The word of `known` that takes the fewest slips to type as `word`, if they are few.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let slips_max = (word.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|it| (slips(word, it), it))
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, it)| it)
}

/// How many characters must be put in, left out or changed to turn one word into the other.
fn slips(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.to_lowercase().chars().collect();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (index, have) in from.to_lowercase().chars().enumerate() {
        let mut left = index + 1;
        let mut row = Vec::with_capacity(above.len());
        row.push(left);
        for (want, pair) in to.iter().zip(above.windows(2)) {
            let [diagonal, up] = *pair else { continue };
            let changed = diagonal + usize::from(have != *want);
            left = changed.min(up + 1).min(left + 1);
            row.push(left);
        }
        above = row;
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        assert_eq!(slips("", ""), 0);
        assert_eq!(slips("abc", ""), 3);
        assert_eq!(slips("", "abc"), 3);
        assert_eq!(slips("kitten", "sitting"), 3);
        assert_eq!(slips("ZONE", "zone"), 0);
    }

    #[test]
    fn only_a_near_word_is_named() {
        let known = ["dir", "archive", "name", "min_free_bytes"];
        assert_eq!(nearest("archve", known), Some("archive"));
        assert_eq!(nearest("min-free-bytes", known), Some("min_free_bytes"));
        assert_eq!(nearest("retention", known), None);
        assert_eq!(nearest("", known), None);
    }
}
