//! Properties: nothing changed passes, nothing panics, and a signature is no name.

use std::vec::Vec;

use proptest::prelude::*;

use super::super::{
    ASSERTION_BYTES_MAX, Assertion, AuthenticatorData, Backup, CLIENT_DATA_BYTES_MAX, PasskeyKey,
    REGISTRATION_BYTES_MAX, Registration, SIGNATURE_BYTES_MAX, Signature, Site,
    context::{ActContext, ActPath, Life, Nonce},
    testing::Authenticator,
};
use crate::{digest::Digest, id::Id, log::note::KeyName, time::UnixMillis};

fn site() -> Site {
    Site::parse("https://approve.example.com").unwrap()
}

fn context(device: &Authenticator) -> ActContext {
    let time = |ms| UnixMillis::new(ms).unwrap();
    ActContext {
        origin: KeyName::parse("log.example.com/t/0011223344556677").unwrap(),
        user: Id::parse("cfo-1").unwrap(),
        credential: device.credential(),
        path: ActPath::parse("/v1/policies/activate").unwrap(),
        content: [3; 32],
        nonce: Nonce::new([4; 32]),
        life: Life::new(time(1000), time(2000)).unwrap(),
    }
}

#[test]
fn no_bit_of_a_valid_assertion_can_be_flipped() {
    let mut device = Authenticator::new(1);
    let (context, key) = (context(&device), device.key());
    let bytes = device.assert(&site(), context.challenge()).encode();
    let check = |bytes: &[u8]| {
        let assertion = Assertion::decode(bytes)?;
        context.check(&assertion, &key, &site())
    };
    assert!(check(&bytes).is_ok());
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(check(&changed).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(check(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn no_bit_of_the_key_or_the_challenge_can_be_flipped() {
    let mut device = Authenticator::new(1);
    let challenge = context(&device).challenge();
    let assertion = device.assert(&site(), challenge);
    let key = device.key();
    assert!(assertion.check(&key, &site(), challenge).is_ok());
    for bit in 0..256 {
        let mut other = *challenge.as_bytes();
        other[bit / 8] ^= 1 << (bit % 8);
        let refused = assertion.check(&key, &site(), Digest::from_bytes(other));
        assert_eq!(refused.unwrap_err().code(), "wrong-challenge");
    }
    let mut points = 0;
    for bit in 0..33 * 8 {
        let mut other = key.to_bytes();
        other[bit / 8] ^= 1 << (bit % 8);
        // About half of all x are those of a point.
        if let Ok(other) = PasskeyKey::from_bytes(&other) {
            let refused = assertion.check(&other, &site(), challenge);
            assert_eq!(refused.unwrap_err().code(), "bad-assertion");
            points += 1;
        }
    }
    assert!(points > 80, "{points}");
}

/// WA-14: the limits are what the largest parts give.
#[test]
fn wa_14_the_largest_fit_their_limits() {
    let challenge = Digest::from_bytes([9; 32]);
    let mut device = Authenticator::new(1).with_credential(&[0xff; 255]);
    let fill = |client: &[u8]| {
        let mut client = client.to_vec();
        client.resize(CLIENT_DATA_BYTES_MAX, b' ');
        client
    };
    let made = device.register(&site(), challenge);
    let authenticator = device.registered(site().rp_id());
    let made = Registration::new(authenticator, &fill(made.client().as_bytes())).unwrap();
    assert_eq!(made.encode().len(), REGISTRATION_BYTES_MAX);
    assert_eq!(Registration::decode(&made.encode()).as_ref(), Ok(&made));
    assert!(made.check(&site(), challenge).is_ok());

    let assertion = device.assert(&site(), challenge);
    let client = fill(assertion.client().as_bytes());
    let authenticator = assertion.authenticator().as_bytes();
    let signature = device.sign(authenticator, &client);
    let id = assertion.credential().as_bytes().to_vec();
    let largest = Assertion::new(id, authenticator, &client, &signature).unwrap();
    let spare = SIGNATURE_BYTES_MAX - signature.len();
    assert_eq!(largest.encode().len() + spare, ASSERTION_BYTES_MAX);
    assert_eq!(Assertion::decode(&largest.encode()).as_ref(), Ok(&largest));
    assert!(largest.check(&device.key(), &site(), challenge).is_ok());
}

/// WA-13: the reason why no code takes signature bytes as a name.
#[test]
fn wa_13_one_assertion_has_two_signatures() {
    let mut device = Authenticator::new(1);
    let challenge = context(&device).challenge();
    let assertion = device.assert(&site(), challenge);
    let (r, s) = assertion.signature().value().split_scalars();
    let other = p256::ecdsa::Signature::from_scalars(r, -*s).unwrap();
    let other = Assertion::new(
        assertion.credential().as_bytes().to_vec(),
        assertion.authenticator().as_bytes(),
        assertion.client().as_bytes(),
        other.to_der().as_bytes(),
    )
    .unwrap();
    assert_ne!(assertion.signature(), other.signature());
    let asserted = |assertion: &Assertion| assertion.check(&device.key(), &site(), challenge);
    assert_eq!(asserted(&assertion).unwrap(), asserted(&other).unwrap());
}

/// WA-10, WA-31: each key of many signs, and only for itself.
#[test]
fn each_device_signs_for_itself_only() {
    let challenge = Digest::from_bytes([9; 32]);
    let mut devices: Vec<_> = (0..12).map(Authenticator::new).collect();
    let keys: Vec<_> = devices.iter().map(Authenticator::key).collect();
    for (at, device) in devices.iter_mut().enumerate() {
        let registered = device.register(&site(), challenge);
        let credential = registered.check(&site(), challenge).unwrap();
        assert_eq!(credential.key(), &keys[at]);
        let assertion = device.assert(&site(), challenge);
        for (other, key) in keys.iter().enumerate() {
            let found = assertion.check(key, &site(), challenge).is_ok();
            assert_eq!(found, at == other, "{at} {other}");
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let challenge = Digest::from_bytes([9; 32]);
    let make = || {
        let mut device = Authenticator::new(7).with_flags(0x1d);
        let made = device.register(&site(), challenge).encode();
        (made, device.assert(&site(), challenge).encode())
    };
    assert_eq!(make(), make());
    let mut device = Authenticator::new(7).with_flags(0x1d);
    let asserted = |device: &mut Authenticator| {
        let assertion = device.assert(&site(), challenge);
        assertion.check(&device.key(), &site(), challenge).unwrap()
    };
    let (first, second) = (asserted(&mut device), asserted(&mut device));
    assert_eq!(first.backup(), Backup::BackedUp);
    assert!(second.counter().follows(first.counter()));
    assert!(!first.counter().follows(second.counter()));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = Assertion::decode(&bytes);
        let _ = Registration::decode(&bytes);
        let _ = AuthenticatorData::parse_registration(&bytes);
        let _ = AuthenticatorData::parse(&bytes);
        let _ = PasskeyKey::from_bytes(&bytes);
    }

    /// Method: DER of random shapes; whatever is read is written again as it was.
    #[test]
    fn wa_12_a_signature_has_one_form(
        r in prop::collection::vec(any::<u8>(), 0..34),
        s in prop::collection::vec(any::<u8>(), 0..34),
    ) {
        let integer = |bytes: &[u8]| [&[2, u8::try_from(bytes.len()).unwrap()], bytes].concat();
        let content = [integer(&r), integer(&s)].concat();
        let bytes = [&[0x30, u8::try_from(content.len()).unwrap()], &content[..]].concat();
        let canonical = |bytes: &[u8]| match bytes {
            [] | [0] => false,
            [0, second, ..] => *second >= 0x80 && bytes.len() <= 33,
            [first, ..] => *first < 0x80 && bytes.len() <= 32,
        };
        if let Ok(signature) = Signature::parse(&bytes) {
            prop_assert_eq!(signature.as_bytes(), &bytes[..]);
            prop_assert!(canonical(&r) && canonical(&s));
        } else {
            // Only numbers from the order on are refused though their form is good: they begin with 32 ones.
            let large = |bytes: &[u8]| bytes.len() == 33 && bytes[1..5] == [0xff; 4];
            prop_assert!(!canonical(&r) || !canonical(&s) || large(&r) || large(&s));
        }
    }
}
