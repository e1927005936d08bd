//! Owns what a simulated exchange answers over HTTP, before it comes to the lists: who may call,
//! how often, and what the answer looks like around its result.
//!
//! Always true:
//! - a signed call is checked over the exact bytes of its query, by the exchange's own clock;
//! - once 403 is answered, everything is, until that is over;
//! - an answer with a code has the limit's headers, whatever it says.
//!
//! The lists themselves stand beside it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::counts::Violation;
use super::exchange::Exchange;
use super::random::mix;
use super::rest::{Answer, Call};
use super::sign::sign;
use super::trouble::take;

/// Who called when, and who may not call until when.
#[derive(Default)]
pub struct Calls {
    forbidden_until: Option<Instant>,
    /// When the client first heard of it.
    forbidden_told: Option<Instant>,
    /// When a 10006 was said for a path, and when that is over.
    resets: BTreeMap<String, (Instant, Instant)>,
    all: VecDeque<Instant>,
    signed: BTreeMap<String, VecDeque<Instant>>,
    number: u64,
}

/// A `retCode` that is not 0.
pub struct Refusal(pub i64, pub String);

impl Calls {
    pub fn forbid(&mut self, now: Instant, for_ms: u64) {
        let until = now + Duration::from_millis(for_ms);
        let longer = self.forbidden_until.is_none_or(|it| it < until);
        if longer {
            self.forbidden_until = Some(until);
        }
    }
}

impl Exchange {
    pub fn call(&mut self, call: &Call) -> Answer {
        let now = Instant::now();
        *self.counts.calls.entry(call.path.clone()).or_default() += 1;
        self.calls.number += 1;
        let mut answer = self
            .forbidden(now, call)
            .or_else(|| self.html())
            .or_else(|| self.too_many(now, call))
            .unwrap_or_else(|| self.answered(call));
        if let Some((_, delay)) = self.trouble.slow.filter(|(until, _)| now < *until) {
            self.counts.fault("SlowRest");
            answer.delay = delay;
        }
        answer
    }

    fn forbidden(&mut self, now: Instant, call: &Call) -> Option<Answer> {
        let window = Duration::from_secs(5);
        let count = count_within(&mut self.calls.all, now, window);
        if self.world.calls_per_five_seconds_max < count {
            self.calls.forbid(now, self.world.forbidden_ms);
        }
        if self.calls.forbidden_until.is_none_or(|until| until <= now) {
            self.calls.forbidden_until = None;
            self.calls.forbidden_told = None;
            return None;
        }
        let told = *self.calls.forbidden_told.get_or_insert(now);
        // Calls that were on their way already are nobody's fault.
        if GRACE < now.duration_since(told) {
            let now_ms = self.now_ms();
            let kind = Violation::CallWhileForbidden;
            self.counts.violation(kind, now_ms, &call.path);
        }
        let body = match self.calls.number % 3 {
            0 => "",
            1 => "access too frequent",
            _ => "<html><body><h1>403 Forbidden</h1>access too frequent</body></html>",
        };
        Some(self.plain(403, body))
    }

    fn html(&mut self) -> Option<Answer> {
        if !take(&mut self.trouble.html) {
            return None;
        }
        self.counts.fault("Html");
        let (status, body) = match self.calls.number % 3 {
            0 => (502, "<html><body><h1>502 Bad Gateway</h1></body></html>"),
            1 => (
                503,
                "<html><body><h1>503 Service Unavailable</h1></body></html>",
            ),
            _ => (502, ""),
        };
        Some(self.plain(status, body))
    }

    fn plain(&mut self, status: u16, body: &str) -> Answer {
        let refused = self.counts.calls_refused.entry(i64::from(status));
        *refused.or_default() += 1;
        Answer {
            status,
            content_type: "text/html",
            headers: Vec::new(),
            body: body.to_owned(),
            delay: Duration::ZERO,
        }
    }

    fn too_many(&mut self, now: Instant, call: &Call) -> Option<Answer> {
        if let Some((told, until)) = self.calls.resets.get(&call.path).copied()
            && now < until
        {
            if GRACE < now.duration_since(told) {
                let now_ms = self.now_ms();
                let kind = Violation::CallBeforeReset;
                self.counts.violation(kind, now_ms, &call.path);
            }
            return Some(self.told_to_wait(now, until));
        }
        let mut is_over = false;
        if is_signed(&call.path) {
            let window = Duration::from_secs(1);
            let calls = self.calls.signed.entry(call.path.clone()).or_default();
            is_over = self.world.calls_per_second_max < count_within(calls, now, window);
        }
        if take(&mut self.trouble.too_many) {
            self.counts.fault("TooMany");
            is_over = true;
        }
        let until = now + Duration::from_millis(self.world.reset_ms);
        if is_over {
            self.calls.resets.insert(call.path.clone(), (now, until));
        }
        is_over.then(|| self.told_to_wait(now, until))
    }

    fn told_to_wait(&mut self, now: Instant, until: Instant) -> Answer {
        let wait_ms = until.duration_since(now).as_millis() as i64 + 1;
        let reset_ms = self.now_ms() + wait_ms;
        let text = "Too many visits. Exceeded the API Rate Limit.";
        let refusal = Refusal(10_006, text.to_owned());
        self.coded(Err(refusal), 0, reset_ms)
    }

    fn answered(&mut self, call: &Call) -> Answer {
        let mut answer = match is_signed(&call.path) {
            true => self.check(call).and_then(|()| self.result(call)),
            false => self.result(call),
        };
        if answer.is_ok() && take(&mut self.trouble.empty) {
            self.counts.fault("EmptyResult");
            answer = Ok(match self.calls.number % 2 {
                0 => json!({}),
                _ => json!({"category": "linear", "nextPageCursor": ""}),
            });
        }
        let used = self.calls.signed.get(&call.path).map_or(0, VecDeque::len);
        let left = self.world.calls_per_second_max as usize;
        let reset_ms = self.now_ms() + 1_000;
        self.coded(answer, left.saturating_sub(used), reset_ms)
    }

    /// The key, the clock and the signature.
    fn check(&mut self, call: &Call) -> Result<(), Refusal> {
        let refusal = |code: i64, text: &str| Err(Refusal(code, text.to_owned()));
        let key = call.header("x-bapi-api-key");
        let keys = self.world.keys.as_ref().filter(|(known, _)| known == key);
        let Some((_, secret)) = keys else {
            return refusal(10_003, "API key is invalid.");
        };
        let window = match call.header("x-bapi-recv-window") {
            "" => "5000",
            it => it,
        };
        let stamp = call.header("x-bapi-timestamp");
        let (Ok(sent_ms), Ok(window_ms)) = (stamp.parse::<i64>(), window.parse::<i64>()) else {
            return refusal(10_001, "Request parameter error.");
        };
        let now_ms = self.now_ms();
        if sent_ms < now_ms - window_ms || now_ms + 1_000 <= sent_ms {
            return Err(Refusal(
                10_002,
                format!(
                    "invalid request, please check your server timestamp or recv_window param. \
                     req_timestamp[{sent_ms}],server_timestamp[{now_ms}],recv_window[{window_ms}]"
                ),
            ));
        }
        let given = call.header("x-bapi-recv-window");
        let text = format!("{stamp}{key}{given}{}", call.query);
        if sign(secret, &text) != call.header("x-bapi-sign") {
            let origin = format!("error sign! origin_string[{text}]");
            return refusal(10_004, &origin);
        }
        Ok(())
    }

    fn coded(&mut self, answer: Result<Value, Refusal>, left: usize, reset_ms: i64) -> Answer {
        let (code, said, result) = match answer {
            Ok(result) => {
                let said = SUCCESS[(mix(self.calls.number) % 4) as usize];
                (0, said.to_owned(), result)
            }
            Err(Refusal(code, said)) => {
                *self.counts.calls_refused.entry(code).or_default() += 1;
                (code, said, json!({}))
            }
        };
        let body = json!({
            "retCode": code, "retMsg": said, "result": result, "retExtInfo": {},
            "time": self.now_ms(),
        });
        Answer {
            status: 200,
            content_type: "application/json; charset=utf-8",
            headers: vec![
                ("X-Bapi-Limit", self.world.calls_per_second_max.to_string()),
                ("X-Bapi-Limit-Status", left.to_string()),
                ("X-Bapi-Limit-Reset-Timestamp", reset_ms.to_string()),
            ],
            body: body.to_string(),
            delay: Duration::ZERO,
        }
    }
}

/// Notes a call, and says how many there were within the window.
fn count_within(calls: &mut VecDeque<Instant>, now: Instant, window: Duration) -> u32 {
    calls.push_back(now);
    while calls
        .front()
        .is_some_and(|it| window <= now.duration_since(*it))
    {
        calls.pop_front();
    }
    u32::try_from(calls.len()).unwrap_or(u32::MAX)
}

fn is_signed(path: &str) -> bool {
    !path.starts_with("/v5/market/")
}

/// A success is told by its code alone: the texts differ.
const SUCCESS: [&str; 4] = ["OK", "success", "SUCCESS", ""];
/// What was on its way when the refusal was sent is no mistake; on a busy machine that takes a while.
const GRACE: Duration = Duration::from_millis(300);
