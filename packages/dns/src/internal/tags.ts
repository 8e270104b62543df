/**
 * Lists of `tag=value` between semicolons, as DKIM key records (RFC 6376 section 3.2) and DMARC records have them.
 */
import * as Result from "effect/Result"

export type Tags = ReadonlyMap<string, string>

/** Reads a list; fails with what is wrong with it. Tags are in lower case, white space around values is gone. */
export const parse = (text: string): Result.Result<Tags, string> => {
  const tags = new Map<string, string>()
  const parts = text.split(";")
  for (const [index, part] of parts.entries()) {
    const trimmed = part.trim()
    if (trimmed === "" && index === parts.length - 1) break
    const equals = trimmed.indexOf("=")
    if (equals < 1) return Result.fail(`part ${index + 1} is no tag=value`)
    const tag = trimmed.slice(0, equals).trim().toLowerCase()
    if (tags.has(tag)) return Result.fail(`the tag ${tag} stands there twice`)
    tags.set(tag, trimmed.slice(equals + 1).trim())
  }
  return Result.succeed(tags)
}
