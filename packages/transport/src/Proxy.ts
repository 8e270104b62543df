/**
 * Connections through a proxy: SOCKS 5 (RFC 1928, RFC 1929) or HTTP CONNECT (RFC 9110 section 9.3.6), over whatever dialer
 * reaches the proxy. TLS goes through the proxy to the server, which is the one whose certificate is checked. A proxy that
 * does not work is our own trouble (`local`, CLASS-14); a server that the proxy cannot reach is the server's.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Dialer, make as makeDialer, type Target, tooSlow } from "./Dialer.ts"
import type { Destination } from "./internal/handshake.ts"
import * as Handshake from "./internal/handshake.ts"
import * as HttpConnect from "./internal/httpConnect.ts"
import * as Socks5 from "./internal/socks5.ts"
import { WireError } from "./Wire.ts"

/**
 * A proxy that cannot be used, and why. Neither the user name nor the password is repeated.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProxyError extends Schema.TaggedError<ProxyError>("@effect-mail/transport/ProxyError")("ProxyError", {
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.reason}; a proxy is written socks5://[user:password@]host[:port] or http://[user:password@]host[:port]`
  }
}

/**
 * A proxy, where it listens and who we are to it; made by `make` or `parse`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Proxy {
  readonly protocol: "socks5" | "http"
  /** A host name or an IP address. */
  readonly host: string
  readonly port: number
  readonly login: { readonly username: string; readonly password: Redacted.Redacted } | undefined
}

/**
 * Makes a proxy; `port` defaults to 1080 for `socks5` and 80 for `http`. Fails with `ProxyError` when the host is none, or
 * when a user name or a password cannot be said in the protocol: both have 1 to 255 octets for SOCKS (RFC 1929 section 2),
 * and for HTTP no control characters and no colon in the user name (RFC 7617 section 2).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly protocol: "socks5" | "http"
  readonly host: string
  readonly port?: number | undefined
  readonly login?: Proxy["login"]
}): Result.Result<Proxy, ProxyError> => {
  const { host, login, protocol } = options
  const port = options.port ?? (protocol === "socks5" ? 1080 : 80)
  if (destinationOf(host, port) === undefined)
    return fail("The host is missing or not a host name, or the port is none")
  if (login !== undefined && !says[protocol](login.username, Redacted.value(login.password))) {
    return fail("The user name or the password cannot be said in the protocol of the proxy")
  }
  return Result.succeed({ protocol, host, port, login })
}

const fail = (reason: string): Result.Result<never, ProxyError> => Result.fail(new ProxyError({ reason }))

const says = {
  socks5: (...both: ReadonlyArray<string>): boolean =>
    both.map((text) => new TextEncoder().encode(text).length).every((length) => length > 0 && length < 256),
  http: (username: string, password: string): boolean =>
    !username.includes(":") && !/[\u0000-\u001f\u007f]/.test(username + password)
}

const protocols = { "socks5:": "socks5", "socks5h:": "socks5", "http:": "http" } as const

const isProtocol = (scheme: string): scheme is keyof typeof protocols => Object.hasOwn(protocols, scheme)

/**
 * Parses the URL of a proxy: `socks5://[user:password@]host[:port]` (`socks5h://` means the same) or `http://…`. Names are
 * resolved by whoever knows the address first: what has an address is connected to by address, everything else by name, at
 * the proxy. Fails with `ProxyError`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (input: string): Result.Result<Proxy, ProxyError> => {
  // The URL parser would drop some of these without a word.
  if (/[\u0000-\u0020\u007f]/.test(input) || !URL.canParse(input)) return fail("This is not a URL")
  const url = new URL(input)
  if (!isProtocol(url.protocol)) return fail(`The scheme ${JSON.stringify(url.protocol.slice(0, -1))} is not known`)
  if ((url.pathname !== "" && url.pathname !== "/") || url.search !== "" || url.hash !== "") {
    return fail("There is something behind host and port")
  }
  const username = decode(url.username)
  const password = decode(url.password)
  if (username === undefined || password === undefined) {
    return fail("The user name or the password is not percent-encoded UTF-8")
  }
  return make({
    protocol: protocols[url.protocol],
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? undefined : Number(url.port),
    login: username === "" && password === "" ? undefined : { username, password: Redacted.make(password) }
  })
}

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

// Nothing that a caller wrote reaches a proxy without having been parsed here (no CR LF in a CONNECT line). An IPv6 address
// with a zone is none for another machine (RFC 4007 section 6).
const destinationOf = (text: string, port: number): Destination | undefined => {
  const host = Result.getOrUndefined(Host.hostFromString(text))
  if (host === undefined || !Number.isInteger(port) || port < 1 || port > 65535) return undefined
  if (Host.isDomainName(host)) return { host: Host.toRelative(host), port }
  return NetAddress.isIpAddress(host) ? { host, port } : undefined
}

/**
 * A dialer that connects through this proxy, given the dialer that reaches the proxy. A target with an address is asked for
 * by address, another one by name, which the proxy resolves; a Unix domain socket is not the proxy's business. The target's time limit holds for all of it; while the proxy
 * itself has not been reached, its end is `local`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const through =
  (proxy: Proxy) =>
  (dialer: Dialer["Service"]): Dialer["Service"] => ({
    open: (target) =>
      Effect.suspend(() => {
        if (target.path !== undefined) return dialer.open(target)
        let reached = false
        const connect = Effect.fnUntraced(function* (to: Target) {
          const destination = destinationOf(to.address ?? to.host, to.port)
          if (destination === undefined) return yield* unspeakable
          const wire = yield* Effect.mapError(dialer.open({ ...proxy, timeout: to.timeout }), broken(proxy))
          reached = true
          return yield* Effect.mapError(
            Handshake.play(wire, handshakes[proxy.protocol](destination, proxy.login)),
            lost
          )
        })
        const late = (to: Target): WireError => (reached ? tooSlow(to) : broken(proxy)(tooSlow(to)))
        return makeDialer(connect, late).open(target)
      })
  })

const handshakes = { socks5: Socks5.connect, http: HttpConnect.connect } as const

const unspeakable = new WireError({
  reason: "local",
  detail: "a proxy cannot be asked for this place",
  hint: "It takes a host name or an IP address, and a port"
})

const broken =
  ({ host, port }: Proxy) =>
  (cause: WireError): WireError =>
    new WireError({
      reason: "local",
      detail: `the proxy at ${host}:${port} cannot be used: ${cause.detail}`,
      hint: cause.hint,
      cause
    })

// A proxy that hangs up before it has answered.
const lost = (error: WireError): WireError =>
  error.reason === "closed" || error.reason === "reset"
    ? new WireError({ reason: "local", detail: "the proxy hung up before it had connected", cause: error })
    : error

/**
 * The dialer through this proxy as a layer, over the dialer that reaches it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (proxy: Proxy): Layer.Layer<Dialer, never, Dialer> =>
  Layer.effect(Dialer, Effect.map(Dialer, through(proxy)))
