//! The examples of the specification, and everything that is not quite one.

use axum::http::{HeaderName, HeaderValue};

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    pairs.iter().map(pair).collect()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

const NEEDED: [(&str, &str); 4] = [
    ("ce-specversion", "1.0"),
    ("ce-type", "com.example.someevent"),
    ("ce-id", "1234-1234-1234"),
    ("ce-source", "/mycontext"),
];

/// The example of the HTTP binding, 3.1.4.
#[test]
fn a_binary_event_is_headers_and_data() {
    let more = [
        ("ce-time", "2018-04-05T03:56:24Z"),
        ("ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
        ("ce-partitionkey", "\"p1\""),
        ("content-type", "application/json; charset=utf-8"),
        ("x-other", "not ours"),
    ];
    let all = headers(&[&NEEDED[..], &more].concat());
    assert!(is_binary(&all));
    let got = binary(&all, br#"{ "total": 1.10 }"#, PayloadOf::Data).unwrap();
    let expected = r#"{"event":"com.example.someevent","resource":"/mycontext","resource_id":"Euro € 😀","time":"2018-04-05T03:56:24Z","payload":{ "total": 1.10 }}"#;
    assert_eq!(String::from_utf8_lossy(&got.envelope), expected);
    assert_eq!(
        json(got.attributes.as_bytes()),
        serde_json::json!({ "partitionkey": "p1", "id": "1234-1234-1234" })
    );
    let same = binary(&all, b"1", PayloadOf::Event).unwrap();
    assert_eq!(same.key, got.key);
    let whole = &json(&same.envelope)["payload"];
    assert_eq!(
        (&whole["partitionkey"], &whole["data"], &whole["specversion"]),
        (&"p1".into(), &1.into(), &"1.0".into())
    );
}

#[test]
fn data_that_is_no_json_becomes_a_text() {
    let rows: &[(&str, &[u8], Value)] = &[
        ("text/plain", b"hello", "hello".into()),
        ("application/xml", b"<a/>", "<a/>".into()),
        ("application/octet-stream", b"\xff\x00", "/wA=".into()),
        ("application/vnd.api+json", b"[1]", serde_json::json!([1])),
        ("application/json", b"", Value::Null),
    ];
    for (content, body, payload) in rows {
        let got =
            binary(&headers(&[&NEEDED[..], &[("content-type", content)]].concat()), body, PayloadOf::Data);
        assert_eq!(json(&got.unwrap().envelope)["payload"], *payload, "{content}");
    }
    let bad = binary(&headers(&NEEDED), b"{\"a\":tru}", PayloadOf::Data).unwrap_err();
    assert_eq!(bad.kind().name(), "invalid-json");
}

/// The examples of the JSON format, 3.2 and 3.1.1.
#[test]
fn a_structured_event_is_one_object() {
    let body = br#"{"specversion":"1.0","type":"com.example.someevent","source":"/mycontext","subject":null,
        "id":"C234-1234-1234","time":"2018-04-05T17:31:00Z","comexampleextension1":"value","comexampleothervalue":5,
        "datacontenttype":"application/json","data":{"appinfoA":"abc","big":12345678901234567890123}}"#;
    let got = structured(body, "", PayloadOf::Data).unwrap();
    let envelope = String::from_utf8(got.envelope).unwrap();
    assert!(
        envelope.ends_with(r#""payload":{"appinfoA":"abc","big":12345678901234567890123}}"#),
        "{envelope}"
    );
    assert!(!envelope.contains("resource_id"));
    let attributes = json(got.attributes.as_bytes());
    assert_eq!(
        (&attributes["comexampleothervalue"], &attributes["comexampleextension1"]),
        (&5.into(), &"value".into())
    );
    let binary = br#"{"specversion":"1.0","type":"t","source":"s","id":"1","data_base64":"/wA="}"#;
    let got = structured(binary, "", PayloadOf::Event).unwrap();
    assert_eq!(json(&got.envelope)["payload"]["data_base64"], "/wA=");
    let none = structured(br#"{"specversion":"1.0","type":"t","source":"s","id":"1"}"#, "", PayloadOf::Data)
        .unwrap();
    assert_eq!(json(&none.envelope)["payload"], Value::Null);
}

#[test]
fn each_mistake_names_its_attribute() {
    let good = r#""specversion":"1.0","type":"t","source":"s","id":"1""#;
    let rows: &[(String, &[&str])] = &[
        ("{}".into(), &["/3/specversion", "/3/id", "/3/source", "/3/type"]),
        (r#"{"specversion":"0.3","type":"t","source":"s","id":"1"}"#.into(), &["/3/specversion"]),
        (r#"{"specversion":"1.0","type":5,"source":"","id":"1"}"#.into(), &["/3/type", "/3/source"]),
        (format!(r#"{{{good},"myExtension":1}}"#), &["/3/myExtension"]),
        (format!(r#"{{{good},"ext":{{}},"ext2":[1]}}"#), &["/3/ext", "/3/ext2"]),
        (format!(r#"{{{good},"data_base64":"%"}}"#), &["/3/data_base64"]),
        (format!(r#"{{{good},"time":7}}"#), &["/3/time"]),
        (format!(r#"{{{good},"id":"{}"}}"#, "x".repeat(300)).replacen(r#","id":"1""#, "", 1), &["/3/id"]),
        (format!(r#"{{{good},"ext":"{}"}}"#, "x".repeat(5_000)), &["/3"]),
    ];
    for (body, expected) in rows {
        let document = structured(body.as_bytes(), "/3", PayloadOf::Data).unwrap_err().to_json();
        let errors = document["errors"].as_array().unwrap();
        let places: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        let (mut places, mut expected) = (places, expected.to_vec());
        places.sort_unstable();
        expected.sort_unstable();
        assert_eq!(places, expected, "{body:.80}");
    }
    assert!(structured(b"[]", "", PayloadOf::Data).is_err());
    let many: String = (0..40).map(|number| format!(r#","e{number}":1"#)).collect();
    assert!(structured(format!("{{{good}{many}}}").as_bytes(), "", PayloadOf::Data).is_err());
    let bad = binary(&headers(&[("ce-type", "t%"), ("ce-source", "s")]), b"", PayloadOf::Data).unwrap_err();
    let document = bad.to_json();
    let places: Vec<_> = document["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(places, ["ce-type", "ce-specversion", "ce-id"]);
}
