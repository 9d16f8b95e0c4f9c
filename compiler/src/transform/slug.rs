//! `slug`: a text for addresses and names of channels.

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "slug",
    summary: "Lower-case ASCII letters and digits, with one `-` for everything between them. Latin letters \
              lose their accents, letters of other scripts are left out; missing when nothing is left.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[],
    output: typing::text_or_missing,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""Big News: 50% off!" | slug"#, r#""big-news-50-off""#),
        eg(r#""Grüße aus Köln" | slug"#, r#""grusse-aus-koln""#),
        eg(r#""Łódź, Ærø & Þingvellir" | slug"#, r#""lodz-aero-thingvellir""#),
        eg(r#""cafe\u{301} İZMİR" | slug"#, r#""cafe-izmir""#),
        eg(r#""Nguyễn Văn Đức" | slug"#, r#""nguyen-van-duc""#),
        eg(r#""don’t -- panic" | slug"#, r#""dont-panic""#),
        eg(r#""日本語" | slug"#, "missing"),
        eg("7 | slug", "missing"),
    ],
};

/// Lower-case letters and what they become.
const LATIN: &[(&str, &str)] = &[
    ("àáâãäåāăąǎǟǡǻȁȃȧạảấầẩẫậắằẳẵặª", "a"),
    ("æǣǽ", "ae"),
    ("ḃḅḇƀɓ", "b"),
    ("çćĉċčḉ", "c"),
    ("ďđḋḍḏḑḓðɖɗ", "d"),
    ("èéêëēĕėęěȅȇȩẹẻẽếềểễệḕḗḙḛǝə", "e"),
    ("ḟƒ", "f"),
    ("ĝğġģǥǧǵḡɠ", "g"),
    ("ĥħȟḣḥḧḩḫẖ", "h"),
    ("ìíîïĩīĭįıǐȉȋḭḯỉị", "i"),
    ("ĳ", "ij"),
    ("ĵǰ", "j"),
    ("ķĸǩḱḳḵ", "k"),
    ("ĺļľŀłḷḹḻḽ", "l"),
    ("ḿṁṃ", "m"),
    ("ñńņňŉŋǹṅṇṉṋ", "n"),
    ("òóôõöøōŏőǒǫǭǿȍȏȫȭȯȱơọỏốồổỗộớờởỡợṍṏṑṓº", "o"),
    ("œ", "oe"),
    ("ṕṗ", "p"),
    ("ŕŗřȑȓṙṛṝṟ", "r"),
    ("śŝşšșſṡṣṥṧṩ", "s"),
    ("ß", "ss"),
    ("ţťŧțṫṭṯṱẗ", "t"),
    ("þ", "th"),
    ("ùúûüũūŭůűųǔǖǘǚǜȕȗưụủứừửữựṳṵṷṹṻ", "u"),
    ("ṽṿ", "v"),
    ("ŵẁẃẅẇẉẘ", "w"),
    ("ẋẍ", "x"),
    ("ýÿŷȳẏỳỵỷỹẙ", "y"),
    ("źżžƶẑẓẕ", "z"),
];

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    let mut slug = String::with_capacity(text.len());
    let mut gap = false;
    for one in text.chars().flat_map(char::to_lowercase) {
        // Marks belong to the letter before them, apostrophes to the word.
        if matches!(one, '\u{300}'..='\u{36f}' | '\'' | '’') {
            continue;
        }
        let mut ascii = [0; 4];
        let letters = if one.is_ascii_alphanumeric() { &*one.encode_utf8(&mut ascii) } else { latin(one) };
        if letters.is_empty() {
            gap = !slug.is_empty();
            continue;
        }
        if gap {
            slug.push('-');
            gap = false;
        }
        slug.push_str(letters);
    }
    if slug.is_empty() { Value::Missing } else { output::text(slug) }
}

fn latin(one: char) -> &'static str {
    if one.is_ascii() {
        return "";
    }
    LATIN.iter().find(|(letters, _)| letters.contains(one)).map_or("", |(_, ascii)| ascii)
}
