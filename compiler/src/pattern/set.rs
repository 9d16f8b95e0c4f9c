//! Lists for membership: hashed, so the answer costs the same whatever their length.

use core::net::IpAddr;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use ipnet::IpNet;

use super::fold;
use crate::ternary::Ternary;
use crate::value::{Key, Value};

/// A list known while compiling.
pub struct ConstantSet {
    /// As written.
    pub values: Vec<Value<'static>>,
    /// Whether texts that are networks act as such.
    pub networks: bool,
    /// Unicode simple case folding on both sides.
    pub fold: bool,
    keys: HashSet<Key<'static>>,
    /// Lists and records, compared one by one.
    trees: Vec<Value<'static>>,
    nets: Networks,
}

/// Networks by their address, and the prefix lengths that occur.
#[derive(Default)]
struct Networks {
    nets: HashSet<IpNet>,
    lengths: Vec<u8>,
}

impl ConstantSet {
    /// Takes the elements. With `networks`, texts with a prefix length such as `10.0.0.0/8` stand for
    /// every address inside; with `fold`, texts are compared ignoring case.
    #[must_use]
    pub fn new(values: Vec<Value<'static>>, networks: bool, fold: bool) -> Self {
        let mut set = Self {
            networks,
            fold,
            keys: HashSet::with_capacity(values.len()),
            trees: Vec::new(),
            nets: Networks::default(),
            values: Vec::new(),
        };
        for value in &values {
            match (value, Key::new(value, fold)) {
                (Value::Text(text), _) if networks && set.nets.insert(text) => {}
                (_, Some(key)) => {
                    set.keys.insert(key.into_owned());
                }
                (Value::List(_) | Value::Record(_), None) => set.trees.push(value.clone()),
                // Nothing equals a missing value.
                (_, None) => {}
            }
        }
        set.nets.lengths.sort_unstable();
        set.values = values;
        set
    }

    /// Whether the value is in it: unknown when the value is missing, no when none of its elements has
    /// the value's kind. A text that is no address is in no network.
    #[must_use]
    pub fn contains(&self, value: &Value<'_>) -> Ternary {
        if value.is_missing() {
            return Ternary::Unknown;
        }
        let found = match Key::new(value, self.fold) {
            Some(key) => self.has_key(&key),
            None => self.trees.iter().any(|tree| tree.equals(value, self.fold)),
        };
        let within = || matches!(value, Value::Text(text) if self.nets.contain(text));
        Ternary::from(found || within())
    }

    /// Whether any of its texts stands for addresses.
    #[must_use]
    pub fn has_networks(&self) -> bool {
        !self.nets.nets.is_empty()
    }

    /// Its elements, as written.
    #[must_use]
    pub fn values(&self) -> &[Value<'static>] {
        &self.values
    }

    fn has_key<'k>(&self, key: &Key<'k>) -> bool {
        // A set of longer-lived keys is a set of shorter-lived ones.
        let keys: &HashSet<Key<'k>> = &self.keys;
        keys.contains(key)
    }
}

impl Networks {
    /// Whether the text was a network.
    fn insert(&mut self, text: &str) -> bool {
        let Ok(net) = text.parse::<IpNet>() else { return false };
        if !self.lengths.contains(&net.prefix_len()) {
            self.lengths.push(net.prefix_len());
        }
        self.nets.insert(net.trunc());
        true
    }

    fn contain(&self, text: &str) -> bool {
        // Nearly every set is without networks, and nearly every text no address.
        if self.nets.is_empty() {
            return false;
        }
        let Ok(address) = text.parse::<IpAddr>() else { return false };
        // `::ffff:10.0.0.1` is 10.0.0.1 in another spelling; else it would slip through a filter.
        let address = address.to_canonical();
        self.lengths
            .iter()
            .any(|&length| IpNet::new(address, length).is_ok_and(|net| self.nets.contains(&net.trunc())))
    }
}

impl std::fmt::Debug for ConstantSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConstantSet({:?}{})", self.values, if self.fold { " ignoring case" } else { "" })
    }
}

/// The entries of a list outside the file, with and without case.
#[derive(Debug, Default)]
pub struct OutsideSet {
    entries: Arc<HashSet<Box<str>>>,
    folded: OnceLock<HashSet<Box<str>>>,
}

impl OutsideSet {
    /// Takes the entries.
    #[must_use]
    pub fn new(entries: Arc<HashSet<Box<str>>>) -> Self {
        Self { entries, folded: OnceLock::new() }
    }

    /// Whether the text is an entry.
    #[must_use]
    pub fn contains(&self, text: &str, ignoring_case: bool) -> bool {
        if !ignoring_case {
            return self.entries.contains(text);
        }
        let text: Cow<'_, str> = fold(text);
        self.fold().contains(&*text)
    }

    /// Folds the entries, unless they are. Whoever comes while another does it folds them, too, and waits for
    /// nobody.
    pub fn fold(&self) -> &HashSet<Box<str>> {
        if self.folded.get().is_none() {
            // One of them is kept, and all are equal.
            drop(self.folded.set(self.entries.iter().map(|entry| fold(entry).into()).collect()));
        }
        self.folded.get_or_init(HashSet::new)
    }

    /// Whether the entries are folded.
    #[must_use]
    pub fn is_folded(&self) -> bool {
        self.folded.get().is_some()
    }

    /// The entries as they were given.
    #[must_use]
    pub fn entries(&self) -> &HashSet<Box<str>> {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    fn set(values: Vec<Value<'static>>) -> ConstantSet {
        ConstantSet::new(values, true, false)
    }

    #[test]
    fn membership_is_by_kind_and_value() {
        let record: Value<'_> = Value::Record(Arc::from([(Cow::Borrowed("a"), Value::Int(1))]));
        let built = set(vec![
            Value::text("a"),
            Value::Int(3),
            Value::Decimal(Decimal::new(150, 2)),
            Value::Bool(true),
            record.clone(),
            Value::Null,
        ]);
        for (value, answer) in [
            (Value::text("a"), Ternary::Yes),
            (Value::text("A"), Ternary::No),
            (Value::text("3"), Ternary::No),
            (Value::Decimal(Decimal::new(30, 1)), Ternary::Yes),
            (Value::Decimal(Decimal::new(15, 1)), Ternary::Yes),
            (Value::Int(1), Ternary::No),
            (Value::Bool(true), Ternary::Yes),
            (Value::Bool(false), Ternary::No),
            (record, Ternary::Yes),
            (Value::List(Arc::from([])), Ternary::No),
            (Value::Null, Ternary::Unknown),
            (Value::Missing, Ternary::Unknown),
        ] {
            assert_eq!(built.contains(&value), answer, "{value:?}");
        }
        let folded = ConstantSet::new(vec![Value::text("Ärger")], false, true);
        assert_eq!(folded.contains(&Value::text("äRGER")), Ternary::Yes);
    }

    #[test]
    fn addresses_are_in_networks() {
        let built = set(vec![
            Value::text("10.0.0.0/8"),
            Value::text("2001:db8::/32"),
            Value::text("192.168.1.77/24"),
        ]);
        for (text, answer) in [
            ("10.1.2.3", Ternary::Yes),
            ("::ffff:10.1.2.3", Ternary::Yes),
            ("11.1.2.3", Ternary::No),
            ("192.168.1.1", Ternary::Yes),
            ("2001:db8:1::5", Ternary::Yes),
            ("2001:db9::1", Ternary::No),
            ("not an address", Ternary::No),
        ] {
            assert_eq!(built.contains(&Value::text(text)), answer, "{text}");
        }
        let plain = ConstantSet::new(vec![Value::text("10.0.0.0/8")], false, false);
        assert_eq!(plain.contains(&Value::text("10.1.2.3")), Ternary::No);
    }
}
