import type { Guardrail } from './guardrail.ts'
import { invisibleText } from './invisible_text.ts'
import { pii } from './pii.ts'
import { promptInjection } from './prompt_injection.ts'
import { secrets } from './secrets.ts'

/** Every guardrail there is. A new one is a file beside this one and a line here. */
export const guardrails: readonly Guardrail[] = [promptInjection, secrets, pii, invisibleText]
