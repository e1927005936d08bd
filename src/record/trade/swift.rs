//! The swift reader of trades: for lines in our own order with our own spelling.
//!
//! Always true: it reads a line exactly as the door does, or not at all. At the first surprise (an
//! escape, white space, another order, a broken rule) it gives up and the door reads the line
//! from its beginning, with its errors. A test holds the two against each other.
//!
//! Not here: errors.

use std::marker::PhantomData;

use crate::record::field::{
    AccountId, Action, BotVersion, ConfigHash, ExecutionMode, Fee, Money, OrderId, Outcome, Price,
    Quantity, Ratio, SessionId, Symbol, Text, whole,
};
use crate::record::trade::{TradeDraft, TradeParts, rules};
use crate::time::Timestamp;

/// A legal trade whose texts are still in the line.
pub(crate) struct Seen<'a> {
    timestamp: Timestamp,
    symbol: Symbol,
    action: Action,
    quantity: Quantity,
    price: Price,
    total_value: Money,
    order_id: &'a str,
    execution_mode: ExecutionMode,
    account_id: Option<&'a str>,
    strategy_name: &'a str,
    entry_type: &'a str,
    stop_loss: Option<Price>,
    target: Option<Price>,
    decision_reasoning: &'a str,
    indicators_used: Elements<'a>,
    risk_reward_ratio: Option<Ratio>,
    outcome: Outcome,
    profit_loss: Option<Money>,
    hold_duration_seconds: Option<u64>,
    exit_timestamp: Option<Timestamp>,
    exit_reasoning: Option<&'a str>,
    slippage: Option<Money>,
    commission: Option<Fee>,
    net_profit_loss: Option<Money>,
    session_id: SessionId,
    bot_version: &'a str,
    config_hash: ConfigHash,
}

/// The trade in `json`, or `None` where the door has to look. A `version` that is known to be
/// legal need not be looked at again.
#[inline(always)]
pub(crate) fn see<'a>(json: &'a str, version: Option<&BotVersion>) -> Option<Seen<'a>> {
    // The newline of a line is white space to the door.
    let json = json.strip_suffix('\n').unwrap_or(json);
    if !is_plain(json) {
        return None;
    }
    let mut line = Line(json);
    let seen = fields(&mut line, version)?;
    end(&mut line)?;
    keeps_rules(&seen).then_some(seen)
}

/// Without an escape or a control character a text ends at the next quote, as it stands.
#[inline]
fn is_plain(json: &str) -> bool {
    let odd = |byte: u8| (byte < 0x20) | (byte == b'\\');
    // No early end: that lets the compiler look at many bytes at once.
    !json.bytes().fold(false, |found, byte| found | odd(byte))
}

#[inline(always)]
fn fields<'a>(line: &mut Line<'a>, version: Option<&BotVersion>) -> Option<Seen<'a>> {
    Some(Seen {
        timestamp: line.after("{\"timestamp\":\"")?.time()?,
        symbol: Symbol::of(line.after(",\"symbol\":\"")?.text()?.as_bytes())?,
        action: Action::of(line.after(",\"action\":\"")?.text()?.as_bytes())?,
        quantity: Quantity::of_digits(line.after(",\"quantity\":")?.number()?.as_bytes())?,
        price: Price::of_digits(line.after(",\"price\":\"")?.text()?.as_bytes())?,
        total_value: Money::of_digits(line.after(",\"total_value\":\"")?.text()?.as_bytes())?,
        order_id: line
            .after(",\"order_id\":\"")?
            .text()
            .filter(|it| OrderId::holds(it))?,
        execution_mode: ExecutionMode::of(
            line.after(",\"execution_mode\":\"")?.text()?.as_bytes(),
        )?,
        account_id: line
            .after(",\"account_id\":")?
            .optional(|it| it.text().filter(|it| AccountId::holds(it)))?,
        strategy_name: line.after(",\"strategy_name\":\"")?.not_blank()?,
        entry_type: line.after(",\"entry_type\":\"")?.not_blank()?,
        stop_loss: line.after(",\"stop_loss\":")?.optional(Line::price)?,
        target: line.after(",\"target\":")?.optional(Line::price)?,
        decision_reasoning: line.after(",\"decision_reasoning\":\"")?.not_blank()?,
        indicators_used: line.after(",\"indicators_used\":[")?.list()?,
        risk_reward_ratio: line
            .after(",\"risk_reward_ratio\":")?
            .number_or_null(|it| Ratio::of(it.as_bytes()))?,
        outcome: Outcome::of(line.after(",\"outcome\":\"")?.text()?.as_bytes())?,
        profit_loss: line.after(",\"profit_loss\":")?.optional(Line::money)?,
        hold_duration_seconds: line
            .after(",\"hold_duration_seconds\":")?
            .number_or_null(|it| whole::parse(it.as_bytes()))?,
        exit_timestamp: line.after(",\"exit_timestamp\":")?.optional(Line::time)?,
        exit_reasoning: line
            .after(",\"exit_reasoning\":")?
            .optional(Line::not_blank)?,
        slippage: line.after(",\"slippage\":")?.optional(Line::money)?,
        commission: line
            .after(",\"commission\":")?
            .optional(|it| Fee::of_digits(it.text()?.as_bytes()))?,
        net_profit_loss: line.after(",\"net_profit_loss\":")?.optional(Line::money)?,
        session_id: SessionId::of(line.after(",\"session_id\":\"")?.text()?.as_bytes())?,
        bot_version: line.after(",\"bot_version\":\"")?.text().filter(|it| {
            version.is_some_and(|known| known.as_str() == *it) || BotVersion::holds(it)
        })?,
        config_hash: ConfigHash::from_hex(line.after(",\"config_hash\":\"")?.text()?.as_bytes())?,
    })
}

/// Nothing more, or the three fields of the journal.
#[inline]
fn end(line: &mut Line<'_>) -> Option<()> {
    if line.0 != "}" {
        whole::parse(line.after(",\"seq\":")?.number()?.as_bytes())?;
        whole::parse(line.after(",\"dur\":")?.number()?.as_bytes())?;
        line.after(",\"hash\":\"")?.text()?;
    }
    (line.0 == "}").then_some(())
}

/// The rules between fields, as the door states them.
#[inline]
fn keeps_rules(seen: &Seen<'_>) -> bool {
    if seen.outcome == Outcome::Open && seen.exit_reasoning.is_some() {
        return false;
    }
    let draft = TradeDraft {
        timestamp: Some(&seen.timestamp),
        symbol: None,
        action: None,
        quantity: Some(&seen.quantity),
        price: Some(&seen.price),
        total_value: Some(&seen.total_value),
        order_id: None,
        execution_mode: None,
        account_id: None,
        strategy_name: None,
        entry_type: None,
        stop_loss: None,
        target: None,
        decision_reasoning: None,
        indicators_used: None,
        risk_reward_ratio: None,
        outcome: Some(&seen.outcome),
        profit_loss: Some(&seen.profit_loss),
        hold_duration_seconds: Some(&seen.hold_duration_seconds),
        exit_timestamp: Some(&seen.exit_timestamp),
        exit_reasoning: None,
        slippage: None,
        commission: Some(&seen.commission),
        net_profit_loss: Some(&seen.net_profit_loss),
        session_id: None,
        bot_version: None,
        config_hash: None,
        lifetime: PhantomData,
    };
    let mut problems = Vec::new();
    rules(&draft, &mut problems);
    problems.is_empty()
}

impl Seen<'_> {
    /// The parts in memory of their own.
    #[inline]
    pub(crate) fn to_parts(&self) -> Option<TradeParts> {
        Some(TradeParts {
            timestamp: self.timestamp,
            symbol: self.symbol,
            action: self.action,
            quantity: self.quantity,
            price: self.price,
            total_value: self.total_value,
            order_id: OrderId::of(self.order_id)?,
            execution_mode: self.execution_mode,
            account_id: self.account_id.and_then(AccountId::of),
            strategy_name: Text::of(self.strategy_name)?,
            entry_type: Text::of(self.entry_type)?,
            stop_loss: self.stop_loss,
            target: self.target,
            decision_reasoning: Text::of(self.decision_reasoning)?,
            indicators_used: self.indicators_used.filter_map(Text::of).collect(),
            risk_reward_ratio: self.risk_reward_ratio,
            outcome: self.outcome,
            profit_loss: self.profit_loss,
            hold_duration_seconds: self.hold_duration_seconds,
            exit_timestamp: self.exit_timestamp,
            exit_reasoning: self.exit_reasoning.and_then(Text::of),
            slippage: self.slippage,
            commission: self.commission,
            net_profit_loss: self.net_profit_loss,
            session_id: self.session_id,
            bot_version: BotVersion::of(self.bot_version)?,
            config_hash: self.config_hash,
        })
    }

    /// The parts in the memory of others. Everything is known to be legal, so that nothing stays
    /// as it was.
    #[inline]
    pub(crate) fn replace(&self, parts: &mut TradeParts) {
        parts.timestamp = self.timestamp;
        parts.symbol = self.symbol;
        parts.action = self.action;
        parts.quantity = self.quantity;
        parts.price = self.price;
        parts.total_value = self.total_value;
        parts.order_id.set(self.order_id);
        parts.execution_mode = self.execution_mode;
        match (&mut parts.account_id, self.account_id) {
            (Some(kept), Some(text)) => {
                kept.set(text);
            }
            (kept, text) => *kept = text.and_then(AccountId::of),
        }
        parts.strategy_name.set(self.strategy_name);
        parts.entry_type.set(self.entry_type);
        parts.stop_loss = self.stop_loss;
        parts.target = self.target;
        parts.decision_reasoning.set(self.decision_reasoning);
        replace_all(&mut parts.indicators_used, self.indicators_used);
        parts.risk_reward_ratio = self.risk_reward_ratio;
        parts.outcome = self.outcome;
        parts.profit_loss = self.profit_loss;
        parts.hold_duration_seconds = self.hold_duration_seconds;
        parts.exit_timestamp = self.exit_timestamp;
        match (&mut parts.exit_reasoning, self.exit_reasoning) {
            (Some(kept), Some(text)) => {
                kept.set(text);
            }
            (kept, text) => *kept = text.and_then(Text::of),
        }
        parts.slippage = self.slippage;
        parts.commission = self.commission;
        parts.net_profit_loss = self.net_profit_loss;
        parts.session_id = self.session_id;
        parts.bot_version.set(self.bot_version);
        parts.config_hash = self.config_hash;
    }
}

#[inline]
fn replace_all(kept: &mut Vec<Text>, elements: Elements<'_>) {
    let mut len = 0;
    for text in elements {
        match kept.get_mut(len) {
            Some(kept) => {
                kept.set(text);
            }
            None => kept.extend(Text::of(text)),
        }
        len += 1;
    }
    kept.truncate(len);
}

/// What is left of the line.
struct Line<'a>(&'a str);

impl<'a> Line<'a> {
    /// Goes on after `literal`, which has to be next.
    #[inline]
    fn after(&mut self, literal: &str) -> Option<&mut Line<'a>> {
        self.0 = self.0.strip_prefix(literal)?;
        Some(self)
    }

    /// The text up to the closing quote, which is passed.
    #[inline(always)]
    fn text(&mut self) -> Option<&'a str> {
        let end = memchr::memchr(b'"', self.0.as_bytes())?;
        let text = self.0.get(..end)?;
        self.0 = self.0.get(end + 1..)?;
        Some(text)
    }

    /// The characters up to the next comma.
    #[inline]
    fn number(&mut self) -> Option<&'a str> {
        let end = self.0.bytes().position(|it| it == b',')?;
        let (number, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some(number)
    }

    #[inline]
    fn number_or_null<T>(&mut self, read: impl Fn(&'a str) -> Option<T>) -> Option<Option<T>> {
        match self.number()? {
            "null" => Some(None),
            number => read(number).map(Some),
        }
    }

    /// `null`, or what `read` finds after the opening quote.
    #[inline(always)]
    fn optional<T>(&mut self, read: impl Fn(&mut Line<'a>) -> Option<T>) -> Option<Option<T>> {
        if let Some(rest) = self.0.strip_prefix("null") {
            self.0 = rest;
            return Some(None);
        }
        read(self.after("\"")?).map(Some)
    }

    #[inline]
    fn not_blank(&mut self) -> Option<&'a str> {
        self.text().filter(|it| Text::holds(it))
    }

    #[inline]
    fn time(&mut self) -> Option<Timestamp> {
        Timestamp::parse(self.text()?.as_bytes()).ok()
    }

    #[inline(always)]
    fn price(&mut self) -> Option<Price> {
        Price::of_digits(self.text()?.as_bytes())
    }

    #[inline(always)]
    fn money(&mut self) -> Option<Money> {
        Money::of_digits(self.text()?.as_bytes())
    }

    /// The elements of a list whose bracket is open, all legal.
    #[inline]
    fn list(&mut self) -> Option<Elements<'a>> {
        let elements = Elements(self.0);
        if self.after("]").is_some() {
            return Some(elements);
        }
        loop {
            self.after("\"")?.not_blank()?;
            if self.after("]").is_some() {
                return Some(elements);
            }
            self.after(",")?;
        }
    }
}

/// The texts of a list that was looked at before; begins behind its opening bracket.
#[derive(Clone, Copy)]
struct Elements<'a>(&'a str);

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let mut line = Line(self.0.strip_prefix(',').unwrap_or(self.0));
        let text = line.after("\"")?.text()?;
        self.0 = line.0;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::record::trade::tests::{entries, exit, with};
    use crate::record::{Record as _, TradeRecord};

    use super::*;

    /// The swift reader and the door say the same of `json`, into new memory and into old.
    fn agree(json: &str, slot: &mut Option<TradeRecord>) {
        let door = TradeRecord::from_json(json);
        assert_eq!(TradeRecord::decode_str(json), door, "{json}");
        let into = TradeRecord::decode_str_into(json, slot);
        assert_eq!(into, door.clone().map(|_| ()), "{json}");
        if let Ok(door) = door {
            assert_eq!(slot.as_ref(), Some(&door), "{json}");
            let bytes = |trade: &TradeRecord| {
                let mut out = Vec::new();
                trade.encode(&mut out);
                out
            };
            // Equal numbers can have different places; the bytes tell.
            assert_eq!(slot.as_ref().map(bytes), Some(bytes(&door)));
            assert_eq!(bytes(&TradeRecord::decode_str(json).unwrap()), bytes(&door));
        }
    }

    #[test]
    fn our_own_lines_need_no_door() {
        let lines = include_str!("../../../tests/fixtures/v1/trades.jsonl");
        // With their newlines, as whoever walks over a file has them.
        let swift = lines
            .split_inclusive('\n')
            .filter(|it| see(it, None).is_some());
        // All but the one with escapes in its texts.
        assert_eq!(swift.count(), lines.lines().count() - 1);
    }

    #[test]
    fn odd_values_are_read_as_the_door_reads_them() {
        let mut slot = None;
        for field in TradeRecord::FIELDS {
            for value in [
                "null",
                "0",
                "-0",
                "-0.0",
                "1.0",
                "01",
                "1e2",
                "\"\"",
                "\" \"",
                "\"0\"",
                "\"-0\"",
                "\"-0.00\"",
                "\"00\"",
                "\"1\"",
                "\"50\"",
                "\"a\"",
                "\"\u{e4}\"",
                "\"\\u0041\"",
                "\"A\"",
                "[]",
                "[\"a\"]",
                "[\"a\",]",
                "[\"a\" ,\"b\"]",
                "[\"\"]",
                "[,\"a\"]",
                "{}",
                "true",
                "\"win\"",
                "\"loss\"",
                "\"open\"",
                "\"2025-10-26t14:32:15.123z\"",
                "\"2025-10-26T14:32:15.123+00:00\"",
                "50 ",
                " 50",
                "\"550E8400-E29B-41D4-A716-446655440000\"",
                "\"1.0.0-a+b\"",
                "\"1.02.0\"",
                "",
                "\"",
                "\"a",
            ] {
                agree(&with(&exit(), field, value), &mut slot);
                agree(
                    &with(&exit(), field, value).replace("\"win\"", "\"open\""),
                    &mut slot,
                );
            }
        }
    }

    fn token() -> impl Strategy<Value = &'static str> {
        proptest::sample::select(vec![
            "",
            "\"",
            "\\",
            "\\n",
            "\n",
            "\0",
            " ",
            ",",
            ":",
            "}",
            "{",
            "]",
            "[",
            "null",
            "0",
            "9",
            "-",
            ".",
            "e5",
            "\u{e4}",
            "\u{7f}",
            "A",
            "\"\"",
            ",\"x\":1",
            "\"seq\"",
            "T",
            "Z",
            "\u{1f600}",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn changed_lines_are_read_as_the_door_reads_them(
            entry in entries(), before in entries(), ends in any::<bool>(),
            place in any::<prop::sample::Index>(), cut in 0_usize..3, token in token(),
        ) {
            let mut line = Vec::new();
            entry.encode(&mut line);
            let mut line = String::from_utf8(line).unwrap();
            if ends {
                line.truncate(line.len() - 1);
                line.push_str(",\"seq\":7,\"dur\":0,\"hash\":\"00ff\"}");
            }
            let mut slot = Some(before);
            agree(&line, &mut slot);
            agree(&format!("{line}\n"), &mut slot);
            agree(&format!("{line}\n\n"), &mut slot);
            let ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
            let places: Vec<usize> = ends.collect();
            let first = place.index(places.len());
            let last = (first + cut).min(places.len() - 1);
            line.replace_range(places[first]..places[last], token);
            agree(&line, &mut slot);
        }
    }
}
