/** Which header fields a DKIM signature covers (RFC 6376 section 5.4). */
import type { Fields } from "../DkimCanonical.ts"
import * as Bytes from "./bytes.ts"
import * as HeaderSection from "./headerSection.ts"

/** What says who wrote what to whom (RFC 6376 section 5.4.1, DKIM-008); fields of lists and resendings come by prefix. */
export const signedNames: ReadonlyArray<string> = [
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "subject",
  "date",
  "message-id",
  "in-reply-to",
  "references",
  "auto-submitted",
  "mime-version",
  "content-type",
  "content-transfer-encoding"
]

/** What nobody may add on the way (RFC 6376 section 5.4.2, DKIM-009). */
export const oversignedNames: ReadonlyArray<string> = [
  "from",
  "reply-to",
  "to",
  "cc",
  "subject",
  "date",
  "content-type"
]

const isOfPrefix = (name: string): boolean =>
  (name.startsWith("list-") || name.startsWith("resent-")) && name !== "resent-bcc"

/** The fields of a header by name. */
export const fieldsOf = (section: HeaderSection.Section): Fields => {
  const all = new Map<string, Array<string>>()
  for (const field of section.fields) {
    const name = HeaderSection.nameOf(section, field)
    const text = Bytes.binary(section.bytes.subarray(field.start, field.end))
    const same = all.get(name)
    if (same === undefined) all.set(name, [text])
    else same.push(text)
  }
  return all
}

/** The names of h=: each as often as it occurs, those of `oversigned` once more. */
export const namesOf = (
  fields: Fields,
  signed: ReadonlyArray<string> | undefined,
  oversigned: ReadonlySet<string>
): ReadonlyArray<string> => {
  const names: Array<string> = []
  const add = (name: string) => {
    const count = (fields.get(name)?.length ?? 0) + (oversigned.has(name) ? 1 : 0)
    for (let i = 0; i < count; i++) names.push(name)
  }
  const wanted = new Set(signed ?? signedNames)
  if (signed === undefined) for (const name of fields.keys()) if (isOfPrefix(name)) wanted.add(name)
  for (const name of oversigned) wanted.add(name)
  wanted.forEach(add)
  return names
}
