//! Keys, checkpoints and proofs as a person meets them.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use super::run::{Bench, Ran, trade, trades};
use crate::anchoring::{Authority, reply, serve};

/// A journal that is called `mine`, with keys and so many trades, and its verifier key.
fn signed(count: usize) -> (Bench, String) {
    let bench = Bench::new();
    bench.write("tj.toml", "[journal]\nname = \"mine\"\n");
    bench.tj("key init --root-out root.key").fine();
    append(&bench, &trades(count));
    let key = verifier(&bench);
    (bench, key)
}

fn append(bench: &Bench, lines: &str) {
    bench.tj_with("append trades", lines.as_bytes()).fine();
}

pub(super) fn verifier(bench: &Bench) -> String {
    let shown = bench.tj("key show --json").fine();
    shown.json()[0]["verifier"].as_str().unwrap().to_owned()
}

/// A verifier key of that name that nobody's journal has.
fn another_key() -> String {
    let (_, key) = signed(0);
    key
}

fn day_file(bench: &Bench) -> String {
    let days = bench.shell("ls logs/trades/*.jsonl").fine().out;
    days.lines().next_back().unwrap().to_owned()
}

fn status(bench: &Bench) -> Value {
    bench.tj("status --json").fine().json().remove(0)
}

#[track_caller]
fn says(ran: &Ran, words: &str) {
    let said = format!("{}{}", ran.out, ran.err);
    assert!(said.contains(words), "{words}\n---\n{said}");
}

#[test]
fn the_root_key_is_shown_once_and_kept_nowhere() {
    let bench = Bench::new();
    let ran = bench.tj("key init").fine();
    let secret = ran.out.lines().nth(1).unwrap();
    assert!(secret.starts_with("PRIVATE+KEY+journal-"), "{}", ran.out);
    says(&ran, "verifier key, for whoever checks:\njournal-");
    says(&ran, "a key a day from ");
    // The Base64 may have a plus sign in it.
    let bytes = secret.splitn(5, '+').nth(4).unwrap();
    assert_eq!(
        bench.shell(&format!("grep -rF '{bytes}' .")).code(1).out,
        ""
    );
    assert!(!bench.tj("key show").fine().out.contains("PRIVATE"));
    let mode = fs::metadata(bench.path("keys/key")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[test]
fn the_root_key_is_written_where_it_was_asked_to_be_and_over_nothing() {
    let bench = Bench::new();
    bench.write("taken", "what was here before");
    let ran = bench.tj("key init --root-out taken").code(3);
    assert!(
        ran.err
            .starts_with("tj: cannot write the root key to taken: File exists"),
        "{}",
        ran.err
    );
    assert_eq!(bench.read("taken"), "what was here before");
    assert!(!bench.path("keys/key").exists());

    let ran = bench.tj("key init --root-out root.key").fine();
    assert!(!ran.out.contains("PRIVATE"), "{}", ran.out);
    assert!(bench.read("root.key").starts_with("PRIVATE+KEY+journal-"));
    let mode = fs::metadata(bench.path("root.key")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[test]
fn a_second_key_is_refused_with_a_hint() {
    let (bench, key) = signed(0);
    for line in ["key init", "key init --static", "key init --root-out other"] {
        let ran = bench.tj(line).code(3);
        assert_eq!(
            ran.err,
            "tj: keys has a key already\n\
             hint: `tj key renew` adds a year; `tj key show` shows what there is\n"
        );
        assert_eq!(ran.out, "");
    }
    assert_eq!(verifier(&bench), key);
    assert!(!bench.path("other").exists());
    bench.tj("key init --static --root-out x").code(2);
}

#[test]
fn a_lost_key_folder_is_begun_anew_with_the_same_root_key_alone() {
    let (bench, key) = signed(1);
    bench.shell("rm -r keys").fine();
    let ran = bench.tj("key init").code(3);
    says(&ran, "the journal has a key ring already, in logs/KEYRING");
    says(&ran, "tj key renew --root FILE --fresh");
    assert_eq!(ran.out, "");
    bench.tj("key renew --root root.key --fresh").fine();
    append(&bench, &trades(1));
    bench
        .shell(&format!("tj verify --chain --key {key}"))
        .fine();
}

#[test]
fn the_root_key_is_not_written_into_the_journal() {
    let bench = Bench::new();
    bench.shell("mkdir logs").fine();
    let ran = bench.tj("key init --root-out logs/root.key").code(2);
    says(&ran, "logs/root.key is inside ");
    assert!(!bench.path("logs/root.key").exists());
}

/// A backup of the journal took the signing key along when its folder was below `logs/`.
#[test]
fn keys_are_not_kept_inside_the_journal_or_its_archive() {
    let bench = Bench::new();
    bench
        .shell("mkdir -p logs archive && ln -s logs other")
        .fine();
    for folder in ["logs/keys", "archive/a/keys", "other/keys", "logs"] {
        for what in ["", " --static"] {
            let ran = bench.tj(&format!("key init --keys {folder}{what}")).code(2);
            says(&ran, &format!("{folder} is inside "));
            says(&ran, "hint: keep the keys where the journal is not");
        }
    }
    assert!(!bench.path("logs/keys").exists() && !bench.path("logs/key").exists());
    bench.tj("key init --keys logs-of-keys").fine();
}

#[test]
fn keys_are_told_as_json() {
    let bench = Bench::new();
    let none = bench.tj("key init --json").fine().json().remove(0);
    assert_eq!(none["kind"], "ratchet");
    assert!(
        none["root"].as_str().unwrap().starts_with("PRIVATE+KEY+"),
        "{none}"
    );
    let shown = bench.tj("key show --json").fine().json().remove(0);
    for same in ["kind", "verifier", "first_day", "last_day"] {
        assert_eq!(shown[same], none[same], "{same}");
    }
    assert_eq!(shown["root"], Value::Null);

    let bench = Bench::new();
    bench.tj("append trades").fine();
    let shown = bench.tj("key show --json").fine().json().remove(0);
    let nothing = serde_json::json!({
        "kind": "none", "verifier": null, "root": null, "first_day": null, "last_day": null
    });
    assert_eq!(shown, nothing);
    assert_eq!(
        bench.tj("key show").fine().out,
        "no key: nothing is signed\n"
    );
    let made = bench.tj("key init --root-out r --json").fine().json();
    assert_eq!((made.len(), &made[0]["root"]), (1, &Value::Null));
}

#[test]
fn what_is_appended_is_signed_and_verified_with_the_key() {
    let (bench, key) = signed(3);
    append(&bench, &trade("order-9", "MSFT", "400.00"));
    let listed = bench.tj("checkpoint list trades --json").fine().json();
    let lines: Vec<&Value> = listed.iter().map(|it| &it["lines"]).collect();
    assert_eq!(lines, [3, 4]);

    let ran = bench.tj("verify").fine();
    says(&ran, "trades: 4 of 4 lines are signed, first on ");
    says(
        &ran,
        "signed by whom `mine/root` vouches for, the key noted beside",
    );
    says(
        &ran,
        "only a checkpoint kept elsewhere can show (--against)",
    );
    let ran = bench.tj(&format!("verify --key {key}")).fine();
    says(&ran, "\nsigned by whom `mine/root` vouches for\n");
    bench.write("key.txt", format!("{key}\n"));
    bench.tj("verify --key key.txt").fine();
    let covered = bench.tj("verify trades --json").fine().json().remove(0);
    let evidence = &covered["evidence"];
    assert_eq!(
        (&evidence["lines"], &evidence["problems"]),
        (&4.into(), &0.into())
    );
    assert_eq!(
        (&evidence["checkpoints"], &evidence["anchors"]),
        (&2.into(), &0.into())
    );

    let ran = bench.tj(&format!("verify --key {}", another_key())).code(1);
    says(&ran, "KEYRING (byte 0): ring: the ring of ");
    says(&ran, "is not signed with the trusted root key");
    says(&ran, "signature: of ");
    let found = bench
        .tj(&format!("verify trades --json --key {}", another_key()))
        .code(1)
        .json();
    assert_eq!(found[0]["finding"], "ring");
    for wrong in ["mine/root", "mine/root+00000000+AAAA", "no-such-file"] {
        let ran = bench.tj(&format!("verify --key {wrong}")).code(2);
        says(&ran, "is no verifier key: NAME+8 HEX DIGITS+BASE64");
        says(&ran, "hint: `tj key show` prints the verifier key");
    }
}

#[test]
fn a_journal_without_keys_says_that_nothing_is_signed() {
    let bench = Bench::new();
    append(&bench, &trades(1));
    let ran = bench.tj("verify").fine();
    says(&ran, "nothing is signed: whoever owns this machine");
    assert_eq!(
        bench.tj("verify --json").fine().json()[0]["evidence"],
        Value::Null
    );
    says(
        &bench.tj("status").fine(),
        "nothing is signed: `tj key init` begins it\n",
    );
    let ran = bench.tj("checkpoint now").code(3);
    assert_eq!(
        ran.err,
        "tj: there is no key in keys\nhint: `tj key init` makes one\n"
    );
    let ran = bench.tj("checkpoint export").code(3);
    says(&ran, "has no checkpoint\nhint: `tj key init` makes a key");
    bench.tj("checkpoint list trades").code(1);
    let ran = bench.tj("prove trades --seq 0").code(3);
    assert_eq!(
        ran.err,
        "tj: cannot prove anything of trades: no checkpoint of trades covers line 0\n\
         hint: `tj checkpoint now` signs what is on disk; `tj verify` tells what is wrong\n"
    );
}

#[test]
fn a_cut_tail_is_seen_by_a_checkpoint_that_was_kept_elsewhere() {
    let (bench, key) = signed(3);
    bench
        .shell("mkdir older && cp logs/trades/HEAD logs/trades/checkpoints.log older")
        .fine();
    append(&bench, &trade("order-8", "AAPL", "150.25"));
    append(&bench, &trade("order-9", "AAPL", "150.25"));
    let ran = bench.tj("checkpoint export trades").fine();
    assert!(ran.out.starts_with("mine/trades/0 5 "), "{}", ran.out);
    bench.write("kept.txt", &ran.out);
    let log = bench.read("logs/trades/checkpoints.log");
    let newest = log.trim_end().rsplit("\n\nmine/").next().unwrap();
    bench.write("kept.note", format!("mine/{newest}\n"));
    let line = ran.out.trim_end().to_owned();
    let against = |what: &str| {
        let mut command = bench.command();
        command.args(["verify", "--key", &key, "--against", what]);
        Ran::of(&command.output().unwrap())
    };
    for what in [line.as_str(), "kept.txt", "kept.note"] {
        let ran = against(what).code(0);
        assert!(!ran.out.contains("--against"), "{}", ran.out);
    }
    assert!(
        against("kept")
            .code(2)
            .err
            .contains("`kept` is no checkpoint")
    );

    // The last two lines, and all that says that they were.
    let day = day_file(&bench);
    bench
        .shell(&format!("sed -i 4,5d {day} && cp older/* logs/trades"))
        .fine();
    says(
        &bench.tj("verify").fine(),
        "trades: 3 of 3 lines are signed",
    );
    for what in [line.as_str(), "kept.txt", "kept.note"] {
        let ran = against(what).code(1);
        says(
            &ran,
            "trades: too large: a checkpoint from elsewhere: 5 lines were signed on ",
        );
        says(&ran, "the tail was cut, or an older copy was put back");
    }
}

#[test]
fn a_stream_or_all_signatures_taken_away_are_seen() {
    let (bench, key) = signed(2);
    let lines = "x/demo/logs/performance-alerts/*.jsonl";
    bench
        .shell(&format!(
            "mkdir x && (cd x && tj demo) >x/out 2>&1 && jq -c 'del(.seq, .dur, .hash)' {lines} | \
             tj append performance-alerts"
        ))
        .fine();
    // All streams at once, in one file.
    bench
        .shell("tj checkpoint now && tj checkpoint export > kept.txt")
        .fine();
    assert_eq!(bench.read("kept.txt").lines().count(), 2);
    bench
        .tj(&format!("verify --key {key} --against kept.txt"))
        .fine();
    bench.tj("verify trades --against kept.txt").fine();
    bench.tj("prove trades --from-checkpoint kept.txt").fine();
    let ran = bench.tj("verify fills --against kept.txt").code(2);
    says(&ran, "none of the checkpoints to check against is of fills");
    bench.tj("prove fills --from-checkpoint kept.txt").code(2);

    bench.shell("mv logs/performance-alerts gone").fine();
    bench.tj("verify").fine();
    let ran = bench.tj("verify --against kept.txt").code(1);
    says(
        &ran,
        "performance-alerts: too large: a checkpoint from elsewhere: 2 lines",
    );

    bench.shell("rm logs/KEYRING logs/*/checkpoints.log").fine();
    bench.tj("verify").fine();
    let ran = bench.tj(&format!("verify --key {key}")).code(1);
    says(
        &ran,
        "warning: nothing that is there is signed, though there is a key",
    );
}

#[test]
fn checkpoints_are_made_handed_out_and_listed() {
    let (bench, _) = signed(3);
    let ran = bench.tj("checkpoint now trades").fine();
    assert_eq!(ran.out, "trades: 3 lines signed\n");
    assert_eq!(
        bench.tj("checkpoint now fills").fine().out,
        "nothing to sign\n"
    );
    let row = bench
        .tj("checkpoint now trades --json")
        .fine()
        .json()
        .remove(0);
    let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["checkpoint", "lines", "root", "signer", "stream", "time"]
    );
    assert_eq!(
        (&row["stream"], &row["lines"]),
        (&"trades".into(), &3.into())
    );

    let line = bench.tj("checkpoint export trades").fine().out;
    let listed = bench.tj("checkpoint list trades --json").fine().json();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[2]["checkpoint"], line.trim_end());
    let shown = bench.tj("checkpoint list trades").fine().out;
    assert_eq!(shown.lines().count(), 4);
    says(&bench.tj("checkpoint list trades").fine(), "  mine/2");
    assert!(bench.read("logs/EXPORTED").ends_with(&format!("Z {line}")));
    let all = bench.tj("checkpoint export --json").fine().json();
    assert_eq!(all[0]["checkpoint"], line.trim_end());
    bench.tj("checkpoint list fills").code(1);
}

#[test]
fn records_are_proved_to_somebody_who_has_nothing_else() {
    let (bench, key) = signed(4);
    append(&bench, &trade("order-1", "AAPL", "151.25"));
    bench.write("key.txt", &key);
    bench
        .tj("prove trades --order-id order-1 --out proof.json")
        .fine();
    let check = |flags: &str| bench.tj(&format!("check proof.json {flags}"));
    let ran = check("--key key.txt").fine();
    assert!(
        ran.out.starts_with("the proof holds:\n  line 1: {"),
        "{}",
        ran.out
    );
    says(&ran, "\n  line 4: {");
    says(&ran, "mine/trades/0 had 5 lines on ");
    says(&ran, "Not shown: that the records are true");
    // Without a journal anywhere near.
    let elsewhere = Bench::new();
    elsewhere.write("proof.json", bench.read("proof.json"));
    elsewhere
        .tj(&format!("check proof.json --key {key}"))
        .fine();
    elsewhere
        .tj_with(
            &format!("check - --key {key}"),
            bench.read("proof.json").as_bytes(),
        )
        .fine();

    let report = check("--key key.txt --json").fine().json().remove(0);
    assert_eq!(
        (&report["holds"], &report["lines"]),
        (&true.into(), &5.into())
    );
    assert_eq!(report["records"][1]["seq"], 4);
    assert_eq!(report["older"], Value::Null);
    check("--key key.txt --origin mine/trades/0").fine();
    let ran = check("--key key.txt --origin mine/trades/1").code(1);
    assert_eq!(
        ran.out,
        "the proof does not hold: it is of mine/trades/0, not of mine/trades/1\n"
    );

    let ran = check(&format!("--key {}", another_key())).code(1);
    says(
        &ran,
        "the proof does not hold: has a key ring that `mine/root` did not sign",
    );
    check("--key nonsense").code(2);
    bench.tj("check no-such-file --key key.txt").code(3);
    let changed = bench.read("proof.json").replacen("151.25", "151.35", 1);
    bench.write("proof.json", changed);
    let ran = check("--key key.txt").code(1);
    assert_eq!(
        ran.out,
        "the proof does not hold: line 4 is not in the tree that was signed: it was changed\n"
    );
    let refusal = check("--key key.txt --json").code(1).json().remove(0);
    assert_eq!(refusal["holds"], false);
    assert!(refusal["why"].as_str().unwrap().contains("line 4"));
    bench.write("proof.json", [0xff, 0xfe]);
    check("--key key.txt").code(1);
}

#[test]
fn a_proof_stands_on_the_oldest_checkpoint_unless_the_newest_is_asked_for() {
    let (bench, key) = signed(2);
    append(&bench, &trades(3));
    let size = |flags: &str| {
        let proof = bench.tj(&format!("prove trades {flags}")).fine().out;
        bench.write("p", proof);
        let report = bench.tj(&format!("check p --key {key} --json")).fine();
        report.json()[0]["lines"].as_u64().unwrap()
    };
    assert_eq!((size("--seq 0"), size("--seq 1 --seq 0 --seq 1")), (2, 2));
    assert_eq!((size("--seq 0 --newest"), size("--seq 0 --seq 2")), (5, 5));

    let ran = bench.tj("prove trades --seq 5").code(3);
    says(
        &ran,
        "no checkpoint of trades covers line 5\nhint: `tj checkpoint now` signs",
    );
    let ran = bench.tj("prove trades --order-id nobody").code(1);
    assert_eq!(
        (ran.out.as_str(), ran.err.as_str()),
        ("", "no record with order_id nobody\n")
    );
    bench.tj("prove trades").code(2);
    bench.tj("prove trades --seq x").code(2);

    let older = bench
        .tj("checkpoint list trades --json")
        .fine()
        .json()
        .remove(0);
    bench.write("old.txt", older["checkpoint"].as_str().unwrap());
    bench
        .tj("prove trades --from-checkpoint old.txt --out p")
        .fine();
    let ran = bench.tj(&format!("check p --key {key}")).fine();
    says(&ran, "\n  the 2 lines signed on ");
    let report = bench
        .tj(&format!("check p --key {key} --json"))
        .fine()
        .json()
        .remove(0);
    assert_eq!(
        (&report["older"]["lines"], &report["lines"]),
        (&2.into(), &5.into())
    );
}

#[test]
fn a_changed_journal_proves_nothing_and_verify_says_so() {
    let (bench, _) = signed(4);
    let day = day_file(&bench);
    bench
        .shell(&format!("sed -i 's/order-2/order-7/' {day}"))
        .fine();
    bench.tj("verify trades").code(1);
    let ran = bench.tj("prove trades --seq 2").code(3);
    says(&ran, "tj: cannot prove anything of trades: ");
    says(&ran, "`tj verify` tells what is wrong");
}

#[test]
fn keys_are_renewed_with_the_root_key_they_came_from() {
    let (bench, key) = signed(1);
    let before = bench.tj("key show --json").fine().json().remove(0);
    let ran = bench.tj("key renew --root root.key").fine();
    says(&ran, "a key a day from ");
    let after = bench.tj("key show --json").fine().json().remove(0);
    assert_eq!(after["verifier"], key.as_str());
    assert!(after["last_day"].as_str() > before["last_day"].as_str());
    let secret = bench.read("root.key");
    bench
        .tj_with("key renew --root - --fresh", secret.as_bytes())
        .fine();
    append(&bench, &trades(1));
    bench.tj(&format!("verify --chain --key {key}")).fine();

    let ring = bench.read("logs/KEYRING");
    let ran = bench.tj("key renew --root no-such-file").code(3);
    says(&ran, "cannot read the root key in no-such-file");
    bench.write("wrong", "PRIVATE+KEY+mine/root+00000000+AAAA\n");
    let ran = bench.tj("key renew --root wrong").code(3);
    says(&ran, "is no root key");
    assert!(!ran.err.contains("AAAA"));
    let (other, _) = signed(0);
    bench.write("other.key", other.read("root.key"));
    for line in [
        "key renew --root other.key",
        "key renew --root other.key --fresh",
    ] {
        let ran = bench.tj(line).code(3);
        says(&ran, "KEYRING was signed with another root key");
    }
    let stranger = Bench::new();
    stranger.tj("key init --root-out root.key").fine();
    bench.write("strange.key", stranger.read("root.key"));
    let ran = bench.tj("key renew --root strange.key").code(3);
    says(&ran, "is not of the journal `mine`");
    assert_eq!(bench.read("logs/KEYRING"), ring);
}

/// A root key is shown once; whoever lost it could sign nothing more when its ring had ended.
#[test]
fn a_lost_root_key_is_replaced_and_both_verifier_keys_count() {
    let (bench, old) = signed(2);
    let none = Bench::new();
    none.tj_with("append trades", trades(1).as_bytes()).fine();
    says(
        &none.tj("key replace-root").code(3),
        "hint: `tj key init` makes the first one",
    );
    let ran = bench.tj("key replace-root --root-out root.key").code(3);
    says(&ran, "cannot write the root key to root.key");
    let ran = bench.tj("key replace-root --root-out new.key").code(0);
    says(&ran, "give the new verifier key to whoever checks");
    append(&bench, &trades(1));
    let new = verifier(&bench);
    assert_ne!(new, old);
    says(
        &bench.tj("key show").fine(),
        &format!("verifier key: {new}\nbefore it was replaced: {old}\n"),
    );
    let ran = bench.tj("verify --chain").fine();
    says(&ran, "since the root key was replaced");
    bench
        .tj(&format!("verify --chain --key {old} --key {new}"))
        .fine();
    bench.write("keys.txt", format!("{old}\n{new}\n"));
    bench.tj("verify --chain --key keys.txt").fine();
    let ran = bench.tj(&format!("verify --chain --key {old}")).code(1);
    says(&ran, "is not signed with the trusted root key");
    bench.write("empty", "\n");
    says(
        &bench.tj("verify --key empty").code(2),
        "is no verifier key",
    );
    // Each proof is checked with the key of its time.
    for (seq, good, bad) in [(0, &old, &new), (2, &new, &old)] {
        bench
            .tj(&format!("prove trades --seq {seq} --out p.json"))
            .fine();
        bench.tj(&format!("check p.json --key {good}")).fine();
        bench.tj(&format!("check p.json --key {bad}")).code(1);
    }
    says(
        &bench.tj("check p.json --key keys.txt").code(2),
        "has several verifier keys",
    );
    bench.tj("key renew --root new.key").fine();
    says(
        &bench.tj("key renew --root root.key").code(3),
        "hint: if its root key is lost, `tj key replace-root` makes another",
    );
    bench.tj("verify --chain").fine();
}

/// A log of checkpoints that could not be written showed nowhere but in the process that wrote.
#[test]
fn status_tells_that_a_record_waits_for_its_signature() {
    let (bench, _) = signed(1);
    assert_eq!(status(&bench)["streams"][0]["signing_late"], false);
    bench
        .shell("rm logs/trades/checkpoints.log && mkdir logs/trades/checkpoints.log")
        .fine();
    let ran = bench.tj_with("append trades", trades(1).as_bytes()).code(0);
    says(
        &ran,
        "no checkpoint was signed: write a checkpoint of trades",
    );
    assert_eq!(status(&bench)["streams"][0]["signing_late"], false);
    bench
        .shell("touch -d '2 minutes ago' logs/trades/2*.jsonl")
        .fine();
    assert_eq!(status(&bench)["streams"][0]["signing_late"], true);
    let ran = bench.tj("status").fine();
    says(&ran, "trades: its newest record has waited for a signature");
    bench.tj("checkpoint now").code(3);
    bench.shell("rmdir logs/trades/checkpoints.log").fine();
    bench.tj("checkpoint now").fine();
    assert_eq!(status(&bench)["streams"][0]["signing_late"], false);
}

#[test]
fn a_static_key_signs_too() {
    let bench = Bench::new();
    bench.write("tj.toml", "[journal]\nname = \"mine\"\n");
    let ran = bench.tj("key init --static").fine();
    assert!(
        ran.out
            .starts_with("verifier key, for whoever checks:\nmine/static+"),
        "{}",
        ran.out
    );
    append(&bench, &trades(2));
    let key = verifier(&bench);
    assert!(
        bench
            .tj("key show")
            .fine()
            .out
            .starts_with("one key for ever\n")
    );
    bench.tj(&format!("verify --key {key}")).fine();
    bench.tj("prove trades --seq 1 --out p").fine();
    bench.tj(&format!("check p --key {key}")).fine();
    bench
        .tj(&format!("check p --key {}", another_key()))
        .code(1);
    assert_eq!(status(&bench)["evidence"]["key"], "static");
    bench.write("root.key", "x");
    bench.tj("key renew --root root.key").code(3);
}

#[test]
fn a_key_that_is_gone_or_bad_stops_no_append_and_status_says_so() {
    let (bench, _) = signed(2);
    let good = bench.read("keys/key");
    fs::remove_file(bench.path("keys/key")).unwrap();
    append(&bench, &trades(1));
    let ran = bench.tj("status").fine();
    says(&ran, "there is no key: what is written now is not signed\n");
    says(&ran, ", 1 record since");
    assert_eq!(status(&bench)["evidence"]["key"], "none");

    bench.write("keys/key", "{");
    let ran = bench.tj_with("append trades", trades(1).as_bytes()).code(0);
    assert_eq!(ran.out, "1 record appended to trades: seq 3\n");
    assert!(
        ran.err
            .starts_with("warning: no checkpoint was signed: sign trades: keys/key is damaged"),
        "{}",
        ran.err
    );
    let evidence = &status(&bench)["evidence"];
    assert_eq!(evidence["key"], "unreadable");
    says(&bench.tj("status").fine(), "\nkey: keys/key is damaged");

    // Of a day that is over no secret comes back; a clock that went back finds none.
    let day = good.split("\"day\":\"").nth(1).unwrap();
    let later = good.replace(&day[..10], "2999-12-31");
    bench.write("keys/key", later);
    let ran = bench.tj_with("append trades", trades(1).as_bytes()).code(0);
    says(&ran, "keys of earlier days are gone");
    says(
        &bench.tj("status").fine(),
        "key: the clock is behind the key, which is of 2999-12-31",
    );

    bench.write("keys/key", good);
    append(&bench, &trades(1));
    bench.tj("verify trades --chain").fine();
    assert_eq!(status(&bench)["streams"][0]["signed_records"], 6);
}

#[test]
fn status_tells_how_signing_stands() {
    let (bench, _) = signed(2);
    says(
        &bench.tj("status").fine(),
        "no checkpoint was handed out: a tail that is cut off would go unseen",
    );
    let told = status(&bench);
    let keys: Vec<&String> = told["evidence"].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "exported",
            "exported_age_seconds",
            "key",
            "last_key_day",
            "trouble"
        ]
    );
    assert_eq!(told["evidence"]["key"], "ratchet");
    for absent in ["exported", "exported_age_seconds", "trouble"] {
        assert_eq!(told["evidence"][absent], Value::Null, "{absent}");
    }
    let row = &told["streams"][0];
    assert_eq!(
        (&row["signed_records"], &row["exported"]),
        (&2.into(), &Value::Null)
    );
    assert!(row["signed"].is_string());

    bench.tj("checkpoint export trades").fine();
    append(&bench, &trades(1));
    let ran = bench.tj("status").fine();
    says(&ran, "trades: signed ");
    says(&ran, "; handed out ");
    says(&ran, "what was handed out is of ");
    says(
        &ran,
        " 0 d 0 h 0 min ago: what was cut off since then would go unseen",
    );
    let told = status(&bench);
    assert!(told["evidence"]["exported_age_seconds"].as_u64().unwrap() < 600);
    assert_eq!(told["streams"][0]["exported_records"], 2);
}

#[test]
fn keys_and_cache_are_where_flag_environment_and_file_say() {
    let bench = Bench::new();
    bench.write("tj.toml", "[journal]\nkeys = \"k\"\ncache = \"c\"\n");
    bench.tj("key init --root-out r").fine();
    append(&bench, &trades(1));
    bench.tj("prove trades --seq 0").fine();
    assert!(bench.path("k/key").is_file() && bench.path("c/trades.tree").is_file());
    assert!(!bench.path("keys").exists() && !bench.path("cache").exists());
    let ran = bench
        .shell("TJ_KEYS=e TJ_CACHE=f tj config show --json")
        .fine();
    let from = |key: &str| {
        let rows = ran.json();
        let row = rows.iter().find(|it| it["key"] == key).unwrap();
        (
            row["value"].as_str().unwrap().to_owned(),
            row["from"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(from("journal.keys"), ("e".to_owned(), "env".to_owned()));
    assert_eq!(from("journal.cache"), ("f".to_owned(), "env".to_owned()));
    let ran = bench.shell("TJ_KEYS=e tj --keys k key show").fine();
    says(&ran, "a key a day");
    bench.shell("rm -r c && tj prove trades --seq 0").fine();
}

#[test]
fn an_authority_time_stamps_a_checkpoint_and_a_dead_one_changes_nothing() {
    let (bench, _) = signed(2);
    let ran = bench
        .tj("anchor rfc3161 --url http://127.0.0.1:1/ --timeout 5")
        .code(3);
    says(
        &ran,
        "tj: http://127.0.0.1:1/ did not time-stamp the checkpoint of trades: ",
    );
    says(&ran, "hint: try again, or another authority");
    let status = bench.tj("status").fine();
    assert!(
        status.out.contains("trades: no time-stamp: 20"),
        "{}",
        status.out
    );
    assert!(
        status.out.contains("http://127.0.0.1:1/: connect to"),
        "{}",
        status.out
    );
    append(&bench, &trades(1));

    let authority = Authority::new();
    bench.write("ca.pem", fs::read(authority.path().join("ca.pem")).unwrap());
    let (port, server) = serve(move |question| reply(&authority.answer(&question.body)));
    let url = format!("http://127.0.0.1:{port}/tsa");
    let ran = bench
        .tj(&format!("anchor rfc3161 --url {url} trades --json"))
        .fine();
    server.join().unwrap();
    let report = ran.json().remove(0);
    assert_eq!(
        (&report["stream"], &report["lines"]),
        (&"trades".into(), &3.into())
    );
    let (digest, file) = (
        report["digest"].as_str().unwrap(),
        report["file"].as_str().unwrap(),
    );
    bench
        .shell(&format!(
            "openssl ts -verify -digest {digest} -in {file} -CAfile ca.pem 2>/dev/null"
        ))
        .fine();
    let covered = bench
        .tj("verify trades --chain --json")
        .fine()
        .json()
        .remove(0);
    assert_eq!(covered["evidence"]["anchors"], 1);
    let status = bench.tj("status").fine();
    assert!(status.out.contains("; time-stamped 20"), "{}", status.out);
    assert!(!status.out.contains("no time-stamp"), "{}", status.out);
    bench.shell(&format!("truncate -s -1 {file}")).fine();
    let ran = bench.tj("verify trades --chain").code(1);
    says(&ran, "anchor: is no time-stamp");
}
