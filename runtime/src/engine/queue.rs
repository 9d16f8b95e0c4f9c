//! Whose turn it is: a queue per connection, fair between workspaces, then between connections.
//!
//! The scarce thing is attempts under way, not work. A receiver that hangs holds its attempts for as long
//! as their timeout, so every level has its cap: the connection, the workspace while anybody else waits,
//! and a share of the node that only those may use who have nothing under way.

use std::collections::{HashMap, VecDeque};

use super::breaker::Breaker;
use super::pending::{List, Pending};
use super::slab::{Key, Slab};
use super::{Caps, Millis};
use crate::id::{ConnectionId, WorkspaceId};

/// The weights of low, normal and high priority.
const WEIGHTS: [i32; 3] = [1, 4, 16];

/// One in so many attempts is kept for workspaces that have none under way.
const RESERVE_SHARE: u32 = 20;

/// All queues of a node.
pub struct Queues {
    workspaces: Slab<WorkspaceQueue>,
    connections: Slab<ConnectionQueue>,
    by_workspace: HashMap<WorkspaceId, Key>,
    by_connection: HashMap<(WorkspaceId, ConnectionId), Key>,
    /// Workspaces that may have something to send, in the order of their turns.
    ready: VecDeque<Key>,
    in_flight: u32,
    caps: Caps,
}

struct WorkspaceQueue {
    id: WorkspaceId,
    /// Connections that may have something to send, in the order of their turns.
    ready: VecDeque<Key>,
    /// It is in [`Queues::ready`].
    listed: bool,
    in_flight: u32,
    connections: u32,
}

/// One connection's deliveries that could go now.
pub struct ConnectionQueue {
    workspace: Key,
    /// The workspace's id.
    pub workspace_id: WorkspaceId,
    /// Its own id.
    pub id: ConnectionId,
    /// One list a priority, in the order of [`WEIGHTS`].
    lists: [List; 3],
    /// Smooth weighted round robin between the lists: each turn adds the weights, the highest goes.
    turns: [i32; 3],
    /// What is left of its turn among its workspace's connections.
    credit: i32,
    /// It is in its workspace's list.
    listed: bool,
    in_flight: u32,
    /// Deliveries that are not settled, wherever they are.
    pending: u32,
    /// Nothing is sent before.
    blocked_until: Millis,
    /// Whether its receiver is worth calling.
    pub breaker: Breaker,
}

impl Queues {
    /// Empty queues.
    #[must_use]
    pub fn new(caps: Caps) -> Self {
        Self {
            workspaces: Slab::default(),
            connections: Slab::default(),
            by_workspace: HashMap::new(),
            by_connection: HashMap::new(),
            ready: VecDeque::new(),
            in_flight: 0,
            caps,
        }
    }

    /// Attempts under way.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// A connection's queue.
    #[must_use]
    pub fn connection(&self, key: Key) -> Option<&ConnectionQueue> {
        self.connections.get(key)
    }

    /// A connection's breaker.
    pub fn breaker(&mut self, key: Key) -> Option<&mut Breaker> {
        self.connections.get_mut(key).map(|connection| &mut connection.breaker)
    }

    /// Counts a delivery in; its connection's queue is made when it is the first.
    pub fn join(&mut self, workspace: &WorkspaceId, connection: &ConnectionId) -> Key {
        let name = (workspace.clone(), connection.clone());
        let key = match self.by_connection.get(&name) {
            Some(key) => *key,
            None => {
                let owner = *self.by_workspace.entry(workspace.clone()).or_insert_with(|| {
                    self.workspaces.insert(WorkspaceQueue {
                        id: workspace.clone(),
                        ready: VecDeque::new(),
                        listed: false,
                        in_flight: 0,
                        connections: 0,
                    })
                });
                if let Some(owner) = self.workspaces.get_mut(owner) {
                    owner.connections += 1;
                }
                let key = self.connections.insert(ConnectionQueue::new(owner, workspace, connection));
                self.by_connection.insert(name, key);
                key
            }
        };
        if let Some(connection) = self.connections.get_mut(key) {
            connection.pending += 1;
        }
        key
    }

    /// Counts a settled delivery out. A queue without any goes, once it is not blocked any more.
    pub fn leave(&mut self, key: Key, now: Millis) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.pending -= 1;
        self.sweep(key, now);
    }

    /// The time for which a connection was blocked is over.
    pub fn unblock(&mut self, key: Key, now: Millis) {
        self.list(key, now);
        self.sweep(key, now);
    }

    fn sweep(&mut self, key: Key, now: Millis) {
        let Some(connection) = self.connections.get(key) else { return };
        if connection.pending > 0 || connection.blocked_until > now {
            return;
        }
        let Some(connection) = self.connections.remove(key) else { return };
        self.by_connection.remove(&(connection.workspace_id.clone(), connection.id));
        if let Some(owner) = self.workspaces.get_mut(connection.workspace) {
            owner.connections -= 1;
            if owner.connections == 0 {
                self.workspaces.remove(connection.workspace);
                self.by_workspace.remove(&connection.workspace_id);
            }
        }
    }

    /// Puts a delivery into its connection's queue: new ones last, those that come back first. While the
    /// receiver is down, those go last, too, so that the few probes are spread over all that waits.
    pub fn enqueue(&mut self, table: &mut Slab<Pending>, key: Key, comes_back: bool, now: Millis) {
        let Some((connection, list)) =
            table.get(key).map(|entry| (entry.connection, list_of(entry.policy.weight)))
        else {
            return;
        };
        if let Some(queue) = self.connections.get_mut(connection)
            && let Some(list) = queue.lists.get_mut(list)
        {
            let first = comes_back && queue.breaker.is_closed();
            if first { list.push_front(table, key) } else { list.push_back(table, key) }
        }
        self.list(connection, now);
    }

    /// Takes a delivery out of its connection's queue.
    pub fn unlink(&mut self, table: &mut Slab<Pending>, key: Key) {
        let Some((connection, list)) =
            table.get(key).map(|entry| (entry.connection, list_of(entry.policy.weight)))
        else {
            return;
        };
        if let Some(list) = self.connections.get_mut(connection).and_then(|queue| queue.lists.get_mut(list)) {
            list.unlink(table, key);
        }
    }

    /// Sends nothing to a connection before that time. Returns whether the time is a new one.
    pub fn block(&mut self, key: Key, until: Millis) -> bool {
        let Some(connection) = self.connections.get_mut(key) else { return false };
        let later = until > connection.blocked_until;
        connection.blocked_until = connection.blocked_until.max(until);
        later
    }

    /// Gives a connection a turn if it has something to send and may.
    pub fn list(&mut self, key: Key, now: Millis) {
        let cap = self.caps.connection_in_flight_max;
        let Some(connection) = self.connections.get_mut(key) else { return };
        if connection.listed || !connection.is_ready(now, cap) {
            return;
        }
        connection.listed = true;
        let owner = connection.workspace;
        if let Some(workspace) = self.workspaces.get_mut(owner) {
            workspace.ready.push_back(key);
            if !std::mem::replace(&mut workspace.listed, true) {
                self.ready.push_back(owner);
            }
        }
    }

    /// Takes the delivery whose turn it is and counts it as under way.
    pub fn pick(&mut self, table: &mut Slab<Pending>, now: Millis) -> Option<Key> {
        let connection = self.next_connection(now)?;
        let queue = self.connections.get_mut(connection)?;
        let key = queue.pop(table)?;
        queue.in_flight += 1;
        self.in_flight += 1;
        if let Some(workspace) = self.workspaces.get_mut(queue.workspace) {
            workspace.in_flight += 1;
        }
        Some(key)
    }

    /// An attempt is over, or was none.
    pub fn release(&mut self, key: Key, now: Millis) {
        self.in_flight -= 1;
        if let Some(connection) = self.connections.get_mut(key) {
            connection.in_flight -= 1;
            if let Some(workspace) = self.workspaces.get_mut(connection.workspace) {
                workspace.in_flight -= 1;
            }
        }
        self.list(key, now);
    }

    /// The connection whose turn it is.
    fn next_connection(&mut self, now: Millis) -> Option<Key> {
        let free = self.caps.in_flight_max.saturating_sub(self.in_flight);
        if free == 0 {
            return None;
        }
        // Twice around: whom the first round passes over in favour of others may find that they had nothing.
        let mut turns = self.ready.len() * 2;
        while turns > 0 {
            turns -= 1;
            let owner = self.ready.pop_front()?;
            let others_wait = !self.ready.is_empty();
            let Some(workspace) = self.workspaces.get_mut(owner) else { continue };
            let half = (self.caps.in_flight_max / 2).max(1);
            let over_half = workspace.in_flight >= half && others_wait;
            let reserved = free <= self.caps.in_flight_max / RESERVE_SHARE && workspace.in_flight > 0;
            if over_half || reserved {
                self.ready.push_back(owner);
                continue;
            }
            if let Some(connection) =
                turn(workspace, &mut self.connections, now, self.caps.connection_in_flight_max)
            {
                self.ready.push_back(owner);
                return Some(connection);
            }
            workspace.listed = false;
        }
        None
    }

    /// The workspaces with a queue, for tests and status.
    #[must_use]
    pub fn workspaces(&self) -> usize {
        debug_assert!(
            self.by_workspace.iter().all(|(id, key)| self.workspaces.get(*key).is_some_and(|w| w.id == *id))
        );
        self.by_workspace.len()
    }
}

/// The connection whose turn it is within a workspace: as many deliveries a turn as its best priority weighs.
fn turn(
    workspace: &mut WorkspaceQueue,
    connections: &mut Slab<ConnectionQueue>,
    now: Millis,
    cap: u32,
) -> Option<Key> {
    while let Some(key) = workspace.ready.pop_front() {
        let Some(connection) = connections.get_mut(key) else { continue };
        if !connection.is_ready(now, cap) {
            connection.listed = false;
            connection.credit = 0;
            continue;
        }
        if connection.credit <= 0 {
            connection.credit = connection.weight();
        }
        connection.credit -= 1;
        if connection.credit > 0 {
            workspace.ready.push_front(key);
        } else {
            workspace.ready.push_back(key);
        }
        return Some(key);
    }
    None
}

impl ConnectionQueue {
    fn new(workspace: Key, workspace_id: &WorkspaceId, id: &ConnectionId) -> Self {
        Self {
            workspace,
            workspace_id: workspace_id.clone(),
            id: id.clone(),
            lists: [List::default(); 3],
            turns: [0; 3],
            credit: 0,
            listed: false,
            in_flight: 0,
            pending: 0,
            blocked_until: Millis::MIN,
            breaker: Breaker::default(),
        }
    }

    fn is_ready(&self, now: Millis, cap: u32) -> bool {
        self.lists.iter().any(|list| !list.is_empty())
            && now >= self.blocked_until
            && self.in_flight < cap.min(self.breaker.allowed(now))
    }

    /// The weight of the best priority that waits.
    fn weight(&self) -> i32 {
        let waiting = WEIGHTS.iter().zip(&self.lists).filter(|(_, list)| !list.is_empty());
        waiting.map(|(weight, _)| *weight).max().unwrap_or(1)
    }

    /// Takes the next delivery out: by weight between priorities, in order within one.
    fn pop(&mut self, table: &mut Slab<Pending>) -> Option<Key> {
        let mut total = 0;
        let mut best: Option<(&mut i32, &mut List)> = None;
        for ((list, turn), weight) in self.lists.iter_mut().zip(&mut self.turns).zip(WEIGHTS) {
            if list.is_empty() {
                continue;
            }
            *turn += weight;
            total += weight;
            if best.as_ref().is_none_or(|(highest, _)| *turn >= **highest) {
                best = Some((turn, list));
            }
        }
        let (turn, list) = best?;
        *turn -= total;
        list.pop_front(table)
    }
}

fn list_of(weight: u8) -> usize {
    match weight {
        0..=1 => 0,
        2..=4 => 1,
        5.. => 2,
    }
}
