//! Workspaces, connections and terms of pending deliveries, as small numbers.

use std::collections::HashMap;

use crate::engine::owe::Terms;
use crate::id::{ConnectionId, WorkspaceId};

/// Names and terms, each once.
#[derive(Default)]
pub(crate) struct Tables {
    workspaces: Vec<WorkspaceId>,
    /// Each with the number of its workspace.
    connections: Vec<(u32, ConnectionId)>,
    terms: Vec<Terms>,
    workspace_numbers: HashMap<WorkspaceId, u32>,
    /// By the workspace's number.
    connection_numbers: Vec<HashMap<ConnectionId, u32>>,
    terms_numbers: HashMap<Terms, u32>,
    /// Most deliveries have the terms of the one before.
    last_terms: Option<(Terms, u32)>,
}

fn next<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

impl Tables {
    /// The number of a workspace.
    pub(crate) fn workspace(&mut self, text: &str) -> u32 {
        if let Some(number) = self.workspace_numbers.get(text) {
            return *number;
        }
        let (number, id) = (next(&self.workspaces), WorkspaceId::from_text(text));
        self.workspaces.push(id.clone());
        self.connection_numbers.push(HashMap::new());
        self.workspace_numbers.insert(id, number);
        number
    }

    /// The number of a connection of a workspace.
    pub(crate) fn connection(&mut self, workspace: u32, text: &str) -> u32 {
        let number = next(&self.connections);
        let Some(numbers) = self.connection_numbers.get_mut(workspace as usize) else { return number };
        if let Some(number) = numbers.get(text) {
            return *number;
        }
        let id = ConnectionId::from_text(text);
        self.connections.push((workspace, id.clone()));
        numbers.insert(id, number);
        number
    }

    /// The number of terms.
    pub(crate) fn terms(&mut self, terms: &Terms) -> u32 {
        if let Some((last, number)) = &self.last_terms
            && last == terms
        {
            return *number;
        }
        let number = match self.terms_numbers.get(terms) {
            Some(number) => *number,
            None => {
                let number = next(&self.terms);
                self.terms.push(terms.clone());
                self.terms_numbers.insert(terms.clone(), number);
                number
            }
        };
        self.last_terms = Some((terms.clone(), number));
        number
    }

    /// How many workspaces there are.
    pub(crate) fn workspaces(&self) -> usize {
        self.workspaces.len()
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    pub(crate) fn workspace_of(&self, number: u32) -> Option<&WorkspaceId> {
        self.workspaces.get(number as usize)
    }

    pub(crate) fn connection_of(&self, number: u32) -> Option<&(u32, ConnectionId)> {
        self.connections.get(number as usize)
    }

    pub(crate) fn terms_of(&self, number: u32) -> Option<&Terms> {
        self.terms.get(number as usize)
    }
}
