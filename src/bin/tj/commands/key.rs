//! `tj key`: the keys that sign checkpoints.
//!
//! Always true: the root key is handed out before anything depends on it, and is written nowhere but
//! where it was asked to be.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::evidence::{KeyState, Keyring, Ring, RootKey};
use tradejournal::journal::Journal;
use tradejournal::time::Day;

use super::Context;
use crate::args::{Key, KeyWhat};
use crate::evidence;
use crate::failure::{Failure, Verdict};
use crate::journal;

pub(crate) fn run(args: &Key, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    match &args.what {
        KeyWhat::Init {
            static_key: true, ..
        } => init_static(context)?,
        KeyWhat::Init { root_out, .. } => init(root_out.as_deref(), context)?,
        KeyWhat::Renew { root, fresh } => renew(root, *fresh, context)?,
        KeyWhat::ReplaceRoot { root_out } => replace_root(root_out.as_deref(), context)?,
        KeyWhat::Show => show(context)?,
    }
    Ok(Verdict::Fine)
}

/// What `--json` prints.
#[derive(Default, Serialize)]
struct Report {
    kind: &'static str,
    verifier: Option<String>,
    root: Option<String>,
    first_day: Option<String>,
    last_day: Option<String>,
}

fn init(root_out: Option<&Path>, context: &mut Context<'_>) -> anyhow::Result<()> {
    refuse_inside("the keys", &context.settings.keys.value, context)?;
    let journal = journal::for_keys(&context.settings)?;
    let identity = journal.begin().context("cannot begin the journal")?;
    let keys = evidence::keys(&context.settings);
    let keyring = Keyring::of(&journal, identity.name());
    refuse_second(&keys.state(&keyring)?, context)?;
    refuse_other_root(&keyring)?;
    let (root, report) = hand_out_root(&journal, identity.name(), root_out, context)?;
    let today = journal.clock().now().day();
    keys.begin(&keyring, &root, random()?, today)
        .context("cannot make the keys")?;
    tell_handed_out(&report, context)
}

fn replace_root(root_out: Option<&Path>, context: &mut Context<'_>) -> anyhow::Result<()> {
    refuse_inside("the keys", &context.settings.keys.value, context)?;
    let journal = journal::for_checking(&context.settings)?;
    let Some(identity) = journal.identity() else {
        return Ok(());
    };
    let keys = evidence::keys(&context.settings);
    let keyring = Keyring::of(&journal, identity.name());
    if keyring.read().is_ok_and(|it| it.is_empty()) {
        return Err(Failure::new("there is no root key to replace")
            .hint("`tj key init` makes the first one")
            .into());
    }
    let (root, report) = hand_out_root(&journal, identity.name(), root_out, context)?;
    let today = journal.clock().now().day();
    keys.replace_root(&keyring, &root, random()?, today)
        .context("cannot replace the root key")?;
    tell_handed_out(&report, context)?;
    context.talk.note(
        "give the new verifier key to whoever checks; what was signed until today is checked with the old one",
    );
    Ok(())
}

/// Order matters: a root key that nobody was given would be lost with this process.
fn hand_out_root(
    journal: &Journal,
    name: &str,
    root_out: Option<&Path>,
    context: &mut Context<'_>,
) -> anyhow::Result<(RootKey, Report)> {
    if let Some(path) = root_out {
        refuse_inside("the root key", path, context)?;
    }
    let root = RootKey::new(name, &random()?).context("the journal's name cannot name a key")?;
    let today = journal.clock().now().day();
    let report = Report {
        kind: "ratchet",
        verifier: Some(root.verifier().to_string()),
        root: root_out.is_none().then(|| root.secret()),
        first_day: Some(today.to_string()),
        last_day: Some(Ring::last_from(today).to_string()),
    };
    match root_out {
        Some(path) => write_secret(path, &root)?,
        None if !context.settings.json => {
            let text = format!(
                "root key, shown this once; keep it where the journal is not:\n{}\n",
                root.secret()
            );
            context.out.line(text)?;
            context.out.flush()?;
        }
        None => {
            context.out.json(&report)?;
            context.out.flush()?;
        }
    }
    Ok((root, report))
}

/// What was not told with the root key already.
fn tell_handed_out(report: &Report, context: &mut Context<'_>) -> anyhow::Result<()> {
    match context.settings.json && report.root.is_some() {
        true => Ok(()),
        false => tell(report, context),
    }
}

fn init_static(context: &mut Context<'_>) -> anyhow::Result<()> {
    refuse_inside("the keys", &context.settings.keys.value, context)?;
    let journal = journal::for_keys(&context.settings)?;
    let identity = journal.begin().context("cannot begin the journal")?;
    let keys = evidence::keys(&context.settings);
    let keyring = Keyring::of(&journal, identity.name());
    refuse_second(&keys.state(&keyring)?, context)?;
    let verifier = keys
        .begin_static(&keyring, random()?)
        .context("cannot make the key")?;
    let report = Report {
        kind: "static",
        verifier: Some(verifier.to_string()),
        ..Report::default()
    };
    tell(&report, context)
}

fn refuse_second(state: &KeyState, context: &Context<'_>) -> Result<(), Failure> {
    if *state == KeyState::None {
        return Ok(());
    }
    let folder = context.settings.keys.value.display();
    Err(Failure::new(format!("{folder} has a key already"))
        .hint("`tj key renew` adds a year; `tj key show` shows what there is"))
}

/// The rings outlive a key folder that was lost, and only their own root key goes on with them.
fn refuse_other_root(keyring: &Keyring) -> anyhow::Result<()> {
    if keyring
        .read()
        .context("cannot read the key ring")?
        .is_empty()
    {
        return Ok(());
    }
    let text = format!(
        "the journal has a key ring already, in {}",
        keyring.path().display()
    );
    Err(Failure::new(text)
        .hint("its key is not here: `tj key renew --root FILE --fresh` begins anew with the same root key; `tj key replace-root` with another, if that is lost")
        .into())
}

/// Whoever copies the journal, or its archive, must not get a secret with it.
fn refuse_inside(what: &str, path: &Path, context: &Context<'_>) -> anyhow::Result<()> {
    let settings = &context.settings;
    let path_meant = meant(path)?;
    for folder in [&settings.dir.value, &settings.archive.value] {
        if path_meant.starts_with(meant(folder)?) {
            let text = format!("{} is inside {}", path.display(), folder.display());
            return Err(Failure::usage(text)
                .hint(format!("keep {what} where the journal is not"))
                .into());
        }
    }
    Ok(())
}

/// A path without links, as far as it is there.
fn meant(path: &Path) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    for known in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (known.canonicalize(), path.strip_prefix(known)) {
            // Joined with nothing, a path would end with a slash.
            return Ok(match rest.as_os_str().is_empty() {
                true => real,
                false => real.join(rest),
            });
        }
    }
    Ok(path)
}

fn renew(path: &Path, fresh: bool, context: &mut Context<'_>) -> anyhow::Result<()> {
    let journal = journal::for_checking(&context.settings)?;
    let Some(identity) = journal.identity() else {
        return Ok(());
    };
    let keys = evidence::keys(&context.settings);
    let keyring = Keyring::of(&journal, identity.name());
    refuse_inside("the keys", &context.settings.keys.value, context)?;
    let root = read_secret(path)?;
    let seed = fresh.then(random).transpose()?;
    let today = journal.clock().now().day();
    let ring = keys
        .renew(&keyring, &root, seed, today)
        .context("cannot renew the keys")?;
    let report = Report {
        kind: "ratchet",
        verifier: Some(root.verifier().to_string()),
        root: None,
        first_day: Some(ring.first().to_string()),
        last_day: Some(ring.last().to_string()),
    };
    tell(&report, context)
}

fn show(context: &mut Context<'_>) -> anyhow::Result<()> {
    let journal = journal::for_checking(&context.settings)?;
    let name = journal
        .identity()
        .map(|it| it.name().to_owned())
        .unwrap_or_default();
    let keys = evidence::keys(&context.settings);
    let keyring = Keyring::of(&journal, &name);
    let state = keys.state(&keyring).context("cannot read the keys")?;
    let verifiers = keys.verifiers()?;
    let verifier = verifiers.last().map(|it| it.to_string());
    let date = |it: Day| it.to_string();
    let report = match &state {
        KeyState::Ratchet { day, last } => Report {
            kind: "ratchet",
            verifier,
            first_day: Some(date(*day)),
            last_day: last.map(date),
            ..Report::default()
        },
        KeyState::Static { verifier } => Report {
            kind: "static",
            verifier: Some(verifier.to_string()),
            ..Report::default()
        },
        _ => Report {
            kind: "none",
            ..Report::default()
        },
    };
    if context.settings.json {
        return context.out.json(&report);
    }
    match (&state, &report.last_day) {
        (KeyState::None, _) => context.out.line("no key: nothing is signed")?,
        (KeyState::Static { .. }, _) => context.out.line("one key for ever")?,
        (_, Some(last)) => context.out.line(format!("a key a day, until {last}"))?,
        (_, None) => context.out.line("a key a day, but no ring")?,
    }
    if let Some(verifier) = &report.verifier {
        context.out.line(format!("verifier key: {verifier}"))?;
    }
    for older in verifiers.iter().rev().skip(1) {
        let text = format!("before it was replaced: {older}");
        context.out.line(text)?;
    }
    Ok(())
}

fn tell(report: &Report, context: &mut Context<'_>) -> anyhow::Result<()> {
    if context.settings.json {
        return context.out.json(report);
    }
    if let Some(verifier) = &report.verifier {
        let text = format!("verifier key, for whoever checks:\n{verifier}");
        context.out.line(text)?;
    }
    if let (Some(first), Some(last)) = (&report.first_day, &report.last_day) {
        context
            .out
            .line(format!("a key a day from {first} to {last}"))?;
    }
    Ok(())
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the operating system has no randomness")?;
    Ok(seed)
}

fn write_secret(path: &Path, root: &RootKey) -> anyhow::Result<()> {
    let write = || {
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        writeln!(file, "{}", root.secret())?;
        file.sync_all()?;
        // Its name too, or it could be gone after a power cut.
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|error: io::Error| {
        let failure = Failure::new(format!("cannot write the root key to {}", path.display()));
        failure.because(error).into()
    })
}

fn read_secret(path: &Path) -> anyhow::Result<RootKey> {
    let mut text = String::new();
    let read = match path.as_os_str() == "-" {
        true => io::stdin().take(4096).read_to_string(&mut text),
        false => fs::File::open(path).and_then(|it| it.take(4096).read_to_string(&mut text)),
    };
    let cannot = || Failure::new(format!("cannot read the root key in {}", path.display()));
    read.map_err(|error| cannot().because(error))?;
    text.parse::<RootKey>()
        .map_err(|error| cannot().because(error).into())
}
