//! The receivers of a simulation and the network to them: slow, broken, rude, and written down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use rand::Rng;
use serde_json::Value;

use super::auditor::{Auditor, Fact};
use super::scheduler::{self, Micros};
use super::shadow::Shadow;
use crate::deliver::request::Request;
use crate::deliver::target::{Connections, Target};
use crate::deliver::transport::{Answer, Course, Failure, Transport};
use crate::id::{ConnectionId, WorkspaceId};
use crate::model::Outcome;
use crate::sync::sleep;

/// What a receiver does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// 2xx.
    Takes,
    /// 2xx after a long time, perhaps too long.
    Dawdles,
    /// A status that is no success.
    Fails(u16),
    /// 429 or 503 with a `Retry-After` of so many seconds.
    Waits(u16, u32),
    /// No connection.
    Refuses,
    /// It takes the request, and the connection breaks before its answer.
    Resets,
    /// It never answers.
    Hangs,
    /// 200, and a body that never ends.
    Endless,
    /// 410.
    Leaves,
}

/// How a receiver is in this life of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    Flaky,
    Limiting,
    Hanging,
    Endless,
    Down,
    Leaving,
}

const MOODS: [Mood; 9] = [
    Mood::Good,
    Mood::Good,
    Mood::Good,
    Mood::Flaky,
    Mood::Limiting,
    Mood::Hanging,
    Mood::Endless,
    Mood::Down,
    Mood::Leaving,
];

impl Mood {
    pub(crate) fn any(random: &mut impl Rng) -> Self {
        MOODS[random.random_range(0..MOODS.len())]
    }

    fn deed(self, random: &mut impl Rng) -> Deed {
        let dice = random.random_range(0..100);
        match self {
            Self::Good => {
                if dice < 96 {
                    Deed::Takes
                } else {
                    Deed::Fails(500)
                }
            }
            Self::Flaky => match dice {
                0..45 => Deed::Takes,
                45..60 => Deed::Fails([302, 400, 404, 500, 502][random.random_range(0..5)]),
                60..70 => Deed::Refuses,
                70..80 => Deed::Resets,
                80..90 => Deed::Dawdles,
                90..95 => Deed::Hangs,
                _ => Deed::Endless,
            },
            Self::Limiting => match dice {
                0..50 => Deed::Takes,
                50..80 => Deed::Waits(429, random.random_range(1..20)),
                _ => Deed::Waits(503, random.random_range(1..90)),
            },
            Self::Hanging => {
                if dice < 90 {
                    Deed::Hangs
                } else {
                    Deed::Takes
                }
            }
            Self::Endless => Deed::Endless,
            Self::Down => {
                if dice < 90 {
                    Deed::Refuses
                } else {
                    Deed::Fails(503)
                }
            }
            Self::Leaving => {
                if dice < 80 {
                    Deed::Takes
                } else {
                    Deed::Leaves
                }
            }
        }
    }
}

struct House {
    mood: Mood,
    enabled: bool,
    version: u64,
}

/// One request as it reached the network.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub at: Micros,
    /// In which life of the node.
    pub life: usize,
    pub delivery: String,
    /// When its end was known; `None` when the node died before.
    pub ended: Option<Micros>,
}

/// All receivers of all workspaces.
pub(crate) struct Town {
    houses: Mutex<BTreeMap<(String, String), House>>,
    pub shadow: Arc<Mutex<Shadow>>,
    pub auditor: Arc<Mutex<Auditor>>,
    pub sent: Mutex<Vec<Sent>>,
    pub life: Mutex<usize>,
    pub broken: Mutex<Vec<String>>,
}

impl Town {
    pub(crate) fn new(shadow: Arc<Mutex<Shadow>>, auditor: Arc<Mutex<Auditor>>) -> Self {
        let (houses, sent, life, broken) = Default::default();
        Self { houses, shadow, auditor, sent, life, broken }
    }

    /// Sets how a receiver is; a disabled connection is enabled again.
    pub(crate) fn settle(&self, workspace: &str, connection: &str, mood: Mood) {
        let mut houses = self.houses.lock().unwrap();
        let house = houses.entry((workspace.to_owned(), connection.to_owned()));
        let house = house.or_insert(House { mood, enabled: true, version: 0 });
        house.version += 1;
        (house.mood, house.enabled) = (mood, true);
    }

    fn complain(&self, words: String) {
        self.broken.lock().unwrap().push(words);
    }

    /// Whose request it is, and whether it may be sent. Replays have the id of what they replay.
    fn judge(&self, request: &Request, connection: &str) -> (String, String, String) {
        let text = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        let id = text("webhook-id").unwrap_or_default().to_owned();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let field = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (workspace, event, target) = (field("workspace"), field("event"), field("target"));
        if workspace != request.workspace.as_str() || target != connection {
            self.complain(format!("{connection} of {} got {body}", request.workspace));
        }
        let shadow = self.shadow.lock().unwrap();
        let replayed = text("fanwise-replay").is_some();
        let mut candidates = shadow.deliveries.values().filter(|life| match replayed {
            true => life.delivery.replay_of.as_ref().is_some_and(|of| of.as_str() == id),
            false => life.delivery.id.as_str() == id,
        });
        let life = match replayed {
            // Several replays of one delivery look the same; one of them must be owed.
            true => candidates.find(|life| life.settled_at.is_none()),
            false => shadow.deliveries.get(&id),
        };
        match life {
            None => self.complain(format!("{id} was sent before it was durable, or after its end")),
            Some(life) if life.settled_at.is_some() => {
                self.complain(format!("{id} was sent after its end was durable ({:?})", life.state));
            }
            Some(life) if *life.delivery.event.as_str() != *event => {
                self.complain(format!("{id} came with the event {event}"));
            }
            Some(_) => {}
        }
        (workspace, event, if replayed { String::new() } else { id })
    }

    fn mood(&self, workspace: &str, connection: &str) -> Mood {
        let houses = self.houses.lock().unwrap();
        houses.get(&(workspace.to_owned(), connection.to_owned())).map_or(Mood::Good, |house| house.mood)
    }
}

impl Connections for Town {
    fn target(&self, workspace: &WorkspaceId, connection: &ConnectionId) -> Option<Target> {
        let houses = self.houses.lock().unwrap();
        let house = houses.get(&(workspace.to_string(), connection.to_string()))?;
        let url = format!("https://{connection}.example/{workspace}");
        Some(Target { version: house.version, enabled: house.enabled, ..Target::to(url) })
    }

    fn disable(&self, workspace: &WorkspaceId, connection: &ConnectionId) {
        let mut houses = self.houses.lock().unwrap();
        if let Some(house) = houses.get_mut(&(workspace.to_string(), connection.to_string())) {
            house.enabled = false;
        }
    }
}

fn answer(status: u16, headers: HeaderMap, whole: bool) -> Result<Answer, Failure> {
    let status = StatusCode::from_u16(status).unwrap();
    Ok(Answer { status, headers, body: Bytes::from_static(b"hello"), whole, course: Course::default() })
}

fn header(name: &'static str, seconds: u32) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(name), HeaderValue::from(seconds));
    headers
}

impl Town {
    async fn deliver(&self, request: Request, timeout: Duration) -> Result<Answer, Failure> {
        let (number, answer) = self.exchange(request, timeout).await;
        self.sent.lock().unwrap()[number].ended = Some(scheduler::now());
        answer
    }

    async fn exchange(&self, request: Request, timeout: Duration) -> (usize, Result<Answer, Failure>) {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let connection = host.trim_end_matches(".example").to_owned();
        let (workspace, event, delivery) = self.judge(&request, &connection);
        let mood = self.mood(&workspace, &connection);
        let (deed, travel) = scheduler::draw(|random| {
            (mood.deed(random), Duration::from_micros(random.random_range(50..40_000)))
        })
        .unwrap_or((Deed::Takes, Duration::ZERO));
        scheduler::note((&*delivery, format!("{deed:?}")));
        let at = scheduler::now();
        let life = *self.life.lock().unwrap();
        let number = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(Sent { at, life, delivery: delivery.clone(), ended: None });
            sent.len() - 1
        };
        let travel = travel.min(timeout / 2);
        sleep(travel).await;
        // Whatever a receiver has done before its answer is lost, it has not accepted: the sender must not
        // believe so either.
        let accepted = matches!(deed, Deed::Takes | Deed::Dawdles | Deed::Endless);
        let too_late =
            deed == Deed::Dawdles && scheduler::draw(|random| random.random_bool(0.5)) == Some(true);
        let fact = Fact::Received {
            at: Duration::from_micros(scheduler::now().unsigned_abs()),
            workspace,
            event,
            delivery: delivery.clone(),
            accepted: accepted && !too_late,
        };
        if !delivery.is_empty() {
            self.auditor.lock().unwrap().see(fact);
        }
        (number, respond(deed, too_late, timeout.saturating_sub(travel)).await)
    }
}

/// What the node learns of a deed, and when.
async fn respond(deed: Deed, too_late: bool, left: Duration) -> Result<Answer, Failure> {
    let fail = |outcome, error: &str| Err(Failure::new(outcome, error));
    match deed {
        Deed::Takes => answer(200, HeaderMap::new(), true),
        Deed::Dawdles if too_late => {
            sleep(left).await;
            fail(Outcome::TimedOut, "no answer in time")
        }
        Deed::Dawdles => {
            sleep(left / 2).await;
            answer(204, HeaderMap::new(), true)
        }
        Deed::Fails(status) => answer(status, HeaderMap::new(), true),
        Deed::Waits(status, seconds) => {
            let dialect = seconds % 3 == 0 && status == 429;
            let name = if dialect { "x-ratelimit-reset-after" } else { "retry-after" };
            answer(status, header(name, seconds), true)
        }
        Deed::Refuses => fail(Outcome::Unreachable, "connection refused"),
        Deed::Resets => fail(Outcome::Unreachable, "connection reset"),
        Deed::Hangs => {
            sleep(left).await;
            fail(Outcome::TimedOut, "no answer in time")
        }
        Deed::Endless => {
            sleep(left).await;
            answer(200, HeaderMap::new(), false)
        }
        Deed::Leaves => answer(410, HeaderMap::new(), true),
    }
}

impl Transport for Town {
    fn send(&self, request: Request, timeout: Duration) -> BoxFuture<'_, Result<Answer, Failure>> {
        Box::pin(self.deliver(request, timeout))
    }
}
