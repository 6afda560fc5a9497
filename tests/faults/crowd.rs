//! Callers that mean harm, byte by byte: what they send of HTTP/2 is written out here, since no library would send it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// With which every connection begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The error code of a stream that its caller no longer wants.
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// What a caller does when it is connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Harm {
    /// Nothing.
    Silence,
    /// A part of the preface.
    HalfPreface,
    /// The preface, and not a word more, no answer to a ping either.
    Mute,
    /// A call whose headers do not end: a byte a second.
    SlowHeaders,
    /// So many readers of the whole log at once, with all the credit there can be, and not a byte of it is taken in.
    SlowReaders(u32),
}

/// Callers that stay until they are dropped.
pub struct Crowd {
    callers: Vec<JoinHandle<()>>,
    connected: Arc<AtomicU64>,
}

impl Crowd {
    /// So many callers, spread over these addresses and kinds. They come as fast as they can, and stay.
    pub fn comes(runtime: &Runtime, to: SocketAddr, count: usize, from: &[Ipv4Addr], harms: &[Harm]) -> Crowd {
        let connected = Arc::<AtomicU64>::default();
        let kinds = harms.iter().copied().cycle();
        let each = from.iter().copied().cycle().zip(kinds.flat_map(|harm| std::iter::repeat_n(harm, from.len())));
        let callers = each.take(count).map(|(from, harm)| {
            let connected = connected.clone();
            runtime.spawn(async move {
                let Ok(stream) = connect(from, to).await else { return };
                connected.fetch_add(1, Ordering::Relaxed);
                // It stays, whatever becomes of what it sends.
                let (mut stream, _) = stream;
                let _ = harm.does(&mut stream).await;
                std::future::pending::<()>().await;
            })
        });
        Crowd { callers: callers.collect(), connected }
    }

    /// How many the kernel let in so far, whether the service accepted them or not.
    pub fn connected(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.callers.iter().for_each(JoinHandle::abort);
    }
}

async fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<(TcpStream, SocketAddr)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    // Small, so that what is not read soon waits in the service.
    socket.set_recv_buffer_size(4 << 10)?;
    let stream = socket.connect(to).await?;
    let local = stream.local_addr()?;
    Ok((stream, local))
}

impl Harm {
    async fn does(self, stream: &mut TcpStream) -> std::io::Result<()> {
        match self {
            Harm::Silence => {}
            Harm::HalfPreface => stream.write_all(&PREFACE[..9]).await?,
            Harm::Mute => stream.write_all(&greeting()).await?,
            Harm::SlowHeaders => {
                let block = headers("GetHead");
                let begun = [greeting(), frame(HEADERS, 0, 1, &block[..2])].concat();
                stream.write_all(&begun).await?;
                for byte in frame(CONTINUATION, END_HEADERS, 1, &block[2..]) {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    stream.write_all(&[byte]).await?;
                }
            }
            Harm::SlowReaders(readers) => {
                let mut all = [greeting(), frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xfe, 0, 0])].concat();
                for reader in 0..readers {
                    // From the first record on, and for ever.
                    all.extend(call(2 * reader + 1, "ReadRecords", &[8, 1, 16, 1]));
                }
                stream.write_all(&all).await?;
            }
        }
        Ok(())
    }
}

/// What came of a rapid reset.
#[derive(Default)]
pub struct Resets {
    /// Streams that were begun and taken back.
    pub streams: AtomicU64,
    /// Connections that the service ended over it.
    pub ended: AtomicU64,
}

/// One caller that begins calls and takes them back at once, and connects again whenever it is shown the door.
pub async fn rapid_reset(from: Ipv4Addr, to: SocketAddr, done: Arc<Resets>) {
    loop {
        let Ok((stream, _)) = connect(from, to).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (mut reads, mut writes) = stream.into_split();
        let send = async {
            let mut stream = 1;
            writes.write_all(&greeting()).await?;
            loop {
                let mut some = Vec::new();
                for _ in 0..100 {
                    some.extend(call(stream, "GetHead", &[]));
                    some.extend(frame(RST_STREAM, 0, stream, &CANCEL));
                    stream += 2;
                }
                writes.write_all(&some).await?;
                done.streams.fetch_add(100, Ordering::Relaxed);
            }
        };
        let listen = async {
            let mut head = [0; 9];
            loop {
                reads.read_exact(&mut head).await?;
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                let mut body = vec![0; length];
                reads.read_exact(&mut body).await?;
                if head[3] == GOAWAY {
                    break;
                }
            }
            Ok(())
        };
        let ended: std::io::Result<()> = tokio::select! {
            sent = send => sent,
            heard = listen => heard,
        };
        drop(ended);
        done.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// Preface and settings: any number of bytes for each stream.
fn greeting() -> Vec<u8> {
    let window = [0, 4, 0x7f, 0xff, 0xff, 0xff];
    [PREFACE, &frame(SETTINGS, 0, 0, &window)].concat()
}

/// A whole call of the log with one message.
fn call(stream: u32, method: &str, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("short").to_be_bytes();
    let message = [&[0], &length[..], message].concat();
    let headers = frame(HEADERS, END_HEADERS, stream, &headers(method));
    [headers, frame(DATA, END_STREAM, stream, &message)].concat()
}

fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes()[..], body].concat()
}

/// A header block (HPACK) without Huffman coding or the dynamic table: static entries, and names and values as they are.
fn headers(method: &str) -> Vec<u8> {
    const POST: u8 = 0x83;
    const HTTP: u8 = 0x86;
    const PATH: u8 = 0x04;
    const AUTHORITY: u8 = 0x01;
    const NAMED: u8 = 0x00;
    let text = |text: &str| [&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    let path = format!("/quittance.service.v1.LogService/{method}");
    let mut block = vec![POST, HTTP, PATH];
    block.extend(text(&path));
    block.push(AUTHORITY);
    block.extend(text("localhost"));
    for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")] {
        block.push(NAMED);
        block.extend([text(name), text(value)].concat());
    }
    block
}
