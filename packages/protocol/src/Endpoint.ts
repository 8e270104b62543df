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
  /** The server's name: shown in results, sent as SNI, and compared with the certificate. No spaces, no control characters. */
  host: Schema.String.check(Schema.isPattern(/^[^\u0000-\u0020\u007f-\u00a0]{1,255}$/)),
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
 * Makes an endpoint; `port` defaults to 25 (465 with `implicitTls`, 24 for LMTP), `tls` to opportunistic (required and
 * verified with `implicitTls`), `protocol` to `smtp`. A host or port that cannot be is a defect of the caller: it throws.
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
  const { implicitTls = false, protocol = "smtp" } = options
  return new Endpoint({
    host: options.host,
    ...(options.address === undefined ? {} : { address: options.address }),
    port: options.port ?? (protocol === "lmtp" ? 24 : implicitTls ? 465 : 25),
    implicitTls,
    tls: options.tls ?? (implicitTls ? TlsPolicy.required : TlsPolicy.opportunistic),
    protocol
  })
}

/**
 * `host:port` for messages and logs, an IPv6 address in brackets; `host[address]:port` when the address is another than the
 * host.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = ({ address, host, port }: Pick<Endpoint, "host" | "address" | "port">): string =>
  address === undefined || address === host
    ? `${host.includes(":") ? `[${host}]` : host}:${port}`
    : `${host}[${address}]:${port}`
