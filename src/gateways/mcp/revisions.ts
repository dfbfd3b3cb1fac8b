/** The revision without sessions: each request says for itself who speaks, and in which revision. */
export const MODERN = '2026-07-28'
/** Revisions with sessions that callers may speak; older ones promise batches. The first is offered to all others. */
export const SESSION_REVISIONS = ['2025-11-25', '2025-06-18'] as const
/** The revision that is offered to servers, and those that they may answer with: batches are never sent. */
export const OFFERED = '2025-11-25'
export const UPSTREAM_REVISIONS: ReadonlySet<string> = new Set(['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'])
/** Where a server's name and version stand in what the revision without sessions answers. */
export const SERVER_INFO = 'io.modelcontextprotocol/serverInfo'
/** What each request of that revision says of itself, in `_meta`. */
export const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion'
export const CLIENT_INFO = 'io.modelcontextprotocol/clientInfo'
export const CLIENT_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities'
export const LOG_LEVEL = 'io.modelcontextprotocol/logLevel'
/** Which `subscriptions/listen` a notification belongs to, in its `_meta`. */
export const TASKS = 'io.modelcontextprotocol/tasks'
export const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId'
