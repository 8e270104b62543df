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
import * as Net from "node:net"
import { fromSystemError } from "./internal/systemError.ts"
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

const connect = (target: Target, options: Options): Effect.Effect<Net.Socket, WireError> =>
  Effect.callback<Net.Socket, WireError>((resume) => {
    const socket = Net.connect({
      host: target.address ?? target.host,
      port: target.port,
      noDelay: true,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      ...(options.family === undefined ? {} : { family: families[options.family] })
    })
    const failed = (cause: Error): void => resume(Effect.fail(fromSystemError(cause, "refused")))
    socket.once("error", failed)
    socket.once("connect", () => {
      socket.off("error", failed)
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => socket.destroy())
  })

/**
 * A dialer with these settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Dialer["Service"] => ({
  open: Effect.fnUntraced(function* (target) {
    const open = Effect.gen(function* () {
      const socket = yield* Effect.acquireRelease(connect(target, options), NodeWire.release, { interruptible: true })
      const wire = yield* NodeWire.make(socket, options)
      if (target.tls !== undefined) yield* wire.secure(target.tls)
      return wire
    })
    return yield* Effect.timeoutOrElse(open, {
      duration: target.timeout,
      orElse: () => Effect.fail(tooSlow(target))
    })
  })
})

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
