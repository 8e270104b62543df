/** A local mail program: how it is called, what it reads and what its end means. */
import { MessageError, Parcel } from "@effect-mail/message"
import { Envelope, Receipt } from "@effect-mail/protocol"
import { SendmailTransport } from "@effect-mail/transport"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result, Schedule, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { message, parcel, pieces, streamed } from "./support/smtp.ts"
import { program } from "./support/sendmail.ts"

const run = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
  Effect.scoped(effect).pipe(Effect.provide(NodeServices.layer))

const enveloped = (input: Envelope.Input): Parcel.Parcel => ({
  ...parcel(),
  envelope: Result.getOrThrow(Envelope.make(input))
})

const from = "alice@example.com"

// What the failure of the only outcome says.
const shown = (outcomes: ReadonlyArray<Receipt.Outcome>): string =>
  outcomes
    .map((outcome) => {
      if (outcome._tag === "Delivered") return "delivered"
      const { enhanced, next, scope, stage } = outcome.failure
      return `${Receipt.outcomeWord(outcome)} ${enhanced} ${scope} ${next} ${stage}`
    })
    .join(", ")

const eventually = <A>(look: () => A | undefined) =>
  Effect.suspend(() => {
    const found = look()
    return found === undefined ? Effect.fail("not yet") : Effect.succeed(found)
  }).pipe(Effect.retry(Schedule.spaced("5 millis")))

describe("how the program is called (SEND-002, SEND-003, SEND-005)", () => {
  it.effect("no shell, -i, -f, the end of the options, the recipients; LF line ends and no dot stuffed", () =>
    run(
      Effect.gen(function* () {
        const { calls, path } = yield* program()
        const { send } = yield* SendmailTransport.make({ path, args: ["-C", "other.cf"] })
        const outcomes = yield* send(parcel("bob@example.org", "carol@example.org"))
        assert.strictEqual(shown(outcomes), "delivered, delivered")
        assert.deepStrictEqual(calls(), [
          {
            args: ["-C", "other.cf", "-i", "-f", from, "--", "bob@example.org", "carol@example.org"],
            input: message.replaceAll("\r\n", "\n")
          }
        ])
      })
    )
  )

  it.effect("the null reverse-path is <>", () =>
    run(
      Effect.gen(function* () {
        const { calls, path } = yield* program()
        const { send } = yield* SendmailTransport.make({ path })
        yield* send(enveloped({ from: "", to: "bob@example.org" }))
        assert.deepStrictEqual(calls()[0]?.args, ["-i", "-f", "<>", "--", "bob@example.org"])
      })
    )
  )

  it.effect("nothing in an address is obeyed by a shell", () =>
    run(
      Effect.gen(function* () {
        const { calls, home, path } = yield* program()
        const { send } = yield* SendmailTransport.make({ path })
        const to = [
          '"$(touch pwned)"@example.org',
          '"; touch pwned"@example.org',
          "`id`@example.org",
          "a&b|c@example.org"
        ]
        yield* send(enveloped({ from: '"$HOME \'"@example.com', to }))
        assert.deepStrictEqual(calls()[0]?.args, ["-i", "-f", '"$HOME \'"@example.com', "--", ...to])
        assert.isFalse(Fs.readdirSync(home).includes("pwned"))
      })
    )
  )

  it.effect("an address that looks like an option is quoted, and so none (SEND-004, CVE-2020-7769)", () =>
    run(
      Effect.gen(function* () {
        const { calls, path } = yield* program()
        const { send } = yield* SendmailTransport.make({ path })
        const to = ["-bi@example.org", "bob@example.org", '"-oQ/tmp"@example.org', '"-a b"@example.org']
        yield* send(enveloped({ from: "-X/tmp/x@example.com", to }))
        const quoted = ['"-bi"@example.org', "bob@example.org", '"-oQ/tmp"@example.org', '"-a b"@example.org']
        assert.deepStrictEqual(calls()[0]?.args, ["-i", "-f", '"-X/tmp/x"@example.com', "--", ...quoted])
      })
    )
  )

  const wishes = {
    from,
    ret: "HDRS",
    envelopeId: "order+42",
    to: [
      { address: "bob@example.org", notify: ["FAILURE", "DELAY"] },
      { address: "carol@example.org", notify: "NEVER" },
      { address: "dave@example.org", notify: ["FAILURE", "DELAY"] }
    ]
  } as const satisfies Envelope.Input

  for (const [dsn, envelopeId] of [
    ["plain", "order+42"],
    ["xtext", "order+2B42"]
  ] as const) {
    it.effect(`wishes for notifications are asked for in one call for each kind, the envelope id in ${dsn}`, () =>
      run(
        Effect.gen(function* () {
          const { calls, path } = yield* program()
          const { send } = yield* SendmailTransport.make({ path, dsn })
          assert.strictEqual(shown(yield* send(enveloped(wishes))), "delivered, delivered, delivered")
          const common = ["-i", "-f", from, "-R", "hdrs", "-V", envelopeId, "-N"]
          assert.deepStrictEqual(
            calls()
              .map(({ args }) => args.join(" "))
              .toSorted(),
            [
              [...common, "failure,delay", "--", "bob@example.org", "dave@example.org"].join(" "),
              [...common, "never", "--", "carol@example.org"].join(" ")
            ]
          )
        })
      )
    )
  }

  it.effect("without `dsn` they are left out, or refused", () =>
    run(
      Effect.gen(function* () {
        const { calls, path } = yield* program()
        const omitting = yield* SendmailTransport.make({ path })
        assert.strictEqual(shown(yield* omitting.send(enveloped(wishes))), "delivered, delivered, delivered")
        assert.deepStrictEqual(
          calls().map(({ args }) => args.slice(0, 4)),
          [["-i", "-f", from, "--"]]
        )
        const strict = yield* SendmailTransport.make({ path, onMissing: "refuse" })
        assert.include(shown(yield* strict.send(enveloped(wishes))), "perm 5.3.3 host host mail")
        assert.strictEqual(calls().length, 1)
      })
    )
  )

  it.effect("what a program cannot promise is refused: REQUIRETLS, a release time, binary content", () =>
    run(
      Effect.gen(function* () {
        const { calls, path } = yield* program()
        const { send } = yield* SendmailTransport.make({ path })
        const unmet = [
          [{ requireTls: true }, "5.7.30"],
          [{ holdFor: 60 }, "5.3.3"]
        ] as const
        for (const [options, enhanced] of unmet) {
          assert.strictEqual(
            shown(yield* send(enveloped({ from, to: "bob@example.org", ...options }))),
            `perm ${enhanced} host host mail`
          )
        }
        const binary = streamed(pieces(message), { encoding: "binary" })
        assert.strictEqual(shown(yield* send(binary)), "perm 5.6.3 host host mail")
        assert.deepStrictEqual(calls(), [])
      })
    )
  )

  it.effect("more recipients than fit one call go in several, and each has his outcome", () =>
    run(
      Effect.gen(function* () {
        const { calls, path } = yield* program()
        const { send } = yield* SendmailTransport.make({ path })
        const to = Array.from({ length: 1001 }, (_, i) => `user${i}@example.org`)
        const outcomes = yield* send(enveloped({ from, to }))
        assert.deepStrictEqual(
          outcomes.map(({ recipient }) => recipient),
          to
        )
        assert.deepStrictEqual(
          calls()
            .map(({ args }) => args.length - 4)
            .toSorted((a, b) => a - b),
          [1, 1000]
        )
      })
    )
  )
})

describe("how it ends (SEND-001, V-112)", () => {
  for (const { code, expected, id } of [
    { id: "SYS-064", code: 64, expected: "perm 5.3.0 host host data-end" },
    { id: "SYS-065", code: 65, expected: "perm 5.6.0 message never data-end" },
    { id: "SYS-066", code: 66, expected: "perm 5.3.0 message never data-end" },
    { id: "SYS-067", code: 67, expected: "perm 5.1.1 recipient never rcpt" },
    { id: "SYS-068", code: 68, expected: "perm 5.1.2 recipient never rcpt" },
    { id: "SYS-069", code: 69, expected: "perm 5.3.0 message never data-end" },
    { id: "SYS-070", code: 70, expected: "perm 5.3.0 message never data-end" },
    { id: "SYS-071", code: 71, expected: "temp 4.3.0 host later data-end" },
    { id: "SYS-072", code: 72, expected: "perm 5.3.0 message never data-end" },
    { id: "SYS-073", code: 73, expected: "perm 5.2.0 message never data-end" },
    { id: "SYS-074", code: 74, expected: "temp 4.3.0 host later data-end" },
    { id: "SYS-075", code: 75, expected: "temp 4.3.0 message later data-end" },
    { id: "SYS-076", code: 76, expected: "perm 5.5.0 message never data-end" },
    { id: "SYS-077", code: 77, expected: "perm 5.7.0 message never data-end" },
    { id: "SYS-078", code: 78, expected: "perm 5.3.5 host host data-end" },
    { id: "SYS-127", code: 127, expected: "perm 5.3.5 host host data-end" },
    { id: "SYS-128", code: 143, expected: "uncertain 4.3.0 host later data-end" },
    { id: "SYS-255", code: 1, expected: "perm 5.3.0 message never data-end" }
  ]) {
    it.effect(`${id}: exit code ${code} is ${expected}`, () =>
      run(
        Effect.gen(function* () {
          const { path } = yield* program("cat >/dev/null", `echo 'as the test says' >&2; exit ${code}`)
          const { send } = yield* SendmailTransport.make({ path })
          const outcomes = yield* send(parcel())
          assert.strictEqual(shown(outcomes), expected)
          const [outcome] = outcomes
          assert.include(outcome?._tag === "Failed" ? outcome.failure.message : "", `exited with ${code}`)
          assert.include(outcome?._tag === "Failed" ? outcome.failure.message : "", "as the test says")
        })
      )
    )
  }

  it.effect("what is said of one of several recipients holds for the call (SEND-008)", () =>
    run(
      Effect.gen(function* () {
        const { path } = yield* program("cat >/dev/null", "exit 67")
        const { send } = yield* SendmailTransport.make({ path })
        const one = "perm 5.1.1 message never rcpt"
        assert.strictEqual(shown(yield* send(parcel("bob@example.org", "carol@example.org"))), `${one}, ${one}`)
      })
    )
  )

  it.effect("a program that a signal ended is temporary, and uncertain once it had the message (SYS-128)", () =>
    run(
      Effect.gen(function* () {
        const late = yield* program("cat >/dev/null", "kill -KILL $$")
        const early = yield* program("kill -KILL $$")
        const sendLate = (yield* SendmailTransport.make({ path: late.path })).send
        const sendEarly = (yield* SendmailTransport.make({ path: early.path })).send
        assert.strictEqual(shown(yield* sendLate(parcel())), "uncertain 4.3.0 host later data-end")
        const endless = streamed(Stream.concat(pieces("Subject: x\r\n\r\n"), Stream.never))
        assert.strictEqual(shown(yield* sendEarly(endless)), "temp 4.3.0 host later data-end")
      })
    )
  )

  for (const [what, path] of [
    ["is missing", "/nonexistent/sendmail"],
    ["is a folder", "/tmp"]
  ] as const) {
    it.effect(`a program that ${what} is a permanent fact about this way out (SYS-127)`, () =>
      run(
        Effect.gen(function* () {
          const { send } = yield* SendmailTransport.make({ path })
          const outcomes = yield* send(parcel())
          assert.strictEqual(shown(outcomes), "perm 5.3.5 host host connect")
          const text = outcomes[0]?._tag === "Failed" ? outcomes[0].failure.message : ""
          assert.notInclude(text, "bob@example.org")
        })
      )
    )
  }

  it.effect("a program that refuses without reading is heard, whatever the size (SEND-007)", () =>
    run(
      Effect.gen(function* () {
        const { path } = yield* program("echo too large >&2; exit 65")
        const { send } = yield* SendmailTransport.make({ path })
        const large = streamed(
          Stream.fromIterable(
            Array.from({ length: 100 }, () => new TextEncoder().encode(`${"x".repeat(998)}\r\n`.repeat(65)))
          )
        )
        assert.strictEqual(shown(yield* send(large)), "perm 5.6.0 message never data-end")
      })
    )
  )

  it.effect("a program that says yes without reading a large message is not believed", () =>
    run(
      Effect.gen(function* () {
        const { path } = yield* program("exit 0")
        const { send } = yield* SendmailTransport.make({ path })
        const large = streamed(
          Stream.fromIterable(
            Array.from({ length: 100 }, () => new TextEncoder().encode(`${"x".repeat(998)}\r\n`.repeat(65)))
          )
        )
        assert.strictEqual(shown(yield* send(large)), "uncertain 4.3.0 message later data-end")
      })
    )
  )

  it.live("nor is one that ends before the message does", () =>
    run(
      Effect.gen(function* () {
        const { path } = yield* program("exit 0")
        const { send } = yield* SendmailTransport.make({ path })
        const begun = pieces("Subject: x\r\n\r\n")
        const late = Effect.delay(Effect.fail(MessageError.make("unreadable-file", "the file is gone")), "300 millis")
        for (const rest of [Stream.never, Stream.fromEffect(late)]) {
          const outcomes = yield* send(streamed(Stream.concat(begun, rest)))
          assert.strictEqual(shown(outcomes), "uncertain 4.3.0 message later data-end")
        }
      })
    )
  )

  it.effect("what it prints is kept up to 64 KiB, without control characters, and never blocks it (SEND-006)", () =>
    run(
      Effect.gen(function* () {
        const { path } = yield* program(
          "cat >/dev/null",
          "printf 'bad\\033[2J\\n' >&2",
          "yes | head -c 3000000 >&2",
          "exit 75"
        )
        const { send } = yield* SendmailTransport.make({ path })
        const [outcome] = yield* send(parcel())
        const { reason, transcript = "" } = outcome?._tag === "Failed" ? outcome.failure : { reason: "" }
        assert.isTrue(reason.endsWith(": bad\ufffd[2J"), reason)
        assert.isTrue(transcript.length > 60_000 && transcript.length <= 65_536)
      })
    )
  )

  it.effect("one that takes too long is ended", () =>
    run(
      Effect.gen(function* () {
        const { home, path } = yield* program("cat >/dev/null", 'echo $$ >"$home/pid"', "exec sleep 600")
        const { send } = yield* SendmailTransport.make({ path, timeout: "5 minutes" })
        const sending = yield* Effect.forkChild(send(parcel()))
        const pid = () => (Fs.existsSync(Path.join(home, "pid")) ? Fs.readFileSync(Path.join(home, "pid"), "utf8") : "")
        // The program is a real one; only then may the test's clock move on.
        while (!pid().endsWith("\n")) yield* Effect.yieldNow
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(shown(yield* Fiber.join(sending)), "uncertain 4.4.2 host later data-end")
        assert.isFalse(Fs.existsSync(`/proc/${pid().trim()}`))
      })
    )
  )
})

describe("half a message is never queued", () => {
  // It would queue whatever it has read when its input ends, as real ones do.
  const tail = Stream.concat(pieces("Subject: x\r\n\r\n", "half\r\n"), Stream.never)
  const error = MessageError.make("unreadable-file", "the file is gone")

  it.live("an interruption ends the program before its input ends", () =>
    run(
      Effect.gen(function* () {
        const { calls, home, path } = yield* program()
        const { send } = yield* SendmailTransport.make({ path })
        const draft = () =>
          Fs.readdirSync(home).find(
            (name) => /^draft\.\w{6}$/.test(name) && Fs.statSync(Path.join(home, name)).size > 0
          )
        for (let i = 0; i < 5; i++) {
          const fiber = yield* Effect.forkChild(send(streamed(tail)))
          yield* eventually(draft)
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(calls(), [])
          for (const name of Fs.readdirSync(home)) if (name.startsWith("draft")) Fs.rmSync(Path.join(home, name))
        }
      })
    )
  )

  it.effect("so does a message that cannot be read to its end, which is the error of the whole", () =>
    run(
      Effect.gen(function* () {
        const { calls, path } = yield* program()
        const { send } = yield* SendmailTransport.make({ path })
        for (let i = 0; i < 5; i++) {
          const broken = Stream.concat(pieces("Subject: x\r\n\r\n", "half\r\n"), Stream.fail(error))
          const result = yield* Effect.result(send(streamed(broken)))
          assert.strictEqual(Result.isFailure(result) ? result.failure : undefined, error)
        }
        assert.deepStrictEqual(calls(), [])
      })
    )
  )

  for (const [what, body] of [
    ["a bare LF", ["Subject: x\n", "\r\n"]],
    ["a bare CR", ["Subject: x\r", "\r\n"]],
    ["a CR at the end", ["Subject: x\r\n\r\nx\r"]]
  ] as const) {
    it.effect(`${what} is an error of the message (SMTP-053)`, () =>
      run(
        Effect.gen(function* () {
          const { calls, path } = yield* program()
          const { send } = yield* SendmailTransport.make({ path })
          const result = yield* Effect.result(send(streamed(pieces(...body))))
          assert.isTrue(
            Result.isFailure(result) &&
              result.failure._tag === "MessageError" &&
              result.failure.reason === "bare-line-end"
          )
          assert.deepStrictEqual(calls(), [])
        })
      )
    )
  }
})

describe("large messages and what comes after", () => {
  it.live("a message is written only as fast as it is read", () =>
    run(
      Effect.gen(function* () {
        const { home, path } = yield* program('while [ ! -e "$home/go" ]; do sleep 0.02; done', "cat >/dev/null")
        const { send } = yield* SendmailTransport.make({ path })
        let pulled = 0
        const block = new TextEncoder().encode(`${"x".repeat(62)}\r\n`.repeat(1024))
        const body = Stream.fromIterable(
          Array.from({ length: 200 }, () => block),
          { chunkSize: 1 }
        ).pipe(Stream.tap(() => Effect.sync(() => pulled++)))
        const fiber = yield* Effect.forkChild(send(streamed(body)))
        yield* eventually(() => (pulled > 0 ? pulled : undefined))
        for (let i = 0; i < 200; i++) yield* Effect.yieldNow
        const before = pulled
        Fs.writeFileSync(Path.join(home, "go"), "")
        assert.strictEqual(shown(yield* Fiber.join(fiber)), "delivered")
        // A pipe holds one block, and a few more are under way.
        assert.isBelow(before, 20)
        assert.strictEqual(pulled, 200)
      })
    )
  )

  it.live("a process that the program left behind is left alone", () =>
    run(
      Effect.gen(function* () {
        const { home, path } = yield* program(
          "cat >/dev/null",
          `(while [ ! -e "$home/go" ]; do sleep 0.02; done; touch "$home/delivered") >/dev/null 2>&1 </dev/null &`,
          "exit 0"
        )
        const { send } = yield* SendmailTransport.make({ path })
        assert.strictEqual(shown(yield* send(parcel())), "delivered")
        Fs.writeFileSync(Path.join(home, "go"), "")
        yield* eventually(() => (Fs.existsSync(Path.join(home, "delivered")) ? true : undefined)).pipe(
          Effect.timeout("20 seconds")
        )
      })
    )
  )
})
