//! The nearest of some words, for "did you mean".

/// Words longer than this are not compared: the distance takes time in the product of both lengths.
const WORD_CHARS_MAX: usize = 64;

/// The candidate that is most like `word`, when one is like enough to be a slip of the fingers.
///
/// Distance counts characters inserted, removed, replaced, or swapped with their neighbour, ignoring
/// case. One slip is allowed for every three characters, at least one. Of equal candidates the first wins.
#[must_use]
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = folded(word);
    if wanted.is_empty() || wanted.len() > WORD_CHARS_MAX {
        return None;
    }
    let allowed = (wanted.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let letters = folded(candidate);
        if letters.len().abs_diff(wanted.len()) > allowed || letters.is_empty() {
            continue;
        }
        let distance = distance(&wanted, &letters);
        // A word of one or two letters that shares none of them is another word.
        let alike = distance < wanted.len().max(letters.len());
        if alike && distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Whether one word is so near the other that it was surely meant: two slips at most, or the other's
/// beginning. `deleted` is like `created`, and yet another word.
#[must_use]
pub fn is_slip(word: &str, meant: &str) -> bool {
    let (one, other) = (folded(word), folded(meant));
    if one.len().max(other.len()) > WORD_CHARS_MAX {
        return false;
    }
    let (short, long) = if one.len() < other.len() { (&one, &other) } else { (&other, &one) };
    distance(&one, &other) <= 2 || (short.len() >= 3 && long.starts_with(short))
}

/// What a transform of other languages is called here; any other name stays what it is.
#[must_use]
pub fn transform(name: &str) -> &str {
    match name {
        "toLowerCase" | "lowercase" | "downcase" | "to_lower" | "LOWER" => "lower",
        "toUpperCase" | "uppercase" | "upcase" | "to_upper" | "UPPER" => "upper",
        "len" | "length" | "size" | "COUNT" => "count",
        "str" | "toString" | "to_string" | "string" => "to_text",
        "int" | "parseInt" | "number" => "to_int",
        "float" | "parseFloat" | "decimal" => "to_decimal",
        "strip" => "trim",
        "host" | "hostname" => "domain",
        "truncate" | "ellipsis" => "shorten",
        "substring" | "substr" | "slice" | "limit" => "take",
        "uniq" | "distinct" => "unique",
        "concat" => "join",
        "map" => "pluck",
        "omit" | "except" => "without",
        "pick" => "only",
        "json" | "stringify" | "tojson" => "to_json",
        "strftime" | "date_format" => "format",
        "currency" => "money",
        "sha" | "hash" => "sha256",
        "urlencode" => "url_encode",
        other => other,
    }
}

fn folded(word: &str) -> Vec<char> {
    word.chars().flat_map(char::to_lowercase).take(WORD_CHARS_MAX + 1).collect()
}

/// Optimal string alignment distance: Levenshtein with swaps of neighbours.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, &a) in left.iter().enumerate() {
        let mut line = Vec::with_capacity(right.len() + 1);
        line.push(row + 1);
        for (column, &b) in right.iter().enumerate() {
            let get = |cells: &[usize], at: usize| cells.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut least = get(&above, column) + usize::from(a != b);
            least = least.min(get(&above, column + 1) + 1).min(get(&line, column) + 1);
            let swapped =
                row > 0 && column > 0 && left.get(row - 1) == Some(&b) && right.get(column - 1) == Some(&a);
            if swapped {
                least = least.min(get(&before, column - 1) + 1);
            }
            line.push(least);
        }
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{closest, is_slip};

    #[test]
    fn another_word_is_no_slip() {
        for (word, meant) in
            [("emial", "email"), ("prod", "production"), ("lowercase", "lower"), ("Ads", "ads")]
        {
            assert!(is_slip(word, meant), "{word}");
        }
        for (word, meant) in [("lead.deleted", "lead.created"), ("active", "inactive_"), ("a", "abcd")] {
            assert!(!is_slip(word, meant), "{word}");
        }
    }

    fn check(word: &str, candidates: &[&'static str], expected: Option<&str>) {
        assert_eq!(closest(word, candidates.iter().copied()), expected, "{word}");
    }

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        check("emial", &["name", "email", "score"], Some("email"));
        check("chanel", &["text", "channel", "thread"], Some("channel"));
        check("rul", &["rule", "schedule"], Some("rule"));
        check("Email", &["email"], Some("email"));
        check("partners", &["partner", "organic"], Some("partner"));
        check("country", &["score", "name"], None);
        check("a", &["b"], None);
        check("a", &["ab"], Some("ab"));
        check("", &["a"], None);
        check("grösse", &["größe"], Some("größe"));
    }

    #[test]
    fn the_nearest_wins_and_then_the_first() {
        check("sevrity", &["severe", "severity"], Some("severity"));
        check("cat", &["cut", "car"], Some("cut"));
    }

    #[test]
    fn very_long_words_are_left_alone() {
        let long = "x".repeat(100_000);
        assert_eq!(closest(&long, [long.as_str()]), None);
    }
}
