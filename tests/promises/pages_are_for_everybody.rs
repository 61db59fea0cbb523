//! Goal: everybody can use the portal: with a screen reader, by keys, with large letters, on a telephone, in the
//! dark, without scripts. Method: every page in Chromium under the real headers, judged by axe-core; and, with
//! PICTURES set to a folder, photographed.

use std::{env, fs, path::PathBuf, process::Command};

use agentsigna_tests::browser::{Browser, Look, Page};
use serde_json::Value;

use crate::pages::{
    all,
    samples::{HOSTILE, TAME, queue},
    served::Served,
};

/// Width, height, dark, name. 640 is a desk at 200 %. Each width and each shade is seen; with PICTURES, all eight.
pub(crate) const LOOKS: [(u32, u32, bool, &str); 8] = [
    (1280, 900, false, "desk-light"),
    (1024, 768, true, "tablet-dark"),
    (640, 450, false, "200-light"),
    (390, 844, true, "phone-dark"),
    (1280, 900, true, "desk-dark"),
    (1024, 768, false, "tablet-light"),
    (640, 450, true, "200-dark"),
    (390, 844, false, "phone-light"),
];

const JUDGE: &str = "axe.run(document, { runOnly: { type: 'tag', values: \
    ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] } }).then(found => \
    found.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.html} ${node.failureSummary}`)))";

/// A page that nobody should have to use.
const PLANTED: &str = "<!doctype html><title>planted</title><main><input></main>";

/// axe-core, or nothing where it cannot be had; `.ci/axe` is a stage of its own that says so.
pub(crate) fn axe() -> Option<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let done = Command::new(root.join(".ci/axe"))
        .output()
        .expect("`.ci/axe`");
    match done.status.code() {
        Some(0) => {
            let file = String::from_utf8(done.stdout).expect("a path");
            Some(fs::read_to_string(file.trim()).expect("axe-core"))
        }
        Some(75) => {
            println!(
                "SKIPPED: no axe-core, pages were NOT judged: {}",
                String::from_utf8_lossy(&done.stderr)
            );
            None
        }
        _ => panic!(".ci/axe: {}", String::from_utf8_lossy(&done.stderr)),
    }
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().expect("a list");
    list.iter()
        .map(|text| text.as_str().unwrap_or_default().to_owned())
        .collect()
}

pub(crate) fn judged(page: &Page, axe: &str) -> Vec<String> {
    let _ = page.eval(&format!("{axe}; undefined"));
    strings(&page.eval(JUDGE))
}

/// The page photographed from top to bottom.
pub(crate) fn photograph(page: &Page, look: Look, name: &str) {
    let Some(folder) = env::var_os("PICTURES").map(PathBuf::from) else {
        return;
    };
    fs::create_dir_all(&folder).expect("a folder for pictures");
    let height = page
        .eval("document.documentElement.scrollHeight")
        .as_u64()
        .unwrap_or(900);
    page.look(Look {
        height: u32::try_from(height)
            .unwrap_or(900)
            .clamp(look.height, 8_000),
        ..look
    });
    page.picture(&folder.join(format!("{name}.png")));
    page.look(look);
}

#[test]
fn every_page_is_readable_by_everybody() {
    let axe = axe();
    let pages = all(&TAME);
    let hostile = all(&HOSTILE)
        .into_iter()
        .filter(|(name, _)| matches!(*name, "queue" | "review" | "counterparties" | "case"));
    let mut named: Vec<(&'static str, String)> = pages;
    named.extend(hostile.map(|(name, page)| {
        let name: &'static str = match name {
            "queue" => "hostile-queue",
            "review" => "hostile-review",
            "case" => "hostile-case",
            _ => "hostile-counterparties",
        };
        (name, page)
    }));
    let names: Vec<_> = named.iter().map(|(name, _)| *name).collect();
    let served = Served::start(named);
    let browser = Browser::start();
    if let Some(axe) = &axe {
        // A judge that finds nothing here proves nothing elsewhere.
        served.put("planted", PLANTED.into());
        let page = browser.person().page();
        page.open(&served.url("planted"));
        let found = judged(&page, axe).join("\n");
        for rule in ["html-has-lang", "label:", "page-has-heading-one"] {
            assert!(found.contains(rule), "{rule} is not found: {found}");
        }
    }
    let mut wrong = Vec::new();
    let looks = if env::var_os("PICTURES").is_some() {
        LOOKS.len()
    } else {
        LOOKS.len() / 2
    };
    for (width, height, dark, kind) in LOOKS.into_iter().take(looks) {
        let look = Look {
            width,
            height,
            dark,
        };
        let page = browser.person().page();
        page.look(look);
        for name in &names {
            page.open(&served.url(name));
            let here = format!("{name}-{kind}");
            photograph(&page, look, &here);
            let _ = page
                .eval("for (const all of document.querySelectorAll('details')) all.open = true");
            // Nothing to be pushed sideways: one column is enough at every width.
            let wide = page
                .eval("document.documentElement.scrollWidth - innerWidth")
                .as_i64();
            if wide.is_none_or(|wide| wide > 0) {
                wrong.push(format!("{here}: {wide:?} px wider than the window"));
            }
            if let Some(axe) = &axe {
                let faults = judged(&page, axe);
                wrong.extend(faults.into_iter().map(|fault| format!("{here}: {fault}")));
            }
        }
        assert_eq!(page.complaints(), [""; 0]);
    }
    assert!(
        wrong.is_empty(),
        "{} faults:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_list_is_walked_by_keys_and_news_move_nothing() {
    let first = queue(&TAME, Default::default());
    let mut second = first.clone();
    second.frame.waiting = 8;
    second.cases.truncate(3);
    let html = |page: &_| agentsigna_server::api::portal::pages::html(page).unwrap();
    let served = Served::start(vec![("queue", html(&first))]);
    let browser = Browser::start();
    let page = browser.person().page();
    page.open(&served.url("queue"));
    let _ = page.eval("document.querySelector('tbody th a').focus()");
    let press = |key: &str| {
        let _ = page.eval(&format!(
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))"
        ));
        page.eval("document.activeElement.textContent")
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(press("ArrowDown"), "purchase");
    assert_eq!(press("j"), "payment-details.change");
    assert_eq!(press("k"), "purchase");
    let rows = page.eval("document.querySelectorAll('tbody tr').length");
    served.put("queue", html(&second));
    page.wait_until(
        "document.querySelector('[data-news]').textContent.includes('The queue has changed')",
    );
    page.wait_until("document.querySelector('[data-live=waiting]').textContent === '8'");
    // What is being read stays; the focus too.
    assert_eq!(
        page.eval("document.querySelectorAll('tbody tr').length"),
        rows
    );
    assert_eq!(page.eval("document.activeElement.textContent"), "purchase");
    page.follow("[data-news] a");
    assert_eq!(page.eval("document.querySelectorAll('tbody tr').length"), 3);
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn the_result_of_a_form_gets_the_focus() {
    let served = Served::start(all(&TAME));
    let browser = Browser::start();
    let page = browser.person().page();
    for scripts in [true, false] {
        page.scripts(scripts);
        page.open(&served.url("agents"));
        page.wait_until("document.activeElement.className === 'note wrong'");
        // The problem leads to its field.
        let field = page
            .eval("document.querySelector(document.activeElement.querySelector('a').hash).name");
        assert_eq!(field, "agent");
        page.open(&served.url("case-verified"));
        page.wait_until("document.activeElement.className === 'note done'");
    }
}

#[test]
fn on_a_telephone_the_places_are_behind_a_link() {
    let served = Served::start(all(&TAME));
    let browser = Browser::start();
    let page = browser.person().page();
    let look = Look {
        width: 390,
        height: 844,
        dark: false,
    };
    page.look(look);
    // By address alone: it works without scripts.
    page.scripts(false);
    page.open(&served.url("queue"));
    let places = "document.querySelector('.places').offsetHeight > 0";
    assert_eq!(page.eval(places), false);
    page.click("header a[href='#menu']");
    page.wait_until(places);
    photograph(&page, look, "menu-phone-light");
    page.click(".places a[href='#main']");
    page.wait_until(&format!("!({places})"));
}
