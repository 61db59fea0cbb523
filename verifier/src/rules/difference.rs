//! What differs between two bundles, policy by policy (`spec/replay.md` §3).
//!
//! Texts are compared as bytes: people sign text, and a comparison that forgave blanks would be one more thing to
//! believe. What stands between policies belongs to none of them.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::compile::Rule;

/// What differs between the policies of two bundles. RP-1
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    changes: Vec<RuleChange>,
    same: usize,
}

/// One policy that is not the same in both. At least one side is there, and where both are, their texts differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleChange {
    id: String,
    before: Option<RuleText>,
    after: Option<RuleText>,
}

/// A policy as one of the bundles has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// What it says, in the tenant's words.
    pub title: String,
    /// From its first token to its `;`.
    pub source: String,
}

/// What became of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Only the second bundle has it.
    Added,
    /// Only the first bundle has it.
    Removed,
    /// Both have it, with different texts.
    Changed,
}

impl Difference {
    /// Compares the policies of one bundle with those of another, as [`super::CompiledBundle::rules`] has them. No
    /// bundle at all is one without policies. RP-1, RP-2
    #[must_use]
    pub fn between(before: &BTreeMap<String, Rule>, after: &BTreeMap<String, Rule>) -> Self {
        let mut changes = Vec::new();
        let mut same = 0_usize;
        for (id, rule) in before {
            match after.get(id) {
                Some(other) if other.source() == rule.source() => same = same.saturating_add(1),
                other => changes.push(RuleChange {
                    id: id.clone(),
                    before: Some(RuleText::of(rule)),
                    after: other.map(RuleText::of),
                }),
            }
        }
        let added = after.iter().filter(|(id, _)| !before.contains_key(*id));
        changes.extend(added.map(|(id, rule)| RuleChange {
            id: id.clone(),
            before: None,
            after: Some(RuleText::of(rule)),
        }));
        changes.sort_by(|one, other| one.id.cmp(&other.id));
        Self { changes, same }
    }

    /// What is not the same, by id.
    #[must_use]
    pub fn changes(&self) -> &[RuleChange] {
        &self.changes
    }

    /// How many policies are the same in both.
    #[must_use]
    pub const fn same(&self) -> usize {
        self.same
    }
}

impl RuleText {
    fn of(rule: &Rule) -> Self {
        Self {
            title: String::from(rule.title()),
            source: String::from(rule.source()),
        }
    }
}

impl RuleChange {
    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// As the first bundle has it.
    #[must_use]
    pub const fn before(&self) -> Option<&RuleText> {
        self.before.as_ref()
    }

    /// As the second bundle has it.
    #[must_use]
    pub const fn after(&self) -> Option<&RuleText> {
        self.after.as_ref()
    }

    /// What became of it.
    #[must_use]
    pub const fn kind(&self) -> ChangeKind {
        match (&self.before, &self.after) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        }
    }
}

impl ChangeKind {
    /// `added`, `removed` or `changed`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}
