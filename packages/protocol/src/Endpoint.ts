/**
 * One place to connect to: the values that routing produces and a transport obeys. An endpoint says where (`address`,
 * `port`), who is expected there (`host`, used for SNI and the certificate) and what the session must reach (`tls`).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as TlsPolicy from "./TlsPolicy.ts"

/**
 * One place to connect to.
 *
 * @category models
 * @since 0.1.0
 */
export class Endpoint extends Schema.Class<Endpoint>("@effect-mail/protocol/Endpoint")({
  /** The server's name: shown in results, sent as SNI, and compared with the certificate. */
  host: Schema.String,
  /** The IP address to connect to; the name is resolved when it is absent. */
  address: Schema.optional(Schema.String),
  /** TCP port, 1 to 65535. */
  port: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65535 })),
  /** TLS from the first byte (port 465) instead of STARTTLS (RFC 8314 section 3.3). */
  implicitTls: Schema.Boolean,
  /** What the session must reach before mail flows. */
  tls: TlsPolicy.TlsPolicy,
  /** SMTP, or LMTP with its one reply per recipient (RFC 2033). */
  protocol: Schema.Literals(["smtp", "lmtp"])
}) {}

/**
 * Makes an endpoint; `port` defaults to 25 (465 with `implicitTls`), `tls` to opportunistic (required and verified with
 * `implicitTls`), `protocol` to `smtp`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly host: string
  readonly address?: string | undefined
  readonly port?: number | undefined
  readonly implicitTls?: boolean | undefined
  readonly tls?: TlsPolicy.TlsPolicy | undefined
  readonly protocol?: "smtp" | "lmtp" | undefined
}): Endpoint => {
  const implicitTls = options.implicitTls ?? false
  return new Endpoint({
    host: options.host,
    ...(options.address === undefined ? {} : { address: options.address }),
    port: options.port ?? (implicitTls ? 465 : 25),
    implicitTls,
    tls: options.tls ?? (implicitTls ? TlsPolicy.required : TlsPolicy.opportunistic),
    protocol: options.protocol ?? "smtp"
  })
}

/**
 * `host:port` for messages and logs, with the address in brackets when it differs from the host.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (self: Endpoint): string =>
  self.address === undefined || self.address === self.host
    ? `${self.host}:${self.port}`
    : `${self.host}[${self.address}]:${self.port}`
