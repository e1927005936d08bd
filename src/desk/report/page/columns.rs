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

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(values: &[i64], is_signed: bool) -> Vec<String> {
        let values = values.iter().map(|it| Column {
            label: "<b>".to_owned(),
            value: Decimal::from(*it),
            tip: "a \"tip\"".to_owned(),
        });
        let shown = columns("name", &values.collect::<Vec<_>>(), is_signed);
        assert!(shown.contains("<span>&lt;b&gt;</span>") && !shown.contains("<b>"));
        assert!(shown.contains("data-tip=\"a &quot;tip&quot;\""));
        let bars = shown.split("<rect class=\"bar").skip(1);
        bars.filter_map(|it| it.split_once("/>"))
            .map(|it| it.0.to_owned())
            .collect()
    }

    #[test]
    fn columns_stand_on_nothing_and_hang_below_it() {
        assert_eq!(
            bars(&[30, -10, 0], true),
            [
                " gain\" x=\"12\" y=\"0\" width=\"76\" height=\"750\"",
                " loss\" x=\"112\" y=\"750\" width=\"76\" height=\"250\"",
                " gain\" x=\"212\" y=\"750\" width=\"76\" height=\"0\"",
            ]
        );
    }

    #[test]
    fn the_smallest_column_is_seen() {
        assert_eq!(
            bars(&[1, 1_000_000], false).first().map(String::as_str),
            Some("\" x=\"12\" y=\"992\" width=\"76\" height=\"8\"")
        );
        assert_eq!(
            bars(&[0], false),
            ["\" x=\"12\" y=\"1000\" width=\"76\" height=\"0\""]
        );
    }
}
