//! Who may sign what (`spec/people.md §3.4`), and whether two had to.
//!
//! Judged on the rows alone, from the name that the signed context gives; that this person really signed is
//! judged apart, by [`super::check_signed`]. The two never answer for one another.

use alloc::{format, string::ToString as _, vec, vec::Vec};

use super::{
    AdministratorsRow, Completeness, PersonRow, ProposalRow, Row, RowName, Rows, StateError,
    apply::{broken, log},
    directory::Moment,
};
use crate::{
    act::Proposable,
    action::Latitude,
    digest::{self, Digest},
    event::{ActProposed, Body, Founder, Signed},
    id::Id,
    passkey::context::CredentialUse,
    people::{Groups, PROPOSAL_LIFE_MS, PersonName, Role, Roles},
};

/// What is done, as far as it matters for who may sign it: one line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed<'a> {
    /// `/v1/users` and `…/confirm`
    AdmitUser {
        /// Who.
        user: &'a Id,
        /// Under which name.
        name: &'a PersonName,
        /// In which roles.
        roles: &'a Roles,
        /// In which groups.
        groups: &'a Groups,
    },
    /// `/v1/users/{user}/change`
    ChangeUser,
    /// `/v1/users/{user}/revoke`
    RevokePasskey {
        /// Whose.
        user: &'a Id,
    },
    /// `/v1/policies/activate`
    ActivatePolicy,
    /// `/v1/policies`
    PublishPolicy,
    /// `/v1/systems` and below
    System,
    /// `/v1/agents`
    InviteAgent {
        /// Who answers for it.
        sponsor: &'a Id,
        /// What it may do unattended.
        latitude: Latitude,
    },
    /// `/v1/agents/{agent}/confirm`
    ConfirmAgent {
        /// Who answers for it.
        sponsor: &'a Id,
        /// What it may do unattended.
        latitude: Latitude,
    },
    /// `/v1/agents/{agent}/status`
    AgentStatus,
    /// `/v1/counterparties` and below
    Counterparty,
    /// `/v1/outcomes` and `/v1/disputes/resolve`
    Outcome {
        /// Who answers for the agent of the case.
        sponsor: &'a Id,
    },
    /// `/v1/delegations` and below
    Delegation {
        /// Who gave it.
        from: &'a Id,
    },
    /// `/v1/users/{user}/password`
    SetPassword {
        /// Whose.
        user: &'a Id,
    },
    /// `/v1/users/{user}/password/end`
    EndPassword {
        /// Whose.
        user: &'a Id,
    },
}

/// Who signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer<'a> {
    /// The founder, with the key in a file.
    Founder,
    /// A person, with a sign-in passkey.
    Person(&'a Id),
}

/// How many people must sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum People {
    /// The one who does it.
    One,
    /// Somebody else must have proposed it.
    Two,
}

/// Who may, of those who are active persons of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By<'a> {
    Roles(&'static [Role]),
    This(&'a Id),
}

/// Who signed an act that was found in order.
#[derive(Debug, Default)]
pub(super) struct Signers {
    /// Both, or the one; rising. Nobody, if the founder's file key signed.
    pub(super) by: Vec<Id>,
    /// The proposal that was used.
    pub(super) proposal: Option<u64>,
}

impl Deed<'_> {
    /// The table of `spec/people.md §3.4`; what somebody may do to oneself is in [`may_sign`].
    const fn rule(&self) -> (By<'_>, People) {
        const RULES: By<'static> = By::Roles(&[Role::Administrator]);
        const KEEPS: By<'static> = By::Roles(&[Role::Administrator, Role::Operator]);
        match self {
            Self::AdmitUser { .. }
            | Self::ChangeUser
            | Self::RevokePasskey { .. }
            | Self::ActivatePolicy => (RULES, People::Two),
            Self::PublishPolicy | Self::System | Self::EndPassword { .. } => (RULES, People::One),
            Self::InviteAgent { .. }
            | Self::AgentStatus
            | Self::Counterparty
            | Self::Outcome { .. } => (KEEPS, People::One),
            Self::ConfirmAgent { sponsor, .. } => (By::This(sponsor), People::One),
            Self::Delegation { from } => (By::This(from), People::One),
            Self::SetPassword { user } => (By::This(user), People::One),
        }
    }

    /// What nobody but a person does, with a passkey.
    const fn is_of_people_alone(&self) -> bool {
        matches!(
            self,
            Self::Delegation { .. } | Self::SetPassword { .. } | Self::EndPassword { .. }
        )
    }

    const fn is_on_users(&self) -> bool {
        matches!(
            self,
            Self::AdmitUser { .. } | Self::ChangeUser | Self::RevokePasskey { .. }
        )
    }

    /// What the body of an event does, and who signed it.
    pub(super) fn of(body: &Body) -> Option<(Deed<'_>, &Signed)> {
        Some(match body {
            Body::AgentInvited(body) => (
                Deed::InviteAgent {
                    sponsor: &body.sponsor,
                    latitude: body.latitude,
                },
                &body.signed,
            ),
            Body::AgentEnrolled(body) => (
                Deed::ConfirmAgent {
                    sponsor: &body.sponsor,
                    latitude: body.latitude,
                },
                &body.signed,
            ),
            Body::AgentChanged(body) => (Deed::AgentStatus, &body.signed),
            Body::SystemInvited(body) => (Deed::System, &body.signed),
            Body::SystemEnrolled(body) => (Deed::System, &body.signed),
            Body::SystemChanged(body) => (Deed::System, &body.signed),
            Body::CounterpartyEnrolled(body) => (Deed::Counterparty, &body.signed),
            Body::CounterpartyChanged(body) => (Deed::Counterparty, &body.signed),
            Body::PolicyPublished(body) => (Deed::PublishPolicy, &body.signed),
            Body::PolicyActivated(body) => (Deed::ActivatePolicy, &body.signed),
            Body::UserInvited(body) => (
                Deed::AdmitUser {
                    user: &body.user,
                    name: &body.name,
                    roles: &body.roles,
                    groups: &body.groups,
                },
                &body.signed,
            ),
            Body::UserEnrolled(body) => (
                Deed::AdmitUser {
                    user: &body.user,
                    name: &body.name,
                    roles: &body.roles,
                    groups: &body.groups,
                },
                &body.signed,
            ),
            Body::UserChanged(body) => (Deed::ChangeUser, &body.signed),
            Body::UserRevoked(body) => (Deed::RevokePasskey { user: &body.user }, &body.signed),
            Body::DelegationGiven(body) => (Deed::Delegation { from: &body.from }, &body.signed),
            Body::DelegationEnded(body) => (Deed::Delegation { from: &body.from }, &body.signed),
            Body::UserPasswordSet(body) => (Deed::SetPassword { user: &body.user }, &body.signed),
            Body::UserPasswordEnded(body) => (Deed::EndPassword { user: &body.user }, &body.signed),
            _ => return None,
        })
    }

    fn of_proposable(act: &Proposable) -> Deed<'_> {
        match act {
            Proposable::Invitation(act) => Deed::AdmitUser {
                user: &act.user,
                name: &act.name,
                roles: &act.roles,
                groups: &act.groups,
            },
            Proposable::Confirmation(act) => Deed::AdmitUser {
                user: &act.user,
                name: &act.name,
                roles: &act.roles,
                groups: &act.groups,
            },
            Proposable::Change(_) => Deed::ChangeUser,
            Proposable::Revocation(act) => Deed::RevokePasskey { user: &act.user },
            Proposable::Activation(_) => Deed::ActivatePolicy,
        }
    }
}

/// Whether `signer` may do `deed` on these rows, and how many people it takes (PE-7, PE-13). Whether the passkey
/// is the person's is not asked here.
///
/// # Errors
/// [`StateError::Broken`]: `not-permitted`, `latitude-granted`, `unknown-sponsor`, `excluded`.
pub fn may_sign<R: Rows>(
    rows: &mut R,
    deed: &Deed<'_>,
    signer: Signer<'_>,
) -> Result<People, StateError<R::Error>> {
    let (by, people) = deed.rule();
    let two = people == People::Two && administrators(rows)?.ids.len() >= 2;
    let signer = match signer {
        Signer::Founder => {
            let Founder::File(_) = log(rows)?.founder else {
                return broken("not-permitted", "the log has no founder key in a file");
            };
            // PE-7: all but delegations and passwords; where two people are asked for, only acts on users.
            if deed.is_of_people_alone() || (two && !deed.is_on_users()) {
                return broken(
                    "not-permitted",
                    "the founder's file key alone may not sign this: there are two administrators, or it is a delegation or a password",
                );
            }
            return Ok(People::One);
        }
        Signer::Person(id) => id,
    };
    let row = match person(rows, signer)? {
        Some(row) if row.is_active() => row,
        _ => {
            return broken(
                "not-permitted",
                format!("`{signer}` is no active person of the log"),
            );
        }
    };
    check_grant(rows, deed)?;
    // OC-2.
    if matches!(deed, Deed::Outcome { sponsor } if *sponsor == signer) {
        return broken(
            "excluded",
            format!(
                "`{signer}` is the sponsor of the agent, and says nothing of what became of it"
            ),
        );
    }
    if is_on_oneself(deed, signer, &row) {
        return Ok(People::One);
    }
    let may = match by {
        By::Roles(roles) => roles.iter().any(|role| row.roles.has(*role)),
        By::This(id) => id == signer,
    };
    if !may {
        return broken(
            "not-permitted",
            format!("`{signer}` has no role in which this may be signed"),
        );
    }
    Ok(if two { People::Two } else { People::One })
}

/// A person of the log may add passkeys to what stands there already, and give up an own one.
fn is_on_oneself(deed: &Deed<'_>, signer: &Id, row: &PersonRow) -> bool {
    match deed {
        Deed::AdmitUser {
            user,
            name,
            roles,
            groups,
        } => {
            *user == signer && **name == row.name && **roles == row.roles && **groups == row.groups
        }
        Deed::RevokePasskey { user } | Deed::EndPassword { user } => *user == signer,
        _ => false,
    }
}

/// PE-13: no latitude from people, and no sponsor who is nobody.
fn check_grant<R: Rows>(rows: &mut R, deed: &Deed<'_>) -> Result<(), StateError<R::Error>> {
    let (Deed::InviteAgent { sponsor, latitude } | Deed::ConfirmAgent { sponsor, latitude }) = deed
    else {
        return Ok(());
    };
    if *latitude != Latitude::NONE {
        return broken(
            "latitude-granted",
            "latitude is earned, or the founder's file key grants it: leave it out",
        );
    }
    match person(rows, sponsor)? {
        Some(row) if row.is_active() => Ok(()),
        _ => broken(
            "unknown-sponsor",
            format!("sponsor `{sponsor}` is no active person of the log"),
        ),
    }
}

/// PE-7 and PE-9 for an act that is done: who signed it, and the proposal it uses up.
pub(super) fn act<R: Rows>(
    rows: &mut R,
    deed: &Deed<'_>,
    signed: &Signed,
    moment: &Moment,
) -> Result<Signers, StateError<R::Error>> {
    let Signed::Passkey { context, body, .. } = signed else {
        may_sign(rows, deed, Signer::Founder)?;
        return Ok(Signers {
            by: Vec::new(),
            proposal: None,
        });
    };
    by_counting_passkey(rows, signed)?;
    let signer = &context.user;
    if may_sign(rows, deed, Signer::Person(signer))? == People::One {
        return Ok(Signers {
            by: vec![signer.clone()],
            proposal: None,
        });
    }
    let content = content(body.as_deref().unwrap_or_default());
    let name = RowName::Proposal(context.path.as_str().to_string(), content);
    let Some(Row::Proposal(mut proposal)) = rows.row(&name).map_err(StateError::Rows)? else {
        return broken(
            "not-proposed",
            "another administrator must propose exactly this first",
        );
    };
    let until = proposal.decided_at.plus(PROPOSAL_LIFE_MS);
    for (good, what) in [
        (proposal.open, "the proposal was used: propose it again"),
        (
            proposal.user != *signer,
            "who proposed it cannot be the second: another administrator must sign",
        ),
        (
            moment.at <= until,
            "the proposal is older than a day: propose it again",
        ),
        (
            administrators(rows)?.ids.contains(&proposal.user),
            "who proposed it is no active administrator any more: propose it again",
        ),
    ] {
        if !good {
            return broken("not-proposed", what);
        }
    }
    let mut by = vec![signer.clone(), proposal.user.clone()];
    by.sort();
    let index = proposal.index;
    // PE-9: used once.
    proposal.open = false;
    rows.set(name, Row::Proposal(proposal));
    Ok(Signers {
        by,
        proposal: Some(index),
    })
}

/// PE-9 for a proposal: by an active administrator, of an act for two.
pub(super) fn proposed<R: Rows>(
    rows: &mut R,
    body: &ActProposed,
    moment: &Moment,
    completeness: Completeness,
) -> Result<(), StateError<R::Error>> {
    let Signed::Passkey {
        context,
        body: Some(content),
        ..
    } = &body.signed
    else {
        return broken("not-permitted", "an act is proposed with a passkey");
    };
    let bytes = content;
    by_counting_passkey(rows, &body.signed)?;
    let signer = &context.user;
    if !administrators(rows)?.ids.contains(signer) {
        return broken(
            "not-permitted",
            format!("`{signer}` is no active administrator"),
        );
    }
    let Ok(act) = Proposable::parse(&body.path, bytes) else {
        return broken(
            "nothing-to-propose",
            format!("nothing for two people at `{}`", body.path),
        );
    };
    let people = may_sign(rows, &Deed::of_proposable(&act), Signer::Person(signer))?;
    // From a part of a log it cannot be known how many there are.
    if people == People::One && completeness == Completeness::Whole {
        return broken("nothing-to-propose", "one person is enough: do it");
    }
    let row = ProposalRow {
        user: signer.clone(),
        decided_at: moment.at,
        index: moment.entry,
        open: true,
    };
    rows.set(
        RowName::Proposal(body.path.clone(), self::content(bytes)),
        Row::Proposal(row),
    );
    Ok(())
}

/// PE-7: the passkey that signed is the person's, for sign-in, and not revoked.
fn by_counting_passkey<R: Rows>(rows: &mut R, signed: &Signed) -> Result<(), StateError<R::Error>> {
    let Signed::Passkey { context, .. } = signed else {
        return Ok(());
    };
    let counts = person(rows, &context.user)?.is_some_and(|row| {
        row.passkey(&context.credential, CredentialUse::SignIn)
            .is_some()
    });
    if counts {
        Ok(())
    } else {
        broken(
            "unknown-passkey",
            format!("no sign-in passkey of `{}` signed", context.user),
        )
    }
}

/// The active administrators, and the entries that say so.
pub(super) fn administrators<R: Rows>(
    rows: &mut R,
) -> Result<AdministratorsRow, StateError<R::Error>> {
    Ok(
        match rows
            .row(&RowName::Administrators)
            .map_err(StateError::Rows)?
        {
            Some(Row::Administrators(row)) => row,
            _ => AdministratorsRow::default(),
        },
    )
}

/// The row of a person.
pub(super) fn person<R: Rows>(
    rows: &mut R,
    id: &Id,
) -> Result<Option<PersonRow>, StateError<R::Error>> {
    let name = RowName::Person(id.clone());
    Ok(match rows.row(&name).map_err(StateError::Rows)? {
        Some(Row::Person(row)) => Some(row),
        _ => None,
    })
}

fn content(body: &[u8]) -> Digest {
    Digest::from_bytes(digest::rfc9530_content(body))
}
