//! Taking things back: after a failed ADD, and by DEL and GC.

use std::fmt;

use crate::spec::error::{Error, Result};

/// Something one attachment owns: made by its ADD, taken away by its DEL or by a failed ADD.
///
/// `Display` names the thing in messages about what could not be undone.
pub trait Owned: fmt::Display {
    /// Takes it away. Absent is success: DEL runs any number of times, after any part of ADD.
    ///
    /// # Errors
    ///
    /// Only when the thing is still there.
    fn remove(&self) -> Result<()>;
}

/// What a running ADD has made so far. Nothing but the result on standard output disarms it.
#[derive(Default)]
pub struct Undo(Vec<Box<dyn Owned>>);

impl Undo {
    /// Makes the attachment the owner of `thing`.
    ///
    /// Own first and act then where the thing is named after the attachment; act first and own
    /// then where the name could be somebody else's.
    pub fn own(&mut self, thing: impl Owned + 'static) {
        self.0.push(Box::new(thing));
    }

    /// Forgets everything: the attachment stays.
    pub(super) fn keep(&mut self) {
        self.0.clear();
    }

    /// Takes everything away, newest first. What could not be is told in the error's details.
    pub(super) fn run(&mut self, error: &mut Error) {
        while let Some(thing) = self.0.pop() {
            if let Err(failure) = thing.remove() {
                error.add_detail(&format!("could not undo {thing}: {failure}"));
            }
        }
    }
}

/// The steps of a DEL or a GC: every step is tried, and the first error is the error.
#[derive(Default)]
pub struct Cleanup(Option<Error>);

impl Cleanup {
    /// Takes one thing away.
    pub fn remove(&mut self, thing: &dyn Owned) {
        self.record(thing.remove());
    }

    /// Records how a step ended.
    pub fn record(&mut self, outcome: Result<()>) {
        match (&mut self.0, outcome) {
            (_, Ok(())) => (),
            (Some(first), Err(error)) => first.add_detail(&error.to_string()),
            (first @ None, Err(error)) => *first = Some(error),
        }
    }

    /// How everything ended.
    pub(super) fn outcome(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    struct Thing(&'static str, Rc<RefCell<Vec<&'static str>>>, bool);

    impl fmt::Display for Thing {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Owned for Thing {
        fn remove(&self) -> Result<()> {
            self.1.borrow_mut().push(self.0);
            if self.2 { Err(Error::internal("busy")) } else { Ok(()) }
        }
    }

    #[test]
    fn undo_runs_newest_first_and_goes_on_after_an_error() {
        let log = Rc::default();
        let mut undo = Undo::default();
        undo.own(Thing("first", Rc::clone(&log), false));
        undo.own(Thing("second", Rc::clone(&log), true));
        let mut error = Error::internal("the cause");
        undo.run(&mut error);
        assert_eq!(*log.borrow(), ["second", "first"]);
        assert_eq!(error.to_string(), "the cause; could not undo second: busy");
    }

    #[test]
    fn nothing_is_undone_after_keep() {
        let log = Rc::default();
        let mut undo = Undo::default();
        undo.own(Thing("first", Rc::clone(&log), false));
        undo.keep();
        undo.run(&mut Error::internal(""));
        assert!(log.borrow().is_empty());
    }

    #[test]
    fn cleanup_tries_every_step_and_reports_the_first_error() {
        let log = Rc::default();
        let mut cleanup = Cleanup::default();
        cleanup.remove(&Thing("a", Rc::clone(&log), true));
        cleanup.remove(&Thing("b", Rc::clone(&log), false));
        cleanup.record(Err(Error::internal("later")));
        assert_eq!(*log.borrow(), ["a", "b"]);
        assert_eq!(cleanup.outcome(), Err(Error::internal("busy").with_details("later")));
    }
}
