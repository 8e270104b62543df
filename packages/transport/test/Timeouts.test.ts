import { Stage } from "@effect-mail/protocol"
import { Timeouts } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"

const seconds = (timeouts: Timeouts.Timeouts) =>
  Object.fromEntries(Stage.Stage.literals.map((stage) => [stage, Timeouts.millis(timeouts, stage) / 1000]))

describe("Timeouts", () => {
  it("are the minima of RFC 5321 section 4.5.3.2 by default (SMTP-071, SMTP-072)", () => {
    assert.deepStrictEqual(seconds(Timeouts.standard), {
      address: 20,
      route: 20,
      connect: 30,
      greeting: 300,
      ehlo: 300,
      starttls: 60,
      tls: 60,
      auth: 120,
      mail: 300,
      rcpt: 300,
      data: 120,
      body: 180,
      "data-end": 600,
      rset: 20,
      quit: 20,
      command: 20,
      policy: 20
    })
  })

  it("can all be shortened, that of the verdict not below a minute (SMTP-070, CLASS-52, RFC 1047)", () => {
    const short = seconds(Timeouts.atMost(Timeouts.standard, Duration.seconds(1)))
    assert.strictEqual(short["data-end"], 60)
    delete short["data-end"]
    assert.deepStrictEqual([...new Set(Object.values(short))], [1])
    assert.strictEqual(Timeouts.millis(Timeouts.atMost(Timeouts.standard, Duration.minutes(7)), "data-end"), 420_000)
    assert.deepStrictEqual(Timeouts.atMost(Timeouts.standard, Duration.hours(1)), Timeouts.standard)
  })
})
