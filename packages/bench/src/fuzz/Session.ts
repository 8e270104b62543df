/** Runs a target on input after input, and makes what breaks a law small. */
import * as Mutation from "./Mutation.ts"
import type { Target } from "./Target.ts"
import { Violation } from "./Target.ts"

/** An input that breaks a law, with what is needed to try it again. */
export interface Finding {
  readonly target: string
  readonly seed: number
  readonly index: number
  readonly input: string
  /** What should have been, or what was thrown. */
  readonly law: string
}

/** What came of a run. */
export interface Tally {
  readonly target: string
  readonly inputs: number
  readonly accepted: number
  readonly micros: number
  readonly slowestMicros: number
  readonly findings: ReadonlyArray<Finding>
}

/** How long a run goes on, and who is told where it is. */
export interface Limits {
  /** How many inputs, at most. */
  readonly inputs: number
  /** Milliseconds after which no further input is tried. */
  readonly millis?: number | undefined
  /** An input that takes longer, and twice more of the processor's time, is a finding. */
  readonly slowMillis?: number | undefined
  readonly onInput?: ((index: number) => void) | undefined
}

const enough = 5

const now = (): number => performance.now() * 1000

const told = (error: unknown): string => {
  if (error instanceof Violation) return error.message
  return error instanceof Error
    ? `it throws nothing | ${error.stack?.slice(0, 600)}`
    : `it throws nothing | ${String(error)}`
}

/** Whether an input was accepted, or what it broke. */
export type Outcome = boolean | string

/** One input by itself. Only of a target that takes turns there is a promise, as waiting costs more than most checks. */
export const attempt = (target: Target, input: string, seed: number, index: number): Outcome | Promise<Outcome> => {
  try {
    const accepted = target.check(input, Mutation.chance(target, seed, index))
    return typeof accepted === "boolean" ? accepted : accepted.catch(told)
  } catch (error) {
    return told(error)
  }
}

const lawOf = (message: string): string => message.split(" | ", 1)[0] ?? ""

// By the processor's time, as the machine may have other things to do.
const timed = async (target: Target, input: string, seed: number, index: number): Promise<number> => {
  const before = process.cpuUsage()
  await attempt(target, input, seed, index)
  const { system, user } = process.cpuUsage(before)
  return system + user
}

const tries = 3000

// Takes away what is not needed to break the same law: first large pieces, then small ones.
const shrunk = async (target: Target, finding: Finding): Promise<Finding> => {
  const { index, law, seed } = finding
  let best = finding
  let left = tries
  const breaks = async (input: string): Promise<boolean> => {
    const outcome = left-- > 0 && (await attempt(target, input, seed, index))
    if (typeof outcome !== "string" || lawOf(outcome) !== lawOf(law)) return false
    best = { ...finding, input, law: outcome }
    return true
  }
  for (
    let size = Math.ceil(finding.input.length / 2);
    size >= 1 && left > 0;
    size = size > 1 ? Math.ceil(size / 2) : 0
  ) {
    for (let at = 0; at < best.input.length && left > 0;) {
      if (!(await breaks(best.input.slice(0, at) + best.input.slice(at + size)))) at += size
    }
  }
  return best
}

/** Tries the inputs of a target from 0 on, until a limit is reached or enough was found. */
export const run = async (target: Target, seed: number, limits: Limits): Promise<Tally> => {
  const findings = new Map<string, Finding>()
  const { inputs, millis = Infinity, onInput, slowMillis = Infinity } = limits
  const start = now()
  let [index, accepted, slowestMicros, before] = [0, 0, 0, start]
  for (; index < inputs && before - start < millis * 1000 && findings.size < enough; index++) {
    const input = Mutation.input(target, seed, index)
    onInput?.(index)
    const from = now()
    const soon = attempt(target, input, seed, index)
    const outcome = typeof soon === "object" ? await soon : soon
    before = now()
    slowestMicros = Math.max(slowestMicros, before - from)
    if (outcome === true) accepted++
    if (typeof outcome === "string") {
      const law = lawOf(outcome)
      const finding = { target: target.name, seed, index, input, law: outcome }
      if (!findings.has(law)) findings.set(law, await shrunk(target, finding))
    } else if (before - from > slowMillis * 1000) {
      const again = Math.min(await timed(target, input, seed, index), await timed(target, input, seed, index))
      const law = `an input takes less than ${slowMillis} ms`
      if (again > slowMillis * 1000) findings.set(law, { target: target.name, seed, index, input, law })
    }
  }
  return {
    target: target.name,
    inputs: index,
    accepted,
    micros: now() - start,
    slowestMicros,
    findings: [...findings.values()]
  }
}
