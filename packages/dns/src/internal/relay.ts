/**
 * One list of hosts for all domains: a smart host or a submission service. No MX record is looked up and no address is
 * refused, since the hosts were written by the operator (DNS-022).
 */
import type * as Failure from "@effect-mail/protocol/Failure"
import type * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Route from "../Route.ts"
import * as Domain from "./domain.ts"
import * as Hosts from "./hosts.ts"
import * as Lookup from "./lookup.ts"
import * as Options from "./options.ts"
import * as Verdict from "./verdict.ts"

export interface Settings extends Hosts.Settings {
  readonly hosts: Arr.NonEmptyReadonlyArray<RelayHost>
  readonly port: number
  readonly implicitTls: boolean
  readonly tls: TlsPolicy.TlsPolicy | undefined
  readonly timeout: Duration.Duration
}

/** A host as it was written; `asked` is what the resolver is asked for, undefined when the host is an address. */
export type RelayHost =
  | { readonly name: string; readonly asked: string }
  | { readonly name: string; readonly asked: undefined; readonly address: NetAddress.IpAddress }

/**
 * Reads `smtp.example.com`, `[smtp.example.com]`, `192.0.2.1`, `[192.0.2.1]`, `2001:db8::1` or `[IPv6:2001:db8::1]`.
 */
export const parseHost = (option: string, text: string): Result.Result<RelayHost, Options.InvalidOption> => {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text
  const address = NetAddress.ipFromString(bare.replace(/^ipv6:/i, ""))
  if (Result.isSuccess(address)) {
    const canonical = NetAddress.toCanonical(address.success)
    return Result.succeed({ name: NetAddress.formatIp(canonical), asked: undefined, address: canonical })
  }
  if (/:\d+$/.test(bare)) {
    return Options.invalid(option, `${Domain.quote(text)} has a port`, "Give the port of all hosts as the option port")
  }
  return Result.map(Options.name(option, bare), (name) => ({ name, asked: bare }))
}

/** Makes the routing function of `Router.layerRelay`. */
export const make = (dns: Dns.Dns["Service"], settings: Settings) => {
  const lookup = Lookup.make(dns, settings)

  const look = (host: RelayHost, preference: number): Effect.Effect<Hosts.Examined> =>
    host.asked === undefined
      ? Effect.succeed({ name: host.name, preference, answer: { _tag: "Found", value: [host.address] } })
      : Effect.map(lookup.system(host.asked), (answer) => ({ name: host.name, preference, answer }))

  return Effect.fnUntraced(function* (
    input: string
  ): Effect.fn.Return<Route.Route, Failure.PermFailure | Failure.Unreachable> {
    const domain = yield* Effect.fromResult(Domain.parse(input))
    const examined = yield* Effect.forEach(settings.hosts, look, { concurrency: "unbounded" })
    const { hosts, problems } = Hosts.choose(examined, settings)
    if (!Arr.isReadonlyArrayNonEmpty(hosts)) return yield* Verdict.noRelay(Verdict.whys(problems))
    return Route.make({
      ...settings,
      domain: domain.text,
      destination: `${settings.hosts[0].name}:${settings.port}`,
      kind: "relay",
      hosts,
      notes: problems.length > 0 ? [`left out: ${Verdict.whys(problems)}`] : []
    })
  })
}
