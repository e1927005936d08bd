//! The tables of the page: trades, open positions, events of risk, and the numbers behind a picture.

use super::super::{Book, OpenRow, Report, TradeRow};
use super::figure::{Facts, Form, NONE};
use super::html::{escaped, text};
use super::moment::Local;

/// More trades than that make a page slow; the newest are shown, and the JSON has them all.
const TRADES_MAX: usize = 2000;

/// The numbers behind a picture, for whoever cannot see or point at it.
pub(super) fn numbers(titles: &[&str], rows: impl Iterator<Item = String>) -> String {
    let titles = titles
        .iter()
        .map(|it| format!("<th scope=\"col\">{it}</th>"));
    format!(
        "<details class=\"numbers\"><summary>Numbers</summary><div class=\"scroll\"><table><thead><tr>{}</tr></thead>\
         <tbody>{}</tbody></table></div></details>",
        titles.collect::<String>(),
        rows.collect::<String>()
    )
}

/// The closed trades, the newest first, with a filter.
pub(super) fn trades(facts: Facts<'_>, place: usize, book: &Book, local: &Local<'_>) -> String {
    if book.trades.is_empty() {
        return String::new();
    }
    let shown = book.trades.iter().enumerate().rev().take(TRADES_MAX);
    let rows = shown.map(|(index, trade)| {
        let key = format!("books.{place}.trades.{index}");
        trade_row(facts, &key, trade, local)
    });
    let left_out = book.trades.len().saturating_sub(TRADES_MAX);
    let note = match left_out {
        0 => String::new(),
        _ => format!(
            "<p class=\"note\">The newest {TRADES_MAX} are shown; <code>--json</code> has {left_out} more.</p>"
        ),
    };
    let titles = [
        ("Symbol", false),
        ("Net P&amp;L", true),
        ("Closed", false),
        ("Held", true),
        ("Side", false),
        ("Qty", true),
        ("Entry", true),
        ("Exit", true),
        ("Gross", true),
        ("Fees", true),
        ("Strategy", false),
        ("Order", false),
    ];
    let titles = titles.map(|(title, is_number)| {
        let class = if is_number { " class=\"num\"" } else { "" };
        format!("<th scope=\"col\"{class}><button type=\"button\">{title}</button></th>")
    });
    format!(
        "<section class=\"trades\"><h3>Trades</h3>{note}<p class=\"filter\"><label for=\"filter-{place}\">Filter</label>\
         <input id=\"filter-{place}\" type=\"search\" autocomplete=\"off\" placeholder=\"symbol, strategy, order, long…\">\
         <output for=\"filter-{place}\"></output></p><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"Closed trades\"><table class=\"sortable\"><thead><tr>{}</tr></thead><tbody>\n{}</tbody></table>\
         </div></section>\n",
        titles.concat(),
        rows.collect::<String>()
    )
}

fn trade_row(facts: Facts<'_>, key: &str, trade: &TradeRow, local: &Local<'_>) -> String {
    let cell = |name: &str, form| facts.cell(&format!("{key}.{name}"), form);
    let mut flags = String::new();
    if !trade.has_entry {
        flags.push_str(" <small class=\"flag\">no entry</small>");
    }
    if trade.label_conflict {
        flags.push_str(" <small class=\"flag\">label</small>");
    }
    if 1 < trade.exits {
        let exits = facts.figure(&format!("{key}.exits"), Form::Count);
        flags.push_str(&format!(" <small>in {exits} exits</small>"));
    }
    let cells = [
        format!("<th scope=\"row\">{}</th>", text(&trade.symbol)),
        cell("net_pnl", Form::Pnl),
        local.cell(Some(&trade.exited)),
        cell("held_seconds", Form::Seconds),
        format!("<td>{}</td>", side(trade.direction)),
        cell("quantity", Form::Count),
        cell("entry_price", Form::Money),
        cell("exit_price", Form::Money),
        cell("gross_pnl", Form::Pnl),
        cell("fees", Form::Money),
        format!("<td>{}</td>", text(&trade.strategy)),
        format!("<td>{}{flags}</td>", text(&trade.order_id)),
    ];
    format!("<tr>{}</tr>\n", cells.concat())
}

fn side(direction: &str) -> &'static str {
    match direction {
        "BUY" => "long",
        _ => "short",
    }
}

/// What is not over.
pub(super) fn open(facts: Facts<'_>, place: usize, book: &Book, local: &Local<'_>) -> String {
    if book.open.is_empty() {
        return String::new();
    }
    let row = |(index, order): (usize, &OpenRow)| {
        let key = format!("books.{place}.open.{index}");
        let cell = |name: &str, form| facts.cell(&format!("{key}.{name}"), form);
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td>{}{}{}{}{}<td>{}</td><td>{}</td></tr>\n",
            text(&order.symbol),
            side(order.direction),
            cell("quantity", Form::Count),
            cell("price", Form::Money),
            cell("value", Form::Money),
            cell("net_pnl", Form::Pnl),
            local.cell(Some(&order.entered)),
            text(&order.strategy),
            text(&order.order_id)
        )
    };
    table(
        "Still open",
        "Entered until the end of these days and not over; values are at the price of the entry. What exits \
         earned so far is in no other sum.",
        &[
            "Symbol",
            "Side",
            "#Qty left",
            "#Entry",
            "#Value",
            "#Net so far",
            "Entered",
            "Strategy",
            "Order",
        ],
        &book.open.iter().enumerate().map(row).collect::<String>(),
    )
}

/// Limits of risk that were met, and alerts.
pub(super) fn risk(facts: Facts<'_>, report: &Report, local: &Local<'_>) -> String {
    let mut events = String::new();
    for (index, event) in report.risk_events.iter().enumerate() {
        let cell = |name: &str, form| facts.cell(&format!("risk_events.{index}.{name}"), form);
        events.push_str(&format!(
            "<tr>{}<td>{}</td><td><span class=\"severity {}\">{}</span></td><td>{}</td><td>{}</td>{}{}{}</tr>\n",
            local.cell(Some(&event.at)),
            event.mode.unwrap_or(NONE),
            event.severity.to_ascii_lowercase(),
            event.severity,
            text(&event.event_type),
            text(&event.action_taken),
            cell("daily_pnl", Form::Pnl),
            cell("daily_pnl_pct", Form::PerCent),
            cell("consecutive_losses", Form::Count)
        ));
    }
    let mut alerts = String::new();
    for alert in &report.alerts {
        let or_none = |it: &Option<String>| it.as_deref().map_or_else(|| NONE.to_owned(), text);
        alerts.push_str(&format!(
            "<tr>{}<td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            local.cell(Some(&alert.at)),
            alert.mode.unwrap_or(NONE),
            match alert.is_reminder {
                true => "still firing",
                false => alert.event.unwrap_or(NONE),
            },
            or_none(&alert.rule_id),
            or_none(&alert.message)
        ));
    }
    let mut out = String::from(
        "<section class=\"risk\" aria-labelledby=\"risk\"><h2 id=\"risk\">Risk</h2>\n",
    );
    if events.is_empty() {
        out.push_str("<p class=\"empty\">No limit of risk was met.</p>\n");
    } else {
        out.push_str(&table(
            "Events",
            "Limits that were met, what was done, and when trading went on.",
            &[
                "When",
                "Mode",
                "Severity",
                "Event",
                "Action",
                "#Day P&amp;L",
                "#Day %",
                "#Losses in a row",
            ],
            &events,
        ));
    }
    if !alerts.is_empty() {
        let titles = ["When", "Mode", "Event", "Rule", "Message"];
        out.push_str(&table(
            "Alerts",
            "Rules about performance.",
            &titles,
            &alerts,
        ));
    }
    out.push_str("</section>\n");
    out
}

/// A table; a title that begins with `#` is of numbers.
fn table(name: &str, about: &str, titles: &[&str], rows: &str) -> String {
    let titles = titles.iter().map(|it| match it.strip_prefix('#') {
        Some(title) => format!("<th scope=\"col\" class=\"num\">{title}</th>"),
        None => format!("<th scope=\"col\">{it}</th>"),
    });
    format!(
        "<section><h3>{name}</h3><p class=\"about\">{about}</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"{}\"><table><thead><tr>{}</tr></thead><tbody>\n{rows}</tbody></table></div></section>\n",
        escaped(name),
        titles.collect::<String>()
    )
}
