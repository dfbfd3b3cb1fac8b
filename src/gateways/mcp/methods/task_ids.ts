import type { Principal } from '../../../contract/principal.ts'
import { parseJson, writeJson } from '../../../formats/json.ts'
import type { StateSealer } from '../asks/rounds.ts'
import { ownerOf } from '../callers/sessions.ts'

/** A task at a server, and the tool whose call it is. */
export interface Task {
  readonly server: string
  readonly tool: string
  readonly id: string
}

/** Names of tasks as callers have them: sealed, so that nobody else's task can be named, whatever servers choose as ids. */
export class TaskIds {
  private readonly sealer: StateSealer

  constructor(sealer: StateSealer) {
    this.sealer = sealer
  }

  shown(principal: Principal, { server, tool, id }: Task): string {
    return Buffer.from(this.sealer.seal(principal.tenant, ownerIn(principal), Buffer.from(writeJson([server, tool, id])))).toString('base64url')
  }

  /** Undefined for what is none of this principal's. */
  of(principal: Principal, text: string): Task | undefined {
    try {
      const sealed = Buffer.from(text, 'base64url')
      // Decoders leave out what they do not know: a name has one spelling.
      if (sealed.toString('base64url') !== text) return undefined
      const tree = parseJson(this.sealer.open(principal.tenant, ownerIn(principal), sealed), { depth: 4 })
      const [server, tool, id] = Array.isArray(tree) ? tree : []
      return typeof server === 'string' && typeof tool === 'string' && typeof id === 'string' ? { server, tool, id } : undefined
    } catch {
      return undefined
    }
  }
}

/** Nothing that was sealed for another purpose opens as this. */
function ownerIn(principal: Principal): string {
  return `task ${ownerOf(principal)}`
}
