//! What waits on an account: ordered by priority, date and arrival, with the smallest need of each subtree, so that
//! "the next in order that fits" costs O(log n) however many wait.
//!
//! A treap whose heights come from a hash of the key: the same set has the same shape in every run.

use crate::slab::{NONE, Slab};

/// The order of settlement. Lower goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// The better of the two sides'.
    pub priority: u8,
    /// Intended settlement date, in days.
    pub date: i32,
    /// The deliverer's instruction: numbers are given in order of arrival, and no two are equal.
    pub number: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    rank: Rank,
    need: i64,
    /// The deliverer's place among the open instructions.
    pub place: u32,
    least: i64,
    left: u32,
    right: u32,
}

/// The nodes of all trees.
pub(crate) type Nodes = Slab<Node>;

/// One account's tree, by its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    root: u32,
}

impl Default for Tree {
    fn default() -> Self {
        Tree { root: NONE }
    }
}

fn height(rank: &Rank) -> u64 {
    // splitmix64 over the number: any fixed mixing will do.
    let mut z = rank.number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Tree {
    pub fn is_empty(self) -> bool {
        self.root == NONE
    }

    pub fn insert(&mut self, nodes: &mut Nodes, rank: Rank, need: i64, place: u32) {
        let fresh = nodes.insert(Node { rank, need, place, least: need, left: NONE, right: NONE });
        let (left, right) = split(nodes, self.root, &rank);
        let left = merge(nodes, left, fresh);
        self.root = merge(nodes, left, right);
    }

    /// Takes one out. It must be there.
    pub fn remove(&mut self, nodes: &mut Nodes, rank: &Rank) {
        self.root = remove(nodes, self.root, rank);
    }

    /// The first in order after `after` (absent: of all) that needs no more than `available`.
    pub fn next_fitting(self, nodes: &Nodes, after: Option<&Rank>, available: i128) -> Option<(Rank, u32)> {
        let found = find(nodes, self.root, after, available)?;
        Some((nodes[found].rank, nodes[found].place))
    }
}

fn least(nodes: &Nodes, at: u32) -> i64 {
    if at == NONE { i64::MAX } else { nodes[at].least }
}

fn refresh(nodes: &mut Nodes, at: u32) {
    let (left, right) = (nodes[at].left, nodes[at].right);
    nodes[at].least = nodes[at].need.min(least(nodes, left)).min(least(nodes, right));
}

/// What ranks before `rank`, and the rest.
fn split(nodes: &mut Nodes, at: u32, rank: &Rank) -> (u32, u32) {
    if at == NONE {
        return (NONE, NONE);
    }
    if nodes[at].rank < *rank {
        let (inner, right) = split(nodes, nodes[at].right, rank);
        nodes[at].right = inner;
        refresh(nodes, at);
        (at, right)
    } else {
        let (left, inner) = split(nodes, nodes[at].left, rank);
        nodes[at].left = inner;
        refresh(nodes, at);
        (left, at)
    }
}

fn merge(nodes: &mut Nodes, left: u32, right: u32) -> u32 {
    if left == NONE {
        return right;
    }
    if right == NONE {
        return left;
    }
    if height(&nodes[left].rank) > height(&nodes[right].rank) {
        let joined = merge(nodes, nodes[left].right, right);
        nodes[left].right = joined;
        refresh(nodes, left);
        left
    } else {
        let joined = merge(nodes, left, nodes[right].left);
        nodes[right].left = joined;
        refresh(nodes, right);
        right
    }
}

fn remove(nodes: &mut Nodes, at: u32, rank: &Rank) -> u32 {
    assert!(at != NONE, "only what waits is taken out");
    let here = nodes[at].rank;
    if here == *rank {
        let joined = merge(nodes, nodes[at].left, nodes[at].right);
        nodes.remove(at);
        return joined;
    }
    if *rank < here {
        let child = remove(nodes, nodes[at].left, rank);
        nodes[at].left = child;
    } else {
        let child = remove(nodes, nodes[at].right, rank);
        nodes[at].right = child;
    }
    refresh(nodes, at);
    at
}

fn find(nodes: &Nodes, at: u32, after: Option<&Rank>, available: i128) -> Option<u32> {
    if at == NONE || i128::from(nodes[at].least) > available {
        return None;
    }
    let node = &nodes[at];
    if after.is_some_and(|after| node.rank <= *after) {
        return find(nodes, node.right, after, available);
    }
    if let Some(found) = find(nodes, node.left, after, available) {
        return Some(found);
    }
    if i128::from(node.need) <= available {
        return Some(at);
    }
    // All that is left ranks after `after`.
    find(nodes, node.right, None, available)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn rank(number: u64) -> Rank {
        Rank { priority: (number % 4) as u8 + 1, date: (number * 7 % 5) as i32, number }
    }

    #[test]
    fn finds_the_next_that_fits_as_a_plain_list_would() {
        let (mut nodes, mut tree) = (Nodes::default(), Tree::default());
        let mut plain: Vec<(Rank, i64)> = Vec::new();
        for number in 0..500u64 {
            let need = (number * 37 % 101) as i64 + 1;
            tree.insert(&mut nodes, rank(number), need, number as u32);
            plain.push((rank(number), need));
            if number % 3 == 0 {
                let gone = plain.remove(plain.len() / 2);
                tree.remove(&mut nodes, &gone.0);
            }
        }
        plain.sort();
        for available in [0i128, 1, 5, 50, 200] {
            let mut after = None;
            loop {
                let expected =
                    plain.iter().find(|(rank, need)| after.is_none_or(|a| *rank > a) && i128::from(*need) <= available);
                let found = tree.next_fitting(&nodes, after.as_ref(), available);
                assert_eq!(found.map(|(rank, _)| rank), expected.map(|(rank, _)| *rank));
                match found {
                    Some((rank, _)) => after = Some(rank),
                    None => break,
                }
            }
        }
        assert_eq!(nodes.len(), plain.len());
    }
}
