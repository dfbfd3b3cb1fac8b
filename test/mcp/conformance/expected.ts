import type { Revision } from './suite.ts'

/**
 * Scenarios that come out otherwise through the gateway than directly, and why. Each stands here until it does not: the
 * test fails for one that is missing here, and for one that is here and does not differ any more.
 */
export const DIFFERING: Readonly<Record<Revision, Readonly<Record<string, string>>>> = {
  '2026-07-28': {
    caching: 'only tools are listed',
    'completion-complete': 'no completions',
    'http-custom-header-server-validation': 'Mcp-Param headers are not compared with arguments',
    'input-required-result-basic-elicitation': 'nothing asks for input',
    'input-required-result-basic-list-roots': 'nothing asks for input',
    'input-required-result-basic-sampling': 'nothing asks for input',
    'input-required-result-capability-check': 'nothing asks for input',
    'input-required-result-ignore-extra-params': 'nothing asks for input',
    'input-required-result-missing-input-response': 'nothing asks for input',
    'input-required-result-multi-round': 'nothing asks for input',
    'input-required-result-multiple-input-requests': 'nothing asks for input',
    'input-required-result-non-tool-request': 'nothing asks for input',
    'input-required-result-request-state': 'nothing asks for input',
    'input-required-result-result-type': 'nothing asks for input',
    'input-required-result-tampered-state': 'nothing asks for input',
    'prompts-get-embedded-resource': 'no prompts',
    'prompts-get-simple': 'no prompts',
    'prompts-get-with-args': 'no prompts',
    'prompts-get-with-image': 'no prompts',
    'prompts-list': 'no prompts',
    'resources-list': 'no resources',
    'resources-read-binary': 'no resources',
    'resources-read-text': 'no resources',
    'resources-templates-read': 'no resources',
    'sep-2164-resource-not-found': 'no resources',
    'server-stateless': 'no subscriptions; clientInfo is asked for',
    'tools-call-with-progress': 'no progress',
  },
  '2025-11-25': {
    'completion-complete': 'no completions',
    'elicitation-sep1034-defaults': 'nobody is asked',
    'elicitation-sep1330-enums': 'nobody is asked',
    'logging-set-level': 'no logging',
    'prompts-get-embedded-resource': 'no prompts',
    'prompts-get-simple': 'no prompts',
    'prompts-get-with-args': 'no prompts',
    'prompts-get-with-image': 'no prompts',
    'prompts-list': 'no prompts',
    'resources-list': 'no resources',
    'resources-read-binary': 'no resources',
    'resources-read-text': 'no resources',
    'resources-subscribe': 'no resources',
    'resources-templates-read': 'no resources',
    'resources-unsubscribe': 'no resources',
    'server-sse-multiple-streams': 'what is answered in one piece is JSON, not a stream: both are allowed',
    'server-sse-polling': 'what is answered in one piece is JSON, not a stream: both are allowed',
    'tools-call-elicitation': 'nobody is asked',
    'tools-call-sampling': 'nobody is asked',
    'tools-call-with-logging': 'no logging',
    'tools-call-with-progress': 'no progress',
  },
}

/** The tasks extension, which the SDK that the fixture is made with does not have: its scenarios fail directly too. */
export const EXTENSION = /^tasks-/
