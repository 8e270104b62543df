/**
 * DNS messages as bytes and as values (RFC 1035 section 4, RFC 6891): questions to a resolver, and its replies. Pure,
 * linear in the size of the message, and strict: a name is at most 255 octets, a compression pointer goes only backwards,
 * and a message with one malformed record is malformed as a whole. A stranger writes what is read here.
 *
 * @since 0.1.0
 */
import type * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { decodeData } from "./internal/recordData.ts"
import { Reader, writeName } from "./internal/wireName.ts"

/**
 * What the records of each type hold. Names are in lower case without a trailing dot, `.` is the root; octets that are
 * not printable are written as `\DDD`, a dot or a backslash within a label as `\.` and `\\`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordData {
  readonly A: { readonly address: NetAddress.Ipv4Address }
  readonly AAAA: { readonly address: NetAddress.Ipv6Address }
  readonly CNAME: { readonly target: string }
  readonly MX: { readonly priority: number; readonly exchange: string }
  readonly PTR: { readonly host: string }
  /** `minimum` is the time in seconds that a negative answer holds (RFC 2308 section 4). */
  readonly SOA: { readonly primary: string; readonly minimum: number }
  /** RFC 6698 section 2.1. */
  readonly TLSA: {
    readonly usage: number
    readonly selector: number
    readonly matching: number
    readonly data: Uint8Array
  }
  /** The strings of the record, joined without anything between them (RFC 7208 section 3.3). */
  readonly TXT: { readonly text: string }
}

/**
 * The types of records that are asked for and read; others are skipped.
 *
 * @category models
 * @since 0.1.0
 */
export type RecordType = keyof RecordData

/**
 * A record of one type.
 *
 * @category models
 * @since 0.1.0
 */
export type DnsRecord<T extends RecordType = RecordType> = {
  readonly [K in T]: RecordData[K] & {
    readonly type: K
    /** The name that the record is about. */
    readonly name: string
    /** How long the record holds, in seconds, 0 to 2^31 - 1. */
    readonly ttl: number
  }
}[T]

/**
 * A reply of a resolver.
 *
 * @category models
 * @since 0.1.0
 */
export interface Message {
  readonly id: number
  /**
   * The reply did not fit into a datagram; the question is to be asked again over TCP. None of its records are read,
   * since nobody knows what is missing (RFC 2181 section 9).
   */
  readonly truncated: boolean
  /** Whether the resolver says that it has validated all of the answer (AD, RFC 4035 section 3.2.3). */
  readonly authenticated: boolean
  /** The response code, with the upper bits of EDNS0. */
  readonly rcode: number
  readonly answers: ReadonlyArray<DnsRecord>
  readonly authority: ReadonlyArray<DnsRecord>
  /** The code of the extended error (RFC 8914), when there is one; 6 to 12 are about DNSSEC. */
  readonly extendedError: number | undefined
}

/**
 * A name cannot be asked for, or a reply cannot be read.
 *
 * @category errors
 * @since 0.1.0
 */
export class DnsMessageError extends Schema.TaggedError<DnsMessageError>("@effect-mail/dns/DnsMessageError")(
  "DnsMessageError",
  {
    /** What is wrong. */
    reason: Schema.String,
    /** The position in the name or in the message, in characters or octets from 0. */
    position: Schema.Int,
    /** How to mend it. */
    hint: Schema.String
  }
) {
  override get message(): string {
    return `${this.reason} at position ${this.position}. ${this.hint}`
  }
}

const types: { readonly [T in RecordType]: number } = {
  A: 1,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  TLSA: 52
}

const opt = 41

const headerSize = 12

// What a datagram may hold without being cut into fragments on its way (DNS Flag Day 2020).
const payloadSize = 1232

/**
 * The bytes of a question with recursion desired, asking for the AD bit (RFC 6840 section 5.7), with EDNS0. The id is 0;
 * see `withId`. Fails when the name is no domain name: empty labels, more than 63 octets in a label or 255 in all,
 * characters outside printable ASCII.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeQuery = (name: string, type: RecordType): Result.Result<Uint8Array, DnsMessageError> => {
  // A name takes one octet more than it has characters, and one for the root.
  const bytes = new Uint8Array(headerSize + Math.min(name.length, 255) + 2 + 4 + 11)
  const written = writeName(bytes, headerSize, name)
  if (typeof written !== "number") {
    const hint = "Use a name such as mail.example.com, in A-labels (xn--...)"
    return Result.fail(new DnsMessageError({ ...written, hint }))
  }
  const view = new DataView(bytes.buffer)
  view.setUint16(2, flags.recursionDesired | flags.authenticated)
  view.setUint16(4, 1)
  view.setUint16(10, 1)
  view.setUint16(written, types[type])
  view.setUint16(written + 2, 1)
  view.setUint16(written + 5, opt)
  view.setUint16(written + 7, payloadSize)
  return Result.succeed(bytes.subarray(0, written + 15))
}

const flags = {
  response: 0x8000,
  opcode: 0x7800,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  authenticated: 0x0020
} as const

/**
 * The same message with another id, 0 to 65535. The id must not be guessable, since it is half of what protects a
 * question over UDP from forged replies (RFC 5452).
 *
 * @category encoding
 * @since 0.1.0
 */
export const withId = (message: Uint8Array, id: number): Uint8Array => {
  const copy = message.slice()
  copy[0] = id >> 8
  copy[1] = id & 0xff
  return copy
}

const lower = (octet: number | undefined): number | undefined =>
  octet !== undefined && octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet

/**
 * Whether bytes are the reply to a question: a response with the same id and the same question (RFC 5452 section 9.1).
 * Everything else that comes in must be ignored, not taken for a failure.
 *
 * @category guards
 * @since 0.1.0
 */
export const isReplyTo = (query: Uint8Array, reply: Uint8Array): boolean => {
  const end = questionEnd(query)
  if (reply.length < end || reply[0] !== query[0] || reply[1] !== query[1]) return false
  const view = new DataView(reply.buffer, reply.byteOffset)
  if ((view.getUint16(2) & (flags.response | flags.opcode)) !== flags.response || view.getUint16(4) !== 1) return false
  for (let at = headerSize; at < end; at++) if (lower(query[at]) !== lower(reply[at])) return false
  return true
}

// Behind the question of a message that `encodeQuery` made.
const questionEnd = (query: Uint8Array): number => {
  let at = headerSize
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) at += length + 1
  return at + 5
}

/**
 * Reads a reply. Fails when it is malformed: too short, a count of records that are not there, names that are too long
 * or point forwards, data of the wrong size, an opcode or a class that was not asked for.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Result.Result<Message, DnsMessageError> => {
  const reader = new Reader(bytes)
  const id = reader.u16()
  const bits = reader.u16()
  const truncated = (bits & flags.truncated) !== 0
  const [questions, answers, authority, additional] = [reader.u16(), reader.u16(), reader.u16(), reader.u16()]
  if ((bits & (flags.response | flags.opcode)) !== flags.response) reader.fail("this is no reply to a question")
  for (let left = questions; left > 0 && reader.fault === undefined; left--) {
    reader.name()
    reader.skip(4)
  }
  const edns: Edns = { rcode: 0, extendedError: undefined }
  const section = (count: number) => (truncated ? [] : records(reader, count, edns))
  const message = {
    id,
    truncated,
    authenticated: (bits & flags.authenticated) !== 0,
    answers: section(answers),
    authority: section(authority)
  }
  section(additional)
  if (reader.fault !== undefined) {
    return Result.fail(new DnsMessageError({ ...reader.fault, hint: "The name server is at fault" }))
  }
  return Result.succeed({ ...message, rcode: (bits & 0xf) | edns.rcode, extendedError: edns.extendedError })
}

// The upper bits of the response code and the extended error, where there is EDNS0.
interface Edns {
  rcode: number
  extendedError: number | undefined
}

const names = new Map(Object.entries(types).map(([type, code]) => [code, type]))

const isRecordType = (type: string | undefined): type is RecordType => type !== undefined && Object.hasOwn(types, type)

const records = (reader: Reader, count: number, edns: Edns): ReadonlyArray<DnsRecord> => {
  const found: Array<DnsRecord> = []
  for (let left = count; left > 0 && reader.fault === undefined; left--) {
    const name = reader.name()
    const code = reader.u16()
    const kind = reader.u16()
    const ttl = reader.u32()
    const end = reader.u16() + reader.at
    if (end > reader.bytes.length) reader.fail("a record ends behind the message")
    const type = names.get(code)
    if (code === opt) readEdns(reader, ttl, end, edns)
    else if (kind === 1 && isRecordType(type)) {
      const record = decodeData(reader, type, end, { name, ttl: ttl > 0x7fffffff ? 0 : ttl })
      if (record !== undefined) found.push(record)
      if (reader.at !== end) reader.fail(`the data of a record of type ${type} has the wrong size`)
    }
    reader.at = end
  }
  return found
}

// RFC 6891 section 6.1.3: the field of the TTL begins with the upper eight bits of the response code.
const readEdns = (reader: Reader, ttl: number, end: number, edns: Edns): void => {
  edns.rcode = (ttl >>> 24) << 4
  while (reader.at + 4 <= end && reader.fault === undefined) {
    const option = reader.u16()
    const size = reader.u16()
    if (option === 15 && size >= 2 && reader.at + 2 <= end) {
      edns.extendedError ??= reader.u16()
      reader.skip(size - 2)
    } else reader.skip(size)
  }
}
