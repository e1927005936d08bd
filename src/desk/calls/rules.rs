//! What counts as a difference between two recordings.
//!
//! Always true: without a tolerance for times neither times nor durations are looked at; without a path
//! to be ignored everything else is.

use std::{fmt, str::FromStr, time::Duration};

use crate::record::CallRecord;
use crate::record::field::{Json, Meaning};

/// What is compared, and what may differ.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Outputs alone, such as orders that were placed.
    pub outputs_only: bool,
    /// How far times and durations may differ; they are not compared without it. Times are counted from
    /// the first call that both recordings have.
    pub time_tolerance: Option<Duration>,
    /// What may differ.
    pub ignored: Vec<Ignored>,
}

/// Something of a call that may differ: `result.timestamp`, `args.2`, `kwargs.nonce`, `error`, `thread`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    part: Part,
    path: Vec<String>,
}

/// A part of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Args,
    Kwargs,
    Result,
    Error,
    /// Which thread called: without it all calls are one sequence.
    Thread,
}

/// A text that names no part of a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a part of a call: begin with args, kwargs, result, error or thread, as in result.timestamp"
)]
#[non_exhaustive]
pub struct IgnoredError;

impl FromStr for Ignored {
    type Err = IgnoredError;

    fn from_str(text: &str) -> Result<Ignored, IgnoredError> {
        let mut words = text.split('.');
        let part = match words.next() {
            Some("args") => Part::Args,
            Some("kwargs") => Part::Kwargs,
            Some("result") => Part::Result,
            Some("error") => Part::Error,
            Some("thread") => Part::Thread,
            _ => return Err(IgnoredError),
        };
        let path: Vec<String> = words.map(str::to_owned).collect();
        let may_lead_on = matches!(part, Part::Args | Part::Kwargs | Part::Result);
        if path.iter().any(String::is_empty) || !may_lead_on && !path.is_empty() {
            return Err(IgnoredError);
        }
        Ok(Ignored { part, path })
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.part.name())?;
        self.path.iter().try_for_each(|it| write!(f, ".{it}"))
    }
}

impl Part {
    pub(super) fn name(self) -> &'static str {
        match self {
            Part::Args => "args",
            Part::Kwargs => "kwargs",
            Part::Result => "result",
            Part::Error => "error",
            Part::Thread => "thread",
        }
    }

    /// The JSON of it that is compared.
    pub(super) fn json(self, record: &CallRecord) -> Option<&Json> {
        match self {
            Part::Args => Some(record.args()),
            Part::Result => record.result(),
            _ => None,
        }
    }
}

impl Rules {
    /// Whether all of that part may differ.
    pub(super) fn ignores(&self, part: Part) -> bool {
        self.ignored
            .iter()
            .any(|it| it.part == part && it.path.is_empty())
    }

    /// What of `meaning`, which is that part of a call, is compared.
    pub(super) fn compared(&self, part: Part, mut meaning: Meaning) -> Meaning {
        for ignored in self.ignored.iter().filter(|it| it.part == part) {
            let path: Vec<&str> = ignored.path.iter().map(String::as_str).collect();
            match (path.as_slice(), &mut meaning) {
                ([], _) => return Meaning::Null,
                ([index, rest @ ..], Meaning::List(elements)) if index.parse::<usize>().is_ok() => {
                    let index = index.parse().unwrap_or(usize::MAX);
                    match (elements.get_mut(index), rest) {
                        (Some(element), []) => *element = Meaning::Null,
                        (Some(element), rest) => element.remove(rest),
                        (None, _) => {}
                    }
                }
                (path, meaning) => meaning.remove(path),
            }
        }
        meaning
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(ignored: &str, json: &str) -> String {
        let rules = Rules {
            ignored: vec![ignored.parse().unwrap()],
            ..Rules::default()
        };
        let part = rules.ignored[0].part;
        assert_eq!(rules.ignored[0].to_string(), ignored);
        rules
            .compared(part, json.parse::<Json>().unwrap().meaning())
            .to_string()
    }

    #[test]
    fn what_is_ignored_is_taken_out() {
        assert_eq!(compared("result.at", r#"{"at":1,"id":2}"#), r#"{"id":2}"#);
        assert_eq!(
            compared("result.at", r#"[{"at":1},{"id":2}]"#),
            r#"[{},{"id":2}]"#
        );
        assert_eq!(compared("args.1", r#"["a","b"]"#), r#"["a",null]"#);
        assert_eq!(
            compared("args.0.at", r#"[{"at":1},{"at":1}]"#),
            r#"[{},{"at":1}]"#
        );
        assert_eq!(compared("args.9", "[1]"), "[1]");
        assert_eq!(compared("result", "[1]"), "null");
        assert_eq!(compared("result.at", "1"), "1");
    }

    #[test]
    fn what_is_no_part_of_a_call_is_refused() {
        for text in [
            "",
            "at",
            "result.",
            "result..at",
            "error.text",
            "thread.1",
            "Result",
        ] {
            assert!(text.parse::<Ignored>().is_err(), "{text}");
        }
    }
}
