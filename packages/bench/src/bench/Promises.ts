/** What was promised of ours, and whether it was found. */
import type { Standing } from "./Race.ts"
import type { Gauge, Ratio, Scenario } from "./Scenario.ts"

/** One promise. `by processor time`: not by the clock, but the processor alone would do it. */
export interface Verdict {
  /** Such as `rate at least 5 × nodemailer`. */
  readonly promise: string
  /** Such as `6.2`. */
  readonly found: string
  readonly verdict: "met" | "met by processor time" | "missed"
}

/** A number as people read it. */
export const shown = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)))

const met = (yes: boolean): Verdict["verdict"] => (yes ? "met" : "missed")

// By the best round, or by what the processor alone would do: what else the machine had to do is not ours to answer for.
const ofRate = ({ goal, unit }: Scenario, { best, cpuMicrosPerItem }: Standing): ReadonlyArray<Verdict> => {
  if (goal === undefined) return []
  const verdict = best < goal && 1_000_000 / cpuMicrosPerItem >= goal ? "met by processor time" : met(best >= goal)
  return [{ promise: `at least ${shown(goal)} ${unit}/s`, found: shown(best), verdict }]
}

const ofRatio = ({ of, peer, ratio, who }: Ratio, ours: Standing, theirs: Standing): Verdict => {
  const whose = who === undefined ? "" : `${who}: `
  const rate = ours.perSecond / theirs.perSecond
  const cpu = theirs.cpuMicrosPerItem / ours.cpuMicrosPerItem
  if (of === "cpu") {
    return {
      promise: `${whose}CPU at most ${shown(1 / ratio)} × ${peer}`,
      found: shown(1 / cpu),
      verdict: met(cpu >= ratio)
    }
  }
  const verdict = rate < ratio && cpu >= ratio ? "met by processor time" : met(rate >= ratio)
  return { promise: `${whose}rate at least ${shown(ratio)} × ${peer}`, found: shown(rate), verdict }
}

/** Whether a gauge shows what was promised; undefined when nothing was. */
export const ofGauge = ({ atLeast, atMost, name, unit, value }: Gauge): Verdict | undefined => {
  if (atMost === undefined && atLeast === undefined) return undefined
  const limits = [
    ...(atMost === undefined ? [] : [`at most ${atMost}`]),
    ...(atLeast === undefined ? [] : [`at least ${atLeast}`])
  ]
  const verdict = met(value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity))
  return { promise: `${name} ${limits.join(", ")} ${unit}`, found: shown(value), verdict }
}

/** All that was promised of a scenario: its rate, its ratios to peers, its gauges. A peer that is not there promises nothing. */
export const verdicts = (scenario: Scenario, standings: ReadonlyArray<Standing>): ReadonlyArray<Verdict> => {
  const [ours] = standings
  if (ours === undefined) return []
  const ratios = (scenario.atLeast ?? []).flatMap((ratio) => {
    const named = (name: string) => standings.find(({ implementation }) => implementation === name)
    const mine = ratio.who === undefined ? ours : named(ratio.who)
    const theirs = named(ratio.peer)
    return mine === undefined || theirs === undefined ? [] : [ofRatio(ratio, mine, theirs)]
  })
  const gauges = standings.flatMap(({ gauges }) => gauges.flatMap((gauge) => ofGauge(gauge) ?? []))
  return [...ofRate(scenario, ours), ...ratios, ...gauges]
}
