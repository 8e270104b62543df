/** Which host is tried next, who goes there, and what is reported in the end. */
import { MessageError, type Parcel } from "@effect-mail/message"
import { Endpoint, TlsPolicy } from "@effect-mail/protocol"
import { MemoryNetwork, Script, ScriptedServer } from "@effect-mail/testing"
import { Dialer, SmtpSettings, SmtpTransport, Transport, Wire } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Array, Effect, Layer, Stream } from "effect"
import {
  data,
  hello,
  large,
  mail,
  message,
  parcel,
  pieces,
  quit,
  rcpt,
  settings,
  shown,
  streamed
} from "./support/smtp.ts"

const { close, expect, expectContent, expectPrefix, reply } = Script

// Every host has the address of its number; the hosts in a play are named by their addresses.
const [mx1, mx1b, mx2, mx3] = ["192.0.2.1", "192.0.2.11", "192.0.2.2", "192.0.2.3"] as const
const [six1, six2] = ["2001:db8::1", "2001:db8::2"] as const
const names: Readonly<Record<string, string>> = {
  [mx1]: "mx1.example",
  [mx1b]: "mx1.example",
  [six1]: "mx1.example",
  [mx2]: "mx2.example",
  [six2]: "mx2.example"
}

const endpoint = (address: string, tls: TlsPolicy.TlsPolicy = TlsPolicy.none) =>
  Endpoint.make({ host: names[address] ?? "mx3.example", address, port: 25, tls })

interface Play {
  /** What each host does; one that is not listed refuses the connection. */
  readonly hosts: Readonly<Record<string, Script.Script>>
  /** The addresses in the order of their preference; two hosts by default. */
  readonly route?: ReadonlyArray<string>
  readonly parcel?: Parcel.Parcel
  readonly tls?: TlsPolicy.TlsPolicy
  readonly settings?: Partial<SmtpSettings.SmtpSettings>
  readonly outcomes: ReadonlyArray<string>
  /** The addresses that were dialed. */
  readonly dialed: ReadonlyArray<string>
}

const run = (play: Play) =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.MemoryNetwork
    for (const [address, script] of Object.entries(play.hosts)) {
      yield* ScriptedServer.listen({ address, port: 25, names: [names[address] ?? "mx3.example"] }, script)
    }
    const route = (play.route ?? [mx1, mx2]).map((address) => endpoint(address, play.tls))
    if (!Array.isReadonlyArrayNonEmpty(route)) return assert.fail("a route has a host")
    const sent = yield* SmtpTransport.sendVia(route, play.parcel ?? parcel(), { ...settings, ...play.settings })
    assert.deepStrictEqual(shown(sent), play.outcomes)
    const recipients = (play.parcel ?? parcel()).envelope.recipients
    assert.deepStrictEqual(
      sent.map((outcome) => outcome.recipient),
      recipients.map((recipient) => recipient.address)
    )
    assert.deepStrictEqual(
      yield* network.dialed,
      play.dialed.map((address) => `${address}:25`)
    )
    assert.strictEqual(yield* network.open, 0)
    return sent
  }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))

const reset = [expect("RSET"), reply("250 2.0.0 Ok")]
const taken = [...hello(), ...mail, ...rcpt(), ...data(), ...quit]
const bobAndCarol = parcel("bob@example.org", "carol@example.org")
const delivered = ["delivered 250"]
const upToData = [...hello(), ...mail, ...rcpt(), expect("DATA")]

describe("the next address or host", () => {
  const plays: Readonly<Record<string, Play>> = {
    "connection refused: the next address of the same host, then the next host (CLASS-13)": {
      hosts: { [mx2]: taken },
      route: [mx1, mx1b, mx2],
      outcomes: delivered,
      dialed: [mx1, mx1b, mx2]
    },
    "no greeting: the next address of the same host (CLASS-16)": {
      hosts: { [mx1]: [close], [mx1b]: taken },
      route: [mx1, mx1b, mx2],
      outcomes: delivered,
      dialed: [mx1, mx1b]
    },
    "450 for a greeting: the next host, by no address the same (CLASS-17)": {
      hosts: { [mx1]: [reply("450 4.3.2 Later"), ...quit], [mx2]: taken },
      route: [mx1, mx1b, mx2],
      outcomes: delivered,
      dialed: [mx1, mx2]
    },
    "554 for a greeting: the next host (CLASS-18)": {
      hosts: { [mx1]: [reply("554 5.3.2 No service"), ...quit], [mx2]: taken },
      outcomes: delivered,
      dialed: [mx1, mx2]
    },
    "no SMTP: the next host (CLASS-19)": {
      hosts: { [mx1]: [Script.send("SSH-2.0-OpenSSH\r\n"), close], [mx2]: taken },
      outcomes: delivered,
      dialed: [mx1, mx2]
    },
    "450 to EHLO: the next host (CLASS-20)": {
      hosts: { [mx1]: [reply("220 mx1"), expectPrefix("EHLO "), reply("450 No"), ...quit], [mx2]: taken },
      outcomes: delivered,
      dialed: [mx1, mx2]
    },
    "no TLS where it is required: the next host, never clear text (CLASS-25)": {
      hosts: {
        [mx1]: [...hello(), ...quit],
        [mx2]: [...hello("STARTTLS"), expect("STARTTLS"), reply("220 Go"), Script.startTls, ...taken.slice(1)]
      },
      tls: TlsPolicy.required,
      outcomes: delivered,
      dialed: [mx1, mx2]
    },
    "no room for a message of this size: the next host (CLASS-34)": {
      hosts: { [mx1]: [...hello("SIZE 10"), ...quit], [mx2]: taken },
      outcomes: delivered,
      dialed: [mx1, mx2]
    },
    "no room anywhere: permanent (CLASS-34)": {
      hosts: { [mx1]: [...hello("SIZE 10"), ...quit], [mx2]: [...hello("SIZE 11"), ...quit] },
      outcomes: ["PermFailure mail host host 5.3.4"],
      dialed: [mx1, mx2]
    },
    "no SMTPUTF8: the next host, permanent after the last (CLASS-33)": {
      hosts: { [mx1]: [...hello("8BITMIME"), ...quit], [mx2]: [...hello(), ...quit] },
      parcel: streamed(pieces(message), { utf8Headers: true, encoding: "8bit" }),
      outcomes: ["PermFailure mail host host 5.6.7"],
      dialed: [mx1, mx2]
    },
    "451 to MAIL: the next host (CLASS-36)": {
      hosts: {
        [mx1]: [...hello(), expectPrefix("MAIL "), reply("451 4.3.0 Not now"), ...quit],
        [mx2]: taken
      },
      outcomes: delivered,
      dialed: [mx1, mx2]
    },
    "550 to MAIL: no other host (CLASS-37)": {
      hosts: { [mx1]: [...hello(), expectPrefix("MAIL "), reply("550 5.7.1 Not you"), ...quit] },
      outcomes: ["PermFailure mail message never 550 5.7.1"],
      dialed: [mx1]
    },
    "450 to RCPT: later, no other host (CLASS-40)": {
      hosts: { [mx1]: [...hello(), ...mail, ...rcpt("bob@example.org", "450 4.2.1 Busy"), ...reset, ...quit] },
      outcomes: ["TempFailure rcpt recipient later 450 4.2.1"],
      dialed: [mx1]
    },
    "550 to RCPT: no other host (CLASS-43)": {
      hosts: { [mx1]: [...hello(), ...mail, ...rcpt("bob@example.org", "550 5.1.1 Nobody"), ...reset, ...quit] },
      outcomes: ["PermFailure rcpt recipient never 550 5.1.1"],
      dialed: [mx1]
    },
    "421 to the second RCPT: the next host for both (CLASS-44)": {
      hosts: {
        [mx1]: [...hello(), ...mail, ...rcpt(), ...rcpt("carol@example.org", "421 4.3.2 Bye"), close],
        [mx2]: [...hello(), ...mail, ...rcpt(), ...rcpt("carol@example.org"), ...data(), ...quit]
      },
      parcel: bobAndCarol,
      outcomes: ["delivered 250", "delivered 250"],
      dialed: [mx1, mx2]
    },
    "lost behind a permanent verdict: the next host for the others alone (CLASS-44)": {
      hosts: {
        [mx1]: [...hello(), ...mail, ...rcpt("bob@example.org", "550 5.1.1 Nobody"), expectPrefix("RCPT "), close],
        [mx2]: [...hello(), ...mail, ...rcpt("carol@example.org"), ...data(), ...quit]
      },
      parcel: bobAndCarol,
      outcomes: ["PermFailure rcpt recipient never 550 5.1.1", "delivered 250"],
      dialed: [mx1, mx2]
    },
    "451 to DATA: later, no other host (CLASS-45)": {
      hosts: { [mx1]: [...upToData, reply("451 4.3.0 Not now"), ...reset, ...quit] },
      outcomes: ["TempFailure data message later 451 4.3.0"],
      dialed: [mx1]
    },
    "lost in the message: the next host (CLASS-48)": {
      hosts: {
        [mx1]: [...upToData, reply("354 Go"), Script.expectBytes("Subj"), close],
        [mx2]: [...hello(), ...mail, ...rcpt(), ...data(large(200_000)), ...quit]
      },
      parcel: streamed(pieces(large(200_000))),
      outcomes: delivered,
      dialed: [mx1, mx2]
    },
    "451 to the message: later, no other host (CLASS-50)": {
      hosts: { [mx1]: [...hello(), ...mail, ...rcpt(), ...data(message, "451 4.3.0 Not now"), ...quit] },
      outcomes: ["TempFailure data-end message later 451 4.3.0"],
      dialed: [mx1]
    },
    "554 to the message: no other host (CLASS-51)": {
      hosts: { [mx1]: [...hello(), ...mail, ...rcpt(), ...data(message, "554 5.6.0 No"), ...quit] },
      outcomes: ["PermFailure data-end message never 554 5.6.0"],
      dialed: [mx1]
    },
    "lost after the last octet: nobody else is asked, or it comes twice (CLASS-52)": {
      hosts: { [mx1]: [...upToData, reply("354 Go"), expectContent(message), close] },
      outcomes: ["TempFailure data-end message later 4.4.2 uncertain"],
      dialed: [mx1]
    },
    "lost after the last octet of BDAT, although nothing was answered at all (CLASS-52)": {
      hosts: {
        [mx1]: [
          ...hello("PIPELINING", "CHUNKING"),
          expectPrefix("MAIL "),
          expectPrefix("RCPT "),
          expectPrefix("BDAT "),
          Script.expectBytes(message),
          close
        ]
      },
      outcomes: ["TempFailure data-end message later 4.4.2 uncertain"],
      dialed: [mx1]
    }
  }
  for (const [name, play] of Object.entries(plays)) it.effect(name, () => run(play))
})

describe("partial success", () => {
  const first = [...hello(), ...mail, ...rcpt(), ...data()]

  it.effect("who has got it at one host is not sent to the next", () =>
    Effect.gen(function* () {
      const sent = yield* run({
        hosts: {
          [mx1]: [...first, expectPrefix("MAIL "), reply("451 4.3.0 Enough"), ...quit],
          [mx2]: [...hello(), ...mail, ...rcpt("carol@example.org"), ...data(), ...quit]
        },
        parcel: bobAndCarol,
        settings: { maxRecipients: 1 },
        outcomes: ["delivered 250", "delivered 250"],
        dialed: [mx1, mx2]
      })
      assert.deepInclude(sent[0], { host: "mx1.example", address: mx1, port: 25, attempts: 1, text: "Taken" })
      assert.deepInclude(sent[1], { host: "mx2.example", address: mx2 })
    })
  )

  it.effect("a message that cannot be read again does not take back what was delivered", () => {
    let runs = 0
    const error = MessageError.make("unreadable-file", "the file is gone")
    const once = Stream.suspend(() => (runs++ === 0 ? pieces(message) : Stream.fail(error)))
    return run({
      hosts: {
        [mx1]: [...first, expectPrefix("MAIL "), reply("451 4.3.0 Enough"), ...quit],
        [mx2]: [
          ...hello(),
          ...mail,
          ...rcpt("carol@example.org"),
          expect("DATA"),
          reply("354 Go"),
          Script.expectBreakOff
        ]
      },
      parcel: streamed(once, {}, "bob@example.org", "carol@example.org"),
      settings: { maxRecipients: 1 },
      outcomes: ["delivered 250", "TempFailure mail message host 451 4.3.0"],
      dialed: [mx1, mx2]
    })
  })
})

describe("the limits of one attempt", () => {
  it.effect("five addresses, those that are passed over not counted", () =>
    run({
      hosts: { [mx1]: [reply("450 Later"), ...quit] },
      route: [mx1, mx1b, "192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7", "192.0.2.8"],
      outcomes: ["TempFailure greeting host host 450"],
      dialed: [mx1, "192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7"]
    })
  )

  it.effect("two sessions that got as far as MAIL", () => {
    const refuses = [...hello(), expectPrefix("MAIL "), reply("451 4.3.0 Not now"), ...quit]
    return run({
      hosts: { [mx1]: refuses, [mx2]: refuses },
      route: [mx1, mx2, mx3],
      outcomes: ["TempFailure mail message host 451 4.3.0"],
      dialed: [mx1, mx2]
    })
  })
})

describe("what several hosts said", () => {
  const temp = [...hello(), expectPrefix("MAIL "), reply("451 4.3.0 Not now"), ...quit]
  const plays: Readonly<Record<string, Play>> = {
    "a 4xx is not hidden by a host that cannot be reached": {
      hosts: { [mx1]: temp },
      outcomes: ["TempFailure mail message host 451 4.3.0"],
      dialed: [mx1, mx2]
    },
    "a 4xx outweighs a host that could not be reached": {
      hosts: { [mx2]: temp },
      outcomes: ["TempFailure mail message host 451 4.3.0"],
      dialed: [mx1, mx2]
    },
    "a verdict of the last host outweighs a 4xx of the first": {
      hosts: {
        [mx1]: temp,
        [mx2]: [...hello(), ...mail, ...rcpt("bob@example.org", "550 5.1.1 Nobody"), ...reset, ...quit]
      },
      outcomes: ["PermFailure rcpt recipient never 550 5.1.1"],
      dialed: [mx1, mx2]
    },
    "a host that takes no such message does not decide while another cannot be reached": {
      hosts: { [mx1]: [...hello("SIZE 10"), ...quit] },
      outcomes: ["Unreachable connect host address 4.4.1"],
      dialed: [mx1, mx2]
    },
    "may be delivered stays what it is, whatever was said before (CLASS-52)": {
      hosts: { [mx1]: temp, [mx2]: [...upToData, reply("354 Go"), expectContent(message), close] },
      outcomes: ["TempFailure data-end message later 4.4.2 uncertain"],
      dialed: [mx1, mx2]
    }
  }
  for (const [name, play] of Object.entries(plays)) it.effect(name, () => run(play))
})

describe("SmtpTransport", () => {
  it.effect("does not try another host when the trouble is this machine's (CLASS-14)", () => {
    const dialed: Array<string> = []
    const dialer = Layer.succeed(Dialer.Dialer, {
      open: ({ host }) => {
        dialed.push(host)
        return Effect.fail(new Wire.WireError({ reason: "local", detail: "too many open files" }))
      }
    })
    return Effect.gen(function* () {
      const sent = yield* SmtpTransport.sendVia([endpoint(mx1), endpoint(mx2)], parcel(), settings)
      assert.deepStrictEqual(shown(sent), ["Unreachable connect local later 4.3.0"])
      assert.deepStrictEqual(dialed, ["mx1.example"])
    }).pipe(Effect.provide(dialer))
  })

  it.effect("is a Transport with the current settings, and its own before them", () =>
    Effect.gen(function* () {
      const greeting = [reply("220 mx1"), expect("EHLO mine.example"), reply("250-mx1", "250 PIPELINING")]
      yield* ScriptedServer.listen({ address: mx1, port: 25 }, [...greeting, ...mail, ...rcpt(), ...data(), ...quit])
      const transport = SmtpTransport.layer([endpoint(mx1)], { name: "mine.example" }).pipe(
        Layer.provide(Layer.succeed(SmtpSettings.CurrentSmtpSettings, { ...settings, name: "theirs.example" }))
      )
      const sent = yield* Effect.flatMap(Transport.Transport, ({ send }) => send(parcel())).pipe(
        Effect.provide(transport)
      )
      assert.deepStrictEqual(shown(sent), delivered)
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))
  )
})

describe("CLASS-38 a refusal for reasons of policy may be about the address that the mail came from", () => {
  const blocked = "550 5.7.1 Your address is on a list"
  const refusing: Script.Script = [...hello(), ...mail, ...rcpt("bob@example.org", blocked), ...reset, ...quit]
  const refused = ["PermFailure rcpt recipient never 550 5.7.1"]
  const plays: Readonly<Record<string, Play>> = {
    "the other IP family is asked, before any other address of the same": {
      hosts: { [six1]: refusing, [mx1]: taken },
      route: [six1, six2, mx1],
      outcomes: delivered,
      dialed: [six1, mx1]
    },
    "once: a second refusal is the last word": {
      hosts: {
        [six1]: refusing,
        [mx1]: [...hello(), ...mail, ...rcpt("bob@example.org", "550 5.7.25 No"), ...reset, ...quit]
      },
      route: [six1, mx1, six2],
      outcomes: ["PermFailure rcpt recipient never 550 5.7.25"],
      dialed: [six1, mx1]
    },
    "what it says counts, also when it is not now": {
      hosts: {
        [mx1]: refusing,
        [six1]: [...hello(), ...mail, ...rcpt("bob@example.org", "451 4.7.1 Later"), ...reset, ...quit]
      },
      route: [mx1, six1],
      outcomes: ["TempFailure rcpt recipient later 451 4.7.1"],
      dialed: [mx1, six1]
    },
    "the refusal stands when it cannot be reached": {
      hosts: { [mx1]: refusing },
      route: [mx1, six1],
      outcomes: refused,
      dialed: [mx1, six1]
    },
    "a message that was refused as such is asked about, too": {
      hosts: { [six1]: [...hello(), ...mail, ...rcpt(), ...data(message, "554 5.7.1 Blocked"), ...quit], [mx2]: taken },
      route: [six1, mx2],
      outcomes: delivered,
      dialed: [six1, mx2]
    },
    "whoever was accepted gets no second copy": {
      hosts: {
        [six1]: [...hello(), ...mail, ...rcpt(), ...rcpt("carol@example.org", blocked), ...data(), ...quit],
        [mx1]: [...hello(), ...mail, ...rcpt("carol@example.org"), ...data(), ...quit]
      },
      route: [six1, mx1],
      parcel: bobAndCarol,
      outcomes: ["delivered 250", "delivered 250"],
      dialed: [six1, mx1]
    },
    "no other address of the same family is asked": {
      hosts: { [mx1]: refusing },
      route: [mx1, mx2],
      outcomes: refused,
      dialed: [mx1]
    },
    "and any other permanent refusal is final": {
      hosts: { [six1]: [...hello(), ...mail, ...rcpt("bob@example.org", "550 5.1.1 No such user"), ...reset, ...quit] },
      route: [six1, mx1],
      outcomes: ["PermFailure rcpt recipient never 550 5.1.1"],
      dialed: [six1]
    }
  }
  for (const [name, play] of Object.entries(plays)) it.effect(name, () => run(play))
})
