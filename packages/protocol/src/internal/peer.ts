/**
 * Octets that a peer sent and that are no SMTP, made fit to be shown to people.
 */
import { encode } from "./utf8.ts"

const names: ReadonlyMap<number, string> = new Map([
  [9, "\\t"],
  [10, "\\n"],
  [13, "\\r"],
  [92, "\\\\"]
])

const shown = (octet: number): string =>
  names.get(octet) ??
  (octet > 31 && octet < 127 ? String.fromCharCode(octet) : `\\x${octet.toString(16).padStart(2, "0")}`)

/** At most `limit` octets as printable ASCII, everything else as escapes. */
export const excerpt = (bytes: Uint8Array, limit = 60): string =>
  Array.from(bytes.subarray(0, limit), shown).join("") + (bytes.length > limit ? "..." : "")

type Hints = ReadonlyArray<readonly [beginning: string, hint: string]>

const servers: Hints = [
  ["HTTP/", "This is a web server's answer: the port belongs to HTTP"],
  ["SSH-", "This is an SSH server: the port belongs to SSH"],
  ["* OK", "This is an IMAP server: the port belongs to IMAP"],
  ["+OK", "This is a POP3 server: the port belongs to POP3"]
]

const clients: Hints = [
  ["GET ", "This is a web client's request"],
  ["POST", "This is a web client's request"],
  ["HEAD", "This is a web client's request"],
  ["CONN", "This is a web client's request"],
  ["SSH-", "This is an SSH client"]
]

const startsWith = (bytes: Uint8Array, beginning: string): boolean =>
  encode(beginning).every((octet, i) => bytes[i] === octet)

const hintFor = (hints: Hints, bytes: Uint8Array): string | undefined =>
  hints.find(([beginning]) => startsWith(bytes, beginning))?.[1]

// A TLS record: a content type from 20 to 24 and the major version 3 (RFC 8446 section 5.1).
const isTls = ([type = 0, version]: Uint8Array): boolean => type >= 20 && type <= 24 && version === 3

/** What a server speaks that is not SMTP, as far as its first octets tell, and what to do about it. */
export const foreignServer = (bytes: Uint8Array): string | undefined =>
  isTls(bytes)
    ? "These are TLS bytes: this port speaks TLS from the first byte, so use implicit TLS"
    : hintFor(servers, bytes)

/** What a client speaks that is not SMTP, as far as its first octets tell. */
export const foreignClient = (bytes: Uint8Array): string | undefined =>
  isTls(bytes)
    ? "These are TLS bytes: the client expects TLS from the first byte, and this port does not speak it"
    : hintFor(clients, bytes)
