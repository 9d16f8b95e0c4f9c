//! Typed ids: a prefix and a UUIDv7, so that ids sort by the time they were made.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// What its text begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A fresh one: the prefix, `_`, and a UUIDv7 as 32 hexadecimal digits (RFC 9562).
            #[must_use]
            pub fn fresh() -> Self {
                Self(format!("{}_{}", $prefix, crate::sync::uuid().simple()).into())
            }

            /// Takes an id that was made before. It is not looked up.
            #[must_use]
            pub fn from_text(text: &str) -> Self {
                Self(text.into())
            }

            /// Its text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

ids! {
    /// A workspace. Apps may choose it (`ws_internal_prod`): letters, digits, `_` and `-`, at most 64.
    WorkspaceId "ws";
    /// A connection of one workspace.
    ConnectionId "con";
    /// A published bundle.
    RevisionId "rev";
    /// An event; the app may bring its own id, unique in its workspace.
    EventId "evt";
    /// A delivery; also its `webhook-id`, the same on every attempt.
    DeliveryId "dlv";
    /// A key of the API.
    KeyId "key";
    /// A replay of many deliveries. Apps may choose it.
    ReplayId "rpl";
}

impl DeliveryId {
    /// The UUID in it; `None` for a text that no server made.
    #[must_use]
    pub fn uuid(&self) -> Option<Uuid> {
        let digits = self.as_str().strip_prefix(Self::PREFIX)?.strip_prefix('_')?;
        let uuid = Uuid::try_parse(digits).ok()?;
        (Self::from_uuid(uuid) == *self).then_some(uuid)
    }

    /// The id with that UUID.
    #[must_use]
    pub fn from_uuid(uuid: Uuid) -> Self {
        let mut digits = [0; 32];
        Self(format!("{}_{}", Self::PREFIX, uuid.simple().encode_lower(&mut digits)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_its_uuid() {
        let id = DeliveryId::fresh();
        assert_eq!(DeliveryId::from_uuid(id.uuid().unwrap()), id);
        for text in
            ["dlv_1", "", "evt_0197f8a0b0c07000800000000000000a", "dlv_0197F8A0B0C07000800000000000000A"]
        {
            assert_eq!(DeliveryId::from_text(text).uuid(), None, "{text}");
        }
    }
}
