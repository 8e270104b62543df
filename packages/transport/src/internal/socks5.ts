/** The client's part of SOCKS 5: RFC 1928, and RFC 1929 for the user name and the password. */
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { type Destination, exactly, fail, type Handshake, type Login, nothing, type Refusal } from "./handshake.ts"

const version = 5
const noLogin = 0
const passwordLogin = 2
const connectCommand = 1
const kinds = { ipv4: 1, name: 3, ipv6: 4 } as const

const encoder = new TextEncoder()

const notSocks = fail("local", "the proxy does not speak SOCKS 5", "An HTTP proxy is written http://host:port")

/** Asks the proxy to connect to a host by name or address. */
export function* connect(destination: Destination, login: Login | undefined): Handshake {
  const methods = login === undefined ? [noLogin] : [noLogin, passwordLogin]
  const [hello, method] = yield { send: Uint8Array.of(version, methods.length, ...methods), take: exactly(2) }
  if (hello !== version) return notSocks
  if (method === passwordLogin && login !== undefined) {
    const [, status] = yield { send: authentication(login), take: exactly(2) }
    if (status !== 0) return fail("local", "the proxy refused the user name or the password")
  } else if (method !== noLogin) {
    return fail("local", "the proxy wants a login that it was not given", "Give it a user name and a password")
  }
  const [answer, code = -1] = yield { send: request(destination), take: exactly(2) }
  if (answer !== version) return notSocks
  if (code !== 0) return refusals[code] ?? fail("local", `the proxy refused with the unknown code ${code}`)
  // The first octet of the address says how long it is when it is a name.
  const [, kind, first = 0] = yield { send: nothing, take: exactly(3) }
  // Where the proxy connects from is of no use here, but it stands before the server's first octet.
  const left = kind === kinds.ipv4 ? 3 : kind === kinds.ipv6 ? 15 : kind === kinds.name ? first : undefined
  if (left === undefined) return notSocks
  yield { send: nothing, take: exactly(left + 2) }
  return Result.void
}

const refusals: Readonly<Record<number, Refusal>> = {
  1: fail("refused", "the proxy could not connect"),
  2: fail("local", "the proxy's rules do not allow the connection"),
  3: fail("refused", "the network is unreachable for the proxy"),
  4: fail("refused", "the host is unreachable for the proxy"),
  5: fail("refused", "connection refused, says the proxy"),
  6: fail("timeout", "the host did not answer the proxy in time"),
  7: fail("local", "the proxy makes no connections"),
  8: fail("local", "the proxy does not know this kind of address")
}

// Both have 1 to 255 octets (RFC 1929 section 2), which whoever made the login has seen to.
const authentication = ({ password, username }: Login): Uint8Array => {
  const user = encoder.encode(username)
  const secret = encoder.encode(Redacted.value(password))
  return Uint8Array.of(1, user.length, ...user, secret.length, ...secret)
}

const request = ({ host, port }: Destination): Uint8Array =>
  Uint8Array.of(version, connectCommand, 0, ...address(host), port >> 8, port & 0xff)

const address = (host: Destination["host"]): ReadonlyArray<number> => {
  if (typeof host === "string") return [kinds.name, host.length, ...encoder.encode(host)]
  if (NetAddress.isIpv4Address(host)) return [kinds.ipv4, ...NetAddress.ipv4ToOctets(host)]
  return [kinds.ipv6, ...NetAddress.ipv6ToSegments(host).flatMap((segment) => [segment >> 8, segment & 0xff])]
}
