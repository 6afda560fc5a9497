//! Connections as they come: counted, in all and by where they come from, and closed when they only pretend to speak.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Sleep;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// Bytes with which every HTTP/2 connection begins; a request of HTTP/1 has more.
const PREFACE: usize = 24;
/// How long a caller may take to send them.
const PATIENCE: Duration = Duration::from_secs(5);
/// What to wait when the system has no more sockets, before asking it again.
const BREATH: Duration = Duration::from_millis(50);

/// How many connections there may be at once.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    /// More wait before the door.
    pub all: u32,
    /// From one address, an IPv6 network of 64 bits being one; more are closed as they come, so that one caller alone never takes all
    /// places.
    pub of_one: u32,
}

/// Accepts connections. The listener closes when the stream is dropped.
pub(crate) fn connections(listener: TcpListener, most: Most) -> impl Stream<Item = io::Result<Connection>> {
    let mut door = Door::new(listener, most);
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let accept = async {
            while let Ok(room) = sender.reserve().await {
                room.send(Ok(door.next().await.0));
            }
        };
        tokio::select! {
            () = accept => {}
            () = sender.closed() => {}
        }
    });
    ReceiverStream::new(receiver)
}

/// A listener with so many places.
pub(crate) struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    inside: Arc<Inside>,
    of_one: u32,
}

/// How many are inside, by where they come from.
type Inside = Mutex<HashMap<IpAddr, u32>>;

impl Door {
    pub(crate) fn new(listener: TcpListener, most: Most) -> Door {
        let places = Arc::new(Semaphore::new(most.all as usize));
        Door { listener, places, inside: Arc::default(), of_one: most.of_one }
    }

    /// The next who calls and may come in.
    async fn next(&mut self) -> (Connection, SocketAddr) {
        let Ok(place) = self.places.clone().acquire_owned().await else { unreachable!("it is never closed") };
        loop {
            let (stream, address) = self.caller().await;
            let from = origin(address.ip());
            if let Some(guest) = Guest::enter(&self.inside, from, self.of_one) {
                return (Connection::new(stream, (place, guest)), address);
            }
            counter!("quittance_connections_refused_total").increment(1);
            tracing::debug!(%from, most = self.of_one, "too many connections from one address: another is closed");
        }
    }

    async fn caller(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Small answers go at once. Refused only for a connection that is gone already.
                    let _ = stream.set_nodelay(true);
                    return (stream, address);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }
}

impl axum::serve::Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        self.next().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What counts as one address: who has an IPv6 address has a network of them.
fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
        address => address,
    }
}

/// One of those inside from one address, until it is dropped.
struct Guest {
    inside: Arc<Inside>,
    from: IpAddr,
}

impl Guest {
    fn enter(inside: &Arc<Inside>, from: IpAddr, most: u32) -> Option<Guest> {
        let mut counts = inside.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(from).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Guest { inside: inside.clone(), from })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counts = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.from) {
            *count -= 1;
            // Addresses that are gone are forgotten: there are many of them.
            if *count == 0 {
                counts.remove(&self.from);
            }
        }
    }
}

/// A connection with its place, which it gives back when it ends.
pub(crate) struct Connection {
    stream: TcpStream,
    _place: (OwnedSemaphorePermit, Guest),
    /// Until the preface has come: how many bytes of it are missing, and until when they may be.
    preface: Option<(usize, Pin<Box<Sleep>>)>,
}

impl Connection {
    fn new(stream: TcpStream, place: (OwnedSemaphorePermit, Guest)) -> Connection {
        let preface = Some((PREFACE, Box::pin(tokio::time::sleep(PATIENCE))));
        Connection { stream, _place: place, preface }
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Some((missing, patience)) = &mut self.preface {
            *missing = missing.saturating_sub(buffer.filled().len() - before);
            if *missing == 0 {
                self.preface = None;
            } else if patience.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "nobody speaks HTTP here")));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_address_and_a_mapped_ipv4_is_itself() {
        let at = |text: &str| origin(text.parse().expect("an address"));
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.2"), at("10.0.0.1"));
    }

    #[test]
    fn who_leaves_makes_room_and_is_forgotten() {
        let inside = Arc::<Inside>::default();
        let [one, other] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().expect("an address"));
        let first = Guest::enter(&inside, one, 2).expect("room");
        let second = Guest::enter(&inside, one, 2).expect("room");
        assert!(Guest::enter(&inside, one, 2).is_none());
        drop(Guest::enter(&inside, other, 2).expect("another address has its own"));
        drop(first);
        drop((Guest::enter(&inside, one, 2).expect("room again"), second));
        assert!(inside.lock().expect("sound").is_empty());
    }
}
