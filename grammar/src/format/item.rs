//! Files and the declarations in them.

use super::{Printer, WIDTH, width};
use crate::ast::{
    Const, Days, File, Hours, Item, ItemKind, Param, Policy, Predicate, Schedule, Schema, Text,
};
use crate::span::Span;

impl Printer<'_> {
    pub(super) fn file(&mut self, file: &File) {
        if let Some(edition) = &file.edition {
            self.lead_block(edition.span, &[], true);
            let year = edition.node;
            self.push(&format!("edition {year}"));
            self.trail(edition.span.end);
        }
        let widths = self.connection_widths(&file.items);
        let mut before = file.edition.as_ref().map(|_| None);
        for (item, connection_width) in file.items.iter().zip(widths) {
            let first = self.out.is_empty();
            let own_space = before.is_some_and(|before: Option<&Item>| apart(before, item));
            let start = item.docs.first().map_or(item.span.start, |doc| doc.span.start);
            let comment = self.next_comment_before(start);
            if !first && own_space && !self.blank_before(comment.unwrap_or(start)) {
                self.blank();
            }
            self.lead_block(item.span, &item.docs, first);
            self.item(item, connection_width);
            self.trail(item.span.end);
            before = Some(Some(item));
        }
        let end = u32::MAX;
        let first = self.out.is_empty();
        self.rest(end, first);
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// How wide the names of connections are made: as the widest of those around, up to a blank line.
    fn connection_widths(&self, items: &[Item]) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::new();
        let mut start = 0;
        let mut widest = 0;
        for (at, item) in items.iter().enumerate() {
            let ItemKind::Connection(connection) = &item.kind else {
                widths.push(0);
                start = at + 1;
                widest = 0;
                continue;
            };
            let previous = at.checked_sub(1).and_then(|at| items.get(at)).filter(|_| at > start);
            if previous.is_some_and(|one| self.blank_between(one.span.end, item.span.start)) {
                start = at;
                widest = 0;
            }
            widest = widest.max(width(&connection.name) + 1);
            widths.push(0);
            widths.iter_mut().skip(start).for_each(|width| *width = widest);
        }
        widths
    }

    fn item(&mut self, item: &Item, connection_width: usize) {
        match &item.kind {
            ItemKind::Environments(names) => {
                let names: Vec<&str> = names.iter().map(|name| &*name.text).collect();
                self.push(&format!("environments {{ {} }}", names.join(" ")));
            }
            ItemKind::Connection(connection) => {
                let name = format!("{}:", connection.name);
                self.push(&format!("connection {name:connection_width$} {}", connection.integration));
            }
            ItemKind::Import(import) => {
                let from = self.text_line(&import.from);
                self.push(&format!("import schema {} from {from}", import.name));
            }
            ItemKind::Schema(schema) => self.schema(schema),
            ItemKind::Event(event) => self.push(&format!("event {}: {}", event.pattern.text, event.schema)),
            ItemKind::Const(one) => self.constant(one),
            ItemKind::List(list) => {
                let from = list.from.as_ref().map(|from| format!(" from {}", self.text_line(from)));
                self.push(&format!("list {}{}", list.name, from.unwrap_or_default()));
            }
            ItemKind::Predicate(predicate) => self.predicate(predicate),
            ItemKind::Policy(policy) => self.policy(policy),
            ItemKind::Schedule(schedule) => self.schedule(schedule),
            ItemKind::Rule(rule) => self.rule(rule),
            ItemKind::Group(group) => self.group(group, item.span),
            ItemKind::Test(test) => self.test(test, item.span),
            ItemKind::Broken => {}
        }
    }

    fn schema(&mut self, schema: &Schema) {
        let open = if schema.open.is_some() { " open" } else { "" };
        self.push(&format!("schema {}{open} ", schema.name));
        let flat: Vec<String> = schema.record.fields.iter().map(|field| self.flat_type(&field.ty)).collect();
        if flat.is_empty() && !self.has_comment(schema.record.span, |_| true) {
            self.push("{}");
        } else {
            self.record_type(&schema.record);
        }
    }

    fn constant(&mut self, one: &Const) {
        self.push(&format!("const {} = ", one.name));
        self.expr(&one.value, 0);
    }

    fn param(&self, param: &Param) -> String {
        format!("({}: {})", param.name, self.flat_type(&param.ty))
    }

    fn predicate(&mut self, predicate: &Predicate) {
        let head = format!("predicate {}{} =", predicate.name, self.param(&predicate.param));
        self.push(&head);
        let body = &predicate.body;
        let flat = self.can_be_flat(body).then(|| self.flat(body));
        let brackets = matches!(
            body.kind,
            crate::ast::ExprKind::Connective { .. } | crate::ast::ExprKind::Quantifier { .. }
        );
        let lines = flat.as_ref().is_none_or(|flat| !self.fits(flat, 1)) && !brackets;
        if lines {
            self.deeper(|me| {
                me.line();
                me.expr(body, 0);
            });
        } else {
            self.push(" ");
            self.expr(body, 0);
        }
    }

    fn policy(&mut self, policy: &Policy) {
        let param = policy.param.as_ref().map(|param| self.param(param)).unwrap_or_default();
        self.push(&format!("policy {}{param} ", policy.name));
        self.record(&policy.settings, 0);
    }

    fn schedule(&mut self, schedule: &Schedule) {
        let hours: Vec<String> = schedule.hours.iter().map(hours).collect();
        let zone = format!("in {}", self.text_line(&schedule.zone));
        let days: Vec<&str> = schedule.except.iter().map(|day| &*day.node).collect();
        let except = if days.is_empty() { String::new() } else { format!(" except {}", days.join(", ")) };
        let head = format!("schedule {} =", schedule.name);
        let flat = format!("{head} {} {zone}{except}", hours.join(", "));
        if width(&flat) <= WIDTH {
            self.push(&flat);
            return;
        }
        self.push(&head);
        self.deeper(|me| {
            for (at, one) in hours.iter().enumerate() {
                me.line();
                me.push(one);
                me.push(if at + 1 < hours.len() { "," } else { "" });
            }
            me.line();
            me.push(&zone);
            if !days.is_empty() {
                me.line();
                me.push("except ");
                for (at, day) in days.iter().enumerate() {
                    let more = if at + 1 < days.len() { "," } else { "" };
                    let text = format!("{day}{more}");
                    if at > 0 && me.column() + 1 + width(&text) > WIDTH {
                        me.deeper(Printer::line);
                    } else if at > 0 {
                        me.push(" ");
                    }
                    me.push(&text);
                }
            }
        });
    }

    /// Where the first comment before `start` stands that is not printed yet.
    fn next_comment_before(&self, start: u32) -> Option<u32> {
        let mut open = self.comments.iter().skip(self.done);
        open.find(|(span, used)| !used && span.start < start).map(|(span, _)| span.start)
    }

    /// `resource "…"` and the like.
    pub(super) fn word_and_text(&mut self, word: &str, text: &Text, first: bool) {
        self.lead_with(text.span, first, &|_| false);
        let text_line = self.text_line(text);
        self.push(&format!("{word} {text_line}"));
        self.trail(text.span.end);
    }

    /// The line of a field of a schema.
    pub(super) fn lead_field(
        &mut self,
        field: &crate::ast::FieldType,
        first: bool,
        placed: &dyn Fn(u32) -> bool,
    ) {
        self.lead(field.span, &field.docs, first, placed);
    }
}

/// Whether a blank line always stands between two items: around what has lines of its own.
fn apart(before: Option<&Item>, item: &Item) -> bool {
    let large = |item: &Item| {
        matches!(item.kind, ItemKind::Rule(_) | ItemKind::Group(_) | ItemKind::Test(_) | ItemKind::Schema(_))
    };
    let same = |one: &Item| std::mem::discriminant(&one.kind) == std::mem::discriminant(&item.kind);
    match before {
        // Below the edition.
        None => true,
        Some(before) => large(before) || large(item) || (before.span == Span::default() && !same(before)),
    }
}

/// `weekdays 09:00 to 18:00`
fn hours(hours: &Hours) -> String {
    let day = |day: u8| {
        let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        names.get(usize::from(day)).copied().unwrap_or("monday")
    };
    let days = match hours.days {
        Days::Weekdays => "weekdays".to_owned(),
        Days::Weekends => "weekends".to_owned(),
        Days::Every => "every day".to_owned(),
        Days::One(one) => day(one).to_owned(),
        Days::Range(one, two) => format!("{} to {}", day(one), day(two)),
    };
    let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    format!("{days} {} to {}", time(hours.from.node), time(hours.to.node))
}
