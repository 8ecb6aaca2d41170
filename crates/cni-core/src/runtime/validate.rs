//! What is known about a plugin's configurations without running it.

use super::plugin::{Plugin, Request};
use crate::spec::error::Result;
use crate::spec::json::Shape;

/// A plugin that can judge configurations for `cnitool validate`. Nothing of this is reached by a
/// plugin's executable.
pub trait Validate: Plugin {
    /// Keys that take one of a few words, with these: paths with dots. The empty word, where it
    /// stands for the default, comes last.
    const CHOICES: &'static [(&'static str, &'static [&'static str])] = &[];

    /// The plugin's keys, without those that every configuration has.
    fn shape() -> Shape {
        Shape::of::<Self::Conf>()
    }

    /// Judges by the configuration alone, whatever the machine and the container, and does nothing
    /// else.
    ///
    /// # Errors
    ///
    /// That of ADD.
    fn validate(request: &Request<Self::Conf>) -> Result<()>;
}
