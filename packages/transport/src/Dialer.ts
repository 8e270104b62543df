/**
 * The service that opens connections. `packages/node` has the real one, `@effect-mail/testing` one that stays in memory.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { type TlsDemand, type Wire, WireError } from "./Wire.ts"

/**
 * Where to connect to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly host: string
  /** The IP address of the host, when it is known already. */
  readonly address?: string | undefined
  /** The Unix domain socket to connect to instead of a host. */
  readonly path?: string | undefined
  readonly port: number
  /** TLS from the first byte, and what it must prove. */
  readonly tls?: TlsDemand | undefined
  /** The longest time that opening the connection may take: names, proxies and TLS included. */
  readonly timeout: Duration.Duration
}

/**
 * Opens connections; each belongs to the scope of the caller and is closed with it.
 *
 * @category services
 * @since 0.1.0
 */
export class Dialer extends Context.Service<
  Dialer,
  { readonly open: (target: Target) => Effect.Effect<Wire, WireError, Scope.Scope> }
>()("@effect-mail/transport/Dialer") {}

/**
 * A dialer, given how to open a connection in clear text (`target.tls` is not its business): this adds the handshake of TLS
 * from the first byte and the time limit, and sees to it that a connection which is not handed over is closed at once and
 * not with the caller's scope, however the opening ends.
 *
 * `late` is the error when the time is up.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  connect: (target: Target) => Effect.Effect<Wire, WireError, Scope.Scope>,
  late: (target: Target) => WireError = tooSlow
): Dialer["Service"] => {
  const open = Effect.fnUntraced(function* (target: Target) {
    const wire = yield* connect(target)
    if (target.tls !== undefined) yield* Effect.mapError(wire.secure(target.tls), orClearText)
    return wire
  })
  return {
    open: (target) =>
      Effect.timeoutOrElse(owned(open(target)), {
        duration: target.timeout,
        orElse: () => Effect.fail(late(target))
      })
  }
}

// A greeting that was there before the handshake.
const orClearText = (error: WireError): WireError => (error.reason === "protocol" ? clearText : error)

const clearText = new WireError({
  reason: "tls",
  detail: "the server does not speak TLS from the first byte",
  hint: "Use smtp:// (STARTTLS) for this port instead of smtps://"
})

/**
 * An effect whose resources are released with the caller's scope when it succeeds, and at once when it fails or is
 * interrupted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const owned = Effect.fnUntraced(function* <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.fn.Return<A, E, Exclude<R, Scope.Scope> | Scope.Scope> {
  const scope = yield* Scope.fork(yield* Effect.scope)
  return yield* Scope.provide(effect, scope).pipe(Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))))
})

/**
 * The error of a target that did not answer in time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tooSlow = (target: Target): WireError =>
  new WireError({
    reason: "timeout",
    detail: `no connection within ${Duration.format(target.timeout)}`,
    hint:
      target.path === undefined
        ? `Is a firewall between this machine and port ${target.port}? Many networks block port 25`
        : undefined
  })
