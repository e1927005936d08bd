//! The account over time, its drawdown below, and the events of risk on the same axis.
//!
//! Always true:
//! - The line is a stair: an account changes when a trade is closed and not between.
//! - However many trades there are, no peak and no trough is left out; only the places that can be pointed
//!   at are thinned.
//!
//! Not here: what the numbers are; they come with the report.

use rust_decimal::Decimal;

use super::super::{Book, Point, Report};
use super::figure::Form;
use super::html::escaped;
use super::moment::Local;
use super::scale::{Scale, percent};
use crate::books::metrics::Exact;
use crate::time::{Day, Timestamp};

/// The width of the picture in its own units, and its height.
const WIDTH: i64 = 10_000;
const HEIGHT: i64 = 1000;
/// Where the account is drawn, from top to bottom, and its drawdown.
const ACCOUNT: (i64, i64) = (20, 650);
const DRAWDOWN: (i64, i64) = (740, 980);
/// How many places can be told apart on a screen.
const PLACES_MAX: usize = 600;

/// What is at one place.
struct Dot {
    x: i64,
    low: Decimal,
    high: Decimal,
    value: Decimal,
    deepest: Decimal,
    drawdown: Decimal,
    tip: String,
}

/// The time axis.
struct Axis {
    first: i64,
    last: i64,
}

/// The figure; without a closed trade there is nothing to draw.
pub(super) fn figure(report: &Report, book: &Book, local: &Local<'_>) -> Option<String> {
    let axis = Axis::of(report, book, local)?;
    let dots = dots(book, &axis, local);
    let start = drawn(book.equity_before.unwrap_or_default());
    let (low, high) = ends(start, dots.iter().flat_map(|it| [it.low, it.high]));
    let (account, ticks) = Scale::rounded(low, high, 4, ACCOUNT.1, ACCOUNT.0);
    let (deepest, _) = ends(Decimal::ZERO, dots.iter().map(|it| it.deepest));
    let (drawdown, falls) = Scale::rounded(deepest, Decimal::ZERO, 2, DRAWDOWN.1, DRAWDOWN.0);
    let drawdown = match deepest.is_zero() {
        true => Scale::new(-Decimal::ONE, Decimal::ZERO, DRAWDOWN.1, DRAWDOWN.0),
        false => drawdown,
    };
    let is_equity = book.equity_before.is_some();
    let is_part = book.curve.iter().any(|it| it.drawdown_pct.is_some());
    let mut shapes = String::new();
    let mut labels = String::new();
    for tick in &ticks {
        let y = account.place(*tick);
        shapes.push_str(&grid(y));
        labels.push_str(&label(y, &whole(*tick)));
    }
    if deepest.is_zero() {
        labels.push_str(&label(drawdown.place(Decimal::ZERO), "0"));
    } else {
        for tick in &falls {
            let y = drawdown.place(*tick);
            shapes.push_str(&grid(y));
            let text = match is_part {
                true => format!("{}%", whole(*tick)),
                false => whole(*tick),
            };
            labels.push_str(&label(y, &text));
        }
    }
    shapes.push_str(&stair(&dots, start, &account));
    shapes.push_str(&depth(&dots, &drawdown));
    shapes.push_str(&hits(&dots));
    labels.push_str(&axis.labels(local));
    let name = if is_equity {
        "Equity"
    } else {
        "Cumulative net P&amp;L"
    };
    let unit = if is_part {
        "in % of the peak"
    } else {
        "in money"
    };
    Some(format!(
        "<figure class=\"curve\"><figcaption><h3>{name}</h3><p>After each closed trade; below, how far it is \
         under its highest point, {unit}.{}</p></figcaption>\
         <div class=\"plot\" data-marks tabindex=\"0\" role=\"group\" aria-label=\"{}\">\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{shapes}</svg>\
         {labels}{}</div></figure>\n",
        match report.events_of(book.mode).next() {
            None => "",
            Some(_) => " Triangles are events of risk.",
        },
        spoken(book, name),
        marks(report, book, &axis, local),
    ))
}

/// What the picture shows, in a sentence.
fn spoken(book: &Book, name: &str) -> String {
    let end = book.curve.last();
    let value = end.map(|it| it.equity.unwrap_or(it.cumulative));
    let deepest = book.curve.iter().map(|it| it.drawdown).min();
    format!(
        "{name} over {} closed trades, from {} to {}, at worst {} below its highest point. Arrow keys go from \
         trade to trade.",
        book.totals.trades,
        Form::Money.shown(book.equity_before.unwrap_or_default()),
        Form::Money.shown(value.unwrap_or_default()),
        Form::Money.shown(deepest.unwrap_or_default().abs()),
    )
}

fn dots(book: &Book, axis: &Axis, local: &Local<'_>) -> Vec<Dot> {
    let width = match book.curve.len() <= PLACES_MAX {
        true => 1,
        false => WIDTH / i64::try_from(PLACES_MAX).unwrap_or(WIDTH),
    };
    let mut dots: Vec<Dot> = Vec::new();
    for point in &book.curve {
        let Ok(at) = point.at.parse::<Timestamp>() else {
            continue;
        };
        let x = axis.place(at) / width * width;
        let value = drawn(point.equity.unwrap_or(point.cumulative));
        let drawdown = point.drawdown_pct.unwrap_or(drawn(point.drawdown));
        let tip = tip(point, at, local);
        match dots.last_mut().filter(|it| it.x == x) {
            Some(dot) => {
                dot.low = dot.low.min(value);
                dot.high = dot.high.max(value);
                dot.deepest = dot.deepest.min(drawdown);
                (dot.value, dot.drawdown, dot.tip) = (value, drawdown, tip);
            }
            None => dots.push(Dot {
                x,
                low: value,
                high: value,
                value,
                deepest: drawdown,
                drawdown,
                tip,
            }),
        }
    }
    dots
}

fn tip(point: &Point, at: Timestamp, local: &Local<'_>) -> String {
    let mut text = local.full(at);
    if let Some(equity) = point.equity {
        text.push_str(&format!("\nequity {}", Form::Money.shown(equity)));
    }
    let so_far = Form::Pnl.shown(point.cumulative);
    let drawdown = Form::Money.shown(point.drawdown);
    text.push_str(&format!("\nP&L so far {so_far}\ndrawdown {drawdown}"));
    if let Some(percent) = point.drawdown_pct {
        text.push_str(&format!(" ({})", Form::PerCent.shown(percent)));
    }
    text
}

/// A sum as a picture takes it.
fn drawn(value: Exact) -> Decimal {
    value.nearest().unwrap_or_default()
}

fn ends(start: Decimal, values: impl Iterator<Item = Decimal>) -> (Decimal, Decimal) {
    values.fold((start, start), |(low, high), it| {
        (low.min(it), high.max(it))
    })
}

fn grid(y: i64) -> String {
    format!("<path class=\"grid\" d=\"M0 {y}H{WIDTH}\"/>")
}

fn label(y: i64, text: &str) -> String {
    let top = percent(y, HEIGHT);
    format!("<span class=\"y\" style=\"top:{top}\">{text}</span>")
}

/// A number of an axis: it is round by itself.
fn whole(tick: Decimal) -> String {
    let shown = Form::Money.shown(tick);
    match shown.strip_suffix(".00") {
        Some(whole) => whole.to_owned(),
        None => shown,
    }
}

fn stair(dots: &[Dot], start: Decimal, scale: &Scale) -> String {
    let base = scale.place(start);
    let mut line = format!("M0 {base}");
    for dot in dots {
        line.push_str(&format!("H{}", dot.x));
        if dot.low != dot.high {
            line.push_str(&format!(
                "V{}V{}",
                scale.place(dot.high),
                scale.place(dot.low)
            ));
        }
        line.push_str(&format!("V{}", scale.place(dot.value)));
    }
    line.push_str(&format!("H{WIDTH}"));
    format!(
        "<path class=\"fill\" d=\"{line}V{base}Z\"/><path class=\"base\" d=\"M0 {base}H{WIDTH}\"/>\
         <path class=\"line\" d=\"{line}\"/>"
    )
}

fn depth(dots: &[Dot], scale: &Scale) -> String {
    let top = scale.place(Decimal::ZERO);
    let mut line = format!("M0 {top}");
    for dot in dots {
        line.push_str(&format!("H{}", dot.x));
        if dot.deepest != dot.drawdown {
            line.push_str(&format!("V{}", scale.place(dot.deepest)));
        }
        line.push_str(&format!("V{}", scale.place(dot.drawdown)));
    }
    format!("<path class=\"depth\" d=\"{line}H{WIDTH}V{top}Z\"/>")
}

/// What can be pointed at: from each place to the next.
fn hits(dots: &[Dot]) -> String {
    let ends = dots.iter().skip(1).map(|it| it.x).chain([WIDTH]);
    let rects = dots.iter().zip(ends).map(|(dot, end)| {
        let (x, width) = (dot.x.min(WIDTH - 10), (end - dot.x).max(10));
        let tip = escaped(&dot.tip);
        format!("<rect class=\"hit\" x=\"{x}\" width=\"{width}\" height=\"{HEIGHT}\" data-tip=\"{tip}\"/>")
    });
    rects.collect()
}

/// The events of risk.
fn marks(report: &Report, book: &Book, axis: &Axis, local: &Local<'_>) -> String {
    let mut out = String::new();
    for event in report.events_of(book.mode) {
        let Ok(at) = event.at.parse::<Timestamp>() else {
            continue;
        };
        let text = format!(
            "{}\n{} {}: {}\nday so far {} ({}\u{a0}%)",
            local.full(at),
            event.severity,
            event.event_type,
            event.action_taken,
            event.daily_pnl,
            event.daily_pnl_pct
        );
        out.push_str(&format!(
            "<span class=\"mark {}\" style=\"left:{}\" data-tip=\"{}\"></span>",
            event.severity.to_ascii_lowercase(),
            percent(axis.place(at), WIDTH),
            escaped(&text)
        ));
    }
    out
}

/// Seconds from one tick of a time axis to the next.
const STEPS: [i64; 19] = [
    1,
    5,
    15,
    60,
    300,
    900,
    1800,
    3600,
    7200,
    10_800,
    21_600,
    43_200,
    86_400,
    2 * 86_400,
    7 * 86_400,
    14 * 86_400,
    28 * 86_400,
    91 * 86_400,
    365 * 86_400,
];

impl Axis {
    /// From the first entry or exit or event to the last; without an exit there is nothing to draw.
    fn of(report: &Report, book: &Book, local: &Local<'_>) -> Option<Axis> {
        let at = |it: &str| it.parse::<Timestamp>().ok();
        let exits = book.curve.iter().filter_map(|it| at(&it.at));
        exits.clone().next()?;
        // Of trades that began long before the range, the range is what matters.
        let begin = report.range.from.as_deref();
        let begin = begin.and_then(|it| it.parse::<Day>().ok());
        let is_within = |it: &Timestamp| begin.is_none_or(|day| day <= local.0.day(*it));
        let entries = book.trades.iter();
        let entries = entries.filter_map(|it| at(it.entered.as_deref()?));
        let events = report.events_of(book.mode).filter_map(|it| at(&it.at));
        let times = exits.chain(entries.filter(is_within)).chain(events);
        let times: Vec<i64> = times.map(millis).collect();
        let (first, last) = (*times.iter().min()?, *times.iter().max()?);
        // A little room at the end, so that the last step is seen.
        let room = ((last - first) / 40).max(1000);
        Some(Axis {
            first,
            last: last + room,
        })
    }

    fn place(&self, at: Timestamp) -> i64 {
        let span = (self.last - self.first).max(1);
        let moved = i128::from(millis(at) - self.first) * i128::from(WIDTH) / i128::from(span);
        i64::try_from(moved).unwrap_or_default().clamp(0, WIDTH)
    }

    fn labels(&self, local: &Local<'_>) -> String {
        let span = (self.last - self.first) / 1000;
        let is_fit = |step: &&i64| span / **step <= 6;
        let step = STEPS.iter().find(is_fit).copied();
        let step = step
            .unwrap_or_else(|| (span / 6 / 86_400 + 1) * 86_400)
            .max(1);
        let mut out = String::new();
        let Some(first) = instant(self.first) else {
            return out;
        };
        let mut offset = i64::from(local.0.offset(first));
        // As the zone's clocks count; they may be set forward or back on the way.
        let mut tick = (local.secs(first) + step - 1).div_euclid(step) * step - step;
        loop {
            tick += step;
            let Some(near) = instant((tick - offset) * 1000) else {
                return out;
            };
            offset = i64::from(local.0.offset(near));
            let Some(at) = instant((tick - offset) * 1000).filter(|it| millis(*it) <= self.last)
            else {
                return out;
            };
            if local.secs(at) != tick {
                // No clock showed that time.
                continue;
            }
            let is_midnight = tick.rem_euclid(86_400) == 0;
            let text = match step {
                ..60 => local.of_day(at),
                60..86_400 if is_midnight && 86_400 < span => local.short_day(at),
                60..86_400 => local.of_day(at).get(..5).unwrap_or_default().to_owned(),
                _ if 200 * 86_400 < span => local.short_month(at),
                _ => local.short_day(at),
            };
            let left = percent(self.place(at), WIDTH);
            // Where there is little room every other one is left out, and never midnight.
            let class = match tick.div_euclid(step) % 2 {
                0 => "x",
                _ => "x odd",
            };
            out.push_str(&format!(
                "<span class=\"{class}\" style=\"left:{left}\">{text}</span>"
            ));
        }
    }
}

fn millis(at: Timestamp) -> i64 {
    at.unix_secs() * 1000 + i64::from(at.subsec_nanos() / 1_000_000)
}

fn instant(millis: i64) -> Option<Timestamp> {
    Timestamp::from_unix(millis.div_euclid(1000), 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::Zone;

    fn axis(first: &str, last: &str) -> Axis {
        let of = |text: &str| millis(text.parse().unwrap());
        Axis {
            first: of(first),
            last: of(last),
        }
    }

    fn labels(axis: &Axis, zone: &Zone) -> Vec<String> {
        let shown = axis.labels(&Local(zone));
        let texts = shown.split("</span>").filter_map(|it| it.rsplit_once('>'));
        texts.map(|it| it.1.to_owned()).collect()
    }

    #[test]
    fn times_lie_on_the_axis_where_they_were() {
        let axis = axis("2025-10-27T10:00:00Z", "2025-10-27T20:00:00Z");
        for (at, place) in [
            ("2025-10-27T10:00:00Z", 0),
            ("2025-10-27T12:30:00Z", 2500),
            ("2025-10-27T20:00:00Z", 10_000),
            ("2025-10-29T20:00:00Z", 10_000),
            ("2024-10-29T20:00:00Z", 0),
        ] {
            assert_eq!(axis.place(at.parse().unwrap()), place, "{at}");
        }
    }

    #[test]
    fn ticks_are_round_times_of_the_zone() {
        let utc = Zone::default();
        let day = axis("2025-10-27T13:35:00Z", "2025-10-27T16:20:00Z");
        let wanted = ["14:00", "14:30", "15:00", "15:30", "16:00"];
        assert_eq!(labels(&day, &utc), wanted);
        let nepal = Zone::new(|_| 5 * 3600 + 2700);
        let wanted = ["19:30", "20:00", "20:30", "21:00", "21:30", "22:00"];
        assert_eq!(labels(&day, &nepal), wanted);
        let week = axis("2025-10-27T13:35:00Z", "2025-10-31T20:00:00Z");
        assert_eq!(
            labels(&week, &utc),
            ["28 Oct", "29 Oct", "30 Oct", "31 Oct"]
        );
        let two_days = axis("2025-10-27T13:35:00Z", "2025-10-29T11:00:00Z");
        let wanted = ["28 Oct", "12:00", "29 Oct"];
        assert_eq!(labels(&two_days, &utc), wanted);
        let shown = two_days.labels(&Local(&utc));
        assert_eq!(shown.matches("\"x odd\"").count(), 1);
        // A clock that is set back, in the night to the 26th: no day is named twice.
        let berlin = Zone::new(|at| match at.unix_secs() < 1_761_440_400 {
            true => 7200,
            false => 3600,
        });
        let autumn = axis("2025-10-24T12:00:00Z", "2025-10-30T12:00:00Z");
        let wanted = ["25", "26", "27", "28", "29", "30"].map(|it| format!("{it} Oct"));
        assert_eq!(labels(&autumn, &berlin), wanted);
        // And one that is set forward: there was no half past two.
        let spring = Zone::new(|at| match at.unix_secs() < 1_743_296_400 {
            true => 3600,
            false => 7200,
        });
        let night = axis("2025-03-30T00:00:00Z", "2025-03-30T02:00:00Z");
        let wanted = ["01:00", "01:30", "03:00", "03:30", "04:00"];
        assert_eq!(labels(&night, &spring), wanted);
        let years = axis("2020-01-01T00:00:00Z", "2025-10-31T20:00:00Z");
        assert!(labels(&years, &utc).len() <= 6);
        let moment = axis("2025-10-27T13:35:00Z", "2025-10-27T13:35:04Z");
        assert_eq!(
            labels(&moment, &utc).first().map(String::as_str),
            Some("13:35:00")
        );
    }

    #[test]
    fn a_line_is_a_stair_and_keeps_peak_and_trough_of_what_is_one_place() {
        let dot = |x, low, high, value| Dot {
            x,
            low: Decimal::from(low),
            high: Decimal::from(high),
            value: Decimal::from(value),
            deepest: Decimal::ZERO,
            drawdown: Decimal::ZERO,
            tip: String::new(),
        };
        let scale = Scale::new(Decimal::ZERO, Decimal::ONE_HUNDRED, 100, 0);
        let dots = [dot(10, 20, 20, 20), dot(50, 5, 90, 40)];
        let shown = stair(&dots, Decimal::ZERO, &scale);
        assert!(
            shown.ends_with("class=\"line\" d=\"M0 100H10V80H50V10V95V60H10000\"/>"),
            "{shown}"
        );
    }
}
