/**
 * What a server remembers of one connection, and how its handlers speak.
 *
 * @since 0.1.0
 */
import { type AttributeMap, type ClientCommand, verbOf } from "../CommandParser.ts"
import * as Reply from "../Reply.ts"
import type { Identity, Question, ServerDialogue, ServerOptions, Transaction } from "../ServerDialogue.ts"

export interface State {
  readonly options: ServerOptions
  secure: boolean
  /** How the client has introduced itself; after HELO there are no extensions. */
  hello: "EHLO" | "HELO" | "LHLO" | undefined
  identity: Identity | undefined
  transaction: Transaction | undefined
  /** What has come with BDAT; undefined once a chunk was refused, until RSET. */
  chunks: Array<Uint8Array> | undefined
  /** The octets in `chunks`. */
  octets: number
  /** How often MAIL was said. */
  mails: number
  /** What XCLIENT said; it holds for the session. */
  client: AttributeMap | undefined
  /** What XFORWARD said; it holds for the next transaction. */
  forwarded: AttributeMap | undefined
}

/** Whether the connection goes on. */
export type Next = "go on" | "end"

export type CommandOf<Tag extends ClientCommand["_tag"]> = Extract<ClientCommand, { _tag: Tag }>

/** Says a reply; a 421 is the last one. */
export function* say(reply: Reply.Reply): ServerDialogue<Next> {
  yield { _tag: "Say", reply }
  return reply.code === 421 ? "end" : "go on"
}

export const tell = (code: number, ...lines: ReadonlyArray<string>): ServerDialogue<Next> =>
  say(Reply.make(code, ...lines))

/** Asks the application for one reply. */
export function* consult(question: Question): ServerDialogue<Reply.Reply> {
  const answer = yield { _tag: "Consult", question }
  return answer.replies?.[0] ?? noAnswer
}

export const noAnswer = Reply.make(451, "4.3.0 No answer")

/** Forgets the transaction. */
export const forget = (state: State): void => {
  state.transaction = undefined
  state.chunks = []
  state.octets = 0
  state.forwarded = undefined
}

/** The words behind a keyword among the EHLO lines of this server; undefined when it is not announced. */
export const announced = ({ options, secure }: State, keyword: string): ReadonlyArray<string> | undefined => {
  // RFC 8689 section 2.
  if (keyword === "REQUIRETLS" && !secure) return undefined
  return options.keywords
    .find((line) => verbOf(line) === keyword)
    ?.split(" ")
    .slice(1)
}
