//! What people do in a review: they are shown a sheet, agree, refuse, and policy is asked again.
//!
//! Functions that answer a body append nothing; those named with a verb append.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use super::{APPROVAL, By, POLICY, Person, Tenant, acts::id};
use crate::{
    act::ActionRequest,
    decision::{Decision, Verdict},
    digest::{Digest, Noun},
    entry::CaseId,
    event::{Body, DecisionMade, Judged, ReviewOpened},
    id::Id,
    log::note::KeyName,
    passkey::{
        Site,
        context::{ApprovalContext, Choice, Life, Nonce, Reason, RuleIds},
    },
    people::Role,
    review::{Comparison, Operator, RuleShown, Sheet, builtin},
    state::{ReviewRow, Row, RowName, Rows as _, SheetFacts},
};

/// The policy of the tests, asking `people` of finance.
pub fn policy(people: u8) -> String {
    POLICY.replace("finance:1", &alloc::format!("finance:{people}"))
}

/// What the rule of [`POLICY`] says, put together without the engine.
fn rule(made: &DecisionMade, people: u8) -> RuleShown {
    let amount = made.snapshot.action().amount_minor().to_string();
    let text = policy(people);
    let source = text.split_once("\n\n").unwrap().1.trim_end().to_string();
    RuleShown {
        id: "esc.amount".to_string(),
        title: "Large payments are read by finance".to_string(),
        reason: "more than 500.00".to_string(),
        source: Some(source),
        values: [Comparison {
            left: "context.amount_minor".to_string(),
            operator: Operator::Greater,
            right: "50000".to_string(),
            left_value: amount,
            right_value: "50000".to_string(),
        }]
        .into(),
    }
}

/// A log with people who judge.
#[derive(Debug, Clone)]
pub struct Company {
    /// The log.
    pub tenant: Tenant,
    /// An administrator, and the sponsor of `ap-bot`.
    pub dana: Person,
    /// An administrator.
    pub erin: Person,
    /// An approver of finance.
    pub finn: Person,
    /// An approver of finance.
    pub gerd: Person,
}

impl Company {
    /// A log whose policy asks `people` of finance; everybody was enrolled more than a day ago.
    pub fn asking(seed: u8, people: u8) -> Self {
        let mut company = Self::fresh(seed, people);
        company.tenant.wait_ms(2 * 86_400_000);
        company
    }

    /// The same on the first day.
    pub fn fresh(seed: u8, people: u8) -> Self {
        let (mut tenant, mut dana, mut erin) = Tenant::ready_with_people_asking(seed, people);
        let finn = Person::new("finn", 3, &[Role::Approver], &["finance"]);
        let gerd = Person::new("gerd", 4, &[Role::Approver], &["finance"]);
        for person in [&finn, &gerd] {
            tenant.enrol_person(By::Two(&mut dana, &mut erin), person);
        }
        Self {
            tenant,
            dana,
            erin,
            finn,
            gerd,
        }
    }

    /// From now on `people` of finance are asked.
    pub fn ask(&mut self, people: u8) {
        self.activate(&policy(people));
        self.tenant.people_asked = people;
    }

    /// Publishes and activates a policy.
    pub fn activate(&mut self, policy: &str) {
        let bundle = self.tenant.publish_by(By::One(&mut self.dana), policy);
        let by = By::Two(&mut self.dana, &mut self.erin);
        let activated = self.tenant.policy_activated(by, bundle);
        self.tenant.append(None, activated);
    }

    /// Enrols somebody, by both administrators.
    pub fn enrol(&mut self, person: &Person) {
        let by = By::Two(&mut self.dana, &mut self.erin);
        self.tenant.enrol_person(by, person);
    }

    /// A case that `finn`, and `gerd` too where two are asked for, agreed to, with its Passport.
    pub fn approved(&mut self, request_id: &str) -> CaseId {
        let case = self.tenant.escalated(request_id);
        self.tenant.approve(case, &mut self.finn);
        if self.tenant.people_asked > 1 {
            self.tenant.approve(case, &mut self.gerd);
        }
        self.tenant.decide_again(case);
        self.tenant.issue(case, |_| {});
        case
    }
}

impl Tenant {
    /// The row of a review.
    pub fn review(&mut self, case: CaseId) -> ReviewRow {
        match self.rows.row(&RowName::Review(case)) {
            Ok(Some(Row::Review(row))) => row,
            other => panic!("no review: {other:?}"),
        }
    }

    /// The sheet of the round that opens next, drawn from the rows.
    pub fn sheet(&mut self, case: CaseId) -> Sheet {
        let events = self.case(case).events;
        let asked = self.event_at(events[0].index);
        let Body::ActionRequested(request) = &asked.body else {
            panic!("a case begins with a request")
        };
        let statement = ActionRequest::parse(request.signed.body().unwrap())
            .unwrap()
            .statement;
        let last = events.last().unwrap().index;
        let Body::DecisionMade(made) = self.event_at(last).body else {
            panic!("a review follows a decision")
        };
        let facts = SheetFacts::of(&mut self.rows, case, &made).unwrap();
        let rules = made.decision.rules().iter().map(|id| {
            builtin::show(id, &made.snapshot).unwrap_or_else(|| rule(&made, self.people_asked))
        });
        let input = facts.input(&made, asked.decided_at, statement.as_deref());
        Sheet::draw(&input, rules.collect()).unwrap()
    }

    /// `review.opened`, with the sheet `bytes` as a blob.
    pub fn review_opened(&mut self, case: CaseId, sheet: Option<Vec<u8>>) -> Body {
        let review = self.review(case);
        Body::ReviewOpened(ReviewOpened {
            round: review.round.get().into(),
            deadline: review.deadline,
            sheet: sheet.map(|bytes| {
                let digest = Digest::of(Noun::Blob, &bytes);
                self.blobs.insert(digest, bytes);
                digest
            }),
        })
    }

    /// People are asked; in a log with people they are shown a sheet.
    pub fn open_review(&mut self, case: CaseId) {
        let sheet = self.sites.is_some().then(|| self.sheet(case).encode());
        let place = self.place(case);
        let opened = self.review_opened(case, sheet);
        self.append(Some(place), opened);
    }

    /// What `person` signs about the open round, now, for ten minutes.
    pub fn approval_context(
        &mut self,
        case: CaseId,
        person: &Person,
        delegator: Option<&Id>,
        choice: Choice,
    ) -> ApprovalContext {
        let (row, review) = (self.case(case), self.review(case));
        ApprovalContext {
            origin: KeyName::parse(self.origin()).unwrap(),
            case,
            round: review.round,
            choice,
            request: row.events[0].digest,
            bundle: review.bundle.unwrap(),
            rules: RuleIds::new(review.rules).unwrap(),
            sheet: review.sheet.unwrap(),
            review: review.opened.unwrap().digest,
            approver: person.user.clone(),
            delegator: delegator.cloned(),
            credential: person.approval.as_ref().unwrap().credential(),
            system: row.target,
            nonce: Nonce::new(self.next_bytes()),
            life: Life::new(self.now(), self.now().plus(600_000)).unwrap(),
        }
    }

    /// What the device of `person` makes of a context, at the approval site.
    pub fn judged(&self, person: &mut Person, context: ApprovalContext) -> Judged {
        let site = Site::parse(APPROVAL).unwrap();
        let device = person.approval.as_mut().unwrap();
        Judged {
            round: context.round.get().into(),
            assertion: device.assert(&site, context.challenge()),
            context,
        }
    }

    /// `approval.given`.
    pub fn approval_given(
        &mut self,
        case: CaseId,
        person: &mut Person,
        delegator: Option<&Id>,
    ) -> Judged {
        let choice = Choice::Approve {
            reason: Reason::parse("as agreed"),
        };
        let context = self.approval_context(case, person, delegator, choice);
        self.judged(person, context)
    }

    /// `approval.refused`.
    pub fn approval_refused(&mut self, case: CaseId, person: &mut Person) -> Judged {
        let choice = Choice::Refuse {
            reason: Reason::parse("never heard of them").unwrap(),
        };
        let context = self.approval_context(case, person, None, choice);
        self.judged(person, context)
    }

    /// A person agrees.
    pub fn approve(&mut self, case: CaseId, person: &mut Person) {
        let given = self.approval_given(case, person, None);
        let place = self.place(case);
        self.append(Some(place), Body::ApprovalGiven(given));
    }

    /// A person agrees for another.
    pub fn approve_for(&mut self, case: CaseId, person: &mut Person, delegator: &Id) {
        let given = self.approval_given(case, person, Some(delegator));
        let place = self.place(case);
        self.append(Some(place), Body::ApprovalGiven(given));
    }

    /// A person refuses.
    pub fn refuse(&mut self, case: CaseId, person: &mut Person) {
        let refused = self.approval_refused(case, person);
        let place = self.place(case);
        self.append(Some(place), Body::ApprovalRefused(refused));
    }

    /// Policy is asked again, and asks people again.
    pub fn decide_again(&mut self, case: CaseId) {
        self.decide(case, Verdict::Escalated);
    }

    /// Policy decides by these rules, and asks these groups.
    pub fn decide_by(
        &mut self,
        case: CaseId,
        verdict: Verdict,
        rules: &[&str],
        demand: &[(&str, u8)],
    ) {
        let mut made = self.decision(case, verdict);
        let rules = rules.iter().map(|rule| (*rule).to_string()).collect();
        let demand = demand.iter().map(|(group, people)| (id(group), *people));
        let review_ms = made.decision.review_ms();
        let engine = made.decision.engine().to_string();
        made.decision = Decision::new(verdict, rules, demand.collect(), review_ms, engine).unwrap();
        let place = self.place(case);
        self.append(Some(place), Body::DecisionMade(made));
    }

    /// A delegation of finance from now on for `ms`.
    pub fn delegate(&mut self, from: &mut Person, to: &Id, ms: u64) {
        let given = self.delegation_given(from, to, &["finance"], ms);
        self.append(None, given);
    }
}
