//! What a person asks for with a path and a body: read, put into words, and who may sign it.
//!
//! The words are made from what was parsed, as the event is; they are for the one who signs (TA-10), and no verifier
//! reads them.

use agentsigna_verifier::{
    act::{
        Act as Request, Activation, AgentConfirmation, AgentInvitation, CounterpartyChange,
        CounterpartyEnrolment, Delegation, DelegationEnd, DisputeResolution, OutcomeReport,
        PasskeyRevocation, StatusChange, SystemConfirmation, SystemInvitation, UserChange,
        UserConfirmation, UserInvitation,
    },
    entry::CaseId,
    id::Id,
    outcome::{Fault, Found, Outcome},
    passkey::context::Reason,
    people::{Groups, Roles},
    state::Deed,
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
    pub details: Vec<(&'static str, String)>,
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
            Self::RecordOutcome(_, sponsor) | Self::ResolveDispute(_, sponsor) => {
                Deed::Outcome { sponsor }
            }
        }
    }

    /// What is done, for the one who signs.
    pub(super) fn words(&self) -> Words {
        let (title, details) = match self {
            Self::InviteAgent(act) => (
                format!("Invite agent {}", act.agent),
                vec![
                    ("sponsor", act.sponsor.to_string()),
                    ("tier", act.tier.number().to_string()),
                ],
            ),
            Self::ConfirmAgent(act) => (
                format!("Confirm the key of agent {}", act.agent),
                vec![
                    ("sponsor", act.sponsor.to_string()),
                    ("tier", act.tier.number().to_string()),
                    ("key", act.key.to_base64url()),
                ],
            ),
            Self::ChangeStatus(act) => (
                format!("Set {} to {}", act.who.id(), act.status.name()),
                Vec::new(),
            ),
            Self::InviteSystem(act) => (format!("Invite target system {}", act.system), Vec::new()),
            Self::ConfirmSystem(act) => (
                format!("Confirm the key of target system {}", act.system),
                vec![("key", act.key.to_base64url())],
            ),
            Self::EnrolCounterparty(act) => (
                format!("Enrol counterparty {}", act.counterparty),
                vec![
                    ("name", act.name.clone()),
                    ("status", act.status.name().to_owned()),
                    ("risk", act.risk.name().to_owned()),
                    ("payments before", act.payments_before.to_string()),
                ],
            ),
            Self::ChangeCounterparty(act) => (
                format!("Change counterparty {}", act.counterparty),
                vec![
                    ("status", act.status.name().to_owned()),
                    ("risk", act.risk.name().to_owned()),
                    (
                        "payment details",
                        if act.payment_details_changed {
                            "new".to_owned()
                        } else {
                            "as before".to_owned()
                        },
                    ),
                ],
            ),
            Self::PublishPolicy(text) => (
                "Publish a policy: it decides nothing until it is activated".to_owned(),
                vec![("bytes", text.len().to_string())],
            ),
            Self::ActivatePolicy(act) => (
                "Let another policy decide from now on".to_owned(),
                vec![("bundle", act.bundle.to_hex())],
            ),
            Self::InviteUser(act) => (
                format!("Invite {}", act.user),
                person(act.name.as_str(), &act.roles, &act.groups),
            ),
            Self::ConfirmUser(act) => {
                let mut details = person(act.name.as_str(), &act.roles, &act.groups);
                details.push(("sign-in passkey", act.sign_in.to_base64url()));
                details.extend(
                    act.approval
                        .map(|approval| ("approval passkey", approval.to_base64url())),
                );
                (format!("Confirm the passkeys of {}", act.user), details)
            }
            Self::ChangeUser(act) => (
                format!("Change {}", act.user),
                vec![
                    ("status", act.status.name().to_owned()),
                    ("roles", roles(&act.roles)),
                    ("groups", groups(&act.groups)),
                ],
            ),
            Self::RevokePasskey(act) => (
                format!("Revoke a passkey of {}", act.user),
                vec![("passkey", act.passkey.to_base64url())],
            ),
            Self::Delegate(act) => (
                format!("Let {} judge for {}", act.to, act.from),
                vec![
                    ("groups", groups(&act.groups)),
                    ("from (ms)", act.starts_at.to_string()),
                    ("until (ms)", act.ends_at.to_string()),
                ],
            ),
            Self::EndDelegation(act) => (
                format!("Let {} judge for {} no more", act.to, act.from),
                Vec::new(),
            ),
            Self::RecordOutcome(act, _) => (
                match act.outcome {
                    Outcome::Completed => "Say that it was done as permitted",
                    Outcome::Reversed => "Say that it was undone",
                    Outcome::Rejected => "Say that it was not done",
                    Outcome::Disputed => "Dispute that it was done as permitted",
                }
                .to_owned(),
                ended(act.case, act.outcome.as_str(), act.fault, &act.reason),
            ),
            Self::ResolveDispute(act, _) => (
                match act.result {
                    Found::Dismissed => "Find that there is nothing to the dispute",
                    Found::Lost => "Find that the dispute is right",
                    Found::Fraud => "Find that it was fraud",
                }
                .to_owned(),
                ended(act.case, act.result.as_str(), act.fault, &act.reason),
            ),
        };
        Words { title, details }
    }
}

fn ended(
    case: CaseId,
    what: &'static str,
    fault: Option<Fault>,
    reason: &Reason,
) -> Vec<(&'static str, String)> {
    let mut details = vec![("case", case.to_string()), ("outcome", what.to_owned())];
    details.extend(fault.map(|fault| ("fault", fault.as_str().to_owned())));
    details.push(("reason", reason.as_str().to_owned()));
    details
}

fn person(name: &str, has: &Roles, of: &Groups) -> Vec<(&'static str, String)> {
    vec![
        ("name", name.to_owned()),
        ("roles", roles(has)),
        ("groups", groups(of)),
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
