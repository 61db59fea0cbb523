//! The payload: CWT claims (RFC 8392) under 1 to 8, ours under −70001 and below.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{Approvals, Subject};
use crate::{
    action::Action,
    cbor::{CborError, Fields, Value},
    digest::Digest,
    entry::CaseId,
    id::Id,
    key::PublicKey,
    limits,
    log::note::KeyName,
    passkey::context::RuleIds,
};

const WHAT: &str = "claims";

const ISS: i64 = 1;
const SUB: i64 = 2;
const AUD: i64 = 3;
const EXP: i64 = 4;
const NBF: i64 = 5;
const IAT: i64 = 6;
const CTI: i64 = 7;
const CNF: i64 = 8;
const ORIGIN: i64 = -70001;
const CASE: i64 = -70002;
const ACTION: i64 = -70003;
const ACTION_DIGEST: i64 = -70004;
const BUNDLE: i64 = -70005;
const RULES: i64 = -70006;
const PATH: i64 = -70007;
const SNAPSHOT: i64 = -70008;
const CHAIN: i64 = -70009;
const APPROVALS: i64 = -70010;
const ENGINE: i64 = -70011;

/// Where the permission is good: one target system of one log. `<origin>#<system id>` (decision 30).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    origin: String,
    system: Id,
}

/// How the permission came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// Policy allowed it.
    Authorized,
    /// Policy asked people, and these agreed.
    Approved(Approvals),
}

/// What a Passport says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Who runs the log.
    pub issuer: String,
    /// The agent.
    pub agent: Id,
    /// The one target system it is for.
    pub audience: Audience,
    /// Seconds since the epoch: worth nothing from here on.
    pub expires_s: u64,
    /// Seconds since the epoch: worth nothing before.
    pub not_before_s: u64,
    /// Seconds since the epoch.
    pub issued_s: u64,
    /// Names this Passport; the key of a target's seen-set.
    pub cti: [u8; 16],
    /// The key that must sign the call which presents it (RFC 8747).
    pub key: PublicKey,
    /// The log.
    pub origin: String,
    /// The case.
    pub case: CaseId,
    /// What is permitted: exactly this.
    pub action: Action,
    /// Digest of [`Self::action`], for targets that compare digests only.
    pub action_digest: Digest,
    /// The bundle that decided.
    pub bundle: Digest,
    /// The rules that gave the verdict, sorted.
    pub rules: Vec<String>,
    /// How the permission came about.
    pub path: Path,
    /// Digest of the decision's inputs.
    pub snapshot: Digest,
    /// The event digests of the case so far, in order.
    pub chain: Vec<Digest>,
    /// The engine that decided.
    pub engine: String,
}

/// What a Passport says beyond the decision itself.
#[derive(Debug, Clone)]
pub struct Grounds {
    /// Who runs the log.
    pub issuer: String,
    /// Seconds since the epoch.
    pub issued_s: u64,
    /// Seconds it lives, `1..=900`; more is cut to 900.
    pub life_s: u64,
    /// 16 random bytes.
    pub cti: [u8; 16],
    /// The key that is enrolled for the agent.
    pub key: PublicKey,
    /// The case.
    pub case: CaseId,
    /// The event digests of the case so far, in order.
    pub chain: Vec<Digest>,
}

impl Audience {
    /// The system `system` of the log `origin`.
    #[must_use]
    pub const fn new(origin: String, system: Id) -> Self {
        Self { origin, system }
    }

    /// Reads `<origin>#<system id>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (origin, system) = text.rsplit_once('#')?;
        if origin.is_empty() || origin.contains('#') {
            return None;
        }
        Some(Self {
            origin: origin.to_string(),
            system: Id::parse(system).ok()?,
        })
    }

    /// The log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The target system.
    #[must_use]
    pub const fn system(&self) -> &Id {
        &self.system
    }
}

impl core::fmt::Display for Audience {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}#{}", self.origin, self.system)
    }
}

impl Path {
    /// The word for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Authorized => "authorized",
            Self::Approved(_) => "approved",
        }
    }

    /// The people who agreed; `None` where policy alone allowed it.
    #[must_use]
    pub const fn approvals(&self) -> Option<&Approvals> {
        match self {
            Self::Authorized => None,
            Self::Approved(approvals) => Some(approvals),
        }
    }

    /// The claim −70010.
    fn approvals_value(&self) -> Value {
        self.approvals()
            .map_or_else(|| Value::array([]), Approvals::to_value)
    }

    fn from_values(path: &str, approvals: Value) -> Result<Self, CborError> {
        match path {
            "authorized" if approvals == Value::array([]) => Ok(Self::Authorized),
            "authorized" => Err(bad("approvals", "an empty array: policy alone allowed it")),
            "approved" => Ok(Self::Approved(Approvals::from_value(approvals)?)),
            _ => Err(bad("path", "`authorized` or `approved`")),
        }
    }
}

impl Claims {
    /// The claims of a permit, over the snapshot it was given on; `None` if it was given on another.
    #[cfg(feature = "rules")]
    pub(super) fn of(
        permit: crate::rules::Permit,
        snapshot: &crate::snapshot::Snapshot,
        grounds: Grounds,
    ) -> Option<Self> {
        let digest = snapshot.digest();
        if digest != permit.snapshot() {
            return None;
        }
        let action = snapshot.action().clone();
        Some(Self {
            issuer: grounds.issuer,
            agent: snapshot.agent().id().clone(),
            audience: Audience::new(snapshot.origin().to_string(), action.target().clone()),
            // PA-6: it lives 1 to 900 s from the moment of issue.
            expires_s: grounds
                .issued_s
                .saturating_add(grounds.life_s.clamp(1, limits::PASSPORT_LIFE_S_MAX)),
            not_before_s: grounds.issued_s,
            issued_s: grounds.issued_s,
            cti: grounds.cti,
            key: grounds.key,
            origin: snapshot.origin().to_string(),
            case: grounds.case,
            action_digest: action.digest(),
            action,
            bundle: permit.bundle(),
            rules: permit.rules().to_vec(),
            path: permit.into_path(),
            snapshot: digest,
            chain: grounds.chain,
            engine: crate::rules::ENGINE.to_string(),
        })
    }

    /// The CWT claims set of `spec/passport.md`. Writing claims is not permitting: only the seal counts.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let confirmation = Value::map([(
            1_i64,
            Value::map([
                (1_i64, Value::Uint(1)),
                (-1_i64, Value::Uint(6)),
                (-2_i64, Value::bytes(self.key.as_bytes())),
            ]),
        )]);
        Value::map([
            (ISS, Value::from(self.issuer.as_str())),
            (SUB, Value::from(self.agent.as_str())),
            (AUD, Value::from(format!("{}", self.audience).as_str())),
            (EXP, Value::Uint(self.expires_s)),
            (NBF, Value::Uint(self.not_before_s)),
            (IAT, Value::Uint(self.issued_s)),
            (CTI, Value::bytes(&self.cti)),
            (CNF, confirmation),
            (ORIGIN, Value::from(self.origin.as_str())),
            (CASE, Value::bytes(self.case.as_bytes())),
            (ACTION, self.action.to_value()),
            (ACTION_DIGEST, Value::from(self.action_digest)),
            (BUNDLE, Value::from(self.bundle)),
            (
                RULES,
                Value::array(self.rules.iter().map(|rule| Value::from(rule.as_str()))),
            ),
            (PATH, Value::from(self.path.as_str())),
            (SNAPSHOT, Value::from(self.snapshot)),
            (
                CHAIN,
                Value::array(self.chain.iter().copied().map(Value::from)),
            ),
            (APPROVALS, self.path.approvals_value()),
            (ENGINE, Value::from(self.engine.as_str())),
        ])
    }

    /// What the approvals of this Passport are about; `None` where a claim is nothing that can be approved.
    #[must_use]
    pub fn subject<'a>(&'a self, origin: &'a KeyName, rules: &'a RuleIds) -> Option<Subject<'a>> {
        Some(Subject {
            origin,
            case: self.case,
            request: *self.chain.first()?,
            bundle: self.bundle,
            rules,
            system: self.audience.system(),
        })
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields(WHAT)?;
        let claims = Self {
            issuer: text(&mut fields, ISS, "iss")?,
            agent: Id::parse(&text(&mut fields, SUB, "sub")?).map_err(|_| bad("sub", "an id"))?,
            audience: Audience::parse(&text(&mut fields, AUD, "aud")?)
                .ok_or_else(|| bad("aud", "`<origin>#<system id>`"))?,
            expires_s: seconds(&mut fields, EXP, "exp")?,
            not_before_s: seconds(&mut fields, NBF, "nbf")?,
            issued_s: seconds(&mut fields, IAT, "iat")?,
            cti: fixed(&mut fields, CTI, "cti")?,
            key: confirmation(&mut fields)?,
            origin: text(&mut fields, ORIGIN, "origin")?,
            case: CaseId::from_bytes(fixed(&mut fields, CASE, "case")?),
            action: Action::from_value(fields.numbered(ACTION, "action")?)?,
            action_digest: fields
                .numbered(ACTION_DIGEST, "action digest")?
                .into_digest("action digest")?,
            bundle: fields.numbered(BUNDLE, "bundle")?.into_digest("bundle")?,
            rules: fields
                .numbered(RULES, "rules")?
                .into_list("rules", |rule| rule.into_text("rules"))?,
            path: {
                let path = text(&mut fields, PATH, "path")?;
                Path::from_values(&path, fields.numbered(APPROVALS, "approvals")?)?
            },
            snapshot: fields
                .numbered(SNAPSHOT, "snapshot")?
                .into_digest("snapshot")?,
            chain: fields
                .numbered(CHAIN, "chain")?
                .into_list("chain", |digest| digest.into_digest("chain"))?,
            engine: text(&mut fields, ENGINE, "engine")?,
        };
        fields.finish()?;
        Ok(claims)
    }
}

fn text(fields: &mut Fields, label: i64, name: &'static str) -> Result<String, CborError> {
    fields.numbered(label, name)?.into_text(name)
}

/// NumericDate of RFC 8392 §2, restricted to whole seconds whose milliseconds are below 2^53.
fn seconds(fields: &mut Fields, label: i64, name: &'static str) -> Result<u64, CborError> {
    match fields.numbered(label, name)? {
        Value::Uint(n) if n <= limits::JSON_INTEGER_MAX / 1000 => Ok(n),
        _ => Err(bad(name, "whole seconds since the epoch")),
    }
}

fn fixed(fields: &mut Fields, label: i64, name: &'static str) -> Result<[u8; 16], CborError> {
    match fields.numbered(label, name)? {
        Value::Bytes(bytes) => bytes.try_into().map_err(|_| bad(name, "16 bytes")),
        _ => Err(bad(name, "16 bytes")),
    }
}

fn confirmation(fields: &mut Fields) -> Result<PublicKey, CborError> {
    let mut cnf = fields.numbered(CNF, "cnf")?.into_fields("cnf")?;
    let mut key = cnf.numbered(1, "COSE_Key")?.into_fields("COSE_Key")?;
    cnf.finish()?;
    if key.numbered(1, "kty")? != Value::Uint(1) || key.numbered(-1, "crv")? != Value::Uint(6) {
        return Err(bad("cnf", "an OKP key on Ed25519"));
    }
    let x = key.numbered(-2, "x")?;
    key.finish()?;
    match x {
        Value::Bytes(bytes) => PublicKey::from_bytes(&bytes)
            .map_err(|_| bad("cnf", "an Ed25519 public key of large order")),
        _ => Err(bad("cnf", "32 bytes")),
    }
}

const fn bad(field: &'static str, expected: &'static str) -> CborError {
    CborError::Unexpected {
        what: WHAT,
        field,
        expected,
    }
}
