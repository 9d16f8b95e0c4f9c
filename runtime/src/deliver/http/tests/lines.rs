//! Lines that wait: used again, given up, bounded; names that move; the egress proxy.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;

use super::*;

async fn send(http: &Http, url: &str) -> Result<Answer, Failure> {
    http.send(request(url), 5 * SECOND).await
}

#[tokio::test]
async fn a_line_is_used_again_and_says_so() {
    let http = http();
    let (address, seen) = receiver(|stream, seen| answers(stream, seen, FINE)).await;
    for at in 0..5 {
        let answer = send(&http, &format!("http://{address}/hook?x={at}")).await.unwrap();
        let timings = &answer.course.timings;
        assert_eq!((answer.status.as_u16(), &answer.body[..], answer.whole), (200, &b"fine"[..], true));
        assert_eq!((timings.reused, timings.connect_micros.is_none()), (at > 0, at > 0));
        assert!(timings.first_byte_micros.is_some() && timings.dns_micros.is_none());
        assert_eq!(answer.course.address, Some(address));
    }
    assert_eq!((seen.counts(), http.idle()), ((1, 5), 1));
    // Another policy is another host: what one allows must not serve the other.
    let mut other = request(&format!("http://{address}/"));
    other.addresses.allow_private_addresses = true;
    http.send(other, SECOND).await.unwrap();
    assert_eq!((seen.counts(), http.idle()), ((2, 6), 2));
}

#[tokio::test]
async fn a_line_that_was_closed_meanwhile_costs_no_attempt() {
    // What comes back for the second request on a line, before it is closed; whether it is sent again.
    for (crumbs, again) in [(&b""[..], true), (b"HTTP/1.1 2", false)] {
        let http = http();
        let (address, seen) = receiver(move |mut stream: TcpStream, seen: Arc<Seen>| async move {
            for answer in [FINE, crumbs] {
                if read_request(&mut stream).await.is_none() {
                    return;
                }
                seen.requests.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(answer).await;
            }
        })
        .await;
        let url = format!("http://{address}/");
        send(&http, &url).await.unwrap();
        let second = send(&http, &url).await;
        if again {
            assert!(!second.unwrap().course.timings.reused);
            assert_eq!(seen.counts(), (2, 3), "at once, on a line of its own");
        } else {
            assert_eq!(second.unwrap_err().outcome, Outcome::Unreachable);
            assert_eq!(seen.counts(), (1, 2), "an answer had begun, so nobody knows");
        }
    }
}

#[tokio::test]
async fn idle_lines_are_bounded_and_the_longest_unused_goes_first() {
    let mut few = settings();
    (few.idle_max, few.idle_per_host_max) = (3, 2);
    let http = Arc::new(Http::new(&few).unwrap());
    let mut receivers = Vec::new();
    for _ in 0..4 {
        receivers.push(receiver(|stream, seen| answers(stream, seen, FINE)).await);
    }
    let url = |at: usize| format!("http://{}/", receivers[at].0);
    // Many at once to one host: each has a line, two of them may wait.
    let busy = receiver(|mut stream: TcpStream, _| async move {
        while read_request(&mut stream).await.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let _ = stream.write_all(FINE).await;
        }
    });
    let busy = format!("http://{}/", busy.await.0);
    let many = (0..5).map(|_| send(&http, &busy));
    assert!(futures_util::future::join_all(many).await.iter().all(Result::is_ok));
    assert_eq!(http.idle(), 2);
    for at in 0..4 {
        send(&http, &url(at)).await.unwrap();
        assert!(http.idle() <= 3);
    }
    send(&http, &url(3)).await.unwrap();
    assert_eq!(receivers[3].1.counts(), (1, 2), "used last, so it is still there");
    send(&http, &url(0)).await.unwrap();
    assert_eq!(receivers[0].1.counts(), (2, 2), "the oldest was closed");
}

/// Gives the answers of a list, then the last one for ever; they are good for no time at all.
struct Moves(Mutex<VecDeque<IpAddr>>, AtomicUsize);

impl NameSource for Moves {
    fn addresses(&self, _name: Arc<str>) -> BoxFuture<'static, io::Result<Found>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.0.lock().unwrap();
        let address = if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() };
        let found = Found { addresses: address.into_iter().collect(), good_for: Some(Duration::ZERO) };
        Box::pin(async { Ok(found) })
    }
}

fn moves(addresses: &[[u8; 4]]) -> Arc<Moves> {
    let addresses = addresses.iter().map(|address| IpAddr::from(*address)).collect();
    Arc::new(Moves(Mutex::new(addresses), AtomicUsize::new(0)))
}

#[tokio::test]
async fn what_was_checked_is_what_is_called_and_a_name_that_moves_inside_is_refused() {
    let (address, seen) = receiver(|stream, seen| answers(stream, seen, FINE)).await;
    // Checked and connected to with one answer: a second one, a moment later, is never asked for.
    let names = moves(&[[127, 0, 0, 1], [10, 0, 0, 1]]);
    let source: Arc<dyn NameSource> = names.clone();
    let http = Http::with_names(&settings(), source).unwrap();
    let url = format!("http://shop.example:{}/", address.port());
    let answer = send(&http, &url).await.unwrap();
    assert_eq!(answer.course.address.unwrap().ip(), IpAddr::from([127, 0, 0, 1]));
    assert!(answer.course.timings.dns_micros.is_some());
    assert_eq!((names.1.load(Ordering::SeqCst), seen.counts()), (1, (1, 1)));

    // The name says something else by then: refused, although a line to the old address waits.
    let late = Http::with_names(&settings(), moves(&[[10, 0, 0, 1]])).unwrap();
    let failure = send(&late, &url).await.unwrap_err();
    assert_eq!(failure.outcome, Outcome::AddressRefused, "{failure:?}");
    assert!(failure.error.contains("private network"));
    assert_eq!(failure.course.address, None, "nothing was called");
}

#[tokio::test]
async fn http_goes_to_inner_addresses_alone_unless_the_operator_says_otherwise() {
    let (address, seen) = receiver(|stream, seen| answers(stream, seen, FINE)).await;
    let inner: [u8; 4] = [127, 0, 0, 1];
    let named = |address| Http::with_names(&settings(), moves(&[address])).unwrap();
    let url = format!("http://shop.example:{}/", address.port());
    send(&named(inner), &url).await.unwrap();
    let failure = send(&named([8, 8, 8, 8]), &url).await.unwrap_err();
    assert_eq!((failure.outcome, failure.course.address), (Outcome::AddressRefused, None), "{failure:?}");
    assert!(failure.error.contains("use `https`"), "{failure:?}");
    assert_eq!(seen.counts(), (1, 1));
}

#[tokio::test]
async fn a_line_to_an_address_that_the_name_no_longer_has_is_not_used() {
    let http = http();
    let (address, seen) = receiver(|stream, seen| answers(stream, seen, FINE)).await;
    let url = format!("http://{address}/");
    send(&http, &url).await.unwrap();
    let host = http.place(&request(&url), &mut Course::default()).await.unwrap().0;
    assert!(http.pool.take(&host, &[IpAddr::from([127, 0, 0, 2])]).is_none());
    assert_eq!((http.idle(), seen.counts()), (0, (1, 1)));
}

/// A name that nobody answers for.
struct Silent;

impl NameSource for Silent {
    fn addresses(&self, _name: Arc<str>) -> BoxFuture<'static, io::Result<Found>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_name_that_nobody_answers_for_times_out() {
    let http = Http::with_names(&settings(), Arc::new(Silent)).unwrap();
    let failure = send(&http, "http://shop.example/").await.unwrap_err();
    assert_eq!((failure.outcome, failure.error.contains("not resolved")), (Outcome::TimedOut, true));
}

#[tokio::test]
async fn everything_goes_through_the_egress_proxy() {
    let (address, seen) = receiver(|stream, seen| answers(stream, seen, FINE)).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heads = Arc::clone(&asked);
    let (proxy, _) = receiver(move |mut stream: TcpStream, _| {
        let heads = Arc::clone(&heads);
        async move {
            let head = read_request(&mut stream).await.unwrap();
            let refused = head.contains("refused.example");
            heads.lock().unwrap().push(head);
            if refused {
                let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await;
                return;
            }
            let mut inside = TcpStream::connect(address).await.unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\nx: y\r\n\r\n").await;
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut inside).await;
        }
    })
    .await;
    let proxied = |url: &str| HttpSettings { egress_proxy: Some(Secret::new(url)), ..settings() };
    let http = Http::new(&proxied(&format!("http://fan:wi%3Ase@{proxy}"))).unwrap();
    // The proxy knows what this name means; here nobody would.
    for _ in 0..2 {
        let mut plain = request("http://shop.internal:8080/hook");
        plain.addresses.allow_plain_http = true;
        let answer = http.send(plain, 5 * SECOND).await.unwrap();
        assert_eq!(answer.course.address, None, "nobody is shown where the proxy stands");
    }
    assert_eq!(seen.counts(), (1, 2));
    let heads = asked.lock().unwrap().clone();
    let expected = "CONNECT shop.internal:8080 HTTP/1.1\r\nhost: shop.internal:8080\r\nproxy-authorization: Basic ZmFuOndpOnNl\r\n\r\n";
    assert_eq!(heads, [expected]);
    let unseen = send(&http, "http://shop.internal:8080/hook").await.unwrap_err();
    assert_eq!(unseen.outcome, Outcome::AddressRefused, "what the proxy calls may be outside: {unseen:?}");
    let failure = send(&http, "https://refused.example/").await.unwrap_err();
    assert_eq!(failure.course.address, None);
    assert_eq!(
        (failure.outcome, failure.error.contains("the proxy answered 403")),
        (Outcome::Unreachable, true)
    );
    for wrong in ["https://proxy.example", "socks5://proxy.example", "proxy.example:3128", ""] {
        assert!(matches!(Http::new(&proxied(wrong)), Err(SetupError::Proxy)), "{wrong}");
    }
}
