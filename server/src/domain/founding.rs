//! How a tenant begins with a passkey (decision 4): the host promises it, and there is no log until the founder's device
//! has made a key. The genesis entry is written then, with that key in it.
//!
//! A promise is in memory: it dies after ten minutes, with its use, and with the server. The host sees the link too and
//! could use it first; therefore founder and host compare the genesis leaf.

use std::sync::Arc;

use agentsigna_verifier::{
    action::{Currency, Exponent},
    digest::{self, Digest, Noun},
    event::{Founder, FounderError, PasskeyFounder, Shown, Sites},
    id::Id,
    log::{note::KeyName, tree::LeafHash},
    passkey::{
        Registration,
        context::{CredentialUse, Nonce, RegistrationContext},
    },
    people::PersonName,
    time::UnixMillis,
    trust::Trust,
};

use super::{
    Kind, Office, Refusal, Registering,
    ceremonies::OpenJoin,
    directory::{CODE_LIFE_MS, new_code},
    office::Inner,
    random,
    reply::Reply,
};
use crate::ledger::{CreateTenantError, Founding, Tenant};

/// A tenant that will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// Its name in the host's words.
    pub name: String,
    /// The host part of its origin.
    pub platform: String,
    /// Its one currency.
    pub currency: Currency,
    /// Digits after that currency's decimal point.
    pub exponent: Exponent,
    /// Where its people sign in and judge.
    pub sites: Sites,
}

/// What the host hands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promised {
    /// The permanent name that the log will have.
    pub origin: String,
    /// 22 characters: whoever has them founds the tenant.
    pub code: String,
    /// When the promise dies.
    pub expires_at: UnixMillis,
}

/// A tenant that began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founded {
    /// The permanent name of the log.
    pub origin: String,
    /// Leaf hash of entry 0, in hex: to be compared over another channel.
    pub genesis_leaf: String,
    /// The trust file that the genesis amounts to.
    pub trust: String,
}

/// A promise that was not used yet.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    promise: Promise,
    origin: String,
    pub(super) expires_at: UnixMillis,
}

impl Office {
    /// Promises a tenant to whoever brings the code. An earlier promise of the same name is void.
    ///
    /// # Errors
    /// [`Refusal`]: there is a tenant of that name, its origin names no log, or there is no randomness.
    pub fn promise(&self, promise: Promise) -> Result<Promised, Refusal> {
        if self.inner.ledger.tenant(&promise.name).is_some() {
            return Err(Refusal::conflict(
                "name-taken",
                format!(
                    "a tenant `{}` exists already: choose another name",
                    promise.name
                ),
            ));
        }
        let origin =
            Founding::new_origin(&promise.platform).map_err(|error| Refusal::broken(&error))?;
        // Said now, and not to the founder.
        KeyName::parse(&origin)
            .map_err(|error| Refusal::invalid("platform", "", error.to_string()))?;
        let (code, digest) = new_code()?;
        let expires_at = self.inner.ledger.clock().now().plus(CODE_LIFE_MS);
        let mut promises = self.inner.ceremonies.promises();
        promises.retain(|_, pending| pending.promise.name != promise.name);
        let pending = Pending {
            promise,
            origin: origin.clone(),
            expires_at,
        };
        promises.insert(digest, pending);
        Ok(Promised {
            origin,
            code,
            expires_at,
        })
    }

    /// What the founder's browser needs to make the first passkey of the log.
    ///
    /// # Errors
    /// `wrong-code` without a promise.
    pub fn found_challenge(&self, code: &str, user: Id) -> Result<Registering, Refusal> {
        let now = self.inner.ledger.clock().now();
        let (code, pending) = promised(&self.inner, code, now)?;
        let context = RegistrationContext {
            origin: KeyName::parse(&pending.origin).map_err(|error| Refusal::broken(&error))?,
            user: user.clone(),
            credential_use: CredentialUse::SignIn,
            nonce: Nonce::new(random()?),
            expires_at: pending.expires_at,
        };
        let handle = format!("{} {user}", pending.origin);
        let registering = Registering {
            context: context.encode(),
            challenge: context.challenge(),
            rp_id: pending.promise.sites.portal().rp_id().to_owned(),
            name: user.to_string(),
            user,
            handle: digest::rfc9530_content(handle.as_bytes()),
            exclude: Vec::new(),
        };
        let mut joins = self.inner.ceremonies.joins();
        let open = OpenJoin { code, context };
        joins.give(registering.challenge, pending.expires_at, open, now);
        Ok(registering)
    }

    /// The founder's passkey is shown: the log begins, and this returns once that is durable.
    ///
    /// # Errors
    /// [`Refusal`]; then there is no log, and the link is as good as before.
    pub async fn found(
        &self,
        code: &str,
        name: PersonName,
        context: &[u8],
        registration: Registration,
    ) -> Result<Founded, Refusal> {
        let now = self.inner.ledger.clock().now();
        let (code, pending) = promised(&self.inner, code, now)?;
        let challenge = Digest::of(Noun::Passkey, context);
        // TA-7: by the code that it was made for.
        let open = {
            let mut joins = self.inner.ceremonies.joins();
            joins.take(&challenge, now, |open| open.code == code)
        };
        let OpenJoin { context, .. } = open.ok_or_else(|| {
            Refusal::new(
                Kind::Forbidden,
                "unknown-challenge",
                "not asked of you, answered before, or too late: begin again",
            )
        })?;
        let user = context.user.clone();
        let shown = Shown {
            context,
            registration,
        };
        let sites = Some(&pending.promise.sites);
        let founder =
            PasskeyFounder::new(&pending.origin, sites, user, name, shown).map_err(|error| {
                let code = match &error {
                    FounderError::Registration(error) => error.code(),
                    FounderError::NoSite | FounderError::Elsewhere => "registration-mismatch",
                };
                Refusal::new(Kind::Forbidden, code, error.to_string())
            })?;
        let (reply, founded) = Reply::new();
        let inner = Arc::clone(&self.inner);
        self.submit(code, move |_| {
            reply.give(found(&inner, code, founder));
        })?;
        founded.await.map_err(|_| Refusal::stopping())?
    }
}

fn wrong() -> Refusal {
    Refusal::new(
        Kind::Forbidden,
        "wrong-code",
        "no such promise, used, or too old: ask for a new link",
    )
}

/// The promise of `code`, which has 128 random bits: nobody guesses one.
fn promised(inner: &Inner, code: &str, now: UnixMillis) -> Result<(Digest, Pending), Refusal> {
    let code = Digest::of(Noun::Code, code.as_bytes());
    let promises = inner.ceremonies.promises();
    let pending = promises
        .get(&code)
        .filter(|pending| now < pending.expires_at);
    Ok((code, pending.ok_or_else(wrong)?.clone()))
}

/// TA-16: the promise is gone before the log begins, and back if none did.
fn found(inner: &Inner, code: Digest, founder: PasskeyFounder) -> Result<Founded, Refusal> {
    let taken = inner.ceremonies.promises().remove(&code);
    let pending = taken.ok_or_else(wrong)?;
    let Promise {
        name,
        platform,
        currency,
        exponent,
        sites,
    } = pending.promise.clone();
    let founding = Founding {
        name,
        origin: pending.origin.clone(),
        platform,
        founder: Founder::Passkey(founder),
        currency,
        exponent,
        sites: Some(sites),
    };
    // TA-15: nothing of this tenant was anywhere before.
    let error = match inner.ledger.found(&founding) {
        Ok(tenant) => return founded(&tenant),
        Err(error) => error,
    };
    inner.ceremonies.promises().insert(code, pending);
    Err(match error {
        CreateTenantError::Stopped => Refusal::stopping(),
        CreateTenantError::KeyTaken(_) => Refusal::conflict("key-taken", error.to_string()),
        CreateTenantError::Founder(what) => {
            Refusal::new(Kind::Forbidden, "registration-mismatch", what)
        }
        error => Refusal::broken(&error),
    })
}

fn founded(tenant: &Tenant) -> Result<Founded, Refusal> {
    let genesis = tenant
        .entry_bytes(0)
        .map_err(|error| Refusal::broken(&error))?;
    let leaf = LeafHash::of(&genesis);
    let trust = Trust::from_genesis(tenant.genesis(), leaf)
        .map_err(|error| Refusal::broken(&error))?
        .encode();
    Ok(Founded {
        origin: tenant.origin().to_owned(),
        genesis_leaf: leaf.to_string(),
        trust: String::from_utf8_lossy(&trust).into_owned(),
    })
}
