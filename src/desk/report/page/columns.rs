//! Columns side by side: histograms, and what was earned in each hour.

use rust_decimal::Decimal;

use super::html::escaped;
use super::scale::Scale;

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// What stands below it.
    pub(super) label: String,
    /// How high it is; below 0 it hangs.
    pub(super) value: Decimal,
    /// What it says when it is pointed at.
    pub(super) tip: String,
}

const HEIGHT: i64 = 1000;
const SLOT: usize = 100;

/// Columns with a name for whoever does not see them. `is_signed` colours them by their sign.
pub(super) fn columns(name: &str, columns: &[Column], is_signed: bool) -> String {
    let low = columns.iter().map(|it| it.value).min().unwrap_or_default();
    let high = columns.iter().map(|it| it.value).max().unwrap_or_default();
    let (low, high) = (low.min(Decimal::ZERO), high.max(Decimal::ZERO));
    let scale = match low == high {
        true => Scale::new(Decimal::ZERO, Decimal::ONE, HEIGHT, 0),
        false => Scale::new(low, high, HEIGHT, 0),
    };
    let base = scale.place(Decimal::ZERO);
    let mut shapes = String::new();
    let mut labels = String::new();
    for (index, column) in columns.iter().enumerate() {
        let x = index * SLOT;
        let end = scale.place(column.value);
        // What is not nothing is seen.
        let height = match column.value.is_zero() {
            true => 0,
            false => (end - base).abs().max(8),
        };
        let is_loss = column.value.is_sign_negative() && !column.value.is_zero();
        let y = if is_loss { base } else { base - height };
        let class = match (is_signed, is_loss) {
            (false, _) => "bar",
            (true, false) => "bar gain",
            (true, true) => "bar loss",
        };
        shapes.push_str(&format!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{y}\" width=\"76\" height=\"{height}\"/>\
             <rect class=\"hit\" x=\"{x}\" width=\"{SLOT}\" height=\"{HEIGHT}\" data-tip=\"{}\"/>",
            x + 12,
            escaped(&column.tip)
        ));
        labels.push_str(&format!("<span>{}</span>", escaped(&column.label)));
    }
    let width = columns.len().max(1) * SLOT;
    format!(
        "<div class=\"columns\" data-marks tabindex=\"0\" role=\"group\" aria-label=\"{}. Arrow keys go from column \
         to column.\"><svg viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         {shapes}<path class=\"base\" d=\"M0 {base}H{width}\"/></svg><div class=\"labels\" aria-hidden=\"true\">\
         {labels}</div></div>",
        escaped(name)
    )
}
