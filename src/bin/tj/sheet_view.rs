//! A tear sheet for people: its values one under the other, then its tables.
//!
//! Always true: every member of the JSON is shown under its own name, and where there is no value, why.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use tradejournal::books::metrics::TearSheet;

use crate::output::Out;
use crate::table::{Column, Table};

/// Prints it.
pub(crate) fn print(sheet: &TearSheet, out: &mut Out) -> anyhow::Result<()> {
    let text = serde_json::to_string(sheet)?;
    let Members(members) = serde_json::from_str(&text)?;
    let reasons = members.iter().find(|it| it.0 == "nulls").map(|it| &it.1);
    let reasons = match reasons {
        Some(Member::Object(Members(all))) => all.as_slice(),
        _ => &[],
    };
    let mut values = Table::new(vec![Column::left("metric"), Column::right("value")]);
    for (name, member) in &members {
        match member {
            Member::Value(value) => values.push(vec![name.clone(), shown(name, value, reasons)]),
            Member::Object(Members(inner)) if name != "nulls" => {
                for (inner_name, member) in inner {
                    let name = format!("{name}.{inner_name}");
                    if let Member::Value(value) = member {
                        values.push(vec![name.clone(), shown(&name, value, reasons)]);
                    }
                }
            }
            _ => {}
        }
    }
    values.print(out)?;
    for (name, member) in &members {
        match member {
            Member::Rows(rows) if !rows.is_empty() => print_rows(name, rows, out)?,
            Member::Object(Members(inner)) => {
                for (inner_name, member) in inner {
                    if let Member::Rows(rows) = member
                        && !rows.is_empty()
                    {
                        print_rows(&format!("{name}.{inner_name}"), rows, out)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A value; for one that is not there the reason.
fn shown(name: &str, value: &Value, reasons: &[(String, Member)]) -> String {
    match value {
        Value::Null => {
            let reason = reasons.iter().find(|it| it.0 == name);
            match reason.map(|it| &it.1) {
                Some(Member::Value(Value::String(word))) => {
                    format!("- ({})", word.replace('_', " "))
                }
                _ => "-".to_owned(),
            }
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn print_rows(name: &str, rows: &[Members], out: &mut Out) -> anyhow::Result<()> {
    out.line(format!("\n{}", name.replace('_', " ")))?;
    let Some(Members(first)) = rows.first() else {
        return Ok(());
    };
    // Why a value is not there is told once, for all.
    let is_shown = |name: &str| !name.ends_with("_status");
    let names = first.iter().map(|it| it.0.replace('_', " "));
    let shown_names = names.zip(first).filter(|(_, it)| is_shown(&it.0));
    let columns = shown_names.enumerate().map(|(at, (title, _))| match at {
        0 => Column::left(title),
        _ => Column::right(title),
    });
    let mut table = Table::new(columns.collect());
    for Members(row) in rows {
        let cells = row.iter().filter(|it| is_shown(&it.0));
        let cells = cells.map(|(name, member)| match member {
            Member::Value(value) => shown(name, value, &[]),
            _ => String::new(),
        });
        table.push(cells.collect());
    }
    table.print(out)
}

/// The members of an object, in their order.
#[derive(Debug)]
struct Members(Vec<(String, Member)>);

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
