//! One WebSocket: made, read, written, and ended.
//!
//! Always true: a frame is a text. What else a server sends is answered as the protocol wants it, or dropped.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

/// How long a message may be: 1,024 trades are 200 kB.
const MESSAGE_MAX: usize = 8 << 20;

/// A connection.
#[derive(Debug)]
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Makes one to that URL, or says why not.
    pub(super) async fn connect(
        url: &str,
        tls: Arc<rustls::ClientConfig>,
        within: Duration,
    ) -> Result<Socket, String> {
        let mut config = WebSocketConfig::default();
        config.max_message_size = Some(MESSAGE_MAX);
        config.max_frame_size = Some(MESSAGE_MAX);
        let connector = Some(Connector::Rustls(tls));
        let made =
            tokio_tungstenite::connect_async_tls_with_config(url, Some(config), true, connector);
        match timeout(within, made).await {
            Ok(Ok((stream, _))) => Ok(Socket(stream)),
            Ok(Err(error)) => Err(format!("could not connect: {error}")),
            Err(_) => Err(format!(
                "could not connect within {} s",
                within.as_secs_f32()
            )),
        }
    }

    /// The next text; or why there is none any more.
    pub(super) async fn next(&mut self) -> Result<Utf8Bytes, String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |it| u16::from(it.code));
                    return Err(format!("the exchange closed it: {code}"));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(format!("it broke off: {error}")),
                None => return Err("it broke off: 1006".to_owned()),
            }
        }
    }

    /// Sends a text, or says why it could not.
    pub(super) async fn send(&mut self, text: String, within: Duration) -> Result<(), String> {
        match timeout(within, self.0.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("nothing could be sent: {error}")),
            Err(_) => Err("nothing could be sent in time".to_owned()),
        }
    }

    /// Ends it, politely if that is quick.
    pub(super) async fn close(mut self, within: Duration) {
        let _ = timeout(within, self.0.close(None)).await;
    }
}
