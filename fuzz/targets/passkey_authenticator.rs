//! Authenticator data, assertions, registrations and contexts of passkeys: whatever is read is written again as it was,
//! and nothing changed is believed.
#![no_main]

use std::sync::LazyLock;

use agentsigna_fuzz::changed;
use agentsigna_verifier::{
    id::Id,
    log::note::KeyName,
    passkey::{
        Assertion, AuthenticatorData, CREDENTIAL_ID_BYTES_MAX, CredentialId, PasskeyKey,
        Registration, Signature, Site,
        context::{
            ActContext, ActPath, ApprovalContext, CredentialUse, Life, Nonce, RegistrationContext,
            SignInContext,
        },
        testing::Authenticator,
    },
    time::UnixMillis,
};
use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

/// An act that a device signed, and the registration of its key.
struct Known {
    act: ActContext,
    registration: RegistrationContext,
    site: Site,
    key: PasskeyKey,
    asserted: Assertion,
    registered: Registration,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut device = Authenticator::new(1);
    let time = |ms| UnixMillis::new(ms).unwrap();
    let origin = KeyName::parse("log.example.com/t/0011223344556677").unwrap();
    let act = ActContext {
        origin: origin.clone(),
        user: Id::parse("cfo-1").unwrap(),
        credential: device.credential(),
        path: ActPath::parse("/v1/policies/activate").unwrap(),
        content: [3; 32],
        nonce: Nonce::new([4; 32]),
        life: Life::new(time(1000), time(2000)).unwrap(),
    };
    let registration = RegistrationContext {
        origin,
        user: Id::parse("cfo-1").unwrap(),
        credential_use: CredentialUse::Approval,
        nonce: Nonce::new([5; 32]),
        expires_at: time(2000),
    };
    let site = Site::parse("https://approve.example.com").unwrap();
    let known = Known {
        asserted: device.assert(&site, act.challenge()),
        registered: device.register(&site, registration.challenge()),
        key: device.key(),
        act,
        registration,
        site,
    };
    assert!(
        known
            .act
            .check(&known.asserted, &known.key, &known.site)
            .is_ok()
    );
    assert!(
        known
            .registration
            .check(&known.registered, &known.site)
            .is_ok()
    );
    known
});

fuzz_target!(|data: &[u8]| {
    layouts(data);
    contexts(data);
    assertion(data);
    registration(data);
    assertion(&changed(
        &KNOWN.asserted.encode(),
        &mut Unstructured::new(data),
    ));
    registration(&changed(
        &KNOWN.registered.encode(),
        &mut Unstructured::new(data),
    ));
});

fn layouts(data: &[u8]) {
    if let Ok(read) = AuthenticatorData::parse(data) {
        assert_eq!(read.as_bytes(), data);
        let flags = data[32];
        assert_eq!(flags & !0x1d, 0, "{flags:#x}");
        assert_eq!(read.flags().backup().is_none(), flags & 0x18 == 0x10);
        assert_eq!(read.counter().count().to_be_bytes(), data[33..]);
    }
    if let Ok((read, attested)) = AuthenticatorData::parse_registration(data) {
        assert!(data.starts_with(read.as_bytes()));
        let id = attested.credential().as_bytes();
        assert!(!id.is_empty() && id.len() <= CREDENTIAL_ID_BYTES_MAX);
        assert_eq!(data.len(), 37 + 16 + 2 + id.len() + 77);
        assert_eq!(&data[55..55 + id.len()], id);
    }
    if let Ok(key) = PasskeyKey::from_bytes(data) {
        assert_eq!(key.to_bytes(), data);
    }
    if let Ok(signature) = Signature::parse(data) {
        assert_eq!(signature.as_bytes(), data);
    }
    assert_eq!(
        CredentialId::new(data.to_vec()).is_ok(),
        (1..=CREDENTIAL_ID_BYTES_MAX).contains(&data.len())
    );
}

fn contexts(data: &[u8]) {
    let mut read = 0;
    if let Ok(context) = RegistrationContext::decode(data) {
        assert_eq!(context.encode(), data);
        read += 1;
    }
    if let Ok(context) = SignInContext::decode(data) {
        assert_eq!(context.encode(), data);
        assert_eq!(
            Site::parse(context.site.origin()).as_ref(),
            Ok(&context.site)
        );
        read += 1;
    }
    if let Ok(context) = ActContext::decode(data) {
        assert_eq!(context.encode(), data);
        read += 1;
    }
    if let Ok(context) = ApprovalContext::decode(data) {
        assert_eq!(context.encode(), data);
        assert!(context.life.issued_at() < context.life.expires_at());
        read += 1;
    }
    assert!(read <= 1, "bytes that are contexts of two purposes");
}

fn assertion(data: &[u8]) {
    let Ok(read) = Assertion::decode(data) else {
        return;
    };
    assert_eq!(read.encode(), data);
    let known = &*KNOWN;
    if known.act.check(&read, &known.key, &known.site).is_ok() {
        // The signature alone may have another form: s or −s.
        assert_eq!(read.credential(), known.asserted.credential());
        assert_eq!(read.authenticator(), known.asserted.authenticator());
        assert_eq!(read.client(), known.asserted.client());
    }
}

fn registration(data: &[u8]) {
    let Ok(read) = Registration::decode(data) else {
        return;
    };
    assert_eq!(read.encode(), data);
    let known = &*KNOWN;
    if let Ok(credential) = known.registration.check(&read, &known.site) {
        // Nothing in it is signed: another key or id may stand there, in its one form.
        assert_eq!(credential.id(), read.credential());
        let key = PasskeyKey::from_bytes(&credential.key().to_bytes());
        assert_eq!(key.as_ref(), Ok(credential.key()));
        assert_eq!(read.client().challenge(), known.registration.challenge());
    }
}
