//! The answer of a condition: no, unknown or yes.

/// The answer of a condition. A missing value makes it unknown, and unknown never sends.
///
/// The numbers are those of compiled code: `and` is the least, `or` the greatest, `not` is `2 - x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Ternary {
    /// It does not hold.
    No = 0,
    /// It cannot be said.
    Unknown = 1,
    /// It holds.
    Yes = 2,
}

impl Ternary {
    /// The least of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// The greatest of two.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// Whether it holds; only this sends.
    #[must_use]
    pub fn is_yes(self) -> bool {
        self == Self::Yes
    }
}

impl std::ops::Not for Ternary {
    type Output = Self;
    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Ternary {
    fn from(truth: bool) -> Self {
        if truth { Self::Yes } else { Self::No }
    }
}
