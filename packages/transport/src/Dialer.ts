/**
 * The service that opens connections. `packages/node` has the real one, `@effect-mail/testing` one that stays in memory.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { TlsDemand, Wire, WireError } from "./Wire.ts"

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
  readonly port: number
  /** TLS from the first byte, and what it must prove. */
  readonly tls?: TlsDemand | undefined
  /** The longest time that opening the connection, TLS included, may take. */
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
