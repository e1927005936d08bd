//! What must not land in a recording: keys, signatures, tokens and passwords, by the name they stand
//! under, by how they look, and by what they are.
//!
//! Always true:
//! - What is redacted is replaced before it is written anywhere, a spilled call included.
//! - The value of a secret name is replaced whole, also when it is a list or an object.
//! - Texts are looked through too: `signature=..` in a URL, `"api_key": ".."` in a body that is a text,
//!   `Bearer ..`, a JSON web token, a private key, and the secrets that the bot said it has.
//!
//! Refused: guessing. A secret among the arguments by position has no name; say which argument it is, or
//! what it is.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use memchr::{memchr2, memmem};

use serde_json::value::RawValue;

use crate::record::field::{Json, JsonObject, Text, unescaped, write_string};
use crate::record::{CallRecord, Invalid};

/// What stands in the place of a secret.
pub(in crate::bot) const REDACTED: &str = "[redacted]";

/// Names, as [`normal`] makes them, that are secret wherever they stand in a name.
const WITHIN: &[&str] = &[
    "apikey",
    "secret",
    "signature",
    "password",
    "passwd",
    "passphrase",
    "authorization",
    "privatekey",
    "accesskey",
    "listenkey",
    "credential",
    "cookie",
];
/// Those that are secret at the end of a name: an `access_token` is, a `token_symbol` is not.
const AT_END: &[&str] = &["token", "apisign", "accesssign", "bapisign"];
/// Those that are secret alone.
const ALONE: &[&str] = &["sign", "sig", "pwd", "pass", "jwt", "otp", "pin"];

/// A shorter secret would be found in half of all texts.
const SECRET_LEN_MIN: usize = 6;
/// No text with a secret in it is shorter: `sig=` and something.
const TEXT_LEN_MIN: usize = 5;
/// No token is shorter.
const TOKEN_LEN_MIN: usize = 8;

/// Which parts of a call are replaced by `[redacted]`.
#[derive(Clone)]
pub struct Redaction {
    is_on: bool,
    names: Vec<String>,
    exceptions: HashSet<String>,
    arguments: HashMap<String, HashSet<usize>>,
    secrets: Vec<String>,
    /// What was found of the names that were looked at.
    known: HashMap<Box<str>, bool>,
}

/// As many names as a bot has; more are looked at each time.
const KNOWN_MAX: usize = 10_000;

impl Default for Redaction {
    /// Names and looks of API keys, signatures, tokens and passwords.
    fn default() -> Redaction {
        Redaction {
            is_on: true,
            names: Vec::new(),
            exceptions: HashSet::new(),
            arguments: HashMap::new(),
            secrets: Vec::new(),
            known: HashMap::new(),
        }
    }
}

/// Says nothing of the secrets.
impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redaction")
            .field("is_on", &self.is_on)
            .field("names", &self.names)
            .field("exceptions", &self.exceptions)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

impl Redaction {
    /// Replaces nothing by itself, neither by name nor by look; what is added to it is replaced.
    #[must_use]
    pub fn off() -> Redaction {
        Redaction {
            is_on: false,
            ..Redaction::default()
        }
    }

    /// What stands under a name with `name` in it is secret too; case, `_` and `-` do not matter.
    #[must_use]
    pub fn name(mut self, name: &str) -> Redaction {
        self.names.push(normal(name));
        self.known.clear();
        self
    }

    /// What stands under exactly this name is no secret.
    #[must_use]
    pub fn except(mut self, name: &str) -> Redaction {
        self.exceptions.insert(normal(name));
        self.known.clear();
        self
    }

    /// The argument of `method` at `position`, from 0, is secret.
    #[must_use]
    pub fn argument(mut self, method: &str, position: usize) -> Redaction {
        let positions = self.arguments.entry(method.to_owned()).or_default();
        positions.insert(position);
        self
    }

    /// `secret` itself, of 6 characters at least, is replaced wherever it stands.
    #[must_use]
    pub fn secret(mut self, secret: &str) -> Redaction {
        if SECRET_LEN_MIN <= secret.len() {
            self.secrets.push(secret.to_owned());
            // A secret that holds another goes first.
            self.secrets.sort_by_key(|it| std::cmp::Reverse(it.len()));
        }
        self
    }

    /// Whether what stands under `name` is secret.
    pub(super) fn is_secret(&mut self, name: &str) -> bool {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let secret = self.looks_secret(name);
        if self.known.len() < KNOWN_MAX {
            self.known.insert(name.into(), secret);
        }
        secret
    }

    fn looks_secret(&self, name: &str) -> bool {
        let name = normal(name);
        if self.exceptions.contains(&name) {
            return false;
        }
        let by_itself = WITHIN.iter().any(|it| name.contains(it))
            || AT_END.iter().any(|it| name.ends_with(it))
            || ALONE.contains(&&*name);
        (self.is_on && by_itself) || self.names.iter().any(|it| name.contains(&**it))
    }

    /// Which arguments of `method` are secret.
    pub(super) fn arguments(&self, method: &str) -> Option<&HashSet<usize>> {
        if self.arguments.is_empty() {
            return None;
        }
        self.arguments.get(method)
    }

    /// `text` without the secrets in it.
    pub(in crate::bot) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if text.len() < TEXT_LEN_MIN {
            return Cow::Borrowed(text);
        }
        let mut text = Cow::Borrowed(text);
        for secret in &self.secrets {
            if text.contains(&**secret) {
                text = Cow::Owned(text.replace(&**secret, REDACTED));
            }
        }
        if self.is_on || !self.names.is_empty() {
            self.named(&mut text);
        }
        if self.is_on && 2 * TOKEN_LEN_MIN <= text.len() {
            by_look(&mut text);
        }
        text
    }

    /// `json` without the secrets in it, appended to `out`. Its own text otherwise, digits and all.
    pub(super) fn json(&mut self, json: &str, out: &mut Vec<u8>) {
        let mut rest = json;
        while !rest.is_empty() {
            let Some(quote) = memchr::memchr(b'"', rest.as_bytes()) else {
                out.extend_from_slice(rest.as_bytes());
                return;
            };
            let (before, string) = rest.split_at_checked(quote).unwrap_or((rest, ""));
            out.extend_from_slice(before.as_bytes());
            let (string, after) = string
                .split_at_checked(string_len(string))
                .unwrap_or((string, ""));
            let text = unescaped(string).unwrap_or_default();
            rest = after;
            let Some(value) = after.strip_prefix(':') else {
                write_string(&self.text(&text), out);
                continue;
            };
            out.extend_from_slice(string.as_bytes());
            out.push(b':');
            rest = value;
            if self.is_secret(&text) && !value.starts_with(['n', 't', 'f']) {
                write_string(REDACTED, out);
                rest = value.get(value_len(value)..).unwrap_or("");
            }
        }
    }

    /// The arguments of a call as they stand in a recording. What cannot be told apart stays as it is.
    pub(in crate::bot) fn call(
        &mut self,
        method: &str,
        args: &Json,
        kwargs: &JsonObject,
    ) -> Option<(Json, JsonObject)> {
        let secret = self.arguments(method).cloned().unwrap_or_default();
        let list: Vec<&RawValue> = serde_json::from_str(args.as_str()).ok()?;
        let mut out = vec![b'['];
        for (position, value) in list.into_iter().enumerate() {
            if position != 0 {
                out.push(b',');
            }
            match secret.contains(&position) {
                true => write_string(REDACTED, &mut out),
                false => self.json(value.get(), &mut out),
            }
        }
        out.push(b']');
        let args = String::from_utf8(out).ok()?.parse().ok()?;
        let mut out = Vec::new();
        self.json(kwargs.as_str(), &mut out);
        Some((args, String::from_utf8(out).ok()?.parse().ok()?))
    }

    /// `call` without its secrets, for one that no recorder recorded.
    ///
    /// # Errors
    /// None that a legal call has.
    pub fn redacted(&mut self, call: CallRecord) -> Result<CallRecord, Invalid> {
        let mut parts = call.into_parts();
        if let Some(without) = self.call(parts.method.as_str(), &parts.args, &parts.kwargs) {
            (parts.args, parts.kwargs) = without;
        }
        let method = self.text(parts.method.as_str()).into_owned();
        parts.method = Text::of(&method).unwrap_or(parts.method);
        if let Some(result) = &mut parts.result {
            let mut out = Vec::new();
            self.json(result.as_str(), &mut out);
            if let Ok(text) = std::str::from_utf8(&out) {
                *result = text.parse().unwrap_or_else(|_| result.clone());
            }
        }
        if let Some(error) = &mut parts.error {
            let text = self.text(error.as_str()).into_owned();
            *error = Text::of(&text).unwrap_or_else(|| error.clone());
        }
        CallRecord::new(parts)
    }

    /// Values behind names: `name=value`, `name: value`, `"name": "value"`.
    fn named(&self, text: &mut Cow<'_, str>) {
        let mut from = 0;
        while let Some(at) = text
            .get(from..)
            .and_then(|it| memchr2(b'=', b':', it.as_bytes()))
        {
            let at = from + at;
            from = at + 1;
            let (before, after) = (text.get(..at).unwrap_or(""), text.get(from..).unwrap_or(""));
            let name = name_at_end(before);
            if !self.looks_secret(name) {
                continue;
            }
            // Headers have several words: a scheme and a token, one cookie after another.
            let normal = normal(name);
            let is_header = normal.contains("authorization") || normal.contains("cookie");
            let value = value_at_start(after, is_header);
            let is_done = after
                .get(value.start..)
                .is_some_and(|it| it.starts_with(REDACTED));
            if value.is_empty() || is_done {
                continue;
            }
            let (start, end) = (from + value.start, from + value.end);
            text.to_mut().replace_range(start..end, REDACTED);
            from = start + REDACTED.len();
        }
    }
}

/// The length of the string, quotes included, that well-formed JSON begins with.
fn string_len(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

/// The length of the value that compact, well-formed JSON begins with.
fn value_len(json: &str) -> usize {
    let (mut at, mut open) = (0, 0_u32);
    while let Some(byte) = json.as_bytes().get(at) {
        match byte {
            b'"' => at += string_len(json.get(at..).unwrap_or("")),
            b'[' | b'{' => {
                open += 1;
                at += 1;
            }
            b']' | b'}' | b',' if open == 0 => return at,
            b']' | b'}' => {
                open -= 1;
                at += 1;
            }
            _ => at += 1,
        }
    }
    at
}

/// Lower case, without what joins words.
fn normal(name: &str) -> String {
    name.chars()
        .filter(|it| !matches!(it, '_' | '-' | ' ' | '.'))
        .map(|it| it.to_ascii_lowercase())
        .collect()
}

/// The name that `text` ends with, quotes and spaces left out.
fn name_at_end(text: &str) -> &str {
    let text = text.trim_end_matches(['"', '\'', '\\', ' ']);
    let in_name = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.');
    let start = text.trim_end_matches(in_name).len();
    text.get(start..).unwrap_or("")
}

/// Where the value is that `text` begins with: a quoted one up to its quote, a list, an object or what is in
/// brackets up to the last of these, another up to what cannot be in it; with `is_line`, all of the line.
fn value_at_start(text: &str, is_line: bool) -> std::ops::Range<usize> {
    // The quote of the name, and spaces: `"key": `, `\"key\":`.
    let start = text.len() - text.trim_start_matches(' ').len();
    let value = text.get(start..).unwrap_or("");
    for quote in ["\\\"", "\"", "'"] {
        if let Some(rest) = value.strip_prefix(quote) {
            let begin = start + quote.len();
            return begin..begin + quoted_len(rest, quote);
        }
    }
    let len = match is_line {
        true => value.find(['\n', '\r', '"', '\'']).unwrap_or(value.len()),
        false => plain_len(value),
    };
    start..start + len
}

/// The length of what stands before the quote that ends it.
fn quoted_len(text: &str, quote: &str) -> usize {
    let escape = if quote.starts_with('\\') {
        "\\\\"
    } else {
        "\\"
    };
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|it| !it.is_empty()) {
        if rest.starts_with(quote) && quote.starts_with('\\') {
            return at;
        }
        if let Some(escaped) = rest.strip_prefix(escape) {
            at += escape.len() + escaped.chars().next().map_or(0, char::len_utf8);
        } else if rest.starts_with(quote) {
            return at;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a value without quotes: brackets in it are whole, as in `Some("..")`, `["..", ".."]`.
fn plain_len(text: &str) -> usize {
    let mut open = 0_u32;
    for (at, it) in text.char_indices() {
        match it {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' if open == 0 => return at,
            ')' | ']' | '}' => {
                open -= 1;
                if open == 0 {
                    return at + 1;
                }
            }
            '&' | ',' | ';' | '"' | '\'' | '<' if open == 0 => return at,
            it if it.is_whitespace() && open == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// What looks like a secret without a name.
fn by_look(text: &mut Cow<'_, str>) {
    if memmem::find(text.as_bytes(), b"-----BEGIN ").is_some() && text.contains("PRIVATE KEY") {
        *text = Cow::Borrowed(REDACTED);
        return;
    }
    for (mark, keeps_mark) in [
        ("Bearer ", true),
        ("bearer ", true),
        ("Basic ", true),
        ("eyJ", false),
    ] {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|it| it.find(mark)) {
            let at = from + at;
            let start = if keeps_mark { at + mark.len() } else { at };
            let rest = text.get(start..).unwrap_or("");
            let in_token = |it: char| {
                it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.' | '+' | '/' | '=' | '~')
            };
            let len = rest.find(|it| !in_token(it)).unwrap_or(rest.len());
            let is_token = match keeps_mark {
                true => TOKEN_LEN_MIN <= len,
                // A JSON web token has three parts.
                false => rest
                    .get(..len)
                    .is_some_and(|it| 2 <= it.matches('.').count()),
            };
            from = start + len;
            if is_token {
                text.to_mut().replace_range(start..start + len, REDACTED);
                from = start + REDACTED.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record as _;

    #[test]
    fn names_are_secret_however_they_are_spelled() {
        let mut rules = Redaction::default();
        for name in [
            "api_key",
            "apiKey",
            "X-MBX-APIKEY",
            "api-secret",
            "X-BAPI-SIGN",
            "sign",
            "signature",
            "access_token",
            "refreshToken",
            "token",
            "Password",
            "passphrase",
            "Authorization",
            "KC-API-PASSPHRASE",
            "listenKey",
            "CB-ACCESS-SIGN",
            "privateKey",
            "Set-Cookie",
            "pin",
        ] {
            assert!(rules.is_secret(name), "{name}");
        }
        for name in [
            "symbol",
            "key",
            "token_symbol",
            "tokenAddress",
            "design",
            "assigned",
            "price",
            "hash_value",
            "spin",
            "signal",
            "passive",
        ] {
            assert!(!rules.is_secret(name), "{name}");
            assert!(!rules.is_secret(name), "{name} again");
        }
        let mut rules = Redaction::default().name("account-hash").except("token");
        assert!(rules.is_secret("account_hash"));
        assert!(!rules.is_secret("token"));
        let mut off = Redaction::off().name("hash");
        assert!(!off.is_secret("password") && off.is_secret("hash_value"));
    }

    #[test]
    fn secrets_in_texts_are_replaced_and_the_rest_stays() {
        let rules = Redaction::default().secret("hunter2!");
        for (text, redacted) in [
            (
                "https://x/y?symbol=A&signature=ab12&ts=1",
                "https://x/y?symbol=A&signature=[redacted]&ts=1",
            ),
            (
                "{\"api_key\": \"k-1 2\", \"qty\": 3}",
                "{\"api_key\": \"[redacted]\", \"qty\": 3}",
            ),
            (
                "{\\\"apiKey\\\":\\\"k\\\"}",
                "{\\\"apiKey\\\":\\\"[redacted]\\\"}",
            ),
            (
                "401 for Authorization: Bearer abc.def-1, retry",
                "401 for Authorization: [redacted]",
            ),
            (
                "got Bearer 0123456789abcdef back",
                "got Bearer [redacted] back",
            ),
            ("token eyJhbGciOi.eyJzdWIi.sig_-x!", "token [redacted]!"),
            ("-----BEGIN EC PRIVATE KEY-----\nabc", "[redacted]"),
            ("login with hunter2! failed", "login with [redacted] failed"),
            ("password=hunter2!&x=1", "password=[redacted]&x=1"),
            ("sig=a", "sig=[redacted]"),
            ("signature=&x=1", "signature=&x=1"),
        ] {
            assert_eq!(rules.text(text), redacted, "{text}");
        }
        for text in [
            "AAPL",
            "",
            "2024-01-08T09:30:00Z",
            "price: 150.25",
            "Bearer market ahead",
            "eyJ is no token of three",
            "a=b&c=d",
            "ratio 3:2",
            "key=value",
        ] {
            assert_eq!(rules.text(text), text);
        }
        assert_eq!(Redaction::off().text("password=x1234"), "password=x1234");
    }

    #[test]
    fn values_that_are_shown_or_are_json_or_headers_go_whole() {
        let rules = Redaction::default();
        for (text, redacted) in [
            (
                "access_token: Some(\"leak\"), n: 1",
                "access_token: [redacted], n: 1",
            ),
            (
                "ApiKey { api_key: Key(\"leak\") }",
                "ApiKey { api_key: [redacted] }",
            ),
            (
                "{\"password\":[\"leak\",\"leak\"],\"a\":1}",
                "{\"password\":[redacted],\"a\":1}",
            ),
            (
                "{\"signature\":\"ab\\/cd-leak==\"}",
                "{\"signature\":\"[redacted]\"}",
            ),
            (
                "{\"password\":\"a\\\"leak\"}",
                "{\"password\":\"[redacted]\"}",
            ),
            (
                "Authorization: Token leak\nHost: x",
                "Authorization: [redacted]\nHost: x",
            ),
            ("Cookie: a=1; sid=leak", "Cookie: [redacted]"),
        ] {
            assert_eq!(rules.text(text), redacted, "{text}");
        }
    }

    #[test]
    fn a_call_of_others_loses_its_secrets_and_nothing_else() {
        let line = r#"{"timestamp":"2024-01-08T14:30:00.000Z","method":"login","args":["u","p",{"sign":"x"}],"kwargs":{"api_key":[1],"qty":1.50},"result":{"access_token":"t","ok":true},"error":null,"duration_ns":0}"#;
        let call = CallRecord::decode(line.as_bytes()).unwrap();
        let without = Redaction::default()
            .argument("login", 1)
            .redacted(call)
            .unwrap();
        assert_eq!(
            without.args().as_str(),
            r#"["u","[redacted]",{"sign":"[redacted]"}]"#
        );
        assert_eq!(
            without.kwargs().as_str(),
            r#"{"api_key":"[redacted]","qty":1.50}"#
        );
        assert_eq!(
            without.result().map(Json::as_str),
            Some(r#"{"access_token":"[redacted]","ok":true}"#)
        );
        let failed = line
            .replace(r#"{"access_token":"t","ok":true}"#, "null")
            .replace(r#""error":null"#, r#""error":"?sig=1 is wrong""#);
        let call = CallRecord::decode(failed.as_bytes()).unwrap();
        let without = Redaction::default().redacted(call).unwrap();
        assert_eq!(without.error(), Some("?sig=[redacted] is wrong"));
    }

    #[test]
    fn no_secret_is_shown_when_the_rules_are() {
        let rules = Redaction::default().secret("hunter2!").argument("login", 1);
        assert!(!format!("{rules:?}").contains("hunter2"));
        assert!(rules.arguments("login").is_some_and(|it| it.contains(&1)));
        assert!(rules.arguments("logout").is_none());
    }
}
