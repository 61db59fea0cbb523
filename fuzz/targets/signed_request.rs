//! Signed requests, as messages and as evidence. The input is a file like those of `testdata/requests/`: what is accepted
//! was accepted in one of them, under the same base and signature; what is read has one form.
#![no_main]

use std::{collections::BTreeSet, sync::LazyLock};

use agentsigna_fuzz::folder;
use agentsigna_verifier::{
    key::PublicKey,
    signed_request::{Evidence, Message, Profile, Signed, parse},
    time::UnixMillis,
};
use data_encoding::BASE64;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// A base and the signature over it. The content is another check: the base names its digest.
type Known = (Vec<u8>, [u8; 64]);

/// What keys signed in the files: everything whose signature holds, whatever else is wrong with it.
static KNOWN: LazyLock<(BTreeSet<Known>, Vec<PublicKey>)> = LazyLock::new(|| {
    let (mut known, mut keys) = (BTreeSet::new(), Vec::new());
    for name in ["messages", "evidence"] {
        for (_, bytes) in folder(&format!("testdata/requests/{name}")) {
            let case: Value = serde_json::from_slice(&bytes).expect("a file is JSON");
            let key = case["key"]
                .as_str()
                .and_then(|key| PublicKey::from_base64url(key).ok());
            keys.extend(key.filter(|key| !keys.contains(key)));
            for signed in Profile::ALL
                .iter()
                .filter_map(|profile| message(&case, *profile))
            {
                known.insert((signed.base().into(), *signed.signature()));
            }
            if let Some(evidence) = evidence(&case) {
                known.insert((evidence.base, evidence.signature));
            }
        }
    }
    assert!(
        !keys.is_empty() && known.len() > 10,
        "{} keys, {} bases",
        keys.len(),
        known.len()
    );
    (known, keys)
});

fuzz_target!(|data: &[u8]| {
    let Ok(case) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let now = case["now_ms"].as_u64().and_then(UnixMillis::new);
    let mut read = 0;
    for profile in Profile::ALL {
        if let Some(signed) = message(&case, profile) {
            read += 1;
            received(signed, profile, now, body(&case));
        }
        if let Some(evidence) = evidence(&case) {
            kept(&evidence, profile, case["authority"].as_str());
        }
    }
    // RQ-15: the tag alone says which profile it is.
    assert!(read <= 1);
});

fn body(case: &Value) -> &[u8] {
    case["body"].as_str().unwrap_or_default().as_bytes()
}

fn message(case: &Value, profile: Profile) -> Option<Signed> {
    let sent = &case["message"];
    let message = Message {
        method: sent["method"].as_str()?,
        authority: sent["authority"].as_str()?,
        target: sent["target"].as_str()?,
        content_type: sent["content_type"].as_str(),
        content_digest: sent["content_digest"].as_str(),
        passport: sent["passport"].as_str(),
        signature_input: sent["signature_input"].as_str(),
        signature: sent["signature"].as_str(),
    };
    let signed = parse(&message, profile).ok()?;
    let statement = signed.statement();
    assert_eq!(
        (
            statement.method(),
            statement.authority(),
            statement.target()
        ),
        (message.method, message.authority, message.target)
    );
    assert_eq!(statement.content_type().is_some(), profile.has_content());
    assert_eq!(statement.content_digest().is_some(), profile.has_content());
    assert_eq!(statement.passport().is_some(), profile.has_passport());
    assert_eq!(statement.nonce().is_some(), profile.has_nonce());
    Some(signed)
}

fn evidence(case: &Value) -> Option<Evidence> {
    Some(Evidence {
        base: case["base"].as_str()?.into(),
        signature: BASE64
            .decode(case["signature"].as_str()?.as_bytes())
            .ok()?
            .try_into()
            .ok()?,
        body: body(case).into(),
    })
}

fn received(signed: Signed, profile: Profile, now: Option<UnixMillis>, body: &[u8]) {
    let evidence = Evidence {
        base: signed.base().into(),
        signature: *signed.signature(),
        body: body.into(),
    };
    // RQ-27: what a server reads, an auditor reads the same out of the base.
    assert_eq!(evidence.read(profile).as_ref(), Some(signed.statement()));
    kept(&evidence, profile, Some(signed.statement().authority()));
    let (known, keys) = &*KNOWN;
    let now = now.unwrap_or(UnixMillis::MAX);
    for key in keys {
        if let Ok(authentic) = signed.clone().check(now, key, body) {
            assert!(known.contains(&(evidence.base.clone(), evidence.signature)));
            assert_eq!(authentic.statement().keyid(), key.jwk_thumbprint());
            let (created, expires) = (
                signed.statement().created_s(),
                signed.statement().expires_s(),
            );
            assert!(created * 1000 <= now.millis() + 5000 && now.millis() <= expires * 1000);
            assert_eq!(authentic.into_evidence(body.into()), evidence);
        }
    }
}

fn kept(evidence: &Evidence, profile: Profile, authority: Option<&str>) {
    if let Some(statement) = evidence.read(profile) {
        assert_eq!(statement.base().as_bytes(), evidence.base);
        assert_eq!(statement.profile(), profile);
    }
    let (known, keys) = &*KNOWN;
    for key in keys {
        if let Ok(statement) = evidence.check(profile, key, authority) {
            assert!(known.contains(&(evidence.base.clone(), evidence.signature)));
            assert_eq!(Some(&statement), evidence.read(profile).as_ref());
            assert_eq!(statement.keyid(), key.jwk_thumbprint());
            assert!(authority.is_none_or(|authority| authority == statement.authority()));
        }
    }
}
