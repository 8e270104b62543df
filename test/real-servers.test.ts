/** Real messages to servers that nobody here wrote; what arrives is compared with what was sent, octet for octet. */
import * as Cli from "@effect-mail/cli/Cli"
import * as NodeMailer from "@effect-mail/node/NodeMailer"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Console, Effect } from "effect"
import { Endpoint, Mailer, Message, Policy, Receipt } from "effect-mail"
import { TestConsole } from "effect/testing"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Peers from "./support/peers.ts"

const folder = Path.resolve(import.meta.dirname, "../examples/messages")
const examples = Fs.readdirSync(folder)
  .toSorted()
  .map((name) => Path.join(folder, name))

const from = "ada@sender.example"
const to = ["bob@inbox.example", "carol@inbox.example"]

// What must arrive: CR LF everywhere, and at the end.
const onTheWire = (path: string): string => {
  const text = Fs.readFileSync(path, "latin1").replace(/\r\n|\r|\n/g, "\r\n")
  return text.endsWith("\r\n") ? text : `${text}\r\n`
}

const sent = examples.map((path) => ({ from, recipients: to, content: onTheWire(path) }))

// Peers number their files by chance.
const sorted = (messages: ReadonlyArray<Peers.Received>) =>
  messages.toSorted((a, b) => (a.content < b.content ? -1 : a.content > b.content ? 1 : 0))

const deliver = (path: string, port: number, protocol: "smtp" | "lmtp" = "smtp") =>
  Mailer.deliver(Message.eml(Fs.readFileSync(path), { envelope: { from, to } })).pipe(
    Effect.provide(
      NodeMailer.layerRelay([Endpoint.make({ host: "127.0.0.1", port, protocol })], {
        smtp: { name: "client.example" }
      })
    ),
    Effect.provideService(Policy.CurrentPolicy, Policy.noRetry)
  )

// Without its peer a test is skipped, and why is said where people look.
const using = (missing: string | undefined) => (missing === undefined ? it.live : it.live.skip)
for (const reason of Object.values(Peers.missing)) {
  if (reason !== undefined) process.stderr.write(`Tests are skipped, because ${reason}\n`)
}

describe("every message of examples/messages arrives unaltered (SMTP-092, SMTP-093, SMTP-094)", () => {
  for (const { missing, name, start } of [
    { name: "Postfix's smtp-sink, pipelined", start: Peers.smtpSink(), missing: Peers.missing.smtpSink },
    { name: "Postfix's smtp-sink, in lock-step", start: Peers.smtpSink("-p"), missing: Peers.missing.smtpSink },
    { name: "aiosmtpd", start: Peers.aiosmtpd, missing: Peers.missing.aiosmtpd }
  ]) {
    using(missing)(`from the mailer at ${name}`, () =>
      Effect.gen(function* () {
        const { port, received } = yield* start
        for (const path of examples) {
          const receipt = yield* deliver(path, port)
          assert.deepStrictEqual(receipt.outcomes.map(Receipt.outcomeWord), ["delivered", "delivered"])
        }
        assert.deepStrictEqual(sorted(received()), sorted(sent))
      }).pipe(Effect.scoped)
    )

    using(missing)(`from the command line at ${name}`, () =>
      Effect.gen(function* () {
        const { port, received } = yield* start
        const console = yield* TestConsole.make
        for (const path of examples) {
          const server = ["--server", `smtp://127.0.0.1:${port}`, "--tls", "none"]
          const status = yield* Cli.runWith([
            "send",
            "--from",
            from,
            "--to",
            to.join(","),
            "--eml",
            path,
            ...server
          ]).pipe(Effect.provide(NodeServices.layer), Effect.provideService(Console.Console, console))
          assert.strictEqual(status, 0)
        }
        assert.deepStrictEqual([(yield* console.logLines).length, yield* console.errorLines], [examples.length * 2, []])
        assert.deepStrictEqual(sorted(received()), sorted(sent))
      }).pipe(Effect.scoped)
    )
  }
})

describe("what Postfix's smtp-sink does is understood", () => {
  const plain = Path.join(folder, "plain.eml")
  const eightBit = Path.join(folder, "eight-bit.eml")

  for (const { expected, message = plain, options, protocol, row } of [
    { options: ["-e"], row: "no ESMTP at all", expected: "delivered 250" },
    { options: ["-E"], row: "no enhanced status codes", expected: "delivered 250" },
    {
      options: ["-L"],
      protocol: "lmtp" as const,
      row: "LMTP, a reply for each recipient (CLASS-56)",
      expected: "delivered 250"
    },
    { options: ["-8"], message: eightBit, row: "no 8BITMIME (CLASS-33)", expected: "perm mail" },
    { options: ["-f", "CONNECT"], row: "a 5xx greeting (CLASS-18)", expected: "temp greeting 5" },
    { options: ["-r", "CONNECT"], row: "a 4xx greeting (CLASS-17)", expected: "temp greeting 4" },
    { options: ["-q", "CONNECT"], row: "no greeting (CLASS-16)", expected: "unreachable greeting" },
    { options: ["-f", "EHLO"], row: "EHLO refused (CLASS-21)", expected: "delivered 250" },
    { options: ["-f", "MAIL"], row: "MAIL refused (CLASS-37)", expected: "perm mail 5" },
    { options: ["-r", "MAIL"], row: "MAIL refused for now (CLASS-36)", expected: "temp mail 4" },
    { options: ["-f", "RCPT"], row: "RCPT refused (CLASS-43)", expected: "perm rcpt 5" },
    { options: ["-r", "RCPT"], row: "RCPT refused for now (CLASS-40)", expected: "temp rcpt 4" },
    { options: ["-Q", "RCPT"], row: "421 to RCPT (CLASS-44)", expected: "temp rcpt 4" },
    { options: ["-q", "RCPT"], row: "gone after RCPT (CLASS-44)", expected: "temp rcpt" },
    { options: ["-f", "DATA"], row: "DATA refused (CLASS-45)", expected: "perm data 5" },
    { options: ["-r", "DATA"], row: "DATA refused for now (CLASS-45)", expected: "temp data 4" },
    { options: ["-q", "DATA"], row: "gone after DATA (CLASS-48)", expected: "temp data" },
    { options: ["-f", "."], row: "the message refused (CLASS-51)", expected: "perm data-end 5" },
    { options: ["-r", "."], row: "the message refused for now (CLASS-50)", expected: "temp data-end 4" },
    { options: ["-Q", "."], row: "421 to the message (CLASS-50)", expected: "temp data-end 4" },
    { options: ["-q", "."], row: "gone after the message (CLASS-52)", expected: "uncertain data-end" },
    { options: ["-q", "QUIT"], row: "gone after QUIT (CLASS-54)", expected: "delivered 250" }
  ]) {
    using(Peers.missing.smtpSink)(`${row}: ${expected}`, () =>
      Effect.gen(function* () {
        const { port } = yield* Peers.smtpSink(...options)
        const { outcomes } = yield* deliver(message, port, protocol)
        assert.strictEqual(outcomes.length, 2)
        for (const outcome of outcomes) {
          const { code, stage } = outcome._tag === "Delivered" ? { code: 250, stage: undefined } : outcome.failure
          const digits = outcome._tag === "Delivered" ? 3 : 1
          const words = [Receipt.outcomeWord(outcome), stage, code?.toString().slice(0, digits)]
          assert.strictEqual(words.filter((word) => word !== undefined).join(" "), expected)
        }
      }).pipe(Effect.scoped)
    )
  }
})
