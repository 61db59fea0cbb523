//! Goal: whatever agents and counterparties write, it is text, and marked as theirs (TA-14, SH-3). Method: every page
//! twice, with tame and with hostile words, read by a reader that is stricter than browsers; the two may differ in
//! text alone.

use agentsigna_server::api::portal::pages::parts::Theirs;
use agentsigna_verifier::review::words::is_unseen;

use crate::pages::{
    all,
    html::{self, Element, Read},
    samples::{HOSTILE, TAME},
    sheets,
};

fn read(name: &str, page: &str) -> Read {
    html::read(page).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

/// The page's skeleton: tags and classes, without the marks that depend on what was written.
fn skeleton(page: &Read) -> Vec<String> {
    let class = |element: &Element| element.attributes.get("class").cloned().unwrap_or_default();
    page.0
        .iter()
        .filter(|element| !matches!(class(element).as_str(), "mark" | "mark alike" | "unseen"))
        .map(|element| format!("{}.{}", element.tag, class(element)))
        .collect()
}

#[test]
fn every_page_keeps_the_rules_of_the_house() {
    for (name, page) in all(&TAME).into_iter().chain(all(&HOSTILE)) {
        assert_eq!(read(name, &page).faults(), [""; 0], "{name}");
    }
}

/// What writes itself is not escaped a second time: no markup of ours can be read on a page.
#[test]
fn nothing_is_escaped_twice() {
    for (name, page) in all(&TAME) {
        let read = read(name, &page);
        let text = &read.of("html").next().unwrap().text;
        for twice in [
            "<span", "<code", "<time", "<a ", "<article", "&lt;", "&amp;", "&#",
        ] {
            assert!(!text.contains(twice), "{name}: {twice}");
        }
    }
    assert!(Theirs::new("&lt;").to_string().contains("&amp;lt;"));
}

#[test]
fn ta_14_hostile_words_change_no_page() {
    for ((name, tame), (_, hostile)) in all(&TAME).into_iter().zip(all(&HOSTILE)) {
        let (tame, page) = (read(name, &tame), read(name, &hostile));
        assert_eq!(skeleton(&tame), skeleton(&page), "{name}");
        let seen = hostile.chars().find(|c| *c != '\n' && is_unseen(*c));
        assert_eq!(seen, None, "{name}");
    }
}

/// Of each hostile word on a page, the nearest box says whose it is.
#[test]
fn ta_14_hostile_words_are_marked() {
    let telling = ["onmouseover", "onfocus", "Approved by finance"];
    let mut marked = 0;
    for (name, page) in all(&HOSTILE) {
        let page = read(name, &page);
        for element in &page.0 {
            let own_text = telling.iter().any(|word| element.text.contains(word))
                && !page.0.iter().any(|inner| {
                    inner
                        .inside
                        .last()
                        .is_some_and(|last| std::ptr::eq(&raw const page.0[*last], element))
                        && telling.iter().any(|word| inner.text.contains(word))
                });
            if !own_text {
                continue;
            }
            let classes: Vec<_> = element
                .inside
                .iter()
                .map(|place| &page.0[*place])
                .chain([element])
                .filter_map(|it| it.attributes.get("class").map(String::as_str))
                .collect();
            let is_marked = ["theirs", "raw", "asked"]
                .iter()
                .any(|class| classes.contains(class));
            assert!(is_marked, "{name}: {} in {classes:?}", element.text);
            marked += 1;
        }
    }
    assert!(marked > 30, "{marked}");
}

#[test]
fn ta_14_words_are_escaped_counted_and_named() {
    let shown = |text: &str| Theirs::new(text).to_string();
    let plain = shown("Acme & Söhne <b>");
    assert!(
        plain.contains("<q><bdi>Acme &amp; Söhne &lt;b&gt;</bdi></q>"),
        "{plain}"
    );
    assert!(
        plain.contains("their words") && !plain.contains("alike"),
        "{plain}"
    );
    let turned = shown("invoice\u{202e}fdp.exe\u{0}\u{85}");
    for number in ["\\u{202e}", "\\u{0}", "\\u{85}"] {
        assert!(turned.contains(number), "{turned}");
    }
    // INVARIANT of the cut: 280 characters are shown, the next one is not.
    let long = shown(&format!("{}{}tail", "ä".repeat(279), "z"));
    assert!(
        long.contains("äz</bdi>") && !long.contains("tail"),
        "{long}"
    );
    assert!(long.contains("4 more characters cut"), "{long}");
    assert!(!shown(&"ä".repeat(280)).contains("cut"));
    for (text, script) in [
        ("раура", "Cyrillic"),
        ("αcme", "Greek"),
        ("ａｃｍｅ", "full-width"),
        ("a\u{301}", "combining"),
        ("\u{1d400}cme", "mathematical"),
        ("\u{13aa}cme", "Cherokee"),
        ("\u{555}", "Armenian"),
    ] {
        let named = shown(text);
        assert!(
            named.contains(&format!("alike\">{script} letters")),
            "{named}"
        );
    }
}

/// SH-2: what is signed does not depend on what is live, and stands in the page as it is.
#[test]
fn sh_2_a_sheet_is_drawn_from_its_bytes_alone() {
    for words in [&TAME, &HOSTILE] {
        let sheet = sheets::sheet(words);
        let again = agentsigna_verifier::review::Sheet::decode(&sheet.encode()).unwrap();
        let part = sheets::signed_part(&sheet);
        assert_eq!(part, sheets::signed_part(&again));
        let [before, after] = sheets::at_two_times(&sheet);
        assert_ne!(before, after);
        for page in [before, after] {
            assert_eq!(page.matches(part.as_str()).count(), 1);
            let live = page.find("<aside class=\"live\"").unwrap();
            assert!(page.find("</article>").unwrap() < live);
        }
    }
    // Another sheet is another page.
    let other = sheets::signed_part(&sheets::long());
    assert_ne!(other, sheets::signed_part(&sheets::sheet(&TAME)));
}

/// L11, L36, SH-3: every text of the sheet is on the page, in the order in which people judge, before any button.
#[test]
fn sh_3_a_page_holds_all_of_its_sheet_in_order() {
    for words in [&TAME, &HOSTILE] {
        let sheet = sheets::sheet(words);
        let [page, _] = sheets::at_two_times(&sheet);
        let read = read("review", &page);
        let text = &read.of("body").next().unwrap().text;
        let mut last = 0;
        for heading in [
            "Escalated by",
            "Why people are asked",
            "Action",
            "Agent",
            "Counterparty",
            "Policy",
            "What is unusual",
            "Who is asked",
            "Deadline",
            "In the agent’s own words",
            "The case so far",
            "Live, not on the sheet",
            "Your decision",
            "Approve and sign",
            "Refuse and sign",
        ] {
            let at = text[last..].find(heading);
            last += at.unwrap_or_else(|| panic!("{heading} is not there, or too early"));
        }
        let decision = text.find("Your decision").unwrap();
        let before = &text[..decision];
        let mut expected = vec![
            sheet.digest().to_hex(),
            sheet.case().to_string(),
            String::from("1,250.00"),
            sheet.policy().bundle.to_hex(),
            String::from("2 of 4"),
            String::from("none: it never acts alone"),
            sheet.agent().key.to_base64url(),
            String::from("dana"),
            String::from("median 420.00"),
        ];
        for rule in sheet.rules() {
            expected.extend([rule.id.clone(), rule.title.clone(), rule.reason.clone()]);
            expected.extend(rule.source.clone());
            for value in &rule.values {
                expected.push(format!(
                    "{} {} {}",
                    value.left,
                    value.operator.as_str(),
                    value.right
                ));
                expected.push(format!(
                    "{} {} {}",
                    value.left_value,
                    value.operator.as_str(),
                    value.right_value
                ));
            }
        }
        expected.extend(sheet.chain().iter().map(|digest| digest.to_hex()));
        expected.push(agentsigna_verifier::review::words::plain(
            &sheet.counterparty().name,
        ));
        expected.push(agentsigna_verifier::review::words::plain(
            sheet.statement().unwrap(),
        ));
        for text in expected {
            assert!(before.contains(&text), "not on the page: {text}");
        }
    }
}

/// TA-10: what an act does stands in words, and what is signed in bytes, above the button that asks for a signature.
#[test]
fn ta_10_an_act_is_shown_before_it_is_signed() {
    for (name, page) in all(&TAME)
        .into_iter()
        .filter(|(name, _)| name.starts_with("act"))
    {
        let read = read(name, &page);
        let text = &read.of("main").next().unwrap().text;
        let mut last = 0;
        for part in [
            "Nothing has happened yet",
            "Enrol counterparty nordwind-papier",
            "decided by people, whatever the policy says",
            "Nordwind Papier GmbH",
            "POST /v1/counterparties",
            "{\"origin\":\"log.example.com/t/0011223344556677\",\"counterparty\":\"nordwind-papier\"",
            "78377b525757b494427f89014f97d79928f3938d14eb51e20fb5dec9834eb304",
            "Sign with your passkey",
        ] {
            let at = text[last..].find(part);
            last += at.unwrap_or_else(|| panic!("{name}: {part} is not there, or too late"));
        }
        let forms: Vec<_> = read
            .of("form")
            .filter(|form| form.attributes.contains_key("data-sign"))
            .collect();
        assert_eq!(forms.len(), 1, "{name}");
        assert_eq!(forms[0].attributes["action"], "/acts/sign", "{name}");
    }
}
