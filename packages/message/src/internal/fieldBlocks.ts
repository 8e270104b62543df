/**
 * The fields of machine-readable report parts (RFC 3464 section 2.1): blocks of header-like fields between empty lines.
 * Whatever is no field is passed over, because reports come from everywhere.
 */
import type { MessageField } from "../OriginalMessage.ts"

export type Block = ReadonlyArray<MessageField>

const fieldOf = (line: string): MessageField | undefined => {
  const colon = line.indexOf(":")
  const name = line.slice(0, Math.max(0, colon)).trim()
  return name === "" ? undefined : [name, line.slice(colon + 1).trim()]
}

/** The blocks that hold a field; lines end in CRLF or LF, and a line that begins with white space continues the last. */
export const parse = (text: string): ReadonlyArray<Block> => {
  const blocks: Array<Array<MessageField>> = []
  let lines: Array<string> = []
  const close = () => {
    const block = lines.map(fieldOf).filter((field) => field !== undefined)
    if (block.length > 0) blocks.push(block)
    lines = []
  }
  for (const raw of text.split("\n")) {
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw
    const last = lines.length - 1
    if (line.trim() === "") close()
    else if (/^[ \t]/.test(line) && last >= 0) lines[last] = `${lines[last]} ${line.trim()}`
    else lines.push(line)
  }
  close()
  return blocks
}

/** The values of all fields of a name, in lower case. */
export const values = (block: Block, name: string): ReadonlyArray<string> =>
  block.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value)

/** The value of the first field of a name that has one. */
export const value = (block: Block, name: string): string | undefined =>
  values(block, name).find((value) => value !== "")
