use alloc::{format, string::String, vec};

use proptest::prelude::*;

use super::*;

fn exponent(digits: u64) -> Exponent {
    Exponent::new(digits).unwrap()
}

fn action(
    amount: u64,
    reference: &str,
    parameters: &[(&str, Parameter)],
) -> Result<Action, ActionError> {
    Action::new(
        ActionType::Purchase,
        amount,
        Currency::parse("EUR").unwrap(),
        Id::parse("acme").unwrap(),
        Id::parse("erp").unwrap(),
        reference,
        parameters
            .iter()
            .map(|(name, value)| (ParameterName::parse(name).unwrap(), value.clone()))
            .collect(),
    )
}

fn example() -> Action {
    action(
        125_000,
        "PO-1001",
        &[
            ("lines", Parameter::Integer(3)),
            ("cost_centre", Parameter::Text("R&D".into())),
        ],
    )
    .unwrap()
}

/// The bytes of the example in `spec/action.md`.
const EXAMPLE_HEX: &str = "a701687075726368617365021a0001e848036345555204646163\
    6d6505636572700667504f2d3130303107a2656c696e6573036b636f73745f63656e7472656352\
    2644";

#[test]
fn the_example_of_the_page_is_reproduced() {
    // AC-1
    let bytes = data_encoding::HEXLOWER
        .decode(EXAMPLE_HEX.as_bytes())
        .unwrap();
    assert_eq!(
        data_encoding::HEXLOWER.encode(&example().encode()),
        EXAMPLE_HEX
    );
    assert_eq!(Action::decode(&bytes), Ok(example()));
    // AC-8
    assert_eq!(
        example().digest(),
        Digest::of(Noun::Action, &bytes),
        "the digest is over the encoding"
    );
}

#[test]
fn ranges_are_kept() {
    // AC-2
    assert!(action(limits::AMOUNT_MINOR_MAX, "", &[]).is_ok());
    assert_eq!(
        action(limits::AMOUNT_MINOR_MAX + 1, "", &[]),
        Err(ActionError::Amount {
            found: limits::AMOUNT_MINOR_MAX + 1
        })
    );
    // AC-3
    for good in ["", " ", "~", &"x".repeat(64)] {
        assert!(action(0, good, &[]).is_ok(), "{good}");
    }
    for bad in ["\n", "ä", "\x7f", "\t", &"x".repeat(65)] {
        assert_eq!(action(0, bad, &[]), Err(ActionError::Reference), "{bad:?}");
    }
    // AC-4
    let integer = |n| action(0, "", &[("a", Parameter::Integer(n))]);
    assert!(integer(limits::JSON_INTEGER_MAX).is_ok());
    assert_eq!(integer(1 << 53).unwrap_err().field(), "parameters");
    let text = |text: String| action(0, "", &[("a", Parameter::Text(text))]);
    for good in [String::new(), "ä".repeat(64), "日本".into()] {
        assert!(text(good).is_ok());
    }
    for bad in [
        "ä".repeat(65),
        "a\nb".into(),
        "\u{202e}x".into(),
        "\u{85}".into(),
        "\u{2028}".into(),
        "\u{2066}".into(),
        "\u{61c}".into(),
    ] {
        assert!(matches!(text(bad), Err(ActionError::ParameterText { .. })));
    }
    let many = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| format!("p{i}")).collect();
        let members: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), Parameter::Integer(0)))
            .collect();
        action(0, "", &members)
    };
    assert!(many(16).is_ok());
    assert_eq!(many(17), Err(ActionError::ParameterCount { found: 17 }));
    for bad in ["", "A", "1a", "_a", "a-b", "é", &"a".repeat(33)] {
        assert_eq!(ParameterName::parse(bad), None, "{bad}");
    }
    for bad in ["", "eur", "EU", "EURO", "E1R", "ÄB"] {
        assert_eq!(Currency::parse(bad), None, "{bad}");
    }
}

#[test]
fn each_member_is_needed_and_no_other_is_taken() {
    let Value::Map(members) = example().to_value() else {
        unreachable!()
    };
    for at in 0..members.len() {
        let mut fewer = members.clone();
        fewer.remove(at);
        assert!(matches!(
            Action::from_value(Value::Map(fewer)),
            Err(CborError::Missing { .. })
        ));
        // A member of another type is refused by name.
        for wrong in [Value::Null, Value::Bool(true), Value::array([])] {
            let mut changed = members.clone();
            changed[at].1 = wrong;
            assert!(matches!(
                Action::from_value(Value::Map(changed)),
                Err(CborError::Unexpected { .. })
            ));
        }
    }
    for extra in [
        Value::Uint(8),
        Value::Uint(0),
        Value::from("category"),
        Value::from(-1_i64),
    ] {
        let mut more = members.clone();
        more.push((extra, Value::from("procurement")));
        assert!(matches!(
            Action::from_value(Value::map(more)),
            Err(CborError::Unknown { .. })
        ));
    }
    let mut unknown = members.clone();
    unknown[0].1 = Value::from("purchases");
    assert_eq!(
        Action::from_value(Value::Map(unknown))
            .unwrap_err()
            .to_string(),
        "`type` of action is not a type of the catalogue"
    );
    for (at, wrong) in [
        (1, Value::Uint(limits::AMOUNT_MINOR_MAX + 1)),
        (1, Value::from(-1_i64)),
        (2, Value::from("eur")),
        (3, Value::from("ACME")),
        (4, Value::from("")),
        (5, Value::from("\u{7}")),
        (6, Value::map([("A", Value::Uint(1))])),
        (6, Value::map([("a", Value::from(-1_i64))])),
        (6, Value::map([("a", Value::Null)])),
        (6, Value::map([(1_u64, Value::Uint(1))])),
        (
            6,
            Value::Map(vec![
                (Value::from("a"), Value::Uint(1)),
                (Value::from("a"), Value::Uint(2)),
            ]),
        ),
    ] {
        let mut changed = members.clone();
        changed[at].1 = wrong.clone();
        assert!(
            matches!(
                Action::from_value(Value::Map(changed)),
                Err(CborError::Unexpected { .. })
            ),
            "{at} {wrong:?}"
        );
    }
}

#[test]
fn a_flipped_bit_is_another_action_or_none() {
    let bytes = example().encode();
    for at in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        if let Ok(other) = Action::decode(&flipped) {
            assert_ne!(other, example());
            assert_ne!(other.digest(), example().digest());
            assert_eq!(other.encode(), flipped, "one action, one encoding");
        }
    }
}

#[test]
fn the_catalogue_is_the_table_of_the_page() {
    // AC-5: a row changes in code, page and bundle version together or not at all.
    let page = include_str!("../../../spec/action.md");
    for kind in ActionType::ALL {
        let row = format!(
            "| `{kind}` | {} | {} | {} | {} |",
            kind.category(),
            kind.band_floor().number(),
            if kind.always_escalates() { "yes" } else { "no" },
            if kind.pays() { "yes" } else { "no" },
        );
        assert!(page.contains(&row), "{row}");
        assert_eq!(ActionType::parse(kind.name()), Some(kind));
        assert!(Category::ALL.contains(&kind.category()));
    }
    let rows = page
        .lines()
        .filter(|line| line.ends_with(" yes |") || line.ends_with(" no |"));
    assert_eq!(rows.count(), ActionType::ALL.len(), "no row beside these");
    assert_eq!(ActionType::parse("Purchase"), None);
    assert_eq!(ActionType::parse(""), None);
    // A category with a type that always escalates has no type that does not: no label lowers it.
    for a in ActionType::ALL {
        for b in ActionType::ALL {
            if a.category() == b.category() {
                assert_eq!(a.always_escalates(), b.always_escalates(), "{a} {b}");
            }
        }
    }
}

#[test]
fn bands_meet_without_gap() {
    // AC-6: straight from the definition, for each exponent.
    for digits in 0..=4 {
        let e = exponent(digits);
        let base = 100 * 10_u64.pow(digits as u32);
        assert_eq!(e.base_minor(), base);
        assert_eq!(Band::of(0, e).number(), 0);
        assert_eq!(Band::of(base - 1, e).number(), 0);
        for b in 1..=15_u64 {
            let from = base * 4_u64.pow(b as u32 - 1);
            assert_eq!(u64::from(Band::of(from, e).number()), b);
            assert_eq!(u64::from(Band::of(from - 1, e).number()), b - 1);
            assert_eq!(Band::new(b - 1).unwrap().top_minor(e), from);
        }
        assert_eq!(Band::of(u64::MAX, e), Band::MAX);
    }
    assert_eq!(Exponent::new(5), None);
    assert_eq!(Exponent::new(256), None);
    assert_eq!(Band::new(16), None);
    // AC-7
    let e = exponent(2);
    assert_eq!(Band::of_action(ActionType::ContractSign, 0, e).number(), 3);
    assert_eq!(Band::of_action(ActionType::DataExport, 0, e).number(), 2);
    assert_eq!(
        Band::of_action(ActionType::DataExport, 1_000_000, e).number(),
        4
    );
    assert_eq!(Band::of_action(ActionType::Purchase, 9_999, e).number(), 0);
}

#[test]
fn latitude_starts_at_none() {
    assert_eq!(Latitude::new(-1), Some(Latitude::NONE));
    assert_eq!(Latitude::new(-2), None);
    assert_eq!(Latitude::new(16), None);
    for n in -1..=15 {
        let latitude = Latitude::new(n).unwrap();
        assert_eq!(latitude.number(), n);
        for band in 0..=15 {
            assert_eq!(
                latitude.covers(Band::new(band).unwrap()),
                (band as i64) <= n
            );
        }
    }
}

proptest! {
    #[test]
    fn bands_never_fall_as_amounts_rise(a in 0..=limits::AMOUNT_MINOR_MAX, b in 0..=limits::AMOUNT_MINOR_MAX, digits in 0_u64..=4) {
        let e = exponent(digits);
        prop_assert!(Band::of(a.min(b), e) <= Band::of(a.max(b), e));
    }

    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(action) = Action::decode(&bytes) {
            prop_assert_eq!(action.encode(), bytes);
        }
    }
}
