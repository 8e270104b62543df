/**
 * Routes that are written down: by an operator for `Router.layerStatic`, by a test for `Router.layerTest`.
 */
import type * as Failure from "@effect-mail/protocol/Failure"
import type * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import * as Arr from "effect/Array"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Route from "../Route.ts"
import * as Domain from "./domain.ts"
import * as Hosts from "./hosts.ts"
import * as Options from "./options.ts"
import * as Verdict from "./verdict.ts"

export interface Row {
  readonly hosts: ReadonlyArray<string | { readonly name: string; readonly addresses: ReadonlyArray<string> }>
  readonly destination?: string | undefined
  readonly port?: number | undefined
  readonly implicitTls?: boolean | undefined
  readonly tls?: TlsPolicy.TlsPolicy | undefined
}

/** The row for all domains that have none of their own. */
const others = "*"

type Found = Result.Result<Route.Route, Failure.PermFailure>

/** Reads a table and makes the routing function of `Router.layerStatic`. */
export const make = (
  table: Readonly<Record<string, Row>>
): Result.Result<(domain: string) => Found, Options.InvalidOption> =>
  Result.gen(function* () {
    const rows = new Map<string, (domain: string) => Route.Route>()
    for (const [domain, row] of Object.entries(table)) rows.set(yield* key(domain), yield* read(domain, row))
    return (input: string) =>
      Result.flatMap(Domain.parse(input), ({ text }) => {
        const row = rows.get(text) ?? rows.get(others)
        return row === undefined ? Result.fail(missing(input)) : Result.succeed(row(text))
      })
  })

/** The failure for a domain that no row is for. */
export const missing = (input: string): Failure.PermFailure =>
  Result.match(Domain.parse(input), {
    onFailure: (malformed) => malformed,
    onSuccess: ({ text }) => Verdict.notInTable(text)
  })

const key = (domain: string): Result.Result<string, Options.InvalidOption> =>
  domain === others
    ? Result.succeed(others)
    : Result.match(Domain.parse(domain), {
        onFailure: ({ reason, hint }) => Options.invalid("table", reason, hint ?? ""),
        onSuccess: ({ text }) => Result.succeed(text)
      })

const unlimited: Hosts.Settings = {
  family: "any",
  maxHosts: Infinity,
  maxAddressesPerHost: Infinity,
  privateAddresses: "allow"
}

const read = (domain: string, row: Row): Result.Result<(domain: string) => Route.Route, Options.InvalidOption> =>
  Result.gen(function* () {
    const option = `table[${Domain.quote(domain)}]`
    const port = row.port === undefined ? undefined : yield* Options.port(`${option}.port`, row.port)
    const written = yield* Options.each(`${option}.hosts`, row.hosts, host)
    const { hosts } = Hosts.choose(
      written.map((host, preference) => ({ ...host, preference })),
      unlimited
    )
    if (!Arr.isReadonlyArrayNonEmpty(hosts)) return yield* Options.invalid(option, "it has no host", "Add at least one")
    return (domain: string) => Route.make({ ...row, port, hosts, domain })
  })

const host = (
  option: string,
  value: Row["hosts"][number]
): Result.Result<Pick<Hosts.Examined, "name" | "answer">, Options.InvalidOption> =>
  Result.gen(function* () {
    if (typeof value === "string") {
      const address = yield* Options.address(option, value)
      return { name: NetAddress.formatIp(address), answer: { _tag: "Found", value: [address] } }
    }
    const name = yield* Options.name(`${option}.name`, value.name)
    const addresses = yield* Options.each(`${option}.addresses`, value.addresses, Options.address)
    if (!Arr.isReadonlyArrayNonEmpty(addresses)) {
      return yield* Options.invalid(`${option}.addresses`, "it is empty", "Add at least one address")
    }
    return { name, answer: { _tag: "Found", value: addresses } }
  })
