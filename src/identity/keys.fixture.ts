import type { KeyRow, Keys } from '../store/interfaces.ts'

/** A store of keys for tests, open to see and to spoil. */
export function memoryKeys(): Keys & { rows: KeyRow[] } {
  const rows: KeyRow[] = []
  return {
    rows,
    all: () => Promise.resolve([...rows]),
    insert: (row) => Promise.resolve(void rows.push(row)),
    revoke(id, at) {
      const index = rows.findIndex((row) => row.id === id && row.revoked === undefined)
      if (index === -1) return Promise.resolve(false)
      rows[index] = { ...(rows[index] as KeyRow), revoked: at }
      return Promise.resolve(true)
    },
  }
}
