//! People at the portal, with devices in memory.

pub(crate) use agentsigna_tests::person::{Person, ask, assertion, bytes, challenge, thumbprint};
