//! A TCP proxy between engine and broker that cuts a connection around an acknowledgement, or holds back what is to be published.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Kafka's key of a produce request: the two bytes after the length of the frame.
const PRODUCE: [u8; 2] = [0, 0];

#[derive(Default)]
struct Orders {
    /// So many produce requests get through to the broker whose answers do not come back.
    cuts: AtomicU64,
    done: AtomicU64,
    /// Produce requests wait.
    hold: AtomicBool,
}

/// A proxy that runs as long as the process.
pub struct Proxy {
    port: u16,
    orders: Arc<Orders>,
}

impl Proxy {
    /// Listens; the broker's port is told when it is known.
    pub fn listen() -> (Proxy, impl FnOnce(u16)) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let orders = Arc::new(Orders::default());
        let shared = orders.clone();
        let run = move |broker: u16| {
            thread::spawn(move || {
                for client in listener.incoming().map_while(Result::ok) {
                    let Ok(server) = TcpStream::connect(("127.0.0.1", broker)) else { continue };
                    join(client, server, &shared);
                }
            });
        };
        (Proxy { port, orders }, run)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Cuts the connection after the next produce request, before its answer.
    pub fn cut(&self) {
        self.orders.cuts.fetch_add(1, Ordering::AcqRel);
    }

    /// How many were cut.
    pub fn cuts_done(&self) -> u64 {
        self.orders.done.load(Ordering::Acquire)
    }

    /// Holds back produce requests from now on, or lets them go.
    pub fn hold(&self, hold: bool) {
        self.orders.hold.store(hold, Ordering::Release);
    }
}

fn join(client: TcpStream, server: TcpStream, orders: &Arc<Orders>) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (Ok(client_again), Ok(server_again)) = (client.try_clone(), server.try_clone()) else { return };
    // The next answer on this connection is cut off.
    let doomed = Arc::new(AtomicBool::new(false));
    let (there, back) = (orders.clone(), orders.clone());
    let mark = doomed.clone();
    thread::spawn(move || {
        copy(client, server, |bytes| {
            if bytes.len() < 6 || bytes[4..6] != PRODUCE {
                return true;
            }
            if there.hold.load(Ordering::Acquire) {
                while there.hold.load(Ordering::Acquire) {
                    thread::sleep(Duration::from_millis(5));
                }
            }
            let wanted = there.cuts.fetch_update(Ordering::AcqRel, Ordering::Acquire, |cuts| cuts.checked_sub(1));
            if wanted.is_ok() {
                mark.store(true, Ordering::Release);
            }
            true
        })
    });
    thread::spawn(move || {
        copy(server_again, client_again, |_| {
            let cut = doomed.load(Ordering::Acquire);
            if cut {
                back.done.fetch_add(1, Ordering::AcqRel);
            }
            !cut
        })
    });
}

/// Copies until an end is reached or `pass` says no; then both directions are closed.
fn copy(mut from: TcpStream, mut to: TcpStream, mut pass: impl FnMut(&[u8]) -> bool) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if !pass(&piece[..length]) || to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
