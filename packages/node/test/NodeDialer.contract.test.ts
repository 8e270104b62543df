import { NodeDialer } from "@effect-mail/node"
import { DialerContract, type ServerWire, TestCertificate } from "@effect-mail/testing"
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Tcp from "./support/tcp.ts"

const certificates = Effect.runPromise(
  Effect.all({
    trusted: TestCertificate.make(DialerContract.serverName),
    untrusted: TestCertificate.make(DialerContract.serverName)
  })
)

const place = (port: number) => ({ host: DialerContract.serverName, address: Tcp.loopback, port })

const subject = Effect.gen(function* () {
  const { trusted, untrusted } = yield* Effect.promise(() => certificates)
  return {
    dialer: NodeDialer.make({ ca: trusted.certificate }),
    listen: (handler: ServerWire.Handler, options: { readonly trusted: boolean }) =>
      Tcp.listen(handler, options.trusted ? trusted : untrusted),
    refusing: Effect.map(Tcp.freePort, place),
    silent: Effect.map(Tcp.silentPort, (port) => (port === undefined ? undefined : place(port))),
    pass: () => Effect.void
  }
})

describe("NodeDialer", () => {
  for (const { effect, name } of DialerContract.cases(subject)) it.live(name, () => effect)
})
