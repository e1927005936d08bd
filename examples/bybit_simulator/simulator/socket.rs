//! Owns the WebSocket port of a simulated exchange: handshakes, reading, writing.
//!
//! Always true:
//! - a connection that is dropped gets no close frame;
//! - a socket that sent no text ping for too long is dropped; pings of the protocol do not count.
//!
//! What is read is answered elsewhere.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, http};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::exchange::{Exchange, Shared};
use super::firehose::frame_head;
use super::trouble::take;
use super::wire::{Out, SocketPath};

/// Takes connections until its runtime ends.
pub async fn listen(listener: TcpListener, shared: Shared) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(meet(stream, shared.clone()));
        }
    }
}

/// How the next handshake is answered.
enum Greeting {
    BadGateway,
    Reset,
    Welcome,
}

async fn meet(stream: TcpStream, shared: Shared) {
    // Frames of different topics are to be seen as they are made.
    let _ = stream.set_nodelay(true);
    let greeting = shared.lock().greet();
    if matches!(greeting, Greeting::Reset) {
        return;
    }
    let mut joined = None;
    #[allow(clippy::result_large_err, reason = "the library's own type")]
    let callback = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        match (&greeting, SocketPath::of(request.uri().path())) {
            (Greeting::Welcome, Some(path)) => {
                // Before the client hears of it, so that its first fault can be the next one.
                joined = Some(shared.lock().admit(path, request));
                Ok(response)
            }
            (Greeting::Welcome, None) => Err(refusal(404)),
            _ => Err(refusal(502)),
        }
    };
    let accepted = accept_hdr_async(stream, callback).await;
    let Some(Joined {
        id,
        taken,
        gone,
        idle,
    }) = joined
    else {
        return;
    };
    if let Ok(ws) = accepted {
        tokio::select! {
            () = serve(ws, taken, &shared, id, idle) => {}
            () = gone.notified() => {}
        }
    }
    shared.lock().leave(id);
}

/// A connection as its task needs it.
struct Joined {
    id: u64,
    taken: mpsc::Receiver<Out>,
    gone: Arc<Notify>,
    idle: Duration,
}

fn refusal(status: u16) -> ErrorResponse {
    let body = "<html><head><title>Bad Gateway</title></head><body></body></html>";
    let mut response = http::Response::new(Some(body.to_owned()));
    *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
    response
}

impl Exchange {
    fn greet(&mut self) -> Greeting {
        let is_odd = self.trouble.handshake_502 % 2 == 1;
        if !take(&mut self.trouble.handshake_502) {
            return Greeting::Welcome;
        }
        self.counts.fault("Handshake502");
        self.counts.handshakes_refused += 1;
        if is_odd {
            Greeting::BadGateway
        } else {
            Greeting::Reset
        }
    }

    fn admit(&mut self, path: SocketPath, request: &Request) -> Joined {
        let (id, taken) = self.join(path, request.uri().path());
        Joined {
            id,
            taken,
            gone: self.sockets[&id].gone.clone(),
            idle: self.idle_of(request.uri().query().unwrap_or_default()),
        }
    }

    /// What the client asked for, or what this world has if that is shorter.
    fn idle_of(&self, query: &str) -> Duration {
        let world = Duration::from_millis(self.world.idle_close_ms);
        let asked = query
            .split('&')
            .find_map(|it| it.strip_prefix("max_active_time="));
        let seconds = asked.and_then(|it| match it.strip_suffix('m') {
            Some(minutes) => minutes.parse::<u64>().ok().map(|it| it * 60),
            None => it.strip_suffix('s')?.parse().ok(),
        });
        seconds.map_or(world, |it| world.min(Duration::from_secs(it)))
    }
}

async fn serve(
    mut ws: WebSocketStream<TcpStream>,
    mut taken: mpsc::Receiver<Out>,
    shared: &Shared,
    id: u64,
    idle: Duration,
) {
    let mut deadline = Instant::now() + idle;
    let mut buffer = Vec::new();
    loop {
        if spout(&mut ws, shared, id, &mut buffer).await {
            // More is to come; until then only what is there already is looked at.
            while let Ok(out) = taken.try_recv() {
                if !write(&mut ws, out).await {
                    return;
                }
            }
            if ws.flush().await.is_err() {
                return;
            }
            if let Some(read) = ws.next().now_or_never()
                && !hear(read, shared, id, &mut deadline, idle)
            {
                return;
            }
            continue;
        }
        tokio::select! {
            read = ws.next() => {
                if !hear(read, shared, id, &mut deadline, idle) {
                    // A close frame is answered by the next flush.
                    let _ = ws.flush().await;
                    return;
                }
            }
            out = taken.recv() => {
                let Some(mut out) = out else { return };
                loop {
                    if !write(&mut ws, out).await {
                        return;
                    }
                    match taken.try_recv() {
                        Ok(next) => out = next,
                        Err(_) => break,
                    }
                }
                if ws.flush().await.is_err() {
                    return;
                }
            }
            () = tokio::time::sleep_until(deadline) => {
                shared.lock().counts.dropped_idle += 1;
                return;
            }
        }
    }
}

/// Writes the firehose's next frames, if there are any.
async fn spout(
    ws: &mut WebSocketStream<TcpStream>,
    shared: &Shared,
    id: u64,
    buffer: &mut Vec<u8>,
) -> bool {
    let is_filled = shared.lock().fill(id, buffer);
    // Frames are written beside the library, whose own must be out before.
    is_filled && ws.flush().await.is_ok() && ws.get_mut().write_all(buffer).await.is_ok()
}

impl Exchange {
    fn fill(&mut self, id: u64, buffer: &mut Vec<u8>) -> bool {
        let now_ms = self.now_ms();
        let (Some(hose), Some(socket)) = (&mut self.hose, self.sockets.get(&id)) else {
            return false;
        };
        !self.is_halted && hose.fill(&socket.topics, now_ms, buffer)
    }
}

/// Takes what was read; false: the connection is over.
fn hear(
    read: Option<Result<Message, Error>>,
    shared: &Shared,
    id: u64,
    deadline: &mut Instant,
    idle: Duration,
) -> bool {
    match read {
        Some(Ok(Message::Text(text))) => {
            if shared.lock().request(id, &text) {
                *deadline = Instant::now() + idle;
            }
            true
        }
        Some(Ok(Message::Close(_)) | Err(_)) | None => false,
        Some(Ok(_)) => true,
    }
}

/// Queues a frame for the wire; false: the connection is over.
async fn write(ws: &mut WebSocketStream<TcpStream>, out: Out) -> bool {
    match out {
        Out::Text(text) => ws.feed(Message::text(text)).await.is_ok(),
        Out::Wake => true,
        Out::Close => {
            let frame = CloseFrame {
                code: CloseCode::Restart,
                reason: "service restart".into(),
            };
            let _ = ws.send(Message::Close(Some(frame))).await;
            false
        }
        Out::Half => {
            let mut bytes = Vec::new();
            frame_head(&mut bytes, 4_000);
            bytes.extend_from_slice(br#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","da"#);
            // The connection is dropped either way.
            if ws.flush().await.is_ok() {
                let _ = ws.get_mut().write_all(&bytes).await;
            }
            false
        }
    }
}
