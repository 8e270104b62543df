/** The same server in memory and over real TCP, and a client that says whatever it is told. */
import { NodeDialer } from "@effect-mail/node"
import { type Reply, ReplyDecoder } from "@effect-mail/protocol"
import { Mailbox, MailServer, MemoryNetwork, TestCertificate } from "@effect-mail/testing"
import { Dialer, type Wire } from "@effect-mail/transport"
import { NodeSocketServer } from "@effect/platform-node"
import { Context, Duration, Effect, Layer, Result } from "effect"
import { SocketServer } from "effect/socket"

export const serverName = "mail.example.com"

/** Where the server under test is. */
export class Place extends Context.Service<
  Place,
  { readonly host: string; readonly address: string; readonly port: number }
>()("test/Place") {}

type World = Layer.Layer<Dialer.Dialer | Mailbox.Mailbox | Place>

const memory = (options: MailServer.Options): World => {
  const place = { host: serverName, address: "192.0.2.25", port: 25 }
  return MailServer.layerMemory({ ...place, names: [serverName] }, options).pipe(
    Layer.provideMerge(MemoryNetwork.layer),
    Layer.provideMerge(Mailbox.layer),
    Layer.provideMerge(Layer.succeed(Place, place))
  )
}

const certificate = Effect.runPromise(TestCertificate.make(serverName))

const portOf = ({ address }: SocketServer.SocketServer["Service"]): number =>
  address._tag === "UnixPathAddress" ? 0 : address.port

const tcp = (options: MailServer.Options): World =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => certificate),
      (certificate) =>
        MailServer.layer({ certificate, ...options }).pipe(
          Layer.provideMerge(NodeDialer.layer({ ca: certificate.certificate })),
          Layer.provideMerge(Mailbox.layer),
          Layer.provideMerge(
            Layer.effect(
              Place,
              Effect.map(SocketServer.SocketServer, (server) => ({
                host: serverName,
                address: "127.0.0.1",
                port: portOf(server)
              }))
            )
          ),
          Layer.provide(Layer.orDie(NodeSocketServer.layer({ host: "127.0.0.1", port: 0 })))
        )
    )
  )

/** Where a server can run. */
export const networks = { memory, TCP: tcp }

/** Connects to the server; `tls` from the first byte. */
export const connect = Effect.fnUntraced(function* (options: { readonly tls?: boolean } = {}) {
  const place = yield* Place
  const dialer = yield* Dialer.Dialer
  const demand = { host: serverName, verify: true }
  const wire = yield* dialer.open({
    ...place,
    timeout: Duration.seconds(30),
    tls: options.tls === true ? demand : undefined
  })
  return client(wire, demand)
})

const client = (wire: Wire.Wire, demand: Wire.TlsDemand) => {
  const decoder = ReplyDecoder.make()
  const inbox: Array<Reply.Reply> = []
  const replies = Effect.fnUntraced(function* (count: number) {
    while (inbox.length < count) Result.getOrThrow(decoder.push(yield* wire.read, inbox))
    return inbox.splice(0, count)
  })
  const raw = (text: string) => wire.write([new TextEncoder().encode(text)])
  return {
    raw,
    /** The codes of the next replies. */
    codes: (count: number) => Effect.map(replies(count), (all) => all.map(({ code }) => code)),
    /** Says a line and gives the reply. */
    say: Effect.fnUntraced(function* (line: string) {
      yield* raw(`${line}\r\n`)
      const [reply] = yield* replies(1)
      return reply === undefined ? "" : `${reply.code} ${reply.lines.join(" | ")}`
    }),
    secure: wire.secure(demand),
    /** Waits for the end, and gives what was said before it. */
    end: Effect.gen(function* () {
      yield* Effect.ignore(
        Effect.forever(Effect.map(wire.read, (chunk) => Result.getOrThrow(decoder.push(chunk, inbox))))
      )
      return inbox.splice(0).map(({ code }) => code)
    })
  }
}
