//! Goal: we read what the standard writes. Method: the ES256 vectors of WebAuthn §16, and two of other algorithms.
//!
//! Their private keys are printed, so that a registration is refused as its last check (WA-11): `published-key` means
//! that all else is good. Two have no UV, some are made in a frame, one has an id of 1,023 bytes: these are refused.

use data_encoding::HEXLOWER;

use super::{super::*, digest, files, hex, text};

const NAMES: [&str; 9] = [
    "fido-u2f-es256",
    "none-es256",
    "none-es256-crossOrigin",
    "none-es256-long-credential-id",
    "none-es256-topOrigin",
    "packed-eddsa",
    "packed-es256",
    "packed-es384",
    "packed-self-es256",
];

#[test]
fn the_vectors_of_the_standard_give_their_answers() {
    let site = Site::parse("https://example.org").unwrap();
    let cases = files("webauthn-3");
    let names: std::vec::Vec<_> = cases.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, NAMES);
    let mut verified = 0;
    for (name, case) in &cases {
        let made = &case["registration"];
        let authenticator = hex(made, "authenticator");
        let found = Registration::new(authenticator.clone(), &hex(made, "client"))
            .and_then(|read| read.check(&site, digest(made, "challenge")));
        let code = found.unwrap_err().code();
        assert_eq!(code, text(&case["expect"], "registration"), "{name}");
        if code == "bad-key" {
            continue;
        }
        // The key is the last 77 bytes, whatever the rest is.
        let key = crate::cbor::Value::decode(&authenticator[authenticator.len() - 77..], 77);
        let key = PasskeyKey::from_any_cose(key.unwrap()).unwrap();
        assert_eq!(
            PasskeyKey::from_bytes(&key.to_bytes()),
            Err(BadPasskeyKey::Published)
        );

        let parts = &case["assertion"];
        let id = hex(made, "credential");
        let read = |id: std::vec::Vec<u8>| {
            Assertion::new(
                id,
                &hex(parts, "authenticator"),
                &hex(parts, "client"),
                &hex(parts, "signature"),
            )
        };
        let assertion = match read(id.clone()) {
            Ok(assertion) => assertion,
            Err(error) => {
                assert_eq!(error.code(), "credential-malformed", "{name}");
                read(id[..255].to_vec()).unwrap()
            }
        };
        let found = assertion.check(&key, &site, digest(parts, "challenge"));
        let code = found.as_ref().map_or_else(AssertionError::code, |_| "");
        assert_eq!(code, text(&case["expect"], "assertion"), "{name}");
        verified += usize::from(found.is_ok());

        // Whatever the flags say, the signature is good; and not over anything else.
        let signed = crate::digest::webauthn_signed(
            assertion.authenticator().as_bytes(),
            assertion.client().as_bytes(),
        );
        assert!(key.verifies(&signed, assertion.signature()), "{name}");
        let other = crate::digest::webauthn_signed(
            assertion.authenticator().as_bytes(),
            &hex(made, "client"),
        );
        assert!(!key.verifies(&other, assertion.signature()), "{name}");
    }
    assert_eq!(verified, 2);
}

/// WebAuthn §6.5.1.1: the example of a COSE key.
#[test]
fn the_example_key_of_the_standard_is_read() {
    let x = "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d";
    let y = "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c";
    let bytes = std::format!("a5010203262001215820{x}225820{y}");
    let bytes = HEXLOWER.decode(bytes.as_bytes()).unwrap();
    let value = crate::cbor::Value::decode(&bytes, 77).unwrap();
    let key = PasskeyKey::from_any_cose(value).unwrap();
    assert_eq!(HEXLOWER.encode(&key.to_bytes()), std::format!("02{x}"));
}
