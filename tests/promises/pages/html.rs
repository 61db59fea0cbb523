//! A reader of our own HTML, stricter than browsers: every tag closed in order, every attribute in double quotes,
//! no character where it could mean two things.

use std::collections::{BTreeMap, BTreeSet};

const VOID: [&str; 5] = ["meta", "link", "input", "br", "img"];
/// Their content is text.
const RAW: [&str; 2] = ["title", "textarea"];

/// One element, in the order of their start tags.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) tag: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The places of those around it, outermost first.
    pub(crate) inside: Vec<usize>,
    /// The text in it, markup aside.
    pub(crate) text: String,
}

/// A page that was read.
#[derive(Debug)]
pub(crate) struct Read(pub(crate) Vec<Element>);

/// Reads a whole page.
///
/// # Errors
/// The first fault, with the place.
pub(crate) fn read(page: &str) -> Result<Read, String> {
    let rest = page
        .strip_prefix("<!doctype html>\n")
        .ok_or("no doctype")?
        .trim_end();
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < rest.len() {
        let here = &rest[at..];
        let near = || here.chars().take(60).collect::<String>();
        let raw = open
            .last()
            .filter(|last| RAW.contains(&elements[**last].tag.as_str()));
        if let (Some(last), false) = (raw, here.starts_with("</")) {
            let end = here
                .find(&format!("</{}>", elements[*last].tag))
                .ok_or_else(|| format!("not closed: {}", near()))?;
            let text = unescape(&here[..end])?;
            say(&mut elements, &open, &text);
            at += end;
            continue;
        }
        if let Some(name) = here.strip_prefix("</") {
            let end = name.find('>').ok_or_else(near)?;
            let last = open.pop().ok_or_else(near)?;
            if elements[last].tag != name[..end] {
                return Err(format!("`{}` closed by {}", elements[last].tag, near()));
            }
            at += end + 3;
            continue;
        }
        if here.starts_with('<') {
            let (tag, attributes, length) =
                start(here).map_err(|fault| format!("{fault}: {}", near()))?;
            let void = VOID.contains(&tag.as_str());
            elements.push(Element {
                tag,
                attributes,
                inside: open.clone(),
                text: String::new(),
            });
            if !void {
                open.push(elements.len() - 1);
            }
            at += length;
            continue;
        }
        let end = here.find('<').unwrap_or(here.len());
        let text = unescape(&here[..end])?;
        if open.is_empty() && !text.trim().is_empty() {
            return Err(format!("text outside: {}", near()));
        }
        say(&mut elements, &open, &text);
        at += end;
    }
    match open.last() {
        Some(last) => Err(format!("`{}` is not closed", elements[*last].tag)),
        None => Ok(Read(elements)),
    }
}

fn say(elements: &mut [Element], open: &[usize], text: &str) {
    for place in open {
        elements[*place].text.push_str(text);
    }
}

type Start = (String, BTreeMap<String, String>, usize);

fn start(here: &str) -> Result<Start, String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let tag: String = here[1..].chars().take_while(|c| is_name(*c)).collect();
    if tag.is_empty() {
        return Err(String::from("no tag"));
    }
    let mut at = 1 + tag.len();
    let mut attributes = BTreeMap::new();
    loop {
        let rest = &here[at..];
        if rest.starts_with('>') {
            return Ok((tag, attributes, at + 1));
        }
        let name: String = rest
            .strip_prefix(' ')
            .ok_or("no space before an attribute")?
            .chars()
            .take_while(|c| is_name(*c))
            .collect();
        if name.is_empty() {
            return Err(String::from("no name of an attribute"));
        }
        at += 1 + name.len();
        let mut value = String::new();
        if let Some(quoted) = here[at..].strip_prefix("=\"") {
            let end = quoted.find('"').ok_or("an attribute without end")?;
            value = unescape(&quoted[..end])?;
            at += end + 3;
        }
        if attributes.insert(name.clone(), value).is_some() {
            return Err(format!("`{name}` twice"));
        }
    }
}

fn unescape(text: &str) -> Result<String, String> {
    if text.contains(['<', '>']) {
        return Err(format!("`<` or `>` in text: {text}"));
    }
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let end = rest[at..].find(';').ok_or("`&` in text")? + at;
        plain.push(match &rest[at + 1..end] {
            "amp" => '&',
            "lt" | "#60" => '<',
            "gt" | "#62" => '>',
            "quot" | "#34" => '"',
            "#39" => '\'',
            "#38" => '&',
            "nbsp" => '\u{a0}',
            other => return Err(format!("`&{other};` in text")),
        });
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    Ok(plain)
}

impl Read {
    /// The elements with a tag.
    pub(crate) fn of<'r>(&'r self, tag: &'r str) -> impl Iterator<Item = &'r Element> {
        self.0.iter().filter(move |element| element.tag == tag)
    }

    /// What every page keeps. Returns what this one does not.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut need = |holds: bool, what: String| {
            if !holds {
                faults.push(what);
            }
        };
        for (tag, count) in [
            ("html", 1),
            ("h1", 1),
            ("main", 1),
            ("title", 1),
            ("header", 1),
        ] {
            let found = self.of(tag).filter(|it| !self.is_in(it, "article")).count();
            need(found == count, format!("{found} of `{tag}`"));
        }
        need(
            self.of("html")
                .all(|html| html.attributes.get("lang").is_some_and(|lang| lang == "en")),
            String::from("no lang"),
        );
        let skip = self
            .of("a")
            .next()
            .and_then(|first| first.attributes.get("href"));
        need(
            skip.is_some_and(|target| target == "#main"),
            String::from("the first link does not skip to the content"),
        );
        let mut ids = BTreeSet::new();
        for element in &self.0 {
            if let Some(id) = element.attributes.get("id") {
                need(ids.insert(id.as_str()), format!("id `{id}` twice"));
            }
        }
        for element in &self.0 {
            self.judge(element, &ids, &mut need);
        }
        faults
    }

    fn judge(&self, element: &Element, ids: &BTreeSet<&str>, need: &mut impl FnMut(bool, String)) {
        let attributes = &element.attributes;
        let tag = element.tag.as_str();
        for (name, value) in attributes {
            need(!name.starts_with("on"), format!("handler `{name}`"));
            need(name != "style", format!("inline style on `{tag}`"));
            if matches!(
                name.as_str(),
                "for" | "aria-labelledby" | "aria-describedby"
            ) {
                for id in value.split_whitespace() {
                    need(
                        ids.contains(id),
                        format!("`{name}` names `{id}`, which is not there"),
                    );
                }
            }
            if matches!(name.as_str(), "href" | "action" | "src") {
                if let Some(id) = value.strip_prefix('#') {
                    need(
                        ids.contains(id),
                        format!("`{name}` leads to `#{id}`, which is not there"),
                    );
                }
                let ours = value.starts_with(['/', '#'])
                    || value.starts_with("https://tenant.example.com/")
                    || value == "data:,";
                need(
                    ours && !value.starts_with("//"),
                    format!("`{name}` leads to `{value}`"),
                );
            }
        }
        let allowed = !matches!(
            tag,
            "style" | "iframe" | "object" | "embed" | "base" | "img"
        );
        need(allowed, format!("`{tag}` on a page"));
        match tag {
            "script" => {
                let src = attributes.get("src").map(String::as_str);
                let ours = matches!(src, Some("/static/portal.js" | "/static/sign.js"));
                need(ours && element.text.is_empty(), format!("script {src:?}"));
            }
            "input" | "select" | "textarea"
                if attributes.get("type").is_none_or(|kind| kind != "hidden") =>
            {
                let named = attributes.get("id").is_some_and(|id| {
                    self.of("label")
                        .any(|label| label.attributes.get("for") == Some(id))
                });
                let label = named || self.is_in(element, "label");
                need(label, format!("no label for {attributes:?}"));
            }
            "button" | "a" | "summary" | "h1" | "h2" | "h3" | "label" | "legend" | "caption" => {
                let said = !element.text.trim().is_empty() || attributes.contains_key("aria-label");
                need(said, format!("`{tag}` says nothing"));
            }
            "th" => need(
                attributes.contains_key("scope"),
                String::from("`th` without scope"),
            ),
            "time" => {
                let date = attributes.get("datetime");
                need(
                    date.is_some_and(|date| date.ends_with('Z')),
                    format!("`time` without a date: {}", element.text),
                );
            }
            "form" => {
                let method = attributes.get("method").map(String::as_str);
                need(
                    matches!(method, Some("get" | "post")) && attributes.contains_key("action"),
                    format!("a form to nowhere: {attributes:?}"),
                );
            }
            _ => {}
        }
    }

    fn is_in(&self, element: &Element, tag: &str) -> bool {
        element.inside.iter().any(|place| self.0[*place].tag == tag)
    }
}

#[test]
fn the_reader_of_pages_finds_each_fault() {
    let page = |body: &str| {
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><title>t</title></head><body><a href=\"#main\">skip</a>\
             <header></header><main id=\"main\"><h1>one</h1>{body}</main></body></html>"
        )
    };
    let good = read(&page("<p>a &amp; b<br>c</p>")).unwrap();
    assert_eq!(good.faults(), [""; 0]);
    for unreadable in [
        "<p>",
        "</p>",
        "<b><i></b></i>",
        "a > b",
        "a & b",
        "<p class=x></p>",
        "<p a=\"1\" a=\"2\"></p>",
        "<P></P>",
        "<p\nid=\"x\"></p>",
        "&copy;",
    ] {
        assert!(read(&page(unreadable)).is_err(), "{unreadable}");
    }
    for wrong in [
        "<h1>two</h1>",
        "<p id=\"main\"></p>",
        "<p style=\"x\"></p>",
        "<p onclick=\"x\"></p>",
        "<a href=\"javascript:x\">a</a>",
        "<a href=\"//elsewhere\">a</a>",
        "<a href=\"#nowhere\">a</a>",
        "<script>x</script>",
        "<script src=\"/other.js\"></script>",
        "<input name=\"a\">",
        "<label for=\"b\">b</label>",
        "<button></button>",
        "<table><tr><th>a</th></tr></table>",
        "<time>now</time>",
        "<form></form>",
        "<img src=\"/x\">",
        "<p aria-labelledby=\"x\"></p>",
    ] {
        assert_eq!(read(&page(wrong)).unwrap().faults().len(), 1, "{wrong}");
    }
}
