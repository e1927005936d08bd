//! Requests to the exchange, and what their answers say.
//!
//! Always true:
//! - What is signed is what is sent, byte for byte. A cursor is used as it was given.
//! - An answer counts by its `retCode` alone. One without rows has none; it is no error.
//!
//! Not here: HTTP, limits, and when something is asked.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::trade::RawTrade;
use super::{AccountKind, AccountRow, Category, Members, Millis, Trade};

/// How long a window of executions or of ended orders may be.
pub(super) const WINDOW: i64 = 7 * 24 * 3600 * 1000;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its path.
    pub path: &'static str,
    /// Its query, without a question mark.
    pub query: String,
    /// Whether it says who asks.
    pub is_signed: bool,
}

impl Request {
    fn open(path: &'static str, query: String) -> Request {
        let is_signed = false;
        Request {
            path,
            query,
            is_signed,
        }
    }

    fn signed(path: &'static str, query: String) -> Request {
        let is_signed = true;
        Request {
            path,
            query,
            is_signed,
        }
    }

    /// What time the exchange has.
    #[must_use]
    pub fn time() -> Request {
        Request::open("/v5/market/time", String::new())
    }

    /// The newest trades of a symbol, as many as are told.
    #[must_use]
    pub fn recent_trades(category: Category, symbol: &str) -> Request {
        let limit = match category {
            Category::Spot => 60,
            _ => 1000,
        };
        // Of options the socket's topic names the coin, and so does the request.
        let name = match category {
            Category::Option => "baseCoin",
            _ => "symbol",
        };
        let query = format!("category={category}&{name}={symbol}&limit={limit}");
        Request::open("/v5/market/recent-trade", query)
    }

    /// The ticker of a symbol.
    #[must_use]
    pub fn ticker(category: Category, symbol: &str) -> Request {
        let query = format!("category={category}&symbol={symbol}");
        Request::open("/v5/market/tickers", query)
    }

    /// The same request for the page behind that cursor, which comes as it is to be sent.
    #[must_use]
    pub fn page(&self, cursor: &str) -> Request {
        let query = format!("{}&cursor={cursor}", self.query);
        Request {
            query,
            ..self.clone()
        }
    }

    /// One's own executions from the one instant to the other, in windows that the exchange takes.
    #[must_use]
    pub fn executions(category: Category, from: Millis, to: Millis) -> Vec<Request> {
        windows(from, to)
            .map(|(from, to)| {
                let query = format!("category={category}&startTime={from}&endTime={to}&limit=100");
                Request::signed("/v5/execution/list", query)
            })
            .collect()
    }

    /// Orders: those that are open, and those that ended from the one instant to the other.
    #[must_use]
    pub fn orders(category: Category, from: Millis, to: Millis) -> Vec<Request> {
        let ended = windows(from, to).map(|(from, to)| {
            let query = format!("category={category}&startTime={from}&endTime={to}&limit=50");
            Request::signed("/v5/order/history", query)
        });
        let open = settled(category).into_iter().map(|coin| {
            let query = format!("category={category}{coin}&limit=50");
            Request::signed("/v5/order/realtime", query)
        });
        ended.chain(open).collect()
    }

    /// Positions that are open. Spot has none.
    #[must_use]
    pub fn positions(category: Category) -> Vec<Request> {
        if category == Category::Spot {
            return Vec::new();
        }
        let of_coin = |coin| {
            let query = format!("category={category}{coin}&limit=200");
            Request::signed("/v5/position/list", query)
        };
        settled(category).into_iter().map(of_coin).collect()
    }

    /// The wallet.
    #[must_use]
    pub fn wallet() -> Request {
        let query = "accountType=UNIFIED".to_owned();
        Request::signed("/v5/account/wallet-balance", query)
    }
}

/// The coins in which linear contracts settle: each is a question of its own.
fn settled(category: Category) -> Vec<&'static str> {
    match category {
        Category::Linear => vec!["&settleCoin=USDT", "&settleCoin=USDC"],
        _ => vec![""],
    }
}

/// Windows that follow each other without a hole.
fn windows(from: Millis, to: Millis) -> impl Iterator<Item = (i64, i64)> {
    let mut next = (from.0 <= to.0).then_some(from.0);
    std::iter::from_fn(move || {
        let start = next?;
        let end = to.0.min(start.saturating_add(WINDOW));
        // Both ends are included.
        next = (end < to.0).then(|| end.saturating_add(1));
        Some((start, end))
    })
}

/// Why an answer is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// A page of a proxy, or a piece of an answer.
    #[error("the answer is no JSON of the exchange: {0}")]
    Json(String),
    /// The exchange says no.
    #[error("the exchange answers {code}: {message}")]
    Code {
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
        /// What time the exchange had.
        time: Option<Millis>,
    },
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What time the exchange had.
    pub time: Option<Millis>,
    /// Whether it has a list at all. One without says nothing about what there is.
    pub has_list: bool,
    /// Its rows, as JSON.
    rows: Vec<Box<str>>,
    /// The cursor of the next page.
    pub cursor: Option<String>,
    category: Option<Category>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    ret_code: i64,
    #[serde(default)]
    ret_msg: String,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    time: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Page<'a> {
    #[serde(borrow)]
    list: Option<Vec<&'a RawValue>>,
    next_page_cursor: Option<String>,
    category: Option<String>,
}

impl Answer {
    /// Reads a body.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn parse(body: &str) -> Result<Answer, AnswerError> {
        let reply: Reply<'_> =
            serde_json::from_str(body).map_err(|it| AnswerError::Json(it.to_string()))?;
        if reply.ret_code != 0 {
            return Err(AnswerError::Code {
                code: reply.ret_code,
                message: reply.ret_msg,
                time: reply.time.map(Millis),
            });
        }
        let result = reply.result.map(RawValue::get).unwrap_or("{}");
        // `{}`, and one without a list, come too.
        let page: Page<'_> = serde_json::from_str(result).unwrap_or_default();
        Ok(Answer {
            time: reply.time.map(Millis),
            has_list: page.list.is_some(),
            rows: page
                .list
                .unwrap_or_default()
                .iter()
                .map(|it| it.get().into())
                .collect(),
            cursor: page.next_page_cursor.filter(|it| !it.is_empty()),
            category: page.category.and_then(|it| it.parse().ok()),
        })
    }

    /// How many rows it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Its public trades. A row that cannot be read makes it no proof of anything.
    ///
    /// # Errors
    /// What is wrong with the first such row.
    pub fn trades(&self, category: Category) -> Result<Vec<Trade>, AnswerError> {
        let trade = |json: &str| -> Result<Trade, String> {
            let raw: RawTrade<'_> = serde_json::from_str(json).map_err(|it| it.to_string())?;
            let symbol: Arc<str> = raw.symbol.as_deref().ok_or("symbol: is missing")?.into();
            raw.trade(category, symbol).map_err(|it| it.to_string())
        };
        let rows = self.rows.iter();
        rows.map(|it| trade(it).map_err(AnswerError::Json))
            .collect()
    }

    /// Its rows of the account, made at this time.
    ///
    /// # Errors
    /// What is wrong with the first row that is none.
    pub fn account(
        &self,
        kind: AccountKind,
        asked: Category,
        made: Millis,
    ) -> Result<Vec<AccountRow>, AnswerError> {
        let row = |json: &str| -> Result<AccountRow, String> {
            let members: Members = serde_json::from_str(json).map_err(|it| it.to_string())?;
            let category = self.category.or(Some(asked));
            AccountRow::new(kind, category, made, members).ok_or_else(|| "has no name".to_owned())
        };
        let rows = self.rows.iter();
        rows.map(|it| row(it).map_err(AnswerError::Json)).collect()
    }

    /// The members of its first row.
    #[must_use]
    pub fn first(&self) -> Option<Members> {
        serde_json::from_str(self.rows.first()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, AnswerError, Request, WINDOW};
    use crate::feed::bybit::{AccountKind, Category, Millis};

    #[test]
    fn windows_follow_each_other_without_a_hole() {
        let to = 2 * WINDOW + 10;
        let all = Request::executions(Category::Linear, Millis(1), Millis(to));
        let spans: Vec<&str> = all.iter().map(|it| &*it.query).collect();
        let end = WINDOW + 1;
        assert!(spans[0].contains(&format!("startTime=1&endTime={end}&")));
        assert!(spans[1].contains(&format!(
            "startTime={}&endTime={}&",
            end + 1,
            end + 1 + WINDOW
        )));
        assert_eq!(spans.len(), 2 + usize::from(end + 1 + WINDOW < to));
        assert_eq!(
            Request::executions(Category::Spot, Millis(5), Millis(4)),
            []
        );
    }

    #[test]
    fn a_cursor_is_sent_as_it_came() {
        let request = &Request::executions(Category::Linear, Millis(1), Millis(2))[0];
        let page = request.page("132766%3A2%2C132766%3A2");
        assert!(
            page.query
                .ends_with("&limit=100&cursor=132766%3A2%2C132766%3A2")
        );
        assert!(page.is_signed);
    }

    #[test]
    fn an_answer_counts_by_its_code_and_may_have_no_rows() {
        for body in [
            r#"{"retCode":0,"retMsg":"OK","result":{},"time":5}"#,
            r#"{"retCode":0,"retMsg":"","result":{"category":"linear"},"time":5}"#,
            r#"{"retCode":0,"time":5}"#,
        ] {
            let answer = Answer::parse(body).unwrap();
            assert!(
                answer.is_empty() && answer.time == Some(Millis(5)),
                "{body}"
            );
        }
        let error = Answer::parse(r#"{"retCode":10006,"retMsg":"Too many"}"#).unwrap_err();
        assert!(matches!(error, AnswerError::Code { code: 10_006, .. }));
        assert!(matches!(Answer::parse("<html>"), Err(AnswerError::Json(_))));
    }

    #[test]
    fn rows_of_the_account_have_the_market_that_was_asked() {
        let body = r#"{"retCode":0,"result":{"nextPageCursor":"a%3A","list":[{"symbol":"A","execId":"e","execTime":"7"}]}}"#;
        let answer = Answer::parse(body).unwrap();
        assert_eq!(answer.cursor.as_deref(), Some("a%3A"));
        let rows = answer.account(AccountKind::Execution, Category::Inverse, Millis(9));
        let rows = rows.unwrap();
        assert_eq!(
            (rows[0].category, rows[0].time),
            (Some(Category::Inverse), Millis(7))
        );
    }
}
