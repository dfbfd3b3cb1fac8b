export type Origin =
  | 'system'
  | 'user'
  | 'assistant'
  | 'reasoning'
  | 'tool_call'
  | 'tool_result'
  | 'tool_definition'
  | 'document'
  | 'command'
  | 'body'

/** A path into the tree that the strict reader made: object keys and array indexes. */
export type Path = readonly (string | number)[]

/** A piece of content. What it is worth is for flow to say: an origin is a claim. */
export interface Segment {
  readonly origin: Origin
  readonly text: string
  /** Where the text stands in the tree, so that an edit lands where the finding was. */
  readonly path: Path
  /** Groups segments that a reader sees joined (one message, one choice); windows run across neighbours. */
  readonly group: string
  /** Of a tool's call or its result: the name of the tool, where the wire says it. */
  readonly tool?: string
}

/** One replacement inside a segment, in UTF-16 code units of its text. Edits of one segment never overlap. */
export interface Edit {
  readonly segment: number
  readonly start: number
  readonly end: number
  readonly text: string
}
