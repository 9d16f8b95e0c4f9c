//! JSON with `//` comments and trailing commas, as in other projects' test data.

use serde_json::Value;

/// Reads JSON that may hold line comments and trailing commas.
///
/// # Errors
/// When the rest is no JSON.
pub fn read(text: &str) -> Result<Value, String> {
    serde_json::from_str(&plain(text)).map_err(|error| error.to_string())
}

/// The same text as plain JSON.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_text = false;
    // A comma waits until it is known what follows.
    let mut comma = None;
    while let Some(one) = chars.next() {
        if in_text {
            out.push(one);
            match one {
                '\\' => out.extend(chars.next()),
                '"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match one {
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|next| *next != '\n').is_some() {},
            ',' => comma = Some(out.len()),
            one if one.is_whitespace() => out.push(one),
            one => {
                if let Some(at) = comma.take().filter(|_| !matches!(one, ']' | '}')) {
                    out.insert(at, ',');
                }
                in_text = one == '"';
                out.push(one);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_go() {
        let text = "{ // one\n \"a//b\": [1, 2, ], \"c\\\",}\": 3, // two\n}";
        let expected = serde_json::json!({ "a//b": [1, 2], "c\",}": 3 });
        assert_eq!(read(text), Ok(expected));
        assert!(read("{,}").is_ok(), "as tolerant as that");
        assert!(read("{ \"a\": }").is_err());
    }
}
