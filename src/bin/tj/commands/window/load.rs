//! `tj window load`: minutes, level by level.
//!
//! Always true: what cannot be read is told in its place, and the others are shown.

use serde::Serialize;
use tradejournal::feed::window::{Footprint, Level, Minute, Reader, WindowError};
use tradejournal::record::field::Pair;
use tradejournal::time::{Clock, SystemClock};

use super::place;
use crate::args::WindowLoad;
use crate::commands::Context;
use crate::failure::{Failure, Verdict};
use crate::output::printable;
use crate::table::{Column, Table};
use crate::when;

pub(crate) fn run(args: &WindowLoad, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let (zone, now) = (context.settings.zone.value, SystemClock.now());
    let from = Minute::of(when::from(&args.minute, zone, now)?);
    let to = match &args.to {
        Some(to) => Minute::of(when::from(to, zone, now)?),
        None => from,
    };
    if to < from {
        return Err(Failure::usage("--to is before the first minute").into());
    }
    let reader = place::reader(&args.place, &context.settings)?;
    let symbol = symbol(args, context, &reader)?;
    let mut shown = 0_u64;
    let mut failed = 0_u64;
    let mut show =
        |footprint: Result<Footprint, WindowError>, context: &mut Context<'_>| match footprint {
            Ok(footprint) => {
                shown += 1;
                print(&symbol, &footprint, context)
            }
            Err(error) => {
                failed += 1;
                context
                    .talk
                    .error(&printable(&format!("{:#}", anyhow::Error::new(error))));
                Ok(())
            }
        };
    for footprint in reader
        .range(&symbol, from, to, now)
        .map_err(place::refusal)?
    {
        show(footprint, context)?;
    }
    if shown == 0 && failed == 0 {
        let span = if from == to {
            format!("in {from}")
        } else {
            format!("from {from} to {to}")
        };
        context.talk.error(&format!(
            "nothing of {symbol} was traded {span} UTC, or nobody wrote it down"
        ));
    }
    Ok(Verdict::found(shown == 0 || failed > 0))
}

/// The symbol that is meant: the only one, or the one that was named.
fn symbol(args: &WindowLoad, context: &Context<'_>, reader: &Reader) -> anyhow::Result<Pair> {
    let symbols = reader.symbols().map_err(place::refusal)?;
    if let Some(symbol) = place::symbol(&args.place, &context.settings) {
        return Ok(symbol);
    }
    let mut all = symbols.iter();
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(only.clone()),
        (None, _) => {
            let storage = place::storage(&args.place, &context.settings);
            let hint = "name the folder with --storage; of files that nothing else made, name the symbol with --symbol";
            Err(
                Failure::new(format!("{} has no minutes", storage.display()))
                    .hint(hint)
                    .into(),
            )
        }
        _ => {
            let names: Vec<&str> = symbols.iter().map(Pair::as_str).take(10).collect();
            let hint = format!("there are {} of them: {}", symbols.len(), names.join(", "));
            Err(Failure::usage("name the symbol with --symbol")
                .hint(hint)
                .into())
        }
    }
}

/// What `--json` prints: the minute as its file has it, with its symbol and totals.
#[derive(Serialize)]
struct Shown<'a> {
    symbol: &'a str,
    minute: String,
    buy_volume: String,
    sell_volume: String,
    total_volume: String,
    delta: String,
    trade_count: u64,
    footprint: &'a serde_json::value::RawValue,
}

fn print(symbol: &Pair, footprint: &Footprint, context: &mut Context<'_>) -> anyhow::Result<()> {
    let total = footprint.total();
    if context.settings.json {
        let json = String::from_utf8(footprint.to_json())?;
        let [buy_volume, sell_volume, total_volume, delta] = volumes(&total);
        return context.out.json(&Shown {
            symbol: symbol.as_str(),
            minute: footprint.minute().start().to_string(),
            buy_volume,
            sell_volume,
            total_volume,
            delta,
            trade_count: total.trade_count,
            footprint: serde_json::from_str(&json)?,
        });
    }
    context
        .out
        .line(format!("{symbol} {} UTC", footprint.minute()))?;
    let titles = ["buy", "sell", "total", "delta", "trades"].map(Column::right);
    let mut columns = vec![Column::right("price")];
    columns.extend(titles);
    let mut table = Table::new(columns);
    // As a book shows them: the highest price first.
    for (price, level) in footprint.levels().iter().rev() {
        table.push(row(price.to_string(), level));
    }
    table.push(row("all".to_owned(), &total));
    table.print(context.out)
}

fn row(head: String, level: &Level) -> Vec<String> {
    let mut row = vec![head];
    row.extend(volumes(level));
    row.push(level.trade_count.to_string());
    row
}

fn volumes(level: &Level) -> [String; 4] {
    let text = |it: Option<rust_decimal::Decimal>| it.unwrap_or_default().to_string();
    [
        level.buy_volume.to_string(),
        level.sell_volume.to_string(),
        text(level.total_volume()),
        text(level.delta()),
    ]
}
