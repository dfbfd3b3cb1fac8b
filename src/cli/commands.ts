import { auditErase } from './audit/erase.ts'
import { auditExport } from './audit/export.ts'
import { auditHold } from './audit/hold.ts'
import { auditProve } from './audit/prove.ts'
import { auditShow } from './audit/show.ts'
import { auditTail } from './audit/tail.ts'
import { auditVerify } from './audit/verify.ts'
import { check } from './check.ts'
import type { Command } from './command.ts'
import { keysCreate } from './keys/create.ts'
import { keysList } from './keys/list.ts'
import { keysRevoke } from './keys/revoke.ts'
import { scan } from './scan.ts'
import { up } from './up.ts'
import { version } from './version.ts'

/** Every command, in the order in which help shows them. */
export const commands: readonly Command[] = [
  up,
  check,
  keysCreate,
  keysList,
  keysRevoke,
  scan,
  auditVerify,
  auditTail,
  auditShow,
  auditExport,
  auditProve,
  auditErase,
  auditHold,
  version,
]
