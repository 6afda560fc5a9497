//! What is open, by number. Numbers are given in order from 1; what ends makes room for what comes.

#[derive(Default)]
pub struct Numbered<T> {
    /// Where each number given lies in `rows`, from 1; 0 where it has ended.
    places: Vec<u32>,
    rows: Vec<T>,
    free: Vec<u32>,
}

impl<T: Copy> Numbered<T> {
    /// The last number given.
    pub fn given(&self) -> u64 {
        self.places.len() as u64
    }

    fn place(&self, number: u64) -> Option<usize> {
        let place = self.places.get(usize::try_from(number.checked_sub(1)?).ok()?)?;
        (*place as usize).checked_sub(1)
    }

    pub fn get(&self, number: u64) -> Option<&T> {
        self.place(number).map(|place| &self.rows[place])
    }

    pub fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        self.place(number).map(|place| &mut self.rows[place])
    }

    /// Gives the next number.
    pub fn push(&mut self, row: T) {
        self.places.push(0);
        self.put(self.given(), row);
    }

    /// Opens a number again that was given and has ended.
    pub fn put(&mut self, number: u64, row: T) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.rows.push(row);
            self.rows.len() as u32
        });
        self.rows[place as usize - 1] = row;
        self.places[number as usize - 1] = place;
    }

    pub fn remove(&mut self, number: u64) -> Option<T> {
        let place = self.place(number)?;
        self.free.push(std::mem::take(&mut self.places[number as usize - 1]));
        Some(self.rows[place])
    }

    pub fn open(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter(|place| **place > 0).map(|place| &self.rows[*place as usize - 1])
    }
}
