//! Every limit of the formats, each with its unit: the table of `spec/limits.md`, and nothing beside it (LI-1).

/// An entry of the log, in bytes. C2SP tlog-tiles allows 65,535.
pub const ENTRY_BYTES_MAX: usize = 32 * 1024;
/// The body of `POST /v1/actions`, in bytes.
pub const ACTION_BODY_BYTES_MAX: usize = 8 * 1024;
/// The body of any other JSON request, in bytes.
pub const BODY_BYTES_MAX: usize = 32 * 1024;
/// JSON nesting: an object in an object is 2.
pub const JSON_DEPTH_MAX: usize = 8;
/// The largest integer in JSON: 2^53 − 1, which every JSON reader keeps exact.
pub const JSON_INTEGER_MAX: u64 = (1 << 53) - 1;
/// CBOR nesting in our formats.
pub const CBOR_DEPTH_MAX: usize = 16;
/// A Merkle proof, in hashes: one per bit of a 63-bit size.
pub const PROOF_HASHES_MAX: usize = 63;
/// A tlog-proof or a signed note, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Signature lines in a note.
pub const NOTE_SIGNATURES_MAX: usize = 64;
/// One policy, in bytes of source.
pub const POLICY_BYTES_MAX: usize = 10_000;
/// One policy, in tokens.
pub const POLICY_TOKENS_MAX: usize = 400;
/// All policies of a bundle, in bytes of source.
pub const POLICY_SOURCE_BYTES_MAX: usize = 200_000;
/// A Passport as delivered (with entry head and proof), in bytes.
pub const PASSPORT_BYTES_MAX: usize = 6 * 1024;
/// A Passport as registered, in bytes: leaves 2 KiB for entry head and proof.
pub const PASSPORT_SEALED_BYTES_MAX: usize = 4 * 1024;
/// A case file, in bytes.
pub const CASE_FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A trust file, in bytes.
pub const TRUST_BYTES_MAX: usize = 1024 * 1024;
/// The life of a Passport (`exp − nbf`), in seconds.
pub const PASSPORT_LIFE_S_MAX: u64 = 900;
/// The life of a Passport where nothing else is set, in seconds.
pub const PASSPORT_LIFE_S: u64 = 300;
/// Clock difference allowed on a Passport where the trust file says nothing, in seconds.
pub const PASSPORT_SKEW_S: u64 = 30;
/// The largest clock difference a trust file may allow, in seconds.
pub const PASSPORT_SKEW_S_MAX: u64 = 60;
/// Clock difference allowed on a signed request, in seconds.
pub const REQUEST_SKEW_S: u64 = 5;
/// The life of a request signature (`expires − created`), in seconds.
pub const REQUEST_LIFE_S_MAX: u64 = 60;
/// The largest amount, in minor units of the tenant's currency.
pub const AMOUNT_MINOR_MAX: u64 = 1_000_000_000_000_000;

#[cfg(test)]
mod tests;
