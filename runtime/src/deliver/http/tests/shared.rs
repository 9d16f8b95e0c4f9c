//! Receivers of HTTP/2, frame by frame: they take nothing in, are slow, or never come to the point.

use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

use super::encrypted::{acceptor, profile};
use super::*;

/// A frame (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const END_HEADERS: u8 = 4;
const END_STREAM_AND_HEADERS: u8 = 5;

/// Settings with which each stream may send so much before it is given more.
fn settings_with_window(bytes: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&[0, 4][..], &bytes.to_be_bytes()].concat())
}

/// So much more for a stream, or for the line where it is 0.
fn more(stream: u32, bytes: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
}

/// `:status: 200` (RFC 7541, appendix A), and nothing after it.
fn fine() -> Vec<u8> {
    frame(HEADERS, END_STREAM_AND_HEADERS, 1, &[0x88])
}

/// A receiver that speaks HTTP/2 by hand.
async fn by_hand<F>(talk: impl Fn(TlsStream<TcpStream>) -> F + Send + Sync + Copy + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let acceptor = acceptor(false, &["h2"]);
    let (address, _) = receiver(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                talk(stream).await;
            }
        }
    })
    .await;
    address
}

/// So long a receiver may take nothing in, where it never will.
const SHORT: Duration = Duration::from_millis(300);

/// Sends so many bytes there.
async fn send(address: SocketAddr, bytes: usize, stall: Duration) -> (Result<Answer, Failure>, Duration) {
    let mut asked = request(&format!("https://{address}/hook"));
    asked.tls = profile(true, false);
    asked.body = vec![b'x'; bytes].into();
    let mut settings = settings();
    settings.phases.tls = 5 * SECOND;
    settings.phases.write_stall = stall;
    let began = std::time::Instant::now();
    let sent = Http::new(&settings).unwrap().send(asked, 20 * SECOND).await;
    (sent, began.elapsed())
}

async fn read_on(mut stream: TlsStream<TcpStream>) {
    let mut bytes = [0; 1 << 16];
    while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
}

#[tokio::test]
async fn a_receiver_that_takes_nothing_in_is_given_up_long_before_the_attempt_is_over() {
    // It reads frames and gives a stream no room beyond what each has from the start; it gives all room, and
    // reads nothing.
    let no_room = by_hand(async |mut stream: TlsStream<TcpStream>| {
        stream.write_all(&settings_with_window(0)).await.unwrap();
        read_on(stream).await;
    })
    .await;
    let no_reading = by_hand(async |mut stream: TlsStream<TcpStream>| {
        let room = [settings_with_window(1 << 30), more(0, 1 << 30)].concat();
        stream.write_all(&room).await.unwrap();
        sleep(60 * SECOND).await;
        drop(stream);
    })
    .await;
    for (address, bytes) in [(no_room, 1 << 20), (no_reading, 64 << 20)] {
        let (sent, took) = send(address, bytes, SHORT).await;
        let failure = sent.unwrap_err();
        assert_eq!(failure.outcome, Outcome::TimedOut, "{failure:?}");
        assert!(failure.error.contains("took nothing in"), "{failure:?}");
        assert!(took < 10 * SECOND, "{took:?}");
    }
}

#[tokio::test]
async fn a_receiver_that_takes_a_body_in_slowly_gets_all_of_it() {
    let address = by_hand(async |mut stream: TlsStream<TcpStream>| {
        stream.write_all(&[settings_with_window(0), more(0, 1 << 24)].concat()).await.unwrap();
        let mut bytes = [0; 1 << 16];
        // Twice as long as a receiver may take nothing in, in the end.
        for _ in 0..20 {
            // What comes is taken off the line; whether anything does depends on the room given below.
            let all = async { while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {} };
            let _ = timeout(Duration::from_millis(100), all).await;
            if stream.write_all(&more(1, 16 << 10)).await.is_err() {
                return;
            }
        }
        stream.write_all(&[more(1, 1 << 20), fine()].concat()).await.unwrap();
        read_on(stream).await;
    })
    .await;
    let (sent, took) = send(address, 200 << 10, SECOND).await;
    assert_eq!(sent.map(|answer| answer.status.as_u16()), Ok(200));
    assert!(took >= SECOND, "{took:?}");
}

#[tokio::test]
async fn an_answer_has_so_many_headers_and_comes_to_the_point() {
    let informs_for_ever = by_hand(async |mut stream: TlsStream<TcpStream>| {
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        let mut bytes = [0; 1 << 12];
        let _ = stream.read(&mut bytes).await;
        sleep(Duration::from_millis(100)).await;
        // `:status: 103`, a name from the table and a text; and `a`, a text of 8,000 bytes.
        let fields = [&b"\x08\x03103\x00\x01a\x7f\xc1\x3d"[..], &[b'x'; 8_000]].concat();
        let hint = frame(HEADERS, END_HEADERS, 1, &fields).repeat(16);
        while stream.write_all(&hint).await.is_ok() {}
    })
    .await;
    let (sent, took) = send(informs_for_ever, 2, SHORT).await;
    assert_eq!(sent.unwrap_err().outcome, Outcome::Unreachable);
    assert!(took < 15 * SECOND, "{took:?}");
    for (count, expected) in [(100, Ok(200)), (101, Err(Outcome::Unreachable))] {
        let many = by_hand_with_headers(count).await;
        let (sent, _) = send(many, 2, SHORT).await;
        let got = sent.map(|answer| answer.status.as_u16()).map_err(|failure| failure.outcome);
        assert_eq!(got, expected, "{count}");
    }
}

async fn by_hand_with_headers(count: usize) -> SocketAddr {
    let talk = move |mut stream: TlsStream<TcpStream>| async move {
        // `a: b`, as texts.
        let fields = [&[0x88][..], &b"\x00\x01a\x01b".repeat(count)].concat();
        let mut bytes = [0; 1 << 12];
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        let _ = stream.read(&mut bytes).await;
        sleep(Duration::from_millis(100)).await;
        stream.write_all(&frame(HEADERS, END_STREAM_AND_HEADERS, 1, &fields)).await.unwrap();
        read_on(stream).await;
    };
    by_hand(talk).await
}
