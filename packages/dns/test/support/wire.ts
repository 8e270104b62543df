/** DNS replies as bytes, written by hand and apart from the code under test. */

export const bytes = (...parts: ReadonlyArray<number | ReadonlyArray<number> | Uint8Array | string>): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === "number"
        ? [part]
        : typeof part === "string"
          ? Array.from(part, (character) => character.charCodeAt(0))
          : [...part]
    )
  )

export const u16 = (value: number): ReadonlyArray<number> => [value >> 8, value & 0xff]

export const u32 = (value: number): ReadonlyArray<number> => [...u16(value >>> 16), ...u16(value & 0xffff)]

/** A name without compression. */
export const name = (text: string): Uint8Array =>
  bytes(...(text === "." ? [] : text.split(".").flatMap((label) => [label.length, label])), 0)

export const types = { A: 1, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28, OPT: 41 } as const

export const record = (owner: string | Uint8Array, type: number, data: Uint8Array, ttl = 300, kind = 1): Uint8Array =>
  bytes(typeof owner === "string" ? name(owner) : owner, u16(type), u16(kind), u32(ttl), u16(data.length), data)

export const mx = (owner: string, priority: number, exchange: string, ttl?: number) =>
  record(owner, types.MX, bytes(u16(priority), name(exchange)), ttl)

export const a = (owner: string, address: string, ttl?: number) =>
  record(owner, types.A, bytes(address.split(".").map(Number)), ttl)

export const aaaa = (owner: string, last: number, ttl?: number) =>
  record(owner, types.AAAA, bytes([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]), ttl)

export const cname = (owner: string, target: string, ttl?: number) => record(owner, types.CNAME, name(target), ttl)

export const txt = (owner: string, text: string, ttl?: number) =>
  record(owner, types.TXT, bytes(text.length, text), ttl)

export const soa = (owner: string, ttl: number, minimum: number) =>
  record(
    owner,
    types.SOA,
    bytes(name("ns." + owner), name("admin." + owner), u32(1), u32(2), u32(3), u32(4), u32(minimum)),
    ttl
  )

export interface Reply {
  readonly rcode?: number
  readonly truncated?: boolean
  readonly authenticated?: boolean
  readonly answers?: ReadonlyArray<Uint8Array>
  readonly authority?: ReadonlyArray<Uint8Array>
  readonly additional?: ReadonlyArray<Uint8Array>
}

/** The reply to the bytes of a question. */
export const reply = (query: Uint8Array, options: Reply = {}): Uint8Array => {
  const { additional = [], answers = [], authority = [] } = options
  let end = 12
  while (query[end] !== 0) end += (query[end] ?? 0) + 1
  end += 5
  return bytes(
    query.subarray(0, 2),
    0x81 | (options.truncated === true ? 2 : 0),
    0x80 | (options.authenticated === true ? 0x20 : 0) | (options.rcode ?? 0),
    u16(1),
    u16(answers.length),
    u16(authority.length),
    u16(additional.length),
    query.subarray(12, end),
    ...answers,
    ...authority,
    ...additional
  )
}

/** The name without compression that stands at a position. */
export const nameAt = (message: Uint8Array, start: number): string => {
  const labels: Array<string> = []
  for (let at = start, size = message[at] ?? 0; size > 0; size = message[at] ?? 0) {
    labels.push(String.fromCharCode(...message.subarray(at + 1, at + 1 + size)))
    at += size + 1
  }
  return labels.join(".")
}

/** The name and the type that the bytes of a question ask for. */
export const questionOf = (query: Uint8Array): { readonly name: string; readonly type: number } => {
  const end = query.indexOf(0, 12)
  return { name: nameAt(query, 12), type: (query[end + 1] ?? 0) * 256 + (query[end + 2] ?? 0) }
}
