import { Cli } from "@effect-mail/cli"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, FileSystem, Schema } from "effect"

const Line = Schema.fromJsonString(
  Schema.Struct({
    policy: Schema.String,
    world: Schema.String,
    seed: Schema.Int,
    messages: Schema.Int,
    delivered: Schema.Int,
    failed: Schema.Int,
    pending: Schema.Int,
    delaySeconds: Schema.Struct({
      p50: Schema.NullOr(Schema.Finite),
      p95: Schema.NullOr(Schema.Finite),
      p99: Schema.NullOr(Schema.Finite),
      max: Schema.NullOr(Schema.Finite)
    }),
    attempts: Schema.Int
  })
)

const read = Schema.decodeUnknownEffect(Line, { onExcessProperty: "error" })

/** Runs the program and gives its exit status and what it printed. */
const simulate = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const [out, err]: [Array<string>, Array<string>] = [[], []]
  const recording = {
    ...console,
    log: (...values: ReadonlyArray<unknown>) => void out.push(values.join(" ")),
    error: (...values: ReadonlyArray<unknown>) => void err.push(values.join(" "))
  }
  const status = yield* Cli.runWith(["simulate", ...args]).pipe(Effect.provideService(Console.Console, recording))
  return { status, out, err: err.join("\n") }
})

describe("effect-mail simulate", () => {
  it.effect("prints one line of JSON for each policy", () =>
    Effect.gen(function* () {
      const policies = ["--policy", "standard", "--policy", "otp"]
      const { out, status } = yield* simulate(...policies, "--world", "greylist", "--messages", "50", "--json")
      assert.strictEqual(status, 0)
      const [standard, otp] = yield* Effect.forEach(out, (line) => read(line))
      assert.deepInclude(standard, { policy: "standard", world: "greylist", seed: 1, messages: 50, delivered: 50 })
      assert.isAbove(standard?.delaySeconds.p99 ?? 0, 300)
      assert.isAbove(otp?.attempts ?? 0, standard?.attempts ?? Infinity)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is the same under the same seed, and another under another", () =>
    Effect.gen(function* () {
      const lines = (seed: string) =>
        simulate("--policy", "standard", "--world", "storm", "--messages", "50", "--seed", seed, "--json")
      const first = yield* lines("7")
      assert.deepStrictEqual((yield* lines("7")).out, first.out)
      assert.notDeepEqual((yield* lines("8")).out, first.out)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("has no delay to tell when nothing is delivered", () =>
    Effect.gen(function* () {
      const { out } = yield* simulate("--policy", "otp", "--world", "outage", "--messages", "5", "--json")
      const line = yield* read(out[0])
      assert.deepInclude(line, { failed: 5, delivered: 0 })
      assert.deepStrictEqual(line.delaySeconds, { p50: null, p95: null, p99: null, max: null })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("draws a chart, takes a policy from a file and writes an SVG", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const folder = yield* files.makeTempDirectoryScoped()
      const policy = `${folder}/policy.json`
      const picture = `${folder}/picture.svg`
      yield* files.writeFileString(policy, `{ "temp": ["6 minutes"], "jitter": 0 }`)
      const { out, status } = yield* simulate("--policy", policy, "--world", "greylist", "--svg", picture)
      assert.strictEqual(status, 0)
      assert.include(out.join("\n"), "1000 delivered, 0 failed, 0 pending, 2.0 attempts each, p50 6m, p99 6m")
      assert.isTrue((yield* files.readFileString(picture)).startsWith("<svg"))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("says what is wrong with the command line, and ends with 64", () =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<[string, ReadonlyArray<string>]> = [
        ["--policy must be one of standard,", ["--policy", "qmail", "--world", "open"]],
        ["--world must be one of open,", ["--policy", "otp", "--world", "mars"]],
        ["--over must be a finite time", ["--policy", "otp", "--world", "open", "--over", "soon"]],
        ["--sla must be a finite time", ["--policy", "otp", "--world", "open", "--sla", "0 minutes"]],
        ["--messages", ["--policy", "otp", "--world", "open", "--messages", "0"]]
      ]
      for (const [sentence, args] of wrong) {
        const { err, status } = yield* simulate(...args)
        assert.strictEqual(status, 64)
        assert.include(err, sentence)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("lays policies side by side in a table after their charts, and on top of each other in the picture", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const picture = `${yield* files.makeTempDirectoryScoped()}/picture.svg`
      const policies = ["--policy", "standard", "--policy", "transactional"]
      const { out, status } = yield* simulate(...policies, "--world", "outage", "--messages", "50", "--svg", picture)
      assert.strictEqual(status, 0)
      assert.lengthOf(out, 3)
      const rows = (out[2] ?? "").split("\n").map((line) => line.trim().split(/ {2,}/))
      assert.deepStrictEqual(rows[0], ["standard", "transactional"])
      assert.deepInclude(rows, ["within 12 h", "100.0 %", "0.0 %"])
      assert.deepInclude(rows, ["failed", "0", "50"])
      const svg = yield* files.readFileString(picture)
      assert.strictEqual(svg.match(/<polyline/g)?.length, 4)
      for (const name of ["standard", "transactional"]) assert.include(svg, `>${name}</text>`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("says what is wrong with the file for the picture", () =>
    Effect.gen(function* () {
      const { err, status } = yield* simulate(
        "--policy",
        "otp",
        "--world",
        "open",
        "--messages",
        "1",
        "--svg",
        "/no/such.svg"
      )
      assert.strictEqual(status, 65)
      assert.include(err, `--svg: "/no/such.svg" is in a folder that does not exist; check its name`)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("says what is wrong with a policy file, and ends with 78", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const folder = yield* files.makeTempDirectoryScoped()
      const policy = `${folder}/policy.json`
      const missing = yield* simulate("--policy", policy, "--world", "open")
      assert.strictEqual(missing.status, 78)
      assert.include(missing.err, `--policy: ${JSON.stringify(policy)} does not exist; check its name`)
      assert.strictEqual((yield* simulate("--policy", folder, "--world", "open")).status, 78)
      yield* files.writeFileString(policy, `{ "giveUpAfter": "forever" }`)
      const wrong = yield* simulate("--policy", policy, "--world", "open")
      assert.strictEqual(wrong.status, 78)
      assert.include(wrong.err, "giveUpAfter must be a finite time longer than zero")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
