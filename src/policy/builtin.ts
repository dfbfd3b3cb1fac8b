import type { PolicyFile } from './read.ts'

/**
 * Loaded before every policy folder and not replaceable by it: policy may narrow what a credential is meant for and
 * never widens it. Listing models stays possible, because the list itself is cut to the credential's scope.
 */
export const BUILTIN: PolicyFile = {
  name: 'builtin',
  text: `@id("builtin.scope")
@message("This credential is not meant for that route or model.")
forbid (principal, action, resource)
unless { action == Action::"llm.list" || context.in_scope };
`,
}
