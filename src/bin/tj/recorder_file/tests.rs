//! The settings of a capture: what is valid, what is refused and how that is said.

use std::fs;
use std::path::Path;

use super::*;

/// What a text of YAML says.
pub(crate) fn settings(text: &str) -> RecorderFile {
    RecorderFile::parse(Path::new("recorder.yaml"), text, &Env::default()).unwrap()
}

fn wrong(name: &str, text: &str) -> String {
    let read = RecorderFile::parse(Path::new(name), text, &Env::default());
    let problems = read.map(drop).unwrap_err();
    let texts = problems.in_file.iter().map(Problem::to_string);
    let texts = texts.chain(problems.elsewhere);
    texts.collect::<Vec<_>>().join("; ")
}

const ALL: &str = "\
symbols:
  - BTCUSDT
  - ETH-27DEC24-3000-C
category: option
database_url: sqlite:////srv/recorder.db
testnet: true
batch_size: 7
flush_interval: 1
gap_threshold_seconds: 2.5
health_log_interval: 60
keep_raw: true
buffer_mb: 8
metrics_file: tj.prom
ws_host: ws://127.0.0.1:9000
rest_host: http://127.0.0.1:9001
timing:
  ping_interval: 1.5
  reorder: 0.25
";

const ALL_TOML: &str = "\
symbols = [\"BTCUSDT\", \"ETH-27DEC24-3000-C\"]
category = \"option\"
database_url = \"sqlite:////srv/recorder.db\"
testnet = true
batch_size = 7
flush_interval = 1
gap_threshold_seconds = 2.5
health_log_interval = 60
keep_raw = true
buffer_mb = 8
metrics_file = \"tj.prom\"
ws_host = \"ws://127.0.0.1:9000\"
rest_host = \"http://127.0.0.1:9001\"

[timing]
ping_interval = 1.5
reorder = 0.25
";

#[test]
fn every_key_is_read_in_yaml_and_in_toml() {
    let yaml = settings(ALL);
    let toml = RecorderFile::parse(Path::new("recorder.toml"), ALL_TOML, &Env::default()).unwrap();
    assert_eq!(yaml.config(), toml.config());
    assert_eq!(yaml.symbols, ["BTCUSDT", "ETH-27DEC24-3000-C"]);
    assert_eq!(yaml.database, Path::new("/srv/recorder.db"));
    assert_eq!(yaml.timing.ping_every, Duration::from_millis(1500));
    assert_eq!(yaml.timing.pong_within, Timing::default().pong_within);
    assert_eq!(yaml.hosts.sockets, "ws://127.0.0.1:9000");
    let from_file = yaml.rows().into_iter().filter(|it| it.2 == Source::File);
    assert_eq!(from_file.count(), 15);
}

#[test]
fn what_is_left_out_has_its_default() {
    let settings = settings("symbols: [BTCUSDT]\naccount:\ntiming:\n");
    assert!(!settings.is_testnet && !settings.keep_raw);
    assert_eq!(settings.category, Category::Linear);
    assert_eq!(settings.database, Path::new("recorder.db"));
    assert_eq!(settings.batch_size, 100);
    assert_eq!(settings.flush_interval, Duration::from_secs(5));
    assert_eq!(settings.gap_threshold, Duration::from_secs(5));
    assert_eq!(settings.health_log_interval, Duration::from_secs(300));
    assert_eq!(settings.buffer_mb, 64);
    assert_eq!(settings.hosts, Hosts::of(false));
    assert_eq!(settings.timing, Timing::default());
    assert!(settings.account.is_none());
    let rows = settings.rows();
    let given = rows.iter().filter(|it| it.2 != Source::Default);
    assert_eq!(given.count(), 1);
}

#[test]
fn everything_wrong_is_named_with_its_line_and_the_nearest_key() {
    let text = "symbols: [btcusdt, BTC/USDT]\nbatchsize: 5\nflush_interval: 0\ntesnet: true\n\
                buffer_mb: 1.5\ntiming:\n  ping_intervall: 3\n  settle: 1e9\n";
    assert_eq!(
        wrong("recorder.yaml", text),
        "line 1: `btcusdt` is no symbol: capital letters, digits and `-`, 60 at most \
         (did you mean `BTCUSDT`?); \
         line 1: `BTC/USDT` is no symbol: capital letters, digits and `-`, 60 at most \
         (did you mean `BTCUSDT`?); \
         line 2: unknown key `batchsize` (did you mean `batch_size`?); \
         line 3: `flush_interval` is a number of seconds from 0.001 to 3600; \
         line 4: unknown key `tesnet` (did you mean `testnet`?); \
         line 5: `buffer_mb` is a whole number from 1 to 65536; \
         line 7: unknown key `ping_intervall` (did you mean `ping_interval`?); \
         line 8: `settle` is a number of seconds from 0.001 to 3600"
    );
    assert_eq!(
        wrong(
            "recorder.toml",
            "symbols = [\"BTCUSDT\"]\nsettle = 2\n\n[timing]\nsettl = 1\nping_interval = inf\n"
        ),
        "line 2: unknown key `settle` (it belongs into `timing`); \
         line 5: unknown key `settl` (did you mean `settle`?); \
         line 6: `ping_interval` is a number of seconds from 0.001 to 300"
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (text, word) in [
        ("testnet: false", "`symbols` is missing"),
        ("", "`symbols` is missing"),
        ("symbols: []", "one symbol or more"),
        ("symbols: BTCUSDT", "one symbol or more"),
        ("symbols: [1]", "no symbol"),
        ("symbols: [A, A]", "twice"),
        (
            "symbols: [A]\ncategory: futures",
            "must be linear, inverse, spot or option",
        ),
        ("symbols: [A]\ntestnet: 1", "true or false"),
        ("symbols: [A]\nflush_interval: -1", "number of seconds"),
        ("symbols: [A]\nflush_interval: \"5\"", "number of seconds"),
        ("symbols: [A]\nbatch_size: 0", "whole number"),
        ("symbols: [A]\nbatch_size: 1e9", "whole number"),
        (
            "symbols: [A]\ngap_threshold_seconds: 1e300",
            "number of seconds",
        ),
        ("symbols: [A]\nmetrics_file: 5", "a path"),
        ("symbols: [A]\ntiming: 5", "is a section"),
        (
            "symbols: [A]\nws_host: ws://stream.bybit.com",
            "others can read",
        ),
        ("symbols: [A]\ndatabase_url: sqlite://x", "three"),
        (
            "symbols: [A]\ntiming:\n  retry_min: 200\n",
            "`retry_min` is longer than `retry_max`",
        ),
        (
            "symbols: [A]\nflush_interval: .nan",
            "line 2: non-finite float `.nan`",
        ),
        ("symbols: [A", "line "),
        ("symbols: [A]\nsymbols: [B]", "uplicate"),
        ("[1, 2]", "line "),
    ] {
        let found = wrong("recorder.yaml", text);
        assert!(found.contains(word), "{text}: {found}");
    }
    let found = wrong("recorder.toml", "symbols = [\n");
    assert!(found.starts_with("line "), "{found}");
}

#[test]
fn the_file_is_looked_for_in_its_places() {
    let folder = tempfile::tempdir().unwrap();
    let env = Env::default();
    let none = choose(None, &env, folder.path()).unwrap_err().to_string();
    assert!(
        none.contains("conf/recorder.yaml") && none.contains("RECORDER_CONFIG_PATH"),
        "{none}"
    );
    fs::File::create(folder.path().join("recorder.yaml")).unwrap();
    let found = choose(None, &env, folder.path()).unwrap();
    assert!(found.ends_with("recorder.yaml"));
    fs::create_dir(folder.path().join("conf")).unwrap();
    fs::File::create(folder.path().join("conf/recorder.yaml")).unwrap();
    let found = choose(None, &env, folder.path()).unwrap();
    assert!(found.ends_with("conf/recorder.yaml"));
    let env = Env {
        config: Some(PathBuf::from("other.toml")),
        ..Env::default()
    };
    let found = choose(None, &env, folder.path()).unwrap();
    assert_eq!(found, Path::new("other.toml"));
    let found = choose(Some(Path::new("flag.yaml")), &env, folder.path()).unwrap();
    assert_eq!(found, Path::new("flag.yaml"));
}

const ACCOUNT: &str =
    "symbols: [BTCUSDT]\naccount:\n  api_key: TESTKEY0123456789\n  api_secret: HIDDENSECRET\n";

#[cfg(unix)]
#[test]
fn a_secret_in_a_file_is_taken_where_nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recorder.yaml");
    fs::File::create(&path).unwrap();
    let read = |mode: u32, env: &Env| {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        RecorderFile::parse(&path, ACCOUNT, env)
    };
    for mode in [0o644, 0o640, 0o604, 0o610] {
        let problems = read(mode, &Env::default()).map(drop).unwrap_err();
        let text = problems.refusal().to_string();
        assert!(
            text.contains("chmod 600 ") && text.contains("line 3: "),
            "{text}"
        );
        assert!(
            !text.contains("HIDDEN") && !text.contains("TESTKEY"),
            "{text}"
        );
    }
    for mode in [0o600, 0o400] {
        let settings = read(mode, &Env::default()).unwrap();
        let account = settings.account.as_ref().unwrap();
        assert_eq!(account.keys.key(), "TESTKEY0123456789");
        let rows = format!("{:?} {settings:?} {}", settings.rows(), settings.config());
        assert!(
            rows.contains("TEST...789 (set)") && !rows.contains("HIDDEN"),
            "{rows}"
        );
        assert!(!settings.config().contains("TEST"));
    }
    // The environment's is taken, and the file's is none of anybody's business.
    let env = Env {
        key: Some("OTHERKEY".to_owned()),
        secret: Some("OTHERSECRET".to_owned()),
        ..Env::default()
    };
    let settings = read(0o644, &env).unwrap();
    let rows = settings.rows();
    let [.., key, secret] = rows.as_slice() else {
        panic!("no rows");
    };
    assert_eq!((&key.1, key.2), (&Value::from("set"), Source::Env));
    assert_eq!((&secret.1, secret.2), (&Value::from("set"), Source::Env));
}

#[test]
fn half_an_account_and_a_placeholder_are_refused() {
    let found = wrong(
        "recorder.yaml",
        "symbols: [A]\naccount:\n  api_key: TESTKEY0123456789\n",
    );
    assert_eq!(
        found,
        "line 2: an account without `api_secret` (set TJ_BYBIT_API_SECRET, or leave the account out)"
    );
    let text = "symbols: [A]\naccount:\n  api_key: YOUR_API_KEY\n  api_secret: \"\"\n";
    let found = wrong("recorder.yaml", text);
    assert!(
        found.contains("line 3: `api_key` is the placeholder"),
        "{found}"
    );
    assert!(found.contains("line 4: `api_secret` is empty"), "{found}");
    let found = wrong(
        "recorder.yaml",
        "symbols: [A]\naccount:\n  api_key: 5\n  apisecret: x\n",
    );
    assert!(
        found.contains("quotation marks") && found.contains("did you mean `api_secret`?"),
        "{found}"
    );
    let env = Env {
        key: Some("YOUR_API_KEY".to_owned()),
        ..Env::default()
    };
    let read = RecorderFile::parse(Path::new("recorder.yaml"), "symbols: [A]\n", &env);
    let problems = read.map(drop).unwrap_err();
    assert!(problems.in_file.is_empty());
    let text = problems.refusal().to_string();
    assert!(
        text.contains("`TJ_BYBIT_API_KEY` is the placeholder"),
        "{text}"
    );
    assert!(text.contains("an account without `api_secret`"), "{text}");
}

#[test]
fn an_error_of_the_parser_shows_nothing_of_the_file() {
    for (name, text) in [
        (
            "recorder.yaml",
            "symbols: [A]\naccount:\n  api_secret: \"HIDDEN\n",
        ),
        (
            "recorder.yaml",
            "symbols: [A]\naccount: {api_secret: HIDDEN\n",
        ),
        ("recorder.yaml", "HIDDEN"),
        (
            "recorder.toml",
            "symbols = [\"A\"]\n[account]\napi_secret = \"HIDDEN\n",
        ),
        (
            "recorder.toml",
            "symbols = [\"A\"]\n[account]\napi_secret = HIDDEN\n",
        ),
    ] {
        let found = wrong(name, text);
        assert!(!found.contains("HIDDEN"), "{found}");
    }
}
