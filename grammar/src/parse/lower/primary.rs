//! Values: literals, names, lists, records and what is read from them.

use super::{Lowering, broken};
use crate::{
    ast::{ChooseArm, ConnectiveKind, Entry, Expr, ExprKind, QuantifierKind, Record},
    parse::{
        errors,
        habits::Foreign,
        limits::{LIST_ITEMS_MAX, RECORD_FIELDS_MAX},
        rules::{Node, Rule},
    },
    span::{Ident, Span},
};

impl Lowering<'_> {
    pub(super) fn postfix(&mut self, node: Node<'_>, depth: usize) -> Expr {
        let span = self.span(&node);
        let mut links = node.clone().into_inner().count().saturating_sub(1);
        if !self.has_room(span, depth, links) {
            return broken(span);
        }
        let mut value = None;
        for child in node.into_inner() {
            let at = depth + links;
            let Some(base) = value.take() else {
                value = Some(self.primary(child, at));
                continue;
            };
            links = links.saturating_sub(1);
            value = Some(match child.as_rule() {
                Rule::dot | Rule::safe_dot => self.dot(base, &child),
                Rule::index => self.index(base, &child, at),
                Rule::call => self.call(base, &child, at),
                _ => base,
            });
        }
        value.unwrap_or_else(|| broken(span))
    }

    /// `base.name`, `base."name"`, and the habits `base.0` and `base?.name`.
    fn dot(&mut self, base: Expr, node: &Node<'_>) -> Expr {
        let span = base.span.to(self.span(node));
        let mut field = None;
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::name => field = Some((self.ident(&child), false)),
                Rule::plain_text | Rule::odd_text => field = Some((self.quoted_name(&child), true)),
                Rule::digit_name => {
                    let place = self.span(node);
                    let digits = self.ident(&child);
                    if digits.bytes().all(|digit| digit.is_ascii_digit()) {
                        self.report(errors::name::index_by_dot(place, &digits));
                        let kind = ExprKind::Int(digits.text);
                        let index = Box::new(Expr { kind, span: digits.span });
                        return Expr { kind: ExprKind::Index { base: Box::new(base), index }, span };
                    }
                    self.report(errors::name::needs_quotes(digits.span, &digits));
                    field = Some((digits, true));
                }
                _ => {}
            }
        }
        if node.as_rule() == Rule::safe_dot {
            let place = self.span(node);
            self.habit(Span { end: place.start + 2, ..place }, Foreign::Dot);
        }
        match field {
            Some((name, quoted)) => {
                Expr { kind: ExprKind::Field { base: Box::new(base), name, quoted }, span }
            }
            None => broken(span),
        }
    }

    fn index(&mut self, base: Expr, node: &Node<'_>, depth: usize) -> Expr {
        let span = base.span.to(self.span(node));
        let index = self.inner_expr(node, depth + 1);
        if let ExprKind::Negate(inner) = &index.kind
            && matches!(inner.kind, ExprKind::Int(_))
        {
            let one = matches!(&inner.kind, ExprKind::Int(digits) if &**digits == "1");
            let place = self.span(node);
            self.report(errors::name::index_from_the_end(place, index.span, one));
        }
        Expr { kind: ExprKind::Index { base: Box::new(base), index: Box::new(index) }, span }
    }

    fn primary(&mut self, node: Node<'_>, depth: usize) -> Expr {
        let span = self.span(&node);
        let Some(inner) = node.into_inner().next() else { return broken(span) };
        match inner.as_rule() {
            Rule::ident => Expr { kind: ExprKind::Name(self.ident(&inner)), span },
            Rule::paren => {
                let inside = Box::new(self.inner_expr(&inner, depth + 1));
                Expr { kind: ExprKind::Paren(inside), span }
            }
            Rule::list => self.list(&inner, depth),
            Rule::record => {
                let record = self.record(&inner, depth);
                Expr { kind: ExprKind::Record(record), span }
            }
            Rule::text | Rule::block_text | Rule::odd_text => {
                let text = self.text_at(&inner, depth);
                Expr { kind: ExprKind::Text(text), span }
            }
            Rule::connective => self.connective(&inner, depth),
            Rule::quantifier => self.deeper(span, |me| me.quantifier(&inner, depth)),
            Rule::choose_expr => self.choose(&inner, depth),
            Rule::each_expr => self.deeper(span, |me| me.each(&inner, depth)),
            _ => self.literal(&inner),
        }
    }

    /// `[a, b]`. Commas between values may have been forgotten.
    fn list(&mut self, node: &Node<'_>, depth: usize) -> Expr {
        let span = self.span(node);
        let items = self.values(node, depth);
        if items.len() > LIST_ITEMS_MAX {
            self.report(errors::limit::list(span.head(), items.len()));
        }
        Expr { kind: ExprKind::List(items), span }
    }

    /// The expressions of a list or of arguments; reports each that no comma precedes.
    pub(super) fn values(&mut self, node: &Node<'_>, depth: usize) -> Vec<Expr> {
        let mut values: Vec<Expr> = Vec::new();
        let mut comma = true;
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::comma => comma = true,
                Rule::expr => {
                    let value = self.logic(child, depth + 1);
                    if !comma && let Some(before) = values.last() {
                        self.report(errors::missing_comma(before.span, value.span));
                    }
                    comma = false;
                    values.push(value);
                }
                _ => {}
            }
        }
        values
    }

    /// `{ ..base, key: value }`.
    pub(super) fn record(&mut self, node: &Node<'_>, depth: usize) -> Record {
        let span = self.span(node);
        let mut entries = Vec::new();
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::spread => {
                    let base = child.into_inner().find(|part| part.as_rule() == Rule::postfix);
                    entries.extend(base.map(|base| Entry::Spread(self.postfix(base, depth + 1))));
                }
                Rule::entry => {
                    let key = self.key_of(&child);
                    let value = self.inner_expr(&child, depth + 1);
                    entries.push(Entry::Field { key, value });
                }
                _ => {}
            }
        }
        if entries.len() > RECORD_FIELDS_MAX {
            self.report(errors::limit::record(span.head(), entries.len()));
        }
        Record { entries, span }
    }

    /// The key of an entry or a field; reports `=` in the place of `:`.
    pub(super) fn key_of(&mut self, node: &Node<'_>) -> Ident {
        let mut key = self.nameless(self.span(node));
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::key => key = self.key(&child),
                Rule::equals_habit => {
                    let sign = self.span(&child);
                    self.report(errors::field_with_equals(key.span, sign));
                }
                _ => {}
            }
        }
        key
    }

    fn key(&mut self, node: &Node<'_>) -> Ident {
        let Some(inner) = node.clone().into_inner().next() else { return self.nameless(self.span(node)) };
        match inner.as_rule() {
            Rule::plain_text | Rule::odd_text => self.quoted_name(&inner),
            Rule::hyphen_name => {
                let name = self.ident(&inner);
                self.report(errors::name::needs_quotes(name.span, &name));
                name
            }
            _ => self.ident(&inner),
        }
    }

    fn connective(&mut self, node: &Node<'_>, depth: usize) -> Expr {
        let span = self.span(node);
        let mut kind = ConnectiveKind::All;
        let mut items = broken(span);
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::any_of => kind = ConnectiveKind::Any,
                Rule::none_of => kind = ConnectiveKind::None,
                Rule::list => items = self.list(&child, depth + 1),
                Rule::ident => {
                    let name = self.ident(&child);
                    items = Expr { span: name.span, kind: ExprKind::Name(name) };
                }
                _ => {}
            }
        }
        Expr { kind: ExprKind::Connective { kind, items: Box::new(items) }, span }
    }

    fn quantifier(&mut self, node: &Node<'_>, depth: usize) -> Expr {
        let span = self.span(node);
        let mut kind = QuantifierKind::Any;
        let binding = self.named(node, Rule::ident);
        let (mut list, mut condition) = (broken(span), broken(span));
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::every => kind = QuantifierKind::Every,
                Rule::no => kind = QuantifierKind::No,
                Rule::all_habit => {
                    kind = QuantifierKind::Every;
                    let word = self.span(&child);
                    self.report(errors::branch::all_in(word));
                }
                Rule::chain => list = self.chain(child, depth + 1),
                Rule::condition => condition = self.inner_expr(&child, depth + 1),
                Rule::bare_condition => {
                    let inner = child.into_inner().next();
                    condition = inner.map_or(condition, |inner| self.chain(inner, depth + 1));
                    if let Some(inner) = self.bare.replace(span) {
                        self.report(errors::satisfies_without_parens(inner));
                    }
                }
                _ => {}
            }
        }
        self.check_binding(&binding);
        let (list, condition) = (Box::new(list), Box::new(condition));
        Expr { kind: ExprKind::Quantifier { kind, binding, list, condition }, span }
    }

    fn choose(&mut self, node: &Node<'_>, depth: usize) -> Expr {
        let span = self.span(node);
        let mut arms = Vec::new();
        let mut otherwise = None;
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::choose_arm => {
                    let parts = child.into_inner().filter(|part| part.as_rule() == Rule::expr);
                    let mut parts: Vec<Expr> = parts.map(|part| self.logic(part, depth + 1)).collect();
                    if let (Some(value), Some(condition)) = (parts.pop(), parts.pop()) {
                        arms.push(ChooseArm { condition, value });
                    }
                }
                Rule::choose_rest => otherwise = Some(Box::new(self.inner_expr(&child, depth + 1))),
                _ => {}
            }
        }
        if arms.is_empty() {
            self.report(errors::empty::choose(span));
            return broken(span);
        }
        Expr { kind: ExprKind::Choose { arms, otherwise }, span }
    }

    fn each(&mut self, node: &Node<'_>, depth: usize) -> Expr {
        let span = self.span(node);
        let binding = self.named(node, Rule::ident);
        self.check_binding(&binding);
        let mut filter = None;
        let mut chains = Vec::new();
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::chain => chains.push(self.chain(child, depth + 1)),
                Rule::where_ => filter = Some(Box::new(self.inner_expr(&child, depth + 1))),
                _ => {}
            }
        }
        let (Some(body), Some(list)) = (chains.pop(), chains.pop()) else { return broken(span) };
        let (list, body) = (Box::new(list), Box::new(body));
        Expr { kind: ExprKind::Each { binding, list, filter, body }, span }
    }
}
