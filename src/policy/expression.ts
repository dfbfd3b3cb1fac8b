/** Cedar's JSON form of an expression: an object with one key that names what it is. */
export type Json = { readonly [key: string]: unknown }

export interface Uid {
  readonly type: string
  readonly id: string
}

/** `{".": {left: {Var: "context"}, attr: "score"}}` → `['context', 'score']`. */
export function pathOf(node: Json): readonly string[] | undefined {
  const root = node['Var']
  if (typeof root === 'string') return [root]
  const access = node['.'] as { readonly left?: Json; readonly attr?: unknown } | undefined
  if (access?.left === undefined || typeof access.attr !== 'string') return undefined
  const base = pathOf(access.left)
  return base === undefined ? undefined : [...base, access.attr]
}

export function sides(expression: Json, operator: string): { readonly left: Json; readonly right: Json } | undefined {
  return expression[operator] as { readonly left: Json; readonly right: Json } | undefined
}

export function argument(expression: Json, operator: string): Json | undefined {
  return (expression[operator] as { readonly arg: Json } | undefined)?.arg
}

export function uidOf(expression: Json): Uid | undefined {
  return (expression['Value'] as { readonly __entity?: Uid } | undefined)?.__entity
}

export function texts(expression: Json): readonly string[] | undefined {
  const values = (expression['Set'] as readonly Json[] | undefined)?.map((one) => one['Value'])
  return values?.every((one) => typeof one === 'string') === true ? values : undefined
}
