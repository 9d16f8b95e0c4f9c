//! Items, their parts, descriptions and comments.

use super::{SAMPLES, dump::dump, parsed, shown};
use crate::ast::{
    Days, ExpectCount, File, GivenPayload, Item, ItemKind, Rule, Statement, StepKind, TypeExpr, TypeKind,
};

fn file(text: &str) -> File {
    let parsed = parsed(text);
    assert_eq!(shown(text, &parsed.diagnostics), "");
    parsed.file
}

fn item(text: &str) -> ItemKind {
    let mut items = file(text).items;
    assert_eq!(items.len(), 1, "{text}");
    items.remove(0).kind
}

fn rule(text: &str) -> Rule {
    match item(text) {
        ItemKind::Rule(rule) => rule,
        other => panic!("{other:?}"),
    }
}

/// A type as short text.
fn type_of(ty: &TypeExpr) -> String {
    let kind = match &ty.kind {
        TypeKind::Named(name) => name.to_string(),
        TypeKind::OneOf(texts) => {
            texts.iter().map(|text| format!("{:?}", text.node)).collect::<Vec<_>>().join("|")
        }
        TypeKind::List { of, limit } => {
            let limit = limit.as_ref().map_or(String::new(), |limit| format!("<{}", limit.node));
            format!("[{}{limit}]", type_of(of))
        }
        TypeKind::Map(of) => format!("map<{}>", type_of(of)),
        TypeKind::Paren(inner) => format!("({})", type_of(inner)),
        TypeKind::Record(record) => {
            let fields: Vec<String> =
                record.fields.iter().map(|field| format!("{}: {}", field.key, type_of(&field.ty))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    };
    format!("{kind}{}", if ty.optional { "?" } else { "" })
}

#[test]
fn types() {
    for (text, expected) in [
        ("text", "text"),
        ("any?", "any?"),
        ("Lead?", "Lead?"),
        (r#""a" | "b\"c""#, r#""a"|"b\"c""#),
        ("list of text", "[text]"),
        ("list of text? limit 1_000", "[text?<1000]"),
        ("(list of text)?", "([text])?"),
        ("list of (map of int)", "[(map<int>)]"),
        ("map of list of int", "map<[int]>"),
        ("{ a: text, \"b c\": int? rule: any }?", "{a: text, b c: int?, rule: any}?"),
    ] {
        let ItemKind::Schema(schema) = item(&format!("schema S {{ it: {text} }}")) else { panic!() };
        assert_eq!(type_of(&schema.record.fields[0].ty), expected, "{text}");
    }
}

#[test]
fn schemas_with_marks_and_descriptions() {
    let text = "## The lead.\n## More.\nschema Lead open {\n  ## Where to write.\n  email: email? sensitive\n  \
                old: text deprecated \"use email\"\n  sensitive: text\n  gone: int deprecated\n  deprecated: text\n}\n";
    let file = file(text);
    let [Item { docs, kind: ItemKind::Schema(schema), .. }] = &file.items[..] else { panic!() };
    assert_eq!(docs.iter().map(|doc| &*doc.text).collect::<Vec<_>>(), ["The lead.", "More."]);
    assert!(schema.open.is_some());
    let fields = &schema.record.fields;
    assert_eq!(fields.len(), 5);
    assert_eq!(&*fields[0].docs[0].text, "Where to write.");
    assert!(fields[0].sensitive.is_some() && fields[0].ty.optional);
    let advice = fields[1].deprecated.as_ref().unwrap().advice.as_ref().unwrap();
    assert_eq!(advice.plain(), Some("use email"));
    assert_eq!(&*fields[2].key.text, "sensitive");
    assert!(fields[3].deprecated.as_ref().unwrap().advice.is_none());
    assert_eq!(&*fields[4].key.text, "deprecated");
}

#[test]
fn small_items() {
    let file = file(
        "edition 2026\nenvironments { sandbox production }\nconnection crm: hubspot\n\
         import schema Order from \"o.json\"\nevent order.*: Order\nlist vips from \"vips.csv\"\nlist blocked\n\
         predicate free(address: text) = address ends with \"@mail.example\"\n\
         policy quiet { timeout: 5s }\npolicy money(i: Invoice) { order_by: i.id }\n",
    );
    assert_eq!(file.edition.unwrap().node, 2026);
    let [
        ItemKind::Environments(names),
        ItemKind::Connection(connection),
        ItemKind::Import(import),
        ItemKind::Event(event),
        ItemKind::List(vips),
        ItemKind::List(blocked),
        ItemKind::Predicate(predicate),
        ItemKind::Policy(quiet),
        ItemKind::Policy(money),
    ] = &file.items.iter().map(|item| item.kind.clone()).collect::<Vec<_>>()[..]
    else {
        panic!()
    };
    assert_eq!(names.iter().map(|name| &*name.text).collect::<Vec<_>>(), ["sandbox", "production"]);
    assert_eq!((&*connection.name.text, &*connection.integration.text), ("crm", "hubspot"));
    assert_eq!((&*import.name.text, import.from.plain()), ("Order", Some("o.json")));
    assert_eq!((&*event.pattern.text, &*event.schema.text), ("order.*", "Order"));
    assert_eq!(vips.from.as_ref().unwrap().plain(), Some("vips.csv"));
    assert!(blocked.from.is_none());
    assert_eq!((&*predicate.param.name.text, type_of(&predicate.param.ty)), ("address", "text".to_owned()));
    assert!(quiet.param.is_none() && money.param.is_some());
}

#[test]
fn schedules_in_minutes() {
    let text = "schedule s = weekdays 09:00 to 18:30, friday to monday 22:00 to 06:00, sunday 00:00 to 24:00 \
                in \"Europe/Berlin\" except 2026-12-25, 2026-12-26";
    let ItemKind::Schedule(schedule) = item(text) else { panic!() };
    let hours: Vec<_> =
        schedule.hours.iter().map(|hours| (hours.days, hours.from.node, hours.to.node)).collect();
    assert_eq!(hours, [(Days::Weekdays, 540, 1110), (Days::Range(4, 0), 1320, 360), (Days::One(6), 0, 1440)]);
    assert_eq!(schedule.zone.plain(), Some("Europe/Berlin"));
    let except: Vec<&str> = schedule.except.iter().map(|date| &*date.node).collect();
    assert_eq!(except, ["2026-12-25", "2026-12-26"]);
    let ItemKind::Schedule(schedule) = item("schedule s = every day 08:00 to 22:00 in \"UTC\"") else {
        panic!()
    };
    assert_eq!(schedule.hours[0].days, Days::Every);
}

#[test]
fn the_head_of_a_rule() {
    let rule = rule(
        "rule r {\n  on a.*, b-c.** as x\n  resource \"r-*\"\n  resource_id \"1\"\n  only in staging, production\n  \
         let net = x.a - x.b\n  let tax = net * 2\n  unless x.test\n  when x.a > 1\n  with quiet(x) { timeout: 1s }\n  \
         deliver c.d\n}",
    );
    let patterns: Vec<&str> = rule.on.patterns.iter().map(|pattern| &*pattern.text).collect();
    assert_eq!(patterns, ["a.*", "b-c.**"]);
    assert_eq!(rule.on.alias.as_ref().map(|alias| &*alias.text), Some("x"));
    assert_eq!(rule.resource.as_ref().unwrap().plain(), Some("r-*"));
    assert_eq!(rule.resource_id.as_ref().unwrap().plain(), Some("1"));
    assert_eq!(rule.only.len(), 2);
    assert_eq!(rule.lets.iter().map(|it| dump(&it.value)).collect::<Vec<_>>(), ["(- x.a x.b)", "(* net 2)"]);
    assert!(rule.guard.unless_first);
    assert_eq!(dump(rule.guard.when.as_ref().unwrap()), "(Greater x.a 1)");
    assert_eq!(dump(rule.guard.unless.as_ref().unwrap()), "x.test");
    let with = rule.with.as_ref().unwrap();
    assert_eq!(with.policy.as_ref().map(|name| &*name.text), Some("quiet"));
    assert_eq!(with.argument.as_ref().map(|name| &*name.text), Some("x"));
    assert_eq!(with.settings.as_ref().unwrap().entries.len(), 1);
}

#[test]
fn statements() {
    let rule = rule(
        "rule r {\n  on a\n  deliver c.d as late when x unless y { a: 1 } with { timeout: 1s }\n  \
         deliver c.d unless z\n  for each l in x.ls where l.a limit 10 { deliver c.d }\n  \
         choose {\n    when x unless y { ignore \"why\" }\n    unless z { ignore }\n    otherwise { deliver c.e with p }\n  }\n}",
    );
    let [
        Statement::Deliver(first),
        Statement::Deliver(second),
        Statement::ForEach(each),
        Statement::Choose(choose),
    ] = &rule.body[..]
    else {
        panic!()
    };
    assert_eq!(first.label.as_ref().map(|label| &*label.text), Some("late"));
    assert!(first.guard.when.is_some() && first.guard.unless.is_some() && !first.guard.unless_first);
    assert!(first.input.is_some() && first.with.is_some());
    assert!(second.guard.when.is_none() && second.guard.unless_first && second.input.is_none());
    assert_eq!(each.limit.as_ref().unwrap().node, 10);
    assert_eq!((choose.arms.len(), choose.otherwise.is_some()), (2, true));
    assert!(matches!(&choose.arms[0].body[..], [Statement::Ignore(ignore)] if ignore.reason.is_some()));
}

#[test]
fn groups_keep_descriptions_of_their_rules() {
    let text = "group g first_match {\n  ## First.\n  rule a { on x ignore }\n  rule b { on x ignore }\n  \
                otherwise as p { deliver c.d }\n}";
    let ItemKind::Group(group) = item(text) else { panic!() };
    assert_eq!(group.rules.len(), 2);
    assert_eq!(&*group.rules[0].docs[0].text, "First.");
    assert_eq!(group.otherwise.unwrap().alias.map(|alias| alias.text), Some("p".into()));
}

#[test]
fn tests_and_their_half_open_clauses() {
    let text = "test \"t\" {\n  in sandbox\n  at 2026-03-03T10:00:00+01:00\n  \
                given a.b resource \"r\" resource_id \"i\" { x: 1 }\n  given a.b from \"f.json\"\n  after 1h30m\n  \
                expect nothing\n  expect nothing else\n  expect rule r matched\n  expect rule r skipped\n  \
                expect no c.d\n  expect 2 c.d\n  \
                expect c.d { a: 1, b contains \"x\" ignoring case, c is missing, d not in [1]\n f matches regex \"\\d\" \"g h\": 2 }\n}";
    let ItemKind::Test(test) = item(text) else { panic!() };
    assert_eq!(test.at.unwrap().node, "2026-03-03T10:00:00+01:00".into());
    assert_eq!(test.environment.unwrap().text, "sandbox".into());
    let kinds: Vec<&StepKind> = test.steps.iter().map(|step| &step.kind).collect();
    assert!(matches!(kinds[0], StepKind::Given { payload: GivenPayload::Inline(_), resource: Some(_), .. }));
    assert!(
        matches!(kinds[1], StepKind::Given { payload: GivenPayload::From(file), .. } if file.plain() == Some("f.json"))
    );
    assert!(matches!(kinds[2], StepKind::After(after) if after.node == 5_400_000));
    assert!(matches!(kinds[3..5], [StepKind::ExpectNothing, StepKind::ExpectNothingElse]));
    assert!(matches!(
        kinds[5..7],
        [StepKind::ExpectRule { matched: true, .. }, StepKind::ExpectRule { matched: false, .. }]
    ));
    let count =
        |kind: &StepKind| if let StepKind::ExpectDelivery { count, .. } = kind { *count } else { panic!() };
    assert_eq!([count(kinds[7]), count(kinds[8])], [ExpectCount::None, ExpectCount::Exactly(2)]);
    let StepKind::ExpectDelivery { fields, count: ExpectCount::AtLeastOne, .. } = kinds[9] else { panic!() };
    let tests: Vec<(String, bool)> = fields.iter().map(|field| (dump(&field.test), field.colon)).collect();
    let expected = [
        ("(Is a 1)", true),
        ("(Contains b text<\"x\"> nocase)", false),
        ("(Missing c)", false),
        ("(NotIn d [1])", false),
        (r#"(regex f "\\d")"#, false),
        ("(Is g h 2)", true),
    ];
    assert_eq!(tests, expected.map(|(test, colon)| (test.to_owned(), colon)));
}

#[test]
fn comments_are_kept_with_their_places_and_descriptions_are_not_among_them() {
    let text = "# one\n## doc\nrule a { # two\n  on x # three\n  ### four\n  ignore ## five\n}\n# six";
    let file = file(text);
    let comments: Vec<&str> =
        file.comments.iter().map(|comment| text.get(comment.span.range()).unwrap()).collect();
    assert_eq!(comments, ["# one", "# two", "# three", "### four", "## five", "# six"]);
    assert_eq!(file.items[0].docs.len(), 1);
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_no_matter() {
    let plain = file("edition 2026\nrule a {\n  on x\n  ignore \"why\"\n}\n");
    let marked = file("\u{FEFF}edition 2026\r\nrule a {\r\n  on x\r\n  ignore \"why\"\r\n}\r\n");
    assert_eq!(plain.items.len(), marked.items.len());
    assert_eq!(marked.edition.unwrap().node, 2026);
}

#[test]
fn every_span_of_the_samples_begins_with_its_first_word() {
    for (name, text) in SAMPLES {
        for item in file(text).items {
            let written = text.get(item.span.range()).unwrap();
            let word = match item.kind {
                ItemKind::Rule(_) => "rule ",
                ItemKind::Group(_) => "group ",
                ItemKind::Test(_) => "test ",
                ItemKind::Schema(_) => "schema ",
                ItemKind::Const(_) => "const ",
                _ => "",
            };
            assert!(
                written.starts_with(word) && !written.ends_with(char::is_whitespace),
                "{name}: {written}"
            );
        }
    }
}
