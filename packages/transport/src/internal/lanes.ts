/**
 * Who gets which connection: the bookkeeping of a pool, without an effect. Everything here happens at once, so that two
 * senders can never hold one connection.
 *
 * A seat is one send on its way through the pool. It waits, rides behind a message, has the permission to open a
 * connection, or holds one; and whatever it has, it gives back exactly once.
 */
import type { Parcel } from "@effect-mail/message/Parcel"
import type { Rider } from "@effect-mail/protocol/ClientDialogue"
import type { Endpoint } from "@effect-mail/protocol/Endpoint"
import * as Duration from "effect/Duration"
import type * as Scope from "effect/Scope"
import type { PoolSettings } from "../PoolSettings.ts"
import type { SmtpSession } from "../SmtpSession.ts"
import { blockSize } from "./content.ts"
import { Fifo, type Place } from "./fifo.ts"

/** An open connection of the pool. */
export interface Held {
  readonly lane: Lane
  readonly session: SmtpSession
  readonly scope: Scope.Closeable
  /** When it was opened, and since when nobody has used it, in milliseconds. */
  readonly born: number
  idleSince: number
  /** Messages that it has carried. */
  messages: number
  /** Who rides behind the message that it carries. */
  rider: Seat | undefined
}

/** Where a seat is: `free` has nothing and wants nothing. */
export type State = "free" | "waiting" | "riding" | "opening" | "holding" | "refused"

/** One send on its way through the pool. */
export interface Seat {
  readonly endpoint: Endpoint
  /** Where it waits or works; what is known of an endpoint is forgotten when nothing goes on there. */
  lane: Lane
  parcel: Parcel
  /** Whether its send has begun. */
  begun: boolean
  state: State
  held: Held | undefined
  /** Its envelope, when that has gone out behind another message. */
  sent: Rider | undefined
  /** How long the connection had been idle, in milliseconds. */
  idled: number
  place: Place<Seat> | undefined
  /** Is called when a seat that waits gets something else to do. */
  wake: (() => void) | undefined
}

/** All that is going on with one endpoint. */
export interface Lane {
  readonly key: string
  readonly waiting: Fifo<Seat>
  /** Connections that nobody uses, the one used last at the end. */
  readonly idle: Array<Held>
  /** Connections that are open, being opened or being closed. */
  connections: number
  /** False when this server once lost an envelope that rode behind a message. */
  rides: boolean
  /** Whether those who wait are being served just now. */
  serving: boolean
}

/** What a seat that wants a connection is told. */
export type Ticket = "holding" | "opening" | "waiting" | "full" | "ended"

export class Lanes {
  readonly #settings: PoolSettings
  readonly #now: () => number
  readonly #idleMillis: number
  readonly #lifetimeMillis: number
  readonly #lanes = new Map<string, Lane>()
  readonly #keys = new WeakMap<Endpoint, string>()
  // The idle connections of all lanes, the one unused for longest first.
  readonly #idle = new Set<Held>()
  #ended = false
  waiting = 0
  /** Sends that were refused because too many were waiting. */
  refused = 0
  /** Connections that are to be closed by whoever comes by. */
  readonly closing: Array<Held> = []

  constructor(settings: PoolSettings, now: () => number) {
    this.#settings = settings
    this.#now = now
    this.#idleMillis = Duration.toMillis(settings.idle)
    this.#lifetimeMillis = Duration.toMillis(settings.lifetime)
  }

  get endpoints(): number {
    return this.#lanes.size
  }

  get connections(): number {
    let sum = 0
    for (const { connections } of this.#lanes.values()) sum += connections
    return sum
  }

  get idle(): number {
    return this.#idle.size
  }

  /** When the connection that was unused for longest is to be closed; Infinity when there is none. */
  get nextExpiry(): number {
    const [oldest] = this.#idle
    return oldest === undefined ? Infinity : oldest.idleSince + this.#idleMillis
  }

  seat(endpoint: Endpoint, parcel: Parcel): Seat {
    return {
      endpoint,
      lane: this.#lane(endpoint),
      parcel,
      begun: false,
      state: "free",
      held: undefined,
      sent: undefined,
      idled: 0,
      place: undefined,
      wake: undefined
    }
  }

  /** Gives a free seat a connection, the permission to open one, or a place among those that wait. */
  acquire(seat: Seat): Ticket {
    if (this.#ended) return "ended"
    const lane = this.#enter(seat)
    if (this.#serve(seat)) return seat.state === "opening" ? "opening" : "holding"
    if (this.waiting >= this.#settings.maxWaiting) {
      this.refused++
      this.#forget(lane)
      return "full"
    }
    this.#wait(seat, lane.waiting.push(seat))
    return "waiting"
  }

  /** The same for a seat whose connection died before anything had come of it: it is the first to be served. */
  acquireAgain(seat: Seat): Ticket {
    if (this.#ended) return "ended"
    const lane = this.#enter(seat)
    if (this.#serve(seat)) return seat.state === "opening" ? "opening" : "holding"
    this.#wait(seat, lane.waiting.unshift(seat))
    return "waiting"
  }

  /** The connection that a seat had the permission to open. */
  opened(seat: Seat, session: SmtpSession, scope: Scope.Closeable): Held {
    const { lane } = seat
    const held = { lane, session, scope, born: this.#now(), idleSince: 0, messages: 0, rider: undefined }
    seat.state = "holding"
    seat.held = held
    return held
  }

  /** Whose envelope rides behind the message that is carried now, if anybody waits and can. */
  next(held: Held, seat: Seat, transactions: number): Rider | undefined {
    const { lane } = held
    const first = lane.waiting.peek()
    if (first === undefined || !lane.rides || held.rider !== undefined) return undefined
    // Whoever rides waits for all of the message before him, which is long when it is large.
    const { size = Infinity } = seat.parcel.body
    if (size > blockSize || held.messages + 1 >= this.#settings.maxMessages || this.#isOld(held)) return undefined
    const rider = held.session.ride(first.parcel, transactions)
    if (rider === undefined) return undefined
    this.#leaveQueue(first)
    first.state = "riding"
    first.sent = rider
    held.rider = first
    return rider
  }

  /**
   * Gives back whatever a seat has; `sent` is the envelope that has gone out behind its message. A connection that is `spent`
   * is of no more use to the others.
   */
  release(seat: Seat, sent?: Rider, spent = false): void {
    const { held, lane, state } = seat
    seat.state = "free"
    seat.held = undefined
    seat.sent = undefined
    seat.idled = 0
    if (state === "waiting") this.#leaveQueue(seat)
    else if (state === "opening") this.closed(lane)
    else if (state === "holding" && held !== undefined) this.#giveBack(held, sent, spent)
    if (state !== "free") this.#forget(lane)
  }

  /** A connection is gone, so that another may take its place. */
  closed(lane: Lane): void {
    lane.connections--
    this.#dispatch(lane)
    this.#forget(lane)
  }

  /** Ends the connections that were idle for long enough. */
  sweep(): void {
    const now = this.#now()
    for (const held of this.#idle) {
      if (held.idleSince + this.#idleMillis > now) return
      this.#unIdle(held)
      this.closing.push(held)
    }
  }

  /** From now on nothing is kept; those that wait are still served. */
  end(): void {
    this.#ended = true
    for (const held of this.#idle) {
      this.#unIdle(held)
      this.closing.push(held)
    }
  }

  /** Nobody waits any more. */
  refuseAll(): void {
    for (const { waiting } of this.#lanes.values()) {
      for (let seat = waiting.peek(); seat !== undefined; seat = waiting.peek()) {
        this.#leaveQueue(seat)
        this.#become(seat, "refused")
      }
    }
  }

  #lane(endpoint: Endpoint): Lane {
    const key = this.#keyOf(endpoint)
    return this.#lanes.get(key) ?? { key, waiting: new Fifo(), idle: [], connections: 0, rides: true, serving: false }
  }

  #enter(seat: Seat): Lane {
    seat.lane = this.#lane(seat.endpoint)
    this.#lanes.set(seat.lane.key, seat.lane)
    return seat.lane
  }

  #keyOf(endpoint: Endpoint): string {
    const known = this.#keys.get(endpoint)
    if (known !== undefined) return known
    // All that makes one endpoint different from another, its TLS policy and its pins included.
    const key = JSON.stringify(endpoint)
    this.#keys.set(endpoint, key)
    return key
  }

  // An endpoint is remembered by its connections and by those that wait for one.
  #forget(lane: Lane): void {
    if (lane.connections === 0 && lane.waiting.size === 0) this.#lanes.delete(lane.key)
  }

  #serve(seat: Seat): boolean {
    const { lane } = seat
    for (let held = lane.idle.at(-1); held !== undefined; held = lane.idle.at(-1)) {
      this.#unIdle(held)
      if (held.session.usable() && !this.#isOld(held)) {
        seat.idled = this.#now() - held.idleSince
        this.#grant(seat, held)
        return true
      }
      this.closing.push(held)
    }
    if (lane.connections >= this.#settings.maxConnections) return false
    lane.connections++
    this.#become(seat, "opening")
    return true
  }

  // One after the other, also when whoever is served gives something back at once.
  #dispatch(lane: Lane): void {
    if (lane.serving) return
    lane.serving = true
    for (let seat = lane.waiting.peek(); seat !== undefined; seat = lane.waiting.peek()) {
      this.#leaveQueue(seat)
      if (this.#serve(seat)) continue
      this.#wait(seat, lane.waiting.unshift(seat))
      break
    }
    lane.serving = false
  }

  #giveBack(held: Held, sent: Rider | undefined, spent: boolean): void {
    held.messages++
    const { lane, rider } = held
    held.rider = undefined
    const rides = rider !== undefined && rider.state === "riding"
    if (rides && sent !== undefined && sent === rider.sent) {
      this.#grant(rider, held)
      return
    }
    // Its envelope is forgotten with the connection, or was never written.
    if (rides) {
      rider.sent = undefined
      this.#wait(rider, lane.waiting.unshift(rider))
    }
    const keep = sent === undefined && !spent && held.session.usable() && this.#isWorthKeeping(held)
    if (keep) this.#keep(held)
    else this.closing.push(held)
    this.#dispatch(lane)
  }

  #isWorthKeeping(held: Held): boolean {
    if (held.messages >= this.#settings.maxMessages || this.#isOld(held)) return false
    return held.lane.waiting.size > 0 || (!this.#ended && this.#idleMillis > 0 && this.#settings.maxIdle > 0)
  }

  #keep(held: Held): void {
    held.idleSince = this.#now()
    held.lane.idle.push(held)
    this.#idle.add(held)
    if (this.#idle.size <= this.#settings.maxIdle || held.lane.waiting.size > 0) return
    const [oldest] = this.#idle
    if (oldest === undefined) return
    this.#unIdle(oldest)
    this.closing.push(oldest)
  }

  #unIdle(held: Held): void {
    this.#idle.delete(held)
    const { idle } = held.lane
    idle.splice(idle.lastIndexOf(held), 1)
  }

  #isOld(held: Held): boolean {
    return this.#now() - held.born >= this.#lifetimeMillis
  }

  #grant(seat: Seat, held: Held): void {
    seat.held = held
    this.#become(seat, "holding")
  }

  #become(seat: Seat, state: State): void {
    const { wake } = seat
    seat.state = state
    seat.wake = undefined
    wake?.()
  }

  #wait(seat: Seat, place: Place<Seat>): void {
    seat.place = place
    seat.state = "waiting"
    this.waiting++
  }

  #leaveQueue(seat: Seat): void {
    if (seat.place === undefined) return
    seat.lane.waiting.remove(seat.place)
    seat.place = undefined
    this.waiting--
  }
}
