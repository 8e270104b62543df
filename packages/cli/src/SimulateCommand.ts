/**
 * `effect-mail simulate`: plays delivery policies against a scripted world on a virtual clock, and shows when the mail would
 * have come and what the destination would have had to bear. Nothing is sent.
 *
 * @since 0.1.0
 */
import * as Policy from "@effect-mail/policy/Policy"
import * as PolicyDocument from "@effect-mail/policy/PolicyDocument"
import * as Simulation from "@effect-mail/policy/Simulation"
import * as SimulationChart from "@effect-mail/policy/SimulationChart"
import * as World from "@effect-mail/policy/World"
import type { PolicyError } from "@effect-mail/policy/PolicyError"
import * as Console from "effect/Console"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { CliError } from "./CliError.ts"
import * as ExitStatus from "./ExitStatus.ts"
import * as File from "./internal/file.ts"

// In a long outage each message needs some 10 kB, so this is what fits into the memory of a small machine.
const Messages = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))

const flags = {
  policy: Flag.String("policy").pipe(
    Flag.withMetavar("PRESET|FILE"),
    Flag.atLeast(1),
    Flag.withDescription(
      `${Object.keys(Policy.presets).join(", ")}, or a JSON file with a policy; repeat the flag to compare`
    )
  ),
  world: Flag.String("world").pipe(
    Flag.withMetavar("WORLD"),
    Flag.withDescription(`What the mail meets: ${Object.keys(World.worlds).join(", ")}`)
  ),
  messages: Flag.Int("messages").pipe(
    Flag.withSchema(Messages),
    Flag.withDefault(1000),
    Flag.withDescription("How many messages are sent")
  ),
  over: Flag.String("over").pipe(
    Flag.withMetavar("DURATION"),
    Flag.withDefault("1 hour"),
    Flag.withDescription("The time over which they are sent, such as '10 minutes'")
  ),
  seed: Flag.Int("seed").pipe(
    Flag.withDefault(1),
    Flag.withDescription("The seed of all chance; the same seed gives the same result")
  ),
  sla: Flag.String("sla").pipe(
    Flag.withMetavar("DURATION"),
    Flag.withDefault("15 minutes"),
    Flag.withDescription("How soon a message should be delivered")
  ),
  svg: Flag.String("svg").pipe(
    Flag.withMetavar("FILE"),
    Flag.optional,
    Flag.withDescription("Write the picture to this file, too")
  ),
  json: Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Print one line of JSON per policy"))
}

const refuse =
  (flag: string, hint = "") =>
  (error: PolicyError) =>
    new CliError({ status: ExitStatus.usage, message: `${flag} ${error.reason}${hint}` })

/**
 * The command.
 *
 * @category commands
 * @since 0.1.0
 */
export const simulate = Command.make(
  "simulate",
  flags,
  Effect.fnUntraced(function* (input) {
    const world = yield* Effect.mapError(Effect.fromResult(World.find(input.world)), refuse("--world"))
    const policies = yield* Effect.forEach(input.policy, (name) =>
      Effect.map(load(name), (policy) => ({ name, policy }))
    )
    const mail: Simulation.Mail = {
      messages: input.messages,
      seed: input.seed,
      over: input.over as Duration.Input, // text that is no duration is refused by the simulation
      sla: input.sla as Duration.Input
    }
    const entries = yield* Effect.forEach(policies, ({ name, policy }) =>
      Simulation.run(policy, world, mail).pipe(
        Effect.map((report): SimulationChart.Entry => ({ name, report })),
        Effect.mapError((error) => refuse(`--${error.setting}`)(error))
      )
    )
    yield* Effect.forEach(entries, (entry) =>
      Console.log(input.json ? json(entry) : `${SimulationChart.text(entry)}\n`)
    )
    if (entries.length > 1 && !input.json) yield* Console.log(SimulationChart.table(entries))
    if (Option.isSome(input.svg))
      yield* File.write(input.svg.value, SimulationChart.svg(entries), "--svg", ExitStatus.data)
  })
).pipe(
  Command.withDescription("Play delivery policies against a scripted world and show when the mail would come"),
  Command.withExamples([
    {
      command: "effect-mail simulate --policy standard --policy postfix --world outage --svg outage.svg",
      description: "Lay two policies side by side"
    },
    {
      command: "effect-mail simulate --policy mine.json --world greylist --json",
      description: "Try a policy of your own"
    }
  ])
)

// Whatever has a dot or a slash in it is a file; no preset has.
const load = Effect.fnUntraced(function* (name: string) {
  if (!/[./\\]/.test(name)) {
    return yield* Effect.mapError(
      Effect.fromResult(Policy.preset(name)),
      refuse("--policy", "; a file is written with its ending or its folder, such as ./policy.json")
    )
  }
  const text = new TextDecoder().decode(yield* File.read(name, "--policy", ExitStatus.configuration))
  return yield* Effect.mapError(
    Effect.fromResult(PolicyDocument.parse(text)),
    (error) =>
      new CliError({ status: ExitStatus.configuration, message: `--policy: ${JSON.stringify(name)}: ${error.message}` })
  )
})

const seconds = (millis: number): number => millis / 1000

const json = ({ name, report }: SimulationChart.Entry): string => {
  const { attempts, delay, delivered, failed, held, messages, pending, seed, world } = report
  return JSON.stringify({
    policy: name,
    world,
    seed,
    messages: messages.length,
    delivered,
    failed,
    pending: pending + held,
    delaySeconds: {
      p50: delay === undefined ? null : seconds(delay.p50),
      p95: delay === undefined ? null : seconds(delay.p95),
      p99: delay === undefined ? null : seconds(delay.p99),
      max: delay === undefined ? null : seconds(delay.max)
    },
    attempts
  })
}
