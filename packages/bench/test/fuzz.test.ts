import * as Counter from "../src/fuzz/Counter.ts"
import { at, shapes, steep } from "../src/fuzz/Growth.ts"
import * as Mutation from "../src/fuzz/Mutation.ts"
import { Random } from "../src/fuzz/Random.ts"
import * as Session from "../src/fuzz/Session.ts"
import type { Target } from "../src/fuzz/Target.ts"
import { ensure, joined, octetsOf, torn, unitsOf } from "../src/fuzz/Target.ts"
import { named, targets } from "../src/fuzz/targets/index.ts"
import { assert, describe, it } from "@effect/vitest"

const target = (check: Target["check"], reads: Target["reads"] = "text"): Target => ({
  name: "made up",
  reads,
  seeds: ["seed", "ünïcödé"],
  tokens: ["a", "<"],
  check
})

describe("fuzzing", () => {
  for (const target of targets) {
    it(`${target.name} keeps its laws on 300 inputs`, async () => {
      const { findings, inputs } = await Session.run(target, 20_261, { inputs: 300 })
      assert.deepStrictEqual(findings, [])
      assert.strictEqual(inputs, 300)
    })
  }

  it("reaches what each parser accepts and what it refuses", async () => {
    for (const target of targets) {
      const { accepted, inputs } = await Session.run(target, 20_262, { inputs: 300 })
      assert.isTrue(accepted > 0 && accepted < inputs, `${target.name} accepted ${accepted} of ${inputs}`)
    }
  })

  it("makes the same inputs of the same seed, and others of another", () => {
    const inputs = (seed: number) =>
      Array.from({ length: 50 }, (_, i) => Mutation.input(named("Address.parse"), seed, i))
    assert.deepStrictEqual(inputs(1), inputs(1))
    assert.notDeepEqual(inputs(1), inputs(2))
  })

  it("feeds octets to who reads octets", () => {
    const octets = target(() => true, "octets")
    for (let i = 0; i < 500; i++) assert.match(Mutation.input(octets, 1, i), /^[\0-\xff]*$/)
  })

  it("tears octets without losing any", () => {
    for (let i = 0; i < 100; i++) {
      const octets = octetsOf("0123456789".repeat(i % 7))
      assert.strictEqual(unitsOf(joined(torn(octets, new Random(i, "", 0)))), unitsOf(octets))
    }
  })

  it("makes what breaks a law small, and says enough to break it again", async () => {
    const broken = target((input) => {
      ensure(!input.includes("<"), "there is no <", input)
      return true
    })
    const { findings } = await Session.run(broken, 1, { inputs: 1000 })
    const [finding] = findings
    assert.deepInclude(finding, { target: "made up", seed: 1, input: "<", law: 'there is no < | "<"' })
    assert.strictEqual(Session.attempt(broken, "<", 1, finding?.index ?? -1), finding?.law)
    assert.isTrue(Session.attempt(broken, ">", 1, 0))
  })

  it("takes whatever is thrown for a finding", async () => {
    const throwing = target((input) => input.length === 0 || decodeURIComponent("%") === "")
    const { findings } = await Session.run(throwing, 1, { inputs: 50 })
    const [finding] = findings
    assert.match(finding?.law ?? "", /^it throws nothing \| URIError: URI malformed/)
  })

  it("waits for a target that takes turns", async () => {
    const later = target(async (input) => {
      await Promise.resolve()
      ensure(!input.includes("<"), "there is no <", input)
      return true
    })
    const { findings } = await Session.run(later, 1, { inputs: 1000 })
    assert.strictEqual(findings[0]?.law, 'there is no < | "<"')
  })

  it("finds an input that is slow each time", async () => {
    const slow = target(() => true)
    const { findings } = await Session.run(slow, 1, { inputs: 50, slowMillis: -1 })
    assert.strictEqual(findings[0]?.law, "an input takes less than -1 ms")
  })

  it("lets inputs grow in the middle of what is right", () => {
    assert.strictEqual(at({ prefix: "<", piece: "ab", suffix: ">" }, 5), "<ababab>")
    for (const target of targets) {
      for (const shape of shapes(target, 1, 60)) assert.isAbove(shape.piece.length, 0, target.name)
    }
  })

  it(
    "counts the work of hostile shapes, which grows with their length and no faster",
    { timeout: 60_000 },
    async () => {
      const grown = await Counter.count(20_263, 3, "Address")
      assert.isAbove(grown.length, 20)
      for (const { ratio, shape, target, way } of grown) {
        assert.isAtMost(ratio, steep.count, `${target}, ${way}: ${JSON.stringify(shape)}`)
      }
    }
  )
})
