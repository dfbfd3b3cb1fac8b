import * as z from 'zod'

const domain = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)+[A-Za-z]{2,63}$/, 'a domain, such as example.com')

/** `flow:` as people write it. */
export const flowSchema = z
  .strictObject({
    mode: z
      .enum(['shadow', 'enforce'])
      .optional()
      .describe('shadow: what would be held or denied is in the receipts and nothing follows from it. enforce: it is held, and restricted data does not leave. Default: enforce under posture strict, else shadow.'),
    provenance: z
      .enum(['role', 'attested'])
      .optional()
      .describe('Which user and system turns count as the words of people. role: what has the role, for an application that writes its own turns. attested: only a registered system prompt, a turn with a user token, and the first turn of a task; for agents. Default: role.'),
    system_prompts: z.array(z.string().regex(/^[0-9a-f]{64}$/, 'the SHA-256 of a text, in 64 hexadecimal digits')).max(1024).optional().describe('Registered system prompts, each by the SHA-256 of its text (UTF-8, nothing before or behind it). Where provenance is attested, other system prompts are not trusted.'),
    own_domains: z.array(domain).max(256).optional().describe('Domains of the organisation: addresses and hosts there are no strangers. Default: the domains of e-mail addresses in system prompts, public mail providers left out.'),
    own_ids: z.array(z.string().min(2).max(256)).max(4096).optional().describe('Account numbers, channels, repositories and other ids of the organisation: they count as trusted.'),
    named_recipients: z.boolean().optional().describe('Whether an address counts as trusted that is spelled like a name in the user\'s own words (Erika Muster: erika.muster@…) and that untrusted text gives as a whole field only, never within prose; likewise the id of the one record that has the name. Default: true.'),
    fenced: z.boolean().optional().describe('Whether what stands between marks such as <document> and </document> in a user turn counts as untrusted. Default: true.'),
    rule_of_two: z.boolean().optional().describe('Whether a session that has read untrusted content and confidential data (sensitivity 2 and above) is held at everything that changes something or leaves, whatever its arguments. Default: true.'),
  })
  .describe('Sessions and flow: what is trusted, and where data may go after untrusted content was read.')

export type WrittenFlow = z.input<typeof flowSchema>

export interface FlowSettings {
  /** Absent = as the posture has it. */
  readonly mode?: 'shadow' | 'enforce'
  /** SHA-256 in hexadecimal. */
  readonly systemPrompts: ReadonlySet<string>
  readonly provenance: 'role' | 'attested'
  /** Lower case; absent = those of e-mail addresses in operator text. */
  readonly ownDomains?: readonly string[]
  readonly ownIds: readonly string[]
  readonly namedRecipients: boolean
  readonly fenced: boolean
  readonly ruleOfTwo: boolean
}

/** Every default filled in. */
export function settleFlow(written: WrittenFlow = {}): FlowSettings {
  const { mode, provenance = 'role', system_prompts = [], own_domains, own_ids = [], named_recipients = true, fenced = true, rule_of_two = true } = written
  return Object.freeze({
    ...(mode !== undefined && { mode }),
    provenance,
    systemPrompts: new Set(system_prompts),
    ...(own_domains !== undefined && { ownDomains: Object.freeze(own_domains.map((one) => one.toLowerCase())) }),
    ownIds: Object.freeze([...own_ids]),
    namedRecipients: named_recipients,
    fenced,
    ruleOfTwo: rule_of_two,
  })
}
