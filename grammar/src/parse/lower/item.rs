//! Items of a file.

use super::Lowering;
use crate::{
    ast::{
        Connection, Const, Days, EventDecl, Hours, Import, ItemKind, OutsideList, Param, Pattern, Policy,
        Predicate, Schedule, Schema, Text,
    },
    parse::{
        errors,
        rules::{Node, Rule},
    },
    span::{Ident, Span},
};

/// Names that mean something everywhere.
const TAKEN: &[&str] = &["event"];

impl Lowering<'_> {
    pub(super) fn item(&mut self, node: Node<'_>) -> ItemKind {
        match node.as_rule() {
            Rule::environments => ItemKind::Environments(self.idents(&node)),
            Rule::connection => self.connection(&node),
            Rule::import_schema => ItemKind::Import(Import {
                name: self.named(&node, Rule::ident),
                from: self.required_text(&node, "the name of a file"),
            }),
            Rule::schema => self.schema(&node),
            Rule::event_decl => self.event(&node),
            Rule::const_decl => ItemKind::Const(Const {
                name: self.named(&node, Rule::ident),
                value: self.inner_expr(&node, 0),
            }),
            Rule::outside_list => ItemKind::List(OutsideList {
                name: self.named(&node, Rule::ident),
                from: self.fixed_text_in(&node, "the name of a file"),
            }),
            Rule::predicate => self.predicate(&node),
            Rule::policy => self.policy(&node),
            Rule::schedule => self.schedule(&node),
            Rule::rule_item => ItemKind::Rule(self.rule(&node)),
            Rule::group => ItemKind::Group(self.group(&node)),
            Rule::test => ItemKind::Test(self.test(&node)),
            _ => ItemKind::Broken,
        }
    }

    pub(super) fn idents(&self, node: &Node<'_>) -> Vec<Ident> {
        let names = node.clone().into_inner().filter(|child| child.as_rule() == Rule::ident);
        names.map(|child| self.ident(&child)).collect()
    }

    pub(super) fn required_text(&mut self, node: &Node<'_>, what: &str) -> Text {
        let span = self.span(node);
        self.fixed_text_in(node, what).unwrap_or(Text { parts: vec![], block: false, span: span.tail() })
    }

    pub(super) fn pattern(&self, node: &Node<'_>) -> Pattern {
        Pattern { text: node.as_str().into(), span: self.span(node) }
    }

    pub(super) fn pattern_in(&self, node: &Node<'_>) -> Pattern {
        let child = node.clone().into_inner().find(|child| child.as_rule() == Rule::pattern);
        match child {
            Some(child) => self.pattern(&child),
            None => Pattern { text: "".into(), span: self.span(node).tail() },
        }
    }

    /// Reports a name that is always there, such as `event`, taken for something else.
    pub(super) fn check_binding(&mut self, name: &Ident) {
        if TAKEN.contains(&&*name.text) {
            self.report(errors::name::taken(name.span, name));
        }
    }

    /// Reports `=` in the place of `:`; `before` is what stands before it.
    fn check_colon(&mut self, node: &Node<'_>, before: Span) {
        let sign = node.clone().into_inner().find(|child| child.as_rule() == Rule::equals_habit);
        if let Some(sign) = sign {
            let sign = self.span(&sign);
            self.report(errors::field_with_equals(before, sign));
        }
    }

    fn connection(&mut self, node: &Node<'_>) -> ItemKind {
        let mut names = self.idents(node).into_iter();
        let span = self.span(node);
        let name = names.next().unwrap_or_else(|| self.nameless(span));
        let integration = names.next().unwrap_or_else(|| self.nameless(span));
        self.check_colon(node, name.span);
        ItemKind::Connection(Connection { name, integration })
    }

    fn schema(&mut self, node: &Node<'_>) -> ItemKind {
        let name = self.named(node, Rule::ident);
        let (mut open, mut record) = (None, None);
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::open => open = Some(self.span(&child)),
                Rule::record_type => record = Some(self.record_type(&child)),
                _ => {}
            }
        }
        match record {
            Some(record) => ItemKind::Schema(Schema { name, open, record }),
            None => ItemKind::Broken,
        }
    }

    fn event(&mut self, node: &Node<'_>) -> ItemKind {
        let pattern = self.pattern_in(node);
        self.check_colon(node, pattern.span);
        ItemKind::Event(EventDecl { pattern, schema: self.named(node, Rule::ident) })
    }

    fn predicate(&mut self, node: &Node<'_>) -> ItemKind {
        let name = self.named(node, Rule::ident);
        match self.param_in(node) {
            Some(param) => ItemKind::Predicate(Predicate { name, param, body: self.inner_expr(node, 0) }),
            None => ItemKind::Broken,
        }
    }

    fn policy(&mut self, node: &Node<'_>) -> ItemKind {
        let name = self.named(node, Rule::ident);
        let param = self.param_in(node);
        let record = node.clone().into_inner().find(|child| child.as_rule() == Rule::record);
        match record {
            Some(record) => ItemKind::Policy(Policy { name, param, settings: self.record(&record, 0) }),
            None => ItemKind::Broken,
        }
    }

    fn param_in(&mut self, node: &Node<'_>) -> Option<Param> {
        let param = node.clone().into_inner().find(|child| child.as_rule() == Rule::param)?;
        let name = self.named(&param, Rule::ident);
        self.check_binding(&name);
        let ty = param.into_inner().find(|child| child.as_rule() == Rule::type_expr)?;
        Some(Param { name, ty: self.type_expr(ty) })
    }

    fn schedule(&mut self, node: &Node<'_>) -> ItemKind {
        let name = self.named(node, Rule::ident);
        let zone = self.required_text(node, "the name of a time zone");
        let (mut hours, mut except) = (Vec::new(), Vec::new());
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::hours => hours.push(self.hours(&child)),
                Rule::except => {
                    let dates = child.into_inner();
                    let dates = dates.filter(|date| matches!(date.as_rule(), Rule::date | Rule::odd_date));
                    except.extend(dates.map(|date| self.date_of(&date)));
                }
                _ => {}
            }
        }
        ItemKind::Schedule(Schedule { name, hours, zone, except })
    }

    fn hours(&mut self, node: &Node<'_>) -> Hours {
        let span = self.span(node);
        let mut days = Days::Every;
        let mut times = Vec::new();
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::days => days = days_of(&child),
                Rule::time | Rule::odd_time => {
                    let closing = !times.is_empty();
                    times.push(self.time(&child, closing));
                }
                _ => {}
            }
        }
        let nowhere = crate::span::Spanned { node: 0, span: span.tail() };
        let to = times.pop().unwrap_or_else(|| nowhere.clone());
        let from = times.pop().unwrap_or(nowhere);
        Hours { days, from, to, span }
    }
}

fn days_of(node: &Node<'_>) -> Days {
    let mut range = Vec::new();
    for child in node.clone().into_inner() {
        match child.as_rule() {
            Rule::kw_weekdays => return Days::Weekdays,
            Rule::kw_weekends => return Days::Weekends,
            Rule::kw_every => return Days::Every,
            Rule::day => range.push(day_of(&child)),
            _ => {}
        }
    }
    match range.as_slice() {
        [first, last] => Days::Range(*first, *last),
        [day] => Days::One(*day),
        _ => Days::Every,
    }
}

/// Monday is 0.
fn day_of(node: &Node<'_>) -> u8 {
    match node.clone().into_inner().next().map(|day| day.as_rule()) {
        Some(Rule::kw_tuesday) => 1,
        Some(Rule::kw_wednesday) => 2,
        Some(Rule::kw_thursday) => 3,
        Some(Rule::kw_friday) => 4,
        Some(Rule::kw_saturday) => 5,
        Some(Rule::kw_sunday) => 6,
        _ => 0,
    }
}
