//! One judge of what happened: was everything kept that was promised?
//!
//! It knows nothing of the server. It takes facts in the order in which they were seen: what a client was
//! told, what a receiver got, when the server crashed, and what its history says in the end. Whoever has
//! such facts can ask it: a loop of kills, a process that dies at a chosen place, a simulation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

/// Something that was seen.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    /// A client was told that an event is durable, and what is owed for it.
    Acknowledged { workspace: String, event: String, deliveries: Vec<String> },
    /// A receiver got a delivery. `workspace` and `event` are what the payload says; `accepted`, what it
    /// answered.
    Received { at: Duration, workspace: String, event: String, delivery: String, accepted: bool },
    /// The server crashed.
    Crashed { at: Duration },
    /// What the history says of a delivery in the end: the attempts, and how many of them it does not know
    /// the outcome of.
    Recorded { workspace: String, delivery: String, end: End, attempts: u32, unknown: u32 },
    /// So many deliveries are not settled although nothing happens any more.
    Pending(u64),
}

/// Where a delivery stands in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Delivered,
    /// Given up, with a reason.
    DeadLetter,
    /// Neither.
    Open,
}

/// What was promised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promises {
    /// Attempts that the policy allows.
    pub attempts_max: u32,
    /// Attempts that may be under way when the server crashes.
    pub in_flight_max: usize,
    /// An outcome is durable so long after the receiver's answer; what is sent twice was accepted later
    /// than so long before a crash.
    pub outcome_within: Duration,
    /// A receiver notes so late what was sent to it before a crash.
    pub noted_within: Duration,
}

impl Promises {
    /// Whether something that came at that time may have been under way at a crash.
    fn under_way(&self, came: Duration, crash: Duration) -> bool {
        came <= crash + self.noted_within && crash <= came + self.outcome_within
    }
}

/// Takes facts and judges them.
#[derive(Debug, Default)]
pub(crate) struct Auditor {
    facts: Vec<Fact>,
}

/// What one delivery has been through.
#[derive(Default)]
struct Life {
    workspaces: BTreeSet<String>,
    events: BTreeSet<String>,
    acknowledged: bool,
    received_at: Vec<Duration>,
    accepted_at: Vec<Duration>,
    recorded: Option<(End, u32, u32)>,
}

/// How much was seen; so that a test can tell a quiet run from a good one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub acknowledged: usize,
    pub received: usize,
    pub repeated: usize,
    pub crashes: usize,
}

impl Auditor {
    /// Takes the next fact.
    pub(crate) fn see(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    /// How much was seen.
    pub(crate) fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        let mut ids = BTreeSet::new();
        for fact in &self.facts {
            match fact {
                Fact::Acknowledged { deliveries, .. } => summary.acknowledged += deliveries.len(),
                Fact::Received { delivery, accepted, .. } => {
                    summary.received += 1;
                    summary.repeated += usize::from(*accepted && !ids.insert(delivery));
                }
                Fact::Crashed { .. } => summary.crashes += 1,
                Fact::Recorded { .. } | Fact::Pending(_) => {}
            }
        }
        summary
    }

    /// Every promise that was broken, in words; empty when all were kept.
    pub(crate) fn broken(&self, promises: Promises) -> Vec<String> {
        let mut broken = Vec::new();
        let mut crashes = Vec::new();
        let mut lives: BTreeMap<&str, Life> = BTreeMap::new();
        let mut answers: BTreeMap<(&str, &str), &Vec<String>> = BTreeMap::new();
        for fact in &self.facts {
            match fact {
                Fact::Acknowledged { workspace, event, deliveries } => {
                    let first = answers.entry((workspace, event)).or_insert(deliveries);
                    if *first != deliveries {
                        broken.push(format!("{event} was accepted twice: {first:?}, then {deliveries:?}"));
                    }
                    for delivery in deliveries {
                        let life = lives.entry(delivery).or_default();
                        life.acknowledged = true;
                        life.workspaces.insert(workspace.clone());
                        life.events.insert(event.clone());
                    }
                }
                Fact::Received { at, workspace, event, delivery, accepted } => {
                    lives.entry(delivery).or_default().events.insert(event.clone());
                    let life = lives.entry(delivery).or_default();
                    life.received_at.push(*at);
                    life.workspaces.insert(workspace.clone());
                    life.accepted_at.extend(accepted.then_some(*at));
                }
                Fact::Recorded { workspace, delivery, end, attempts, unknown } => {
                    let life = lives.entry(delivery).or_default();
                    if life.recorded.replace((*end, *attempts, *unknown)).is_some() {
                        broken.push(format!("{delivery} is in the history twice"));
                    }
                    life.workspaces.insert(workspace.clone());
                }
                Fact::Crashed { at } => crashes.push(*at),
                Fact::Pending(0) => {}
                Fact::Pending(count) => {
                    broken.push(format!("{count} deliveries are owed and nothing happens"))
                }
            }
        }
        let mut repeats = vec![0; crashes.len()];
        for (delivery, life) in &lives {
            life.judge(delivery, promises, &crashes, &mut broken);
            life.repeats(delivery, promises, &crashes, &mut repeats, &mut broken);
        }
        for (crash, count) in repeats.iter().enumerate().filter(|(_, count)| **count > promises.in_flight_max)
        {
            let max = promises.in_flight_max;
            broken.push(format!(
                "{count} deliveries came again after crash {crash}; at most {max} were under way"
            ));
        }
        broken
    }

    /// Ends the test with what was broken.
    pub(crate) fn demand(&self, promises: Promises) {
        let broken = self.broken(promises);
        let mut text = String::new();
        for line in broken.iter().take(20) {
            let _ = writeln!(text, "- {line}");
        }
        assert!(broken.is_empty(), "{} promises broken ({:?}):\n{text}", broken.len(), self.summary());
    }
}

impl Life {
    fn judge(&self, delivery: &str, promises: Promises, crashes: &[Duration], broken: &mut Vec<String>) {
        if self.workspaces.len() > 1 {
            broken.push(format!("{delivery} was seen in several workspaces: {:?}", self.workspaces));
        }
        if self.events.len() > 1 {
            broken.push(format!("{delivery} came with several events: {:?}", self.events));
        }
        let Some((end, attempts, unknown)) = self.recorded else {
            // Whether it was promised or only came to a receiver: the history must know it.
            broken.push(match self.acknowledged {
                true => format!("{delivery} was acknowledged and is not in the history: it is lost"),
                false => format!("{delivery} was received and is not in the history: it was invented"),
            });
            return;
        };
        let accepted = !self.accepted_at.is_empty();
        match end {
            End::Delivered if accepted => {}
            End::Delivered => {
                broken.push(format!("{delivery} is said to be delivered; no receiver accepted it"))
            }
            End::DeadLetter => {}
            End::Open => broken.push(format!("{delivery} is not settled")),
        }
        // Of an attempt without an outcome nobody knows whether it left; every other one arrived or had an
        // error of its own, which these receivers do not make. That an attempt began is written down without
        // waiting for it, so one that was under way at a crash may be missing.
        let received = u32::try_from(self.received_at.len()).unwrap_or(u32::MAX);
        let lost = |crash: &&Duration| self.received_at.iter().any(|at| promises.under_way(*at, **crash));
        let lost = u32::try_from(crashes.iter().filter(lost).count()).unwrap_or(u32::MAX);
        if received > attempts + lost || received + unknown < attempts {
            broken.push(format!(
                "{delivery} came {received} times; the history has {attempts} attempts, {unknown} of them unknown"
            ));
        }
        let max = promises.attempts_max + u32::try_from(crashes.len()).unwrap_or(u32::MAX);
        if attempts > max {
            broken.push(format!("{delivery} has {attempts} attempts; {max} are allowed, crashes included"));
        }
    }

    /// After a success is durable nothing is sent any more: between two successes lies a crash, and the
    /// first of them came shortly before it.
    fn repeats(
        &self,
        delivery: &str,
        promises: Promises,
        crashes: &[Duration],
        repeats: &mut [usize],
        broken: &mut Vec<String>,
    ) {
        for pair in self.accepted_at.windows(2) {
            let [first, second] = pair else { continue };
            let between = |crash: &Duration| *first <= *crash + promises.noted_within && crash <= second;
            match crashes.iter().position(between) {
                None => broken.push(format!("{delivery} was accepted twice, without a crash in between")),
                Some(crash) if !promises.under_way(*first, crashes[crash]) => {
                    broken
                        .push(format!("{delivery} was accepted long before a crash and sent again after it"));
                }
                Some(crash) => repeats[crash] += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMISES: Promises = Promises {
        attempts_max: 3,
        in_flight_max: 1,
        outcome_within: Duration::from_secs(1),
        noted_within: Duration::ZERO,
    };

    fn acknowledged(delivery: &str) -> Fact {
        Fact::Acknowledged { workspace: "w".into(), event: "e".into(), deliveries: vec![delivery.into()] }
    }

    fn received(second: u64, delivery: &str, accepted: bool) -> Fact {
        let at = Duration::from_secs(second);
        let (workspace, event) = ("w".into(), "e".into());
        Fact::Received { at, workspace, event, delivery: delivery.into(), accepted }
    }

    fn recorded(delivery: &str, end: End, attempts: u32, unknown: u32) -> Fact {
        Fact::Recorded { workspace: "w".into(), delivery: delivery.into(), end, attempts, unknown }
    }

    fn crashed(second: u64) -> Fact {
        Fact::Crashed { at: Duration::from_secs(second) }
    }

    fn broken(facts: &[Fact]) -> String {
        Auditor { facts: facts.to_vec() }.broken(PROMISES).join("; ")
    }

    #[test]
    fn what_is_as_promised_is_not_complained_about() {
        let delivered = |attempts, unknown| recorded("d", End::Delivered, attempts, unknown);
        let good: &[&[Fact]] = &[
            &[acknowledged("d"), received(1, "d", true), delivered(1, 0), Fact::Pending(0)],
            &[received(1, "d", true), delivered(1, 0)],
            &[acknowledged("d"), received(1, "d", false), received(2, "d", true), delivered(2, 0)],
            &[acknowledged("d"), received(1, "d", true), crashed(1), received(2, "d", true), delivered(2, 1)],
            &[acknowledged("d"), crashed(1), received(2, "d", true), delivered(2, 1)],
            &[acknowledged("d"), received(1, "d", true), crashed(1), received(2, "d", true), delivered(1, 0)],
            &[acknowledged("d"), received(1, "d", false), recorded("d", End::DeadLetter, 1, 0)],
        ];
        for facts in good {
            assert_eq!(broken(facts), "", "{facts:?}");
        }
    }

    #[test]
    fn every_broken_promise_is_named() {
        let delivered = |attempts, unknown| recorded("d", End::Delivered, attempts, unknown);
        let stranger = Fact::Received {
            at: Duration::ZERO,
            workspace: "other".into(),
            event: "another".into(),
            delivery: "d".into(),
            accepted: true,
        };
        let bad: &[(&[Fact], &str)] = &[
            (&[acknowledged("d")], "it is lost"),
            (&[received(1, "d", true)], "it was invented"),
            (&[acknowledged("d"), recorded("d", End::Open, 0, 0)], "not settled"),
            (&[acknowledged("d"), delivered(0, 0)], "no receiver accepted it"),
            (
                &[received(1, "d", true), received(2, "d", true), delivered(2, 0)],
                "without a crash in between",
            ),
            (
                &[received(1, "d", true), crashed(9), received(10, "d", true), delivered(2, 1)],
                "long before a crash",
            ),
            (&[received(1, "d", false), received(1, "d", true), delivered(1, 0)], "came 2 times"),
            (&[received(1, "d", true), delivered(2, 0)], "came 1 times"),
            (&[acknowledged("d"), stranger.clone(), delivered(1, 0)], "several workspaces"),
            (&[acknowledged("d"), stranger, delivered(1, 0)], "several events"),
            (&[received(1, "d", true), delivered(4, 3)], "3 are allowed"),
            (&[Fact::Pending(2)], "2 deliveries are owed"),
            (&[acknowledged("d"), acknowledged("c")], "e was accepted twice"),
            (&[received(1, "d", true), delivered(1, 0), delivered(1, 0)], "twice"),
            (
                &[
                    received(1, "a", true),
                    received(1, "b", true),
                    crashed(1),
                    received(2, "a", true),
                    received(2, "b", true),
                    recorded("a", End::Delivered, 2, 1),
                    recorded("b", End::Delivered, 2, 1),
                ],
                "at most 1 were under way",
            ),
        ];
        for (facts, why) in bad {
            assert!(broken(facts).contains(why), "{facts:?}: {}", broken(facts));
        }
    }
}
