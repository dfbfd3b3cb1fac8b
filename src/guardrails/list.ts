import { exfiltration } from './exfiltration.ts'
import type { Guardrail, Kind } from './guardrail.ts'
import { harmful } from './harmful.ts'
import { invisibleText } from './invisible_text.ts'
import { jailbreak } from './jailbreak.ts'
import { pii } from './pii.ts'
import { promptInjection } from './prompt_injection.ts'
import { canaries } from './kinds/canary.ts'
import { httpClassifiers } from './kinds/http.ts'
import { onnxClassifiers } from './kinds/onnx.ts'
import { fingerprints } from './kinds/fingerprints.ts'
import { rubrics } from './kinds/rubric.ts'
import { patterns } from './kinds/pattern.ts'
import { topicRails } from './kinds/topics.ts'
import { secrets } from './secrets.ts'
import { spotlight } from './spotlight.ts'
import { toxicity } from './toxicity.ts'
import { unsafeOutput } from './unsafe_output.ts'

/** Every guardrail there is. A new one is a file beside this one and a line here. */
export const guardrails: readonly Guardrail[] = [promptInjection, secrets, pii, invisibleText, jailbreak, harmful, toxicity, exfiltration, unsafeOutput, spotlight]

/** Guardrails that an entry of the settings makes, with a name and keys of its own. */
export const kinds: readonly Kind[] = [topicRails, rubrics, fingerprints, canaries, onnxClassifiers, httpClassifiers, patterns]
