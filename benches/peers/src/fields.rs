//! What rules read, taken out of an event by typed structs with borrowed text.
//!
//! Engines without JSON of their own are given this, which is cheaper than any general JSON value.

use inputs::shapes::Source;
use serde::Deserialize;

/// The fields of one event. Text that is not there is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'e> {
    pub key: &'e str,
    pub tail: &'e str,
    pub street: &'e str,
    pub lot: &'e str,
    pub side: &'e str,
    pub kind: &'e str,
    pub x: Option<f64>,
}

#[derive(Deserialize)]
struct Parcel<'e> {
    #[serde(borrow)]
    properties: Properties<'e>,
    geometry: Geometry,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Properties<'e> {
    mapblklot: &'e str,
    blklot: &'e str,
    street: &'e str,
    lot_num: &'e str,
    odd_even: &'e str,
    st_type: &'e str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Geometry {
    first_coordinates: Point,
}

#[derive(Deserialize)]
struct Point {
    x: f64,
}

#[derive(Deserialize)]
struct Hook<'e> {
    #[serde(borrow)]
    action: Option<&'e str>,
    #[serde(borrow)]
    repository: Option<Repository<'e>>,
    #[serde(borrow)]
    sender: Option<Sender<'e>>,
}

#[derive(Deserialize)]
struct Repository<'e> {
    full_name: Option<&'e str>,
    name: Option<&'e str>,
    default_branch: Option<&'e str>,
    id: Option<f64>,
}

#[derive(Deserialize)]
struct Sender<'e> {
    login: Option<&'e str>,
    r#type: Option<&'e str>,
}

impl<'e> Fields<'e> {
    /// Takes them out of an event.
    pub fn read(source: Source, event: &'e [u8]) -> Result<Self, String> {
        match source {
            Source::Parcels => Self::of_parcel(event),
            Source::Hooks => Self::of_hook(event),
        }
        .map_err(|error| error.to_string())
    }

    fn of_parcel(event: &'e [u8]) -> serde_json::Result<Self> {
        let Parcel { properties, geometry } = serde_json::from_slice(event)?;
        Ok(Self {
            key: properties.mapblklot,
            tail: properties.blklot,
            street: properties.street,
            lot: properties.lot_num,
            side: properties.odd_even,
            kind: properties.st_type,
            x: Some(geometry.first_coordinates.x),
        })
    }

    fn of_hook(event: &'e [u8]) -> serde_json::Result<Self> {
        let Hook { action, repository, sender } = serde_json::from_slice(event)?;
        let repository = repository.as_ref();
        let sender = sender.as_ref();
        Ok(Self {
            key: repository.and_then(|it| it.full_name).unwrap_or_default(),
            tail: sender.and_then(|it| it.login).unwrap_or_default(),
            street: action.unwrap_or_default(),
            lot: repository.and_then(|it| it.name).unwrap_or_default(),
            side: sender.and_then(|it| it.r#type).unwrap_or_default(),
            kind: repository.and_then(|it| it.default_branch).unwrap_or_default(),
            x: repository.and_then(|it| it.id),
        })
    }

    /// The number in the integer units of the rules' ranges, rounded down: `x >= low` and `x < high` keep
    /// their answers for ends that are whole units.
    pub fn x_units(&self, source: Source) -> Option<i32> {
        self.x.map(|x| (x * source.paths().x_scale as f64).floor() as i32)
    }
}
