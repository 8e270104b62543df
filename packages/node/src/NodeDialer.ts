/**
 * Opens TCP and TLS connections with Node.js. A certificate that is demanded is checked before a byte of the session goes
 * over the TLS connection; bytes that came in clear text before a handshake end the connection.
 *
 * @since 0.1.0
 */
import { Dialer, type Target } from "@effect-mail/transport/Dialer"
import { WireError } from "@effect-mail/transport/Wire"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Crypto from "node:crypto"
import type * as Net from "node:net"
import * as Tls from "node:tls"
import * as NodeWire from "./internal/wire.ts"

/**
 * The dialer's settings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Certificate authorities to trust instead of the well-known ones, in PEM. */
  readonly ca?: string | ReadonlyArray<string> | undefined
  /** The lowest TLS version that is accepted; TLS 1.2 (RFC 8996, RFC 8997). */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined
  /** The local address to connect from. */
  readonly localAddress?: string | undefined
  /** The IP family to use for host names; both, the faster one first (RFC 8305). */
  readonly family?: "IPv4" | "IPv6" | undefined
}

const families = { IPv4: 4, IPv6: 6 } as const

const address = (target: Target, options: Options): Net.TcpNetConnectOpts => ({
  host: target.address ?? target.host,
  port: target.port,
  noDelay: true,
  ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
  ...(options.family === undefined ? {} : { family: families[options.family] })
})

// Reading certificate authorities takes longer than a handshake, so it is done once.
const secureContext = (options: Options): (() => Tls.SecureContext) => {
  let context: Tls.SecureContext | undefined
  return () => (context ??= makeContext(options))
}

const makeContext = ({ ca, minVersion = "TLSv1.2" }: Options): Tls.SecureContext =>
  Tls.createSecureContext({ minVersion, ...(ca === undefined ? {} : { ca: [ca].flat().filter(readable) }) })

// What is no certificate would be left out silently, and then nobody is trusted; this throws.
const readable = (authority: string): boolean => new Crypto.X509Certificate(authority).raw.length > 0

/**
 * A dialer with these settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Dialer["Service"] => {
  const context = secureContext(options)
  const open = Effect.fnUntraced(function* (target: Target) {
    const wire = yield* NodeWire.open(address(target, options), context)
    if (target.tls !== undefined) yield* wire.secure(target.tls)
    return wire
  })
  return {
    open: (target) =>
      Effect.timeoutOrElse(open(target), { duration: target.timeout, orElse: () => Effect.fail(tooSlow(target)) })
  }
}

const tooSlow = (target: Target): WireError =>
  new WireError({
    reason: "timeout",
    detail: `no connection within ${Duration.format(target.timeout)}`,
    hint: `Is a firewall between this machine and port ${target.port}? Many networks block port 25`
  })

/**
 * The dialer as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Dialer> => Layer.succeed(Dialer, make(options))
