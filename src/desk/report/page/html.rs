//! Texts in HTML.
//!
//! Always true: a text out of a journal stays a text, whatever is in it: it can begin no element, end no
//! attribute and no script.

use std::borrow::Cow;

/// A text as the content of an element or of an attribute in quotes.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|it| replacement(it).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match replacement(char) {
            Some(instead) => out.push_str(instead),
            None => out.push(char),
        }
    }
    Cow::Owned(out)
}

fn replacement(char: char) -> Option<&'static str> {
    match char {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        // HTML has no controls but white space; this is what is shown for one.
        '\t' | '\n' | '\r' => None,
        char if char.is_control() => Some("\u{fffd}"),
        _ => None,
    }
}

/// JSON as the content of a `script` element: the same JSON, and nothing in it ends the element.
pub(super) fn in_script(json: &str) -> String {
    // Only texts in JSON can have these characters.
    json.replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// A text out of the journal that cannot turn the direction of what is around it.
pub(super) fn text(text: &str) -> String {
    format!("<bdi>{}</bdi>", escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_a_text() {
        assert_eq!(escaped("bull-flag, äöü"), "bull-flag, äöü");
        assert_eq!(
            escaped("<script>alert('a' & \"b\")</script>"),
            "&lt;script&gt;alert(&#39;a&#39; &amp; &quot;b&quot;)&lt;/script&gt;"
        );
        assert_eq!(escaped("a\u{0}\u{1b}[2J\n"), "a\u{fffd}\u{fffd}[2J\n");
    }

    #[test]
    fn json_in_a_script_is_the_same_json_and_does_not_end_it() {
        let hostile = serde_json::json!({"a": "</script><!--<script>\u{2028}"});
        let shown = in_script(&hostile.to_string());
        assert!(!shown.contains('<') && !shown.contains('\u{2028}'));
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read, hostile);
    }
}
