//! What `cargo xtask dist` makes, as those who install it find it.

mod archive;
mod debian;
mod dist;
mod examples;
mod fedora;
mod image;
mod kubernetes;
mod materials;
mod privileges;
