import { UsageError } from '../command.ts'

/** The tenant of a subject `tenant/caller`. @throws {UsageError} for anything else. */
export function tenantOf(subject: string): string {
  const [tenant = '', ...rest] = subject.split('/')
  if (tenant === '' || rest.join('/') === '') throw new UsageError(`a subject is written tenant/caller, not "${subject}"; see: sallyport audit show ID`)
  return tenant
}
