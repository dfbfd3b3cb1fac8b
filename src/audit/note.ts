import { createHash, sign, verify } from 'node:crypto'
import type { TreeHead } from '../store/interfaces.ts'
import { publicKeyOf, type SignKey } from './keyring.ts'

/** Signed notes of C2SP signed-note, holding checkpoints of C2SP tlog-checkpoint. */

const ED25519 = 1
/** What a name of an origin or a key may be: no white space and no plus sign (signed-note). */
const NAME = /^[^\s+]{1,200}$/u

export interface OpenedNote {
  readonly origin: string
  readonly head: TreeHead
  readonly signatures: readonly { readonly name: string; readonly hash: string; readonly signature: Uint8Array }[]
  /** What the signatures cover: everything up to the empty line, its newline included. */
  readonly text: string
}

/** A key as verifiers hold it: `name+hash+base64(0x01 ‖ key)`. */
export interface Verifier {
  readonly name: string
  readonly hash: string
  readonly publicKey: Uint8Array
}

function keyHash(name: string, publicKey: Uint8Array): Buffer {
  return createHash('sha256').update(`${name}\n`).update(Buffer.of(ED25519)).update(publicKey).digest().subarray(0, 4)
}

export function verifierOf(name: string, publicKey: Uint8Array): Verifier {
  return { name, hash: keyHash(name, publicKey).toString('hex'), publicKey }
}

export function verifierText({ name, hash, publicKey }: Verifier): string {
  return `${name}+${hash}+${Buffer.concat([Buffer.of(ED25519), publicKey]).toString('base64')}`
}

/** Reads a verifier key; undefined when it is none of Ed25519, or its hash is not its own. */
export function readVerifier(text: string): Verifier | undefined {
  const [, name, hash, key] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/u.exec(text.trim()) ?? []
  if (name === undefined || key === undefined) return undefined
  const bytes = Buffer.from(key, 'base64')
  if (bytes.length !== 33 || bytes[0] !== ED25519) return undefined
  const made = verifierOf(name, bytes.subarray(1))
  return made.hash === hash ? made : undefined
}

/** A checkpoint of `head`, signed by one key under the log's own name. */
export function signCheckpoint(origin: string, head: TreeHead, key: SignKey): string {
  const text = `${origin}\n${head.size}\n${Buffer.from(head.root).toString('base64')}\n`
  const signature = Buffer.concat([keyHash(origin, key.publicKey), sign(null, Buffer.from(text), key.privateKey)])
  return `${text}\n\u2014 ${origin} ${signature.toString('base64')}\n`
}

/** Reads a checkpoint strictly; undefined for anything that is not exactly one. Verifies nothing. */
export function readCheckpoint(note: string): OpenedNote | undefined {
  if (note.length > 10_000) return undefined
  const end = note.indexOf('\n\n')
  if (end < 0) return undefined
  const text = note.slice(0, end + 1)
  const [origin = '', size = '', root = ''] = text.split('\n')
  const bytes = Buffer.from(root, 'base64')
  if (!NAME.test(origin) || !/^(0|[1-9]\d{0,15})$/.test(size) || bytes.length !== 32 || bytes.toString('base64') !== root) return undefined
  const lines = note.slice(end + 2).split('\n')
  if (lines.pop() !== '' || lines.length === 0) return undefined
  const signatures: { name: string; hash: string; signature: Uint8Array }[] = []
  for (const line of lines) {
    const [, name, value] = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+=*)$/u.exec(line) ?? []
    if (name === undefined || value === undefined) return undefined
    const signed = Buffer.from(value, 'base64')
    if (signed.length < 5 || signed.toString('base64') !== value) return undefined
    signatures.push({ name, hash: signed.subarray(0, 4).toString('hex'), signature: signed.subarray(4) })
  }
  return { origin, head: { size: Number(size), root: bytes }, signatures, text }
}

/** Whether one of `verifiers` signed the note. */
export function isSigned(note: OpenedNote, verifiers: readonly Verifier[]): boolean {
  return verifiers.some((verifier) =>
    note.signatures.some(
      (one) =>
        one.name === verifier.name &&
        one.hash === verifier.hash &&
        one.signature.length === 64 &&
        verify(null, Buffer.from(note.text), publicKeyOf(verifier.publicKey), one.signature),
    ),
  )
}

/** Splits a file of notes, one after the other, as the second place keeps them. An unfinished last one is left out. */
export function splitNotes(text: string): string[] {
  const notes: string[] = []
  let from = 0
  for (;;) {
    const blank = text.indexOf('\n\n', from)
    if (blank < 0) return notes
    let end = blank + 2
    while (text.startsWith('\u2014 ', end)) {
      const line = text.indexOf('\n', end)
      if (line < 0) return notes
      end = line + 1
    }
    notes.push(text.slice(from, end))
    from = end
  }
}
