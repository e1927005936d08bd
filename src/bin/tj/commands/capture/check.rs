//! `tj capture check`: whether the settings are valid, and what holds.

use serde::Serialize;
use serde_json::Value;

use crate::args::Global;
use crate::failure::Verdict;
use crate::output::{Out, printable};
use crate::recorder_file::{Env, RecorderFile};
use crate::settings::{Problem, Source};
use crate::table::{Column, Table};

/// What `--json` prints.
#[derive(Serialize)]
struct Checked<'a> {
    file: String,
    valid: bool,
    settings: Vec<Row>,
    problems: &'a [Problem],
    /// Of the environment.
    elsewhere: &'a [String],
}

#[derive(Serialize)]
struct Row {
    key: String,
    value: Value,
    from: &'static str,
}

pub(super) fn run(flags: &Global, out: &mut Out) -> anyhow::Result<Verdict> {
    let read = RecorderFile::read(flags.config.as_deref(), &Env::of_process())?;
    match &read {
        Ok(settings) if flags.json => out.json(&Checked {
            file: settings.file.display().to_string(),
            valid: true,
            settings: rows(settings),
            problems: &[],
            elsewhere: &[],
        })?,
        Ok(settings) => show(settings, out)?,
        Err(problems) if flags.json => out.json(&Checked {
            file: problems.file.display().to_string(),
            valid: false,
            settings: Vec::new(),
            problems: &problems.in_file,
            elsewhere: &problems.elsewhere,
        })?,
        Err(_) => {}
    }
    match read {
        Ok(_) => Ok(Verdict::Fine),
        Err(problems) => Err(problems.refusal().into()),
    }
}

fn rows(settings: &RecorderFile) -> Vec<Row> {
    let rows = settings.rows().into_iter();
    rows.map(|(key, value, from)| Row {
        key,
        value,
        from: match from {
            Source::Flag => "flag",
            Source::Env => "environment",
            Source::File => "file",
            Source::Default => "default",
        },
    })
    .collect()
}

fn show(settings: &RecorderFile, out: &mut Out) -> anyhow::Result<()> {
    let file = settings.file.display().to_string();
    out.line(format!("{}: valid", printable(&file)))?;
    let columns = ["setting", "value", "from"].map(Column::left);
    let mut table = Table::new(columns.into());
    for row in rows(settings) {
        table.push(vec![row.key, shown(&row.value), row.from.to_owned()]);
    }
    table.print(out)
}

/// A value as a person reads it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
