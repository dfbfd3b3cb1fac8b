import { object, type TreeObject } from '../../../formats/tree.ts'
import type { ErrorAnswer } from '../dialect.ts'
import { refuse } from '../../../contract/verdict.ts'
import { errorAnswer } from './errors.ts'

/** A model or route as callers may name it. */
export interface ListedModel {
  readonly id: string
  readonly owner: string
  /** Seconds since the Unix epoch; 0 where nobody knows. */
  readonly created: number
}

/** `GET /v1/models`. */
export function modelList(models: readonly ListedModel[]): TreeObject {
  return object({ object: 'list', data: models.map(modelObject) })
}

/** `GET /v1/models/{id}`. */
export function modelObject(model: ListedModel): TreeObject {
  return object({ id: model.id, object: 'model', created: model.created, owned_by: model.owner })
}

/** The same for an id that nobody serves: 404 in OpenAI's shape. */
export function modelMissing(id: string): ErrorAnswer {
  return errorAnswer(refuse('unknown_model', { param: 'model' }), id)
}
