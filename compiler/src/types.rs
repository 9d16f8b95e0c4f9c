//! Types as the checker knows them.

use std::sync::Arc;

use grammar::Span;

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Anything: what an event without a schema gives.
    Any,
    /// A string.
    Text,
    /// One of these strings.
    OneOf(Arc<[Box<str>]>),
    /// An integer that fits i64.
    Int,
    /// A number of at most 28 significant digits.
    Decimal,
    /// `true`, `false`.
    Bool,
    /// A string of that form; also text.
    Email,
    /// A string of that form; also text.
    Url,
    /// A string of that form; also text.
    Uuid,
    /// A string that is an address.
    Ip,
    /// A string that is a network.
    Cidr,
    /// An RFC 3339 string with an offset.
    DateTime,
    /// `YYYY-MM-DD`.
    Date,
    /// An ISO 8601 string.
    Duration,
    /// A JSON array.
    List {
        /// The elements.
        of: Arc<Type>,
        /// The most elements.
        limit: Option<u64>,
    },
    /// A JSON object with free keys.
    Map(Arc<Type>),
    /// A JSON object.
    Record(Arc<RecordType>),
    /// Or missing, or null. Never nested.
    Optional(Arc<Type>),
    /// The literal `null`.
    Null,
    /// A schedule; only in consts, `in` and settings.
    Schedule,
    /// What a mistake leaves behind. It fits everywhere, so one mistake gives one message.
    Broken,
}

/// The fields of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordType {
    /// The schema's name, for messages.
    pub name: Option<Box<str>>,
    /// In written order.
    pub fields: Vec<FieldType>,
    /// Whether other fields may be there; they are `any`.
    pub open: bool,
    /// Where it was declared.
    pub span: Option<Span>,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldType {
    /// Its name.
    pub name: Box<str>,
    /// Its type.
    pub ty: Type,
    /// Whether its value is masked and must not reach a chat.
    pub sensitive: bool,
    /// What to use instead, when it is deprecated.
    pub deprecated: Option<Box<str>>,
    /// Its description.
    pub docs: Box<str>,
    /// Where its name was declared.
    pub span: Option<Span>,
    /// Where its type was declared.
    pub type_span: Option<Span>,
}

/// The kinds of values that can be told apart while running; types of one kind compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Not known while compiling.
    Any,
    /// Text and its kin.
    Text,
    /// `int`, `decimal`.
    Number,
    /// `bool`.
    Bool,
    /// `datetime`.
    Instant,
    /// `date`.
    Date,
    /// `duration`.
    Duration,
    /// A list.
    List,
    /// Records and maps.
    Record,
    /// `null`.
    Null,
    /// A schedule.
    Schedule,
}

impl Kind {
    /// The kind with its article, for messages: `a number`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Any => "a value without a declared type",
            Self::Text => "text",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Instant => "a time",
            Self::Date => "a day",
            Self::Duration => "a length of time",
            Self::List => "a list",
            Self::Record => "a record",
            Self::Null => "null",
            Self::Schedule => "a schedule",
        }
    }

    /// Whether `<` and its kin have an answer for two values of it.
    #[must_use]
    pub fn has_order(self) -> bool {
        matches!(self, Self::Any | Self::Number | Self::Instant | Self::Date | Self::Duration)
    }
}

impl Type {
    /// The type with a `?`. `any`, `null` and broken types are unchanged: they may be missing anyway.
    #[must_use]
    pub fn optional(self) -> Self {
        match self {
            Self::Optional(_) | Self::Any | Self::Null | Self::Broken => self,
            other => Self::Optional(Arc::new(other)),
        }
    }

    /// The type without its `?`.
    #[must_use]
    pub fn required(&self) -> &Self {
        match self {
            Self::Optional(inner) => inner,
            other => other,
        }
    }

    /// Whether it ends in `?`, or is `null`.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        matches!(self, Self::Optional(_) | Self::Null)
    }

    /// Whether it is only known while running.
    #[must_use]
    pub fn is_unchecked(&self) -> bool {
        matches!(self, Self::Any | Self::Broken)
    }

    /// Whether a mistake was reported about it already.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        matches!(self.required(), Self::Broken)
    }

    /// The kind of its values, its `?` aside.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.required() {
            Self::Any | Self::Broken | Self::Optional(_) => Kind::Any,
            Self::Text | Self::OneOf(_) | Self::Email | Self::Url | Self::Uuid | Self::Ip | Self::Cidr => {
                Kind::Text
            }
            Self::Int | Self::Decimal => Kind::Number,
            Self::Bool => Kind::Bool,
            Self::DateTime => Kind::Instant,
            Self::Date => Kind::Date,
            Self::Duration => Kind::Duration,
            Self::List { .. } => Kind::List,
            Self::Map(_) | Self::Record(_) => Kind::Record,
            Self::Null => Kind::Null,
            Self::Schedule => Kind::Schedule,
        }
    }

    /// The elements' type of a list; `any` of an unchecked value.
    #[must_use]
    pub fn element(&self) -> Option<Self> {
        match self.required() {
            Self::List { of, .. } => Some(of.as_ref().clone()),
            Self::Any => Some(Self::Any),
            Self::Broken => Some(Self::Broken),
            _ => None,
        }
    }

    /// A plain type by its name in rule files.
    #[must_use]
    pub fn plain(name: &str) -> Option<Self> {
        PLAIN.iter().find(|(plain, _)| *plain == name).map(|(_, ty)| ty.clone())
    }

    /// A type that both fit into: what a list literal or a `choose` of both gives.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Broken, one) | (one, Self::Broken) => one.clone(),
            (left, right) if left == right => left.clone(),
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (Self::Null, one) | (one, Self::Null) => one.clone().optional(),
            (Self::Optional(left), right) | (right, Self::Optional(left)) => {
                left.join(right.required()).optional()
            }
            (left, right) if left.kind() == right.kind() => left.join_of_kind(right),
            _ => Self::Any,
        }
    }

    fn join_of_kind(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::OneOf(left), Self::OneOf(right)) => {
                let more = right.iter().filter(|one| !left.contains(one));
                Self::OneOf(left.iter().chain(more).cloned().collect())
            }
            (Self::List { of: left, .. }, Self::List { of: right, .. }) => {
                Self::List { of: Arc::new(left.join(right)), limit: None }
            }
            (Self::Map(left), Self::Map(right)) => Self::Map(Arc::new(left.join(right))),
            (Self::Record(left), Self::Record(right)) => Self::Record(Arc::new(left.common(right))),
            (left, _) => match left.kind() {
                Kind::Text => Self::Text,
                Kind::Number => Self::Decimal,
                _ => Self::Any,
            },
        }
    }
}

/// The plain types by name.
pub const PLAIN: &[(&str, Type)] = &[
    ("any", Type::Any),
    ("text", Type::Text),
    ("int", Type::Int),
    ("decimal", Type::Decimal),
    ("bool", Type::Bool),
    ("email", Type::Email),
    ("url", Type::Url),
    ("uuid", Type::Uuid),
    ("ip", Type::Ip),
    ("cidr", Type::Cidr),
    ("datetime", Type::DateTime),
    ("date", Type::Date),
    ("duration", Type::Duration),
];

impl RecordType {
    /// A field by name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldType> {
        self.fields.iter().find(|field| &*field.name == name)
    }

    /// The fields that both have, each with a type that both fit into.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let both = |field: &FieldType| {
            let twin = other.field(&field.name)?;
            let ty = field.ty.join(&twin.ty);
            let sensitive = field.sensitive || twin.sensitive;
            Some(FieldType { ty, sensitive, ..field.clone() })
        };
        let fields = self.fields.iter().filter_map(both).collect();
        Self { name: None, fields, open: self.open && other.open, span: self.span }
    }
}

impl std::fmt::Display for Type {
    /// The type as it is written in rule files; a record with a name is its name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some((name, _)) = PLAIN.iter().find(|(_, ty)| ty == self) {
            return f.write_str(name);
        }
        match self {
            Self::OneOf(values) => {
                let values: Vec<String> = values.iter().map(|one| format!("\"{one}\"")).collect();
                f.write_str(&values.join(" | "))
            }
            Self::List { of, limit: None } => write!(f, "list of {of}"),
            Self::List { of, limit: Some(limit) } => write!(f, "list of {of} limit {limit}"),
            Self::Map(of) => write!(f, "map of {of}"),
            Self::Record(record) => match &record.name {
                Some(name) => f.write_str(name),
                None => {
                    let field = |field: &FieldType| format!("{}: {}", field.name, field.ty);
                    let fields: Vec<String> = record.fields.iter().map(field).collect();
                    write!(f, "{{ {} }}", fields.join(", "))
                }
            },
            Self::Optional(inner) => match inner.as_ref() {
                Self::List { .. } | Self::Map(_) | Self::OneOf(_) => write!(f, "({inner})?"),
                inner => write!(f, "{inner}?"),
            },
            Self::Null => f.write_str("null"),
            Self::Schedule => f.write_str("schedule"),
            _ => f.write_str("unknown"),
        }
    }
}
