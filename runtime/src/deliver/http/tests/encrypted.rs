//! TLS: whom a connection trusts, how it shows itself, and the protocol that both sides agree on.

use std::convert::Infallible;

use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::deliver::tls::certificates;
use crate::secret::Secret;

/// TLS with the certificate of the tests' authority, which asks for a client's certificate, or not.
pub(super) fn acceptor(wants_client: bool, protocols: &[&str]) -> TlsAcceptor {
    crate::server::install_crypto();
    let builder = ServerConfig::builder();
    let builder = if wants_client {
        let mut roots = RootCertStore::empty();
        for root in certificates(&pem("authority.pem")).unwrap() {
            roots.add(root).unwrap();
        }
        builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_slice(pem("receiver.key").as_bytes()).unwrap();
    let mut config = builder.with_single_cert(certificates(&pem("receiver.pem")).unwrap(), key).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// A receiver that tells what it was asked, and counts requests.
async fn secure(wants_client: bool, protocols: &[&str]) -> (SocketAddr, Arc<Seen>) {
    let acceptor = acceptor(wants_client, protocols);
    receiver(move |stream, seen| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |asked: hyper::Request<Incoming>| {
                let seen = Arc::clone(&seen);
                async move {
                    seen.requests.fetch_add(1, Ordering::SeqCst);
                    let about = format!("{:?} {}", asked.version(), asked.uri());
                    // Long enough for others to come meanwhile.
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from(about))))
                }
            });
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        }
    })
    .await
}

pub(super) fn profile(ca: bool, client: bool) -> Option<Arc<TlsProfile>> {
    let client =
        client.then(|| (Arc::from(pem("client.pem")), Arc::new(Secret::new(pem("client.key").into_bytes()))));
    TlsMaterial { ca: ca.then(|| pem("authority.pem").into()), client }.profile().unwrap()
}

#[tokio::test]
async fn certificates_decide_who_talks_to_whom() {
    // Whether the receiver wants a client's certificate; the connection's own authority and certificate; the
    // host; what comes of it.
    let rows = [
        (false, false, false, "127.0.0.1", Err(Outcome::TlsFailed)),
        (false, true, false, "127.0.0.1", Ok(())),
        (false, true, false, "localhost", Ok(())),
        (false, true, false, "127.0.0.2", Err(Outcome::TlsFailed)),
        (false, true, true, "127.0.0.1", Ok(())),
        (true, true, false, "127.0.0.1", Err(Outcome::TlsFailed)),
        (true, true, true, "127.0.0.1", Ok(())),
        (true, false, true, "127.0.0.1", Err(Outcome::TlsFailed)),
    ];
    for (wants, ca, client, host, expected) in rows {
        let http = http();
        let (address, _) = secure(wants, &["http/1.1"]).await;
        let mut asked = request(&format!("https://{host}:{}/hook", address.port()));
        asked.tls = profile(ca, client);
        let got = http.send(asked, 5 * SECOND).await;
        let row = format!("{wants} {ca} {client} {host}: {got:?}");
        match expected {
            Ok(()) => {
                let answer = got.expect(&row);
                assert_eq!(&answer.body[..], b"HTTP/1.1 /hook", "{row}");
                assert!(answer.course.timings.tls_micros.is_some(), "{row}");
            }
            Err(outcome) => assert_eq!(got.expect_err(&row).outcome, outcome, "{row}"),
        }
    }
}

#[tokio::test]
async fn lines_with_certificates_serve_their_own_connection_alone() {
    let http = http();
    let (address, seen) = secure(true, &["http/1.1"]).await;
    let (one, other) = (profile(true, true), profile(true, true));
    for (profile, lines) in [(&one, 1), (&one, 1), (&other, 2), (&one, 2)] {
        let mut asked = request(&format!("https://{address}/"));
        asked.tls.clone_from(profile);
        http.send(asked, 5 * SECOND).await.unwrap();
        assert_eq!(seen.counts().0, lines);
    }
}

#[tokio::test]
async fn two_sides_that_know_http_2_speak_it_and_share_a_line() {
    let http = Arc::new(http());
    let (address, seen) = secure(false, &["h2", "http/1.1"]).await;
    let tls = profile(true, false);
    let send = async || {
        let mut asked = request(&format!("https://{address}/hook?a=b"));
        asked.tls.clone_from(&tls);
        http.send(asked, 5 * SECOND).await.unwrap()
    };
    let first = send().await;
    let expected = format!("HTTP/2.0 https://{address}/hook?a=b");
    assert_eq!(String::from_utf8_lossy(&first.body), expected);
    let many = futures_util::future::join_all((0..20).map(|_| send())).await;
    assert!(many.iter().all(|answer| answer.course.timings.reused && answer.body == expected));
    assert_eq!((seen.counts(), http.idle()), ((1, 21), 1));
}

#[tokio::test]
async fn a_receiver_that_does_not_finish_its_handshake_times_out() {
    let (address, _) = receiver(async |stream: TcpStream, _| {
        tokio::time::sleep(60 * SECOND).await;
        drop(stream);
    })
    .await;
    let failure = http().send(request(&format!("https://{address}/")), 5 * SECOND).await.unwrap_err();
    assert_eq!((failure.outcome, failure.error.contains("TLS")), (Outcome::TimedOut, true));
}

#[test]
fn mistakes_in_certificates_have_their_words() {
    use crate::deliver::tls::TlsMistake;
    let client =
        |chain: &str, key: &str| Some((Arc::from(chain), Arc::new(Secret::new(key.as_bytes().to_vec()))));
    let (chain, key) = (pem("client.pem"), pem("client.key"));
    let rows = [
        (Some("nothing"), None, "certificates"),
        (Some(&*key), None, "certificates"),
        (None, client("nothing", &key), "certificates"),
        (None, client(&chain, "nothing"), "private key"),
        (None, client(&chain, &pem("receiver.key")), "does not fit"),
    ];
    for (ca, client, words) in rows {
        let mistake = TlsMaterial { ca: ca.map(Arc::from), client }.profile().unwrap_err();
        assert!(mistake.to_string().contains(words), "{mistake}");
        let named = matches!(mistake, TlsMistake::Certificates | TlsMistake::Key | TlsMistake::Pair(_));
        assert!(named, "{mistake:?}");
    }
}
