//! Rules, groups, statements and tests.

use super::literal::key;
use super::record::Row;
use super::{Printer, place, width};
use crate::ast::{
    Arm, ChooseStatement, Deliver, ExpectCount, ExpectField, Expr, ExprKind, ForEach, GivenPayload, Group,
    Guard, Let, On, Otherwise, Rule, Statement, Step, StepKind, Test, With,
};
use crate::span::Span;

impl Printer<'_> {
    pub(super) fn rule(&mut self, rule: &Rule) {
        self.push(&format!("rule {} {{", rule.name));
        self.deeper(|me| {
            me.on(&rule.on);
            if let Some(resource) = &rule.resource {
                me.word_and_text("resource", resource, false);
            }
            if let Some(resource_id) = &rule.resource_id {
                me.word_and_text("resource_id", resource_id, false);
            }
            if let (Some(first), Some(last)) = (rule.only.first(), rule.only.last()) {
                let names: Vec<&str> = rule.only.iter().map(|name| &*name.text).collect();
                me.lead_with(first.span.to(last.span), false, &|_| false);
                me.push(&format!("only in {}", names.join(", ")));
                me.trail(last.span.end);
            }
            rule.lets.iter().for_each(|one| me.let_name(one));
            me.guard_lines(&rule.guard);
            if let Some(with) = &rule.with {
                me.lead_with(with.span, false, &|at| in_with(with, at));
                me.with(with);
                me.trail(with.span.end);
            }
            me.statements(&rule.body, false);
            me.rest(rule.span.end, false);
        });
        self.last = self.last.max(rule.span.end);
        self.line();
        self.push("}");
    }

    fn on(&mut self, on: &On) {
        self.lead_with(on.span, true, &|_| false);
        self.push("on ");
        let patterns: Vec<&str> = on.patterns.iter().map(|pattern| &*pattern.text).collect();
        let alias = on.alias.as_ref().map(|alias| format!(" as {alias}")).unwrap_or_default();
        let flat = format!("{}{alias}", patterns.join(", "));
        if self.fits(&flat, 0) {
            self.push(&flat);
        } else {
            self.deeper(|me| {
                for (at, pattern) in patterns.iter().enumerate() {
                    if at > 0 {
                        me.push(",");
                        me.line();
                    }
                    me.push(pattern);
                }
            });
            self.push(&alias);
        }
        self.trail(on.span.end);
    }

    fn let_name(&mut self, one: &Let) {
        let span = one.name.span.to(one.value.span);
        self.lead_with(span, false, &|at| place::in_expr(&one.value, at));
        self.push(&format!("let {} = ", one.name));
        self.expr(&one.value, 0);
        self.trail(span.end);
    }

    /// `when` and `unless` of a rule: on one line when they fit.
    fn guard_lines(&mut self, guard: &Guard) {
        let parts = in_order(guard);
        let Some((_, first)) = parts.first() else { return };
        let both = match parts.as_slice() {
            [_, (_, second)] => !self.word_starts_line(second) && self.guard_fits(&parts),
            _ => false,
        };
        if both {
            let span = parts.iter().fold(first.span, |span, (_, expr)| span.to(expr.span));
            self.lead_with(span, false, &|_| false);
            let flat = self.flat_guard(&parts);
            self.push(&flat);
            self.trail(span.end);
            return;
        }
        for (word, expr) in parts {
            self.lead_with(expr.span, false, &|at| place::in_expr(expr, at));
            self.push(&format!("{word} "));
            self.expr(expr, 0);
            self.trail(expr.span.end);
        }
    }

    /// Whether the author gave the second part of a guard a line of its own.
    fn word_starts_line(&self, second: &Expr) -> bool {
        let Some(source) = self.source else { return true };
        let before = source.text.get(..second.span.start as usize).unwrap_or_default().trim_end();
        let before = before.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        u32::try_from(before.len()).is_ok_and(|at| self.begins_line(at))
    }

    fn guard_fits(&self, parts: &[(&str, &Expr)]) -> bool {
        parts.iter().all(|(_, expr)| self.can_be_flat(expr))
            && self.indent + width(&self.flat_guard(parts)) <= super::WIDTH
    }

    fn flat_guard(&self, parts: &[(&str, &Expr)]) -> String {
        let parts: Vec<String> =
            parts.iter().map(|(word, expr)| format!("{word} {}", self.flat(expr))).collect();
        parts.join(" ")
    }

    /// ` when … unless …` behind something; `behind` columns follow.
    fn guard(&mut self, guard: &Guard, behind: usize) {
        for (word, expr) in in_order(guard) {
            self.push(&format!(" {word} "));
            self.deeper(|me| me.expr(expr, behind));
        }
    }

    fn with(&mut self, with: &With) {
        self.push("with");
        if let Some(policy) = &with.policy {
            let argument = with.argument.as_ref().map(|one| format!("({one})")).unwrap_or_default();
            self.push(&format!(" {policy}{argument}"));
        }
        if let Some(settings) = &with.settings {
            self.push(" ");
            self.record(settings, 0);
        }
    }

    pub(super) fn group(&mut self, group: &Group, span: Span) {
        self.push(&format!("group {} first_match {{", group.name));
        self.deeper(|me| {
            for (at, rule) in group.rules.iter().enumerate() {
                me.lead_block(rule.span, &rule.docs, at == 0);
                me.rule(rule);
                me.trail(rule.span.end);
            }
            if let Some(otherwise) = &group.otherwise {
                me.otherwise(otherwise, group.rules.is_empty());
            }
            me.rest(span.end, false);
        });
        self.last = self.last.max(span.end);
        self.line();
        self.push("}");
    }

    fn otherwise(&mut self, otherwise: &Otherwise, first: bool) {
        self.lead_block_head(otherwise.span, first);
        let alias = otherwise.alias.as_ref().map(|alias| format!(" as {alias}")).unwrap_or_default();
        self.push(&format!("otherwise{alias} "));
        self.block(&otherwise.body, otherwise.span.end);
        self.trail(otherwise.span.end);
    }

    fn lead_block_head(&mut self, span: Span, first: bool) {
        self.lead_block(span, &[], first);
    }

    /// `{ … }` with statements, up to the byte `end` of the source.
    fn block(&mut self, body: &[Statement], end: u32) {
        self.push("{");
        self.deeper(|me| {
            me.statements(body, true);
            me.rest(end, body.is_empty());
        });
        self.last = self.last.max(end);
        self.line();
        self.push("}");
    }

    fn statements(&mut self, body: &[Statement], first: bool) {
        for (at, statement) in body.iter().enumerate() {
            let first = first && at == 0;
            match statement {
                Statement::Deliver(deliver) => self.deliver(deliver, first),
                Statement::Choose(choose) => self.choose_statement(choose, first),
                Statement::ForEach(each) => self.for_each(each, first),
                Statement::Ignore(ignore) => {
                    self.lead_with(ignore.span, first, &|_| false);
                    let reason = ignore.reason.as_ref().map(|reason| format!(" {}", self.text_line(reason)));
                    self.push(&format!("ignore{}", reason.unwrap_or_default()));
                    self.trail(ignore.span.end);
                }
            }
        }
    }

    fn deliver(&mut self, deliver: &Deliver, first: bool) {
        self.lead_with(deliver.span, first, &|at| in_deliver(deliver, at));
        let label = deliver.label.as_ref().map(|label| format!(" as {label}")).unwrap_or_default();
        self.push(&format!("deliver {}.{}{label}", deliver.connection, deliver.action));
        self.guard(&deliver.guard, 2);
        let settings = deliver.with.as_ref().and_then(|with| with.settings.as_ref());
        let with = deliver.with.as_ref().map(|with| self.flat_with(with));
        if let Some(input) = &deliver.input {
            self.push(" ");
            // Settings that stay on the line want room on it.
            let tall = settings.is_some_and(|settings| self.record_is_tall(settings));
            let behind = with.as_ref().filter(|_| !tall).map_or(0, |with| width(with) + 1);
            self.record(input, behind);
        }
        if let Some(with) = &deliver.with {
            self.push(" ");
            self.with(with);
        }
        self.trail(deliver.span.end);
    }

    fn flat_with(&self, with: &With) -> String {
        let policy = with.policy.as_ref().map(|policy| format!(" {policy}")).unwrap_or_default();
        let argument = with.argument.as_ref().map(|one| format!("({one})")).unwrap_or_default();
        let settings = with.settings.as_ref().map(|settings| format!(" {}", self.flat_record(settings)));
        format!("with{policy}{argument}{}", settings.unwrap_or_default())
    }

    fn choose_statement(&mut self, choose: &ChooseStatement, first: bool) {
        self.lead_block_head(choose.span, first);
        self.push("choose {");
        self.deeper(|me| {
            for (at, arm) in choose.arms.iter().enumerate() {
                me.arm(arm, at == 0);
            }
            if let Some(otherwise) = &choose.otherwise {
                me.otherwise(otherwise, choose.arms.is_empty());
            }
            me.rest(choose.span.end, false);
        });
        self.last = self.last.max(choose.span.end);
        self.line();
        self.push("}");
        self.trail(choose.span.end);
    }

    fn arm(&mut self, arm: &Arm, first: bool) {
        let guards = |at| in_order(&arm.guard).iter().any(|(_, expr)| covers(expr.span, at));
        self.lead_with(arm.span, first, &|at| !guards(at) || in_guard(&arm.guard, at));
        let parts = in_order(&arm.guard);
        for (at, (word, expr)) in parts.into_iter().enumerate() {
            self.push(if at > 0 { " " } else { "" });
            self.push(&format!("{word} "));
            self.expr(expr, 2);
        }
        self.push(" ");
        self.block(&arm.body, arm.span.end);
        self.trail(arm.span.end);
    }

    fn for_each(&mut self, each: &ForEach, first: bool) {
        self.lead_block_head(each.span, first);
        self.push(&format!("for each {} in ", each.binding));
        self.expr(&each.list, 2);
        if let Some(filter) = &each.filter {
            self.push(" where ");
            self.expr(filter, 2);
        }
        if let Some(limit) = &each.limit {
            let limit = self.number(limit.span, &limit.node.to_string(), "");
            self.push(&format!(" limit {limit}"));
        }
        self.push(" ");
        self.block(&each.body, each.span.end);
        self.trail(each.span.end);
    }

    pub(super) fn test(&mut self, test: &Test, span: Span) {
        let title = self.text_line(&test.title);
        self.push(&format!("test {title} {{"));
        self.deeper(|me| {
            let mut first = true;
            if let Some(environment) = &test.environment {
                me.lead_block(environment.span, &[], first);
                me.push(&format!("in {environment}"));
                me.trail(environment.span.end);
                first = false;
            }
            if let Some(at) = &test.at {
                me.lead_block(at.span, &[], first);
                me.push(&format!("at {}", at.node));
                me.trail(at.span.end);
                first = false;
            }
            for step in &test.steps {
                me.lead_with(step.span, first, &|at| in_step(step, at));
                me.step(step);
                me.trail(step.span.end);
                first = false;
            }
            me.rest(span.end, false);
        });
        self.last = self.last.max(span.end);
        self.line();
        self.push("}");
    }

    fn step(&mut self, step: &Step) {
        match &step.kind {
            StepKind::Given { event, resource, resource_id, payload } => {
                self.push(&format!("given {}", event.text));
                for (word, text) in [("resource", resource), ("resource_id", resource_id)] {
                    if let Some(text) = text {
                        let text = self.text_line(text);
                        self.push(&format!(" {word} {text}"));
                    }
                }
                self.push(" ");
                match payload {
                    GivenPayload::Inline(record) => self.record(record, 0),
                    GivenPayload::From(file) => {
                        let file = self.text_line(file);
                        self.push(&format!("from {file}"));
                    }
                }
            }
            StepKind::After(millis) => {
                let length = self.duration(millis.span, millis.node);
                self.push(&format!("after {length}"));
            }
            StepKind::ExpectNothing => self.push("expect nothing"),
            StepKind::ExpectNothingElse => self.push("expect nothing else"),
            StepKind::ExpectRule { rule, matched } => {
                let answer = if *matched { "matched" } else { "skipped" };
                self.push(&format!("expect rule {rule} {answer}"));
            }
            StepKind::ExpectDelivery { count, connection, action, fields } => {
                let count = match count {
                    ExpectCount::AtLeastOne => String::new(),
                    ExpectCount::None => "no ".to_owned(),
                    ExpectCount::Exactly(number) => format!("{number} "),
                };
                self.push(&format!("expect {count}{connection}.{action}"));
                if !fields.is_empty() {
                    self.push(" ");
                    self.expected(fields, step.span.end);
                }
            }
        }
    }

    fn expected(&mut self, fields: &[ExpectField], end: u32) {
        let tall = fields.first().is_some_and(|field| self.begins_line(field.key.span.start))
            || fields.iter().any(|field| !self.can_be_flat(&field.test));
        let flat: Vec<String> = fields.iter().map(|field| self.expected_field(field)).collect();
        let flat = format!("{{ {} }}", flat.join(", "));
        let start = fields.first().map_or(end, |field| field.key.span.start);
        let comments = self.has_comment(Span { end, ..field_span(fields) }, |at| at >= start);
        if !tall && !comments && self.fits(&flat, 0) {
            self.push(&flat);
            return;
        }
        let head =
            |field: &ExpectField| if field.colon { format!("{}:", key(&field.key)) } else { String::new() };
        let rows: Vec<Row> = fields
            .iter()
            .map(|field| Row { head: head(field), span: field.key.span.to(field.test.span) })
            .collect();
        let widths = self.aligned(&rows);
        self.push("{");
        self.deeper(|me| {
            for (at, (field, (row, head))) in fields.iter().zip(rows.iter().zip(&widths)).enumerate() {
                me.lead_with(row.span, at == 0, &|at| place::in_expr(&field.test, at));
                match (&field.test.kind, field.colon) {
                    (ExprKind::Compare { right, .. }, true) => {
                        me.push(&format!("{:head$} ", row.head));
                        me.expr(right, 0);
                    }
                    _ => {
                        let flat = me.expected_field(field);
                        me.push(&flat);
                    }
                }
                me.trail(row.span.end);
            }
            me.rest(end, false);
        });
        self.last = self.last.max(end);
        self.line();
        self.push("}");
    }

    fn expected_field(&self, field: &ExpectField) -> String {
        match &field.test.kind {
            ExprKind::Compare { right, .. } if field.colon => {
                format!("{}: {}", key(&field.key), self.flat(right))
            }
            _ => format!("{} {}", key(&field.key), self.flat_tail(&field.test)),
        }
    }
}

fn field_span(fields: &[ExpectField]) -> Span {
    fields.first().map(|field| field.key.span).unwrap_or_default()
}

/// `when` and `unless` in the order in which they were written.
fn in_order(guard: &Guard) -> Vec<(&'static str, &Expr)> {
    let when = guard.when.as_ref().map(|expr| ("when", expr));
    let unless = guard.unless.as_ref().map(|expr| ("unless", expr));
    let (one, two) = if guard.unless_first { (unless, when) } else { (when, unless) };
    one.into_iter().chain(two).collect()
}

fn in_guard(guard: &Guard, at: u32) -> bool {
    in_order(guard).iter().any(|(_, expr)| covers(expr.span, at) && place::in_expr(expr, at))
}

fn in_with(with: &With, at: u32) -> bool {
    with.settings.as_ref().is_some_and(|settings| place::in_record(settings, at))
}

fn in_deliver(deliver: &Deliver, at: u32) -> bool {
    in_guard(&deliver.guard, at)
        || deliver.input.as_ref().is_some_and(|input| place::in_record(input, at))
        || deliver.with.as_ref().is_some_and(|with| in_with(with, at))
}

fn in_step(step: &Step, at: u32) -> bool {
    match &step.kind {
        StepKind::Given { payload: GivenPayload::Inline(record), .. } => place::in_record(record, at),
        StepKind::ExpectDelivery { fields, .. } => {
            let first = fields.first().map_or(u32::MAX, |field| field.key.span.start);
            let inside = |field: &ExpectField| covers(field.key.span.to(field.test.span), at);
            match fields.iter().find(|field| inside(field)) {
                Some(field) => place::in_expr(&field.test, at),
                None => at >= first && covers(step.span, at),
            }
        }
        _ => false,
    }
}

fn covers(span: Span, at: u32) -> bool {
    span.start <= at && at < span.end
}
