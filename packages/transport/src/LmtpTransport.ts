/**
 * Sends over LMTP (RFC 2033) to a mailbox store or a local delivery agent: LHLO instead of EHLO, and after the message one
 * reply for each recipient, so that one full mailbox refuses nobody else (CLASS-56, CLASS-57). Everything else is
 * `SmtpTransport`'s.
 *
 * @since 0.1.0
 */
import * as Endpoint from "@effect-mail/protocol/Endpoint"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Arr from "effect/Array"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Dialer } from "./Dialer.ts"
import type { InvalidSetting, SmtpSettings } from "./SmtpSettings.ts"
import * as SmtpTransport from "./SmtpTransport.ts"
import { Transport } from "./Transport.ts"

/**
 * A transport to these endpoints, tried in turn, each spoken to in LMTP whatever its `protocol` says, over connections that
 * are kept as long as the scope. Fails with `InvalidSetting` when a setting cannot be used. LMTP is never spoken
 * on port 25 (RFC 2033 section 5): an endpoint with that port is a defect of the caller, it throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  endpoints: NonEmptyReadonlyArray<Endpoint.Endpoint>,
  settings?: Partial<SmtpSettings>
): Effect.Effect<Transport["Service"], InvalidSetting, Dialer | Scope.Scope> =>
  SmtpTransport.make(Arr.map(endpoints, lmtp), settings)

const lmtp = (endpoint: Endpoint.Endpoint): Endpoint.Endpoint => {
  if (endpoint.port === 25) throw new RangeError("LMTP is not spoken on port 25; the usual port is 24")
  return new Endpoint.Endpoint({ ...endpoint, protocol: "lmtp" })
}

/**
 * The transport to these endpoints as a layer. Fails with `InvalidSetting` when a setting cannot be used.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  endpoints: NonEmptyReadonlyArray<Endpoint.Endpoint>,
  settings?: Partial<SmtpSettings>
): Layer.Layer<Transport, InvalidSetting, Dialer> => Layer.effect(Transport, make(endpoints, settings))
