/**
 * Name servers that nobody here wrote, on loopback in a temporary folder: Knot DNS with the zones below, and Unbound as the
 * recursive resolver in front of it, which validates DNSSEC.
 */
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Peers from "./peers.ts"

const programs = { knotd: "/usr/sbin/knotd", keymgr: "/usr/sbin/keymgr", unbound: "/usr/sbin/unbound" }

/** Why the servers cannot be used here, or undefined when they can. */
export const missing = Object.values(programs).every((path) => Fs.existsSync(path))
  ? undefined
  : "knotd, keymgr or unbound is not installed (Debian packages knot, unbound)"

const soa = "@ 300 IN SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 120\n@ 300 NS ns.invalid.\n"

const many = (count: number, line: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => line(n)).join("\n")

/** The records of zones, without SOA and NS. */
export type Zones = Readonly<Record<string, string>>

/** Every case of issue 6, by zone. */
const cases: Zones = {
  "example.com": `
@    300 MX 10 mx1
@    300 MX 10 mx3
@    300 MX 20 mx2
@    300 TXT "v=spf1 mx ip4:192.0.2.0/24 " "include:_spf.example.com -all"
_spf 300 TXT "v=spf1 ip6:2001:db8::/32 -all"
_dmarc 300 TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"
s1._domainkey 300 TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
mx1  200 A 192.0.2.1
mx1  300 AAAA 2001:db8::1
mx2  300 A 192.0.2.2
mx2  300 A 192.0.2.1
mx3  300 A 192.0.2.3
ttl  200 A 192.0.2.20`,
  example: `
xn--bcher-kva 300 MX 10 mx1.example.com.
implicit   300 A 192.0.2.10
null       300 MX 0 .
mixed      300 MX 0 .
mixed      300 MX 10 mx1.example.com.
alias      300 CNAME example.com.
dangling   300 CNAME nowhere.example.
loop       300 CNAME loop2
loop2      300 CNAME loop
toalias    300 MX 10 mxalias
mxalias    300 CNAME mx1.example.com.
noaddress  300 MX 10 empty
empty      300 TXT "nothing"
gone       300 MX 10 missing1
gone       300 MX 20 missing2
partly     300 MX 10 missing1
partly     300 MX 20 mx1.example.com.
shaky      300 MX 10 mx.down.test.
shaky      300 MX 20 missing1
half       300 MX 10 mx.down.test.
half       300 MX 20 mx1.example.com.
nothing    300 TXT "no mail here"
ipv6       300 MX 10 mx6
mx6        300 AAAA 2001:db8::6
private    300 MX 10 inside
inside     300 A 10.0.0.1
local      300 MX 10 loopback
loopback   300 A 127.0.0.1
_odd       300 MX 10 mx1.example.com.
spfloop    300 TXT "v=spf1 include:spfloop.example -all"
spfmany    300 TXT "v=spf1 a mx a:a.example mx:b.example include:_spf.example.com exists:c.example ptr a:d.example a:e.example a:f.example a:g.example -all"
${many(120, (n) => `big 300 MX ${n + 1} a-rather-long-name-of-a-mail-server-number-${n}.example.\na-rather-long-name-of-a-mail-server-number-${n} 300 A 192.0.2.${n + 1}`)}`,
  "secure.test": "@ 300 MX 10 mx\nmx 300 A 192.0.2.50\n_25._tcp.mx 300 TLSA 3 1 1 " + "ab".repeat(32),
  "bogus.test": "@ 300 MX 10 mx\nmx 300 A 192.0.2.51",
  "2.0.192.in-addr.arpa": "1 300 PTR mx1.example.com.\n9 300 PTR mx1.example.com.",
  "8.b.d.0.1.0.0.2.ip6.arpa": `1.${"0.".repeat(23)} 300 PTR mx1.example.com.`.replace(/\. 300/, " 300")
}

const signed = ["secure.test", "bogus.test"]

const knotConf = (folder: string, zones: Zones, port: number): string => `
server:
    rundir: "${folder}"
    listen: 127.0.0.1@${port}
database:
    storage: "${folder}"
log:
  - target: stderr
    any: warning
policy:
  - id: once
    manual: on
template:
  - id: default
    storage: "${folder}"
    file: "%s.zone"
    zonefile-sync: -1
    journal-content: none
zone:
${Object.keys(zones)
  .map(
    (zone) => `  - domain: ${zone}\n${signed.includes(zone) ? "    dnssec-signing: on\n    dnssec-policy: once\n" : ""}`
  )
  .join("")}`

const unboundConf = (
  folder: string,
  zones: Zones,
  port: number,
  authority: number,
  anchors: ReadonlyArray<string>
): string => `
server:
    directory: "${folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    verbosity: 0
    interface: 127.0.0.1
    port: ${port}
    do-ip6: no
    do-not-query-localhost: no
    module-config: "validator iterator"
    ede: yes
    val-log-level: 0
    target-fetch-policy: "0 0 0 0 0"
    edns-buffer-size: 1232
    so-rcvbuf: 0
    num-threads: 1
    outgoing-range: 4000
    local-zone: "test." nodefault
    local-zone: "2.0.192.in-addr.arpa." nodefault
    local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
    local-zone: "refused.example." refuse
    local-zone: "silent.example." deny
${anchors.map((anchor) => `    trust-anchor: "${anchor}"`).join("\n")}
${[...Object.keys(zones), "down.test"]
  .map((zone) => `stub-zone:\n    name: "${zone}"\n    stub-addr: 127.0.0.1@${authority}\n`)
  .join("")}`

const keymgr = (folder: string, ...args: ReadonlyArray<string>): string =>
  ChildProcess.execFileSync(programs.keymgr, ["-c", Path.join(folder, "knot.conf"), ...args], { encoding: "utf8" })

// The key of the zone that the resolver expects; for the bogus zone it expects another one.
const anchorOf = (folder: string, zone: string): string => {
  keymgr(folder, zone, "generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes")
  const ds =
    keymgr(folder, zone, "ds")
      .split("\n")
      .find((line) => / 13 2 /.test(line)) ?? ""
  return zone === "bogus.test" ? ds.replace(/[0-9a-f]{8}$/, "00000000") : ds
}

/** Starts both servers, with more zones if need be; gives the address of the resolver. */
export const start = Effect.fnUntraced(function* (more: Zones = {}) {
  const zones = { ...cases, ...more }
  const folder = yield* Peers.folder
  const [authority, resolver] = [yield* Peers.freePort, yield* Peers.freePort]
  for (const [zone, records] of Object.entries(zones)) {
    Fs.writeFileSync(Path.join(folder, `${zone}.zone`), `$ORIGIN ${zone}.\n${soa}${records}\n`)
  }
  Fs.writeFileSync(Path.join(folder, "knot.conf"), knotConf(folder, zones, authority))
  const anchors = signed.map((zone) => anchorOf(folder, zone).trim())
  Fs.writeFileSync(Path.join(folder, "unbound.conf"), unboundConf(folder, zones, resolver, authority, anchors))
  yield* Peers.start(programs.knotd, ["-c", Path.join(folder, "knot.conf")], folder)
  yield* Peers.listening(authority)
  yield* Peers.start(programs.unbound, ["-d", "-c", Path.join(folder, "unbound.conf")], folder)
  yield* Peers.listening(resolver)
  return `127.0.0.1:${resolver}`
})
