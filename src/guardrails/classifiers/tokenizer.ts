import * as library from '@huggingface/tokenizers'

/** A tokenizer of the Hugging Face format. */
export interface Tokenizer {
  encode(text: string, options?: { readonly add_special_tokens?: boolean }): { readonly ids: readonly number[] }
}

// The package's own types name files without their endings, which nobody can follow: they count as unknown.
const { Tokenizer: Made } = library as unknown as { readonly Tokenizer: new (json: object, config: object) => Tokenizer }

/** Makes a tokenizer of the contents of tokenizer.json and tokenizer_config.json. Throws where the first is malformed. */
export function tokenizerOf(json: object, config: object = {}): Tokenizer {
  return new Made(json, config)
}
