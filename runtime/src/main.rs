//! The binary: a command line around the library.

fn main() {}
