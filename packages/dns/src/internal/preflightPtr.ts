/**
 * Whether the sending address has a name that has the address (FCrDNS, DMARC-005).
 */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { finding, records } from "./finding.ts"
import { reverseName } from "./reverse.ts"

export const ptrFindings = Effect.fnUntraced(function* (ip: NetAddress.IpAddress | undefined) {
  if (ip === undefined)
    return [finding("ptr", "info", "The name of the sending address was not checked, because none was given.")]
  const address = NetAddress.formatIp(ip)
  const names = (yield* records("ptr", reverseName(ip), "PTR")).records.map(({ host }) => host).slice(0, 10)
  if (names.length === 0) {
    return [
      finding(
        "ptr",
        "error",
        `${address} has no name (PTR record); many receivers refuse such senders. Ask whoever gave you the address to set one.`
      )
    ]
  }
  const type = NetAddress.isIpv4Address(ip) ? "A" : "AAAA"
  for (const name of names) {
    const forward = (yield* records("ptr", name, type)).records
    if (forward.some((record) => NetAddress.formatIp(record.address) === address)) {
      return [finding("ptr", "ok", `${address} is called ${name}, and ${name} has that address.`)]
    }
  }
  return [
    finding(
      "ptr",
      "error",
      `${address} is called ${names[0]}, but that name does not have the address; receivers take the name for forged. Make the PTR and the ${type} record agree.`
    )
  ]
})
