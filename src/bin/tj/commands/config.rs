//! `tj config`: the settings as they hold, and whether a file of them is valid.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::Serialize;

use crate::args::{Config, ConfigWhat, Global};
use crate::failure::{Failure, Verdict};
use crate::output::{Out, Talk, printable};
use crate::settings::{self, Problem, Risk, Settings, Source};
use crate::table::{Column, Table};

pub(crate) fn run(
    args: &Config,
    flags: &Global,
    out: &mut Out,
    talk: &Talk,
) -> anyhow::Result<Verdict> {
    match &args.what {
        ConfigWhat::Show => show(&Settings::load(flags)?, out),
        ConfigWhat::Check { file } => check(file.clone(), flags, out, talk),
    }
}

/// One setting as it is shown.
#[derive(Serialize)]
struct Row {
    key: Cow<'static, str>,
    value: serde_json::Value,
    from: Source,
}

impl Row {
    fn of((key, value, from): (impl Into<Cow<'static, str>>, serde_json::Value, Source)) -> Row {
        let key = key.into();
        Row { key, value, from }
    }
}

fn show(settings: &Settings, out: &mut Out) -> anyhow::Result<Verdict> {
    let rows = rows(settings);
    if settings.json {
        for row in &rows {
            out.json(row)?;
        }
        return Ok(Verdict::Fine);
    }
    let mut table = Table::new(vec![
        Column::left("setting"),
        Column::left("value"),
        Column::left("from"),
    ]);
    for row in &rows {
        let value = match &row.value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => "-".to_owned(),
            other => other.to_string(),
        };
        table.push(vec![row.key.to_string(), value, origin(row.from, settings)]);
    }
    table.print(out)?;
    Ok(Verdict::Fine)
}

fn rows(settings: &Settings) -> Vec<Row> {
    let folder = |it: &PathBuf| it.display().to_string().into();
    let durability = settings::durability_text(settings.durability.value);
    let mut rows = vec![
        Row {
            key: "journal.dir".into(),
            value: folder(&settings.dir.value),
            from: settings.dir.from,
        },
        Row {
            key: "journal.archive".into(),
            value: folder(&settings.archive.value),
            from: settings.archive.from,
        },
        Row {
            key: "journal.keys".into(),
            value: folder(&settings.keys.value),
            from: settings.keys.from,
        },
        Row {
            key: "journal.cache".into(),
            value: folder(&settings.cache.value),
            from: settings.cache.from,
        },
        Row {
            key: "journal.name".into(),
            value: settings.name.value.clone().into(),
            from: settings.name.from,
        },
        Row {
            key: "journal.min_free_bytes".into(),
            value: settings.min_free_bytes.value.into(),
            from: settings.min_free_bytes.from,
        },
        Row {
            key: "journal.durability".into(),
            value: durability.into(),
            from: settings.durability.from,
        },
        Row {
            key: "journal.allow_personal_data".into(),
            value: settings.allow_personal_data.value.into(),
            from: settings.allow_personal_data.from,
        },
        Row {
            key: "time.zone".into(),
            value: settings.zone.value.name().into(),
            from: settings.zone.from,
        },
    ];
    rows.push(Row::of(settings.cache_url.row()));
    let sections = settings.metrics.rows().into_iter();
    rows.extend(sections.map(Row::of));
    rows.extend(risk_rows(&settings.risk));
    rows.extend(settings.keep.rows().into_iter().map(Row::of));
    let reports = settings.reports.as_ref();
    rows.push(Row {
        key: "nightly.reports".into(),
        value: reports.map(|it| it.display().to_string()).into(),
        from: match reports {
            Some(_) => Source::File,
            None => Source::Default,
        },
    });
    rows.extend(settings.reconcile.rows().into_iter().map(Row::of));
    rows.extend(settings.tax.rows().into_iter().map(Row::of));
    rows.extend(settings.backup.rows().into_iter().map(Row::of));
    rows.extend(settings.window.rows().into_iter().map(Row::of));
    rows
}

/// The limits as texts, since a number of JSON has no exact value.
fn risk_rows(risk: &Risk) -> [Row; 4] {
    let text = |it: Option<String>| it.into();
    [
        Row {
            key: "risk.max_position_pct".into(),
            value: text(risk.max_position_pct.value.map(|it| it.to_string())),
            from: risk.max_position_pct.from,
        },
        Row {
            key: "risk.max_daily_loss_pct".into(),
            value: text(risk.max_daily_loss_pct.value.map(|it| it.to_string())),
            from: risk.max_daily_loss_pct.from,
        },
        Row {
            key: "risk.max_consecutive_losses".into(),
            value: risk
                .max_consecutive_losses
                .value
                .map(|it| it.value())
                .into(),
            from: risk.max_consecutive_losses.from,
        },
        Row {
            key: "risk.reset".into(),
            value: risk.reset.value.as_str().into(),
            from: risk.reset.from,
        },
    ]
}

fn origin(source: Source, settings: &Settings) -> String {
    match (source, &settings.file) {
        (Source::Flag, _) => "flag".to_owned(),
        (Source::Env, _) => "environment".to_owned(),
        (Source::File, Some(file)) => file.display().to_string(),
        (Source::File, None) => "file".to_owned(),
        (Source::Default, _) => "default".to_owned(),
    }
}

/// What `tj config check --json` prints.
#[derive(Serialize)]
struct Checked {
    file: String,
    valid: bool,
    problems: Vec<Problem>,
}

fn check(
    file: Option<PathBuf>,
    flags: &Global,
    out: &mut Out,
    talk: &Talk,
) -> anyhow::Result<Verdict> {
    let Some(path) = file.or_else(|| settings::chosen_file(flags)) else {
        return Err(Failure::usage("no file of settings to check")
            .hint("name it: tj config check FILE")
            .into());
    };
    let problems = settings::read(&path)?.err().unwrap_or_default();
    let verdict = Verdict::found(!problems.is_empty());
    let file = path.display().to_string();
    if flags.json {
        out.json(&Checked {
            file,
            valid: problems.is_empty(),
            problems,
        })?;
    } else if problems.is_empty() {
        out.line(format!("{}: valid", printable(&file)))?;
    } else {
        for problem in &problems {
            let text = format!("{file}: {problem}");
            talk.error(&printable(&text));
        }
    }
    Ok(verdict)
}
