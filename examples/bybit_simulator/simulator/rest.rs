//! Owns the HTTP port of a simulated exchange: requests in, answers out, on connections that stay.
//!
//! Always true: the query of a call is kept byte by byte as it was sent, because it is signed.
//!
//! It knows GET alone, and nothing of what is asked for.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::exchange::Shared;

/// A request.
pub struct Call {
    pub path: String,
    /// Without the question mark.
    pub query: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Call {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What is said to it, and how long that takes.
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub delay: Duration,
}

/// Takes connections until its runtime ends.
pub async fn listen(listener: TcpListener, shared: Shared) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            // A connection that breaks is the client's to notice.
            tokio::spawn(answer_all(stream, shared.clone()));
        }
    }
}

async fn answer_all(stream: TcpStream, shared: Shared) {
    let _ = serve(stream, shared).await;
}

async fn serve(stream: TcpStream, shared: Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some((method, call, stays)) = read_head(&mut stream).await? {
        let answer = match method.as_str() {
            "GET" => shared.lock().call(&call),
            _ => Answer {
                status: 405,
                content_type: "text/plain",
                headers: Vec::new(),
                body: String::new(),
                delay: Duration::ZERO,
            },
        };
        tokio::time::sleep(answer.delay).await;
        stream.get_mut().write_all(&encode(&answer, stays)).await?;
        if !stays {
            break;
        }
    }
    Ok(())
}

async fn read_head(stream: &mut BufReader<TcpStream>) -> io::Result<Option<(String, Call, bool)>> {
    let mut first = String::new();
    if stream.read_line(&mut first).await? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut call = Call {
        path: path.to_owned(),
        query: query.to_owned(),
        headers: BTreeMap::new(),
    };
    let mut len = first.len();
    loop {
        let mut line = String::new();
        len += stream.read_line(&mut line).await?;
        let line = line.trim_end();
        if line.is_empty() || HEAD_LEN_MAX < len {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            let name = name.to_ascii_lowercase();
            call.headers.insert(name, value.trim().to_owned());
        }
    }
    let stays = !call.header("connection").eq_ignore_ascii_case("close");
    Ok(Some((method, call, stays)))
}

fn encode(answer: &Answer, stays: bool) -> Vec<u8> {
    let Answer { status, body, .. } = answer;
    let reason = match status {
        200 => "OK",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Answer",
    };
    let mut text = format!("HTTP/1.1 {status} {reason}\r\n");
    text += &format!("Content-Type: {}\r\n", answer.content_type);
    text += &format!("Content-Length: {}\r\n", body.len());
    text += if stays {
        "Connection: keep-alive\r\n"
    } else {
        "Connection: close\r\n"
    };
    for (name, value) in &answer.headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += "\r\n";
    text += body;
    text.into_bytes()
}

const HEAD_LEN_MAX: usize = 64 * 1_024;
