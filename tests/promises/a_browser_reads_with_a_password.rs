//! Goal: a person sets a password by what stands on the pages, and reads with it in a browser that runs no script (TA-9,
//! TA-10, TA-23). Method: Chromium with a virtual device; then another one, without scripts and without a device.

use std::{env, fs, path::PathBuf};

use agentsigna_tests::{
    browser::{Browser, Page},
    server::Server,
    tenant::Tenant,
};

use crate::{a_browser_makes_passkeys::join, a_password_only_reads::App, audited::audit};

const PASSWORD: &str = "a pass phrase of – many words";

/// With PICTURES set, the page as it is.
fn photograph(page: &Page, name: &str) {
    if let Some(folder) = env::var_os("PICTURES").map(PathBuf::from) {
        fs::create_dir_all(&folder).unwrap();
        page.picture(&folder.join(format!("live-{name}.png")));
    }
}

#[test]
fn a_password_is_set_and_reads_without_scripts() {
    let mut server = Server::start_with_people();
    let sites = server.sites();
    let north = Tenant::ready(&server, "north");
    let browser = Browser::start();
    let page = browser.person().page();
    let _device = page.device(true);
    join(&page, &server, &north, "finn");
    page.open(&format!("{}/password", sites.portal));
    photograph(&page, "password");
    page.fill("#password", "short");
    page.fill("#again", "short");
    page.follow("form[action='/password'] button");
    assert!(page.text().contains("12 to 128"), "{}", page.text());
    page.fill("#password", PASSWORD);
    page.fill("#again", PASSWORD);
    page.follow("form[action='/password'] button");
    let key = page.eval("document.querySelector('.one-time code').textContent");
    let mut app = App::new(&key.as_str().unwrap().replace(' ', ""));
    photograph(&page, "password-code");
    page.fill("#code", &app.next());
    page.follow("form[action='/password/code'] button");
    assert!(page.text().contains("/v1/users/finn/password"));
    page.follow("form[data-sign=act] button");
    assert!(
        page.url()
            .starts_with(&format!("{}/password?done=", sites.portal))
    );
    let shown = page.text();
    assert!(
        shown.contains("On record as entry") && shown.contains("Your password"),
        "{shown}"
    );

    let bare = browser.person().page();
    bare.scripts(false);
    bare.open(&format!("{}/sign-in", sites.portal));
    bare.click("details summary");
    let enter = |password: &str, code: &str| {
        bare.fill("#log", north.origin());
        bare.fill("#user", "finn");
        bare.fill("#password", password);
        bare.fill("#code", code);
        bare.follow("form[action='/sign-in/password'] button");
    };
    enter("another pass phrase", &app.next());
    assert!(bare.text().contains("is not right"), "{}", bare.text());
    photograph(&bare, "sign-in-refused");
    enter(PASSWORD, &app.next());
    assert_eq!(bare.url(), format!("{}/queue", sites.portal));
    photograph(&bare, "home");
    bare.open(&format!("{}/password", sites.portal));
    assert!(bare.text().contains("sign in with a passkey to sign"));
    // That an answer was no 200 is said too: the form that was not taken, and what this page loads for news.
    let complaints: Vec<String> = page
        .complaints()
        .into_iter()
        .filter(|said| !said.contains("Failed to load resource"))
        .collect();
    assert_eq!(complaints, [""; 0]);
    drop(browser);
    assert_eq!(server.stop(), 0);
    server.go_on();
    let _ = audit(&server, &north);
}
