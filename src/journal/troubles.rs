//! Troubles: what went wrong beside the path of whoever could have been told, until somebody asks.
//!
//! Always true:
//! - The same trouble again and again is one.
//! - The newest are kept; more than anybody reads are not.

use std::collections::VecDeque;
use std::error::Error;

const KEPT_MAX: usize = 100;

/// Those that nobody has asked for yet, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Troubles(VecDeque<String>);

impl Troubles {
    /// Keeps one.
    pub(crate) fn keep(&mut self, text: String) {
        if self.0.back() != Some(&text) {
            self.0.push_back(text);
        }
        if KEPT_MAX < self.0.len() {
            self.0.pop_front();
        }
    }

    /// Keeps an error with its causes.
    pub(crate) fn keep_error(&mut self, error: &dyn Error) {
        self.keep(chain_of(error));
    }

    /// Hands them out, and has none any more.
    pub(crate) fn take(&mut self) -> Vec<String> {
        self.0.drain(..).collect()
    }
}

/// An error and its causes in one line.
pub(crate) fn chain_of(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_repeats_is_one_and_the_newest_are_kept() {
        let mut troubles = Troubles::default();
        for text in ["a", "a", "b", "a"] {
            troubles.keep(text.to_owned());
        }
        assert_eq!(troubles.take(), ["a", "b", "a"]);
        assert_eq!(troubles.take(), [""; 0]);
        for number in 0..=KEPT_MAX {
            troubles.keep(number.to_string());
        }
        let kept = troubles.take();
        assert_eq!((kept.len(), &*kept[0]), (KEPT_MAX, "1"));
    }
}
