//! Values at stable small numbers, whose reuse is noticed.

/// The name of a value. A name outlives its value without harm: it then finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// The number that a value has while it is there.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }
}

/// No number.
pub const NONE: u32 = u32::MAX;

/// A growing table with a list of free places.
#[derive(Debug)]
pub struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Makes room for so many values more.
    pub fn reserve(&mut self, values: usize) {
        self.places.reserve_exact(values);
    }

    /// Adds a value.
    pub fn insert(&mut self, value: T) -> Key {
        if let Some(index) = self.free.pop()
            && let Some(place) = self.places.get_mut(index as usize)
        {
            place.value = Some(value);
            return Key { index, generation: place.generation };
        }
        let index = u32::try_from(self.places.len()).unwrap_or(NONE);
        self.places.push(Place { generation: 1, value: Some(value) });
        Key { index, generation: 1 }
    }

    /// A value, if it is still there.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&T> {
        let place = self.places.get(key.index as usize)?;
        place.value.as_ref().filter(|_| place.generation == key.generation)
    }

    /// The value with that number, for those who know that it is still the same one.
    #[must_use]
    pub fn at(&self, index: u32) -> Option<&T> {
        self.places.get(index as usize)?.value.as_ref()
    }

    /// The value with that number, to change.
    pub fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        self.places.get_mut(index as usize)?.value.as_mut()
    }

    /// The name of the value with that number.
    #[must_use]
    pub fn key_at(&self, index: u32) -> Option<Key> {
        let place = self.places.get(index as usize)?;
        place.value.as_ref().map(|_| Key { index, generation: place.generation })
    }

    /// The values with numbers from `from` on, `most` places at most.
    pub fn range(&self, from: u32, most: usize) -> impl Iterator<Item = (u32, &T)> {
        let places = self.places.iter().skip(from as usize).take(most);
        (from..).zip(places).filter_map(|(index, place)| Some((index, place.value.as_ref()?)))
    }

    /// How many places there are, free ones included.
    #[must_use]
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// Takes a value out.
    pub fn remove(&mut self, index: u32) -> Option<T> {
        let place = self.places.get_mut(index as usize)?;
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(index);
        Some(value)
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
