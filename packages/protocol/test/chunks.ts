import * as Schema from "effect/Schema"

/** The octets of a text in which each character stands for one octet. */
export const octets = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0))

/** The text in which each character stands for one octet. */
export const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (octet) => String.fromCharCode(octet)).join("")

/** The octets cut at the given places, each taken modulo the length; views into one buffer, so at all alignments. */
export const cutAt = (bytes: Uint8Array, places: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
  return cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end))
}

/** The octets one at a time. */
export const singly = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))

/** All ways to cut the octets once, the uncut ones and the single ones. */
export const everyChunking = (bytes: Uint8Array): ReadonlyArray<ReadonlyArray<Uint8Array>> => [
  [bytes],
  singly(bytes),
  ...Array.from(bytes, (_, i) => [bytes.subarray(0, i), bytes.subarray(i)])
]

/** Where to cut. */
export const Cuts = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 })))

/** Texts of some of the given pieces. */
export const TextOf = (...pieces: ReadonlyArray<string>) => Schema.Array(Schema.Literals(pieces))

/** Any octets. */
export const AnyOctets = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))
