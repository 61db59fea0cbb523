//! Words about people: roles, groups, names (`spec/people.md`).
//!
//! Who has them is in the rows ([`crate::state`]), who may give them in [`crate::state::may_sign`].

use alloc::{string::String, vec::Vec};

use crate::{
    action::is_control_or_bidi,
    cbor::{CborError, Fields, Items, Value},
    id::Id,
};

/// The longest name of a person, in characters.
pub const PERSON_NAME_CHARS_MAX: usize = 120;
/// Groups of one person.
pub const GROUPS_MAX: usize = 16;
/// Passkeys of one person that count at one time.
pub const PASSKEYS_MAX: usize = 8;
/// How long a proposal waits for the second administrator, in milliseconds of `decided_at`.
pub const PROPOSAL_LIFE_MS: u64 = 86_400_000;
/// The longest delegation, in milliseconds: 30 days.
pub const DELEGATION_MS_MAX: u64 = 30 * 86_400_000;

/// What a person may do in a tenant. In the order of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Rules: people, policies, systems.
    Administrator,
    /// Judges cases.
    Approver,
    /// Reads everything.
    Auditor,
    /// Keeps agents and counterparties.
    Operator,
}

/// One to four roles, rising, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

/// At most 16 groups, rising, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups(Vec<Id>);

/// The name of a person for other people: 1 to 120 characters, no control and no bidi character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName(String);

impl Role {
    /// Every role, rising.
    pub const ALL: [Self; 4] = [
        Self::Administrator,
        Self::Approver,
        Self::Auditor,
        Self::Operator,
    ];

    /// The word of the formats.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }

    /// Reads the word of the formats.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == word)
    }
}

impl Roles {
    /// What `new` expects, for errors.
    pub const EXPECTED: &'static str =
        "1 to 4 of `administrator`, `approver`, `auditor`, `operator`, in this order, each once";

    /// Accepts one role or more, rising.
    #[must_use]
    pub fn new(roles: Vec<Role>) -> Option<Self> {
        (!roles.is_empty() && rises(&roles)).then_some(Self(roles))
    }

    /// The roles, rising.
    #[must_use]
    pub fn as_slice(&self) -> &[Role] {
        &self.0
    }

    /// Whether `role` is one of them.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    pub(crate) fn to_value(&self) -> Value {
        Value::array(self.0.iter().map(|role| Value::from(role.name())))
    }

    pub(crate) fn from_value(value: Value, what: &'static str) -> Result<Self, CborError> {
        let refused = || unexpected(what, "roles", Self::EXPECTED);
        let roles = value.into_list("roles", |word| {
            Role::parse(&word.into_text("roles")?).ok_or_else(refused)
        })?;
        Self::new(roles).ok_or_else(refused)
    }
}

impl Groups {
    /// What `new` expects, for errors.
    pub const EXPECTED: &'static str = "at most 16 ids, rising, each once";

    /// Accepts at most 16 groups, rising.
    #[must_use]
    pub fn new(groups: Vec<Id>) -> Option<Self> {
        (groups.len() <= GROUPS_MAX && rises(&groups)).then_some(Self(groups))
    }

    /// The groups, rising.
    #[must_use]
    pub fn as_slice(&self) -> &[Id] {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each of these is one of `others`.
    #[must_use]
    pub fn all_in(&self, others: &Self) -> bool {
        self.0.iter().all(|group| others.0.contains(group))
    }

    pub(crate) fn to_value(&self) -> Value {
        Value::array(self.0.iter().map(|group| Value::from(group.as_str())))
    }

    pub(crate) fn from_value(value: Value, what: &'static str) -> Result<Self, CborError> {
        let refused = || unexpected(what, "groups", Self::EXPECTED);
        let groups = value.into_list("groups", |group| {
            Id::parse(&group.into_text("groups")?).map_err(|_| refused())
        })?;
        Self::new(groups).ok_or_else(refused)
    }
}

impl PersonName {
    /// What `parse` expects, for errors.
    pub const EXPECTED: &'static str =
        "1 to 120 characters, no control and no bidirectional character";

    /// Accepts 1 to 120 characters that are shown as they are.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let good = (1..=PERSON_NAME_CHARS_MAX).contains(&text.chars().count())
            && !text.chars().any(is_control_or_bidi);
        good.then(|| Self(String::from(text)))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Display for Role {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! read {
    ($source:ty) => {
        impl $source {
            /// The member `roles`.
            pub(crate) fn roles(&mut self, what: &'static str) -> Result<Roles, CborError> {
                Roles::from_value(self.value("roles")?, what)
            }

            /// The member `groups`.
            pub(crate) fn groups(&mut self, what: &'static str) -> Result<Groups, CborError> {
                Groups::from_value(self.value("groups")?, what)
            }

            /// The member `name`.
            pub(crate) fn person_name(&mut self) -> Result<PersonName, CborError> {
                self.text_as("name", PersonName::EXPECTED, PersonName::parse)
            }

            /// A member that is an id.
            pub(crate) fn id(&mut self, field: &'static str) -> Result<Id, CborError> {
                self.text_as(field, "an id", |text| Id::parse(text).ok())
            }
        }
    };
}

read!(Fields);
read!(Items);

fn rises<T: Ord>(list: &[T]) -> bool {
    list.windows(2)
        .all(|pair| matches!(pair, [one, next] if one < next))
}

const fn unexpected(what: &'static str, field: &'static str, expected: &'static str) -> CborError {
    CborError::Unexpected {
        what,
        field,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    #[test]
    fn lists_rise_and_name_each_once() {
        use Role::{Administrator, Approver, Operator};
        for good in [vec![Approver], Role::ALL.to_vec()] {
            assert_eq!(Roles::new(good.clone()).unwrap().as_slice(), good);
        }
        for bad in [
            vec![],
            vec![Approver, Approver],
            vec![Operator, Administrator],
        ] {
            assert_eq!(Roles::new(bad), None);
        }
        let many = |count: usize| (0..count).map(|n| id(&alloc::format!("g{n:02}"))).collect();
        assert!(Groups::new(many(0)).is_some_and(|groups| groups.is_empty()));
        assert!(Groups::new(many(16)).is_some());
        assert_eq!(Groups::new(many(17)), None);
        assert_eq!(Groups::new(vec![id("b"), id("a")]), None);
        assert_eq!(Groups::new(vec![id("a"), id("a")]), None);
    }

    #[test]
    fn words_and_roles_belong_together() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[0].name() < pair[1].name());
        }
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()), Some(role));
        }
        assert_eq!(Role::parse("founder"), None);
    }

    #[test]
    fn a_name_is_shown_as_it_is() {
        for good in ["D", "Dana \u{d6}zt\u{fc}rk", &"\u{e4}".repeat(120)] {
            assert_eq!(PersonName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "a\u{202e}b", &"a".repeat(121)] {
            assert_eq!(PersonName::parse(bad), None, "{bad:?}");
        }
    }
}
