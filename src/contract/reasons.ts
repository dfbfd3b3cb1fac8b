/**
 * One reason why a call did not go through. `say` is the stable public sentence, `fix` the remedy for the
 * operator; `kind` picks the word each dialect uses for its error type. Each code has an entry in docs/errors.md.
 */
export interface Reason {
  readonly status: number
  readonly say: string
  readonly fix: string
  readonly kind: 'invalid' | 'unauthenticated' | 'forbidden' | 'not_found' | 'too_large' | 'rate' | 'upstream' | 'internal' | 'overloaded' | 'timeout'
  /** True where asking again may help; everything else tells clients not to retry (`x-should-retry: false`). */
  readonly retry?: true
}

export const reasons = {
  // reading
  body_too_large: { status: 413, kind: 'too_large', say: 'The request body is larger than this gateway accepts.', fix: 'Send less, or raise limits.body_bytes.' },
  body_too_slow: { status: 408, kind: 'timeout', say: 'The request body did not arrive in time.', fix: 'Check the client, or raise limits.body_timeout.' },
  body_cut: { status: 400, kind: 'invalid', say: 'The request body ended before it was complete.', fix: 'Check the client and what stands between.' },
  already_listening: { status: 409, kind: 'invalid', say: 'Somebody listens to this session already.', fix: 'Close the other stream first; a session has one.' },
  bad_content_type: { status: 415, kind: 'invalid', say: 'This endpoint takes application/json.', fix: 'Send content-type: application/json.' },
  bad_content_encoding: { status: 415, kind: 'invalid', say: 'Request bodies must not be compressed here.', fix: 'Send the body without content-encoding.' },
  bad_json: { status: 400, kind: 'invalid', say: 'The request body is not acceptable JSON.', fix: 'Send one strict UTF-8 JSON object without duplicate keys.' },
  bad_request: { status: 400, kind: 'invalid', say: 'The request is malformed.', fix: 'See the message and the provider\'s reference.' },
  unknown_field: { status: 400, kind: 'invalid', say: 'The request has a field that this gateway does not know.', fix: 'Remove it, or list it in the route\'s allow_fields.' },
  inexpressible: { status: 400, kind: 'invalid', say: 'The request cannot be expressed in the dialect of the model it is routed to.', fix: 'Remove the feature, or route it to a provider that has it.' },
  unknown_path: { status: 404, kind: 'not_found', say: 'There is nothing at this path.', fix: 'See docs/gateway.md for the paths; declare a pass-through route for others.' },
  method_not_allowed: { status: 405, kind: 'invalid', say: 'This path does not take that method.', fix: 'See docs/gateway.md.' },
  misdirected: { status: 421, kind: 'invalid', say: 'This host name is not served here.', fix: 'Use a name listed in listen.hosts.' },
  headers_too_large: { status: 431, kind: 'too_large', say: 'The request has more header fields, or longer ones, than this gateway accepts.', fix: 'Send less, or raise limits.header_bytes or limits.header_count.' },
  head_too_slow: { status: 408, kind: 'timeout', say: 'The request did not arrive in time.', fix: 'Check the client, or raise limits.head_timeout.' },
  origin_denied: { status: 403, kind: 'forbidden', say: 'Web pages of this origin may not call this gateway.', fix: 'List the origin in listen.origins.' },
  // identity
  unauthenticated: { status: 401, kind: 'unauthenticated', say: 'No valid credential was presented.', fix: 'Create one with: sallyport keys create.' },
  key_revoked: { status: 401, kind: 'unauthenticated', say: 'This credential is no longer valid.', fix: 'Create a new key.' },
  key_expired: { status: 401, kind: 'unauthenticated', say: 'This credential has expired.', fix: 'Create a new key.' },
  revoked: { status: 401, kind: 'unauthenticated', say: 'This credential was revoked.', fix: 'Enrol the workload again, or create a new key.' },
  session_ended: { status: 403, kind: 'forbidden', say: 'This session was ended by a reviewer.', fix: 'Start a new task when the cause is understood; sallyport approvals ended lists and lifts such ends.' },
  identity_unavailable: { status: 503, kind: 'overloaded', say: 'The credential cannot be checked at the moment.', fix: 'See the log: the issuer\'s keys cannot be fetched.', retry: true },
  enrolment_refused: { status: 403, kind: 'forbidden', say: 'This enrolment was refused.', fix: 'Make a new enrolment token: each is good once, and for a short time.' },
  exchange_refused: { status: 400, kind: 'invalid', say: 'This token exchange was refused.', fix: 'Ask for one audience and for no more than the credentials presented allow; see docs/identity.md.' },
  out_of_scope: { status: 403, kind: 'forbidden', say: 'This credential is not meant for that route or model.', fix: 'Use another key, or widen this one\'s scope.' },
  consent_required: { status: 403, kind: 'forbidden', say: 'A person has to let this server be used for you first.', fix: 'Open the address in the message, and log in at the server.' },
  consent_failed: { status: 400, kind: 'invalid', say: 'This consent could not be completed.', fix: 'Let the caller try again and open the new address; the receipt says what was wrong.' },
  // resolving
  unknown_model: { status: 404, kind: 'not_found', say: 'No route serves this model.', fix: 'List it under routes, or ask for a model that GET /v1/models names.' },
  no_candidate: { status: 503, kind: 'overloaded', say: 'No permitted target is available for this request at the moment.', fix: 'See the receipt for each target\'s state.', retry: true },
  // policy
  denied: { status: 403, kind: 'forbidden', say: 'Policy does not permit this request.', fix: 'sallyport audit show ID names the policies that decided.' },
  flow_denied: { status: 403, kind: 'forbidden', say: 'This call would carry out data that must not leave.', fix: 'sallyport audit show ID names the arguments; see docs/flow.md for what is restricted.' },
  approval_unavailable: { status: 403, kind: 'forbidden', say: 'This request needs an approval, and nobody can give one here.', fix: 'Only exchanges that a reviewer can be shown are held; change the holding policy or the guardrail\'s action.' },
  approval_pending: { status: 403, kind: 'forbidden', say: 'This request waits for an approval.', fix: 'Ask again once it is approved: the same request, unchanged, then passes once.' },
  approval_denied: { status: 403, kind: 'forbidden', say: 'A reviewer did not approve this request.', fix: 'sallyport approvals show ID says who and why.' },
  approval_expired: { status: 403, kind: 'forbidden', say: 'Nobody approved this request in time.', fix: 'See that somebody watches: sallyport approvals watch.' },
  approvals_full: { status: 429, kind: 'rate', say: 'Too many of your requests wait for an approval already.', fix: 'Wait until they are decided, or raise approvals.pending.' },
  provider_tool_denied: { status: 403, kind: 'forbidden', say: 'Tools that the provider runs are not permitted on this route.', fix: 'Allow provider tools on the route and in policy.' },
  url_fetch_denied: { status: 403, kind: 'forbidden', say: 'URLs that the provider would fetch are not permitted on this route.', fix: 'Send the content inline, or allow url_fetch on the route and in policy.' },
  provider_state_denied: { status: 403, kind: 'forbidden', say: 'State that the provider holds is not permitted on this route.', fix: 'Send the conversation in full, or allow provider_state on the route and in policy.' },
  passthrough_denied: { status: 403, kind: 'forbidden', say: 'Pass-through is not permitted here.', fix: 'Declare the path on a route and permit llm.passthrough in policy.' },
  call_denied: { status: 403, kind: 'forbidden', say: 'The model proposed a tool call that policy does not permit.', fix: 'See the child receipt; set on_denied_call: drop to go on without the call.' },
  quarantined: { status: 403, kind: 'forbidden', say: 'This is withheld: its definition is not the one that was endorsed. An operator can endorse it.', fix: 'sallyport mcp diff SERVER shows what changed; sallyport mcp endorse takes it.' },
  // budgets
  rate_limited: { status: 429, kind: 'rate', say: 'Too many requests.', fix: 'Wait as long as Retry-After says, or raise the budget.' },
  budget_spent: { status: 429, kind: 'rate', say: 'The budget for this window is spent.', fix: 'Wait as long as Retry-After says, or raise the budget.' },
  concurrency: { status: 429, kind: 'rate', say: 'Too many requests at once.', fix: 'Wait for one to end, or raise the concurrency limit.', retry: true },
  price_unknown: { status: 403, kind: 'forbidden', say: 'The price of this model is not known, and a cost budget applies.', fix: 'Add the model under prices.' },
  reservation_exhausted: { status: 429, kind: 'rate', say: 'The answer used up what the budget had set aside for it.', fix: 'Raise the budget or lower the output limit.' },
  // guardrails
  injection: { status: 403, kind: 'forbidden', say: 'This request was flagged by our security filters. Please rephrase your query and try again.', fix: 'sallyport audit show ID names the guardrail; tune it on evidence.' },
  content_refused: { status: 403, kind: 'forbidden', say: 'This request was refused by our content rules.', fix: 'sallyport audit show ID names the guardrail.' },
  off_topic: { status: 400, kind: 'invalid', say: 'This assistant does not help with that.', fix: 'The topic guardrail on this route decides; give it more examples, or set fail_open.' },
  secret_found: { status: 403, kind: 'forbidden', say: 'This request carries what looks like a secret.', fix: 'Remove the secret, or set the guardrail\'s action to redact.' },
  personal_data: { status: 403, kind: 'forbidden', say: 'This request carries personal data that may not leave.', fix: 'Remove it, or set the guardrail\'s action to redact.' },
  leak_in_answer: { status: 500, kind: 'internal', say: 'The answer was withheld for data privacy.', fix: 'sallyport audit show ID names the guardrail; set its action to redact to mask instead.' },
  answer_refused: { status: 500, kind: 'internal', say: 'The answer was withheld by our security filters.', fix: 'sallyport audit show ID names the guardrail.' },
  inconclusive: { status: 403, kind: 'forbidden', say: 'This request holds content that could not be inspected.', fix: 'Remove the part, or allow it on the route.' },
  probing: { status: 429, kind: 'rate', say: 'Too many texts of this credential came out just below a limit; it gets no evaluations for a while.', fix: 'Wait as long as Retry-After says. The receipts of the evaluations show what was tried; evaluate.near_misses sets how many are too many.' },
  guard_failed: { status: 503, kind: 'overloaded', say: 'A security filter did not answer, so the request was not sent.', fix: 'See the log; set on_error: open only where a miss is acceptable.', retry: true },
  // upstream
  upstream_refused: { status: 400, kind: 'invalid', say: 'The model provider refused the request.', fix: 'See the provider\'s reason in the message.' },
  context_length: { status: 400, kind: 'invalid', say: 'The request is longer than the model\'s context.', fix: 'Send less, or configure a larger model as fallback.' },
  content_policy: { status: 400, kind: 'invalid', say: 'The model provider refused the content.', fix: 'See the provider\'s reason in the message.' },
  upstream_auth: { status: 502, kind: 'upstream', say: 'The model provider did not accept this gateway\'s credential.', fix: 'Check the provider\'s credential reference.' },
  upstream_rate: { status: 429, kind: 'rate', say: 'The model provider is limiting requests.', fix: 'Wait as long as Retry-After says, or add a fallback.', retry: true },
  upstream_error: { status: 502, kind: 'upstream', say: 'The model provider failed.', fix: 'See the receipt\'s attempts; add a fallback.', retry: true },
  upstream_timeout: { status: 504, kind: 'timeout', say: 'The model provider did not answer in time.', fix: 'See the receipt\'s attempts; raise the timeout or add a fallback.', retry: true },
  upstream_cut: { status: 502, kind: 'upstream', say: 'The model provider\'s answer broke off.', fix: 'See the receipt\'s attempts.', retry: true },
  upstream_malformed: { status: 502, kind: 'upstream', say: 'The model provider\'s answer could not be understood.', fix: 'See the receipt\'s attempts.', retry: true },
  upstream_too_large: { status: 502, kind: 'upstream', say: 'The model provider\'s answer is larger than this gateway accepts.', fix: 'Raise limits.reply_bytes.' },
  // the house itself
  refused_before: { status: 403, kind: 'forbidden', say: 'The same request was refused a moment ago.', fix: 'Change the request: repeating it does not change the decision.' },
  step_failed: { status: 503, kind: 'internal', say: 'The gateway could not decide about this request, so it was not sent.', fix: 'See the log for the step that failed.' },
  step_timeout: { status: 503, kind: 'internal', say: 'The gateway could not decide about this request in time, so it was not sent.', fix: 'See the log for the step that hung.' },
  audit_unavailable: { status: 503, kind: 'overloaded', say: 'The audit record cannot be written, so nothing is let through.', fix: 'Check disk space and the state folder.', retry: true },
  inflight_limit: { status: 503, kind: 'overloaded', say: 'The gateway is at its memory limit for requests in flight.', fix: 'Retry shortly, or raise limits.inflight_bytes.', retry: true },
  draining: { status: 503, kind: 'overloaded', say: 'The gateway is shutting down.', fix: 'Retry on another replica.', retry: true },
  cancelled: { status: 499, kind: 'invalid', say: 'The caller hung up.', fix: 'Nothing to do.' },
  unfinished: { status: 503, kind: 'internal', say: 'The request ended without a decision.', fix: 'Report this: it is a defect.' },
} as const satisfies Record<string, Reason>

export type Code = keyof typeof reasons

export function reasonOf(code: Code): Reason {
  return reasons[code]
}
