//! The closed catalogue of action types, and value bands (`spec/action.md`, decisions 6 and 7).
//!
//! An agent names a type; category, band floor and the duty to ask a person follow from this table and from
//! nothing else. There is no constructor, flag or setting that changes a row.

use core::fmt;

/// The version of this table, written into every policy bundle. A changed row is a new version.
pub const CATALOGUE_VERSION: u64 = 1;

/// What an agent may ask to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionType {
    /// `purchase`
    Purchase,
    /// `payment`
    Payment,
    /// `refund`
    Refund,
    /// `message.send`
    MessageSend,
    /// `data.read`
    DataRead,
    /// `data.export`
    DataExport,
    /// `contract.sign`
    ContractSign,
    /// `wire`
    Wire,
    /// `payment-details.change`
    PaymentDetailsChange,
    /// `credential.grant`
    CredentialGrant,
    /// `permission.change`
    PermissionChange,
    /// `policy.change`
    PolicyChange,
    /// `data.delete`
    DataDelete,
    /// `other`: whatever the table does not name; always a person's decision.
    Other,
}

/// What a type of action belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// `procurement`
    Procurement,
    /// `finance`
    Finance,
    /// `communication`
    Communication,
    /// `data`
    Data,
    /// `legal`
    Legal,
    /// `wire`
    Wire,
    /// `payment-details`
    PaymentDetails,
    /// `credential`
    Credential,
    /// `permission`
    Permission,
    /// `policy`
    Policy,
    /// `deletion`
    Deletion,
    /// `other`
    Other,
}

/// One row of the catalogue.
struct Row {
    name: &'static str,
    category: Category,
    floor: u8,
    always: bool,
    pays: bool,
}

impl ActionType {
    /// Every type, in the order of the table in `spec/action.md`.
    pub const ALL: [Self; 14] = [
        Self::Purchase,
        Self::Payment,
        Self::Refund,
        Self::MessageSend,
        Self::DataRead,
        Self::DataExport,
        Self::ContractSign,
        Self::Wire,
        Self::PaymentDetailsChange,
        Self::CredentialGrant,
        Self::PermissionChange,
        Self::PolicyChange,
        Self::DataDelete,
        Self::Other,
    ];

    /// The catalogue itself. AC-5
    const fn row(self) -> Row {
        let (name, category, floor, always, pays) = match self {
            Self::Purchase => ("purchase", Category::Procurement, 0, false, true),
            Self::Payment => ("payment", Category::Finance, 0, false, true),
            Self::Refund => ("refund", Category::Finance, 0, false, true),
            Self::MessageSend => ("message.send", Category::Communication, 0, false, false),
            Self::DataRead => ("data.read", Category::Data, 0, false, false),
            Self::DataExport => ("data.export", Category::Data, 2, false, false),
            Self::ContractSign => ("contract.sign", Category::Legal, 3, false, false),
            Self::Wire => ("wire", Category::Wire, 0, true, true),
            Self::PaymentDetailsChange => (
                "payment-details.change",
                Category::PaymentDetails,
                0,
                true,
                false,
            ),
            Self::CredentialGrant => ("credential.grant", Category::Credential, 0, true, false),
            Self::PermissionChange => ("permission.change", Category::Permission, 0, true, false),
            Self::PolicyChange => ("policy.change", Category::Policy, 0, true, false),
            Self::DataDelete => ("data.delete", Category::Deletion, 0, true, false),
            Self::Other => ("other", Category::Other, 0, true, false),
        };
        Row {
            name,
            category,
            floor,
            always,
            pays,
        }
    }

    /// Finds the type of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name in requests, ledgers and policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// What the type belongs to.
    #[must_use]
    pub const fn category(self) -> Category {
        self.row().category
    }

    /// The lowest band an action of this type counts as, whatever its amount.
    #[must_use]
    pub const fn band_floor(self) -> Band {
        Band(self.row().floor)
    }

    /// Whether a person decides every action of this type, whatever policy and trust say.
    #[must_use]
    pub const fn always_escalates(self) -> bool {
        self.row().always
    }

    /// Whether the counterparty is paid: a first payment, or one after changed details, asks a person.
    #[must_use]
    pub const fn pays(self) -> bool {
        self.row().pays
    }
}

impl Category {
    /// Every category, in the order of the table in `spec/action.md`.
    pub const ALL: [Self; 12] = [
        Self::Procurement,
        Self::Finance,
        Self::Communication,
        Self::Data,
        Self::Legal,
        Self::Wire,
        Self::PaymentDetails,
        Self::Credential,
        Self::Permission,
        Self::Policy,
        Self::Deletion,
        Self::Other,
    ];

    /// The name in ledgers and policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Procurement => "procurement",
            Self::Finance => "finance",
            Self::Communication => "communication",
            Self::Data => "data",
            Self::Legal => "legal",
            Self::Wire => "wire",
            Self::PaymentDetails => "payment-details",
            Self::Credential => "credential",
            Self::Permission => "permission",
            Self::Policy => "policy",
            Self::Deletion => "deletion",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ActionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many decimal digits the minor unit of the tenant's currency has: `0..=4` (EUR 2, JPY 0, CLF 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exponent(u8);

impl Exponent {
    /// Accepts `0..=4`.
    #[must_use]
    pub fn new(digits: u64) -> Option<Self> {
        u8::try_from(digits)
            .ok()
            .filter(|digits| *digits <= 4)
            .map(Self)
    }

    /// The number of digits.
    #[must_use]
    pub const fn digits(self) -> u8 {
        self.0
    }

    /// 100 major units in minor units, `100 · 10^digits`: the exclusive top of band 0.
    #[must_use]
    pub const fn base_minor(self) -> u64 {
        match self.0 {
            0 => 100,
            1 => 1_000,
            2 => 10_000,
            3 => 100_000,
            _ => 1_000_000,
        }
    }
}

/// A band of value, `0..=15`: band 0 is below 100 major units, band b is `[100·4^(b−1), 100·4^b)`, band 15
/// holds all above too (`spec/action.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Band(u8);

impl Band {
    /// The highest band.
    pub const MAX: Self = Self(15);

    /// Accepts `0..=15`.
    #[must_use]
    pub fn new(band: u64) -> Option<Self> {
        u8::try_from(band)
            .ok()
            .map(Self)
            .filter(|band| *band <= Self::MAX)
    }

    /// The band of an amount. AC-6
    #[must_use]
    pub const fn of(amount_minor: u64, exponent: Exponent) -> Self {
        let mut band = 0;
        while band < Self::MAX.0 && amount_minor >= Self(band).top_minor(exponent) {
            band += 1;
        }
        Self(band)
    }

    /// The band an action counts as: that of its amount, but never below the floor of its type. AC-7
    #[must_use]
    pub fn of_action(kind: ActionType, amount_minor: u64, exponent: Exponent) -> Self {
        Self::of(amount_minor, exponent).max(kind.band_floor())
    }

    /// The exclusive top, `base · 4^band` minor units; at most `10^6 · 4^15 < 2^51`. Band 15 holds larger
    /// amounts too: its top only scales the exposure cap.
    #[must_use]
    pub const fn top_minor(self, exponent: Exponent) -> u64 {
        exponent.base_minor() << (2 * self.0)
    }

    /// `0..=15`.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// The highest band an agent may act in without a person, or none: `−1..=15`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Latitude(Option<Band>);

impl Latitude {
    /// Nothing without a person: where every agent begins. −1.
    pub const NONE: Self = Self(None);

    /// Accepts `−1..=15`.
    #[must_use]
    pub fn new(number: i64) -> Option<Self> {
        match u64::try_from(number) {
            Ok(band) => Band::new(band).map(|band| Self(Some(band))),
            Err(_) if number == -1 => Some(Self::NONE),
            Err(_) => None,
        }
    }

    /// Up to and including `band`.
    #[must_use]
    pub const fn up_to(band: Band) -> Self {
        Self(Some(band))
    }

    /// The highest band, if there is one.
    #[must_use]
    pub const fn band(self) -> Option<Band> {
        self.0
    }

    /// Whether an action of `band` needs no person.
    #[must_use]
    pub fn covers(self, band: Band) -> bool {
        self.0.is_some_and(|highest| band <= highest)
    }

    /// `−1..=15`.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0.map_or(-1, |band| i64::from(band.0))
    }
}
