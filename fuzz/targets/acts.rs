//! The JSON bodies of the agent API: no body is two acts (**AP**: no two share a set of members), and what an act says
//! is what the body says.
#![no_main]

use agentsigna_verifier::{
    act::{
        Act, ActionRequest, Activation, AgentConfirmation, AgentInvitation, Claim,
        CounterpartyChange, CounterpartyEnrolment, DisputeResolution, ExecutionStart,
        OutcomeReport, StatusChange, SystemConfirmation, SystemInvitation,
    },
    action::Action,
    json::{self, JsonError},
    limits,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let request = ActionRequest::parse(data);
    if let Ok(request) = &request {
        assert!(data.len() <= limits::ACTION_BODY_BYTES_MAX);
        let bytes = request.action.encode();
        assert_eq!(Action::decode(&bytes).as_ref(), Ok(&request.action));
    }
    let acts = [
        about(data, request),
        about(data, AgentInvitation::parse(data)),
        about(data, AgentConfirmation::parse(data)),
        about(data, SystemInvitation::parse(data)),
        about(data, SystemConfirmation::parse(data)),
        about(data, Claim::parse(data)),
        about(data, StatusChange::parse(data)),
        about(data, CounterpartyEnrolment::parse(data)),
        about(data, CounterpartyChange::parse(data)),
        about(data, Activation::parse(data)),
        about(data, ExecutionStart::parse(data)),
        about(data, OutcomeReport::parse(data)),
        about(data, DisputeResolution::parse(data)),
    ];
    assert!(acts.into_iter().filter(|accepted| *accepted).count() <= 1);
});

/// Whether it was accepted.
fn about(data: &[u8], act: Result<impl Act, JsonError>) -> bool {
    let whole = json::parse(data, limits::BODY_BYTES_MAX);
    match act {
        Ok(act) => {
            assert!(act.target().starts_with("/v1/"));
            let mut members = whole.unwrap().object().unwrap();
            assert_eq!(members.text("origin").unwrap(), act.origin());
            true
        }
        Err(error) => {
            assert!(error.pointer().is_empty() || error.pointer().starts_with('/'));
            false
        }
    }
}
