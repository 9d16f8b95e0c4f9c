//! `money(currency)`: an amount as people read it.

use super::{Accepts, Section, Transform, eg, input, one, output, rounding, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "money",
    summary: "The amount with the currency's places after the point, commas between thousands and the \
              currency's code: `1,234.50 EUR`, the same in every language. Half a unit is rounded away from \
              zero. The currency is a code of three letters (ISO 4217).",
    section: Section::Numbers,
    input: Accepts::Number,
    params: &[one("currency", Accepts::Text)],
    output: typing::text,
    refuses,
    apply,
    examples: &[
        eg(r#"1234.5 | money("EUR")"#, r#""1,234.50 EUR""#),
        eg(r#"19900 | money("JPY")"#, r#""19,900 JPY""#),
        eg(r#"1.2345 | money("kwd")"#, r#""1.235 KWD""#),
        eg(r#"-1234567.005 | money("USD")"#, r#""-1,234,567.01 USD""#),
        eg(r#"-0.001 | money("USD")"#, r#""0.00 USD""#),
        eg(r#"999 | money("USD")"#, r#""999.00 USD""#),
        eg(r#"5 | money("euro")"#, "missing"),
        eg(r#"5 | money("€")"#, "missing"),
        eg(r#""5" | money("EUR")"#, "missing"),
    ],
};

/// Places after the point where they are not two: ISO 4217, list one of active codes.
const PLACES: &[(u32, &[&str])] = &[
    (
        0,
        &[
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV",
            "XAF", "XOF", "XPF",
        ],
    ),
    (3, &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]),
    (4, &["CLF", "UYW"]),
];

fn refuses(_: usize, value: &Value<'_>) -> Option<String> {
    let written = value.as_text()?;
    code(written).is_none().then(|| format!("`{written}` is no currency code; codes look like `EUR`"))
}

fn code(written: &str) -> Option<String> {
    let letters = written.len() == 3 && written.bytes().all(|byte| byte.is_ascii_alphabetic());
    letters.then(|| written.to_ascii_uppercase())
}

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let money = || {
        let amount = input::number(&value)?;
        let code = code(input::text(args, 0)?)?;
        let listed = PLACES.iter().find(|(_, codes)| codes.contains(&&*code));
        let places = listed.map_or(2, |(places, _)| *places);
        let rounded = rounding::half_away(&amount, places);
        let digits = format!("{:.*}", places as usize, rounded.abs());
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        let mut text = String::with_capacity(digits.len() * 2);
        if rounded.is_sign_negative() && !rounded.is_zero() {
            text.push('-');
        }
        for (at, digit) in whole.char_indices() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push('.');
            text.push_str(fraction);
        }
        text.push(' ');
        text.push_str(&code);
        Some(output::text(text))
    };
    output::given(money())
}
