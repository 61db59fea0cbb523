//! How a person comes in: with a one-time code, a sign-in passkey shown at the portal, and, for those who will judge,
//! an approval passkey shown at the approval site. One entry says all of it (`spec/people.md`, PE-3 to PE-5).
//!
//! Nothing counts until somebody compared the thumbprints and confirmed them.

use std::sync::Arc;

use agentsigna_verifier::{
    digest::{self, Digest, Noun},
    event::{Body, Shown, Sites, UserClaimed},
    id::Id,
    log::note::KeyName,
    passkey::{
        CredentialId, Registration,
        context::{CredentialUse, Nonce, RegistrationContext},
    },
    people::Role,
    state::{PersonRow, PersonStage, Terms},
    time::UnixMillis,
};

use super::{
    Answer, Kind, Office, Refusal, Step,
    answer::Pending,
    ceremonies::OpenJoin,
    event,
    lane::{self, Done, TRIES_MAX, WRONG_CLAIMS_MAX},
    office::{self, Inner},
    people::person,
    random,
    reply::Reply,
};
use crate::ledger::{AdmitError, Change, Reading, Tenant};

/// What somebody who was invited brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The log.
    pub origin: String,
    /// The id that was invited.
    pub user: String,
    /// The one-time code.
    pub code: String,
}

/// What a browser needs to make a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registering {
    /// The context, as it is kept.
    pub context: Vec<u8>,
    /// Its digest.
    pub challenge: Digest,
    /// The host that the passkey belongs to.
    pub rp_id: String,
    /// The person, for the device's list.
    pub user: Id,
    /// The person's name.
    pub name: String,
    /// The person for the device: it keeps one passkey for each.
    pub handle: [u8; 32],
    /// Passkeys that the person has already: their devices make no second one.
    pub exclude: Vec<CredentialId>,
}

/// What came of a passkey that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// The approval passkey is next, at the approval site.
    ApprovalNext {
        /// The web origin of that site.
        site: String,
    },
    /// All is shown: an administrator compares the thumbprints and confirms them.
    Shown(Answer),
}

/// An invitation whose code was brought.
struct Invitation {
    tenant: Tenant,
    user: Id,
    row: PersonRow,
    terms: Terms,
    code: Digest,
    expires_at: UnixMillis,
}

impl Office {
    /// What the browser of somebody who was invited needs to make a passkey for `credential_use`.
    ///
    /// # Errors
    /// `wrong-code` for everybody who was not invited; `out-of-turn` for an approval passkey before the other.
    pub fn join_challenge(
        &self,
        credential_use: CredentialUse,
        invited: &Invited,
    ) -> Result<Registering, Refusal> {
        let inner = &self.inner;
        let now = inner.ledger.clock().now();
        let invitation = invitation(inner, invited, now)?;
        if credential_use == CredentialUse::Approval {
            invitation.signs_in_with(inner)?;
        }
        let genesis = invitation.tenant.genesis();
        let sites = genesis.sites.as_ref().ok_or_else(wrong)?;
        let context = RegistrationContext {
            origin: KeyName::parse(&genesis.origin).map_err(|error| Refusal::broken(&error))?,
            user: invitation.user.clone(),
            credential_use,
            nonce: Nonce::new(random()?),
            // Both passkeys are claimed at once: the first must not be too old by then.
            expires_at: invitation.expires_at,
        };
        let exclude = invitation
            .row
            .passkeys
            .iter()
            .filter(|passkey| passkey.credential_use == credential_use)
            .map(|passkey| passkey.credential.clone())
            .collect();
        let handle = format!("{} {}", genesis.origin, invitation.user);
        let registering = Registering {
            context: context.encode(),
            challenge: context.challenge(),
            rp_id: sites.of(credential_use).rp_id().to_owned(),
            user: invitation.user,
            name: invitation.terms.name.as_str().to_owned(),
            handle: digest::rfc9530_content(handle.as_bytes()),
            exclude,
        };
        let open = OpenJoin {
            code: invitation.code,
            context,
        };
        let mut joins = inner.ceremonies.joins();
        joins.give(registering.challenge, invitation.expires_at, open, now);
        Ok(registering)
    }

    /// A passkey is shown. Whoever has none for the approval site to show has claimed their place with it, once this
    /// returns.
    ///
    /// # Errors
    /// [`Refusal`]; then the code is as good as before.
    pub async fn join(
        &self,
        credential_use: CredentialUse,
        invited: &Invited,
        context: &[u8],
        registration: Registration,
    ) -> Result<Joined, Refusal> {
        let inner = &self.inner;
        let now = inner.ledger.clock().now();
        let invitation = invitation(inner, invited, now)?;
        let challenge = Digest::of(Noun::Passkey, context);
        // TA-7: by the code that it was made for.
        let open = inner.ceremonies.joins().take(&challenge, now, |open| {
            open.code == invitation.code && open.context.credential_use == credential_use
        });
        let OpenJoin { context, .. } = open.ok_or_else(|| {
            Refusal::new(
                Kind::Forbidden,
                "unknown-challenge",
                "not asked of you, answered before, or too late: begin again",
            )
        })?;
        let sites = invitation
            .tenant
            .genesis()
            .sites
            .clone()
            .ok_or_else(wrong)?;
        let _ = context
            .check(&registration, sites.of(credential_use))
            .map_err(|error| Refusal::new(Kind::Forbidden, error.code(), error.to_string()))?;
        let shown = Shown {
            context,
            registration,
        };
        let claimed = match credential_use {
            CredentialUse::SignIn if invitation.terms.roles.has(Role::Approver) => {
                let until = invitation.expires_at;
                let mut waiting = inner.ceremonies.shown();
                waiting.insert(invitation.code, (until, shown));
                return Ok(Joined::ApprovalNext {
                    site: sites.approval().origin().to_owned(),
                });
            }
            CredentialUse::SignIn => (shown, None),
            CredentialUse::Approval => (invitation.signs_in_with(inner)?, Some(shown)),
        };
        let (reply, outcome) = Reply::new();
        let (office, key) = (Arc::clone(inner), invitation.code);
        let body = UserClaimed {
            user: invitation.user.clone(),
            code: invited.code.clone(),
            sign_in: claimed.0,
            approval: claimed.1,
        };
        self.submit(key, move |_| {
            if let Err(refusal) = claim(&office, &invitation.tenant, &body, &reply) {
                reply.give(Err(refusal));
            }
        })?;
        let answer = office::finish(outcome).await?;
        inner.ceremonies.shown().remove(&key);
        Ok(Joined::Shown(answer))
    }
}

impl Invitation {
    /// The sign-in passkey that was shown at the portal before.
    fn signs_in_with(&self, inner: &Inner) -> Result<Shown, Refusal> {
        let shown = inner.ceremonies.shown();
        match shown.get(&self.code) {
            Some((_, shown)) if self.terms.roles.has(Role::Approver) => Ok(shown.clone()),
            _ => Err(Refusal::conflict(
                "out-of-turn",
                "the sign-in passkey comes first: begin at the portal",
            )),
        }
    }
}

/// The one answer to everybody who was not invited (TA-13).
fn wrong() -> Refusal {
    Refusal::new(
        Kind::Forbidden,
        "wrong-code",
        "no such invitation, or another code: ask for a new one",
    )
}

/// The invitation, if the code is right. AP-12: five wrong ones kill it.
fn invitation(inner: &Inner, invited: &Invited, now: UnixMillis) -> Result<Invitation, Refusal> {
    let tenant = inner.ledger.by_origin(&invited.origin).ok_or_else(wrong)?;
    let user = Id::parse(&invited.user).map_err(|_| wrong())?;
    let row = person(&mut Reading::of(&tenant), &user)?.ok_or_else(wrong)?;
    let Some(PersonStage::Invited {
        terms,
        code,
        expires_at,
    }) = row.stage.clone()
    else {
        return Err(wrong());
    };
    let mut wrong_claims = inner.wrong_claims();
    if wrong_claims.get(&code).copied().unwrap_or(0) >= WRONG_CLAIMS_MAX {
        return Err(wrong());
    }
    if code != Digest::of(Noun::Code, invited.code.as_bytes()) {
        let count = wrong_claims.entry(code).or_default();
        *count = count.saturating_add(1);
        return Err(wrong());
    }
    drop(wrong_claims);
    if now > expires_at {
        return Err(Refusal::conflict(
            "code-expired",
            "the one-time code is too old: ask for a new one",
        ));
    }
    Ok(Invitation {
        tenant,
        user,
        row,
        terms,
        code,
        expires_at,
    })
}

fn claim(
    inner: &Inner,
    tenant: &Tenant,
    body: &UserClaimed,
    reply: &Reply<Done>,
) -> Result<(), Refusal> {
    let now = inner.ledger.clock().now();
    let sites = tenant.genesis().sites.as_ref().ok_or_else(wrong)?;
    let mut tries = 0_usize;
    loop {
        tries = tries.saturating_add(1);
        let step = Step {
            reading: Reading::of(tenant),
            change: Change {
                events: vec![event(now, Body::UserClaimed(body.clone()))?],
                ..Change::default()
            },
            answer: claimed(sites, body)?,
        };
        match lane::admit(inner, tenant, step, None, reply) {
            Err(AdmitError::Stale(_)) if tries < TRIES_MAX => {}
            admitted => return admitted.map_err(Refusal::from),
        }
    }
}

/// The thumbprints, for whoever compares them.
fn claimed(sites: &Sites, body: &UserClaimed) -> Result<Pending, Refusal> {
    let thumbprint = |shown: &Shown| {
        let site = sites.of(shown.context.credential_use);
        match shown.context.check(&shown.registration, site) {
            Ok(credential) => Ok(credential.key().jwk_thumbprint().to_base64url()),
            Err(error) => Err(Refusal::broken(&error)),
        }
    };
    let approval = body.approval.as_ref().map(thumbprint).transpose()?;
    Ok(Pending::act(
        false,
        [
            ("user", body.user.as_str().into()),
            ("sign_in", thumbprint(&body.sign_in)?.into()),
            ("approval", approval.into()),
        ],
    ))
}
