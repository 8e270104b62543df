/** How the messages of a simulation move, from one moment in which something happens to the next. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Decider from "../Decider.ts"
import * as Kind from "../Kind.ts"
import * as Policy from "../Policy.ts"
import type * as Simulation from "../Simulation.ts"
import type * as World from "../World.ts"
import * as Heap from "./heap.ts"
import * as Site from "./site.ts"
import { firstAfter } from "./sorted.ts"
import * as VirtualGate from "./virtualGate.ts"

/** A simulation's settings, times in milliseconds. */
export interface Plan {
  readonly messages: number
  readonly over: number
  readonly seed: number
  readonly sla: number
  readonly until: number
  readonly limited: boolean
}

/** A message on its way; what happens to it is written down here. */
export interface Message {
  readonly number: number
  readonly sentAt: number
  readonly attempts: Array<Simulation.Attempt>
  decider: Decider.Decider | undefined
  end: Simulation.Course["end"]
  endedAt: number | undefined
  copies: number
}

/** What happened. */
export interface Story {
  readonly messages: ReadonlyArray<Message>
  readonly sessions: ReadonlyArray<Session>
  readonly heldBack: number
}

// What happens at a time; where the policy must decide, as an effect.
type Step = (now: number) => Effect.Effect<void> | undefined

/** Plays until every message has its end, or the plan's. */
export const play = Effect.fnUntraced(function* (
  policy: Policy.Policy,
  world: World.World,
  plan: Plan
): Effect.fn.Return<Story> {
  const queue = Heap.make<Step>()
  const site = destination(world, plan.seed)
  const messages = Array.from({ length: plan.messages }, (_, number) => message(number, plan))
  const moves = makeMoves(policy, plan, site, queue.push)
  for (const self of messages) queue.push(self.sentAt, moves.attempt(self))
  for (let next = queue.pop(); next !== undefined && next.at <= plan.until; next = queue.pop()) {
    const decision = next.item(next.at)
    if (decision !== undefined) yield* decision
  }
  return { messages, sessions: site.sessions, heldBack: moves.heldBack() }
})

// An attempt asks the gate, is let in, waits in place or is put off; it ends with what the world says.
const makeMoves = (policy: Policy.Policy, plan: Plan, site: Destination, push: (at: number, step: Step) => void) => {
  const gate = VirtualGate.make(policy.limits)
  const patience = Duration.toMillis(policy.limits.patience)
  const lifetime = Duration.toMillis(policy.giveUpAfter)
  let heldBack = 0

  // `from` is when it began to wait in place.
  const attempt =
    (self: Message, from?: number): Step =>
    (now) => {
      if (!plan.limited) return begin(self, undefined, now)
      const admitted = gate.admit(now)
      if (typeof admitted === "number") return delay(self, admitted, from ?? now, now)
      return Site.enter(gate.site) ? begin(self, admitted, now) : getInLine(self, admitted, now)
    }

  const delay = (self: Message, wait: number, from: number, now: number): undefined => {
    if (now + wait > from + patience) return putOff(self, wait, now)
    push(now + wait, attempt(self, from))
    return undefined
  }

  const getInLine = (self: Message, ticket: VirtualGate.Ticket, now: number): undefined => {
    const turn = Site.getInLine(gate.site, now + patience)
    turn.resume = () => push(gate.now(), (at) => begin(self, ticket, at))
    push(now + patience, (at) => (turn.called ? undefined : giveWay(self, ticket, turn, at)))
    return undefined
  }

  const giveWay = (self: Message, ticket: VirtualGate.Ticket, turn: Site.Turn, now: number): undefined => {
    const wait = Duration.toMillis(Site.busyFor(gate.site, turn))
    Site.leaveLine(gate.site, turn)
    gate.release(ticket, now)
    return putOff(self, wait, now)
  }

  // As a decider does with a refusal of the throttle, which says how long in whole seconds (CLASS-15).
  const putOff = (self: Message, wait: number, now: number): undefined => {
    heldBack++
    const left = self.sentAt + lifetime - now
    if (left <= 0 || policy.retries === 0) return end(self, "failed", now)
    const seconds = Math.ceil(wait / 1000)
    const chance = hash(`${plan.seed}/${self.number}/${heldBack}`)
    push(now + Math.min(left, Math.ceil(seconds * 1000 * (1 + policy.jitter * chance))), attempt(self))
    return undefined
  }

  const begin = (self: Message, ticket: VirtualGate.Ticket | undefined, now: number) => {
    const { delivered, failure, takes } = site.contact(self, now)
    self.attempts.push({ at: now, result: resultOf(failure) })
    if (failure === undefined || delivered === true) self.copies++
    if (takes === 0) return finish(self, ticket, failure, now)
    push(now + takes, (at) => finish(self, ticket, failure, at))
    return undefined
  }

  const finish = (
    self: Message,
    ticket: VirtualGate.Ticket | undefined,
    failure: World.Answer["failure"],
    now: number
  ) => {
    if (ticket !== undefined) gate.leave(ticket, failure, now)
    return failure === undefined ? end(self, "delivered", now) : decide(self, failure, now)
  }

  const decide = Effect.fnUntraced(function* (
    self: Message,
    failure: NonNullable<World.Answer["failure"]>,
    now: number
  ) {
    self.decider ??= yield* Policy.start(policy, { since: self.sentAt, seed: `${plan.seed}:${self.number}` })
    const decision = yield* self.decider.decide(failure, now)
    if (decision._tag === "Retry") push(now + Duration.toMillis(decision.after), attempt(self))
    else end(self, decision._tag === "Hold" ? "held" : "failed", now)
  })

  return { attempt: (self: Message) => attempt(self), heldBack: () => heldBack }
}

const message = (number: number, plan: Plan): Message => ({
  number,
  sentAt: Math.floor((number * plan.over) / plan.messages),
  attempts: [],
  decider: undefined,
  end: "pending",
  endedAt: undefined,
  copies: 0
})

const end = (self: Message, how: Message["end"], at: number): undefined => {
  self.end = how
  self.endedAt = at
  self.decider = undefined
  return undefined
}

const resultOf = (failure: World.Answer["failure"]): Simulation.Attempt["result"] => {
  if (failure === undefined) return "accepted"
  return failure._tag === "PermFailure" ? "perm" : Kind.of(failure)
}

/** A session with the destination. */
export interface Session {
  readonly at: number
  readonly until: number
}

interface Destination {
  readonly sessions: ReadonlyArray<Session>
  readonly contact: (message: Message, at: number) => World.Answer
}

// A destination remembers what it has accepted, in order of time.
const destination = (world: World.World, seed: number): Destination => {
  const accepted: Array<number> = []
  const sessions: Array<Session> = []
  return {
    sessions,
    contact: (message, at) => {
      const answer = world.answer({
        message: message.number,
        attempt: message.attempts.length + 1,
        at,
        firstAt: message.attempts[0]?.at ?? at,
        acceptedWithin: (millis) => accepted.length - firstAfter(accepted, at - millis),
        chance: (word) => hash(`${seed}/${message.number}/${word}`)
      })
      if (answer.failure === undefined) accepted.push(at)
      sessions.push({ at, until: at + answer.takes })
      return answer
    }
  }
}

// FNV-1a over the text and the finish of MurmurHash 3: a number from 0 to below 1.
const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let index = 0; index < text.length; index++) h = Math.imul(h ^ text.charCodeAt(index), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 0x1_0000_0000
}
