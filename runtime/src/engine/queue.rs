//! A queue per connection, fair between workspaces, then between connections.
//!
//! The scarce thing is attempts under way, not work. A receiver that hangs holds its attempts for as long
//! as their timeout, so turns are paid by that time, and every level has its cap: the connection, the
//! workspace while anybody else waits, and a share of the node that only those may use who have nothing
//! under way.

use std::collections::HashMap;

use super::breaker::Breaker;
use super::pace::Pace;
use super::pending::{Pending, Ranks};
use super::slab::{Key, Slab};
use super::turns::{Credit, Turn, Turns};
use super::{Caps, Millis};
use crate::id::{ConnectionId, WorkspaceId};

/// One in so many attempts is kept for workspaces that have none under way.
pub const RESERVE_SHARE: u32 = 20;

/// What a workspace may spend in one round: a start costs 1 and 1 for each 4 KiB, and its end 1 for each
/// [`SLOT_TIME`] that it took.
const WORKSPACE_QUANTUM: i64 = 8;

/// Milliseconds of an attempt that cost as much as a start.
const SLOT_TIME: Millis = 25;

/// All queues of a node.
pub struct Queues {
    workspaces: Slab<Workspace>,
    connections: Slab<Connection>,
    by_workspace: HashMap<WorkspaceId, u32>,
    by_connection: HashMap<(WorkspaceId, ConnectionId), u32>,
    /// Workspaces that may have something to send.
    turns: Turns,
    /// How many of those have nothing under way.
    quiet: usize,
    in_flight: u32,
    caps: Caps,
}

struct Workspace {
    /// Connections that may have something to send.
    turns: Turns,
    credit: Credit,
    /// It is in [`Queues::turns`].
    listed: bool,
    in_flight: u32,
    connections: u32,
}

/// One connection's deliveries that could go now.
pub struct Connection {
    workspace: u32,
    /// The workspace's id.
    pub workspace_id: WorkspaceId,
    /// Its own id.
    pub id: ConnectionId,
    ready: Ranks,
    credit: Credit,
    /// It is in its workspace's list.
    listed: bool,
    /// Attempts under way.
    pub in_flight: u32,
    /// Deliveries that are not settled, wherever they are.
    pub pending: u32,
    /// Nothing is sent before.
    pub blocked_until: Millis,
    /// Whether its receiver is worth calling.
    pub breaker: Breaker,
    /// How many attempts its receiver can take at once.
    pub pace: Pace,
}

/// A delivery whose turn it is, and whose turns it takes.
#[derive(Clone, Copy, Debug)]
pub struct Picked {
    /// The delivery.
    pub index: u32,
    connection: u32,
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
            turns: Turns::default(),
            quiet: 0,
            in_flight: 0,
            caps,
        }
    }

    /// Attempts under way.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// What may be under way at once.
    #[must_use]
    pub fn caps(&self) -> Caps {
        self.caps
    }

    /// A connection's queue.
    #[must_use]
    pub fn connection(&self, connection: u32) -> Option<&Connection> {
        self.connections.at(connection)
    }

    /// A connection's queue, to change.
    pub fn connection_mut(&mut self, connection: u32) -> Option<&mut Connection> {
        self.connections.at_mut(connection)
    }

    /// A connection's number.
    #[must_use]
    pub fn find(&self, workspace: &WorkspaceId, connection: &ConnectionId) -> Option<u32> {
        self.by_connection.get(&(workspace.clone(), connection.clone())).copied()
    }

    /// A connection's name, for timers that may outlive it.
    #[must_use]
    pub fn key(&self, connection: u32) -> Option<Key> {
        self.connections.key_at(connection)
    }

    /// Counts a delivery in; its connection's queue is made when it is the first.
    pub fn join(&mut self, workspace: &WorkspaceId, connection: &ConnectionId) -> u32 {
        let name = (workspace.clone(), connection.clone());
        let number = match self.by_connection.get(&name) {
            Some(number) => *number,
            None => {
                let owner = *self
                    .by_workspace
                    .entry(workspace.clone())
                    .or_insert_with(|| self.workspaces.insert(Workspace::new()).index());
                if let Some(owner) = self.workspaces.at_mut(owner) {
                    owner.connections += 1;
                }
                let made = Connection::new(owner, workspace, connection);
                let number = self.connections.insert(made).index();
                self.by_connection.insert(name, number);
                number
            }
        };
        if let Some(connection) = self.connections.at_mut(number) {
            connection.pending += 1;
        }
        number
    }

    /// Counts a delivery in whose connection's number is known because something of it is pending.
    pub fn join_again(&mut self, number: u32) {
        if let Some(connection) = self.connections.at_mut(number) {
            connection.pending += 1;
        }
    }

    /// Counts a settled delivery out. A queue without any goes, once it is not blocked any more.
    pub fn leave(&mut self, connection: u32, now: Millis) {
        let Some(queue) = self.connections.at_mut(connection) else { return };
        queue.pending -= 1;
        self.sweep(connection, now);
    }

    /// The time for which a connection was blocked is over.
    pub fn unblock(&mut self, key: Key, now: Millis) {
        if self.connections.get(key).is_some() {
            self.list(key.index(), now);
            self.sweep(key.index(), now);
        }
    }

    fn sweep(&mut self, number: u32, now: Millis) {
        let Some(connection) = self.connections.at(number) else { return };
        if connection.pending > 0 || connection.blocked_until > now {
            return;
        }
        let owner = connection.workspace;
        // It must not stand in a list when its number goes to another one.
        if connection.listed
            && let Some(workspace) = self.workspaces.at_mut(owner)
        {
            let place = workspace.turns.iter().find(|(_, who)| *who == number);
            if let Some((turn, _)) = place {
                workspace.turns.leave(turn, &mut Credit::new(0));
            }
        }
        let Some(connection) = self.connections.remove(number) else { return };
        self.by_connection.remove(&(connection.workspace_id.clone(), connection.id));
        let Some(workspace) = self.workspaces.at_mut(owner) else { return };
        workspace.connections -= 1;
        if workspace.connections > 0 {
            return;
        }
        if workspace.listed {
            self.quiet -= usize::from(workspace.in_flight == 0);
            let place = self.turns.iter().find(|(_, who)| *who == owner);
            if let Some((turn, _)) = place {
                self.turns.leave(turn, &mut Credit::new(0));
            }
        }
        self.workspaces.remove(owner);
        self.by_workspace.remove(&connection.workspace_id);
    }

    /// Puts a delivery of that weight into its connection's queue. While the receiver is down, even those
    /// that should go first go last, so that the few probes are spread over all that waits.
    pub fn enqueue(&mut self, table: &mut Slab<Pending>, index: u32, weight: u8, first: bool, now: Millis) {
        let Some(connection) = table.at(index).map(|entry| entry.connection) else { return };
        if let Some(queue) = self.connections.at_mut(connection) {
            let first = first && queue.breaker.is_closed();
            queue.ready.push(table, index, weight, first);
        }
        self.list(connection, now);
    }

    /// Takes a delivery of that weight out of its connection's queue.
    pub fn unlink(&mut self, table: &mut Slab<Pending>, index: u32, weight: u8) {
        let Some(connection) = table.at(index).map(|entry| entry.connection) else { return };
        if let Some(queue) = self.connections.at_mut(connection) {
            queue.ready.unlink(table, index, weight);
        }
    }

    /// Sends nothing to a connection before that time. Returns whether the time is a new one.
    pub fn block(&mut self, connection: u32, until: Millis) -> bool {
        let Some(queue) = self.connections.at_mut(connection) else { return false };
        let later = until > queue.blocked_until;
        queue.blocked_until = queue.blocked_until.max(until);
        later
    }

    /// Gives a connection a turn if it has something to send and may.
    pub fn list(&mut self, connection: u32, now: Millis) {
        let Some(queue) = self.connections.at_mut(connection) else { return };
        if queue.listed || !queue.is_ready(now, self.caps) {
            return;
        }
        queue.listed = true;
        let owner = queue.workspace;
        let Some(workspace) = self.workspaces.at_mut(owner) else { return };
        workspace.turns.join(connection, &mut queue.credit, i64::from(queue.ready.weight()));
        if !std::mem::replace(&mut workspace.listed, true) {
            self.turns.join(owner, &mut workspace.credit, WORKSPACE_QUANTUM);
            self.quiet += usize::from(workspace.in_flight == 0);
        }
    }

    /// Takes the delivery whose turn it is out of its queue. It is not under way before [`Self::started`].
    pub fn pick(&mut self, table: &mut Slab<Pending>, now: Millis) -> Option<Picked> {
        let connection = self.next_connection(now)?;
        let queue = self.connections.at_mut(connection)?;
        queue.ready.pop(table).map(|index| Picked { index, connection })
    }

    /// What was picked starts: it counts as under way, and is paid for.
    pub fn started(&mut self, picked: Picked, cost: u16) {
        let Some(connection) = self.connections.at_mut(picked.connection) else { return };
        connection.in_flight += 1;
        connection.credit.pay(i64::from(cost));
        self.in_flight += 1;
        let Some(workspace) = self.workspaces.at_mut(connection.workspace) else { return };
        if workspace.in_flight == 0 && workspace.listed {
            self.quiet -= 1;
        }
        workspace.in_flight += 1;
        workspace.credit.pay(i64::from(cost));
    }

    /// What was started is over after so long, which is paid for, too.
    pub fn release(&mut self, connection: u32, took: Millis, now: Millis) {
        let cost = took.max(0) / SLOT_TIME;
        self.in_flight -= 1;
        if let Some(queue) = self.connections.at_mut(connection) {
            queue.in_flight -= 1;
            queue.credit.pay(cost);
            if let Some(workspace) = self.workspaces.at_mut(queue.workspace) {
                workspace.in_flight -= 1;
                workspace.credit.pay(cost);
                self.quiet += usize::from(workspace.in_flight == 0 && workspace.listed);
            }
        }
        self.list(connection, now);
    }

    /// The connection whose turn it is.
    fn next_connection(&mut self, now: Millis) -> Option<u32> {
        let free = self.caps.in_flight_max.saturating_sub(self.in_flight);
        if free == 0 {
            return None;
        }
        let reserved = free <= self.caps.in_flight_max / RESERVE_SHARE;
        loop {
            if reserved && self.quiet == 0 {
                return None;
            }
            let (turn, owner) = self.next_workspace(reserved)?;
            let workspace = self.workspaces.at_mut(owner)?;
            if !workspace.credit.is_positive() {
                self.turns.put_off(turn, owner, &mut workspace.credit, WORKSPACE_QUANTUM);
                continue;
            }
            match turn_in(workspace, &mut self.connections, now, self.caps) {
                Some(connection) => {
                    self.turns.serve(turn);
                    return Some(connection);
                }
                None => {
                    workspace.listed = false;
                    self.quiet -= usize::from(workspace.in_flight == 0);
                    self.turns.leave(turn, &mut workspace.credit);
                }
            }
        }
    }

    /// The first workspace that its caps let go. Those that are passed over have attempts under way, so
    /// there are never more of them than attempts.
    fn next_workspace(&self, reserved: bool) -> Option<(Turn, u32)> {
        let half = (self.caps.in_flight_max / 2).max(1);
        let others_wait = self.turns.len() > 1;
        self.turns.iter().find(|(_, owner)| {
            self.workspaces.at(*owner).is_some_and(|workspace| {
                let over_half = workspace.in_flight >= half && others_wait;
                let not_quiet = reserved && workspace.in_flight > 0;
                !(over_half || not_quiet)
            })
        })
    }

    /// How many workspaces have a queue.
    #[must_use]
    pub fn workspaces(&self) -> usize {
        self.by_workspace.len()
    }
}

/// The connection whose turn it is within a workspace. Its quantum is the weight of what waits.
fn turn_in(
    workspace: &mut Workspace,
    connections: &mut Slab<Connection>,
    now: Millis,
    caps: Caps,
) -> Option<u32> {
    while let Some((turn, number)) = workspace.turns.first() {
        let connection = connections.at_mut(number)?;
        if !connection.is_ready(now, caps) {
            connection.listed = false;
            workspace.turns.leave(turn, &mut connection.credit);
        } else if !connection.credit.is_positive() {
            let quantum = i64::from(connection.ready.weight());
            workspace.turns.put_off(turn, number, &mut connection.credit, quantum);
        } else {
            workspace.turns.serve(turn);
            return Some(number);
        }
    }
    None
}

impl Workspace {
    fn new() -> Self {
        Self {
            turns: Turns::default(),
            credit: Credit::new(WORKSPACE_QUANTUM),
            listed: false,
            in_flight: 0,
            connections: 0,
        }
    }
}

impl Connection {
    fn new(workspace: u32, workspace_id: &WorkspaceId, id: &ConnectionId) -> Self {
        Self {
            workspace,
            workspace_id: workspace_id.clone(),
            id: id.clone(),
            ready: Ranks::default(),
            credit: Credit::new(1),
            listed: false,
            in_flight: 0,
            pending: 0,
            blocked_until: Millis::MIN,
            breaker: Breaker::default(),
            pace: Pace::default(),
        }
    }

    /// How many attempts may be under way at once now.
    #[must_use]
    pub fn allowed(&self, now: Millis, caps: Caps) -> u32 {
        self.pace.limit(caps.connection_in_flight_max).min(self.breaker.allowed(now))
    }

    fn is_ready(&self, now: Millis, caps: Caps) -> bool {
        !self.ready.is_empty() && now >= self.blocked_until && self.in_flight < self.allowed(now, caps)
    }
}
