//! Random bytes from the operating system, and from nowhere else.

/// The operating system gave no random bytes. Nothing may be sealed until it does.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandom(#[source] getrandom::Error);

/// Fills `buffer`.
pub(super) fn fill(buffer: &mut [u8]) -> Result<(), NoRandom> {
    getrandom::fill(buffer).map_err(NoRandom)
}

/// `N` random bytes.
pub(super) fn bytes<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut buffer = [0; N];
    fill(&mut buffer)?;
    Ok(buffer)
}
