//! A tear sheet for people: its values one under the other, then its tables.
//!
//! Always true:
//! - Every member of the JSON is shown under its own name, however deep it stands; where there is no value,
//!   why. In a table that stands below it, once for each column.
//! - A table has what matters most first, for a terminal that has no room for all of it.

use std::collections::BTreeSet;
use std::fmt;

use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use tradejournal::books::metrics::TearSheet;

use crate::output::Out;
use crate::table::{Column, Table};

/// The columns of a breakdown that come after its key, the first one first; others come behind them.
const FIRST: [&str; 5] = ["trades", "net", "win_rate", "profit_factor", "expectancy"];
/// The columns that are ratios: a terminal has them to as many places.
const RATIOS: [&str; 4] = ["win_rate", "profit_factor", "expectancy", "return"];
const RATIO_PLACES: u32 = 4;

/// Prints it.
pub(crate) fn print(sheet: &TearSheet, out: &mut Out) -> anyhow::Result<()> {
    let text = serde_json::to_string(sheet)?;
    let Members(members) = serde_json::from_str(&text)?;
    let reasons = members.iter().find(|it| it.0 == "nulls").map(|it| &it.1);
    let reasons = Reasons(match reasons {
        Some(Member::Object(Members(all))) => all.as_slice(),
        _ => &[],
    });
    let mut found = Found::default();
    found.take("", &members);
    let mut values = Table::new(vec![Column::left("metric"), Column::right("value")]);
    for (name, value) in found.values {
        values.push(vec![name.clone(), reasons.shown(&name, value)]);
    }
    values.print(out)?;
    for (name, rows) in found.tables {
        print_rows(&name, rows, reasons, out)?;
    }
    Ok(())
}

/// The members of a sheet, each with the names of all that it stands in.
#[derive(Default)]
struct Found<'a> {
    values: Vec<(String, &'a Value)>,
    tables: Vec<(String, &'a [Members])>,
}

impl<'a> Found<'a> {
    fn take(&mut self, within: &str, members: &'a [(String, Member)]) {
        for (name, member) in members {
            let path = match within {
                "" => name.clone(),
                within => format!("{within}.{name}"),
            };
            match member {
                Member::Value(value) => self.values.push((path, value)),
                Member::Object(Members(inner)) if path != "nulls" => self.take(&path, inner),
                Member::Rows(rows) if !rows.is_empty() => self.tables.push((path, rows)),
                Member::Object(_) | Member::Rows(_) => {}
            }
        }
    }
}

/// Why values are not there, by their names.
#[derive(Clone, Copy)]
struct Reasons<'a>(&'a [(String, Member)]);

impl<'a> Reasons<'a> {
    fn of(self, name: &str) -> Option<&'a str> {
        match self.0.iter().find(|it| it.0 == name).map(|it| &it.1) {
            Some(Member::Value(Value::String(word))) => Some(word),
            _ => None,
        }
    }

    /// A value; for one that is not there the reason.
    fn shown(self, name: &str, value: &Value) -> String {
        match (value, self.of(name)) {
            (Value::Null, Some(why)) => format!("{} ({})", none(name, why), why.replace('_', " ")),
            _ => text(value),
        }
    }
}

/// What is shown where there is no value: nothing was lost, so that whatever was earned is infinitely more.
pub(crate) fn none(name: &str, why: &str) -> &'static str {
    match name.ends_with("profit_factor") && why == "no_losses" {
        true => "\u{221e}",
        false => "-",
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn print_rows(
    name: &str,
    rows: &[Members],
    reasons: Reasons<'_>,
    out: &mut Out,
) -> anyhow::Result<()> {
    out.line(format!("\n{}", name.replace('_', " ")))?;
    let Some(first) = rows.first() else {
        return Ok(());
    };
    let columns = columns(first);
    let titles = columns.iter().enumerate().map(|(at, column)| {
        let title = column.replace('_', " ");
        match at {
            0 => Column::left(title),
            _ => Column::right(title),
        }
    });
    let mut table = Table::new(titles.collect());
    let mut why_not = BTreeSet::new();
    for row in rows {
        let cells = columns.iter().map(|column| {
            let value = row.value(column).unwrap_or(&Value::Null);
            if !value.is_null() {
                return match out.width() {
                    Some(_) if RATIOS.contains(&column.as_str()) => short(value),
                    _ => text(value),
                };
            }
            let status = row.value(&format!("{column}_status"));
            let status = status.and_then(Value::as_str);
            let why = status.or_else(|| reasons.of(&format!("{name}.{column}")));
            let Some(why) = why else {
                return text(value);
            };
            let shown = none(column, why);
            why_not.insert((column, shown, why));
            shown.to_owned()
        });
        table.push(cells.collect());
    }
    table.print(out)?;
    for (column, shown, why) in &why_not {
        let (column, why) = (column.replace('_', " "), why.replace('_', " "));
        out.line(format!("{column} {shown}: {why}"))?;
    }
    Ok(())
}

/// The names of the columns: the key, what matters most, and the rest in its order.
fn columns(row: &Members) -> Vec<String> {
    let names = || row.0.iter().map(|it| &it.0);
    let shown = names().filter(|it| !it.ends_with("_status")).cloned();
    let mut columns: Vec<String> = shown.collect();
    let rank = |name: &String| match names().next() == Some(name) {
        true => 0,
        false => {
            1 + FIRST
                .iter()
                .position(|it| it == name)
                .unwrap_or(FIRST.len())
        }
    };
    columns.sort_by_key(rank);
    columns
}

/// A ratio as a terminal has it.
fn short(value: &Value) -> String {
    let ratio = value.as_str().and_then(|it| it.parse::<Decimal>().ok());
    match ratio {
        Some(ratio) => ratio.round_dp(RATIO_PLACES).normalize().to_string(),
        None => text(value),
    }
}

/// The members of an object, in their order.
#[derive(Debug)]
struct Members(Vec<(String, Member)>);

impl Members {
    fn value(&self, name: &str) -> Option<&Value> {
        match self.0.iter().find(|it| it.0 == name).map(|it| &it.1) {
            Some(Member::Value(value)) => Some(value),
            _ => None,
        }
    }
}

#[derive(Debug)]
enum Member {
    Value(Value),
    Object(Members),
    Rows(Vec<Members>),
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Member, D::Error> {
        let raw = <&serde_json::value::RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let read = match text.as_bytes().first() {
            Some(b'{') => serde_json::from_str(text).map(Member::Object),
            Some(b'[') => serde_json::from_str(text).map(Member::Rows),
            _ => serde_json::from_str(text).map(Member::Value),
        };
        read.map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_most_comes_first_and_the_rest_in_its_order() {
        let row = r#"{"key":"AAPL","trades":1,"wins":1,"net":"5","commission":"0","expectancy":"5",
            "profit_factor":null,"profit_factor_status":"no_losses"}"#;
        let row: Members = serde_json::from_str(row).unwrap();
        let wanted = [
            "key",
            "trades",
            "net",
            "profit_factor",
            "expectancy",
            "wins",
            "commission",
        ];
        assert_eq!(columns(&row), wanted);
        let row = r#"{"month":"2025-10","trades":1,"net":"5","return":"0.1"}"#;
        let row: Members = serde_json::from_str(row).unwrap();
        assert_eq!(columns(&row), ["month", "trades", "net", "return"]);
    }
}
