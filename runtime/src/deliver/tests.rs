//! Attempts against small receivers on loopback, each of them a different nuisance.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::http::{Http, HttpSettings};
use super::sign::scheme::Signing;
use super::target::Target;
use super::*;
use crate::clock::SystemClock;
use crate::id::{ConnectionId, DeliveryId, EventId, WorkspaceId};
use crate::model::Policy;
use crate::secret::Secret;

/// One connection, whatever its id.
struct One(Option<Target>);

impl Connections for One {
    fn target(&self, _workspace: &WorkspaceId, _connection: &ConnectionId) -> Option<Target> {
        self.0.clone()
    }

    fn disable(&self, _workspace: &WorkspaceId, _connection: &ConnectionId) {}
}

const LOOPBACK: AddressPolicy =
    AddressPolicy { allow_loopback: true, allow_private_addresses: false, allow_plain_http: false };

fn target(url: &str) -> Target {
    Target::to(url)
}

fn sender(target: Option<Target>, addresses: AddressPolicy) -> Sender {
    Sender {
        connections: Arc::new(One(target)),
        transport: Arc::new(Http::new(&HttpSettings::default()).unwrap()),
        clock: Arc::new(SystemClock::default()),
        addresses,
        spans: Spans::default(),
    }
}

/// An input with an empty body.
const EMPTY: &str = r#"{"body":{}}"#;

fn delivery(input: &str, timeout: Duration) -> DeliveryRecord {
    DeliveryRecord {
        id: DeliveryId::from_text("dlv_1"),
        workspace: WorkspaceId::from_text("ws_1"),
        event: EventId::from_text("evt_1"),
        rule: "rule".into(),
        key: "rule/send_webhook/0".into(),
        connection: ConnectionId::from_text("con_1"),
        connection_name: "hook".into(),
        action: "send_webhook".into(),
        input: Ok(input.into()),
        policy: Policy {
            attempts: 3,
            first_wait: Duration::from_secs(10),
            longest_wait: Duration::from_secs(10),
            growth_thousandths: 1000,
            jitter_thousandths: 0,
            timeout,
            expires: Duration::from_secs(1000),
            weight: 4,
            idempotency_key: None,
            ..Policy::default()
        },
        created_at: Timestamp::UNIX_EPOCH,
        due_at: Timestamp::UNIX_EPOCH,
        replay_of: None,
        gated: Default::default(),
        skipped: None,
    }
}

/// Reads one request: its header lines, names in lower case, and its body.
async fn read_request(stream: &mut TcpStream) -> (BTreeMap<String, String>, Vec<u8>) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "a whole request");
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut headers = BTreeMap::from([(":line".to_owned(), lines.next().unwrap().to_owned())]);
    for line in lines {
        if let Some((name, value)) = line.split_once(": ") {
            headers.insert(name.to_lowercase(), value.to_owned());
        }
    }
    let length: usize = headers["content-length"].parse().unwrap();
    let mut body = bytes[end..].to_vec();
    while body.len() < length {
        assert_ne!(stream.read_buf(&mut body).await.unwrap(), 0, "a whole body");
    }
    (headers, body)
}

type Seen = (BTreeMap<String, String>, Vec<u8>);

/// A receiver that answers each request with those bytes, then goes on with `then`.
async fn receiver<F>(answer: &'static [u8], then: fn(TcpStream) -> F) -> (SocketAddr, mpsc::Receiver<Seen>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (send, seen) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let send = send.clone();
            tokio::spawn(async move {
                let request = read_request(&mut stream).await;
                let _ = send.send(request).await;
                let _ = stream.write_all(answer).await;
                then(stream).await;
            });
        }
    });
    (address, seen)
}

async fn stay(stream: TcpStream) {
    tokio::time::sleep(Duration::from_secs(60)).await;
    drop(stream);
}

async fn close(stream: TcpStream) {
    drop(stream);
}

async fn flood(mut stream: TcpStream) {
    let piece = vec![b'x'; 1 << 16];
    while stream.write_all(&piece).await.is_ok() {}
}

async fn trickle(mut stream: TcpStream) {
    while stream.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends to a receiver and returns the attempt's record.
async fn send_to(address: SocketAddr, timeout: Duration) -> (AttemptRecord, Duration) {
    let began = std::time::Instant::now();
    let sender = sender(Some(target(&format!("http://{address}/hook"))), LOOPBACK);
    let report = attempt(&sender, &delivery(EMPTY, timeout), None, 1).await;
    (report.record.unwrap(), began.elapsed())
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_delivery_arrives_signed_and_as_it_was_mapped() {
    let (address, mut seen) = receiver(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine", stay).await;
    let secrets = vec![
        Arc::new(Signing::Standard.fresh_secret().unwrap()),
        Arc::new(Signing::Standard.fresh_secret().unwrap()),
    ];
    let mut target = target(&format!("http://{address}/hook?a=b"));
    target.secrets = secrets.clone();
    let sender = sender(Some(target), LOOPBACK);
    let input = r#"{"body": {"total": 199.00 , "odd":1e400}, "headers": {"X-Kind": "paid", "Authorization": "Bearer 123"}}"#;
    let report = attempt(&sender, &delivery(input, MINUTE), None, 2).await;
    let record = report.record.unwrap();
    assert_eq!((record.outcome, record.status, record.number), (Outcome::Delivered, Some(200), 2));
    assert_eq!((record.response.as_deref(), record.error), (Some("fine"), None));
    assert_eq!(record.address.as_deref(), Some(&*address.to_string()));
    let (headers, body) = seen.recv().await.unwrap();
    assert_eq!(headers[":line"], "POST /hook?a=b HTTP/1.1");
    assert_eq!(body, br#"{"total": 199.00 , "odd":1e400}"#, "numbers are sent as they were written");
    assert_eq!(headers["authorization"], "Bearer 123");
    assert_eq!(headers["x-kind"], "paid");
    assert_eq!(headers["content-type"], "application/json");
    assert!(headers["user-agent"].starts_with("Fanwise/"));
    assert_eq!(headers["webhook-id"], "dlv_1");
    assert!(!headers.contains_key("fanwise-replay"));
    for secret in &secrets {
        let (time, signature) = (&headers["webhook-timestamp"], &headers["webhook-signature"]);
        sign::verify(secret, "dlv_1", time, signature, &body, Timestamp::now()).unwrap();
    }
}

#[tokio::test]
async fn a_replay_keeps_the_id_and_says_so() {
    let (address, mut seen) = receiver(b"HTTP/1.1 204 No Content\r\n\r\n", stay).await;
    let sender = sender(Some(target(&format!("http://{address}/"))), LOOPBACK);
    let mut again = delivery(EMPTY, MINUTE);
    again.id = DeliveryId::from_text("dlv_2");
    again.replay_of = Some(DeliveryId::from_text("dlv_1"));
    let report = attempt(&sender, &again, None, 1).await;
    assert_eq!(report.record.unwrap().outcome, Outcome::Delivered);
    let (headers, body) = seen.recv().await.unwrap();
    assert_eq!((&*headers["webhook-id"], &*headers["fanwise-replay"]), ("dlv_1", "true"));
    assert_eq!(body, b"{}");
    assert!(!headers.contains_key("webhook-signature"), "there is no secret");
}

#[tokio::test]
async fn a_receiver_that_never_answers_times_out_and_one_that_is_not_there_is_unreachable() {
    let (address, _seen) = receiver(b"", stay).await;
    let (record, took) = send_to(address, Duration::from_millis(300)).await;
    assert_eq!((record.outcome, record.status), (Outcome::TimedOut, None));
    assert!(took < SECOND, "{took:?}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let (record, _) = send_to(nobody, MINUTE).await;
    assert_eq!(record.outcome, Outcome::Unreachable);
    assert!(record.error.unwrap().contains("no connection"));
    let (address, _seen) = receiver(b"", close).await;
    assert_eq!(send_to(address, MINUTE).await.0.outcome, Outcome::Unreachable);
}

#[tokio::test]
async fn the_status_decides_whatever_the_body_does() {
    let (address, _seen) = receiver(b"HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n", flood).await;
    let (record, took) = send_to(address, MINUTE).await;
    assert_eq!(record.outcome, Outcome::Delivered, "an endless body: {:?}", record.error);
    assert_eq!(record.response.unwrap().len(), crate::model::RESPONSE_KEPT_BYTES_MAX);
    assert!(took < 3 * SECOND, "{took:?}");
    let (address, _seen) = receiver(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", trickle).await;
    let (record, took) = send_to(address, SECOND).await;
    assert_eq!(record.outcome, Outcome::Delivered, "a trickling body");
    assert!(took < 2 * SECOND, "a trickle does not move the deadline: {took:?}");
    let (address, _seen) = receiver(b"HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nbroken", close).await;
    let (record, _) = send_to(address, MINUTE).await;
    assert_eq!((record.outcome, record.response.as_deref()), (Outcome::DestinationError, Some("broken")));
}

#[tokio::test]
async fn a_trickle_of_header_bytes_does_not_move_the_deadline() {
    let (address, _seen) = receiver(b"HTTP/1.1 200 OK\r\nx: ", trickle).await;
    let (record, took) = send_to(address, Duration::from_millis(500)).await;
    assert_eq!(record.outcome, Outcome::TimedOut);
    assert!(took < 2 * SECOND, "{took:?}");
}

#[tokio::test]
async fn endless_headers_are_cut_off() {
    let (address, _seen) = receiver(b"HTTP/1.1 200 OK\r\nx: ", flood).await;
    let (record, took) = send_to(address, 20 * SECOND).await;
    assert_eq!(record.outcome, Outcome::Unreachable, "{:?}", record.error);
    assert!(took < 10 * SECOND, "{took:?}");
}

#[tokio::test]
async fn a_redirect_is_a_failure_with_a_reason() {
    let answer = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n";
    let (address, _seen) = receiver(answer, stay).await;
    let (record, _) = send_to(address, MINUTE).await;
    assert_eq!((record.outcome, record.status), (Outcome::DestinationError, Some(302)));
    assert!(record.error.unwrap().contains("redirects are not followed"));
}

#[tokio::test]
async fn a_wish_to_wait_and_a_farewell_are_passed_on() {
    let (address, _seen) =
        receiver(b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n", stay).await;
    let limited = sender(Some(target(&format!("http://{address}/"))), LOOPBACK);
    let report = attempt(&limited, &delivery(EMPTY, MINUTE), None, 1).await;
    let wished =
        Ending::Attempt { outcome: Outcome::RateLimited, retry_after: Some(7_000), gone_for_good: false };
    assert_eq!(report.ending, wished);
    let (address, _seen) = receiver(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", stay).await;
    let gone = sender(Some(target(&format!("http://{address}/"))), LOOPBACK);
    let report = attempt(&gone, &delivery(EMPTY, MINUTE), None, 1).await;
    assert_eq!(
        report.ending,
        Ending::Attempt { outcome: Outcome::Rejected, retry_after: None, gone_for_good: true }
    );
}

#[tokio::test]
async fn what_is_not_tls_is_a_tls_failure() {
    let (address, _seen) = plain().await;
    let sender = sender(Some(target(&format!("https://{address}/"))), LOOPBACK);
    let record = attempt(&sender, &delivery(EMPTY, 5 * SECOND), None, 1).await.record.unwrap();
    assert_eq!(record.outcome, Outcome::TlsFailed, "{:?}", record.error);
}

/// A receiver that greets without waiting to be asked.
async fn plain() -> (SocketAddr, ()) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 mail.example ESMTP ready, not TLS at all\r\n").await;
            tokio::spawn(stay(stream));
        }
    });
    (address, ())
}

#[tokio::test]
async fn inner_addresses_are_refused_as_literals_and_as_names() {
    let (address, mut seen) = receiver(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", stay).await;
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let url = format!("http://{host}:{}/", address.port());
        let nothing_inside = AddressPolicy { allow_plain_http: true, ..AddressPolicy::default() };
        let sender = sender(Some(target(&url)), nothing_inside);
        let record = attempt(&sender, &delivery(EMPTY, 5 * SECOND), None, 1).await.record.unwrap();
        assert_eq!(record.outcome, Outcome::AddressRefused, "{url}: {:?}", record.error);
        assert!(record.error.unwrap().contains("this machine"));
    }
    assert!(seen.try_recv().is_err(), "nothing was sent");
    let by_name = sender(Some(target(&format!("http://localhost:{}/", address.port()))), LOOPBACK);
    let record = attempt(&by_name, &delivery(EMPTY, 5 * SECOND), None, 1).await.record.unwrap();
    assert_eq!(record.outcome, Outcome::Delivered, "{:?}", record.error);
}

#[tokio::test]
async fn what_cannot_be_sent_says_why() {
    let check = async |target: Target, input: &str| {
        let sender = sender(Some(target), LOOPBACK);
        let record = attempt(&sender, &delivery(input, SECOND), None, 1).await.record.unwrap();
        (record.outcome, record.error.unwrap().to_string())
    };
    let hook = || target("http://127.0.0.1:9009/");
    for name in [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "webhook-id",
        "Fanwise-Replay",
        "Proxy-Connection",
        "a b",
    ] {
        let (outcome, error) =
            check(hook(), &format!(r#"{{"body": 1, "headers": {{"{name}": "x"}}}}"#)).await;
        assert_eq!(outcome, Outcome::MappingFailed, "{name}");
        assert!(error.contains(name), "{error}");
    }
    assert_eq!(
        check(hook(), r#"{"body": 1, "headers": {"x": "a\r\nb: c"}}"#).await.0,
        Outcome::MappingFailed
    );
    assert_eq!(check(hook(), "[]").await.0, Outcome::MappingFailed);
    let many: Vec<String> = (0..33).map(|number| format!(r#""x-{number}": "1""#)).collect();
    assert_eq!(
        check(hook(), &format!(r#"{{"body": 1, "headers": {{{}}}}}"#, many.join(","))).await.0,
        Outcome::MappingFailed
    );
    let mut unsigned = hook();
    unsigned.secrets = vec![Arc::new(Secret::new("whsec_short"))];
    assert_eq!(check(unsigned, EMPTY).await.0, Outcome::CredentialsRefused);
    let report = attempt(&sender(None, LOOPBACK), &delivery(EMPTY, SECOND), None, 1).await;
    assert!(report.record.is_none());
    assert_eq!(report.ending, Ending::Unusable);
    let disabled = Target { enabled: false, ..hook() };
    let report = attempt(&sender(Some(disabled), LOOPBACK), &delivery(EMPTY, SECOND), None, 1).await;
    assert_eq!(report.ending, Ending::Unusable);
}
