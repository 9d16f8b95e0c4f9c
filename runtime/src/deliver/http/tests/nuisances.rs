//! Receivers that lie, hang, flood and break off.

use tokio::time::sleep;

use super::*;

#[derive(Clone, Copy)]
enum Then {
    /// Nothing more comes, and the line stays open.
    Hang,
    /// The line is reset.
    Reset,
    /// The line is closed.
    Close,
    /// The same again and again, as fast as it goes.
    Flood(&'static [u8]),
    /// The same again and again, slowly.
    Trickle(&'static [u8]),
}

async fn then(mut stream: TcpStream, what: Then) {
    match what {
        Then::Hang => sleep(60 * SECOND).await,
        Then::Reset => stream.set_zero_linger().unwrap(),
        Then::Close => {}
        Then::Flood(bytes) => while stream.write_all(bytes).await.is_ok() {},
        Then::Trickle(bytes) => {
            while stream.write_all(bytes).await.is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

const KIB: &[u8] = &[b'x'; 1024];

/// What a receiver does: its name, what it sends and then does, and the status or the failure that is seen.
type Nuisance = (&'static str, &'static [u8], Then, Result<u16, Outcome>);

const NUISANCES: &[Nuisance] = {
    use Outcome::*;
    use Then::*;
    &[
        ("never answers", b"", Hang, Err(TimedOut)),
        ("hangs up at once", b"", Close, Err(Unreachable)),
        ("resets at once", b"", Reset, Err(Unreachable)),
        ("hangs in its head", b"HTTP/1.1 200 OK\r\nx: ", Hang, Err(TimedOut)),
        ("a slow head", b"HTTP/1.1 200 OK\r\nx: ", Trickle(b"x"), Err(TimedOut)),
        ("hangs up in its head", b"HTTP/1.1 200 OK\r\nx: ", Close, Err(Unreachable)),
        ("an endless header", b"HTTP/1.1 200 OK\r\nx: ", Flood(KIB), Err(Unreachable)),
        ("endless headers", b"HTTP/1.1 200 OK\r\n", Flood(b"a: b\r\n"), Err(Unreachable)),
        ("informs for ever", b"", Flood(b"HTTP/1.1 100 Continue\r\n\r\n"), Err(Unreachable)),
        ("not HTTP", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Hang, Err(Unreachable)),
        (
            "two lengths",
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            Hang,
            Err(Unreachable),
        ),
        ("an endless body", b"HTTP/1.1 200 OK\r\n\r\n", Flood(KIB), Ok(200)),
        (
            "endless chunks",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            Flood(b"1\r\nx\r\n"),
            Ok(200),
        ),
        ("a body that never ends", b"HTTP/1.1 200 OK\r\n\r\nx", Hang, Ok(200)),
        ("a slow body", b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", Trickle(b"x"), Ok(200)),
        ("10 GB claimed", b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\nx", Hang, Ok(200)),
        ("resets in its body", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx", Reset, Ok(200)),
        ("an error with an endless body", b"HTTP/1.1 500 No\r\n\r\n", Flood(KIB), Ok(500)),
        (
            "a way into the cloud",
            b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n",
            Hang,
            Ok(302),
        ),
        (
            "packed bytes",
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc",
            Hang,
            Ok(200),
        ),
    ]
};

#[tokio::test]
async fn a_nuisance_costs_no_more_than_its_attempt_and_the_status_decides() {
    let http = Arc::new(http());
    let runs = NUISANCES.iter().map(|(name, answer, after, expected)| {
        let (answer, after, http) = (*answer, *after, Arc::clone(&http));
        async move {
            let (address, seen) = receiver(move |mut stream: TcpStream, seen: Arc<Seen>| async move {
                read_request(&mut stream).await;
                seen.requests.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(answer).await;
                then(stream, after).await;
            })
            .await;
            let began = std::time::Instant::now();
            let got = http.send(request(&format!("http://{address}/")), SECOND).await;
            let took = began.elapsed();
            assert!(took < 2 * SECOND, "{name}: {took:?}");
            match (&got, expected) {
                (Ok(answer), Ok(status)) => {
                    assert_eq!(answer.status.as_u16(), *status, "{name}");
                    assert!(answer.body.len() <= RESPONSE_KEPT_BYTES_MAX, "{name}");
                }
                (Err(failure), Err(outcome)) => assert_eq!(failure.outcome, *outcome, "{name}: {failure:?}"),
                _ => panic!("{name}: {got:?}"),
            }
            sleep(Duration::from_millis(50)).await;
            assert_eq!(seen.counts(), (1, 1), "{name}: sent once, on a line of its own");
        }
    });
    futures_util::future::join_all(runs).await;
    // Only the redirect and the packed answer were read to their ends.
    assert_eq!(http.idle(), 2);
}

#[tokio::test]
async fn a_receiver_that_does_not_read_is_given_up_before_the_attempt_is_over() {
    let (address, _) = receiver(async |stream: TcpStream, _| then(stream, Then::Hang).await).await;
    let mut large = request(&format!("http://{address}/"));
    large.body = vec![b'x'; 64 << 20].into();
    let failure = http().send(large, 20 * SECOND).await.unwrap_err();
    assert_eq!(failure.outcome, Outcome::TimedOut);
    assert!(failure.error.contains("took nothing in"), "{failure:?}");
}

#[tokio::test]
async fn the_beginning_of_a_long_answer_is_kept_and_its_line_is_used_again() {
    // Bytes of the body, how many are kept, whether that is all, and whether the line waits.
    let kept = RESPONSE_KEPT_BYTES_MAX;
    let rows = [
        (0, 0, true, 1),
        (5, 5, true, 1),
        (kept, kept, true, 1),
        (kept + 1, kept, false, 1),
        (kept + (60 << 10), kept, false, 1),
        (kept + (300 << 10), kept, false, 0),
    ];
    for (length, kept, whole, idle) in rows {
        let http = http();
        let (address, _) = receiver(move |mut stream: TcpStream, _| async move {
            while read_request(&mut stream).await.is_some() {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(&vec![b'x'; length]).await;
            }
        })
        .await;
        let answer = http.send(request(&format!("http://{address}/")), 5 * SECOND).await.unwrap();
        assert_eq!((answer.body.len(), answer.whole, http.idle()), (kept, whole, idle), "{length}");
    }
}
