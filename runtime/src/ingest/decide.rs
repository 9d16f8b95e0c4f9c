//! An event and the live revision to what is owed: records for the journal.

use std::sync::Arc;

use compiler::gate::{GateKey, Tally, opening};
use compiler::hir::Priority;
use compiler::route::DeliverySettings;
use jiff::Timestamp;

use super::envelope::Envelope;
use crate::api::fields::invalid_json;
use crate::api::problem::Problem;
use crate::id::{ConnectionId, DeliveryId, EventId};
use crate::model::{DeliveryRecord, EventRecord, Hours, Policy, SkipReason};
use crate::rules::{Decided, Owed};
use crate::workspace::{ConnectionTable, Workspace};

/// Decides an event by the rules that are live, and writes down what is owed.
///
/// # Errors
/// The payload is not JSON all the way through, or the lists that the rules ask cannot be read.
pub fn decide(
    workspace: &Workspace,
    envelope: &Envelope<'_>,
    now: Timestamp,
) -> Result<(EventRecord, Vec<DeliveryRecord>), Problem> {
    let id = envelope.id.as_deref().map_or_else(EventId::fresh, EventId::from_text);
    let live = workspace.live().and_then(|live| Some((live.rules()?, live)));
    let decided = match &live {
        // Without rules nothing reads the payload; the envelope's reading has validated it.
        None => Decided::default(),
        Some((rules, _)) => {
            let lists = workspace.lists_for(rules)?;
            let decided = rules.decide(&envelope.event(id.as_str(), now), &*lists);
            decided.map_err(|error| invalid_json(&error.problem.to_string(), error.offset))?
        }
    };
    let connections = workspace.connections();
    let skip = |reason| move |owed| (owed, reason);
    let owed = decided.deliveries.into_iter().map(skip(None));
    let left_out = decided.sampled_out.into_iter().map(skip(Some(SkipReason::Sampled)));
    let deliveries = owed
        .chain(left_out)
        .map(|(owed, skipped)| owed_record(workspace, &connections, &id, owed, skipped, now))
        .collect();
    let event = EventRecord {
        id,
        workspace: workspace.id.clone(),
        kind: Arc::from(&*envelope.kind),
        resource: envelope.resource.as_deref().map(Arc::from),
        resource_id: envelope.resource_id.as_deref().map(Arc::from),
        time: envelope.time.unwrap_or(now),
        received_at: now,
        revision: live.map(|(_, live)| live.id.clone()),
        rules: decided.rules,
        payload: Arc::from(envelope.payload),
        attributes: None,
        trace_context: None,
    };
    Ok((event, deliveries))
}

/// What is owed, written down as a fresh delivery.
pub(crate) fn owed_record(
    workspace: &Workspace,
    connections: &ConnectionTable,
    event: &EventId,
    owed: Owed,
    skipped: Option<SkipReason>,
    now: Timestamp,
) -> DeliveryRecord {
    // A connection that went meanwhile leaves an id that nothing has: the delivery is given up and says so.
    let connection = connections.named(&owed.connection);
    let connection = connection.map_or_else(|| ConnectionId::from_text("con_gone"), |found| found.id.clone());
    // What has no input is a dead letter at once: it waits for nothing and counts nowhere.
    let settings = owed.settings.as_ref().filter(|_| owed.input.is_ok());
    let due = settings.map_or(Some(now), |settings| opening(settings, now));
    DeliveryRecord {
        id: DeliveryId::fresh(),
        workspace: workspace.id.clone(),
        event: event.clone(),
        rule: owed.rule,
        key: owed.key,
        connection,
        connection_name: owed.connection,
        action: owed.action,
        input: owed.input,
        policy: policy(owed.settings.as_ref(), owed.rate),
        created_at: now,
        due_at: due.unwrap_or(now),
        replay_of: None,
        gated: owed.gated,
        skipped: skipped.or(due.is_none().then_some(SkipReason::OutsideHours)),
    }
}

/// Settings as plain data for the journal. What a limit cut off is never sent, so its policy is the default.
fn policy(settings: Option<&DeliverySettings>, rate: Option<Tally>) -> Policy {
    let default = compiler::hir::Settings::default();
    let retry = settings.map_or(&default.retry, |settings| &settings.retry);
    Policy {
        attempts: retry.attempts,
        first_wait: retry.first_wait,
        longest_wait: retry.longest_wait,
        growth_thousandths: thousandths(retry.growth.mantissa(), retry.growth.scale()).max(1_000),
        jitter_thousandths: thousandths(retry.jitter.mantissa(), retry.jitter.scale()).min(1_000),
        timeout: settings.map_or(default.timeout, |settings| settings.timeout),
        expires: settings.map_or(default.expires, |settings| settings.expires),
        weight: match settings.map_or(default.priority, |settings| settings.priority) {
            Priority::Low => 1,
            Priority::Normal => 4,
            Priority::High => 16,
        },
        idempotency_key: settings.and_then(|settings| settings.idempotency_key.as_deref()).map(Arc::from),
        rate,
        order: settings.and_then(|settings| settings.order_by.as_deref()).map(order),
        hours: settings
            .and_then(|settings| settings.during.as_deref())
            .map(|hours| Arc::new(Hours::of(hours))),
    }
}

/// What a delivery is ordered by, so short that a table of millions can hold it: two keys of a connection
/// that fall together only wait for each other.
fn order(key: &str) -> u64 {
    let bytes = GateKey::new(&["order", key]).bytes();
    bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// An exact number (`mantissa` times ten to the minus `scale`) in thousandths, cut off.
fn thousandths(mantissa: i128, scale: u32) -> u32 {
    let divisor = 10_i128.checked_pow(scale).unwrap_or(i128::MAX);
    let scaled = mantissa.saturating_mul(1_000) / divisor;
    u32::try_from(scaled.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_numbers_become_thousandths() {
        for (mantissa, scale, expected) in
            [(2, 0, 2_000), (20, 2, 200), (15, 1, 1_500), (-1, 0, 0), (1, 28, 0)]
        {
            assert_eq!(thousandths(mantissa, scale), expected);
        }
    }
}
