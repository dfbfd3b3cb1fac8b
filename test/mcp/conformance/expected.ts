/** Which caller meets which server. */
export type Bridge = '2026-07-28 to the same' | '2025-11-25 to the same' | '2025-11-25 to 2026-07-28' | '2026-07-28 to 2025-11-25'

const NO_TASKS = 'the extension for tasks belongs to 2026-07-28'
const ONE_BY_ONE = 'a server with sessions asks one question after the other, under no name that it chose'
const TOLD_ONCE = 'a server with sessions does not learn what each request could be asked for'

/**
 * Scenarios that come out otherwise through the gateway than directly, and why. Each stands here until it does not: the
 * test fails for one that is missing here, and for one that is here and does not differ any more.
 */
export const DIFFERING: Readonly<Record<Bridge, Readonly<Record<string, string>>>> = {
  '2026-07-28 to the same': {},
  '2025-11-25 to the same': {},
  '2025-11-25 to 2026-07-28': {
    'server-sse-polling': 'a server without sessions has no stream that it may leave and go on with',
  },
  // The server knows nothing of what the scenarios try: it has no tasks, asks one question after the other under no names
  // of its own, and was told once, by the gateway, what its callers can be asked for.
  '2026-07-28 to 2025-11-25': {
    'input-required-result-basic-elicitation': ONE_BY_ONE,
    'input-required-result-capability-check': TOLD_ONCE,
    'input-required-result-ignore-extra-params': ONE_BY_ONE,
    'input-required-result-multiple-input-requests': ONE_BY_ONE,
    'server-stateless': TOLD_ONCE,
    'tasks-capability-negotiation': NO_TASKS,
    'tasks-dispatch-and-envelope': NO_TASKS,
    'tasks-lifecycle': NO_TASKS,
    'tasks-mrtr-composition': NO_TASKS,
    'tasks-mrtr-input': NO_TASKS,
    'tasks-request-headers': NO_TASKS,
    'tasks-request-state-removal': NO_TASKS,
    'tasks-required-task-error': NO_TASKS,
    'tasks-wire-fields': NO_TASKS,
  },
}
