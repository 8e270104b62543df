/** The program as its users run it: a process with an exit status, two streams and a keyboard. */
import { Mailbox } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect } from "effect"
import { ended, spawn, start } from "./support/cli.ts"
import { closedPort, loginServer, withHandler, withServer } from "./support/servers.ts"

const through = (server: string, ...more: ReadonlyArray<string>) =>
  [
    ["send", "--from", "ada@sender.example", "--to", "accept@inbox.example"],
    ["--server", server, "--tls", "none"],
    more
  ].flat()

const send = (port: number, ...more: ReadonlyArray<string>) => through(`smtp://127.0.0.1:${port}`, ...more)

const slow = 20_000

describe("the program", () => {
  it.live(
    "sends what it reads from standard input and ends with 0",
    () =>
      withServer((port) =>
        Effect.gen(function* () {
          const done = yield* spawn(send(port, "--eml", "-"), { stdin: "Subject: Hi\n\nHello\n" })
          assert.deepStrictEqual(done, {
            status: 0,
            out: ["accept@inbox.example: delivered: 127.0.0.1 answered 250 Taken"],
            err: []
          })
          const [mail] = yield* Effect.flatMap(Mailbox.Mailbox, ({ all }) => all)
          assert.strictEqual(new TextDecoder().decode(mail?.content), "Subject: Hi\r\n\r\nHello\r\n")
        })
      ),
    slow
  )

  it.live(
    "says outcomes on standard output, mistakes on standard error, and neither with a stack trace",
    () =>
      Effect.gen(function* () {
        const port = yield* closedPort
        const [refused, wrong, unusable] = yield* Effect.all(
          [
            spawn(send(port, "--json")),
            spawn(["send", "--bogus"]),
            spawn(send(port, "--attach", "nothere.pdf", "--json"))
          ],
          { concurrency: 3 }
        )
        assert.deepStrictEqual([refused.status, refused.out.length, refused.err], [75, 1, []])
        assert.deepStrictEqual([wrong.status, wrong.out, wrong.err.length], [64, [], 1])
        assert.deepStrictEqual(unusable, {
          status: 65,
          out: [],
          err: [`effect-mail: --attach: "nothere.pdf" does not exist; check its name`]
        })
      }),
    slow
  )

  it.live(
    "takes the password from its environment, and says when there is none",
    () =>
      withHandler(loginServer, (port) =>
        Effect.gen(function* () {
          const args = through(`smtp://ada@127.0.0.1:${port}`)
          const none = yield* spawn(args)
          assert.deepStrictEqual([none.status, none.out], [78, []])
          // Without TLS the password is not sent, but it is there.
          const some = yield* spawn(args, { env: { EFFECT_MAIL_PASSWORD: "s3cr3t" } })
          assert.deepStrictEqual([some.status, some.out.length, some.err], [77, 1, []])
        })
      ),
    slow
  )
})

describe("Ctrl-C", () => {
  /** Interrupts the program once it is where it should be; gives how it ended and how long that took, in milliseconds. */
  const interrupted = Effect.fnUntraced(function* (
    child: Effect.Success<ReturnType<typeof start>>,
    ready: Effect.Effect<unknown>
  ) {
    const kill = Effect.flatMap(ready, () =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        child.kill("SIGINT")
        return now
      })
    )
    const [done, before] = yield* Effect.all([ended(child), kill], { concurrency: 2 })
    return { ...done, took: (yield* Clock.currentTimeMillis) - before }
  }, Effect.scoped)

  it.live(
    "ends a conversation with a silent server at once, with 130",
    () =>
      Effect.gen(function* () {
        const connected = yield* Deferred.make<void>()
        const silent = () => Effect.andThen(Deferred.succeed(connected, undefined), Effect.never)
        const { took, ...done } = yield* withHandler(silent, (port) =>
          Effect.flatMap(start(send(port)), (child) => interrupted(child, Deferred.await(connected)))
        )
        assert.deepStrictEqual(done, { status: 130, out: [], err: [] })
        assert.isBelow(took, 2000)
      }).pipe(Effect.scoped),
    slow
  )

  it.live(
    "ends a wait for the next attempt at once, with 130 and what has become of each recipient so far",
    () =>
      withServer((port) =>
        Effect.gen(function* () {
          const child = yield* start(send(port, "--retries", "3", "temp@inbox.example"))
          const waiting = Effect.callback<void>((resume) => void child.stderr.once("data", () => resume(Effect.void)))
          const { err, out, status, took } = yield* interrupted(child, waiting)
          assert.strictEqual(status, 130)
          assert.deepStrictEqual(
            out.map((line) => line.replace(/:\d+ /, " ")),
            [
              "accept@inbox.example: delivered: 127.0.0.1 answered 250 Taken",
              "temp@inbox.example: refused for now: 127.0.0.1 answered 450 The mailbox is busy"
            ]
          )
          assert.match(err.join(), /^effect-mail: temp@inbox\.example: next attempt in \d+s: [^\n]*$/)
          assert.isBelow(took, 2000)
        }).pipe(Effect.scoped)
      ),
    slow
  )
})

describe("a reader that goes away", () => {
  it.live(
    "is not a reason to complain, nor to end with another status",
    () =>
      Effect.gen(function* () {
        const deaf = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
          const child = yield* start(args)
          child.stdout.destroy()
          return yield* ended(child)
        }, Effect.scoped)
        const port = yield* closedPort
        const [help, sent] = yield* Effect.all([deaf(["send", "--help"]), deaf(send(port, "--json"))], {
          concurrency: 2
        })
        assert.deepStrictEqual([help.status, help.err], [0, []])
        assert.deepStrictEqual([sent.status, sent.err], [75, []])
      }),
    slow
  )
})
