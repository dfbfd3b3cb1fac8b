import type { PolicyFile } from './read.ts'

/**
 * Loaded before every policy folder and not replaceable by it: policy may narrow what a credential is meant for and
 * never widens it. Listing models stays possible, because the list itself is cut to the credential's scope; so does what
 * a workload does about its own identity, which is no route that anybody could list.
 */
export const BUILTIN: PolicyFile = {
  name: 'builtin',
  text: `@id("builtin.scope")
@message("This credential is not meant for that route or model.")
forbid (principal, action, resource)
unless {
  action in [Action::"llm.list", Action::"identity.enrol", Action::"identity.renew", Action::"identity.bundle", Action::"token.exchange"] ||
  context.in_scope
};
`,
}
