/** The client's part of HTTP CONNECT: RFC 9110 section 9.3.6, RFC 9112, and RFC 7617 for the login. */
import * as Base64 from "effect/encoding/Base64"
import * as Host from "effect/net/Host"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { type Destination, fail, type Handshake, type Login, nothing, type Refusal } from "./handshake.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder("latin1")

/** Asks the proxy for a tunnel to a host by name or address. */
export function* connect(destination: Destination, login: Login | undefined): Handshake {
  let head = yield { send: encoder.encode(request(destination, login)), take: headLength }
  let status = statusOf(head)
  // An interim response says that the final one is yet to come (RFC 9110 section 15.2).
  for (let interim = 0; status >= 100 && status < 200 && interim < 10; interim++) {
    head = yield { send: nothing, take: headLength }
    status = statusOf(head)
  }
  // Whatever is behind the head is the server's, and so are fields about the length of a body (RFC 9110 section 9.3.6).
  return status >= 200 && status < 300 ? Result.void : refusal(status)
}

const refusal = (status: number): Refusal => {
  switch (status) {
    case 0:
      return fail("local", "the proxy does not speak HTTP", "A SOCKS proxy is written socks5://host:port")
    case 407:
      return fail("local", "the proxy wants a user name and a password, or refused them (407)")
    case 502:
    case 503:
      return fail("refused", `the proxy could not connect (${status})`)
    case 504:
      return fail("timeout", "the host did not answer the proxy in time (504)")
    default:
      return fail("local", `the proxy refused the connection (${status})`)
  }
}

const request = ({ host, port }: Destination, login: Login | undefined): string => {
  const name = Host.formatHost(host)
  const authority = `${name.includes(":") ? `[${name}]` : name}:${port}`
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`]
  if (login !== undefined) lines.push(`Proxy-Authorization: Basic ${basic(login)}`)
  return `${lines.join("\r\n")}\r\n\r\n`
}

const basic = ({ password, username }: Login): string => Base64.encode(`${username}:${Redacted.value(password)}`)

const LF = 10
const CR = 13

// The octets up to the empty line that ends a head; lines may end in LF alone (RFC 9112 section 2.2).
const headLength = (received: Uint8Array): number => {
  for (let at = received.indexOf(LF); at !== -1; at = received.indexOf(LF, at + 1)) {
    const next = received[at + 1] === CR ? at + 2 : at + 1
    if (received[next] === LF) return next + 1
  }
  return 0
}

// The status code, or 0 when this is no response.
const statusOf = (head: Uint8Array): number =>
  Number(/^HTTP\/1\.[01] ([1-5]\d\d)[ \r\n]/.exec(decoder.decode(head.subarray(0, 16)))?.[1] ?? 0)
