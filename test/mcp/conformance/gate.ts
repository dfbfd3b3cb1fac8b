import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startHouse, type TestHouse } from '../../house.ts'
import { freePort } from '../../probe.ts'

const POLICY = '@id("everything") permit (principal, action, resource);\n'

/**
 * The whole firewall in front of the fixtures, each behind `/mcp/<its name>`. The suite has no credential:
 * it is let in as an anonymous caller on loopback, the way an operator would let in a program that cannot be given one.
 */
export async function startGate(servers: Readonly<Record<string, string>>): Promise<TestHouse> {
  const data = `127.0.0.1:${await freePort()}`
  return startHouse({
    data,
    // The suite also calls as a page of this machine would; who lets pages call says which.
    listen: `origins: ["http://${data}"]`,
    config(at) {
      mkdirSync(join(at.folder, 'policy'))
      writeFileSync(join(at.folder, 'policy', 'own.cedar'), POLICY)
      return `
identity: { anonymous: {} }
policy: { folders: [./policy] }
mcpServers:
${Object.entries(servers).map(([name, url]) => `  ${name}: { url: "${url}", asks: [sampling, elicitation, roots] }`).join('\n')}
`
    },
  })
}
