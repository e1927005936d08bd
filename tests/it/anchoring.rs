//! A time-stamp is asked of openssl's own authority, over a connection, and checked by openssl; every
//! other answer is refused with what is wrong with it.

use std::{
    error::Error,
    fs, io,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Output},
    sync::Arc,
    thread,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tempfile::{TempDir, tempdir};
use tradejournal::evidence::anchor::{AnchorError, stamped_digest, stamped_time, time_stamp};
use tradejournal::record::Digest;
use tradejournal::time::{Clock, SystemClock};

/// Long enough for any machine; a test that waits for its end has its own.
const TIMEOUT: Duration = Duration::from_secs(60);
const NONCE: u64 = 0xfedc_ba98_7654_3210;

const CONFIG: &str = "
[req]
distinguished_name = name
prompt = no
[name]
CN = an authority
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[stamping]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = here
[here]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
certs = ca.pem
signer_digest = sha256
default_policy = 1.2.3.4
digests = DIGESTS
accuracy = secs:1
ordering = yes
tsa_name = yes
clock_precision_digits = 6
";

fn digest() -> Digest {
    Digest::from_bytes(std::array::from_fn(|it| u8::try_from(it).unwrap()))
}

/// openssl's time-stamp authority, with a certificate for this and no other purpose.
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Authority {
        Authority::of("sha256")
    }

    /// One that stamps these hashes alone.
    fn of(digests: &str) -> Authority {
        let folder = tempdir().unwrap();
        let config = CONFIG.replace("DIGESTS", digests);
        fs::write(folder.path().join("conf"), config).unwrap();
        let authority = Authority { folder };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        for step in [
            format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -extensions root"),
            format!("req -new {key} -keyout tsa.key -out tsa.csr"),
            "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 2 \
             -extfile conf -extensions stamping -out tsa.pem"
                .to_owned(),
        ] {
            authority.run(&step);
        }
        authority
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn openssl(&self, command: &str) -> Output {
        Command::new("openssl")
            .args(command.split_ascii_whitespace())
            // None of the machine's own settings.
            .env("OPENSSL_CONF", "conf")
            .current_dir(self.path())
            .output()
            .unwrap_or_else(|error| panic!("needs openssl (scripts/test --install): {error}"))
    }

    fn run(&self, command: &str) {
        let output = self.openssl(command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {command}: {said}");
    }

    /// The authority's answer to a query.
    pub fn answer(&self, query: &[u8]) -> Vec<u8> {
        fs::write(self.path().join("query.tsq"), query).unwrap();
        self.run("ts -reply -config conf -queryfile query.tsq -out response.tsr");
        fs::read(self.path().join("response.tsr")).unwrap()
    }

    /// Whether openssl finds the response to be this authority's word on the digest.
    fn verifies(&self, response: &[u8], digest: &Digest) -> bool {
        fs::write(self.path().join("kept.tsr"), response).unwrap();
        let command = format!("ts -verify -digest {digest} -in kept.tsr -CAfile ca.pem");
        self.openssl(&command).status.success()
    }
}

/// What a server was asked.
pub struct Question {
    head: String,
    pub body: Vec<u8>,
}

fn read_question(stream: &TcpStream) -> Question {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let len = head
        .lines()
        .find_map(|it| it.strip_prefix("Content-Length: "));
    let mut body = vec![0; len.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Question { head, body }
}

/// A server that answers one question with these bytes, and its port.
pub fn serve(
    answer: impl FnOnce(&Question) -> Vec<u8> + Send + 'static,
) -> (u16, JoinHandle<Question>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let question = read_question(&stream);
        // Whoever has read enough of it may hang up.
        let _ = stream.write_all(&answer(&question));
        question
    });
    (port, server)
}

/// A whole answer with this body.
pub fn reply(body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\n";
    let head = format!("{head}Content-Length: {len}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Asks such a server.
fn ask(answer: impl FnOnce(&Question) -> Vec<u8> + Send + 'static) -> Result<Vec<u8>, AnchorError> {
    let (port, server) = serve(answer);
    let response = time_stamp(&url(port), &digest(), NONCE, TIMEOUT);
    server.join().unwrap();
    response
}

/// What the authority answers, sent like this.
fn by(
    authority: &Arc<Authority>,
    send: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static,
) -> impl FnOnce(&Question) -> Vec<u8> + Send + 'static {
    let authority = Arc::clone(authority);
    move |question| send(authority.answer(&question.body))
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/tsa?policy=any")
}

/// The error with its causes, as a person reads it.
fn said(error: &AnchorError) -> String {
    let cause = error.source().map(|it| format!(": {it}"));
    format!("{error}{}", cause.unwrap_or_default())
}

#[test]
fn a_token_is_given_that_openssl_verifies() {
    let authority = Arc::new(Authority::new());
    let (port, server) = serve(by(&authority, |it| reply(&it)));
    let before = SystemClock.now();
    // By name, as authorities are.
    let url = format!("http://localhost:{port}/tsa");
    let response = time_stamp(&url, &digest(), NONCE, TIMEOUT).unwrap();

    let question = server.join().unwrap();
    for line in [
        "POST /tsa HTTP/1.1",
        &format!("Host: localhost:{port}"),
        "Content-Type: application/timestamp-query",
        "Connection: close",
    ] {
        let head = &question.head;
        assert!(head.lines().any(|it| it == line), "{line}: {head}");
    }
    assert_eq!(stamped_digest(&response).unwrap(), digest());
    let time = stamped_time(&response).unwrap();
    assert!(before <= time && time <= SystemClock.now(), "{time}");

    assert!(authority.verifies(&response, &digest()));
    authority.run("ts -verify -queryfile query.tsq -in kept.tsr -CAfile ca.pem");
    authority.run("ts -reply -in kept.tsr -text");
    let other = Digest::from_bytes([0; 32]);
    assert!(!authority.verifies(&response, &other));
    assert!(!Authority::new().verifies(&response, &digest()));
}

#[test]
fn a_changed_time_is_read_and_is_for_openssl_to_refuse() {
    let authority = Arc::new(Authority::new());
    let change = |mut response: Vec<u8>| {
        // A GeneralizedTime of the years 20xx, its fraction as long as it came out.
        let is_time = |it: &[u8]| matches!(*it, [0x18, 15..=22, b'2', b'0']);
        let time = response.windows(4).position(is_time).unwrap();
        response[time + 3] = b'9';
        reply(&response)
    };
    let response = ask(by(&authority, change)).unwrap();
    assert_eq!(stamped_time(&response).unwrap().day().year() / 100, 29);
    assert!(!authority.verifies(&response, &digest()));
}

#[test]
fn an_answer_may_come_in_chunks() {
    let authority = Arc::new(Authority::new());
    let chunked = |response: Vec<u8>| {
        let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\
            content-type: application/timestamp-reply; charset=binary\r\n\r\n"
            .to_vec();
        for chunk in response.chunks(100) {
            write!(answer, "{:x}\r\n", chunk.len()).unwrap();
            answer.extend([chunk, b"\r\n"].concat());
        }
        answer.extend(b"0\r\n\r\n");
        answer
    };
    let response = ask(by(&authority, chunked)).unwrap();
    assert!(authority.verifies(&response, &digest()));
}

#[test]
fn a_refusal_of_the_authority_is_passed_on() {
    let authority = Arc::new(Authority::of("sha512"));
    let error = ask(by(&authority, |it| reply(&it))).unwrap_err();
    assert!(
        matches!(error, AnchorError::Refused { status: 2, .. }),
        "{error}"
    );
    let text =
        "grants no time-stamp: rejected (status 2), \"Message digest algorithm is not supported";
    assert!(said(&error).contains(text), "{error}");
    assert!(said(&error).contains("badAlg"), "{error}");
}

#[test]
fn a_replayed_answer_is_refused() {
    let authority = Arc::new(Authority::new());
    let older = ask(by(&authority, |it| reply(&it))).unwrap();
    let (port, server) = serve(move |_| reply(&older));
    let error = time_stamp(&url(port), &digest(), NONCE + 1, TIMEOUT).unwrap_err();
    server.join().unwrap();
    assert!(matches!(error, AnchorError::OtherNonce), "{error}");
    assert!(said(&error).contains("answers another request"), "{error}");
}

#[test]
fn a_token_over_another_digest_is_refused() {
    let authority = Authority::new();
    let error = ask(move |question| {
        let asked = digest();
        let at = question
            .body
            .windows(32)
            .position(|it| it == asked.as_bytes());
        let mut query = question.body.clone();
        query[at.unwrap()] ^= 1;
        reply(&authority.answer(&query))
    })
    .unwrap_err();
    let AnchorError::OtherDigest { asked, stamped } = &error else {
        panic!("{error}")
    };
    assert_eq!(*asked, digest());
    assert_eq!(stamped.as_bytes()[0], asked.as_bytes()[0] ^ 1);
    assert_eq!(stamped.as_bytes()[1..], asked.as_bytes()[1..]);
    assert!(said(&error).contains(&format!("not over {}", digest())));
}

#[test]
fn a_truncated_token_is_refused() {
    let authority = Arc::new(Authority::new());
    let cut = |mut response: Vec<u8>| {
        response.truncate(response.len() - 1);
        reply(&response)
    };
    let error = ask(by(&authority, cut)).unwrap_err();
    let text = "read a time-stamp response: TimeStampResp is cut off";
    assert_eq!(said(&error), text);
}

#[test]
fn a_server_that_is_no_authority_is_refused() {
    let answer = |text: &'static str| said(&ask(move |_| text.into()).unwrap_err());
    let text = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>";
    let error = answer(text);
    let wrong = "has the content type \"text/html\", not application/timestamp-reply";
    assert!(error.starts_with("ask http://127.0.0.1:"), "{error}");
    assert!(error.ends_with(wrong), "{error}");
    let error = answer("HTTP/1.1 302 Found\r\nLocation: https://tsa\r\n\r\n");
    assert!(error.contains("redirects are not followed"), "{error}");
    let error = answer("HTTP/1.1 500 Oh no\r\n\r\n");
    assert!(error.ends_with("has the status 500 \"Oh no\""), "{error}");
    let error = answer("");
    assert!(error.contains("cut off"), "{error}");
}

#[test]
fn an_oversized_answer_is_refused() {
    let said_so = "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\n";
    let long = vec![0x30; (64 << 10) + 1];
    let unsaid = [said_so.as_bytes(), b"\r\n", &long].concat();
    for answer in [reply(&long), unsaid] {
        let error = said(&ask(move |_| answer).unwrap_err());
        assert!(error.ends_with("is longer than 65536 bytes"), "{error}");
    }
}

#[test]
fn a_dead_server_is_named() {
    // Nobody listens where a system service once was.
    let error = time_stamp("http://127.0.0.1:1/", &digest(), NONCE, TIMEOUT).unwrap_err();
    let AnchorError::Network { source, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
    let text = said(&error);
    assert!(
        text.starts_with("connect to http://127.0.0.1:1/: "),
        "{text}"
    );
}

/// Asks a server that does not come to an end, and says what comes of it.
fn ask_in_vain(url: &str) -> String {
    let timeout = Duration::from_millis(300);
    let start = Instant::now();
    let error = time_stamp(url, &digest(), NONCE, timeout).unwrap_err();
    let took = start.elapsed();
    assert!(timeout <= took && took < TIMEOUT, "{took:?}");
    let AnchorError::Network { source, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(source.kind(), io::ErrorKind::TimedOut);
    said(&error)
}

#[test]
fn a_silent_server_is_not_waited_for() {
    // The operating system takes the connection, and nobody reads from it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = url(listener.local_addr().unwrap().port());
    let text = format!("read the answer of {url}: it took longer than 300ms");
    assert_eq!(ask_in_vain(&url), text);
}

#[test]
fn a_server_that_goes_on_slowly_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = url(listener.local_addr().unwrap().port());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_question(&stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").unwrap();
        // Each byte comes in time by itself; until the other side hangs up.
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(ask_in_vain(&url).contains("it took longer than 300ms"));
    server.join().unwrap();
}

#[test]
fn an_address_that_cannot_be_asked_is_refused() {
    let ask = |url| said(&time_stamp(url, &digest(), NONCE, TIMEOUT).unwrap_err());
    let error = ask("https://tsa.example/");
    assert!(error.contains("https is not spoken here"), "{error}");
    let error = ask("tsa.example");
    assert!(error.contains("begins with http://"), "{error}");
}
