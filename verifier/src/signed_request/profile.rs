//! Which parts of a request each profile signs. Adding a profile is adding a line to each table here.

/// A closed profile of RFC 9421. Its tag keeps a signature from being used for another purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// An agent or a target system sends content: `agentsigna-action-v1`.
    Action,
    /// An agent or a target system reads, with `GET` and no content: `agentsigna-read-v1`.
    Read,
    /// A key proves that it is held by who enrols or rotates it: `agentsigna-enrol-v1`.
    Enrol,
    /// The tenant's founder key acts: `agentsigna-founder-v1`.
    Founder,
    /// An agent calls a target system and shows its Passport: `agentsigna-exec-v1`.
    Exec,
}

/// A part of a request that a signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Component {
    Method,
    Authority,
    RequestTarget,
    ContentType,
    ContentDigest,
    Passport,
}

impl Component {
    /// The identifier of RFC 9421 §2, without quotation marks.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Method => "@method",
            Self::Authority => "@authority",
            Self::RequestTarget => "@request-target",
            Self::ContentType => "content-type",
            Self::ContentDigest => "content-digest",
            Self::Passport => "agentsigna-passport",
        }
    }
}

impl Profile {
    /// Every profile, in the order of `spec/requests.md`.
    pub const ALL: [Self; 5] = [
        Self::Action,
        Self::Read,
        Self::Enrol,
        Self::Founder,
        Self::Exec,
    ];

    /// The `tag` parameter.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Action => "agentsigna-action-v1",
            Self::Read => "agentsigna-read-v1",
            Self::Enrol => "agentsigna-enrol-v1",
            Self::Founder => "agentsigna-founder-v1",
            Self::Exec => "agentsigna-exec-v1",
        }
    }

    /// The profile of a tag.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.tag() == tag)
    }

    /// Whether content is signed. Without it there is none.
    #[must_use]
    pub const fn has_content(self) -> bool {
        !matches!(self, Self::Read)
    }

    /// Whether a nonce is signed. Without it the Passport's `cti` makes the call single.
    #[must_use]
    pub const fn has_nonce(self) -> bool {
        !matches!(self, Self::Exec)
    }

    /// Whether a Passport is signed.
    #[must_use]
    pub const fn has_passport(self) -> bool {
        matches!(self, Self::Exec)
    }

    /// The components, in their order (RQ-2).
    pub(super) const fn components(self) -> &'static [Component] {
        use Component::{Authority, ContentDigest, ContentType, Method, Passport, RequestTarget};
        match self {
            Self::Action | Self::Enrol | Self::Founder => {
                &[Method, Authority, RequestTarget, ContentType, ContentDigest]
            }
            Self::Read => &[Method, Authority, RequestTarget],
            Self::Exec => &[
                Method,
                Authority,
                RequestTarget,
                ContentType,
                ContentDigest,
                Passport,
            ],
        }
    }

    /// The components as `Signature-Input` lists them.
    pub(super) const fn component_list(self) -> &'static str {
        match self {
            Self::Action | Self::Enrol | Self::Founder => {
                r#"("@method" "@authority" "@request-target" "content-type" "content-digest")"#
            }
            Self::Read => r#"("@method" "@authority" "@request-target")"#,
            Self::Exec => {
                r#"("@method" "@authority" "@request-target" "content-type" "content-digest" "agentsigna-passport")"#
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{format, string::String, vec::Vec};

    use super::*;

    #[test]
    fn the_two_tables_of_components_agree() {
        for profile in Profile::ALL {
            let names: Vec<String> = profile
                .components()
                .iter()
                .map(|component| format!("\"{}\"", component.name()))
                .collect();
            assert_eq!(profile.component_list(), format!("({})", names.join(" ")));
            assert_eq!(Profile::from_tag(profile.tag()), Some(profile));
            let covers = |component| profile.components().contains(&component);
            assert_eq!(covers(Component::ContentDigest), profile.has_content());
            assert_eq!(covers(Component::ContentType), profile.has_content());
            assert_eq!(covers(Component::Passport), profile.has_passport());
        }
        assert_eq!(Profile::from_tag("web-bot-auth"), None);
    }
}
