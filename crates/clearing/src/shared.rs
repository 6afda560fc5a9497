//! What nearly every command reads and few change: held by several states at once, and copied only by the one that changes
//! it while another holds it too. So an excerpt of a state ([`mod@crate::explain`]) does not copy the reference data.

use alloc::sync::Arc;
use core::ops::{Deref, DerefMut};

/// A value that copies of the state share until one of them changes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared<T>(Arc<T>);

impl<T> Shared<T> {
    pub fn new(value: T) -> Shared<T> {
        Shared(Arc::new(value))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}
