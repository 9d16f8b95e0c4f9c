//! Names and paths.

use crate::{
    Diagnostic,
    diagnostic::Code,
    span::{Ident, Span},
};

/// E0119. `lines.0`.
pub(in crate::parse) fn index_by_dot(place: Span, digits: &str) -> Diagnostic {
    Diagnostic::error(Code::E0119, format!("a place in a list is written `[{digits}]`"))
        .at(place, "a name was expected after the dot")
        .fix(format!("replace `.{digits}` with `[{digits}]`"), [(place, format!("[{digits}]"))])
}

/// E0119. `x[-1]`.
pub(in crate::parse) fn index_from_the_end(place: Span, index: Span, last: bool) -> Diagnostic {
    let report = Diagnostic::error(Code::E0119, "places in a list count from the front, from 0")
        .at(index, "there is no place before the first");
    if last {
        return report
            .fix("take the last one: replace `[-1]` with `| last`", [(place, " | last".to_owned())]);
    }
    report.help("`| reverse` turns a list round, `| last` is its last element")
}

/// E0122. A field whose name is no name.
pub(in crate::parse) fn needs_quotes(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(Code::E0122, format!("`{name}` needs quotation marks to be a field name"))
        .at(span, format!("did you mean `\"{name}\"`?"))
        .fix(format!("replace `{name}` with `\"{name}\"`"), [(span, format!("\"{name}\""))])
}

/// E0122. `chat.send-message`.
pub(in crate::parse) fn hyphen_in_action(span: Span, name: &str) -> Diagnostic {
    let mended = name.replace('-', "_");
    Diagnostic::error(Code::E0122, "names of actions have no `-`")
        .at(span, format!("did you mean `{mended}`?"))
        .fix(format!("replace `{name}` with `{mended}`"), [(span, mended)])
}

/// E0110. A word of the language where a name belongs.
pub(in crate::parse) fn reserved(span: Span, word: &str) -> Diagnostic {
    // Many an environment is called so.
    let meant = if word == "test" { "testing".to_owned() } else { format!("{word}_") };
    Diagnostic::error(Code::E0110, format!("`{word}` is a word of the language and cannot be a name"))
        .at(span, "a name was expected")
        .fix(format!("call it `{meant}`"), [(span, meant.clone())])
        .note("field names are free: after a dot and before `:` any word can stand")
}

/// E0130. `event` as a name of one's own.
pub(in crate::parse) fn taken(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(Code::E0130, format!("`{name}` is always the event itself"))
        .at(span, "choose another name")
        .note("`event.id`, `event.type`, `event.time` and others are there in every rule")
}

/// What a name with foreign letters is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::parse) enum Role {
    /// A field, which may be quoted.
    Field,
    /// A name that the file gives.
    Own,
}

/// E0111. A name with letters such as `ä`.
pub(in crate::parse) fn odd_letters(ident: &Ident, role: Role) -> Diagnostic {
    let span = ident.span;
    let report = Diagnostic::error(Code::E0111, format!("`{ident}` has letters that names cannot have"))
        .note("names are made of A to Z, a to z, 0 to 9 and `_`");
    if role == Role::Field {
        let quoted = format!("\"{ident}\"");
        return report
            .at(span, format!("did you mean `{quoted}`?"))
            .fix(format!("replace `{ident}` with `{quoted}`"), [(span, quoted)]);
    }
    match plain_letters(ident) {
        Some(plain) => report
            .at(span, format!("for example `{plain}`"))
            .fix(format!("replace `{ident}` with `{plain}`"), [(span, plain)]),
        None => report.at(span, "choose another name"),
    }
}

/// The usual spelling without marks, when each letter has one.
fn plain_letters(name: &str) -> Option<String> {
    let mut plain = String::new();
    for letter in name.chars() {
        let spelled = match letter {
            'ä' | 'æ' => "ae",
            'ö' | 'œ' => "oe",
            'ü' => "ue",
            'Ä' | 'Æ' => "Ae",
            'Ö' | 'Œ' => "Oe",
            'Ü' => "Ue",
            'ß' => "ss",
            'à' | 'á' | 'â' | 'ã' | 'å' | 'ą' => "a",
            'ç' | 'ć' | 'č' => "c",
            'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' => "e",
            'ì' | 'í' | 'î' | 'ï' => "i",
            'ł' => "l",
            'ñ' | 'ń' | 'ň' => "n",
            'ò' | 'ó' | 'ô' | 'õ' | 'ø' => "o",
            'ř' => "r",
            'ś' | 'š' => "s",
            'ù' | 'ú' | 'û' | 'ů' => "u",
            'ý' => "y",
            'ź' | 'ż' | 'ž' => "z",
            _ if letter.is_ascii() => {
                plain.push(letter);
                continue;
            }
            _ => return None,
        };
        plain.push_str(spelled);
    }
    Some(plain)
}
