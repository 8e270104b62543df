/**
 * One place to connect to: the values that routing produces and a transport obeys. An endpoint says where (`address`,
 * `port`), who is expected there (`host`, used for SNI and the certificate) and what the session must reach (`tls`).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as TlsPolicy from "./TlsPolicy.ts"

// What fits into a socket address of every Unix, and into a log.
const pathPattern = /^\/[!-~]{1,102}$/

/**
 * Whether a text can be the path of a Unix domain socket: absolute, of at most 103 printable ASCII characters, no space.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPath = (path: string): boolean => pathPattern.test(path)

/**
 * One place to connect to.
 *
 * @category models
 * @since 0.1.0
 */
export class Endpoint extends Schema.Class<Endpoint>("@effect-mail/protocol/Endpoint")({
  /**
   * The server's name: shown in results, sent as SNI, and compared with the certificate. No spaces, no control characters.
   * At a Unix domain socket it is the socket's path unless another name is given.
   */
  host: Schema.String.check(Schema.isPattern(/^[^\u0000-\u0020\u007f-\u00a0]{1,255}$/)),
  /** The IP address to connect to; the name is resolved when it is absent. */
  address: Schema.optional(Schema.String),
  /** The Unix domain socket to connect to (see `isPath`); `address` and `port` are not used then. */
  path: Schema.optional(Schema.String.check(Schema.isPattern(pathPattern))),
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
 * Makes an endpoint at a Unix domain socket, as local mail servers and LMTP servers have them; for `path` see `isPath`.
 * `protocol` defaults to `smtp`, `tls` to none, since the bytes never leave the machine. A path that cannot be is a defect
 * of the caller: it throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unix = (
  path: string,
  options: { readonly protocol?: "smtp" | "lmtp" | undefined; readonly tls?: TlsPolicy.TlsPolicy | undefined } = {}
): Endpoint =>
  new Endpoint({ ...make({ host: path, protocol: options.protocol, tls: options.tls ?? TlsPolicy.none }), path })

/**
 * `host:port` for messages and logs, an IPv6 address in brackets; `host[address]:port` when the address is another than the
 * host; the path alone for a Unix domain socket.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = ({
  address,
  host,
  path,
  port
}: Pick<Endpoint, "host" | "address" | "port"> & { readonly path?: string | undefined }): string => {
  if (path !== undefined) return path
  return address === undefined || address === host
    ? `${host.includes(":") ? `[${host}]` : host}:${port}`
    : `${host}[${address}]:${port}`
}
