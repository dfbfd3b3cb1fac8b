/** What of a server is pinned by itself: an item that it lists, or something that it says of itself. */
export interface PinId {
  readonly server: string
  readonly kind: string
  /** Empty for a list as such: it was met. */
  readonly name: string
}

/** What was seen of it: `hash` is the SHA-256, in hexadecimal, that its `text` has. */
export interface PinSeen extends PinId {
  readonly hash: string
  readonly text: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

/** One thing with the hash that it may have, and the one that it was last seen with where that is another. */
export interface PinRow extends PinId {
  readonly pinned?: string
  readonly since?: number
  /** Who pinned it: an operator, or nobody but its being seen first. */
  readonly by?: string
  readonly seen?: string
  readonly at?: number
  /** Why what was seen is not taken. */
  readonly why?: string
}

/** What one look at a server changes, all or nothing. */
export interface PinChanges {
  readonly pinned: readonly (PinSeen & { readonly by: string })[]
  readonly quarantined: readonly (PinSeen & { readonly why: string })[]
  /** Those that are as they were pinned, again. */
  readonly returned: readonly PinId[]
  /** Those that nobody needs any more. */
  readonly dropped: readonly PinId[]
}

/** Definitions of MCP servers. They are the operator's, so no tenant has its own. */
export interface Pins {
  /** Without their texts; by server, kind and name. Read once at start. */
  all(): Promise<readonly PinRow[]>
  texts(id: PinId): Promise<{ readonly pinned?: string; readonly seen?: string } | undefined>
  note(changes: PinChanges): Promise<void>
  /** Pins each as it was seen, if all were last seen with just these hashes; else false, and nothing changed. */
  endorse(items: readonly (PinId & { readonly hash: string })[], at: number, by: string): Promise<boolean>
}
