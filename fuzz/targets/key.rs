//! Public keys, as 32 bytes and as base64url text: whatever is accepted is written again as it was read.
#![no_main]

use agentsigna_verifier::key::PublicKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(key) = PublicKey::from_bytes(data) {
        assert_eq!(key.as_bytes().as_slice(), data);
        assert_eq!(PublicKey::from_base64url(&key.to_base64url()), Ok(key));
    }
    if let Ok(text) = str::from_utf8(data)
        && let Ok(key) = PublicKey::from_base64url(text)
    {
        assert_eq!(key.to_base64url(), text);
        assert_eq!(PublicKey::from_bytes(key.as_bytes()), Ok(key));
    }
});
