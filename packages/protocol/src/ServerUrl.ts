/**
 * A mail server as people write it down: `smtp://[user@]host[:port]`, `smtps://…` (TLS from the first byte, RFC 8314) or
 * `lmtp://…`; a Unix domain socket is `smtp+unix:///path` or `lmtp+unix:///path`. The parser is strict: what it does not know it refuses, so that a typing error never becomes a connection
 * without TLS.
 *
 * @since 0.1.0
 */
import * as Host from "effect/net/Host"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Address from "./Address.ts"
import * as Endpoint from "./Endpoint.ts"
import { isAscii, quote } from "./internal/text.ts"
import * as TlsPolicy from "./TlsPolicy.ts"

/**
 * A server URL that cannot be used, and why. The URL itself is not repeated, since it may hold a password.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServerUrlError extends Schema.TaggedError<ServerUrlError>("@effect-mail/protocol/ServerUrlError")(
  "ServerUrlError",
  { reason: Schema.String }
) {
  override get message(): string {
    return `${this.reason}; a server is written smtp://[user@]host[:port] or smtps://[user@]host[:port]`
  }
}

/**
 * What a server URL says.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerUrl {
  readonly endpoint: Endpoint.Endpoint
  readonly username: string | undefined
  readonly password: Redacted.Redacted | undefined
}

const schemes = {
  "smtp:": { implicitTls: false, protocol: "smtp" },
  "smtps:": { implicitTls: true, protocol: "smtp" },
  "lmtp:": { implicitTls: false, protocol: "lmtp" }
} as const

// Unix domain sockets.
const sockets = { "smtp+unix:": "smtp", "lmtp+unix:": "lmtp" } as const

const isSocket = (scheme: string): scheme is keyof typeof sockets => Object.hasOwn(sockets, scheme)

const isScheme = (scheme: string): scheme is keyof typeof schemes => Object.hasOwn(schemes, scheme)

/**
 * Parses a server URL. The port defaults to 465 for `smtps`, to 587 for `smtp` with a user name (submission, RFC 6409), to
 * 24 for `lmtp` and to 25 otherwise. TLS is required and verified for `smtps` and wherever there is a user name, not used at
 * a Unix domain socket, and opportunistic otherwise. Fails with `ServerUrlError`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (input: string): Result.Result<ServerUrl, ServerUrlError> => {
  // The URL parser would drop some of these without a word.
  if (/[\u0000-\u0020\u007f]/.test(input)) return fail("There is a space or a control character in it")
  if (!URL.canParse(input)) return fail("This is not a URL")
  const url = new URL(input)
  if (isSocket(url.protocol)) return socket(url, sockets[url.protocol])
  if (!isScheme(url.protocol)) return fail(`The scheme ${quote(url.protocol.slice(0, -1), 0)} is not known`)
  const host = hostOf(url)
  if (host === undefined) return fail("The host is missing or not a host name")
  if ((url.pathname !== "" && url.pathname !== "/") || url.search !== "" || url.hash !== "") {
    return fail("There is something behind host and port")
  }
  if (url.port === "0") return fail("The port must be between 1 and 65535")
  const credentials = decodeBoth(url)
  if (credentials === undefined) return fail("The user name or the password is not percent-encoded UTF-8")
  if (credentials.username === undefined && credentials.password !== undefined) {
    return fail("There is a password without a user name")
  }
  const { implicitTls, protocol } = schemes[url.protocol]
  const submission = credentials.username !== undefined
  return Result.succeed({
    endpoint: Endpoint.make({
      host,
      port: url.port !== "" ? Number(url.port) : submission && url.protocol === "smtp:" ? 587 : undefined,
      implicitTls,
      protocol,
      tls: implicitTls || submission ? TlsPolicy.required : TlsPolicy.opportunistic
    }),
    ...credentials
  })
}

const socket = (url: URL, protocol: "smtp" | "lmtp"): Result.Result<ServerUrl, ServerUrlError> => {
  const path = decode(url.pathname) ?? ""
  if (url.host !== "" || url.search !== "" || url.hash !== "" || !Endpoint.isPath(path)) {
    return fail(
      `A Unix domain socket is written ${url.protocol}///path, with at most 103 printable ASCII characters in the path`
    )
  }
  return Result.succeed({ endpoint: Endpoint.unix(path, { protocol }), username: undefined, password: undefined })
}

const fail = (reason: string): Result.Result<never, ServerUrlError> => Result.fail(new ServerUrlError({ reason }))

// The URL parser leaves the host of an unknown scheme alone, so names become A-labels here. What is no ASCII goes through the
// strict reader, which takes no character that stands for another (GHSA-wmmp-3585-3rmp).
const hostOf = (url: URL): string | undefined => {
  const written = decode(url.hostname)?.replace(/^\[(.*)\]$/, "$1")
  if (written === undefined) return undefined
  if (!isAscii(written)) return Result.getOrUndefined(Address.domainName(written))
  const host = Result.getOrUndefined(Host.hostFromString(written))
  // A dot at the end is for resolvers, no certificate has it (DNS-019).
  return host === undefined ? undefined : Host.formatHost(Host.isDomainName(host) ? Host.toRelative(host) : host)
}

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const decodeBoth = (url: URL): Pick<ServerUrl, "username" | "password"> | undefined => {
  const username = decode(url.username)
  const password = decode(url.password)
  if (username === undefined || password === undefined) return undefined
  return {
    username: username === "" ? undefined : username,
    password: password === "" ? undefined : Redacted.make(password)
  }
}
