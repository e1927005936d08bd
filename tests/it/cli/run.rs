//! Running `tj` in a folder of its own.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
};

/// An empty folder in which `tj` runs, with nothing of the caller's environment that it reads.
pub struct Bench {
    folder: tempfile::TempDir,
}

/// How a run of `tj` ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Bench {
    pub fn new() -> Bench {
        Bench {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(&path)
            .unwrap()
            .write_all(bytes.as_ref())
            .unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tj"));
        command.current_dir(self.folder.path());
        for name in [
            "TJ_DIR",
            "TJ_ARCHIVE",
            "TJ_KEYS",
            "TJ_CACHE",
            "TJ_CONFIG",
            "TJ_BYBIT_API_KEY",
            "TJ_BYBIT_API_SECRET",
            "RECORDER_CONFIG_PATH",
            "NO_COLOR",
            "COLUMNS",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// Runs `tj` with the words of `line`.
    pub fn tj(&self, line: &str) -> Ran {
        self.tj_with(line, b"")
    }

    /// The same with something on standard input.
    pub fn tj_with(&self, line: &str, input: &[u8]) -> Ran {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut command = self.command();
        command.args(words);
        feed(command, input)
    }

    /// Runs a line of a shell, in which `tj` is the program.
    pub fn shell(&self, line: &str) -> Ran {
        let programs = Path::new(env!("CARGO_BIN_EXE_tj")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut command = self.command();
        let path = format!("{}:{path}", programs.display());
        let mut shell = Command::new("bash");
        shell
            .current_dir(command.get_current_dir().unwrap())
            .args(["-c", line])
            .env("PATH", path);
        for name in [
            "TJ_DIR",
            "TJ_ARCHIVE",
            "TJ_KEYS",
            "TJ_CACHE",
            "TJ_CONFIG",
            "TJ_BYBIT_API_KEY",
            "TJ_BYBIT_API_SECRET",
            "RECORDER_CONFIG_PATH",
            "NO_COLOR",
            "COLUMNS",
        ] {
            shell.env_remove(name);
        }
        command = shell;
        feed(command, b"")
    }
}

fn feed(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // The program may end before it has read everything.
    let feeder = thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    Ran::of(&output)
}

impl Ran {
    pub fn of(output: &Output) -> Ran {
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// That it ended with this code, and nothing unexpected was said.
    #[track_caller]
    pub fn code(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn fine(self) -> Ran {
        assert_eq!(self.err, "", "{}", self.out);
        self.code(0)
    }

    /// Each line of the output as JSON.
    pub fn json(&self) -> Vec<serde_json::Value> {
        self.out
            .lines()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect()
    }
}

/// The text of an open trade.
pub fn trade(order: &str, symbol: &str, price: &str) -> String {
    let total = price.parse::<rust_decimal::Decimal>().unwrap() * rust_decimal::Decimal::from(50);
    format!(
        "{{\"timestamp\":\"2025-10-26T14:32:15.123Z\",\"symbol\":\"{symbol}\",\"action\":\"BUY\",\
         \"quantity\":50,\"price\":\"{price}\",\"total_value\":\"{total}\",\"order_id\":\"{order}\",\
         \"execution_mode\":\"PAPER\",\"account_id\":null,\"strategy_name\":\"bull-flag-breakout\",\
         \"entry_type\":\"breakout\",\"stop_loss\":null,\"target\":null,\
         \"decision_reasoning\":\"Broke out\",\"indicators_used\":[\"VWAP\"],\
         \"risk_reward_ratio\":2.3,\"outcome\":\"open\",\"profit_loss\":null,\
         \"hold_duration_seconds\":null,\"exit_timestamp\":null,\"exit_reasoning\":null,\
         \"slippage\":\"0.05\",\"commission\":\"0.00\",\"net_profit_loss\":null,\
         \"session_id\":\"550e8400-e29b-41d4-a716-446655440000\",\"bot_version\":\"1.0.0\",\
         \"config_hash\":\"5d41402abc4b2a76b9719d911017c592\"}}"
    )
}

/// That many trades, one a line.
pub fn trades(count: usize) -> String {
    (0..count)
        .map(|it| trade(&format!("order-{it}"), "AAPL", "150.25") + "\n")
        .collect()
}
