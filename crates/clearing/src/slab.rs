//! Numbered places that are given again once free: open business lives here, settled business leaves.

use alloc::vec::Vec;

/// A place that stands for none.
pub(crate) const NONE: u32 = u32::MAX;

/// Places come in chunks of so many: what is open is never moved when more comes.
const CHUNK: usize = 1 << 10;

/// Values by place.
#[derive(Clone, Debug)]
pub(crate) struct Slab<T> {
    pub places: Chunks<T>,
    pub free: Vec<u32>,
}

/// A list that grows chunk by chunk.
#[derive(Clone, Debug)]
pub(crate) struct Chunks<T> {
    chunks: Vec<Vec<Option<T>>>,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Chunks { chunks: Vec::new() }
    }
}

impl<T> Chunks<T> {
    /// How many places there are, in use or free.
    pub fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    pub fn push(&mut self, value: Option<T>) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(value),
            // The first grows as it is needed: most lists are short.
            None => self.chunks.push(alloc::vec![value]),
            Some(_) => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(value);
                self.chunks.push(chunk);
            }
        }
    }

    fn at(&self, place: u32) -> Option<&T> {
        self.chunks.get(place as usize / CHUNK)?.get(place as usize % CHUNK)?.as_ref()
    }

    fn at_mut(&mut self, place: u32) -> Option<&mut Option<T>> {
        self.chunks.get_mut(place as usize / CHUNK)?.get_mut(place as usize % CHUNK)
    }

    /// Every place in order, in use or free.
    pub fn iter(&self) -> impl Iterator<Item = &Option<T>> {
        self.chunks.iter().flatten()
    }
}

impl<T> FromIterator<Option<T>> for Chunks<T> {
    fn from_iter<I: IntoIterator<Item = Option<T>>>(values: I) -> Self {
        let mut chunks = Chunks::default();
        values.into_iter().for_each(|value| chunks.push(value));
        chunks
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { places: Chunks::default(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    pub fn insert(&mut self, value: T) -> u32 {
        match self.free.pop() {
            Some(place) => {
                *self.places.at_mut(place).expect("a free place is one") = Some(value);
                place
            }
            None => {
                self.places.push(Some(value));
                (self.places.len() - 1) as u32
            }
        }
    }

    pub fn remove(&mut self, place: u32) -> T {
        let value = self.places.at_mut(place).and_then(Option::take).expect("a place is freed once");
        self.free.push(place);
        value
    }

    pub fn get(&self, place: u32) -> Option<&T> {
        self.places.at(place)
    }

    pub fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.places.at_mut(place)?.as_mut()
    }

    /// Whether what is free is what is empty, each place once: what a snapshot says is looked at before it is believed.
    pub fn is_whole(&self) -> bool {
        let mut empty: Vec<bool> = self.places.iter().map(Option::is_none).collect();
        let all_empty = self
            .free
            .iter()
            .all(|place| empty.get_mut(*place as usize).is_some_and(|empty| core::mem::replace(empty, false)));
        all_empty && !empty.contains(&true)
    }

    /// How many are in use.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.places.iter().enumerate().filter_map(|(place, value)| Some((place as u32, value.as_ref()?)))
    }
}

impl<T> core::ops::Index<u32> for Slab<T> {
    type Output = T;
    fn index(&self, place: u32) -> &T {
        self.get(place).expect("the place is in use")
    }
}

impl<T> core::ops::IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, place: u32) -> &mut T {
        self.get_mut(place).expect("the place is in use")
    }
}
