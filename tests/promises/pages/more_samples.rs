//! Pages filled as a day at a tenant would fill them: directory, policies, people, ledger.

use agentsigna_server::api::portal::pages::{
    self,
    directory::{
        ActorKind, ActorPage, Again, AgentForm, AgentRow, Agents, BandRow, Counterparties,
        CounterpartyForm, CounterpartyPage, CounterpartyRow, KeyShown, StandingShown, Systems,
    },
    ledger::{EntryPage, EntryRow, Ledger, PassportPage, PassportRow, Passports},
    parts::{Block, Chip, Exactly, Hash, Plain, Sentence, Shown, Theirs, Tone, When},
    people::{
        DelegationForm, DelegationRow, Delegations, PasskeyRow, PasskeysShown, People, PersonForm,
        PersonPage, PersonRow, Proposal,
    },
    policy::{
        Activate, ActivateStep, BundleRow, Changes, Compared, Draft, MovedCase, Policies,
        PolicyPage, RuleChange,
    },
};
use agentsigna_verifier::people::Role;

use super::samples::{Words, ago, at, case, case_rows, euro, frame, hash, id, problem, report};

const DAY_MS: u64 = 86_400_000;
const POLICY: &str = "@id(\"grant.purchase\") @title(\"Tier 1 to 3 agents buy from approved suppliers\")\n\
    permit(principal, action == Agentsigna::Action::\"purchase\", resource)\n\
    when { principal.tier <= 3 && resource.status == \"approved\" };\n\n\
    @id(\"esc.amount\") @title(\"Large purchases are read by finance\")\n\
    @escalate(\"more than 1,000.00\") @approvers(\"finance:2\") @sla(\"PT4H\")\n\
    forbid(principal, action == Agentsigna::Action::\"purchase\", resource)\n\
    when { context.amount_minor > 100000 };\n";

fn html(page: &impl pages::Template) -> String {
    pages::html(page).unwrap()
}

/// What the server knows already: the path and the whole body.
pub(super) fn hidden(path: &str) -> Vec<(&'static str, String)> {
    let body = "{\"origin\":\"log.example.com/t/0011223344556677\"}";
    vec![("path", path.into()), ("body", body.into())]
}

fn agent_row(
    agent: &str,
    tier: u8,
    latitude: Option<u8>,
    minor: u64,
    status: &'static str,
) -> AgentRow {
    AgentRow {
        agent: id(agent),
        sponsor: id("dora"),
        tier,
        latitude,
        exposure: euro(minor),
        status: Chip::named(status),
    }
}

fn standing(open: bool) -> StandingShown {
    let band = |band: u8, minor, score, good, partners| BandRow {
        band,
        below: euro(minor),
        score,
        good,
        partners,
        open,
    };
    StandingShown {
        facts: vec![
            ("Earned", Shown::text("band 1, below 400.00")),
            ("Evidence against it", Shown::text(0)),
        ],
        bands: vec![
            band(0, 10_000, 902, 37_000, 14),
            band(1, 40_000, 781, 14_333, 8),
        ],
    }
}

pub(crate) fn directory(words: &Words) -> Vec<(&'static str, String)> {
    let agents = Agents {
        frame: frame(),
        agents: vec![
            agent_row("buyer-1", 2, Some(5), 125_000, "active"),
            agent_row("payer-2", 1, Some(2), 1_999_900, "active"),
            agent_row("reporter", 3, None, 0, "claimed"),
            agent_row("treasury-bot", 4, None, 48_000_000, "suspended"),
        ],
        invite: Some(AgentForm {
            agent: "Buyer 2".into(),
            sponsor: "dora".into(),
            tier: "2".into(),
            sponsors: vec!["dora".into(), "emil".into()],
            problems: vec![problem(
                "agent",
                "`Buyer 2` has a character at byte 0 that is none of a to z and 0 to 9",
            )],
        }),
    };
    let agent = ActorPage {
        frame: frame(),
        kind: ActorKind::Agent,
        id: id("buyer-1"),
        status: Chip::named("active"),
        facts: vec![
            ("Sponsor", Shown::Link("/people/dora".into(), "dora".into())),
            ("Tier", Shown::text("2 of 4")),
            ("Latitude", Shown::text("band 5, below 102,400.00")),
            ("Open amounts", Shown::Money(euro(125_000))),
            ("Enrolled", Shown::When(When(ago(90 * DAY_MS)))),
            (
                "Key",
                Shown::Hash(Hash::new("BVUs4Do-_4da3XUlteJz7dV_YdOAtK3sQp185l2j-MY")),
            ),
        ],
        standing: Some(standing(true)),
        shown: None,
        change: Some("suspended"),
        again: Some(Again {
            rotates: true,
            begun: false,
            hidden: hidden("/v1/agents"),
        }),
        cases: case_rows(words),
    };
    let claimed = ActorPage {
        kind: ActorKind::System,
        id: id("erp"),
        status: Chip::named("claimed"),
        shown: Some(KeyShown {
            thumbprint: Hash::new("h0vYdOAtK3sQp185l2j-MYBVUs4Do-_4da3XUlteJz7"),
            at: When(ago(60_000)),
            replaces: false,
            hidden: hidden("/v1/systems/erp/confirm"),
        }),
        change: None,
        standing: None,
        again: Some(Again {
            rotates: false,
            begun: false,
            hidden: hidden("/v1/systems"),
        }),
        cases: vec![],
        facts: vec![("Invited", Shown::When(When(ago(120_000))))],
        ..agent.clone()
    };
    let systems = Systems {
        frame: frame(),
        systems: vec![
            (id("erp"), Chip::named("active"), When(ago(80 * DAY_MS))),
            (
                id("bank-gateway"),
                Chip::named("suspended"),
                When(ago(DAY_MS)),
            ),
        ],
        may_invite: true,
        problems: vec![],
        system: String::new(),
    };
    let counterparty = |name: &str, said: &str, status, risk, payments, changed| CounterpartyRow {
        counterparty: id(name),
        name: Theirs::new(said),
        status: Chip::named(status),
        risk: Chip::named(risk),
        payments_before: payments,
        details_changed_at: changed,
    };
    let counterparties = Counterparties {
        frame: frame(),
        counterparties: vec![
            counterparty("acme", "Acme Paper Ltd", "approved", "low", 41, None),
            counterparty(
                "nordwind-papier",
                words.name,
                "watch",
                "medium",
                3,
                Some(When(ago(9 * DAY_MS))),
            ),
            counterparty(
                "harbour-estates",
                "Harbour Estates SA",
                "blocked",
                "high",
                0,
                None,
            ),
        ],
        enrol: Some(CounterpartyForm {
            payments_before: "0".into(),
            ..CounterpartyForm::default()
        }),
        next: None,
    };
    let one = CounterpartyPage {
        frame: frame(),
        id: id("nordwind-papier"),
        name: Theirs::new(words.name),
        status: "watch",
        risk: "medium",
        facts: vec![
            ("Risk", Shown::Chip(Chip::named("medium"))),
            ("Payments before", Shown::text(3)),
            ("First seen", Shown::When(When(ago(200 * DAY_MS)))),
            (
                "Payment details changed",
                Shown::When(When(ago(9 * DAY_MS))),
            ),
        ],
        standing: standing(false),
        may_change: true,
        problems: vec![],
        cases: case_rows(words),
    };
    vec![
        ("agents", html(&agents)),
        ("agent", html(&agent)),
        ("system-claimed", html(&claimed)),
        ("systems", html(&systems)),
        ("counterparties", html(&counterparties)),
        ("counterparty", html(&one)),
    ]
}

fn policies() -> Policies {
    let row = |of: &str, days: u64, rules, status| BundleRow {
        bundle: hash(of),
        address: format!("/policies/{}", super::samples::digest(of).to_hex()),
        published_at: When(ago(days * DAY_MS)),
        published_by: "dana".into(),
        rules,
        status,
    };
    Policies {
        frame: frame(),
        bundles: vec![
            row("third", 1, Some(24), Chip::new(Tone::Quiet, "published")),
            row("second", 20, Some(23), Chip::new(Tone::Good, "active")),
            row("first", 90, None, Chip::new(Tone::Quiet, "published")),
        ],
        draft: Some(Draft {
            text: format!("{POLICY}</textarea><script>alert(1)</script>"),
            problems: vec![problem(
                "policy",
                "line 9: unexpected `</textarea>`: expected `permit` or `forbid`",
            )],
            checked: None,
        }),
    }
}

fn moved(of: &str, after: &'static str) -> MovedCase {
    MovedCase {
        case: case(of).to_string(),
        before: Chip::named("authorized"),
        after: Chip::named(after),
        rules: vec!["esc.amount".into(), "stop.high-risk".into()],
    }
}

/// A draft that compiles: before it is published.
fn checked() -> Policies {
    let page = policies();
    Policies {
        draft: Some(Draft {
            text: POLICY.into(),
            problems: Vec::new(),
            checked: policy().changes,
        }),
        ..page
    }
}

fn policy() -> PolicyPage {
    let (active, after) = POLICY.split_once("\n\n").unwrap();
    PolicyPage {
        frame: frame(),
        bundle: hash("third"),
        status: Chip::new(Tone::Quiet, "published"),
        published: (When(ago(DAY_MS)), "dana".into()),
        activated: None,
        source: Block(POLICY.into()),
        changes: Some(Changes {
            active: Some(hash("second")),
            is_active: false,
            warnings: vec![Sentence::new(
                "for policy `stop.never`, policy is impossible",
            )],
            rules: vec![
                RuleChange {
                    id: "esc.amount".into(),
                    title: Plain::new("Large purchases are read by finance"),
                    before: Some(Block(after.replace("100000", "500000"))),
                    after: Some(Block(after.into())),
                },
                RuleChange {
                    id: "grant.refund".into(),
                    title: Plain::new("Refunds up to 50.00"),
                    before: Some(Block(active.into())),
                    after: None,
                },
            ],
            same: 21,
            compared: Some(Compared {
                cases: 1_000,
                since: When(ago(30 * DAY_MS)),
                counts: [[812, 41, 3], [0, 96, 0], [0, 0, 48]],
                otherwise: 7,
                moved: vec![moved("a", "escalated"), moved("b", "rejected")],
            }),
        }),
        activate: Some(Activate {
            body: "{\"origin\":\"log.example.com/t/0011223344556677\",\"bundle\":\"00\"}".into(),
            step: ActivateStep::Seconds("dana".into(), When(at(DAY_MS / 2))),
        }),
    }
}

fn people() -> Vec<(&'static str, String)> {
    let person =
        |user: &str, name: &str, roles: &[Role], groups: &[&str], passkeys, status| PersonRow {
            user: id(user),
            name: Plain::new(name),
            roles: roles.to_vec(),
            groups: groups.iter().map(|group| id(group)).collect(),
            passkeys,
            status: Chip::named(status),
        };
    let list = People {
        frame: frame(),
        proposals: vec![Proposal {
            words: "Invite mira, approver of legal".into(),
            by: id("dana"),
            at: When(ago(3_600_000)),
            until: When(at(DAY_MS)),
            hidden: hidden("/v1/users"),
        }],
        people: vec![
            person(
                "dana",
                "Dana Novak",
                &[Role::Administrator],
                &[],
                2,
                "active",
            ),
            person(
                "finn",
                "Finn Aalto",
                &[Role::Administrator, Role::Approver],
                &["finance", "treasury"],
                4,
                "active",
            ),
            person(
                "mira",
                "Mira Okafor",
                &[Role::Approver],
                &["legal"],
                0,
                "invited",
            ),
            person(
                "olga",
                "Olga Petrenko",
                &[Role::Auditor],
                &[],
                1,
                "suspended",
            ),
        ],
        invite: Some(PersonForm {
            roles: vec![Role::Approver],
            ..PersonForm::default()
        }),
    };
    let passkey = |kind, print: &str, revoke| PasskeyRow {
        kind,
        thumbprint: Hash::new(print),
        added_at: When(ago(60 * DAY_MS)),
        by: "dana".into(),
        revoke,
    };
    let one = PersonPage {
        frame: frame(),
        user: id("finn"),
        name: Plain::new("Finn Aalto"),
        status: "active",
        facts: vec![
            ("Id", Shown::text("finn")),
            ("Roles", Shown::text("administrator, approver")),
            ("Groups", Shown::text("finance, treasury")),
            ("Enrolled", Shown::When(When(ago(60 * DAY_MS)))),
        ],
        passkeys: vec![
            passkey(
                "sign-in",
                "BVUs4Do-_4da3XUlteJz7dV_YdOAtK3sQp185l2j-MY",
                hidden("/v1/users/finn/revoke"),
            ),
            passkey(
                "approval",
                "h0vYdOAtK3sQp185l2j-MYBVUs4Do-_4da3XUlteJz7",
                vec![],
            ),
        ],
        shown: Some(PasskeysShown {
            sign_in: Hash::new("3sQp185l2j-MYBVUs4Do-_4da3XUlteJz7dV_YdOAtK"),
            approval: Some(Hash::new("lteJz7dV_YdOAtK3sQp185l2j-MYBVUs4Do-_4da3XU")),
            at: When(ago(60_000)),
            hidden: hidden("/v1/users/finn/confirm"),
        }),
        change: Some(PersonForm {
            status: "active".into(),
            roles: vec![Role::Administrator, Role::Approver],
            groups: "finance, treasury".into(),
            problems: vec![problem(
                "groups",
                "`Finance` has a character at byte 0 that is none of a to z",
            )],
            ..PersonForm::default()
        }),
        add: hidden("/v1/users"),
    };
    let delegation = |to: &str, status, may_end| DelegationRow {
        from: id("finn"),
        to: id(to),
        groups: vec![id("finance")],
        starts_at: When(ago(DAY_MS)),
        ends_at: When(at(6 * DAY_MS)),
        status,
        may_end,
    };
    let delegations = Delegations {
        frame: frame(),
        delegations: vec![
            delegation("gerd", Chip::named("active"), true),
            delegation("mira", Chip::new(Tone::Quiet, "ended"), false),
        ],
        give: Some(DelegationForm {
            from: "finn".into(),
            to: vec![
                ("gerd".into(), Plain::new("Gerd Lind")),
                ("mira".into(), Plain::new("Mira Okafor")),
            ],
            groups: vec!["finance".into(), "treasury".into()],
            ..DelegationForm::default()
        }),
    };
    vec![
        ("people", html(&list)),
        ("person", html(&one)),
        ("delegations", html(&delegations)),
    ]
}

pub(crate) fn rules() -> Vec<(&'static str, String)> {
    let mut pages = vec![
        ("policies", html(&policies())),
        ("policies-checked", html(&checked())),
        ("policy", html(&policy())),
    ];
    pages.extend(people());
    pages
}

pub(crate) fn ledger(words: &Words) -> Vec<(&'static str, String)> {
    let kinds = [
        ("passport.issued", true),
        ("decision.made", true),
        ("action.requested", true),
        ("auth.signed-in", false),
        ("counterparty.changed", false),
    ];
    let entries = kinds
        .into_iter()
        .zip(0_u64..)
        .map(|((kind, of_case), n)| EntryRow {
            index: 1_183 - n,
            kind,
            case: of_case.then(|| case("purchase")),
            digest: hash(kind),
            at: Exactly(ago(n * 61_234)),
        });
    let ledger = Ledger {
        frame: frame(),
        size: 1_184,
        root: hash("root"),
        at: Exactly(ago(2_500)),
        note: Block("log.example.com/t/0011223344556677\n1184\nKg5U…=\n\n— log.example.com/t/0011223344556677 Az3grlgt…".into()),
        witnesses: vec!["witness.example.org".into(), "watch.example.net".into()],
        export: Some("/ledger/export".into()),
        verify: Some(("/ledger/verify".into(), 10_000)),
        report: Some(report("valid")),
        entries: entries.collect(),
        next: Some("/ledger?before=1179".into()),
    };
    let entry = EntryPage {
        frame: frame(),
        index: 1_182,
        kind: "decision.made",
        facts: vec![
            (
                "Case",
                Shown::Link(format!("/cases/{}", case("purchase")), case("purchase").to_string()),
            ),
            ("Event digest", Shown::Hash(hash("decision.made"))),
            ("Decided", Shown::Exactly(Exactly(ago(61_234)))),
        ],
        raw: Block(format!("[\n  \"decision.made\",\n  {:?}\n]", words.reference)),
        size: 1_184,
        proof: Block("c2sp.org/tlog-proof@v1\nindex 1182\nKg5U…=\n\nlog.example.com/t/0011223344556677\n1184".into()),
        before: Some(1_181),
        after: Some(1_183),
    };
    let row = |kind, minor, path, status| PassportRow {
        case: case(kind),
        agent: id("buyer-1"),
        target: id("erp"),
        kind,
        amount: euro(minor),
        path,
        issued_at: When(ago(60_000)),
        expires_at: When(at(240_000)),
        status,
    };
    let passports = Passports {
        frame: frame(),
        passports: vec![
            row(
                "purchase",
                125_000,
                "approved by people",
                Chip::named("valid"),
            ),
            row(
                "refund",
                4_250,
                "authorized by policy",
                Chip::new(Tone::Quiet, "expired"),
            ),
        ],
        next: None,
    };
    let passport = PassportPage {
        frame: frame(),
        case: case("purchase"),
        status: Chip::named("valid"),
        claims: vec![
            ("Agent", Shown::text("buyer-1")),
            ("Target system", Shown::text("erp")),
            ("Action", Shown::text("purchase")),
            ("Amount", Shown::Money(euro(125_000))),
            ("Counterparty", Shown::text("acme")),
            ("Reference", Shown::Theirs(Theirs::new(words.reference))),
            ("Issued", Shown::When(When(ago(60_000)))),
            ("Ends", Shown::When(When(at(240_000)))),
            ("Bundle", Shown::Hash(hash("second"))),
        ],
        people: vec![
            (
                id("finn"),
                None,
                Plain::new("as agreed on the phone"),
                When(ago(90_000)),
            ),
            (
                id("gerd"),
                Some(id("hana")),
                Plain::new(""),
                When(ago(61_000)),
            ),
        ],
        download: "/passports/6b6aef0a2ed1622bde7bdc41d500e308/file".into(),
    };
    vec![
        ("ledger", html(&ledger)),
        ("entry", html(&entry)),
        ("passports", html(&passports)),
        ("passport", html(&passport)),
    ]
}
