/** Servers on loopback for the program to talk to: a good one, one that knows a user, and bad ones. */
import { Mailbox, MailServer, ServerWire, SpecialAddresses, TestCertificate } from "@effect-mail/testing"
import { NodeSocketServer } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { SocketServer } from "effect/socket"

const loopback = NodeSocketServer.layer({ host: "127.0.0.1", port: 0 })

const portOf = Effect.map(SocketServer.SocketServer, ({ address }) =>
  address._tag === "UnixPathAddress" ? 0 : address.port
)

/** A port that was free a moment ago. */
export const closedPort = Effect.provide(portOf, loopback)

/** A server that treats recipients as `SpecialAddresses` say; `use` gets its port. */
export const withServer = <A, E, R>(
  use: (port: number) => Effect.Effect<A, E, R | Mailbox.Mailbox>,
  options?: MailServer.Options
) =>
  Effect.gen(function* () {
    const decide = yield* SpecialAddresses.make
    const server = MailServer.layer({ decide, ...options }).pipe(
      Layer.provideMerge(Layer.merge(Mailbox.layer, loopback))
    )
    return yield* Effect.provide(Effect.flatMap(portOf, use), server)
  })

type Handler = (wire: ServerWire.ServerWire) => Effect.Effect<void, ServerWire.ServerWireError>

/** A server that does what it likes with a connection; `use` gets its port. */
export const withHandler = <A, E, R>(
  handler: Handler,
  use: (port: number) => Effect.Effect<A, E, R>,
  certificate?: TestCertificate.TestCertificate
) =>
  Effect.gen(function* () {
    const listener = yield* SocketServer.SocketServer
    yield* Effect.forkScoped(
      listener.run((socket) =>
        Effect.ignore(
          Effect.scoped(
            Effect.flatMap(ServerWire.fromSocket(socket, certificate), (wire) =>
              Effect.ensuring(handler(wire), wire.close)
            )
          )
        )
      )
    )
    return yield* Effect.flatMap(portOf, use)
  }).pipe(Effect.scoped, Effect.provide(loopback))

/** A handler that says this at once and then listens until the client is gone. */
export const saying =
  (text: string): Handler =>
  (wire) =>
    Effect.andThen(wire.write(new TextEncoder().encode(text)), Effect.forever(wire.read))

/** A server on which `ada` logs in with `s3cr3t`, over STARTTLS and by PLAIN; it takes every message. */
export const loginServer: Handler = (wire) =>
  Effect.gen(function* () {
    const say = (text: string) => wire.write(new TextEncoder().encode(`${text}\r\n`))
    let buffer = ""
    const line = Effect.gen(function* () {
      while (!buffer.includes("\n")) buffer += new TextDecoder().decode(yield* wire.read)
      const end = buffer.indexOf("\n")
      const text = buffer.slice(0, end).trimEnd()
      buffer = buffer.slice(end + 1)
      return text
    })
    let secure = false
    let known = false
    yield* say("220 login.example ESMTP")
    while (true) {
      const command = yield* line
      const verb = command.slice(0, 4).toUpperCase()
      if (verb === "EHLO") yield* say(`250-login.example\r\n250 ${secure ? "AUTH PLAIN" : "STARTTLS"}`)
      else if (verb === "STAR") {
        yield* say("220 Go ahead")
        yield* wire.secure
        secure = true
      } else if (verb === "AUTH") {
        known = secure && command === `AUTH PLAIN ${btoa("\0ada\0s3cr3t")}`
        yield* say(known ? "235 2.7.0 Welcome" : "535 5.7.8 Wrong user name or password")
      } else if (verb === "DATA") {
        yield* say("354 Go ahead")
        while ((yield* line) !== ".") continue
        yield* say("250 2.0.0 Taken")
      } else if (verb === "QUIT") return yield* say("221 Bye")
      else yield* say(known ? "250 2.1.0 Ok" : "530 5.7.0 Log in first")
    }
  })
