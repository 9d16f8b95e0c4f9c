//! Checked trees by hand, for unit tests of what comes after the checker.

use std::sync::Arc;

use grammar::Span;
use grammar::ast::QuantifierKind;

use crate::event::Event;
use crate::hir::{
    Comparison, Cond, CondKind, Connection, ConnectionId, Container, Deliver, DeliveryKey, End, EventPattern,
    Expr, GroupId, Input, LocalId, Needles, Path, PathId, Program, Rule, Segment, Selection, Set, Settings,
    Statement,
};
use crate::pattern::ConstantSet;
use crate::ternary::Ternary;
use crate::value::{Value, parse_number};

/// A program being written.
#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) program: Program,
}

impl Writer {
    /// A payload path such as `a.b`; the empty text is the payload.
    pub(crate) fn read(&mut self, path: &str) -> Expr {
        let names: Vec<Box<str>> = path.split('.').filter(|name| !name.is_empty()).map(Box::from).collect();
        let path = Path(names.into());
        let at = self.program.paths.iter().position(|known| *known == path).unwrap_or_else(|| {
            self.program.paths.push(path);
            self.program.paths.len() - 1
        });
        Expr::Read(PathId(u32::try_from(at).unwrap()))
    }

    /// A rule on `t` that delivers nothing.
    pub(crate) fn rule(&mut self, name: &str, condition: Cond) -> &mut Rule {
        self.program.rules.push(Rule {
            name: name.into(),
            description: "".into(),
            span: Span::default(),
            selects: Selection { patterns: [pattern("t")].into(), resource: None, resource_id: None },
            group: None,
            lets: Vec::new(),
            locals: 4,
            condition,
            body: Vec::new(),
        });
        self.program.rules.last_mut().unwrap()
    }

    /// The connection `out`, a webhook.
    pub(crate) fn connection(&mut self) -> ConnectionId {
        if self.program.connections.is_empty() {
            let span = Span::default();
            self.program.connections.push(Connection {
                name: "out".into(),
                integration: "webhook".into(),
                span,
            });
        }
        ConnectionId(0)
    }

    /// A delivery to `out.send`.
    pub(crate) fn deliver(&mut self, position: u32, input: Input) -> Statement {
        self.deliver_with(position, input, Settings::default())
    }

    pub(crate) fn deliver_with(&mut self, position: u32, input: Input, settings: Settings) -> Statement {
        Statement::Deliver(Box::new(Deliver {
            connection: self.connection(),
            action: "send".into(),
            key: DeliveryKey::Position(position),
            condition: None,
            input,
            settings: Arc::new(settings),
            span: Span::default(),
        }))
    }

    /// Puts the rules from `first` on into a group.
    pub(crate) fn group(&mut self, first: usize, otherwise: Option<Vec<Statement>>) {
        let id = GroupId(u32::try_from(self.program.groups.len()).unwrap());
        let ids = (first..self.program.rules.len()).map(|at| crate::hir::RuleId(u32::try_from(at).unwrap()));
        self.program.groups.push(crate::hir::Group {
            name: format!("group_{}", id.0).into(),
            span: Span::default(),
            rules: ids.collect(),
            otherwise: otherwise.map(|body| crate::hir::Otherwise { locals: 4, body }),
        });
        self.program.rules[first..].iter_mut().for_each(|rule| rule.group = Some(id));
    }
}

pub(crate) fn pattern(text: &str) -> EventPattern {
    let segment = |part: &str| match part {
        "*" => Segment::One,
        "**" => Segment::Rest,
        word => Segment::Word(word.into()),
    };
    EventPattern { text: text.into(), segments: text.split('.').map(segment).collect() }
}

pub(crate) fn cond(kind: CondKind) -> Cond {
    Cond { kind, span: Span::default() }
}

pub(crate) fn yes() -> Cond {
    cond(CondKind::Constant(Ternary::Yes))
}

pub(crate) fn text(text: &'static str) -> Expr {
    Expr::Constant(Value::text(text))
}

pub(crate) fn number(digits: &'static str) -> Expr {
    Expr::Constant(parse_number(digits))
}

pub(crate) fn is(left: Expr, right: Expr) -> Cond {
    compare(Comparison::Equal, left, right)
}

pub(crate) fn compare(op: Comparison, left: Expr, right: Expr) -> Cond {
    cond(CondKind::Compare { op, left, right, fold: false })
}

pub(crate) fn not(inner: Cond) -> Cond {
    cond(CondKind::Not(Box::new(inner)))
}

pub(crate) fn within(subject: Expr, values: Vec<Value<'static>>) -> Cond {
    let set = Set::Constant(Arc::new(ConstantSet::new(values, true, false)));
    cond(CondKind::In { subject, set, fold: false })
}

pub(crate) fn contains(subject: Expr, needle: Expr, container: Container) -> Cond {
    cond(CondKind::Contains { subject, needles: Needles::One(needle), container, fold: false })
}

pub(crate) fn starts(subject: Expr, needle: Expr) -> Cond {
    cond(CondKind::Affix { end: End::Start, subject, needles: Needles::One(needle), fold: false })
}

pub(crate) fn quantifier(kind: QuantifierKind, local: u16, list: Expr, condition: Cond) -> Cond {
    cond(CondKind::Quantifier { kind, local: LocalId(local), list, condition: Box::new(condition) })
}

pub(crate) fn local(local: u16) -> Expr {
    Expr::Local(LocalId(local))
}

pub(crate) fn field(record: Expr, name: &str) -> Expr {
    Expr::Field(Box::new(record), name.into())
}

/// An event of type `t`.
pub(crate) fn event(payload: &str) -> Event<'_> {
    let time = jiff::Timestamp::UNIX_EPOCH;
    Event {
        id: "e-1",
        kind: "t",
        resource: None,
        resource_id: None,
        time,
        received_at: time,
        payload: payload.as_bytes(),
    }
}
