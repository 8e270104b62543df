/**
 * Routes in a form that takes a third of the memory: their hosts as one string, and what most routes have in common once
 * for all of them.
 */
import * as Arr from "effect/Array"
import { Route, RouteHost } from "../Route.ts"

type Frame = Pick<Route, "kind" | "port" | "implicitTls" | "tls" | "notes">

export interface PackedRoute {
  readonly frame: Frame
  readonly destination: string
  /** A line for each host, with its preference, name and addresses; or the hosts themselves when they do not fit. */
  readonly hosts: string | Route["hosts"]
}

/** Makes the function that packs; `domain` is the text under which the route is kept. */
export const makePack = () => {
  let common: Frame | undefined

  const frameOf = ({ implicitTls, kind, notes, port, tls }: Route): Frame => {
    const same =
      common !== undefined &&
      common.kind === kind &&
      common.port === port &&
      common.implicitTls === implicitTls &&
      common.tls === tls &&
      notes.length === 0
    if (same && common !== undefined) return common
    const frame = { kind, port, implicitTls, tls, notes }
    if (notes.length === 0) common = frame
    return frame
  }

  return (domain: string, route: Route): PackedRoute => ({
    frame: frameOf(route),
    destination: route.destination === domain ? domain : route.destination,
    hosts: route.hosts.every(fits) ? flat(route.hosts.map(line).join("\n")) : route.hosts
  })
}

const fits = ({ addresses, name, tls }: RouteHost): boolean =>
  tls === undefined && !/\s/.test(name) && !addresses.some((address) => /\s/.test(address))

const line = ({ addresses, name, preference }: RouteHost): string => `${preference} ${name} ${addresses.join(" ")}`

// A string of many parts keeps all of them until it is read as a whole.
const flat = (text: string): string => {
  text.charCodeAt(0)
  return text
}

/** The hosts of the route, in the order in which it was made. */
export const hostsOf = ({ hosts }: PackedRoute): Route["hosts"] =>
  typeof hosts === "string" ? Arr.map(lines(hosts), read) : hosts

/** The route again, with its hosts in this order. */
export const unpack = (domain: string, { destination, frame }: PackedRoute, hosts: Route["hosts"]): Route =>
  instance(Route.prototype, { ...frame, domain, destination, hosts })

// Nothing is checked, since it was made of a route; the constructors of schemas would cost more than all the rest.
// What Object.create makes has the type of its prototype, when it has its fields.
const instance = <A extends object>(prototype: A, fields: { readonly [K in keyof A]: A[K] }): A =>
  Object.assign(Object.create(prototype) as A, fields)

const lines = (hosts: string): Arr.NonEmptyReadonlyArray<string> => {
  const [first = "", ...rest] = hosts.split("\n")
  return [first, ...rest]
}

const read = (line: string): RouteHost => {
  const [preference = "", name = "", first = "", ...rest] = line.split(" ")
  return instance(RouteHost.prototype, { preference: Number(preference), name, addresses: [first, ...rest] })
}
