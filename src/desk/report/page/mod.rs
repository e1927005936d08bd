//! The page: a report as one HTML file.
//!
//! Always true:
//! - It needs nothing else, neither a network nor another file, and can be read without its script.
//! - Each number that comes from the JSON carries its place there in `data-key`; the JSON itself is in the
//!   page, as the element `report`.
//! - Texts out of the journal are escaped.
//!
//! Not here: which numbers there are.

mod calendar;
mod columns;
mod curve;
mod figure;
mod html;
mod moment;
mod scale;
mod sheet;
mod tables;

use rust_decimal::Decimal;

use super::{Bin, Book, Report};
use columns::{Column, columns};
use figure::{Facts, Form};
use html::{escaped, in_script, text};
use moment::Local;
use sheet::Sheet;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The page of a report.
pub(super) fn page(report: &Report) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(report)?;
    let value = serde_json::to_value(report)?;
    let page = Page {
        report,
        facts: Facts(&value),
        local: Local(&report.zone_rule),
    };
    let title = &report.range.title;
    let name = report.journal.as_deref().unwrap_or("trade journal");
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"tradejournal {}\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{} · {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{}\
         <script type=\"application/json\" id=\"report\">{}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        escaped(title),
        escaped(name),
        page.body(),
        in_script(&json)
    ))
}

struct Page<'a> {
    report: &'a Report,
    facts: Facts<'a>,
    local: Local<'a>,
}

impl Page<'_> {
    fn body(&self) -> String {
        let mut out = self.head();
        out.push_str("<main>\n");
        // A week is looked back on for its risk first.
        let is_risk_first = self.report.range.kind == "week";
        if is_risk_first {
            out.push_str(&self.risk());
        }
        for (place, book) in self.report.books.iter().enumerate() {
            out.push_str(&self.book(place, book));
        }
        if !is_risk_first {
            out.push_str(&self.risk());
        }
        out.push_str("</main>\n");
        out.push_str(&self.foot());
        out
    }

    fn head(&self) -> String {
        let report = self.report;
        let kind = match report.range.kind {
            "day" => "Daily performance report",
            "week" => "Weekly risk review",
            "month" => "Monthly performance review",
            _ => "Performance report",
        };
        format!(
            "<header>\n<p class=\"kind\">{kind}</p>\n<h1>{}</h1>\n{}</header>\n",
            escaped(&report.range.title),
            self.health()
        )
    }

    /// The health strip: what the report is of, and whether it can be trusted.
    fn health(&self) -> String {
        let report = self.report;
        let mut items = Vec::new();
        let journal = match &report.journal {
            Some(name) => text(name),
            None => "without a name".to_owned(),
        };
        items.push(format!("<dt>Journal</dt><dd>{journal}</dd>"));
        let modes = report.mode.shown.join(" and ");
        let why = match (report.mode.is_asked_for, report.mode.shown.as_slice()) {
            (true, _) => "",
            (false, ["LIVE"]) => " <small>there are live trades</small>",
            (false, _) => " <small>there is no live trade</small>",
        };
        items.push(format!("<dt>Mode</dt><dd class=\"mode\">{modes}{why}</dd>"));
        let trades: Vec<String> = (0..report.books.len())
            .map(|it| {
                self.facts
                    .figure(&format!("books.{it}.totals.trades"), Form::Count)
            })
            .collect();
        items.push(format!(
            "<dt>Closed trades</dt><dd>{}</dd>",
            trades.join(" and ")
        ));
        items.push(self.problems());
        items.push(format!(
            "<dt>Made</dt><dd>{} <small>{}</small></dd>",
            self.local.element(&report.made_at),
            escaped(&report.zone)
        ));
        let items: String = items
            .iter()
            .map(|it| format!("<div>{it}</div>\n"))
            .collect();
        format!(
            "<div role=\"group\" aria-label=\"What this report is of\"><dl class=\"health\">\n{items}</dl></div>\n{}",
            self.not_shown()
        )
    }

    fn problems(&self) -> String {
        let names = [
            ("unread_lines", "lines that could not be read"),
            ("unread_days", "days that could not be read to their ends"),
            ("sums_refused", "trades whose sums cannot be exact"),
            ("label_conflicts", "labels against the result"),
            ("unpaired_exits", "exits without an entry"),
            ("entries_repeated", "entries repeated"),
            ("exits_replaced", "exits replaced by later ones"),
        ];
        let found = names.iter().filter_map(|(name, words)| {
            let key = format!("problems.{name}");
            self.facts.number(&key).filter(|it| !it.is_zero())?;
            Some(format!("{words}: {}", self.facts.figure(&key, Form::Count)))
        });
        let found: Vec<String> = found.collect();
        match found.is_empty() {
            true => "<dt>Problems</dt><dd class=\"well\">none</dd>".to_owned(),
            false => format!(
                "<dt>Problems</dt><dd class=\"unwell\">{}</dd>",
                found.join(", ")
            ),
        }
    }

    fn not_shown(&self) -> String {
        format!("{}{}", self.other_mode(), self.refused())
    }

    /// The orders that are in no sum.
    fn refused(&self) -> String {
        if self.report.orders_refused.is_empty() {
            return String::new();
        }
        let orders: Vec<String> = self
            .report
            .orders_refused
            .iter()
            .map(|it| text(it))
            .collect();
        format!(
            "<p class=\"note\">Too large to be added up exactly with the others, and in no sum: {}.</p>\n",
            orders.join(", ")
        )
    }

    fn other_mode(&self) -> String {
        match self.report.mode.trades_not_shown {
            0 => String::new(),
            _ => format!(
                "<p class=\"note\">Closed trades of the other mode, which are not in this report: {} (<code>\
                 --mode all</code> shows both, apart).</p>\n",
                self.facts.figure("mode.trades_not_shown", Form::Count)
            ),
        }
    }

    fn book(&self, place: usize, book: &Book) -> String {
        let sheet = Sheet {
            facts: self.facts,
            place,
        };
        let mode = book.mode;
        let mut out = format!("<section class=\"book\" aria-labelledby=\"book-{place}\">\n");
        let class = match self.report.books.len() {
            1 => " class=\"unseen\"",
            _ => "",
        };
        out.push_str(&format!("<h2 id=\"book-{place}\"{class}>{mode}</h2>\n"));
        out.push_str(&self.tiles(sheet, book));
        if book.trades.is_empty() {
            out.push_str("<p class=\"empty\">No trade was closed in these days.</p>\n");
            out.push_str(&tables::open(self.facts, place, book, &self.local));
            out.push_str("</section>\n");
            return out;
        }
        if let Some(figure) = curve::figure(self.report, book, &self.local) {
            out.push_str(&figure);
        }
        if self.report.range.kind != "day"
            && let Some(months) = calendar::calendar(self.facts, place, book)
        {
            out.push_str(&format!(
                "<figure class=\"calendar\"><figcaption><h3>Calendar</h3><p>Net P&amp;L of each day.</p>\
                 </figcaption><div class=\"months\">{months}</div></figure>\n"
            ));
        }
        let pair = |one: &str, other: &str| format!("<div class=\"pair\">\n{one}{other}</div>\n");
        out.push_str(&pair(
            &sheet.breakdown("By symbol", "Symbol", "by_symbol"),
            &sheet.breakdown("By strategy", "Strategy", "by_strategy"),
        ));
        out.push_str(&pair(&sheet.hours(), &sheet.multiples()));
        let holding = self.holding(place, book);
        match self.report.range.kind {
            "day" => out.push_str(&holding),
            _ => out.push_str(&pair(&holding, &sheet.weekdays())),
        }
        out.push_str(&sheet.months());
        out.push_str(&tables::open(self.facts, place, book, &self.local));
        out.push_str(&tables::trades(self.facts, place, book, &self.local));
        out.push_str(&sheet.figures());
        out.push_str("</section>\n");
        out
    }

    /// What matters most, large: the results, and below them the risk.
    fn tiles(&self, sheet: Sheet<'_>, book: &Book) -> String {
        let at = |name: &str| format!("books.{}.{name}", sheet.place);
        let figure = |name: &str, form| self.facts.figure(&at(name), form);
        let tile = |class: &str, title: &str, value: String, sub: String| {
            format!(
                "<div{class}><dt>{title}</dt><dd>{value}</dd><dd class=\"sub\">{sub}</dd></div>\n"
            )
        };
        let plain = |title: &str, value: String, sub: String| tile("", title, value, sub);
        let mut out = String::from("<dl class=\"tiles\">\n");
        out.push_str(&tile(
            " class=\"hero\"",
            "Net P&amp;L",
            figure("totals.net_pnl", Form::Pnl),
            format!(
                "gross {} − fees {}",
                figure("totals.gross_pnl", Form::Pnl),
                figure("totals.fees", Form::Money)
            ),
        ));
        out.push_str(&plain(
            "Win rate",
            sheet.figure("win_rate", Form::Fraction),
            format!(
                "{} won, {} lost, {} even",
                figure("totals.wins", Form::Count),
                figure("totals.losses", Form::Count),
                figure("totals.breakevens", Form::Count)
            ),
        ));
        out.push_str(&plain(
            "Profit factor",
            sheet.figure("profit_factor", Form::Ratio),
            format!(
                "{} won ÷ {} lost",
                sheet.figure("gross_profit", Form::Money),
                sheet.figure("gross_loss", Form::Money)
            ),
        ));
        out.push_str(&plain(
            "Expectancy",
            sheet.figure("expectancy", Form::MeanPnl),
            format!(
                "a trade; {} of what was risked",
                sheet.figure("r_multiples.mean", Form::Risked)
            ),
        ));
        if book.equity_before.is_some() {
            out.push_str(&plain(
                "Equity",
                figure("equity_after", Form::Money),
                format!(
                    "{} from {}",
                    sheet.figure("total_return", Form::Return),
                    figure("equity_before", Form::Money)
                ),
            ));
        }
        out.push_str("</dl>\n");
        out.push_str(&self.risk_tiles(sheet, book));
        out
    }

    fn risk_tiles(&self, sheet: Sheet<'_>, book: &Book) -> String {
        let at = |name: &str| format!("books.{}.{name}", sheet.place);
        let figure = |name: &str, form| self.facts.figure(&at(name), form);
        let drawdown = match book.equity_before {
            Some(_) => format!(
                "{} ({})",
                sheet.figure("max_drawdown_pct", Form::PerCent),
                sheet.figure("max_drawdown_abs", Form::Money)
            ),
            None => sheet.figure("max_drawdown_abs", Form::Money),
        };
        let mut items = vec![
            ("Maximum drawdown", drawdown),
            (
                "Losses in a row",
                format!(
                    "{} at most",
                    sheet.figure("streaks.longest_loss", Form::Count)
                ),
            ),
            ("Largest loss", sheet.figure("largest_loss", Form::Pnl)),
        ];
        if 1 < book.days.len() {
            items.push(("Worst day", figure("worst_day", Form::Pnl)));
            items.push(("Best day", figure("best_day", Form::Pnl)));
        }
        let open = match book.open.is_empty() {
            true => "nothing".to_owned(),
            false => {
                let value = figure("open_value", Form::Money);
                let so_far = match book.open_net_pnl.is_none_or(|it| !it.is_zero()) {
                    true => format!("; {} so far", figure("open_net_pnl", Form::Pnl)),
                    false => String::new(),
                };
                format!("{value} at entry prices{so_far}")
            }
        };
        items.push(("Still open", open));
        items.push((
            "Limits met",
            format!(
                "{} critical, {} {}",
                figure("risk.critical", Form::Count),
                figure("risk.warnings", Form::Count),
                match book.risk.warnings {
                    1 => "warning",
                    _ => "warnings",
                }
            ),
        ));
        let items = items
            .iter()
            .map(|(title, value)| format!("<div><dt>{title}</dt><dd>{value}</dd></div>\n"));
        format!(
            "<div role=\"group\" aria-label=\"Risk\"><dl class=\"tiles small\">\n{}</dl></div>\n",
            items.collect::<String>()
        )
    }

    fn holding(&self, place: usize, book: &Book) -> String {
        if book.holding.is_empty() {
            return String::new();
        }
        let bars: Vec<Column> = book
            .holding
            .iter()
            .map(|bin| Column {
                label: held(bin),
                value: Decimal::from(bin.trades),
                tip: format!(
                    "held {}\n{} trades\nnet {}",
                    held(bin),
                    bin.trades,
                    Form::Pnl.shown(bin.net_pnl)
                ),
            })
            .collect();
        let rows = (0..book.holding.len()).zip(&bars).map(|(index, bar)| {
            let key = format!("books.{place}.holding.{index}");
            format!(
                "<tr><th scope=\"row\">{}</th>{}{}</tr>",
                escaped(&bar.label),
                self.facts.cell(&format!("{key}.trades"), Form::Count),
                self.facts.cell(&format!("{key}.net_pnl"), Form::Pnl)
            )
        });
        format!(
            "<figure><figcaption><h3>Holding time</h3><p>How many trades were held how long.</p></figcaption>\
             {}{}</figure>\n",
            columns("How many trades were held how long", &bars, false),
            tables::numbers(&["held", "trades", "net P&amp;L"], rows)
        )
    }

    fn risk(&self) -> String {
        tables::risk(self.facts, self.report, &self.local)
    }

    fn foot(&self) -> String {
        "<footer><p>A trade belongs to the day of its last exit. Net is after the commission of its \
         exits. Drawdown is measured within these days, from the highest point so far. A dash is a \
         number that is not defined.</p></footer>\n"
            .to_owned()
    }
}

fn held(bin: &Bin) -> String {
    let shown = |it: Decimal| {
        let text = Form::Seconds.shown(it);
        let short = text.split(' ').next().unwrap_or_default();
        short.to_owned()
    };
    match (bin.from, bin.to) {
        (from, Some(to)) if from.is_zero() => format!("<{}", shown(to)),
        (from, Some(to)) => format!("{}\u{2013}{}", shown(from), shown(to)),
        (from, None) => format!("≥{}", shown(from)),
    }
}
