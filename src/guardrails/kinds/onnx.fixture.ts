import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// Protocol buffers by hand: what onnx.proto calls these fields is said beside each.
function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) + 128)
  }
}
const number = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)]
const bytes = (field: number, value: readonly number[] | string): number[] => {
  const content = typeof value === 'string' ? [...Buffer.from(value)] : value
  return [...varint(field * 8 + 2), ...varint(content.length), ...content]
}

const INT = 2
const attribute = (name: string, kind: number, value: readonly number[]): number[] => bytes(5, [...bytes(1, name), ...value, ...number(20, kind)])
const node = (op: string, inputs: readonly string[], output: string, attributes: readonly number[] = []): number[] =>
  bytes(1, [...inputs.flatMap((name) => bytes(1, name)), ...bytes(2, output), ...bytes(4, op), ...attributes])
const floats = (name: string, values: readonly number[]): number[] =>
  bytes(5, [...number(1, 1), ...number(1, values.length), ...number(2, 1), ...bytes(8, name), ...bytes(9, [...Buffer.from(Float32Array.from(values).buffer)])])
const tensor = (field: number, name: string, kind: number, dims: readonly (string | number)[]): number[] =>
  bytes(field, [...bytes(1, name), ...bytes(2, bytes(1, [...number(1, kind), ...bytes(2, dims.flatMap((dim) => bytes(1, typeof dim === 'string' ? bytes(2, dim) : number(1, dim))))]))])

/** A model whose second logit is the largest token id less 5, and whose first is the opposite. */
function model(): Uint8Array {
  const graph = [
    ...node('Cast', ['input_ids'], 'ids', attribute('to', INT, number(3, 1))),
    ...node('ReduceMax', ['ids'], 'largest', [...attribute('axes', 7, number(8, 1)), ...attribute('keepdims', INT, number(3, 1))]),
    ...node('MatMul', ['largest', 'weights'], 'scaled'),
    ...node('Add', ['scaled', 'offset'], 'logits'),
    ...bytes(2, 'tiny'),
    ...floats('weights', [-1, 1]),
    ...floats('offset', [5, -5]),
    ...tensor(11, 'input_ids', 7, ['batch', 'tokens']),
    ...tensor(12, 'logits', 1, ['batch', 2]),
  ]
  // ir_version 8, opset 13 of the default domain.
  return Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, number(2, 13))])
}

/** Writes a text classifier with the labels `fine` and `Bad News`: a text is bad news where it holds the word "awful". */
export function writeClassifier(folder: string): void {
  mkdirSync(folder, { recursive: true })
  const vocab = { '[UNK]': 0, a: 1, good: 2, day: 3, awful: 12 }
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ id2label: { 0: 'fine', 1: 'Bad News' }, max_position_embeddings: 64 }))
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ unk_token: '[UNK]' }))
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify({
    version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: { type: 'Lowercase' }, pre_tokenizer: { type: 'Whitespace' }, post_processor: null, decoder: null,
    model: { type: 'WordPiece', vocab, unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100 },
  }))
  writeFileSync(join(folder, 'model.onnx'), model())
}
