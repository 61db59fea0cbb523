//! What a person asks for with a path and a body: read, put into words, and who may sign it.
//!
//! The words are made from what was parsed, as the event is; they are for the one who signs (TA-10), and no verifier
//! reads them.

use std::fmt::{self, Display, Formatter};

use agentsigna_verifier::{
    act::{
        Act as Request, Activation, AgentConfirmation, AgentInvitation, CounterpartyChange,
        CounterpartyEnrolment, Delegation, DelegationEnd, DisputeResolution, OutcomeReport,
        PasskeyRevocation, Password, PasswordEnd, StatusChange, SystemConfirmation,
        SystemInvitation, UserChange, UserConfirmation, UserInvitation,
    },
    entry::CaseId,
    id::Id,
    outcome::{Fault, Found, Outcome},
    passkey::context::Reason,
    people::{Groups, Roles},
    snapshot::{Approval, Status},
    state::Deed,
    time::UnixMillis,
};

use super::{
    Act, Kind, Refusal, outcome,
    request::{check_origin, check_target},
};
use crate::ledger::Reading;

/// An act in words, for the one who signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What is done, in one line.
    pub title: String,
    /// Its members, each with its name.
    pub details: Vec<(&'static str, Said)>,
    /// What follows from it, and what does not.
    pub follows: Vec<&'static str>,
}

/// A member of an act in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A word of the formats, an id, a number, or the name of a person.
    Text(String),
    /// What a counterparty calls itself.
    Theirs(String),
    /// A thumbprint or a digest.
    Code(String),
    /// A time.
    At(UnixMillis),
}

impl Display for Said {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Theirs(text) | Self::Code(text) => f.write_str(text),
            Self::At(time) => time.fmt(f),
        }
    }
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// An act that was read and belongs to its path and log.
pub(super) enum Asked {
    InviteAgent(AgentInvitation),
    ConfirmAgent(AgentConfirmation),
    ChangeStatus(StatusChange),
    InviteSystem(SystemInvitation),
    ConfirmSystem(SystemConfirmation),
    EnrolCounterparty(CounterpartyEnrolment),
    ChangeCounterparty(CounterpartyChange),
    PublishPolicy(String),
    ActivatePolicy(Activation),
    InviteUser(UserInvitation),
    ConfirmUser(UserConfirmation),
    ChangeUser(UserChange),
    RevokePasskey(PasskeyRevocation),
    Delegate(Delegation),
    EndDelegation(DelegationEnd),
    SetPassword(Password),
    EndPassword(PasswordEnd),
    /// With the sponsor of the agent, who may not sign it.
    RecordOutcome(OutcomeReport, Id),
    ResolveDispute(DisputeResolution, Id),
}

impl Act {
    /// The act of this path (`spec/people.md §3.4`).
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        let mut segments = path.strip_prefix("/v1/")?.split('/');
        let found = (
            segments.next()?,
            segments.next(),
            segments.next(),
            segments.next(),
        );
        Some(match found {
            ("agents", None, None, None) => Self::InviteAgent,
            ("agents", Some(_), Some("confirm"), None) => Self::ConfirmAgent,
            ("agents" | "systems", Some(_), Some("status"), None) => Self::ChangeStatus,
            ("systems", None, None, None) => Self::InviteSystem,
            ("systems", Some(_), Some("confirm"), None) => Self::ConfirmSystem,
            ("counterparties", None, None, None) => Self::EnrolCounterparty,
            ("counterparties", Some(_), None, None) => Self::ChangeCounterparty,
            ("policies", None, None, None) => Self::PublishPolicy,
            ("policies", Some("activate"), None, None) => Self::ActivatePolicy,
            ("users", None, None, None) => Self::InviteUser,
            ("users", Some(_), Some("confirm"), None) => Self::ConfirmUser,
            ("users", Some(_), Some("change"), None) => Self::ChangeUser,
            ("users", Some(_), Some("revoke"), None) => Self::RevokePasskey,
            ("delegations", None, None, None) => Self::Delegate,
            ("delegations", Some("end"), None, None) => Self::EndDelegation,
            ("users", Some(_), Some("password"), None) => Self::SetPassword,
            ("users", Some(_), Some("password"), Some("end")) => Self::EndPassword,
            ("outcomes", None, None, None) => Self::RecordOutcome,
            ("disputes", Some("resolve"), None, None) => Self::ResolveDispute,
            _ => return None,
        })
    }

    /// Reads `body`, which must belong to `path` and to the log of `reading` (AP-2).
    pub(super) fn read(
        self,
        reading: &mut Reading,
        path: &str,
        body: &[u8],
    ) -> Result<Asked, Refusal> {
        let asked = match self {
            Self::InviteAgent => Asked::InviteAgent(AgentInvitation::parse(body)?),
            Self::ConfirmAgent => Asked::ConfirmAgent(AgentConfirmation::parse(body)?),
            Self::ChangeStatus => Asked::ChangeStatus(StatusChange::parse(body)?),
            Self::InviteSystem => Asked::InviteSystem(SystemInvitation::parse(body)?),
            Self::ConfirmSystem => Asked::ConfirmSystem(SystemConfirmation::parse(body)?),
            Self::EnrolCounterparty => {
                Asked::EnrolCounterparty(CounterpartyEnrolment::parse(body)?)
            }
            Self::ChangeCounterparty => Asked::ChangeCounterparty(CounterpartyChange::parse(body)?),
            Self::PublishPolicy => Asked::PublishPolicy(policy_text(body)?),
            Self::ActivatePolicy => Asked::ActivatePolicy(Activation::parse(body)?),
            Self::InviteUser => Asked::InviteUser(UserInvitation::parse(body)?),
            Self::ConfirmUser => Asked::ConfirmUser(UserConfirmation::parse(body)?),
            Self::ChangeUser => Asked::ChangeUser(UserChange::parse(body)?),
            Self::RevokePasskey => Asked::RevokePasskey(PasskeyRevocation::parse(body)?),
            Self::Delegate => Asked::Delegate(Delegation::parse(body)?),
            Self::EndDelegation => Asked::EndDelegation(DelegationEnd::parse(body)?),
            Self::SetPassword => Asked::SetPassword(Password::parse(body)?),
            Self::EndPassword => Asked::EndPassword(PasswordEnd::parse(body)?),
            Self::RecordOutcome => {
                let act = OutcomeReport::parse(body)?;
                let sponsor = outcome::sponsor(reading, act.case)?;
                Asked::RecordOutcome(act, sponsor)
            }
            Self::ResolveDispute => {
                let act = DisputeResolution::parse(body)?;
                let sponsor = outcome::sponsor(reading, act.case)?;
                Asked::ResolveDispute(act, sponsor)
            }
            // No act of people.
            Self::StartExecution => return Err(Refusal::not_found()),
        };
        match asked.request() {
            Some(request) => {
                check_target(path, &request.target())?;
                check_origin(reading, request.origin())?;
            }
            None => check_target(path, "/v1/policies")?,
        }
        Ok(asked)
    }
}

impl Asked {
    /// What the body says of itself; nothing, where it is a policy.
    fn request(&self) -> Option<&dyn Request> {
        Some(match self {
            Self::InviteAgent(act) => act,
            Self::ConfirmAgent(act) => act,
            Self::ChangeStatus(act) => act,
            Self::InviteSystem(act) => act,
            Self::ConfirmSystem(act) => act,
            Self::EnrolCounterparty(act) => act,
            Self::ChangeCounterparty(act) => act,
            Self::PublishPolicy(_) => return None,
            Self::ActivatePolicy(act) => act,
            Self::InviteUser(act) => act,
            Self::ConfirmUser(act) => act,
            Self::ChangeUser(act) => act,
            Self::RevokePasskey(act) => act,
            Self::Delegate(act) => act,
            Self::EndDelegation(act) => act,
            Self::SetPassword(act) => act,
            Self::EndPassword(act) => act,
            Self::RecordOutcome(act, _) => act,
            Self::ResolveDispute(act, _) => act,
        })
    }

    /// The line of `spec/people.md §3.4`.
    pub(super) fn deed(&self) -> Deed<'_> {
        match self {
            Self::InviteAgent(act) => Deed::InviteAgent {
                sponsor: &act.sponsor,
                latitude: act.latitude,
            },
            Self::ConfirmAgent(act) => Deed::ConfirmAgent {
                sponsor: &act.sponsor,
                latitude: act.latitude,
            },
            Self::ChangeStatus(act) => match act.who {
                agentsigna_verifier::act::Claimant::Agent(_) => Deed::AgentStatus,
                agentsigna_verifier::act::Claimant::System(_) => Deed::System,
            },
            Self::InviteSystem(_) | Self::ConfirmSystem(_) => Deed::System,
            Self::EnrolCounterparty(_) | Self::ChangeCounterparty(_) => Deed::Counterparty,
            Self::PublishPolicy(_) => Deed::PublishPolicy,
            Self::ActivatePolicy(_) => Deed::ActivatePolicy,
            Self::InviteUser(act) => Deed::AdmitUser {
                user: &act.user,
                name: &act.name,
                roles: &act.roles,
                groups: &act.groups,
            },
            Self::ConfirmUser(act) => Deed::AdmitUser {
                user: &act.user,
                name: &act.name,
                roles: &act.roles,
                groups: &act.groups,
            },
            Self::ChangeUser(_) => Deed::ChangeUser,
            Self::RevokePasskey(act) => Deed::RevokePasskey { user: &act.user },
            Self::Delegate(act) => Deed::Delegation { from: &act.from },
            Self::EndDelegation(act) => Deed::Delegation { from: &act.from },
            Self::SetPassword(act) => Deed::SetPassword { user: &act.user },
            Self::EndPassword(act) => Deed::EndPassword { user: &act.user },
            Self::RecordOutcome(_, sponsor) | Self::ResolveDispute(_, sponsor) => {
                Deed::Outcome { sponsor }
            }
        }
    }

    /// What is done, for the one who signs.
    pub(super) fn words(&self) -> Words {
        Words {
            title: self.title(),
            details: self.details(),
            follows: self.follows(),
        }
    }

    fn title(&self) -> String {
        match self {
            Self::InviteAgent(act) => format!("Invite agent {}", act.agent),
            Self::ConfirmAgent(act) => format!("Confirm the key of agent {}", act.agent),
            Self::ChangeStatus(act) => format!("Set {} to {}", act.who.id(), act.status.name()),
            Self::InviteSystem(act) => format!("Invite target system {}", act.system),
            Self::ConfirmSystem(act) => format!("Confirm the key of target system {}", act.system),
            Self::EnrolCounterparty(act) => format!("Enrol counterparty {}", act.counterparty),
            Self::ChangeCounterparty(act) => format!("Change counterparty {}", act.counterparty),
            Self::PublishPolicy(_) => {
                "Publish a policy: it decides nothing until it is activated".to_owned()
            }
            Self::ActivatePolicy(_) => "Let another policy decide from now on".to_owned(),
            Self::InviteUser(act) => format!("Invite {}", act.user),
            Self::ConfirmUser(act) => format!("Confirm the passkeys of {}", act.user),
            Self::ChangeUser(act) => format!("Change {}", act.user),
            Self::RevokePasskey(act) => format!("Revoke a passkey of {}", act.user),
            Self::Delegate(act) => format!("Let {} judge for {}", act.to, act.from),
            Self::EndDelegation(act) => format!("Let {} judge for {} no more", act.to, act.from),
            Self::SetPassword(act) => format!("Let {} sign in with a password, to read", act.user),
            Self::EndPassword(act) => {
                format!("Let the password of {} open nothing any more", act.user)
            }
            Self::RecordOutcome(act, _) => match act.outcome {
                Outcome::Completed => "Say that it was done as permitted",
                Outcome::Reversed => "Say that it was undone",
                Outcome::Rejected => "Say that it was not done",
                Outcome::Disputed => "Dispute that it was done as permitted",
            }
            .to_owned(),
            Self::ResolveDispute(act, _) => match act.result {
                Found::Dismissed => "Find that there is nothing to the dispute",
                Found::Lost => "Find that the dispute is right",
                Found::Fraud => "Find that it was fraud",
            }
            .to_owned(),
        }
    }

    fn details(&self) -> Vec<(&'static str, Said)> {
        let text = |text: &str| Said::Text(text.to_owned());
        let code = Said::Code;
        match self {
            Self::InviteAgent(act) => vec![
                ("sponsor", text(act.sponsor.as_str())),
                ("tier", act.tier.number().to_string().into()),
            ],
            Self::ConfirmAgent(act) => vec![
                ("sponsor", text(act.sponsor.as_str())),
                ("tier", act.tier.number().to_string().into()),
                ("key", code(act.key.to_base64url())),
            ],
            Self::ChangeStatus(_)
            | Self::InviteSystem(_)
            | Self::EndDelegation(_)
            | Self::EndPassword(_) => Vec::new(),
            Self::SetPassword(act) => vec![("digest of what is kept", code(act.secret.to_hex()))],
            Self::ConfirmSystem(act) => vec![("key", code(act.key.to_base64url()))],
            Self::EnrolCounterparty(act) => vec![
                ("name", Said::Theirs(act.name.clone())),
                ("status", text(act.status.name())),
                ("risk", text(act.risk.name())),
                ("payments before", act.payments_before.to_string().into()),
            ],
            Self::ChangeCounterparty(act) => vec![
                ("status", text(act.status.name())),
                ("risk", text(act.risk.name())),
                (
                    "payment details",
                    text(if act.payment_details_changed {
                        "new"
                    } else {
                        "as before"
                    }),
                ),
            ],
            Self::PublishPolicy(policy) => vec![("bytes", policy.len().to_string().into())],
            Self::ActivatePolicy(act) => vec![("bundle", code(act.bundle.to_hex()))],
            Self::InviteUser(act) => person(act.name.as_str(), &act.roles, &act.groups),
            Self::ConfirmUser(act) => {
                let mut details = person(act.name.as_str(), &act.roles, &act.groups);
                details.push(("sign-in passkey", code(act.sign_in.to_base64url())));
                let approval = act.approval.map(|passkey| passkey.to_base64url());
                details.extend(approval.map(|passkey| ("approval passkey", code(passkey))));
                details
            }
            Self::ChangeUser(act) => vec![
                ("status", text(act.status.name())),
                ("roles", roles(&act.roles).into()),
                ("groups", groups(&act.groups).into()),
            ],
            Self::RevokePasskey(act) => vec![("passkey", code(act.passkey.to_base64url()))],
            Self::Delegate(act) => vec![
                ("groups", groups(&act.groups).into()),
                ("from (ms)", Said::At(act.starts_at)),
                ("until (ms)", Said::At(act.ends_at)),
            ],
            Self::RecordOutcome(act, _) => {
                ended(act.case, act.outcome.as_str(), act.fault, &act.reason)
            }
            Self::ResolveDispute(act, _) => {
                ended(act.case, act.result.as_str(), act.fault, &act.reason)
            }
        }
    }

    fn follows(&self) -> Vec<&'static str> {
        const CODE: &str =
            "You get a one-time code for whoever holds the key. It lives 10 minutes.";
        match self {
            Self::InviteAgent(_) => vec![
                CODE,
                "The key counts once the sponsor compared its thumbprint and confirmed it; until then, a key that the agent has goes on counting.",
                "It has no latitude: that is earned, not granted here.",
            ],
            Self::ConfirmAgent(_) => vec![
                "Requests with this key are decided by policy from then on.",
                "A key that the agent had before counts no more, for ever.",
            ],
            Self::ChangeStatus(act) if act.status == Status::Suspended => vec![
                "What is asked from the next request on is on record and rejected.",
                "Passports that were given out stay good until they end: gates ask nobody.",
            ],
            Self::ChangeStatus(_) => vec!["Requests are decided by policy again."],
            Self::InviteSystem(_) => vec![
                CODE,
                "Nothing is authorized in it until an administrator compared the thumbprint of its key and confirmed it; a key that it has goes on counting until then.",
            ],
            Self::ConfirmSystem(_) => vec![
                "Passports are made out to it from then on.",
                "A key that it had before counts no more, for ever.",
            ],
            Self::EnrolCounterparty(act) if act.payments_before == 0 => vec![
                "Agents may ask for actions with it from then on.",
                "The first payment to it is decided by people, whatever the policy says.",
            ],
            Self::EnrolCounterparty(_) => vec!["Agents may ask for actions with it from then on."],
            Self::ChangeCounterparty(act) => {
                let mut follows = Vec::new();
                if act.status == Approval::Blocked {
                    follows.push("No action with it is authorized any more.");
                }
                if act.payment_details_changed {
                    follows.push("For 30 days, people decide every payment to it.");
                }
                follows
            }
            Self::PublishPolicy(_) => Vec::new(),
            Self::ActivatePolicy(_) => {
                vec!["Every request that comes after it is decided by it. What was decided stays."]
            }
            Self::InviteUser(_) => vec![
                "You get a one-time code for this person. It lives 10 minutes.",
                "No passkey counts until its thumbprint was compared and confirmed.",
            ],
            Self::ConfirmUser(_) => {
                vec!["From then on these passkeys sign for this person, in these roles and groups."]
            }
            Self::ChangeUser(act) if act.status == Status::Suspended => {
                vec!["Their sessions end, and they sign nothing any more."]
            }
            Self::ChangeUser(_) => vec!["It counts from the next request of this person on."],
            Self::RevokePasskey(_) => {
                vec!["It counts no more, for ever. A session that began with it ends."]
            }
            Self::Delegate(_) => vec![
                "Within these times, their word may count in your place in these groups.",
                "They cannot pass it on, and you can end it at any time.",
            ],
            Self::EndDelegation(_) => vec!["What was judged before stays."],
            Self::SetPassword(_) => vec![
                "With password and code one reads; nothing is signed in such a session.",
                "A password that was set before ends, and so do its sessions.",
            ],
            Self::EndPassword(_) => vec!["Sessions that began with it end."],
            Self::RecordOutcome(act, _) => match act.outcome {
                Outcome::Completed => vec![
                    "The amount is no open amount of the agent any more.",
                    "It counts for the standing of both in seven days, if nobody disputes it.",
                ],
                Outcome::Reversed => vec![
                    "The amount is no open amount of the agent any more.",
                    "What was credited for it is withdrawn; whose fault it was loses standing at once.",
                ],
                Outcome::Rejected => vec!["The amount is no open amount of the agent any more."],
                Outcome::Disputed => vec![
                    "What was credited for it does not count until people resolve the dispute.",
                    "A case is disputed once.",
                ],
            },
            Self::ResolveDispute(act, _) => match act.result {
                Found::Dismissed => vec!["What was credited for it stands again."],
                Found::Lost | Found::Fraud => vec![
                    "Whose fault it was loses standing at once: for 30 days an agent has no latitude.",
                ],
            },
        }
    }
}

fn ended(
    case: CaseId,
    what: &'static str,
    fault: Option<Fault>,
    reason: &Reason,
) -> Vec<(&'static str, Said)> {
    let mut details = vec![
        ("case", Said::Code(case.to_string())),
        ("outcome", what.to_owned().into()),
    ];
    details.extend(fault.map(|fault| ("fault", fault.as_str().to_owned().into())));
    details.push(("reason", reason.as_str().to_owned().into()));
    details
}

fn person(name: &str, has: &Roles, of: &Groups) -> Vec<(&'static str, Said)> {
    vec![
        ("name", name.to_owned().into()),
        ("roles", roles(has).into()),
        ("groups", groups(of).into()),
    ]
}

fn roles(roles: &Roles) -> String {
    let names: Vec<&str> = roles.as_slice().iter().map(|role| role.name()).collect();
    names.join(", ")
}

fn groups(groups: &Groups) -> String {
    if groups.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<&str> = groups.as_slice().iter().map(Id::as_str).collect();
    names.join(", ")
}

fn policy_text(body: &[u8]) -> Result<String, Refusal> {
    match std::str::from_utf8(body) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Refusal::new(
            Kind::Invalid,
            "policy-refused",
            "policy text is not UTF-8",
        )),
    }
}
