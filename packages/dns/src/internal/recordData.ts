/**
 * The data of DNS records, type by type (RFC 1035 section 3.3, RFC 3596, RFC 6698).
 */
import * as NetAddress from "effect/net/NetAddress"
import type { DnsRecord, RecordType } from "../DnsMessage.ts"
import type { Reader } from "./wireName.ts"

interface Owner {
  readonly name: string
  readonly ttl: number
}

/** Reads the data of a record that ends at `end`; undefined when it is malformed, which the reader then knows. */
export const decodeData = (reader: Reader, type: RecordType, end: number, owner: Owner): DnsRecord | undefined => {
  switch (type) {
    case "A":
      return address(reader, end, 4, (octets) => ({
        ...owner,
        type,
        address: NetAddress.ipv4FromBytesUnsafe(octets)
      }))
    case "AAAA":
      return address(reader, end, 16, (octets) => ({
        ...owner,
        type,
        address: NetAddress.ipv6FromBytesUnsafe(octets)
      }))
    case "CNAME":
      return { ...owner, type, target: reader.name() }
    case "MX":
      return { ...owner, type, priority: reader.u16(), exchange: reader.name() }
    case "PTR":
      return { ...owner, type, host: reader.name() }
    case "SOA":
      return soa(reader, owner)
    case "TLSA":
      return {
        ...owner,
        type,
        usage: reader.u8(),
        selector: reader.u8(),
        matching: reader.u8(),
        data: rest(reader, end)
      }
    case "TXT":
      return { ...owner, type, text: text(reader, end) }
  }
}

const address = (
  reader: Reader,
  end: number,
  size: number,
  make: (octets: Uint8Array) => DnsRecord
): DnsRecord | undefined => {
  const octets = reader.take(size)
  return octets.length === size && reader.at === end ? make(octets) : undefined
}

const soa = (reader: Reader, owner: Owner): DnsRecord => {
  const primary = reader.name()
  reader.name()
  reader.skip(16)
  return { ...owner, type: "SOA", primary, minimum: reader.u32() }
}

// A copy: a view would keep the whole message alive, and `slice` of a Buffer is a view, too.
const rest = (reader: Reader, end: number): Uint8Array => Uint8Array.from(reader.take(Math.max(0, end - reader.at)))

const decoder = new TextDecoder()

const text = (reader: Reader, end: number): string => {
  const joined = new Uint8Array(Math.max(0, end - reader.at))
  let size = 0
  while (reader.at < end && reader.fault === undefined) {
    const chunk = reader.take(reader.u8())
    if (reader.at > end) reader.fail("a string ends behind its record")
    else joined.set(chunk, size)
    size += chunk.length
  }
  return decoder.decode(joined.subarray(0, Math.min(size, joined.length)))
}
