//! A time from outside: asking an RFC 3161 time-stamp authority for a token over a SHA-256.
//!
//! A chain of hashes shows that nothing was changed in the middle; whoever holds all of it could still
//! make all of it anew. A token is somebody else's signature under a hash and a time: what was hashed
//! existed then.
//!
//! Always true:
//! - What [`time_stamp`] returns was granted, is over the digest that was asked about, and answers this
//!   very request: its nonce is ours. It is the answer byte for byte, whole.
//! - No answer, however made up, does more than give an error: nothing panics, and what is kept of it
//!   is bounded.
//! - The exchange ends within its timeout. It is tried once.
//!
//! Not here: **the signature**. Time, digest and nonce are read, not proven; anybody between here and
//! the authority could have made them up. Whether an authority that you trust signed them is for
//! openssl to say, which needs nothing of ours but the file:
//!
//! ```text
//! openssl ts -verify -digest <64 hexadecimal digits> -in response.tsr -CAfile authority.pem
//! openssl ts -reply -in response.tsr -text
//! ```
//!
//! That is also why plain `http://` is enough, and all that is spoken: the digest is no secret, and an
//! answer that was changed on its way does not verify.

mod der;
mod http;

use std::{io, time::Duration};

use crate::record::Digest;
use crate::time::Timestamp;
use der::{Der, element};

/// 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.9.16.1.4
const TST_INFO: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04,
];
/// 2.16.840.1.101.3.4.2.1
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// The one version that requests and tokens have.
const VERSION: &[u8] = &[1];
const TRUE: &[u8] = &[0xff];

/// The statuses of a response from 0 on: the first two bring a token.
const STATUSES: [&str; 6] = [
    "granted",
    "granted with changes",
    "rejected",
    "waiting",
    "the authority is about to be revoked",
    "the authority was revoked",
];
/// The bits of a refusal, and the names that RFC 3161 gives them.
const FAILURES: [(usize, &str); 8] = [
    (0, "badAlg"),
    (2, "badRequest"),
    (5, "badDataFormat"),
    (14, "timeNotAvailable"),
    (15, "unacceptedPolicy"),
    (16, "unacceptedExtension"),
    (17, "addInfoNotAvailable"),
    (25, "systemFailure"),
];

/// Why there is no time-stamp, or none that can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// Nothing was sent: the address cannot be asked.
    #[error("ask {url:?} for a time-stamp: {reason}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The connection failed or took too long. Another try may go better.
    #[error("{step} {url}")]
    Network {
        /// What was being done.
        step: &'static str,
        /// The address.
        url: String,
        /// What the operating system said; of the kind `TimedOut` when the time was up.
        source: io::Error,
    },
    /// What answers there is no time-stamp authority, or not for this request.
    #[error("ask {url} for a time-stamp: its answer {reason}")]
    Answer {
        /// The address.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The bytes are no response as RFC 3161 has it.
    #[error("read a time-stamp response: {part} {reason}")]
    Malformed {
        /// The part, by its name in RFC 3161 and RFC 5652.
        part: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The authority answered, and does not grant it.
    #[error("the authority grants no time-stamp: {} (status {status}), {text:?}", status_name(*.status))]
    Refused {
        /// The status, 2 or more.
        status: u8,
        /// What the authority says, and the names of the failures that it gives.
        text: String,
    },
    /// The time-stamp is over something else.
    #[error("the time-stamp is over {stamped}, not over {asked}")]
    OtherDigest {
        /// The digest to be stamped.
        asked: Digest,
        /// The digest that was.
        stamped: Digest,
    },
    /// The time-stamp answers some other request: an older answer, played again.
    #[error("the time-stamp answers another request: its nonce is not the one that was sent")]
    OtherNonce,
}

/// Asks the authority at `url` (`http://host/path`) for a token over `digest`, and returns its whole
/// answer.
///
/// `nonce` must be a number that was not sent before; chance is good enough. `timeout` is for all of
/// it. To keep an authority's word, keep the returned bytes.
///
/// ```no_run
/// use std::time::Duration;
/// use tradejournal::evidence::anchor;
/// use tradejournal::record::Digest;
///
/// # let digest = Digest::from_bytes([7; 32]);
/// # let nonce = 7;
/// let url = "http://timestamp.example/";
/// let response = anchor::time_stamp(url, &digest, nonce, Duration::from_secs(10))?;
/// println!("{digest} existed at {}", anchor::stamped_time(&response)?);
/// # Ok::<(), anchor::AnchorError>(())
/// ```
///
/// # Errors
/// [`AnchorError`], which says whether the address, the network, the authority or its answer is to
/// blame.
pub fn time_stamp(
    url: &str,
    digest: &Digest,
    nonce: u64,
    timeout: Duration,
) -> Result<Vec<u8>, AnchorError> {
    let question = http::Post {
        body: &request(digest, nonce),
        sends: "application/timestamp-query",
        wants: "application/timestamp-reply",
    };
    let response = http::post(url, question, timeout)?;
    let token = Token::read(&response)?;
    // A replayed answer may well be over another digest; that it is old says more.
    if token.nonce != Some(&der::unsigned(nonce)) {
        return Err(AnchorError::OtherNonce);
    }
    if token.digest != *digest {
        return Err(AnchorError::OtherDigest {
            asked: *digest,
            stamped: token.digest,
        });
    }
    Ok(response)
}

/// The time that a response says, its signature unchecked.
///
/// # Errors
/// [`AnchorError::Malformed`], or [`AnchorError::Refused`] when it brings no time-stamp.
pub fn stamped_time(response: &[u8]) -> Result<Timestamp, AnchorError> {
    Token::read(response).map(|it| it.time)
}

/// The digest that a response is over, its signature unchecked.
///
/// # Errors
/// [`AnchorError::Malformed`], or [`AnchorError::Refused`] when it brings no time-stamp.
pub fn stamped_digest(response: &[u8]) -> Result<Digest, AnchorError> {
    Token::read(response).map(|it| it.digest)
}

/// A `TimeStampReq`.
fn request(digest: &Digest, nonce: u64) -> Vec<u8> {
    let object = element(der::OBJECT_ID, &[SHA_256]);
    let algorithm = element(der::SEQUENCE, &[&object, &element(der::NULL, &[])]);
    let hashed = element(der::OCTET_STRING, &[digest.as_bytes()]);
    element(
        der::SEQUENCE,
        &[
            &element(der::INTEGER, &[VERSION]),
            &element(der::SEQUENCE, &[&algorithm, &hashed]),
            &element(der::INTEGER, &[&der::unsigned(nonce)]),
            // The token is to bring the authority's certificate along, or nobody can check it later.
            &element(der::BOOLEAN, &[TRUE]),
        ],
    )
}

/// What a token says: its `TSTInfo`.
#[derive(Debug)]
struct Token<'a> {
    time: Timestamp,
    digest: Digest,
    /// The inside of the INTEGER.
    nonce: Option<&'a [u8]>,
}

impl<'a> Token<'a> {
    /// Reads a `TimeStampResp`.
    fn read(response: &'a [u8]) -> Result<Token<'a>, AnchorError> {
        if http::BODY_LEN_MAX < response.len() {
            return Err(malformed("TimeStampResp", "is longer than 64 KiB"));
        }
        let mut file = Der::new(response, "the file");
        let mut response = file.take(der::SEQUENCE, "TimeStampResp")?;
        file.end()?;
        granted(response.take(der::SEQUENCE, "PKIStatusInfo")?)?;
        let token = response.take(der::SEQUENCE, "timeStampToken")?;
        response.end()?;
        Token::from_info(info(token)?)
    }

    fn from_info(mut info: Der<'a>) -> Result<Token<'a>, AnchorError> {
        if info.take(der::INTEGER, "version")?.bytes() != VERSION {
            return Err(malformed("version", "is not 1"));
        }
        info.take(der::OBJECT_ID, "policy")?;
        let digest = imprint(info.take(der::SEQUENCE, "messageImprint")?)?;
        info.take(der::INTEGER, "serialNumber")?;
        let time = info.take(der::GENERALIZED_TIME, "genTime")?;
        let time = utc(time.bytes()).ok_or(malformed("genTime", "is no time in UTC"))?;
        info.take_if(der::SEQUENCE, "accuracy")?;
        info.take_if(der::BOOLEAN, "ordering")?;
        let nonce = info.take_if(der::INTEGER, "nonce")?;
        info.take_if(der::CONTEXT_0, "tsa")?;
        info.take_if(der::CONTEXT_1, "extensions")?;
        info.end()?;
        let nonce = nonce.map(|it| it.bytes());
        Ok(Token {
            time,
            digest,
            nonce,
        })
    }
}

/// That a `PKIStatusInfo` says that there is a token.
fn granted(mut info: Der<'_>) -> Result<(), AnchorError> {
    let status = match *info.take(der::INTEGER, "status")?.bytes() {
        [0 | 1] => return Ok(()),
        [status @ 0..0x80] => status,
        _ => return Err(malformed("status", "is none of the statuses")),
    };
    let mut said = Vec::new();
    if let Some(mut texts) = info.take_if(der::SEQUENCE, "statusString")? {
        while let Some(text) = texts.take_if(der::UTF8_STRING, "statusString")? {
            said.push(String::from_utf8_lossy(text.bytes()).into_owned());
        }
        texts.end()?;
    }
    if let Some(bits) = info.take_if(der::BIT_STRING, "failInfo")? {
        // The first byte counts the bits that the last one does not use.
        let bytes = bits.bytes().get(1..).unwrap_or_default();
        let is_set = |bit: usize| {
            let byte = bytes.get(bit / 8).copied().unwrap_or_default();
            byte >> (7 - bit % 8) & 1 == 1
        };
        let failures = FAILURES.iter().filter(|(bit, _)| is_set(*bit));
        said.extend(failures.map(|(_, name)| (*name).to_owned()));
    }
    let text = said.join("; ");
    Err(AnchorError::Refused { status, text })
}

/// The `TSTInfo` inside a `ContentInfo` with `SignedData`.
fn info(mut token: Der<'_>) -> Result<Der<'_>, AnchorError> {
    if token.take(der::OBJECT_ID, "contentType")?.bytes() != SIGNED_DATA {
        return Err(malformed("contentType", "is not signedData"));
    }
    let mut content = token.take(der::CONTEXT_0, "content")?;
    token.end()?;
    let mut signed = content.take(der::SEQUENCE, "SignedData")?;
    content.end()?;

    signed.take(der::INTEGER, "version")?;
    signed.take(der::SET, "digestAlgorithms")?;
    let mut inner = signed.take(der::SEQUENCE, "encapContentInfo")?;
    signed.take_if(der::CONTEXT_0, "certificates")?;
    signed.take_if(der::CONTEXT_1, "crls")?;
    signed.take(der::SET, "signerInfos")?;
    signed.end()?;

    if inner.take(der::OBJECT_ID, "eContentType")?.bytes() != TST_INFO {
        return Err(malformed("eContentType", "is not TSTInfo"));
    }
    let mut content = inner.take(der::CONTEXT_0, "eContent")?;
    inner.end()?;
    let bytes = content.take(der::OCTET_STRING, "eContent")?.bytes();
    content.end()?;

    let mut content = Der::new(bytes, "eContent");
    let info = content.take(der::SEQUENCE, "TSTInfo")?;
    content.end()?;
    Ok(info)
}

/// The SHA-256 of a `MessageImprint`.
fn imprint(mut imprint: Der<'_>) -> Result<Digest, AnchorError> {
    let mut algorithm = imprint.take(der::SEQUENCE, "hashAlgorithm")?;
    let hashed = imprint.take(der::OCTET_STRING, "hashedMessage")?;
    imprint.end()?;
    if algorithm.take(der::OBJECT_ID, "hashAlgorithm")?.bytes() != SHA_256 {
        return Err(malformed("hashAlgorithm", "is not SHA-256"));
    }
    // SHA-256 has no parameters, which is said in two ways.
    algorithm.take_if(der::NULL, "hashAlgorithm")?;
    algorithm.end()?;
    <[u8; 32]>::try_from(hashed.bytes())
        .map(Digest::from_bytes)
        .map_err(|_| malformed("hashedMessage", "has not the length of a SHA-256"))
}

/// A GeneralizedTime as RFC 3161 has it: `20251026143215.123Z`.
fn utc(text: &[u8]) -> Option<Timestamp> {
    let (date, time) = text.split_at_checked(8)?;
    let (year, date) = date.split_at_checked(4)?;
    let (month, day) = date.split_at_checked(2)?;
    let (hour, time) = time.split_at_checked(2)?;
    let (minute, time) = time.split_at_checked(2)?;
    // Seconds, their fraction and the zone stand as they do in RFC 3339; the zone may only be Z.
    time.ends_with(b"Z").then_some(())?;
    let date = [year, month, day].join(&b'-');
    let time = [hour, minute, time].join(&b':');
    Timestamp::parse(&[date, time].join(&b'T')).ok()
}

fn status_name(status: u8) -> &'static str {
    STATUSES
        .get(usize::from(status))
        .copied()
        .unwrap_or("unknown")
}

fn malformed(part: &'static str, reason: &'static str) -> AnchorError {
    AnchorError::Malformed { part, reason }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What openssl's authority answered about the SHA-256 of `a journal`.
    const GRANTED: &[u8] = include_bytes!("../../tests/fixtures/anchor/granted.tsr");
    const DIGEST: &str = "e97595340ed17b0f5b90387e72aa552f210e847b70659807bc57e54b04d9e7a5";
    const NONCE: u64 = 0x5b04_8ba4_1839_38c6;

    fn digest() -> Digest {
        DIGEST.parse().unwrap()
    }

    /// The fields of a `TSTInfo`, and a whole response around them.
    struct Made {
        version: Vec<u8>,
        algorithm: Vec<u8>,
        hashed: Vec<u8>,
        time: Vec<u8>,
        rest: Vec<u8>,
        status: Vec<u8>,
        content_type: Vec<u8>,
    }

    fn made() -> Made {
        let object = element(der::OBJECT_ID, &[SHA_256]);
        Made {
            version: VERSION.to_vec(),
            algorithm: object,
            hashed: digest().as_bytes().to_vec(),
            time: b"20251026143215Z".to_vec(),
            rest: Vec::new(),
            status: element(der::INTEGER, &[&[0]]),
            content_type: TST_INFO.to_vec(),
        }
    }

    impl Made {
        fn response(&self) -> Vec<u8> {
            let sequence = |parts: &[&[u8]]| element(der::SEQUENCE, parts);
            let hashed = element(der::OCTET_STRING, &[&self.hashed]);
            let info = sequence(&[
                &element(der::INTEGER, &[&self.version]),
                &element(der::OBJECT_ID, &[&[0x2a]]),
                &sequence(&[&sequence(&[&self.algorithm]), &hashed]),
                &element(der::INTEGER, &[&[9]]),
                &element(der::GENERALIZED_TIME, &[&self.time]),
                &self.rest,
            ]);
            let content = element(der::OCTET_STRING, &[&info]);
            let signed = sequence(&[
                &element(der::INTEGER, &[&[3]]),
                &element(der::SET, &[]),
                &sequence(&[
                    &element(der::OBJECT_ID, &[&self.content_type]),
                    &element(der::CONTEXT_0, &[&content]),
                ]),
                &element(der::SET, &[]),
            ]);
            let token = sequence(&[
                &element(der::OBJECT_ID, &[SIGNED_DATA]),
                &element(der::CONTEXT_0, &[&signed]),
            ]);
            sequence(&[&sequence(&[&self.status]), &token])
        }

        fn error(&self) -> String {
            stamped_time(&self.response()).unwrap_err().to_string()
        }
    }

    #[test]
    fn a_request_is_what_openssl_writes() {
        let hex = "30430201013031300d060960864801650304020105000420";
        let nonce = "02085b048ba4183938c6";
        let expected = format!("{hex}{DIGEST}{nonce}0101ff");
        let written: String = request(&digest(), NONCE)
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect();
        assert_eq!(written, expected);
    }

    #[test]
    fn an_answer_of_openssl_is_read() {
        let token = Token::read(GRANTED).unwrap();
        assert_eq!(token.nonce, Some(&der::unsigned(NONCE)[..]));
        assert_eq!(stamped_digest(GRANTED).unwrap(), digest());
        let time = stamped_time(GRANTED).unwrap();
        assert_eq!(time.to_string(), "2026-11-21T08:49:28.365Z");
    }

    #[test]
    fn a_response_that_is_cut_off_or_goes_on_is_refused() {
        for len in 0..GRANTED.len() {
            let error = stamped_time(&GRANTED[..len]).unwrap_err();
            assert!(
                matches!(error, AnchorError::Malformed { .. }),
                "{len}: {error}"
            );
        }
        let longer = [GRANTED, &[0]].concat();
        let error = stamped_time(&longer).unwrap_err().to_string();
        assert!(
            error.ends_with("the file has more in it than it should"),
            "{error}"
        );
        let huge = [GRANTED, &[0; http::BODY_LEN_MAX]].concat();
        let error = stamped_time(&huge).unwrap_err().to_string();
        assert!(error.ends_with("is longer than 64 KiB"), "{error}");
    }

    #[test]
    fn a_token_may_have_no_more_than_it_must() {
        let response = made().response();
        let token = Token::read(&response).unwrap();
        assert_eq!(token.time.to_string(), "2025-10-26T14:32:15.000Z");
        assert_eq!((token.digest, token.nonce), (digest(), None));
    }

    #[test]
    fn a_token_of_another_kind_is_refused_by_name() {
        let error = |change: fn(&mut Made)| {
            let mut made = made();
            change(&mut made);
            let error = made.error();
            let said = error.strip_prefix("read a time-stamp response: ");
            said.unwrap_or_else(|| panic!("{error}")).to_owned()
        };
        assert_eq!(error(|it| it.version = vec![2]), "version is not 1");
        assert_eq!(
            error(|it| it.algorithm = element(der::OBJECT_ID, &[&SHA_256[..8], &[3]])),
            "hashAlgorithm is not SHA-256"
        );
        assert_eq!(
            error(|it| it.hashed.push(0)),
            "hashedMessage has not the length of a SHA-256"
        );
        assert_eq!(
            error(|it| it.content_type.push(1)),
            "eContentType is not TSTInfo"
        );
        assert_eq!(
            error(|it| it.status = element(der::INTEGER, &[&[0, 0]])),
            "status is none of the statuses"
        );
        assert_eq!(
            error(|it| it.rest = vec![der::SEQUENCE, 1]),
            "accuracy is cut off"
        );
        assert_eq!(
            error(|it| it.rest = element(der::SET, &[])),
            "TSTInfo has more in it than it should"
        );
        for time in [
            "20251026143215",
            "202510261432Z",
            "20251026143215+0200",
            "20251026143215+02:00Z",
            "20251326143215Z",
            "2025-10-26T14Z",
            "Z",
            "",
        ] {
            let mut made = made();
            made.time = time.into();
            assert!(
                made.error().ends_with("genTime is no time in UTC"),
                "{time}"
            );
        }
    }

    #[test]
    fn a_refusal_gives_status_text_and_failures() {
        let text = |it: &str| element(der::UTF8_STRING, &[it.as_bytes()]);
        let mut made = made();
        made.status = [
            element(der::INTEGER, &[&[2]]),
            element(der::SEQUENCE, &[&text("no\u{1b}[2J"), &text("not today")]),
            // Of 18 bits, badAlg and timeNotAvailable are set.
            element(der::BIT_STRING, &[&[6, 0b1000_0000, 0b0000_0010, 0]]),
        ]
        .concat();
        // A terminal's control characters are shown, not obeyed.
        let said = r#""no\u{1b}[2J; not today; badAlg; timeNotAvailable""#;
        assert_eq!(
            made.error(),
            format!("the authority grants no time-stamp: rejected (status 2), {said}")
        );
        made.status = element(der::INTEGER, &[&[77]]);
        assert!(made.error().contains("unknown (status 77)"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_response_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        ) {
            prop_assert_eq!(stamped_time(&bytes).is_ok(), stamped_digest(&bytes).is_ok());
        }

        #[test]
        fn a_damaged_response_is_a_response_or_an_error(
            damage in prop::collection::vec((0..GRANTED.len(), any::<u8>()), 1..4),
            cut in 0..GRANTED.len(),
        ) {
            let mut bytes = GRANTED.to_vec();
            for (at, byte) in damage {
                bytes[at] = byte;
            }
            let _ = Token::read(&bytes);
            bytes.drain(cut..(cut + 3).min(GRANTED.len()));
            let _ = Token::read(&bytes);
        }
    }
}
