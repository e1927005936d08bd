//! The signals that end a capture.
//!
//! Always true: the first asks for an end; the second is one, whatever is going on.
//!
//! Not here: what is done before the end.

use std::io;
use std::thread;

use tokio::sync::oneshot;

use crate::failure::Failure;

/// What a shell says of a program that Ctrl-C ended.
const ENDED: i32 = 130;

/// Begins to listen. What is handed out tells the first signal, by its name.
pub(super) fn listen() -> anyhow::Result<oneshot::Receiver<&'static str>> {
    let cannot = |error: io::Error| Failure::new("cannot wait for signals").because(error);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(cannot)?;
    // Order matters: they are caught from here on, not from when the thread comes to it.
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new().map_err(cannot)?
    };
    let (first, told) = oneshot::channel();
    let wait = move || {
        runtime.block_on(async {
            let _ = first.send(signals.next().await);
            signals.next().await;
            std::process::exit(ENDED);
        });
    };
    let thread = thread::Builder::new().name("tj-capture-signals".to_owned());
    thread.spawn(wait).map_err(cannot)?;
    Ok(told)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            // Nobody can end it that way.
            Err(_) => std::future::pending().await,
        }
    }
}
