/**
 * Opens TCP and TLS connections with Node.js. A certificate that is demanded is checked before a byte of the session goes
 * over the TLS connection; bytes that came in clear text before a handshake end the connection.
 *
 * @since 0.1.0
 */
import * as Dialer from "@effect-mail/transport/Dialer"
import * as HappyEyeballs from "@effect-mail/transport/HappyEyeballs"
import * as Proxy from "@effect-mail/transport/Proxy"
import { type Wire, WireError } from "@effect-mail/transport/Wire"
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as Dns from "node:dns"
import * as Net from "node:net"
import { file, parsed } from "./internal/environment.ts"
import { fromSystemError } from "./internal/systemError.ts"
import { TlsClient } from "./internal/tls.ts"
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
  /** Who this client is to servers that ask for a certificate: the certificate with its chain, and its key, in PEM. */
  readonly clientCertificate?:
    | {
        readonly certificate: string
        readonly key: Redacted.Redacted
        /** What the key is encrypted with. */
        readonly passphrase?: Redacted.Redacted | undefined
      }
    | undefined
  /** The lowest TLS version that is accepted; TLS 1.2 (RFC 8996, RFC 8997). */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined
  /**
   * Whether TLS sessions are resumed, which spares a server's next connection the certificates; true by default. A session
   * is used for an hour, for the same host and port and under the same demand only.
   */
  readonly resumption?: boolean | undefined
  /**
   * The local IP address to connect from, or one for each family. A family that has none is not used then, and nor is a
   * server that has addresses of that family only.
   */
  readonly localAddress?: string | ReadonlyArray<string> | undefined
  /** The local port to connect from, for firewalls that want it so; it allows one connection to a server at a time. */
  readonly localPort?: number | undefined
  /** The IP family to use; both by default, the faster one first (RFC 8305). */
  readonly family?: "IPv4" | "IPv6" | undefined
  /** The proxy to connect through; see `Proxy.parse`. The other settings hold for the way to the proxy, those of TLS for the server. */
  readonly proxy?: Proxy.Proxy | undefined
}

const families = { 4: "IPv4", 6: "IPv6" } as const

const familyOf = (address: string): "IPv4" | "IPv6" | undefined => {
  const version = Net.isIP(address)
  return version === 4 || version === 6 ? families[version] : undefined
}

/**
 * A dialer with these settings. Names are resolved by the system (`getaddrinfo`), and their addresses tried as RFC 8305 says.
 * What cannot be used in the settings fails each `open` with a `local` error.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Dialer.Dialer["Service"] => {
  const client = new TlsClient(options)
  const source = sourceOf(options)
  const direct = Dialer.make((target) => {
    if (target.path !== undefined) return NodeWire.open({ path: target.path }, client)
    if (source instanceof WireError) return Effect.fail(source)
    return connect(target, source, client)
  })
  return options.proxy === undefined ? direct : Proxy.through(options.proxy)(direct)
}

// What connections come from, for each family that is used.
interface Source {
  readonly families: ReadonlyMap<string | undefined, Pick<Net.TcpNetConnectOpts, "localAddress" | "localPort">>
}

const sourceOf = ({ family, localAddress, localPort }: Options): Source | WireError => {
  const port = localPort === undefined ? {} : { localPort }
  if (localPort !== undefined && !(Number.isInteger(localPort) && localPort > 0 && localPort < 65536)) {
    return unusable(`${localPort} is no port to connect from`)
  }
  const used = localAddress === undefined ? Object.values(families) : [localAddress].flat()
  const sources = used.map((local) =>
    localAddress === undefined
      ? ([local, port] as const)
      : ([familyOf(local), { ...port, localAddress: local }] as const)
  )
  const wrong = sources.findIndex(([kind]) => kind === undefined)
  if (wrong !== -1) return unusable(`${JSON.stringify(used[wrong])} is no IP address to connect from`)
  return { families: new Map(sources.filter(([kind]) => family === undefined || kind === family)) }
}

const unusable = (detail: string): WireError => new WireError({ reason: "local", detail })

const connect = Effect.fnUntraced(function* (
  target: Dialer.Target,
  { families }: Source,
  client: TlsClient
): Effect.fn.Return<Wire, WireError, Scope.Scope> {
  const all = yield* addresses(target.address ?? target.host)
  const attempts = HappyEyeballs.interleave(all.filter((address) => families.has(familyOf(address)))).map((host) =>
    NodeWire.open({ host, port: target.port, noDelay: true, ...families.get(familyOf(host)) }, client)
  )
  if (!Arr.isReadonlyArrayNonEmpty(attempts)) return yield* noFamily
  return yield* attempts.length === 1 ? attempts[0] : HappyEyeballs.race(attempts)
})

const noFamily = new WireError({
  reason: "refused",
  detail: "the host has no address of the IP family that connections are made with",
  hint: "The dialer's family or local address leaves the other one out"
})

const addresses = (host: string): Effect.Effect<ReadonlyArray<string>, WireError> =>
  Net.isIP(host) !== 0
    ? Effect.succeed([host])
    : Effect.callback((resume) =>
        Dns.lookup(host, { all: true, order: "verbatim" }, (error, found) =>
          resume(
            error === null
              ? Effect.succeed(found.map(({ address }) => address))
              : Effect.fail(fromSystemError(error, "name"))
          )
        )
      )

/**
 * The dialer as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Dialer.Dialer> => Layer.succeed(Dialer.Dialer, make(options))

/**
 * The settings that the environment asks for:
 *
 * - `EFFECT_MAIL_PROXY`: the URL of a proxy; see `Proxy.parse`.
 * - `EFFECT_MAIL_LOCAL_ADDRESS`: the local IP address, or one for each family with a comma between them.
 * - `EFFECT_MAIL_CA_FILE`: a file with certificate authorities in PEM.
 * - `EFFECT_MAIL_CERTIFICATE_FILE`: a file with the client certificate in PEM, and `EFFECT_MAIL_KEY_FILE`: one with its key,
 *   when that is not in the same file.
 *
 * Fails with a `ConfigError` that names the variable and says what is wrong with it.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Effect.Effect<Options, Config.ConfigError> = Effect.gen(function* () {
  const proxy = yield* Config.option(parsed("EFFECT_MAIL_PROXY", Proxy.parse))
  const localAddress = yield* Config.option(parsed("EFFECT_MAIL_LOCAL_ADDRESS", ipAddresses))
  const ca = yield* file("EFFECT_MAIL_CA_FILE", noCertificate)
  const certificate = yield* file("EFFECT_MAIL_CERTIFICATE_FILE", noCertificate)
  const key = (yield* file("EFFECT_MAIL_KEY_FILE", () => undefined)) ?? certificate
  return {
    ca,
    proxy: Option.getOrUndefined(proxy),
    localAddress: Option.getOrUndefined(localAddress),
    clientCertificate:
      certificate === undefined || key === undefined ? undefined : { certificate, key: Redacted.make(key) }
  }
})

/**
 * The dialer that the environment asks for, as a layer; see `config`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<Dialer.Dialer, Config.ConfigError> = Layer.effect(
  Dialer.Dialer,
  Effect.map(config, make)
)

const ipAddresses = (text: string): Result.Result<ReadonlyArray<string>, { readonly message: string }> => {
  const all = text.split(",").map((address) => address.trim())
  const wrong = all.find((address) => Net.isIP(address) === 0)
  return wrong === undefined
    ? Result.succeed(all)
    : Result.fail({ message: `${JSON.stringify(wrong.slice(0, 100))} is no IP address to connect from` })
}

const noCertificate = (pem: string): string | undefined => {
  try {
    return void new Crypto.X509Certificate(pem)
  } catch {
    return "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"
  }
}
