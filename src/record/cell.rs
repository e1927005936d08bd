//! A value as a cell of a CSV table that people open in a spreadsheet.
//!
//! Always true:
//! - The rows are those of RFC 4180: each ends in CR LF, and a cell with a comma, a quotation mark or a line
//!   break is quoted.
//! - A text from outside that a spreadsheet would take for a formula begins with an apostrophe. Numbers,
//!   times and words are ours and never do, so that `-12.50` is a number.
//!
//! Not here: which columns a table has.

/// How a row ends.
pub(crate) const ROW_END: &str = "\r\n";

/// Appends a text from outside.
pub(crate) fn push_text(out: &mut String, text: &str) {
    if is_formula(text) {
        push_exact(out, &format!("'{text}"));
    } else {
        push_exact(out, text);
    }
}

/// Appends a number, a time or a word of ours.
pub(crate) fn push_exact(out: &mut String, text: &str) {
    if text.contains([',', '"', '\r', '\n']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}
