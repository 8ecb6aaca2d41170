//! Tests of the whole set; they live in the test targets.
