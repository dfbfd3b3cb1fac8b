import type { Revision } from './suite.ts'

/**
 * Scenarios that come out otherwise through the gateway than directly, and why. Each stands here until it does not: the
 * test fails for one that is missing here, and for one that is here and does not differ any more.
 */
export const DIFFERING: Readonly<Record<Revision, Readonly<Record<string, string>>>> = {
  '2026-07-28': {
    'input-required-result-basic-elicitation': 'no rounds yet: nothing asks for input',
    'input-required-result-basic-list-roots': 'no rounds yet: nothing asks for input',
    'input-required-result-basic-sampling': 'no rounds yet: nothing asks for input',
    'input-required-result-capability-check': 'no rounds yet: nothing asks for input',
    'input-required-result-ignore-extra-params': 'no rounds yet: nothing asks for input',
    'input-required-result-missing-input-response': 'no rounds yet: nothing asks for input',
    'input-required-result-multi-round': 'no rounds yet: nothing asks for input',
    'input-required-result-multiple-input-requests': 'no rounds yet: nothing asks for input',
    'input-required-result-non-tool-request': 'no rounds yet: nothing asks for input',
    'input-required-result-request-state': 'no rounds yet: nothing asks for input',
    'input-required-result-result-type': 'no rounds yet: nothing asks for input',
    'input-required-result-tampered-state': 'no rounds yet: nothing asks for input',
    'server-stateless': 'no rounds yet: nothing asks for input',
  },
  '2025-11-25': {
    // Where nothing is said before the answer, the SDK of the fixture answers with a stream of one message, and the gateway
    // with JSON. The revision allows both, the suite says so too (INFO), and JSON is what costs less.
    'server-sse-multiple-streams': 'what is answered in one piece is JSON, not a stream',
    'server-sse-polling': 'what is answered in one piece is JSON, not a stream, so there is none to go on with',
  },
}

/** The tasks extension, which the SDK that the fixture is made with does not have: its scenarios fail directly too. */
export const EXTENSION = /^tasks-/
