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
}
