//! Many clients at once: each sends a request, waits for its answer, sends the next.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use agentsigna_tests::{
    client::{Answer, Client},
    keys::Key,
    server::Door,
    tenant::Party,
};
use agentsigna_verifier::signed_request::Profile;

/// Not counted.
const WARM_UP: Duration = Duration::from_secs(2);
/// Counted, second by second.
const SECONDS: usize = 10;

/// What was measured.
pub(crate) struct Measured {
    /// Answers in each second.
    per_s: Vec<usize>,
    /// Latencies, sorted.
    latencies: Vec<Duration>,
}

/// Each agent asks for the smallest purchase, again and again.
pub(crate) fn decisions(agents: &[Party]) -> Measured {
    let clients = agents.iter().map(|agent| {
        let (id, body) = (agent.client.clone(), agent.purchase("", 1));
        let mut count = 0_u64;
        move || {
            count += 1;
            let mut body = body.clone();
            body["request_id"] = format!("b-{count}").into();
            let answer = id.act(Profile::Action, "/v1/actions", &body);
            assert!(
                answer.status == 200 && contains(&answer, br#""verdict":"authorized""#),
                "{}",
                answer.text()
            );
        }
    });
    measure(clients.collect())
}

/// `count` clients ask for a path that does not exist, without a signature.
pub(crate) fn nothing(door: &Door, count: usize) -> Measured {
    let clients = (0..count).map(|_| {
        let client = Client::new(door.clone(), Key::generate());
        let request = format!(
            "GET /v1/nothing HTTP/1.1\r\nHost: {}\r\n\r\n",
            door.address()
        );
        move || {
            let answer = client.send_raw(request.as_bytes()).expect("an answer");
            assert_eq!(answer.status, 404, "{}", answer.text());
        }
    });
    measure(clients.collect())
}

fn contains(answer: &Answer, text: &[u8]) -> bool {
    answer.body.windows(text.len()).any(|window| window == text)
}

fn measure(clients: Vec<impl FnMut() + Send>) -> Measured {
    let (start, over) = (Barrier::new(clients.len()), AtomicBool::new(false));
    let samples: Vec<(Duration, Duration)> = thread::scope(|scope| {
        let threads: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let (start, over) = (&start, &over);
                scope.spawn(move || {
                    let mut samples = Vec::with_capacity(1 << 14);
                    start.wait();
                    let began = Instant::now();
                    while !over.load(Ordering::Relaxed) {
                        let sent = began.elapsed();
                        client();
                        samples.push((sent, began.elapsed()));
                    }
                    samples
                })
            })
            .collect();
        thread::sleep(WARM_UP + Duration::from_secs(SECONDS as u64) + Duration::from_millis(200));
        over.store(true, Ordering::Relaxed);
        let ended = threads
            .into_iter()
            .map(|thread| thread.join().expect("a client"));
        ended.flatten().collect()
    });
    let mut per_s = vec![0; SECONDS];
    let mut latencies = Vec::with_capacity(samples.len());
    for (sent, answered) in samples {
        let Some(since) = answered.checked_sub(WARM_UP) else {
            continue;
        };
        if let Some(count) = usize::try_from(since.as_secs())
            .ok()
            .and_then(|second| per_s.get_mut(second))
        {
            *count += 1;
            latencies.push(answered.saturating_sub(sent));
        }
    }
    latencies.sort_unstable();
    Measured { per_s, latencies }
}

impl Measured {
    pub(crate) fn tell(&self, what: &str) {
        let mut per_s = self.per_s.clone();
        per_s.sort_unstable();
        println!(
            "    {what:30} {:>9} /s   p50 {:.1} ms, p99 {:.1} ms   (median second; slowest {}, fastest {})",
            per_s[per_s.len() / 2],
            self.at(50),
            self.at(99),
            per_s[0],
            per_s[per_s.len() - 1]
        );
    }

    /// The latency that `percent` of the answers did not exceed, in milliseconds.
    fn at(&self, percent: usize) -> f64 {
        let place = self.latencies.len() * percent / 100;
        let found = self
            .latencies
            .get(place.min(self.latencies.len().saturating_sub(1)));
        found.map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }
}
