/**
 * Whether answers and bounces to a domain have somewhere to go (DNS-014, DNS-028).
 */
import * as Effect from "effect/Effect"
import { finding, plural, records } from "./finding.ts"

export const mxFindings = Effect.fnUntraced(function* (domain: string) {
  const { rcode, records: found } = yield* records("mx", domain, "MX")
  if (rcode === "NXDOMAIN") return yield* Effect.fail(finding("mx", "error", `The domain ${domain} does not exist.`))
  const hosts = found.filter(({ exchange }) => exchange !== ".")
  if (found.length > 0 && hosts.length === 0) {
    return [
      finding(
        "mx",
        "error",
        `${domain} says that it accepts no mail (null MX), so bounces and answers have nowhere to go, and many receivers refuse mail from it (RFC 7505). Send from another domain, or publish MX records.`
      )
    ]
  }
  if (hosts.length > 0)
    return [finding("mx", "ok", `${domain} has ${plural(hosts.length, "mail server")} for answers and bounces.`)]
  const addresses = [...(yield* records("mx", domain, "A")).records, ...(yield* records("mx", domain, "AAAA")).records]
  return addresses.length > 0
    ? [
        finding(
          "mx",
          "warning",
          `${domain} has no MX record, only an address; bounces and answers will be tried there. Publish MX records if that is no mail server.`
        )
      ]
    : [
        finding(
          "mx",
          "error",
          `${domain} has neither a mail server (MX) nor an address, so bounces and answers have nowhere to go, and many receivers refuse mail from it. Publish MX records.`
        )
      ]
})
