//! A simulated exchange to try a client on: `cargo run --example bybit_simulator --features bybit`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "it talks to a person, and in its tests a failed step is a failed test"
)]

mod options;
mod simulator;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::options::{HELP, Options};
use crate::simulator::Simulator;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("bybit_simulator: {error}");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bybit_simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    if !options.faults.script().is_empty() {
        eprint!("{}", options.faults);
    }
    // Before anything is made, so that a path that is wrong is told at once.
    let truth = options.truth.map(File::create).transpose()?;
    let simulator = Simulator::start(options.world, options.faults)?;
    let urls = serde_json::json!({"ws": simulator.ws_url(), "rest": simulator.rest_url()});
    println!("{urls}");
    io::stdout().flush()?;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build()?;
    runtime.block_on(until_told(options.seconds))?;
    if let Some(file) = truth {
        let mut file = BufWriter::new(file);
        simulator.truth().write_lines(&mut file)?;
        file.flush()?;
    }
    eprintln!("{:#?}", simulator.counts());
    simulator.stop();
    Ok(())
}

/// Ends with the time, or when the program is told to.
async fn until_told(seconds: Option<u64>) -> io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let time = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminated.recv() => Ok(()),
        it = tokio::signal::ctrl_c() => it,
        () = time => Ok(()),
    }
}
