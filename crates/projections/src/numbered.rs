//! A map from numbers that the log gives one after the other: found by arithmetic, walked in order, and removed anywhere.
//!
//! Sixteen neighbours share a page, and the pages stand in a row from the oldest that holds something to the newest. A page that
//! is empty costs a pointer, so a few old things that stay for ever cost half a byte for each number given since.

use std::collections::VecDeque;

/// Numbers in a page.
pub(crate) const PAGE: u64 = 16;

/// Empty places that are kept for what comes next: things come and go by the hundred thousand in a second, and asking for their
/// memory anew each time costs as much as all the rest.
const SPARE: usize = 1 << 16;

/// Things by their numbers.
pub(crate) struct Numbered<T> {
    pages: VecDeque<Option<Box<Page<T>>>>,
    /// The page number of the first of them.
    base: u64,
    count: usize,
    /// Each holds nothing.
    spare: Vec<Box<Option<T>>>,
}

struct Page<T> {
    slots: [Option<Box<Option<T>>>; PAGE as usize],
    used: u8,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Numbered { pages: VecDeque::new(), base: 0, count: 0, spare: Vec::new() }
    }
}

impl<T> Numbered<T> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        let page = self.pages.get(self.place(number)?)?.as_deref()?;
        page.slots[slot(number)].as_deref()?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let place = self.place(number)?;
        let page = self.pages.get_mut(place)?.as_deref_mut()?;
        page.slots[slot(number)].as_deref_mut()?.as_mut()
    }

    /// Puts a thing in and gives back what was there.
    pub(crate) fn insert(&mut self, number: u64, thing: T) -> Option<T> {
        let page = number / PAGE;
        if self.pages.is_empty() {
            self.base = page;
        }
        while page < self.base {
            self.pages.push_front(None);
            self.base -= 1;
        }
        let place = (page - self.base) as usize;
        if self.pages.len() <= place {
            self.pages.resize_with(place + 1, || None);
        }
        let empty = || Box::new(Page { slots: [const { None }; PAGE as usize], used: 0 });
        let page = self.pages[place].get_or_insert_with(empty);
        if let Some(place) = page.slots[slot(number)].as_deref_mut() {
            return place.replace(thing);
        }
        let place = match self.spare.pop() {
            Some(mut place) => {
                *place = Some(thing);
                place
            }
            None => Box::new(Some(thing)),
        };
        page.slots[slot(number)] = Some(place);
        page.used += 1;
        self.count += 1;
        None
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let place = self.place(number)?;
        let kept = self.pages.get_mut(place)?;
        let page = kept.as_deref_mut()?;
        let mut emptied = page.slots[slot(number)].take()?;
        page.used -= 1;
        self.count -= 1;
        if page.used == 0 {
            *kept = None;
            while let Some(None) = self.pages.front() {
                self.pages.pop_front();
                self.base += 1;
            }
        }
        let thing = emptied.take();
        if self.spare.len() < SPARE {
            self.spare.push(emptied);
        }
        thing
    }

    /// Those with a higher number, in order.
    pub(crate) fn after(&self, number: u64) -> impl Iterator<Item = (u64, &T)> {
        let skipped = (number / PAGE).saturating_sub(self.base).min(self.pages.len() as u64);
        let pages = (self.base + skipped..).zip(self.pages.range(skipped as usize..));
        pages
            .filter_map(|(page, content)| Some((page, content.as_deref()?)))
            .flat_map(|(page, content)| {
                let numbered = (page * PAGE..).zip(&content.slots);
                numbered.filter_map(|(number, slot)| Some((number, slot.as_deref()?.as_ref()?)))
            })
            .skip_while(move |(each, _)| *each <= number)
    }

    /// All of them, in order. A number zero would not be seen: the log gives none.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.after(0)
    }

    fn place(&self, number: u64) -> Option<usize> {
        usize::try_from((number / PAGE).checked_sub(self.base)?).ok()
    }
}

/// A number's place in its page.
pub(crate) fn slot(number: u64) -> usize {
    (number % PAGE) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn does_what_a_tree_of_single_entries_does() {
        let (mut paged, mut plain) = (Numbered::default(), BTreeMap::new());
        let mut random = 1u64;
        for step in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = (random >> 33) % 500 + 1 + step / 100;
            if random >> 63 == 0 {
                assert_eq!(paged.insert(number, random), plain.insert(number, random));
            } else {
                assert_eq!(paged.remove(number), plain.remove(&number));
            }
            assert_eq!(paged.len(), plain.len());
        }
        assert!(paged.iter().eq(plain.iter().map(|(number, thing)| (*number, thing))));
        for number in [0, 1, 15, 16, 17, 250, 499, 500, 501, 699, 700, 701, 5_000] {
            assert_eq!(paged.get(number), plain.get(&number));
            assert!(paged.after(number).eq(plain.range(number + 1..).map(|(number, thing)| (*number, thing))));
        }
        for number in 1..=700 {
            paged.remove(number);
        }
        assert!(paged.pages.is_empty() && paged.iter().next().is_none());
    }
}
