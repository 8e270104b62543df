import { NodeDialer } from "@effect-mail/node"
import { DialerContract, type ServerWire, TestCertificate } from "@effect-mail/testing"
import type { Proxy } from "@effect-mail/transport"
import { describe, it } from "@effect/vitest"
import { type Duration, Effect, type Scope } from "effect"
import { TestClock } from "effect/testing"
import * as ProxyServer from "./support/proxy.ts"
import * as Tcp from "./support/tcp.ts"

const certificates = Effect.runPromise(
  Effect.all({
    trusted: TestCertificate.make(DialerContract.serverName),
    untrusted: TestCertificate.make(DialerContract.serverName)
  })
)

const place = (port: number) => ({ host: DialerContract.serverName, address: Tcp.loopback, port })

const subject = (proxy: Effect.Effect<Proxy.Proxy | undefined, never, Scope.Scope>) =>
  Effect.gen(function* () {
    const { trusted, untrusted } = yield* Effect.promise(() => certificates)
    const through = yield* proxy
    return {
      dialer: NodeDialer.make({ ca: trusted.certificate, proxy: through }),
      listen: (handler: ServerWire.Handler, options: { readonly trusted: boolean }) =>
        Tcp.listen(handler, options.trusted ? trusted : untrusted),
      refusing: Effect.map(Tcp.freePort, place),
      silent:
        through === undefined
          ? Effect.map(Tcp.silentPort, (port) => (port === undefined ? undefined : place(port)))
          : Effect.undefined,
      pass: (duration: Duration.Duration) => TestClock.adjust(duration)
    }
  })

const ways = {
  directly: Effect.undefined,
  "through SOCKS 5 (RFC 1928)": ProxyServer.socks5,
  "through HTTP CONNECT (RFC 9110)": ProxyServer.http()
}

for (const [way, proxy] of Object.entries(ways)) {
  describe(`NodeDialer, ${way}`, () => {
    for (const { effect, name } of DialerContract.cases(subject(proxy))) it.effect(name, () => effect)
  })
}
