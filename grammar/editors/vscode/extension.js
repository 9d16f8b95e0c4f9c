// Starts `fanwise lsp` and connects it with the editor. Everything else is in the language server.

'use strict';

const vscode = require('vscode');
const { LanguageClient, TransportKind } = require('vscode-languageclient/node');

/** @type {LanguageClient | undefined} */
let client;

/** @returns {LanguageClient} */
function makeClient() {
  const command = vscode.workspace.getConfiguration('fanwise').get('server.path', 'fanwise');
  const run = { command, args: ['lsp'], transport: TransportKind.stdio };
  return new LanguageClient(
    'fanwise',
    'Fanwise',
    { run, debug: run },
    {
      documentSelector: [{ scheme: 'file', language: 'fanwise' }],
      // A bundle is rule files with the schemas, fixtures and lists beside them.
      synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher('**/*.{route,json,csv}') },
    },
  );
}

async function start() {
  client = makeClient();
  try {
    await client.start();
  } catch (error) {
    const open = 'Open settings';
    const answer = await vscode.window.showErrorMessage(
      `The Fanwise language server did not start: ${error.message ?? error}. ` +
        'Install `fanwise`, or set `fanwise.server.path`.',
      open,
    );
    if (answer === open) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'fanwise.server.path');
    }
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop().catch(() => {});
}

/** @param {vscode.ExtensionContext} context */
async function activate(context) {
  const restart = async () => {
    await stop();
    await start();
  };
  context.subscriptions.push(
    vscode.commands.registerCommand('fanwise.restart', restart),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('fanwise.server.path')) return restart();
    }),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
