//! `[tax]` of `tj.toml`: which rules a tax book follows, and what the journal does not say.
//!
//! Always true: the defaults are those of the library, which need no election; days begin in New York.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tradejournal::books::tax::{LotScope, Method, Options, Split, Tack, WashRules, WashScope};
use tradejournal::record::field::AssetClass;
use tradejournal::time::Day;

use super::{Parser, Source};

/// What `[tax]` says.
#[derive(Clone, Debug)]
pub(crate) struct TaxSettings {
    /// The rules, but for the zone.
    pub(crate) options: Options,
    /// Where the days begin.
    pub(crate) timezone: Tz,
    /// What kinds of thing symbols are.
    pub(crate) classes: BTreeMap<String, AssetClass>,
    /// The boxes of the form, by account.
    pub(crate) boxes: BTreeMap<String, String>,
    /// Which of these the file has.
    given: Vec<&'static str>,
}

impl Default for TaxSettings {
    fn default() -> TaxSettings {
        TaxSettings {
            options: Options::default(),
            timezone: Tz::America__New_York,
            classes: BTreeMap::new(),
            boxes: BTreeMap::new(),
            given: Vec::new(),
        }
    }
}

/// Symbols that are substantially identical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identical(pub(crate) Vec<String>);

/// Reads `GOOG,GOOGL`.
pub(crate) fn identical(text: &str) -> Result<Identical, String> {
    let symbols = text.split(',').map(|it| it.trim().to_owned());
    let symbols: Vec<String> = symbols.filter(|it| !it.is_empty()).collect();
    match symbols.len() {
        0 | 1 => Err("write two symbols or more, such as GOOG,GOOGL".to_owned()),
        _ => Ok(Identical(symbols)),
    }
}

/// Reads `NVDA=2024-06-10=10:1`.
pub(crate) fn split(text: &str) -> Result<Split, String> {
    let read = || {
        let mut parts = text.split('=');
        let (symbol, day, ratio) = (parts.next()?.trim(), parts.next()?, parts.next()?);
        let (new, old) = ratio.split_once(':')?;
        let count = |it: &str| it.trim().parse::<u32>().ok().filter(|it| *it != 0);
        let split = Split {
            symbol: symbol.to_owned(),
            day: day.trim().parse::<Day>().ok()?,
            new: count(new)?,
            old: count(old)?,
        };
        (!symbol.is_empty() && parts.next().is_none()).then_some(split)
    };
    let form = "write it as NVDA=2024-06-10=10:1, ten new shares for one old from that day on";
    read().ok_or_else(|| form.to_owned())
}

const KEYS: [&str; 8] = [
    "method",
    "timezone",
    "lot_scope",
    "force_average",
    "splits",
    "wash",
    "classes",
    "boxes",
];
const WASH_KEYS: [&str; 8] = [
    "classes",
    "scope",
    "tack",
    "exclude_older",
    "same_sale_replaces",
    "taxable_first",
    "ira",
    "identical",
];
const LOT_SCOPES: [(&str, LotScope); 2] =
    [("account", LotScope::Account), ("global", LotScope::Global)];
const WASH_SCOPES: [(&str, WashScope); 2] = [
    ("taxpayer", WashScope::Taxpayer),
    ("account", WashScope::Account),
];
const TACKS: [(&str, Tack); 2] = [("days", Tack::Days), ("original", Tack::Original)];
const METHODS: [(&str, Method); 5] = [
    ("fifo", Method::Fifo),
    ("lifo", Method::Lifo),
    ("hifo", Method::Hifo),
    ("specid", Method::Specid),
    ("average", Method::Average),
];

impl TaxSettings {
    /// Each setting with its value, and where that is from.
    pub(crate) fn rows(&self) -> Vec<(&'static str, Value, Source)> {
        let wash = &self.options.wash;
        let list = |it: Vec<String>| Value::from(Some(it.join(", ")).filter(|it| !it.is_empty()));
        let pairs = |it: Vec<(&String, &str)>| {
            list(
                it.into_iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect(),
            )
        };
        let classes = self
            .classes
            .iter()
            .map(|(symbol, class)| (symbol, class.as_str()));
        let boxes = self
            .boxes
            .iter()
            .map(|(account, it)| (account, it.as_str()));
        let washed = AssetClass::ALL.iter().filter(|it| wash.covers(**it));
        let identical = wash.identical.iter().map(|it| it.join("="));
        let splits = self.options.splits.iter();
        let splits = splits.map(|it| format!("{}={}={}:{}", it.symbol, it.day, it.new, it.old));
        let rows = [
            ("tax.method", self.options.method.to_string().into()),
            ("tax.timezone", self.timezone.name().into()),
            (
                "tax.lot_scope",
                name(&LOT_SCOPES, self.options.lot_scope).into(),
            ),
            ("tax.force_average", self.options.force_average.into()),
            ("tax.splits", list(splits.collect())),
            ("tax.classes", pairs(classes.collect())),
            ("tax.boxes", pairs(boxes.collect())),
            (
                "tax.wash.classes",
                list(washed.map(ToString::to_string).collect()),
            ),
            ("tax.wash.scope", name(&WASH_SCOPES, wash.scope).into()),
            ("tax.wash.tack", name(&TACKS, wash.tack).into()),
            ("tax.wash.exclude_older", wash.exclude_older.into()),
            (
                "tax.wash.same_sale_replaces",
                wash.same_sale_replaces.into(),
            ),
            ("tax.wash.taxable_first", wash.taxable_first.into()),
            ("tax.wash.ira", list(wash.ira.clone())),
            ("tax.wash.identical", list(identical.collect())),
        ];
        let from = |key: &str| match self
            .given
            .iter()
            .any(|it| key.strip_prefix("tax.") == Some(*it))
        {
            true => Source::File,
            false => Source::Default,
        };
        rows.into_iter()
            .map(|(key, value)| (key, value, from(key)))
            .collect()
    }

    fn note(&mut self, keys: &[&'static str], name: &str) {
        self.given.extend(keys.iter().find(|it| **it == name));
    }
}

fn name<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|it| it.1 == value).map_or("", |it| it.0)
}

impl Parser<'_> {
    pub(super) fn tax(&mut self, table: &DeTable<'_>) -> TaxSettings {
        let mut settings = TaxSettings::default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            settings.note(&KEYS, name);
            let options = &mut settings.options;
            match name {
                "method" => options.method = self.word(name, value, &METHODS).unwrap_or_default(),
                "timezone" => {
                    settings.timezone = self.timezone(name, value).unwrap_or(settings.timezone);
                }
                "lot_scope" => {
                    options.lot_scope = self.word(name, value, &LOT_SCOPES).unwrap_or_default();
                }
                "force_average" => options.force_average = self.switch(name, value),
                "splits" => options.splits = self.read(name, value, split),
                "wash" => match value.get_ref() {
                    DeValue::Table(table) => self.wash(table, &mut settings),
                    _ => self.no_section(value, "tax.wash"),
                },
                "classes" => match value.get_ref() {
                    DeValue::Table(table) => settings.classes = self.classes(table),
                    _ => self.no_section(value, "tax.classes"),
                },
                "boxes" => match value.get_ref() {
                    DeValue::Table(table) => settings.boxes = self.boxes(table),
                    _ => self.no_section(value, "tax.boxes"),
                },
                _ => self.unknown(&key.span(), "key", name, &KEYS),
            }
        }
        settings
    }

    fn wash(&mut self, table: &DeTable<'_>, settings: &mut TaxSettings) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            settings.given.extend(wash_key(name));
            let wash = &mut settings.options.wash;
            match name {
                "classes" => *wash = self.covered(name, value, wash),
                "scope" => wash.scope = self.word(name, value, &WASH_SCOPES).unwrap_or_default(),
                "tack" => wash.tack = self.word(name, value, &TACKS).unwrap_or_default(),
                "exclude_older" => wash.exclude_older = self.switch(name, value),
                "same_sale_replaces" => wash.same_sale_replaces = self.switch(name, value),
                "taxable_first" => wash.taxable_first = self.switch(name, value),
                "ira" => wash.ira = self.words(name, value),
                "identical" => {
                    let groups = self.read(name, value, identical);
                    wash.identical = groups.into_iter().map(|it| it.0).collect();
                }
                _ => self.unknown(&key.span(), "key", name, &WASH_KEYS),
            }
        }
    }

    /// The same rules, of the classes that a list names and of no other.
    fn covered(&mut self, key: &str, value: &Spanned<DeValue<'_>>, rules: &WashRules) -> WashRules {
        let classes = self.read(key, value, |it| {
            let class = it.parse::<AssetClass>();
            class.map_err(|wrong| wrong.to_string())
        });
        WashRules {
            equity: classes.contains(&AssetClass::Equity),
            fund: classes.contains(&AssetClass::Fund),
            crypto: classes.contains(&AssetClass::Crypto),
            ..rules.clone()
        }
    }

    fn classes(&mut self, table: &DeTable<'_>) -> BTreeMap<String, AssetClass> {
        let mut classes = BTreeMap::new();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let words: Vec<_> = AssetClass::ALL
                .iter()
                .map(|it| (it.as_str(), *it))
                .collect();
            let class = self.word(name, value, &words);
            classes.extend(class.map(|it| (name.to_owned(), it)));
        }
        classes
    }

    fn boxes(&mut self, table: &DeTable<'_>) -> BTreeMap<String, String> {
        let mut boxes = BTreeMap::new();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let text = self.string(name, value);
            boxes.extend(text.map(|it| (name.to_owned(), it.to_owned())));
        }
        boxes
    }

    fn switch(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> bool {
        let given = value.get_ref().as_bool();
        if given.is_none() {
            let problem = format!("`{key}` is true or false");
            self.problem(&value.span(), problem, None);
        }
        given.unwrap_or_default()
    }

    /// A list of texts, each of which is read.
    fn read<T>(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let Some(given) = value.get_ref().as_array() else {
            let problem = format!("`{key}` is a list of texts in quotes");
            self.problem(&value.span(), problem, None);
            return Vec::new();
        };
        let mut all = Vec::new();
        for value in given.iter() {
            let Some(text) = self.string(key, value) else {
                continue;
            };
            match read(text) {
                Ok(it) => all.push(it),
                Err(why) => self.problem(&value.span(), format!("`{key}`: {why}"), None),
            }
        }
        all
    }

    fn no_section(&mut self, value: &Spanned<DeValue<'_>>, name: &str) {
        let key = name.trim_start_matches("tax.");
        let problem = format!("`{key}` is a section: write [{name}]");
        self.problem(&value.span(), problem, None);
    }
}

/// The key of `[tax.wash]` as [`TaxSettings::rows`] has it.
fn wash_key(name: &str) -> Option<&'static str> {
    let keys = [
        "wash.classes",
        "wash.scope",
        "wash.tack",
        "wash.exclude_older",
        "wash.same_sale_replaces",
        "wash.taxable_first",
        "wash.ira",
        "wash.identical",
    ];
    keys.into_iter()
        .find(|it| it.strip_prefix("wash.") == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Values;

    fn problems(tax: &str) -> Vec<String> {
        match Values::parse(tax) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn every_wrong_rule_is_refused_with_its_line() {
        let text = "[tax]\nmethod = \"filo\"\ntimezone = \"America/New_Yrk\"\nlot_scope = \"all\"\n\
                    force_average = 1\nsplits = [\"NVDA=2024-06-10\", \"A=2024-06-10=0:1\"]\nclasses = 1\n\
                    metod = 1\n[tax.wash]\nclasses = [\"stock\"]\nscope = \"all\"\ntack = 1\nira = \"roth\"\n\
                    identical = [\"GOOG\"]\nolder = true\n[tax.boxes]\nmain = \" \"\n";
        let form = "write it as NVDA=2024-06-10=10:1, ten new shares for one old from that day on";
        assert_eq!(
            problems(text),
            [
                "line 2: `method` is one of \"fifo\", \"lifo\", \"hifo\", \"specid\", \"average\"",
                "line 3: unknown time zone `America/New_Yrk` (did you mean `America/New_York`?)",
                "line 4: `lot_scope` is one of \"account\", \"global\"",
                "line 5: `force_average` is true or false",
                &format!("line 6: `splits`: {form}"),
                &format!("line 6: `splits`: {form}"),
                "line 7: `classes` is a section: write [tax.classes]",
                "line 8: unknown key `metod` (did you mean `method`?)",
                "line 10: `classes`: must be \"equity\", \"fund\" or \"crypto\", got \"stock\"",
                "line 11: `scope` is one of \"taxpayer\", \"account\"",
                "line 12: `tack` is one of \"days\", \"original\"",
                "line 13: `ira` is a list of words in quotes",
                "line 14: `identical`: write two symbols or more, such as GOOG,GOOGL",
                "line 15: unknown key `older` (known: classes, scope, tack, exclude_older, same_sale_replaces, taxable_first, ira, identical)",
                "line 17: `main` is a text in quotes, not blank",
            ]
        );
        let section = "line 1: `tax` is a section: write [tax]";
        assert_eq!(problems("tax = 1\n"), [section]);
    }

    #[test]
    fn what_is_given_is_shown_as_of_the_file() {
        let text = "[tax]\nmethod = \"hifo\"\nsplits = [\"NVDA=2024-06-10=10:1\"]\n[tax.wash]\n\
                    classes = []\nidentical = [\"GOOG,GOOGL\"]\n[tax.classes]\nSPY = \"fund\"\n";
        let tax = Values::parse(text).unwrap().tax;
        let rows = tax.rows();
        let shown = |key: &str| {
            let row = rows.iter().find(|it| it.0 == key).unwrap();
            (row.1.as_str().unwrap_or("-").to_owned(), row.2)
        };
        assert_eq!(shown("tax.method"), ("hifo".to_owned(), Source::File));
        assert_eq!(shown("tax.splits").0, "NVDA=2024-06-10=10:1");
        assert_eq!(shown("tax.wash.classes"), ("-".to_owned(), Source::File));
        assert_eq!(shown("tax.wash.identical").0, "GOOG=GOOGL");
        assert_eq!(shown("tax.classes").0, "SPY=fund");
        assert_eq!(
            shown("tax.timezone"),
            ("America/New_York".to_owned(), Source::Default)
        );
        let wash = &tax.options.wash;
        assert!(!wash.equity && !wash.fund && !wash.crypto);
    }
}
