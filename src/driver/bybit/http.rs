//! Requests to the exchange.
//!
//! Always true: nothing is asked before a pause is over that the exchange ordered, whoever asks.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::feed::bybit::{
    AccountKind, AccountRow, Answer, AnswerError, Category, Keys, Millis, Request, Timing,
};

/// How long an answer may be: a thousand trades are 250 kB.
const BODY_MAX: usize = 16 << 20;
/// How many pages one question has at most: more is a cursor that goes round.
const PAGES_MAX: usize = 10_000;
/// How far behind the present a window ends.
const AHEAD: i64 = 60_000;
const RECV_WINDOW: &str = "5000";
const TOO_MANY: i64 = 10_006;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The exchange ordered a pause.
    #[error("{what}: the exchange wants no request for another {} s", rest.as_secs())]
    Pause {
        /// What was asked for.
        what: String,
        /// How long it lasts.
        rest: Duration,
    },
    /// There was no answer.
    #[error("{what}")]
    Network {
        /// What was asked for.
        what: String,
        /// What happened.
        source: reqwest::Error,
    },
    /// An answer that is none of the exchange.
    #[error("{what}: the status {status}")]
    Status {
        /// What was asked for.
        what: String,
        /// Of HTTP.
        status: u16,
    },
    /// The exchange says no.
    #[error("{what}")]
    Answer {
        /// What was asked for.
        what: String,
        /// What it says.
        source: AnswerError,
    },
    /// An answer that has no list: nobody can say that there is nothing.
    #[error("{what}: the answer has no list")]
    Empty {
        /// What was asked for.
        what: String,
    },
    /// An answer without end.
    #[error("{what}: the answer is too long")]
    Long {
        /// What was asked for.
        what: String,
    },
}

/// Asks the exchange.
#[derive(Debug)]
pub struct Http {
    client: reqwest::Client,
    host: String,
    keys: Option<Keys>,
    timing: Timing,
    /// Until when nothing is asked.
    pause: RefCell<Option<Instant>>,
}

/// How to speak TLS: what the system trusts, with the one provider of this program.
pub(super) fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth())
}

impl Http {
    /// Of that host: `https://api.bybit.com`.
    ///
    /// # Errors
    /// What is wrong with the system's certificates.
    pub fn new(host: &str, keys: Option<Keys>, timing: Timing) -> Result<Http, String> {
        let tls = tls().map_err(|it| it.to_string())?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(timing.request_within)
            .connect_timeout(timing.connect_within)
            .user_agent(concat!("tradejournal/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|it| it.to_string())?;
        Ok(Http {
            client,
            host: host.trim_end_matches('/').to_owned(),
            keys,
            timing,
            pause: RefCell::new(None),
        })
    }

    /// One question. `exchange` is what time the exchange has.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn ask(&self, request: &Request, exchange: Millis) -> Result<Answer, HttpError> {
        let what = || format!("GET {}{}", self.host, request.path);
        let until = *self.pause.borrow();
        if let Some(rest) = until.and_then(|it| it.checked_duration_since(Instant::now())) {
            return Err(HttpError::Pause { what: what(), rest });
        }
        let network = |source| HttpError::Network {
            what: what(),
            source,
        };
        let sent = self.request(request, exchange).send().await;
        // The URL of an error has the query, which a signature covers and no secret is in.
        let mut response = sent.map_err(|it| network(it.without_url()))?;
        let status = response.status().as_u16();
        if status == 403 || status == 429 {
            self.rest(self.timing.forbidden);
        }
        if status != 200 {
            let what = what();
            return Err(HttpError::Status { what, status });
        }
        let reset = reset(response.headers());
        let mut body = Vec::new();
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|it| network(it.without_url()))?
        {
            body.extend_from_slice(&piece);
            if BODY_MAX < body.len() {
                return Err(HttpError::Long { what: what() });
            }
        }
        let answer = Answer::parse(&String::from_utf8_lossy(&body));
        answer.map_err(|source| {
            if let AnswerError::Code {
                code: TOO_MANY,
                time,
                ..
            } = &source
            {
                let told = time.unwrap_or(exchange);
                let rest = reset.map(|it| it.saturating_sub(told.0));
                let rest = rest.and_then(|it| u64::try_from(it).ok()).unwrap_or(1000);
                // A little more: it takes some time to get here, and some to get there.
                self.rest(Duration::from_millis(rest.min(60_000) + 50));
            }
            HttpError::Answer {
                what: what(),
                source,
            }
        })
    }

    /// Whether the exchange wants no request now.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.pause
            .borrow()
            .is_some_and(|until| Instant::now() < until)
    }

    fn rest(&self, span: Duration) {
        let until = Instant::now() + span;
        let mut pause = self.pause.borrow_mut();
        *pause = Some(pause.map_or(until, |it| it.max(until)));
    }

    fn request(&self, request: &Request, exchange: Millis) -> reqwest::RequestBuilder {
        let mut url = format!("{}{}", self.host, request.path);
        if !request.query.is_empty() {
            url.push('?');
            url.push_str(&request.query);
        }
        let asked = self.client.get(url);
        match &self.keys {
            Some(keys) if request.is_signed => {
                let stamp = exchange.to_string();
                let signed = format!("{stamp}{}{RECV_WINDOW}{}", keys.key(), request.query);
                asked
                    .header("X-BAPI-API-KEY", keys.key())
                    .header("X-BAPI-TIMESTAMP", &stamp)
                    .header("X-BAPI-RECV-WINDOW", RECV_WINDOW)
                    .header("X-BAPI-SIGN", keys.sign(&signed))
            }
            _ => asked,
        }
    }

    /// All rows of the account from the one instant to the other, and how it stands. `now` tells the time of
    /// the exchange.
    ///
    /// # Errors
    /// [`HttpError`]: of the first question without an answer.
    pub async fn account(
        &self,
        from: Millis,
        to: Millis,
        now: impl Fn() -> Millis,
    ) -> Result<Vec<AccountRow>, HttpError> {
        let mut rows = Vec::new();
        // What time the exchange has is an estimate, and its own clock may be set back behind what it made.
        let to = Millis(to.0.saturating_add(AHEAD));
        for category in Category::ALL {
            let questions = [
                (
                    AccountKind::Execution,
                    Request::executions(category, from, to),
                ),
                (AccountKind::Order, Request::orders(category, from, to)),
                (AccountKind::Position, Request::positions(category)),
            ];
            for (kind, requests) in questions {
                for request in requests {
                    self.pages(&request, kind, category, &now, &mut rows)
                        .await?;
                }
            }
        }
        let wallet = Request::wallet();
        let (kind, category) = (AccountKind::Wallet, Category::Linear);
        self.pages(&wallet, kind, category, &now, &mut rows).await?;
        Ok(rows)
    }

    /// All pages of a question.
    async fn pages(
        &self,
        request: &Request,
        kind: AccountKind,
        category: Category,
        now: &impl Fn() -> Millis,
        rows: &mut Vec<AccountRow>,
    ) -> Result<(), HttpError> {
        let what = || format!("GET {}{}", self.host, request.path);
        let mut page = request.clone();
        let mut last: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let answer = self.ask(&page, now()).await?;
            if !answer.has_list {
                return Err(HttpError::Empty { what: what() });
            }
            let made = answer.time.unwrap_or_else(now);
            let read = answer.account(kind, category, made);
            let read = read.map_err(|source| HttpError::Answer {
                what: what(),
                source,
            })?;
            // The last page has a cursor too: an empty list, or the same cursor again, is the end.
            let is_over = read.is_empty();
            rows.extend(read);
            match answer.cursor {
                Some(cursor) if !is_over && last.as_ref() != Some(&cursor) => {
                    page = request.page(&cursor);
                    last = Some(cursor);
                }
                _ => return Ok(()),
            }
        }
        Err(HttpError::Long { what: what() })
    }
}

/// When the limit is over, by the exchange's clock.
fn reset(headers: &HeaderMap) -> Option<i64> {
    let header = headers.get("X-Bapi-Limit-Reset-Timestamp")?;
    header.to_str().ok()?.parse().ok()
}
