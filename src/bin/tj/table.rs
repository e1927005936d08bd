//! A table for people: columns in line, fitted to the terminal.
//!
//! Always true:
//! - A cell is one line and cannot drive the terminal ([`printable`]).
//! - On a terminal no row is wider than it: columns that may shrink do, then the last ones go, and it is
//!   said which. Elsewhere every text is whole.
//!
//! Not here: which columns a stream has.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::output::{Out, printable};

/// Between two columns.
const GAP: &str = "  ";
/// What a column that may shrink keeps.
const SHRUNK_MIN: usize = 8;

/// A column: its title and how it is set.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) title: Cow<'static, str>,
    is_right: bool,
    may_shrink: bool,
}

impl Column {
    /// Texts of a known shape.
    pub(crate) fn left(title: impl Into<Cow<'static, str>>) -> Column {
        Column {
            title: title.into(),
            is_right: false,
            may_shrink: false,
        }
    }

    /// Numbers.
    pub(crate) fn right(title: impl Into<Cow<'static, str>>) -> Column {
        Column {
            is_right: true,
            ..Column::left(title)
        }
    }

    /// Free texts, cut where there is no room.
    pub(crate) fn text(title: impl Into<Cow<'static, str>>) -> Column {
        Column {
            may_shrink: true,
            ..Column::left(title)
        }
    }
}

/// Rows that are printed together, so that their columns are in line.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    widths: Vec<usize>,
    is_begun: bool,
    /// Whether the rows must not be wider than a terminal.
    is_fitted: bool,
}

impl Table {
    pub(crate) fn new(columns: Vec<Column>) -> Table {
        let widths = columns.iter().map(|it| it.title.width()).collect();
        Table {
            columns,
            rows: Vec::new(),
            widths,
            is_begun: false,
            is_fitted: false,
        }
    }

    /// Adds a row; nothing is printed yet.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        let row: Vec<String> = row.iter().map(|it| printable(it).into_owned()).collect();
        if !self.is_begun {
            for (width, cell) in self.widths.iter_mut().zip(&row) {
                *width = (*width).max(cell.width());
            }
        }
        self.rows.push(row);
    }

    /// How many rows wait to be printed.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Prints what was added since the last time: first with the titles, later in the same columns.
    pub(crate) fn print(&mut self, out: &mut Out) -> anyhow::Result<()> {
        if !self.is_begun {
            self.is_begun = true;
            if let Some(width) = out.width() {
                let left_out = self.fit(width);
                // Above the rows, since more of them may come.
                if let Some(note) = note(width, &left_out) {
                    out.line(note)?;
                }
            }
            let titles = self.columns.iter().map(|it| it.title.to_string()).collect();
            out.line(self.line(titles))?;
        }
        for row in std::mem::take(&mut self.rows) {
            out.line(self.line(row))?;
        }
        Ok(())
    }

    /// Narrows the columns to a terminal of that width, and hands out the titles of those that went.
    fn fit(&mut self, width: usize) -> Vec<Cow<'static, str>> {
        self.is_fitted = true;
        let mut left_out = Vec::new();
        while self.total() > width {
            let is_last = self.widths.len() <= 1;
            let widest = self
                .columns
                .iter()
                .zip(self.widths.iter_mut())
                .filter(|(column, width)| column.may_shrink && SHRUNK_MIN < **width)
                .max_by_key(|(_, width)| **width);
            match widest {
                Some((_, width)) => *width -= 1,
                None if is_last => break,
                None => {
                    self.widths.pop();
                    left_out.extend(self.columns.pop().map(|it| it.title));
                }
            }
        }
        left_out.reverse();
        left_out
    }

    fn total(&self) -> usize {
        let gaps = self.widths.len().saturating_sub(1) * GAP.len();
        self.widths.iter().sum::<usize>() + gaps
    }

    fn line(&self, cells: Vec<String>) -> String {
        let mut line = String::new();
        for ((column, width), cell) in self.columns.iter().zip(&self.widths).zip(cells) {
            if !line.is_empty() {
                line.push_str(GAP);
            }
            let cell = if column.may_shrink && self.is_fitted {
                cut(cell, *width)
            } else {
                cell
            };
            let room = " ".repeat(width.saturating_sub(cell.width()));
            if column.is_right {
                line.push_str(&room);
                line.push_str(&cell);
            } else {
                line.push_str(&cell);
                line.push_str(&room);
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// What is said of columns for which there is no room.
fn note(width: usize, left_out: &[Cow<'static, str>]) -> Option<String> {
    if left_out.is_empty() {
        return None;
    }
    let titles = left_out.join(", ");
    Some(format!(
        "{width} columns: without {titles}; a wider terminal or --json shows them"
    ))
}

/// `cell` in at most `width` columns, its end replaced by an ellipsis where it is longer.
fn cut(cell: String, width: usize) -> String {
    if cell.width() <= width {
        return cell;
    }
    let mut kept = String::new();
    let mut used = 1;
    for char in cell.chars() {
        used += char.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(char);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(vec![
            Column::left("a"),
            Column::right("number"),
            Column::text("words"),
            Column::left("last"),
        ]);
        table.push(vec![
            "xy".into(),
            "1".into(),
            "some words more".into(),
            "z".into(),
        ]);
        table
    }

    fn lines(table: &Table) -> Vec<String> {
        table.rows.iter().map(|it| table.line(it.clone())).collect()
    }

    #[test]
    fn columns_are_in_line() {
        assert_eq!(lines(&table()), ["xy       1  some words more  z"]);
    }

    #[test]
    fn texts_shrink_first_and_then_the_last_columns_go() {
        let mut narrow = table();
        assert_eq!(note(26, &narrow.fit(26)), None);
        assert_eq!(lines(&narrow), ["xy       1  some wo…  z"]);
        assert_eq!(
            note(20, &narrow.fit(20)).unwrap(),
            "20 columns: without last; a wider terminal or --json shows them"
        );
        assert_eq!(lines(&narrow), ["xy       1  some wo…"]);
        assert_eq!(narrow.fit(5), ["number", "words"]);
        assert_eq!(lines(&narrow), ["xy"]);
    }

    #[test]
    fn a_wide_character_takes_two_columns() {
        assert_eq!(cut("東京東京".to_owned(), 6), "東京…");
    }
}
