import { agent } from './agent.ts'
import { approvalsApprove } from './approvals/approve.ts'
import { approvalsDeny } from './approvals/deny.ts'
import { approvalsAdopt, approvalsFatigue } from './approvals/fatigue.ts'
import { approvalsList } from './approvals/list.ts'
import { approvalsShow } from './approvals/show.ts'
import { approvalsEnded, approvalsGrants, approvalsRules } from './approvals/standing.ts'
import { approvalsWatch } from './approvals/watch.ts'
import { auditErase } from './audit/erase.ts'
import { auditExport } from './audit/export.ts'
import { auditHold } from './audit/hold.ts'
import { auditProve } from './audit/prove.ts'
import { auditShow } from './audit/show.ts'
import { auditTail } from './audit/tail.ts'
import { auditVerify } from './audit/verify.ts'
import { check } from './check.ts'
import type { Command } from './command.ts'
import { identityBundle } from './identity/bundle.ts'
import { identityEnrol } from './identity/enrol.ts'
import { identityList } from './identity/list.ts'
import { identityRevoke } from './identity/revoke.ts'
import { identityRotate } from './identity/rotate.ts'
import { identityToken } from './identity/token.ts'
import { keysCreate } from './keys/create.ts'
import { keysList } from './keys/list.ts'
import { keysRevoke } from './keys/revoke.ts'
import { mcpConsent, mcpForget, mcpGrants } from './mcp/grants.ts'
import { mcpDiff } from './mcp/diff.ts'
import { mcpEndorse } from './mcp/endorse.ts'
import { mcpList } from './mcp/list.ts'
import { mcpScan } from './mcp/scan.ts'
import { policyCheck } from './policy/check.ts'
import { policyDiff } from './policy/diff.ts'
import { policyExplain } from './policy/explain.ts'
import { policyReplay } from './policy/replay.ts'
import { policyTest } from './policy/test.ts'
import { replay } from './replay.ts'
import { reviewersCreate } from './reviewers/create.ts'
import { reviewersList } from './reviewers/list.ts'
import { reviewersRevoke } from './reviewers/revoke.ts'
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
  identityToken,
  identityList,
  identityRevoke,
  identityRotate,
  identityBundle,
  identityEnrol,
  agent,
  reviewersCreate,
  reviewersList,
  reviewersRevoke,
  approvalsList,
  approvalsShow,
  approvalsApprove,
  approvalsDeny,
  approvalsWatch,
  approvalsRules,
  approvalsGrants,
  approvalsEnded,
  approvalsFatigue,
  approvalsAdopt,
  mcpGrants,
  mcpConsent,
  mcpForget,
  mcpList,
  mcpDiff,
  mcpEndorse,
  mcpScan,
  policyCheck,
  policyExplain,
  policyTest,
  policyReplay,
  policyDiff,
  replay,
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
