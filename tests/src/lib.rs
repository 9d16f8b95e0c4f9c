//! What the suites share: Markdown files as tests, and golden files.

pub mod golden;
pub mod markdown;
