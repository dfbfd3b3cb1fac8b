import type { KeyFacts } from '../../identity/keyring.ts'
import { openKeyring } from '../../identity/keyring.ts'
import { openSecret } from '../../identity/secret.ts'
import { stateFiles } from '../../config/state.ts'
import { systemClock } from '../../edge/clock.ts'
import { exit, flag, none, text, type Command } from '../command.ts'
import { adminOf, folderOf, readingStore, runningOf } from '../house.ts'
import { day, table } from '../show.ts'

export const keysList: Command = {
  name: 'keys list',
  summary: 'List API keys: everything about them but the keys.',
  usage: '[--tenant TENANT]',
  options: [{ name: 'tenant', value: 'TENANT', help: 'Only the keys of one tenant.' }],
  async run(args, io) {
    none(args)
    const folder = folderOf(io)
    const running = runningOf(folder)
    const all =
      running === undefined
        ? await readingStore(io, async ({ keys }) => {
            const keyring = await openKeyring({ keys, secret: await openSecret(stateFiles(folder).keySecret), clock: systemClock })
            return keyring.listKeys()
          })
        : ((await (await adminOf(folder, running))('GET', 'keys')) as { readonly keys: readonly KeyFacts[] }).keys
    const tenant = text(args, 'tenant')
    const keys = all.filter((one) => tenant === undefined || one.tenant === tenant)
    if (flag(args, 'json')) {
      await io.out(`${JSON.stringify(keys)}\n`)
    } else if (keys.length === 0) {
      await io.out('There are no keys. Create one with: sallyport keys create --name NAME\n')
    } else {
      await io.out(table(['ID', 'NAME', 'TENANT', 'STATE', 'CREATED', 'EXPIRES', 'MEANT FOR'], keys.map((one) => [one.id, one.name, one.tenant, one.state, day(one.created), one.expires === undefined ? 'never' : day(one.expires), scopeText(one)])))
    }
    return exit.ok
  },
}

function scopeText({ routes, models, cohort, agent }: KeyFacts): string {
  const parts = [
    ...(routes === undefined ? [] : [`routes ${routes.join(' ')}`]),
    ...(models === undefined ? [] : [`models ${models.join(' ')}`]),
    ...(cohort === undefined ? [] : [`cohort ${cohort}`]),
    ...(agent === undefined ? [] : [`agent ${agent}`]),
  ]
  return parts.length === 0 ? 'everything that policy permits' : parts.join(', ')
}
