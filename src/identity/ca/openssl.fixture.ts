import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A folder that goes with the test. */
export function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-ca-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs the machine's openssl in a folder. @throws with what it said. */
export function openssl(folder: string, ...args: readonly string[]): string {
  return execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', RANDFILE: join(folder, '.rnd') } })
}

/** A request by openssl: `key` is what `-newkey` takes, such as `ec:P-256` or `rsa:2048`. */
export function requestBy(folder: string, key: string, ...more: readonly string[]): string {
  const [kind = '', value = ''] = key.split(':')
  const newKey = kind === 'ec' ? ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${value}`] : ['-newkey', key]
  openssl(folder, 'req', '-new', ...newKey, '-nodes', '-keyout', 'key.pem', '-out', 'csr.pem', '-subj', '/CN=whoever', ...more)
  return readFileSync(join(folder, 'csr.pem'), 'utf8')
}

/** The same request with one byte of its DER changed. */
export function changed(pem: string, change: (der: Buffer) => Buffer): string {
  const der = change(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64'))
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE REQUEST-----\n`
}

/** What `openssl x509 -text` says of a certificate. */
export function textOf(folder: string, pem: string): string {
  writeFileSync(join(folder, 'shown.pem'), pem)
  return openssl(folder, 'x509', '-in', 'shown.pem', '-noout', '-text')
}

/** Whether openssl leads a certificate to one of these roots, at a time in milliseconds. */
export function leads(folder: string, pem: string, roots: string, at: number): boolean {
  writeFileSync(join(folder, 'leaf.pem'), pem)
  writeFileSync(join(folder, 'roots.pem'), roots)
  try {
    return openssl(folder, 'verify', '-x509_strict', '-no-CApath', '-no-CAstore', '-attime', String(Math.floor(at / 1000)), '-CAfile', 'roots.pem', 'leaf.pem').includes('leaf.pem: OK')
  } catch {
    return false
  }
}
