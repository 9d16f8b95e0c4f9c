//! Clients that hang, crawl, crowd, or ask before they send.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::app::App;

async fn connected(app: &App) -> TcpStream {
    TcpStream::connect(app.running().address).await.unwrap()
}

/// Sends bytes, then perhaps one byte more again and again, and waits until the server hangs up. What it said,
/// and how long that took.
async fn hung_up(mut stream: TcpStream, bytes: &[u8], crawls: bool) -> (String, Duration) {
    let began = Instant::now();
    stream.write_all(bytes).await.unwrap();
    let (mut read, mut write) = stream.split();
    let crawl = async {
        while crawls && write.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(500)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut said = Vec::new();
    tokio::select! {
        _ = timeout(Duration::from_secs(60), read.read_to_end(&mut said)) => {}
        () = crawl => {}
    }
    (String::from_utf8_lossy(&said).into_owned(), began.elapsed())
}

/// The preface of HTTP/2 and empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_send_no_request_are_let_go() {
    let app = App::with_workspace().await;
    let admin = app.running().admin_key.text().to_owned();
    let post = |length: usize| {
        format!(
            "POST /v1/workspaces/ws/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {admin}\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    // Headers of a stream that never end: a HEADERS frame without END_HEADERS, on stream 1.
    let headers = [PREFACE, b"\x00\x00\x01\x01\x00\x00\x00\x00\x01\x82"].concat();
    let crawling_body = format!("{}{{", post(1_000_000)).into_bytes();
    // What is sent, whether bytes go on crawling in, what comes back, and after how many seconds.
    let rows: [(&str, &[u8], bool, &str, u64); 7] = [
        ("nothing", b"", false, "", 14),
        ("half a preface", b"PRI * HT", false, "", 14),
        ("half a head", b"GET /livez HTTP/1.1\r\nhost: ", false, "", 14),
        ("a head that crawls", b"GET /livez HTTP/1.1\r\nhost: ", true, "", 14),
        ("HTTP/2 without a stream", PREFACE, false, "", 14),
        ("HTTP/2 headers without an end", &headers, false, "", 14),
        ("a body that crawls", &crawling_body, true, "HTTP/1.1 408", 12),
    ];
    let runs = rows.into_iter().map(|(name, bytes, crawls, says, seconds)| {
        let app = &app;
        async move {
            let (said, took) = hung_up(connected(app).await, bytes, crawls).await;
            assert!(took < Duration::from_secs(seconds + 5), "{name}: {took:?}");
            assert!(took > Duration::from_secs(4), "{name}: {took:?}, {said}");
            assert!(said.contains(says), "{name}: {said}");
        }
    });
    let mut all = Vec::new();
    for run in runs {
        all.push(Box::pin(run));
    }
    futures_util::future::join_all(all).await;
    assert_eq!(app.get("/livez").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_so_many_connections() {
    let app = App::start_with(|settings| settings.connections_per_address_max = 3).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = connected(&app).await;
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).await.unwrap();
        held.push(stream);
    }
    let mut one_more = connected(&app).await;
    let mut said = Vec::new();
    let closed = timeout(Duration::from_secs(5), one_more.read_to_end(&mut said)).await;
    assert!(closed.is_ok() && said.is_empty(), "{said:?}");
    drop(held);
    let began = Instant::now();
    loop {
        let mut stream = connected(&app).await;
        let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        let mut said = String::new();
        if stream.read_to_string(&mut said).await.is_ok() && said.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10));
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_before_sending_is_told_before_sending() {
    let app = App::start_with(|settings| settings.events_per_second_max = Some(1)).await;
    app.post("/v1/workspaces", serde_json::json!({ "id": "ws" })).await.expect(201);
    let admin = app.running().admin_key.text().to_owned();
    let body = r#"{"event":"a","payload":1}"#;
    // The length that is announced, the key, and what comes back without a byte of the body. Only the third is
    // told to go on; the one after it is too fast.
    let rows = [
        (1_000_000_000, admin.as_str(), "HTTP/1.1 413"),
        (body.len(), "wrong", "HTTP/1.1 401"),
        (body.len(), admin.as_str(), "HTTP/1.1 100"),
        (body.len(), admin.as_str(), "HTTP/1.1 429"),
    ];
    for (length, key, expected) in rows {
        let mut stream = connected(&app).await;
        let head = format!(
            "POST /v1/workspaces/ws/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut said = [0; 12];
        timeout(Duration::from_secs(10), stream.read_exact(&mut said)).await.unwrap().unwrap();
        assert_eq!(String::from_utf8_lossy(&said), expected);
        if expected.ends_with("100") {
            stream.write_all(body.as_bytes()).await.unwrap();
            let mut rest = [0; 200];
            let read = stream.read(&mut rest).await.unwrap();
            let mut rest = String::from_utf8_lossy(&rest[..read]).into_owned();
            while !rest.contains("HTTP/1.1 ") {
                let mut more = [0; 200];
                let read = stream.read(&mut more).await.unwrap();
                rest += &String::from_utf8_lossy(&more[..read]);
            }
            assert!(rest.contains("HTTP/1.1 202"), "{rest}");
        }
    }
}
