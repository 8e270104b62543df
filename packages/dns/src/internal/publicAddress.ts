/**
 * Which addresses no mail server of the public network can have (CLASS-12). A domain's owner writes its MX records, so
 * without this a stranger could make us connect to our own network.
 */
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"

const networks = (
  [
    ["0.0.0.0/8", "is unspecified"],
    ["10.0.0.0/8", "is private"],
    ["100.64.0.0/10", "is shared address space"],
    ["127.0.0.0/8", "is loopback"],
    ["169.254.0.0/16", "is link-local"],
    ["172.16.0.0/12", "is private"],
    ["192.168.0.0/16", "is private"],
    ["224.0.0.0/4", "is multicast"],
    ["240.0.0.0/4", "is reserved"],
    ["::/128", "is unspecified"],
    ["::1/128", "is loopback"],
    ["::/96", "is an embedded IPv4 address"],
    ["::ffff:0:0/96", "is an embedded IPv4 address"],
    ["64:ff9b:1::/48", "is for local translation"],
    ["fc00::/7", "is private"],
    ["fe80::/10", "is link-local"],
    ["fec0::/10", "is site-local"],
    ["ff00::/8", "is multicast"]
  ] as const
).map(([network, why]) => ({ network: IpNetwork.fromStringUnsafe(network), why }))

// Addresses that a gateway translates to IPv4: NAT64 (RFC 6052 section 2.1) and 6to4 (RFC 3056 section 2).
const gateways = [
  { network: IpNetwork.fromStringUnsafe("64:ff9b::/96"), offset: 12 },
  { network: IpNetwork.fromStringUnsafe("2002::/16"), offset: 2 }
]

/** Why an address is not one of the public network, such as `is loopback`; undefined when it may be one. */
export const whyNotPublic = (address: NetAddress.IpAddress): string | undefined =>
  networks.find(({ network }) => IpNetwork.contains(network, address))?.why ??
  (NetAddress.isIpv6Address(address) ? whyNotTranslated(address) : undefined)

const whyNotTranslated = (address: NetAddress.Ipv6Address): string | undefined => {
  const gateway = gateways.find(({ network }) => IpNetwork.contains(network, address))
  if (gateway === undefined) return undefined
  const octets = NetAddress.ipv6ToOctets(address).slice(gateway.offset, gateway.offset + 4)
  return whyNotPublic(NetAddress.ipv4FromBytesUnsafe(Uint8Array.from(octets)))
}
