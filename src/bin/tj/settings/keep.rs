//! `[retention]` of `tj.toml`: how long days stay where they are.
//!
//! Always true: a day is never to be deleted before it is archived; a file that says so is refused.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tradejournal::keep::{Policies, Span};
use tradejournal::record::Stream;
use tradejournal::time::Day;

use super::{Parser, Source};

/// What `[retention]` says.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeepSettings {
    pub(crate) policies: Policies,
    /// Whether days are deleted without being asked for each time.
    pub(crate) apply: bool,
    is_apply_given: bool,
    given: Vec<Stream>,
}

const KEYS: [&str; 2] = ["archive", "delete"];
const NEVER: &str = "never";

impl KeepSettings {
    /// Each setting with its value, and where that is from.
    pub(crate) fn rows(&self) -> Vec<(String, Value, Source)> {
        let source = |is_given| match is_given {
            true => Source::File,
            false => Source::Default,
        };
        let apply = ("retention.apply".to_owned(), self.apply.into());
        let mut rows = vec![(apply.0, apply.1, source(self.is_apply_given))];
        for stream in Stream::ALL {
            let policy = self.policies.of(stream);
            let text = |it: Option<Span>| it.map_or(NEVER.to_owned(), |it| it.to_string());
            let from = source(self.given.contains(&stream));
            for (key, span) in [("archive", policy.archive), ("delete", policy.delete)] {
                rows.push((format!("retention.{stream}.{key}"), text(span).into(), from));
            }
        }
        rows
    }
}

impl Parser<'_> {
    pub(super) fn retention(&mut self, table: &DeTable<'_>) -> KeepSettings {
        let mut settings = KeepSettings::default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match (name, name.parse::<Stream>(), value.get_ref()) {
                ("apply", _, DeValue::Boolean(apply)) => {
                    (settings.apply, settings.is_apply_given) = (*apply, true);
                }
                ("apply", ..) => {
                    let problem = "`apply` is true or false".to_owned();
                    self.problem(&value.span(), problem, None);
                }
                (_, Ok(stream), DeValue::Table(table)) => {
                    settings.given.push(stream);
                    self.policy(stream, table, &mut settings.policies);
                }
                (_, Ok(stream), _) => {
                    let problem = format!("`{name}` is a section: write [retention.{stream}]");
                    self.problem(&key.span(), problem, None);
                }
                (_, Err(_), _) => {
                    let mut known = vec!["apply"];
                    known.extend(Stream::ALL.map(Stream::name));
                    self.unknown(&key.span(), "key", name, &known);
                }
            }
        }
        settings
    }

    fn policy(&mut self, stream: Stream, table: &DeTable<'_>, policies: &mut Policies) {
        let mut policy = policies.of(stream);
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match name {
                "archive" => policy.archive = self.age(name, value),
                "delete" if matches!(stream, Stream::Sessions | Stream::Audit) => {
                    if self.age(name, value).is_some() {
                        let problem = format!("{stream} is never deleted");
                        let hint = "it tells who did what under which settings".to_owned();
                        self.problem(&value.span(), problem, Some(hint));
                    }
                }
                "delete" => policy.delete = self.age(name, value),
                _ => self.unknown(&key.span(), "key", name, &KEYS),
            }
        }
        let after = |it: Option<Span>| it.map(|it| it.after(Day::EPOCH));
        if let Some(deleted) = after(policy.delete)
            && after(policy.archive).is_none_or(|it| deleted <= it)
            && let Some((key, value)) = table.iter().next()
        {
            let problem = format!("{stream} would be deleted before it is archived");
            let hint = "`delete` must be longer than `archive`".to_owned();
            let end = value.span().end;
            self.problem(&(key.span().start..end), problem, Some(hint));
        }
        policies.set(stream, policy);
    }

    /// A number of days or years; `None` for never, and for what was complained about.
    fn age(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<Span> {
        let text = value.get_ref().as_str().unwrap_or_default();
        if text == NEVER {
            return None;
        }
        let parsed = text.parse::<Span>();
        if parsed.is_err() {
            let problem =
                format!("`{name}` is a number of days or years, \"90d\", \"7y\", or \"never\"");
            self.problem(&value.span(), problem, None);
        }
        parsed.ok()
    }
}
