//! The tenant portal (`spec/tenant-api.md`).

pub mod pages;
