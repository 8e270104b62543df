import { NodeDialer, NodeMailer } from "@effect-mail/node"
import { Redacted, Result } from "effect"
import { Proxy, TlsPolicy } from "effect-mail"
import * as Fs from "node:fs"

// Through a SOCKS proxy, with our own authority and a client certificate, from these addresses of this machine.
export const options = (proxy: string, folder: string): NodeDialer.Options => ({
  proxy: Result.getOrThrow(Proxy.parse(proxy)),
  ca: Fs.readFileSync(`${folder}/ca.pem`, "utf8"),
  clientCertificate: {
    certificate: Fs.readFileSync(`${folder}/client.pem`, "utf8"),
    key: Redacted.make(Fs.readFileSync(`${folder}/client.key`, "utf8"))
  },
  localAddress: ["127.0.0.1", "::1"]
})

export const relay = (server: string, dialer: NodeDialer.Options) => NodeMailer.layerUrl(server, { dialer })

// Which TLS is good enough, domain by domain: one that is pinned, one that is verified, and whatever there is.
const pins = ["sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="] as const

const policies: Readonly<Record<string, TlsPolicy.TlsPolicy>> = {
  "bank.example": TlsPolicy.pinned(pins),
  "partner.example": TlsPolicy.required
}

export const tls = (domain: string): TlsPolicy.TlsPolicy => policies[domain] ?? TlsPolicy.opportunistic

export const direct = NodeMailer.layer({ routing: { tls } })
