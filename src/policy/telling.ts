import type { Question } from '../contract/policy.ts'
import { argument, pathOf, sides, texts, uidOf, type Json, type Uid } from './expression.ts'

/** What an expression comes to; undefined = cannot be told without Cedar. */
export type Test = (question: Question) => boolean | undefined

/** Something that a question must have for a condition to hold: `value` at `path`, or in the set there. */
export interface Key {
  readonly path: readonly string[]
  readonly value: string
}

/**
 * Something that must hold before a policy can matter. A policy whose condition is false is neither satisfied nor an
 * error, whatever the rest of it says.
 */
export interface Condition {
  readonly test: Test
  /** At least one of these is there wherever the condition holds; absent where nothing of the kind is known. */
  readonly keys?: readonly Key[]
  /** The keys say all that the test says. */
  readonly exact: boolean
}

/** Gives how to read a path; the question is complete and of the declared types, so a string is where a string belongs. */
export type Reads = (path: readonly string[]) => (question: Question) => unknown

/** Paths under which entities are told apart: a workload is equal to itself and lies in its tenant and its roles. */
export const PRINCIPAL = ['principal'] as const
export const RESOURCE = ['resource'] as const

/** Reads expressions as conditions that need no Cedar; undefined = only Cedar can tell. Gets none that could be an error. */
export function makeTelling(action: string, type: string, reads: Reads): (expression: Json) => Condition | undefined {
  const workload = reads(['principal', 'id'])
  const tenant = reads(['principal', 'tenant'])
  const roles = reads(['principal', 'roles'])
  const id = reads(['resource', 'id'])

  /** `principal == …` and `principal in …`, and the same for the resource and the action. */
  function entity(name: string, found: Uid, within: boolean): Condition | undefined {
    if (name === 'action') return constant(found.type === 'Action' && found.id === action)
    if (name === 'resource') return found.type === type ? { test: (question) => id(question) === found.id, keys: [{ path: RESOURCE, value: found.id }], exact: true } : constant(false)
    if (name !== 'principal') return undefined
    const keys = [{ path: PRINCIPAL, value: `${found.type}:${found.id}` }]
    if (found.type === 'Workload') return { test: (question) => workload(question) === found.id, keys, exact: true }
    if (!within) return constant(false)
    if (found.type === 'Tenant') return { test: (question) => tenant(question) === found.id, keys, exact: true }
    if (found.type === 'Role') return { test: (question) => (roles(question) as readonly string[]).includes(found.id), keys, exact: true }
    return constant(false)
  }

  function equality(left: Json, right: Json): Condition | undefined {
    const path = pathOf(left) ?? pathOf(right)
    const other = pathOf(left) === undefined ? left : right
    if (path === undefined) return undefined
    const uid = uidOf(other)
    if (uid !== undefined) {
      if (path.length === 1) return entity(path[0] as string, uid, false)
      return path.length === 2 && path[0] === 'principal' && path[1] === 'user' && uid.type === 'User' ? equals(path, uid.id) : undefined
    }
    return equals(path, other['Value'])
  }

  function equals(path: readonly string[], value: unknown): Condition | undefined {
    if (path.length < 2) return undefined
    const read = reads(path)
    const test: Test = (question) => {
      const found = read(question)
      return missing(found) ? undefined : found === value
    }
    if (typeof value === 'string') return { test, keys: [{ path, value }], exact: true }
    return typeof value === 'boolean' || Number.isSafeInteger(value) ? { test, exact: false } : undefined
  }

  function membership(left: Json, right: Json, all: boolean): Condition | undefined {
    const path = pathOf(left)
    const members = path === undefined ? undefined : texts(right)
    if (path === undefined || path.length < 2 || members === undefined) return undefined
    const read = reads(path)
    const keys = members.map((value) => ({ path, value }))
    return {
      test: (question) => {
        const found = read(question)
        if (!Array.isArray(found)) return undefined
        return all ? members.every((one) => found.includes(one)) : members.some((one) => found.includes(one))
      },
      ...(keys.length > 0 && { keys: all ? keys.slice(0, 1) : keys }),
      exact: keys.length > 0 && (!all || keys.length === 1),
    }
  }

  function order(operator: keyof typeof ORDERS, left: Json, right: Json): Condition | undefined {
    const turned = pathOf(left) === undefined
    const path = pathOf(turned ? right : left)
    const value = (turned ? left : right)['Value']
    if (path === undefined || path.length < 2 || typeof value !== 'number' || !Number.isSafeInteger(value)) return undefined
    const read = reads(path)
    const holds = ORDERS[operator]
    return { test: (question) => compared(read(question), (found) => (turned ? holds(value, found) : holds(found, value))), exact: false }
  }

  function has(base: readonly string[], attr: string | readonly string[]): Condition | undefined {
    const path = [...base, ...(typeof attr === 'string' ? [attr] : attr)]
    if (path.length < 2) return undefined
    const read = reads(path)
    return { test: (question) => !missing(read(question)), exact: false }
  }

  /** Patterns with one star at the end. Others are Cedar's to match: ours could take long. */
  function like(path: readonly string[] | undefined, pattern: readonly unknown[]): Condition | undefined {
    if (path === undefined || path.length < 2 || pattern.at(-1) !== 'Wildcard' || pattern.slice(0, -1).includes('Wildcard')) return undefined
    const prefix = pattern.slice(0, -1).map((one) => (one as { readonly Literal: string }).Literal).join('')
    const read = reads(path)
    return {
      test: (question) => {
        const found = read(question)
        return typeof found === 'string' ? found.startsWith(prefix) : undefined
      },
      exact: false,
    }
  }

  function make(expression: Json): Condition | undefined {
    const path = pathOf(expression)
    if (path !== undefined) {
      if (path.length < 2) return undefined
      const read = reads(path)
      return {
        test: (question) => {
          const found = read(question)
          return typeof found === 'boolean' ? found : undefined
        },
        exact: false,
      }
    }
    if (typeof expression['Value'] === 'boolean') return constant(expression['Value'])
    const negated = argument(expression, '!')
    if (negated !== undefined) return opposite(make(negated))
    const and = sides(expression, '&&')
    if (and !== undefined) return both(make(and.left), make(and.right))
    const or = sides(expression, '||')
    if (or !== undefined) return either(make(or.left), make(or.right))
    const same = sides(expression, '==')
    if (same !== undefined) return equality(same.left, same.right)
    const other = sides(expression, '!=')
    if (other !== undefined) return opposite(equality(other.left, other.right))
    const inside = sides(expression, 'in')
    if (inside !== undefined) return within(inside.left, inside.right)
    const contains = sides(expression, 'contains')
    if (contains !== undefined) return oneOf(contains.left, contains.right) ?? membership(contains.left, { Set: [contains.right] }, false)
    const any = sides(expression, 'containsAny')
    if (any !== undefined) return membership(any.left, any.right, false)
    const all = sides(expression, 'containsAll')
    if (all !== undefined) return membership(all.left, all.right, true)
    for (const operator of Object.keys(ORDERS) as (keyof typeof ORDERS)[]) {
      const sorted = sides(expression, operator)
      if (sorted !== undefined) return order(operator, sorted.left, sorted.right)
    }
    const presence = expression['has'] as { readonly left: Json; readonly attr: string | readonly string[] } | undefined
    if (presence !== undefined) {
      const base = pathOf(presence.left)
      return base && has(base, presence.attr)
    }
    const pattern = expression['like'] as { readonly left: Json; readonly pattern: readonly unknown[] } | undefined
    if (pattern !== undefined) return like(pathOf(pattern.left), pattern.pattern)
    const is = expression['is'] as { readonly left: Json; readonly entity_type: string; readonly in?: Json } | undefined
    const subject = is && pathOf(is.left)
    if (is === undefined || subject?.length !== 1 || (subject[0] !== 'principal' && subject[0] !== 'resource')) return undefined
    const typed = constant(is.entity_type === (subject[0] === 'principal' ? 'Workload' : type))
    return is.in === undefined ? typed : both(typed, within(is.left, is.in))
  }

  function within(left: Json, right: Json): Condition | undefined {
    const path = pathOf(left)
    const uids = uidOf(right) === undefined ? (right['Set'] as readonly Json[] | undefined)?.map(uidOf) : [uidOf(right)]
    if (path?.length !== 1 || uids === undefined) return undefined
    return uids.reduce<Condition | undefined>((sum, uid) => either(sum, uid && entity(path[0] as string, uid, true)), constant(false))
  }

  /** `["a", "b"].contains(context.route)` */
  function oneOf(left: Json, right: Json): Condition | undefined {
    const path = pathOf(right)
    const values = texts(left)
    if (path === undefined || values === undefined) return undefined
    return values.reduce<Condition | undefined>((sum, value) => either(sum, equals(path, value)), constant(false))
  }

  return make
}

const ORDERS = {
  '<': (a: number, b: number): boolean => a < b,
  '<=': (a: number, b: number): boolean => a <= b,
  '>': (a: number, b: number): boolean => a > b,
  '>=': (a: number, b: number): boolean => a >= b,
} as const

function constant(value: boolean): Condition {
  return { test: () => value, ...(!value && { keys: [] }), exact: !value }
}

function opposite(one: Condition | undefined): Condition | undefined {
  if (one === undefined) return undefined
  const { test } = one
  return {
    test: (question) => {
      const found = test(question)
      return found === undefined ? undefined : !found
    },
    exact: false,
  }
}

/** One side that cannot be told leaves what the other says: false is false whatever stands beside it. */
function both(left: Condition | undefined, right: Condition | undefined): Condition | undefined {
  if (left === undefined || right === undefined) {
    const known = left ?? right
    return known && { ...known, test: (question) => (known.test(question) === false ? false : undefined), exact: false }
  }
  const keys = left.keys ?? right.keys
  return {
    test: (question) => {
      const a = left.test(question)
      if (a === false) return false
      const b = right.test(question)
      return b === false ? false : a === undefined ? undefined : b
    },
    ...(keys !== undefined && { keys }),
    exact: false,
  }
}

function either(left: Condition | undefined, right: Condition | undefined): Condition | undefined {
  if (left === undefined || right === undefined) return undefined
  return {
    test: (question) => {
      const a = left.test(question)
      if (a === true) return true
      const b = right.test(question)
      return b === true ? true : a === undefined ? undefined : b
    },
    ...(left.keys !== undefined && right.keys !== undefined && { keys: [...left.keys, ...right.keys] }),
    exact: left.exact && right.exact && left.keys !== undefined && right.keys !== undefined,
  }
}

function missing(value: unknown): boolean {
  return value === undefined || value === null
}

function compared(found: unknown, holds: (found: number) => boolean): boolean | undefined {
  return typeof found === 'number' ? holds(found) : undefined
}
