//! `tj check`: whether a proof holds, on a machine that has nothing but it and a key.
//!
//! Always true: it says what the proof shows, and what it does not.

use std::{fs, io::Read as _, path::Path};

use serde::Serialize;
use tradejournal::evidence::{Proof, Proved};

use crate::args::Check;
use crate::evidence;
use crate::failure::{Failure, Verdict};
use crate::output::{Out, printable};

/// A proof of a few hundred lines.
const FILE_LEN_MAX: u64 = 1 << 30;

pub(crate) fn run(args: &Check, json: bool, out: &mut Out) -> anyhow::Result<Verdict> {
    let key = evidence::verifier_key(&args.key)?;
    let text = read(&args.file)?;
    let proved = Proof::parse(&text)
        .and_then(|it| it.check(&key))
        .map_err(anyhow::Error::new);
    let proved = proved.and_then(|it| match &args.origin {
        Some(wanted) if it.origin.to_string() != *wanted => {
            Err(anyhow::anyhow!("it is of {}, not of {wanted}", it.origin))
        }
        _ => Ok(it),
    });
    let verdict = Verdict::found(proved.is_err());
    match proved {
        Ok(proved) if json => out.json(&Report::of(&proved))?,
        Ok(proved) => tell(&proved, out)?,
        Err(error) if json => out.json(&Refusal {
            holds: false,
            why: format!("{error:#}"),
        })?,
        Err(error) => {
            let text = format!("the proof does not hold: {error:#}");
            out.line(printable(&text))?;
        }
    }
    Ok(verdict)
}

/// What `--json` prints of a proof that holds.
#[derive(Serialize)]
struct Report {
    holds: bool,
    origin: String,
    lines: u64,
    root: String,
    signed: String,
    signer: String,
    records: Vec<Record>,
    older: Option<Older>,
}

#[derive(Serialize)]
struct Record {
    seq: u64,
    line: String,
}

#[derive(Serialize)]
struct Older {
    lines: u64,
    signed: String,
}

/// What `--json` prints of one that does not.
#[derive(Serialize)]
struct Refusal {
    holds: bool,
    why: String,
}

impl Report {
    fn of(proved: &Proved) -> Report {
        let record = |(seq, line): &(u64, String)| Record {
            seq: *seq,
            line: line.clone(),
        };
        Report {
            holds: true,
            origin: proved.origin.to_string(),
            lines: proved.size,
            root: proved.root.to_string(),
            signed: proved.time.to_string(),
            signer: proved.signer.clone(),
            records: proved.lines.iter().map(record).collect(),
            older: proved.older.map(|(lines, time)| Older {
                lines,
                signed: time.to_string(),
            }),
        }
    }
}

fn tell(proved: &Proved, out: &mut Out) -> anyhow::Result<()> {
    out.line("the proof holds:")?;
    for (seq, line) in &proved.lines {
        out.line(printable(&format!("  line {seq}: {line}")))?;
    }
    if let Some((lines, time)) = proved.older {
        out.line(format!(
            "  the {lines} lines signed on {time} are unaltered in what follows"
        ))?;
    }
    out.line(printable(&format!(
        "{} had {} lines on {}, and `{}` signed them; so says the key that you trust.",
        proved.origin, proved.size, proved.time, proved.signer
    )))?;
    out.line(
        "Not shown: that the records are true, that there are no others, and that the signer's clock was \
         right.",
    )
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin()
            .take(FILE_LEN_MAX)
            .read_to_string(&mut text),
        false => {
            fs::File::open(path).and_then(|it| it.take(FILE_LEN_MAX).read_to_string(&mut text))
        }
    };
    match read {
        Ok(_) => Ok(text),
        // It is there and is no text: that is for the check to say.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Ok(String::new()),
        Err(error) => {
            let failure = Failure::new(format!("cannot read {}", path.display()));
            Err(failure.because(error).into())
        }
    }
}
