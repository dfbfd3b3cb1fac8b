import * as z from 'zod'

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const

export const telemetrySchema = z.strictObject({
  log: z.enum(levels).optional().describe('Least important events that are logged. Default: info.'),
  log_format: z.enum(['auto', 'json', 'lines']).optional().describe('json: one object a line; lines: for people; auto: lines on a terminal, else json. Default: auto.'),
  alert_webhook: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .optional()
    .describe('Where budget alerts are POSTed as JSON, besides the log and the metrics. They name keys and limits, never content.'),
  runtime_metrics: z.boolean().optional().describe('Also expose memory, CPU and event-loop figures of the process under /metrics. Default: true.'),
})

export interface Telemetry {
  readonly log: (typeof levels)[number]
  readonly logFormat: 'auto' | 'json' | 'lines'
  readonly alertWebhook?: string
  readonly runtimeMetrics: boolean
}

export function settleTelemetry(written: z.infer<typeof telemetrySchema>): Telemetry {
  return Object.freeze({
    log: written.log ?? 'info',
    logFormat: written.log_format ?? 'auto',
    ...(written.alert_webhook !== undefined && { alertWebhook: written.alert_webhook }),
    runtimeMetrics: written.runtime_metrics ?? true,
  })
}
