import type { DatabaseSync } from 'node:sqlite'
import type { CounterState, OpenReservation } from '../interfaces.ts'

/** Reservations open in the transaction of their intent, so they are also reached from the log's rows. */
export function reservationRows(db: DatabaseSync) {
  const known = db.prepare('SELECT 1 FROM settled WHERE id = ?')
  const insert = db.prepare('INSERT OR IGNORE INTO reservations VALUES (?, ?)')
  return {
    open(reservation: OpenReservation): void {
      if (known.get(reservation.id) === undefined) insert.run(reservation.id, JSON.stringify(reservation.rows))
    },
  }
}

export function counterRows(db: DatabaseSync) {
  const all = db.prepare('SELECT key, window, requests, tokens, cost FROM counters')
  const open = db.prepare('SELECT id, rows FROM reservations ORDER BY id')
  const close = db.prepare('DELETE FROM reservations WHERE id = ?')
  const settled = db.prepare('INSERT OR IGNORE INTO settled VALUES (?, ?)')
  const add = db.prepare(`INSERT INTO counters VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    requests = requests + excluded.requests, tokens = tokens + excluded.tokens, cost = cost + excluded.cost`)
  const sweepCounters = db.prepare('DELETE FROM counters WHERE window < ? AND window > 0')
  const sweepSettled = db.prepare('DELETE FROM settled WHERE at < ?')
  return {
    load(): { counters: CounterState[]; open: OpenReservation[] } {
      return {
        counters: all.all().map((row) => ({
          key: row['key'] as string,
          window: Number(row['window']),
          requests: Number(row['requests']),
          tokens: Number(row['tokens']),
          cost: Number(row['cost']),
        })),
        open: open.all().map((row) => ({ id: row['id'] as string, rows: JSON.parse(row['rows'] as string) as CounterState[] })),
      }
    },
    settle(id: string, deltas: readonly CounterState[]): void {
      if (Number(settled.run(id, Date.now()).changes) === 0) return
      close.run(id)
      for (const delta of deltas) add.run(delta.key, delta.window, delta.requests, delta.tokens, delta.cost)
    },
    sweep(before: number): void {
      sweepCounters.run(before)
      sweepSettled.run(before)
    },
  }
}
