/** `StaticDns` with the zone of Effect's own static resolver, so that a test can ask both, and records made by functions. */
import { StaticDns } from "@effect-mail/testing"
import * as Dns from "effect/net/Dns"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"

export interface Options extends Pick<StaticDns.Options, "faults" | "onQuestion"> {
  readonly zone: Dns.StaticZone
}

/** A layer with the service. */
export const layer = ({ zone, ...options }: Options) =>
  StaticDns.layer(zone.records ?? {}, { ...options, hosts: zone.hosts })

/** An MX record; `.` makes it a null MX. */
export const mx = (priority: number, exchange: string): Dns.Mx =>
  Dns.makeRecordUnsafe("MX", { priority, exchange: Host.domainNameFromStringUnsafe(exchange) })

/** An A or AAAA record. */
export const address = (text: string): Dns.A | Dns.Aaaa => {
  const ip = NetAddress.ipFromStringUnsafe(text)
  return NetAddress.isIpv4Address(ip)
    ? Dns.makeRecordUnsafe("A", { address: ip })
    : Dns.makeRecordUnsafe("AAAA", { address: ip })
}

/** A CNAME record. */
export const alias = (target: string): Dns.Cname =>
  Dns.makeRecordUnsafe("CNAME", { target: Host.domainNameFromStringUnsafe(target) })

/** A TXT record, for a name that exists and has nothing to do with mail. */
export const text = (value: string): Dns.Txt => Dns.makeRecordUnsafe("TXT", { chunks: [value] })
