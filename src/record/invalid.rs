//! Why something is not a record: every wrong field with its rule and its value.
//!
//! Always true:
//! - [`Invalid::Fields`] holds at least one problem, in the order in which the record declares its
//!   fields, and all that are wrong, never only the first.
//! - A value is quoted as it was given, shortened to about 80 characters.
//!
//! Not here: the rules. They live beside the types they guard.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use validator::{ValidationError, ValidationErrors, ValidationErrorsKind};

/// How many characters of a wrong value are shown.
const SHOWN_CHARS_MAX: usize = 80;
/// The name under which `validator` files what belongs to no single field.
const BETWEEN_FIELDS: &str = "__all__";
const PROBLEMS: &str = "problems";
const HINT: &str = "hint";
const VALUE: &str = "value";

/// What is wrong with bytes or values that were to become a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Invalid {
    /// The bytes are not one JSON object.
    Syntax {
        /// Where reading stopped, in bytes from the beginning.
        offset: usize,
        /// What was found there.
        reason: String,
    },
    /// Fields break their rules.
    Fields(Vec<Problem>),
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// The field, by its name in the JSON.
    pub field: Cow<'static, str>,
    /// The rule, so that it reads on after the name: `must be ...`, `is missing`.
    pub rule: Cow<'static, str>,
    /// The value that broke it, as it was given, shortened.
    pub value: Option<String>,
    /// What to write instead, where that is known.
    pub hint: Option<Cow<'static, str>>,
}

impl Invalid {
    /// The wrong fields; empty when the bytes are not JSON at all.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Invalid::Syntax { .. } => &[],
            Invalid::Fields(problems) => problems,
        }
    }

    /// Bytes that are no JSON object.
    pub(crate) fn syntax(offset: usize, reason: impl Into<String>) -> Invalid {
        Invalid::Syntax {
            offset,
            reason: reason.into(),
        }
    }

    /// What `serde_json` said, with its line and column turned into a place in `json`.
    pub(crate) fn from_json(error: &serde_json::Error, json: &str) -> Invalid {
        let lines_before = error.line().saturating_sub(1);
        let line_start: usize = json
            .split_inclusive('\n')
            .take(lines_before)
            .map(str::len)
            .sum();
        let offset = (line_start + error.column().saturating_sub(1)).min(json.len());
        let text = error.to_string();
        let reason = match text.rfind(" at line ") {
            Some(end) => text.get(..end).unwrap_or(&text),
            None => &text,
        };
        Invalid::syntax(offset, reason)
    }

    /// `Ok` when there are no problems, otherwise all of them in the order of `fields`.
    #[inline]
    pub(crate) fn unless_empty(
        problems: Vec<Problem>,
        fields: &[&'static str],
    ) -> Result<(), Invalid> {
        if problems.is_empty() {
            return Ok(());
        }
        Err(Invalid::ordered(problems, fields))
    }

    /// All problems, in the order of `fields`, those of other fields last.
    #[cold]
    pub(crate) fn ordered(mut problems: Vec<Problem>, fields: &[&'static str]) -> Invalid {
        let place = |it: &Problem| fields.iter().position(|field| *field == it.field);
        problems.sort_by_key(|it| place(it).unwrap_or(fields.len()));
        Invalid::Fields(problems)
    }

    /// The report of the `validator` rules as problems.
    pub(crate) fn from_validation(errors: ValidationErrors, fields: &[&'static str]) -> Invalid {
        let mut problems = Vec::new();
        for (field, kind) in errors.into_errors() {
            if let ValidationErrorsKind::Field(errors) = kind {
                for error in errors {
                    problems.extend(problems_of(field.clone(), error));
                }
            }
        }
        Invalid::ordered(problems, fields)
    }
}

/// What `validator` says of one field, or of the rules between fields.
fn problems_of(field: Cow<'static, str>, mut error: ValidationError) -> Vec<Problem> {
    if field == BETWEEN_FIELDS {
        let problems = error.params.remove(PROBLEMS).unwrap_or_default();
        return serde_json::from_value(problems).unwrap_or_default();
    }
    let text = |it: serde_json::Value| it.as_str().map(str::to_owned);
    let value = error.params.remove(VALUE).and_then(text);
    let hint = error.params.remove(HINT).and_then(text);
    vec![Problem {
        field,
        rule: error.message.unwrap_or(error.code),
        value,
        hint: hint.map(Cow::Owned),
    }]
}

/// Problems between fields as the one error that `validator` lets a schema rule return.
pub(crate) fn between_fields(problems: &Vec<Problem>) -> Result<(), ValidationError> {
    if problems.is_empty() {
        return Ok(());
    }
    let mut error = ValidationError::new("between_fields");
    error.add_param(PROBLEMS.into(), problems);
    Err(error)
}

impl Problem {
    /// A broken rule of `field` without a value to show.
    #[must_use]
    pub fn new(field: &'static str, rule: impl Into<Cow<'static, str>>) -> Problem {
        Problem {
            field: field.into(),
            rule: rule.into(),
            value: None,
            hint: None,
        }
    }

    /// The same for a field that the record does not know by that name.
    pub(crate) fn named(field: &str, rule: &'static str) -> Problem {
        Problem {
            field: shortened(field).into(),
            rule: rule.into(),
            value: None,
            hint: None,
        }
    }

    /// The same with the value that broke it.
    #[must_use]
    pub fn got(mut self, value: impl fmt::Display) -> Problem {
        self.value = Some(shortened(&value.to_string()));
        self
    }
}

impl std::error::Error for Invalid {}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Invalid::Syntax { offset, reason } => {
                write!(f, "not a JSON object: {reason} at byte {offset}")
            }
            Invalid::Fields(problems) => {
                for (index, problem) in problems.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(f, "{separator}{problem}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.rule)?;
        if let Some(value) = &self.value {
            write!(f, ", got {value}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// Why one value is refused by its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct Wrong {
    /// The rule, as in [`Problem::rule`].
    pub rule: Cow<'static, str>,
    /// The value as it was given, shortened; `None` when it is missing.
    pub value: Option<String>,
    /// What to write instead, where that is known.
    pub hint: Option<Cow<'static, str>>,
}

impl Wrong {
    /// `value` breaks `rule`.
    pub(crate) fn new(rule: &'static str, value: impl fmt::Display) -> Wrong {
        Wrong {
            rule: rule.into(),
            value: Some(shortened(&value.to_string())),
            hint: None,
        }
    }

    /// The field is not there and has to be.
    pub(crate) fn missing() -> Wrong {
        Wrong {
            rule: "is missing".into(),
            value: None,
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Wrong {
        self.hint = Some(hint.into());
        self
    }

    /// The problem this is when the value was meant for `field`.
    pub(crate) fn at(self, field: &'static str) -> Problem {
        Problem {
            field: field.into(),
            rule: self.rule,
            value: self.value,
            hint: self.hint,
        }
    }

    /// The same for `validator`, which adds the value itself.
    pub(crate) fn into_validation(self) -> ValidationError {
        let mut error = ValidationError::new("rule").with_message(self.rule);
        if let Some(hint) = &self.hint {
            error.add_param(HINT.into(), hint);
        }
        error
    }
}

impl From<std::convert::Infallible> for Wrong {
    fn from(never: std::convert::Infallible) -> Wrong {
        match never {}
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rule)?;
        if let Some(value) = &self.value {
            write!(f, ", got {value}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// `text`, cut after [`SHOWN_CHARS_MAX`] characters.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
