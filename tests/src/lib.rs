//! What the suites share: Markdown files as tests, and golden files.

pub mod engine;
pub mod eventbridge;
pub mod golden;
pub mod json5;
pub mod markdown;
