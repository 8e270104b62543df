/** Messages that can be told apart, and the comparison of what arrived with what was sent. */
import { Parcel } from "@effect-mail/message"
import { NodeDialer } from "@effect-mail/node"
import { Envelope, Receipt, Sasl } from "@effect-mail/protocol"
import { SmtpSettings, SmtpTransport } from "@effect-mail/transport"
import { assert } from "@effect/vitest"
import { Data, Effect, Redacted, Result, Schedule } from "effect"
import type * as Servers from "./servers.ts"

// Every message begins with a field that tells it from all others, and from what a server puts in front.
let count = 0

/** A field of its own for one message, with its CRLF. */
export const mark = (): string => `X-Interop: <${++count}@client.example>\r\n`

/** The other fields, each with its CRLF. */
export const header = [
  "From: Ada <ada@sender.example>",
  "To: bob@inbox.example",
  "Subject: Interop",
  "Date: Sun, 22 Nov 2026 10:00:00 +0000",
  "Message-ID: <interop@client.example>",
  ""
].join("\r\n")

/** The fields of a message in UTF-8. */
export const mime =
  'MIME-Version: 1.0\r\nContent-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n'

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A parcel from ada@sender.example. */
export const parcelOf = (content: Uint8Array, ...to: ReadonlyArray<string>): Parcel.Parcel => {
  const envelope = Result.getOrThrow(Envelope.make({ from: "ada@sender.example", to }))
  return Result.getOrThrow(Parcel.fromBytes(content, envelope))
}

/** Sends through a door of a server, as ada where she must say who she is. */
export const send = (
  door: Servers.Door,
  authority: string,
  parcel: Parcel.Parcel,
  settings: Partial<SmtpSettings.SmtpSettings> = {}
) =>
  SmtpTransport.sendVia([door.endpoint], parcel, {
    ...SmtpSettings.standard,
    name: "client.example",
    ...settings,
    ...(door.auth
      ? {
          credentials: new Sasl.Password({ username: "ada", password: Redacted.make("secret") }),
          sasl: { allowSecretsInClearText: true }
        }
      : {})
  }).pipe(Effect.provide(NodeDialer.layer({ ca: authority })))

/** What became of each recipient, in a word and where. */
export const words = (outcomes: ReadonlyArray<Receipt.Outcome>): ReadonlyArray<string> =>
  outcomes.map((o) =>
    o._tag === "Delivered" ? "delivered" : `${Receipt.outcomeWord(o)} ${o.failure.code} ${o.failure.stage}`
  )

const latin1 = (content: Uint8Array): string => Buffer.from(content).toString("latin1")

class TooFew extends Data.TaggedError("TooFew")<{ readonly found: number; readonly wanted: number }> {}

/** The copies of a message that were delivered: servers do it in their own time. */
export const copies = (running: Pick<Servers.Running, "delivered">, marker: string, wanted: number) =>
  Effect.suspend(() => {
    const found = running.delivered().filter(({ content }) => content.slice(0, 65_536).includes(marker.trimEnd()))
    return found.length < wanted ? Effect.fail(new TooFew({ found: found.length, wanted })) : Effect.succeed(found)
  }).pipe(Effect.retry(Schedule.upTo(Schedule.spaced("50 millis"), { times: 600 })))

const fieldNames = (text: string): ReadonlyArray<string> =>
  text
    .replaceAll("\r\n", "\n")
    .replace(/\n[ \t]+/g, " ")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.slice(0, line.indexOf(":")))

/** Sees to it that one copy or more arrived as they were sent, behind nothing but trace fields. */
export const arrived = Effect.fnUntraced(function* (
  server: Pick<Servers.Server, "newline" | "adds">,
  running: Pick<Servers.Running, "delivered">,
  parcel: Parcel.Parcel,
  marker: string,
  wanted = 1
) {
  const sent = latin1(parcel.body.bytes ?? new Uint8Array())
  const expected = server.newline === "\n" ? sent.replaceAll("\r\n", "\n") : sent
  for (const { content } of yield* copies(running, marker, wanted)) {
    const start = content.indexOf(marker.trimEnd())
    const added = fieldNames(content.slice(0, start))
    assert.isTrue(
      added.every((name) => server.adds.includes(name)),
      `fields in front: ${added.join(", ")}`
    )
    // Not deepEqual: fifty megabytes that differ are not to be shown.
    assert.isTrue(
      content.slice(start) === expected,
      `what arrived differs at ${differs(content.slice(start), expected)}`
    )
  }
})

const differs = (a: string, b: string): string => {
  let i = 0
  while (i < a.length && i < b.length && a[i] === b[i]) i++
  return `${i} of ${a.length} and ${b.length}: ${JSON.stringify(a.slice(i, i + 40))}, not ${JSON.stringify(b.slice(i, i + 40))}`
}
