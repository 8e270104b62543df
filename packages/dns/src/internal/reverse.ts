/**
 * The name under which the DNS keeps the names of an address (RFC 1035 section 3.5, RFC 3596 section 2.5).
 */
import * as NetAddress from "effect/net/NetAddress"

export const reverseName = (address: NetAddress.IpAddress): string =>
  NetAddress.isIpv4Address(address)
    ? `${NetAddress.ipv4ToOctets(address).toReversed().join(".")}.in-addr.arpa`
    : `${NetAddress.ipv6ToOctets(address)
        .flatMap((octet) => [octet >> 4, octet & 15])
        .toReversed()
        .map((nibble) => nibble.toString(16))
        .join(".")}.ip6.arpa`
