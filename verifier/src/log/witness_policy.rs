//! C2SP tlog-policy: which logs and witnesses a reader trusts, and how many witnesses are enough.
//!
//! Strict where the standard leaves room: UTF-8, 64 KiB, 64 logs, 64 witnesses, 64 groups, only keys that we
//! can check (0x01 for logs, 0x04 for witnesses). A key we cannot check is refused, not left out: a quorum that
//! silently lost a member would be another quorum.

mod sets;

use alloc::{
    collections::BTreeMap,
    string::{String, ToString as _},
    vec::Vec,
};

pub use sets::WitnessSets;

use super::{
    checkpoint::SignedCheckpoint,
    cosignature::{CosignatureError, Cosigned},
    decimal,
    note::{KeyKind, KeyLabel, KeyName, NoteKey, NoteKeyError},
};

/// A policy, in bytes.
pub const WITNESS_POLICY_BYTES_MAX: usize = 64 * 1024;
/// Logs, witnesses and groups in a policy, each.
pub const WITNESS_POLICY_ITEMS_MAX: usize = 64;

/// The name that means no quorum.
const NONE: &str = "none";

/// Logs, witnesses and a quorum over the witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessPolicy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    /// INVARIANT (members come first): a group's members are smaller indices, so that evaluation ends.
    groups: Vec<Group>,
    quorum: Quorum,
}

/// A trusted log: its key, whose name is its origin, and where it is found, if that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLog {
    key: NoteKey,
    url: Option<String>,
}

/// A trusted witness: its name within the policy, its key, and where it takes checkpoints, if that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWitness {
    name: String,
    key: NoteKey,
    url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<Member>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quorum {
    None,
    Of(Member),
}

/// The fact that enough witnesses of a policy cosigned a checkpoint of one of its logs. Comes only from
/// [`WitnessPolicy::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumMet {
    cosigned: Vec<Cosigned>,
}

/// Why text is not a policy. The first two and the last are about the whole, the others about one line, in the
/// order of the checks on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessPolicyError {
    /// More than 64 KiB.
    #[error("witness policy of {found} bytes, more than {WITNESS_POLICY_BYTES_MAX}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// A control character, or no newline at the end.
    #[error(
        "witness policy with a control character other than tab and newline, or without a newline at its end"
    )]
    Characters,
    /// Not one of the four kinds of lines, or not the items that kind has.
    #[error(
        "witness policy line {line}: expected `log`, `witness`, `group` or `quorum` with its items"
    )]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// More than 64 of a kind.
    #[error("witness policy line {line}: more than {WITNESS_POLICY_ITEMS_MAX} of this kind")]
    TooMany {
        /// Counted from 1.
        line: usize,
    },
    /// The verifier key.
    #[error("witness policy line {line}")]
    Key {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: NoteKeyError,
    },
    /// The key of a witness for a log, or the other way round.
    #[error(
        "witness policy line {line}: `{key}` is of the wrong type, expected 0x01 for a log and 0x04 for a witness"
    )]
    WrongKind {
        /// Counted from 1.
        line: usize,
        /// The key in the line.
        key: KeyLabel,
    },
    /// A public key that another line of the same kind has.
    #[error("witness policy line {line}: the public key of `{key}` stands in an earlier line")]
    RepeatedKey {
        /// Counted from 1.
        line: usize,
        /// The key in the line.
        key: KeyLabel,
    },
    /// A name that is taken, `none` among them.
    #[error("witness policy line {line}: the name `{name}` is taken")]
    RepeatedName {
        /// Counted from 1.
        line: usize,
        /// The name in the line.
        name: String,
    },
    /// A name that no earlier line defines; `none` as a member.
    #[error("witness policy line {line}: no earlier line defines `{name}`")]
    UnknownName {
        /// Counted from 1.
        line: usize,
        /// The name in the line.
        name: String,
    },
    /// A name that is a member of a group already.
    #[error("witness policy line {line}: `{name}` is a member of a group already")]
    RepeatedMember {
        /// Counted from 1.
        line: usize,
        /// The name in the line.
        name: String,
    },
    /// Not `all`, `any` or a number from 1 to the number of members.
    #[error("witness policy line {line}: expected `all`, `any` or 1 to {members}")]
    Threshold {
        /// Counted from 1.
        line: usize,
        /// Members of the group.
        members: usize,
    },
    /// A second quorum.
    #[error("witness policy line {line}: a second quorum")]
    SecondQuorum {
        /// Counted from 1.
        line: usize,
    },
    /// No quorum: a policy has to say `quorum none` if it means that.
    #[error("witness policy without quorum: expected one line `quorum <name>` or `quorum none`")]
    NoQuorum,
}

/// Why a checkpoint does not satisfy a policy. In the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// Signed by a log that the policy does not list.
    #[error("log key `{key}` is not in the witness policy")]
    UnknownLog {
        /// The key that signed.
        key: KeyLabel,
    },
    /// A line of a listed witness does not hold.
    #[error(transparent)]
    Cosignature(#[from] CosignatureError),
    /// All cosignatures hold, but they are not enough.
    #[error("too few witnesses: {found} of the policy cosigned, and the quorum is not met")]
    NotMet {
        /// Witnesses of the policy that cosigned.
        found: usize,
    },
}

impl WitnessPolicy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// [`WitnessPolicyError`]; the first line that is wrong decides.
    pub fn parse(text: &str) -> Result<Self, WitnessPolicyError> {
        if text.len() > WITNESS_POLICY_BYTES_MAX {
            return Err(WitnessPolicyError::TooLong { found: text.len() });
        }
        let control = |byte: u8| (byte < 0x20 && byte != b'\n' && byte != b'\t') || byte == 0x7f;
        if text.bytes().any(control) || !text.ends_with('\n') {
            return Err(WitnessPolicyError::Characters);
        }
        let mut reading = Reading::default();
        for (line, content) in (1..).zip(text.split_terminator('\n')) {
            let mut items = content.split([' ', '\t']).filter(|item| !item.is_empty());
            let Some(kind) = items.next().filter(|kind| !kind.starts_with('#')) else {
                continue;
            };
            let items: Vec<&str> = items.collect();
            match (kind, items.as_slice()) {
                ("log", [key]) => reading.log(line, key, None)?,
                ("log", [key, url]) => reading.log(line, key, Some(url))?,
                ("witness", [name, key]) => reading.witness(line, name, key, None)?,
                ("witness", [name, key, url]) => reading.witness(line, name, key, Some(url))?,
                ("group", [name, threshold, members @ ..]) if !members.is_empty() => {
                    reading.group(line, name, threshold, members)?;
                }
                ("quorum", [name]) => reading.quorum(line, name)?,
                _ => return Err(WitnessPolicyError::Line { line }),
            }
        }
        let quorum = reading.quorum.ok_or(WitnessPolicyError::NoQuorum)?;
        Ok(Self {
            logs: reading.logs,
            witnesses: reading.witnesses,
            groups: reading.groups,
            quorum,
        })
    }

    /// The logs, in the order of their lines.
    #[must_use]
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses, in the order of their lines.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// `quorum none`: a checkpoint without cosignatures is enough.
    #[must_use]
    pub const fn asks_for_no_witness(&self) -> bool {
        matches!(self.quorum, Quorum::None)
    }

    /// The keys of the logs with this origin.
    pub fn log_keys<'a>(&'a self, origin: &'a KeyName) -> impl Iterator<Item = &'a NoteKey> {
        self.logs
            .iter()
            .map(|log| &log.key)
            .filter(move |key| key.name() == origin)
    }

    /// Would the quorum be met if exactly the witnesses with these keys had cosigned? Keys that the policy does
    /// not list do not count; a key given twice counts once.
    #[must_use]
    pub fn is_met_by<'a>(&self, cosigners: impl IntoIterator<Item = &'a NoteKey>) -> bool {
        let mut witnessed = alloc::vec![false; self.witnesses.len()];
        for key in cosigners {
            for (witness, done) in self.witnesses.iter().zip(&mut witnessed) {
                *done |= witness.key == *key;
            }
        }
        let mut grouped: Vec<bool> = Vec::with_capacity(self.groups.len());
        let met = |member: &Member, grouped: &[bool]| match member {
            Member::Witness(at) => witnessed.get(*at) == Some(&true),
            Member::Group(at) => grouped.get(*at) == Some(&true),
        };
        // INVARIANT (members come first).
        for group in &self.groups {
            let count = group.members.iter().filter(|m| met(m, &grouped)).count();
            grouped.push(count >= group.threshold);
        }
        match &self.quorum {
            Quorum::None => true,
            Quorum::Of(member) => met(member, &grouped),
        }
    }

    /// Accepts a checkpoint only if a listed log signed it and enough listed witnesses cosigned it. Says
    /// nothing about how old the cosignatures are: see [`Cosigned::at`].
    ///
    /// # Errors
    /// [`QuorumError`], in the order of its variants.
    pub fn check(&self, signed: &SignedCheckpoint) -> Result<QuorumMet, QuorumError> {
        if !self.logs.iter().any(|log| log.key == *signed.log_key()) {
            return Err(QuorumError::UnknownLog {
                key: signed.log_key().label(),
            });
        }
        self.check_witnesses(signed)
    }

    /// As [`Self::check`], for a checkpoint whose log the caller trusts for another reason than this policy.
    ///
    /// # Errors
    /// [`QuorumError`], save for its first variant.
    pub fn check_witnesses(&self, signed: &SignedCheckpoint) -> Result<QuorumMet, QuorumError> {
        let cosigned = signed.cosigned_by(self.witnesses.iter().map(|witness| &witness.key))?;
        if !self.is_met_by(cosigned.iter().map(Cosigned::key)) {
            return Err(QuorumError::NotMet {
                found: cosigned.len(),
            });
        }
        Ok(QuorumMet { cosigned })
    }
}

impl PolicyLog {
    /// The key; its name is the origin.
    #[must_use]
    pub const fn key(&self) -> &NoteKey {
        &self.key
    }

    /// Where it is read, as written; nobody has looked at it.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

impl PolicyWitness {
    /// Its name within the policy, which need not be the name of its key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &NoteKey {
        &self.key
    }

    /// Where it takes checkpoints, as written; nobody has looked at it.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

impl QuorumMet {
    /// The cosignatures that were found and checked; none if the policy asks for none and there was none.
    #[must_use]
    pub fn cosigned(&self) -> &[Cosigned] {
        &self.cosigned
    }
}

#[derive(Default)]
struct Reading<'a> {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Option<Quorum>,
    /// Name → what it stands for, and whether it is a member of a group already.
    names: BTreeMap<&'a str, (Member, bool)>,
}

impl<'a> Reading<'a> {
    fn log(
        &mut self,
        line: usize,
        key: &str,
        url: Option<&&str>,
    ) -> Result<(), WitnessPolicyError> {
        let earlier = self.logs.iter().map(|log| &log.key);
        let key = read_key(line, key, KeyKind::Ed25519, earlier)?;
        let url = url.map(|url| (*url).to_string());
        self.logs.push(PolicyLog { key, url });
        Ok(())
    }

    fn witness(
        &mut self,
        line: usize,
        name: &'a str,
        key: &str,
        url: Option<&&str>,
    ) -> Result<(), WitnessPolicyError> {
        let earlier = self.witnesses.iter().map(|witness| &witness.key);
        let key = read_key(line, key, KeyKind::Cosignature, earlier)?;
        self.define(line, name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(PolicyWitness {
            name: name.to_string(),
            key,
            url: url.map(|url| (*url).to_string()),
        });
        Ok(())
    }

    fn group(
        &mut self,
        line: usize,
        name: &'a str,
        threshold: &str,
        members: &[&'a str],
    ) -> Result<(), WitnessPolicyError> {
        if self.groups.len() >= WITNESS_POLICY_ITEMS_MAX {
            return Err(WitnessPolicyError::TooMany { line });
        }
        let threshold = match threshold {
            "all" => Some(members.len()),
            "any" => Some(1),
            number => decimal::parse(number)
                .and_then(|number| usize::try_from(number).ok())
                .filter(|number| (1..=members.len()).contains(number)),
        };
        let threshold = threshold.ok_or(WitnessPolicyError::Threshold {
            line,
            members: members.len(),
        })?;
        let mut found = Vec::with_capacity(members.len());
        for name in members {
            let Some((member, taken)) = self.names.get_mut(name) else {
                return Err(WitnessPolicyError::UnknownName {
                    line,
                    name: (*name).to_string(),
                });
            };
            if *taken {
                return Err(WitnessPolicyError::RepeatedMember {
                    line,
                    name: (*name).to_string(),
                });
            }
            *taken = true;
            found.push(*member);
        }
        self.define(line, name, Member::Group(self.groups.len()))?;
        self.groups.push(Group {
            threshold,
            members: found,
        });
        Ok(())
    }

    fn quorum(&mut self, line: usize, name: &str) -> Result<(), WitnessPolicyError> {
        if self.quorum.is_some() {
            return Err(WitnessPolicyError::SecondQuorum { line });
        }
        self.quorum = Some(if name == NONE {
            Quorum::None
        } else {
            let (member, _) =
                self.names
                    .get(name)
                    .ok_or_else(|| WitnessPolicyError::UnknownName {
                        line,
                        name: name.to_string(),
                    })?;
            Quorum::Of(*member)
        });
        Ok(())
    }

    fn define(
        &mut self,
        line: usize,
        name: &'a str,
        member: Member,
    ) -> Result<(), WitnessPolicyError> {
        if name == NONE || self.names.contains_key(name) {
            return Err(WitnessPolicyError::RepeatedName {
                line,
                name: name.to_string(),
            });
        }
        self.names.insert(name, (member, false));
        Ok(())
    }
}

fn read_key<'k>(
    line: usize,
    text: &str,
    kind: KeyKind,
    earlier: impl ExactSizeIterator<Item = &'k NoteKey>,
) -> Result<NoteKey, WitnessPolicyError> {
    if earlier.len() >= WITNESS_POLICY_ITEMS_MAX {
        return Err(WitnessPolicyError::TooMany { line });
    }
    let key = NoteKey::parse(text).map_err(|source| WitnessPolicyError::Key { line, source })?;
    if key.kind() != kind {
        return Err(WitnessPolicyError::WrongKind {
            line,
            key: key.label(),
        });
    }
    let mut earlier = earlier;
    if earlier.any(|other| other.public_key() == key.public_key()) {
        return Err(WitnessPolicyError::RepeatedKey {
            line,
            key: key.label(),
        });
    }
    Ok(key)
}

#[cfg(test)]
#[path = "witness_policy_tests.rs"]
mod tests;
