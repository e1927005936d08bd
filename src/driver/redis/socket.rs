//! A socket to a server, with a moment at which everything on it is over.
//!
//! Always true: reaching the server, each read and each write end at the deadline, and so does all of it
//! together, however slowly the other side goes on.
//!
//! Not here: what is said.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, socket_with,
};

use super::address::Place;

/// A connected socket.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Reaches the server until then.
    pub(super) fn connect(place: &Place, until: Instant) -> io::Result<Socket> {
        match place {
            Place::Tcp { host, port } => {
                let addresses = resolve(host, *port, until)?;
                let stream = connect_tcp(&addresses, until)?;
                stream.set_nodelay(true)?;
                Ok(Socket::Tcp(stream))
            }
            Place::Unix(path) => Ok(Socket::Unix(connect_unix(path, until)?)),
        }
    }

    /// Whether nothing has come that nobody asked for, the end of the connection above all.
    pub(super) fn is_quiet(&self) -> bool {
        let mut byte = [0; 1];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let peeked = recv(self.fd(), &mut byte, flags);
        peeked.is_err_and(|error| io::Error::from(error).kind() == io::ErrorKind::WouldBlock)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Tcp(stream) => stream.as_fd(),
            Socket::Unix(stream) => stream.as_fd(),
        }
    }
}

/// A socket until a moment. What went wrong on it is kept, since what reads answers may hide it.
#[derive(Debug)]
pub(super) struct Timed<'a> {
    socket: &'a Socket,
    until: Instant,
    trouble: Option<io::Error>,
}

impl<'a> Timed<'a> {
    pub(super) fn new(socket: &'a Socket, until: Instant) -> Timed<'a> {
        Timed {
            socket,
            until,
            trouble: None,
        }
    }

    /// What went wrong.
    pub(super) fn take_trouble(&mut self) -> Option<io::Error> {
        self.trouble.take()
    }

    /// Does something, again after a signal, with what is left of the time.
    fn within(
        &mut self,
        timeout: Timeout,
        mut act: impl FnMut(&Socket) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            let done = left(self.until).and_then(|left| {
                set_socket_timeout(self.socket.fd(), timeout, Some(left))?;
                act(self.socket)
            });
            let error = match done {
                Ok(0) => io::Error::new(io::ErrorKind::UnexpectedEof, "it hung up"),
                Ok(len) => return Ok(len),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::WouldBlock => timed_out(),
                    _ => error,
                },
            };
            let kind = error.kind();
            self.trouble.get_or_insert(error);
            return match kind {
                io::ErrorKind::UnexpectedEof => Ok(0),
                _ => Err(kind.into()),
            };
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.within(Timeout::Recv, |socket| match socket {
            Socket::Tcp(stream) => (&*stream).read(bytes),
            Socket::Unix(stream) => (&*stream).read(bytes),
        })
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.within(Timeout::Send, |socket| match socket {
            Socket::Tcp(stream) => (&*stream).write(bytes),
            Socket::Unix(stream) => (&*stream).write(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is left until then; no time at all is an error, since to a socket it means for ever.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    // A socket counts in microseconds.
    let left = (left >= Duration::from_micros(1)).then_some(left);
    left.ok_or_else(timed_out)
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
}

/// A name becomes addresses on a thread of its own: nothing else can be told to give up.
fn resolve(host: &str, port: u16, until: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let left = left(until)?;
    let (sender, found) = mpsc::sync_channel(1);
    let host = host.to_owned();
    thread::Builder::new()
        .name("tj-redis-resolve".to_owned())
        .spawn(move || {
            let addresses = (host.as_str(), port).to_socket_addrs();
            // Whoever asked may have given up.
            let _ = sender.send(addresses.map(Vec::from_iter));
        })?;
    found.recv_timeout(left).map_err(|_| timed_out())?
}

/// The first address that answers; each has its part of the time that is left.
fn connect_tcp(addresses: &[SocketAddr], until: Instant) -> io::Result<TcpStream> {
    let mut last = None;
    for (address, others) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let part = left(until)? / u32::try_from(others).unwrap_or(u32::MAX);
        match TcpStream::connect_timeout(address, part.max(Duration::from_micros(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => last = Some(timed_out()),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such host")))
}

/// The standard library would wait for ever where a server that stands still has too many callers already.
fn connect_unix(path: &Path, until: Instant) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let address = SocketAddrUnix::new(path)?;
    loop {
        set_socket_timeout(&socket, Timeout::Send, Some(left(until)?))?;
        match connect(&socket, &address).map_err(io::Error::from) {
            Ok(()) => return Ok(UnixStream::from(socket)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(timed_out()),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    const SPAN: Duration = Duration::from_millis(80);
    /// What a loaded machine may add.
    const SLACK: Duration = Duration::from_secs(5);

    #[test]
    fn a_server_that_only_drips_is_left_at_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let dripping = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stream.write_all(b"+").is_ok() {
                thread::sleep(Duration::from_millis(5));
            }
        });
        let place = Place::Tcp {
            host: "127.0.0.1".to_owned(),
            port,
        };
        let begun = Instant::now();
        let socket = Socket::connect(&place, begun + SLACK).unwrap();
        let mut timed = Timed::new(&socket, begun + SPAN);
        let mut all = Vec::new();
        assert!(timed.read_to_end(&mut all).is_err());
        assert!(SPAN <= begun.elapsed() && begun.elapsed() < SLACK);
        assert!(!all.is_empty());
        let trouble = timed.take_trouble().unwrap();
        assert_eq!(trouble.to_string(), "no answer in time");
        drop(socket);
        dripping.join().unwrap();
    }

    #[test]
    fn a_server_that_takes_nothing_is_left_at_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = "127.0.0.1".to_owned();
        let begun = Instant::now();
        let socket = Socket::connect(&Place::Tcp { host, port }, begun + SLACK).unwrap();
        let mut timed = Timed::new(&socket, begun + SPAN);
        assert!(timed.write_all(&vec![0; 64 << 20]).is_err());
        assert!(SPAN <= begun.elapsed() && begun.elapsed() < SLACK);
        drop(listener);
    }

    /// A listener that nobody serves takes as many callers as its queue has room for.
    #[test]
    fn a_full_queue_of_callers_is_left_at_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 1).unwrap();
        let place = Place::Unix(path);
        let mut callers = Vec::new();
        let refused = loop {
            let begun = Instant::now();
            match Socket::connect(&place, begun + SPAN) {
                Ok(socket) => callers.push(socket),
                Err(error) => break (error, begun.elapsed()),
            }
            assert!(callers.len() < 100);
        };
        assert_eq!(refused.0.kind(), io::ErrorKind::TimedOut);
        assert!(SPAN <= refused.1 && refused.1 < SLACK);
    }

    #[test]
    fn a_connection_that_ended_is_not_quiet() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let ours = Socket::Unix(ours);
        assert!(ours.is_quiet());
        (&theirs).write_all(b"?").unwrap();
        assert!(!ours.is_quiet());
        let (ours, theirs) = UnixStream::pair().unwrap();
        let ours = Socket::Unix(ours);
        drop(theirs);
        assert!(!ours.is_quiet());
    }

    #[test]
    fn a_name_is_resolved_and_one_that_is_none_is_told() {
        let until = Instant::now() + SLACK;
        let found = resolve("localhost", 1, until).unwrap();
        assert!(found.iter().all(|it| it.ip().is_loopback()));
        assert_eq!(
            resolve("::1", 1, until).unwrap(),
            ["[::1]:1".parse().unwrap()]
        );
        let gone = Instant::now();
        let error = resolve("localhost", 1, gone).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
