/**
 * The server of the fault matrix: correct until one moment, at which it does one thing wrong, once. It counts the messages
 * that came to their end and those that it took.
 */
import * as DotStuffing from "@effect-mail/protocol/DotStuffing"
import * as LineDecoder from "@effect-mail/protocol/LineDecoder"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type { Fault, Mode, Stage } from "../FaultMatrix.ts"
import type { Handler, ServerWire } from "../ServerWire.ts"
import * as Bytes from "./bytes.ts"

/** When the server fails and how. */
export interface Plan {
  readonly stage: Stage
  readonly fault: Fault
  readonly mode: Mode
}

/** The server and what it has seen. */
export interface FaultServer {
  readonly handler: Handler
  /** The subjects of the messages that came to their end, and of those among them that were answered with 250. */
  readonly received: ReadonlyArray<string>
  readonly taken: ReadonlyArray<string>
  /** How often somebody connected. */
  readonly connections: () => number
  /** Opened by the test when the first message is done: what happens between two messages happens now. */
  readonly idle: Latch.Latch
}

// The server is done with the connection.
class Over extends Data.TaggedError("Over") {}

const keywords: { readonly [M in Mode]: ReadonlyArray<string> } = {
  "lock-step": [],
  pipelined: ["PIPELINING"],
  BDAT: ["PIPELINING", "CHUNKING"],
  TLS: ["PIPELINING"],
  "opportunistic TLS": ["PIPELINING"]
}

/** The replies that refuse at a stage. */
export const refusals = (stage: Stage): { readonly [F in "4xx" | "5xx" | "421"]: string } =>
  stage === "AUTH"
    ? { "4xx": "454 4.7.0 Cannot tell now", "5xx": "535 5.7.8 Wrong password", "421": "421 4.3.2 Closing" }
    : { "4xx": "451 4.3.2 Not now", "5xx": "550 5.3.0 No", "421": "421 4.3.2 Closing" }

const isPositive = (reply: string): boolean => reply.startsWith("2") || reply.startsWith("3")

// Lets the client read what was written, so that it is not lost with the connection.
const breath = Effect.forEach(Array.from({ length: 30 }), () => Effect.yieldNow, { discard: true })

const subjectOf = (content: Uint8Array): string =>
  /^Subject: (.*)\r\n/.exec(new TextDecoder().decode(content))?.[1] ?? ""

/** A server that fails as planned with the first connection that gets so far. */
export const make = (plan: Plan): FaultServer => {
  const received: Array<string> = []
  const taken: Array<string> = []
  const idle = Latch.makeUnsafe(false)
  let connections = 0
  let armed = true

  const due = (stage: Stage): boolean => armed && plan.stage === stage

  const serve = Effect.fnUntraced(function* (wire: ServerWire) {
    let lines = LineDecoder.make()
    let pending = ""
    let secure = false
    let from = false
    let accepted = 0
    let asked = 0

    const flush = Effect.suspend(() => {
      const bytes = Bytes.from(pending)
      pending = ""
      return bytes.length === 0 ? Effect.void : wire.write(bytes)
    })
    const more = Effect.andThen(flush, wire.read)
    const drain = Effect.andThen(flush, Effect.forever(wire.read))
    const over = (end: Effect.Effect<void>) =>
      Effect.gen(function* () {
        yield* flush
        yield* breath
        yield* end
        return yield* new Over()
      })

    // Does the wrong thing in place of this reply; true when the reply was given all the same.
    const strike = Effect.fnUntraced(function* (reply: string) {
      armed = false
      switch (plan.fault) {
        case "4xx":
        case "5xx":
          pending += `${refusals(plan.stage)[plan.fault]}\r\n`
          return false
        case "421":
          pending += `${refusals(plan.stage)["421"]}\r\n`
          return yield* over(wire.close)
        case "close":
          return yield* over(wire.close)
        case "reset":
          return yield* over(wire.reset)
        case "stall":
          return yield* Effect.andThen(flush, Effect.never)
        case "half reply":
          pending += reply.slice(0, reply.length / 2)
          return yield* over(wire.close)
        case "extra reply":
          pending += `${reply}\r\n250 2.0.0 And another thing\r\n`
          return true
        case "huge line":
          pending += `${reply.slice(0, 4)}${"x".repeat(100_000)}\r\n`
          return yield* drain
      }
    })

    const say = Effect.fnUntraced(function* (stage: Stage, reply: string) {
      if (due(stage)) return yield* strike(reply)
      pending += `${reply}\r\n`
      return isPositive(reply)
    })

    const hello = Effect.fnUntraced(function* (verb: string) {
      from = false
      const offers = [
        "mx.example.com",
        ...keywords[plan.mode],
        ...(/TLS/.test(plan.mode) && !secure ? ["STARTTLS"] : []),
        ...(plan.stage === "AUTH" ? ["AUTH PLAIN"] : [])
      ]
      const reply = offers.map((offer, i) => `250${i === offers.length - 1 ? " " : "-"}${offer}`).join("\r\n")
      if (verb === "HELO") pending += "250 mx.example.com\r\n"
      else yield* say(secure ? "TLS EHLO" : "EHLO", reply)
    })

    const upgrade = Effect.gen(function* () {
      if (!(yield* say("STARTTLS", "220 2.0.0 Go ahead"))) return
      yield* flush
      if (due("TLS handshake")) {
        // Whatever is said now is said in clear text.
        yield* strike("250 2.0.0 Hello")
        return yield* drain
      }
      yield* wire.secure
      lines = LineDecoder.make()
      secure = true
    })

    // In the middle of a message; a reply now is one that nobody waits for yet, and there will be no other.
    const interrupt = Effect.gen(function* () {
      yield* strike("250 2.0.0 Taken already")
      return yield* drain
    })

    const receive = Effect.fnUntraced(function* (reader: (chunk: Uint8Array) => Read) {
      const parts: Array<Uint8Array> = []
      let chunk: Uint8Array = lines.take().slice()
      while (true) {
        const { content, done, rest } = reader(chunk)
        parts.push(content.slice())
        if (done) {
          lines.push(rest)
          return subjectOf(Bytes.concat(parts))
        }
        if (due("body") && content.length > 0) return yield* interrupt
        chunk = yield* more
      }
    })

    const conclude = Effect.fnUntraced(function* (stage: "dot" | "BDAT chunk", subject: string) {
      received.push(subject)
      const replies = plan.stage === "LMTP recipient" ? accepted : 1
      let kept = false
      for (let i = 0; i < replies; i++) {
        const place = replies === 1 ? stage : i === 1 ? "LMTP recipient" : "elsewhere"
        const said =
          place === "elsewhere" ? ((pending += "250 2.0.0 Taken\r\n"), true) : yield* say(place, "250 2.0.0 Taken")
        if (said && !kept) taken.push(subject)
        kept ||= said
      }
      from = false
      if (!due("next transaction")) return
      yield* flush
      yield* idle.await
      yield* strike("250 2.0.0 Ok")
    })

    const command = Effect.fnUntraced(function* (line: string) {
      const [verb = "", argument = ""] = line.toUpperCase().split(" ")
      switch (verb) {
        case "EHLO":
        case "LHLO":
        case "HELO":
          return yield* hello(verb)
        case "STARTTLS":
          return yield* upgrade
        case "AUTH":
          yield* say("AUTH", "235 2.7.0 Welcome")
          return
        case "MAIL":
          from = yield* say("MAIL", "250 2.1.0 Ok")
          accepted = 0
          asked = 0
          return
        case "RCPT":
          if (!from) pending += "503 5.5.1 MAIL first\r\n"
          else if (asked++ === 1 ? yield* say("RCPT", "250 2.1.5 Ok") : ((pending += "250 2.1.5 Ok\r\n"), true))
            accepted++
          return
        case "DATA":
          if (accepted === 0) pending += "503 5.5.1 RCPT first\r\n"
          else if (yield* say("DATA", "354 Go ahead")) yield* conclude("dot", yield* receive(dotted()))
          return
        case "BDAT": {
          const subject = yield* receive(counted(Number(argument)))
          if (accepted === 0) pending += "503 5.5.1 RCPT first\r\n"
          else yield* conclude("BDAT chunk", subject)
          return
        }
        case "RSET":
          from = false
          accepted = 0
          pending += "250 2.0.0 Ok\r\n"
          return
        case "QUIT":
          pending += "221 2.0.0 Bye\r\n"
          return yield* over(wire.close)
        default:
          pending += "500 5.5.1 What?\r\n"
      }
    })

    yield* say("greeting", "220 mx.example.com ESMTP")
    while (true) {
      const line = lines.next()
      if (Result.isFailure(line)) return yield* new Over()
      if (line.success === undefined) lines.push(yield* more)
      else yield* command(line.success)
    }
  })

  return {
    handler: (wire) =>
      Effect.suspend(() => {
        connections++
        return Effect.ignore(serve(wire))
      }),
    received,
    taken,
    connections: () => connections,
    idle
  }
}

interface Read {
  readonly content: Uint8Array
  readonly done: boolean
  readonly rest: Uint8Array
}

const dotted = (): ((chunk: Uint8Array) => Read) => {
  const unstuffer = DotStuffing.unstuffer({ bareLineEnds: "keep" })
  // With `keep` nothing fails.
  return (chunk) => Result.getOrThrow(unstuffer.push(chunk))
}

const counted = (size: number): ((chunk: Uint8Array) => Read) => {
  let left = size
  return (chunk) => {
    const content = chunk.subarray(0, left)
    left -= content.length
    return { content, done: left === 0, rest: chunk.subarray(content.length) }
  }
}
