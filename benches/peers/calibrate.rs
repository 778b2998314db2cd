//! Whether the line is as long and as wide as it says: the round trip and the set-up of a connection through it, and what it
//! carries with and without a limit.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::proxy::{Line, Proxy, Turns};
use crate::report::median;
use crate::support::daemon::loopback;

const TRIP: Duration = Duration::from_millis(40);
const MBIT: u32 = 100;
/// Round trips of one measurement.
const PINGS: usize = 20;

/// Measures; a table in Markdown.
pub(crate) fn measure(repetitions: usize) -> String {
    let mut figures = [const { Vec::new() }; 5];
    for _ in 0..repetitions {
        let (greeting, round_trip) = pings();
        let limited = megabytes_a_second(Line { round_trip: TRIP, mbit: Some(MBIT), turns: Turns::Fair }, 8 << 20);
        let free = megabytes_a_second(Line { round_trip: Duration::ZERO, mbit: None, turns: Turns::Fair }, 512 << 20);
        let windowed = megabytes_a_second(Line { round_trip: TRIP, mbit: None, turns: Turns::Fair }, 128 << 20);
        for (figures, figure) in figures.iter_mut().zip([greeting, round_trip, limited, free, windowed]) {
            figures.push(figure);
        }
    }
    let [greeting, round_trip, limited, free, windowed] = figures.map(|figures| median(figures).unwrap_or_default());
    format!(
        "## The line\n\n\
         | asked for | is |\n|--|--:|\n\
         | a round trip of 40 ms | {round_trip:.1} ms |\n\
         | a greeting after two of them | {greeting:.1} ms |\n\
         | 100 Mbit/s, 12.5 MB/s (and half a round trip at the end) | {limited:.1} MB/s |\n\
         | no limit, at 0 ms | {free:.0} MB/s |\n\
         | no limit but 4 MiB on their way, at 40 ms: 210 MB/s | {windowed:.0} MB/s |\n\n"
    )
}

/// A server for one connection.
fn serve(work: impl FnOnce(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        stream.set_nodelay(true).expect("a socket");
        work(stream);
    });
    port
}

/// Milliseconds until a greeting is here, and for a byte there and back.
fn pings() -> (f64, f64) {
    let port = serve(|mut stream| {
        let mut byte = [b'!'];
        while stream.write_all(&byte).and_then(|()| stream.read_exact(&mut byte)).is_ok() {}
    });
    let proxy = Proxy::start(port, Line { round_trip: TRIP, mbit: None, turns: Turns::Fair });
    let begin = Instant::now();
    let mut stream = TcpStream::connect(loopback(proxy.port)).expect("a proxy");
    stream.set_nodelay(true).expect("a socket");
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("a greeting");
    let greeting = begin.elapsed();
    let trips = (0..PINGS).map(|_| {
        let begin = Instant::now();
        stream.write_all(&byte).and_then(|()| stream.read_exact(&mut byte)).expect("an echo");
        begin.elapsed().as_secs_f64() * 1e3
    });
    (greeting.as_secs_f64() * 1e3, median(trips.collect()).unwrap_or_default())
}

/// From the first byte sent to the last byte received.
fn megabytes_a_second(line: Line, bytes: usize) -> f64 {
    let (sender, receiver) = crossbeam_channel::bounded(1);
    let port = serve(move |mut stream| {
        let mut buffer = vec![0; 256 << 10];
        let mut left = bytes;
        while left > 0 {
            left -= stream.read(&mut buffer).expect("bytes");
        }
        sender.send(Instant::now()).ok();
    });
    let proxy = Proxy::start(port, line);
    let mut stream = TcpStream::connect(loopback(proxy.port)).expect("a proxy");
    // The set-up is none of this.
    std::thread::sleep(line.round_trip * 2);
    let (begin, chunk) = (Instant::now(), vec![b'x'; 1 << 20]);
    for _ in 0..bytes >> 20 {
        stream.write_all(&chunk).expect("a proxy");
    }
    let end = receiver.recv().expect("all of it");
    bytes as f64 / 1e6 / end.duration_since(begin).as_secs_f64()
}
