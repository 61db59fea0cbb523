//! The annotations of a policy: its name, and for oversight rules whom they ask and for how long.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString as _},
};

use crate::{
    action::is_control_or_bidi,
    decision::{APPROVERS, APPROVERS_MAX, REVIEW_MS, is_rule_id},
    id::Id,
};

/// A title or a reason, in characters.
pub const TITLE_CHARS_MAX: usize = 120;
/// Groups that one rule may ask.
pub const RULE_GROUPS_MAX: usize = 8;

/// What an oversight rule asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    pub(super) reason: String,
    pub(super) demand: BTreeMap<Id, u8>,
    pub(super) review_ms: u64,
}

impl Escalation {
    /// Why a person is asked, in the tenant's words.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// How many people of which group.
    #[must_use]
    pub const fn demand(&self) -> &BTreeMap<Id, u8> {
        &self.demand
    }

    /// How long they have, in milliseconds.
    #[must_use]
    pub const fn review_ms(&self) -> u64 {
        self.review_ms
    }
}

/// What the annotations of one policy say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Annotations {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) escalation: Option<Escalation>,
}

/// Why the annotations of a policy are refused. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnnotationError {
    /// An annotation nobody reads.
    #[error("unknown annotation `@{name}`: expected id, title, escalate, approvers or sla")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// No `@id`.
    #[error("policy without `@id`: a decision could not name it")]
    NoId,
    /// An `@id` that is no id.
    #[error("`@id` is `{found}`, expected 1 to 64 of `a-z`, `0-9`, `.` and `-`")]
    BadId {
        /// What was found.
        found: String,
    },
    /// An `@id` of the product.
    #[error("`@id` is `{found}`: names that begin with `builtin.` are the product's own")]
    ReservedId {
        /// What was found.
        found: String,
    },
    /// No `@title`.
    #[error("policy without `@title`: people could not read why")]
    NoTitle,
    /// A `@title` that is empty, too long or hides something.
    #[error("`@title` is not 1 to 120 characters without controls and bidi controls")]
    BadTitle,
    /// `@escalate` on a permit.
    #[error("`@escalate` on a permit: an oversight rule is a forbid, so that other tools refuse")]
    EscalateOnPermit,
    /// `@escalate` without a reason, or with one that is too long or hides something.
    #[error(
        "`@escalate` is not a reason of 1 to 120 characters without controls and bidi controls"
    )]
    BadReason,
    /// `@approvers` or `@sla` without `@escalate`.
    #[error("`@{name}` without `@escalate`: only an oversight rule asks people")]
    WithoutEscalate {
        /// Its name.
        name: &'static str,
    },
    /// `@approvers` in another form.
    #[error(
        "`@approvers` is `{found}`, expected up to 8 different groups as `group:1..8`, with commas between"
    )]
    BadApprovers {
        /// What was found.
        found: String,
    },
    /// `@sla` in another form.
    #[error("`@sla` is `{found}`, expected `PT<1..999>H`, `PT<1..999>M` or `P<1..30>D`")]
    BadSla {
        /// What was found.
        found: String,
    },
}

impl AnnotationError {
    /// A short name for programs and test data.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown-annotation",
            Self::NoId => "no-id",
            Self::BadId { .. } => "bad-id",
            Self::ReservedId { .. } => "reserved-id",
            Self::NoTitle => "no-title",
            Self::BadTitle => "bad-title",
            Self::EscalateOnPermit => "escalate-on-permit",
            Self::BadReason => "bad-reason",
            Self::WithoutEscalate { .. } => "without-escalate",
            Self::BadApprovers { .. } => "bad-approvers",
            Self::BadSla { .. } => "bad-sla",
        }
    }
}

/// Reads the annotations of one policy. PO-4, PO-5
pub(super) fn read<'a>(
    annotations: impl Iterator<Item = (&'a str, &'a str)>,
    is_permit: bool,
) -> Result<Annotations, AnnotationError> {
    let found: BTreeMap<&str, &str> = annotations.collect();
    const KNOWN: [&str; 5] = ["id", "title", "escalate", "approvers", "sla"];
    if let Some(name) = found.keys().find(|name| !KNOWN.contains(name)) {
        return Err(AnnotationError::Unknown {
            name: (*name).to_string(),
        });
    }
    let id = *found.get("id").ok_or(AnnotationError::NoId)?;
    if !is_rule_id(id) {
        return Err(AnnotationError::BadId {
            found: id.to_string(),
        });
    }
    if id.starts_with("builtin.") {
        return Err(AnnotationError::ReservedId {
            found: id.to_string(),
        });
    }
    let title = *found.get("title").ok_or(AnnotationError::NoTitle)?;
    if !is_readable(title) {
        return Err(AnnotationError::BadTitle);
    }
    let escalation = match found.get("escalate") {
        Some(_) if is_permit => return Err(AnnotationError::EscalateOnPermit),
        Some(reason) if !is_readable(reason) => return Err(AnnotationError::BadReason),
        Some(reason) => Some(Escalation {
            reason: (*reason).to_string(),
            demand: read_approvers(found.get("approvers").copied())?,
            review_ms: read_sla(found.get("sla").copied())?,
        }),
        None => {
            for name in ["approvers", "sla"] {
                if found.contains_key(name) {
                    return Err(AnnotationError::WithoutEscalate { name });
                }
            }
            None
        }
    };
    Ok(Annotations {
        id: id.to_string(),
        title: title.to_string(),
        escalation,
    })
}

/// Escapes in a literal can bring characters the scanner refuses: look at what they stand for.
fn is_readable(text: &str) -> bool {
    (1..=TITLE_CHARS_MAX).contains(&text.chars().count())
        && !text.trim().is_empty()
        && !text.chars().any(is_control_or_bidi)
}

/// `group:n` with commas between; where there is none, one person of `approvers`. PO-6
fn read_approvers(text: Option<&str>) -> Result<BTreeMap<Id, u8>, AnnotationError> {
    let Some(text) = text else {
        return Ok(Id::parse(APPROVERS)
            .into_iter()
            .map(|group| (group, 1))
            .collect());
    };
    let bad = || AnnotationError::BadApprovers {
        found: text.to_string(),
    };
    let mut demand = BTreeMap::new();
    for part in text.split(',') {
        let (group, people) = part.split_once(':').ok_or_else(bad)?;
        let group = Id::parse(group).map_err(|_| bad())?;
        let people = read_number(people, u64::from(APPROVERS_MAX)).ok_or_else(bad)?;
        let people = u8::try_from(people).map_err(|_| bad())?;
        if demand.insert(group, people).is_some() || demand.len() > RULE_GROUPS_MAX {
            return Err(bad());
        }
    }
    Ok(demand)
}

/// A duration in milliseconds; where there is none, 24 h. PO-7
fn read_sla(text: Option<&str>) -> Result<u64, AnnotationError> {
    const MINUTE_MS: u64 = 60 * 1000;
    let Some(text) = text else {
        return Ok(REVIEW_MS);
    };
    let bad = || AnnotationError::BadSla {
        found: text.to_string(),
    };
    let inside = |front, back: &str| text.strip_prefix(front)?.strip_suffix(back);
    let (number, max, unit_ms) = if let Some(number) = inside("PT", "H") {
        (number, 999, 60 * MINUTE_MS)
    } else if let Some(number) = inside("PT", "M") {
        (number, 999, MINUTE_MS)
    } else if let Some(number) = inside("P", "D") {
        (number, 30, 24 * 60 * MINUTE_MS)
    } else {
        return Err(bad());
    };
    let number = read_number(number, max).ok_or_else(bad)?;
    Ok(number.saturating_mul(unit_ms))
}

/// `1..=max` in decimal without sign and leading zero.
fn read_number(text: &str, max: u64) -> Option<u64> {
    let plain =
        text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if !plain {
        return None;
    }
    text.parse().ok().filter(|n| (1..=max).contains(n))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn approvers_have_one_form() {
        // PO-6
        let read = |text| {
            read_approvers(text).map(|demand| {
                demand
                    .into_iter()
                    .map(|(group, n)| (group.as_str().to_string(), n))
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(read(None), Ok([("approvers".to_string(), 1)].to_vec()));
        assert_eq!(
            read(Some("legal:1,finance:8")),
            Ok([("finance".to_string(), 8), ("legal".to_string(), 1)].to_vec())
        );
        for bad in [
            "",
            "finance",
            "finance:",
            "finance:0",
            "finance:9",
            "finance:01",
            "finance:+1",
            "finance: 1",
            "finance:1,",
            ",finance:1",
            "finance:1, legal:1",
            "Finance:1",
            "finance:1,finance:2",
            ":1",
            "finance:1:1",
            "a:1,b:1,c:1,d:1,e:1,f:1,g:1,h:1,i:1",
        ] {
            assert!(read(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_have_one_form() {
        // PO-7
        assert_eq!(read_sla(None), Ok(86_400_000));
        assert_eq!(read_sla(Some("PT4H")), Ok(14_400_000));
        assert_eq!(read_sla(Some("PT999M")), Ok(59_940_000));
        assert_eq!(read_sla(Some("PT999H")), Ok(crate::decision::REVIEW_MS_MAX));
        assert_eq!(read_sla(Some("P30D")), Ok(2_592_000_000));
        for bad in [
            "", "PT0H", "PT01H", "PT1000H", "P31D", "P0D", "PT4S", "4H", "pt4h", "PT4H ", "P1DT1H",
            "PT-1H", "PT1.5H", "PTH", "P1W", "PT1D", "P1H",
        ] {
            assert!(read_sla(Some(bad)).is_err(), "{bad}");
        }
    }
}
