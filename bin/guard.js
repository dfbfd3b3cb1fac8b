// Generated from src/client/guard.ts by `npm run docs`.
/**
 * Client of `POST /guard`: asks a running Sallyport what its guardrails say about a text. Needs nothing but `fetch`.
 *
 *     const guard = guardClient({ url: 'http://127.0.0.1:8080', key })
 *     const { passed, score, reason } = await guard.evaluate({ guardrail: 'prompt_injection', input })
 */
/**
 * Why there is no answer. `code` is one of docs/errors.md, or of the client's own: `timeout`, `aborted`, `unreachable`,
 * `unreadable`.
 */
export class GuardError extends Error {
    code;
    /** 0 where no answer came. */
    status;
    /** Finds the receipt; undefined where no answer came. */
    id;
    /** True where asking again may help. */
    retry;
    retryAfterMs;
    constructor(code, message, more = {}) {
        super(message, more.cause === undefined ? undefined : { cause: more.cause });
        this.name = 'GuardError';
        this.code = code;
        this.status = more.status ?? 0;
        this.id = more.id;
        this.retry = more.retry ?? false;
        this.retryAfterMs = more.retryAfterMs;
    }
}
const TIMEOUT = 10_000;
export function guardClient({ url, key, timeout: usual = TIMEOUT, fetch: send = fetch }) {
    const endpoint = `${url.replace(/\/+$/, '')}/guard`;
    const ask = async (body, { signal, timeout = usual }) => {
        const late = AbortSignal.timeout(timeout);
        let status = 0;
        let text;
        let wait;
        try {
            const reply = await send(endpoint, {
                method: 'POST',
                headers: { 'content-type': 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) },
                body: JSON.stringify(body),
                signal: signal === undefined ? late : AbortSignal.any([signal, late]),
            });
            status = reply.status;
            wait = reply.headers.get('retry-after');
            text = await reply.text();
        }
        catch (cause) {
            if (signal?.aborted === true)
                throw new GuardError('aborted', 'The evaluation was called off.', { status, cause });
            if (late.aborted)
                throw new GuardError('timeout', `No answer within ${timeout} ms.`, { status, retry: true, cause });
            throw new GuardError('unreachable', `Sallyport cannot be reached at ${endpoint}.`, { status, retry: true, cause });
        }
        const said = parsed(text);
        if (status === 200 && said !== undefined)
            return said;
        throw errorOf(said?.['error'], status, wait === null ? undefined : Number(wait) * 1000);
    };
    return {
        async evaluate({ signal, timeout, ...body }) {
            return evaluationOf(await ask(body, optionsOf(signal, timeout)));
        },
        async evaluateAll({ signal, timeout, ...body }) {
            const { evaluations } = await ask(body, optionsOf(signal, timeout));
            if (!Array.isArray(evaluations) || evaluations.length !== body.inputs.length)
                throw unreadable();
            return evaluations.map((one) => {
                if (!isRecord(one))
                    throw unreadable();
                return one['error'] === undefined ? evaluationOf(one) : errorOf(one['error'], 200, undefined);
            });
        },
    };
}
function optionsOf(signal, timeout) {
    return { ...(signal !== undefined && { signal }), ...(timeout !== undefined && { timeout }) };
}
function isRecord(value) {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function parsed(text) {
    try {
        const value = JSON.parse(text);
        return isRecord(value) ? value : undefined;
    }
    catch {
        return undefined;
    }
}
/** An answer that does not say whether the text passed must never be taken for one that did. */
function evaluationOf(said) {
    if (typeof said['passed'] !== 'boolean' || typeof said['action'] !== 'string' || typeof said['id'] !== 'string')
        throw unreadable();
    return { score: null, category: null, reason: null, spans: [], latencyMs: null, results: [], ...said };
}
function errorOf(said, status, retryAfterMs) {
    if (!isRecord(said) || typeof said['code'] !== 'string')
        return unreadable(status);
    const { code, message, id, retry } = said;
    return new GuardError(code, typeof message === 'string' ? message : code, { status, retry: retry === true, ...(typeof id === 'string' && { id }), ...(retryAfterMs !== undefined && { retryAfterMs }) });
}
function unreadable(status = 200) {
    return new GuardError('unreadable', 'What answered is not a Sallyport, or not one that this client understands.', { status });
}
