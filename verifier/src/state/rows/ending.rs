//! What became of a permission, as the row of its case remembers it; and the rows of trust (`spec/outcome.md §3`,
//! `spec/standing.md §3.1`).

use alloc::vec::Vec;

use super::bad;
use crate::{
    action::Band,
    cbor::{CborError, Items, Value},
    digest::Digest,
    event::{StandingChanged, Stated, latitude, per_band, read_per_band},
    id::Id,
    standing::{Credit, Dealings, Rated, Standing},
    time::UnixMillis,
};

/// From `passport.issued` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// With whom.
    pub counterparty: Id,
    /// The band of the amount alone.
    pub band: Band,
    /// Whether the counterparty is paid.
    pub pays: bool,
    /// What the Passport is called where it is used.
    pub cti: [u8; 16],
    /// The end of its life.
    pub expires_at: UnixMillis,
    /// Whether the amount is no exposure any more.
    pub settled: bool,
    /// When it was disputed, if it ever was.
    pub disputed_at: Option<UnixMillis>,
    /// Completed, as a person says, and not counted.
    pub said: Option<Said>,
    /// What it was credited, once it counted.
    pub credit: Option<Credit>,
    /// Standings that moved and are not said yet. Between two writes always `None`, save in a part of a log.
    pub moved: Option<Moved>,
}

/// What a person said, waiting for its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// The digest of the event.
    pub event: Digest,
    /// When.
    pub at: UnixMillis,
}

/// An event that moved standings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its digest.
    pub by: Digest,
    /// What is to be said, in this order; at least one.
    pub due: Vec<Due>,
}

/// A standing that is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub rated: Rated,
    /// What is to be said; `None` in a part of a log, where it may be said and cannot be known.
    pub says: Option<Stated>,
}

impl Moved {
    /// Whether something must still be said.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.due.iter().any(|due| due.says.is_some())
    }
}

impl Ending {
    /// What must be said next, in the same write, if something must: SD-8.
    #[must_use]
    pub fn standing_due(&self) -> Option<StandingChanged> {
        let moved = self.moved.as_ref()?;
        let due = moved.due.first()?;
        Some(StandingChanged {
            rated: due.rated.clone(),
            moved_by: moved.by,
            standing: due.says?,
        })
    }

    pub(super) fn to_value(&self) -> Value {
        Value::array([
            Value::from(self.counterparty.as_str()),
            Value::Uint(self.band.number().into()),
            Value::Bool(self.pays),
            Value::bytes(&self.cti),
            Value::from(self.expires_at),
            Value::Bool(self.settled),
            Value::or_null(self.disputed_at),
            self.said.map_or(Value::Null, |said| {
                Value::array([Value::from(said.event), Value::from(said.at)])
            }),
            self.credit.map_or(Value::Null, |credit| {
                Value::array([
                    Value::Uint(credit.value),
                    Value::Uint(credit.day),
                    Value::Bool(credit.live),
                ])
            }),
            self.moved.as_ref().map_or(Value::Null, |moved| {
                let due = moved.due.iter().map(Due::to_value);
                Value::array([Value::from(moved.by), Value::array(due)])
            }),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Option<Self>, CborError> {
        if value == Value::Null {
            return Ok(None);
        }
        let mut items = value.into_items("ending")?;
        let ending = Self {
            counterparty: items.id("counterparty")?,
            band: Band::new(items.uint("band")?).ok_or_else(|| bad("band", "0 to 15"))?,
            pays: boolean(&mut items, "pays")?,
            cti: items.bytes_exact("cti")?,
            expires_at: items.time("expires_at")?,
            settled: boolean(&mut items, "settled")?,
            disputed_at: items.time_or_null("disputed_at")?,
            said: optional(&mut items, "said", |items| {
                Ok(Said {
                    event: items.digest("event")?,
                    at: items.time("at")?,
                })
            })?,
            credit: optional(&mut items, "credit", |items| {
                Ok(Credit {
                    value: items.uint("value")?,
                    day: items.uint("day")?,
                    live: boolean(items, "live")?,
                })
            })?,
            moved: optional(&mut items, "moved", |items| {
                Ok(Moved {
                    by: items.digest("by")?,
                    due: items.value("due")?.into_list("due", Due::from_value)?,
                })
            })?,
        };
        items.finish()?;
        Ok(Some(ending))
    }
}

impl Due {
    fn to_value(&self) -> Value {
        let says = self.says.map_or(Value::Null, |says| {
            let latitude = says.latitude;
            Value::array([
                per_band(&says.scores),
                latitude.map_or(Value::Null, |latitude| Value::from(latitude.number())),
                Value::or_null(says.probation_until),
            ])
        });
        Value::array([
            Value::from(self.rated.kind()),
            Value::from(self.rated.id().as_str()),
            says,
        ])
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("due")?;
        let kind = items.text("rated")?;
        let id = items.id("id")?;
        let due = Self {
            rated: Rated::parse(&kind, id)
                .ok_or_else(|| bad("rated", "`agent` or `counterparty`"))?,
            says: optional(&mut items, "says", |items| {
                Ok(Stated {
                    scores: read_per_band(items.value("scores")?)?,
                    latitude: match items.value("latitude")? {
                        Value::Null => None,
                        number => {
                            Some(latitude(&number).ok_or_else(|| bad("latitude", "-1 to 15"))?)
                        }
                    },
                    probation_until: items.time_or_null("probation_until")?,
                })
            })?,
        };
        items.finish()?;
        Ok(due)
    }
}

pub(super) fn standing_to_value(row: &Standing) -> Value {
    Value::array([
        Value::Uint(row.day),
        per_band(&row.good),
        Value::Uint(row.bad),
        per_band(&row.partners),
        Value::or_null(row.probation_until),
        Value::Bool(row.adverse),
        Value::Uint(row.payments),
    ])
}

pub(super) fn standing_from_value(value: Value) -> Result<Standing, CborError> {
    let mut items = value.into_items("standing row")?;
    let row = Standing {
        day: items.uint("day")?,
        good: read_per_band(items.value("good")?)?,
        bad: items.uint("bad")?,
        partners: read_per_band(items.value("partners")?)?,
        probation_until: items.time_or_null("probation_until")?,
        adverse: boolean(&mut items, "adverse")?,
        payments: items.uint("payments")?,
    };
    items.finish()?;
    Ok(row)
}

pub(super) fn dealings_to_value(row: &Dealings) -> Value {
    Value::array([per_band(&row.given), per_band(&row.live)])
}

pub(super) fn dealings_from_value(value: Value) -> Result<Dealings, CborError> {
    let mut items = value.into_items("dealings row")?;
    let row = Dealings {
        given: read_per_band(items.value("given")?)?,
        live: read_per_band(items.value("live")?)?,
    };
    items.finish()?;
    Ok(row)
}

fn boolean(items: &mut Items, field: &'static str) -> Result<bool, CborError> {
    match items.value(field)? {
        Value::Bool(value) => Ok(value),
        _ => Err(bad(field, "true or false")),
    }
}

fn optional<T>(
    items: &mut Items,
    field: &'static str,
    read: impl FnOnce(&mut Items) -> Result<T, CborError>,
) -> Result<Option<T>, CborError> {
    match items.value(field)? {
        Value::Null => Ok(None),
        value => {
            let mut items = value.into_items(field)?;
            let read = read(&mut items)?;
            items.finish()?;
            Ok(Some(read))
        }
    }
}
