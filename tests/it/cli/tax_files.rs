//! `tj tax --year` and `tj tax explain`: the files of a year, and a row of them in words.

use std::fs;
use std::path::Path;

use super::evidence::verifier;
use super::run::Bench;
use super::tax::{bench, entry, exit};

/// a lost 50 on fifty shares; b replaced them on the day after, and is still there.
fn washed() -> Bench {
    bench(
        &[
            entry("a", "150.00", "2025-03-03T15:00:00Z"),
            exit("a", "149.00", "2025-03-04T15:00:00Z")
                .replace("\"win\"", "\"loss\"")
                .replace("\"1.00\"", "\"-50.00\""),
            entry("b", "140.00", "2025-03-05T15:00:00Z"),
        ],
        &[],
    )
}

fn read(bench: &Bench, file: &str) -> String {
    fs::read_to_string(bench.path(&format!("taxes/{file}"))).unwrap()
}

const FILES: [&str; 7] = [
    "form8949_2025.csv",
    "form8949_2025.txf",
    "form8949_2025_totals.csv",
    "lots_audit_2025.csv",
    "open_lots_2025-12-31.csv",
    "taxact_2025.csv",
    "wash_sales_2025.csv",
];

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = names
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_year_is_filed_with_each_lot_behind_it() {
    let bench = washed();
    let ran = bench
        .tj("tax --year 2025 --out taxes --box main=A/D")
        .fine();
    let sums = "short     1   7450.00  7500.00       50.00  0.00\n";
    assert!(ran.out.contains(sums), "{}", ran.out);
    assert!(
        ran.out.contains("disallowed this year: 50.00\n"),
        "{}",
        ran.out
    );
    let deferred = "deferred into lots that are open, or were bought after it: 50.00\n";
    assert!(ran.out.contains(deferred), "{}", ran.out);
    assert_eq!(names(&bench.path("taxes")), FILES);
    // 50 shares at 149 and at 150, of which all were replaced.
    let form = read(&bench, "form8949_2025.csv");
    assert_eq!(
        form.lines().nth(1),
        Some(
            "I,A,50 sh. AAPL,03/03/2025,03/04/2025,7450.00,7500.00,W,50.00,0.00,SHORT,main,50,AAPL,"
        )
    );
    let totals = read(&bench, "form8949_2025_totals.csv");
    assert!(
        totals.contains("I,A,1,7450.00,7500.00,50.00,0.00,1b,"),
        "{totals}"
    );
    let txf = read(&bench, "form8949_2025.txf");
    assert!(txf.contains("N321\r\nC1\r\nL1\r\nP50 AAPL\r\n"), "{txf}");
    // 50 x 140, and the 50.
    let open = read(&bench, "open_lots_2025-12-31.csv");
    assert!(
        open.contains("main,AAPL,b,2025-03-05,2025-03-04,50,7000.00,50.00,7050.00,"),
        "{open}"
    );
    let audit = read(&bench, "lots_audit_2025.csv");
    let row: Vec<&str> = audit.lines().nth(1).unwrap().split(',').collect();
    let column = |name: &str| {
        let place = audit
            .lines()
            .next()
            .unwrap()
            .split(',')
            .position(|it| it == name);
        row[place.unwrap()]
    };
    assert_eq!((column("buy_seq"), column("sell_seq")), ("0", "1"));
    assert_eq!(
        (column("buy_hash").len(), column("sell_stream")),
        (64, "trades")
    );
}

#[test]
fn a_year_that_cannot_be_filed_leaves_the_old_files() {
    let bench = washed();
    bench
        .tj("tax --year 2025 --out taxes --box main=A/D")
        .fine();
    let before = read(&bench, "form8949_2025.csv");
    // More is sold than was bought.
    for order in ["c", "d"] {
        let more = exit(order, "150.00", "2025-04-01T15:00:00Z");
        bench.tj_with("append trades", more.as_bytes()).code(0);
    }
    let ran = bench.tj("tax --year 2025 --out taxes").code(3);
    assert!(
        ran.err.contains("cannot make the report of 2025"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("tj reconcile"), "{}", ran.err);
    assert_eq!(read(&bench, "form8949_2025.csv"), before);
    // A name that is taken by a folder: none of the others is replaced, and no half of one is left.
    let bench = washed();
    fs::create_dir_all(bench.path("taxes/wash_sales_2025.csv/full")).unwrap();
    fs::create_dir_all(bench.path("taxes/.form8949_2025.txf.tmp")).unwrap();
    let ran = bench.tj("tax --year 2025 --out taxes").code(3);
    assert!(
        ran.err.contains("cannot write the files of the year"),
        "{}",
        ran.err
    );
    let left = [".form8949_2025.txf.tmp", "wash_sales_2025.csv"];
    assert_eq!(names(&bench.path("taxes")), left);
}

#[test]
fn rows_without_a_box_and_a_missing_year_are_told() {
    let bench = washed();
    let ran = bench.tj("tax --year 2025 --out taxes").code(1);
    assert!(ran.out.contains("rows to look at: 1\n"), "{}", ran.out);
    bench.tj("tax --out taxes").code(2);
    bench.tj("tax --year 2025 --out taxes --box main=A").code(2);
    let ran = bench
        .tj("tax --year 2025 --out taxes --box mian=A/D")
        .code(1);
    assert!(ran.err.contains("boxes of mian"), "{}", ran.err);
    let ran = bench.tj("tax --year 2025 --out taxes --method hifo --json --compat txf-express");
    let told = &ran.json()[0];
    assert_eq!(told["disallowed"], "50.00");
    assert_eq!(told["files"].as_array().unwrap().len(), 8);
    assert!(
        ran.err.contains("hifo: this order counts only where"),
        "{}",
        ran.err
    );
}

#[test]
fn a_row_is_explained_and_proved() {
    let bench = washed();
    bench
        .tj("tax --year 2025 --out taxes --box main=A/D")
        .fine();
    let audit = read(&bench, "lots_audit_2025.csv");
    let row = audit.lines().nth(1).unwrap().split(',').next().unwrap();
    let ran = bench
        .tj(&format!("tax explain {row} --box main=A/D"))
        .fine();
    for part in [
        "7500.00",
        "7450.00",
        "50.00",
        "2025-03-05",
        "line 0",
        "line 1",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    bench.tj("tax explain 2025-nothing-p1").code(1);
    bench.tj("tax explain nothing").code(2);
    let ran = bench
        .tj(&format!("tax explain {row} --prove proofs"))
        .code(3);
    assert!(ran.err.contains("tj checkpoint now"), "{}", ran.err);
    bench.tj("key init --root-out root.key").fine();
    bench.write("key.txt", verifier(&bench));
    bench.tj("checkpoint now").fine();
    bench
        .tj(&format!("tax explain {row} --prove proofs"))
        .fine();
    let proofs = names(&bench.path("proofs"));
    assert_eq!(proofs.len(), 1);
    let check = format!("check proofs/{} --key key.txt", proofs[0]);
    bench.tj(&check).fine();
}
