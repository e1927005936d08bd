//! The report's page in a browser: headless Chromium opens it as a person would, from a file.

use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use flate2::read::ZlibDecoder;
use serde_json::Value;
use tempfile::TempDir;

use crate::trading::quarter;

/// A phone and a desktop.
const SIZES: [(u32, u32); 2] = [(390, 844), (1280, 900)];

/// What the test asks the page, as a program in it.
const QUESTIONS: &str = include_str!("browsing.js");

struct Browser {
    folder: TempDir,
    runs: std::cell::Cell<u32>,
}

/// What a page left behind.
struct Seen {
    findings: Value,
    console: Vec<String>,
}

impl Browser {
    fn new() -> Browser {
        Browser {
            folder: tempfile::tempdir().unwrap(),
            runs: std::cell::Cell::new(0),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a report of the journal in `logs`, and returns it as JSON too.
    fn report(&self, flags: &str, page: &str) -> Value {
        let line = format!("report {flags} --html {page} --json");
        let ran = Command::new(env!("CARGO_BIN_EXE_tj"))
            .current_dir(self.folder.path())
            .args(line.split_whitespace())
            .output()
            .unwrap();
        let errors = String::from_utf8(ran.stderr).unwrap();
        assert!(ran.status.success() && errors.is_empty(), "{errors}");
        serde_json::from_slice(&ran.stdout).unwrap()
    }

    fn run(&self, page: &Path, flags: &[&str]) -> Output {
        let number = self.runs.get();
        self.runs.set(number + 1);
        let profile = self.path(&format!("profile-{number}"));
        fs::create_dir(&profile).unwrap();
        // It must not hang the tests; a page takes a second.
        let output = Command::new("timeout")
            .arg("120")
            .arg(chromium())
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--enable-logging=stderr",
                "--v=0",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(flags)
            .arg(format!("file://{}", page.display()))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "chromium ended with {}: {errors}",
            output.status
        );
        output
    }

    /// Opens a page with the questions in it.
    fn ask(&self, page: &str, report: &Value, size: (u32, u32)) -> Seen {
        let text = fs::read_to_string(self.path(page)).unwrap();
        let wanted = report.to_string().replace('<', "\\u003c");
        let asked = format!(
            "<script type=\"application/json\" id=\"wanted\">{wanted}</script><script>{QUESTIONS}</script></body>"
        );
        let text = text.replacen("</body>", &asked, 1);
        let number = self.runs.get();
        write(&self.path(&format!("asked-{number}.html")), text.as_bytes());
        // No window is as narrow as a phone; a frame is.
        let (width, height) = size;
        let frame = format!(
            "<!DOCTYPE html><title>frame</title><link rel=\"icon\" href=\"data:,\"><script>\
             addEventListener(\"message\", (event) => {{\
             const out = document.createElement(\"pre\"); out.id = \"findings\";\
             out.textContent = event.data; document.body.append(out); }});</script>\
             <iframe src=\"asked-{number}.html\" width=\"{width}\" height=\"{height}\" style=\"border:0\">\
             </iframe>"
        );
        let path = self.path(&format!("frame-{number}.html"));
        write(&path, frame.as_bytes());
        let flags = [
            "--dump-dom",
            "--virtual-time-budget=5000",
            "--window-size=1400,1000",
        ];
        let output = self.run(&path, &flags);
        let dom = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let findings = between(&dom, "<pre id=\"findings\">", "</pre>");
        let findings = findings.unwrap_or_else(|| panic!("the page answered nothing: {errors}"));
        let findings = findings
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&nbsp;", "\u{a0}")
            .replace("&amp;", "&");
        let console = errors.lines().filter(|it| it.contains("CONSOLE"));
        Seen {
            findings: serde_json::from_str(&findings).unwrap(),
            console: console.map(str::to_owned).collect(),
        }
    }

    fn picture(&self, page: &str, (width, height): (u32, u32), is_dark: bool) -> Picture {
        let scheme = if is_dark { "dark" } else { "light" };
        let path = self.path(&format!("{width}-{scheme}.png"));
        let mut flags = vec![
            format!("--window-size={width},{height}"),
            format!("--screenshot={}", path.display()),
        ];
        if is_dark {
            flags.push("--force-dark-mode".to_owned());
            flags.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        self.run(&self.path(page), &flags);
        Picture::of(&fs::read(&path).unwrap())
    }
}

/// The browser. Without it nothing here can be known, so it is no reason to pass.
fn chromium() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    folders.push("/usr/bin".into());
    let found = folders
        .iter()
        .map(|it| it.join("chromium"))
        .find(|it| it.exists());
    found.expect(
        "the tests of the report's page need chromium: `apt-get install chromium`, or `scripts/test --install`",
    )
}

fn write(path: &Path, bytes: &[u8]) {
    let mut file = fs::File::create(path).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, text) = text.split_once(start)?;
    Some(text.split_once(end)?.0)
}

/// A PNG as pixels: as many of it as Chromium writes.
struct Picture {
    width: usize,
    height: usize,
    /// Red, green, blue.
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn of(png: &[u8]) -> Picture {
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
        let (width, height) = (number(16), number(20));
        let channels = match (png[24], png[25]) {
            (8, 2) => 3,
            (8, 6) => 4,
            other => panic!("a PNG of depth and kind {other:?}"),
        };
        let (mut packed, mut at) = (Vec::new(), 8);
        while at < png.len() {
            let len = number(at);
            if &png[at + 4..at + 8] == b"IDAT" {
                packed.extend_from_slice(&png[at + 8..at + 8 + len]);
            }
            at += len + 12;
        }
        let mut rows = Vec::new();
        ZlibDecoder::new(&packed[..])
            .read_to_end(&mut rows)
            .unwrap();
        let stride = width * channels;
        let mut above = vec![0; stride];
        let mut pixels = Vec::with_capacity(width * height);
        for row in rows.chunks(stride + 1) {
            let plain = unfiltered(row[0], &row[1..], &above, channels);
            pixels.extend(plain.chunks(channels).map(|it| [it[0], it[1], it[2]]));
            above = plain;
        }
        Picture {
            width,
            height,
            pixels,
        }
    }

    fn colours(&self) -> usize {
        self.pixels.iter().collect::<BTreeSet<_>>().len()
    }

    fn brightness(&self) -> usize {
        let all: usize = self
            .pixels
            .iter()
            .flatten()
            .map(|it| usize::from(*it))
            .sum();
        all / (self.pixels.len() * 3)
    }
}

fn unfiltered(filter: u8, row: &[u8], above: &[u8], channels: usize) -> Vec<u8> {
    let mut plain: Vec<u8> = Vec::with_capacity(row.len());
    for (at, byte) in row.iter().enumerate() {
        let left = at.checked_sub(channels);
        let a = left.map_or(0, |it| plain[it]);
        let (b, c) = (above[at], left.map_or(0, |it| above[it]));
        let guess = match filter {
            0 => 0,
            1 => a,
            2 => b,
            3 => u8::try_from((u16::from(a) + u16::from(b)) / 2).unwrap(),
            _ => paeth(a, b, c),
        };
        plain.push(byte.wrapping_add(guess));
    }
    plain
}

fn paeth(a: u8, b: u8, c: u8) -> u8 {
    let (x, y, z) = (i16::from(a), i16::from(b), i16::from(c));
    let guess = x + y - z;
    let (to_a, to_b, to_c) = ((guess - x).abs(), (guess - y).abs(), (guess - z).abs());
    match () {
        () if to_a <= to_b && to_a <= to_c => a,
        () if to_b <= to_c => b,
        () => c,
    }
}

/// The reports that are looked at, and what to ask for.
const REPORTS: [(&str, &str); 4] = [
    (
        "quarter.html",
        "--from 2025-08-01 --to 2025-10-31 --starting-equity 25000 --mode all",
    ),
    ("month.html", "--month 2025-10"),
    ("day.html", "--day 2025-10-14 --starting-equity 25000"),
    ("nothing.html", "--day 2024-01-01"),
];

#[test]
fn the_numbers_on_the_page_are_those_of_the_json_and_the_console_is_silent() {
    let browser = Browser::new();
    quarter(browser.folder.path());
    for (page, flags) in REPORTS {
        let report = browser.report(flags, page);
        for size in SIZES {
            let seen = browser.ask(page, &report, size);
            let found = &seen.findings;
            assert_eq!(seen.console, [""; 0], "{page}");
            assert_eq!(found["wrong"], serde_json::json!([]), "{page} {size:?}");
            let least = if page == "nothing.html" { 15 } else { 60 };
            assert!(
                least < found["numbers"].as_u64().unwrap(),
                "{page}: {found}"
            );
            assert_eq!(found["width"], size.0, "{page}");
            assert_eq!(found["wider_than_the_window"], false, "{page} {size:?}");
            assert_eq!(found["title_is_the_report's"], true, "{page}");
            assert_eq!(found["fetched"], 0, "{page}");
        }
    }
}

/// The questions are of use only if they can be answered with no.
#[test]
fn a_wrong_number_and_a_word_on_the_console_are_found() {
    let browser = Browser::new();
    quarter(browser.folder.path());
    let report = browser.report("--month 2025-10", "right.html");
    let right = fs::read_to_string(browser.path("right.html")).unwrap();
    let spoiled = "<script>document.querySelector(\"[data-key$=net_pnl]\").textContent = \"+1.00\"; \
                   console.error(\"spoiled\");</script></body>";
    write(
        &browser.path("wrong.html"),
        right.replacen("</body>", spoiled, 1).as_bytes(),
    );
    let seen = browser.ask("wrong.html", &report, SIZES[1]);
    let wrong = seen.findings["wrong"].as_array().unwrap();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert_eq!(wrong[0][0], "books.0.totals.net_pnl");
    assert!(seen.console.iter().any(|it| it.contains("spoiled")));
}

#[test]
fn trades_are_filtered_and_sorted_and_charts_read_with_the_keyboard() {
    let browser = Browser::new();
    quarter(browser.folder.path());
    let report = browser.report("--to 2025-10-31 --mode live", "all.html");
    let seen = browser.ask("all.html", &report, SIZES[1]);
    let found = &seen.findings;
    let trades = report["books"][0]["trades"].as_array().unwrap();
    let nvda = trades.iter().filter(|it| it["symbol"] == "NVDA").count();
    assert_eq!(found["filtered"], nvda);
    assert_eq!(found["told"], format!("{nvda} of {}", trades.len()));
    let nets = trades.iter().map(|it| it["net_pnl"].as_str().unwrap());
    let best = nets
        .map(|it| it.parse::<rust_decimal::Decimal>().unwrap())
        .max()
        .unwrap();
    assert_eq!(found["largest_first"], best.to_string());
    assert_eq!(found["sorted"], "descending");
    assert!(
        found["tip"].as_str().unwrap().contains("P&L so far"),
        "{found}"
    );
    assert_eq!(found["without_a_name"], serde_json::json!([]));
    assert_eq!(found["too_pale"], serde_json::json!([]));
}

#[test]
fn the_page_is_a_picture_on_a_phone_and_a_desktop_light_and_dark() {
    let browser = Browser::new();
    quarter(browser.folder.path());
    browser.report(REPORTS[0].1, "quarter.html");
    for size in SIZES {
        let light = browser.picture("quarter.html", size, false);
        let dark = browser.picture("quarter.html", size, true);
        for picture in [&light, &dark] {
            assert_eq!(
                (picture.width, picture.height),
                (size.0 as usize, size.1 as usize)
            );
            assert_eq!(picture.pixels.len(), picture.width * picture.height);
            assert!(
                50 < picture.colours(),
                "{size:?}: {} colours",
                picture.colours()
            );
        }
        assert!(200 < light.brightness(), "{size:?}: {}", light.brightness());
        assert!(dark.brightness() < 60, "{size:?}: {}", dark.brightness());
    }
}

/// On paper the rows of a long breakdown were cut off, and what a closed list of numbers says was nowhere.
#[test]
fn paper_has_every_row_and_every_number() {
    let browser = Browser::new();
    quarter(browser.folder.path());
    let report = browser.report(REPORTS[0].1, "quarter.html");
    // What is for paper alone, on a screen, where it can be asked about.
    let page = fs::read_to_string(browser.path("quarter.html")).unwrap();
    let paper = page.replacen("@media print", "@media all", 1);
    assert_ne!(page, paper);
    write(&browser.path("paper.html"), paper.as_bytes());
    let closed = |page: &str| {
        let found = browser.ask(page, &report, SIZES[1]).findings;
        (found["cut_off"].clone(), found["closed"].clone())
    };
    assert_eq!(closed("paper.html"), (0.into(), 0.into()));
    let (_, on_a_screen) = closed("quarter.html");
    assert!(0 < on_a_screen.as_u64().unwrap());
    // A browser that shows nothing closed opens it before it prints.
    let printing = "<script>dispatchEvent(new Event(\"beforeprint\"));</script></body>";
    let printed = page.replacen("</body>", printing, 1);
    write(&browser.path("printing.html"), printed.as_bytes());
    assert_eq!(closed("printing.html").1, 0);
}

#[test]
fn pixels_of_a_picture_are_read_as_they_were_drawn() {
    let row = [10, 20, 30, 5, 5, 5];
    let above = [1, 2, 3, 4, 5, 6];
    assert_eq!(unfiltered(0, &row, &above, 3), row);
    assert_eq!(unfiltered(1, &row, &above, 3), [10, 20, 30, 15, 25, 35]);
    assert_eq!(unfiltered(2, &row, &above, 3), [11, 22, 33, 9, 10, 11]);
    assert_eq!(unfiltered(3, &row, &above, 3), [10, 21, 31, 12, 18, 23]);
    assert_eq!(unfiltered(4, &row, &above, 3), [11, 22, 33, 16, 27, 38]);
}
