//! How long a capture waits for what.

use std::time::Duration;

/// Its spans. The defaults are what the exchange documents and its clients found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Between two pings.
    pub ping_every: Duration,
    /// From a ping to its answer.
    pub pong_within: Duration,
    /// From a request on a socket to its answer.
    pub answer_within: Duration,
    /// For a connection to be made.
    pub connect_within: Duration,
    /// For a request to be answered.
    pub request_within: Duration,
    /// How far in the future the proof of who we are ends.
    pub auth_expires: Duration,
    /// The first pause before a connection is made again; the next ones grow by half, with a jitter.
    pub reconnect_first: Duration,
    /// The longest of them.
    pub reconnect_max: Duration,
    /// After a topic, or a key, was refused.
    pub refused_again: Duration,
    /// How long a topic may be silent before it is asked over a request whether it should be.
    pub silent_max: Duration,
    /// From the end of a gap to the question that fills it: requests lag behind sockets.
    pub settle: Duration,
    /// By how much executions may come later in a request than on a socket.
    pub executions_lag: Duration,
    /// How often the account is compared with requests although its socket lives.
    pub compare_every: Duration,
    /// How often a question that had no answer is asked again, at first.
    pub retry_first: Duration,
    /// And at last.
    pub retry_max: Duration,
    /// Silence after the exchange said that there are too many requests.
    pub forbidden: Duration,
    /// By how much two neighbouring messages may have changed places.
    pub reorder: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        let (secs, millis) = (Duration::from_secs, Duration::from_millis);
        Timing {
            ping_every: secs(20),
            pong_within: secs(10),
            answer_within: secs(10),
            connect_within: secs(10),
            request_within: secs(10),
            auth_expires: secs(10),
            reconnect_first: millis(500),
            reconnect_max: secs(30),
            refused_again: secs(60),
            silent_max: secs(60),
            settle: secs(2),
            executions_lag: secs(10),
            compare_every: secs(300),
            retry_first: secs(2),
            retry_max: secs(120),
            forbidden: secs(600),
            reorder: secs(1),
        }
    }
}
