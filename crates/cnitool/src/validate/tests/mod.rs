//! What is found where, and whether pages, schemas and types say the same.

mod documents;
mod findings;
mod schemas;
