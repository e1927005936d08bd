//! The tear sheet on the page: what it comes to by symbol, strategy and hour, multiples of risk, all figures.
//!
//! Always true: where a figure is not defined, the reason stands beside it.

use rust_decimal::Decimal;

use super::columns::{Column, columns};
use super::figure::{Facts, Form, NONE};
use super::html::{escaped, text};
use super::scale::{Scale, percent};
use super::tables::numbers;

/// The tear sheet of one book.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sheet<'a> {
    pub(super) facts: Facts<'a>,
    /// Which book.
    pub(super) place: usize,
}

impl Sheet<'_> {
    fn key(self, name: &str) -> String {
        format!("books.{}.sheet.{name}", self.place)
    }

    /// A figure, and why there is none.
    pub(super) fn figure(self, name: &str, form: Form) -> String {
        let key = self.key(name);
        let Some(why) = self.why(name) else {
            return self.facts.figure(&key, form);
        };
        // Nothing was lost: whatever was earned is infinitely more.
        let none = match name.ends_with("profit_factor") && why == "no_losses" {
            true => "\u{221e}",
            false => NONE,
        };
        let why = why.replace('_', " ");
        format!(
            "{} <small>{}</small>",
            self.facts.figure_or(&key, form, none),
            escaped(&why)
        )
    }

    /// Why there is no figure of that name.
    fn why(&self, name: &str) -> Option<&str> {
        // Its name has dots where it stands deeper, so it is no way into the JSON here.
        let nulls = self.facts.at(&self.key("nulls"))?;
        nulls.get(name)?.as_str()
    }

    /// Bars of what was earned by something, the most first.
    pub(super) fn breakdown(self, title: &str, what: &str, name: &str) -> String {
        let key = self.key(name);
        let net = |index: usize| self.facts.drawn(&format!("{key}.{index}.net"));
        let mut order: Vec<usize> = (0..self.facts.len(&key)).collect();
        if order.is_empty() {
            return String::new();
        }
        order.sort_by_key(|index| std::cmp::Reverse(net(*index)));
        let nets = || order.iter().map(|it| net(*it)).chain([Decimal::ZERO]);
        let (low, high) = (nets().min(), nets().max());
        let scale = Scale::new(low.unwrap_or_default(), high.unwrap_or_default(), 0, 1000);
        let rows = order.iter().map(|index| {
            let row = format!("{name}.{index}");
            let label = self.facts.text(&self.key(&format!("{row}.key")));
            let cell = |name: &str, form| self.facts.cell(&format!("{key}.{index}.{name}"), form);
            format!(
                "<tr><th scope=\"row\">{}</th><td class=\"span\">{}</td>{}{}{}\
                 <td class=\"num wide\">{}</td></tr>\n",
                label.map_or_else(|| "not known".to_owned(), text),
                bar(&scale, net(*index)),
                cell("net", Form::Pnl),
                cell("trades", Form::Count),
                cell("win_rate", Form::Fraction),
                self.figure_alone(
                    &format!("{row}.profit_factor"),
                    &format!("{row}.profit_factor_status")
                ),
            )
        });
        format!(
            "<figure class=\"breakdown\"><figcaption><h3>{title}</h3><p>Net P&amp;L of each.</p></figcaption><div class=\"scroll\" \
             tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><table><thead><tr><th scope=\"col\">{what}</th>\
             <td class=\"span\"></td><th scope=\"col\" class=\"num\">Net P&amp;L</th><th scope=\"col\" class=\"num\">Trades</th>\
             <th scope=\"col\" class=\"num\">Won</th><th scope=\"col\" class=\"num wide\"><abbr title=\"Profit factor\">PF</abbr>\
             </th></tr></thead><tbody>\n{}</tbody></table></div></figure>\n",
            rows.collect::<String>()
        )
    }

    /// A profit factor, whose reason stands in a field of its own.
    fn figure_alone(self, name: &str, status: &str) -> String {
        let none = match self.facts.text(&self.key(status)) {
            Some("no_losses") => "\u{221e}",
            _ => NONE,
        };
        self.facts.figure_or(&self.key(name), Form::Ratio, none)
    }

    /// What was earned in each hour of entry.
    pub(super) fn hours(self) -> String {
        let key = self.key("by_entry_hour_utc");
        let mut slots: Vec<(String, Option<usize>)> = Vec::new();
        for index in 0..self.facts.len(&key) {
            let name = self.facts.text(&format!("{key}.{index}.key"));
            // Hours in which nothing was entered keep their place.
            let hour = name.and_then(|it| it.parse::<u8>().ok());
            let last = slots.last().and_then(|it| it.0.parse::<u8>().ok());
            if let (Some(hour), Some(last)) = (hour, last) {
                slots.extend((last.saturating_add(1)..hour).map(|it| (format!("{it:02}"), None)));
            }
            slots.push((name.unwrap_or("?").to_owned(), Some(index)));
        }
        if slots.is_empty() {
            return String::new();
        }
        let bars: Vec<Column> = slots
            .iter()
            .map(|(hour, index)| {
                let number = |name: &str| {
                    let index = (*index)?;
                    self.facts.number(&format!("{key}.{index}.{name}"))
                };
                let net = number("net").unwrap_or_default();
                Column {
                    label: hour.clone(),
                    value: net.nearest().unwrap_or_default(),
                    tip: format!(
                        "entered {}\nnet {}\n{} trades",
                        match hour.as_str() {
                            "?" => "at a time that is not known".to_owned(),
                            hour => format!("{hour}:00 to {hour}:59 UTC"),
                        },
                        Form::Pnl.shown(net),
                        number("trades").unwrap_or_default()
                    ),
                }
            })
            .collect();
        let rows = slots.iter().filter_map(|(hour, index)| {
            let key = format!("{key}.{}", (*index)?);
            Some(format!(
                "<tr><th scope=\"row\">{hour}</th>{}{}{}</tr>",
                self.facts.cell(&format!("{key}.trades"), Form::Count),
                self.facts.cell(&format!("{key}.win_rate"), Form::Fraction),
                self.facts.cell(&format!("{key}.net"), Form::Pnl)
            ))
        });
        format!(
            "<figure><figcaption><h3>By entry hour</h3><p>Net P&amp;L of the trades that were entered in each hour, \
             UTC.</p></figcaption>{}{}</figure>\n",
            columns("Net P&L by the UTC hour of the entry", &bars, true),
            numbers(&["hour", "trades", "won", "net P&amp;L"], rows)
        )
    }

    /// What was earned on each weekday.
    pub(super) fn weekdays(self) -> String {
        let key = self.key("by_exit_weekday");
        let row = |index: usize| format!("{key}.{index}");
        let number = |index: usize, name: &str| {
            let number = self.facts.number(&format!("{key}.{index}.{name}"));
            number.unwrap_or_default()
        };
        let name = |index: usize| {
            let name = self.facts.text(&format!("{key}.{index}.key"));
            let name = name.unwrap_or("?");
            let short = name.get(..3).unwrap_or(name);
            let (first, rest) = short.split_at(short.len().min(1));
            format!("{}{rest}", first.to_uppercase())
        };
        let places = || 0..self.facts.len(&key);
        let bars: Vec<Column> = places()
            .map(|index| Column {
                label: name(index),
                value: number(index, "net").nearest().unwrap_or_default(),
                tip: format!(
                    "{}\nnet {}\n{} trades",
                    name(index),
                    Form::Pnl.shown(number(index, "net")),
                    number(index, "trades")
                ),
            })
            .collect();
        if bars.is_empty() {
            return String::new();
        }
        let rows = places().map(|index| {
            format!(
                "<tr><th scope=\"row\">{}</th>{}{}{}</tr>",
                name(index),
                self.facts
                    .cell(&format!("{}.trades", row(index)), Form::Count),
                self.facts
                    .cell(&format!("{}.win_rate", row(index)), Form::Fraction),
                self.facts.cell(&format!("{}.net", row(index)), Form::Pnl)
            )
        });
        format!(
            "<figure><figcaption><h3>By weekday</h3><p>Net P&amp;L of the trades that were closed on each.</p>\
             </figcaption>{}{}</figure>\n",
            columns("Net P&L by the weekday of the exit", &bars, true),
            numbers(&["day", "trades", "won", "net P&amp;L"], rows)
        )
    }

    /// What was earned in each month, with the return where the account is known.
    pub(super) fn months(self) -> String {
        let key = self.key("monthly");
        let count = self.facts.len(&key);
        if count < 2 {
            return String::new();
        }
        let cell = |index: usize, name: &str, form| {
            self.facts.cell(&format!("{key}.{index}.{name}"), form)
        };
        let rows = (0..count).rev().map(|index| {
            let month = self.facts.text(&format!("{key}.{index}.month"));
            format!(
                "<tr><th scope=\"row\">{}</th>{}{}{}</tr>\n",
                escaped(month.unwrap_or_default()),
                cell(index, "trades", Form::Count),
                cell(index, "net", Form::Pnl),
                cell(index, "return", Form::Return)
            )
        });
        format!(
            "<section><h3>Months</h3><p class=\"about\">The return is of the equity at the beginning of the month.</p>\
             <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Months\"><table><thead><tr>\
             <th scope=\"col\">Month</th><th scope=\"col\" class=\"num\">Trades</th><th scope=\"col\" class=\"num\">\
             Net P&amp;L</th><th scope=\"col\" class=\"num\">Return</th></tr></thead><tbody>\n{}</tbody></table></div>\
             </section>\n",
            rows.collect::<String>()
        )
    }

    /// How results compare with what was risked.
    pub(super) fn multiples(self) -> String {
        let key = self.key("r_multiples.distribution");
        let count = |index: usize| self.facts.drawn(&format!("{key}.{index}.count"));
        let used: Vec<usize> = (0..self.facts.len(&key))
            .filter(|it| !count(*it).is_zero())
            .collect();
        let (Some(first), Some(last)) = (used.first(), used.last()) else {
            return String::new();
        };
        let bars: Vec<Column> = (*first..=*last)
            .map(|index| {
                let end = |name: &str| self.facts.number(&format!("{key}.{index}.{name}"));
                let (label, range) = match (end("from"), end("below")) {
                    (Some(from), Some(below)) => (
                        format!("{from}…{below}").replace('-', "\u{2212}"),
                        format!("{from} R to below {below} R"),
                    ),
                    (Some(from), None) => (format!("≥{from}"), format!("{from} R or more")),
                    (None, Some(below)) => (
                        format!("<{below}").replace('-', "\u{2212}"),
                        format!("below {below} R"),
                    ),
                    (None, None) => ("all".to_owned(), "all".to_owned()),
                };
                Column {
                    label,
                    value: count(index),
                    tip: format!("{range}\n{} trades", count(index)),
                }
            })
            .collect();
        let rows = (*first..=*last).zip(&bars).map(|(index, bar)| {
            format!(
                "<tr><th scope=\"row\">{}</th>{}</tr>",
                escaped(&bar.label),
                self.facts
                    .cell(&format!("{key}.{index}.count"), Form::Count)
            )
        });
        format!(
            "<figure><figcaption><h3>R multiples</h3><p>Results in units of what was risked to the first stop: mean \
             {}, median {}; {} trades without one, {} with the stop on the wrong side.</p></figcaption>{}{}</figure>\n",
            self.facts
                .figure(&self.key("r_multiples.mean"), Form::Risked),
            self.facts
                .figure(&self.key("r_multiples.median"), Form::Risked),
            self.facts
                .figure(&self.key("r_multiples.missing"), Form::Count),
            self.facts
                .figure(&self.key("r_multiples.wrong_side"), Form::Count),
            columns(
                "How many trades earned how often what they risked",
                &bars,
                false
            ),
            numbers(&["R", "trades"], rows)
        )
    }

    /// Every figure of the sheet, in groups.
    pub(super) fn figures(self) -> String {
        let mut out =
            String::from("<section class=\"figures\"><h3>All figures</h3><div class=\"groups\">\n");
        for (title, rows) in FIGURES {
            out.push_str(&format!("<table><caption>{title}</caption><tbody>\n"));
            let out_of = match *title {
                IN_A_YEAR => format!(
                    " <small>{} days</small>",
                    self.facts.figure(&self.key("days"), Form::Count)
                ),
                _ => String::new(),
            };
            for (label, name, form) in *rows {
                out.push_str(&format!(
                    "<tr><th scope=\"row\">{label}{out_of}</th><td class=\"num\">{}</td></tr>\n",
                    self.figure(name, *form)
                ));
            }
            out.push_str("</tbody></table>\n");
        }
        out.push_str("</div></section>\n");
        out
    }
}

/// A bar from 0 to a value.
fn bar(scale: &Scale, value: Decimal) -> String {
    let (zero, end) = (scale.place(Decimal::ZERO), scale.place(value));
    let class = if end < zero { "loss" } else { "gain" };
    format!(
        "<span><i class=\"{class}\" style=\"left:{};width:{}\"></i></span>",
        percent(zero.min(end), 1000),
        percent((end - zero).abs(), 1000)
    )
}

/// The figures beside which it is told out of how many days they are.
const IN_A_YEAR: &str = "In a year";

/// What is said of a figure, its name in the JSON, and how it is shown.
type Row = (&'static str, &'static str, Form);

const FIGURES: &[(&str, &[Row])] = &[
    (
        "Results",
        &[
            ("Gross profit", "gross_profit", Form::Money),
            ("Gross loss", "gross_loss", Form::Money),
            ("Net profit", "net_profit", Form::Pnl),
            ("Profit factor", "profit_factor", Form::Ratio),
            ("Expectancy a trade", "expectancy", Form::MeanPnl),
            ("Average win", "avg_win", Form::MeanPnl),
            ("Average loss", "avg_loss", Form::MeanPnl),
            ("Payoff ratio", "payoff_ratio", Form::Ratio),
            ("Largest win", "largest_win", Form::Pnl),
            ("Largest loss", "largest_loss", Form::Pnl),
            ("Win rate", "win_rate", Form::Fraction),
            (
                "Win rate without breakevens",
                "win_rate_decided",
                Form::Fraction,
            ),
            ("Standard deviation", "pnl_std", Form::Ratio),
            ("SQN", "sqn", Form::Ratio),
            ("Kelly fraction", "kelly", Form::Ratio),
        ],
    ),
    (
        "Equity and drawdown",
        &[
            ("At the beginning", "starting_equity", Form::Money),
            ("At the end", "final_equity", Form::Money),
            ("Total return", "total_return", Form::Return),
            ("Maximum drawdown", "max_drawdown_pct", Form::PerCent),
            ("Maximum drawdown, money", "max_drawdown_abs", Form::Money),
            (
                "Longest time below a peak",
                "max_drawdown_duration_seconds",
                Form::Seconds,
            ),
            (
                "Most trades below a peak",
                "max_drawdown_duration_trades",
                Form::Count,
            ),
            ("Drawdown now, money", "current_drawdown_abs", Form::Money),
            ("Recovery factor", "recovery_factor", Form::Ratio),
            ("Exposure", "exposure", Form::Fraction),
            ("Longest winning run", "streaks.longest_win", Form::Count),
            ("Longest losing run", "streaks.longest_loss", Form::Count),
            ("Run now", "streaks.current", Form::Count),
        ],
    ),
    (
        IN_A_YEAR,
        &[
            ("Growth a year (CAGR)", "cagr", Form::Return),
            ("Volatility", "volatility", Form::Fraction),
            ("Sharpe ratio", "sharpe", Form::Ratio),
            ("Sortino ratio", "sortino", Form::Ratio),
            ("Calmar ratio", "calmar", Form::Ratio),
        ],
    ),
    (
        "Costs and risk",
        &[
            ("Commission", "costs.commission", Form::Money),
            (
                "Commission a trade",
                "costs.commission_per_trade",
                Form::Ratio,
            ),
            (
                "Commission of the entries",
                "costs.entry_commission",
                Form::Money,
            ),
            (
                "Commission, basis points",
                "costs.commission_bps",
                Form::Ratio,
            ),
            (
                "Commission of gross profit",
                "costs.commission_of_gross_profit",
                Form::Fraction,
            ),
            ("Slippage, in the prices", "costs.slippage", Form::Money),
            ("Slippage, basis points", "costs.slippage_bps", Form::Ratio),
            ("Mean R", "r_multiples.mean", Form::Risked),
            ("Best R", "r_multiples.best", Form::Risked),
            ("Worst R", "r_multiples.worst", Form::Risked),
            ("Trades without R", "r_multiples.missing", Form::Count),
            (
                "Stops on the wrong side",
                "r_multiples.wrong_side",
                Form::Count,
            ),
        ],
    ),
];
