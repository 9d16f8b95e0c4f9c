//! `sample`: a share of the events, the same ones every time.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::value::{Value, bucket_point};

/// Whether a point (see [`bucket_point`]) lies in the lowest share of all points. So `sample: 5%` by a
/// value takes those whose `bucket(100)` is below 5.
#[must_use]
pub fn is_taken(point: u64, share: Decimal) -> bool {
    let range = Decimal::from(u64::MAX) + Decimal::ONE;
    let end = share.checked_mul(range).and_then(|end| end.ceil().to_u128());
    end.is_some_and(|end| u128::from(point) < end)
}

/// The point of an event for a rule that names no value to sample by: all deliveries of a rule go
/// together, and two rules choose independently.
#[must_use]
pub fn event_point(event_id: &str, rule: &str, salt: &str) -> u64 {
    bucket_point(&Value::text(format!("{event_id}\n{rule}")), salt).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cut_the_range() {
        for (point, share, taken) in [
            (0, Decimal::ZERO, false),
            (u64::MAX, Decimal::ONE, true),
            (u64::MAX / 2, Decimal::new(5, 1), true),
            (u64::MAX / 2 + 1, Decimal::new(5, 1), false),
            (0, Decimal::new(1, 28), true),
        ] {
            assert_eq!(is_taken(point, share), taken, "{point} {share}");
        }
    }

    #[test]
    fn a_share_is_that_of_buckets() {
        for user in 0..2_000 {
            let point = bucket_point(&Value::Int(user), "").unwrap();
            let bucket = (u128::from(point) * 100) >> 64;
            assert_eq!(is_taken(point, Decimal::new(5, 2)), bucket < 5, "{user}");
        }
    }

    #[test]
    fn rules_choose_independently() {
        let taken = |rule| {
            (0..1_000).filter(move |id| is_taken(event_point(&id.to_string(), rule, ""), Decimal::new(5, 1)))
        };
        let both = taken("a").filter(|id| taken("b").any(|other| other == *id)).count();
        assert!((190..310).contains(&both), "{both} of 1000");
    }
}
