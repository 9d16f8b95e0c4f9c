//! Values as evenly spread points, for `bucket` and `sample`.

use super::{Key, Value, to_text};

/// The point of a value between 0 and `u64::MAX`: the first eight bytes, most significant first, of the
/// SHA-256 digest of the salt's length in bytes (eight bytes, most significant first), the salt and the
/// value as text. Equal values have equal points, however a number is written. `None` for missing values,
/// lists and records.
///
/// Never to be changed: shares that are rolled out would be drawn anew.
#[must_use]
pub fn bucket_point(value: &Value<'_>, salt: &str) -> Option<u64> {
    let text = match Key::new(value, false)? {
        Key::Decimal(decimal) => decimal.to_string().into(),
        Key::Int(int) => int.to_string().into(),
        _ => to_text(value)?,
    };
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    digest.update(&(salt.len() as u64).to_be_bytes());
    digest.update(salt.as_bytes());
    digest.update(text.as_bytes());
    let digest = digest.finish();
    digest.as_ref().first_chunk().map(|first| u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_spread_evenly_and_depend_on_the_salt() {
        let mut counts = [0_u32; 10];
        let mut same = 0;
        for user in 0..10_000 {
            let point = bucket_point(&Value::Int(user), "").unwrap();
            let salted = bucket_point(&Value::Int(user), "autumn").unwrap();
            counts[((u128::from(point) * 10) >> 64) as usize] += 1;
            same += u32::from((u128::from(point) * 10) >> 64 == (u128::from(salted) * 10) >> 64);
        }
        // Standard deviation of a fair draw is 30.
        assert!(counts.iter().all(|count| (880..=1_120).contains(count)), "{counts:?}");
        assert!((880..=1_120).contains(&same), "{same}");
    }
}
