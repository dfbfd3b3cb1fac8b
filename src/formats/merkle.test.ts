import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  EMPTY_ROOT,
  TILE,
  consistencySpans,
  frontierOf,
  inclusionSpans,
  leafHash,
  nodeHash,
  rootOver,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const record = (n: number): Uint8Array => Buffer.from(`record ${n}`)

/** The definition in RFC 6962, 2.1, word for word: slow, and the yardstick for everything else. */
function definition(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return EMPTY_ROOT
  if (leaves.length === 1) return leaves[0] as Uint8Array
  let half = 1
  while (half * 2 < leaves.length) half *= 2
  return nodeHash(definition(leaves.slice(0, half)), definition(leaves.slice(half)))
}

test('roots of known answers (the vectors of the certificate-transparency reference)', () => {
  const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
  const roots = [
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ]
  assert.equal(hex(EMPTY_ROOT), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  const tree = frontierOf(0, new Uint8Array())
  for (const [at, input] of inputs.entries()) {
    tree.push(leafHash(Buffer.from(input, 'hex')))
    assert.equal(hex(tree.root()), roots[at])
  }
})

test('the frontier gives the defined root at every size, also when it is taken up again', () => {
  const leaves: Uint8Array[] = []
  let tree = frontierOf(0, new Uint8Array())
  for (let n = 0; n < 70; n++) {
    assert.equal(hex(tree.root()), hex(definition(leaves)))
    leaves.push(leafHash(record(n)))
    tree.push(leafHash(record(n)))
    tree = frontierOf(tree.size(), tree.bytes())
  }
  assert.throws(() => frontierOf(3, new Uint8Array(32)), RangeError)
})

test('tiles and a tail of leaves give the same root', () => {
  const tree = frontierOf(0, new Uint8Array())
  const tiles: Uint8Array[] = []
  let tail: Uint8Array[] = []
  for (let n = 0; n < TILE * 3 + 17; n++) {
    const leaf = leafHash(record(n))
    tail.push(leaf)
    const tile = tree.push(leaf)
    if (tile !== undefined) {
      tiles.push(tile)
      tail = []
    }
  }
  assert.equal(tiles.length, 3)
  assert.equal(hex(rootOver(tiles, tail)), hex(tree.root()))
})

test('every inclusion proof verifies, and none for another leaf, place, size or root', () => {
  const leaves = Array.from({ length: 33 }, (_, n) => leafHash(record(n)))
  for (let size = 1; size <= leaves.length; size++) {
    const root = definition(leaves.slice(0, size))
    for (let index = 0; index < size; index++) {
      const leaf = leaves[index] as Uint8Array
      const proof = inclusionSpans(index, size).map((span) => definition(leaves.slice(span.from, span.to)))
      assert.ok(verifyInclusion(leaf, index, size, proof, root))
      assert.ok(!verifyInclusion(leafHash(record(99)), index, size, proof, root))
      assert.ok(!verifyInclusion(leaf, index, size, proof, leafHash(record(98))))
      assert.ok(!verifyInclusion(leaf, index, size, [...proof, root], root))
      if (proof.length > 0) assert.ok(!verifyInclusion(leaf, index, size, proof.slice(1), root))
      if (size > 1) assert.ok(!verifyInclusion(leaf, (index + 1) % size, size, proof, root))
    }
  }
})

test('every consistency proof verifies, and none for a tree that forked', () => {
  const leaves = Array.from({ length: 33 }, (_, n) => leafHash(record(n)))
  for (let newer = 1; newer <= leaves.length; newer++) {
    for (let older = 0; older <= newer; older++) {
      const before = { size: older, root: definition(leaves.slice(0, older)) }
      const after = { size: newer, root: definition(leaves.slice(0, newer)) }
      const proof = consistencySpans(older, newer).map((span) => definition(leaves.slice(span.from, span.to)))
      assert.ok(verifyConsistency(before, after, proof), `${older} to ${newer}`)
      assert.ok(!verifyConsistency({ ...before, root: leafHash(record(97)) }, after, proof))
      if (older > 0) assert.ok(!verifyConsistency(before, { ...after, root: leafHash(record(96)) }, proof))
      assert.ok(!verifyConsistency(before, after, [...proof, before.root]))
    }
  }
})
