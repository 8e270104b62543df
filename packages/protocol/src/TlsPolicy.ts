/**
 * What a session must reach before mail flows. Routing yields the policy, the transport obeys it; a policy is never
 * weakened on the way (CLASS-25). MTA-STS and DANE will be further members of this union, so that adding them is a type
 * error wherever the policy is read and not yet understood.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Never use TLS.
 *
 * @category models
 * @since 0.1.0
 */
export class None extends Schema.TaggedClass<None>()("None", {}) {}

/**
 * Use STARTTLS when it is offered, with any certificate; fall back to clear text when it is absent, refused or fails
 * (CLASS-23, CLASS-24, RFC 7435). The default between mail servers.
 *
 * @category models
 * @since 0.1.0
 */
export class Opportunistic extends Schema.TaggedClass<Opportunistic>()("Opportunistic", {}) {}

/**
 * No mail and no credentials without TLS (CLASS-25). With `verify`, the certificate chain and the host name must be
 * valid, too; without, any certificate will do.
 *
 * @category models
 * @since 0.1.0
 */
export class Required extends Schema.TaggedClass<Required>()("Required", { verify: Schema.Boolean }) {}

/**
 * Schema of a TLS policy.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TlsPolicy = Schema.Union([None, Opportunistic, Required])

/**
 * What a session must reach before mail flows.
 *
 * @category models
 * @since 0.1.0
 */
export type TlsPolicy = typeof TlsPolicy.Type

/**
 * The policy that never uses TLS.
 *
 * @category constructors
 * @since 0.1.0
 */
export const none: TlsPolicy = new None()

/**
 * The policy that uses TLS when it can.
 *
 * @category constructors
 * @since 0.1.0
 */
export const opportunistic: TlsPolicy = new Opportunistic()

/**
 * The policy that demands TLS with a valid certificate for the host.
 *
 * @category constructors
 * @since 0.1.0
 */
export const required: TlsPolicy = new Required({ verify: true })

/**
 * The policy that demands TLS with whatever certificate the server shows: safe from listening, not from an active
 * attacker.
 *
 * @category constructors
 * @since 0.1.0
 */
export const requiredUnverified: TlsPolicy = new Required({ verify: false })
