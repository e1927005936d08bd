//! One POST over HTTP/1.1, as far as a time-stamp authority needs it.
//!
//! Always true:
//! - The exchange, from looking up the name to the last byte, ends within its timeout.
//! - No more than [`BODY_LEN_MAX`] bytes of body and [`HEAD_LEN_MAX`] of all else are kept, whatever
//!   the answer says of its length.
//! - Nothing in an address can begin another line of the request.
//! - Only status 200 with the wanted content type is an answer. What came instead is named.
//!
//! Not here: TLS, redirects, proxies, compression, a second request, and what the body means.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::AnchorError;

/// Tokens with a chain of certificates take some 6 KiB.
pub(super) const BODY_LEN_MAX: usize = 64 << 10;
/// The status line and the headers, and what stands between chunks.
const HEAD_LEN_MAX: usize = 16 << 10;
/// As much of a stranger's text as an error repeats.
const QUOTE_LEN_MAX: usize = 200;

/// What is sent, and what may come back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Post<'a> {
    pub(super) body: &'a [u8],
    /// The content type of the body.
    pub(super) sends: &'a str,
    /// The content type of the answer.
    pub(super) wants: &'a str,
}

/// Sends the request to `url` and returns the body of the answer.
///
/// # Errors
/// [`AnchorError::Address`], [`AnchorError::Network`] or [`AnchorError::Answer`].
pub(super) fn post(url: &str, post: Post<'_>, timeout: Duration) -> Result<Vec<u8>, AnchorError> {
    let limit = Limit::new(timeout);
    let failed = |step| {
        let url = url.to_owned();
        move |source| AnchorError::Network { step, url, source }
    };
    let target = Target::parse(url).map_err(|reason| {
        let url = url.to_owned();
        AnchorError::Address { url, reason }
    })?;
    let stream = target.connect(limit).map_err(failed("connect to"))?;
    let mut stream = Timed { stream, limit };
    stream
        .write_all(&target.request(post))
        .map_err(failed("send a request to"))?;
    read_answer(&mut BufReader::new(stream), post.wants).map_err(|trouble| match trouble {
        Trouble::Network(source) => failed("read the answer of")(source),
        Trouble::Answer(reason) => {
            let url = url.to_owned();
            AnchorError::Answer { url, reason }
        }
    })
}

/// The parts of an `http://` address.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    /// Host and port as they stand in the address.
    authority: &'a str,
    /// A name or a number, without brackets.
    host: &'a str,
    port: u16,
    /// Path and query; it begins with a slash.
    path: String,
}

impl<'a> Target<'a> {
    fn parse(url: &'a str) -> Result<Target<'a>, &'static str> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or("an address begins with http://")?;
        if scheme.eq_ignore_ascii_case("https") {
            return Err(
                "https is not spoken here: the answer is signed and the question no secret, so \
                 http:// does, and most authorities have it",
            );
        }
        if !scheme.eq_ignore_ascii_case("http") {
            return Err("an address begins with http://");
        }
        // A space or a line end would change what is asked.
        if !rest.bytes().all(|it| it.is_ascii_graphic()) || rest.contains('#') {
            return Err("an address has no spaces, no # and nothing that is not ASCII");
        }
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        if authority.contains('@') {
            return Err("no user name and no password can be given");
        }
        let (host, port) = host_and_port(authority)?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        let path = format!("{slash}{path}");
        Ok(Target {
            authority,
            host,
            port,
            path,
        })
    }

    fn connect(&self, limit: Limit) -> io::Result<TcpStream> {
        let addresses = self.addresses(limit)?;
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for (at, address) in addresses.iter().enumerate() {
            // A share for each, so that one that does not answer leaves time for the next.
            let shares = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
            match TcpStream::connect_timeout(address, limit.left()? / shares) {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = limit.explain(error),
            }
        }
        Err(failure)
    }

    /// Looks up the name, on a thread of its own: the operating system knows no timeout for it. A
    /// look-up that nobody waits for any more ends by itself.
    fn addresses(&self, limit: Limit) -> io::Result<Vec<SocketAddr>> {
        if let Ok(number) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(number, self.port)]);
        }
        let (name, port) = (self.host.to_owned(), self.port);
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new()
            .name("tj-look-up".to_owned())
            .spawn(move || {
                let found = (name.as_str(), port).to_socket_addrs();
                // Whoever asked may have gone.
                let _ = sender.send(found.map(Vec::from_iter));
            })?;
        receiver
            .recv_timeout(limit.left()?)
            .map_err(|_| limit.passed())?
    }

    fn request(&self, post: Post<'_>) -> Vec<u8> {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tradejournal\r\nContent-Type: {}\r\n\
             Accept: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.path,
            self.authority,
            post.sends,
            post.wants,
            post.body.len()
        );
        [head.as_bytes(), post.body].concat()
    }
}

fn host_and_port(authority: &str) -> Result<(&str, u16), &'static str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (number, port) = rest.split_once(']').ok_or("a [ is not closed")?;
            if number.parse::<Ipv6Addr>().is_err() {
                return Err("between [ and ] stands no IPv6 address");
            }
            (number, port)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    if host.is_empty() {
        return Err("an address has a host: http://host/path");
    }
    if port.is_empty() {
        return Ok((host, 80));
    }
    let digits = port.strip_prefix(':').unwrap_or_default();
    match digits.parse() {
        // A sign would be let through by `parse`.
        Ok(port) if port != 0 && digits.starts_with(|it: char| it.is_ascii_digit()) => {
            Ok((host, port))
        }
        _ => Err("a port is a number from 1 to 65535"),
    }
}

/// Until when all has to be over.
#[derive(Clone, Copy, Debug)]
struct Limit {
    start: Instant,
    timeout: Duration,
}

impl Limit {
    fn new(timeout: Duration) -> Limit {
        let start = Instant::now();
        Limit { start, timeout }
    }

    /// The time that is left, never none.
    fn left(self) -> io::Result<Duration> {
        let left = self.timeout.checked_sub(self.start.elapsed());
        left.filter(|it| !it.is_zero()).ok_or_else(|| self.passed())
    }

    fn passed(self) -> io::Error {
        let text = format!("it took longer than {:?}", self.timeout);
        io::Error::new(io::ErrorKind::TimedOut, text)
    }

    /// The system says of a timeout that the resource is temporarily unavailable.
    fn explain(self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => self.passed(),
            _ => error,
        }
    }
}

/// A connection whose every step ends in time.
#[derive(Debug)]
struct Timed {
    stream: TcpStream,
    limit: Limit,
}

impl Read for Timed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.limit.left()?))?;
        self.stream.read(bytes).map_err(|it| self.limit.explain(it))
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.limit.left()?))?;
        self.stream
            .write(bytes)
            .map_err(|it| self.limit.explain(it))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Why no body was read.
#[derive(Debug)]
enum Trouble {
    /// The connection's error.
    Network(io::Error),
    /// What is wrong with the answer; it reads on from "its answer".
    Answer(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Network(error)
    }
}

impl From<String> for Trouble {
    fn from(reason: String) -> Trouble {
        Trouble::Answer(reason)
    }
}

fn read_answer(reader: &mut impl BufRead, wants: &str) -> Result<Vec<u8>, Trouble> {
    let mut lines = Lines {
        reader,
        left: HEAD_LEN_MAX,
    };
    match lines.head()?.body(wants)? {
        Body::Chunked => lines.chunks(),
        Body::Sized(len) => sized(lines.reader, len),
        Body::UntilClosed => {
            let mut body = Vec::new();
            let bound = BODY_LEN_MAX as u64 + 1;
            lines.reader.take(bound).read_to_end(&mut body)?;
            if BODY_LEN_MAX < body.len() {
                return Err(too_long().into());
            }
            Ok(body)
        }
    }
}

/// What the status line and the headers say.
#[derive(Debug, Default)]
struct Head {
    status: u16,
    reason: String,
    content_type: String,
    location: Option<String>,
    transfer_encoding: Option<String>,
    len: Option<String>,
}

/// How the end of a body is known.
enum Body {
    Chunked,
    Sized(usize),
    UntilClosed,
}

impl Head {
    fn body(&self, wants: &str) -> Result<Body, String> {
        let (status, reason) = (self.status, &self.reason);
        match (&self.location, status) {
            (_, 200) => {}
            (Some(location), 300..=399) => {
                let text = "points elsewhere, and redirects are not followed";
                return Err(format!("{text}: {status} {}", quoted(location)));
            }
            _ => return Err(format!("has the status {status} {}", quoted(reason))),
        }
        let mime = self.content_type.split(';').next().unwrap_or_default();
        if !mime.trim().eq_ignore_ascii_case(wants) {
            let found = quoted(&self.content_type);
            return Err(format!("has the content type {found}, not {wants}"));
        }
        match (&self.transfer_encoding, &self.len) {
            (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => Ok(Body::Chunked),
            (Some(coding), _) => Err(format!("has the transfer encoding {}", quoted(coding))),
            (None, Some(len)) => Ok(Body::Sized(number(len, 10, "Content-Length")?)),
            (None, None) => Ok(Body::UntilClosed),
        }
    }
}

/// The lines of an answer, which may have so many bytes in all.
struct Lines<'a, R> {
    reader: &'a mut R,
    left: usize,
}

impl<R: BufRead> Lines<'_, R> {
    fn head(&mut self) -> Result<Head, Trouble> {
        let line = self.line()?;
        let no_http = || format!("is not HTTP/1.1: it begins with {}", quoted(&line));
        let rest = line.strip_prefix("HTTP/1.").ok_or_else(no_http)?;
        let mut words = rest.splitn(3, ' ');
        let minor = words.next().unwrap_or_default();
        let status = words.next().unwrap_or_default();
        // A sign would be let through by `parse`.
        let is_status = status.len() == 3 && status.bytes().all(|it| it.is_ascii_digit());
        if !matches!(minor, "0" | "1") || !is_status {
            return Err(no_http().into());
        }
        let mut head = Head {
            status: status.parse().map_err(|_| no_http())?,
            reason: words.next().unwrap_or_default().to_owned(),
            ..Head::default()
        };
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(head);
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| format!("has a header without a colon: {}", quoted(&line)))?;
            let value = value.trim().to_owned();
            match name.to_ascii_lowercase().as_str() {
                "content-type" => head.content_type = value,
                "content-length" => head.len = Some(value),
                "location" => head.location = Some(value),
                "transfer-encoding" => head.transfer_encoding = Some(value),
                _ => {}
            }
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            // Behind a semicolon stands what nobody needs.
            let digits = line.split(';').next().unwrap_or_default();
            let len = number(digits.trim(), 16, "chunk")?;
            if len == 0 {
                break;
            }
            if BODY_LEN_MAX < body.len().saturating_add(len) {
                return Err(too_long().into());
            }
            body.extend(sized(self.reader, len)?);
            if !self.line()?.is_empty() {
                return Err("has a chunk that does not end where it says"
                    .to_owned()
                    .into());
            }
        }
        // The trailer, which may have headers.
        while !self.line()?.is_empty() {}
        Ok(body)
    }

    /// The next line, without its end.
    fn line(&mut self) -> Result<String, Trouble> {
        let mut bytes = Vec::new();
        let mut bounded = self.reader.by_ref().take(self.left as u64);
        self.left -= bounded.read_until(b'\n', &mut bytes)?;
        let Some(line) = bytes.strip_suffix(b"\n") else {
            return Err(match self.left {
                0 => format!("has more than {HEAD_LEN_MAX} bytes beside its body"),
                _ => "is cut off before its body ends".to_owned(),
            }
            .into());
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Ok(String::from_utf8_lossy(line).into_owned())
    }
}

fn sized(reader: &mut impl Read, len: usize) -> Result<Vec<u8>, Trouble> {
    if BODY_LEN_MAX < len {
        return Err(too_long().into());
    }
    let mut bytes = Vec::new();
    let read = reader.take(len as u64).read_to_end(&mut bytes)?;
    if read < len {
        return Err(format!("is cut off: {read} of {len} bytes came").into());
    }
    Ok(bytes)
}

/// A length as digits alone; one that does not fit is as good as any other that is too long.
fn number(digits: &str, radix: u32, what: &str) -> Result<usize, String> {
    if digits.is_empty() || !digits.chars().all(|it| it.is_digit(radix)) {
        return Err(format!(
            "has no number as length, in {what}: {}",
            quoted(digits)
        ));
    }
    Ok(usize::from_str_radix(digits, radix).unwrap_or(usize::MAX / 2))
}

fn too_long() -> String {
    format!("is longer than {BODY_LEN_MAX} bytes")
}

/// A stranger's text, so that it cannot disturb whoever reads the error.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(QUOTE_LEN_MAX).collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WANTS: &str = "application/timestamp-reply";

    fn answer(bytes: &[u8]) -> Result<Vec<u8>, String> {
        read_answer(&mut &*bytes, WANTS).map_err(|trouble| match trouble {
            Trouble::Answer(reason) => reason,
            Trouble::Network(error) => panic!("{error}"),
        })
    }

    fn ok(headers: &str, body: &str) -> Result<Vec<u8>, String> {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {WANTS}\r\n{headers}\r\n");
        answer(&[head.as_bytes(), body.as_bytes()].concat())
    }

    #[test]
    fn an_address_is_taken_apart() {
        let parts = |url: &'static str| {
            let target = Target::parse(url).unwrap();
            (target.host, target.port, target.path, target.authority)
        };
        let of = |host, port, path: &str, authority| (host, port, path.to_owned(), authority);
        assert_eq!(parts("http://a.b"), of("a.b", 80, "/", "a.b"));
        assert_eq!(
            parts("HTTP://a:81/tsa/?q=1"),
            of("a", 81, "/tsa/?q=1", "a:81")
        );
        assert_eq!(parts("http://a?q"), of("a", 80, "/?q", "a"));
        assert_eq!(parts("http://[::1]:9/x"), of("::1", 9, "/x", "[::1]:9"));
        assert_eq!(parts("http://[::1]"), of("::1", 80, "/", "[::1]"));
    }

    #[test]
    fn an_address_that_cannot_be_asked_says_why() {
        for (url, why) in [
            ("", "begins with http://"),
            ("a.b/tsa", "begins with http://"),
            ("ftp://a.b", "begins with http://"),
            ("https://a.b", "https is not spoken"),
            ("http://", "has a host"),
            ("http:///tsa", "has a host"),
            ("http://:80", "has a host"),
            ("http://a b", "no spaces"),
            ("http://a/\r\nX: y", "no spaces"),
            ("http://a/\u{e9}", "not ASCII"),
            ("http://a/#b", "no #"),
            ("http://me:secret@a", "no password"),
            ("http://a:", "from 1 to 65535"),
            ("http://a:0", "from 1 to 65535"),
            ("http://a:+8", "from 1 to 65535"),
            ("http://a:65536", "from 1 to 65535"),
            ("http://::1", "has a host"),
            ("http://[::1", "is not closed"),
            ("http://[::1]8", "from 1 to 65535"),
            ("http://[a]", "no IPv6"),
        ] {
            let reason = Target::parse(url).unwrap_err();
            assert!(reason.contains(why), "{url}: {reason}");
        }
    }

    #[test]
    fn a_body_ends_as_the_answer_says() {
        assert_eq!(ok("Content-Length: 3\r\n", "abcd").unwrap(), b"abc");
        assert_eq!(ok("", "abcd").unwrap(), b"abcd");
        let chunked = "transfer-encoding: Chunked\r\n";
        let body = "2;why=not\r\nab\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n";
        assert_eq!(ok(chunked, body).unwrap(), b"ab0123456789");
        assert_eq!(ok(chunked, "0\r\n\r\n").unwrap(), b"");
    }

    #[test]
    fn a_broken_body_says_why() {
        let chunked = "Transfer-Encoding: chunked\r\n";
        let long = "x".repeat(BODY_LEN_MAX + 1);
        for (headers, body, why) in [
            ("Content-Length: 5\r\n", "abcd", "cut off: 4 of 5"),
            ("Content-Length: -5\r\n", "abcd", "no number"),
            ("Content-Length: \r\n", "abcd", "no number"),
            ("Content-Length: 65537\r\n", "", "longer than 65536"),
            (
                "Content-Length: 99999999999999999999999\r\n",
                "",
                "longer than",
            ),
            ("", &long, "longer than 65536"),
            (chunked, "10001\r\n", "longer than 65536"),
            (chunked, "ffffffffffffffffffff\r\n", "longer than 65536"),
            (chunked, "+1\r\na\r\n", "no number"),
            (chunked, "3\r\nab", "cut off: 2 of 3"),
            (chunked, "2\r\nabc\r\n", "does not end where it says"),
            (chunked, "2\r\nab\r\n", "cut off before its body ends"),
            (
                chunked,
                &"1\r\na\r\n".repeat(9_000),
                "16384 bytes beside its body",
            ),
            ("Transfer-Encoding: gzip\r\n", "", "encoding \"gzip\""),
        ] {
            let reason = ok(headers, body).unwrap_err();
            assert!(reason.contains(why), "{headers}: {reason}");
        }
    }

    #[test]
    fn an_answer_that_is_none_says_why() {
        let long = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(HEAD_LEN_MAX));
        for (text, why) in [
            ("", "cut off"),
            (
                "SSH-2.0-x\r\n",
                "not HTTP/1.1: it begins with \"SSH-2.0-x\"",
            ),
            ("HTTP/1.1 2 OK\r\n\r\n", "not HTTP/1.1"),
            ("HTTP/1.1 +20 OK\r\n\r\n", "not HTTP/1.1"),
            ("HTTP/2 200\r\n\r\n", "not HTTP/1.1"),
            ("HTTP/1.1 200 OK\r\nX: y\r\n", "cut off"),
            ("HTTP/1.1 200 OK\r\nX\r\n\r\n", "without a colon: \"X\""),
            (&long, "16384 bytes beside its body"),
            ("HTTP/1.0 404 No\x1b\r\n\r\n", r#"status 404 "No\u{1b}""#),
            (
                "HTTP/1.1 301 Moved\r\nLocation: https://a\r\n\r\n",
                "not followed: 301 \"https://a\"",
            ),
            ("HTTP/1.1 200\r\n\r\n", "has the content type \"\""),
            (
                "HTTP/1.1 200\r\nContent-Type: text/html\r\n\r\n",
                "has the content type \"text/html\"",
            ),
        ] {
            let reason = answer(text.as_bytes()).unwrap_err();
            assert!(reason.contains(why), "{text:?}: {reason}");
        }
        let fine = format!("HTTP/1.1 200\nCONTENT-TYPE:{WANTS} ; a=b\n\nabc");
        assert_eq!(answer(fine.as_bytes()).unwrap(), b"abc");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            at in 0..5_usize,
        ) {
            let before = [
                "",
                "HTTP/1.1 ",
                "HTTP/1.1 200 OK\r\n",
                "HTTP/1.1 200\r\nContent-Type: application/timestamp-reply\r\nContent-Length: ",
                "HTTP/1.1 200\r\nContent-Type: application/timestamp-reply\r\n\
                 Transfer-Encoding: chunked\r\n\r\n",
            ];
            let _ = answer(&[before[at].as_bytes(), &bytes].concat());
        }

        #[test]
        fn any_text_is_an_address_or_an_error(url in "(http://)?[\\PC\\[\\]:/?@#.]{0,40}") {
            if let Ok(target) = Target::parse(&url) {
                prop_assert!(target.path.starts_with('/') && !target.host.is_empty());
            }
        }
    }
}
