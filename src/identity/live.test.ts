import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Principal } from '../contract/principal.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'
import { makeLive, type Live } from './live.ts'
import { principalOf } from './settings.ts'

const workload: Principal = principalOf({ tenant: 'acme', workload: 'spiffe://x/a', proof: { kind: 'mtls', id: '7A' }, scope: {} })
const task: Principal = { ...workload, workload: 'spiffe://x/b', chain: ['alice', 'spiffe://x/a'], vouched: [{ kind: 'oidc', id: 'login-1' }, { kind: 'mtls', id: '7B' }], proof: { kind: 'task_token', id: 'jti-1', from: ['7B', 'login-1'] } }

function running(live: Live, principal: Principal): { readonly stopped: Refusal[]; readonly leave: () => void } {
  const stopped: Refusal[] = []
  return { stopped, leave: live.enter(principal, (reason) => void stopped.push(reason)) }
}

test('whatever a call stands on stops it when it is revoked, and nothing else does', () => {
  for (const [id, both] of [['7A', [1, 0]], ['7B', [0, 1]], ['jti-1', [0, 1]], ['login-1', [0, 1]], ['alice', [0, 1]], ['spiffe://x/a', [1, 1]], ['spiffe://x/b', [0, 1]], ['7C', [0, 0]], ['acme', [0, 0]]] as const) {
    const live = makeLive()
    const [one, two] = [running(live, workload), running(live, task)]
    assert.equal(live.revoked(['unknown', id]), both[0] + both[1], id)
    assert.deepEqual([one.stopped.length, two.stopped.length], both, id)
    for (const { refuse: code, detail } of [...one.stopped, ...two.stopped]) assert.ok(code === 'revoked' && detail?.startsWith(id))
  }
})

test('a call is stopped once, and never after it was counted out', () => {
  const live = makeLive()
  const [one, two] = [running(live, workload), running(live, workload)]
  two.leave()
  two.leave()
  assert.equal(live.revoked([]), 0)
  assert.equal(live.revoked(['7A', 'spiffe://x/a']), 1)
  assert.equal(live.revoked(['7A']), 0)
  one.leave()
  assert.deepEqual([one.stopped.length, two.stopped.length], [1, 0])
})

test('a session that was ended stops what fits, for its own reason', () => {
  const live = makeLive()
  const [one, two] = [running(live, workload), running(live, task)]
  assert.equal(live.ended(({ chain }) => chain[0] === 'alice', refuse('session_ended')), 1)
  assert.deepEqual([one.stopped, two.stopped], [[], [refuse('session_ended')]])
})

test('a call that ends another while it is stopped does no harm', () => {
  const live = makeLive()
  const stopped: string[] = []
  const leave = live.enter(workload, () => void stopped.push('first'))
  live.enter(workload, () => {
    stopped.push('second')
    leave()
    live.enter(workload, () => void stopped.push('third'))
  })
  assert.equal(live.revoked(['7A']), 2)
  assert.deepEqual(stopped, ['first', 'second'])
})
