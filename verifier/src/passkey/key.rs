//! The public key of a passkey: ES256, nothing else (`spec/passkeys.md` §3.4).

use alloc::format;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use p256::ecdsa::{VerifyingKey, signature::hazmat::PrehashVerifier as _};

use super::Signature;
use crate::{
    cbor::{CborError, Value},
    digest,
    key::JwkThumbprint,
};

/// A point of P-256 other than infinity. Kept as 33 bytes: SEC 1 §2.3.3, compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasskeyKey(VerifyingKey);

/// Why something is no key that can be trusted. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPasskeyKey {
    /// Not 33 bytes that begin with 0x02 or 0x03.
    #[error("{found} bytes of key, expected 33 that begin with 0x02 or 0x03 (SEC 1, compressed)")]
    Form {
        /// Bytes given.
        found: usize,
    },
    /// Not a closed map with the members of an EC2 key.
    #[error("COSE key")]
    Cose(#[from] CborError),
    /// An algorithm or a curve that is not used here.
    #[error(
        "COSE key for another algorithm: ask for `pubKeyCredParams` with -7 (ES256) only, when registering"
    )]
    Algorithm,
    /// No point of P-256, or a coordinate that is not reduced.
    #[error("not a point of P-256")]
    OffCurve,
    /// The private half is printed in a standard.
    #[error(
        "published test key: its private half is in a standard; register a key of an authenticator"
    )]
    Published,
}

/// x-coordinates of keys whose private halves are printed in standards; −y is as well known as y.
const PUBLISHED: [&str; 26] = [
    // RFC 6979 appendix A.2.5
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
    // RFC 7515 appendix A.3
    "7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445",
    // RFC 7517 appendix A.2
    "30a0424cd21c2944838a2d75c92b37e76ea20d9f00893a3b4eee8a3c0aafec3e",
    // RFC 9052 appendix C.7.2
    "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d",
    "bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff",
    "98f50a4ff6c05861c8860d13a638ea56c3f5ad7590bbfbf054e1c7b4d91d6280",
    // RFC 9421 appendix B.1.3
    "a885586552c2acf6471878cfd7b0935b4ffe0fd2dfc341248ea17bc41e058af0",
    // WebAuthn §16: credentials, and keys that attest
    "3269300e5ff7b699015f70cf80a8763bf705bc2e2af0c1b39cff718b7c35880c",
    "afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61",
    "eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5",
    "22200a473f90b11078851550d03b4e44a2279f8c4eca27b3153dedfe03e4e97d",
    "a1c47c1d82da4ebe82cd72207102b380670701993bc35398ae2e5726427fe01d",
    "3b8176b7504489cc593046d7988abb7905a742de6ac2cdc748a873c663e90cb1",
    "1cf27f25da591208a4239c2e324f104f585525479a29edeedd830f48e77aeae5",
    "a91ba4389409dd38a428141940ca8feb1ac0d7b4350558104a3777a49322f379",
    "17e5cc91d676d370e36aa7de40c25aacb45a3845f13d2932088ece2270b9b431",
    "940b68885291536e2f7c60c05acfb252e7eebcf4304425dd93ab7b1962f20492",
    "b7b36b7542a11120b443c794d0c99fdc25a06b76586413d81e086163ef6fe147",
    "dd2b7a564b73b8c0b81c4c62e521925c4d1198ec9f583dbf1eebe364b65cd9c2",
    "b85aaf790c824037cfe9fc56ab8d7ce6fbfaff2e3fe7c8d745734c3c6e3c6ce8",
    "41202698c9d9753fb4bb3f27cd09fe6b8afdb76438ee2ae54d7c9dade10d864b",
    "c54e3f109094f60d7699b7db5d838569ffd1f3e1c9e897cd9eb40063f9402e3e",
    "99169657036d089a2a9821a7d0063d341f1a4613389359636efab5f3cbf1accf",
    "8a3d5b1b4c543a706bf6e4b00afedb3c930b690dd286934fe2911f779cc7761a",
    "b0d62de6b30f86f0bac7a9016951391c2e31849e2e64661cbd2b13cd7d5508ad",
    "56fffa7093dede46aefeefb6e520c7ccc78967636e2f92582ba71455f64e9393",
];

impl PasskeyKey {
    /// Reads 33 bytes of SEC 1 §2.3.3. WA-10
    ///
    /// # Errors
    /// [`BadPasskeyKey`], in the order of its variants.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadPasskeyKey> {
        // The form leaves out infinity (one byte) and uncompressed points.
        if bytes.len() != 33 || !matches!(bytes.first(), Some(2 | 3)) {
            return Err(BadPasskeyKey::Form { found: bytes.len() });
        }
        Self::on_curve(bytes)?.unpublished()
    }

    /// Takes a COSE key: exactly `{1: 2, 3: -7, -1: 1, -2: x, -3: y}`. WA-9
    ///
    /// # Errors
    /// [`BadPasskeyKey`], in the order of its variants.
    pub fn from_cose(key: Value) -> Result<Self, BadPasskeyKey> {
        Self::from_any_cose(key)?.unpublished()
    }

    /// As [`Self::from_cose`], but a published key is accepted: a registration refuses it last.
    pub(super) fn from_any_cose(key: Value) -> Result<Self, BadPasskeyKey> {
        const WHAT: &str = "COSE key";
        let mut fields = key.into_fields(WHAT)?;
        let kty = fields.numbered(1, "1")?;
        let alg = fields.numbered(3, "3")?;
        // RFC 9053 §7.1.1: kty 2 is EC2; §2.1: algorithm −7 is ES256.
        if kty != Value::Uint(2) || alg != Value::from(-7_i64) {
            return Err(BadPasskeyKey::Algorithm);
        }
        if fields.numbered(-1, "-1")? != Value::Uint(1) {
            return Err(BadPasskeyKey::Algorithm);
        }
        let x = fields.numbered(-2, "-2")?.into_digest("-2")?;
        let y = fields.numbered(-3, "-3")?.into_digest("-3")?;
        fields.finish()?;
        // SEC 1 §2.3.3, uncompressed.
        let mut point = [4; 65];
        for (to, from) in point
            .iter_mut()
            .skip(1)
            .zip(x.as_bytes().iter().chain(y.as_bytes()))
        {
            *to = *from;
        }
        Self::on_curve(&point)
    }

    pub(super) fn on_curve(point: &[u8]) -> Result<Self, BadPasskeyKey> {
        VerifyingKey::from_sec1_bytes(point)
            .map(Self)
            .map_err(|_| BadPasskeyKey::OffCurve)
    }

    /// WA-11, DG-3
    pub(super) fn unpublished(self) -> Result<Self, BadPasskeyKey> {
        let bytes = self.to_bytes();
        let x = HEXLOWER.encode(bytes.get(1..).unwrap_or_default());
        if PUBLISHED.contains(&x.as_str()) {
            return Err(BadPasskeyKey::Published);
        }
        Ok(self)
    }

    /// The 33 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 33] {
        let point = self.0.to_sec1_point(true);
        let mut bytes = [0; 33];
        for (to, from) in bytes.iter_mut().zip(point.as_bytes()) {
            *to = *from;
        }
        bytes
    }

    /// RFC 7638 §3.2: `SHA-256({"crv":"P-256","kty":"EC","x":"<base64url>","y":"<base64url>"})`.
    #[must_use]
    pub fn jwk_thumbprint(&self) -> JwkThumbprint {
        let point = self.0.to_sec1_point(false);
        // SEC 1 §2.3.3, uncompressed: 0x04, x, y.
        let mut halves = point.as_bytes().get(1..).unwrap_or_default().chunks(32);
        let (x, y) = (
            halves.next().unwrap_or_default(),
            halves.next().unwrap_or_default(),
        );
        let jwk = format!(
            r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
            BASE64URL_NOPAD.encode(x),
            BASE64URL_NOPAD.encode(y)
        );
        JwkThumbprint::from_bytes(digest::key_thumbprint(jwk.as_bytes()))
    }

    /// SEC 1 §4.1.4 over a digest that was taken already.
    #[must_use]
    pub(super) fn verifies(&self, digest: &[u8; 32], signature: &Signature) -> bool {
        self.0.verify_prehash(digest, signature.value()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use p256::ecdsa::SigningKey;

    use super::*;
    use crate::passkey::testing::Authenticator;

    /// The private halves of [`PUBLISHED`], as the standards print them, in the same order.
    const PRINTED: [&str; PUBLISHED.len()] = [
        "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        "8e9b109e719098bf980487df1f5d77e9cb29606ebed2263b5f57c213df84f4b2",
        "f3bd0c07a81fb932781ed52752f60cc89a6be5e51934fe01938ddb55d8f77801",
        "aff907c99f9ad3aae6c4cdf21122bce2bd68b5283e6907154ad911840fa208cf",
        "57c92077664146e876760c9520d054aa93c3afb04e306705db6090308507b4d3",
        "02d1f7e6f26c43d4868d87ceb2353161740aacf1f7163647984b522a848df1c3",
        "529b85f3597e90ec5b8dfed3e26352bf4af9b4debb1a29bbae77fa105a5c603b",
        "7809337f05740a96a78eedf9e9280499dcc8f2aa129616049ec1dccfe103eb2a",
        "6e68e7a58484a3264f66b77f5d6dc5bc36a47085b615c9727ab334e8c369c2ee",
        "b4bbfa5d68e1693b6ef5a19a0e60ef7ee2cbcac81f7fec7006ac3a21e0c5116a",
        "96c940e769bd9f1237c119f144fa61a4d56af0b3289685ae2bef7fb89620623d",
        "a2d6de40ab974b80d8c1ef78c6d4300097754f7e016afe7f8ea0ad9798b0d420",
        "6fd2149bb5f1597fe549b138794bde61893b2dc32ca316de65f04808dac211dc",
        "36ed7bea2357cefa8c4ec7e134f3312d2e6ca3058519d0bcb4c1424272010432",
        "ec2804b222552b4b277d1f58f8c4343c0b0b0db5474eb55365c89d66a2bc96be",
        "8d979fbb6e49c4eeb5925a2bca0fcdb023d3fb90bcadce8391da9da4ed2aee9a",
        "ffbc89d5f75994f52dc5e7538ee269402d26995d40c16fb713473e34fca98be4",
        "08a1322d5aa5b5b40cd67c2cc30b038e7921d7888c84c342d50d79f0c5fc3464",
        "fbe7f950684f23afd045072a8b287ad29528707c662672850ac69733ffe0db85",
        "d90faf5cc3f7853456b09124dd870250347f9c9ff66dba363aecd9194c665715",
        "80c60805e564f6d33e7abdff9d32e3db09a6219fe378a268d23107191b18e39f",
        "6210f09e0ce7593e851a880a4bdde2d2192afeac46104abce1a890a5a71cf0c6",
        "d4328d911acb0ebcc42aad29b29ffb55d5bc31d8af7ca9a16703d56c21abc7b4",
        "de987bd9d43eeb44728ce0b14df11209dff931fb56b5b1948de4c0da1144ded0",
        "51bd002938fa10b83683ac2a2032d0a7338c7f65a90228cfd1f61b81ec7288d0",
        "66fda477a2a99d14c5edd7c1041a297ba5f3375108b1d032b79429f42349ce33",
    ];

    fn cose(members: [(i64, Value); 5]) -> Value {
        Value::map(members)
    }

    fn good() -> [(i64, Value); 5] {
        let point = Authenticator::new(1).key().0.to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        [
            (1, Value::Uint(2)),
            (3, Value::from(-7_i64)),
            (-1, Value::Uint(1)),
            (-2, Value::bytes(x)),
            (-3, Value::bytes(y)),
        ]
    }

    #[test]
    fn wa_9_a_cose_key_has_one_form() {
        let key = Authenticator::new(1).key();
        assert_eq!(PasskeyKey::from_cose(cose(good())), Ok(key));
        let with = |at: usize, value: Value| {
            let mut members = good();
            members[at].1 = value;
            PasskeyKey::from_cose(cose(members)).unwrap_err()
        };
        let algorithm = BadPasskeyKey::Algorithm;
        assert_eq!(with(0, Value::Uint(1)), algorithm);
        assert_eq!(with(1, Value::from(-8_i64)), algorithm);
        assert_eq!(with(1, Value::from(-9_i64)), algorithm);
        assert_eq!(with(1, Value::from(-35_i64)), algorithm);
        assert_eq!(with(2, Value::Uint(2)), algorithm);
        for at in [3, 4] {
            for wrong in [
                Value::bytes(&[1; 31]),
                Value::bytes(&[1; 48]),
                Value::Bool(true),
            ] {
                assert!(matches!(with(at, wrong), BadPasskeyKey::Cose(_)));
            }
        }
        // x as sign of y (RFC 9053 allows it), one more member, one fewer.
        let mut more: Vec<_> = good().into();
        more.push((2, Value::bytes(b"kid")));
        let refused = PasskeyKey::from_cose(Value::map(more));
        assert!(matches!(refused, Err(BadPasskeyKey::Cose(_))));
        for at in 0..5 {
            let mut fewer: Vec<_> = good().into();
            fewer.remove(at);
            let refused = PasskeyKey::from_cose(Value::map(fewer));
            assert!(matches!(refused, Err(BadPasskeyKey::Cose(_))), "{at}");
        }
    }

    #[test]
    fn wa_9_only_points_of_the_curve_with_reduced_coordinates_are_keys() {
        let off = BadPasskeyKey::OffCurve;
        let refused = |x: &[u8], y: &[u8]| {
            let mut members = good();
            members[3].1 = Value::bytes(x);
            members[4].1 = Value::bytes(y);
            PasskeyKey::from_cose(cose(members)).unwrap_err()
        };
        assert_eq!(refused(&[0; 32], &[0; 32]), off);
        assert_eq!(refused(&[0xff; 32], &[0xff; 32]), off);
        let Value::Bytes(x) = good()[3].1.clone() else {
            panic!("x is bytes");
        };
        let Value::Bytes(mut y) = good()[4].1.clone() else {
            panic!("y is bytes");
        };
        y[31] ^= 1;
        assert_eq!(refused(&x, &y), off);
        // SEC 2 §2.4.2: the point with x = 0 is on the curve; x = p is its second name.
        let zero = PasskeyKey::from_bytes(&[&[2][..], &[0; 32]].concat());
        assert!(zero.is_ok());
        let p = HEXLOWER
            .decode(b"ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")
            .unwrap();
        let twice = PasskeyKey::from_bytes(&[&[2][..], &p].concat());
        assert_eq!(twice, Err(off));
    }

    #[test]
    fn wa_10_a_key_is_kept_in_33_bytes() {
        for seed in 0..20 {
            let key = Authenticator::new(seed).key();
            let bytes = key.to_bytes();
            assert_eq!(PasskeyKey::from_bytes(&bytes), Ok(key));
            for first in [0, 1, 4, 5, 6, 7] {
                let mut other = bytes;
                other[0] = first;
                let refused = PasskeyKey::from_bytes(&other);
                assert_eq!(refused, Err(BadPasskeyKey::Form { found: 33 }));
            }
        }
        // Infinity, an uncompressed point, one byte fewer and one more.
        let point = Authenticator::new(1).key().0.to_sec1_point(false);
        let key = Authenticator::new(1).key().to_bytes();
        for bytes in [
            &[][..],
            &[0],
            point.as_bytes(),
            &key[..32],
            &[&key[..], &[0]].concat(),
        ] {
            let found = bytes.len();
            let refused = PasskeyKey::from_bytes(bytes);
            assert_eq!(refused, Err(BadPasskeyKey::Form { found }));
        }
        let x_of_no_point = [&[2][..], &[0; 31], &[1]].concat();
        assert_eq!(
            PasskeyKey::from_bytes(&x_of_no_point),
            Err(BadPasskeyKey::OffCurve)
        );
    }

    #[test]
    fn a_thumbprint_is_that_of_the_jwk() {
        // RFC 7515 appendix A.3, whose y is odd; the thumbprint is computed by other software.
        let x = HEXLOWER.decode(PUBLISHED[1].as_bytes()).unwrap();
        let key = PasskeyKey::on_curve(&[&[3][..], &x].concat()).unwrap();
        assert_eq!(
            key.jwk_thumbprint().to_base64url(),
            "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
        );
    }

    #[test]
    fn wa_11_keys_that_everybody_has_are_refused() {
        // DG-3: each printed private half gives the key of the table, with either sign of y.
        for (private, x) in PRINTED.iter().zip(PUBLISHED) {
            let private = HEXLOWER.decode(private.as_bytes()).unwrap();
            let key = SigningKey::from_slice(&private).unwrap();
            let mut bytes = PasskeyKey(*key.verifying_key()).to_bytes();
            assert_eq!(HEXLOWER.encode(&bytes[1..]), x);
            for sign in [2, 3] {
                bytes[0] = sign;
                let refused = PasskeyKey::from_bytes(&bytes);
                assert_eq!(refused, Err(BadPasskeyKey::Published), "{x}");
            }
        }
    }
}
