//! Payloads like the parcels of a city, after the set that other engines are measured with.
//!
//! San Francisco's parcels (`citylots`) are what event-ruler and Quamina publish figures for: nine short
//! properties, then a geometry of a few to a few thousand points, then the first point once more. These
//! have the same form, sizes (mean 970 bytes, median 710, 99th percentile 6 kB) and planted frequencies:
//! street type `ST` in 54.6 % of them, the street FULTON in 0.9 %, the parcel 3745012 in 0.3 %.

use std::fmt::Write as _;

use crate::Numbers;

/// Parcels in the city: an event is about one of them.
pub(crate) const PARCELS: u64 = 150_000;

/// Parcels per block.
pub(crate) const PER_BLOCK: u64 = 40;

/// A parcel that is met more often than others.
pub(crate) const FREQUENT: &str = "3745012";

/// Types of street, and how many of 1,000 parcels have them.
pub(crate) const STREET_TYPES: [(&str, u64); 8] =
    [("ST", 546), ("AVE", 285), ("BLVD", 45), ("DR", 40), ("WAY", 32), ("TER", 22), ("CT", 18), ("LN", 12)];

const HEADS: [&str; 25] = [
    "ALDER", "ASH", "BAKER", "BAY", "BUSH", "CLAY", "COLE", "DIAMOND", "EDDY", "FELL", "GEARY", "GREEN",
    "HAIGHT", "HYDE", "JONES", "LARKIN", "MARKET", "NOE", "OAK", "PINE", "POLK", "SUTTER", "TURK", "VALLEY",
    "WEBSTER",
];

const TAILS: [&str; 48] = [
    "", " HILL", " PARK", " NORTH", " SOUTH", " EAST", " WEST", "DALE", "FORD", "GATE", "HURST", "LAND",
    "LEY", "MERE", "MONT", "MOOR", "RIDGE", "SIDE", "STEAD", "STOKE", "STONE", "THORPE", "TON", "VALE",
    "VIEW", "VILLE", "WATER", "WAY", "WELL", "WICK", "WOLD", "WOOD", "WORTH", "YARD", "BANK", "BECK",
    "BOURNE", "BRIDGE", "BURY", "BY", "CLIFF", "COMBE", "COTE", "CREST", "CROFT", "DEAN", "DOWN", "FIELD",
];

/// Points of a polygon: so many of 1,000 parcels have at most so many.
const POINTS: [(u64, u64); 8] =
    [(0, 5), (250, 7), (500, 10), (750, 16), (900, 25), (950, 45), (990, 146), (1_000, 330)];

/// The number of a parcel, four digits of the block and three of the lot.
pub(crate) fn parcel_number(at: u64) -> String {
    format!("{:04}{:03}", at / PER_BLOCK * 2 + 1, at % PER_BLOCK + 1)
}

/// A street, frequent ones more often.
pub(crate) fn street(numbers: &mut Numbers) -> String {
    if numbers.below(1_000) < 9 {
        return String::from("FULTON");
    }
    let streets = (HEADS.len() * TAILS.len()) as u64;
    let (one, two) = (numbers.below(streets), numbers.below(streets));
    let at = (one * two / streets) as usize;
    format!("{}{}", HEADS[at % HEADS.len()], TAILS[at / HEADS.len()])
}

/// Payloads, the same ones every time: those of a smaller count begin those of a larger one.
#[must_use]
pub fn parcels(count: usize) -> Vec<String> {
    let mut numbers = Numbers::new(7);
    (0..count).map(|_| parcel(&mut numbers)).collect()
}

fn parcel(numbers: &mut Numbers) -> String {
    let number =
        if numbers.below(1_000) < 3 { String::from(FREQUENT) } else { parcel_number(numbers.below(PARCELS)) };
    let block = &number[..4];
    let own_lot = if numbers.below(100) < 15 {
        format!("{:03}", 41 + numbers.below(80))
    } else {
        String::from(&number[4..])
    };
    let street = street(numbers);
    let from = numbers.below(4_000);
    let to = if numbers.below(100) < 3 {
        String::from("null")
    } else {
        format!("\"{}\"", from + numbers.below(40))
    };
    let side = if from.is_multiple_of(2) { "E" } else { "O" };
    let mut text = format!(
        r#"{{"type":"Feature","properties":{{"MAPBLKLOT":"{number}","BLKLOT":"{block}{own_lot}","BLOCK_NUM":"{block}","LOT_NUM":"{own_lot}","FROM_ST":"{from}","TO_ST":{to},"STREET":"{street}","ST_TYPE":"{}","ODD_EVEN":"{side}"}},"geometry":"#,
        weighted(&STREET_TYPES, numbers),
    );
    geometry(&mut text, numbers);
    text.push('}');
    text
}

/// One of some values by its weight of 1,000.
fn weighted<'a>(values: &[(&'a str, u64)], numbers: &mut Numbers) -> &'a str {
    let mut rest = numbers.below(1_000);
    for (value, weight) in values {
        if rest < *weight {
            return value;
        }
        rest -= weight;
    }
    values[0].0
}

fn geometry(text: &mut String, numbers: &mut Numbers) {
    let many = numbers.below(10_000) < 6;
    let (kind, open, close) = if many { ("MultiPolygon", "[[[", "]]]") } else { ("Polygon", "[[", "]]") };
    let _ = write!(text, r#"{{"type":"{kind}","coordinates":{open}"#);
    // Millionths of a millionth of a degree: a number has 14 or 15 digits.
    let (x, y) =
        (360_000_000_000 + numbers.below(150_000_000_000), 700_000_000_000 + numbers.below(115_000_000_000));
    for at in 0..points(numbers) {
        let (dx, dy) =
            if at == 0 { (0, 0) } else { (numbers.below(900_000_000), numbers.below(900_000_000)) };
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(text, "{comma}[-122.{:012},37.{:012},0.0]", x + dx, y + dy);
    }
    let _ = write!(text, r#"{close},"firstCoordinates":{{"x":-122.{x:012},"y":37.{y:012}}}}}"#);
}

fn points(numbers: &mut Numbers) -> u64 {
    let share = numbers.below(1_000);
    let upper = POINTS.iter().position(|(bound, _)| share < *bound).unwrap_or(POINTS.len() - 1).max(1);
    let ((low, least), (high, most)) = (POINTS[upper - 1], POINTS[upper]);
    least + (most - least) * (share - low) / (high - low)
}
